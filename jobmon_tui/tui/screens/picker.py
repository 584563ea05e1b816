"""One line to type in, the matches below it: jump, pick a user, pick a column to sort by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from jobmon_tui.model.text import printable
from jobmon_tui.tui.theme import palette
from jobmon_tui.tui.typed_order import Undecided

MOST_MATCHES = 50
LOOK_AGAIN = 0.1
"""Seconds after which is looked again whether there is anything to pick from yet."""


@dataclass(frozen=True, slots=True)
class Match:
    """One thing that can be picked."""

    value: str
    """What the picker returns."""
    label: str
    """What it shows."""
    kind: str = ""
    """What sort of thing it is, in a word or a few."""


class Picker(ModalScreen[Match | None], Undecided):
    """Returns the match that was picked, or ``None``.

    Args:
        title: What is picked, in a few words.
        matches: The matches of what is typed so far, best first; called at every key press: be quick. It
            returns ``None`` while nothing is known to pick from: enter then takes the first match there is.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss_none", "Close", id="picker.close"),
        Binding("down,ctrl+n", "move(1)", "Next", show=False, id="picker.next"),
        Binding("up,ctrl+p", "move(-1)", "Previous", show=False, id="picker.previous"),
    ]

    def __init__(self, title: str, matches: Callable[[str], Sequence[Match] | None]) -> None:
        super().__init__()
        self._title = title
        self._matches = matches
        self._shown: Sequence[Match] = ()
        self._waits = False
        """Whether there is nothing to pick from yet."""

    def compose(self) -> ComposeResult:
        """A box in the middle: title, input, list."""
        with Vertical(id="picker"):
            yield Static(Text(self._title), id="picker-title")
            yield Input(id="picker-input", compact=True)
            yield OptionList(id="picker-list", compact=True)

    def on_mount(self) -> None:
        """Start with everything there is."""
        self.query_one(OptionList).can_focus = False
        self._search("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search as the user types."""
        event.stop()
        self._search(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the highlighted match."""
        event.stop()
        if self._waits:
            self.is_undecided = True
            self.query_one(Input).disabled = True
            return
        highlighted = self.query_one(OptionList).highlighted
        self._close(self._shown[highlighted] if highlighted is not None and self._shown else None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click on a match takes it."""
        event.stop()
        if not self._waits:
            self._close(self._shown[event.option_index])

    def action_move(self, step: int) -> None:
        """Move the highlight while the input keeps the focus."""
        options = self.query_one(OptionList)
        if options.option_count:
            options.highlighted = ((options.highlighted or 0) + step) % options.option_count

    def action_dismiss_none(self) -> None:
        """Close without picking."""
        self._close(None)

    def give_up(self) -> None:
        """Nothing is known to pick from, and the user does not wait for it."""
        self.app.notify("There has been no answer yet to pick from.", timeout=4)
        self._close(None)

    def _close(self, match: Match | None) -> None:
        # Until it is gone, no key waits for it and nothing closes it again.
        self.is_undecided = False
        self.dismiss(match)

    def _search(self, text: str) -> None:
        colours = palette(self)
        matches = self._matches(text)
        if matches is None and not self._waits:
            self.set_timer(LOOK_AGAIN, self._look_again)
        self._waits = matches is None
        self._shown = (matches or ())[:MOST_MATCHES]
        options = self.query_one(OptionList)
        options.clear_options()
        if self._waits:
            options.add_option(Option(Text("Waiting for the first answer", style=colours.dim), disabled=True))
        for match in self._shown:
            label = Text(printable(match.label, 60), style=colours.plain, no_wrap=True)
            if match.kind:
                label.append(f"  {printable(match.kind, 120)}", style=colours.dim)
            options.add_option(Option(label))
        if self._shown:
            options.highlighted = 0

    def _look_again(self) -> None:
        line = self.query_one(Input)
        self._waits = False
        self._search(line.value)
        if self.is_undecided and not self._waits:
            self._close(self._shown[0] if self._shown else None)
