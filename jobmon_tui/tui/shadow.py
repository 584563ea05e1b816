"""What the terminal shows, cell by cell: what is there already need not be written again.

Textual repaints regions: a pane whose frame changes its colour is written with all that it holds, a widget
that has been given another size is written twice. Most of those cells stay what they were.
"""

from __future__ import annotations

from collections.abc import Iterator

GAP = 8
"""So few cells are written again rather than skipped: moving the cursor takes as many bytes."""


class Shadow:
    """The cells of a terminal. A cell that nothing is known of is like no other.

    Args:
        width: Columns.
        height: Lines.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._characters: list[list[str]] = [[""] * width for _ in range(height)]
        self._looks: list[list[object]] = [[None] * width for _ in range(height)]

    def forget(self, x: int, y: int, width: int) -> None:
        """Nothing is known any more of some cells of a line."""
        if y < len(self._looks):
            end = min(self._width, x + width)
            self._looks[y][x:end] = [None] * max(0, end - x)

    def forget_all(self) -> None:
        """Nothing is known any more."""
        for y in range(len(self._looks)):
            self.forget(0, y, self._width)

    def put(self, x: int, y: int, text: str, look: object) -> None:
        """These cells were written.

        Args:
            x: The first cell, from 0.
            y: The line, from 0.
            text: Characters of one cell each.
            look: How all of them look; the same object for the same look.
        """
        end = x + len(text)
        if y < len(self._looks) and end <= self._width:
            self._characters[y][x:end] = text
            self._looks[y][x:end] = [look] * len(text)

    def changes(self, x: int, y: int, text: str, look: object) -> Iterator[tuple[int, str]]:
        """The parts of a text that are to be written, with their first cells; all of it counts as written.

        Args:
            x: See `put`; so are the others.
            y: See there.
            text: See there.
            look: See there.
        """
        end = x + len(text)
        if y >= len(self._looks) or end > self._width:
            yield x, text
            return
        characters, looks = self._characters[y], self._looks[y]
        shown, shown_looks = characters[x:end], looks[x:end]
        if shown_looks.count(look) == len(text):
            if "".join(shown) == text:
                return
            differ = [place for place, (old, new) in enumerate(zip(shown, text, strict=True)) if old != new]
        else:
            differ = [
                place
                for place, (old, new, old_look) in enumerate(zip(shown, text, shown_looks, strict=True))
                if old != new or old_look is not look
            ]
        self.put(x, y, text, look)
        start, before = differ[0], differ[0]
        for place in differ:
            if place - before > GAP:
                yield x + start, text[start : before + 1]
                start = place
            before = place
        yield x + start, text[start : before + 1]
