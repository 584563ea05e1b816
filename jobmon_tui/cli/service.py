"""What a service needs: its log on standard error, the word with systemd, and signals that end it."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, Self, TextIO

from jobmon_tui.model.text import printable

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""The journal's levels by ours."""
_ENDING = (signal.SIGTERM, signal.SIGINT)
_WAKE = b"\0"
"""No signal has that number."""


class Notifier:
    """Tells systemd how the service does; says nothing where no systemd asked for it.

    Args:
        environment: Where systemd says how to reach it. What it says is taken out: programs that are started
            must not speak for the service.
    """

    def __init__(self, environment: MutableMapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        self._address = environment.pop("NOTIFY_SOCKET", "")
        period, process = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        is_ours = process in ("", str(os.getpid()))
        self.watchdog: float | None = None
        """Seconds within which systemd wants to hear of the service; ``None``: it does not wait for it."""
        if self._address and period.isascii() and period.isdigit() and int(period) and is_ours:
            self.watchdog = int(period) / 1e6

    def tell(self, *assignments: str) -> None:
        """Send ``READY=1``, ``STATUS=...``, ``WATCHDOG=1`` and the like; never waits and never fails."""
        if self._address[:1] not in ("/", "@"):
            return
        # A name that begins with @ is abstract: the kernel knows it by a NUL in that place.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            channel.sendto("\n".join(assignments).encode("utf-8", "replace"), address)


def _noted(number: int, frame: FrameType | None) -> None:
    """Nothing is left to do in the middle of anything: the number is in the pipe already."""


class Signals:
    """While it is entered, SIGTERM and SIGINT are noted instead of ending the process; SIGHUP is ignored.

    A closed terminal must not end a collector; a new configuration is taken up by restarting it, which costs
    nothing, as it goes on where it was.
    """

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # Written to by whichever thread the system tells of the signal: the main one may sleep through it.
        self._woken_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._before: dict[int, Any] = {number: signal.signal(number, _noted) for number in _ENDING}
        self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._woken_before)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, seconds: float) -> bool:
        """Wait that long, less if `wake` is called; returns whether a signal came."""
        select.select([self._reader], [], [], max(0.0, seconds))
        said = b""
        with suppress(BlockingIOError):
            said = os.read(self._reader, 4096)
        return any(number in said for number in _ENDING)

    def wake(self) -> None:
        """Have `wait` return now; from any thread."""
        with suppress(OSError):
            os.write(self._writer, _WAKE)


@contextmanager
def logged_to_stderr() -> Iterator[None]:
    """Send jobmon's log to standard error: for the journal with levels, for everybody else with times."""
    logger = logging.getLogger("jobmon_tui")
    handler, level, propagated = _Lines(sys.stderr), logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagated


class _Lines(logging.Handler):
    """One line of the log to a line of the stream, also where a message has several."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        # What is there now: while a backend works, the standard streams are diverted.
        self._stream = stream
        self._for_journal = _is_journal(stream)
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if self._stream is None:
            return
        if self._for_journal:
            priority = next((journal for level, journal in _PRIORITIES if record.levelno >= level), 7)
            beginning = f"<{priority}>"
        else:
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
            beginning = f"{moment} {record.levelname} "
        lines = [beginning + printable(line) for line in self.format(record).splitlines()]
        # Whoever read it may be gone; the collector goes on.
        with suppress(OSError, ValueError):
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()


def _is_journal(stream: TextIO | None) -> bool:
    """Whether what is written there is read by systemd's journal, which says so in a variable."""
    said = os.environ.get("JOURNAL_STREAM", "")
    if stream is None or not said:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return said == f"{status.st_dev}:{status.st_ino}"
