"""The rows of Prometheus' answers, decoded while they arrive: memory holds a few hundred at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jobmon_tui.errors import SourceError

Sample = tuple[Mapping[str, str], float, float]
"""A row's labels, its value and the instant (Unix seconds) that it was asked for."""

ROW = b'{"metric":'
"""How a row begins. Within a string the quotes would be escaped, so this is always a row's beginning."""
MOST_UNDIVIDED = 8 * 1024 * 1024
"""Bytes of the longest row, and of an answer that is not written the way Prometheus does."""

MOST_BUILD_INFORMATION = 64 * 1024


def read_samples(pieces: Iterable[bytes]) -> Iterator[Sample]:
    """The samples of an answer to ``query`` or ``query_range``; those that are no finite number are left out.

    Args:
        pieces: The answer, cut anywhere.

    Raises:
        SourceError: The answer is not one of Prometheus, ends too early, or tells of a failure.
    """
    try:
        for rows in _blocks(pieces):
            for row in rows:
                labels = row["metric"]
                for at, text in (row["value"],) if "value" in row else row["values"]:
                    value = float(text)
                    if math.isfinite(value):
                        yield labels, value, float(at)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise SourceError(f"the answer is not one of Prometheus ({type(error).__name__})") from None


def _blocks(pieces: Iterable[bytes]) -> Iterator[list[Any]]:
    buffer = bytearray()
    first = -1
    for piece in pieces:
        buffer += piece
        if first < 0:
            first = buffer.find(ROW)
        if first >= 0:
            newest = buffer.rfind(ROW)
            if newest > first:
                yield _decoded(bytes(buffer[first:newest]))
                del buffer[first:newest]
        if len(buffer) > MOST_UNDIVIDED:
            raise SourceError(f"the answer has no rows within {MOST_UNDIVIDED // 1024**2} MiB")
    # What surrounds the rows and the last row are a whole document: if not, the answer is not complete.
    yield _rest(bytes(buffer))


def _decoded(rows: bytes) -> list[Any]:
    if not rows.endswith(b","):
        raise ValueError("rows without a comma between them")
    decoded: list[Any] = json.loads(b"[" + rows[:-1] + b"]")
    return decoded


def _rest(text: bytes) -> list[Any]:
    if not text.rstrip().endswith(b"}"):
        raise SourceError("the answer ends too early" if text.startswith(b"{") else "the answer is no JSON")
    document = json.loads(text)
    if document["status"] != "success":
        raise SourceError(" ".join(str(document.get("error", "the query failed")).split())[:300])
    data = document["data"]
    if data["resultType"] not in ("vector", "matrix"):
        raise SourceError(f"the query gives a {str(data['resultType'])[:20]}, not rows with labels")
    rows = data["result"]
    if not isinstance(rows, list):
        raise TypeError
    return rows


def read_version(pieces: Iterable[bytes]) -> str:
    """The version in an answer to ``status/buildinfo``; empty if it has none."""
    text = b""
    for piece in pieces:
        text += piece
        if len(text) > MOST_BUILD_INFORMATION:
            return ""
    try:
        return str(json.loads(text)["data"]["version"])[:40]
    except (KeyError, TypeError, ValueError, RecursionError):
        return ""
