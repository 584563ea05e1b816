"""Facts are wrapped within their width, whatever they hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll

from jobmon_tui.analysis.facts import Fact
from jobmon_tui.model.text import printable
from jobmon_tui.tui.widgets.fact_sheet import FactSheet, _wrapped

LONG = f"/scratch/{'x' * 19}/{'y' * 10}"


class SheetApp(App[None]):
    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield FactSheet()


def lines_of(app: App[None]) -> list[str]:
    sheet = app.query_one(FactSheet)
    return [sheet.render_line(y).text.rstrip() for y in range(sheet.size.height)]


async def test_headings_values_and_continuations() -> None:
    app = SheetApp()
    async with app.run_test(size=(45, 20)) as pilot:
        sheet = app.query_one(FactSheet)
        sheet.show((Fact("Job", ""), Fact("id", "12"), Fact("Files", ""), Fact("command", LONG)))
        await pilot.pause()
        assert lines_of(app) == [
            "Job",
            "id             12",
            "",
            "Files",
            f"command        /scratch/{'x' * 19}/",
            f"               {'y' * 10}",
        ]
        sheet.show((Fact("Job", ""), Fact("id", "13")))
        await pilot.pause()
        assert lines_of(app) == ["Job", "id             13"]


async def test_it_is_wrapped_anew_for_another_width() -> None:
    app = SheetApp()
    async with app.run_test(size=(80, 20)) as pilot:
        app.query_one(FactSheet).show((Fact("why", "one two three four five six seven eight"),))
        await pilot.pause()
        assert len(lines_of(app)) == 1
        await pilot.resize_terminal(28, 20)
        await pilot.pause()
        assert len(lines_of(app)) == 3


@given(st.text(max_size=200), st.integers(min_value=2, max_value=60))
def test_no_line_is_wider_than_its_room_and_nothing_is_lost(text: str, width: int) -> None:
    safe = printable(text)
    lines = _wrapped(safe, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == safe.replace(" ", "")
