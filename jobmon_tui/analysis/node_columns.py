"""The columns of a table of nodes, as data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobmon_tui.analysis.cells import (
    EMPTY,
    UNKNOWN,
    Cell,
    Column,
    Context,
    ListingRow,
    SortValue,
    count_cell,
    moment_cell,
    natural,
    part_cell,
    text_cell,
)
from jobmon_tui.analysis.node_filter import free_cores, node_memory
from jobmon_tui.analysis.readings import CONDITIONS, condition
from jobmon_tui.model.snapshot import Node
from jobmon_tui.model.text import printable
from jobmon_tui.model.units import format_mib

_ROLES = {one.key: one.role for one in CONDITIONS} | {"idle": "dim", "up": "dim", "in use": "good"}


def _number(read: Callable[[Node], float | None], *, role: str = "plain", **column: Any) -> Column:
    return Column(
        sort_value=lambda row, _: read(row.item),
        cell=lambda row, _: count_cell(read(row.item), role),
        align="right",
        falls=True,
        **column,
    )


def _text(read: Callable[[Node], str], *, role: str = "plain", **column: Any) -> Column:
    def cell(row: ListingRow, _: Context) -> Cell:
        text = read(row.item)
        return text_cell(text, role) if text else EMPTY

    return Column(sort_value=lambda row, _: read(row.item).casefold() or None, cell=cell, **column)


def _alert_cell(row: ListingRow, context: Context) -> Cell:
    return Cell("!", "trouble") if row.item.name in context.warned else EMPTY


def _state_cell(row: ListingRow, _: Context) -> Cell:
    word = condition(row.item)
    return Cell(word, _ROLES.get(word, "plain"))


def _slurm_state(node: Node) -> str:
    return "+".join((node.state or "", *node.flags))


def _gpus_held(node: Node) -> int | None:
    if node.n_gpus_allocated is not None:
        return node.n_gpus_allocated
    return None if node.gpus_allocated is None else len(node.gpus_allocated)


def _gpus_cell(row: ListingRow, _: Context) -> Cell:
    node: Node = row.item
    return Cell("0", "faint") if node.n_gpus == 0 else part_cell(_gpus_held(node), node.n_gpus)


def _load_cell(row: ListingRow, _: Context) -> Cell:
    load = row.item.cpu_load
    return UNKNOWN if load is None else Cell(f"{load:.1f}")


def _cpu(node: Node) -> float | None:
    return node.cpu.total.busy if node.cpu and node.cpu.total else None


def _cpu_cell(row: ListingRow, _: Context) -> Cell:
    busy = _cpu(row.item)
    return UNKNOWN if busy is None else Cell(f"{busy:.0f} %")


def _allocated_share(row: ListingRow, _: Context) -> float | None:
    node: Node = row.item
    return node.cpus_allocated / node.n_cpus if node.cpus_allocated is not None and node.n_cpus else None


def _share_cell(row: ListingRow, context: Context) -> Cell:
    share = _allocated_share(row, context)
    return UNKNOWN if share is None else Cell("", "user", min(1.0, share))


def _memory_cell(part: float | None, whole: float | None) -> Cell:
    if part is None and whole is None:
        return UNKNOWN
    return Cell(f"{format_mib(part)} / {format_mib(whole):>7}")


def _jobs(row: ListingRow, context: Context) -> tuple[str, ...]:
    return context.index.jobs_on_node.get(row.item.name, ()) if context.index else ()


def _jobs_value(row: ListingRow, context: Context) -> SortValue:
    return len(_jobs(row, context))


def _users(row: ListingRow, context: Context) -> str:
    """Who holds something there, by jobs."""
    counts: dict[str, int] = {}
    for job_id in _jobs(row, context):
        if context.index:
            name = context.index.snapshot.jobs[job_id].username
            counts[name] = counts.get(name, 0) + 1
    return ", ".join(sorted(counts, key=lambda name: (-counts[name], name)))


NODE_COLUMNS: tuple[Column, ...] = (
    Column(
        key="alert",
        title="!",
        width=1,
        rank=2,
        description="! where something is wrong with the node",
        sort_value=lambda row, context: 1 if row.item.name in context.warned else None,
        cell=_alert_cell,
        falls=True,
    ),
    Column(
        key="name",
        title="node",
        width=14,
        min_width=8,
        rank=0,
        description="its name",
        sort_value=lambda row, _: natural(row.item.name),
        cell=lambda row, _: text_cell(row.item.name),
    ),
    Column(
        key="state",
        title="state",
        width=12,
        min_width=8,
        rank=1,
        description="its state in a word",
        sort_value=lambda row, _: condition(row.item),
        cell=_state_cell,
    ),
    _text(
        lambda node: ",".join(node.partitions),
        key="partitions",
        title="partitions",
        width=14,
        min_width=10,
        rank=8,
        description="the partitions it belongs to",
    ),
    Column(
        key="cores",
        title="cores",
        width=9,
        align="right",
        rank=3,
        description="cores that jobs hold, of all its cores",
        sort_value=lambda row, _: row.item.cpus_allocated,
        cell=lambda row, _: part_cell(row.item.cpus_allocated, row.item.n_cpus),
        falls=True,
    ),
    Column(
        key="held",
        title="held",
        width=8,
        rank=9,
        description="the share of its cores that jobs hold, as a bar",
        sort_value=_allocated_share,
        cell=_share_cell,
        falls=True,
    ),
    _number(free_cores, key="free", title="free", width=5, rank=15, description="cores that a job could get"),
    Column(
        key="cpu",
        title="cpu",
        width=6,
        align="right",
        rank=5,
        description="measured CPU use",
        sort_value=lambda row, _: _cpu(row.item),
        cell=_cpu_cell,
        falls=True,
    ),
    Column(
        key="load",
        title="load",
        width=7,
        align="right",
        rank=6,
        description="load average",
        sort_value=lambda row, _: row.item.cpu_load,
        cell=_load_cell,
        falls=True,
    ),
    Column(
        key="memory",
        title="mem in use",
        width=17,
        align="right",
        rank=12,
        description="measured memory in use, of all its memory",
        sort_value=lambda row, _: row.item.memory.used if row.item.memory else None,
        cell=lambda row, _: _memory_cell(*(row.item.memory or (None, None))),
        falls=True,
    ),
    Column(
        key="memory_held",
        title="mem held",
        width=17,
        align="right",
        rank=7,
        description="memory that jobs hold, of what Slurm may hand out",
        sort_value=lambda row, _: row.item.memory_allocated,
        cell=lambda row, _: _memory_cell(row.item.memory_allocated, node_memory(row.item)),
        falls=True,
    ),
    Column(
        key="gpus",
        title="gpus",
        width=7,
        align="right",
        rank=4,
        description="GPUs that jobs hold, of all its GPUs",
        sort_value=lambda row, _: _gpus_held(row.item),
        cell=_gpus_cell,
        falls=True,
    ),
    Column(
        key="jobs",
        title="jobs",
        width=5,
        align="right",
        rank=10,
        description="how many jobs hold something there",
        sort_value=_jobs_value,
        cell=lambda row, context: count_cell(len(_jobs(row, context))),
        falls=True,
    ),
    Column(
        key="users",
        title="users",
        width=16,
        min_width=8,
        rank=11,
        grow=True,
        description="who holds something there",
        sort_value=lambda row, context: _users(row, context).casefold() or None,
        cell=lambda row, context: Cell(printable(_users(row, context), 256)),
    ),
    _text(
        lambda node: node.reason or "",
        role="warning",
        key="reason",
        title="reason",
        width=20,
        min_width=10,
        rank=6,
        grow=True,
        description="why it was taken out of service",
    ),
    Column(
        key="reason_time",
        title="since",
        width=12,
        align="right",
        rank=16,
        description="when it was taken out of service",
        sort_value=lambda row, _: row.item.reason_time,
        cell=lambda row, context: (
            EMPTY if row.item.reason_time is None else moment_cell(row.item.reason_time, context.now)
        ),
        falls=True,
    ),
    _text(
        _slurm_state,
        role="dim",
        key="slurm_state",
        title="Slurm's state",
        width=20,
        min_width=14,
        rank=17,
        description="its state with all flags, as Slurm says it",
    ),
    _text(
        lambda node: ",".join(node.features),
        role="dim",
        key="features",
        title="features",
        width=18,
        min_width=9,
        rank=14,
        description="its active features",
    ),
    _number(
        lambda node: node.weight,
        key="weight",
        title="weight",
        width=7,
        rank=18,
        description="scheduling weight: lower is preferred",
    ),
)
"""Every column there is, in the order in which they are offered."""

DEFAULT_NODE_COLUMNS = (
    "alert",
    "name",
    "state",
    "partitions",
    "cores",
    "held",
    "cpu",
    "load",
    "memory_held",
    "gpus",
    "jobs",
    "users",
    "reason",
)
"""Keys of the columns that are shown unless others are chosen, in their order."""
