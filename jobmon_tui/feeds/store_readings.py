"""What charts show, frame by frame beside the whole snapshots: small enough to go through hours of it.

Every frame holds the readings of all nodes and running jobs as half-precision numbers in one long row, less
what they were in the frame before it. So the frames of a segment are read in their order.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from jobmon_tui.analysis.series import Known, job_readings, node_readings
from jobmon_tui.feeds.reading_columns import LARGEST, by_reading, dense, scale_of
from jobmon_tui.feeds.store_numbers import added, lanes_added, lanes_subtracted, subtracted
from jobmon_tui.model.snapshot import Snapshot, Usage
from jobmon_tui.model.wire_values import usage_of
from jobmon_tui.model.wire_write import usage_document

_ROOM = 256
"""Slots are made by so many at a time: the row is laid out anew less often."""
_MOST_SLOTS = 1 << 22
_MOST_BYTES = 1 << 28
_ROUNDED_AWAY = 3
"""Binary digits of each number that are not kept, of eleven."""
_NOTHING = (int.from_bytes(struct.pack("<e", float("nan")), "little") >> _ROUNDED_AWAY).to_bytes(2, "little")
_NO_NUMBER = int.from_bytes(_NOTHING, "little")
_HALF = 0x80
_MIDDLE = _HALF.to_bytes(2, "little")
"""Added to each difference: so small ones, up or down, all have the same high byte."""
_KINDS = ("node", "job")
_LENGTH = struct.Struct("<III")
_LEVEL = 12


class ReadingFrames:
    """The frames of one segment, in the making or as they are read.

    Whoever writes and whoever reads goes through the same states.
    """

    def __init__(self) -> None:
        self._slots: dict[str, dict[str, int]] = {kind: {} for kind in _KINDS}
        self._room = dict.fromkeys(_KINDS, 0)
        self._columns: list[tuple[str, str]] = []
        """Kind and reading of each column, in the order of the row."""
        self._row = b""
        """All numbers of the newest frame, of two bytes each."""
        self._number: int | None = None
        """The row as one long integer, once it was read."""

    def copy(self) -> ReadingFrames:
        """One of its own in the same state."""
        twin = ReadingFrames()
        twin._slots = {kind: dict(slots) for kind, slots in self._slots.items()}
        twin._room, twin._columns, twin._row = dict(self._room), list(self._columns), self._row
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
        self._row, self._number = _coarse(b"".join(parts)), None
        differences = added(subtracted(self._row, before, 2), _MIDDLE * (len(before) // 2), 2)
        packer = zstandard.ZstdCompressor(level=_LEVEL)
        packed = [
            packer.compress(part)
            for part in (
                json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"),
                differences[0::2],
                differences[1::2],
            )
        ]
        return _LENGTH.pack(*map(len, packed)) + b"".join(packed)

    def read(self, data: bytes) -> None:
        """Go on to the frame after those that were packed or read before.

        Raises:
            ValueError, TypeError, KeyError, zstandard.ZstdError, struct.error, ...: It was damaged.
        """
        names, columns, planes = _opened(data)
        before = self._grown(names, columns)
        if any(2 * len(plane) != len(before) for plane in planes):
            raise ValueError("readings are missing")
        differences = bytearray(len(before))
        for place, plane in enumerate(planes):
            differences[place::2] = plane
        length = len(before)
        number = self._number if before is self._row else None
        if number is None:
            number = int.from_bytes(before, "little")
        change = lanes_subtracted(int.from_bytes(differences, "little"), _middle(length), length, 2)
        self._number = lanes_added(change, number, length, 2)
        self._row = self._number.to_bytes(length, "little")

    def readings(self, kind: str, name: str) -> Known:
        """What the newest frame has of a node or job."""
        slot = self._slots[kind].get(name)
        if slot is None:
            return {}
        known: Known = {}
        place = 0
        for of_kind, reading in self._columns:
            if of_kind == kind:
                number = self._row[2 * (place + slot) : 2 * (place + slot) + 2]
                if number != _NOTHING:
                    known[reading] = _value(int.from_bytes(number, "little"), reading)
            place += self._room[of_kind]
        return known

    def _grown(self, names: Mapping[str, list[str]], columns: list[tuple[str, str]]) -> bytes:
        """Make room for new names and readings.

        Returns:
            The row, as if those had been there before without a value.
        """
        room = dict(self._room)
        for kind, new in names.items():
            slots = self._slots[kind]
            for name in new:
                slots[name] = len(slots)
            room[kind] = _room_for(len(slots))
        if room == self._room and not columns:
            return self._row
        _check_size(room, [*self._columns, *columns])
        parts: list[bytes] = []
        place = 0
        for kind, _ in self._columns:
            end = place + 2 * self._room[kind]
            parts += (self._row[place:end], _NOTHING * (room[kind] - self._room[kind]))
            place = end
        parts += [_NOTHING * room[kind] for kind, _ in columns]
        self._columns = [*self._columns, *columns]
        self._room = room
        return b"".join(parts)


class SubjectFrames:
    """The frames of one segment as far as they concern one node or job; nothing else in them is summed up.

    Args:
        kind: ``node`` or ``job``.
        name: Its name.
    """

    def __init__(self, kind: str, name: str) -> None:
        self._kind = kind
        self._name = name
        self._slot: int | None = None
        self._counts = dict.fromkeys(_KINDS, 0)
        """Names so far: the place of each is that in which it came."""
        self._columns: list[tuple[str, str]] = []
        self._numbers: dict[str, int] = {}
        """By reading, its number in the newest frame, as it stands in a row."""

    def read(self, data: bytes) -> None:
        """Go on to the next frame; see `ReadingFrames.read`.

        Raises:
            ValueError, TypeError, KeyError, zstandard.ZstdError, struct.error, ...: It was damaged.
        """
        names, columns, planes = _opened(data)
        if self._slot is None and self._name in names[self._kind]:
            self._slot = self._counts[self._kind] + names[self._kind].index(self._name)
        for kind, new in names.items():
            self._counts[kind] += len(new)
        self._columns += columns
        room = {kind: _room_for(count) for kind, count in self._counts.items()}
        size = _check_size(room, self._columns)
        if any(len(plane) != size for plane in planes):
            raise ValueError("readings are missing")
        if self._slot is not None:
            self._add(planes, room, self._slot)

    def readings(self) -> Known:
        """What the newest frame has of it."""
        return {
            reading: _value(number, reading)
            for reading, number in self._numbers.items()
            if number != _NO_NUMBER
        }

    def _add(self, planes: Sequence[bytes], room: Mapping[str, int], slot: int) -> None:
        low, high = planes
        place = slot
        for kind, reading in self._columns:
            if kind == self._kind:
                change = low[place] + (high[place] << 8) - _HALF
                self._numbers[reading] = (self._numbers.get(reading, _NO_NUMBER) + change) & 0xFFFF
            place += room[kind]


def usage_in(data: bytes) -> Usage | None:
    """The core usage in a frame.

    Raises:
        ValueError, TypeError, zstandard.ZstdError, struct.error, ...: It was damaged.
    """
    document = json.loads(next(_parts(data, most=1)).decode("utf-8", "surrogatepass"))
    return usage_of(document.get("usage"))


def _opened(data: bytes) -> tuple[dict[str, list[str]], list[tuple[str, str]], list[bytes]]:
    """New names by kind, new columns, and the low and the high bytes of all differences."""
    head, *planes = _parts(data)
    document = json.loads(head.decode("utf-8", "surrogatepass"))
    names = {kind: [_text(name) for name in document["names"][kind]] for kind in _KINDS}
    columns = [(kind, _text(reading)) for kind, reading in document["columns"] if kind in _KINDS]
    return names, columns, planes


def _room_for(count: int) -> int:
    """Slots for so many names."""
    if count > _MOST_SLOTS:
        raise ValueError("more names than there can be")
    return -(-count // _ROOM) * _ROOM


def _check_size(room: Mapping[str, int], columns: Sequence[tuple[str, str]]) -> int:
    """How many numbers a row has."""
    size = sum(room[kind] for kind, _ in columns)
    if size > _MOST_BYTES:
        raise ValueError("more readings than there can be")
    return size


def _value(number: int, reading: str) -> float:
    """What a number of a row means."""
    value = struct.unpack("<e", (number << _ROUNDED_AWAY & 0xFFFF).to_bytes(2, "little"))[0]
    # What is rounded beyond the largest number there is comes out infinite.
    scaled: float = max(-LARGEST, min(LARGEST, value)) / scale_of(reading)
    return scaled


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


@lru_cache(maxsize=4)
def _middle(length: int) -> int:
    return int.from_bytes(_MIDDLE * (length // 2), "little")


def _coarse(row: bytes) -> bytes:
    """Half-precision numbers without their last digits, rounded, and moved down to where those were.

    What is left is right to 0.4 %, and whole percentages are exact; what goes is mostly noise.
    """
    count = len(row) // 2
    half, rest = 1 << (_ROUNDED_AWAY - 1), 0xFFFF >> _ROUNDED_AWAY << _ROUNDED_AWAY
    # It carries into the exponent where it must, and never beyond: what is not a number has zeros there.
    rounded = int.from_bytes(row, "little") + int.from_bytes(half.to_bytes(2, "little") * count, "little")
    kept = rounded & int.from_bytes(rest.to_bytes(2, "little") * count, "little")
    return (kept >> _ROUNDED_AWAY).to_bytes(len(row), "little")


def _text(value: object) -> str:
    if type(value) is not str:
        raise ValueError("expected a name")
    return value
