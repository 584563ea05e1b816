"""The table: keys, mouse, refreshes, what it writes to the terminal, any size, any text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from textual.message import Message
from textual.pilot import Pilot

from jobmon_tui.analysis.cells import Context, columns_of
from jobmon_tui.analysis.columns import DEFAULT_JOB_COLUMNS, JOB_COLUMNS
from jobmon_tui.analysis.index import index_snapshot
from jobmon_tui.analysis.listing import Listing, job_listing
from jobmon_tui.model.snapshot import Job, Snapshot
from jobmon_tui.tui import textual_compat
from jobmon_tui.tui.paint import cells
from jobmon_tui.tui.theme import THEMES
from jobmon_tui.tui.widgets.table import Table
from jobmon_tui.tui.widgets.table_lines import thumb_lines
from tests.ui.painting import PaintingApp

COLUMNS = columns_of(JOB_COLUMNS, DEFAULT_JOB_COLUMNS)


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    textual_compat.install()
    yield
    textual_compat.uninstall()


def job(number: int, **more: Any) -> Job:
    facts: dict[str, Any] = {"name": f"job{number}", "username": "asr", "state": "RUNNING", "n_cpus": 4}
    return Job(job_id=str(1000 + number), **(facts | more))


def jobs(count: int) -> list[Job]:
    return [job(number, run_time=float(number)) for number in range(count)]


def listing(shown: Iterable[Job], **options: Any) -> Listing:
    index = index_snapshot(Snapshot(timestamp=0, jobs={one.job_id: one for one in shown}))
    return job_listing(index, columns=JOB_COLUMNS, **options)


class TableApp(PaintingApp):
    """A table alone on the screen, and the messages it sends."""

    def __init__(self, width: int = 100, height: int = 12) -> None:
        self.table = Table(empty_text="Nothing passes\nthe filter")
        self.got: list[Message] = []
        super().__init__(lambda: [self.table], width, height)

    def on_mount(self) -> None:
        self.table.focus()

    def on_table_moved(self, message: Table.Moved) -> None:
        self.got.append(message)

    def on_table_opened(self, message: Table.Opened) -> None:
        self.got.append(message)

    def on_table_header_clicked(self, message: Table.HeaderClicked) -> None:
        self.got.append(message)

    def on_table_marked(self, message: Table.Marked) -> None:
        self.got.append(message)

    def show(self, shown: Iterable[Job], **options: Any) -> None:
        self.table.show(listing(shown, **options), COLUMNS, **options)

    def run_here(self) -> Any:
        screen = self.terminal.screen
        return self.run_test(size=(screen.columns, screen.lines))

    def faithful(self) -> bool:
        """Whether all the parts that were painted come to what painting all at once does."""
        return self.terminal.cells() == self.repainted().cells()

    def first_row(self) -> str:
        return self.terminal.text()[1]


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


class TestKeys:
    @pytest.mark.slow
    async def test_move_the_cursor(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(100))
            # Eleven rows fit under the titles.
            for keys, place, top in (
                (["down", "j", "j"], 3, 0),
                (["up", "k"], 1, 0),
                (["pagedown"], 12, 11),
                (["pagedown"], 23, 22),
                (["pageup"], 12, 11),
                (["G"], 99, 89),
                (["down", "pagedown"], 99, 89),
                (["k"], 98, 89),
                (["g"], 0, 0),
                (["up", "pageup"], 0, 0),
                (["end"], 99, 89),
                (["home"], 0, 0),
            ):
                await press(pilot, *keys)
                assert (app.table.cursor_key, app.table.top) == (str(1000 + place), top), keys
                assert app.faithful()

    @pytest.mark.slow
    async def test_the_view_follows_the_cursor_by_one_row(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(100))
            await press(pilot, *["down"] * 11)
            assert (app.table.cursor_key, app.table.top) == ("1011", 1)
            assert "1001" in app.first_row()

    async def test_tell_where_the_cursor_is(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(5))
            await pilot.pause()
            await press(pilot, "j")
            await press(pilot, "G")
            await press(pilot, "j")
            moved = [message.key for message in app.got if isinstance(message, Table.Moved)]
            assert moved == ["1000", "1001", "1004"]
            app.show([])
            await pilot.pause()
            assert isinstance(app.got[-1], Table.Moved)
            assert app.got[-1].key is None

    async def test_open(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(5))
            await press(pilot, "j", "enter")
            assert isinstance(app.got[-1], Table.Opened)
            assert (app.got[-1].key, app.got[-1].row.item.name) == ("1001", "job1")
            assert app.got[-1].control is app.table

    @pytest.mark.slow
    async def test_mark(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(5))
            await press(pilot, "x", "x", "k", "x", "k", "k")
            assert app.table.marked == {"1000"}
            assert app.table.cursor_key == "1000"
            assert isinstance(app.got[-1], (Table.Marked, Table.Moved))
            assert "*" in app.first_row()
            app.show(reversed(jobs(5)), sort_key="elapsed", reverse=True)
            await pilot.pause()
            assert [line[1:2] for line in app.terminal.text()[1:6]] == [" ", " ", " ", " ", "*"]
            app.table.clear_marks()
            await pilot.pause()
            assert "*" not in "".join(app.terminal.text())

    @pytest.mark.slow
    async def test_do_nothing_in_an_empty_table(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show([])
            await press(pilot, "j", "k", "G", "g", "pagedown", "pageup", "enter", "x")
            assert app.table.cursor_key is None
            assert not app.table.marked
            assert app.got == []

    async def test_move_to(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(100))
            assert app.table.move_to("1050")
            assert not app.table.move_to("7")
            await pilot.pause()
            assert app.table.cursor_key == "1050"
            assert app.table.top == 40


class TestRefresh:
    async def test_the_cursor_stays_with_its_row_on_its_line(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(60))
            await press(pilot, *["pagedown"] * 2, "down")
            line = 23 - app.table.top
            app.show(job(number) for number in range(-20, 60))
            await pilot.pause()
            assert app.table.cursor_key == "1023"
            assert app.table.listing.position["1023"] - app.table.top == line
            assert app.terminal.text()[1 + line].startswith("▌")
            assert app.faithful()

    @pytest.mark.slow
    async def test_a_row_that_is_gone_leaves_its_place_to_the_next(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(60))
            await press(pilot, *["down"] * 5)
            app.show(one for one in jobs(60) if one.job_id not in ("1002", "1005", "1006"))
            await pilot.pause()
            assert app.table.cursor_key == "1007"
            assert isinstance(app.got[-1], Table.Moved)
            assert app.got[-1].key == "1007"

    async def test_the_cursor_stays_at_the_top_until_it_is_moved(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(60))
            app.show(job(number) for number in range(-20, 60))
            await pilot.pause()
            assert (app.table.cursor_key, app.table.top) == ("980", 0)

    async def test_shrinking_and_growing_again(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(60))
            await press(pilot, "G")
            for count in (20, 3, 0, 60):
                app.show(jobs(count))
                await pilot.pause()
                assert app.table.top <= max(0, count - 11)
                assert app.faithful()

    @pytest.mark.slow
    async def test_nothing_is_written_when_nothing_changed(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(60))
            await press(pilot, "j")
            app.terminal.forget()
            app.show(jobs(60))
            await pilot.pause()
            assert app.terminal.bytes == 0

    @pytest.mark.slow
    @pytest.mark.parametrize("cropped", [True, False])
    async def test_little_is_written_when_little_changed(self, cropped: bool) -> None:
        if not cropped:
            textual_compat.uninstall()
        app = TableApp(160, 40)
        async with app.run_here() as pilot:
            app.show(jobs(60))
            await press(pilot, "j")
            app.terminal.forget()
            app.show(replace(one, run_time=one.run_time + (one.job_id == "1009")) for one in jobs(60))
            await pilot.pause()
            assert 0 < app.terminal.bytes < (120 if cropped else 1500)
            assert app.faithful()

    async def test_moving_the_cursor_paints_two_rows(self) -> None:
        app = TableApp(160, 40)
        async with app.run_here() as pilot:
            app.show(jobs(60))
            await press(pilot, "j")
            app.terminal.forget()
            await press(pilot, "j")
            assert 0 < app.terminal.bytes < 1500

    async def test_other_columns_and_orders(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(60), sort_key="elapsed", reverse=True)
            await pilot.pause()
            assert "elapsed▾" in app.terminal.text()[0]
            assert "1059" in app.first_row()
            app.show(jobs(60), sort_key="name")
            await pilot.pause()
            assert "name▴" in app.terminal.text()[0]
            app.table.show(listing(jobs(60)), columns_of(JOB_COLUMNS, ["id", "tasks"]))
            await pilot.pause()
            assert app.terminal.text()[0].split() == ["job", "tasks"]
            assert app.faithful()

    async def test_empty_text(self) -> None:
        app = TableApp(60, 10)
        async with app.run_here() as pilot:
            app.show([])
            await pilot.pause()
            text = app.terminal.text()
            assert [line.strip() for line in text if line.strip()][1:] == ["Nothing passes", "the filter"]
            middle = next(line for line in text if "Nothing" in line)
            assert abs(middle.index("Nothing") + 7 - 30) < 3
            app.table.empty_text = "No snapshot yet"
            await pilot.pause()
            assert "No snapshot yet" in "".join(app.terminal.text())
            assert app.faithful()


class TestMouse:
    @pytest.mark.slow
    async def test_click_and_double_click(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(60))
            await pilot.click(offset=(10, 4))
            await pilot.pause()
            assert app.table.cursor_key == "1003"
            await pilot.click(offset=(10, 6), times=2)
            await pilot.pause()
            opened = [message.key for message in app.got if isinstance(message, Table.Opened)]
            assert opened == ["1005"]

    async def test_click_below_the_rows_does_nothing(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(2))
            await pilot.click(offset=(10, 8))
            assert app.table.cursor_key == "1000"

    @pytest.mark.slow
    async def test_click_on_a_title(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(3))
            await pilot.pause()
            title = app.terminal.text()[0]
            for key, word in (("id", "job"), ("state", "state"), ("elapsed", "elapsed")):
                await pilot.click(offset=(title.index(word), 0))
                await pilot.pause()
                clicked = [message for message in app.got if isinstance(message, Table.HeaderClicked)]
                assert clicked[-1].column_key == key
            count = len(app.got)
            await pilot.click(offset=(99, 0))
            assert len(app.got) == count

    async def test_wheel_moves_the_view_only(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(60))
            await press(pilot, "j")
            await pilot._post_mouse_events([_scroll_down()], widget=app.table, offset=(5, 5))
            await pilot.pause()
            assert (app.table.top, app.table.cursor_key) == (3, "1001")
            app.show(job(number) for number in range(-2, 60))
            await pilot.pause()
            assert (app.table.top, app.table.cursor_key) == (5, "1001")
            assert app.faithful()

    @pytest.mark.slow
    async def test_scroll_bar(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(1000))
            await pilot.pause()
            assert app.first_row().endswith("▐")
            await pilot.mouse_down(offset=(99, 6))
            await pilot.hover(offset=(99, 11))
            await pilot.mouse_up(offset=(99, 11))
            await pilot.pause()
            assert app.table.top == 1000 - 11
            assert app.table.cursor_key == "1000"
            assert app.terminal.text()[11].endswith("▐")
            await pilot.hover(offset=(50, 3))
            assert app.table.top == 1000 - 11

    def test_handle(self) -> None:
        assert thumb_lines(10, 10, 0) == range(0)
        assert thumb_lines(20, 10, 0) == range(5)
        assert thumb_lines(20, 10, 10) == range(5, 10)
        for top in range(0, 1_000_000, 50_000):
            handle = thumb_lines(1_000_010, 10, top)
            assert len(handle) == 1
            assert handle[0] in range(10)


def _scroll_down() -> Any:
    from textual.events import MouseScrollDown

    return MouseScrollDown


class TestLooks:
    @pytest.mark.parametrize("width", [200, 80, 40, 12, 3, 1])
    async def test_any_width(self, width: int) -> None:
        app = TableApp(width, 8)
        async with app.run_here() as pilot:
            app.show(jobs(60))
            await press(pilot, "j", "pagedown")
            assert app.faithful()
            assert all(len(line) <= width for line in app.terminal.text())
            if width >= 40:
                assert {"id", "name", "state"} <= set(app.table.shown_columns)

    @pytest.mark.slow
    async def test_resizing_keeps_the_cursor_in_view(self) -> None:
        app = TableApp(100, 30)
        async with app.run_here() as pilot:
            app.show(jobs(100))
            await press(pilot, *["down"] * 25)
            wide = app.table.shown_columns
            await pilot.resize_terminal(40, 8)
            await pilot.pause()
            assert app.table.cursor_key == "1025"
            assert 0 <= 25 - app.table.top < app.table.page_size == 7
            assert set(app.table.shown_columns) < set(wide)
            await pilot.resize_terminal(100, 30)
            await pilot.pause()
            assert app.table.shown_columns == wide

    @pytest.mark.parametrize("height", [1, 2])
    async def test_any_height(self, height: int) -> None:
        app = TableApp(60, height)
        async with app.run_here() as pilot:
            app.show(jobs(60))
            await press(pilot, "j", "G")
            assert app.table.cursor_key == "1059"
            assert app.faithful()

    async def test_text_of_any_kind_leaves_the_columns_in_line(self) -> None:
        names = [
            "plain",
            "作業計算機環境構築用",
            "a\x1b[31mred\nblue",
            "e\u0301te\u0301",
            "\u202eabc",
            "🚀🚀🚀🚀🚀🚀🚀",
            "",
            "x" * 5000,
        ]
        app = TableApp(100, 12)
        async with app.run_here() as pilot:
            app.show(job(number, name=name, username="u") for number, name in enumerate(names))
            await pilot.pause()
            strips = [app.table.render_line(y) for y in range(12)]
            assert {strip.cell_length for strip in strips} == {100}
            texts = [strip.text for strip in strips[1 : 1 + len(names)]]
            assert all(text.isprintable() for text in texts)
            assert len({cells(text[: text.index("RUNNING")]) for text in texts}) == 1
            assert len({cells(text[: text.index(" 4 ")]) for text in texts}) == 1

    async def test_numbers_end_under_one_another(self) -> None:
        app = TableApp(100, 8)
        async with app.run_here() as pilot:
            app.show(job(number, n_cpus=10**number, run_time=float(7**number)) for number in range(5))
            await pilot.pause()
            lines = app.terminal.text()[1:6]
            assert (
                len(
                    {
                        line.index(f" {10**number} ") + len(str(10**number))
                        for number, line in enumerate(lines)
                    }
                )
                == 1
            )

    async def test_a_theme_repaints_everything(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(20))
            await pilot.pause()
            dark = app.terminal.cells()
            app.theme = THEMES[1].name
            await pilot.pause()
            await pilot.pause()
            assert app.terminal.cells() != dark
            assert app.faithful()
            app.theme = THEMES[0].name
            await pilot.pause()
            await pilot.pause()
            assert app.terminal.cells() == dark

    async def test_without_the_focus_the_cursor_looks_calmer(self) -> None:
        app = TableApp()
        async with app.run_here() as pilot:
            app.show(jobs(3))
            await pilot.pause()
            focused = app.terminal.cells()[1]
            app.set_focus(None)
            await pilot.pause()
            assert app.terminal.cells()[1] != focused
            assert app.first_row().startswith("▌")
            assert app.faithful()

    async def test_bars_and_folded_arrays(self) -> None:
        tasks = [job(1, run_time=30.0, time_limit=60.0, array_id="7"), job(2, array_id="7", run_time=1.0)]
        app = TableApp()
        async with app.run_here() as pilot:
            columns = columns_of(JOB_COLUMNS, ["id", "progress", "cpu"])
            shown = listing(tasks, unfolded=frozenset({"7"}))
            app.table.show(shown, columns, context=Context(cpu={"1001": 98.0}))
            await pilot.pause()
            text = app.terminal.text()
            assert text[1].startswith("▌ 7 ▾2")
            assert "████▌" in text[2]
            assert text[2].startswith("    1001")
            assert text[2].endswith("98 %")
