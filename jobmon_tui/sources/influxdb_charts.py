"""Charts over time: what to ask InfluxDB for each, and how its rows add up to one line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.sources.influxdb_counters import is_chosen
from jobmon_tui.sources.influxdb_jobs import target_of
from jobmon_tui.sources.influxdb_schema import InfluxSchema, TrafficSchema
from jobmon_tui.sources.influxdb_select import OverTime, Row
from jobmon_tui.sources.influxdb_telegraf import MIB

MOST_POINTS = 5000


def _any(_: dict[str, str]) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """How one reading stands in the store."""

    measurement: str
    weights: dict[str, float]
    """Fields and what to multiply each with before they are added up."""
    owner_tag: str
    """The tag that names the node or job."""
    unit: str
    where: tuple[tuple[str, str], ...] = ()
    counts: Callable[[dict[str, str]], bool] = _any
    """Whether the series with these tags counts."""
    is_counter: bool = False
    is_mean: bool = False
    """Whether series (GPUs) are averaged instead of added up."""
    needs_all: bool = True
    """Whether a point without one of the fields is none."""


@dataclass(slots=True)
class Line:
    """One plot of one request: collects its rows.

    Args:
        request: What a chart wants.
        plot: How it stands in the store.
        interval: Seconds between two points of a series: a step covers two at least, lest there be gaps.
    """

    request: SeriesRequest
    plot: Plot
    interval: float
    _sums: dict[int, list[float]] = field(default_factory=dict)

    @property
    def step(self) -> int:
        """Seconds that each value stands for."""
        points = min(max(self.request.points, 1), MOST_POINTS)
        span = self.request.end - self.request.start
        return max(math.ceil(span / points), math.ceil(2 * self.interval), math.ceil(span / MOST_POINTS), 1)

    def selection(self) -> OverTime:
        """What to ask for."""
        first, last = self._limits()
        return OverTime(
            measurement=self.plot.measurement,
            fields=tuple(self.plot.weights),
            where=((self.plot.owner_tag, self.request.name), *self.plot.where),
            start=first,
            end=last,
            step=self.step,
            is_counter=self.plot.is_counter,
        )

    def _limits(self) -> tuple[int, int]:
        return (
            math.floor(self.request.start / self.step) * self.step,
            math.ceil(self.request.end / self.step) * self.step,
        )

    def take(self, row: Row) -> None:
        """Add a row of one series."""
        weights = self.plot.weights
        known = [field for field in weights if field in row.values]
        if not known or (self.plot.needs_all and len(known) < len(weights)):
            return
        if self.plot.counts(dict(row.tags)):
            value = sum(row.values[field] * weights[field] for field in known)
            self._sums.setdefault(round(row.time / self.step), []).append(value)

    def series(self) -> Series | None:
        """The line, with gaps where nothing was measured; ``None`` if nothing was at all."""
        first, last = (limit // self.step for limit in self._limits())
        steps = range(first, last)
        if not any(step in self._sums for step in steps):
            return None
        return Series(
            times=tuple(float(step * self.step) for step in steps),
            values=tuple(self._value(self._sums.get(step)) for step in steps),
            unit=self.plot.unit,
        )

    def _value(self, values: list[float] | None) -> float | None:
        if not values:
            return None
        return sum(values) / len(values) if self.plot.is_mean else sum(values)


def lines(request: SeriesRequest, schema: InfluxSchema, interval: float, job_interval: float) -> list[Line]:
    """What may have the answer to a request, the preferred first; empty for what is not kept.

    Args:
        request: What a chart wants.
        schema: What things are called.
        interval: Seconds between two reports of a node.
        job_interval: Seconds between two reports on a job.
    """
    if not (math.isfinite(request.start) and math.isfinite(request.end)) or request.end <= request.start:
        return []
    reading, _, device = request.reading.partition(":")
    if request.kind == "node":
        plots = _node_plots(schema, request.name, reading, device)
    else:
        plots = _job_plots(schema, reading, device)
    each = interval if request.kind == "node" else job_interval
    return [Line(request, plot, each) for plot in plots if plot.measurement]


def _node_plots(schema: InfluxSchema, host: str, reading: str, device: str) -> Sequence[Plot]:
    cpu, memory, gpu, lustre = schema.cpu, schema.memory, schema.gpu, schema.lustre
    kinds = {
        "cpu_user": {cpu.user: 1.0, cpu.nice: 1.0},
        "cpu_system": {cpu.system: 1.0},
        "cpu_wait": {cpu.wait: 1.0},
    }
    owner = schema.host_tag
    if reading in kinds and cpu.total:
        return [
            Plot(
                measurement=cpu.measurement,
                weights=kinds[reading],
                owner_tag=owner,
                where=((cpu.core_tag, cpu.total),),
                unit="%",
            )
        ]
    if reading == "memory":
        weights = {memory.used: 1 / MIB}
        return [Plot(measurement=memory.measurement, weights=weights, owner_tag=owner, unit="MiB")]
    if reading == "swap":
        weights = {memory.swap_total: 1 / MIB, memory.swap_free: -1 / MIB}
        return [Plot(measurement=memory.swap_measurement, weights=weights, owner_tag=owner, unit="MiB")]
    if reading in ("gpu", "gpu_memory"):
        is_use = reading == "gpu"
        return [
            Plot(
                measurement=gpu.measurement,
                weights={gpu.utilisation if is_use else gpu.memory_used: 1.0},
                owner_tag=owner,
                where=((gpu.index_tag, device),) if device else (),
                is_mean=is_use,
                unit="%" if is_use else "MiB",
            )
        ]
    if reading in ("lustre_read", "lustre_write"):
        counter = lustre.client_read if reading == "lustre_read" else lustre.client_write
        return [_counter(lustre.client_measurement, {counter: 1.0}, lustre.client_tag, "B/s")]
    if reading in ("jobfs_read", "jobfs_write") and schema.job_disk.devices:
        disk = schema.job_disk
        counter = disk.read if reading == "jobfs_read" else disk.write
        return [
            _counter(
                disk.measurement,
                {counter: 1.0},
                owner,
                "B/s",
                lambda tags: is_chosen(disk.devices, host, tags.get(disk.device_tag, "")),
            )
        ]
    return [plot for network in schema.networks for plot in _traffic(network, owner, host, reading)]


def _traffic(network: TrafficSchema, owner: str, host: str, reading: str) -> Sequence[Plot]:
    fields = {
        "infiniband_in": (network.bytes_in, network.bytes_each, "B/s"),
        "infiniband_out": (network.bytes_out, network.bytes_each, "B/s"),
        "packets_in": (network.packets_in, 1.0, "1/s"),
        "packets_out": (network.packets_out, 1.0, "1/s"),
    }
    if reading not in fields:
        return ()
    counter, each, unit = fields[reading]

    def counts(tags: dict[str, str]) -> bool:
        return is_chosen(network.devices, host, tags.get(network.device_tag, ""))

    return [_counter(network.measurement, {counter: each}, owner, unit, counts)]


def _job_plots(schema: InfluxSchema, reading: str, filesystem: str) -> Sequence[Plot]:
    profiling, lustre, disk = schema.profiling, schema.lustre, schema.job_disk
    if reading == "memory":
        measurement, weights, unit = profiling.memory_measurement, {profiling.value: 1 / 1024}, "MiB"
        return [Plot(measurement=measurement, weights=weights, owner_tag=profiling.job_tag, unit=unit)]
    if reading == "cpu_user":
        # The plug-in does not tell user from system time; it is all in one.
        measurement, weights, unit = profiling.cpu_measurement, {profiling.value: 1.0}, "%"
        return [Plot(measurement=measurement, weights=weights, owner_tag=profiling.job_tag, unit=unit)]
    if reading == "jobfs":
        weights = {disk.use: disk.use_bytes_each / MIB}
        tag = disk.use_job_tag
        return [Plot(measurement=disk.use_measurement, weights=weights, owner_tag=tag, unit="MiB")]
    counters = {
        "lustre_read": ((lustre.job_read,), "B/s"),
        "lustre_write": ((lustre.job_write,), "B/s"),
        "lustre_iops": (lustre.job_operations, "1/s"),
    }
    if reading not in counters:
        return ()
    fields, unit = counters[reading]

    def counts(tags: dict[str, str]) -> bool:
        target = target_of(tags.get(lustre.filesystem_tag, ""), tags.get(lustre.server_tag, ""))
        return target is not None and filesystem in ("", target[0])

    return [_counter(lustre.job_measurement, dict.fromkeys(fields, 1.0), lustre.job_tag, unit, counts)]


def _counter(
    measurement: str,
    weights: dict[str, float],
    owner: str,
    unit: str,
    counts: Callable[[dict[str, str]], bool] = _any,
) -> Plot:
    return Plot(
        measurement=measurement,
        weights=weights,
        owner_tag=owner,
        unit=unit,
        counts=counts,
        is_counter=True,
        needs_all=False,
    )
