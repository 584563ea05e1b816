"""Labelled lines, wrapped to the width there is, each value beside its label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from jobmon_tui.analysis.facts import Fact
from jobmon_tui.model.text import printable
from jobmon_tui.tui.paint import Run, changed_regions, fit, strip_of
from jobmon_tui.tui.theme import palette

LABEL_WIDTH = 15
SHORT_LABEL_WIDTH = 11
ROOMY = 40
"""Cells from which on labels get their full width."""
NARROWEST = 10
"""Cells that a value has at least, however narrow the widget is."""


class FactSheet(Widget):
    """Shows facts, as tall as they need; only lines that differ from before are painted."""

    DEFAULT_CSS = "FactSheet { width: 1fr; height: auto; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._facts: Sequence[Fact] = ()
        self._strips: list[Strip] = []
        self._painted_width = -1

    def show(self, facts: Sequence[Fact]) -> None:
        """Show other facts, or the same ones with other values."""
        if facts == self._facts:
            return
        self._facts = facts
        before, width = self._strips, self._painted_width
        self._painted_width = -1
        if width <= 0:
            self.refresh(layout=True)
            return
        after = self._strips_for(width)
        if len(before) != len(after):
            self.refresh(layout=True)
        elif regions := changed_regions(before, after):
            self.refresh(*regions)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are at that width."""
        return len(self._strips_for(width))

    def render_line(self, y: int) -> Strip:
        """One line, as the compositor asks for it."""
        strips = self._strips_for(self.content_size.width)
        if y >= len(strips):
            return Strip.blank(self.content_size.width, self.rich_style)
        return strips[y].adjust_cell_length(self.content_size.width, self.rich_style)

    def notify_style_update(self) -> None:
        """The theme changed."""
        self._painted_width = -1
        super().notify_style_update()

    def _strips_for(self, width: int) -> list[Strip]:
        if width != self._painted_width:
            base = self.rich_style
            label = LABEL_WIDTH if width >= ROOMY else SHORT_LABEL_WIDTH
            lines = self._lines(label, max(NARROWEST, width - label))
            self._strips = [strip_of(runs, base) for runs in lines]
            self._painted_width = width
        return self._strips

    def _lines(self, label_width: int, room: int) -> Iterator[list[Run]]:
        colours = palette(self)
        for number, fact in enumerate(self._facts):
            if not fact.text:
                if number:
                    yield []
                yield [(fact.label, colours.primary)]
                continue
            style = colours.role(fact.role)
            for row, text in enumerate(_wrapped(printable(fact.text, 2000), room)):
                label = fit(fact.label if row == 0 else "", label_width - 1)
                yield [(f"{label} ", colours.dim), (text, style)]


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most that many cells: broken at blanks, or anywhere in a long path."""
    lines: list[str] = []
    line = Text()
    for word in text.split(" "):
        piece = Text(word)
        if line and line.cell_len + 1 + piece.cell_len > width:
            lines.append(line.plain)
            line = Text()
        if line:
            line.append(" ")
        while line.cell_len + piece.cell_len > width:
            head, piece = _split(piece, width - line.cell_len)
            lines.append(line.plain + head.plain)
            line = Text()
        line.append(piece.plain)
    return [*lines, line.plain]


def _split(text: Text, cells: int) -> tuple[Text, Text]:
    head = text.copy()
    head.truncate(max(1, cells), overflow="crop")
    # Lists (TRES, node lists) and paths are best broken behind one of their parts.
    comfortable = max(head.plain.rfind(mark) for mark in ",/") + 1
    if comfortable > len(head.plain) // 2:
        return text[:comfortable], text[comfortable:]
    # A wide character may not fit into a single cell; it is taken all the same, lest this never end.
    taken = max(1, len(head.plain.rstrip()) if text.cell_len != len(text.plain) else len(head.plain))
    return text[:taken], text[taken:]
