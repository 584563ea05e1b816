"""All nodes as a list, and beside them the one that the cursor is on."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from jobmon_tui.tui.screens.base import Place, View
from jobmon_tui.tui.screens.beside import REST, Beside
from jobmon_tui.tui.screens.panes import NodesPane, titled
from jobmon_tui.tui.widgets.table import Table


class NodesView(View):
    """The node list. A job filter keeps the nodes on which those jobs hold something."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._rest: Timer | None = None

    def compose(self) -> ComposeResult:
        """The list, and the node under the cursor beside it where there is room."""
        with Horizontal():
            yield NodesPane("nodes:list", id="nodes-list")
            yield Beside(id="nodes-beside")

    def focus_first(self) -> None:
        """The list."""
        self.focus_now(self.query_one(Table))

    def update_view(self) -> None:
        """List anew."""
        self.query_one(NodesPane).update_pane(self.main.filter)

    def desk_done(self, topic: str, result: Any) -> None:
        """The list is there."""
        pane = self.query_one(NodesPane)
        pane.desk_done(result)
        titled(pane, "Nodes", pane.sorted_by)
        self._show_beside()

    def on_table_moved(self, event: Table.Moved) -> None:
        """Another node beside the list."""
        event.stop()
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._show_beside)

    def on_table_opened(self, event: Table.Opened) -> None:
        """Into the node."""
        event.stop()
        place = self.subject()
        if place is not None:
            self.main.go(place)

    def _show_beside(self) -> None:
        picture = self.main.picture
        if picture is not None and self.main.room != "narrow" and self.main.room != "middle":
            self.query_one(Beside).show_node(picture.index, self.query_one(NodesPane).cursor_key)

    def yankable(self) -> tuple[str, ...]:
        """The node under the cursor."""
        name = self.query_one(NodesPane).cursor_key
        return (name,) if name else ()

    def subject(self) -> Place | None:
        """The node under the cursor."""
        name = self.query_one(NodesPane).cursor_key
        return Place("node", name) if name else None
