"""Small charts for lists: made for those rows only that are on the screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jobmon_tui.analysis.cells import TREND_WIDTH
from jobmon_tui.analysis.downsample import cumulated, extents
from jobmon_tui.feeds.seen import Seen
from jobmon_tui.model.series import SeriesRequest
from jobmon_tui.tui.widgets.chart_canvas import GRAINS, Glyphs, glyphs_for, sparkline

SPAN = 1800.0
"""Seconds that they show."""
_FRAMES = 40
"""Frames that they are made from: two for each column of dots."""


class Trends(Mapping[str, str]):
    """Job id to a small chart of how busy its cores were; drawn when asked for.

    A job is absent where none of its cores was measured.

    Args:
        seen: What jobmon has seen; a copy of a few frames is taken, so that the charts stay as they are.
        now: Where their right edge is, in Unix seconds.
        glyphs: What to draw with; by default what the terminal can show.
    """

    def __init__(self, seen: Seen, now: float, glyphs: Glyphs | None = None) -> None:
        self._seen = seen.recent(SPAN, _FRAMES)
        self._glyphs: Glyphs = glyphs or glyphs_for()
        self._columns = TREND_WIDTH * GRAINS[self._glyphs].across
        # The edge moves on by whole columns, so that what is past stays as it was drawn.
        step = SPAN / self._columns
        self._end = (now // step + 1) * step
        self._drawn: dict[str, str] = {}

    def __getitem__(self, job_id: str) -> str:
        if job_id not in self._drawn:
            self._drawn[job_id] = self._draw(job_id)
        if not self._drawn[job_id]:
            raise KeyError(job_id)
        return self._drawn[job_id]

    def __iter__(self) -> Iterator[str]:
        return (job_id for job_id in self._seen.jobs if job_id in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _draw(self, job_id: str) -> str:
        start = self._end - SPAN
        answers = self._seen.series(
            SeriesRequest(kind="job", name=job_id, reading=reading, start=start, end=self._end)
            for reading in ("cpu_user", "cpu_system")
        )
        known = [answer for answer in answers if answer is not None]
        if not known:
            return ""
        busy = extents(cumulated(known)[-1], start, self._end, self._columns)
        return sparkline(busy, 100.0, self._glyphs)
