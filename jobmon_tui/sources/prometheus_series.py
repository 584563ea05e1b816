"""From the rows of a range query to the series of a chart."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jobmon_tui.model.measures import CpuUse, Free, Gpu, LustreRate
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.sources.prometheus_readings import JOB_READERS, NODE_READERS, Hosts, Reader, read_job_cpu
from jobmon_tui.sources.prometheus_rows import Sample

MOST_POINTS = 2000
"""Of one chart; Prometheus itself refuses more than 11,000."""


@dataclass(frozen=True, slots=True)
class Chart:
    """How one reading over time is had."""

    query: str
    """The field of `Queries` that measures it."""
    pick: Callable[[Any, str], float | None]
    """The number out of one instant's reading and the name behind the colon of the request."""
    unit: str


class Range(NamedTuple):
    """What one range query asks; requests with the same one share its answer."""

    query: str
    kind: str
    name: str
    start: float
    step: float
    points: int

    @property
    def times(self) -> tuple[float, ...]:
        """The instants that it asks for, in Unix seconds."""
        return tuple(self.start + index * self.step for index in range(self.points))


def _mode(*modes: str) -> Callable[[CpuUse, str], float | None]:
    def pick(use: CpuUse, _: str) -> float | None:
        total = use.total
        return None if total is None else math.fsum(getattr(total, mode) for mode in modes)

    return pick


def _attribute(name: str) -> Callable[[Any, str], float | None]:
    def pick(reading: Any, _: str) -> float | None:
        value: float = getattr(reading, name)
        return value

    return pick


def _swap(swap: Free, _: str) -> float:
    return swap.total - swap.free


def _gpu_use(gpus: Iterable[Gpu], number: str) -> float | None:
    values = [gpu.utilisation for gpu in _chosen(gpus, number) if gpu.utilisation is not None]
    return math.fsum(values) / len(values) if values else None


def _gpu_memory(gpus: Iterable[Gpu], number: str) -> float | None:
    values = [gpu.memory.used for gpu in _chosen(gpus, number) if gpu.memory is not None]
    return math.fsum(values) if values else None


def _chosen(gpus: Iterable[Gpu], number: str) -> Iterable[Gpu]:
    return (gpu for gpu in gpus if not number or gpu.name in (number, f"gpu{number}"))


def _summed(by_host: Mapping[str, float], host: str) -> float | None:
    values = [value for name, value in by_host.items() if not host or name == host]
    return math.fsum(values) if values else None


def _part(name: str) -> Callable[[Mapping[str, float], str], float | None]:
    return lambda parts, _: parts.get(name)


def _lustre(part: str) -> Callable[[Mapping[str, Mapping[str, LustreRate]], str], float | None]:
    def pick(file_systems: Mapping[str, Mapping[str, LustreRate]], chosen: str) -> float | None:
        rates = [
            getattr(rate, part)
            for file_system, servers in file_systems.items()
            if not chosen or file_system == chosen
            for rate in servers.values()
        ]
        values = [value for value in rates if value is not None]
        return math.fsum(values) if values else None

    return pick


NODE_CHARTS: Mapping[str, Chart] = {
    "cpu_user": Chart("cpu", _mode("user", "nice"), "%"),
    "cpu_system": Chart("cpu", _mode("system"), "%"),
    "cpu_wait": Chart("cpu", _mode("wait"), "%"),
    "memory": Chart("memory", _attribute("used"), "MiB"),
    "swap": Chart("swap", _swap, "MiB"),
    "gpu": Chart("gpus", _gpu_use, "%"),
    "gpu_memory": Chart("gpus", _gpu_memory, "MiB"),
    "infiniband_in": Chart("infiniband", _attribute("bytes_in"), "B/s"),
    "infiniband_out": Chart("infiniband", _attribute("bytes_out"), "B/s"),
    "packets_in": Chart("infiniband", _attribute("packets_in"), "1/s"),
    "packets_out": Chart("infiniband", _attribute("packets_out"), "1/s"),
    "lustre_read": Chart("lustre", _attribute("read"), "B/s"),
    "lustre_write": Chart("lustre", _attribute("write"), "B/s"),
    "jobfs_read": Chart("jobfs", _attribute("read"), "B/s"),
    "jobfs_write": Chart("jobfs", _attribute("write"), "B/s"),
}
JOB_CHARTS: Mapping[str, Chart] = {
    "cpu_user": Chart("job_cpu", _part("user"), "%"),
    "cpu_system": Chart("job_cpu", _part("system"), "%"),
    "memory": Chart("job_memory", _summed, "MiB"),
    "lustre_read": Chart("job_lustre", _lustre("read_bytes"), "B/s"),
    "lustre_write": Chart("job_lustre", _lustre("write_bytes"), "B/s"),
    "lustre_iops": Chart("job_lustre", _lustre("iops"), "1/s"),
    "jobfs": Chart("job_jobfs", _summed, "MiB"),
}


def chart_of(request: SeriesRequest) -> Chart | None:
    """How a request is answered, or ``None`` if it is not."""
    charts = NODE_CHARTS if request.kind == "node" else JOB_CHARTS
    reading, _, chosen = request.reading.partition(":")
    if chosen and request.kind == "node" and not reading.startswith("gpu"):
        return None
    return charts.get(reading)


def range_of(request: SeriesRequest, chart: Chart) -> Range | None:
    """What to ask for a request, or ``None`` for an empty or endless time."""
    seconds = request.end - request.start
    if not (math.isfinite(request.start) and math.isfinite(seconds) and seconds > 0):
        return None
    step = max(1.0, math.ceil(seconds / min(max(request.points, 1), MOST_POINTS)))
    return Range(chart.query, request.kind, request.name, request.start, step, int(seconds // step) + 1)


def read_range(asked: Range, samples: Iterable[Sample], hosts: Hosts) -> dict[int, Any]:
    """Decode the answer to a range query.

    Returns:
        By the index of the instant, the reading of the node or job that was asked for.
    """
    by_index: defaultdict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        index = round((sample[2] - asked.start) / asked.step)
        if 0 <= index < asked.points:
            by_index[index].append(sample)
    reader = _reader(asked.query)
    found: dict[int, Any] = {}
    for index in list(by_index):
        reading = reader(by_index.pop(index), hosts).get(asked.name)
        if reading is not None:
            found[index] = reading
    return found


def _reader(query: str) -> Reader:
    if query == "job_cpu":
        return read_job_cpu
    return NODE_READERS[query] if query in NODE_READERS else JOB_READERS[query][1]


def draw(request: SeriesRequest, chart: Chart, asked: Range, found: Mapping[int, Any]) -> Series | None:
    """One request's series out of the decoded answer; ``None`` where nothing at all was measured."""
    chosen = request.reading.partition(":")[2]
    values = tuple(
        chart.pick(found[index], chosen) if index in found else None for index in range(asked.points)
    )
    if all(value is None for value in values):
        return None
    return Series(times=asked.times, values=values, unit=chart.unit)
