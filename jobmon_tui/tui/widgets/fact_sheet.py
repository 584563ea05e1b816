"""Labelled lines, wrapped to the width there is, each value beside its label."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import Static

from jobmon_tui.analysis.facts import Fact
from jobmon_tui.model.text import printable
from jobmon_tui.tui.theme import palette

LABEL_WIDTH = 15


class FactSheet(Static):
    """Shows facts; does nothing at all where they are the same as before."""

    def __init__(self, *, id: str | None = None, classes: str = "facts") -> None:
        super().__init__(id=id, classes=classes)
        self._facts: Sequence[Fact] = ()

    def show(self, facts: Sequence[Fact]) -> None:
        """Show other facts, or the same ones with other values."""
        if facts != self._facts:
            self._facts = facts
            self._redraw()

    def on_resize(self) -> None:
        """Long values are wrapped anew."""
        self._redraw()

    def notify_style_update(self) -> None:
        """The theme changed."""
        super().notify_style_update()
        if self.is_mounted:
            self._redraw()

    def _redraw(self) -> None:
        width = self.content_size.width
        if width:
            self.update(self._text(max(10, width - LABEL_WIDTH)))

    def _text(self, room: int) -> Text:
        colours = palette(self)
        text = Text()
        for fact in self._facts:
            if not fact.text:
                text.append(f"{'' if not text else chr(10)}{fact.label}\n", style=colours.primary)
                continue
            style = colours.role(fact.role)
            for number, line in enumerate(_wrapped(printable(fact.text, 2000), room)):
                label = printable(fact.label, LABEL_WIDTH - 1) if number == 0 else ""
                text.append(f"{label:<{LABEL_WIDTH}}", style=colours.dim)
                text.append(f"{line}\n", style=style)
        text.rstrip()
        return text


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
