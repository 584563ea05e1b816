"""Choosing the columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import SelectionList, Static
from textual.widgets.selection_list import Selection

from jobmon_tui.analysis.columns import Column


class ColumnChooser(ModalScreen[tuple[str, ...] | None]):
    """Returns the keys of the chosen columns in table order, or ``None`` where nothing was changed.

    Args:
        columns: All columns that the table can have.
        chosen: The keys of those it has now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,c", "finish", "Done", id="columns.done"),
        Binding("j", "move(1)", show=False, id="columns.down"),
        Binding("k", "move(-1)", show=False, id="columns.up"),
    ]

    def __init__(self, columns: Sequence[Column], chosen: Sequence[str]) -> None:
        super().__init__()
        self._columns = columns
        self._before = tuple(chosen)

    def compose(self) -> ComposeResult:
        """A list to tick."""
        with Vertical(id="columns"):
            yield Static("Columns   space or enter ticks, esc is done")
            yield SelectionList(
                *(
                    Selection(
                        Text(f"{column.title or column.key:<12} {column.description}", no_wrap=True),
                        column.key,
                        column.key in self._before,
                    )
                    for column in self._columns
                ),
                compact=True,
            )

    def on_mount(self) -> None:
        """Straight to the list."""
        self.query_one(SelectionList).focus()

    def action_move(self, step: int) -> None:
        """Move like in every other list."""
        chooser = self.query_one(SelectionList)
        if step > 0:
            chooser.action_cursor_down()
        else:
            chooser.action_cursor_up()

    def action_finish(self) -> None:
        """Take what is ticked; nothing ticked changes nothing."""
        ticked = set(self.query_one(SelectionList).selected)
        chosen = tuple(column.key for column in self._columns if column.key in ticked)
        self.dismiss(chosen if chosen and chosen != self._before else None)
