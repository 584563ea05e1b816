"""``jobmon collect``: one process asks the cluster for everyone, and writes what it says into a spool."""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import sys
import threading
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from jobmon_tui.cli.failures import FAILED
from jobmon_tui.cli.service import Notifier, Signals, logged_to_stderr
from jobmon_tui.cli.settings import load_settings
from jobmon_tui.config import VARIABLE
from jobmon_tui.errors import UsageError
from jobmon_tui.model.times import age_text, stamp_text

if TYPE_CHECKING:
    from jobmon_tui.config import Config
    from jobmon_tui.feeds.collector import Collector
    from jobmon_tui.feeds.live import LiveFeed

logger = logging.getLogger(__name__)

LEAST_INTERVAL = 0.1
_LOOK_EVERY = 5.0
"""Seconds between two looks whether a cycle hangs."""
_HANGS_AFTER = 60.0
"""Seconds, at least, after which a cycle that does not end is told of."""
_GRACE = 5.0
"""Seconds that a cycle is given to end when the collector is told to stop."""
_IMPATIENT_AFTER = 1.0
"""Seconds after which a second signal ends it at once."""
_WRITE_BACK_GRACE = 30.0
"""Seconds that what is written back is given where there is one cycle only."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the collector beside those that choose the source."""
    group = parser.add_argument_group("what it does")
    wanted = group.add_mutually_exclusive_group()
    wanted.add_argument("--once", action="store_true", help="take one snapshot and end: 0 if it is written")
    wanted.add_argument("--stdout", action="store_true", help="print one snapshot as JSON, write nothing")
    wanted.add_argument(
        "--systemd-unit", action="store_true", help="print a unit file for this installation, and end"
    )
    group.add_argument(
        "--interval",
        type=_interval,
        default=argparse.SUPPRESS,
        metavar="SECONDS",
        help="seconds from one snapshot to the next (30)",
    )
    group.add_argument(
        "--spool", default=argparse.SUPPRESS, metavar="DIR", help="the folder that it writes; made if missing"
    )


def run(arguments: Namespace) -> int:
    """Collect until told to stop, or once.

    Returns:
        0 when told to stop, or when the one snapshot was written; else 1.

    Raises:
        JobmonError: It cannot work as asked, or another collector writes to that spool.
    """
    config = load_settings(arguments)
    if arguments.user is not None or arguments.mine:
        raise UsageError("a collector collects for everyone", "Leave out --user and --mine.")
    if getattr(arguments, "url", None) is not None:
        raise UsageError("a collector asks the cluster itself", "Leave out --url.")
    with logged_to_stderr():
        if arguments.stdout:
            return _print_one(arguments, config)
        spool = _spool(arguments, config)
        if arguments.systemd_unit:
            from jobmon_tui.cli.systemd_unit import unit_file

            print(unit_file(spool, _repeated(arguments), config.collect.lock_file), end="")
            return 0
        notifier = Notifier()
        interval = getattr(arguments, "interval", None) or config.collect.update_interval
        collector = make_collector(_feed(arguments, config), spool, config, interval, notifier)
        return _serve(collector, notifier, interval, is_once=arguments.once)


def make_collector(
    feed: LiveFeed, spool: Path, config: Config, interval: float, notifier: Notifier
) -> Collector:
    """Put a collector together as it is configured.

    Raises:
        ConfigError: The configuration names somebody or something that does not exist.
    """
    from jobmon_tui.cli.collect_settings import recorder_of, write_back_of
    from jobmon_tui.feeds.collector import Collector

    is_ready = False

    def tell(collector: Collector) -> None:
        nonlocal is_ready
        words = [] if is_ready else ["READY=1"]
        notifier.tell(*words, "WATCHDOG=1", f"STATUS={_state(collector)}")
        is_ready = True

    return Collector(
        feed, recorder_of(spool, config), interval, write_back=write_back_of(config), after_cycle=tell
    )


def _serve(collector: Collector, notifier: Notifier, interval: float, *, is_once: bool) -> int:
    """Run the collector in a thread of its own, so that a cycle that hangs keeps no signal waiting."""
    done = threading.Event()
    good = False
    failure: list[BaseException] = []

    def work() -> None:
        nonlocal good
        try:
            if is_once:
                good = collector.once(_WRITE_BACK_GRACE)
            else:
                collector.run()
                good = True
        except BaseException as error:
            failure.append(error)
        finally:
            collector.close()
            done.set()
            signals.wake()

    with Signals() as signals:
        worker = threading.Thread(target=work, name="jobmon-collector", daemon=True)
        worker.start()
        _look_after(collector, notifier, interval, signals, done)
        if not done.is_set() and not _end(collector, notifier, signals, done):
            # Threads that a site's backend started might keep Python from ending.
            sys.stdout.flush()
            os._exit(FAILED if is_once else 0)
        worker.join()
    if failure:
        raise failure[0]
    return 0 if good else FAILED


def _look_after(
    collector: Collector, notifier: Notifier, interval: float, signals: Signals, done: threading.Event
) -> None:
    """Tell systemd that all is well for as long as no cycle hangs; return when it ends or is to end."""
    limit = max(5 * interval, _HANGS_AFTER)
    period = min(_LOOK_EVERY, (notifier.watchdog or math.inf) / 3)
    is_told = False
    while not done.is_set():
        if signals.wait(period):
            return
        busy = collector.busy_for
        if notifier.watchdog is not None and busy < notifier.watchdog:
            notifier.tell("WATCHDOG=1")
        if busy > limit and not is_told:
            logger.warning("the cycle under way has not ended for %s", age_text(busy))
            notifier.tell(f"STATUS=the cycle under way has not ended since {stamp_text(time.time() - busy)}")
        is_told = busy > limit


def _end(collector: Collector, notifier: Notifier, signals: Signals, done: threading.Event) -> bool:
    """End the cycle under way, with a few seconds of patience; returns whether it ended."""
    notifier.tell("STOPPING=1")
    logger.info("told to stop")
    # In another thread: what a site's backend does when it is closed may hang as well.
    threading.Thread(target=collector.stop, name="jobmon-stop", daemon=True).start()
    told = time.monotonic()
    while not done.is_set() and (left := told + _GRACE - time.monotonic()) > 0:
        # Whoever ends a whole group of processes may send the same signal twice; a person waits before that.
        if signals.wait(left) and time.monotonic() - told > _IMPATIENT_AFTER:
            break
    if not done.is_set():
        logger.warning("the cycle under way does not end; it is left")
    return done.is_set()


def _state(collector: Collector) -> str:
    """How the collector does, in a line for ``systemctl status``."""
    status = collector.status
    for what, trouble in collector.troubles.current.items():
        return f"{what}: {trouble.message}"
    newest = "none yet" if status.newest is None else stamp_text(status.newest)
    return (
        f"{status.nodes:,} nodes, {status.jobs:,} jobs; newest snapshot {newest}; "
        f"last cycle {status.cycle_seconds:.2f} s"
    )


def _print_one(arguments: Namespace, config: Config) -> int:
    from jobmon_tui.model import wire

    # The destination says nothing here, and must not be taken for a source.
    feed = _feed(arguments, config)
    try:
        feed.open()
        snapshot = feed.latest()
    finally:
        feed.close()
    most = config.collect.most_array_tasks
    document = wire.without_nan(wire.document_of(snapshot, expand_arrays=True, most_tasks=most))
    sys.stdout.write(json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n")
    return 0


def _feed(arguments: Namespace, config: Config) -> LiveFeed:
    from jobmon_tui.cli.feeds import DEMO_NOTICE, check_choice, live_feed

    source = Namespace(**{**vars(arguments), "spool": None})
    check_choice(source, config)
    feed, notice = live_feed(source, config)
    if notice == DEMO_NOTICE:
        raise UsageError(
            "there is no Slurm on this machine to collect from",
            "Run it where squeue works, name a --backend, or say --demo for an invented cluster.",
        )
    return feed


def _spool(arguments: Namespace, config: Config) -> Path:
    named: str | None = arguments.spool
    spool = config.collect.spool
    if named is not None:
        # An empty name, as of a variable that is not set, would mean the current folder.
        spool = Path(named).expanduser() if named.strip() else None
    if spool is None:
        raise UsageError(
            "jobmon collect needs a folder to write to",
            "Say --spool /var/spool/jobmon, or set collect.spool in the configuration.",
        )
    return spool.absolute()


def _repeated(arguments: Namespace) -> list[str]:
    """The options that were given, for the unit file to give them again."""
    words: list[str] = []
    for name in ("config", "cluster", "backend", "demo_nodes", "demo_jobs", "demo_seed", "interval"):
        value = getattr(arguments, name, None)
        if name == "config":
            # The service has another environment.
            value = value or os.environ.get(VARIABLE)
        if value is not None and value != "":
            text = str(Path(value).expanduser().absolute()) if name == "config" else f"{value}"
            words += [f"--{name.replace('_', '-')}", text]
    for folder in arguments.backend_path or ():
        words += ["--backend-path", str(Path(folder).expanduser().absolute())]
    return [*words, "--demo"] if arguments.demo else words


def _interval(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text!r}") from None
    if not (math.isfinite(value) and LEAST_INTERVAL <= value <= 86_400):
        raise argparse.ArgumentTypeError(
            f"must be from {LEAST_INTERVAL:g} seconds to a day (86400), not {text}"
        )
    return value
