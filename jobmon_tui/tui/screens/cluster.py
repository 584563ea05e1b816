"""The cluster: users, a map of all nodes, and the jobs, each standing out in the others."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from jobmon_tui.tui.screens.base import Place, View
from jobmon_tui.tui.screens.list_panes import JobsPane, SummaryPane, users_pane
from jobmon_tui.tui.screens.panes import FRAME, set_height, titled
from jobmon_tui.tui.widgets.heatmap import Heatmap
from jobmon_tui.tui.widgets.heatmap_legend import HeatmapLegend
from jobmon_tui.tui.widgets.table import Table

LEAST_TOP = 8
"""Lines that the panes above the jobs have at least, frames included."""
ENOUGH_USERS = 24
"""Lines that the list of users may claim where the map needs fewer."""


class ClusterView(View):
    """Where jobmon opens."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._points = False
        """Whether the user has moved a cursor: until then the map is shown in full, nothing stands out."""

    def enter(self, place: Place) -> None:
        """The whole cluster, once more."""
        self._points = False

    def compose(self) -> ComposeResult:
        """Users and nodes above, jobs below."""
        legend = HeatmapLegend(id="cluster-legend")
        with Horizontal(id="cluster-top"):
            yield users_pane("cluster:users", id="cluster-users")
            with Vertical(id="cluster-nodes", classes="pane"):
                yield Heatmap(legend=legend, id="cluster-heatmap")
                yield legend
        yield JobsPane("cluster:jobs", id="cluster-jobs")

    @property
    def _users(self) -> SummaryPane:
        return self.query_one("#cluster-users", SummaryPane)

    @property
    def _jobs(self) -> JobsPane:
        return self.query_one(JobsPane)

    def focus_first(self) -> None:
        """The jobs: they are what most people look for."""
        self.focus_now(self._jobs.table)

    def update_view(self) -> None:
        """All three panes."""
        self._users.ask()
        self._jobs.update_pane(self.main.filter)
        self._show_nodes()

    def desk_done(self, topic: str, result: Any) -> None:
        """Users or jobs were listed."""
        if topic == "cluster:users":
            self._users.desk_done(result)
            titled(self._users, "Users", self._users.sorted_by)
            return
        self._jobs.desk_done(result)
        self.filter_counted(self._jobs.listing)
        titled(self._jobs, "Jobs", self._jobs.detail)
        self._show_nodes()

    def _show_nodes(self) -> None:
        picture = self.main.picture
        if picture is None:
            return
        app = self.main.jobmon
        reading = app.reading
        self.query_one(Heatmap).show(picture.index, app.groups, reading, self._highlighted())
        titled(self.query_one("#cluster-nodes"), "Nodes", f"{reading.title}, by {app.group_key}")
        self.call_after_refresh(self._fit_top)

    def _fit_top(self) -> None:
        """The map as tall as it needs to be, half of the view at the most; the rest is for the jobs."""
        if not self.size.height:
            return
        most = max(LEAST_TOP, self.size.height // 2)
        map_height = self.query_one(Heatmap).wanted_height(most - FRAME - 1) + FRAME + 1
        users = (
            len(self._users.listing.rows) + FRAME + 1 if self._users.listing and self._users.display else 0
        )
        set_height(
            self.query_one("#cluster-top"), min(most, max(LEAST_TOP, map_height, min(users, ENOUGH_USERS)))
        )

    def on_resize(self) -> None:
        """There is more or less room for the map."""
        if self.main.picture is not None:
            self.call_after_refresh(self._fit_top)

    def _highlighted(self) -> frozenset[str] | None:
        """The nodes of the job or user under the cursor of the pane that has the focus, or of the filter."""
        picture = self.main.picture
        if picture is None:
            return None
        index = picture.index
        if self._points and self._users.table.has_focus and self._users.cursor_key:
            return index.nodes_of_user.get(self._users.cursor_key, frozenset())
        if self._points and self._jobs.table.has_focus:
            row = self._jobs.row
            if row is not None:
                members = row.members or (row.item,)
                return frozenset(host for job in members for host in job.layout) or None
        if comparison := self.main.jobmon.comparison:
            return frozenset(comparison.nodes)
        if self.main.filter and self._jobs.listing is not None:
            rows = self._jobs.listing.rows
            return frozenset(
                host for row in rows for job in row.members or (row.item,) for host in job.layout
            )
        return None

    def on_table_moved(self, event: Table.Moved) -> None:
        """The nodes of what the cursor is on stand out."""
        event.stop()
        self._points = self._points or event.table.has_moved
        self._show_nodes()

    def on_descendant_focus(self) -> None:
        """Another pane has the focus: other nodes stand out."""
        self._show_nodes()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Into the job; a user filters by itself."""
        event.stop()
        if event.table.parent is self._users:
            self.main.set_filter_field("user", event.key)
        else:
            self.main.open_row(self._jobs)

    def on_heatmap_opened(self, event: Heatmap.Opened) -> None:
        """Into the node."""
        event.stop()
        self.main.go(Place("node", event.node))

    def yankable(self) -> tuple[str, ...]:
        """The node, user or job under the cursor."""
        heatmap = self.query_one(Heatmap)
        if heatmap.has_focus:
            return (heatmap.cursor_node,) if heatmap.cursor_node else ()
        if self._users.table.has_focus:
            return (self._users.cursor_key,) if self._users.cursor_key else ()
        return (self._jobs.job_id,) if self._jobs.job_id else ()

    def subject(self) -> Place | None:
        """The job or node under the cursor."""
        heatmap = self.query_one(Heatmap)
        if heatmap.has_focus:
            return Place("node", heatmap.cursor_node) if heatmap.cursor_node else None
        return Place("job", self._jobs.job_id) if self._jobs.job_id else None
