"""Commands that run until somebody ends them, and that must not be ended in the middle of a write."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a system that shuts down, a terminal that goes away."""


class Ending:
    """Whether the command shall end. Somebody's wish interrupts what is under way, unless it is put off."""

    def __init__(self) -> None:
        self.is_asked = False
        self.is_over = False
        """Set it once only the cleaning up is left: that is not interrupted any more."""
        self._put_off = 0
        self._event = threading.Event()

    def ask(self) -> None:
        """End it: now, or as soon as that is possible again.

        Raises:
            KeyboardInterrupt: Now.
        """
        self.is_asked = True
        self._event.set()
        if not (self._put_off or self.is_over):
            raise KeyboardInterrupt

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """Finish what is in here first.

        Raises:
            KeyboardInterrupt: At the end, if somebody asked meanwhile.
        """
        self._put_off += 1
        try:
            yield
        finally:
            self._put_off -= 1
        if self.is_asked and not self._put_off:
            raise KeyboardInterrupt

    def wait(self, seconds: float) -> None:
        """Do nothing for so long.

        Raises:
            KeyboardInterrupt: Somebody asked.
        """
        if seconds > 0:
            self._event.wait(seconds)
        if self.is_asked:
            raise KeyboardInterrupt


@contextmanager
def ended_by_signals() -> Iterator[Ending]:
    """Let the signals that end programs ask for the end. Only in the main thread."""
    ending = Ending()
    before = {number: signal.signal(number, lambda *_: ending.ask()) for number in SIGNALS}
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
