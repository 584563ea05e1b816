"""What the columns of a table of jobs show and are sorted by.

A folded array is one row: its numbers speak for all of its tasks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
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
    text_cell,
)
from jobmon_tui.analysis.diff import ABSENT
from jobmon_tui.analysis.filter import exit_status, held_nodes, waited
from jobmon_tui.analysis.index import HOLDING
from jobmon_tui.model.snapshot import Job
from jobmon_tui.model.text import printable

STATE_ROLES = {
    "RUNNING": "good",
    "PENDING": "dim",
    "COMPLETING": "dim",
    "CONFIGURING": "dim",
    "COMPLETED": "dim",
    ABSENT: "dim",
    "SUSPENDED": "warning",
    "CANCELLED": "warning",
    "PREEMPTED": "warning",
}
"""How job states look; any other is trouble."""

_HELD_BACK = (
    "Held",
    "Never",
    "Dependency",
    "Invalid",
    "NotAvail",
    "NotAllowed",
    "Failed",
    "DOWN",
    "Maintenance",
)
"""Words in reasons of jobs that will not start by waiting in line alone."""


def job_number(job_id: str) -> int | None:
    """A sort value: ids in the order in which they were given out, the tasks of an array by index."""
    if job_id.isdecimal() and len(job_id) < 16:
        return int(job_id) << 32
    array, _, task = job_id.partition("_")
    if not (array.isdecimal() and len(array) < 16):
        return None
    return (int(array) << 32) + (int(task) + 1 if task.isdecimal() and len(task) < 9 else 0)


def over(
    read: Callable[[Job], float | None], combine: Callable[[Sequence[float]], float] | None = None
) -> Callable[[ListingRow, Context], float | None]:
    """The reading of a row: of its job, or of an array what ``combine`` makes of those of its tasks."""

    def value(row: ListingRow, _: Context) -> float | None:
        if not row.members or combine is None:
            return read(row.item)
        known = [one for job in row.members if (one := read(job)) is not None]
        return combine(known) if known else None

    return value


def number_column(
    value: Callable[[ListingRow, Context], float | None],
    draw: Callable[[float | None], Cell] = count_cell,
    *,
    waiting: bool = True,
    **column: Any,
) -> Column:
    """A right-aligned column of numbers; with ``waiting`` false it is empty for pending jobs."""

    def cell(row: ListingRow, context: Context) -> Cell:
        number = value(row, context)
        if number is None and not waiting and row.item.is_pending:
            return EMPTY
        return draw(number)

    return Column(sort_value=value, cell=cell, align="right", falls=True, **column)


def text_column(read: Callable[[Job], str | None], *, role: str = "plain", **column: Any) -> Column:
    """A column of text from outside."""

    def value(row: ListingRow, _: Context) -> SortValue:
        text = read(row.item)
        return text.casefold() if text else None

    return Column(
        sort_value=value,
        cell=lambda row, _: text_cell(read(row.item), role) if read(row.item) else EMPTY,
        **column,
    )


def moment_column(
    read: Callable[[Job], float | None], combine: Callable[[Sequence[float]], float] = min, **column: Any
) -> Column:
    """A column of instants; those to come are estimates and dim."""
    value = over(read, combine)

    def cell(row: ListingRow, context: Context) -> Cell:
        time = value(row, context)
        if time is None:
            return EMPTY
        return moment_cell(time, context.now, "dim" if time > context.now else "plain")

    return Column(sort_value=value, cell=cell, align="right", width=12, falls=True, **column)


def id_cell(row: ListingRow, _: Context) -> Cell:
    """Its id; of a folded array the array's, with the number of its tasks."""
    if row.kind != "array":
        return Cell("  " * row.depth + printable(row.item.job_id, 256))
    tasks = sum(job.task_count for job in row.members)
    return Cell(f"{printable(row.item.array_id, 64)} {'▾' if row.is_open else '▸'}{tasks}", "strong")


def id_value(row: ListingRow, _: Context) -> SortValue:
    """Ids in the order in which they were given out."""
    return job_number(row.item.array_id if row.kind == "array" else row.item.job_id)


def state_cell(row: ListingRow, _: Context) -> Cell:
    """Slurm's state; of a folded array how many tasks run (R), wait (PD), end (CG)."""
    state = row.item.state
    role = STATE_ROLES.get(state, "trouble")
    if row.kind != "array":
        return Cell(printable(state, 32), role)
    records = Counter([job.state for job in row.members])
    counts = records + Counter({job.state: job.task_count - 1 for job in row.members if job.task_count > 1})
    known = {"RUNNING": "R", "PENDING": "PD", "COMPLETING": "CG"}
    others = sum(count for name, count in counts.items() if name not in known)
    parts = [f"{counts[name]}{short}" for name, short in known.items() if counts[name]]
    return Cell(" ".join([*parts, f"{others} other"] if others else parts), role)


def alert_cell(row: ListingRow, context: Context) -> Cell:
    """An exclamation mark where the job, or a task of the array, is warned about."""
    warned = context.warned
    if warned and any(job.job_id in warned for job in row.members or (row.item,)):
        return Cell("!", "trouble")
    return EMPTY


def alert_value(row: ListingRow, context: Context) -> SortValue:
    """How many of its tasks are warned about."""
    return sum(job.job_id in context.warned for job in row.members or (row.item,)) or None


def summed(read: Callable[[Job], int]) -> Callable[[ListingRow, Context], float | None]:
    """What a row holds; if it holds nothing yet, what it asks for with all of its tasks."""

    def value(row: ListingRow, _: Context) -> float | None:
        if not row.members:
            job: Job = row.item
            return read(job) * job.task_count
        held: list[Job] = [job for job in row.members if job.state in HOLDING]
        return sum(read(job) * job.task_count for job in held or row.members)

    return value


def nodes_cell(row: ListingRow, _: Context) -> Cell:
    """The nodes it has, folded; of a folded array how many."""
    if row.members:
        names = set[str]().union(*[job.layout or held_nodes(job) for job in row.members])
        if len(names) == 1:
            return text_cell(next(iter(names)))
        return Cell(f"{len(names)} nodes") if names else EMPTY
    job: Job = row.item
    if len(job.layout) == 1:
        return text_cell(next(iter(job.layout)))
    if job.nodes:
        return text_cell(job.nodes)
    return Cell(f"{len(job.layout)} nodes") if job.layout else EMPTY


def nodes_value(row: ListingRow, _: Context) -> SortValue:
    """Its first node, in natural order."""
    job: Job = row.item
    name = next(iter(job.layout), job.nodes) if job.layout else job.nodes
    return natural(name) if name else None


def elapsed(job: Job) -> float | None:
    """How long it has run, in minutes; ``None`` while it waits."""
    return None if job.is_pending else job.run_time


def limit(job: Job) -> float:
    """Its time limit in minutes; infinite where there is none."""
    return float("inf") if job.time_limit is None else job.time_limit


def progress(job: Job) -> float | None:
    """How much of its time limit has passed, from 0 to 1."""
    if job.is_pending or not job.time_limit:
        return None
    return job.run_time / job.time_limit


def progress_cell(row: ListingRow, context: Context) -> Cell:
    """How much of its time limit has passed, as a bar."""
    share = over(progress, max)(row, context)
    return EMPTY if share is None else Cell("", "primary", min(1.0, share))


def cpu_value(row: ListingRow, context: Context) -> float | None:
    """Measured use of the cores it holds, in %; of a folded array the mean of its tasks."""
    if not row.members:
        return context.cpu.get(row.item.job_id)
    known = [context.cpu[job.job_id] for job in row.members if job.job_id in context.cpu]
    return sum(known) / len(known) if known else None


def trend_cell(row: ListingRow, context: Context) -> Cell:
    """A small chart of its CPU use; empty of what is many jobs, or does not run."""
    job: Job = row.item
    if row.kind == "array" or not job.is_running:
        return EMPTY
    return Cell(context.trends.get(job.job_id, ""), "user")


def percent_cell(value: float | None) -> Cell:
    """A whole percentage."""
    return UNKNOWN if value is None else Cell(f"{value:.0f} %")


def wait_value(row: ListingRow, context: Context) -> float | None:
    """How long it has waited for its start, in minutes; of a folded array the longest."""
    if not row.members:
        return waited(row.item, context.now)
    known = [one for one in (waited(job, context.now) for job in row.members) if one is not None]
    return max(known) if known else None


def line_place(row: ListingRow, context: Context) -> tuple[int, int] | None:
    """Its place in line and the length of the line; of a folded array the best."""
    if context.index is None:
        return None
    line = context.index.line
    places = [line[job.job_id] for job in row.members or (row.item,) if job.job_id in line]
    return min(places) if places else None


def line_cell(row: ListingRow, context: Context) -> Cell:
    """Its place among the pending jobs of its partition."""
    place = line_place(row, context)
    return EMPTY if place is None else Cell(f"{place[0]}/{place[1]}", "dim")


def line_value(row: ListingRow, context: Context) -> SortValue:
    """Its place among the pending jobs of its partition."""
    place = line_place(row, context)
    return None if place is None else place[0]


def why_not_running(row: ListingRow) -> str:
    """Why it waits or failed; nothing of those that run (Slurm then says None, or why they last waited)."""
    for job in row.members or (row.item,):
        if job.reason and job.state not in HOLDING and job.reason not in ("None", "(null)"):
            return str(job.reason)
    return ""


def reason_cell(row: ListingRow, _: Context) -> Cell:
    """Why it waits or failed; stands out where waiting in line alone does not help."""
    reason = why_not_running(row)
    if not reason:
        return EMPTY
    return Cell(printable(reason, 512), "warning" if any(word in reason for word in _HELD_BACK) else "dim")


def user_cell(row: ListingRow, context: Context) -> Cell:
    """Whose it is; one's own jobs stand out."""
    name = row.item.username
    return text_cell(name, "strong" if name == context.me else "plain")


def exit_cell(row: ListingRow, _: Context) -> Cell:
    """How it ended; trouble where that was not well."""
    job: Job = row.item
    status = exit_status(job)
    return EMPTY if status is None else Cell(printable(job.exit_code, 16), "trouble" if status else "dim")
