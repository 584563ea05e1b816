"""From the rows of Prometheus' answers to readings of nodes and jobs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
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
from jobmon_tui.sources.prometheus_rows import Sample

MIB = 1024.0**2
GIB = 1024.0**3
MOST_CORES = 8192
"""As many CPUs as Linux knows; a number beyond is nonsense that must not make us reserve memory."""
MOST_SPELLINGS = 8
"""Ways to spell one node that are remembered: one for each exporter on it."""
UNKNOWN = 255
"""Stands for the five numbers of a core that was not measured; no percentage is that large."""
MODES = {"user": 0, "nice": 1, "system": 2, "irq": 2, "softirq": 2, "steal": 2, "iowait": 3, "idle": 4}
"""The kernel's modes, and which of our five each counts for."""
WITHOUT_PORT = r"(?P<host>\[.*\]|.*?)(:[0-9]+)?"
"""Finds the host in ``node1:9100``."""


class Hosts:
    """Which node a row is about.

    Args:
        label: The label that names the node.
        pattern: A regular expression for the whole label; its group ``host`` is the node's name.
        wanted: The nodes that are wanted; rows of others are dropped. Empty: all.
    """

    def __init__(self, label: str, pattern: re.Pattern[str], wanted: Iterable[str] = ()) -> None:
        self._label = label
        self._pattern = pattern
        self._wanted = frozenset(wanted)
        self._known: dict[str, str | None] = {}
        self._aliases: dict[str, str] = {}

    def learn(self, samples: Iterable[Sample]) -> None:
        """Take the names that nodes give themselves (label ``nodename``) for what their addresses mean."""
        for labels, _, _ in samples:
            host = self._matched(labels.get(self._label, ""))
            name = labels.get("nodename")
            if host and name:
                self._aliases[host] = name
        self._known.clear()

    def remember(self, host: str, spelt: Iterable[str]) -> None:
        """Take these spellings for that node."""
        self._known.update(dict.fromkeys(spelt, host))

    def __call__(self, labels: Mapping[str, str]) -> str | None:
        """The node's name as it is wanted, or ``None`` if it is not."""
        spelt = labels.get(self._label, "")
        try:
            return self._known[spelt]
        except KeyError:
            host = self._known[spelt] = self._found(spelt)
            return host

    @property
    def unwanted(self) -> str | None:
        """What a row's label said where rows came but none was of a wanted node."""
        if not self._known or any(self._known.values()):
            return None
        return next(iter(self._known))

    def spellings(self) -> dict[str, tuple[str, ...]]:
        """How the labels spell each node that was seen."""
        spelt: dict[str, tuple[str, ...]] = {}
        for spelling, host in self._known.items():
            if host is not None and len(spelt.get(host, ())) < MOST_SPELLINGS:
                spelt[host] = (*spelt.get(host, ()), spelling)
        return spelt

    def _matched(self, spelt: str) -> str | None:
        matched = self._pattern.fullmatch(spelt)
        return matched["host"] or None if matched else None

    def _found(self, spelt: str) -> str | None:
        host = self._matched(spelt)
        if host is None or not self._wanted:
            return host
        alias = self._aliases.get(host, host)
        names = (host, host.partition(".")[0], alias, alias.partition(".")[0])
        return next((name for name in names if name in self._wanted), None)


def read_numbers(samples: Iterable[Sample], hosts: Hosts) -> dict[str, float]:
    """One number for each node; the first, should there be several."""
    found: dict[str, float] = {}
    for labels, value, _ in samples:
        host = hosts(labels)
        if host is not None:
            found.setdefault(host, value)
    return found


def read_ages(samples: Iterable[Sample], hosts: Hosts) -> dict[str, tuple[float, float]]:
    """When each node was last measured, and how long ago that is by the server's own clock (seconds)."""
    found: dict[str, tuple[float, float]] = {}
    for labels, value, at in samples:
        host = hosts(labels)
        if host is not None:
            found[host] = max((value, at - value), found.get(host, (value, at - value)))
    return found


def read_cpu(samples: Iterable[Sample], hosts: Hosts) -> dict[str, CpuUse]:
    """What the cores of each node do: packed by the query, or mode by mode."""
    packed: defaultdict[str, bytearray] = defaultdict(bytearray)
    plain: defaultdict[str, defaultdict[str | None, list[float]]] = defaultdict(
        lambda: defaultdict(lambda: [0.0] * 5)
    )
    for labels, value, _ in samples:
        host = hosts(labels)
        if host is None:
            continue
        mode = labels.get("mode")
        cpu = labels.get("cpu")
        if mode is not None:
            if mode in MODES and (cpu is None or _index(cpu) is not None):
                plain[host][cpu][MODES[mode]] += 100 * value
        elif cpu is not None and (index := _index(cpu)) is not None:
            numbers = packed[host]
            start = 5 * index
            if len(numbers) < start:
                numbers.extend([UNKNOWN] * (start - len(numbers)))
            numbers[start : start + 5] = _unpacked(value)
    found = {host: _packed_use(bytes(numbers)) for host, numbers in packed.items()}
    found.update({host: _plain_use(cores) for host, cores in plain.items()})
    return found


@lru_cache(maxsize=16384)
def _index(cpu: str) -> int | None:
    return int(cpu) if cpu.isascii() and cpu.isdigit() and len(cpu) < 6 and int(cpu) < MOST_CORES else None


@lru_cache(maxsize=65536)
def _unpacked(value: float) -> bytes:
    """A core's five modes out of one number of three digits each; more than 100 % is rounding."""
    rest = int(value)
    modes = []
    for _ in range(5):
        rest, mode = divmod(rest, 1000)
        modes.append(min(mode, 100))
    return bytes(reversed(modes))


def _packed_use(numbers: bytes) -> CpuUse:
    if UNKNOWN not in numbers:
        cores = CoreUse.packed(numbers)
    else:
        each = (numbers[start : start + 5] for start in range(0, len(numbers), 5))
        cores = CoreUse([None if UNKNOWN in core else core for core in each])
    known = len(numbers) // 5 - numbers[::5].count(UNKNOWN)
    if not known:
        return CpuUse(None, cores)
    sums = (sum(numbers[mode::5].replace(bytes([UNKNOWN]), b"\0")) for mode in range(5))
    return CpuUse(CpuTimes(*(total / known for total in sums)), cores)


def _plain_use(by_cpu: Mapping[str | None, list[float]]) -> CpuUse:
    by_index = {int(cpu): modes for cpu, modes in by_cpu.items() if cpu is not None}
    cores = CoreUse([by_index.get(index) for index in range(max(by_index, default=-1) + 1)])
    if None in by_cpu:
        return CpuUse(CpuTimes(*by_cpu[None]), cores)
    means = (sum(modes[mode] for modes in by_index.values()) / len(by_index) for mode in range(5))
    return CpuUse(CpuTimes(*means), cores)


def _parts(samples: Iterable[Sample], hosts: Hosts) -> dict[str, dict[str, float]]:
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for labels, value, _ in samples:
        host = hosts(labels)
        if host is not None:
            found[host].setdefault(labels.get("part", ""), value)
    return found


def _from_parts(make: Callable[..., Any], unit: float, *names: str) -> Callable[..., dict[str, Any]]:
    """A reader of what consists of several numbers; a node of which one is missing is left out."""

    def read(samples: Iterable[Sample], hosts: Hosts) -> dict[str, Any]:
        return {
            host: make(*(parts[name] / unit for name in names))
            for host, parts in _parts(samples, hosts).items()
            if all(name in parts for name in names)
        }

    return read


read_memory = _from_parts(Used, MIB, "used", "total")
read_swap = _from_parts(Free, MIB, "free", "total")
read_disk = _from_parts(Free, GIB, "free", "total")
read_traffic = _from_parts(Traffic, 1, "bytes_in", "bytes_out", "packets_in", "packets_out")
read_transfer = _from_parts(ReadWrite, 1, "read", "write")


def read_gpus(samples: Iterable[Sample], hosts: Hosts) -> dict[str, tuple[Gpu, ...]]:
    """The GPUs of each node, in the order of their numbers."""
    found: defaultdict[str, defaultdict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for labels, value, _ in samples:
        host = hosts(labels)
        number = _index(labels.get("gpu", ""))
        if host is not None and number is not None:
            found[host][number].setdefault(labels.get("part", ""), value)
    return {
        host: tuple(
            Gpu(f"gpu{number}", parts.get("utilisation"), _gpu_memory(parts))
            for number, parts in sorted(gpus.items())
        )
        for host, gpus in found.items()
    }


def _gpu_memory(parts: Mapping[str, float]) -> Used | None:
    used, total = parts.get("used"), parts.get("total")
    if total is None and used is not None and "free" in parts:
        total = used + parts["free"]
    return None if used is None or total is None else Used(used / MIB, total / MIB)


def read_job_hosts(samples: Iterable[Sample], hosts: Hosts) -> dict[str, dict[str, float]]:
    """Bytes of each job on each of its nodes, in MiB."""
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for labels, value, _ in samples:
        host, job_id = hosts(labels), labels.get("jobid")
        if host is not None and job_id:
            found[job_id].setdefault(host, value / MIB)
    return found


def read_job_memory_max(samples: Iterable[Sample], _hosts: Hosts) -> dict[str, float]:
    """One number of bytes for each job, in MiB."""
    return {labels["jobid"]: value / MIB for labels, value, _ in samples if labels.get("jobid")}


def read_job_cpu(samples: Iterable[Sample], _hosts: Hosts) -> dict[str, dict[str, float]]:
    """The parts ``user`` and ``system`` of each job, in %."""
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for labels, value, _ in samples:
        if labels.get("jobid"):
            found[labels["jobid"]][labels.get("part", "")] = value
    return found


def read_job_lustre(samples: Iterable[Sample], _hosts: Hosts) -> dict[str, dict[str, dict[str, LustreRate]]]:
    """What each job asks of the metadata and object servers of each file system."""
    found: defaultdict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    servers = {"mdt": "mds", "mds": "mds", "ost": "oss", "oss": "oss"}
    for labels, value, _ in samples:
        job_id, server = labels.get("jobid"), servers.get(labels.get("component", "").lower())
        if job_id and server:
            found[job_id, labels.get("fs", ""), server][labels.get("part", "")] = value
    jobs: defaultdict[str, defaultdict[str, dict[str, LustreRate]]] = defaultdict(lambda: defaultdict(dict))
    for (job_id, file_system, server), parts in found.items():
        rate = LustreRate(parts.get("read_bytes"), parts.get("write_bytes"), parts.get("iops"))
        jobs[job_id][file_system][server] = rate
    return {job_id: dict(file_systems) for job_id, file_systems in jobs.items()}


Reader = Callable[[Iterable[Sample], Hosts], Mapping[str, Any]]

NODE_READERS: Mapping[str, Reader] = {
    "cpu": read_cpu,
    "memory": read_memory,
    "swap": read_swap,
    "disk": read_disk,
    "load": read_numbers,
    "infiniband": read_traffic,
    "lustre": read_transfer,
    "jobfs": read_transfer,
    "temperature": read_numbers,
    "power": read_numbers,
    "gpus": read_gpus,
}
"""For each field of `NodeReading` the reader of what the query of that name answers."""

JOB_READERS: Mapping[str, tuple[str, Reader]] = {
    "job_memory": ("memory", read_job_hosts),
    "job_memory_max": ("memory_max", read_job_memory_max),
    "job_lustre": ("lustre", read_job_lustre),
    "job_jobfs": ("jobfs", read_job_hosts),
}
"""For each query about jobs the field of `JobReading` that it fills, and the reader of its answer."""

BY_OTHER_EXPORTERS = frozenset({"lustre", "power", "gpus"})
"""Fields of nodes that live on while node_exporter, whose word on the age of the others counts, is gone."""


def fields_of(readings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Field to name to value, turned into name to field to value."""
    turned: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for field, by_name in readings.items():
        for name, value in by_name.items():
            turned[name][field] = value
    return turned
