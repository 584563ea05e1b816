"""``jobmon serve``: offer what a collector records to others, over HTTP."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from jobmon_tui.cli.feeds import choose_feed, demo_options
from jobmon_tui.cli.settings import load_settings
from jobmon_tui.config import Config
from jobmon_tui.config_rules import split_address
from jobmon_tui.errors import JobmonError, UsageError
from jobmon_tui.model.text import printable

if TYPE_CHECKING:
    from jobmon_tui.feeds.base import Feed


def run(arguments: Namespace) -> int:
    """Serve until the process is told to stop by SIGTERM or SIGINT.

    Returns:
        0.

    Raises:
        UsageError: There is nothing to serve, or it cannot listen there.
        JobmonError: The feed cannot be opened.
    """
    from jobmon_tui.feeds.documents import Documents
    from jobmon_tui.feeds.server import DocumentServer

    config = load_settings(arguments)
    feed = _served(arguments, config)
    with closing(feed), _logged_to_stderr(), _told_to_stop() as stop:
        _open(feed)
        host, port = split_address(arguments.listen or config.serve.listen, least_port=0)
        server = DocumentServer(Documents(feed), host, port, config.serve.connections)
        server.start()
        print(f"jobmon serves {printable(feed.title)} at {server.url}", file=sys.stderr, flush=True)
        _tell_manager("READY=1")
        stop.wait()
        _tell_manager("STOPPING=1")
        server.stop()
    return 0


def _served(arguments: Namespace, config: Config) -> Feed:
    """What is served: a spool if there is one; what asks Slurm itself only if that was said."""
    if arguments.user is not None or arguments.mine:
        raise UsageError("jobmon serve offers everybody's jobs", "Leave --user and --mine away.")
    said = (arguments.spool, arguments.url, arguments.live, arguments.backend, arguments.demo)
    if any(said) or demo_options(arguments):
        return choose_feed(arguments, config)[0]
    if config.feed.spool is None:
        raise UsageError(
            "there is nothing to serve: no spool is named",
            "Name the folder that a collector writes to: --spool DIR, or feed.spool in the configuration.",
        )
    from jobmon_tui.feeds.spool import SpoolFeed

    return SpoolFeed(config.feed.spool)


def _open(feed: Feed) -> None:
    """Open the feed; a spool whose folder is not there yet may come later."""
    from jobmon_tui.feeds.spool import SpoolFeed

    try:
        feed.open()
    except JobmonError as error:
        if not isinstance(feed, SpoolFeed):
            raise
        print(f"jobmon: {printable(error.message)}: waiting for it", file=sys.stderr, flush=True)


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """An event that is set when the process is told to stop."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _logged_to_stderr() -> Iterator[None]:
    """Send jobmon's log where a service's words belong."""
    import logging

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("jobmon: %(message)s"))
    logger = logging.getLogger("jobmon_tui")
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def _tell_manager(state: str) -> None:
    """Tell systemd, if it started this process and wants to know."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    with (
        suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notified,
    ):
        # An @ stands for the NUL of an abstract address.
        notified.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)
        notified.sendall(state.encode())
