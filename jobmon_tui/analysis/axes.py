"""What stands beside and below a chart: round numbers with their units, and times of the day."""

from __future__ import annotations

import math
from datetime import datetime
from typing import NamedTuple

from jobmon_tui.model.units import UNKNOWN, format_bytes_rate, format_mib

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
TIME_STEPS = (
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 7, 14, 28)),
)
"""Seconds between the times written below a chart."""
SPANS = (
    *(minutes * _MINUTE for minutes in (10, 15, 20, 30, 45)),
    *(_HOUR * hours // 2 for hours in (2, 3, 4, 6, 8, 12, 16, 24, 32, 48)),
    *(_DAY * days // 2 for days in (3, 4, 6, 8, 12, 16, 24, 32, 48, 64)),
)
"""Seconds that a chart of everything since the start may span: few, so that it seldom has to be squeezed."""


class Tick(NamedTuple):
    """A time below a chart."""

    time: float
    """Unix seconds."""
    text: str


def top_of(highest: float, unit: str) -> float:
    """A round number, the highest value or a little more, that an axis can end at.

    Args:
        highest: The highest value to be seen.
        unit: Its unit; amounts in MiB get round numbers of GiB, TiB, ...
    """
    if not math.isfinite(highest) or highest <= 0:
        return 100.0 if unit == "%" else 2.0
    if unit == "MiB":
        highest = max(highest, 2.0)  # Half of it, which is written as well, would be 0 MiB.
    base, steps = (1024.0, _BINARY) if unit == "MiB" else (1000.0, _DECIMAL)
    power = base ** math.floor(math.log(highest, base))
    # A hair's breadth of tolerance, for logarithms are not exact.
    return next((step * power for step in steps if step * power >= highest * (1 - 1e-9)), base * power)


_DECIMAL = tuple(digit * ten for ten in (1, 10, 100) for digit in (1, 1.5, 2, 3, 4, 5, 6, 8))
_BINARY = (
    *(power * part for power in (1, 2, 4, 8, 16, 32, 64, 128, 256) for part in (1, 1.25, 1.5, 1.75)),
    512,
    768,
)


def amount_text(value: float | None, unit: str) -> str:
    """A value with its unit, short: ``85 %``, ``1.5 GiB``, ``64 kB/s``, ``1.2 k/s``."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if unit == "MiB":
        return format_mib(value)
    if unit == "B/s":
        return format_bytes_rate(value)
    if unit == "1/s":
        return format_bytes_rate(value).removesuffix("B/s").rstrip() + (" /s" if value < 999.5 else "/s")
    return f"{value:.0f} {unit}".rstrip()


def span_since(start: float, now: float) -> float:
    """Seconds that a chart of everything since then spans; there may be room left on its right."""
    passed = max(0.0, now - start)
    return float(next((span for span in SPANS if span >= passed), math.ceil(passed / _DAY / 28) * _DAY * 28))


def time_ticks(start: float, end: float, most: int) -> list[Tick]:
    """Round times of the reader's time zone between two instants.

    Args:
        start: Unix seconds.
        end: Unix seconds.
        most: How many there may be at the most.
    """
    if end <= start or most <= 0:
        return []
    fitting = [step for step in TIME_STEPS if (end - start) / step <= most]
    step = fitting[0] if fitting else math.ceil((end - start) / most / _DAY) * _DAY
    shift = _zone_shift(start)
    first = math.ceil((start + shift) / step) * step - shift
    ticks = []
    for number in range(int((end - first) // step) + 1):
        time = first + number * step
        moment = datetime.fromtimestamp(time)
        midnight = moment.hour == 0 and moment.minute == 0
        text = (
            f"{moment.day} {moment:%b}"
            if step >= _DAY or (midnight and end - start > _DAY)
            else f"{moment:%H:%M}"
        )
        ticks.append(Tick(time, text))
    return ticks


def _zone_shift(time: float) -> float:
    offset = datetime.fromtimestamp(time).astimezone().utcoffset()
    return offset.total_seconds() if offset else 0.0
