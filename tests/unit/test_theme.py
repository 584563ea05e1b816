"""Every theme has every colour, and what must be told apart is."""

from __future__ import annotations

import pytest
from rich.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from jobmon_tui.tui.theme import HEAT_STEPS, JOB_SHADES, THEMES, palette_of


def lightness(colour: Color | None) -> float:
    assert colour is not None
    red, green, blue = colour.get_truecolor()
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [*THEMES, *BUILTIN_THEMES.values()], ids=lambda theme: theme.name)
def test_a_palette_of_any_theme_is_whole(theme: Theme) -> None:
    colours = palette_of(theme)
    assert len(colours.heat) == HEAT_STEPS
    assert len(colours.jobs) == JOB_SHADES
    assert len({style.color for style in colours.heat}) == HEAT_STEPS
    assert colours.role("warning") is colours.warning
    assert colours.role("no such role") is colours.plain
    assert colours.role("heat") is colours.plain
    assert colours.heat_of(-1) is colours.heat[0]
    assert colours.heat_of(7) is colours.heat[-1]


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_text_stands_out_from_its_background(theme: Theme) -> None:
    colours = palette_of(theme)
    background = lightness(Color.parse(theme.background or ""))
    for style, least in (
        (colours.plain, 120),
        (colours.dim, 55),
        (colours.trouble, 60),
        (colours.accent, 60),
    ):
        assert abs(lightness(style.color) - background) > least


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_heat_goes_steadily_from_the_background_away(theme: Theme) -> None:
    levels = [lightness(style.color) for style in palette_of(theme).heat]
    assert levels == sorted(levels, reverse=not theme.dark)
