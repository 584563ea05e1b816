"""All jobs, and beside them the one that the cursor is on."""

from __future__ import annotations

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.tui.screens.base import Place
from jobmon_tui.tui.screens.beside import Beside
from jobmon_tui.tui.screens.list_panes import JobsPane
from jobmon_tui.tui.screens.list_view import ListView
from jobmon_tui.tui.widgets.table import Table


class JobsView(ListView):
    """The job list."""

    pane_type = JobsPane
    heading = "Jobs"

    def show_beside(self, beside: Beside, index: SnapshotIndex) -> None:
        """The job under the cursor."""
        beside.show_job(index, self.query_one(JobsPane).job_id)

    def on_table_opened(self, event: Table.Opened) -> None:
        """Into the job, or unfold the array."""
        event.stop()
        self.main.open_row(self.query_one(JobsPane))

    def subject(self) -> Place | None:
        """The job under the cursor."""
        job_id = self.query_one(JobsPane).job_id
        return Place("job", job_id) if job_id else None
