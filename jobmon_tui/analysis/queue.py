"""What waits in the queue: how many jobs, and for how much of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jobmon_tui.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits, of one user or of all."""

    jobs: int
    """Pending jobs; an array counts each of its tasks."""
    cpu_hours: float
    """Cores times time limit, in hours. Jobs without a limit add nothing."""
    machine_hours: float | None
    """How long the whole machine would be busy with it, in hours; ``None`` where its size is unknown."""
    unlimited: int
    """How many of the jobs have no time limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTotals:
    """What waits altogether, and by user."""

    total: Waiting
    users: Mapping[str, Waiting]


def queue_totals(snapshot: Snapshot, available: int | None) -> QueueTotals:
    """Add up what waits.

    Args:
        snapshot: The snapshot.
        available: The cluster's available cores.
    """
    jobs: dict[str, int] = {}
    hours: dict[str, float] = {}
    unlimited: dict[str, int] = {}
    for job in snapshot.jobs.values():
        if not job.is_pending:
            continue
        user = job.username
        jobs[user] = jobs.get(user, 0) + job.task_count
        if job.time_limit is None:
            unlimited[user] = unlimited.get(user, 0) + job.task_count
        else:
            hours[user] = hours.get(user, 0) + job.n_cpus * job.time_limit / 60 * job.task_count

    def waiting(count: int, cpu_hours: float, without_limit: int) -> Waiting:
        machine_hours = cpu_hours / available if available else None
        return Waiting(jobs=count, cpu_hours=cpu_hours, machine_hours=machine_hours, unlimited=without_limit)

    return QueueTotals(
        total=waiting(sum(jobs.values()), sum(hours.values()), sum(unlimited.values())),
        users={
            user: waiting(count, hours.get(user, 0), unlimited.get(user, 0)) for user, count in jobs.items()
        },
    )
