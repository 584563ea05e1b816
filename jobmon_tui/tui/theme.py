"""Colours: four themes, and the palette that painted widgets take their styles from.

The same reading has the same colour everywhere. Widgets that paint strips ask `palette` for it; everything
else uses the CSS variables of the theme. No other module names a colour.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from textual.app import App
from textual.theme import Theme
from textual.widget import Widget

HEAT_STEPS = 9
"""Shades from empty to full."""
JOB_SHADES = 8
"""Colours that tell the jobs of one node apart."""


def _variables(
    heat: str, jobs: str, *, user: str, system: str, wait: str, idle: str, memory: str, gpu: str, network: str
) -> dict[str, str]:
    variables = {f"heat-{step}": colour for step, colour in enumerate(heat.split())}
    variables |= {f"job-{number}": colour for number, colour in enumerate(jobs.split())}
    variables |= {
        "reading-user": user,
        "reading-system": system,
        "reading-wait": wait,
        "reading-idle": idle,
        "reading-memory": memory,
        "reading-gpu": gpu,
        "reading-network": network,
        "footer-key-foreground": user,
    }
    return variables


THEMES = (
    Theme(
        name="jobmon-dark",
        primary="#5fafff",
        secondary="#87afd7",
        accent="#ffd75f",
        warning="#ffaf5f",
        error="#ff5f5f",
        success="#87d787",
        foreground="#d0d4dc",
        background="#101418",
        surface="#161b21",
        panel="#222a33",
        dark=True,
        variables=_variables(
            "#26303a #1f3b57 #21527a #2a6a96 #3287a4 #43a597 #74bf7c #b4d268 #f2dd62",
            "#5f87af #87afaf #8787af #5f8787 #875f87 #87875f #af875f #5f875f",
            user="#74bf7c",
            system="#ff8f6b",
            wait="#e06bd0",
            idle="#3a4652",
            memory="#5fafff",
            gpu="#b4d268",
            network="#5fd7d7",
        ),
    ),
    Theme(
        name="jobmon-light",
        primary="#005f9f",
        secondary="#3f6f8f",
        accent="#9a5b00",
        warning="#a65300",
        error="#b3161b",
        success="#1f7a33",
        foreground="#1c2126",
        background="#fbfbf9",
        surface="#f1f2ee",
        panel="#dfe3e0",
        dark=False,
        variables=_variables(
            "#dfe4e6 #c5dcea #a3cbe4 #7db6d9 #559ccb #347fb9 #1f639f #164a80 #0f3260",
            "#7899b8 #8fb0ae #9c9cc4 #7fa3a3 #a985a9 #a3a37a #c29c74 #7fa37f",
            user="#1f7a33",
            system="#c2410c",
            wait="#a21caf",
            idle="#ccd3d6",
            memory="#005f9f",
            gpu="#5b7a00",
            network="#007f86",
        ),
    ),
    # Blue to yellow by even steps of lightness (as in cividis), and the Okabe-Ito hues: told apart by people
    # with any of the common colour deficiencies, and on a grey screen.
    Theme(
        name="jobmon-colour-blind-dark",
        primary="#56b4e9",
        secondary="#8fb8d0",
        accent="#f0e442",
        warning="#e69f00",
        error="#ff7a33",
        success="#56b4e9",
        foreground="#d8d8d8",
        background="#101010",
        surface="#181818",
        panel="#282828",
        dark=True,
        variables=_variables(
            "#2c2c30 #12305c #2b4573 #4a5c78 #67707a #868578 #a79b6e #cbb55d #f5d547",
            "#5f87af #a08f6a #7f7f9f #5f8f97 #8f7f9f #8f8f6f #b09a70 #6f8f8f",
            user="#56b4e9",
            system="#e69f00",
            wait="#f0e442",
            idle="#3c3c40",
            memory="#7fa8d8",
            gpu="#cbb55d",
            network="#cc9fc0",
        ),
    ),
    Theme(
        name="jobmon-colour-blind-light",
        primary="#0072b2",
        secondary="#44708c",
        accent="#8a6d00",
        warning="#9a5f00",
        error="#b04a00",
        success="#0072b2",
        foreground="#202020",
        background="#ffffff",
        surface="#f2f2f2",
        panel="#e0e0e0",
        dark=False,
        variables=_variables(
            "#e4e4e4 #f3e3a0 #d9c57a #bba871 #9a8f75 #7a7a78 #586579 #37507a #123766",
            "#7f9fbf #b0a080 #9c9cb8 #80a8b0 #a898b8 #a8a888 #c0b088 #88a8a8",
            user="#0072b2",
            system="#a86000",
            wait="#7a6a00",
            idle="#cfcfcf",
            memory="#3b6ea8",
            gpu="#7d6608",
            network="#94578a",
        ),
    ),
)
DEFAULT_THEME = THEMES[0].name


@dataclass(frozen=True, slots=True)
class Palette:
    """The styles of one theme, ready for painting. Foreground styles unless the name says otherwise."""

    plain: Style
    dim: Style
    faint: Style
    """Rules, empty cells, what must not draw the eye."""
    strong: Style
    accent: Style
    primary: Style
    good: Style
    warning: Style
    trouble: Style
    user: Style
    used: Style
    """Cores in use over a day: a whole line of the reading's own colour would be the loudest thing there."""
    system: Style
    wait: Style
    idle: Style
    memory: Style
    gpu: Style
    network: Style
    heat: tuple[Style, ...]
    """`HEAT_STEPS` foregrounds from empty to full."""
    jobs: tuple[Style, ...]
    """`JOB_SHADES` foregrounds for jobs other than the one looked at."""
    cursor: Style
    """Background (and bold) of the row or cell under the cursor; add it to another style."""
    cursor_blurred: Style
    """The same while another widget has the focus."""
    marked: Style
    """Background of marked rows."""
    header: Style
    """Column titles."""

    def role(self, name: str) -> Style:
        """The style of a role that analysis gives a cell: the name of a field. Unknown ones are plain."""
        style = getattr(self, name, self.plain)
        return style if isinstance(style, Style) else self.plain

    def heat_of(self, fraction: float) -> Style:
        """The shade of a reading between 0 (empty) and 1 (full)."""
        step = min(HEAT_STEPS - 1, max(0, int(fraction * HEAT_STEPS)))
        return self.heat[step]


def palette(widget: Widget | App[object]) -> Palette:
    """The palette of the theme that the widget's app shows now."""
    app = widget if isinstance(widget, App) else widget.app
    theme = app.current_theme
    if theme.name not in _palettes:
        _palettes[theme.name] = palette_of(theme)
    return _palettes[theme.name]


_palettes: dict[str, Palette] = {}
"""By theme name: a palette is asked for at every paint."""


def palette_of(theme: Theme) -> Palette:
    """The palette of a theme; what a theme of other origin does not name comes from ours."""
    ours = next(one for one in THEMES if one.dark == theme.dark)
    value = ours.to_color_system().generate() | ours.variables
    # A theme of the terminal's own colours names no shades that could be mixed: ours stand in for them.
    value |= {
        name: colour
        for name, colour in (theme.to_color_system().generate() | theme.variables).items()
        if colour.startswith("#")
    }

    def colour(name: str) -> Style:
        return Style(color=_hex(value[name]))

    foreground, background = _hex(value["foreground"]), _hex(value["background"])
    panel = _hex(value["panel"])
    return Palette(
        plain=Style(color=foreground),
        dim=Style(color=_mix(foreground, background, 0.45)),
        faint=Style(color=_mix(foreground, background, 0.75)),
        strong=Style(color=foreground, bold=True),
        accent=colour("accent"),
        primary=colour("primary"),
        good=colour("success"),
        warning=colour("warning"),
        trouble=colour("error") + Style(bold=True),
        user=colour("reading-user"),
        used=Style(color=_mix(_hex(value["reading-user"]), background, 0.45)),
        system=colour("reading-system"),
        wait=colour("reading-wait"),
        idle=colour("reading-idle"),
        memory=colour("reading-memory"),
        gpu=colour("reading-gpu"),
        network=colour("reading-network"),
        heat=tuple(colour(f"heat-{step}") for step in range(HEAT_STEPS)),
        jobs=tuple(colour(f"job-{number}") for number in range(JOB_SHADES)),
        cursor=Style(bgcolor=_mix(_hex(value["primary"]), background, 0.65), bold=True),
        cursor_blurred=Style(bgcolor=panel),
        marked=Style(bgcolor=_mix(_hex(value["accent"]), background, 0.78)),
        header=Style(color=_mix(foreground, background, 0.3), bold=True),
    )


def _hex(colour: str) -> str:
    """Theme variables may carry opacity (``#rrggbbaa``, ``#rrggbb 60%``); strips need plain ``#rrggbb``."""
    return colour.split()[0][:7]


def _mix(one: str, other: str, share: float) -> str:
    """The colour ``share`` of the way from one to the other."""
    parts = (
        round(int(one[i : i + 2], 16) * (1 - share) + int(other[i : i + 2], 16) * share) for i in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in parts)
