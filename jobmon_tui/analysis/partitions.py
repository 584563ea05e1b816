"""What each partition has, holds and keeps waiting."""

from __future__ import annotations

from dataclasses import dataclass

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.model.hostlist import expand
from jobmon_tui.model.snapshot import Job, Partition


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionTotals:
    """One partition with the sums of its jobs."""

    name: str
    state: str | None
    is_default: bool
    max_time: float | None
    """Minutes; ``None`` when unlimited (or, with an unknown state, unknown)."""
    nodes: int | None
    cores: int | None
    cores_used: int
    """Cores that running jobs of the partition hold; jobs of others on shared nodes do not count."""
    running: int
    pending: int
    """Waiting tasks that may run there: an array counts each of its tasks."""
    pending_cores: int
    longest_wait: float | None
    """Minutes since the longest waiting job could have started; ``None`` while none waits, or unknown."""


class _Sums:
    """Counts up while the jobs are looked at."""

    __slots__ = ("cores", "pending", "pending_cores", "running", "since")

    def __init__(self) -> None:
        self.cores = self.running = self.pending = self.pending_cores = 0
        self.since: float | None = None

    def add(self, job: Job, now: float) -> None:
        if job.is_running:
            self.cores += job.n_cpus
            self.running += 1
        elif job.is_pending:
            self.pending += job.task_count
            self.pending_cores += job.n_cpus * job.task_count
            since = job.eligible_time if job.eligible_time is not None else job.submit_time
            if since is not None and since <= now and (self.since is None or since < self.since):
                self.since = since


def partition_totals(index: SnapshotIndex, now: float) -> tuple[PartitionTotals, ...]:
    """The partitions that Slurm knows or that jobs name, in Slurm's order.

    Args:
        index: The snapshot.
        now: Unix seconds, to measure waits by.
    """
    sums: dict[str, _Sums] = {partition.name: _Sums() for partition in index.snapshot.partitions}
    for job in index.snapshot.jobs.values():
        for name in (job.partition or "").split(","):
            if name:
                sums.setdefault(name, _Sums()).add(job, now)
    known = {partition.name: partition for partition in index.snapshot.partitions}
    return tuple(
        _totals(index, known.get(name) or Partition(name=name), one, now) for name, one in sums.items()
    )


def _totals(index: SnapshotIndex, partition: Partition, sums: _Sums, now: float) -> PartitionTotals:
    nodes, cores = _size(index, partition)
    return PartitionTotals(
        name=partition.name,
        state=partition.state,
        is_default=partition.is_default,
        max_time=partition.max_time,
        nodes=nodes,
        cores=cores,
        cores_used=sums.cores,
        running=sums.running,
        pending=sums.pending,
        pending_cores=sums.pending_cores,
        longest_wait=None if sums.since is None else (now - sums.since) / 60,
    )


def _size(index: SnapshotIndex, partition: Partition) -> tuple[int | None, int | None]:
    """Its nodes and cores: as Slurm says, else counted where its nodes are known."""
    nodes, cores = partition.n_nodes, partition.n_cpus
    if nodes is not None and cores is not None:
        return nodes, cores
    try:
        names = expand(partition.nodes)
    except ValueError:
        names = ()
    members = [index.snapshot.nodes[name] for name in names if name in index.snapshot.nodes] or [
        node for node in index.snapshot.nodes.values() if partition.name in node.partitions
    ]
    if not members:
        return nodes, cores
    known = [node.n_cpus for node in members if node.n_cpus is not None]
    return len(members) if nodes is None else nodes, (sum(known) if cores is None and known else cores)
