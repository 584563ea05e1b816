"""The queue: partitions, reservations, and the pending jobs with why they wait."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from jobmon_tui.analysis.listing import partition_listing, reservation_listing
from jobmon_tui.analysis.waiting import explain_waiting
from jobmon_tui.model.text import printable
from jobmon_tui.model.times import clock_text
from jobmon_tui.tui.screens.base import Place, View
from jobmon_tui.tui.screens.list_panes import JobsPane, SummaryPane
from jobmon_tui.tui.screens.panes import FRAME, PARTITIONS, QUEUE, RESERVATIONS, set_height, titled
from jobmon_tui.tui.theme import palette
from jobmon_tui.tui.widgets.table import Table


class QueueView(View):
    """What waits, for what, and until when."""

    def compose(self) -> ComposeResult:
        """Partitions and reservations above, the queue below, and a line on the job under the cursor."""
        with Horizontal(id="queue-top"):
            yield SummaryPane(
                "queue:partitions",
                PARTITIONS,
                partition_listing,
                id="queue-partitions",
                empty_text="No partition is known.",
            )
            yield SummaryPane(
                "queue:reservations",
                RESERVATIONS,
                reservation_listing,
                id="queue-reservations",
                empty_text="There is no reservation.",
            )
        yield JobsPane("queue:jobs", id="queue-jobs", kind=QUEUE, empty_text="No job waits.")
        yield Static(id="queue-why")

    def focus_first(self) -> None:
        """The queue."""
        self.focus_now(self.query_one(JobsPane).table)

    def update_view(self) -> None:
        """All three lists."""
        picture = self.main.picture
        if picture is None:
            return
        for pane in self.query(SummaryPane):
            pane.ask()
        waiting = [job.job_id for job in picture.snapshot.jobs.values() if job.is_pending]
        self.query_one(JobsPane).update_pane(self.main.filter, job_ids=waiting)

    def desk_done(self, topic: str, result: Any) -> None:
        """One of the lists is there."""
        if topic == "queue:jobs":
            pane = self.query_one(JobsPane)
            pane.desk_done(result)
            self.filter_counted(pane.listing)
            titled(pane, "Pending jobs", pane.sorted_by)
            self._explain()
            return
        name = topic.partition(":")[2]
        summary = self.query_one(f"#queue-{name}", SummaryPane)
        summary.desk_done(result)
        titled(summary, name.capitalize())
        self._fit_top()

    def _fit_top(self) -> None:
        """As tall as the longer of the two tables, frame and titles included; the style caps it."""
        rows = max(len(pane.listing.rows) if pane.listing else 0 for pane in self.query(SummaryPane))
        set_height(self.query_one("#queue-top"), max(1, rows) + FRAME + 1)

    def on_table_moved(self, event: Table.Moved) -> None:
        """Why the job under the cursor waits."""
        event.stop()
        self._explain()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Into the job; a partition filters by itself."""
        event.stop()
        pane = event.table.parent
        if isinstance(pane, JobsPane):
            self.main.open_row(pane)
        elif isinstance(pane, SummaryPane) and pane.id == "queue-partitions":
            self.main.set_filter_field("partition", event.key)

    def _explain(self) -> None:
        picture, row = self.main.picture, self.query_one(JobsPane).row
        line = self.query_one("#queue-why", Static)
        if picture is None or row is None:
            line.update("")
            return
        now = picture.snapshot.timestamp
        why = explain_waiting(row.item, picture.index, lambda time: clock_text(time, now))
        text = Text(f" {printable(row.item.job_id, 30)}  ", style=palette(self).accent)
        text.append(printable(why, 600), style=palette(self).plain)
        line.update(text)

    def yankable(self) -> tuple[str, ...]:
        """The job under the cursor."""
        job_id = self.query_one(JobsPane).job_id
        return (job_id,) if job_id else ()

    def subject(self) -> Place | None:
        """The job under the cursor."""
        job_id = self.query_one(JobsPane).job_id
        return Place("job", job_id) if job_id else None
