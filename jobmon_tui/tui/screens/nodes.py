"""All nodes as a list, and beside them the one that the cursor is on."""

from __future__ import annotations

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.tui.screens.base import Place
from jobmon_tui.tui.screens.beside import Beside
from jobmon_tui.tui.screens.list_panes import NodesPane
from jobmon_tui.tui.screens.list_view import ListView
from jobmon_tui.tui.widgets.table import Table


class NodesView(ListView):
    """The node list. A filter that makes sense only for jobs keeps the nodes that those jobs hold."""

    pane_type = NodesPane
    heading = "Nodes"

    def show_beside(self, beside: Beside, index: SnapshotIndex) -> None:
        """The node under the cursor."""
        beside.show_node(index, self.pane.cursor_key)

    def on_table_opened(self, event: Table.Opened) -> None:
        """Into the node."""
        event.stop()
        place = self.subject()
        if place is not None:
            self.main.go(place)

    def subject(self) -> Place | None:
        """The node under the cursor."""
        name = self.pane.cursor_key
        return Place("node", name) if name else None
