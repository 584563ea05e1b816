"""How a reading travels from the process that holds pyslurm to jobmon: in small pieces over a pipe.

A piece is four bytes of length and that many of pickle. Jobs and nodes come in groups, because unpickling
holds Python's lock: one piece for 50,000 jobs would freeze the screen. Pickle is safe here, for both ends are
this program, started by itself.
"""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

from jobmon_tui.errors import SourceError
from jobmon_tui.model.snapshot import NOTHING, Job, Node
from jobmon_tui.sources.slurm.pyslurm_reader import PyslurmReading

GROUP = 500
"""Jobs or nodes in one piece."""
LENGTH_BYTES = 4
LONGEST_PIECE = 1 << 28
"""Bytes; what claims to be longer is none of ours."""


def nothing() -> Mapping[Any, Any]:
    """The empty mapping that all absent ones share."""
    return NOTHING


def prepare_pickle() -> None:
    """Teach pickle the model's records and read-only mappings. For the sending process only."""

    def reduce(mapping: MappingProxyType[Any, Any]) -> Any:
        return (MappingProxyType, (dict(mapping),)) if mapping else (nothing, ())

    copyreg.pickle(MappingProxyType, reduce)
    for kind in (Job, Node):
        copyreg.pickle(kind, _sparse_reducer(kind))


def restored(kind: type[Job] | type[Node], told: dict[str, Any]) -> Job | Node:
    """A record from what was told of it."""
    return kind(**told)


def _sparse_reducer(kind: type[Job] | type[Node]) -> Callable[[Any], Any]:
    """Sends only what is told: most of a record's many fields are unknown, and each would cost its time."""
    usual = {
        one.name: one.default_factory() if callable(one.default_factory) else one.default
        for one in fields(kind)
    }

    def reduce(record: Any) -> Any:
        told = {}
        for name, default in usual.items():
            value = getattr(record, name)
            if value is not default and value != default:
                told[name] = value
        return restored, (kind, told)

    return reduce


def pieces_of(reading: PyslurmReading) -> Iterator[bytes]:
    """A reading as pieces, each with its length in front."""
    answer = reading.answer
    for group in (answer.nodes, answer.jobs):
        for start in range(0, len(group), GROUP):
            yield _piece(group[start : start + GROUP])
    rest = replace(reading, answer=replace(answer, nodes=(), jobs=()))
    yield _piece(rest)


def piece_of_error(error: SourceError) -> bytes:
    """A failed reading as a piece."""
    return _piece(("error", error.message, error.hint))


def _piece(content: object) -> bytes:
    body = pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def reading_from(read_exactly: Callable[[int], bytes]) -> PyslurmReading:
    """Put a reading together again.

    Args:
        read_exactly: Gives that many bytes, or raises SourceError.

    Raises:
        SourceError: The reading failed over there.
        ValueError: The pieces make no sense.
    """
    nodes: list[Node] = []
    jobs: list[Job] = []
    while True:
        length = int.from_bytes(read_exactly(LENGTH_BYTES), "big")
        if length > LONGEST_PIECE:
            raise ValueError(f"a piece of {length} bytes")
        content = pickle.loads(read_exactly(length))
        if isinstance(content, PyslurmReading):
            return replace(content, answer=replace(content.answer, nodes=tuple(nodes), jobs=tuple(jobs)))
        if not isinstance(content, tuple) or not content:
            raise ValueError("a piece that is neither nodes nor jobs")
        if content[0] == "error":
            raise SourceError(content[1], content[2])
        if isinstance(content[0], Node):
            nodes.extend(content)
        else:
            jobs.extend(content)
