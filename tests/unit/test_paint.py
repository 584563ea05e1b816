"""Text cut to cells, bars of eighths, and which cells have changed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from textual.geometry import Region

from jobmon_tui.tui import textual_compat
from jobmon_tui.tui.paint import (
    EIGHTHS,
    Align,
    changed_regions,
    changed_spans,
    eighths,
    fit,
    level,
    one_span,
    runs_width,
    shorten,
    strip_of,
)
from jobmon_tui.tui.theme import THEMES, palette_of
from jobmon_tui.tui.widgets.bars import bar, bar_text, grouped, stacked_bar, used_of_available

RED, BLUE = Style(color="red"), Style(color="blue")
COLOURS = palette_of(THEMES[0])


@pytest.fixture
def left_crop() -> Iterator[None]:
    assert textual_compat.install()
    yield
    textual_compat.uninstall()


@given(st.text(max_size=40), st.integers(-3, 30), st.sampled_from(["left", "right", "centre"]))
def test_fitted_text_takes_exactly_its_cells(text: str, width: int, align: Align) -> None:
    assert cell_len(fit(text, width, align)) == max(0, width)


def test_fit_aligns_cuts_and_makes_safe() -> None:
    assert fit("abc", 6) == "abc   "
    assert fit("abc", 6, "right") == "   abc"
    assert fit("abc", 6, "centre") == " abc  "
    assert fit("abcdef", 4) == "abc…"
    assert fit("模拟计算", 4) == "模… "
    assert fit("\x1b[31mred\n", 12) == "�[31mred    "


def test_shorten_does_not_fill() -> None:
    assert shorten("abc", 6) == "abc"
    assert shorten("a" * 10_000_000, 3) == "aa…"


def test_level_is_never_empty_and_never_overflows() -> None:
    assert [level(fraction) for fraction in (-1, 0, 0.5, 1, 7)] == ["▁", "▁", "▅", "█", "█"]
    assert level(0.5, ascii_only=True).isascii()


@given(st.floats(0, 1), st.integers(1, 60))
def test_bar_is_as_long_as_its_fraction(fraction: float, width: int) -> None:
    text = eighths(fraction, width)
    filled = sum(EIGHTHS.index(character) for character in text)
    assert abs(filled - fraction * 8 * width) <= 1
    assert (filled == 0) == (fraction == 0)
    assert (filled == 8 * width) == (fraction == 1)


def test_bar_of_nothing() -> None:
    assert eighths(0.5, 0) == ""
    assert eighths(-1, 5) == ""
    assert eighths(2, 3) == "███"


def test_runs_of_one_style_become_one_segment() -> None:
    strip = strip_of([("a", RED), ("b", RED), ("", BLUE), ("c", Style(color="red")), ("d", BLUE)])
    assert [(segment.text, segment.style) for segment in strip] == [("abc", RED), ("d", BLUE)]


def test_the_base_shows_where_a_run_has_no_background() -> None:
    strip = strip_of([("a", RED), ("b", Style(bgcolor="white"))], Style(bgcolor="black"))
    assert [segment.style for segment in strip] == [
        Style(color="red", bgcolor="black"),
        Style(bgcolor="white"),
    ]


rows = st.lists(st.integers(0, 2), min_size=1, max_size=30)


@given(rows, rows, st.integers(0, 5))
def test_changed_spans_cover_the_changes_and_little_else(old: list[int], new: list[int], gap: int) -> None:
    length = min(len(old), len(new))
    old, new = old[:length], new[:length]
    spans = changed_spans(old, new, gap)
    covered = {place for start, end in spans for place in range(start, end)}
    changed = {place for place in range(length) if old[place] != new[place]}
    assert changed <= covered
    for start, end in spans:
        assert {start, end - 1} <= changed
    assert all(later[0] - earlier[1] > gap for earlier, later in pairwise(spans))


def test_rows_of_other_lengths_change_as_a_whole() -> None:
    assert changed_spans("ab", "abc") == [(0, 3)]
    assert changed_spans(b"same", b"same") == []


@pytest.mark.usefixtures("left_crop")
def test_changed_regions_are_in_cells() -> None:
    old = [strip_of([("模a", RED), ("......", BLUE), ("x", RED)]), strip_of([("same", RED)])]
    new = [strip_of([("模b", RED), ("......", BLUE), ("y", RED)]), strip_of([("same", RED)])]
    assert changed_regions(old, new) == [Region(2, 0, 1, 1), Region(9, 0, 1, 1)]
    assert changed_regions(old, old) == []
    assert changed_regions(old[:1], old) == [Region(0, 1, 4, 1)]


@pytest.mark.usefixtures("left_crop")
def test_another_colour_is_a_change() -> None:
    assert changed_regions([strip_of([("ab", RED)])], [strip_of([("a", RED), ("b", BLUE)])]) == [
        Region(1, 0, 1, 1)
    ]


def test_without_left_crop_a_line_is_one_region() -> None:
    textual_compat.uninstall()
    assert one_span([(2, 3), (8, 9)]) == [(2, 9)]


@given(st.none() | st.floats(-1, 2), st.integers(0, 40), st.booleans())
def test_bars_are_as_wide_as_asked(fraction: float | None, width: int, ascii_only: bool) -> None:
    runs = bar(fraction, width, RED, BLUE, ascii_only=ascii_only)
    assert runs_width(runs) == width
    assert not ascii_only or all(text.isascii() for text, _ in runs)


@given(st.lists(st.floats(0, 2), max_size=6), st.integers(0, 40))
def test_stacked_bars_are_as_wide_as_asked(fractions: list[float], width: int) -> None:
    assert runs_width(stacked_bar([(one, RED, "x") for one in fractions], width, BLUE)) == width


def test_a_small_share_can_be_seen() -> None:
    assert bar_text(stacked_bar([(0.001, RED, "a"), (0.5, BLUE, "b")], 10, BLUE)).plain == "abbbb─────"


def test_an_unknown_bar_says_so() -> None:
    assert bar_text(bar(None, 5, RED, BLUE)).plain == "?────"


def test_used_of_available() -> None:
    text = bar_text(used_of_available("cores", 4690, 6116, 50, RED, COLOURS)).plain
    assert text.startswith("cores █████")
    assert text.endswith(" 4 690/6 116  77 %")
    assert cell_len(text) == 50
    assert bar_text(used_of_available("gpus", None, 8, 30, RED, COLOURS)).plain.endswith(" ?/8   ? %")
    assert grouped(1234567) == "1 234 567"


@given(st.integers(0, 60))
def test_used_of_available_takes_the_width_there_is(width: int) -> None:
    assert runs_width(used_of_available("cores", 1, 3, width, RED, COLOURS, unit="GiB")) == width
