"""The values inside snapshot documents: each function here reads one kind of reading.

Each returns None for what is not of its kind: a reading of the wrong type is unknown and never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain
from math import isfinite
from typing import Any, TypeVar

from jobmon_tui.model.snapshot import (
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

LARGEST_NUMBER = 1 << 63
"""Beyond which whole numbers are none."""
_LARGEST_NODE = 65_535
"""CPUs of one node that Slurm can count; a node of more is a mistake that drawing would take seriously."""
_BEFORE_INDEX = re.compile(r"\A(.*?)(\d{1,9})?(?:_util)?\Z", re.DOTALL)


def number(value: object) -> float | None:
    """A finite number; true and false are none."""
    if type(value) is int:
        return value if -LARGEST_NUMBER < value < LARGEST_NUMBER else None
    if type(value) is float:
        return value if isfinite(value) else None
    return None


def whole(value: object) -> int | None:
    """A whole number, however it is written."""
    found = number(value)
    # A float may be whole and far beyond what is read as an integer.
    if found is None or not -LARGEST_NUMBER < found < LARGEST_NUMBER:
        return None
    return int(found) if found == int(found) else None


def count(value: object) -> int | None:
    """A whole number that is not negative."""
    found = whole(value)
    return found if found is not None and found >= 0 else None


def positive_count(value: object) -> int | None:
    """A whole number from 1."""
    return count(value) or None


def node_count(value: object) -> int | None:
    """A count of one node's CPUs or GPUs."""
    found = count(value)
    return found if found is not None and found <= _LARGEST_NODE else None


def moment(value: object) -> float | None:
    """Unix seconds; 0 stands for none in the documents."""
    found = number(value)
    return found if found is not None and found > 0 else None


def text(value: object) -> str | None:
    """A string."""
    return value if type(value) is str else None


def truth(value: object) -> bool | None:
    """True or false."""
    return value if type(value) is bool else None


def texts(value: object) -> tuple[str, ...] | None:
    """A list of strings."""
    if type(value) is not list:
        return None
    return tuple(one for one in value if type(one) is str)


def indices(value: object) -> tuple[int, ...] | None:
    """A list of core or GPU indices."""
    if type(value) is not list:
        return None
    return tuple([one for one in value if type(one) is int and 0 <= one <= _LARGEST_NODE])


def layout(value: object) -> dict[str, tuple[int, ...]] | None:
    """Host to the indices there."""
    return {host: indices(held) or () for host, held in value.items()} if type(value) is dict else None


def amounts(value: object) -> dict[str, float] | None:
    """Name to number; what is no number is left out. Old collectors wrote 0 for "nothing known"."""
    if type(value) is not dict:
        return None
    return {name: found for name, one in value.items() if (found := number(one)) is not None}


def whole_amounts(value: object) -> dict[str, int] | None:
    """Name to whole number; what is none is left out."""
    if type(value) is not dict:
        return None
    return {name: found for name, one in value.items() if (found := count(one)) is not None}


Record = TypeVar("Record")


def _record(make: Callable[..., Record], *keys: str) -> Callable[[object], Record | None]:
    """What reads an object of numbers; it is unknown where one of them is."""

    def read(value: object) -> Record | None:
        if type(value) is not dict:
            return None
        found = [number(value.get(key)) for key in keys]
        return None if None in found else make(*found)

    return read


used = _record(Used, "used", "total")
free = _record(Free, "free", "total")
read_write = _record(ReadWrite, "read", "write")


def traffic(value: object) -> Traffic | None:
    """``{"bytes_in", "bytes_out", "pkts_in", "pkts_out"}``; packets may be unknown."""
    if type(value) is not dict:
        return None
    received, sent = number(value.get("bytes_in")), number(value.get("bytes_out"))
    if received is None or sent is None:
        return None
    return Traffic(received, sent, number(value.get("pkts_in")), number(value.get("pkts_out")))


def cpu_times(value: object) -> CpuTimes | None:
    """``[user, nice, system, wait, idle]``."""
    if type(value) is not list or len(value) != 5:
        return None
    found = [number(one) for one in value]
    return None if None in found else CpuTimes(*found)  # type: ignore[arg-type]


def cpu_use(value: object) -> CpuUse | None:
    """``{"total": times, "core": [times, ...]}``; a core may be null."""
    if type(value) is not dict:
        return None
    cores = value.get("core")
    return CpuUse(cpu_times(value.get("total")), core_use(cores if type(cores) is list else []))


def core_use(cores: list[Any]) -> CoreUse:
    """The readings of a node's cores; those of the wrong shape are unknown."""
    if all(type(core) is list and len(core) == 5 for core in cores):
        try:
            # Whole percentages are what most collectors write: bytes() takes numbers from 0 to 255 only.
            return CoreUse.packed(bytes(chain.from_iterable(cores)))
        except (TypeError, ValueError):
            pass
    return CoreUse([cpu_times(core) for core in cores])


def gpus_of(value: object) -> tuple[Gpu, ...] | None:
    """Name to percentage (API 12, 13) or to ``{"util", "memory"}``; in the order of their numbers."""
    if type(value) is not dict:
        return None
    found: list[tuple[tuple[str, int], Gpu]] = []
    for key, reading in value.items():
        if type(reading) is dict:
            gpu = Gpu(key, number(reading.get("util")), used(reading.get("memory")))
        else:
            gpu = Gpu(key.removesuffix("_util"), number(reading), None)
        parts = _BEFORE_INDEX.match(key)
        order = (parts[1], int(parts[2] or -1)) if parts else (key, -1)
        found.append((order, gpu))
    found.sort(key=lambda pair: pair[0])
    return tuple(gpu for _, gpu in found)


def lustre_of(value: object) -> dict[str, dict[str, LustreRate]] | None:
    """File system to ``mds`` or ``oss`` to ``{"read_bytes", "write_bytes", "iops"}``."""
    if type(value) is not dict:
        return None
    return {
        name: {
            server: LustreRate(*(number(rates.get(key)) for key in ("read_bytes", "write_bytes", "iops")))
            for server, rates in servers.items()
            if type(rates) is dict
        }
        for name, servers in value.items()
        if type(servers) is dict
    }


def usage_of(value: object) -> Usage | None:
    """``{"avail", "running", "users"}``."""
    if type(value) is not dict:
        return None
    available, running = count(value.get("avail")), count(value.get("running"))
    if available is None or running is None:
        return None
    return Usage(available=available, running=running, users=whole_amounts(value.get("users")) or {})
