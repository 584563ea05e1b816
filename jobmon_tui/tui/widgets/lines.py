"""Widgets that are a few painted lines: what is said once a second must not cost a layout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.strip import Strip
from textual.widget import Widget

from jobmon_tui.tui.paint import Run, changed_regions, strip_of
from jobmon_tui.tui.theme import Palette, palette


class Lines(Widget):
    """Lines that are painted from `paint` and repainted only where they differ from what is on the screen."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._strips: list[Strip] = []

    def paint(self, width: int, colours: Palette) -> Sequence[Iterable[Run]]:
        """The lines, top down, each as its runs; what is wider than ``width`` is cut."""
        raise NotImplementedError

    def repaint(self) -> None:
        """Paint anew and have the changed part of each line sent to the terminal."""
        if not self.is_mounted or not self.size.width:
            return
        before, self._strips = self._strips, self._painted()
        if len(before) != len(self._strips):
            self.refresh()
        elif regions := changed_regions(before, self._strips):
            self.refresh(*regions)

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
            strip_of(runs, base).adjust_cell_length(width, base) for runs in self.paint(width, palette(self))
        ]
