"""A grid of dots that lines and areas are drawn into, and how dots become characters.

Three ways: braille (2 x 4 dots in a character, one colour), blocks (1 x 2, both of their own colour) and
ASCII (1 x 1, a letter for each line). A column of dots is one whole number, bit 0 at the bottom.
"""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rich.style import Style

from jobmon_tui.analysis.downsample import Extent
from jobmon_tui.tui.paint import Run

Glyphs = Literal["braille", "block", "ascii"]
"""What charts are drawn with."""

VARIABLE = "JOBMON_CHARTS"
"""The environment variable that chooses among them."""


class Grain(NamedTuple):
    """Dots in one character."""

    across: int
    up: int


GRAINS: Mapping[Glyphs, Grain] = {"braille": Grain(2, 4), "block": Grain(1, 2), "ascii": Grain(1, 1)}

_LEFT = (0x40, 0x04, 0x02, 0x01)
_RIGHT = (0x80, 0x20, 0x10, 0x08)
"""The braille pattern's bits of a character's left and right dots, from the bottom."""


def _braille_table() -> list[str]:
    """The character of each pair of four left and four right dots: ``left | right << 4``."""
    table = []
    for pair in range(256):
        code = sum(_LEFT[dot] for dot in range(4) if pair >> dot & 1)
        code += sum(_RIGHT[dot] for dot in range(4) if pair >> (dot + 4) & 1)
        table.append(chr(0x2800 + code) if pair else " ")
    return table


_BRAILLE = _braille_table()
_COUNT = [pair.bit_count() for pair in range(256)]


def glyphs_for(environment: Mapping[str, str] | None = None, encoding: str | None = None) -> Glyphs:
    """What the terminal can show: as the user says in `VARIABLE`, else by its locale and kind.

    Args:
        environment: Instead of the process's own.
        encoding: The locale's encoding; by default that of the process.
    """
    environment = os.environ if environment is None else environment
    chosen = environment.get(VARIABLE, "").strip().lower()
    for glyphs in GRAINS:
        if chosen == glyphs:
            return glyphs
    encoding = locale.getpreferredencoding(False) if encoding is None else encoding
    if "utf" not in encoding.lower():
        return "ascii"
    # The Linux console's font has blocks and no braille.
    return "block" if environment.get("TERM") == "linux" else "braille"


@dataclass(frozen=True, slots=True)
class Layer:
    """One line, area or level."""

    dots: Sequence[int]
    """One number for each column of dots."""
    style: Style
    mark: str
    """Its letter where only ASCII can be shown."""


def line_dots(extents: Sequence[Extent | None], top: float, height: int) -> list[int]:
    """A line from the lowest to the highest value of each column, joined to the column before it.

    Args:
        extents: Lowest and highest value of each column of dots.
        top: The value at the upper edge.
        height: Dots from the lower to the upper edge.
    """
    columns = []
    before: tuple[int, int] | None = None
    for extent in extents:
        if extent is None:
            columns.append(0)
            before = None
            continue
        low, high = (_dots(value, top, height - 1) for value in extent)
        own = (low, high)
        if before is not None:
            # A step is drawn in the column where it happens; one dot above the other is joined enough.
            low, high = min(low, before[1] + 1), max(high, before[0] - 1)
        columns.append((1 << high + 1) - (1 << low))
        before = own
    return columns


def area_dots(
    extents: Sequence[Extent | None], below: Sequence[Extent | None] | None, top: float, height: int
) -> list[int]:
    """An area from what lies below it to the highest value of each column.

    Args:
        extents: Lowest and highest sum of each column of dots, what lies below included.
        below: The same of the layer below; without one the area stands on the ground and shows at least one
            dot wherever anything was measured, so that nothing differs from unknown.
        top: The value at the upper edge.
        height: Dots from the lower to the upper edge.
    """
    columns = []
    for place, extent in enumerate(extents):
        if extent is None:
            columns.append(0)
            continue
        filled = _dots(extent[1], top, height)
        ground = 0
        if below is None:
            filled = max(1, filled)
        else:
            under = below[place]
            ground = max(1, _dots(under[1], top, height)) if under is not None else 0
        columns.append((1 << filled) - (1 << ground) if filled > ground else 0)
    return columns


def level_dots(value: float, top: float, height: int, width: int) -> list[int]:
    """A dotted line at one value; nothing where it is beyond the upper edge."""
    if not 0 <= value <= top or top <= 0:
        return [0] * width
    dot = 1 << _dots(value, top, height - 1)
    return [dot if column % 2 == 0 else 0 for column in range(width)]


def _dots(value: float, top: float, most: int) -> int:
    """How many of the dots up to the upper edge a value takes."""
    if value <= 0 or top <= 0:
        return 0
    return most if value >= top else round(value / top * most)


def drawn(layers: Sequence[Layer], width: int, height: int, glyphs: Glyphs, blank: Style) -> list[list[Run]]:
    """The lines of a picture, from the top.

    Args:
        layers: Later ones are drawn over earlier ones; a character of several colours that can have only one
            takes that of most of its dots.
        width: Cells.
        height: Lines.
        glyphs: What to draw with.
        blank: Style of empty cells.
    """
    rows = range(height - 1, -1, -1)
    if glyphs == "braille":
        return [_braille_row(layers, width, 4 * row, blank) for row in rows]
    if glyphs == "block":
        return [_block_row(layers, width, 2 * row, blank) for row in rows]
    return [_ascii_row(layers, width, row, blank) for row in rows]


def _braille_row(layers: Sequence[Layer], width: int, shift: int, blank: Style) -> list[Run]:
    row: list[Run] = []
    for cell in range(width):
        union, most, style = 0, 0, blank
        for layer in layers:
            left, right = layer.dots[2 * cell], layer.dots[2 * cell + 1]
            pair = (left >> shift & 15) | (right >> shift & 15) << 4
            if pair:
                union |= pair
                count = _COUNT[pair]
                if count >= most:
                    most, style = count, layer.style
        row.append((_BRAILLE[union], style))
    return row


_mixed: dict[tuple[Style, Style], Style] = {}


def _block_row(layers: Sequence[Layer], width: int, shift: int, blank: Style) -> list[Run]:
    row: list[Run] = []
    for cell in range(width):
        lower: Style | None = None
        upper: Style | None = None
        for layer in layers:
            dots = layer.dots[cell] >> shift
            if dots & 1:
                lower = layer.style
            if dots & 2:
                upper = layer.style
        if lower is None or upper is None:
            glyph = "▄" if lower is not None else "▀" if upper is not None else " "
            row.append((glyph, lower or upper or blank))
        elif lower is upper:
            row.append(("█", lower))
        else:
            mixed = _mixed.get((upper, lower))
            if mixed is None:
                mixed = _mixed[upper, lower] = Style(color=upper.color, bgcolor=lower.color)
            row.append(("▀", mixed))
    return row


def _ascii_row(layers: Sequence[Layer], width: int, shift: int, blank: Style) -> list[Run]:
    row: list[Run] = []
    for cell in range(width):
        piece: Run = (" ", blank)
        for layer in layers:
            if layer.dots[cell] >> shift & 1:
                piece = (layer.mark, layer.style)
        row.append(piece)
    return row


def sparkline(extents: Sequence[Extent | None], top: float, glyphs: Glyphs) -> str:
    """A chart of one line of characters, filled from below.

    Args:
        extents: As many columns as the glyphs have dots across in the cells that there are.
        top: The value of a full column.
        glyphs: What to draw with.
    """
    if glyphs == "braille":
        dots = area_dots(extents, None, top, 4)
        return "".join(_BRAILLE[left | right << 4] for left, right in zip(dots[::2], dots[1::2], strict=True))
    marks = "▁▂▃▄▅▆▇█" if glyphs == "block" else "_.:-=+*#"
    return "".join(
        " " if extent is None else marks[min(len(marks) - 1, _dots(extent[1], top, len(marks)))]
        for extent in extents
    )
