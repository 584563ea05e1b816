"""What the nodes do, from the points that telegraf (or whoever writes alike) stores."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from jobmon_tui.model.measures import CoreUse, CpuTimes, CpuUse, Free, Gpu, ReadWrite, Traffic, Used
from jobmon_tui.sources.influxdb_counters import Counters, is_chosen, numbers
from jobmon_tui.sources.influxdb_schema import InfluxSchema
from jobmon_tui.sources.influxdb_select import Newest, Row
from jobmon_tui.sources.readings import NodeReading

MOST_CORES = 8192
"""A core with a higher number is none."""
MOST_EXACT = 50_000
"""Cores in all whose use is kept with all the digits that telegraf stores; of more, tenths of a percent."""
MIB = 1024**2
GIB = 1024**3

Part = tuple[Newest, Callable[[Row], None]]
"""What to ask for, and who takes the rows."""


class Cores:
    """The newest times of a node's cores, with little memory: a large cluster has a million cores."""

    __slots__ = ("_numbers", "_times")

    def __init__(self) -> None:
        self._times = array("d")
        self._numbers = array("d")

    def put(self, core: int, time: float, values: Sequence[float]) -> None:
        """Take user, nice, system, wait, idle of a core, unless a newer point is there."""
        if (lacking := core + 1 - len(self._times)) > 0:
            self._times.extend([0.0] * lacking)
            self._numbers.extend([0.0] * (5 * lacking))
        if time >= self._times[core] and time > 0:
            self._times[core] = time
            self._numbers[5 * core : 5 * core + 5] = array("d", values)

    def __len__(self) -> int:
        return len(self._times)

    def use(self, *, exact: bool = True) -> CoreUse:
        """Core by core; unknown where no point was taken.

        Args:
            exact: Keep all digits, at five times the memory, rather than tenths of a percent.
        """
        numbers = self._numbers if exact else [round(number, 1) for number in self._numbers]
        return CoreUse(
            [numbers[5 * core : 5 * core + 5] if time else None for core, time in enumerate(self._times)]
        )


@dataclass(slots=True)
class _Host:
    """What is known of a node so far."""

    reported_at: float = 0.0
    cores: Cores = field(default_factory=Cores)
    newest: dict[tuple[str, str], Row] = field(default_factory=dict)
    """By kind and device, the newest point."""


class NodeReader:
    """Turns rows into the readings of nodes.

    Args:
        schema: What things are called.
        window: How many seconds back a point may be; two reports must lie within for a rate.
    """

    def __init__(self, schema: InfluxSchema, window: float) -> None:
        self._schema = schema
        self._window = window
        self._hosts: dict[str, _Host] = {}
        self._networks = [Counters() for _ in schema.networks]
        self._disks = Counters()
        self._lustre = Counters()
        gpu, cpu = schema.gpu, schema.cpu
        self._gpu_fields = (gpu.utilisation, gpu.memory_used, gpu.memory_free, gpu.memory_total)
        self._cpu_fields = (cpu.user, cpu.nice, cpu.system, cpu.wait, cpu.idle)
        self._cpu_values = itemgetter(*self._cpu_fields)
        self._core_numbers: dict[str, int] = {}
        self._core = re.compile(re.escape(schema.cpu.core_prefix) + r"([0-9]{1,5})", re.ASCII)

    def parts(self) -> list[Part]:
        """What to ask for; measurements that the site does not keep are left out."""
        schema, cpu, memory = self._schema, self._schema.cpu, self._schema.memory
        parts = [
            self._values("cpu", cpu.measurement, self._cpu_fields, cpu.core_tag, self._take_cpu),
            self._values("memory", memory.measurement, (memory.used, memory.total)),
            self._values("swap", memory.swap_measurement, (memory.swap_free, memory.swap_total)),
            self._values(
                "disk", memory.disk_measurement, (memory.disk_free, memory.disk_total), memory.disk_tag
            ),
            self._values("gpu", schema.gpu.measurement, self._gpu_fields, schema.gpu.index_tag),
            self._values("load", schema.load_measurement, (schema.load,)),
            self._values("temperature", schema.temperature_measurement, (schema.temperature,), "sensor"),
            *self._counter_parts(),
        ]
        return [part for part in parts if part[0].measurement]

    def _counter_parts(self) -> Iterable[Part]:
        schema, disk, lustre = self._schema, self._schema.job_disk, self._schema.lustre
        for network, counters in zip(schema.networks, self._networks, strict=True):
            fields = (network.bytes_in, network.bytes_out, network.packets_in, network.packets_out)
            take = self._counter(counters, schema.host_tag, network.device_tag, network.devices)
            yield self._newest(network.measurement, fields, None, 2), take
        if disk.devices:
            take = self._counter(self._disks, schema.host_tag, disk.device_tag, disk.devices)
            yield self._newest(disk.measurement, (disk.read, disk.write), None, 2), take
        take = self._counter(self._lustre, lustre.client_tag, "", (("*", "*"),))
        yield (
            self._newest(lustre.client_measurement, (lustre.client_read, lustre.client_write), None, 2),
            take,
        )

    def _newest(
        self, measurement: str, fields: tuple[str, ...], tags: tuple[str, ...] | None, points: int = 1
    ) -> Newest:
        return Newest(measurement=measurement, fields=fields, tags=tags, points=points, window=self._window)

    def _values(
        self,
        kind: str,
        measurement: str,
        fields: tuple[str, ...],
        device_tag: str = "",
        take: Callable[[Row], None] | None = None,
    ) -> Part:
        tags = (self._schema.host_tag, device_tag) if device_tag else (self._schema.host_tag,)

        def keep_newest(row: Row) -> None:
            if host := self._host(row):
                key = (kind, row.tags.get(device_tag, ""))
                # Fields may be stored apart, each a row of its own with the same time.
                known = host.newest.get(key)
                if known is None or row.time > known.time:
                    host.newest[key] = row
                elif row.time == known.time:
                    host.newest[key] = known._replace(values={**known.values, **row.values})

        return self._newest(measurement, fields, tags), take or keep_newest

    def _counter(
        self, counters: Counters, host_tag: str, device_tag: str, devices: tuple[tuple[str, str], ...]
    ) -> Callable[[Row], None]:
        def take(row: Row) -> None:
            host = row.tags.get(host_tag, "")
            if host and is_chosen(devices, host, row.tags.get(device_tag, "")):
                counters.put(host, row)
                self._note(host, row.time)

        return take

    def _take_cpu(self, row: Row) -> None:
        host = self._host(row)
        try:
            values = self._cpu_values(row.values)
        except KeyError:
            return
        if host is None:
            return
        tag = row.tags.get(self._schema.cpu.core_tag, "")
        if tag == self._schema.cpu.total:
            known = host.newest.get(("cpu", ""))
            if known is None or row.time >= known.time:
                host.newest["cpu", ""] = row
        elif (core := self._core_of(tag)) is not None:
            host.cores.put(core, row.time, values)

    def _core_of(self, tag: str) -> int | None:
        number = self._core_numbers.get(tag)
        if number is None:
            match = self._core.fullmatch(tag)
            if match is None or int(match[1]) >= MOST_CORES:
                return None
            number = self._core_numbers[tag] = int(match[1])
        return number

    def _host(self, row: Row) -> _Host | None:
        name = row.tags.get(self._schema.host_tag, "")
        return self._note(name, row.time) if name else None

    def _note(self, name: str, time: float) -> _Host:
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host()
        if time > host.reported_at:
            host.reported_at = time
        return host

    # -- what came out -------------------------------------------------------------------------------------

    def readings(self) -> dict[str, NodeReading]:
        """What is known of each node, once every row was taken."""
        exact = sum(len(host.cores) for host in self._hosts.values()) <= MOST_EXACT
        return {name: self._reading(name, host, exact) for name, host in self._hosts.items()}

    def _reading(self, name: str, host: _Host, exact: bool) -> NodeReading:
        memory, lustre, disk = self._schema.memory, self._schema.lustre, self._schema.job_disk
        used = self._pair(host, "memory", memory.used, memory.total)
        swap = self._pair(host, "swap", memory.swap_free, memory.swap_total)
        load = host.newest.get(("load", ""))
        return NodeReading(
            reported_at=host.reported_at,
            cpu=self._cpu(host, exact),
            memory=Used(used[0] / MIB, used[1] / MIB) if used else None,
            swap=Free(swap[0] / MIB, swap[1] / MIB) if swap else None,
            disk=self._disk(name, host),
            gpus=self._gpus(host),
            infiniband=self._traffic(name),
            lustre=self._read_write(self._lustre, name, lustre.client_read, lustre.client_write),
            jobfs=self._read_write(self._disks, name, disk.read, disk.write),
            load=load.values.get(self._schema.load) if load else None,
            temperature=max(self._of(host, "temperature", self._schema.temperature), default=None),
        )

    def _of(self, host: _Host, kind: str, name: str) -> list[float]:
        return [row.values[name] for (of, _), row in host.newest.items() if of == kind and name in row.values]

    def _pair(self, host: _Host, kind: str, first: str, second: str, device: str = "") -> list[float] | None:
        row = host.newest.get((kind, device))
        return numbers(row.values, (first, second)) if row else None

    def _cpu(self, host: _Host, exact: bool) -> CpuUse | None:
        total = host.newest.get(("cpu", ""))
        values = numbers(total.values, self._cpu_fields) if total else None
        cores = host.cores.use(exact=exact)
        if values is None and not len(cores):
            return None
        return CpuUse(CpuTimes(*values) if values else None, cores)

    def _disk(self, name: str, host: _Host) -> Free | None:
        names = self._schema.memory
        for kind, device in host.newest:
            if kind == "disk" and is_chosen(names.disks, name, device):
                pair = self._pair(host, "disk", names.disk_free, names.disk_total, device)
                if pair:
                    return Free(pair[0] / GIB, pair[1] / GIB)
        return None

    def _gpus(self, host: _Host) -> tuple[Gpu, ...] | None:
        devices = [device for kind, device in host.newest if kind == "gpu" and device.isascii()]
        indices = sorted(int(device) for device in devices if device.isdecimal() and len(device) < 4)
        return tuple(self._gpu(host.newest["gpu", str(index)], index) for index in indices) or None

    def _gpu(self, row: Row, index: int) -> Gpu:
        names, values = self._schema.gpu, row.values
        used, total = values.get(names.memory_used), values.get(names.memory_total)
        if used is None and total is not None and names.memory_free in values:
            used = total - values[names.memory_free]
        memory = Used(used, total) if used is not None and total is not None else None
        return Gpu(f"gpu{index}", values.get(names.utilisation), memory)

    def _traffic(self, name: str) -> Traffic | None:
        for network, counters in zip(self._schema.networks, self._networks, strict=True):
            fields = (network.bytes_in, network.bytes_out, network.packets_in, network.packets_out)
            rates = [rate for field in fields if (rate := counters.rate(name, field)) is not None]
            if len(rates) == len(fields):
                bytes_in, bytes_out, packets_in, packets_out = rates
                each = network.bytes_each
                return Traffic(bytes_in * each, bytes_out * each, packets_in, packets_out)
        return None

    def _read_write(self, counters: Counters, name: str, read: str, write: str) -> ReadWrite | None:
        reads, writes = counters.rate(name, read), counters.rate(name, write)
        return ReadWrite(reads, writes) if reads is not None and writes is not None else None
