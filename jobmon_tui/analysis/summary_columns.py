"""The columns of the short tables, as data: users, partitions, reservations."""

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
    count_cell,
    moment_cell,
    natural,
    part_cell,
    span_cell,
    text_cell,
)
from jobmon_tui.analysis.partitions import PartitionTotals
from jobmon_tui.model.snapshot import Reservation


def _count(read: Callable[[Any], float | None], *, width: int = 7, **column: Any) -> Column:
    return Column(
        width=width,
        align="right",
        falls=True,
        sort_value=lambda row, _: read(row.item),
        cell=lambda row, _: count_cell(read(row.item)),
        **column,
    )


def _user_cell(row: ListingRow, context: Context) -> Cell:
    return text_cell(row.item.name, "strong" if row.item.name == context.me else "plain")


def _share_cell(row: ListingRow, _: Context) -> Cell:
    share = row.item.share
    return UNKNOWN if share is None else Cell(f"{share:.0f} %" if share >= 0.5 or not share else "<1 %")


def _share_bar(row: ListingRow, _: Context) -> Cell:
    share = row.item.share
    return EMPTY if share is None else Cell("", "user", min(1.0, share / 100))


USER_COLUMNS: tuple[Column, ...] = (
    Column(
        key="user",
        title="user",
        width=10,
        min_width=7,
        rank=0,
        description="who",
        sort_value=lambda row, _: row.item.name.casefold(),
        cell=_user_cell,
    ),
    _count(lambda user: user.cores, key="cores", title="cores", rank=1, description="cores of running jobs"),
    Column(
        key="share",
        title="share",
        width=6,
        align="right",
        rank=2,
        description="those cores in % of the cluster's",
        sort_value=lambda row, _: row.item.share,
        cell=_share_cell,
        falls=True,
    ),
    Column(
        key="bar",
        title="",
        width=12,
        min_width=5,
        rank=3,
        grow=True,
        description="the share as a bar",
        sort_value=lambda row, _: row.item.share,
        cell=_share_bar,
        falls=True,
    ),
    Column(
        key="alert",
        title="!",
        width=1,
        rank=4,
        description="! where jobs waste what they were given",
        sort_value=lambda row, context: 1 if row.item.name in context.warned else None,
        cell=lambda row, context: Cell("!", "trouble") if row.item.name in context.warned else EMPTY,
        falls=True,
    ),
    _count(
        lambda user: user.gpus, width=5, key="gpus", title="gpus", rank=7, description="GPUs of running jobs"
    ),
    _count(
        lambda user: user.running, width=8, key="running", title="running", rank=5, description="running jobs"
    ),
    _count(
        lambda user: user.pending,
        width=8,
        key="pending",
        title="waiting",
        rank=6,
        description="waiting jobs; an array counts each of its tasks",
    ),
    _count(
        lambda user: user.pending_cores,
        width=12,
        key="pending_cores",
        title="cores asked",
        rank=8,
        description="cores that the waiting jobs ask for",
    ),
)
"""Columns of the table of users."""


def _partition_cell(row: ListingRow, _: Context) -> Cell:
    totals: PartitionTotals = row.item
    cell = text_cell(totals.name)
    return Cell(f"{cell.text}*", cell.role) if totals.is_default else cell


def _partition_state(row: ListingRow, _: Context) -> Cell:
    state = row.item.state
    return UNKNOWN if state is None else text_cell(state.lower(), "good" if state == "UP" else "warning")


def _busy(row: ListingRow, _: Context) -> float | None:
    totals: PartitionTotals = row.item
    return totals.cores_used / totals.cores if totals.cores else None


def _busy_cell(row: ListingRow, context: Context) -> Cell:
    busy = _busy(row, context)
    return EMPTY if busy is None else Cell("", "user", min(1.0, busy))


def _max_time(row: ListingRow, _: Context) -> float | None:
    totals: PartitionTotals = row.item
    if totals.max_time is None and totals.state is not None:
        return float("inf")
    return totals.max_time


PARTITION_COLUMNS: tuple[Column, ...] = (
    Column(
        key="partition",
        title="partition",
        width=14,
        min_width=9,
        rank=0,
        description="its name; * marks the default one",
        sort_value=lambda row, _: row.item.name.casefold(),
        cell=_partition_cell,
    ),
    Column(
        key="state",
        title="state",
        width=9,
        rank=7,
        description="up, down, drain or inactive",
        sort_value=lambda row, _: row.item.state,
        cell=_partition_state,
    ),
    _count(lambda one: one.nodes, key="nodes", title="nodes", rank=6, description="its nodes"),
    Column(
        key="cores",
        title="cores",
        width=13,
        align="right",
        rank=3,
        description="cores that its running jobs hold, of all its cores",
        sort_value=lambda row, _: row.item.cores_used,
        cell=lambda row, _: part_cell(row.item.cores_used, row.item.cores),
        falls=True,
    ),
    Column(
        key="busy",
        title="",
        width=12,
        min_width=6,
        rank=8,
        description="the share of its cores that its jobs hold, as a bar",
        sort_value=_busy,
        cell=_busy_cell,
        falls=True,
    ),
    _count(
        lambda one: one.running, width=8, key="running", title="running", rank=2, description="running jobs"
    ),
    _count(
        lambda one: one.pending,
        width=8,
        key="pending",
        title="waiting",
        rank=1,
        description="waiting jobs; an array counts each of its tasks",
    ),
    _count(
        lambda one: one.pending_cores,
        width=12,
        key="pending_cores",
        title="cores asked",
        rank=5,
        description="cores that the waiting jobs ask for",
    ),
    Column(
        key="wait",
        title="longest wait",
        width=13,
        align="right",
        rank=4,
        description="how long the longest waiting job could have started already",
        sort_value=lambda row, _: row.item.longest_wait,
        cell=lambda row, _: EMPTY if row.item.longest_wait is None else span_cell(row.item.longest_wait),
        falls=True,
    ),
    Column(
        key="max_time",
        title="max time",
        width=10,
        align="right",
        rank=9,
        description="the longest time limit",
        sort_value=_max_time,
        cell=lambda row, context: span_cell(_max_time(row, context)),
        falls=True,
    ),
)
"""Columns of the table of partitions."""


def _reservation_state(row: ListingRow, context: Context) -> Cell:
    reservation: Reservation = row.item
    if reservation.end_time is not None and reservation.end_time <= context.now:
        return Cell("over", "faint")
    if not reservation.is_active(context.now):
        return Cell("to come", "dim")
    return Cell("maintenance", "warning") if reservation.is_maintenance else Cell("active", "good")


def _instant(read: Callable[[Any], float | None], **column: Any) -> Column:
    return Column(
        width=12,
        align="right",
        sort_value=lambda row, _: read(row.item),
        cell=lambda row, context: moment_cell(read(row.item), context.now),
        **column,
    )


def _names(read: Callable[[Any], str], *, role: str = "plain", **column: Any) -> Column:
    return Column(
        sort_value=lambda row, _: read(row.item).casefold() or None,
        cell=lambda row, _: text_cell(read(row.item), role) if read(row.item) else EMPTY,
        **column,
    )


RESERVATION_COLUMNS: tuple[Column, ...] = (
    Column(
        key="reservation",
        title="reservation",
        width=16,
        min_width=11,
        rank=0,
        description="its name",
        sort_value=lambda row, _: natural(row.item.name),
        cell=lambda row, _: text_cell(row.item.name),
    ),
    Column(
        key="state",
        title="state",
        width=12,
        rank=1,
        description="active, maintenance, to come or over",
        sort_value=lambda row, context: _reservation_state(row, context).text,
        cell=_reservation_state,
    ),
    _instant(lambda one: one.start_time, key="start", title="start", rank=2, description="when it begins"),
    _instant(lambda one: one.end_time, key="end", title="end", rank=3, description="when it ends"),
    _names(
        lambda one: one.nodes,
        key="nodes",
        title="nodes",
        width=18,
        min_width=8,
        rank=4,
        grow=True,
        description="its nodes",
    ),
    _count(
        lambda one: one.n_cpus, key="cores", title="cores", rank=6, description="cores that it sets aside"
    ),
    _names(
        lambda one: ",".join(one.users or one.accounts),
        key="users",
        title="for",
        width=16,
        min_width=8,
        rank=5,
        grow=True,
        description="the users or accounts that may use it",
    ),
    _names(
        lambda one: ",".join(one.flags),
        role="dim",
        key="flags",
        title="flags",
        width=20,
        min_width=8,
        rank=7,
        description="Slurm's flags",
    ),
)
"""Columns of the table of reservations."""
