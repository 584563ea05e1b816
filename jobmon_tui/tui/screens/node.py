"""One node: who holds which core and what these do, GPUs, memory, jobs, state, reason, reservations."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll

from jobmon_tui.analysis.charts import node_charts
from jobmon_tui.analysis.facts import Fact, node_facts
from jobmon_tui.analysis.series import node_readings
from jobmon_tui.model.snapshot import Node
from jobmon_tui.tui.screens.base import Place
from jobmon_tui.tui.screens.drill import Charted, DrillView
from jobmon_tui.tui.screens.list_panes import JobsPane
from jobmon_tui.tui.screens.panes import titled
from jobmon_tui.tui.widgets.charts_pane import ChartsPane
from jobmon_tui.tui.widgets.core_grid import CoreGrid
from jobmon_tui.tui.widgets.fact_sheet import FactSheet
from jobmon_tui.tui.widgets.table import Table


class NodeView(DrillView):
    """The drill-down of one node."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._node = ""

    def compose(self) -> ComposeResult:
        """Facts and cores above, the jobs on it below; its charts beside all that, or in their place."""
        with Horizontal(id="node-body"):
            with Vertical(id="node-left"):
                with Horizontal(id="node-top"):
                    with VerticalScroll(id="node-facts-pane", classes="pane detail"):
                        yield FactSheet(id="node-facts")
                    with Vertical(id="node-grid-pane", classes="pane"):
                        yield CoreGrid(id="node-grid")
                yield JobsPane("node:jobs", id="node-jobs", empty_text="No job holds anything here.")
            yield ChartsPane(id="node-charts")

    def enter(self, place: Place) -> None:
        """Show that node."""
        self._node = place.subject

    def focus_first(self) -> None:
        """Its jobs."""
        self.focus_now(self.query_one(JobsPane).table)

    def update_view(self) -> None:
        """The newest record of the node."""
        picture = self.main.picture
        if picture is None:
            return
        node = picture.snapshot.nodes.get(self._node)
        titled(self.query_one("#node-facts-pane"), f"Node {self._node}")
        if node is None:
            self.query_one(FactSheet).show((Fact("node", f"{self._node} is not in the cluster", "warning"),))
            return
        self.query_one(FactSheet).show(node_facts(node, picture.index))
        pane = self.query_one(JobsPane)
        self._show_grid()
        pane.update_pane(None, job_ids=picture.index.jobs_on_node.get(self._node, ()))
        self._show_charts(node)

    def _show_charts(self, node: Node) -> None:
        known = node_readings(node)
        note = "Nothing was measured then." if known else "Nobody measures this node: only Slurm's word."
        self.ask_for_charts("node", node.name, node_charts(node), None, note)

    def on_resize(self) -> None:
        """There is more or less room for the charts."""
        if self.main.picture is not None:
            self.call_after_refresh(self.update_view)

    def _show_grid(self) -> None:
        picture = self.main.picture
        if picture is not None and self._node in picture.snapshot.nodes:
            titled(self.query_one("#node-grid-pane"), "Who holds which core")
            mode = self.core_mode(picture.snapshot.nodes[self._node])
            self.query_one(CoreGrid).show(picture.index, self._node, self.query_one(JobsPane).job_id, mode)

    def desk_done(self, topic: str, result: Any) -> None:
        """The jobs were listed, or the charts are filled."""
        if isinstance(result, Charted):
            self.show_charts(result)
            return
        pane = self.query_one(JobsPane)
        pane.desk_done(result)
        titled(pane, "Jobs here", pane.sorted_by)
        self._show_grid()

    def on_table_moved(self, event: Table.Moved) -> None:
        """The job under the cursor stands out in the grid."""
        event.stop()
        self._show_grid()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Into the job."""
        event.stop()
        self.main.open_row(self.query_one(JobsPane))

    def yankable(self) -> tuple[str, ...]:
        """The node's name."""
        return (self._node,)
