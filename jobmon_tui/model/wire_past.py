"""The documents about a time rather than an instant, which only jobmon's own server offers.

``timeline.py``: ``{"timeline": [seconds, ...]}``. ``series.py``: ``{"series": [one, ...]}`` in the order of
the questions, each null or ``{"times": [seconds, ...], "values": [number or null, ...], "unit"}``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobmon_tui.errors import SnapshotError
from jobmon_tui.model.series import Series
from jobmon_tui.model.wire_values import number, text


def timeline_document(times: Sequence[float]) -> dict[str, Any]:
    """The document of the instants (Unix seconds) of which there are snapshots."""
    return {"timeline": list(times)}


def timeline_from_document(document: object, origin: str) -> tuple[float, ...]:
    """The instants that a document lists, ascending.

    Args:
        document: What the JSON held.
        origin: The address it came from, for messages.

    Raises:
        SnapshotError: It is no such document.
    """
    listed = document.get("timeline") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise SnapshotError(f"{origin}: timeline: expected a list of times")
    return tuple(sorted({float(time) for one in listed if (time := number(one)) is not None}))


def series_document(series: Sequence[Series | None]) -> dict[str, Any]:
    """The document of what was measured over a time."""
    return {
        "series": [
            None if one is None else {"times": list(one.times), "values": list(one.values), "unit": one.unit}
            for one in series
        ]
    }


def series_from_document(document: object, origin: str, count: int) -> list[Series | None]:
    """What was measured over a time; one of the wrong shape is unknown.

    Args:
        document: What the JSON held.
        origin: The address it came from, for messages.
        count: How many there must be.

    Raises:
        SnapshotError: It is no such document, or not of so many.
    """
    listed = document.get("series") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) != count:
        raise SnapshotError(f"{origin}: series: expected a list of {count} series")
    return [_series(one) for one in listed]


def _series(record: object) -> Series | None:
    if not isinstance(record, dict):
        return None
    times, values = record.get("times"), record.get("values")
    if not isinstance(times, list) or not isinstance(values, list) or len(times) != len(values):
        return None
    points = sorted(
        ((float(time), number(value)) for moment, value in zip(times, values, strict=True)
         if (time := number(moment)) is not None),
        key=lambda point: point[0],
    )  # fmt: skip
    return Series(
        times=tuple(time for time, _ in points),
        values=tuple(value for _, value in points),
        unit=text(record.get("unit")) or "",
    )
