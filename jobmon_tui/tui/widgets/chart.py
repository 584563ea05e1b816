"""Charts of what was measured over time, as many beside and below each other as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from jobmon_tui.analysis.charts import FilledChart
from jobmon_tui.tui.paint import Run, changed_regions, shorten, strip_of
from jobmon_tui.tui.theme import palette
from jobmon_tui.tui.widgets.chart_canvas import GRAINS, Glyphs, glyphs_for
from jobmon_tui.tui.widgets.chart_painter import LEAST_HEIGHT, painted, plot_width, side_by_side

NARROWEST = 42
"""Columns from which on charts stand beside each other."""
GAP = 2
"""Columns between two charts."""
MOST_HEIGHT = 10
"""Lines of the tallest chart."""


class Charts(Widget):
    """Some charts, as tall as the room around them allows, each on a scale of its own.

    Args:
        glyphs: What to draw with; by default what the terminal can show.
        id: The widget's id.
    """

    DEFAULT_CSS = "Charts { width: 1fr; height: auto; }"

    def __init__(self, *, glyphs: Glyphs | None = None, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs: Glyphs = glyphs or glyphs_for()
        self._charts: Sequence[FilledChart] = ()
        self._note = ""
        self._room = 0
        """Lines of what holds the widget: the charts share them."""
        self._strips: list[Strip] = []
        self._painted_for: tuple[int, int] = (-1, -1)

    def show(self, charts: Sequence[FilledChart], note: str = "") -> None:
        """Show other charts, or the same ones with newer values; only what differs is painted.

        Args:
            charts: The charts, in order.
            note: What to say where there is none.
        """
        self._charts, self._note = charts, note
        width = self.content_size.width
        if not self.is_mounted or not width:
            self.refresh(layout=True)
            return
        before, self._strips = self._strips, self._paint(width)
        self._painted_for = (width, self._room)
        if len(before) != len(self._strips):
            self.refresh(layout=True)
            return
        regions: list[Region] = []
        for y, (old, new) in enumerate(zip(before, self._strips, strict=True)):
            if old != new:
                regions.extend(region.translate((0, y)) for region in changed_regions([old], [new]))
        if regions:
            self.refresh(*regions)

    def dot_columns(self, count: int) -> int:
        """Columns of dots that each of so many charts has across at the present width."""
        return plot_width(self._width_each(self.content_size.width, count)) * GRAINS[self.glyphs].across

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are at that width."""
        self._room = container.height
        return len(self._strips_for(width))

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._painted_for = (-1, -1)

    def render_line(self, y: int) -> Strip:
        """One line, as the compositor asks for it."""
        strips = self._strips_for(self.content_size.width)
        return strips[y] if y < len(strips) else Strip.blank(self.content_size.width, self.rich_style)

    def _strips_for(self, width: int) -> list[Strip]:
        if (width, self._room) != self._painted_for:
            self._strips = self._paint(width)
            self._painted_for = (width, self._room)
        return self._strips

    def _paint(self, width: int) -> list[Strip]:
        base = self.rich_style
        return [strip_of(line, base).adjust_cell_length(width, base) for line in self._lines(width)]

    @staticmethod
    def _across(width: int, count: int) -> int:
        return max(1, min(count, (width + GAP) // (NARROWEST + GAP)))

    def _width_each(self, width: int, count: int) -> int:
        across = self._across(width, count)
        return (width - GAP * (across - 1)) // across

    def _lines(self, width: int) -> list[list[Run]]:
        colours = palette(self)
        count = len(self._charts)
        if not count:
            return [[(shorten(self._note, width), colours.dim)]] if self._note else []
        across, each = self._across(width, count), self._width_each(width, count)
        down = -(-count // across)
        height = max(LEAST_HEIGHT, min(MOST_HEIGHT, self._room // down))
        pictures = [painted(chart, each, height, colours, self.glyphs) for chart in self._charts]
        lines: list[list[Run]] = []
        for first in range(0, count, across):
            lines += side_by_side(pictures[first : first + across], each, GAP, colours)
        return lines
