"""What the metrics of one of Ganglia's hosts come to."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping

from jobmon_tui.model.measures import CoreUse, CpuTimes, CpuUse, Free, Gpu, ReadWrite, Traffic, Used
from jobmon_tui.sources.ganglia_metrics import CPU_KINDS, Place, Recogniser, in_our_unit
from jobmon_tui.sources.readings import NodeReading

# As Ganglia judges hosts: gone after four of the longest silence that it announces.
_FORGOTTEN_AFTER = 4


class Measurement:
    """The metrics of one host, gathered one by one.

    Args:
        recogniser: What tells what a metric is.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._packed: CoreUse | None = None
        self._cores: dict[int, bytes] = {}
        self._amounts: dict[str, float] = {}
        self._gpus: dict[int, dict[str, float]] = {}

    def add(self, metrics: Iterable[tuple[bytes, bytes, bytes, bytes, bytes]]) -> None:
        """Take metrics: of each its name, value, unit, age and longest silence (TN and TMAX, in seconds)."""
        place_of, cores = self._recogniser.place, self._cores
        for name, value, unit, age, silence in metrics:
            place = place_of(name)
            if place is None or (len(age) > 3 and _is_forgotten(age, silence)):
                continue
            if type(place) is int:
                cores[place] = value
            else:
                self._add_amount(place, value, unit)  # type: ignore[arg-type]

    def add_columns(
        self,
        names: tuple[bytes, ...],
        values: tuple[bytes, ...],
        units: tuple[bytes, ...],
        ages: tuple[bytes, ...],
        silences: tuple[bytes, ...],
    ) -> None:
        """Take all metrics of a host at once, as `add` would, without a look at each.

        Args:
            names: Their names; the others are as many, in the same order.
            values: Their values.
            units: Their units.
            ages: How long ago each was told, in seconds (TN).
            silences: How long each may stay silent, in seconds (TMAX).
        """
        cores = None
        if max(map(len, ages)) <= 3:  # None is old enough to be forgotten.
            plan = self._recogniser.plan(names)
            cores = self._packed_cores(plan.cores(values)) if plan.cores else None
        if cores is None:
            self.add(zip(names, values, units, ages, silences, strict=True))
            return
        self._packed = cores
        for position, place in plan.amounts:
            self._add_amount(place, values[position], units[position])

    def _packed_cores(self, texts: tuple[bytes, ...]) -> CoreUse | None:
        try:
            tenths = array("H", map(self._recogniser.tenths.__getitem__, texts))
        except ValueError:
            return None
        return CoreUse.of_tenths(tenths)

    def _add_amount(self, place: Place, value: bytes, unit: bytes) -> None:
        amount = _number(value)
        if amount is None:
            return
        reading, number, quantity = place
        amount = in_our_unit(quantity, amount, unit)
        amounts = self._gpus.setdefault(number, {}) if quantity.numbered else self._amounts
        amounts[reading] = quantity.combine(amounts[reading], amount) if reading in amounts else amount

    @property
    def n_cores(self) -> int:
        """How many cores have been heard of."""
        return max(self._cores, default=-1) // 5 + 1

    def reading(self, reported_at: float | None) -> NodeReading:
        """What it comes to.

        Args:
            reported_at: When the host last reported, in Unix seconds.
        """
        get = self._amounts.get
        return NodeReading(
            reported_at=reported_at,
            cpu=self._cpu(),
            memory=self._memory(),
            swap=_free(get("swap_free"), get("swap_total")),
            disk=_free(get("disk_free"), get("disk_total")),
            gpus=tuple(_gpu(number, self._gpus[number]) for number in sorted(self._gpus)) or None,
            infiniband=self._traffic(),
            lustre=_read_write(get("lustre_read"), get("lustre_write")),
            jobfs=_read_write(get("jobfs_read"), get("jobfs_write")),
            load=get("load"),
            temperature=get("temperature"),
            power=get("power"),
        )

    def _cpu(self) -> CpuUse | None:
        if self._packed is not None and not self._cores:
            total = complete_times([self._amounts.get(kind) for kind in CPU_KINDS])
            return CpuUse(total or _mean(self._packed), self._packed)
        cores = self._core_times()
        total = complete_times([self._amounts.get(kind) for kind in CPU_KINDS])
        if total is None and cores and None not in cores:
            means = [sum(kind) / len(cores) for kind in zip(*cores, strict=True)]
            total = CpuTimes(*means)
        return None if total is None and not cores else CpuUse(total, CoreUse(cores))

    def _core_times(self) -> list[tuple[float, float, float, float, float] | None]:
        present = self.n_cores
        if present > len(self._cores):
            # Every core has several metrics: numbers with gaps this wide are no cores.
            return []
        try:
            flat = list(map(float, map(self._cores.__getitem__, range(5 * present))))
        except (KeyError, ValueError):
            pass
        else:
            # A sum that is neither infinite nor nan has no such part; nothing negative passes either.
            if math.isfinite(sum(flat)) and (not flat or min(flat) >= 0):
                return list(zip(*[iter(flat)] * 5, strict=True))
        kinds = [_number(self._cores.get(place)) for place in range(5 * present)]
        return [complete_times(kinds[5 * core : 5 * core + 5]) for core in range(present)]

    def _memory(self) -> Used | None:
        get = self._amounts.get
        total, used = get("memory_total"), get("memory_used")
        if used is None:
            free, buffers, cached = get("memory_free"), get("memory_buffers"), get("memory_cached")
            # Without all of them, what is only cached would be taken for used.
            if total is not None and free is not None and buffers is not None and cached is not None:
                used = max(0.0, total - free - buffers - cached)
        return None if used is None or total is None else Used(used, total)

    def _traffic(self) -> Traffic | None:
        get = self._amounts.get
        received, sent = get("infiniband_bytes_in"), get("infiniband_bytes_out")
        if received is None or sent is None:
            return None
        return Traffic(received, sent, get("infiniband_packets_in"), get("infiniband_packets_out"))


def _mean(cores: CoreUse) -> CpuTimes:
    count, sums = cores.summed(range(len(cores)))
    return CpuTimes(*(total / count for total in sums))


def complete_times(kinds: list[float | None]) -> CpuTimes | None:
    """User, nice, system, wait and idle time of a core, of which a site may collect only some, in %.

    What is not collected apart (often nice and wait) counts as nothing; a core is unknown without its user
    time, or without both its idle and its system time.
    """
    user, nice, system, wait, idle = kinds
    if user is None or (idle is None and system is None):
        return None
    nice, system, wait = nice or 0.0, system or 0.0, wait or 0.0
    if idle is None:
        idle = max(0.0, 100.0 - user - nice - system - wait)
    return CpuTimes(user, nice, system, wait, idle)


def _gpu(number: int, amounts: Mapping[str, float]) -> Gpu:
    total, used = amounts.get("gpu_memory_total"), amounts.get("gpu_memory_used")
    free = amounts.get("gpu_memory_free")
    if used is None and total is not None and free is not None:
        used = max(0.0, total - free)
    memory = None if used is None or total is None else Used(used, total)
    return Gpu(f"gpu{number}", amounts.get("gpu_utilisation"), memory)


def _free(free: float | None, total: float | None) -> Free | None:
    return None if free is None or total is None else Free(free, total)


def _read_write(read: float | None, write: float | None) -> ReadWrite | None:
    return None if read is None or write is None else ReadWrite(read, write)


def _number(value: bytes | None) -> float | None:
    """A finite number that is not below zero, or ``None``."""
    try:
        number = float(value or b"")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _is_forgotten(age: bytes, silence: bytes) -> bool:
    """Whether whatever sent this metric stopped long ago, though its host lives: gmond keeps it for ever."""
    try:
        return float(age) > _FORGOTTEN_AFTER * max(float(silence), 1.0)
    except ValueError:
        return False
