"""Draws one chart as runs: title and legend, axes with their units, and the lines or areas themselves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from jobmon_tui.analysis.axes import amount_text, time_ticks, top_of
from jobmon_tui.analysis.charts import FilledChart, Line
from jobmon_tui.analysis.downsample import Extent, cumulated, extents
from jobmon_tui.model.series import Series
from jobmon_tui.tui.paint import Run, fit, runs_width, shorten
from jobmon_tui.tui.theme import Palette
from jobmon_tui.tui.widgets.chart_canvas import (
    GRAINS,
    Glyphs,
    Layer,
    area_dots,
    drawn,
    level_dots,
    line_dots,
)

LABEL = 9
"""Columns left of the plot: the longest label (``999 MB/s``) and the axis."""
LEAST_HEIGHT = 5
"""Lines of the smallest chart: title, three of plot, times."""
_TICK_ROOM = 9
"""Columns that a time below the chart needs, the gap to the next included."""
_MARKS = "*+ox#%"
_LEVEL_MARK = "-"


def plot_width(width: int) -> int:
    """Columns of the plot of a chart that is so many wide."""
    return max(1, width - LABEL)


def painted(
    filled: FilledChart, width: int, height: int, colours: Palette, glyphs: Glyphs
) -> list[list[Run]]:
    """The lines of one chart, from the top, each exactly ``width`` cells wide.

    Args:
        filled: The chart and what was measured.
        width: Cells.
        height: Lines, `LEAST_HEIGHT` at least.
        colours: The palette.
        glyphs: What to draw with.
    """
    room, rows = plot_width(width), height - 2
    grain = GRAINS[glyphs]
    columns, dots = room * grain.across, rows * grain.up
    spans = _extents(filled, columns)
    top = _top(filled, spans)
    layers = _layers(filled, spans, top, dots, colours)
    plot = drawn(layers, room, rows, glyphs, colours.plain)
    labels = _labels(filled, top, rows, colours, glyphs)
    lines = [_title(filled, width, colours, glyphs)]
    lines += [[*label, *row] for label, row in zip(labels, plot, strict=True)]
    lines.append(_times(filled, room, colours))
    return lines


def _extents(filled: FilledChart, columns: int) -> list[list[Extent | None]]:
    series = [one for _, one in filled.lines]
    if filled.chart.stacked:
        series = cumulated(series)
    return [extents(one, filled.start, filled.end, columns) for one in series]


def _top(filled: FilledChart, spans: Sequence[Sequence[Extent | None]]) -> float:
    """Where the scale ends: a level that is far beyond everything measured must not press it flat."""
    highest = max((extent[1] for column in spans for extent in column if extent is not None), default=0.0)
    near = [level.value for level in filled.chart.levels if highest <= level.value <= 8 * highest]
    highest = max([highest, *near])
    if filled.chart.ceiling is not None and highest <= filled.chart.ceiling * 1.005:
        return filled.chart.ceiling
    return top_of(highest, filled.chart.unit)


def _layers(
    filled: FilledChart, spans: Sequence[list[Extent | None]], top: float, dots: int, colours: Palette
) -> list[Layer]:
    layers: list[Layer] = []
    lines: list[Layer] = []
    columns = len(spans[0]) if spans else 0
    # The first line and level are what a chart is about: they are drawn last, over the others.
    for level in reversed(filled.chart.levels):
        drawn_level = level_dots(level.value, top, dots, columns)
        layers.append(Layer(drawn_level, colours.role(level.role), _LEVEL_MARK))
    below: list[Extent | None] | None = None
    for place, ((line, _), span) in enumerate(zip(filled.lines, spans, strict=True)):
        style = colours.role(line.role)
        if filled.chart.stacked:
            lines.append(Layer(area_dots(span, below, top, dots), style, _mark(place, line)))
            below = span
        else:
            lines.insert(0, Layer(line_dots(span, top, dots), style, _mark(place, line)))
    return layers + lines


def _mark(place: int, line: Line) -> str:
    first = line.title[:1]
    return first if first.isascii() and first.isalpha() else _MARKS[place % len(_MARKS)]


def _labels(filled: FilledChart, top: float, rows: int, colours: Palette, glyphs: Glyphs) -> list[list[Run]]:
    """Amounts at the top, at the bottom and, where there is room, in the middle."""
    unit = filled.chart.unit
    shown = {0: amount_text(top, unit), rows - 1: "0"}
    if rows >= 5 and rows % 2:
        shown[rows // 2] = amount_text(top / 2, unit)
    bar, mark = ("|", "+") if glyphs == "ascii" else ("│", "┤")
    return [
        [
            (fit(shown.get(row, ""), LABEL - 1, "right"), colours.dim),
            (mark if row in shown else bar, colours.faint),
        ]
        for row in range(rows)
    ]


def _title(filled: FilledChart, width: int, colours: Palette, glyphs: Glyphs) -> list[Run]:
    """Title, and each line's colour, name and newest value; what does not fit is left out from the end."""
    chart = filled.chart
    runs: list[Run] = [(shorten(chart.title, width - 1), colours.strong)]
    entries: list[list[Run]] = []
    for place, (line, series) in enumerate(filled.lines):
        swatch = _mark(place, line) if glyphs == "ascii" else "█" if chart.stacked else "━"
        text = " ".join(part for part in (line.title, amount_text(_newest(series), chart.unit)) if part)
        entries.append(
            [("  ", colours.plain), (swatch, colours.role(line.role)), (f" {text}", colours.plain)]
        )
    for level in chart.levels:
        swatch = _LEVEL_MARK if glyphs == "ascii" else "┄"
        text = f" {level.title} {amount_text(level.value, chart.unit)}"
        entries.append([("  ", colours.plain), (swatch, colours.role(level.role)), (text, colours.dim)])
    for entry in entries:
        if runs_width(runs) + runs_width(entry) <= width:
            runs += [(shorten(text, width) if text.strip() else text, style) for text, style in entry]
    return [*runs, (" " * (width - runs_width(runs)), colours.plain)]


def _newest(series: Series) -> float | None:
    """The last value; ``None`` where the series has ended in a gap."""
    return series.values[-1] if series.values else None


def _times(filled: FilledChart, room: int, colours: Palette) -> list[Run]:
    """Times of the day, each centred below its place."""
    line = [" "] * room
    span = filled.end - filled.start
    free = 0
    for tick in time_ticks(filled.start, filled.end, max(1, room // _TICK_ROOM)):
        place = int((tick.time - filled.start) / span * room)
        begin = min(max(0, place - len(tick.text) // 2), room - len(tick.text))
        if begin >= free:
            line[begin : begin + len(tick.text)] = tick.text
            free = begin + len(tick.text) + 2
    return [(" " * LABEL, colours.plain), ("".join(line[:room]), colours.dim)]


def side_by_side(parts: Sequence[list[list[Run]]], width: int, gap: int, colours: Palette) -> list[list[Run]]:
    """Several pictures of one width beside each other, as lines."""
    lines: list[list[Run]] = []
    for pieces in zip_longest(*parts):
        line: list[Run] = []
        for place, piece in enumerate(pieces):
            if place:
                line.append((" " * gap, colours.plain))
            line += piece if piece is not None else [(" " * width, colours.plain)]
        lines.append(line)
    return lines
