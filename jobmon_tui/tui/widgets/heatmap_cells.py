"""What a cell of the cluster picture shows, as one byte, and how each byte looks.

A line of the picture is a string of bytes: comparing two of them finds what changed at no cost.
"""

from __future__ import annotations

from rich.style import Style

from jobmon_tui.analysis.groups import NodeGroup
from jobmon_tui.analysis.readings import CONDITIONS, Condition, Reading, shown
from jobmon_tui.model.snapshot import Node
from jobmon_tui.tui.paint import Run, fit
from jobmon_tui.tui.theme import HEAT_STEPS, Palette
from jobmon_tui.tui.widgets.heatmap_layout import CellShape, Layout, Line, short_detail

HEAT = "▁▁▂▃▄▅▆▆▇"
"""How high the block of each heat step is; never the whole cell, so that full lines stay apart."""
ASCII_HEAT = "012345678"
"""What stands for them where only ASCII can be shown."""
OVER, ASCII_OVER = "▲", "^"
"""Fills the cell of a node that is asked for clearly more than it has."""
OVER_FROM = 1.25
"""From this fraction on."""

OVER_CODE = HEAT_STEPS
CONDITION_CODE = 16
"""The code of the first of the conditions; the others follow."""
QUIET = 64
"""Added to the code of a node that steps back while others are highlighted."""

_CODE_OF = {one.key: CONDITION_CODE + place for place, one in enumerate(CONDITIONS)}
_UNKNOWN = _CODE_OF["unknown"]


def code_of(node: Node | None, reading: Reading) -> int:
    """What the cell of a node shows: a heat step, `OVER_CODE`, or a condition's code."""
    what = "unknown" if node is None else shown(node, reading)
    if isinstance(what, str):
        return _CODE_OF.get(what, _UNKNOWN)
    return OVER_CODE if what >= OVER_FROM else heat_step(what)


def heat_step(fraction: float) -> int:
    """The step of the heat scale of a fraction."""
    return min(HEAT_STEPS - 1, max(0, int(fraction * HEAT_STEPS)))


def conditions_in(codes: set[int]) -> tuple[Condition, ...]:
    """The conditions that are among those codes."""
    loud = {code & ~QUIET for code in codes}
    return tuple(one for one in CONDITIONS if _CODE_OF[one.key] in loud)


def looks_of(colours: Palette, shape: CellShape, *, ascii_only: bool) -> list[Run]:
    """Code by code the text of the block, with the gap behind it, and its style.

    Args:
        colours: The palette.
        shape: Of the cells: a level fills all of the block, another glyph stands in its middle.
        ascii_only: Draw with ASCII characters only.
    """
    levels = ASCII_HEAT if ascii_only else HEAT
    looks = {step: (levels[step] * shape.block, colours.heat[step]) for step in range(HEAT_STEPS)}
    looks[OVER_CODE] = (ASCII_OVER if ascii_only else OVER, colours.warning)
    for one in CONDITIONS:
        looks[_CODE_OF[one.key]] = (one.ascii if ascii_only else one.glyph, colours.role(one.role))
    for code, (text, _) in list(looks.items()):
        looks[code | QUIET] = (text, colours.faint)
    # The gap takes the block's style, of which it shows nothing: a style of its own would have to be written.
    gap = " " * shape.gap
    blank = ("", colours.plain)
    return [
        (fit(text, shape.block, "centre") + gap, style)
        for text, style in (looks.get(code, blank) for code in range(2 * QUIET))
    ]


def title_runs(group: NodeGroup, line: Line, layout: Layout, title: Style, colours: Palette) -> list[Run]:
    """What stands before the cells of a line: the title of its group, and beside or below it what they are.

    Args:
        group: The group that the line belongs to.
        line: The line.
        layout: The picture that it is part of.
        title: The style of the title.
        colours: The palette.
    """
    width, beside = layout.title_width, layout.detail_beside
    if not width:
        return []
    if line.part == 0 and beside:
        room = width - beside - 2
        detail = fit(short_detail(group.detail, room), room)
        return [(f"{fit(group.title, beside - 2)}  ", title), (f"{detail}  ", colours.dim)]
    if line.part == 0:
        return [(f"{fit(group.title, width - 2)}  ", title)]
    below = short_detail(group.detail, width - 2) if line.part == 1 and not beside else ""
    return [(f"{fit(below, width - 2)}  ", colours.dim)]
