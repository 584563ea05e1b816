"""The wall display: the cluster filling the terminal, pages that take turns, no cursor and no input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import ContentSwitcher

from jobmon_tui.tui.picture import Failure, Picture
from jobmon_tui.tui.screens.list_panes import JobsPane, SummaryPane, users_pane
from jobmon_tui.tui.screens.panes import FRAME, TablePane, set_height, titled
from jobmon_tui.tui.widgets.empty import EmptyPage
from jobmon_tui.tui.widgets.heatmap import Heatmap
from jobmon_tui.tui.widgets.heatmap_legend import HeatmapLegend
from jobmon_tui.tui.widgets.status import FailureBanner, StatusHeader

if TYPE_CHECKING:
    from jobmon_tui.tui.app import JobmonApp


LEAST_JOBS = 8
"""Lines, frame included, below which a list of jobs is not worth its place."""


class WallScreen(Screen[None]):
    """One reading of all nodes at a time, and the users.

    Args:
        page_seconds: How long a page stays.
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "app.quit", "quit", id="app.quit"),
    ]

    def __init__(self, page_seconds: float) -> None:
        super().__init__()
        self._page_seconds = page_seconds

    @property
    def jobmon(self) -> JobmonApp:
        """The app, typed."""
        return cast("JobmonApp", self.app)

    def compose(self) -> ComposeResult:
        """Header, users, nodes."""
        yield StatusHeader(id="header")
        yield FailureBanner(id="banner")
        with ContentSwitcher(initial="no-picture", id="views"):
            yield EmptyPage(id="no-picture")
            with Horizontal(id="wall"):
                yield users_pane("wall:users", id="wall-users")
                legend = HeatmapLegend(id="wall-legend")
                with Vertical(id="wall-right"):
                    with Vertical(id="wall-nodes", classes="pane"):
                        yield Heatmap(legend=legend, interactive=False, id="wall-heatmap")
                        yield legend
                    yield JobsPane("wall:jobs", id="wall-jobs")

    def on_mount(self) -> None:
        """Nothing takes the focus, pages take turns."""
        self.query_one(FailureBanner).display = False
        for pane in self.query(TablePane):
            pane.table.can_focus = False
        self.set_interval(self._page_seconds, self._next_page)

    def on_resize(self) -> None:
        """A narrow wall is nodes only."""
        self.query_one(SummaryPane).display = self.app.size.width >= 110
        self.set_class(self.app.size.width >= 160, "huge")
        if self.jobmon.picture is not None:
            self.call_after_refresh(self._fit_nodes)

    def picture_ready(self, picture: Picture) -> None:
        """Draw the newest picture."""
        self.query_one(ContentSwitcher).current = "wall"
        self.status_changed()
        self._show()

    def failure_changed(self, failure: Failure | None) -> None:
        """Grey, and what failed."""
        self.query_one("#views").set_class(failure is not None and self.jobmon.picture is not None, "stale")
        self.query_one(EmptyPage).show_failure(failure)
        self.status_changed()

    def status_changed(self) -> None:
        """Header and banner follow the app."""
        self.jobmon.show_status(self.query_one(StatusHeader), self.query_one(FailureBanner))

    def time_passed(self) -> None:
        """A wall shows the present only."""

    def comparison_changed(self) -> None:
        """A wall compares nothing."""

    def desk_done(self, topic: str, result: Any) -> None:
        """Users or jobs were listed."""
        pane = self.query_one(f"#wall-{topic.partition(':')[2]}", TablePane)
        pane.desk_done(result)
        titled(pane, topic.partition(":")[2].capitalize(), pane.sorted_by)

    def theme_changed(self) -> None:
        """Every painted widget takes its styles from the theme."""
        for widget in self.query("*"):
            widget.notify_style_update()
            widget.refresh()

    def _next_page(self) -> None:
        if self.jobmon.picture is not None:
            self.jobmon.next_reading()
            self._show()

    def _show(self) -> None:
        picture = self.jobmon.picture
        if picture is None:
            return
        reading = self.jobmon.reading
        self.query_one(Heatmap).show(picture.index, self.jobmon.groups, reading, None)
        titled(self.query_one("#wall-nodes"), "Nodes", reading.title)
        self.query_one(SummaryPane).ask()
        self.query_one(JobsPane).update_pane(None)
        self.call_after_refresh(self._fit_nodes)

    def _fit_nodes(self) -> None:
        """The map as tall as it needs to be; jobs below where there is room for some, else the map alone."""
        nodes, jobs = self.query_one("#wall-nodes"), self.query_one(JobsPane)
        height = self.query_one("#wall-right").size.height
        if not height:
            return
        wanted = self.query_one(Heatmap).wanted_height(height - FRAME - 1) + FRAME + 1
        jobs.display = height - wanted >= LEAST_JOBS
        set_height(nodes, wanted if jobs.display else height)
