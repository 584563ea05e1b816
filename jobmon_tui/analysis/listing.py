"""What a table lists: rows filtered, folded and sorted. Worked out away from the UI thread.

Each step is many short ones rather than one long call into C, which would keep the lock from the UI thread;
only the sort itself is one call, over values that were made before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jobmon_tui.analysis.cells import Column, Context, ListingRow, RowKind, SortValue, natural
from jobmon_tui.analysis.filter import JobFilter
from jobmon_tui.analysis.index import HOLDING, SnapshotIndex
from jobmon_tui.analysis.job_cells import job_number
from jobmon_tui.analysis.node_filter import NodeFilter
from jobmon_tui.analysis.partitions import partition_totals
from jobmon_tui.model.snapshot import NOTHING, Job

__all__ = [
    "Listing",
    "ListingRow",
    "array_key",
    "job_listing",
    "node_listing",
    "partition_listing",
    "reservation_listing",
    "user_listing",
]


_LOOK_AROUND = 200
"""Rows after a vanished one that are tried in its place."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of a table, in order."""

    rows: Sequence[ListingRow] = ()
    position: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    """Row key to its place in ``rows``."""
    shown: int = 0
    """How many jobs (nodes, ...) passed the filter, folded ones too; an array counts each of its tasks."""
    total: int = 0
    """How many there are in the snapshot."""

    def successor(self, before: Listing, place: int) -> int:
        """Where the row at a place of an earlier listing is now.

        If it is gone: where the row is that it belonged to, else the next one of those that came after it,
        else whatever is at its place.
        """
        last = max(0, len(self.rows) - 1)
        if place >= len(before.rows):
            return min(place, last)
        row = before.rows[place]
        if row.key in self.position:
            return self.position[row.key]
        if row.depth:
            above = (before.rows[one] for one in range(place - 1, -1, -1))
            owner = next((one for one in above if one.depth < row.depth), row)
            if owner.key in self.position:
                return self.position[owner.key]
        for after in before.rows[place + 1 : place + _LOOK_AROUND]:
            if after.key in self.position:
                return self.position[after.key]
        return min(place, last)


def array_key(array_id: str) -> str:
    """The key of the row that stands for a folded array; no job's id."""
    return f"{array_id}_*"


def job_listing(
    index: SnapshotIndex,
    *,
    columns: Iterable[Column],
    filter: JobFilter | None = None,
    sort_key: str = "id",
    reverse: bool = False,
    unfolded: frozenset[str] = frozenset(),
    fold: bool = True,
    now: float | None = None,
    context: Context | None = None,
) -> Listing:
    """The jobs that a filter lets through, one row for each array.

    An array is folded when at least two of its records pass the filter. Its tasks stay with it: the arrays
    and the other jobs are sorted, and under an unfolded array its tasks are.

    Args:
        index: The snapshot.
        columns: Where ``sort_key`` is looked up; an unknown key leaves the order of the ids.
        filter: Which jobs; all of them by default.
        sort_key: The key of a column.
        reverse: Largest first. What is unknown comes last either way.
        unfolded: Ids of the arrays whose tasks are listed under them.
        fold: Whether arrays are folded at all.
        now: Unix seconds; the snapshot's own time by default.
        context: What else columns sort by; ``now`` and ``index`` are put in.
    """
    instant = index.snapshot.timestamp if now is None else now
    around = _context(context, index, instant)
    everything = index.snapshot.jobs
    jobs = filter.select(everything.values(), instant) if filter else list(everything.values())
    jobs = _in_order(jobs, [job_number(job.job_id) for job in jobs], False)
    rows = _folded(jobs, unfolded) if fold else [_job_row(job, "job") for job in jobs]
    column = _column(columns, sort_key)
    # By id they are in order already.
    if column is not None and (reverse or sort_key != "id"):
        rows = _sorted(rows, column, around, reverse)
    if any(row.is_open for row in rows):
        rows = list(_with_tasks(rows, column, around, reverse))
    return Listing(rows, _positions(rows), _count_tasks(jobs), _count_tasks(everything.values()))


def _job_row(job: Job, kind: RowKind, depth: int = 0) -> ListingRow:
    # Past the constructor of the named tuple, which takes half of the time of a listing.
    return tuple.__new__(ListingRow, (job.job_id, kind, job, (), depth, False))


def _folded(jobs: Iterable[Job], unfolded: frozenset[str]) -> list[ListingRow]:
    """One row for each array (where its first job stands) and for each job of none."""
    arrays: dict[str, list[Job]] = {}
    firsts: list[Job] = []
    for job in jobs:
        array_id = job.array_id
        if array_id is None:
            firsts.append(job)
        elif array_id in arrays:
            arrays[array_id].append(job)
        else:
            arrays[array_id] = [job]
            firsts.append(job)
    rows: list[ListingRow] = []
    for job in firsts:
        array_id = job.array_id
        if array_id is None or len(arrays[array_id]) == 1:
            rows.append(_job_row(job, "job"))
            continue
        members = tuple(arrays[array_id])
        speaker = next((one for one in members if one.state in HOLDING), job)
        rows.append(ListingRow(array_key(array_id), "array", speaker, members, is_open=array_id in unfolded))
    return rows


def _with_tasks(
    rows: Iterable[ListingRow], column: Column | None, context: Context, reverse: bool
) -> Iterator[ListingRow]:
    """The rows, and under each open array its tasks in the same order."""
    for row in rows:
        yield row
        if row.is_open:
            tasks = [_job_row(job, "task", 1) for job in row.members]
            yield from tasks if column is None else _sorted(tasks, column, context, reverse)


def node_listing(
    index: SnapshotIndex,
    *,
    columns: Iterable[Column],
    filter: NodeFilter | None = None,
    sort_key: str = "name",
    reverse: bool = False,
    context: Context | None = None,
) -> Listing:
    """The nodes that a filter lets through, as rows of kind ``node`` with the node's name as key."""
    nodes = index.snapshot.nodes.values()
    found = [node for node in nodes if filter.matches(node, index)] if filter else list(nodes)
    found = _in_order(found, [natural(node.name) for node in found], False)
    rows = [ListingRow(node.name, "node", node) for node in found]
    around = _context(context, index, index.snapshot.timestamp)
    return _listing(rows, len(nodes), columns, sort_key, reverse, around)


def user_listing(
    index: SnapshotIndex,
    *,
    columns: Iterable[Column],
    sort_key: str = "cores",
    reverse: bool = True,
    context: Context | None = None,
) -> Listing:
    """The users with running or waiting jobs; of equals the one with more waiting jobs comes first."""
    return _summary("user", index.users, index, columns, sort_key, reverse, context)


def partition_listing(
    index: SnapshotIndex,
    *,
    columns: Iterable[Column],
    sort_key: str = "pending",
    reverse: bool = True,
    now: float | None = None,
    context: Context | None = None,
) -> Listing:
    """The partitions, each with the sums of its jobs (`PartitionTotals`)."""
    totals = partition_totals(index, index.snapshot.timestamp if now is None else now)
    return _summary("partition", totals, index, columns, sort_key, reverse, context)


def reservation_listing(
    index: SnapshotIndex,
    *,
    columns: Iterable[Column],
    sort_key: str = "start",
    reverse: bool = False,
    context: Context | None = None,
) -> Listing:
    """The reservations; two of one name (Slurm has none) would be told apart by their start."""
    return _summary("reservation", index.snapshot.reservations, index, columns, sort_key, reverse, context)


def _summary(
    kind: RowKind,
    items: Sequence[Any],
    index: SnapshotIndex,
    columns: Iterable[Column],
    sort_key: str,
    reverse: bool,
    context: Context | None,
) -> Listing:
    by_key = {item.name: item for item in items}
    rows = [ListingRow(name, kind, item) for name, item in by_key.items()]
    around = _context(context, index, index.snapshot.timestamp)
    return _listing(rows, len(rows), columns, sort_key, reverse, around)


def _listing(
    rows: list[ListingRow],
    total: int,
    columns: Iterable[Column],
    sort_key: str,
    reverse: bool,
    context: Context,
) -> Listing:
    column = _column(columns, sort_key)
    if column is not None:
        rows = _sorted(rows, column, context, reverse)
    return Listing(rows, _positions(rows), len(rows), total)


def _context(context: Context | None, index: SnapshotIndex, now: float) -> Context:
    """The context of that snapshot and instant, with what the given one knows besides."""
    if context is None:
        return Context(now=now, index=index)
    return replace(context, now=now, index=index)


def _column(columns: Iterable[Column], key: str) -> Column | None:
    return next((column for column in columns if column.key == key), None)


def _sorted(rows: list[ListingRow], column: Column, context: Context, reverse: bool) -> list[ListingRow]:
    value = column.sort_value
    return _in_order(rows, [value(row, context) for row in rows], reverse)


def _in_order(items: list[Any], values: Sequence[SortValue], reverse: bool) -> list[Any]:
    """The items by their values; what is unknown last, equals in the order in which they were."""
    known = [place for place, value in enumerate(values) if value is not None and value == value]
    get: Callable[[int], Any] = values.__getitem__
    known.sort(key=get, reverse=reverse)
    ordered = [items[place] for place in known]
    if len(known) < len(items):
        ordered.extend(
            item for item, value in zip(items, values, strict=True) if value is None or value != value
        )
    return ordered


def _positions(rows: Sequence[ListingRow]) -> dict[str, int]:
    return dict(zip([row[0] for row in rows], range(len(rows)), strict=True))


def _count_tasks(jobs: Iterable[Job]) -> int:
    return sum(job.task_count for job in jobs)
