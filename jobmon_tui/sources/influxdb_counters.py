"""Rates of counters from their newest two points."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from jobmon_tui.sources.influxdb_schema import DeviceChoice
from jobmon_tui.sources.influxdb_select import Row


class Counters:
    """The newest two points of each series of counters, gathered by owner."""

    def __init__(self) -> None:
        self._series: dict[Hashable, dict[Hashable, tuple[Row, ...]]] = {}

    def put(self, owner: Hashable, row: Row) -> None:
        """Take a point, in whichever order points come.

        Args:
            owner: Whose rate it adds to, such as a host.
            row: The point; its tags tell its series.
        """
        of_owner = self._series.setdefault(owner, {})
        series = frozenset(row.tags.items())
        points = (*of_owner.get(series, ()), row)
        of_owner[series] = tuple(sorted(points, key=_time)[-2:])

    def owners(self) -> Iterable[Any]:
        """Everyone with a point."""
        return self._series

    def rate(self, owner: Hashable, *fields: str) -> float | None:
        """The rates of these fields per second, over all series of an owner, added up.

        A series with one point only does not count yet. ``None`` if no series counts, and if a counter of one
        started anew: what it counted before is not known.
        """
        total: float | None = None
        for points in self._series.get(owner, {}).values():
            for field in fields:
                values = [(point.time, point.values[field]) for point in points if field in point.values]
                if len(values) < 2 or values[1][0] <= values[0][0]:
                    continue
                (earlier, before), (later, after) = values
                if after < before:
                    return None
                total = (total or 0.0) + (after - before) / (later - earlier)
        return total


def _time(row: Row) -> float:
    return row.time


def is_chosen(choice: DeviceChoice, host: str, device: str) -> bool:
    """Whether a device of a host counts."""
    for host_pattern, device_pattern in choice:
        if fnmatchcase(host, host_pattern):
            return fnmatchcase(device, device_pattern)
    return False


def numbers(values: Mapping[str, float], fields: Sequence[str]) -> list[float] | None:
    """The numbers of all these fields; ``None`` if one is missing."""
    found = [values[field] for field in fields if field in values]
    return found if len(found) == len(fields) else None
