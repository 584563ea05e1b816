"""Widgets that are a few painted lines: what is said once a second must not cost a layout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from jobmon_tui.tui.theme import Palette, palette

Piece = tuple[str, Style]
"""A run of text in one style."""


class Lines(Widget):
    """Lines that are painted from `paint` and repainted only where they differ from what is on the screen."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._strips: list[Strip] = []

    def paint(self, width: int, colours: Palette) -> Sequence[Iterable[Piece]]:
        """The lines, top down, each as its pieces; what is wider than ``width`` is cut."""
        raise NotImplementedError

    def repaint(self) -> None:
        """Paint anew and have the changed part of each line sent to the terminal."""
        if not self.is_mounted or not self.size.width:
            return
        before, self._strips = self._strips, self._painted()
        for line, strip in enumerate(self._strips[: self.size.height]):
            old = before[line] if line < len(before) else None
            if old is None:
                self.refresh(Region(0, line, self.size.width, 1))
            elif span := changed_span(old, strip):
                start, end = span
                self.refresh(Region(start, line, end - start, 1))
        if len(before) > len(self._strips):
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the widget, as the compositor asks for it."""
        if not self._strips:
            self._strips = self._painted()
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self.rich_style)

    def notify_style_update(self) -> None:
        """The theme changed: every style did."""
        self._strips = []
        super().notify_style_update()

    def on_resize(self) -> None:
        """The width decides what is painted."""
        self._strips = []
        self.refresh()

    def _painted(self) -> list[Strip]:
        width, base = self.size.width, self.rich_style
        return [
            Strip(Segment(text, base + style) for text, style in pieces if text).adjust_cell_length(
                width, base
            )
            for pieces in self.paint(width, palette(self))
        ]


def changed_span(old: Strip, new: Strip) -> tuple[int, int] | None:
    """The first and the last-but-one column in which two strips of one width differ; ``None`` if nowhere."""
    if old == new:
        return None
    one, other = _cells(old), _cells(new)
    differing = [column for column, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    if not differing:
        return None
    return differing[0], differing[-1] + 1


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    cells: list[tuple[str, Style | None]] = []
    for text, style, _ in strip:
        for character in text:
            width = cell_len(character)
            if width == 0 and cells:
                cells[-1] = (cells[-1][0] + character, style)
            else:
                cells.extend([(character, style), ("", style)][:width])
    return cells


def pieces_width(pieces: Iterable[Piece]) -> int:
    """How many columns the pieces take."""
    return sum(cell_len(text) for text, _ in pieces)
