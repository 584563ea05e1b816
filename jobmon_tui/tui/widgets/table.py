"""A table of any number of rows: painted are only those on the screen, and those only when they change.

It scrolls by itself instead of by Textual's scroll views: there, a change of the number of rows is a change
of layout, and each refresh of a living cluster would paint every cell again.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from jobmon_tui.analysis.cells import Cell, Column, Context, ListingRow
from jobmon_tui.analysis.listing import Listing
from jobmon_tui.tui.paint import changed_regions
from jobmon_tui.tui.textual_compat import crops_left
from jobmon_tui.tui.theme import palette
from jobmon_tui.tui.widgets.table_lines import BAR, TableLines, thumb_lines

HEADER = 1
"""Lines above the rows."""
_WHEEL = 3
"""Rows that one step of the mouse wheel scrolls."""


class Table(Widget, can_focus=True):
    """Rows of a `Listing` under a line of titles, with a cursor and marks that stay with their rows."""

    DEFAULT_CSS = """
    Table { height: 1fr; width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="table.up", tooltip="The row above"),
        Binding("down,j", "move(1)", "down", show=False, id="table.down", tooltip="The row below"),
        Binding("pageup", "page(-1)", "page up", show=False, id="table.page_up", tooltip="A screen up"),
        Binding(
            "pagedown", "page(1)", "page down", show=False, id="table.page_down", tooltip="A screen down"
        ),
        Binding("home,g", "first", "first", show=False, id="table.first", tooltip="The first row"),
        Binding("end,G", "last", "last", show=False, id="table.last", tooltip="The last row"),
        Binding("enter", "open", "open", show=False, id="table.open", tooltip="Look into the row"),
        Binding(
            "x", "mark", "mark", show=False, id="table.mark", tooltip="Mark the row, or take the mark off"
        ),
    ]

    class _FromTable(Message):
        """Says which table it is from."""

        def __init__(self, table: Table) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> Table:
            """The table, for handlers that name one."""
            return self.table

    class Moved(_FromTable):
        """The cursor is on another row than before, or the row under it has become another one."""

        def __init__(self, table: Table, key: str | None) -> None:
            super().__init__(table)
            self.key = key
            """``None`` where the table has become empty."""

        def can_replace(self, message: Message) -> bool:
            """Only where the cursor is now counts."""
            return isinstance(message, Table.Moved) and message.table is self.table

    class Opened(_FromTable):
        """A row was chosen, by Enter or a double click."""

        def __init__(self, table: Table, key: str, row: ListingRow) -> None:
            super().__init__(table)
            self.key = key
            self.row = row

    class HeaderClicked(_FromTable):
        """A column's title was clicked."""

        def __init__(self, table: Table, column_key: str) -> None:
            super().__init__(table)
            self.column_key = column_key

    class Marked(_FromTable):
        """Rows were marked, or marks taken off."""

        def __init__(self, table: Table, keys: frozenset[str]) -> None:
            super().__init__(table)
            self.keys = keys

    def __init__(self, *, empty_text: str = "", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._listing = Listing()
        self._columns: tuple[Column, ...] = ()
        self._around = Context()
        self._sort_key, self._reverse = "", False
        self._empty_text = empty_text
        self._cursor = 0
        self._top = 0
        self._has_moved = False
        self._marked: set[str] = set()
        self._lines: TableLines | None = None
        self._cells: dict[int, tuple[Cell, ...]] = {}
        self._strips: list[Strip] = []
        self._told: str | None = None

    # What it shows.

    def show(
        self,
        listing: Listing,
        columns: Sequence[Column],
        *,
        sort_key: str = "",
        reverse: bool = False,
        context: Context | None = None,
    ) -> None:
        """Show a listing. Only what differs from what is on the screen is painted.

        The cursor stays with its row, and that on its line of the screen. If its row is gone the cursor goes
        to the row that took its place. Until the user has moved it, it stays at the top.

        Args:
            listing: The rows.
            columns: The columns wanted; those that do not fit are left out by their rank.
            sort_key: The key of the column that has the mark of the sort order.
            reverse: Whether the largest stands first.
            context: What cells depend on besides their row.
        """
        before = self._listing
        if tuple(columns) != self._columns:
            self._columns, self._lines = tuple(columns), None
        self._listing, self._around = listing, context or Context()
        self._sort_key, self._reverse = sort_key, reverse
        self._cells = {}
        self._follow(before)
        self._repaint()
        self._tell()

    @property
    def listing(self) -> Listing:
        """What is shown."""
        return self._listing

    @property
    def empty_text(self) -> str:
        """What stands there instead of rows when there are none; lines are parted by newlines."""
        return self._empty_text

    @empty_text.setter
    def empty_text(self, text: str) -> None:
        if text != self._empty_text:
            self._empty_text = text
            self._repaint()

    @property
    def shown_columns(self) -> tuple[str, ...]:
        """Keys of the columns that fit on the screen."""
        return tuple(column.key for column, _ in self._lines.layout) if self._lines else ()

    # The cursor and the marks.

    @property
    def cursor_row(self) -> ListingRow | None:
        """The row under the cursor."""
        rows = self._listing.rows
        return rows[self._cursor] if self._cursor < len(rows) else None

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor; ``None`` in an empty table."""
        row = self.cursor_row
        return row.key if row else None

    @property
    def has_moved(self) -> bool:
        """Whether the user has ever moved the cursor."""
        return self._has_moved

    @property
    def top(self) -> int:
        """The place of the first row on the screen."""
        return self._top

    @property
    def page_size(self) -> int:
        """Rows that fit on the screen."""
        return max(1, self.size.height - HEADER)

    def move_to(self, key: str) -> bool:
        """Put the cursor on that row and bring it into view; whether there is such a row."""
        place = self._listing.position.get(key)
        if place is None:
            return False
        self._move_cursor(place)
        return True

    @property
    def marked(self) -> frozenset[str]:
        """Keys of the marked rows, also of those that are not listed now."""
        return frozenset(self._marked)

    def clear_marks(self) -> None:
        """Take all marks off."""
        if self._marked:
            self._marked.clear()
            self._repaint()
            self.post_message(self.Marked(self, self.marked))

    def action_move(self, step: int) -> None:
        """Move the cursor by rows."""
        self._move_cursor(self._cursor + step)

    def action_page(self, step: int) -> None:
        """Move the cursor and the view by screens."""
        self._top += step * self.page_size
        self._move_cursor(self._cursor + step * self.page_size)

    def action_first(self) -> None:
        """Move the cursor to the first row."""
        self._move_cursor(0)

    def action_last(self) -> None:
        """Move the cursor to the last row."""
        self._move_cursor(len(self._listing.rows) - 1)

    def action_open(self) -> None:
        """Tell that the row under the cursor was chosen."""
        row = self.cursor_row
        if row is not None:
            self.post_message(self.Opened(self, row.key, row))

    def action_mark(self) -> None:
        """Mark the row under the cursor or take its mark off, and go on to the next."""
        key = self.cursor_key
        if key is not None:
            self._marked ^= {key}
            self._move_cursor(self._cursor + 1)
            self.post_message(self.Marked(self, self.marked))

    def _move_cursor(self, place: int) -> None:
        self._has_moved = True
        self._cursor = self._within(place)
        self._top = min(max(self._top, self._cursor - self.page_size + 1), self._cursor)
        self._repaint()
        self._tell()

    def _within(self, place: int) -> int:
        return max(0, min(place, len(self._listing.rows) - 1))

    def _tell(self) -> None:
        if self._told != self.cursor_key:
            self._told = self.cursor_key
            self.post_message(self.Moved(self, self._told))

    # Staying with the rows when a new listing comes.

    def _follow(self, before: Listing) -> None:
        """Find the cursor's row, and what shall be at the top, in the listing that took the other's place."""
        if not self._has_moved or not before.rows:
            self._cursor = self._top = 0
            return
        line = self._cursor - self._top
        self._cursor = self._listing.successor(before, self._cursor)
        if 0 <= line < self.page_size:
            self._top = self._cursor - line
        else:
            self._top = self._listing.successor(before, self._top)

    # Painting.

    def render_line(self, y: int) -> Strip:
        """One line of the widget, as the compositor asks for it."""
        if not self._strips:
            self._strips = self._paint()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def notify_style_update(self) -> None:
        """The theme or a style changed: nothing painted before is right."""
        self._lines, self._strips = None, []
        super().notify_style_update()

    def on_resize(self) -> None:
        """The size decides which columns and rows are seen."""
        self._lines, self._cells, self._strips = None, {}, []
        if self._has_moved:
            self._top = min(max(self._top, self._cursor - self.page_size + 1), self._cursor)
        self.refresh()

    def watch_has_focus(self, _has_focus: bool) -> None:
        """The cursor looks another way while another widget has the focus."""
        super().watch_has_focus(_has_focus)
        self._repaint()

    def _repaint(self) -> None:
        """Paint anew and have only what changed sent to the terminal."""
        if not self.is_mounted or not self.size.width:
            return
        before, self._strips = self._strips, self._paint()
        if len(before) != len(self._strips):
            self.refresh()
            return
        regions: list[Region] = []
        for y, (old, new) in enumerate(zip(before, self._strips, strict=True)):
            if old is not new:
                regions.extend(_changes(old, new, y))
        if regions:
            self.refresh(*regions)

    def _paint(self) -> list[Strip]:
        width, height = self.size
        if not width or not height:
            return []
        if self._lines is None:
            self._lines = TableLines(self._columns, width, palette(self), self.rich_style)
            self._cells = {}
        count = len(self._listing.rows)
        self._top = max(0, min(self._top, count - self.page_size))
        thumb = thumb_lines(count, self.page_size, self._top)
        strips = [self._lines.header(self._sort_key, self._reverse)]
        if count:
            last = min(count, self._top + self.page_size)
            strips.extend(self._paint_row(place, thumb) for place in range(self._top, last))
            blank = self._lines.blank(thumb=False)
            strips.extend([blank] * (height - len(strips)))
        else:
            strips.extend(self._paint_empty(self._lines, height - HEADER))
        return strips[:height]

    def _paint_row(self, place: int, thumb: range) -> Strip:
        assert self._lines is not None  # made in _paint
        row = self._listing.rows[place]
        cells = self._cells.get(place)
        if cells is None:
            cells = tuple(column.cell(row, self._around) for column, _ in self._lines.layout)
            self._cells[place] = cells
        cursor = ("focused" if self.has_focus else "blurred") if place == self._cursor else ""
        if not self.can_focus:
            cursor = ""
        return self._lines.row(
            cells, cursor=cursor, is_marked=row.key in self._marked, thumb=place - self._top in thumb
        )

    def _paint_empty(self, lines: TableLines, height: int) -> list[Strip]:
        room = max(8, self.size.width - 6)
        texts = [part for line in self._empty_text.split("\n") for part in textwrap.wrap(line, room) or [""]]
        above = max(0, (height - len(texts)) // 2)
        strips = [lines.blank(thumb=False)] * height
        for y, text in enumerate(texts[:height], above):
            strips[y] = lines.message(text)
        return strips

    # The mouse.

    def on_click(self, event: events.Click) -> None:
        """Choose a row, open it by a double click, or sort by the title."""
        if event.x >= self.size.width - BAR:
            return
        if event.y < HEADER:
            column = self._lines.column_at(event.x) if self._lines else None
            if column is not None:
                self.post_message(self.HeaderClicked(self, column.key))
            return
        place = self._top + event.y - HEADER
        if place < len(self._listing.rows):
            self._move_cursor(place)
            if event.chain == 2:
                self.action_open()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Look further down; the cursor stays with its row."""
        event.stop()
        self._look_at(self._top + _WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Look further up; the cursor stays with its row."""
        event.stop()
        self._look_at(self._top - _WHEEL)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take the handle of the scroll bar."""
        if event.x >= self.size.width - BAR and event.y >= HEADER:
            self.capture_mouse()
            self._drag_to(event.y)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the handle of the scroll bar."""
        if self.app.mouse_captured is self:
            self._drag_to(event.y)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go of the handle."""
        if self.app.mouse_captured is self:
            self.release_mouse()

    def _drag_to(self, y: int) -> None:
        share = (y - HEADER) / max(1, self.page_size - 1)
        self._look_at(round(share * (len(self._listing.rows) - self.page_size)))

    def _look_at(self, top: int) -> None:
        # Who has looked elsewhere wants to stay there when the next listing comes.
        self._has_moved = True
        self._top = max(0, min(top, len(self._listing.rows) - self.page_size))
        self._repaint()


def _changes(old: Strip, new: Strip, y: int) -> list[Region]:
    """The parts of line ``y`` that differ; where each would cost the whole line, at most one."""
    regions = [region.translate((0, y)) for region in changed_regions([old], [new])]
    return regions if crops_left() or len(regions) < 2 else [Region.from_union(regions)]
