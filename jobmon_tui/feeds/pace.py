"""When the next cycle is due, and whether somebody set the clock meanwhile."""

from __future__ import annotations

import math


class Pace:
    """Ticks at equal distances from a start, by a clock that nobody sets.

    A cycle that takes longer than a distance leaves out the ticks that it missed: the next one is the first
    that is still ahead, so that cycles neither pile up nor drift.

    Args:
        interval: Seconds between two ticks.
        start: The first tick, on a monotonic clock.
    """

    def __init__(self, interval: float, start: float) -> None:
        self._interval = interval
        self._start = start
        self._tick = 0

    def next(self, now: float) -> tuple[float, int]:
        """Go on to the next tick.

        Args:
            now: The present, on the same clock.

        Returns:
            The seconds until then, and how many ticks before it were missed.
        """
        due = max(self._tick + 1, math.floor((now - self._start) / self._interval) + 1)
        missed = due - self._tick - 1
        self._tick = due
        return max(0.0, self._start + due * self._interval - now), missed


class ClockWatch:
    """Notices when the wall clock is set, by a clock that nobody sets.

    Args:
        tolerance: Seconds by which the two may drift apart between two looks.
    """

    def __init__(self, tolerance: float = 5.0) -> None:
        self._tolerance = tolerance
        self._ahead: float | None = None

    def jump(self, wall: float, monotonic: float) -> float:
        """By how many seconds the clock was set since the last look: forward (positive), back or not (0)."""
        before, self._ahead = self._ahead, wall - monotonic
        if before is None or abs(self._ahead - before) <= self._tolerance:
            return 0.0
        return self._ahead - before
