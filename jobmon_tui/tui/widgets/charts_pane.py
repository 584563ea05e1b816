"""The charts of one node or job over a chosen time, filled from what a worker thread finds out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from jobmon_tui.analysis.axes import span_since
from jobmon_tui.analysis.charts import RANGES, Chart, FilledChart, Kind, Range, filled_charts, requests_for
from jobmon_tui.model.series import SeriesRequest
from jobmon_tui.tui.chart_source import Measured
from jobmon_tui.tui.widgets.chart import Charts

LEAST_POINTS = 60
"""Points that are asked for of each line, however narrow the charts are."""


class Question(NamedTuple):
    """What a pane wants to know; comes back with the answer, which may be too late."""

    kind: Kind
    name: str
    charts: tuple[Chart, ...]
    requests: tuple[SeriesRequest, ...]
    start: float
    end: float
    note: str
    """What to say where nothing was measured."""


class ChartsPane(VerticalScroll):
    """A pane of charts.

    Args:
        id: The widget's id.
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="pane")
        self._question: Question | None = None
        self._filled: dict[str, FilledChart] = {}
        self.problem = ""
        """Why the store of measurements does not answer, as it came."""

    def compose(self) -> ComposeResult:
        """Nothing but the charts."""
        yield Charts()

    def question(
        self,
        kind: Kind,
        name: str,
        charts: Sequence[Chart],
        times: Range,
        since: float,
        now: float,
        note: str,
    ) -> Question:
        """What to find out for these charts.

        Args:
            kind: Whether they are a node's or a job's.
            name: The node's name or the job's id.
            charts: All that there may be.
            times: How much time they show.
            since: When everything began, in Unix seconds.
            now: When the picture was taken, in Unix seconds.
            note: What to say where nothing was measured.
        """
        view = self.query_one(Charts)
        if self._question is None or (self._question.kind, self._question.name) != (kind, name):
            self._filled = {}
            self.scroll_home(animate=False)
        # As many charts stand beside each other as were filled the last time.
        columns = view.dot_columns(len(self._filled) or len(charts))
        start, end = window(times, since, now, columns)
        requests = requests_for(charts, kind, name, start, end, max(LEAST_POINTS, columns))
        self._question = Question(kind, name, tuple(charts), requests, start, end, note)
        return self._question

    def show(self, question: Question, measured: Measured) -> None:
        """Show an answer, unless something else has been asked for since."""
        present = self._question
        if present is None or (present.kind, present.name) != (question.kind, question.name):
            return
        filled = filled_charts(question.charts, measured.series, question.start, question.end)
        self._filled = {one.chart.key: one for one in filled}
        self.problem = measured.problem
        self.query_one(Charts).show(filled, question.note)


def window(times: Range, since: float, now: float, columns: int) -> tuple[float, float]:
    """The first and last instant of a chart, in Unix seconds.

    It moves on by whole columns only, so that from one picture to the next only the last column changes.

    Args:
        times: How much time it shows.
        since: When everything began, in Unix seconds.
        now: Unix seconds.
        columns: Columns of dots of the chart.
    """
    if times.seconds is None:
        return since, since + span_since(since, now)
    step = times.seconds / max(1, columns)
    end = math.floor(now / step + 1) * step
    return end - times.seconds, end


def next_range(present: int, step: int) -> int:
    """The number of a longer (1) or shorter (-1) range; it ends at the last."""
    return max(0, min(len(RANGES) - 1, present + step))
