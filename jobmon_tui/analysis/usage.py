"""What a job makes of what it was given, and how many cores the cluster has in use.

The figures are those that users of the web-based jobmon know, clause by clause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobmon_tui.model.snapshot import Gpu, Job, Node, Snapshot, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class JobUsage:
    """What a job uses, on one node or on all of its nodes together.

    By convention traffic and GPU figures are 0 where they are unknown, and a core that was not reported
    counts as one that did nothing; ``cores_reported`` tells which of the two it was.
    """

    cores: int
    """Its cores there; on all nodes together: on those nodes that the snapshot knows."""
    cores_reported: int
    """How many of them the node reported."""
    gpus_reported: int
    """How many of its GPUs there were measured; without any the GPU figures below say nothing."""
    user: float | None
    """User and nice time, mean over its cores, in % of a core; ``None`` without cores."""
    system: float | None
    """In % of a core."""
    wait: float | None
    """In % of a core."""
    idle: float | None
    """In % of a core."""
    memory_used: float | None
    """The job's memory in use, in MiB."""
    memory_max: float | None
    """The most that it used on one node since it started, in MiB."""
    memory_total: float | None
    """The memory of the node, or of its nodes together, in MiB."""
    bytes_in: float
    """The nodes' InfiniBand traffic, per second."""
    bytes_out: float
    """The nodes' InfiniBand traffic, per second."""
    read: float
    """The nodes' Lustre traffic, in bytes per second."""
    write: float
    """The nodes' Lustre traffic, in bytes per second."""
    gpu: float | None
    """Mean utilisation of its GPUs, in %; ``None`` where it has no node at all."""
    gpu_memory_used: float | None
    """Mean of its GPUs, in MiB."""
    gpu_memory_total: float | None
    """Mean of its GPUs, in MiB."""
    jobfs_used: float | None
    """What it holds on the node's job disk, in MiB."""


def node_usage(job: Job, node: Node) -> JobUsage:
    """What a job uses on one node: the means are over the job's own cores and GPUs there."""
    held = job.layout.get(node.name, ())
    cores = node.cpu.cores if node.cpu else ()
    reported = [core for index in held if index < len(cores) and (core := cores[index]) is not None]
    n = len(held)
    gpu, gpu_memory_used, gpu_memory_total = _gpu_means(job, node)
    return JobUsage(
        cores=n,
        cores_reported=len(reported),
        gpus_reported=sum(gpu.utilisation is not None for gpu in _gpus_held(job, node)),
        user=sum(core.user + core.nice for core in reported) / n if n else None,
        system=sum(core.system for core in reported) / n if n else None,
        wait=sum(core.wait for core in reported) / n if n else None,
        idle=sum(core.idle for core in reported) / n if n else None,
        memory_used=job.memory.get(node.name),
        memory_max=job.memory_max,
        memory_total=node.memory.total if node.memory else None,
        bytes_in=node.infiniband.bytes_in if node.infiniband else 0,
        bytes_out=node.infiniband.bytes_out if node.infiniband else 0,
        read=node.lustre.read if node.lustre else 0,
        write=node.lustre.write if node.lustre else 0,
        gpu=gpu,
        gpu_memory_used=gpu_memory_used,
        gpu_memory_total=gpu_memory_total,
        jobfs_used=job.jobfs.get(node.name),
    )


def usage_by_node(job: Job, snapshot: Snapshot) -> dict[str, JobUsage]:
    """What a job uses on each of its nodes that the snapshot knows."""
    return {host: node_usage(job, snapshot.nodes[host]) for host in job.layout if host in snapshot.nodes}


def job_usage(job: Job, snapshot: Snapshot) -> JobUsage:
    """What a job uses on all of its nodes together."""
    return total_usage(job, usage_by_node(job, snapshot))


def total_usage(job: Job, by_node: dict[str, JobUsage]) -> JobUsage:
    """Put the usage on each node together: CPU weighted by cores, amounts and traffic summed.

    Args:
        job: The job.
        by_node: What `usage_by_node` gives.
    """
    parts = list(by_node.values())
    cores = sum(part.cores for part in parts)
    # Nodes that the snapshot lacks lower the GPU figures: the divisor is the number of all of its nodes.
    hosts = len(job.layout)

    def mean(times: Sequence[float | None]) -> float | None:
        pairs = zip(times, parts, strict=True)
        return sum((time or 0) * part.cores for time, part in pairs) / cores if cores else None

    def known_sum(amounts: Sequence[float | None]) -> float | None:
        known = [amount for amount in amounts if amount is not None]
        return sum(known) if known else None

    return JobUsage(
        cores=cores,
        cores_reported=sum(part.cores_reported for part in parts),
        gpus_reported=sum(part.gpus_reported for part in parts),
        user=mean([part.user for part in parts]),
        system=mean([part.system for part in parts]),
        wait=mean([part.wait for part in parts]),
        idle=mean([part.idle for part in parts]),
        memory_used=known_sum([part.memory_used for part in parts]),
        memory_max=job.memory_max,
        memory_total=known_sum([part.memory_total for part in parts]),
        bytes_in=sum(part.bytes_in for part in parts),
        bytes_out=sum(part.bytes_out for part in parts),
        read=sum(part.read for part in parts),
        write=sum(part.write for part in parts),
        gpu=sum(part.gpu or 0 for part in parts) / hosts if hosts else None,
        gpu_memory_used=sum(part.gpu_memory_used or 0 for part in parts) / hosts if hosts else None,
        gpu_memory_total=sum(part.gpu_memory_total or 0 for part in parts) / hosts if hosts else None,
        jobfs_used=known_sum([part.jobfs_used for part in parts]),
    )


def gpu_at(node: Node, index: int) -> Gpu | None:
    """The GPU that a job's layout means by that index: the one whose name ends in it."""
    for gpu in node.gpus or ():
        if gpu.name == f"gpu{index}":
            return gpu
    for gpu in node.gpus or ():
        prefix = gpu.name.rstrip("0123456789")
        if gpu.name[len(prefix) :] == str(index):
            return gpu
    return None


def core_usage(snapshot: Snapshot) -> Usage:
    """Count the cluster's cores: counted nodes are available, a bonus node only while a job runs on it."""
    available = sum(node.n_cpus or 0 for node in snapshot.nodes.values() if node.is_counted)
    running = 0
    users: dict[str, int] = {}
    bonus: set[str] = set()
    for job in snapshot.jobs.values():
        if job.is_running:
            running += job.n_cpus
            users[job.username] = users.get(job.username, 0) + job.n_cpus
            bonus.update(job.layout)
    for host in bonus:
        node = snapshot.nodes.get(host)
        if node is not None and not node.is_counted:
            available += node.n_cpus or 0
    return Usage(available=available, running=running, users=users)


def _gpus_held(job: Job, node: Node) -> list[Gpu]:
    """The job's GPUs on that node, as far as the node reports them."""
    held = job.gpu_layout.get(node.name, ())
    return [gpu for index in held if (gpu := gpu_at(node, index)) is not None] if node.gpus else []


def _gpu_means(job: Job, node: Node) -> tuple[float, float, float]:
    """Utilisation, memory used and memory total, each a mean over the job's GPUs on that node."""
    held = job.gpu_layout.get(node.name, ())
    if not held or not node.gpus:
        return 0, 0, 0
    gpus = _gpus_held(job, node)
    memories = [gpu.memory for gpu in gpus if gpu.memory is not None]
    return (
        sum(gpu.utilisation or 0 for gpu in gpus) / len(held),
        sum(memory.used for memory in memories) / len(held),
        sum(memory.total for memory in memories) / len(held),
    )
