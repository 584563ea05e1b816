"""Which of Ganglia's metrics is which reading, and in which unit.

Ganglia hands on whatever a site's modules and scripts feed it, so names are configurable. The built-in ones
are those of gmond's own modules and of the usual additions: NVIDIA GPUs (``gpu0_util``), InfiniBand
(``ib_port_rcv_data_mlx5_0_port1``), disk statistics (``diskstat_sda_read_bytes_per_sec``), Lustre clients
(``lusclt_scratch_read_bytes_per_sec``) and IPMI sensors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

from jobmon_tui.errors import UsageError

MetricMap = Mapping[str, str]
"""Regular expressions for whole metric names, each to a key of `READINGS`; the first that matches counts.

In those for ``core_...`` and ``gpu_...`` the first group is the core's or GPU's number."""

DEFAULT_METRICS: MetricMap = MappingProxyType(
    {
        r"multicpu_user(\d+)": "core_user",
        r"multicpu_nice(\d+)": "core_nice",
        r"multicpu_system(\d+)": "core_system",
        r"multicpu_wio(\d+)": "core_wait",
        r"multicpu_idle(\d+)": "core_idle",
        "cpu_user": "cpu_user",
        "cpu_nice": "cpu_nice",
        "cpu_system": "cpu_system",
        "cpu_wio": "cpu_wait",
        "cpu_idle": "cpu_idle",
        "mem_total": "memory_total",
        "mem_free": "memory_free",
        "mem_buffers": "memory_buffers",
        "mem_cached": "memory_cached",
        "swap_total": "swap_total",
        "swap_free": "swap_free",
        "disk_total": "disk_total",
        "disk_free": "disk_free",
        "load_one": "load",
        r"gpu(\d+)_util(?:i[sz]ation)?": "gpu_utilisation",
        r"gpu(\d+)_(?:mem|memory|fb|fb_memory)_used": "gpu_memory_used",
        r"gpu(\d+)_(?:mem|memory|fb|fb_memory)_free": "gpu_memory_free",
        r"gpu(\d+)_(?:mem|memory|fb|fb_memory)_total": "gpu_memory_total",
        r"ib_bytes_in|ib_port_rcv_data_.+": "infiniband_bytes_in",
        r"ib_bytes_out|ib_port_xmit_data_.+": "infiniband_bytes_out",
        r"ib_(?:pkts|packets)_in|ib_port_rcv_packets_.+": "infiniband_packets_in",
        r"ib_(?:pkts|packets)_out|ib_port_xmit_packets_.+": "infiniband_packets_out",
        # The module reports the sum of all file systems as one that is called total.
        r"lustre_read_bytes(?:_per_sec)?|lusclt_(?!total_)[^_]+_read_bytes_per_sec": "lustre_read",
        r"lustre_write_bytes(?:_per_sec)?|lusclt_(?!total_)[^_]+_write_bytes_per_sec": "lustre_write",
        r"diskstat_[^_]+_read_bytes_per_sec": "jobfs_read",
        r"diskstat_[^_]+_write_bytes_per_sec": "jobfs_write",
        r"(?:.+_)?temp(?:erature)?\d*(?:_(?:cpu|core|socket|node)?\d*)?": "temperature",
        r"(?:(?:ipmi|node|system|total|dcmi)_)*power(?:_(?:watts?|usage|consumption|draw|meter))?": "power",
    }
)
"""What is read unless the site says otherwise."""


class Unit(NamedTuple):
    """How a figure becomes the model's unit."""

    factor: float
    offset: float = 0.0


_BINARY = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4}
# gmond divides bytes by 10^9 for the space on disks, and by 1024 for memory.
_DECIMAL = {"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12}
_AS_IT_IS = Unit(1)
_MEMORY = {name: Unit(size / 1024**2) for name, size in _BINARY.items()}
_DISK = {name: Unit(size / 1024**3) for name, size in _DECIMAL.items()}
_RATE = {f"{name}/s": Unit(size) for name, size in _BINARY.items()}
_TEMPERATURE = {"f": Unit(5 / 9, -160 / 9), "k": Unit(1, -273.15)}
_POWER = {"mw": Unit(0.001), "kw": Unit(1000)}

_SPELLINGS = (
    (re.compile(r"bytes?|(?<=[kmgt])ib"), "b"),
    (re.compile(r"per_?sec(?:ond)?|/sec(?:ond)?"), "/s"),
    (re.compile(r"kilo(?=b|w)"), "k"),
    (re.compile(r"mega(?=b)"), "m"),
    (re.compile(r"giga(?=b)"), "g"),
    (re.compile(r"watts?"), "w"),
)
_DEGREES = re.compile(r"(?:deg(?:rees?)?_?|°)?([cfk])(?:elsius|ahrenheit|elvin)?")


def _replace(_: float, new: float) -> float:
    return new


def _add(old: float, new: float) -> float:
    return old + new


@dataclass(frozen=True, slots=True)
class Quantity:
    """One thing that a metric can be."""

    units: Mapping[str, Unit] | None = None
    """By how metrics spell their unit."""
    usual: Unit = _AS_IT_IS
    """Taken where a metric's unit is missing or means nothing to us."""
    combine: Callable[[float, float], float] = _replace
    """What several metrics of a host that are the same reading come to."""
    numbered: bool = False
    """Whether it is of one core or GPU."""


CORE_KINDS = ("core_user", "core_nice", "core_system", "core_wait", "core_idle")
"""In the order of `CpuTimes`."""
CPU_KINDS = ("cpu_user", "cpu_nice", "cpu_system", "cpu_wait", "cpu_idle")
"""In the order of `CpuTimes`."""
_GPU_MEMORY = Quantity(_MEMORY, Unit(1), numbered=True)
_KILOBYTES = Quantity(_MEMORY, Unit(1 / 1024))
_SUM_OF_RATES = Quantity(_RATE, combine=_add)

READINGS: Mapping[str, Quantity] = MappingProxyType(
    {
        **dict.fromkeys(CORE_KINDS, Quantity(numbered=True)),
        **dict.fromkeys(CPU_KINDS, Quantity()),
        **dict.fromkeys(("memory_total", "memory_free", "memory_buffers", "memory_cached"), _KILOBYTES),
        **dict.fromkeys(("memory_used", "swap_total", "swap_free"), _KILOBYTES),
        **dict.fromkeys(("disk_total", "disk_free"), Quantity(_DISK, _DISK["gb"])),
        "load": Quantity(),
        "gpu_utilisation": Quantity(numbered=True),
        **dict.fromkeys(("gpu_memory_used", "gpu_memory_free", "gpu_memory_total"), _GPU_MEMORY),
        **dict.fromkeys(("infiniband_bytes_in", "infiniband_bytes_out"), _SUM_OF_RATES),
        **dict.fromkeys(("infiniband_packets_in", "infiniband_packets_out"), Quantity(combine=_add)),
        **dict.fromkeys(("lustre_read", "lustre_write", "jobfs_read", "jobfs_write"), _SUM_OF_RATES),
        "temperature": Quantity(_TEMPERATURE, combine=max),
        # A node's total is more than its parts.
        "power": Quantity(_POWER, combine=max),
    }
)
"""What a metric can be: percent for ``cpu_``, ``core_`` and utilisation, per second for traffic."""

MOST_CORES = 4096
"""Cores of one node; a metric of a higher core is ignored."""
MOST_GPUS = 64
"""GPUs of one node."""
LONGEST_NAME = 200
"""Characters of a metric's name; a longer one is ignored."""
_MOST_NAMES = 20_000  # Names whose meaning is remembered; only a hostile sender has more.
_MOST_PERCENTAGES = 5_000
MOST_PERCENT = 6000
"""Of one core; it leaves room for what a faulty module reports, and fits into two bytes as tenths."""
_MOST_PLANS = 64  # Lists of names that are remembered: one for each kind of node.
_LONGEST_PLAN = 50_000


class Place(NamedTuple):
    """Where the value of a metric goes."""

    reading: str
    number: int
    quantity: Quantity


class Tenths(dict[bytes, int]):
    """Percentages as Ganglia writes them, times ten: a million cores report some thousand different ones."""

    def __missing__(self, text: bytes) -> int:
        """The number, where nothing is lost.

        Raises:
            ValueError: It is no percentage that is whole in tenths.
        """
        number = float(text)
        tenths = int(number * 10 + 0.5) if 0 <= number <= MOST_PERCENT else -1
        if tenths / 10 != number:
            raise ValueError("no whole tenths of a percent")
        if len(self) < _MOST_PERCENTAGES:
            self[text] = tenths
        return tenths


class Plan(NamedTuple):
    """Where in a host's list of metrics those are that mean something to us."""

    cores: Callable[[Sequence[bytes]], tuple[bytes, ...]] | None
    """Picks the five kinds of each core out of the list, core by core; ``None`` where some are missing."""
    amounts: tuple[tuple[int, Place], ...]
    """All others."""


class Recogniser:
    """Tells from a metric's name what it is.

    Args:
        metrics: What the site says, before `DEFAULT_METRICS` or instead of them.

    Raises:
        UsageError: A pattern is no regular expression, lacks its group, or names no reading.
    """

    def __init__(self, metrics: MetricMap) -> None:
        self._rules = [(_compiled(pattern, reading), reading) for pattern, reading in metrics.items()]
        self._places: dict[bytes, Place | int | None] = {}
        self._plans: dict[tuple[bytes, ...], Plan] = {}
        self.tenths = Tenths()

    def place(self, name: bytes) -> Place | int | None:
        """Where this metric goes: an index into five numbers a core, a place, or nowhere."""
        try:
            return self._places[name]
        except KeyError:
            found = self._look_up(name)
            if len(self._places) < _MOST_NAMES:
                self._places[name] = found
            return found

    def plan(self, names: tuple[bytes, ...]) -> Plan:
        """Where what is in a list of metrics of these names; nodes of a kind have the same ones."""
        try:
            return self._plans[names]
        except KeyError:
            plan = self._planned(names)
            if len(self._plans) < _MOST_PLANS and len(names) < _LONGEST_PLAN:
                self._plans[names] = plan
            return plan

    def _planned(self, names: tuple[bytes, ...]) -> Plan:
        cores: dict[int, int] = {}
        amounts: list[tuple[int, Place]] = []
        for position, name in enumerate(names):
            place = self.place(name)
            if isinstance(place, int):
                cores[place] = position
            elif place is not None:
                amounts.append((position, place))
        # A single position would not make a tuple, but there are five of each core.
        is_complete = bool(cores) and max(cores) + 1 == len(cores) and len(cores) % 5 == 0
        picks = itemgetter(*(cores[place] for place in range(len(cores)))) if is_complete else None
        return Plan(picks, tuple(amounts))

    def _look_up(self, name: bytes) -> Place | int | None:
        if len(name) > LONGEST_NAME:
            return None
        text = name.decode("latin-1")
        for pattern, reading in self._rules:
            match = pattern.fullmatch(text)
            if match is None:
                continue
            quantity = READINGS[reading]
            if not quantity.numbered:
                return Place(reading, 0, quantity)
            digits = match.group(1) or ""
            if not digits.isascii() or not digits.isdecimal() or len(digits) > 4:
                return None
            number = int(digits)
            if reading in CORE_KINDS:
                return number * 5 + CORE_KINDS.index(reading) if number < MOST_CORES else None
            return Place(reading, number, quantity) if number < MOST_GPUS else None
        return None


def _compiled(pattern: str, reading: str) -> re.Pattern[str]:
    quantity = READINGS.get(reading)
    if quantity is None:
        known = ", ".join(READINGS)
        raise UsageError(f"Ganglia metric {pattern!r}: {reading!r} is no reading", f"Readings are {known}.")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"Ganglia metric {pattern!r} is no regular expression: {error}") from error
    if quantity.numbered and compiled.groups == 0:
        raise UsageError(
            f"Ganglia metric {pattern!r}: {reading} needs the number of its core or GPU",
            r"Put it into a group: (\d+)",
        )
    return compiled


def in_our_unit(quantity: Quantity, amount: float, unit: bytes) -> float:
    """An amount in the model's unit, given how its metric spells its own."""
    found = quantity.units.get(_spelling(unit[:40]), quantity.usual) if quantity.units else quantity.usual
    return amount * found.factor + found.offset


@lru_cache(maxsize=256)
def _spelling(unit: bytes) -> str:
    """A unit as the tables have it: ``bytes/sec`` is ``b/s``, ``Kilobytes`` is ``kb``."""
    text = unit.decode("latin-1").strip().lower().replace(" ", "_")
    degrees = _DEGREES.fullmatch(text)
    if degrees:
        return degrees.group(1)
    for pattern, short in _SPELLINGS:
        text = pattern.sub(short, text)
    return text
