"""Horizontal bars of what is in use out of what there is, drawn in eighths of a cell.

Pieces for painted widgets (runs and strips) and, for the others, a Rich text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from jobmon_tui.tui.paint import Run, eighths, fit, strip_of
from jobmon_tui.tui.theme import Palette

EMPTY = "─"
"""The quiet track of what is not in use (a box-drawing line: lower than any filled eighth)."""
ASCII_EMPTY, ASCII_FILLED = "-", "#"
"""What stands for track and block where only ASCII can be shown."""
UNKNOWN = "?"
"""Stands in the bar's first cell when nobody knows how much is in use."""


def bar(
    fraction: float | None, width: int, style: Style, empty: Style, *, ascii_only: bool = False
) -> list[Run]:
    """A bar on a track.

    Args:
        fraction: 0 to 1, ``None`` when unknown (a bare track behind a question mark).
        width: Cells of the whole.
        style: Of the filled part.
        empty: Of the track.
        ascii_only: Draw with ASCII characters only.

    Returns:
        Runs of exactly ``width`` cells.
    """
    if width <= 0:
        return []
    track = ASCII_EMPTY if ascii_only else EMPTY
    if fraction is None:
        return [(UNKNOWN, empty), (track * (width - 1), empty)]
    filled = eighths(fraction, width)
    if ascii_only:
        filled = ASCII_FILLED * len(filled)
    return [(filled, style), (track * (width - len(filled)), empty)]


def stacked_bar(
    parts: Sequence[tuple[float, Style, str]], width: int, empty: Style, *, ascii_only: bool = False
) -> list[Run]:
    """Several amounts one behind the other on one track, in whole cells.

    Args:
        parts: Fraction of the whole bar, style and the glyph that fills it, for each amount: the glyph tells
            neighbours apart where there is no colour. Any amount above zero gets a cell while there is room.
        width: Cells of the whole.
        empty: Style of the track.
        ascii_only: Draw the track with ASCII characters only.

    Returns:
        Runs of exactly ``width`` cells.
    """
    runs: list[Run] = []
    place, amount = 0, 0.0
    for fraction, style, glyph in parts:
        if fraction <= 0:
            continue
        amount += fraction
        end = min(width, max(place + 1, round(min(1.0, amount) * width)))
        runs.append((glyph * (end - place), style))
        place = end
    runs.append(((ASCII_EMPTY if ascii_only else EMPTY) * (width - place), empty))
    return [run for run in runs if run[0]]


def grouped(number: float) -> str:
    """A whole number with a blank between thousands: ``6 116``."""
    return f"{number:,.0f}".replace(",", " ")


def used_of_available(
    title: str,
    used: float | None,
    available: float | None,
    width: int,
    style: Style,
    colours: Palette,
    *,
    unit: str = "",
    numbers: bool = True,
) -> list[Run]:
    """``cores ████████▌──── 4 690/6 116  77 %`` in exactly ``width`` cells.

    What does not fit is left out, least important first: the amounts, then the title, then the percentage.

    Args:
        title: What it is.
        used: How much is in use, ``None`` when unknown.
        available: How much there is, ``None`` when unknown.
        width: Cells of the whole.
        style: Of the bar.
        colours: The palette.
        unit: Behind the amounts: ``GiB``.
        numbers: Whether to write the amounts.
    """
    fraction = None if used is None or not available else used / available
    percent = f"{'?' if fraction is None else format(100 * fraction, '.0f'):>4} %"
    amount = " ".join(
        part
        for part in (
            "/".join("?" if number is None else grouped(number) for number in (used, available)),
            unit,
        )
        if part
    )
    pieces = [(f"{title} ", colours.dim, 1), (f" {amount}", colours.plain, 0), (percent, colours.strong, 2)]
    shortest = 6
    kept = pieces if numbers else [piece for piece in pieces if piece[2] != 0]
    while kept and sum(len(text) for text, _, _ in kept) + shortest > width:
        kept = [piece for piece in kept if piece[2] != min(rank for _, _, rank in kept)]
    room = max(0, width - sum(len(text) for text, _, _ in kept))
    before = [(fit(text, len(text)), one) for text, one, rank in kept if rank == 1]
    behind = [(text, one) for text, one, rank in kept if rank != 1]
    return [*before, *bar(fraction, room, style, colours.faint), *behind]


def bar_strip(runs: Iterable[Run]) -> Strip:
    """Runs as a line for a painted widget."""
    return strip_of(runs)


def bar_text(runs: Iterable[Run]) -> Text:
    """Runs as a Rich text, for a widget that shows texts."""
    text = Text(no_wrap=True, end="")
    for piece, style in runs:
        text.append(piece, style)
    return text
