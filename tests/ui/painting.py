"""An app that writes what Textual would send to a terminal into a terminal emulator, without any terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyte
from textual._compositor import CompositorUpdate
from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from jobmon_tui.tui.theme import DEFAULT_THEME, THEMES

Cell = tuple[Any, ...]


class Terminal:
    """What a terminal shows after everything written to it, and how much that was."""

    def __init__(self, width: int, height: int) -> None:
        self.screen = pyte.Screen(width, height)
        self.stream = pyte.Stream(self.screen)
        self.written: list[str] = []

    def write(self, sequence: str) -> None:
        """Take a piece of output."""
        self.written.append(sequence)
        self.stream.feed(sequence)

    @property
    def bytes(self) -> int:
        """Bytes written since `forget`."""
        return sum(len(piece.encode()) for piece in self.written)

    def forget(self) -> None:
        """Count bytes anew."""
        self.written.clear()

    def cells(self) -> list[list[Cell]]:
        """Every cell with its character and its style."""
        return [
            [tuple(self.screen.buffer[y][x]) for x in range(self.screen.columns)]
            for y in range(self.screen.lines)
        ]

    def text(self) -> list[str]:
        """The lines, without the blanks at their ends."""
        return [line.rstrip() for line in self.screen.display]


class PaintingApp(App[None]):
    """Shows some widgets and keeps what they write.

    Args:
        make: Makes the widgets.
        width: Columns of the terminal.
        height: Lines of the terminal.
    """

    def __init__(self, make: Callable[[], Sequence[Widget]], width: int, height: int) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DEFAULT_THEME
        self._make = make
        self.terminal = Terminal(width, height)

    def compose(self) -> ComposeResult:
        yield from self._make()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate) and not self._batch_count:
            self.terminal.write(renderable.render_segments(self.console))
        super()._display(screen, renderable)

    def repainted(self) -> Terminal:
        """A new terminal on which the whole screen was painted at once."""
        other = Terminal(self.terminal.screen.columns, self.terminal.screen.lines)
        update = self.screen._compositor.render_full_update()
        other.write(update.render_segments(self.console))
        return other
