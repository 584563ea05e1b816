"""One snapshot, looked at from the sides that the views need: by user, by node, in total.

Made once for each snapshot, in the worker, so that drawing only looks up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jobmon_tui.model.snapshot import Job, Node, Snapshot

HOLDING = frozenset(
    {"RUNNING", "SUSPENDED", "COMPLETING", "STOPPED", "SIGNALING", "STAGE_OUT", "CONFIGURING"}
)
"""Job states in which a job still holds its nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTotals:
    """What one user has."""

    name: str
    cores: int
    """Cores of running jobs."""
    share: float | None
    """Those cores in % of the cluster's available cores; ``None`` where those are unknown."""
    gpus: int
    running: int
    """Running jobs."""
    pending: int
    """Pending tasks: an array counts each of its tasks."""
    pending_cores: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTotals:
    """What the cluster has and what is in use; ``None`` where nothing says so."""

    cores_used: int
    cores_available: int | None
    gpus_used: int
    gpus_available: int | None
    memory_used: float | None
    """MiB: measured use where it is measured, else what is allocated."""
    memory_available: float | None
    """MiB."""
    memory_is_measured: bool
    nodes: int
    nodes_in_use: int
    nodes_up: int
    """In service: up, and neither draining nor drained."""
    nodes_drained: int
    """Drained or draining."""
    nodes_down: int
    nodes_unknown: int
    running: int
    pending: int
    """Pending tasks: an array counts each of its tasks."""


def is_down(node: Node) -> bool:
    """Whether the node does not work: Slurm calls it down, or (without Slurm's word) it does not report."""
    if node.state is None:
        return node.up is False
    return node.state in ("DOWN", "ERROR", "FUTURE") or "NOT_RESPONDING" in node.flags


def is_drained(node: Node) -> bool:
    """Whether an administrator keeps new jobs off the node (draining or drained)."""
    return "DRAIN" in node.flags or "FAIL" in node.flags


def is_unknown(node: Node) -> bool:
    """Whether nobody knows what the node's state is."""
    return (node.state is None and node.up is None) or node.state == "UNKNOWN"


@dataclass(frozen=True, slots=True)
class SnapshotIndex:
    """A snapshot with what is looked up in it over and over."""

    snapshot: Snapshot
    totals: ClusterTotals
    users: tuple[UserTotals, ...]
    """By cores, most first; then by pending tasks, then by name."""
    jobs_on_node: Mapping[str, tuple[str, ...]]
    """Node name to the ids of the jobs that hold something there, in order of their lowest core."""
    nodes_of_user: Mapping[str, frozenset[str]]
    """User name to the nodes on which they hold something."""
    line: Mapping[str, tuple[int, int]]
    """Pending job id to its place in line and the length of the line, within its partition, by priority."""

    def core_owners(self, node: str) -> dict[int, str]:
        """Core index to the id of the job that holds it, on that node."""
        owners: dict[int, str] = {}
        for job_id in self.jobs_on_node.get(node, ()):
            for core in self.snapshot.jobs[job_id].layout.get(node, ()):
                owners[core] = job_id
        return owners

    def gpu_owners(self, node: str) -> dict[int, str]:
        """GPU index to the id of the job that holds it, on that node."""
        owners: dict[int, str] = {}
        for job_id in self.jobs_on_node.get(node, ()):
            for gpu in self.snapshot.jobs[job_id].gpu_layout.get(node, ()):
                owners[gpu] = job_id
        return owners


def index_snapshot(snapshot: Snapshot) -> SnapshotIndex:
    """Look at a snapshot from every side once. Costs one pass over its jobs and one over its nodes."""
    jobs = _JobsByState(snapshot.jobs.values())
    on_node: dict[str, list[tuple[int, str]]] = {}
    nodes_of_user: dict[str, set[str]] = {}
    for job in jobs.holding:
        for host in job.layout.keys() | job.gpu_layout.keys() if job.gpu_layout else job.layout:
            cores = job.layout.get(host)
            on_node.setdefault(host, []).append((min(cores) if cores else 1 << 30, job.job_id))
            nodes_of_user.setdefault(job.username, set()).add(host)
    totals = _cluster_totals(snapshot, jobs)
    return SnapshotIndex(
        snapshot=snapshot,
        totals=totals,
        users=_user_totals(jobs, totals.cores_available),
        jobs_on_node={host: tuple(job for _, job in sorted(jobs)) for host, jobs in on_node.items()},
        nodes_of_user={user: frozenset(hosts) for user, hosts in nodes_of_user.items()},
        line=_places_in_line(jobs.pending),
    )


class _JobsByState:
    """The jobs of a snapshot, sorted out once: most of what is counted concerns some of them only."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self.holding = [job for job in jobs if job.state in HOLDING]
        self.running = [job for job in self.holding if job.is_running]
        self.pending = [job for job in jobs if job.is_pending]


def _user_totals(jobs: _JobsByState, available: int | None) -> tuple[UserTotals, ...]:
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for job in jobs.running:
        one = sums[job.username]
        one[0] += job.n_cpus
        one[1] += job.n_gpus
        one[2] += 1
    for job in jobs.pending:
        one, tasks = sums[job.username], job.task_count
        one[3] += tasks
        one[4] += job.n_cpus * tasks
    totals = [
        UserTotals(
            name=name,
            cores=one[0],
            share=100.0 * one[0] / available if available else None,
            gpus=one[1],
            running=one[2],
            pending=one[3],
            pending_cores=one[4],
        )
        for name, one in sums.items()
    ]
    totals.sort(key=lambda user: (-user.cores, -user.pending, user.name))
    return tuple(totals)


def _cluster_totals(snapshot: Snapshot, jobs: _JobsByState) -> ClusterTotals:
    nodes = snapshot.nodes.values()
    busy = {host for job in jobs.holding for host in job.layout}
    busy.update(node.name for node in nodes if node.cpus_allocated)
    counted = [node for node in nodes if node.is_counted]
    measured = any(node.memory for node in nodes)
    if measured:
        memory = [(node.memory.used, node.memory.total) for node in nodes if node.memory]
    else:
        memory = [
            (node.memory_allocated or 0, node.memory_total)
            for node in nodes
            if node.memory_total is not None and not is_down(node)
        ]
    available: int | None = sum(node.n_cpus or 0 for node in counted)
    if snapshot.usage is not None:
        available = snapshot.usage.available
    elif all(node.n_cpus is None for node in nodes):
        available = None
    gpus_known = any(node.n_gpus is not None for node in nodes)
    # Like cores: a bonus node counts only while a job runs on it.
    gpus = sum(node.n_gpus or 0 for node in nodes if node.is_counted or node.name in busy)
    down = {node.name for node in nodes if is_down(node)}
    drained = {node.name for node in nodes if is_drained(node)} - down
    unknown = {node.name for node in nodes if is_unknown(node)} - down - drained
    return ClusterTotals(
        cores_used=sum([job.n_cpus for job in jobs.running]),
        cores_available=available,
        gpus_used=sum([job.n_gpus for job in jobs.running]),
        gpus_available=gpus if gpus_known else None,
        memory_used=sum(used for used, _ in memory) if memory else None,
        memory_available=sum(total for _, total in memory) if memory else None,
        memory_is_measured=measured,
        nodes=len(snapshot.nodes),
        nodes_in_use=len(busy & snapshot.nodes.keys()),
        nodes_up=len(snapshot.nodes) - len(down | drained | unknown),
        nodes_drained=len(drained),
        nodes_down=len(down),
        nodes_unknown=len(unknown),
        running=len(jobs.running),
        pending=sum([job.task_count for job in jobs.pending]),
    )


def _places_in_line(pending: Iterable[Job]) -> dict[str, tuple[int, int]]:
    lines: defaultdict[str, list[tuple[int, float, str]]] = defaultdict(list)
    for job in pending:
        if job.priority:
            entry = (-job.priority, job.submit_time or 0, job.job_id)
            for partition in (job.partition or "").split(","):
                lines[partition].append(entry)
    places: dict[str, tuple[int, int]] = {}
    for line in lines.values():
        line.sort()
        length = len(line)
        for place, (_, _, job_id) in enumerate(line, start=1):
            # In the partition in which it is the furthest ahead.
            if job_id not in places or place < places[job_id][0]:
                places[job_id] = (place, length)
    return places
