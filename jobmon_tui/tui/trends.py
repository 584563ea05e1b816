"""Small charts for lists: made for those rows only that are on the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from jobmon_tui.analysis.cells import TREND_WIDTH
from jobmon_tui.analysis.downsample import cumulated, extents
from jobmon_tui.feeds.seen import Seen
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.tui.widgets.chart_canvas import GRAINS, Glyphs, glyphs_for, sparkline

SPAN = 1800.0
"""Seconds that they show."""
_FRAMES = 40
"""Frames that they are made from: two for each column of dots."""


def trend_requests(job_id: str, end: float, span: float) -> list[SeriesRequest]:
    """What has to be known of a job for its small chart up to an instant (Unix seconds)."""
    return [
        SeriesRequest(kind="job", name=job_id, reading=reading, start=end - span, end=end, points=_FRAMES)
        for reading in ("cpu_user", "cpu_system")
    ]


def seen_trends(seen: Seen, now: float, glyphs: Glyphs | None = None) -> Trends:
    """The small charts up to the present.

    Args:
        seen: What jobmon has seen; a copy of a few frames is taken, so that the charts stay as they are.
        now: Where their right edge is, in Unix seconds.
        glyphs: See `Trends`.
    """
    recent = seen.recent(SPAN, _FRAMES)
    return Trends(recent.series, lambda: recent.jobs, now, glyphs)


class Trends(Mapping[str, str]):
    """Job id to a small chart of how busy its cores were; drawn when asked for.

    A job is absent where none of its cores was measured.

    Args:
        answer: Answers requests for series at once, from memory.
        jobs: Tells the ids of the jobs that anything may be known of.
        now: Where their right edge is, in Unix seconds.
        glyphs: What to draw with; by default what the terminal can show.
    """

    def __init__(
        self,
        answer: Callable[[Iterable[SeriesRequest]], Sequence[Series | None]],
        jobs: Callable[[], Iterable[str]],
        now: float,
        glyphs: Glyphs | None = None,
    ) -> None:
        self._answer = answer
        self._jobs = jobs
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
        return (job_id for job_id in self._jobs() if job_id in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _draw(self, job_id: str) -> str:
        answers = self._answer(trend_requests(job_id, self._end, SPAN))
        known = [answer for answer in answers if answer is not None]
        if not known:
            return ""
        busy = extents(cumulated(known)[-1], self._end - SPAN, self._end, self._columns)
        return sparkline(busy, 100.0, self._glyphs)
