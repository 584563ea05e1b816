"""Reading the past gives way to drawing it, and ends where nobody wants it any more.

Only one thread of a Python program runs at a time, and they take turns as equals: a thread that decodes
snapshots ahead of time makes whatever the user waits for take twice as long. So whoever draws says for how
long, and decoding rests meanwhile. There is one terminal, so that there is one such time in a process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LONGEST = 0.25
"""Seconds that reading rests at the most, whatever was said."""

_quiet_until = 0.0
_reader = threading.local()


class UnwantedError(Exception):
    """What is being read is not wanted any more."""


def ask_for_quiet(seconds: float) -> None:
    """Have readers rest for so many seconds from now on (with 0: no longer). From any thread."""
    global _quiet_until
    _quiet_until = time.monotonic() + min(seconds, LONGEST)


@contextmanager
def while_wanted(is_wanted: Callable[[], bool]) -> Iterator[None]:
    """Have this thread's reading end as soon as it is not wanted any more.

    Args:
        is_wanted: Asked often.

    Raises:
        UnwantedError: It was not, and what was being read is not whole.
    """
    before = getattr(_reader, "is_wanted", None)
    _reader.is_wanted = is_wanted
    try:
        yield
    finally:
        _reader.is_wanted = before


def give_way() -> None:
    """Rest if somebody draws. For threads that read, often: it hardly costs anything.

    Raises:
        UnwantedError: See `while_wanted`.
    """
    is_wanted = getattr(_reader, "is_wanted", None)
    if is_wanted is not None and not is_wanted():
        raise UnwantedError
    left = _quiet_until - time.monotonic()
    if left > 0:
        time.sleep(min(left, LONGEST))
