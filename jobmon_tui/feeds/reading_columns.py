"""What charts show, in two bytes a number: one reading of all nodes or jobs at one instant.

Half-precision numbers have a relative error of 0.05 %, which no chart on a terminal can show.
"""

from __future__ import annotations

import math
import struct
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache

from jobmon_tui.analysis.series import Known, unit_of

MOST_READINGS = 200
"""Readings (each GPU and file system counts) that are kept of nodes and of jobs at the most."""

LARGEST = 65504.0
"""The largest half-precision number."""
_SCALES = {"MiB": 1 / 1024, "B/s": 1e-6, "1/s": 1e-3}
"""What values are multiplied with to come into the range of half precision (6e-8 to 65504)."""
_NAN = math.nan


class ReadingColumn:
    """One reading of all nodes or jobs at one instant: by slot, or only those slots that there are."""

    __slots__ = ("numbers", "slots")

    def __init__(self, slots: Sequence[int], values: Sequence[float], size: int) -> None:
        self.slots: array[int] | None = None
        if 3 * len(slots) < size:
            pairs = sorted(zip(slots, values, strict=True))
            self.slots = array("I", [slot for slot, _ in pairs])
            self.numbers = struct.pack(f"<{len(pairs)}e", *[value for _, value in pairs])
        else:
            self.numbers = dense(slots, values, size)

    @property
    def bytes(self) -> int:
        """What it takes."""
        return len(self.numbers) + (4 * len(self.slots) if self.slots is not None else 0)

    def value(self, slot: int) -> float | None:
        """What stands in a slot, in the column's scale."""
        place = slot
        if self.slots is not None:
            place = bisect_left(self.slots, slot)
            if place >= len(self.slots) or self.slots[place] != slot:
                return None
        if 2 * place >= len(self.numbers):
            return None
        value: float = struct.unpack_from("<e", self.numbers, 2 * place)[0]
        return None if value != value else value


@lru_cache(maxsize=4 * MOST_READINGS)
def scale_of(reading: str) -> float:
    """What the values of a reading are multiplied with in its column."""
    return _SCALES.get(unit_of(reading), 1.0)


def by_reading(
    known: Mapping[str, Known], places: Mapping[str, int]
) -> dict[str, tuple[list[int], list[float]]]:
    """Each reading, to the slots of those that have it and its values there, in the range of half precision.

    Args:
        known: Name of a node or job to its readings.
        places: Name to slot; of every name that has readings.
    """
    columns: dict[str, tuple[list[int], list[float]]] = {}
    for name, readings in known.items():
        for reading, value in readings.items():
            if reading not in columns and len(columns) >= MOST_READINGS:
                continue
            if math.isfinite(value):
                slots, values = columns.setdefault(reading, ([], []))
                slots.append(places[name])
                values.append(value)
    return {reading: (slots, _scaled(reading, values)) for reading, (slots, values) in columns.items()}


def _scaled(reading: str, values: list[float]) -> list[float]:
    scale = scale_of(reading)
    scaled = [value * scale for value in values]
    if max(scaled) <= LARGEST and min(scaled) >= -LARGEST:
        return scaled
    return [max(-LARGEST, min(LARGEST, value)) for value in scaled]


def dense(slots: Sequence[int], values: Sequence[float], size: int) -> bytes:
    """Two bytes for each slot there is, not a number where there is no value."""
    numbers = [_NAN] * size
    for slot, value in zip(slots, values, strict=True):
        numbers[slot] = value
    return struct.pack(f"<{size}e", *numbers)
