"""The picture of a cluster at one instant: immutable, typed, with its units.

One backend cycle, one file of a spool or one answer of a web service becomes one `Snapshot`. Nothing in it
changes after it was made, so it can be handed from the thread that reads to the thread that draws.

A reading that nobody could take is ``None`` (or missing from its mapping): unknown is never zero. Strings are
as the outside world gave them; they are made safe for a terminal where they are drawn (`model.text`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from jobmon_tui.model.measures import (
    CoreUse,
    CpuTimes,
    CpuUse,
    Free,
    Gpu,
    LustreRate,
    ReadWrite,
    Traffic,
    Used,
)

__all__ = [
    "NOTHING",
    "BackfillSlot",
    "CoreUse",
    "CpuTimes",
    "CpuUse",
    "Free",
    "Gpu",
    "Job",
    "LustreRate",
    "Node",
    "Partition",
    "ReadWrite",
    "Reservation",
    "Snapshot",
    "SourceStatus",
    "Traffic",
    "Usage",
    "Used",
]

NOTHING: Mapping[Any, Any] = MappingProxyType({})
"""The empty mapping that every absent one shares."""


def _nothing() -> Mapping[Any, Any]:
    # Python 3.11 takes a mappingproxy for mutable and refuses it as a plain default.
    return NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node: what the scheduler says of it and, where a source measures it, what it does."""

    name: str
    """The host name, as the scheduler spells it."""
    up: bool | None = None
    """Whether it answers: its readings are fresh, or the scheduler does not call it down."""
    is_counted: bool = True
    """Whether its cores count towards the cluster's total (a *bonus* node's do not)."""
    n_cpus: int | None = None
    """CPUs that the scheduler sees; with hyper-threading these are threads."""
    n_gpus: int | None = None
    """GPUs that the scheduler sees."""

    cpu: CpuUse | None = None
    """Measured CPU use."""
    memory: Used | None = None
    """Measured memory in MiB: used = total - free - buffers - cache."""
    swap: Free | None = None
    """Measured swap in MiB."""
    disk: Free | None = None
    """Measured local disk in GiB."""
    gpus: tuple[Gpu, ...] | None = None
    """Measured GPUs, in index order; ``None`` where nothing measures them."""
    infiniband: Traffic | None = None
    """Measured traffic of the node's fast network."""
    lustre: ReadWrite | None = None
    """Measured Lustre traffic of the node."""
    jobfs: ReadWrite | None = None
    """Measured traffic of the node's local job disk."""
    temperature: float | None = None
    """The hottest measured temperature, in degrees Celsius."""
    power: float | None = None
    """Measured power, in watts."""

    state: str | None = None
    """Slurm's base state: IDLE, ALLOCATED, MIXED, DOWN, UNKNOWN, FUTURE, ...; without its flags."""
    flags: tuple[str, ...] = ()
    """Slurm's state flags: DRAIN, MAINTENANCE, RESERVED, PLANNED, NOT_RESPONDING, COMPLETING, ..."""
    reason: str | None = None
    """Why an administrator or Slurm took it out of service."""
    reason_user: str | None = None
    """Who set the reason."""
    reason_time: float | None = None
    """When the reason was set, in Unix seconds."""
    sockets: int | None = None
    """Sockets (times boards)."""
    cores_per_socket: int | None = None
    """Physical cores on each socket."""
    threads_per_core: int | None = None
    """Hardware threads of each core."""
    cpus_allocated: int | None = None
    """CPUs that jobs hold."""
    cpu_load: float | None = None
    """The operating system's load average, as slurmd reports it."""
    memory_total: int | None = None
    """RealMemory: what Slurm may hand out, in MiB."""
    memory_allocated: int | None = None
    """What jobs hold, in MiB."""
    memory_free: int | None = None
    """FreeMem: what the operating system calls free, in MiB (page cache does not count as free)."""
    gres: str | None = None
    """Generic resources as configured: ``gpu:p100:2(S:0-1)``."""
    gpu_model: str | None = None
    """The GPUs' type: ``p100``."""
    gpus_allocated: tuple[int, ...] | None = None
    """Indices of the GPUs that jobs hold; ``None`` where Slurm does not say which (see n_gpus_allocated)."""
    n_gpus_allocated: int | None = None
    """How many GPUs jobs hold."""
    features: tuple[str, ...] = ()
    """Active features."""
    partitions: tuple[str, ...] = ()
    """The partitions it belongs to."""
    weight: int | None = None
    """Its scheduling weight: lower is preferred."""
    boot_time: float | None = None
    """When it was booted, in Unix seconds."""
    slurm_version: str | None = None
    """The version of its slurmd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job, one task of a job array, or the record that stands for an array's pending tasks."""

    job_id: str
    """``"123"``; ``"123_7"`` for task 7 of array 123; ``"123_[8-99%4]"`` for that array's pending tasks."""
    name: str
    username: str
    state: str
    """Slurm's base name: PENDING, RUNNING, SUSPENDED, COMPLETING, COMPLETED, CANCELLED, FAILED, ..."""
    n_cpus: int
    """CPUs of one task over all of its nodes: allocated, or requested while it waits."""
    n_gpus: int = 0
    """GPUs over all of its nodes: allocated, or requested while it waits."""
    layout: Mapping[str, tuple[int, ...]] = field(default_factory=_nothing)
    """The cores it holds: host to core indices, in the scheduler's own numbering."""
    gpu_layout: Mapping[str, tuple[int, ...]] = field(default_factory=_nothing)
    """The GPUs it holds: host to GPU indices."""
    memory_layout: Mapping[str, int] = field(default_factory=_nothing)
    """The memory it was allocated: host to MiB."""
    time_limit: float | None = None
    """In minutes; ``None`` when unlimited."""
    run_time: float = 0
    """How long it has run, in minutes."""
    start_time: float | None = None
    """Unix seconds; for a pending job the scheduler's estimate, ``None`` if it has none."""

    cpu_used: float | None = None
    """How busy its cores were of late by Slurm's own count (for the user's own jobs), in % of all of them."""
    memory: Mapping[str, float] = field(default_factory=_nothing)
    """Measured memory in use: host to MiB. A host that is absent is unknown."""
    memory_max: float | None = None
    """The highest measured use on one node since the job started, in MiB."""
    memory_request: float | None = None
    """Memory requested on each node, in MiB, whether it was asked for by CPU, by node or by GPU."""
    lustre: Mapping[str, Mapping[str, LustreRate]] = field(default_factory=_nothing)
    """Measured Lustre use: file system to ``mds`` or ``oss`` to rates."""
    jobfs: Mapping[str, float] = field(default_factory=_nothing)
    """Measured use of the node's job disk: host to MiB."""
    jobfs_request: float | None = None
    """Job disk requested on each node, in MiB."""

    partition: str | None = None
    """Where it runs; for a pending job the comma-separated list it may run in."""
    account: str | None = None
    qos: str | None = None
    priority: int | None = None
    reason: str | None = None
    """Slurm's reason for it to wait or to have failed: Resources, Priority, Dependency, ... or a sentence."""
    dependency: str | None = None
    """What it waits for: ``afterok:3(unfulfilled)``."""
    submit_time: float | None = None
    """Unix seconds."""
    eligible_time: float | None = None
    """Unix seconds; when it could start at the earliest."""
    end_time: float | None = None
    """Unix seconds: when it ended, or when its time limit ends it."""
    n_nodes: int | None = None
    """How many nodes it has or asks for (the smallest number where it gave a range)."""
    nodes: str = ""
    """The nodes it has, folded: ``c[001-004]``."""
    scheduled_nodes: str = ""
    """The nodes that Slurm plans for it, folded."""
    requested_nodes: str = ""
    """The nodes that it insists on, folded."""
    tres_requested: str | None = None
    """``cpu=4,mem=4G,node=2,billing=4``."""
    tres_allocated: str | None = None
    gres: str | None = None
    """Generic resources asked for on each node: ``gpu:p100:2``."""
    features: str | None = None
    """Node features that it insists on."""
    reservation: str | None = None
    """The reservation that it runs in."""
    n_tasks: int | None = None
    """Tasks (processes) it starts."""
    cpus_per_task: int | None = None
    work_dir: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    command: str | None = None
    exit_code: str | None = None
    """``0:0``: the exit status and the signal that ended it."""
    array_id: str | None = None
    """The array that it is a task of, or whose pending tasks it stands for."""
    array_tasks: str | None = None
    """The pending task indices of an array record, as Slurm writes them: ``0-9:3%2``."""
    number: int | None = None
    """Slurm's own number of a task (by which profiling and Lustre know it), where it is not the job id."""
    task_count: int = 1
    """How many tasks this record stands for."""

    @property
    def is_pending(self) -> bool:
        """Whether it waits in the queue."""
        return self.state == "PENDING"

    @property
    def is_running(self) -> bool:
        """Whether it holds its cores and uses them (COMPLETING and SUSPENDED jobs do not count)."""
        return self.state == "RUNNING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One partition of the cluster."""

    name: str
    state: str | None = None
    """UP, DOWN, DRAIN or INACTIVE."""
    nodes: str = ""
    """Its nodes, folded."""
    is_default: bool = False
    max_time: float | None = None
    """The longest time limit, in minutes; ``None`` when unlimited."""
    max_nodes: int | None = None
    priority_tier: int | None = None
    n_cpus: int | None = None
    n_nodes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Nodes (or cores) set aside for some users or for maintenance."""

    name: str
    start_time: float | None = None
    """Unix seconds."""
    end_time: float | None = None
    """Unix seconds."""
    nodes: str = ""
    """Its nodes, folded."""
    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    """MAINT, DAILY, IGNORE_JOBS, SPEC_NODES, ..."""
    partition: str | None = None
    n_cpus: int | None = None

    @property
    def is_maintenance(self) -> bool:
        """Whether it keeps the nodes free for maintenance."""
        return "MAINT" in self.flags

    def is_active(self, time: float) -> bool:
        """Whether it holds at that instant (Unix seconds)."""
        return (self.start_time or 0) <= time and (self.end_time is None or time < self.end_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How many cores of the cluster are there and are used."""

    available: int
    """Cores of the nodes that count, plus those of bonus nodes while a job runs on them."""
    running: int
    """Cores that running jobs hold."""
    users: Mapping[str, int] = field(default_factory=_nothing)
    """Cores by user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How one source did in the cycle that made the snapshot."""

    name: str
    """As shown to users: ``slurm (commands)``, ``ganglia``."""
    ok: bool = True
    version: str = ""
    """What it says of itself: ``22.05.8``."""
    calls: int = 0
    """Calls made to the outside system in this cycle."""
    seconds: float = 0.0
    """How long those calls took together."""
    read_at: float | None = None
    """When its newest good answer was taken, in Unix seconds."""
    error: str | None = None
    """What failed, in one line."""
    hint: str = ""
    """What to do about it, in one line."""
    failing_since: float | None = None
    """Since when, in Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillSlot:
    """Room for short jobs: that many places are free for at least and at most that long."""

    count: int
    shortest: float | None
    """Seconds; ``None``: no end in sight."""
    longest: float | None
    """Seconds; ``None``: no end in sight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole cluster at one instant."""

    timestamp: float
    """When it was taken, in Unix seconds."""
    nodes: Mapping[str, Node] = field(default_factory=_nothing)
    jobs: Mapping[str, Job] = field(default_factory=_nothing)
    """By job id; pending arrays are one record each."""
    usage: Usage | None = None
    """Used and available cores, as the backend counts them."""
    cluster: str | None = None
    """The cluster's name."""
    partitions: tuple[Partition, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    sources: tuple[SourceStatus, ...] = ()
    only_user: str | None = None
    """Set where only this user's jobs were asked for: the others' are absent, not gone."""
    notes: tuple[str, ...] = field(default=())
    """What the user should know of how it was made, each a sentence."""
