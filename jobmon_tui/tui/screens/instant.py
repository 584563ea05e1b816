"""One line to type a time in; what it means is said as it is typed."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from jobmon_tui.analysis.instants import FORMS, InstantError, parse_instant
from jobmon_tui.analysis.timeline import Timeline
from jobmon_tui.model.text import printable
from jobmon_tui.model.times import age_text, stamp_text
from jobmon_tui.tui.theme import palette


class InstantPrompt(ModalScreen[float | None]):
    """Returns the instant that was typed, in Unix seconds, or ``None``.

    Args:
        now: The present, in Unix seconds; ``-2h`` counts from there.
        timeline: What is kept, to say how near it comes to what is typed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss_none", "Close", id="picker.close"),
    ]

    def __init__(self, now: float, timeline: Timeline) -> None:
        super().__init__()
        self._now = now
        self._timeline = timeline

    def compose(self) -> ComposeResult:
        """A box in the middle: title, input, what it means."""
        with Vertical(id="picker"):
            yield Static("Go to a time", id="picker-title")
            yield Input(id="picker-input", compact=True)
            yield Static(id="instant-meaning")

    def on_mount(self) -> None:
        """Say what can be typed."""
        self._say("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what it means so far."""
        event.stop()
        self._say(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take it, if it means anything."""
        event.stop()
        try:
            time = parse_instant(event.value, self._now)
        except InstantError:
            return
        self.dismiss(time)

    def action_dismiss_none(self) -> None:
        """Close and stay where it was."""
        self.dismiss(None)

    def _say(self, text: str) -> None:
        colours = palette(self)
        meaning = Text(FORMS, style=colours.dim)
        if text.strip():
            try:
                time = parse_instant(text, self._now)
            except InstantError as error:
                meaning = Text(printable(error.message, 200), style=colours.warning)
                meaning.append(f"\n{printable(error.hint, 200)}", style=colours.dim)
            else:
                meaning = Text(stamp_text(time), style=colours.strong)
                if self._timeline:
                    nearest = self._timeline.nearest(time)
                    meaning.append(
                        f"\nthe nearest that is kept: {stamp_text(nearest)}"
                        f", {age_text(self._now - nearest)} ago",
                        style=colours.dim,
                    )
        self.query_one("#instant-meaning", Static).update(meaning)
