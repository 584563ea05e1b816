"""How readings travel from the process that takes them to jobmon: plain values, in small pieces over a pipe.

A piece is four bytes of length and that many of what `marshal` makes of plain tuples. Nodes and jobs come in
groups, because taking a piece apart holds Python's lock. Both ends are this program, started by itself with
the same Python: that is what `marshal` needs, and it is several times as fast as pickled records.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jobmon_tui.errors import SourceError
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
from jobmon_tui.model.series import Series
from jobmon_tui.sources.readings import JobReading, NodeReading, ReadingsAnswer

GROUP = 250
"""Nodes or jobs in one piece."""
LENGTH_BYTES = 4
LONGEST_PIECE = 1 << 28
"""Bytes; what claims to be longer is none of ours."""

Row = tuple[Any, ...]
ReadExactly = Callable[[int], bytes]
"""Gives that many bytes, or raises SourceError."""


def piece(*content: Any) -> bytes:
    """Plain values, with their length in front."""
    body = marshal.dumps(content)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def piece_from(read_exactly: ReadExactly) -> Row:
    """The next piece.

    Raises:
        SourceError: It tells of a failure over there.
        ValueError: It is no piece.
    """
    length = int.from_bytes(read_exactly(LENGTH_BYTES), "big")
    if length > LONGEST_PIECE:
        raise ValueError(f"a piece of {length} bytes")
    content: Row = marshal.loads(read_exactly(length))
    if content[0] == "error":
        _, message, hint = content
        raise SourceError(message, hint)
    return content


def pieces_of_error(error: SourceError) -> Iterator[bytes]:
    """Why there is no answer."""
    yield piece("error", error.message, error.hint)


# -- what was measured -------------------------------------------------------------------------------------


def pieces_of_answer(answer: ReadingsAnswer) -> Iterator[bytes]:
    """An answer, group by group."""
    yield from _grouped("nodes", answer.nodes, _node_row)
    yield from _grouped("jobs", answer.jobs, _job_row)
    yield piece(
        "answer", answer.taken_at, answer.version, answer.calls, answer.seconds, tuple(answer.problems)
    )


def answer_from(read_exactly: ReadExactly) -> ReadingsAnswer:
    """Put an answer together again.

    Raises:
        SourceError: It failed over there.
        ValueError, TypeError, LookupError: The pieces make no sense.
    """
    nodes: dict[str, NodeReading] = {}
    jobs: dict[str, JobReading] = {}
    while True:
        kind, *content = piece_from(read_exactly)
        if kind == "nodes":
            nodes.update(map(_node, content[0]))
        elif kind == "jobs":
            jobs.update(map(_job, content[0]))
        elif kind == "answer":
            taken_at, version, calls, seconds, problems = content
            return ReadingsAnswer(
                taken_at=taken_at,
                version=version,
                nodes=nodes,
                jobs=jobs,
                calls=calls,
                seconds=seconds,
                problems=problems,
            )
        else:
            raise ValueError(f"a piece of kind {kind!r}")


def _grouped(kind: str, readings: Mapping[str, Any], row_of: Callable[[str, Any], Row]) -> Iterator[bytes]:
    rows: list[Row] = []
    for name, reading in readings.items():
        rows.append(row_of(name, reading))
        if len(rows) == GROUP:
            yield piece(kind, rows)
            rows = []
    if rows:
        yield piece(kind, rows)


def _plain(value: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    """A named tuple as the plain one that `marshal` knows."""
    return None if value is None else tuple(value)


def _node_row(name: str, reading: NodeReading) -> Row:
    cpu, gpus = reading.cpu, reading.gpus
    return (
        name,
        reading.reported_at,
        None if cpu is None else (_plain(cpu.total), cpu.cores.kept),
        _plain(reading.memory),
        _plain(reading.swap),
        _plain(reading.disk),
        None if gpus is None else [(gpu.name, gpu.utilisation, _plain(gpu.memory)) for gpu in gpus],
        _plain(reading.infiniband),
        _plain(reading.lustre),
        _plain(reading.jobfs),
        reading.load,
        reading.temperature,
        reading.power,
    )


def _node(row: Row) -> tuple[str, NodeReading]:
    (
        name,
        reported_at,
        cpu,
        memory,
        swap,
        disk,
        gpus,
        infiniband,
        lustre,
        jobfs,
        load,
        temperature,
        power,
    ) = row
    return name, NodeReading(
        reported_at=reported_at,
        cpu=None if cpu is None else CpuUse(cpu[0] and CpuTimes(*cpu[0]), CoreUse.restored(*cpu[1])),
        memory=memory and Used(*memory),
        swap=swap and Free(*swap),
        disk=disk and Free(*disk),
        gpus=None if gpus is None else tuple(Gpu(gpu, use, held and Used(*held)) for gpu, use, held in gpus),
        infiniband=infiniband and Traffic(*infiniband),
        lustre=lustre and ReadWrite(*lustre),
        jobfs=jobfs and ReadWrite(*jobfs),
        load=load,
        temperature=temperature,
        power=power,
    )


def _job_row(name: str, reading: JobReading) -> Row:
    lustre = {
        system: {server: tuple(rate) for server, rate in servers.items()}
        for system, servers in reading.lustre.items()
    }
    return name, dict(reading.memory), reading.memory_max, lustre, dict(reading.jobfs)


def _job(row: Row) -> tuple[str, JobReading]:
    name, memory, memory_max, lustre, jobfs = row
    rates = {
        system: {server: LustreRate(*rate) for server, rate in servers.items()}
        for system, servers in lustre.items()
    }
    return name, JobReading(memory=memory, memory_max=memory_max, lustre=rates, jobfs=jobfs)


# -- charts ------------------------------------------------------------------------------------------------


def pieces_of_series(several: Sequence[Series | None]) -> Iterator[bytes]:
    """Each series a piece of its own, after their number."""
    yield piece("series", len(several))
    for series in several:
        yield piece("one", None if series is None else (series.times, series.values, series.unit))


def series_from(read_exactly: ReadExactly) -> list[Series | None]:
    """Put the series together again.

    Raises:
        SourceError: It failed over there.
        ValueError, TypeError, LookupError: The pieces make no sense.
    """
    kind, count = piece_from(read_exactly)
    if kind != "series":
        raise ValueError(f"a piece of kind {kind!r}")
    told = [piece_from(read_exactly)[1] for _ in range(count)]
    return [None if one is None else Series(times=one[0], values=one[1], unit=one[2]) for one in told]
