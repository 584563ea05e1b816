"""The kept past as a whole: which instants there are, how to go from one to another, and how full it was."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from jobmon_tui.model.snapshot import NOTHING, Usage


class Share(NamedTuple):
    """How full the cluster was for a while; each a fraction of the cores that there were, 0 to 1."""

    used: float
    """Cores of all running jobs."""
    theirs: float
    """Cores of one user's running jobs; 0 where nobody is asked about."""


HELD = 200.0
"""Seconds for which a known use stands for kept instants without one: a compact history tells it every 90."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The instants that a feed can show, and what is known of the cluster's use at them."""

    times: tuple[float, ...] = ()
    """Unix seconds, ascending."""
    history: Mapping[float, Usage] = field(default_factory=lambda: NOTHING)
    """Used and available cores by Unix seconds; need not be known for every instant."""

    def __bool__(self) -> bool:
        return bool(self.times)

    @property
    def first(self) -> float:
        """The oldest instant; there must be one."""
        return self.times[0]

    @property
    def last(self) -> float:
        """The newest instant; there must be one."""
        return self.times[-1]

    def nearest(self, time: float) -> float:
        """The instant closest to that time; of two as close the earlier one. There must be one."""
        place = bisect_left(self.times, time)
        around = self.times[max(0, place - 1) : place + 1]
        return min(around, key=lambda one: (abs(one - time), one))

    def stepped(self, time: float, steps: int) -> float:
        """So many instants later (or, below zero, earlier) than that time, as far as there are any."""
        if steps < 0:
            place = bisect_left(self.times, time) + steps
        else:
            place = bisect_right(self.times, time) + steps - 1
        return self.times[max(0, min(place, len(self.times) - 1))]

    def from_on(self, time: float) -> float | None:
        """The first instant at or after that time; ``None`` after the last one."""
        place = bisect_left(self.times, time)
        return self.times[place] if place < len(self.times) else None

    def with_newer(self, newer: Timeline) -> Timeline:
        """This past, continued by what another one knows."""
        times = tuple(sorted({*self.times, *newer.times}))
        return Timeline(times, {**self.history, **newer.history})

    def shares(self, start: float, end: float, columns: int, user: str | None = None) -> list[Share | None]:
        """How full the cluster was in each of some equal parts of a time: the mean over the known instants.

        Args:
            start: Where the first part begins, in Unix seconds.
            end: Where the last part ends; an instant there belongs to the last part.
            columns: How many parts there are.
            user: Whose share is told besides.

        Returns:
            One entry for each part; ``None`` where nothing is known. A part with an instant, but none whose
            use is known, has the use of the part before it for as long as `HELD`.
        """
        sums: list[list[float]] = [[0.0, 0.0, 0.0] for _ in range(max(0, columns))]
        if columns <= 0 or end <= start:
            return []
        scale = columns / (end - start)
        told: set[int] = set()
        for time, usage in self.history.items():
            if not start <= time <= end:
                continue
            place = min(columns - 1, int((time - start) * scale))
            told.add(place)
            if usage.available <= 0:
                continue
            part = sums[place]
            part[0] += 1
            part[1] += usage.running / usage.available
            if user is not None:
                part[2] += usage.users.get(user, 0) / usage.available
        shares = [Share(used / count, theirs / count) if count else None for count, used, theirs in sums]
        return self._held_on(shares, told, start, end)

    def _held_on(
        self, shares: list[Share | None], told: set[int], start: float, end: float
    ) -> list[Share | None]:
        recorded = self.recorded(start, end, len(shares))
        most = int(HELD * len(shares) / (end - start))
        last, age = None, 0
        for place, share in enumerate(shares):
            last, age = (share, 0) if place in told else (last, age + 1)
            if recorded[place] and age <= most:
                shares[place] = last
        return shares

    def recorded(self, start: float, end: float, columns: int) -> list[bool]:
        """Whether there is any instant in each of some equal parts of a time (as in `shares`)."""
        found = [False] * max(0, columns)
        if columns > 0 and end > start:
            scale = columns / (end - start)
            for time in self._between(start, end):
                found[min(columns - 1, int((time - start) * scale))] = True
        return found

    def usage_at(self, time: float) -> Usage | None:
        """What is known of the cluster's use at an instant; ``None`` where nothing is."""
        return self.history.get(time)

    def _between(self, start: float, end: float) -> Iterator[float]:
        for place in range(bisect_left(self.times, start), bisect_right(self.times, end)):
            yield self.times[place]
