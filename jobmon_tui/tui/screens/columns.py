"""Choosing the columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from jobmon_tui.analysis.cells import Column
from jobmon_tui.tui.theme import palette


class ColumnChooser(ModalScreen[tuple[str, ...] | None]):
    """Returns the keys of the chosen columns in table order, or ``None`` where nothing was changed.

    Args:
        columns: All columns that the table can have.
        chosen: The keys of those it has now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,c", "finish", "Done", id="columns.done"),
        Binding("space,x", "tick", "Show or hide", id="columns.tick"),
        Binding("j", "move(1)", show=False, id="columns.down"),
        Binding("k", "move(-1)", show=False, id="columns.up"),
    ]

    def __init__(self, columns: Sequence[Column], chosen: Sequence[str]) -> None:
        super().__init__()
        self._columns = columns
        self._before = tuple(chosen)
        self._ticked = set(chosen)

    def compose(self) -> ComposeResult:
        """A list to tick."""
        with Vertical(id="columns"):
            yield Static("Columns   space or enter shows or hides one, esc is done", id="columns-title")
            yield OptionList(compact=True)

    def on_mount(self) -> None:
        """Straight to the list."""
        options = self.query_one(OptionList)
        options.add_options([Option(self._label(column)) for column in self._columns])
        options.highlighted = 0
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click."""
        event.stop()
        self.action_tick()

    def action_tick(self) -> None:
        """Show or hide the column under the cursor."""
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            column = self._columns[options.highlighted]
            self._ticked ^= {column.key}
            options.replace_option_prompt_at_index(options.highlighted, self._label(column))

    def action_move(self, step: int) -> None:
        """Move like in every other list."""
        options = self.query_one(OptionList)
        if step > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_finish(self) -> None:
        """Take what is ticked; nothing ticked changes nothing."""
        chosen = tuple(column.key for column in self._columns if column.key in self._ticked)
        self.dismiss(chosen if chosen and self._ticked != set(self._before) else None)

    def _label(self, column: Column) -> Text:
        colours = palette(self)
        shown = column.key in self._ticked
        text = Text("[x] " if shown else "[ ] ", style=colours.good if shown else colours.dim, no_wrap=True)
        text.append(f"{column.title or column.key:<12}", style=colours.strong if shown else colours.plain)
        text.append(f" {column.description}", style=colours.dim)
        return text
