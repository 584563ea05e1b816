"""The time machine, by its keys."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import replace

import pytest
from rich.segment import Segment
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher

from jobmon_tui.errors import SnapshotError, SourceError
from jobmon_tui.model.snapshot import Job, Snapshot, Usage
from jobmon_tui.tui.app import JobmonApp
from jobmon_tui.tui.screens.instant import InstantPrompt
from jobmon_tui.tui.screens.list_panes import JobsPane
from jobmon_tui.tui.screens.main import MainScreen
from jobmon_tui.tui.screens.timeline import TimelinePane
from jobmon_tui.tui.widgets.fact_sheet import FactSheet
from jobmon_tui.tui.widgets.heatmap import Heatmap
from jobmon_tui.tui.widgets.status import StatusHeader
from jobmon_tui.tui.widgets.timeline import TimelineBar
from tests.ui.conftest import NOW, FakeFeed, OpenApp, small_cluster

pytestmark = pytest.mark.slow

HOUR = 3600.0
STEP = 60.0


class PastFeed(FakeFeed):
    """A cluster with a past of some hours: a job more for each whole hour that has passed."""

    def __init__(self, hours: int = 6) -> None:
        super().__init__(small_cluster())
        self.times = tuple(
            NOW - hours * HOUR + number * STEP for number in range(int(hours * HOUR / STEP) + 1)
        )
        self.damaged: frozenset[float] = frozenset()
        self.may_tell = threading.Event()
        self.may_tell.set()

    def timeline(self) -> tuple[float, ...]:
        self.may_tell.wait(10)
        return self.times

    def history(self) -> Mapping[float, Usage]:
        return {time: Usage(available=32, running=16, users={"ada": 8}) for time in self.times}

    def at(self, time: float) -> Snapshot:
        if time in self.damaged:
            raise SnapshotError("data7.json.gz: damaged", "another snapshot may be whole")
        snapshot = small_cluster(time)
        passed = int((time - self.times[0]) // HOUR)
        more = {
            f"{100 + number}": Job(
                job_id=f"{100 + number}",
                name="hourly",
                username="ada",
                state="RUNNING",
                n_cpus=1,
                layout={"c1": (5,)},
                partition="main",
                run_time=1,
                time_limit=60,
            )
            for number in range(passed)
        }
        # It started when it started, whatever instant is looked at.
        solve = replace(snapshot.jobs["10"], start_time=NOW - 12 * HOUR)
        return replace(snapshot, jobs={**snapshot.jobs, "10": solve, **more})


def app_of(pilot: Pilot[None]) -> JobmonApp:
    assert isinstance(pilot.app, JobmonApp)
    return pilot.app


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, one after the other, each once all before it is shown."""
    for key in keys:
        await pilot.press(key)
        await app_of(pilot).settled()
        await pilot.pause()


def shown_at(pilot: Pilot[None]) -> float:
    picture = app_of(pilot).picture
    assert picture is not None
    return picture.snapshot.timestamp


def text_of(pilot: Pilot[None], selector: str) -> str:
    """What a painted widget of the screen, or of the view that is open, shows."""
    screen = pilot.app.screen
    assert isinstance(screen, MainScreen)
    widget = next(iter(screen.view.query(selector)), None) or screen.query_one(selector)
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


def pane_of(pilot: Pilot[None]) -> JobsPane:
    screen = pilot.app.screen
    assert isinstance(screen, MainScreen)
    return screen.view.query_one(JobsPane)


def listed(pilot: Pilot[None]) -> set[str]:
    table = pane_of(pilot).table
    return {row.key for row in table.listing.rows}


async def test_back_and_forth_and_home_again(open_app: OpenApp) -> None:
    feed = PastFeed()
    async with open_app(feed, size=(120, 40)) as pilot:
        assert not pilot.app.screen.query_one(TimelinePane).is_open
        await press(pilot, "t")
        assert "live" in text_of(pilot, "TimelineBar")
        assert "PAST" not in text_of(pilot, StatusHeader.__name__)
        for keys, instant in (
            (["left"], NOW - STEP),
            (["left", "left"], NOW - 3 * STEP),
            (["right"], NOW - 2 * STEP),
            (["shift+left"], NOW - 12 * STEP),
            (["left_square_bracket"], NOW - HOUR - 12 * STEP),
            (["right_square_bracket"], NOW - 12 * STEP),
            (["shift+right"], NOW - 2 * STEP),
            (["home"], feed.times[0]),
            (["left"], feed.times[0]),
            (["end"], NOW),
        ):
            await press(pilot, *keys)
            assert shown_at(pilot) == instant, keys
            assert "PAST" in text_of(pilot, StatusHeader.__name__)
        assert pilot.app.screen.has_class("past")
        await press(pilot, "escape")
        assert shown_at(pilot) == NOW
        assert not pilot.app.screen.has_class("past")
        assert "PAST" not in text_of(pilot, StatusHeader.__name__)
        assert not pilot.app.screen.query_one(TimelinePane).is_open


async def test_every_list_shows_that_instant(open_app: OpenApp) -> None:
    async with open_app(PastFeed(), size=(120, 40)) as pilot:
        assert "100" not in listed(pilot)
        await press(pilot, "t", "left")
        assert {"100", "101", "102", "103", "104"} <= listed(pilot)
        assert "105" not in listed(pilot)
        await press(pilot, "home")
        assert "100" not in listed(pilot)


async def test_a_new_picture_of_the_present_does_not_disturb_the_past(open_app: OpenApp) -> None:
    feed = PastFeed()
    async with open_app(feed, size=(120, 40)) as pilot:
        await press(pilot, "t", "left_square_bracket")
        feed.answer = small_cluster(NOW + 30)
        app_of(pilot).action_refresh_now()
        while feed.calls < 2:
            await asyncio.sleep(0.01)
        await app_of(pilot).settled()
        await pilot.pause()
        assert shown_at(pilot) == NOW - HOUR
        await press(pilot, "L")
        assert shown_at(pilot) == NOW + 30


async def test_a_typed_time_is_gone_to(open_app: OpenApp) -> None:
    async with open_app(PastFeed(), size=(120, 40)) as pilot:
        await press(pilot, "t", "g")
        assert isinstance(pilot.app.screen, InstantPrompt)
        await press(pilot, *"-2h")
        await press(pilot, "enter")
        # The app's clock is a second ahead of the newest snapshot.
        assert shown_at(pilot) == NOW - 2 * HOUR
        await press(pilot, "g", *"soon", "enter")
        assert isinstance(pilot.app.screen, InstantPrompt)
        await press(pilot, "escape")
        assert shown_at(pilot) == NOW - 2 * HOUR


async def test_a_click_goes_there(open_app: OpenApp) -> None:
    feed = PastFeed()
    async with open_app(feed, size=(120, 40)) as pilot:
        await press(pilot, "t")
        await pilot.click("TimelineBar", offset=(60, 2))
        await app_of(pilot).settled()
        await pilot.pause()
        assert abs(shown_at(pilot) - (NOW - 3 * HOUR)) < 5 * STEP


async def test_playing_moves_by_itself_and_stops(open_app: OpenApp) -> None:
    async with open_app(PastFeed(), size=(120, 40)) as pilot:
        await press(pilot, "t", "home", "p")
        first = shown_at(pilot)
        async with asyncio.timeout(10):
            while shown_at(pilot) <= first + STEP:
                await asyncio.sleep(0.02)
        assert "playing" in text_of(pilot, "TimelineBar")
        await press(pilot, "p")
        assert "playing" not in text_of(pilot, "TimelineBar")
        here = shown_at(pilot)
        await asyncio.sleep(0.6)
        assert shown_at(pilot) == here


async def test_the_job_that_was_not_there_says_so(open_app: OpenApp) -> None:
    async with open_app(PastFeed(), size=(120, 40)) as pilot:
        await press(pilot, "t", "left", "2")
        screen = pilot.app.screen
        assert isinstance(screen, MainScreen)
        pane_of(pilot).table.move_to("104")
        await press(pilot, "enter")
        assert "hourly" in text_of(pilot, FactSheet.__name__)
        await press(pilot, "t", "home")
        assert "not there at that instant" in text_of(pilot, FactSheet.__name__).replace("\n", " ")
        # Escape leaves the past, and the timeline with it; the drill-down stays open.
        await press(pilot, "escape")
        assert screen.place.view == "job"
        assert shown_at(pilot) == NOW


async def test_two_instants_are_compared(open_app: OpenApp) -> None:
    async with open_app(PastFeed(), size=(160, 40)) as pilot:
        await press(pilot, "t", "home", "equals_sign")
        assert "marked" in text_of(pilot, "TimelineBar")
        await press(pilot, *["right_square_bracket"] * 2)
        assert listed(pilot) == {"100", "101"}
        assert "2 started" in text_of(pilot, "TimelineBar")
        assert pane_of(pilot).table.shown_columns[0] == "change"
        heatmap = pilot.app.screen.query_one(Heatmap)
        assert heatmap._highlighted == frozenset({"c1"})
        # Back at the marked instant it lists everything again; without the mark, everywhere.
        await press(pilot, "home")
        assert "10" in listed(pilot)
        await press(pilot, "right_square_bracket", "equals_sign", "equals_sign")
        assert "10" in listed(pilot)


async def test_a_damaged_snapshot_is_told_and_passed(open_app: OpenApp) -> None:
    feed = PastFeed()
    feed.damaged = frozenset({NOW - 2 * STEP})
    async with open_app(feed, size=(120, 40)) as pilot:
        await press(pilot, "t", "left", "left")
        assert "data7.json.gz: damaged" in text_of(pilot, "TimelineBar")
        assert shown_at(pilot) == NOW - STEP
        await press(pilot, "left")
        assert shown_at(pilot) == NOW - 3 * STEP
        assert "damaged" not in text_of(pilot, "TimelineBar")


async def test_the_present_stays_the_present_where_no_past_could_be_read(open_app: OpenApp) -> None:
    feed = PastFeed()
    feed.damaged = frozenset({NOW - STEP})
    async with open_app(feed, size=(120, 40)) as pilot:
        await press(pilot, "t", "left")
        assert "data7.json.gz: damaged" in text_of(pilot, "TimelineBar")
        assert "PAST" not in text_of(pilot, StatusHeader.__name__)
        assert not pilot.app.screen.has_class("past")
        feed.answer = replace(small_cluster(NOW), timestamp=NOW + 1)
        app_of(pilot).action_refresh_now()
        async with asyncio.timeout(10):
            while shown_at(pilot) != NOW + 1:
                await asyncio.sleep(0.01)
        await press(pilot, "left")
        assert shown_at(pilot) == NOW - 2 * STEP
        assert "PAST" in text_of(pilot, StatusHeader.__name__)


@pytest.mark.parametrize(
    ("keys", "hours"),
    [
        (("home",), 6),
        (("home", "right_square_bracket"), 5),
        (("left_square_bracket", "left_square_bracket"), 2),
        (("g", "minus", "3", "h", "enter"), 3),
        (("p", "p"), 6),
    ],
)
async def test_keys_wait_until_it_is_known_what_is_kept(
    open_app: OpenApp, keys: tuple[str, ...], hours: int
) -> None:
    feed = PastFeed()
    feed.may_tell.clear()
    async with open_app(feed, size=(120, 40)) as pilot:
        for key in ("t", *keys):
            await pilot.press(key)
        assert shown_at(pilot) == NOW
        assert "reading what is kept" in text_of(pilot, "TimelineBar")
        feed.may_tell.set()
        async with asyncio.timeout(10):
            while shown_at(pilot) != NOW - hours * HOUR:
                await asyncio.sleep(0.01)


async def test_where_nothing_is_kept_it_says_so(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed, size=(120, 40)) as pilot:
        await press(pilot, "t", "left")
        assert "Nothing is kept of the past yet" in text_of(pilot, "TimelineBar")
        assert shown_at(pilot) == NOW


async def test_a_feed_that_fails_shows_the_past_all_the_same(open_app: OpenApp, down: SourceError) -> None:
    feed = PastFeed()
    async with open_app(feed, size=(120, 40)) as pilot:
        feed.answer = down
        app_of(pilot).action_refresh_now()
        while app_of(pilot).failure is None:
            await asyncio.sleep(0.01)
        views = pilot.app.screen.query_one("#views")
        assert views.has_class("stale")
        await press(pilot, "t", "left")
        assert shown_at(pilot) == NOW - STEP
        assert "PAST" in text_of(pilot, StatusHeader.__name__)
        # It is as old as it should be.
        assert not views.has_class("stale")
        await press(pilot, "escape")
        assert views.has_class("stale")


async def test_a_feed_that_never_answered_still_has_its_past(open_app: OpenApp, down: SourceError) -> None:
    feed = PastFeed()
    feed.answer = down
    async with open_app(feed, size=(120, 40)) as pilot:
        screen = pilot.app.screen
        assert screen.query_one(ContentSwitcher).current == "no-picture"
        await press(pilot, "t", "left")
        assert shown_at(pilot) == NOW - STEP
        assert screen.query_one(ContentSwitcher).current == "view-cluster"
        await press(pilot, "escape")
        assert app_of(pilot).picture is None
        assert screen.query_one(ContentSwitcher).current == "no-picture"


async def test_the_filtered_user_stands_out_on_the_timeline(open_app: OpenApp) -> None:
    async with open_app(PastFeed(), size=(120, 40), filter="user:ada") as pilot:
        await press(pilot, "t", "left")
        # As the picture has it: not every kept instant has its use in the history.
        assert "12 of 32 cores in use, ada 9" in text_of(pilot, "TimelineBar")
        assert " 38 % " in text_of(pilot, StatusHeader.__name__)


def cells_of(pilot: Pilot[None]) -> list[list[Segment]]:
    """The timeline's picture from the top row down, cell by cell."""
    bar = pilot.app.screen.query_one(TimelineBar)
    lines = [bar.render_line(y) for y in range(1, bar.size.height - 1)]
    return [[Segment(text, one.style) for one in line for text in one.text] for line in lines]


async def test_a_step_moves_the_cursor_and_nothing_else(open_app: OpenApp) -> None:
    async with open_app(PastFeed(), size=(120, 40)) as pilot:
        await press(pilot, "t")
        plain = cells_of(pilot)
        seen = []
        for key in ("left", "left_square_bracket", "left_square_bracket"):
            await press(pilot, key)
            cells = cells_of(pilot)
            changed = {
                place
                for line, before in zip(cells, plain, strict=True)
                for place, (now, then) in enumerate(zip(line, before, strict=True))
                if now != then
            }
            (column,) = changed
            assert all(
                line[column].text == before[column].text for line, before in zip(cells, plain, strict=True)
            )
            seen.append(column)
        # An hour of six is a sixth of what is drawn.
        assert seen[0] - seen[1] == pytest.approx(118 / 6, abs=1)
        assert seen[1] - seen[2] == pytest.approx(118 / 6, abs=1)
        # Another user's share is another picture.
        await press(pilot, "L", "slash", *"user:ada", "enter", "t")
        assert cells_of(pilot) != plain


async def test_a_low_terminal_has_a_low_timeline(open_app: OpenApp) -> None:
    async with open_app(PastFeed(), size=(80, 24)) as pilot:
        await press(pilot, "t", "left")
        bar = pilot.app.screen.query_one("TimelineBar")
        assert bar.size.height == 3
        assert "PAST" in text_of(pilot, StatusHeader.__name__)
        assert "╵" in text_of(pilot, "TimelineBar").splitlines()[-1]
