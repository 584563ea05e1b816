"""What charts show, frame by frame beside the whole snapshots: small enough to go through hours of it.

Every frame holds the readings of all nodes and running jobs as half-precision numbers in one long row, with
the bits that are as in the frame before it set to zero. So the frames of a segment are read in their order.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

from jobmon_tui.analysis.series import Known, job_readings, node_readings
from jobmon_tui.feeds.reading_columns import LARGEST, by_reading, dense, scale_of
from jobmon_tui.model.snapshot import Snapshot, Usage
from jobmon_tui.model.wire_values import usage_of
from jobmon_tui.model.wire_write import usage_document

_ROOM = 256
"""Slots are made by so many at a time: the row is laid out anew less often."""
_MOST_SLOTS = 1 << 22
_MOST_BYTES = 1 << 28
_NOTHING = struct.pack("<e", float("nan"))
_KINDS = ("node", "job")
_LENGTH = struct.Struct("<III")
_LEVEL = 5


class ReadingFrames:
    """The frames of one segment, in the making or as they are read.

    Whoever writes and whoever reads goes through the same states.
    """

    def __init__(self) -> None:
        self._slots: dict[str, dict[str, int]] = {kind: {} for kind in _KINDS}
        self._room = dict.fromkeys(_KINDS, 0)
        self._columns: list[tuple[str, str]] = []
        """Kind and reading of each column, in the order of the row."""
        self._planes = (b"", b"")
        """The low bytes of the whole row, and the high ones."""

    def copy(self) -> ReadingFrames:
        """One of its own in the same state."""
        twin = ReadingFrames()
        twin._slots = {kind: dict(slots) for kind, slots in self._slots.items()}
        twin._room, twin._columns, twin._planes = dict(self._room), list(self._columns), self._planes
        return twin

    def pack(self, snapshot: Snapshot) -> bytes:
        """The frame of a snapshot, which comes after those that were packed or read before."""
        import zstandard

        known: dict[str, dict[str, Known]] = {
            "node": {name: node_readings(node) for name, node in snapshot.nodes.items()},
            "job": {
                job_id: job_readings(job, snapshot.nodes)
                for job_id, job in snapshot.jobs.items()
                if job.is_running
            },
        }
        names = {
            kind: [name for name, readings in known[kind].items() if readings and name not in slots]
            for kind, slots in self._slots.items()
        }
        slots = {
            kind: self._slots[kind]
            | {name: place for place, name in enumerate(names[kind], len(self._slots[kind]))}
            for kind in _KINDS
        }
        values = {kind: by_reading(known[kind], slots[kind]) for kind in _KINDS}
        columns = [
            (kind, reading)
            for kind in _KINDS
            for reading in values[kind]
            if (kind, reading) not in self._columns
        ]
        head = {
            "usage": None if snapshot.usage is None else usage_document(snapshot.usage),
            "names": names,
            "columns": columns,
        }
        before = self._grown(names, columns)
        parts = []
        for kind, reading in self._columns:
            places, numbers = values[kind].get(reading, ([], []))
            parts.append(dense(places, numbers, self._room[kind]))
        row = b"".join(parts)
        self._planes = _coarse(row)
        packer = zstandard.ZstdCompressor(level=_LEVEL)
        packed = [
            packer.compress(part)
            for part in (
                json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"),
                *(_differing(now, earlier) for now, earlier in zip(self._planes, before, strict=True)),
            )
        ]
        return _LENGTH.pack(*map(len, packed)) + b"".join(packed)

    def read(self, data: bytes) -> None:
        """Go on to the frame after those that were packed or read before.

        Raises:
            ValueError, TypeError, KeyError, zstandard.ZstdError, struct.error, ...: It was damaged.
        """
        head, *planes = _parts(data)
        document = json.loads(head.decode("utf-8", "surrogatepass"))
        names = {kind: [_text(name) for name in document["names"][kind]] for kind in _KINDS}
        columns = [(kind, _text(reading)) for kind, reading in document["columns"] if kind in _KINDS]
        before = self._grown(names, columns)
        if any(len(plane) != len(before[0]) for plane in planes):
            raise ValueError("readings are missing")
        low, high = (_differing(plane, earlier) for plane, earlier in zip(planes, before, strict=True))
        self._planes = low, high

    def readings(self, kind: str, name: str) -> Known:
        """What the newest frame has of a node or job."""
        slot = self._slots[kind].get(name)
        if slot is None:
            return {}
        low, high = self._planes
        known: Known = {}
        place = 0
        for of_kind, reading in self._columns:
            if of_kind == kind:
                number = bytes((low[place + slot], high[place + slot]))
                if number != _NOTHING:
                    # What is rounded beyond the largest number there is comes out infinite.
                    value = max(-LARGEST, min(LARGEST, struct.unpack("<e", number)[0]))
                    known[reading] = value / scale_of(reading)
            place += self._room[of_kind]
        return known

    def _grown(self, names: Mapping[str, list[str]], columns: list[tuple[str, str]]) -> tuple[bytes, bytes]:
        """Make room for new names and readings.

        Returns:
            The planes, as if those had been there before without a value.
        """
        room = dict(self._room)
        for kind, new in names.items():
            slots = self._slots[kind]
            for name in new:
                slots[name] = len(slots)
            if len(slots) > _MOST_SLOTS:
                raise ValueError("more names than there can be")
            room[kind] = -(-len(slots) // _ROOM) * _ROOM
        if room == self._room and not columns:
            return self._planes
        if sum(room[kind] for kind, _ in (*self._columns, *columns)) > _MOST_BYTES:
            raise ValueError("more readings than there can be")
        planes = []
        for plane, filling in zip(self._planes, _NOTHING, strict=True):
            parts: list[bytes] = []
            place = 0
            for kind, _ in self._columns:
                parts += (
                    plane[place : place + self._room[kind]],
                    bytes((filling,)) * (room[kind] - self._room[kind]),
                )
                place += self._room[kind]
            parts += [bytes((filling,)) * room[kind] for kind, _ in columns]
            planes.append(b"".join(parts))
        self._columns = [*self._columns, *columns]
        self._room = room
        return planes[0], planes[1]


def usage_in(data: bytes) -> Usage | None:
    """The core usage in a frame.

    Raises:
        ValueError, TypeError, zstandard.ZstdError, struct.error, ...: It was damaged.
    """
    document = json.loads(next(_parts(data, most=1)).decode("utf-8", "surrogatepass"))
    return usage_of(document.get("usage"))


def _parts(data: bytes, most: int = 3) -> Any:
    import zstandard

    by = zstandard.ZstdDecompressor()
    place = _LENGTH.size
    for length in _LENGTH.unpack_from(data)[:most]:
        part = data[place : place + length]
        if zstandard.frame_content_size(part) > _MOST_BYTES:
            raise ValueError("more bytes than there can be")
        yield by.decompress(part)
        place += length


def _coarse(row: bytes) -> tuple[bytes, bytes]:
    """The planes of a row, with three of the eleven digits of each number rounded away.

    What is left is right to 0.4 %, and whole percentages are exact; the digits that go are mostly noise.
    """
    length = len(row)
    numbers = int.from_bytes(row, "little")
    # Half of the last digit that stays is added. It carries into the exponent where it must, and never beyond
    # that: what is not a number has zeros where it would come in.
    numbers += int.from_bytes(b"\x04\x00" * (length // 2), "little")
    kept = (numbers & int.from_bytes(b"\xf8\xff" * (length // 2), "little")).to_bytes(length, "little")
    return kept[0::2], kept[1::2]


def _differing(one: bytes, other: bytes) -> bytes:
    """The bits in which two differ, of the same length; applied to it, the other gives the one again."""
    return (int.from_bytes(one, "little") ^ int.from_bytes(other, "little")).to_bytes(len(one), "little")


def _text(value: object) -> str:
    if type(value) is not str:
        raise ValueError("expected a name")
    return value
