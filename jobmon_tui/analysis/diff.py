"""What became of jobs and nodes between two snapshots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from jobmon_tui.analysis.index import HOLDING, SnapshotIndex
from jobmon_tui.analysis.readings import condition
from jobmon_tui.model.snapshot import NOTHING, Job
from jobmon_tui.model.units import format_duration

STARTED, ENDED, SUBMITTED, LEFT = "started", "ended", "submitted", "left the queue"
"""What happens to most jobs."""
ABSENT = "NOT THERE"
"""Stands for the state of a job that the instant that is looked at does not have."""
_HELD = frozenset({"JobHeldUser", "JobHeldAdmin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What happened between a marked instant and the one that is looked at, whichever came first."""

    marked: float
    """Unix seconds of the marked snapshot."""
    shown: float
    """Unix seconds of the snapshot that is looked at."""
    jobs: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """Ids of the jobs that something became of, to what, in a few words."""
    absent: Mapping[str, Job] = field(default_factory=lambda: NOTHING)
    """Those of them that are not in the snapshot that is looked at, as the other one has them; their state
    is `ABSENT`."""
    nodes: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """Names of the nodes that something became of, to what, in a few words."""
    cores: int = 0
    """How many more cores were in use later (below zero: fewer)."""

    @property
    def is_backwards(self) -> bool:
        """Whether the marked instant is the later one."""
        return self.marked > self.shown

    def count(self, change: str) -> int:
        """How many jobs that became of; a record counts as one, however many tasks it stands for."""
        return sum(what == change for what in self.jobs.values())


def compare(marked: SnapshotIndex, shown: SnapshotIndex) -> Comparison:
    """What became of every job and node between two snapshots. Costs one pass over both."""
    before, after = sorted((marked, shown), key=lambda index: index.snapshot.timestamp)
    jobs = _job_changes(before.snapshot.jobs.values(), after.snapshot.jobs.values())
    present, others = shown.snapshot.jobs, marked.snapshot.jobs
    return Comparison(
        marked=marked.snapshot.timestamp,
        shown=shown.snapshot.timestamp,
        jobs=jobs,
        absent={one: replace(others[one], state=ABSENT) for one in jobs if one not in present},
        nodes=_node_changes(before, after),
        cores=after.totals.cores_used - before.totals.cores_used,
    )


def _job_changes(before: Iterable[Job], after: Iterable[Job]) -> dict[str, str]:
    earlier, later = _by_key(before), _by_key(after)
    waited = {job.array_id for job in earlier.values() if job.array_tasks is not None}
    began = Counter(job.array_id for key, job in later.items() if key not in earlier)
    changes: dict[str, str] = {}
    for key, job in later.items():
        old = earlier.get(key)
        if old is None:
            change = _arrival(job, was_known=job.array_id in waited)
        else:
            change = _change(old, job) or _tasks_lost(old, job, began[job.array_id])
        if change:
            changes[job.job_id] = change
    for key, job in earlier.items():
        # An array's record goes when its last task starts. Of what had ended, Slurm only stopped telling.
        if key in later or job.array_tasks is not None:
            continue
        if job.is_pending or job.state in HOLDING:
            changes[job.job_id] = LEFT if job.is_pending else ENDED
    return changes


def _by_key(jobs: Iterable[Job]) -> dict[str, Job]:
    """Jobs by what stays the same: the id of an array's record names the tasks that wait, which start."""
    return {
        f"{job.array_id}_" if job.array_tasks is not None and job.array_id else job.job_id: job
        for job in jobs
    }


def _arrival(job: Job, *, was_known: bool) -> str:
    if job.is_pending:
        return SUBMITTED
    if job.state in HOLDING:
        return STARTED
    return ENDED if was_known else "came and ended"


def _change(old: Job, new: Job) -> str:
    """What became of a job that both snapshots have; empty if nothing did."""
    if old.state != new.state:
        if new.is_pending:
            return "back in the queue"
        if old.is_pending:
            return STARTED if new.state in HOLDING else _outcome(new)
        if new.state == "COMPLETING":
            return "ending"
        return new.state.lower() if new.state in HOLDING else _outcome(new)
    if new.is_running and old.start_time and new.start_time and new.start_time > old.start_time + 60:
        return "started anew"
    if new.is_pending and (old.reason in _HELD) != (new.reason in _HELD):
        return "held" if new.reason in _HELD else "released"
    if old.time_limit != new.time_limit:
        return f"limit now {'unlimited' if new.time_limit is None else format_duration(new.time_limit)}"
    return ""


def _tasks_lost(old: Job, new: Job, began: int) -> str:
    """Whether fewer tasks of an array wait than those that began since would leave."""
    lost = old.task_count - new.task_count - began
    return f"{lost} tasks fewer wait" if new.array_tasks is not None and lost > 0 else ""


def _outcome(job: Job) -> str:
    return ENDED if job.state == "COMPLETED" else f"ended: {job.state.lower()}"


def _node_changes(before: SnapshotIndex, after: SnapshotIndex) -> dict[str, str]:
    changes: dict[str, str] = {}
    held_before, held_after = _held(before), _held(after)
    for name, node in after.snapshot.nodes.items():
        old = before.snapshot.nodes.get(name)
        if old is None:
            changes[name] = "new"
            continue
        was, is_now = condition(old), condition(node)
        more = held_after.get(name, 0) - held_before.get(name, 0)
        if was != is_now and {was, is_now} - {"in use", "idle", "completing", "up", "planned"}:
            changes[name] = f"{was} to {is_now}"
        elif more:
            changes[name] = f"{more:+d} cores held"
    for name in before.snapshot.nodes.keys() - after.snapshot.nodes.keys():
        changes[name] = "gone"
    return changes


def _held(index: SnapshotIndex) -> dict[str, int]:
    """Node name to the cores that jobs hold there; nodes without jobs are absent."""
    jobs = index.snapshot.jobs
    return {
        node: sum(len(jobs[job_id].layout.get(node, ())) for job_id in on_node)
        for node, on_node in index.jobs_on_node.items()
    }
