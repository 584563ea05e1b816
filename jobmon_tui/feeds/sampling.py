"""Charts from a few snapshots of the past, where nobody keeps what was measured in any other form."""

from __future__ import annotations

import math
import threading
import time as clock
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence

from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.feeds.seen import Seen
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot

MOST_SAMPLES = 40
"""Snapshots that one chart is drawn from, at the most."""
MOST_KEPT = 120
"""Samples that are kept: a thousand nodes and three thousand jobs are about half a megabyte each."""
MOST_SECONDS = 8.0
"""Seconds after which what was sampled so far is shown; the next time there is more."""
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)


class Sampler:
    """Draws charts from snapshots that are spread evenly over the time; any thread may ask.

    Args:
        fetch: Brings the snapshot of an instant, or raises JobmonError.
    """

    def __init__(self, fetch: Callable[[float], Snapshot]) -> None:
        self._fetch = fetch
        self._turn = threading.Lock()
        self._samples: OrderedDict[float, Seen] = OrderedDict()

    def series(self, requests: Sequence[SeriesRequest], times: Sequence[float]) -> list[Series | None]:
        """What the samples tell of each request; ``None`` where they tell nothing.

        Args:
            requests: What is to be shown.
            times: The instants (Unix seconds, ascending) of which there are snapshots.

        Raises:
            JobmonError: Nothing could be had; the message says why.
        """
        if not requests:
            return []
        start = min(request.start for request in requests)
        end = max(request.end for request in requests)
        moments = chosen_moments(times, start, end)
        with self._turn:
            self._take(moments)
            samples = [self._samples[moment] for moment in moments if moment in self._samples]
        return [_joined(samples, request) for request in requests]

    def _take(self, moments: Sequence[float]) -> None:
        until = clock.monotonic() + MOST_SECONDS
        for place in coarse_to_fine(len(moments)):
            moment = moments[place]
            if moment in self._samples:
                self._samples.move_to_end(moment)
                continue
            if clock.monotonic() > until:
                break
            seen = Seen()
            try:
                seen.add(self._fetch(moment), math.inf)
            except SnapshotError:
                pass  # It stays an empty sample: a damaged file does not heal.
            except JobmonError:
                if not any(one in self._samples for one in moments):
                    raise
                break
            self._samples[moment] = seen
        while len(self._samples) > MOST_KEPT:
            self._samples.popitem(last=False)


def chosen_moments(times: Sequence[float], start: float, end: float) -> list[float]:
    """Instants that are spread evenly over a time, and mostly the same when it has moved on a little.

    Args:
        times: Those that there are, in Unix seconds, ascending.
        start: Unix seconds.
        end: Unix seconds.
    """
    first, behind = bisect_left(times, start), bisect_left(times, end + 1e-6)
    inside = times[first:behind]
    if len(inside) <= MOST_SAMPLES:
        return list(inside)
    needed = (end - start) / (MOST_SAMPLES - 2)
    step = next((one for one in _STEPS if one >= needed), needed)
    chosen = {inside[-1]}
    mark = math.ceil(start / step) * step
    while mark <= end:
        place = min(bisect_left(inside, mark), len(inside) - 1)
        chosen.add(inside[place])
        mark += step
    return sorted(chosen)


def coarse_to_fine(count: int) -> list[int]:
    """The places of so many in such an order that the first few of them are spread evenly, too."""
    places: list[int] = []
    step = 1
    while step < count:
        step *= 2
    while step:
        places += [place for place in range(count - 1, -1, -step) if place not in places]
        step //= 2
    return places


def _joined(samples: Sequence[Seen], request: SeriesRequest) -> Series | None:
    """One series of those that are a point each; ``None`` in between is a gap."""
    found = [(seen.began, seen.series([request])[0]) for seen in samples]
    known = [one for _, one in found if one is not None]
    if not known:
        return None
    return Series(
        times=tuple(time for time, _ in found if time is not None),
        values=tuple(None if one is None else one.values[0] for time, one in found if time is not None),
        unit=known[0].unit,
    )
