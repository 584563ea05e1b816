"""Where each node of the cluster picture stands: arithmetic only, so that it can be tested by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jobmon_tui.analysis.groups import NodeGroup
from jobmon_tui.tui.paint import cells, shorten

NARROW = 24
"""Below this width there is no room for titles beside the cells."""
WIDE = 100
"""From this width on, what the nodes of a group are stands beside its title."""
SHORT_DETAIL = 8
"""Room for ``36 cores`` below a title."""
LONGEST_LABEL = 14
"""A cell never carries a longer label."""

_NUMBER = re.compile(r"\d+\Z")


class CellShape(NamedTuple):
    """What one cell is made of, from left to right: its label, the block, blanks."""

    label: int
    """Columns of the node's name or number; 0 for none."""
    block: int
    """Columns of the glyph, repeated."""
    gap: int
    """Blank columns behind it."""

    @property
    def width(self) -> int:
        """Columns of the whole cell."""
        return self.label + bool(self.label) + self.block + self.gap


class Line(NamedTuple):
    """One line of the picture: some nodes of one group."""

    group: int
    """Index of the group; -1 for an empty line between two groups."""
    start: int
    """Place of its first node in the order of all nodes."""
    nodes: int
    """How many nodes it holds."""
    part: int
    """0 for the first line of the group."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole picture."""

    shape: CellShape
    labels: tuple[str, ...]
    """Node by node what stands before its block; empty where cells have no labels."""
    names: tuple[str, ...]
    """The nodes in order: group by group."""
    lines: tuple[Line, ...]
    title_width: int
    """Columns of the titles, with the blank behind them; 0 for none."""
    detail_beside: int
    """Column at which a group's detail begins on its first line; 0 where it stands below the title."""
    count_width: int
    """Columns of the number of nodes at the right, with the blank before it; 0 for none."""
    line_of: tuple[int, ...]
    """Node by node, the line it stands on."""

    def column_of(self, place: int) -> int:
        """The column at which that node's cell begins."""
        line = self.lines[self.line_of[place]]
        return self.title_width + (place - line.start) * self.shape.width

    def place_at(self, column: int, line_number: int) -> int | None:
        """The node under that column of that line, if there is one."""
        if not 0 <= line_number < len(self.lines):
            return None
        line = self.lines[line_number]
        offset = (column - self.title_width) // self.shape.width
        return line.start + offset if 0 <= offset < line.nodes else None

    def step(self, place: int, lines: int) -> int:
        """The node that many lines below (or above) in the same column, as near as there is one."""
        here = self.line_of[place]
        column = place - self.lines[here].start
        target = min(len(self.lines) - 1, max(0, here + lines))
        if not self.lines[target].nodes:
            # An empty line between two groups is no place to stand on; it is never the first or the last.
            target += 1 if lines > 0 else -1
        line = self.lines[target]
        return line.start + min(column, line.nodes - 1)


def arrange(groups: Sequence[NodeGroup], width: int, height: int) -> Layout:
    """Arrange the groups in a picture of that size, with cells as wide as still fit without scrolling.

    Args:
        groups: The nodes, group by group.
        width: Columns there are; when the picture gets longer than ``height``, the last one of them is left
            to the scroll bar.
        height: Lines there are.
    """
    layout = _arranged(groups, width, height, _title_columns(groups, width, details_beside=True))
    if layout.detail_beside and not layout.shape.gap:
        # Where cells have no room between them, nodes are worth more than words about their groups.
        return _arranged(groups, width, height, _title_columns(groups, width, details_beside=False))
    return layout


def _arranged(groups: Sequence[NodeGroup], width: int, height: int, titles: tuple[int, int]) -> Layout:
    names = tuple(name for group in groups for name in group.nodes)
    title_width, beside = titles
    count_width = 0
    if title_width and groups:
        count_width = 1 + max(len(str(len(group.nodes))) for group in groups)
    room = max(1, width - title_width - count_width)
    labels: tuple[str, ...] = ()
    for shape, labels in _shapes(names):  # noqa: B007 (the last ones tried are the ones)
        lines = _lines(groups, max(1, room // shape.width))
        if shape.width <= room and len(lines) <= height:
            break
    else:
        room = max(1, room - 1)
        lines = _lines(groups, max(1, room // shape.width), by_tens=False)
    if len(lines) + len(groups) - 1 <= height and len(lines) > len(groups):
        lines = _lines(groups, max(1, room // shape.width), blank_between=True)
    line_of = [number for number, line in enumerate(lines) for _ in range(line.nodes)]
    return Layout(shape, labels, names, tuple(lines), title_width, beside, count_width, tuple(line_of))


def short_detail(detail: str, width: int) -> str:
    """As many of the parts of a group's detail as fit."""
    while detail and cells(detail) > width:
        detail = detail.rpartition(", ")[0]
    return detail


def _title_columns(groups: Sequence[NodeGroup], width: int, *, details_beside: bool) -> tuple[int, int]:
    """Columns of the titles, and where in them the details begin (0: below the titles)."""
    if width < NARROW or not groups:
        return 0, 0
    most = max(6, width // 6)
    title = min(most, max(cells(shorten(group.title, most)) for group in groups))
    detail = max(cells(shorten(group.detail, 32)) for group in groups)
    if details_beside and detail and width >= WIDE and title + 2 + detail <= width // 3:
        return title + 2 + detail + 2, title + 2
    if detail and width >= WIDE // 2:
        title = max(title, SHORT_DETAIL)
    return title + 2, 0


def _shapes(names: Sequence[str]) -> list[tuple[CellShape, tuple[str, ...]]]:
    """The shapes of a cell, widest first: with the whole name, with its number, and ever smaller blocks."""
    shapes: list[tuple[CellShape, tuple[str, ...]]] = []
    # Labels make sense while one can read them all; a thousand of them are a wall of text.
    if 0 < len(names) <= 400:
        longest = max(cells(shorten(name, LONGEST_LABEL + 1)) for name in names)
        if longest <= LONGEST_LABEL:
            shapes.append((CellShape(longest, 3, 3), tuple(names)))
        numbers = [found.group().lstrip("0") or "0" for name in names if (found := _NUMBER.search(name))]
        if len(numbers) == len(names) and max(map(len, numbers)) <= 4:
            shapes.append((CellShape(max(map(len, numbers)), 2, 2), tuple(numbers)))
    plain = (CellShape(0, 3, 1), CellShape(0, 2, 1), CellShape(0, 1, 1), CellShape(0, 1, 0))
    return shapes + [(shape, ()) for shape in plain]


def _lines(
    groups: Sequence[NodeGroup], columns: int, *, by_tens: bool = True, blank_between: bool = False
) -> list[Line]:
    lines: list[Line] = []
    start = 0
    # Full tens make it easy to count to a node, where a group needs several lines anyway.
    tens = columns // 10 * 10 if by_tens and columns >= 40 else columns
    for number, group in enumerate(groups):
        if blank_between and lines:
            lines.append(Line(-1, start, 0, 0))
        total = len(group.nodes)
        across = columns if total <= columns else tens
        for part, first in enumerate(range(0, total, across)):
            lines.append(Line(number, start + first, min(across, total - first), part))
        start += total
    return lines
