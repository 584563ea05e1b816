"""The snapshot format: gzip-compressed JSON of API 15, as the spool holds it and as installations serve it.

Here are the bytes and the files. What the documents mean is read in `wire_read` and written in `wire_write`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from jobmon_tui.errors import SnapshotError
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.model.text import printable
from jobmon_tui.model.wire_read import (
    backfill_from_document,
    history_from_document,
    snapshot_from_document,
)
from jobmon_tui.model.wire_write import backfill_document, document_of, history_document, usage_document

__all__ = [
    "LARGEST_DOCUMENT",
    "MOST_ARRAY_TASKS",
    "backfill_document",
    "backfill_from_document",
    "decode",
    "decode_json",
    "document_of",
    "encode",
    "encode_json",
    "history_document",
    "history_from_document",
    "read_json",
    "read_snapshot",
    "snapshot_from_document",
    "usage_document",
    "without_nan",
]

MOST_ARRAY_TASKS = 10_000
"""Pending tasks that are spelled out in one document unless another number is asked for: 4 MB of JSON, which
whoever reads it has to go through each time."""
LARGEST_DOCUMENT = 1 << 30
"""Bytes of JSON that are accepted: a cluster of 10,000 nodes and 50,000 jobs needs a tenth of it."""

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
_DAMAGED = "It was cut short or damaged; another snapshot may be whole."


def read_snapshot(path: Path, *, with_queue: bool = True) -> Snapshot:
    """Read one snapshot file.

    Args:
        path: The file, gzip-compressed or plain.
        with_queue: Whether to keep pending jobs.

    Raises:
        FileNotFoundError, NotADirectoryError: It is not there.
        SnapshotError: It cannot be read, or it is no snapshot.
    """
    return snapshot_from_document(read_json(path), str(path), with_queue=with_queue)


def decode(data: bytes, origin: str, *, with_queue: bool = True) -> Snapshot:
    """Turn the bytes of a snapshot file, or of a web service's answer, into a snapshot.

    Args:
        data: Gzip-compressed or plain JSON.
        origin: The file or address it came from, for messages.
        with_queue: Whether to keep pending jobs.

    Raises:
        SnapshotError: It is no snapshot.
    """
    return snapshot_from_document(decode_json(data, origin), origin, with_queue=with_queue)


def encode(snapshot: Snapshot, *, expand_arrays: bool = False, most_tasks: int = MOST_ARRAY_TASKS) -> bytes:
    """Turn a snapshot into the bytes of its file (see `document_of`)."""
    return encode_json(document_of(snapshot, expand_arrays=expand_arrays, most_tasks=most_tasks))


def read_json(path: Path) -> object:
    """Read a JSON file, gzip-compressed or plain.

    Raises:
        FileNotFoundError, NotADirectoryError: It is not there.
        SnapshotError: It cannot be read, or it is no JSON.
    """
    origin = str(path)
    try:
        # A pipe or a device would never end, and a symbolic link may lead to one.
        if not path.is_file():
            path.stat()
            raise SnapshotError(f"{printable(origin)}: not a file")
        with path.open("rb") as file:
            data = file.read(LARGEST_DOCUMENT + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise SnapshotError(f"{printable(origin)}: cannot be read: {error.strerror}") from error
    return decode_json(data, origin)


def decode_json(data: bytes, origin: str, *, largest: int = LARGEST_DOCUMENT) -> object:
    """Parse JSON, gzip-compressed or plain. NaN and infinities become null: they measure nothing.

    Args:
        data: The bytes.
        origin: The file or address they came from, for messages.
        largest: The most bytes of JSON that are accepted.

    Raises:
        SnapshotError: It is no JSON, damaged, or larger than that.
    """
    if data[:2] == _GZIP_MAGIC:
        data = _decompress(data, origin, largest)
    if len(data) > largest:
        raise _too_large(origin, largest)
    try:
        return json.loads(data, parse_constant=lambda _: None)
    except RecursionError:
        raise SnapshotError(f"{printable(origin)}: expected a snapshot, found JSON nested too deep") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise SnapshotError(
            f"{printable(origin)}: expected JSON, found something else at {place}", _DAMAGED
        ) from None
    except ValueError:
        raise SnapshotError(
            f"{printable(origin)}: expected JSON in UTF-8, found other bytes", _DAMAGED
        ) from None


def encode_json(document: object) -> bytes:
    """Write a document as gzip-compressed JSON; the same document gives the same bytes.

    Numbers that measure nothing (NaN, infinities) become null, since they are no JSON.
    """
    try:
        text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(without_nan(document), separators=(",", ":"), allow_nan=False)
    return gzip.compress(text.encode("ascii"), compresslevel=6, mtime=0)


def _decompress(data: bytes, origin: str, largest: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        # Bounded: a few kilobytes can stand for gigabytes.
        unpacked = unpacker.decompress(data, largest + 1)
    except zlib.error as error:
        raise SnapshotError(f"{printable(origin)}: damaged gzip data: {error}", _DAMAGED) from None
    if len(unpacked) > largest:
        raise _too_large(origin, largest)
    if not unpacker.eof:
        raise SnapshotError(f"{printable(origin)}: gzip data ends too early", _DAMAGED)
    return unpacked


def _too_large(origin: str, largest: int) -> SnapshotError:
    return SnapshotError(f"{printable(origin)}: larger than {largest:,} bytes of JSON")


def without_nan(value: Any) -> Any:
    """The same JSON value with null for each number that measures nothing (NaN, infinities)."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(one) for one in value]
    return value
