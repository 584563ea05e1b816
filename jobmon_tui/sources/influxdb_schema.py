"""What measurements, tags and fields in InfluxDB are called; the defaults are telegraf's and Slurm's.

An empty measurement name means that the site does not keep it: it is not asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DeviceChoice = tuple[tuple[str, str], ...]
"""Pairs of a host pattern and a device pattern (``*``, ``?`` and ``[]`` as in a shell): the first whose host
pattern fits decides; a host that none fits has no such device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuSchema:
    """CPU use, in % of a core."""

    measurement: str = "cpu"
    core_tag: str = "cpu"
    core_prefix: str = "cpu"
    """What stands before the number of a core in that tag."""
    total: str = "cpu-total"
    """What that tag says of the node's mean; empty where nobody stores one."""
    user: str = "usage_user"
    nice: str = "usage_nice"
    system: str = "usage_system"
    wait: str = "usage_iowait"
    idle: str = "usage_idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySchema:
    """A node's memory, swap and local disk, in bytes."""

    measurement: str = "mem"
    used: str = "used"
    """Without buffers and cache."""
    total: str = "total"
    swap_measurement: str = "swap"
    swap_free: str = "free"
    swap_total: str = "total"
    disk_measurement: str = "disk"
    disk_free: str = "free"
    disk_total: str = "total"
    disk_tag: str = "path"
    disks: DeviceChoice = (("*", "/"),)
    """Which file system counts as the node's disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSchema:
    """GPUs: use in %, memory in MiB."""

    measurement: str = "nvidia_smi"
    index_tag: str = "index"
    utilisation: str = "utilization_gpu"
    memory_used: str = "memory_used"
    memory_free: str = "memory_free"
    """Read where memory_used is missing."""
    memory_total: str = "memory_total"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficSchema:
    """Counters of a network."""

    measurement: str
    device_tag: str
    bytes_in: str
    bytes_out: str
    packets_in: str
    packets_out: str
    bytes_each: float = 1
    """How many bytes a counted unit is: InfiniBand ports count words of 4 bytes."""
    devices: DeviceChoice = (("*", "*"),)
    """Which devices count; those of a host are added up."""


INFINIBAND = TrafficSchema(
    measurement="infiniband",
    device_tag="device",
    bytes_in="port_rcv_data",
    bytes_out="port_xmit_data",
    packets_in="port_rcv_packets",
    packets_out="port_xmit_packets",
    bytes_each=4,
)
NETWORK = TrafficSchema(
    measurement="net",
    device_tag="interface",
    bytes_in="bytes_recv",
    bytes_out="bytes_sent",
    packets_in="packets_recv",
    packets_out="packets_sent",
    devices=(("*", "ib*"),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDiskSchema:
    """Traffic of the nodes' local job disk (counters of bytes), and what each job keeps on it."""

    measurement: str = "diskio"
    device_tag: str = "name"
    read: str = "read_bytes"
    write: str = "write_bytes"
    devices: DeviceChoice = ()
    """Which device is the job disk; by default none, as nothing tells."""
    use_measurement: str = "jobfs"
    use_host_tag: str = "host"
    use_job_tag: str = "job"
    use: str = "used"
    use_bytes_each: float = 1
    """How many bytes a unit of that use is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilingSchema:
    """What Slurm's own profiling plug-in writes of every task."""

    memory_measurement: str = "RSS"
    """``RSS`` or ``VMSize``, in KiB."""
    cpu_measurement: str = "CPUUtilization"
    """In % of a core."""
    value: str = "value"
    host_tag: str = "host"
    job_tag: str = "job"


OPERATIONS = (
    "open close mknod link unlink mkdir rmdir rename getattr setattr getxattr setxattr statfs sync "
    "samedir_rename crossdir_rename read_calls write_calls punch create destroy get_info set_info quotactl"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LustreSchema:
    """Counters of Lustre: of each job as the servers count them, of each node as its client counts them."""

    job_measurement: str = "lustre2"
    job_tag: str = "jobid"
    filesystem_tag: str = "name"
    """A file system, or one of its targets (``home-OST0001``), which are added up."""
    server_tag: str = ""
    """Says ``mds`` or ``oss``; where it is empty, the target's name tells (MDT or OST)."""
    job_read: str = "jobstats_read_bytes"
    job_write: str = "jobstats_write_bytes"
    job_operations: tuple[str, ...] = tuple(f"jobstats_{name}" for name in OPERATIONS.split())
    """Counters of operations, which are added up."""
    client_measurement: str = "lustre_client"
    client_tag: str = "host"
    client_read: str = "read_bytes"
    client_write: str = "write_bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxSchema:
    """Everything that jobmon reads from InfluxDB, by its names there."""

    host_tag: str = "host"
    """Which tag of the nodes' own readings names the node."""
    cpu: CpuSchema = field(default_factory=CpuSchema)
    memory: MemorySchema = field(default_factory=MemorySchema)
    gpu: GpuSchema = field(default_factory=GpuSchema)
    networks: tuple[TrafficSchema, ...] = (INFINIBAND, NETWORK)
    """A node's traffic is that of the first network that has readings of it."""
    job_disk: JobDiskSchema = field(default_factory=JobDiskSchema)
    load_measurement: str = "system"
    load: str = "load1"
    temperature_measurement: str = "temp"
    temperature: str = "temp"
    profiling: ProfilingSchema = field(default_factory=ProfilingSchema)
    lustre: LustreSchema = field(default_factory=LustreSchema)
