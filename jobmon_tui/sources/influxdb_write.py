"""Storing points in InfluxDB: line protocol, over ``/write`` (1.x) or by influxdb-client (2.x)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from jobmon_tui.sources.influxdb import InfluxOptions, connect

MOST_LINES = 5000
"""Points of one request; InfluxDB's own advice."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def line(
    measurement: str, tags: Mapping[str, str | None], fields: Mapping[str, float | int | None], time: float
) -> str | None:
    """One point in line protocol; ``None`` where none of its fields is known.

    Args:
        measurement: Its name.
        tags: Those that are ``None`` or empty are left out.
        fields: Whole numbers are stored as such; those that are ``None`` or no number are left out.
        time: Unix seconds; the fraction is dropped.
    """
    known = [
        f"{_escaped(name, ',= ')}={_number(value)}"
        for name, value in fields.items()
        if value is not None and math.isfinite(value)
    ]
    if not known:
        return None
    marks = [f",{_escaped(name, ',= ')}={_escaped(value, ',= ')}" for name, value in tags.items() if value]
    return f"{_escaped(measurement, ', ')}{''.join(marks)} {','.join(known)} {math.floor(time)}"


def _number(value: float | int) -> str:
    return f"{value:d}i" if isinstance(value, int) else repr(float(value))


def _escaped(text: str, special: str) -> str:
    # A line break would begin another point, and a backslash at the end would swallow what follows.
    plain = _CONTROL.sub(" ", text).rstrip("\\")
    return "".join(f"\\{character}" if character in special else character for character in plain) or "-"


class InfluxWriter:
    """Stores points in one InfluxDB.

    Args:
        options: How to reach it; what is only needed for reading is not looked at.

    Raises:
        UsageError: The options make no sense.
    """

    def __init__(self, options: InfluxOptions) -> None:
        self.url = options.url
        self._exchange, self._dialect = connect(options)

    def write(self, lines: Sequence[str]) -> None:
        """Store points, some thousands in a request.

        Raises:
            SourceError: They were not stored, or not all of them.
        """
        for start in range(0, len(lines), MOST_LINES):
            self._dialect.write(lines[start : start + MOST_LINES])

    def close(self) -> None:
        """End a request under way at once, from whichever thread; later ones raise SourceError."""
        self._exchange.close()
