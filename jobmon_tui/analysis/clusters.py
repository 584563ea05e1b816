"""Several clusters side by side: what each has, or since when and why it does not answer, and the sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from jobmon_tui.analysis.cells import (
    EMPTY,
    UNKNOWN,
    Cell,
    Column,
    Context,
    ListingRow,
    count_cell,
    memory_cell,
    part_cell,
    text_cell,
)
from jobmon_tui.analysis.index import ClusterTotals, index_snapshot
from jobmon_tui.analysis.listing import Listing
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.model.times import age_text

ALL = "all"
"""What the line of sums is called."""
OLD = 180.0
"""Seconds after which what is shown of a cluster counts as old."""
_SUMMED = tuple(one.name for one in fields(ClusterTotals) if one.name != "memory_is_measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """One cluster, as far as it has been asked."""

    name: str
    """As the configuration calls it; empty for the one at the top."""
    title: str
    """Its own name once it has told that, else what the configuration calls it."""
    source: str = ""
    """Where what is known comes from: ``slurm (commands)``."""
    totals: ClusterTotals | None = None
    """What it has and what is in use; ``None`` before the first answer."""
    my_running: int | None = None
    """Running jobs of whoever looks."""
    my_pending: int | None = None
    """Pending tasks of whoever looks."""
    taken_at: float | None = None
    """When that was so, in Unix seconds."""
    error: str = ""
    """What failed at the last attempt; empty where nothing did."""
    hint: str = ""
    """What to do about it."""
    failing_since: float | None = None
    """Unix seconds."""
    is_shown: bool = False
    """Whether it is the one that the other views show."""
    is_sum: bool = False
    """Whether this is the line of sums."""


def answered(state: ClusterState, snapshot: Snapshot, source: str, me: str) -> ClusterState:
    """The state of a cluster after an answer.

    Args:
        state: Before it.
        snapshot: The answer.
        source: Where it came from.
        me: The user whose jobs are counted by themselves.
    """
    index = index_snapshot(snapshot)
    mine = next((user for user in index.users if user.name == me), None)
    return replace(
        state,
        # A cluster with a name in the configuration is called as -M calls it.
        title=state.title if state.name else snapshot.cluster or state.title,
        source=source,
        totals=index.totals,
        my_running=mine.running if mine else 0,
        my_pending=mine.pending if mine else 0,
        taken_at=snapshot.timestamp,
        error="",
        hint="",
        failing_since=None,
    )


def failed(state: ClusterState, error: str, hint: str, now: float) -> ClusterState:
    """The state of a cluster after an attempt that failed; what was known before is kept."""
    return replace(state, error=error, hint=hint, failing_since=state.failing_since or now)


def cluster_listing(states: Sequence[ClusterState]) -> Listing:
    """The clusters in the order of the configuration, and their sums below where there are several."""
    rows = [ListingRow(state.name, "cluster", state) for state in states]
    known = [state for state in states if state.totals is not None]
    if len(known) > 1:
        rows.append(ListingRow(f" {ALL}", "cluster", _sum(known)))
    return Listing(rows, {row.key: place for place, row in enumerate(rows)}, len(states), len(states))


def _sum(states: Sequence[ClusterState]) -> ClusterState:
    """All of them together; what is unknown of one is left out."""
    totals = [state.totals for state in states if state.totals is not None]
    sums = {name: _added([getattr(one, name) for one in totals]) for name in _SUMMED}
    return ClusterState(
        name=ALL,
        title=f"{ALL} {len(totals)}",
        totals=ClusterTotals(**sums, memory_is_measured=all(one.memory_is_measured for one in totals)),
        my_running=_added([state.my_running for state in states]),
        my_pending=_added([state.my_pending for state in states]),
        is_sum=True,
    )


def _added(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def state_cell(state: ClusterState, now: float) -> Cell:
    """How fresh the line is, or since when nothing comes."""
    if state.is_sum:
        return EMPTY
    if state.error:
        since = age_text(now - state.failing_since) if state.failing_since is not None else ""
        return Cell(f"no answer {since}".rstrip(), "trouble")
    if state.taken_at is None:
        return Cell("asked...", "dim")
    age = now - state.taken_at
    return Cell(f"{age_text(age)} ago", "warning" if age > OLD else "good")


def _total(name: str) -> Callable[[ClusterState], float | None]:
    def read(state: ClusterState) -> float | None:
        value: float | None = None if state.totals is None else getattr(state.totals, name)
        return value

    return read


def _count(
    key: str,
    title: str,
    rank: int,
    width: int,
    read: Callable[[ClusterState], float | None],
    description: str,
    role: str = "plain",
) -> Column:
    return Column(
        key=key,
        title=title,
        width=width,
        rank=rank,
        align="right",
        description=description,
        sort_value=lambda row, _: read(row.item),
        cell=lambda row, _: _faded(count_cell(read(row.item), role), row.item),
    )


def _pair(key: str, title: str, rank: int, used: str, available: str, description: str) -> Column:
    return Column(
        key=key,
        title=title,
        width=13,
        rank=rank,
        align="right",
        description=description,
        sort_value=lambda row, _: _total(used)(row.item),
        cell=lambda row, _: _faded(part_cell(_total(used)(row.item), _total(available)(row.item)), row.item),
    )


def _bar(key: str, rank: int, used: str, available: str, role: str, description: str) -> Column:
    def fraction(row: ListingRow) -> float | None:
        part, whole = _total(used)(row.item), _total(available)(row.item)
        return None if part is None or not whole else min(1.0, part / whole)

    def cell(row: ListingRow, _: Context) -> Cell:
        found = fraction(row)
        return EMPTY if found is None else Cell("", "dim" if row.item.error else role, found)

    return Column(
        key=key,
        title="",
        width=12,
        min_width=6,
        rank=rank,
        description=description,
        sort_value=lambda row, _: fraction(row),
        cell=cell,
    )


def _faded(cell: Cell, state: ClusterState) -> Cell:
    """Of a cluster that does not answer, what was known before is shown more quietly."""
    return Cell(cell.text, "dim", cell.fraction) if state.error and cell is not UNKNOWN else cell


def _name_cell(row: ListingRow, _: Context) -> Cell:
    state: ClusterState = row.item
    return text_cell(
        f"{state.title}*" if state.is_shown else state.title, "dim" if state.is_sum else "strong"
    )


CLUSTER_COLUMNS: tuple[Column, ...] = (
    Column(
        key="cluster",
        title="cluster",
        width=16,
        min_width=10,
        rank=0,
        description="its name; * marks the one that the other views show",
        sort_value=lambda row, _: row.item.title.casefold(),
        cell=_name_cell,
    ),
    Column(
        key="state",
        title="answered",
        width=16,
        rank=0,
        description="how long ago it answered, or since when it does not",
        sort_value=lambda row, _: row.item.taken_at,
        cell=lambda row, context: state_cell(row.item, context.now),
    ),
    _pair("cores", "cores", 1, "cores_used", "cores_available", "cores in use, of those available"),
    _bar("cores_bar", 8, "cores_used", "cores_available", "user", "the share of the cores in use, as a bar"),
    _pair("gpus", "gpus", 4, "gpus_used", "gpus_available", "GPUs in use, of those available"),
    _bar("gpus_bar", 10, "gpus_used", "gpus_available", "gpu", "the share of the GPUs in use, as a bar"),
    Column(
        key="memory",
        title="memory",
        width=8,
        rank=9,
        align="right",
        description="memory in use: measured where that is measured, else what is allocated",
        sort_value=lambda row, _: _total("memory_used")(row.item),
        cell=lambda row, _: _faded(memory_cell(_total("memory_used")(row.item)), row.item),
    ),
    _bar("memory_bar", 11, "memory_used", "memory_available", "memory", "the share of the memory, as a bar"),
    _count("running", "running", 2, 8, _total("running"), "running jobs"),
    _count("pending", "waiting", 2, 8, _total("pending"), "waiting jobs; an array counts each of its tasks"),
    _count("up", "up", 5, 6, _total("nodes_up"), "nodes in service"),
    _count("drained", "drained", 6, 7, _total("nodes_drained"), "nodes drained or draining", "warning"),
    _count("down", "down", 5, 5, _total("nodes_down"), "nodes down", "trouble"),
    _count("mine", "mine", 3, 5, lambda state: state.my_running, "your own running jobs", "strong"),
    _count("my_wait", "wait", 7, 6, lambda state: state.my_pending, "your own waiting jobs", "strong"),
)
"""Columns of the table of clusters."""
