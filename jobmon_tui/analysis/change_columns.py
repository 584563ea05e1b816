"""The column that stands before the others while two instants are compared: what became of the row."""

from __future__ import annotations

from collections import Counter

from jobmon_tui.analysis.cells import EMPTY, Cell, Column, Context, ListingRow, SortValue
from jobmon_tui.analysis.diff import ENDED, LEFT, STARTED, SUBMITTED

_ROLES = {STARTED: "good", ENDED: "dim", LEFT: "dim", SUBMITTED: "accent"}


def _changes_of(row: ListingRow, context: Context) -> list[str]:
    jobs = () if row.kind == "node" else row.members or (row.item,)
    names = [job.job_id for job in jobs] or [row.item.name]
    return [context.changes[name] for name in names if name in context.changes]


def _cell(row: ListingRow, context: Context) -> Cell:
    """Of a folded array, what became of how many of its tasks."""
    changes = _changes_of(row, context)
    if not changes:
        return EMPTY
    role = "warning" if changes[0].startswith("ended:") else _ROLES.get(changes[0], "plain")
    if not row.members:
        return Cell(changes[0], role)
    counted = Counter(changes).most_common(2)
    return Cell(", ".join(f"{count} {what}" for what, count in counted), role)


def _value(row: ListingRow, context: Context) -> SortValue:
    return next(iter(_changes_of(row, context)), None)


CHANGE_COLUMN = Column(
    key="change",
    title="change",
    width=16,
    min_width=9,
    rank=0,
    description="what became of it since the instant that was marked",
    sort_value=_value,
    cell=_cell,
)
"""Shown only while two instants are compared."""
