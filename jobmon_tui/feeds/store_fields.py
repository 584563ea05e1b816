"""What the store knows of each attribute of nodes and jobs: how it falls into a shape and numbers.

A *shape* is everything but the numbers: whether a reading is known, the names of hosts and GPUs, a text.
Shapes hardly ever change from one snapshot to the next, and numbers change by little: kept apart, both take
few bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from jobmon_tui.feeds.store_mapping import StoredMapping
from jobmon_tui.feeds.store_numbers import Number
from jobmon_tui.model.snapshot import (
    NOTHING,
    CpuTimes,
    Free,
    Gpu,
    LustreRate,
    ReadWrite,
    Traffic,
    Used,
)

Shape = Any
"""JSON, but for tuples in place of lists."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of one kind are taken apart and put together."""

    split: Callable[[Any], tuple[Shape, Sequence[Number]]]
    """A value's shape and its numbers."""
    join: Callable[[Shape, Sequence[Number]], Any]
    """The value again."""
    count: Callable[[Shape], int]
    """How many numbers a value of that shape has."""
    shape: Callable[[Any], Shape]
    """A shape from its JSON; raises ValueError or TypeError where it is none."""
    has_numbers: bool = True
    """Whether there ever are numbers; without them the shape is the value."""
    rounded: bool = False
    """Whether it is measured anew each time, by a clock that makes a seventh digit mean nothing."""

    @property
    def is_plain(self) -> bool:
        """Whether the shape is the value."""
        return self.join is _itself


def _wrong(value: object) -> ValueError:
    return ValueError(f"an unexpected {type(value).__name__}")


def _no_numbers(_: Shape) -> int:
    return 0


def _itself(value: Any, _: Sequence[Number]) -> Any:
    return value


def _plain(*types: type) -> Kind:
    allowed = frozenset(types)

    def shape(value: Any) -> Any:
        if type(value) not in allowed:
            raise _wrong(value)
        return value

    return Kind(lambda value: (value, ()), _itself, _no_numbers, shape, has_numbers=False)


TEXT = _plain(str)
MAYBE_TEXT = _plain(str, type(None))
TRUTH = _plain(bool)
MAYBE_TRUTH = _plain(bool, type(None))


def _tuple_of(kind: type, value: Any) -> tuple[Any, ...]:
    if type(value) is not list or set(map(type, value)) - {kind}:
        raise _wrong(value)
    return tuple(value)


TEXTS = Kind(
    lambda value: (tuple(value), ()),
    _itself,
    _no_numbers,
    lambda value: _tuple_of(str, value),
    has_numbers=False,
)
MAYBE_INDICES = Kind(
    lambda value: (None if value is None else tuple(value), ()),
    _itself,
    _no_numbers,
    lambda value: None if value is None else _tuple_of(int, value),
    has_numbers=False,
)


def _split_layout(value: Mapping[str, Sequence[int]]) -> tuple[Shape, Sequence[Number]]:
    return tuple((host, tuple(held)) for host, held in value.items()), ()


def _layout_shape(value: Any) -> Shape:
    if type(value) is not list:
        raise _wrong(value)
    found = []
    for host, held in value:
        if type(host) is not str:
            raise _wrong(host)
        found.append((host, _tuple_of(int, held)))
    return tuple(found)


LAYOUT = Kind(
    _split_layout, lambda shape, _: dict(shape) if shape else NOTHING, _no_numbers, _layout_shape, False
)


def _presence(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 1:
        raise _wrong(value)
    return value


NUMBER = Kind(
    lambda value: (0, ()) if value is None else (1, (value,)),
    lambda shape, numbers: numbers[0] if shape else None,
    lambda shape: shape,
    _presence,
)


def _amounts_shape(value: Any) -> Shape:
    return _tuple_of(str, value)


def _split_amounts(value: Mapping[str, Number]) -> tuple[Shape, Sequence[Number]]:
    if type(value) is StoredMapping:
        return value.shape, value.numbers
    return tuple(value), tuple(value.values())


def _joined_amounts(shape: Shape, numbers: Sequence[Number]) -> Mapping[str, Number]:
    return dict(zip(shape, numbers, strict=True))


AMOUNTS = Kind(
    _split_amounts,
    lambda shape, numbers: StoredMapping(shape, numbers, _joined_amounts) if shape else NOTHING,
    len,
    _amounts_shape,
)


def _record(make: Callable[..., Any], width: int, *, rounded: bool = False) -> Kind:
    """A named tuple of numbers, each of which may be unknown. Its shape: a digit for each, 1 where known."""
    full = "1" * width

    def split(value: Any) -> tuple[Shape, Sequence[Number]]:
        if value is None:
            return "", ()
        if None not in value:
            return full, value
        return (
            "".join(["0" if one is None else "1" for one in value]),
            [one for one in value if one is not None],
        )

    def join(shape: str, numbers: Sequence[Number]) -> Any:
        if shape == full:
            return make(*numbers)
        if not shape:
            return None
        known = iter(numbers)
        return make(*(next(known) if digit == "1" else None for digit in shape))

    def checked(value: Any) -> str:
        if type(value) is not str or (value and (len(value) != width or set(value) - {"0", "1"})):
            raise _wrong(value)
        return value

    return Kind(split, join, lambda shape: shape.count("1"), checked, True, rounded)


def _cpu_total() -> Kind:
    times = _record(CpuTimes, 5, rounded=True)
    return Kind(
        lambda cpu: (None, ()) if cpu is None else times.split(cpu.total),
        times.join,
        lambda shape: times.count(shape or ""),
        lambda value: None if value is None else times.shape(value),
        True,
        True,
    )


CPU_TOTAL = _cpu_total()
"""What a node's CPU use says of all its cores together. Without any CPU use the shape is ``None``."""
USED = _record(Used, 2)
FREE = _record(Free, 2)
READ_WRITE = _record(ReadWrite, 2, rounded=True)
TRAFFIC = _record(Traffic, 4, rounded=True)
_RATE = _record(LustreRate, 3, rounded=True)
_KNOWN_RATES = {known: "".join("01"[one] for one in known) for known in product((False, True), repeat=3)}
"""Which of three rates are known, to the shape that says so: most jobs have some, so no time may be lost."""


def _split_gpus(value: tuple[Gpu, ...] | None) -> tuple[Shape, Sequence[Number]]:
    if value is None:
        return None, ()
    shape, numbers = [], []
    for gpu in value:
        memory, of_memory = USED.split(gpu.memory)
        shape.append((gpu.name, int(gpu.utilisation is not None), memory))
        if gpu.utilisation is not None:
            numbers.append(gpu.utilisation)
        numbers.extend(of_memory)
    return tuple(shape), numbers


def _join_gpus(shape: Shape, numbers: Sequence[Number]) -> tuple[Gpu, ...] | None:
    if shape is None:
        return None
    found, place = [], 0
    for name, utilisation, memory in shape:
        end = place + utilisation + USED.count(memory)
        use = numbers[place] if utilisation else None
        found.append(Gpu(name, use, USED.join(memory, numbers[place + utilisation : end])))
        place = end
    return tuple(found)


def _gpus_shape(value: Any) -> Shape:
    if value is None:
        return None
    return tuple((TEXT.shape(name), _presence(use), USED.shape(memory)) for name, use, memory in value)


GPUS = Kind(
    _split_gpus,
    _join_gpus,
    lambda shape: sum(use + USED.count(memory) for _, use, memory in shape or ()),
    _gpus_shape,
    rounded=True,
)


def _split_lustre(value: Mapping[str, Mapping[str, LustreRate]]) -> tuple[Shape, Sequence[Number]]:
    if type(value) is StoredMapping:
        return value.shape, value.numbers
    if not value:
        return (), ()
    shape: list[Shape] = []
    numbers: list[Number] = []
    for system, servers in value.items():
        parts = []
        for server, rate in servers.items():
            read, written, operations = rate
            parts.append(
                (server, _KNOWN_RATES[read is not None, written is not None, operations is not None])
            )
            numbers += [one for one in rate if one is not None]
        shape.append((system, tuple(parts)))
    return tuple(shape), numbers


def _join_lustre(shape: Shape, numbers: Sequence[Number]) -> Mapping[str, Mapping[str, LustreRate]]:
    return StoredMapping(shape, numbers, _joined_lustre) if shape else NOTHING


def _joined_lustre(shape: Shape, numbers: Sequence[Number]) -> Mapping[str, Mapping[str, LustreRate]]:
    known = iter(numbers)
    # Nothing is known of a rate whose digit is 0.
    return {
        system: {
            server: LustreRate(*[next(known) if digit == "1" else None for digit in digits])
            for server, digits in servers
        }
        for system, servers in shape
    }


def _lustre_shape(value: Any) -> Shape:
    def rate(known: Any) -> Shape:
        if not known:
            raise _wrong(known)
        return _RATE.shape(known)

    return tuple(
        (TEXT.shape(system), tuple((TEXT.shape(server), rate(known)) for server, known in servers))
        for system, servers in value
    )


LUSTRE = Kind(
    _split_lustre,
    _join_lustre,
    lambda shape: sum(_RATE.count(known) for _, servers in shape for _, known in servers),
    _lustre_shape,
    rounded=True,
)

NODE_KINDS: Mapping[str, Kind] = {
    "name": TEXT,
    "up": MAYBE_TRUTH,
    "is_counted": TRUTH,
    "n_cpus": NUMBER,
    "n_gpus": NUMBER,
    "memory": USED,
    "swap": FREE,
    "disk": FREE,
    "gpus": GPUS,
    "infiniband": TRAFFIC,
    "lustre": READ_WRITE,
    "jobfs": READ_WRITE,
    "temperature": NUMBER,
    "power": NUMBER,
    "state": MAYBE_TEXT,
    "flags": TEXTS,
    "reason": MAYBE_TEXT,
    "reason_user": MAYBE_TEXT,
    "reason_time": NUMBER,
    "sockets": NUMBER,
    "cores_per_socket": NUMBER,
    "threads_per_core": NUMBER,
    "cpus_allocated": NUMBER,
    "cpu_load": NUMBER,
    "memory_total": NUMBER,
    "memory_allocated": NUMBER,
    "memory_free": NUMBER,
    "gres": MAYBE_TEXT,
    "gpu_model": MAYBE_TEXT,
    "gpus_allocated": MAYBE_INDICES,
    "n_gpus_allocated": NUMBER,
    "features": TEXTS,
    "partitions": TEXTS,
    "weight": NUMBER,
    "boot_time": NUMBER,
    "slurm_version": MAYBE_TEXT,
}
"""Every attribute of a node but its CPU use, which `store_cores` takes."""

JOB_KINDS: Mapping[str, Kind] = {
    "job_id": TEXT,
    "name": TEXT,
    "username": TEXT,
    "state": TEXT,
    "n_cpus": NUMBER,
    "n_gpus": NUMBER,
    "layout": LAYOUT,
    "gpu_layout": LAYOUT,
    "memory_layout": AMOUNTS,
    "time_limit": NUMBER,
    "run_time": NUMBER,
    "start_time": NUMBER,
    "memory": AMOUNTS,
    "cpu_used": NUMBER,
    "memory_max": NUMBER,
    "memory_request": NUMBER,
    "lustre": LUSTRE,
    "jobfs": AMOUNTS,
    "jobfs_request": NUMBER,
    "partition": MAYBE_TEXT,
    "account": MAYBE_TEXT,
    "qos": MAYBE_TEXT,
    "priority": NUMBER,
    "reason": MAYBE_TEXT,
    "dependency": MAYBE_TEXT,
    "submit_time": NUMBER,
    "eligible_time": NUMBER,
    "end_time": NUMBER,
    "n_nodes": NUMBER,
    "nodes": TEXT,
    "scheduled_nodes": TEXT,
    "requested_nodes": TEXT,
    "tres_requested": MAYBE_TEXT,
    "tres_allocated": MAYBE_TEXT,
    "gres": MAYBE_TEXT,
    "features": MAYBE_TEXT,
    "reservation": MAYBE_TEXT,
    "n_tasks": NUMBER,
    "cpus_per_task": NUMBER,
    "work_dir": MAYBE_TEXT,
    "stdout": MAYBE_TEXT,
    "stderr": MAYBE_TEXT,
    "command": MAYBE_TEXT,
    "exit_code": MAYBE_TEXT,
    "array_id": MAYBE_TEXT,
    "array_tasks": MAYBE_TEXT,
    "number": NUMBER,
    "task_count": NUMBER,
}
"""Every attribute of a job."""
