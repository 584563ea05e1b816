"""What the cursor of a list is on, beside the list: a drill-down without leaving it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from jobmon_tui.analysis.facts import job_facts, node_facts
from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.model.hostlist import natural_key
from jobmon_tui.tui.screens.panes import titled
from jobmon_tui.tui.widgets.core_grid import CoreGrid
from jobmon_tui.tui.widgets.fact_sheet import FactSheet

REST = 0.06
"""Seconds that a list's cursor rests on a row before that is shown beside the list."""


class Beside(VerticalScroll, can_focus=False):
    """The facts of one job or node, and the cores of a node."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="pane detail")

    def compose(self) -> ComposeResult:
        """Cores first: they are the picture."""
        yield CoreGrid()
        yield FactSheet()

    def show_job(self, index: SnapshotIndex, job_id: str | None) -> None:
        """One job, on the first of its nodes."""
        job = index.snapshot.jobs.get(job_id or "")
        self.query_one(FactSheet).display = job is not None
        grid = self.query_one(CoreGrid)
        hosts = sorted(job.layout.keys() | job.gpu_layout.keys(), key=natural_key) if job else []
        grid.display = bool(hosts)
        titled(self, f"Job {job.job_id}" if job else "Job", f"on {hosts[0]}" if hosts else "")
        if job is None:
            return
        if hosts:
            grid.show(index, hosts[0], job.job_id)
        self.query_one(FactSheet).show(job_facts(job, index))

    def show_node(self, index: SnapshotIndex, name: str | None) -> None:
        """One node."""
        node = index.snapshot.nodes.get(name or "")
        self.query_one(FactSheet).display = node is not None
        self.query_one(CoreGrid).display = node is not None
        titled(self, f"Node {node.name}" if node else "Node")
        if node is not None:
            self.query_one(CoreGrid).show(index, node.name, None)
            self.query_one(FactSheet).show(node_facts(node, index))
