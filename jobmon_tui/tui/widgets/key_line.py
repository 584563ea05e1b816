"""The bottom line: the views and the keys that work here, made from the real bindings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.widget import Widget

from jobmon_tui.tui.paint import Run, runs_width
from jobmon_tui.tui.theme import Palette
from jobmon_tui.tui.widgets.lines import Lines

NEVER_MISSING = ("help", "live")
"""Keys that are shown however narrow it is: one tells of all others, one leads back to the present."""


class KeyLine(Lines):
    """The keys of the focused widget, the view and the app, as many as fit."""

    def __init__(self, views: Sequence[tuple[str, str, str]], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._views = views
        """Key, title and name of each view."""
        self.view = ""

    def on_mount(self) -> None:
        """Follow the focus: other widgets have other keys."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_updated)

    def _bindings_updated(self, _screen: object) -> None:
        self.call_after_refresh(self.repaint)

    def paint(self, width: int, colours: Palette) -> Sequence[Iterable[Run]]:
        """Views first, then keys by their order in the bindings."""
        line: list[Run] = [(" ", colours.plain)]
        for key, title, name in self._views:
            here = name == self.view
            line += [
                (key, colours.accent),
                (f" {title}  ", colours.strong if here else colours.dim),
            ]
        left = width - runs_width(line)
        told: list[list[Run]] = [
            [(key, colours.accent), (f" {description}  ", colours.dim)]
            for key, description in _shown_keys(self)
        ]
        for pieces in _fitting(told, left):
            line += pieces
        return (line,)


def _fitting(told: Sequence[list[Run]], width: int) -> Iterable[list[Run]]:
    """As many keys as fit, the first ones first, but for those that must never be missing."""
    chosen: list[int] = []
    order = sorted(range(len(told)), key=lambda at: told[at][1][0].strip() not in NEVER_MISSING)
    for at in order:
        # The blanks behind the last one may be cut off.
        if runs_width(told[at]) - 2 <= width:
            chosen.append(at)
            width -= runs_width(told[at])
    return [told[at] for at in sorted(chosen)]


def _shown_keys(widget: Widget) -> list[tuple[str, str]]:
    keys: list[tuple[str, str]] = []
    for active in widget.screen.active_bindings.values():
        binding = active.binding
        if not binding.show or not active.enabled:
            continue
        entry = (widget.app.get_key_display(binding), binding.description)
        if entry[1] and all(entry[1] != other for _, other in keys):
            keys.append(entry)
    return keys
