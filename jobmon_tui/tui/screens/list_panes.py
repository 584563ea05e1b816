"""Lists of jobs, of nodes, and the short tables of the whole cluster."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType

from jobmon_tui.analysis.diff import Comparison
from jobmon_tui.analysis.filter import FilterError, JobFilter
from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.analysis.listing import Listing, job_listing, node_listing, user_listing
from jobmon_tui.analysis.node_filter import parse_node_filter
from jobmon_tui.tui.screens.panes import JOBS, NODES, USERS, Order, TableKind, TablePane


class JobsPane(TablePane):
    """Jobs: all that the filter lets through, or some of them; arrays folded and unfolded."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fold", "fold", id="table.fold", tooltip="Unfold the job array, or fold it"),
        Binding("F", "fold_all", show=False, id="table.fold_all", tooltip="Unfold or fold all job arrays"),
    ]

    def __init__(
        self, topic: str, *, id: str, kind: TableKind = JOBS, empty_text: str = "No job passes."
    ) -> None:
        super().__init__(topic, kind, id=id, empty_text=empty_text)
        self._unfolded: frozenset[str] = frozenset()
        self._filter: JobFilter | None = None
        self._job_ids: Iterable[str] | None = None

    def update_pane(self, job_filter: JobFilter | None, job_ids: Iterable[str] | None = None) -> None:
        """Show the jobs that pass a filter (all without one), out of some (all without them)."""
        self._filter, self._job_ids = job_filter, job_ids
        self.ask()

    @property
    def comparison(self) -> Comparison | None:
        """The lists of all jobs show what changed; those of a node's jobs do not."""
        return self.jobmon.comparison if self._job_ids is None else None

    def work(self, index: SnapshotIndex, order: Order) -> Callable[[], Listing]:
        """Filtering, folding and sorting of up to 50,000 jobs."""
        job_ids, job_filter, unfolded = self._job_ids, self._filter, self._unfolded
        comparison = self.comparison

        def listed() -> Listing:
            part = index if job_ids is None else _only(index, job_ids)
            if comparison is not None:
                part = _changed(index, comparison)
            return job_listing(part, filter=job_filter, unfolded=unfolded, **order)

        return listed

    @property
    def job_id(self) -> str | None:
        """The job under the cursor; of a folded array, one of its jobs."""
        row = self.row
        return row.item.job_id if row is not None else None

    def action_fold(self) -> None:
        """Unfold the array under the cursor, or fold the one that the cursor is in."""
        row = self.row
        array = row.item.array_id if row is not None else None
        if array:
            self._unfolded ^= {array}
            self.ask()

    def action_fold_all(self) -> None:
        """Fold all arrays if any is unfolded, else unfold them all."""
        picture = self.jobmon.picture
        if self._unfolded:
            self._unfolded = frozenset()
        elif picture is not None:
            self._unfolded = frozenset(job.array_id for job in picture.snapshot.jobs.values() if job.array_id)
        self.ask()


def _only(index: SnapshotIndex, job_ids: Iterable[str]) -> SnapshotIndex:
    jobs = index.snapshot.jobs
    return replace(
        index, snapshot=replace(index.snapshot, jobs={one: jobs[one] for one in job_ids if one in jobs})
    )


def _changed(index: SnapshotIndex, comparison: Comparison) -> SnapshotIndex:
    """Only the jobs that something became of, those among them that are not there now as they were then."""
    present = index.snapshot.jobs
    jobs = {one: job for one in comparison.jobs if (job := present.get(one, comparison.absent.get(one)))}
    return replace(index, snapshot=replace(index.snapshot, jobs=jobs))


class NodesPane(TablePane):
    """Nodes that a filter lets through."""

    def __init__(self, topic: str, *, id: str) -> None:
        super().__init__(topic, NODES, id=id, empty_text="No node passes.")
        self._filter: JobFilter | None = None

    def update_pane(self, job_filter: JobFilter | None) -> None:
        """Show the nodes that pass what was typed."""
        self._filter = job_filter
        self.ask()

    @property
    def comparison(self) -> Comparison | None:
        """The list shows what changed."""
        return self.jobmon.comparison

    def work(self, index: SnapshotIndex, order: Order) -> Callable[[], Listing]:
        """What was typed is read as a filter of nodes; if it only makes sense for jobs, the nodes that those
        jobs hold are meant.
        """
        job_filter, comparison = self._filter, self.comparison

        def listed() -> Listing:
            part = index if comparison is None else _only_nodes(index, comparison.nodes)
            if not job_filter:
                return node_listing(part, **order)
            try:
                return node_listing(part, filter=parse_node_filter(job_filter.text), **order)
            except FilterError:
                jobs = job_filter.select(index.snapshot.jobs.values(), index.snapshot.timestamp)
                found = _only_nodes(part, {host for job in jobs for host in job.layout})
                return replace(node_listing(found, **order), total=len(index.snapshot.nodes))

        return listed


def _only_nodes(index: SnapshotIndex, names: Container[str]) -> SnapshotIndex:
    nodes = {name: node for name, node in index.snapshot.nodes.items() if name in names}
    return replace(index, snapshot=replace(index.snapshot, nodes=nodes))


class SummaryPane(TablePane):
    """A short table of the whole cluster: users, partitions or reservations.

    Args:
        topic: See `TablePane`.
        kind: See `TablePane`.
        listing: Makes the listing from the snapshot's index.
        id: The widget's id.
        empty_text: See `TablePane`.
    """

    def __init__(
        self, topic: str, kind: TableKind, listing: Callable[..., Listing], *, id: str, empty_text: str
    ) -> None:
        super().__init__(topic, kind, id=id, empty_text=empty_text)
        self._listing = listing

    def work(self, index: SnapshotIndex, order: Order) -> Callable[[], Listing]:
        """The whole table, sorted."""
        listing = self._listing
        return lambda: listing(index, **order)


def users_pane(topic: str, *, id: str) -> SummaryPane:
    """Users with what they have."""
    return SummaryPane(topic, USERS, user_listing, id=id, empty_text="Nobody has jobs.")
