"""A list that fills the screen, and beside it (where there is room) what its cursor is on."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.tui.screens.base import View
from jobmon_tui.tui.screens.beside import REST, Beside
from jobmon_tui.tui.screens.list_panes import JobsPane, NodesPane
from jobmon_tui.tui.screens.panes import titled
from jobmon_tui.tui.widgets.table import Table


class ListView(View):
    """What the views of all jobs and of all nodes share."""

    pane_type: type[JobsPane] | type[NodesPane]
    """The list."""
    heading: str
    """What stands on the list's frame."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._rest: Timer | None = None

    def show_beside(self, beside: Beside, index: SnapshotIndex) -> None:
        """Show beside the list what its cursor is on."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The list, and the row under its cursor."""
        with Horizontal():
            yield self.pane_type(f"{self.view_name}:list", id=f"{self.view_name}-list")
            yield Beside(id=f"{self.view_name}-beside")

    @property
    def pane(self) -> JobsPane | NodesPane:
        """The list."""
        return self.query_one(self.pane_type)

    def focus_first(self) -> None:
        """The list."""
        self.focus_now(self.query_one(Table))

    def update_view(self) -> None:
        """List anew."""
        self.pane.update_pane(self.main.filter)

    def desk_done(self, topic: str, result: Any) -> None:
        """The list is there, and with it the number of jobs or nodes that pass the filter."""
        pane = self.pane
        pane.desk_done(result)
        self.filter_counted(pane.listing)
        titled(pane, self.heading, pane.detail)
        self._show_beside()

    def on_table_moved(self, event: Table.Moved) -> None:
        """Once the cursor rests, another row is shown beside the list."""
        event.stop()
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._show_beside)

    def _show_beside(self) -> None:
        picture = self.main.picture
        if picture is not None and self.main.room == "wide":
            self.show_beside(self.query_one(Beside), picture.index)

    def yankable(self) -> tuple[str, ...]:
        """The id or name under the cursor."""
        place = self.subject()
        return (place.subject,) if place else ()
