"""What a snapshot says of each reading that a chart can show, of a node or of a job.

The readings are those of `model.series`, and one more of jobs: ``memory_max``. What nobody measured is
absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jobmon_tui.analysis.usage import gpu_at
from jobmon_tui.model.snapshot import CpuTimes, Gpu, Job, Node

UNITS = {
    "cpu_user": "%",
    "cpu_system": "%",
    "cpu_wait": "%",
    "memory": "MiB",
    "memory_max": "MiB",
    "swap": "MiB",
    "gpu": "%",
    "gpu_memory": "MiB",
    "infiniband_in": "B/s",
    "infiniband_out": "B/s",
    "packets_in": "1/s",
    "packets_out": "1/s",
    "lustre_read": "B/s",
    "lustre_write": "B/s",
    "lustre_iops": "1/s",
    "jobfs_read": "B/s",
    "jobfs_write": "B/s",
    "jobfs": "MiB",
}
"""The unit of each reading."""

Known = dict[str, float]
"""Reading (with a colon and a name behind it where there are several of a kind) to its value."""


def unit_of(reading: str) -> str:
    """The unit of a reading: ``gpu_memory:0`` is in MiB."""
    return UNITS.get(reading.partition(":")[0], "")


def gpu_number(gpu: Gpu, place: int) -> str:
    """What comes behind the colon for one of a node's GPUs: the number in its name, else its place."""
    digits = gpu.name[len(gpu.name.rstrip("0123456789")) :]
    return digits or str(place)


def node_readings(node: Node) -> Known:
    """Everything that is measured of a node."""
    known: Known = {}
    if node.cpu is not None and node.cpu.total is not None:
        _put_cpu(known, node.cpu.total)
    if node.memory is not None:
        known["memory"] = node.memory.used
    if node.swap is not None and node.swap.total > 0:
        known["swap"] = max(0.0, node.swap.total - node.swap.free)
    for place, gpu in enumerate(node.gpus or ()):
        number = gpu_number(gpu, place)
        if gpu.utilisation is not None:
            known[f"gpu:{number}"] = gpu.utilisation
        if gpu.memory is not None:
            known[f"gpu_memory:{number}"] = gpu.memory.used
    if node.infiniband is not None:
        known["infiniband_in"], known["infiniband_out"] = node.infiniband[:2]
        for reading, packets in zip(("packets_in", "packets_out"), node.infiniband[2:], strict=True):
            if packets is not None:
                known[reading] = packets
    if node.lustre is not None:
        known["lustre_read"], known["lustre_write"] = node.lustre
    if node.jobfs is not None:
        known["jobfs_read"], known["jobfs_write"] = node.jobfs
    return known


def _put_cpu(known: Known, times: CpuTimes) -> None:
    known["cpu_user"] = times.user + times.nice
    known["cpu_system"] = times.system
    known["cpu_wait"] = times.wait


def job_readings(job: Job, nodes: Mapping[str, Node]) -> Known:
    """Everything that is measured of a job, over its own cores and GPUs on all of its nodes.

    CPU and GPU figures are means over those of its cores and GPUs that are measured. Amounts are sums over
    its nodes, and unknown where one of them is: a sum without it would look as if the job had let go of it.
    """
    known: Known = {}
    _put_job_cpu(known, job, nodes)
    for reading, amounts in (("memory", job.memory), ("jobfs", job.jobfs)):
        if amounts and all(host in amounts for host in job.layout or amounts):
            known[reading] = sum(amounts.values())
    if job.memory_max is not None:
        known["memory_max"] = job.memory_max
    if job.gpu_layout:
        _put_job_gpus(known, job, nodes)
    for system, servers in job.lustre.items():
        for reading, rate in (
            ("lustre_read", lambda one: one.read_bytes),
            ("lustre_write", lambda one: one.write_bytes),
            ("lustre_iops", lambda one: one.iops),
        ):
            total = _sum_of_known(map(rate, servers.values()))
            if total is not None:
                known[f"{reading}:{system}"] = total
    return known


def _put_job_cpu(known: Known, job: Job, nodes: Mapping[str, Node]) -> None:
    user = system = wait = 0.0
    count = 0
    for host, held in job.layout.items():
        node = nodes.get(host)
        if node is None or node.cpu is None:
            continue
        known_here, times = node.cpu.cores.summed(held)
        count += known_here
        user += times.user + times.nice
        system += times.system
        wait += times.wait
    if count:
        known["cpu_user"], known["cpu_system"], known["cpu_wait"] = user / count, system / count, wait / count


def _put_job_gpus(known: Known, job: Job, nodes: Mapping[str, Node]) -> None:
    gpus = [
        gpu
        for host, held in job.gpu_layout.items()
        if host in nodes
        for index in held
        if (gpu := gpu_at(nodes[host], index)) is not None
    ]
    use = [gpu.utilisation for gpu in gpus if gpu.utilisation is not None]
    if use:
        known["gpu"] = sum(use) / len(use)
    memory = [gpu.memory.used for gpu in gpus if gpu.memory is not None]
    if memory:
        known["gpu_memory"] = sum(memory) / len(memory)


def _sum_of_known(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
