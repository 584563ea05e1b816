"""What is asked of InfluxDB, in no dialect yet, and what comes back from either."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest points of each series of a measurement."""

    measurement: str
    fields: tuple[str, ...]
    tags: tuple[str, ...] | None
    """Points that differ in other tags only count as one series; ``None``: each combination of tags does."""
    points: int = 1
    """How many of each series: 1 for a value, 2 for the rate of a counter."""
    window: float
    """How many seconds back a point may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverTime:
    """The means of a measurement's fields in equal steps of time, series by series."""

    measurement: str
    fields: tuple[str, ...]
    where: tuple[tuple[str, str], ...]
    """Tags and the values that they must have."""
    start: int
    """Unix seconds."""
    end: int
    """Unix seconds."""
    step: int
    """Seconds."""
    is_counter: bool = False
    """Whether the rate per second is wanted; where a counter starts anew there is none."""


Selection = Newest | OverTime


class Row(NamedTuple):
    """One point (or mean) of one series."""

    time: float
    """Unix seconds; of a mean, the start of its step."""
    tags: Mapping[str, str]
    values: Mapping[str, float]
    """Field to number; what is missing or no number is left out."""


Take = Callable[[int, Row], None]
"""Called with a selection's place in the list and one of its rows."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a server said apart from its rows."""

    version: str = ""
    errors: Mapping[int, str] = field(default_factory=dict)
    """By place in the list of selections, what went wrong with it."""


class Dialect(Protocol):
    """A query language, with the way to its server."""

    def ask(self, selections: Sequence[Selection], take: Take) -> Said:
        """Ask for everything in one request, and hand over row by row as they arrive.

        Raises:
            SourceError: The request failed.
        """

    def write(self, lines: Sequence[str]) -> None:
        """Store points, written in line protocol with times in whole seconds, in one request.

        Raises:
            SourceError: They were not stored, or not all of them.
        """
