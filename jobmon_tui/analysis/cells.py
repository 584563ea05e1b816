"""What a table is made of: rows, columns declared as data, cells of text with a role, and how columns fit.

A role is the name of a style in the palette; no colour is named here. Text of cells is safe for a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.errors import UsageError
from jobmon_tui.model.snapshot import NOTHING
from jobmon_tui.model.text import printable
from jobmon_tui.model.units import UNKNOWN as UNKNOWN_TEXT
from jobmon_tui.model.units import format_duration, format_mib

SortValue = float | str | None
"""Values of one column compare with each other; ``None`` is unknown and always goes last."""
RowKind = Literal["job", "array", "task", "node", "user", "partition", "reservation", "cluster"]

_DIGITS = re.compile(r"\d+")
_WIDEST = 72
"""Cells that a growing column may come to have."""


TREND_WIDTH = 6
"""Cells of a small chart in a list."""


class Cell(NamedTuple):
    """What one column shows of one row."""

    text: str
    role: str = "plain"
    """The name of a style in the palette."""
    fraction: float | None = None
    """0 to 1: the cell is a bar of that length instead of its text."""


EMPTY = Cell("")
"""Of what does not apply to a row."""
UNKNOWN = Cell(UNKNOWN_TEXT, "faint")
"""Of what applies but is unknown."""


class ListingRow(NamedTuple):
    """One line of a table."""

    key: str
    """Stays the same from one snapshot to the next, and is unlike every other in its listing."""
    kind: RowKind
    item: Any
    """The job, node, ...; for a folded array one of its jobs, a running one if there is any."""
    members: tuple[Any, ...] = ()
    """The jobs that a folded array stands for; empty for every other row."""
    depth: int = 0
    """How far it is set in under the row that it belongs to."""
    is_open: bool = False
    """Whether the rows that it stands for are shown under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What cells depend on besides their row."""

    now: float = 0.0
    """Unix seconds."""
    index: SnapshotIndex | None = None
    cpu: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    """Job id to measured CPU use of the cores it holds, in %."""
    trends: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """Job id to a small chart of its CPU use, `TREND_WIDTH` cells wide."""
    warned: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """Job id, node or user name to what is wrong, in a few words."""
    changes: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """Job id or node name to what became of it since the marked instant, in a few words."""
    me: str | None = None
    """The user whose own jobs stand out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    key: str
    """Its name in settings: ``elapsed``."""
    title: str
    width: int
    """Cells it likes to have."""
    description: str
    """For the help screen and the list of columns to choose from."""
    rank: int
    """How dispensable it is: on a narrow terminal the highest ranks go first; those of rank 0 stay."""
    sort_value: Callable[[ListingRow, Context], SortValue]
    cell: Callable[[ListingRow, Context], Cell]
    align: Literal["left", "right"] = "left"
    min_width: int = 0
    """Cells it needs at least; 0: all of ``width``."""
    grow: bool = False
    """Whether it takes what space is left over."""
    falls: bool = False
    """Whether it is best sorted with the largest value first when it is chosen."""

    @property
    def narrowest(self) -> int:
        """Cells it needs at least."""
        return self.min_width or self.width


def columns_of(columns: Iterable[Column], keys: Iterable[str]) -> tuple[Column, ...]:
    """The columns with those keys, in the order of the keys.

    Raises:
        UsageError: There is no such column.
    """
    by_key = {column.key: column for column in columns}
    chosen: list[Column] = []
    for key in keys:
        if key not in by_key:
            raise UsageError(f'there is no column "{key}"', f"there are {', '.join(by_key)}")
        chosen.append(by_key[key])
    return tuple(chosen)


def fit_columns(columns: Sequence[Column], width: int, gap: int = 1) -> tuple[tuple[Column, int], ...]:
    """The columns that fit side by side, each with its width.

    The most dispensable ones are left out until the rest fit at their narrowest. Spare cells go round among
    the columns that would like to be wider; then the growing ones share them. One column always stays, cut to
    the width.

    Args:
        columns: In their order on the screen.
        width: Cells that there are.
        gap: Blank cells between two columns.
    """
    kept = list(columns)
    while len(kept) > 1 and _needed(kept, gap) > width:
        dispensable = max(kept, key=lambda column: column.rank)
        # Of several with one rank the last one goes.
        for place in range(len(kept) - 1, -1, -1):
            if kept[place].rank == dispensable.rank:
                del kept[place]
                break
    widths = {column.key: column.narrowest for column in kept}
    spare = width - _needed(kept, gap)
    if spare < 0:
        return tuple((column, max(1, width)) for column in kept[:1])
    wanting = sorted((one for one in kept if one.narrowest < one.width), key=lambda column: column.rank)
    while spare > 0 and wanting:
        for column in wanting[:spare]:
            widths[column.key] += 1
        spare -= min(spare, len(wanting))
        wanting = [column for column in wanting if widths[column.key] < column.width]
    growing = [column for column in kept if column.grow]
    for left, column in zip(range(len(growing), 0, -1), growing, strict=True):
        more = min(-(-spare // left), max(0, _WIDEST - widths[column.key]))
        widths[column.key] += more
        spare -= more
    return tuple((column, widths[column.key]) for column in kept)


def _needed(columns: Sequence[Column], gap: int) -> int:
    return sum(column.narrowest for column in columns) + gap * (len(columns) - 1)


@lru_cache(maxsize=16384)
def natural(name: str) -> str:
    """A sort value that puts ``c2`` before ``c10``.

    Text, because 50,000 texts are sorted in a fraction of the time of as many keys of `natural_key`; kept,
    because the nodes of a cluster are sorted over and over.
    """
    return _DIGITS.sub(lambda digits: digits[0].lstrip("0").zfill(20), name)


def text_cell(text: str | None, role: str = "plain") -> Cell:
    """Text from outside, made safe; `UNKNOWN` where there is none."""
    return Cell(printable(text, 512), role) if text else UNKNOWN


def count_cell(count: float | None, role: str = "plain") -> Cell:
    """A whole number; zero is quiet."""
    if count is None:
        return UNKNOWN
    return Cell(f"{count:.0f}", role if count else "faint")


def part_cell(part: float | None, whole: float | None, role: str = "plain") -> Cell:
    """How many of how many: ``20/ 36``; the slashes of a column stand under one another up to 999."""
    if part is None and whole is None:
        return UNKNOWN
    first = UNKNOWN_TEXT if part is None else f"{part:.0f}"
    second = UNKNOWN_TEXT if whole is None else f"{whole:.0f}"
    return Cell(f"{first}/{second:>3}", role if part or whole is None else "dim")


def memory_cell(mebibytes: float | None, role: str = "plain") -> Cell:
    """An amount of memory."""
    return UNKNOWN if mebibytes is None else Cell(format_mib(mebibytes), role)


def span_cell(minutes: float | None, role: str = "plain") -> Cell:
    """A length of time; infinity is unlimited."""
    if minutes is None or minutes != minutes:
        return UNKNOWN
    return Cell("unlimited" if minutes == float("inf") else format_duration(minutes), role)


def moment_cell(time: float | None, now: float, role: str = "plain") -> Cell:
    """An instant in the reader's time zone: ``14:30`` today, else ``26 Nov 14:30`` or ``26 Nov 2025``.

    Args:
        time: Unix seconds.
        now: Unix seconds; what today is.
        role: How it looks.
    """
    from datetime import datetime

    if time is None:
        return UNKNOWN
    try:
        moment, today = datetime.fromtimestamp(time), datetime.fromtimestamp(now)
    except (OverflowError, OSError, ValueError):
        return UNKNOWN
    if moment.date() == today.date():
        return Cell(f"{moment:%H:%M}", role)
    if abs(time - now) < 300 * 86400:
        return Cell(f"{moment.day} {moment:%b %H:%M}", role)
    return Cell(f"{moment.day} {moment:%b %Y}", role)
