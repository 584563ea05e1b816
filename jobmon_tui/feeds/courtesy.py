"""Reading the past gives way to drawing it.

Only one thread of a Python program runs at a time, and they take turns as equals: a thread that decodes
snapshots ahead of time makes whatever the user waits for take twice as long. So whoever draws says for how
long, and decoding rests meanwhile. There is one terminal, so that there is one such time in a process.
"""

from __future__ import annotations

import time

LONGEST = 0.25
"""Seconds that reading rests at the most, whatever was said."""

_quiet_until = 0.0


def ask_for_quiet(seconds: float) -> None:
    """Have readers rest for so many seconds from now on (with 0: no longer). From any thread."""
    global _quiet_until
    _quiet_until = time.monotonic() + min(seconds, LONGEST)


def give_way() -> None:
    """Rest if somebody draws. For threads that read, often; hardly costs anything."""
    left = _quiet_until - time.monotonic()
    if left > 0:
        time.sleep(min(left, LONGEST))
