"""A whole snapshot as few bytes, told as changes to an earlier one, and back."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from jobmon_tui.feeds.store_lanes import Dictionary, LaneReader, LaneWriter
from jobmon_tui.feeds.store_table import JOBS, NODES
from jobmon_tui.model.snapshot import NOTHING, Snapshot
from jobmon_tui.model.wire_read import snapshot_from_document
from jobmon_tui.model.wire_write import document_of

Record = TypeVar("Record")

EMPTY = Snapshot(timestamp=0.0)
"""What the first snapshot of a segment is told as changes to."""


def pack_snapshot(snapshot: Snapshot, before: Snapshot, dictionary: Dictionary) -> tuple[bytes, bytes]:
    """The bytes of a snapshot.

    Args:
        snapshot: What is to be kept.
        before: One that whoever reads these bytes will have read.
        dictionary: The texts of the segment's first snapshot; for that one itself, empty.

    Returns:
        The bytes, and the texts in them, for a dictionary.
    """
    lanes = LaneWriter()
    rest = document_of(replace(snapshot, nodes=NOTHING, jobs=NOTHING))
    nodes = NODES.pack(snapshot.nodes, before.nodes, lanes)
    jobs = JOBS.pack(snapshot.jobs, before.jobs, lanes)
    return lanes.packed([rest, nodes, jobs], dictionary)


def unpack_snapshot(
    data: bytes, before: Snapshot, dictionary: Dictionary, origin: str
) -> tuple[Snapshot, bytes]:
    """The snapshot that was packed, and the texts among its bytes.

    Args:
        data: What `pack_snapshot` gave.
        before: As it was when it was packed.
        dictionary: As it was when it was packed.
        origin: The file it came from, for messages.

    Raises:
        ValueError, TypeError, LookupError, zstandard.ZstdError, ...: It was damaged, or these are not what it
            goes with.
    """
    lanes = LaneReader(data, dictionary)
    rest, nodes, jobs = lanes.recipe
    return replace(
        snapshot_from_document(rest, origin),
        nodes=NODES.unpack(nodes, before.nodes, lanes),
        jobs=JOBS.unpack(jobs, before.jobs, lanes),
    ), lanes.text


@contextmanager
def no_collections() -> Iterator[None]:
    """Meanwhile the garbage collector does nothing.

    Each of its runs walks through all records there are, for nothing, and ten thousand new ones make it run
    again and again: without it everything takes half the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def with_shared_records(snapshot: Snapshot, before: Snapshot) -> Snapshot:
    """The same snapshot with the very records of the one before where they are equal.

    Many snapshots in memory then take little more than one, and what did not change is found at once.
    """
    return replace(
        snapshot,
        nodes=_shared(snapshot.nodes, before.nodes),
        jobs=_shared(snapshot.jobs, before.jobs),
    )


def _shared(records: Mapping[str, Record], before: Mapping[str, Record]) -> dict[str, Record]:
    # Backends that keep their records hand out the very same ones: those need no look inside.
    return {
        key: old if (old := before.get(key)) is not record and old == record else record
        for key, record in records.items()
    }
