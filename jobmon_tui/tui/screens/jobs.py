"""All jobs, and beside them the one that the cursor is on."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from jobmon_tui.tui.screens.base import Place, View
from jobmon_tui.tui.screens.beside import REST, Beside
from jobmon_tui.tui.screens.panes import JobsPane, titled
from jobmon_tui.tui.widgets.table import Table


class JobsView(View):
    """The job list, filling the screen."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._rest: Timer | None = None

    def compose(self) -> ComposeResult:
        """The list, and the job under the cursor beside it where there is room."""
        with Horizontal():
            yield JobsPane("jobs:list", id="jobs-list")
            yield Beside(id="jobs-beside")

    def focus_first(self) -> None:
        """The list."""
        self.focus_now(self.query_one(Table))

    def update_view(self) -> None:
        """List anew."""
        self.query_one(JobsPane).update_pane(self.main.filter)

    def desk_done(self, topic: str, result: Any) -> None:
        """The list is there."""
        pane = self.query_one(JobsPane)
        pane.desk_done(result)
        self.main.filter_counted(pane.listing)
        titled(pane, "Jobs", pane.sorted_by)
        self._show_beside()

    def on_table_moved(self, event: Table.Moved) -> None:
        """Another job beside the list."""
        event.stop()
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._show_beside)

    def on_table_opened(self, event: Table.Opened) -> None:
        """Into the job, or unfold the array."""
        event.stop()
        self.main.open_row(self.query_one(JobsPane))

    def _show_beside(self) -> None:
        beside, picture = self.query_one(Beside), self.main.picture
        if picture is not None and self.main.room != "narrow" and self.main.room != "middle":
            beside.show_job(picture.index, self.query_one(JobsPane).job_id)

    def yankable(self) -> tuple[str, ...]:
        """The job under the cursor."""
        job_id = self.query_one(JobsPane).job_id
        return (job_id,) if job_id else ()

    def subject(self) -> Place | None:
        """The job under the cursor."""
        job_id = self.query_one(JobsPane).job_id
        return Place("job", job_id) if job_id else None
