"""Writing less to the terminal leaves the same picture there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual import _compositor as compositor
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from jobmon_tui.tui import textual_compat
from jobmon_tui.tui.paint import fit
from tests.ui.painting import PaintingApp, Terminal

WIDTH, HEIGHT = 60, 12
PIECES = ("a", "x1", "▇▇", "模", "拟算", "é", "e\u0301", "   ", "──", "❄")
STYLES = tuple(
    Style(color=colour, bgcolor=background, bold=bold, reverse=reverse)
    for colour in ("#ff0000", "#00ff00", None)
    for background in ("#000080", None)
    for bold, reverse in ((None, None), (True, None), (None, True))
)


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    yield
    textual_compat.uninstall()


class Board(Widget):
    """A widget whose lines are set from outside."""

    DEFAULT_CSS = "Board { width: 1fr; height: 1fr; }"

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.cells = [self.random_line() for _ in range(HEIGHT)]

    def random_line(self) -> list[tuple[str, Style]]:
        """Pieces that fill one line of a board exactly."""
        return [
            (fit(self.random.choice(PIECES), 2), self.random.choice(STYLES)) for _ in range(WIDTH // 2 // 2)
        ]

    def change(self, count: int) -> None:
        """Change some pieces, and ask for just those to be repainted."""
        for _ in range(count):
            y, place = self.random.randrange(HEIGHT), self.random.randrange(WIDTH // 4)
            self.cells[y][place] = (fit(self.random.choice(PIECES), 2), self.random.choice(STYLES))
            self.refresh(Region(2 * place, y, 2, 1))

    def render_line(self, y: int) -> Strip:
        return Strip([Segment(text, style) for text, style in self.cells[y]])


def boards_app(seed: int) -> PaintingApp:
    """Two boards beside each other, so that regions begin and end inside of lines."""
    from textual.containers import Horizontal

    return PaintingApp(lambda: [Horizontal(Board(seed), Board(seed + 1000))], WIDTH, HEIGHT)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
async def test_partial_painting_leaves_what_a_full_repaint_shows(seed: int) -> None:
    assert textual_compat.install()
    app = boards_app(seed)
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        app.screen.refresh()
        await pilot.pause()
        for _ in range(8):
            for board in app.query(Board):
                board.change(9)
            await pilot.pause()
        partial = app.terminal.cells()
        assert partial == app.repainted().cells()
        textual_compat.uninstall()
        assert partial == app.repainted().cells(), "and what Textual itself paints"


@pytest.mark.slow
async def test_it_is_cheaper_than_what_it_takes_the_place_of() -> None:
    written = {}
    for ours in (False, True):
        textual_compat.install() if ours else textual_compat.uninstall()
        app = boards_app(1)
        async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
            await pilot.pause()
            app.terminal.forget()
            for board in app.query(Board):
                board.change(12)
            await pilot.pause()
            written[ours] = app.terminal.bytes
    assert 0 < written[True] * 4 < written[False]


class Field(Board, can_focus=True):
    """A board that shows in three ways whether it, or something in it, has the focus."""

    DEFAULT_CSS = """
    Field { width: 1fr; height: 1fr; border: solid red; }
    Field:focus { border: heavy blue; }
    """


@pytest.mark.slow
async def test_the_focus_moves_without_a_repaint_of_the_screen() -> None:
    from textual.containers import Horizontal

    class Pair(Horizontal):
        DEFAULT_CSS = """
        Pair:focus-within { background: green; }
        Screen:focus-within { background: yellow; }
        """

    textual_compat.install()
    app = PaintingApp(lambda: [Pair(Field(1), Field(2)), Pair(Field(3), Board(4))], WIDTH, HEIGHT)
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        app.screen.refresh()
        await pilot.pause()
        pictures = []
        for _ in range(4):
            await pilot.press("tab")
            pictures.append(app.terminal.cells())
            assert pictures[-1] == app.repainted().cells()
        app.screen.set_focus(None)
        await pilot.pause()
        assert app.terminal.cells() == app.repainted().cells()
        assert len({repr(picture) for picture in pictures}) == 3


def chops_of(strip: Strip, spans: list[tuple[int, int, int]]) -> compositor.ChopsUpdate:
    return compositor.ChopsUpdate([{0: strip}], spans, [[strip.cell_length]])


def written(update: compositor.CompositorUpdate) -> str:
    return update.render_segments(Console(color_system="truecolor", force_terminal=True))


def test_a_small_region_costs_only_its_own_cells() -> None:
    textual_compat.install()
    red = Style(color="#ff0000")
    strip = Strip([Segment("a" * 30, red), Segment("b" * 30, Style(color="#00ff00"))])
    assert written(chops_of(strip, [(0, 10, 12)])) == "\x1b[1;11H\x1b[38;2;255;0;0maa\x1b[0m"


def test_only_the_colours_that_change_are_written() -> None:
    textual_compat.install()
    red, green = Style(color="#ff0000", bgcolor="#000000"), Style(color="#00ff00", bgcolor="#000000")
    strip = Strip([Segment("a", red), Segment("b", green), Segment("c", green + Style(bold=True))])
    assert written(chops_of(strip, [(0, 0, 3)])) == (
        "\x1b[1;1H\x1b[38;2;255;0;0;48;2;0;0;0ma\x1b[38;2;0;255;0mb\x1b[0;1;38;2;0;255;0;48;2;0;0;0mc\x1b[0m"
    )


def test_half_of_a_wide_character_is_never_written() -> None:
    textual_compat.install()
    strip = Strip([Segment("ab模拟cd")])
    assert written(chops_of(strip, [(0, 3, 5)])) == "\x1b[1;3H模拟"


def test_an_accent_stays_with_its_letter() -> None:
    textual_compat.install()
    strip = Strip([Segment("ae\u0301b")])
    assert written(chops_of(strip, [(0, 1, 2)])) == "\x1b[1;2He\u0301"
    assert written(chops_of(strip, [(0, 2, 3)])) == "\x1b[1;3Hb"


def test_links_are_closed() -> None:
    textual_compat.install()
    text = written(chops_of(Strip([Segment("abc", Style(link="https://example.org"))]), [(0, 1, 2)]))
    assert "https://example.org\x1b\\b\x1b]8;;\x1b\\" in text


@pytest.mark.parametrize("seed", range(20))
def test_any_spans_of_any_strip_show_their_cells(seed: int) -> None:
    generator = random.Random(seed)
    pieces = [Segment(generator.choice(PIECES), generator.choice((*STYLES, None))) for _ in range(20)]
    strip = Strip(pieces).adjust_cell_length(40)
    edges = sorted(generator.sample(range(41), 6))
    spans = [(0, edges[0], edges[1]), (0, edges[2], edges[3]), (0, edges[4], edges[5])]
    textual_compat.install()
    whole, partial = Terminal(40, 1), Terminal(40, 1)
    whole.write(written(chops_of(strip, [(0, 0, 40)])))
    partial.write(written(chops_of(strip, spans)))
    for _, start, stop in spans:
        assert partial.cells()[0][start:stop] == whole.cells()[0][start:stop]


async def test_painting_the_same_again_writes_nothing() -> None:
    textual_compat.install()
    app = boards_app(1)
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        app.screen.refresh()
        await pilot.pause()
        # Wide characters and accents are written each time: terminals disagree on them.
        plain = [[("a1", STYLES[0])] * (WIDTH // 4) for _ in range(HEIGHT)]
        for board in app.query(Board):
            board.cells = plain
            board.refresh()
        await pilot.pause()
        app.terminal.forget()
        for board in app.query(Board):
            board.refresh()
        await pilot.pause()
        assert app.terminal.written
        assert app.terminal.bytes == 0
        assert app.terminal.cells() == app.repainted().cells()


@pytest.mark.parametrize("other", [(WIDTH, HEIGHT), (WIDTH - 12, HEIGHT - 3)])
async def test_after_a_change_of_size_everything_is_written(other: tuple[int, int]) -> None:
    textual_compat.install()
    app = boards_app(2)
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        await pilot.pause()
        # The terminal has lost all it showed; that it has its old size again does not bring it back.
        app.terminal = Terminal(*other)
        await pilot.resize_terminal(*other)
        await pilot.pause()
        assert app.terminal.cells() == app.repainted().cells()


async def test_the_size_that_the_terminal_has_counts_not_the_one_told_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    textual_compat.install()
    app = boards_app(5)
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        await pilot.pause()
        # As the driver of a real terminal is where the terminal does not tell of its size by itself.
        monkeypatch.setattr(app._driver, "_in_band_window_resize", False, raising=False)
        old = Size(WIDTH - 20, HEIGHT - 5)
        app.post_message(events.Resize(old, old))
        await pilot.pause(0.05)
        assert app.size == app.screen.size == app.screen._compositor.size == Size(WIDTH, HEIGHT)
        assert app.terminal.cells() == app.repainted().cells()


@pytest.mark.slow
async def test_a_busy_screen_is_laid_out_for_the_newest_size() -> None:
    textual_compat.install()
    app = boards_app(6)
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        await pilot.pause()
        let_go = asyncio.Event()
        app.screen.call_later(let_go.wait)
        await asyncio.sleep(0)
        for size in (Size(WIDTH - 20, HEIGHT - 5), Size(WIDTH, HEIGHT)):
            # Something else between the two: Textual leaves out the first only where they come in a row.
            app.screen.call_later(lambda: None)
            app.post_message(events.Resize(size, size))
            await asyncio.sleep(0.05)
        let_go.set()
        # Pilot's own waiting would put something between them too.
        await asyncio.sleep(0.2)
        assert app.screen.size == app.screen._compositor.size == Size(WIDTH, HEIGHT)
        assert app.terminal.cells() == app.repainted().cells()


@pytest.mark.slow
async def test_no_frame_is_made_while_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    textual_compat.install()
    app = boards_app(3)
    waiting = [0]
    monkeypatch.setattr(textual_compat, "pieces_waiting", lambda _: waiting[0])
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        await pilot.pause()
        app.terminal.forget()
        waiting[0] = textual_compat.MOST_WAITING + 1
        for board in app.query(Board):
            board.change(9)
        await pilot.pause(0.2)
        assert not app.terminal.written
        waiting[0] = 0
        await pilot.pause(0.2)
        assert app.terminal.written
        assert app.terminal.cells() == app.repainted().cells()


async def test_painted_regions_are_let_go_of() -> None:
    textual_compat.install()
    app = boards_app(4)
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        await pilot.pause()
        board = app.query(Board).first()
        for _ in range(5):
            board.change(9)
            await pilot.pause()
        assert not board._dirty_regions


def test_an_unknown_version_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textual_compat, "textual_version", lambda: "8.3.0")
    original = compositor.ChopsUpdate.render_segments
    assert not textual_compat.install()
    assert not textual_compat.crops_left()
    assert compositor.ChopsUpdate.render_segments is original


def test_install_may_be_called_again_and_is_undone() -> None:
    originals = (compositor.ChopsUpdate.render_segments, compositor.LayoutUpdate.render_segments)
    assert textual_compat.install()
    assert textual_compat.install()
    assert textual_compat.crops_left()
    textual_compat.uninstall()
    assert (compositor.ChopsUpdate.render_segments, compositor.LayoutUpdate.render_segments) == originals
    assert not textual_compat.crops_left()
