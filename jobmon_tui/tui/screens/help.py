"""The help, made from the bindings that really work where the user is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from jobmon_tui.tui.theme import Palette, palette

_GROUPS = (
    ("view", "Views"),
    ("move", "Moving about"),
    ("filter", "Filtering and sorting"),
    ("table", "Tables"),
    ("nodes", "Node map"),
    ("picture", "The picture"),
    ("time", "The time machine"),
    ("app", "jobmon"),
)
"""First part of a binding's id to the heading it stands under."""

_FILTER_WORDS = (
    ("train", "any of job id, name, user, partition, state, node, account holds it"),
    ("user:asr,jor", "one of several; * and ? stand for any letters: node:gina0*"),
    ("state:running", "also R, PD, CG and the like"),
    ("gpu>0 cores>=32", "numbers compare; all of several conditions must hold"),
    ("mem>64G time>2d", "with units"),
    ("-user:root", "a minus turns it round"),
)


class HelpScreen(ModalScreen[None]):
    """Every key that works at the place where the help was asked for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss_help", "Close", id="help.close"),
        Binding("j", "scroll(1)", show=False, id="help.down"),
        Binding("k", "scroll(-1)", show=False, id="help.up"),
    ]

    def __init__(self, bindings: Iterable[ActiveBinding]) -> None:
        super().__init__()
        self._active = tuple(bindings)

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        with VerticalScroll(id="help"):
            yield Static(id="help-text")

    def on_mount(self) -> None:
        """The colours are known only now."""
        self.query_one("#help-text", Static).update(self._text(palette(self)))
        self.query_one("#help").focus()

    def action_scroll(self, step: int) -> None:
        """Move a line."""
        self.query_one("#help").scroll_relative(y=step, animate=False)

    def action_dismiss_help(self) -> None:
        """Back to where the user was."""
        self.dismiss(None)

    def _text(self, colours: Palette) -> Text:
        text = Text("jobmon  keys that work here\n", style=colours.strong)
        for group, heading in _GROUPS:
            rows = self._rows(group)
            if not rows:
                continue
            text.append(f"\n{heading}\n", style=colours.primary)
            for keys, what in rows:
                text.append(f"  {keys:<22}", style=colours.accent)
                text.append(f"{what}\n", style=colours.plain)
        text.append("\nThe filter language\n", style=colours.primary)
        for words, what in _FILTER_WORDS:
            text.append(f"  {words:<22}", style=colours.accent)
            text.append(f"{what}\n", style=colours.plain)
        text.append("\nesc closes this page", style=colours.dim)
        return text

    def _rows(self, group: str) -> list[tuple[str, str]]:
        keys: dict[str, list[str]] = {}
        for active in self._active:
            binding = active.binding
            if binding.system or _group_of(binding) != group:
                continue
            what = binding.tooltip or binding.description
            if what:
                shown = self.app.get_key_display(binding)
                if shown not in keys.setdefault(what, []):
                    keys[what].append(shown)
        return [(" ".join(shown), what) for what, shown in keys.items()]


def _group_of(binding: Binding) -> str:
    group = (binding.id or "").partition(".")[0]
    return group if any(group == known for known, _ in _GROUPS) else "app"
