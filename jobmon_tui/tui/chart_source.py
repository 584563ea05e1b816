"""Where charts get their measurements: from the feed's store where there is one, else from what was seen."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from jobmon_tui.analysis.downsample import usual_step, with_gaps
from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.seen import Seen
from jobmon_tui.model.series import Series, SeriesRequest

STORE_PACE = 15.0
"""Seconds of the cluster's time after which the store is asked again, at the least."""
STORE_SHARE = 1 / 120
"""The same for long spans: this share of what the charts show."""
AFTER_FAILURE = 60.0
"""Seconds for which a store that failed is left in peace."""

_log = logging.getLogger(__name__)


class Measured(NamedTuple):
    """The answer to some requests."""

    series: tuple[Series | None, ...]
    problem: str = ""
    """Why the store did not answer, in one line as it came; empty where it did, or where there is none."""


class ChartSource:
    """Answers requests for series; called from one worker thread at a time, and may block.

    Args:
        feed: Whose store is asked.
        seen: What jobmon has seen itself.
    """

    def __init__(self, feed: Feed, seen: Seen) -> None:
        self._feed = feed
        self._seen = seen
        self._asked: tuple[object, ...] = ()
        self._asked_end = 0.0
        self._stored: Sequence[Series | None] = ()
        self._problem = ""

    def answer(self, requests: Sequence[SeriesRequest]) -> Measured:
        """What the store has of each request, and of what it does not have, what was seen."""
        stored = self._from_store(requests)
        seen = self._seen.series(requests)
        series = tuple(
            own
            if kept is None or not _last_known(kept)
            else _continued(kept, own)
            if own is not None
            else kept
            for kept, own in zip(stored, seen, strict=True)
        )
        return Measured(series, self._problem)

    def _from_store(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """The store's answer, or its last one to the same question a short while ago."""
        if not requests:
            return ()
        span, end = requests[0].end - requests[0].start, requests[0].end
        asked = (span, *((one.kind, one.name, one.reading) for one in requests))
        pace = max(STORE_PACE, span * STORE_SHARE)
        if self._problem:
            pace = max(pace, AFTER_FAILURE)
        elif asked != self._asked:
            pace = 0.0
        if 0 <= end - self._asked_end < pace:
            return self._stored if asked == self._asked else [None] * len(requests)
        self._asked, self._asked_end, self._problem = asked, end, ""
        try:
            answer = self._feed.series(requests)
            self._stored = [None if one is None else _with_its_gaps(one, span) for one in answer]
        except JobmonError as error:
            self._problem = error.message
        except Exception as error:
            _log.exception("the store of measurements failed")
            self._problem = f"the store of measurements failed: {type(error).__name__}"
        if self._problem or len(self._stored) != len(requests):
            self._stored = [None] * len(requests)
        return self._stored


def _last_known(series: Series) -> float | None:
    """When something was measured last; ``None`` where nothing was."""
    known = (time for time, value in zip(series.times, series.values, strict=True) if value is not None)
    return max(known, default=None)


def _continued(stored: Series, seen: Series) -> Series:
    """What a store has, and what was seen after its last measurement: stores are behind the present."""
    last = _last_known(stored) or 0.0
    older = [point for point in zip(stored.times, stored.values, strict=True) if point[0] <= last]
    newer = [point for point in zip(seen.times, seen.values, strict=True) if point[0] > last]
    if newer and newer[0][0] - last > max(3 * usual_step(stored.times), 60.0):
        # Nobody looked in between.
        newer.insert(0, (last + 1e-3, None))
    times, values = zip(*older, *newer, strict=True)
    return Series(times=times, values=values, unit=stored.unit)


def _with_its_gaps(series: Series, span: float) -> Series:
    """Stores leave out what was not measured: what is missing for three of the usual steps is a gap."""
    return with_gaps(series, max(3 * usual_step(series.times), span / 500))
