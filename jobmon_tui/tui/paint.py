"""Painting by hand: text cut to cells, bars of eighths, strips of runs, and which cells have changed.

For widgets that draw more cells than widgets could be made for. Everything here is made of two things: a
run (text and its style) and a strip (the runs of one line).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from jobmon_tui.model.text import printable
from jobmon_tui.tui.textual_compat import crops_left

Run = tuple[str, Style]
"""Text and how it looks; the text must be safe for a terminal (see `fit`)."""
Align = Literal["left", "right", "centre"]

LEVELS = "▁▂▃▄▅▆▇█"
"""A cell filled from below, by eighths."""
ASCII_LEVELS = "12345678"
"""What stands for them where only ASCII can be shown."""
EIGHTHS = " ▏▎▍▌▋▊▉█"
"""A cell filled from the left, by eighths, none to all."""


def cells(text: str) -> int:
    """How many cells a text takes; wide characters take two."""
    return cell_len(text)


def fit(text: str, width: int, align: Align = "left") -> str:
    """Make any text safe and exactly ``width`` cells wide: cut with an ellipsis, or filled with blanks.

    Args:
        text: Any text, also from outside.
        width: Cells; nothing is left of a text when it is not positive.
        align: Where the text stands when there is room.
    """
    text = shorten(text, width)
    room = width - cell_len(text)
    if room <= 0:
        return text
    if align == "left":
        return text + " " * room
    if align == "right":
        return " " * room + text
    return " " * (room // 2) + text + " " * (room - room // 2)


def shorten(text: str, width: int) -> str:
    """Make any text safe and at most ``width`` cells wide, cut with an ellipsis where it is longer."""
    if width <= 0:
        return ""
    # No character takes less than a cell but combining ones, of which `printable` keeps one for each.
    text = printable(text, 2 * width + 8)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip(" ") + "…"


def level(fraction: float, *, ascii_only: bool = False) -> str:
    """The glyph filled from below by that fraction; never empty, so that nothing looks like nothing."""
    step = min(len(LEVELS) - 1, max(0, int(fraction * len(LEVELS))))
    return (ASCII_LEVELS if ascii_only else LEVELS)[step]


def eighths(fraction: float, width: int) -> str:
    """A horizontal bar of block characters, as wide as its filled part; no blanks behind it.

    Args:
        fraction: 0 to 1; what is outside counts as the nearest of both.
        width: Cells of the full bar.

    Returns:
        At least one eighth when the fraction is above zero, and full only when it is 1.
    """
    total = 8 * max(0, width)
    filled = round(min(1.0, max(0.0, fraction)) * total)
    if fraction > 0:
        filled = max(1, filled)
    if fraction < 1:
        filled = min(total - 1, filled)
    if filled <= 0:
        return ""
    whole, part = divmod(filled, 8)
    return EIGHTHS[8] * whole + (EIGHTHS[part] if part else "")


def strip_of(runs: Iterable[Run], base: Style | None = None) -> Strip:
    """One line of runs; neighbours of one style become one segment.

    Args:
        runs: From left to right.
        base: The widget's own style (``rich_style``): its background is behind every run that has none.
    """
    segments: list[Segment] = []
    pending: list[str] = []
    style: Style | None = None
    on_base: dict[int, tuple[Style, Style]] = {}

    def end_segment() -> None:
        if not pending or style is None:
            return
        look = style
        if base is not None:
            # Adding styles costs most here, and a line has few of them: by identity, as hashing costs too.
            # Each is held on to: another one could come to have the identity of one that is gone.
            known = on_base.get(id(style)) or on_base.setdefault(id(style), (style, base + style))
            look = known[1]
        segments.append(Segment("".join(pending), look))
        pending.clear()

    for text, run_style in runs:
        if not text:
            continue
        if run_style is not style and run_style != style:
            end_segment()
            style = run_style
        pending.append(text)
    end_segment()
    return Strip(segments)


def runs_width(runs: Iterable[Run]) -> int:
    """How many cells the runs take together."""
    return sum(cell_len(text) for text, _ in runs)


def changed_spans(old: Sequence[object], new: Sequence[object], gap: int = 0) -> list[tuple[int, int]]:
    """Where two rows of equally long things differ, as ``(start, end)``, ends exclusive.

    Args:
        old: What is on the screen.
        new: What shall be.
        gap: Two differences with at most that many equal things between them become one span.

    Returns:
        The spans in order; the whole row when the lengths differ.
    """
    if len(old) != len(new):
        return [(0, max(len(old), len(new)))]
    if old == new:
        return []
    spans: list[tuple[int, int]] = []
    for place, (before, now) in enumerate(zip(old, new, strict=True)):
        if before == now:
            continue
        if spans and place - spans[-1][1] <= gap:
            spans[-1] = (spans[-1][0], place + 1)
        else:
            spans.append((place, place + 1))
    return spans


def changed_regions(old: Sequence[Strip], new: Sequence[Strip], *, gap: int = 4) -> list[Region]:
    """The parts of a few lines that must be painted again: one region for each changed span.

    Args:
        old: The lines on the screen, from the top of the widget.
        new: The lines that shall be there.
        gap: See `changed_spans`; about as many cells as moving the cursor costs bytes.

    Returns:
        Regions relative to the first line; what either has more of than the other counts as changed.
    """
    regions: list[Region] = []
    for y in range(max(len(old), len(new))):
        if y < min(len(old), len(new)) and old[y] == new[y]:
            continue
        before = _styled_cells(old[y]) if y < len(old) else []
        now = _styled_cells(new[y]) if y < len(new) else []
        spans = one_span(changed_spans(before, now, gap))
        regions.extend(Region(start, y, end - start, 1) for start, end in spans)
    return regions


def one_span(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans of one line as they should be refreshed: apart where each costs only its own cells.

    Without the left crop of `textual_compat` a region is written from the left edge of its widget, so that
    several of them on a line cost more than one that reaches to the end of the last.
    """
    if crops_left() or len(spans) < 2:
        return spans
    return [(spans[0][0], spans[-1][1])]


def _styled_cells(strip: Strip) -> list[tuple[str, Style | None]]:
    """One entry for each cell; a wide character stands in its first cell, its second one is empty."""
    entries: list[tuple[str, Style | None]] = []
    for segment in strip:
        if cell_len(segment.text) == len(segment.text):
            entries.extend((character, segment.style) for character in segment.text)
            continue
        for character in segment.text:
            width = cell_len(character)
            if width == 0 and entries:
                entries[-1] = (entries[-1][0] + character, segment.style)
            elif width:
                entries.append((character, segment.style))
                entries.extend([("", segment.style)] * (width - 1))
    return entries
