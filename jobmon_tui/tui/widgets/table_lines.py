"""The lines of a table: columns laid out for a width, each line painted once for all that is seen in it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual.cache import LRUCache
from textual.strip import Strip

from jobmon_tui.analysis.cells import Cell, Column, fit_columns
from jobmon_tui.tui.paint import Run, eighths, fit, strip_of
from jobmon_tui.tui.theme import Palette

GUTTER = 2
"""Cells before the first column: the cursor's bar, the mark."""
BAR = 1
"""Cells behind the last column: the scroll bar."""
CURSOR_BAR = "▌"
MARK = "*"
FALLING, RISING = "▾", "▴"
THUMB = "▐"
_WIDE = 160
"""From this width on columns stand two cells apart."""
_KEPT = 512
"""Painted lines that are kept: several screens of them."""

_Key = tuple[object, ...]


def thumb_lines(count: int, page: int, top: int) -> range:
    """The lines beside which the handle of the scroll bar is; none while every row is seen.

    Args:
        count: Rows that there are.
        page: Rows that fit on the screen.
        top: The place of the first row on the screen.
    """
    if count <= page:
        return range(0)
    length = max(1, page * page // count)
    start = round((page - length) * top / (count - page))
    return range(start, start + length)


class TableLines:
    """Paints the lines of a table for one width, one palette and one choice of columns.

    Args:
        columns: In their order on the screen.
        width: Cells of the whole widget.
        colours: Where the styles come from.
        base: The widget's own style, for its background.
    """

    def __init__(self, columns: Sequence[Column], width: int, colours: Palette, base: Style) -> None:
        self.width = width
        self._gap = 2 if width >= _WIDE else 1
        room = max(1, width - GUTTER - BAR)
        self.layout: tuple[tuple[Column, int], ...] = fit_columns(columns, room, self._gap) if columns else ()
        self._colours = colours
        self._base = base
        self._painted: LRUCache[_Key, Strip] = LRUCache(_KEPT)

    def column_at(self, x: int) -> Column | None:
        """The column under a cell of the widget; the gap behind a column belongs to it."""
        right = GUTTER
        for column, width in self.layout:
            right += width + self._gap
            if x < right:
                return column
        return None

    def header(self, sort_key: str, reverse: bool) -> Strip:
        """The line of titles; the column that is sorted by has a mark."""
        runs: list[Run] = [(" " * GUTTER, self._colours.header)]
        for place, (column, width) in enumerate(self.layout):
            if place:
                runs.append((" " * self._gap, self._colours.header))
            title, style = column.title, self._colours.header
            if column.key == sort_key:
                title = title[: max(0, width - 1)] + (FALLING if reverse else RISING)
                style = self._colours.header + self._colours.accent
            runs.append((fit(title, width, column.align), style))
        return self._strip(runs)

    def row(self, cells: tuple[Cell, ...], *, cursor: str, is_marked: bool, thumb: bool) -> Strip:
        """One row.

        Args:
            cells: What the columns of `layout` show of it.
            cursor: ``focused`` or ``blurred`` where the cursor is, else empty.
            is_marked: Whether the user marked it.
            thumb: Whether the handle of the scroll bar is beside it.
        """
        key: _Key = (cells, cursor, is_marked, thumb)
        found = self._painted.get(key)
        if found is None:
            found = self._painted[key] = self._paint_row(cells, cursor, is_marked, thumb)
        return found

    def blank(self, thumb: bool) -> Strip:
        """A line without a row."""
        return self._strip([], thumb)

    def message(self, text: str) -> Strip:
        """A line that says something in place of rows, centred."""
        room = self.width - GUTTER - BAR
        runs: list[Run] = [
            (" " * GUTTER, self._colours.plain),
            (fit(text, room, "centre"), self._colours.dim),
        ]
        return self._strip(runs)

    def _paint_row(self, cells: tuple[Cell, ...], cursor: str, is_marked: bool, thumb: bool) -> Strip:
        colours = self._colours
        behind = Style.null()
        if is_marked:
            behind = colours.marked
        if cursor:
            behind = colours.cursor if cursor == "focused" else colours.cursor_blurred
        blank = (" ", colours.plain + behind)
        bar = colours.primary if cursor == "focused" else colours.dim
        runs: list[Run] = [
            (CURSOR_BAR, bar + behind) if cursor else blank,
            (MARK, colours.accent + behind) if is_marked else blank,
        ]
        for place, ((column, width), cell) in enumerate(zip(self.layout, cells, strict=True)):
            if place:
                runs.append((" " * self._gap, runs[-1][1]))
            text = cell.text
            if cell.fraction is not None:
                text = eighths(cell.fraction, width)
            # Digits of other weights than the rest of their column would look like something.
            runs.append((fit(text, width, column.align), colours.role(cell.role) + behind))
        return self._strip(runs, thumb, behind)

    def _strip(self, runs: list[Run], thumb: bool = False, behind: Style | None = None) -> Strip:
        style = self._colours.plain if behind is None else self._colours.plain + behind
        strip = strip_of(runs, self._base).adjust_cell_length(max(0, self.width - BAR), self._base + style)
        end: Run = (THUMB, self._colours.faint) if thumb else (" ", self._colours.plain)
        return Strip.join([strip, strip_of([end], self._base)])
