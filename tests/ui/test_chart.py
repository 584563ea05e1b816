"""Charts drawn by hand: lines, areas, gaps, axes, and how little is painted when little has changed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual.containers import VerticalScroll

from jobmon_tui.analysis.charts import Chart, FilledChart, Level, Line
from jobmon_tui.analysis.downsample import Extent
from jobmon_tui.model.series import Series
from jobmon_tui.tui import textual_compat
from jobmon_tui.tui.theme import THEMES, palette_of
from jobmon_tui.tui.widgets.chart import Charts
from jobmon_tui.tui.widgets.chart_canvas import (
    Glyphs,
    Layer,
    area_dots,
    drawn,
    glyphs_for,
    level_dots,
    line_dots,
    sparkline,
)
from jobmon_tui.tui.widgets.chart_painter import LEAST_HEIGHT, painted
from tests.ui.painting import PaintingApp

COLOURS = palette_of(THEMES[0])
START, END = 1_790_000_000.0, 1_790_001_800.0
ALL_GLYPHS: tuple[Glyphs, ...] = ("braille", "block", "ascii")
RED, BLUE, BLANK = Style(color="red"), Style(color="blue"), Style(color="white")


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    textual_compat.install()
    yield
    textual_compat.uninstall()


def flat(*values: float | None) -> list[Extent | None]:
    return [None if value is None else (value, value) for value in values]


def picture(layers: Sequence[Layer], width: int, height: int, glyphs: Glyphs) -> list[str]:
    return ["".join(text for text, _ in row) for row in drawn(layers, width, height, glyphs, BLANK)]


def filled(
    *values: Sequence[float | None],
    stacked: bool = False,
    levels: tuple[Level, ...] = (),
    unit: str = "%",
    ceiling: float | None = 100.0,
    titles: str = "user system wait",
) -> FilledChart:
    roles = ("user", "system", "wait")
    lines = tuple(
        Line(reading=title, title=title, role=role)
        for title, role in zip(titles.split(), roles, strict=False)
    )[: len(values)]
    chart = Chart(
        key="cpu", title="CPU", unit=unit, lines=lines, stacked=stacked, levels=levels, ceiling=ceiling
    )
    step = (END - START) / max(1, len(values[0]))
    times = tuple(START + step * place for place in range(len(values[0])))
    series = [Series(times=times, values=tuple(one), unit=unit) for one in values]
    return FilledChart(chart=chart, lines=tuple(zip(lines, series, strict=True)), start=START, end=END)


def text_of(chart: FilledChart, width: int = 60, height: int = 8, glyphs: Glyphs = "braille") -> list[str]:
    return ["".join(text for text, _ in line) for line in painted(chart, width, height, COLOURS, glyphs)]


def test_a_line_is_joined_and_ends_at_gaps() -> None:
    assert line_dots(flat(0, 10, None, 5), 10, 11) == [1, 0b11111111110, 0, 1 << 5]


def test_an_area_tells_nothing_from_unknown() -> None:
    assert area_dots(flat(0, None, 10), None, 10, 4) == [1, 0, 0b1111]
    assert area_dots(flat(5, 5, 10), flat(5, 0, 5), 10, 4) == [0, 0b10, 0b1100]


def test_areas_share_no_dot() -> None:
    lower, upper = flat(3, 7, 0), flat(9, 7, 4)
    below, above = area_dots(lower, None, 10, 12), area_dots(upper, lower, 10, 12)
    assert all(one & other == 0 for one, other in zip(below, above, strict=True))


def test_a_level_beyond_the_scale_is_not_drawn() -> None:
    assert level_dots(11, 10, 4, 3) == [0, 0, 0]
    assert level_dots(10, 10, 4, 3) == [8, 0, 8]


def test_braille_blocks_and_ascii() -> None:
    layers = [Layer(line_dots(flat(0, 3), 3, 4), RED, "r")]
    assert picture(layers, 1, 1, "braille") == ["⡸"]
    layers = [Layer([1, 2, 3, 0], RED, "r")]
    assert picture(layers, 4, 1, "block") == ["▄▀█ "]
    layers = [Layer([1, 2, 0], RED, "r"), Layer([1, 1, 0], BLUE, "b")]
    assert picture(layers, 3, 2, "ascii") == [" r ", "bb "]


def test_a_character_has_the_colour_of_most_of_its_dots() -> None:
    ((cell,),) = drawn([Layer([15, 3], RED, "r"), Layer([0, 12], BLUE, "b")], 1, 1, "braille", BLANK)
    assert cell == ("⣿", RED)
    ((cell,),) = drawn([Layer([1], RED, "r"), Layer([2], BLUE, "b")], 1, 1, "block", BLANK)
    assert cell == ("▀", Style(color="blue", bgcolor="red"))


extents = st.lists(
    st.none() | st.tuples(st.floats(-10, 200), st.floats(-10, 200)).map(lambda two: (min(two), max(two))),
    max_size=30,
)


@pytest.mark.slow
@given(extents, st.floats(0, 150), st.integers(1, 40))
def test_every_measured_column_has_a_dot_within_the_picture(
    found: list[Extent | None], top: float, height: int
) -> None:
    for dots in (line_dots(found, top, height), area_dots(found, None, top, height)):
        assert [column > 0 for column in dots] == [extent is not None for extent in found]
        assert all(0 <= column < 1 << height for column in dots)


@given(extents)
def test_lines_have_no_breaks_but_gaps(found: list[Extent | None]) -> None:
    for left, right in pairwise(line_dots(found, 100, 24)):
        if left and right:
            # Grown by one dot up and down, each column touches the next.
            assert (left | left << 1 | left >> 1) & right


@pytest.mark.parametrize(
    ("environment", "encoding", "glyphs"),
    [
        ({}, "UTF-8", "braille"),
        ({"TERM": "linux"}, "utf-8", "block"),
        ({}, "ANSI_X3.4-1968", "ascii"),
        ({"JOBMON_CHARTS": "Block"}, "ascii", "block"),
        ({"JOBMON_CHARTS": "crayons"}, "UTF-8", "braille"),
    ],
)
def test_what_the_terminal_can_show(environment: dict[str, str], encoding: str, glyphs: Glyphs) -> None:
    assert glyphs_for(environment, encoding) == glyphs


def test_a_sparkline() -> None:
    assert sparkline(flat(0, 100, None, 50), 100, "braille") == "⣸⢠"
    assert sparkline(flat(0, 100, None, 50), 100, "block") == "▁█ ▅"
    assert sparkline(flat(0, 100, None, 50), 100, "ascii") == "_# ="


@pytest.mark.parametrize("glyphs", ALL_GLYPHS)
@pytest.mark.parametrize("width", [20, 60, 130])
def test_every_line_is_as_wide_as_the_chart(glyphs: Glyphs, width: int) -> None:
    chart = filled([50.0] * 40, [20.0] * 40, [None, 1.0] * 20, stacked=True)
    lines = text_of(chart, width, LEAST_HEIGHT, glyphs)
    assert len(lines) == LEAST_HEIGHT
    assert {len(line) for line in lines} == {width}
    if glyphs == "ascii":
        assert all(line.replace("–", "-").isascii() for line in lines)


def test_title_legend_units_and_times() -> None:
    lines = text_of(filled([50.0] * 40, [3.0] * 40, [None] * 40, stacked=True), 70)
    assert lines[0].rstrip() == "CPU  █ user 50 %  █ system 3 %  █ wait –"
    assert lines[1].startswith("   100 %┤")
    assert lines[6].startswith("       0┤")
    assert lines[7].split() == ["14:15", "14:20", "14:25", "14:30", "14:35", "14:40"]


def test_levels_and_scales_in_their_units() -> None:
    asked = Level(title="asked", role="accent", value=64 * 1024)
    memory = filled([30_000.0] * 9, levels=(asked,), unit="MiB", ceiling=None, titles="used")
    lines = text_of(memory)
    assert lines[0].rstrip() == "CPU  ━ used 29 GiB  ┄ asked 64 GiB"
    assert lines[1].startswith("  64 GiB┤⠁⠁⠁")
    far = filled([10.0] * 9, levels=(asked,), unit="MiB", ceiling=None, titles="used")
    assert text_of(far)[1].startswith("  10 MiB┤")


def test_a_gap_is_a_gap() -> None:
    values: list[float | None] = [50.0] * 40
    values[10:20] = [None] * 10
    plot = text_of(filled(values), 49)[1:-1]
    columns = ["".join(line[column] for line in plot).strip() != "" for column in range(9, 49)]
    # The last value before a gap stands for its own instant only.
    assert columns == [True] * 10 + [False] * 10 + [True] * 20


def many(shift: float = 0, count: int = 6, points: int = 500) -> list[FilledChart]:
    def wave(place: int, period: float) -> float:
        return 40 + 39 * math.sin((place + shift) / period)

    return [
        filled(
            [wave(place, 30 + number) for place in range(points)],
            [wave(place, 7) / 8 for place in range(points)],
            [wave(place, 3) / 8 for place in range(points)],
            stacked=number == 0,
        )
        for number in range(count)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("glyphs", ALL_GLYPHS)
async def test_only_changes_are_painted(glyphs: Glyphs) -> None:
    charts = Charts(glyphs=glyphs)
    app = PaintingApp(lambda: [VerticalScroll(charts)], 124, 40)
    async with app.run_test(size=(124, 40)) as pilot:
        charts.show(many())
        await pilot.pause()
        await pilot.pause()
        app.terminal.forget()
        charts.show(many())
        await pilot.pause()
        assert app.terminal.bytes == 0
        charts.show(many(shift=20))
        await pilot.pause()
        assert 0 < app.terminal.bytes < 30_000
        assert app.terminal.cells() == app.repainted().cells()
        app.theme = "jobmon-light"
        await pilot.pause()
        assert app.terminal.cells() == app.repainted().cells()
        charts.show([], "Nobody measures this.")
        await pilot.pause()
        await pilot.pause()
        assert app.repainted().text()[0] == "Nobody measures this."


@pytest.mark.slow
async def test_charts_share_the_room_and_scroll_when_there_is_too_little() -> None:
    charts = Charts()
    app = PaintingApp(lambda: [VerticalScroll(charts)], 124, 30)
    async with app.run_test(size=(124, 30)) as pilot:
        charts.show(many())
        await pilot.pause()
        assert charts.size.height == 30
        assert charts.dot_columns(6) > 80
        await pilot.resize_terminal(50, 12)
        await pilot.pause()
        assert charts.size.height == 6 * LEAST_HEIGHT
        assert charts.dot_columns(6) < 2 * 50


async def test_they_may_be_shown_before_they_are_mounted() -> None:
    charts = Charts()
    charts.show(many(count=1))
    app = PaintingApp(lambda: [VerticalScroll(charts)], 60, 12)
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        assert app.repainted().text()[0].startswith("CPU")


def test_a_name_from_outside_does_no_harm() -> None:
    hostile = "\x1b[2J" + "x" * 300
    chart = Chart(
        key="l",
        title=hostile,
        unit="B/s",
        lines=(Line(reading="a", title=hostile, role="nonsense"),),
    )
    series = Series(times=(START,), values=(5.0,))
    one = FilledChart(chart=chart, lines=((chart.lines[0], series),), start=START, end=END)
    for line in text_of(one, 40):
        assert len(line) == 40
        assert "\x1b" not in line
