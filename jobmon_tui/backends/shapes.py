"""The shapes that backend methods return, read into the model and written from it.

A backend speaks in plain lists and dictionaries so that a site's file needs nothing of ours but the base
class. Three generations of such files exist; every shape that one of them returns is read here. Anything else
raises `ShapeError`, which costs that one reading.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, SupportsFloat

from jobmon_tui.model.snapshot import (
    NOTHING,
    BackfillSlot,
    CoreUse,
    CpuTimes,
    CpuUse,
    Free,
    Gpu,
    LustreRate,
    ReadWrite,
    Traffic,
    Usage,
    Used,
)

_GPU_NUMBER = re.compile(r"(\d+)(_util)?\Z")
_GPU_KEY = re.compile(r"gpu\d+(_util)?\Z")
_LARGEST_COUNT = 10**9


class ShapeError(ValueError):
    """A method returned something that its contract does not know.

    Args:
        expected: What the contract asks for, in words.
        value: What came instead.
    """

    def __init__(self, expected: str, value: object) -> None:
        shown = repr(value)
        super().__init__(f"expected {expected}, not {shown[:80]}{'...' if len(shown) > 80 else ''}")


def flag(value: object) -> bool | None:
    """Yes, no, or unknown (``None``); 0 and 1 count as no and yes."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise ShapeError("True or False", value)


def number(value: object) -> float:
    """Any finite number, whichever type it has; whole numbers stay whole."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        finite = abs(value) < 1e300
        if finite:
            return value
    elif isinstance(value, SupportsFloat) and not isinstance(value, bool):
        converted = float(value)
        if math.isfinite(converted):
            return converted
    raise ShapeError("a number", value)


def optional_number(value: object) -> float | None:
    """A finite number or unknown."""
    return None if value is None else number(value)


def count(value: object) -> int | None:
    """A whole number from zero on, or unknown."""
    if value is None:
        return None
    amount = number(value)
    if not 0 <= amount <= _LARGEST_COUNT or amount != int(amount):
        raise ShapeError("a whole number from 0 on", value)
    return int(amount)


def instant(value: object) -> float | None:
    """Unix seconds; 0 and ``None`` are unknown."""
    return (optional_number(value) or None) if value is not None else None


def text(value: object) -> str | None:
    """A string or unknown. Old files on Python 2 habits return bytes."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise ShapeError("a string", value)


def cpu_use(value: object) -> CpuUse | None:
    """``{"total": [user, nice, system, wait, idle], "core": [[...], ...]}`` in % of one core."""
    if _is_nothing(value):
        return None
    expected = '{"total": [user, nice, system, wait, idle], "core": [[...], ...]}'
    table = _mapping(value, expected)
    cores = table.get("core")
    total = table.get("total")
    if cores is not None and (isinstance(cores, str | bytes | Mapping) or not isinstance(cores, Iterable)):
        raise ShapeError(expected, value)
    if cores is None and total is None:
        return None
    return CpuUse(
        total=None if total is None else _cpu_times(total),
        cores=CoreUse([None if core is None else _cpu_times(core) for core in cores or ()]),
    )


def used(value: object) -> Used | None:
    """``{"used", "total"}`` in MiB."""
    numbers = _numbers(value, ("used", "total"))
    return Used(*numbers) if numbers else None


def free(value: object) -> Free | None:
    """``{"free", "total"}`` in MiB for swap, in GiB for disk."""
    numbers = _numbers(value, ("free", "total"))
    return Free(*numbers) if numbers else None


def traffic(value: object) -> Traffic | None:
    """``{"bytes_in", "bytes_out", "pkts_in", "pkts_out"}`` per second; ``ib_`` may stand before each."""
    if isinstance(value, Mapping):
        value = {key.removeprefix("ib_") if isinstance(key, str) else key: value[key] for key in value}
    numbers = _numbers(value, ("bytes_in", "bytes_out", "pkts_in", "pkts_out"))
    return Traffic(*numbers) if numbers else None


def read_write(value: object) -> ReadWrite | None:
    """``{"read", "write"}`` in bytes per second."""
    numbers = _numbers(value, ("read", "write"))
    return ReadWrite(*numbers) if numbers else None


def gpus(value: object) -> tuple[Gpu, ...] | None:
    """``{"gpu0": {"util", "memory": {"used", "total"}}}``, ``{"gpu0": %}`` or ``{"gpu0_util": %}``.

    Other metrics whose names begin with a GPU's (``gpu0_temp``) are passed over.
    """
    if _is_nothing(value):
        return None
    found: list[tuple[int, Gpu]] = []
    for key, reading in _mapping(value, '{"gpu0": {"util", "memory"}}').items():
        name = text(key) or ""
        if name.startswith("gpu") and "_" in name and not _GPU_KEY.match(name):
            continue
        name = name.removesuffix("_util")
        position = _GPU_NUMBER.search(name)
        found.append((int(position[1]) if position else len(found), _gpu(name, reading)))
    found.sort(key=lambda numbered: numbered[0])
    return tuple(gpu for _, gpu in found)


def indices(value: object) -> Mapping[str, tuple[int, ...]]:
    """``{host: [index, ...]}``."""
    expected = "{host: [index, ...]}"
    if _is_nothing(value):
        return NOTHING
    layout: dict[str, tuple[int, ...]] = {}
    for host, numbers in _mapping(value, expected).items():
        if isinstance(numbers, str | bytes | Mapping) or not isinstance(numbers, Iterable):
            raise ShapeError(expected, value)
        layout[str(host)] = tuple(_index(each, expected) for each in numbers)
    return layout


def amounts(value: object) -> Mapping[str, float]:
    """``{host: MiB}``; older files say 0 where nothing is known. A host without a number is left out."""
    if _is_nothing(value):
        return NOTHING
    table = _mapping(value, "{host: MiB}")
    return {str(host): number(amount) for host, amount in table.items() if amount is not None}


def lustre_rates(value: object) -> Mapping[str, Mapping[str, LustreRate]]:
    """``{filesystem: {"mds"|"oss": {"read_bytes", "write_bytes", "iops"}}}`` per second."""
    expected = '{filesystem: {"mds": {"read_bytes", "write_bytes", "iops"}, "oss": {...}}}'
    if _is_nothing(value):
        return NOTHING
    rates: dict[str, Mapping[str, LustreRate]] = {}
    for filesystem, servers in _mapping(value, expected).items():
        rates[str(filesystem)] = {
            str(kind): LustreRate(
                *(optional_number(_mapping(rate, expected).get(key)) for key in LustreRate._fields)
            )
            for kind, rate in _mapping(servers, expected).items()
            if rate is not None
        }
    return rates


def usage(value: object) -> Usage | None:
    """``{"avail", "running", "users": {name: cores}}``."""
    expected = '{"avail", "running", "users": {name: cores}}'
    if _is_nothing(value):
        return None
    table = _mapping(value, expected)
    available, running = count(table.get("avail")), count(table.get("running"))
    if available is None or running is None:
        raise ShapeError(expected, value)
    users = table.get("users")
    shares = {} if _is_nothing(users) else _mapping(users, expected)
    return Usage(
        available=available,
        running=running,
        users={str(name): count(cores) or 0 for name, cores in shares.items()},
    )


def backfill(value: object) -> dict[str, dict[int, BackfillSlot]]:
    """``{partition: {cores: {"count", "tMin", "tMax"}}}``, in seconds; cores may be strings, as in JSON."""
    expected = '{partition: {cores: {"count", "tMin", "tMax"}}}'
    if _is_nothing(value):
        return {}
    partitions: dict[str, dict[int, BackfillSlot]] = {}
    for partition, sizes in _mapping(value, expected).items():
        slots = partitions.setdefault(str(partition), {})
        for cores, slot in _mapping({} if sizes is None else sizes, expected).items():
            size = int(cores) if isinstance(cores, str) and cores.isdecimal() else count(cores)
            room = _mapping(slot, expected)
            if size is None:
                raise ShapeError(expected, value)
            slots[size] = BackfillSlot(
                count=count(room.get("count")) or 0,
                shortest=optional_number(room.get("tMin")),
                longest=optional_number(room.get("tMax")),
            )
    return partitions


def show_cpu_use(cpu: CpuUse) -> dict[str, Any]:
    """CPU use in the contract's shape."""
    return {
        "total": None if cpu.total is None else list(cpu.total),
        "core": [None if core is None else list(core) for core in cpu.cores],
    }


def show_named(reading: Used | Free | ReadWrite) -> dict[str, float]:
    """A reading whose fields the contract calls what the model calls them."""
    return reading._asdict()


def show_traffic(reading: Traffic) -> dict[str, float | None]:
    """Network traffic in the contract's shape."""
    return dict(zip(("bytes_in", "bytes_out", "pkts_in", "pkts_out"), reading, strict=True))


def show_gpus(readings: tuple[Gpu, ...]) -> dict[str, Any]:
    """GPU readings in the contract's newest shape."""
    return {
        gpu.name: {
            "util": gpu.utilisation,
            "memory": None if gpu.memory is None else gpu.memory._asdict(),
        }
        for gpu in readings
    }


def show_indices(layout: Mapping[str, tuple[int, ...]]) -> dict[str, list[int]]:
    """A layout in the contract's shape."""
    return {host: list(numbers) for host, numbers in layout.items()}


def show_lustre_rates(rates: Mapping[str, Mapping[str, LustreRate]]) -> dict[str, Any]:
    """A job's Lustre use in the contract's shape."""
    return {
        filesystem: {kind: rate._asdict() for kind, rate in servers.items()}
        for filesystem, servers in rates.items()
    }


def show_usage(cores: Usage) -> dict[str, Any]:
    """Used and available cores in the contract's shape."""
    return {"avail": cores.available, "running": cores.running, "users": dict(cores.users)}


def show_backfill(slots: Mapping[str, Mapping[int, BackfillSlot]]) -> dict[str, Any]:
    """Backfill room in the contract's shape."""
    return {
        partition: {
            cores: {"count": slot.count, "tMin": slot.shortest, "tMax": slot.longest}
            for cores, slot in sizes.items()
        }
        for partition, sizes in slots.items()
    }


def _is_nothing(value: object) -> bool:
    """Whether a method said in one of the ways in use that it knows nothing: None, an empty mapping, or 0."""
    if value is None or (isinstance(value, Mapping) and not value):
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and value == 0


def _mapping(value: object, expected: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ShapeError(expected, value)
    return value


def _numbers(value: object, keys: tuple[str, ...]) -> list[float] | None:
    """The numbers under these keys; ``None`` when none of them is known."""
    expected = "{" + ", ".join(f'"{key}": number' for key in keys) + "}"
    if _is_nothing(value):
        return None
    table = _mapping(value, expected)
    numbers = [optional_number(table.get(key)) for key in keys]
    known = [each for each in numbers if each is not None]
    if known and len(known) < len(keys):
        raise ShapeError(expected, value)
    return known or None


def _cpu_times(value: object) -> CpuTimes:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise ShapeError("[user, nice, system, wait, idle]", value)
    numbers = [number(each) for each in value]
    if len(numbers) != len(CpuTimes._fields):
        raise ShapeError("[user, nice, system, wait, idle]", value)
    return CpuTimes(*numbers)


def _gpu(name: str, reading: object) -> Gpu:
    if isinstance(reading, Mapping):
        return Gpu(name, optional_number(reading.get("util")), used(reading.get("memory")))
    return Gpu(name, optional_number(reading), None)


def _index(value: object, expected: str) -> int:
    index = count(value)
    if index is None:
        raise ShapeError(expected, value)
    return index


Reader = Callable[[object], Any]
"""Reads one shape; raises `ShapeError`; answers ``None`` or empty for unknown."""
