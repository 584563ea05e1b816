"""The line that a filter is typed into, with the place marked where it does not parse."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from jobmon_tui.analysis.filter import FilterError
from jobmon_tui.model.text import printable
from jobmon_tui.tui.theme import palette


class FilterLine(Horizontal):
    """Filters at every key press; enter keeps the filter, escape takes it off."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Clear the filter", id="filter.cancel", priority=True)
    ]

    class Typed(Message):
        """The text changed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Closed(Message):
        """The user is done: keep the filter or not."""

        def __init__(self, *, keep: bool) -> None:
            super().__init__()
            self.keep = keep

    def compose(self) -> ComposeResult:
        """The slash, the input, and what is wrong with it."""
        yield Static("/", id="filter-slash")
        yield Input(id="filter-input", compact=True)
        yield Static(id="filter-error")

    def open(self, text: str) -> None:
        """Show the line and take the focus."""
        self.display = True
        field = self.query_one(Input)
        with field.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        # At once, not when all that waits is done, as `focus` does: the next key may be here already.
        self.screen.set_focus(field)

    def show_error(self, error: FilterError | None) -> None:
        """Tell what was expected, and mark the place."""
        message = self.query_one("#filter-error", Static)
        if error is None:
            message.update("")
            return
        colours = palette(self)
        text = Text(f"column {error.position + 1}: ", style=colours.dim)
        text.append(printable(error.message, 120), style=colours.trouble)
        message.update(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the screen."""
        event.stop()
        self.post_message(self.Typed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: keep the filter."""
        event.stop()
        self.post_message(self.Closed(keep=True))

    def action_cancel(self) -> None:
        """Escape: take the filter off."""
        self.post_message(self.Closed(keep=False))
