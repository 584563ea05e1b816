"""From any number of measurements to as many columns as a chart has: the lowest and highest in each.

A mean would hide the spikes that a chart is looked at for. Between two measurements the older one holds;
where a series has ``None`` it holds no longer, so that a gap stays a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jobmon_tui.model.series import Series

Extent = tuple[float, float]
"""The lowest and the highest value of one column."""


def extents(series: Series, start: float, end: float, columns: int) -> list[Extent | None]:
    """The lowest and highest value in each column of a chart.

    Args:
        series: What was measured, in the order of time.
        start: Where the first column begins, in Unix seconds.
        end: Where the last column ends.
        columns: How many columns there are, of equal width.

    Returns:
        One entry for each column; ``None`` where nothing was measured.
    """
    found: list[Extent | None] = [None] * max(0, columns)
    if columns <= 0 or end <= start:
        return found
    scale = columns / (end - start)
    last_column, last_value = 0, None
    for time, value in zip(series.times, series.values, strict=True):
        if time >= end:
            break
        column = int((time - start) * scale) if time >= start else -1
        if last_value is not None and column > last_column:
            held = (last_value, last_value)
            for between in range(max(0, last_column + 1), column):
                found[between] = held
        if value is not None and column >= 0:
            present = found[column]
            if present is None:
                found[column] = (value, value)
            elif value < present[0]:
                found[column] = (value, present[1])
            elif value > present[1]:
                found[column] = (present[0], value)
        last_column, last_value = column, value
    return found


def cumulated(layers: Sequence[Series]) -> list[Series]:
    """Each series with those before it added to it, for charts whose layers lie on one another.

    Where one of them is unknown, so is its sum and every one above it.
    """
    times: Sequence[float] = layers[0].times if layers else ()
    if any(layer.times != times for layer in layers):
        times = sorted({time for layer in layers for time in layer.times})
    sums: list[float | None] = [0.0] * len(times)
    result = []
    for layer in layers:
        values = layer.values if layer.times == times else _held_at(layer, times)
        sums = [
            None if below is None or value is None else below + value
            for below, value in zip(sums, values, strict=True)
        ]
        result.append(Series(times=tuple(times), values=tuple(sums), unit=layer.unit))
    return result


def _held_at(series: Series, times: Sequence[float]) -> list[float | None]:
    """The value that holds at each of some ascending times."""
    held: list[float | None] = []
    place, value = 0, None
    for time in times:
        while place < len(series.times) and series.times[place] <= time:
            value = series.values[place]
            place += 1
        held.append(value)
    return held


def with_gaps(series: Series, longest: float) -> Series:
    """The series with a ``None`` wherever two measurements are further apart than that.

    Args:
        series: What a store gave; stores leave out what was not measured.
        longest: Seconds for which a measurement holds at the most.
    """
    times: list[float] = []
    values: list[float | None] = []
    for time, value in zip(series.times, series.values, strict=True):
        if times and time - times[-1] > longest:
            times.append(times[-1] + longest)
            values.append(None)
        times.append(time)
        values.append(value)
    return Series(times=tuple(times), values=tuple(values), unit=series.unit)


def usual_step(times: Sequence[float]) -> float:
    """Seconds that mostly lie between two of those ascending times; 0 for fewer than two."""
    steps = sorted(later - earlier for earlier, later in pairwise(times))
    return steps[len(steps) // 2] if steps else 0.0
