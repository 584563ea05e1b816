"""What the drill-downs of jobs and of nodes share: charts over a chosen time, and what the cores show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

from textual.binding import Binding, BindingType

from jobmon_tui.analysis.charts import RANGES, Chart, Kind, Range
from jobmon_tui.model.snapshot import Node
from jobmon_tui.tui.chart_source import ChartSource, Measured
from jobmon_tui.tui.screens.base import View
from jobmon_tui.tui.screens.panes import titled
from jobmon_tui.tui.widgets.charts_pane import ChartsPane, Question, next_range
from jobmon_tui.tui.widgets.core_painter import Mode

CHARTS_PAGE = "charts-page"
"""The class of a view while its charts fill it."""
KEPT_STEP = 1800.0
"""Seconds by which charts of all that is kept grow: the same span may have been asked for a moment ago."""


class Charted(NamedTuple):
    """A question about charts with its answer."""

    question: Question
    measured: Measured


class DrillView(View):
    """A view of one job or node."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "charts_page", "charts", id="picture.charts", tooltip="Charts only, or all else again"),
        Binding(
            "right_parenthesis",
            "chart_range(1)",
            "longer",
            key_display=")",
            show=False,
            id="picture.longer",
            tooltip="Charts over a longer time",
        ),
        Binding(
            "left_parenthesis",
            "chart_range(-1)",
            "shorter",
            key_display="(",
            show=False,
            id="picture.shorter",
            tooltip="Charts over a shorter time",
        ),
        Binding(
            "m",
            "switch_cores",
            "cores",
            id="picture.cores",
            tooltip="What each core does beside who holds it, or the holders alone",
        ),
    ]

    @property
    def charts(self) -> ChartsPane:
        """The charts."""
        return self.query_one(ChartsPane)

    def core_mode(self, node: Node | None) -> Mode:
        """What the cores show: their use where it is measured, unless the user wants the holders alone."""
        measured = node is not None and node.cpu is not None and len(node.cpu.cores) > 0
        return "use" if measured and self.main.cores_in_use else "holder"

    def action_switch_cores(self) -> None:
        """Show what the cores do, or not."""
        self.main.cores_in_use = not self.main.cores_in_use
        self.update_view()

    def action_chart_range(self, step: int) -> None:
        """Charts over a longer (1) or shorter (-1) time."""
        self.main.chart_range = next_range(self.main.chart_range, step)
        self.update_view()

    def action_charts_page(self) -> None:
        """Charts only, or all else again."""
        self.toggle_class(CHARTS_PAGE)
        # A widget that is not shown any more cannot keep the focus, and keys go to what has it.
        if self.has_class(CHARTS_PAGE):
            self.charts.focus()
        else:
            self.focus_first()
        self.call_after_refresh(self.update_view)

    def ask_for_charts(
        self, kind: Kind, name: str, charts: Sequence[Chart], since: float | None, note: str
    ) -> None:
        """Have charts filled, if they can be seen.

        Args:
            kind: Whether they are a node's or a job's.
            name: The node's name or the job's id.
            charts: All that there may be; those without measurements are left out.
            since: When everything began, in Unix seconds; ``None``: with the oldest instant that is kept.
            note: What to say where nothing was measured.
        """
        pane, picture = self.charts, self.main.picture
        if picture is None or not pane.display or not pane.size.width:
            return
        app, times = self.main.jobmon, RANGES[self.main.chart_range]
        now = picture.snapshot.timestamp
        if since is None:
            since = self._oldest_kept(now)
            if times.seconds is None:
                app.time_machine.read_timeline()
                # What is kept moves on with time, so that its chart need not leave room for more.
                times = Range(times.title, max(1, math.ceil((now - since) / KEPT_STEP)) * KEPT_STEP)
        question = pane.question(kind, name, charts, times, since, now, note)
        source: ChartSource = app.chart_source
        app.series_desk.ask(f"{self.view_name}:charts", partial(_charted, source, question))

    def _oldest_kept(self, now: float) -> float:
        """From when on anything is known, in Unix seconds; of the past, once its timeline was read."""
        app = self.main.jobmon
        timeline, seen = app.time_machine.timeline, app.poller.seen.began
        known = [timeline.first] if timeline else []
        return min([now, *known, *([] if seen is None else [seen])])

    def show_charts(self, charted: Charted) -> None:
        """Show what was found out."""
        pane = self.charts
        pane.show(*charted)
        times = RANGES[self.main.chart_range]
        if times.seconds is not None:
            title = f"The last {times.title}"
        else:
            title = "Since its start" if charted.question.kind == "job" else "All that is kept"
        titled(pane, title, _detail(pane))

    def desk_done(self, topic: str, result: Any) -> None:
        """The charts are filled."""
        if isinstance(result, Charted):
            self.show_charts(result)


def _detail(pane: ChartsPane) -> str:
    keys = "( shorter  ) longer"
    return f"{pane.problem}  {keys}" if pane.problem else keys


def _charted(source: ChartSource, question: Question) -> Charted:
    return Charted(question, source.answer(question.requests))
