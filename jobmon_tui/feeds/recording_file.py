"""The file of a recording: snapshots one after another, in a form that survives being cut off anywhere.

A recording is JSON, one document a line, compressed line by line: each line is a gzip member of its own, so
that the whole is an ordinary ``.gz`` file, two recordings put one behind the other are one again, and one
snapshot can be read without those before it. In the extra field of each member's header (RFC 1952, subfield
``JM``) stand

=========  =======  ==========================================================================
bytes      type     what
=========  =======  ==========================================================================
1          char     ``h`` header, ``u`` usage, ``s`` snapshot; others are passed over
8          uint64   the size of the whole member in bytes
8          float64  the instant in Unix seconds (of a header: when the recording began)
=========  =======  ==========================================================================

little-endian, so that opening a recording reads 32 bytes of each member and decompresses none. What is behind
the last whole member was cut off and is passed over.

The lines: the header says ``{"jobmon": "recording", "version": 1, ...}``; a usage line says
``{"timestamp": ..., "usage": {...}}``, the snapshot's usage once more, by which a timeline is drawn without
decompressing a day of snapshots; a snapshot is the document of API 15, in which free slots may stand under
``backfill``. Decompressed (``gunzip``), a recording can be read as well.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from jobmon_tui.errors import SnapshotError
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import BackfillSlot, Snapshot, Usage
from jobmon_tui.model.text import printable

VERSION = 1
"""Of the header line."""
HEADER, USAGE, SNAPSHOT = b"h", b"u", b"s"
MOST_MEMBERS = 500_000
"""Lines of a recording that are looked at: three months of a snapshot every half minute."""
LARGEST_LINE = wire.LARGEST_DOCUMENT
"""Bytes of one line, decompressed; what is larger is no snapshot."""

_MARK = b"\x1f\x8b\x08\x04"
_HEAD = struct.Struct("<4sIBBH2sHcQd")
"""Of a member: magic, method and flags; time; level and system; length of the extra field; the subfield."""
_EXTRA = 2 + 2 + 1 + 8 + 8
_TAIL = struct.Struct("<II")
_GZIP_MAGIC = b"\x1f\x8b"
_LINE = re.compile(
    rb'\{"(?:jobmon":"recording"|api":(?P<api>[0-9]{1,6}),"timestamp":(?P<snapshot>[0-9.e+-]{1,32})'
    rb'|timestamp":(?P<usage>[0-9.e+-]{1,32}),"usage":)'
)
_BEGINNING = b'{"jobmon":"recording"'
_LONGEST_START = 120


@dataclass(frozen=True, slots=True)
class Member:
    """One line of a recording."""

    kind: bytes
    """`HEADER`, `USAGE` or `SNAPSHOT`."""
    time: float
    """Unix seconds."""
    offset: int
    """Where it begins in the file."""
    size: int
    """Its bytes there."""


def member(kind: bytes, time: float, document: object) -> bytes:
    """One line as the bytes of its gzip member; the same line gives the same bytes."""
    try:
        text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(wire.without_nan(document), separators=(",", ":"), allow_nan=False)
    line = text.encode("ascii") + b"\n"
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(line) + packer.flush()
    size = _HEAD.size + len(packed) + _TAIL.size
    head = _HEAD.pack(_MARK, 0, 0, 255, _EXTRA, b"JM", _EXTRA - 4, kind, size, time)
    return head + packed + _TAIL.pack(zlib.crc32(line), len(line) & 0xFFFFFFFF)


def header_member(began: float, said: Mapping[str, object]) -> bytes:
    """The first line.

    Args:
        began: Unix seconds.
        said: What else to say of the recording: ``title``, ``interval``, ``anonymised``.
    """
    return member(HEADER, began, {"jobmon": "recording", "version": VERSION, "began": began, **said})


def snapshot_members(
    snapshot: Snapshot, usage: Usage, backfill: Mapping[str, Mapping[int, BackfillSlot]]
) -> bytes:
    """The two lines of a snapshot.

    Args:
        snapshot: The snapshot.
        usage: Its usage, calculated where nobody counted it.
        backfill: Free slots; may be empty.
    """
    time = snapshot.timestamp
    document = wire.document_of(snapshot)
    if backfill:
        document["backfill"] = wire.backfill_document(backfill)
    summary = {"timestamp": time, "usage": wire.usage_document(usage)}
    return member(USAGE, time, summary) + member(SNAPSHOT, time, document)


@dataclass(frozen=True, slots=True)
class Index:
    """Where the lines of a recording are."""

    header: Mapping[str, Any]
    """What the first line says."""
    members: tuple[Member, ...]
    """Usage and snapshots, in the file's own order."""
    is_compressed: bool
    cut_off: int
    """Bytes at the end that are no whole line."""


def is_recording(path: Path) -> bool:
    """Whether a file begins as a recording does, whatever its name.

    Raises:
        OSError: It cannot be read.
        SnapshotError: It was one, and somebody compressed it in another way.
    """
    with path.open("rb") as file:
        start = file.read(4096)
    if start[:2] != _GZIP_MAGIC:
        return start.startswith(_BEGINNING)
    if _head(start) is not None:
        return True
    try:
        inside = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(start, len(_BEGINNING))
    except zlib.error:
        return False
    if inside == _BEGINNING:
        raise SnapshotError(
            f"{printable(path)}: a recording that was packed again: where its snapshots are is lost",
            "Unpack it (gunzip) and open what comes out.",
        )
    return False


def read_index(path: Path) -> Index:
    """Look where the snapshots of a recording are.

    Raises:
        OSError: It cannot be read.
        SnapshotError: It is no recording, or one of a version that cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        is_compressed = file.peek(2)[:2] == _GZIP_MAGIC
        found = list(_members(file, size) if is_compressed else _lines(file))
        end = found[-1].offset + found[-1].size if found else 0
    if not found or found[0].kind != HEADER:
        raise SnapshotError(f"{printable(path)}: no recording of jobmon's: it does not begin like one")
    if len(found) > MOST_MEMBERS:
        raise SnapshotError(f"{printable(path)}: more than {MOST_MEMBERS:,} lines, too many for a recording")
    header = _header(path, read_line(path, found[0], is_compressed))
    members = tuple(one for one in found[1:] if one.kind in (USAGE, SNAPSHOT))
    return Index(header, members, is_compressed, size - end)


def read_line(path: Path, wanted: Member, is_compressed: bool) -> object:
    """Parse one line.

    Raises:
        SnapshotError: The file changed since it was indexed, is damaged there, or cannot be read.
    """
    origin = f"{path} (at byte {wanted.offset:,})"
    try:
        with path.open("rb") as file:
            file.seek(wanted.offset)
            data = file.read(wanted.size)
    except OSError as error:
        raise SnapshotError(f"{printable(path)}: cannot be read: {error.strerror}") from error
    if is_compressed:
        head = _head(data)
        if head is None or head[:2] != (wanted.kind, wanted.size) or len(data) < wanted.size:
            raise SnapshotError(f"{printable(path)}: it changed while it was open", "Open it again.")
    return wire.decode_json(data, origin, largest=LARGEST_LINE)


def _head(start: bytes) -> tuple[bytes, int, float] | None:
    """Kind, size and instant of a member, from its first bytes; ``None`` where it is none of ours."""
    if len(start) < _HEAD.size:
        return None
    mark, _, _, _, extra, name, length, kind, size, time = _HEAD.unpack_from(start)
    if mark != _MARK or name != b"JM" or (extra, length) != (_EXTRA, _EXTRA - 4):
        return None
    if size < _HEAD.size + _TAIL.size or not math.isfinite(time):
        return None
    return kind, size, time


def _members(file: BufferedReader, size: int) -> Iterator[Member]:
    """The members of a compressed recording, up to the first that is not whole."""
    offset = 0
    for _ in range(MOST_MEMBERS + 1):
        file.seek(offset)
        head = _head(file.read(_HEAD.size))
        if head is None or offset + head[1] > size:
            return
        yield Member(head[0], head[2], offset, head[1])
        offset += head[1]


def _lines(file: BinaryIO) -> Iterator[Member]:
    """The lines of a recording that somebody decompressed, up to the first that is not whole."""
    offset = 0
    for _ in range(MOST_MEMBERS + 1):
        start = line = file.readline(_LONGEST_START)
        length = len(line)
        while line and not line.endswith(b"\n"):
            line = file.readline(1 << 20)
            length += len(line)
            if length > LARGEST_LINE:
                return
        if not line:
            return
        match = _LINE.match(start)
        if match is not None:
            yield from _line(match, offset, length)
        offset += length


def _line(match: re.Match[bytes], offset: int, length: int) -> Iterator[Member]:
    said = match["snapshot"] or match["usage"]
    try:
        time = float(said) if said else 0.0
    except ValueError:
        return
    if math.isfinite(time):
        kind = SNAPSHOT if match["snapshot"] else USAGE if match["usage"] else HEADER
        yield Member(kind, time, offset, length)


def _header(path: Path, said: object) -> Mapping[str, Any]:
    if not isinstance(said, dict) or said.get("jobmon") != "recording":
        raise SnapshotError(
            f"{printable(path)}: no recording of jobmon's: its first line says something else"
        )
    version = said.get("version")
    if version != VERSION:
        raise SnapshotError(
            f"{printable(path)}: cannot read a recording of version {printable(version, 24)}",
            f"This jobmon reads version {VERSION}; a newer one may read more.",
        )
    return said
