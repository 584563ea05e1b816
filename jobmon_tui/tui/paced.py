"""Work that may be asked for faster than it can be done: at once the first time, then at a bearable pace."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.app import App
from textual.timer import Timer

REST = 0.12
"""Seconds: what is drawn at this pace still looks like going on."""


class Paced:
    """Does some work at once; if that was done a moment ago, then later, once, however often it is asked for.

    On the UI thread only. A held key asks thirty times a second for what takes a tenth of one: if each were
    done, keys would wait for what nobody looks at any more.

    Args:
        app: Whose timers are used.
        work: Finds out itself what is to be done now.
        rest: Seconds between the end of the work and the beginning of the next.
    """

    def __init__(self, app: App[None], work: Callable[[], None], rest: float = REST) -> None:
        self._app = app
        self._work = work
        self._rest = rest
        self._timer: Timer | None = None
        self._ready_at = 0.0

    def ask(self) -> None:
        """Have it done."""
        if self._timer is not None:
            return
        left = self._ready_at - time.monotonic()
        if left <= 0:
            self._do()
        else:
            self._timer = self._app.set_timer(left, self._do)

    def _do(self) -> None:
        self._timer = None
        self._work()
        self._ready_at = time.monotonic() + self._rest
