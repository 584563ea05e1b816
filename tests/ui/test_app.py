"""The app as its users drive it: by keys, looking at what the screen says."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from jobmon_tui.errors import SourceError
from jobmon_tui.model.snapshot import Snapshot, SourceStatus
from jobmon_tui.tui.app import JobmonApp, run_app
from jobmon_tui.tui.options import WatchOptions
from jobmon_tui.tui.screens.main import MainScreen
from tests.pictures import eventually, screen_text, shows
from tests.ui.conftest import NOW, FakeFeed, OpenApp, small_cluster

pytestmark = pytest.mark.slow


def app_of(pilot: Pilot[None]) -> JobmonApp:
    return cast(JobmonApp, pilot.app)


def main_of(pilot: Pilot[None]) -> MainScreen:
    for screen in pilot.app.screen_stack:
        if isinstance(screen, MainScreen):
            return screen
    raise AssertionError("the main screen is not there")


async def press(pilot: Pilot[None], *keys: str) -> str:
    """Press keys and give the app the time to answer each."""
    for key in keys:
        await pilot.press(key)
        await app_of(pilot).settled()
    await pilot.pause()
    return screen_text(app_of(pilot))


async def refresh(pilot: Pilot[None]) -> None:
    """Have a new poll and wait until it is shown."""
    feed = cast(FakeFeed, app_of(pilot).feed)
    calls = feed.calls
    await eventually(pilot, lambda: app_of(pilot).poller.is_idle or feed.calls > calls)
    app_of(pilot).poller.poll_now()
    await eventually(pilot, lambda: feed.calls > calls)
    await pilot.pause()
    await app_of(pilot).settled()
    await pilot.pause()


async def test_the_cluster_opens_with_totals_users_nodes_and_jobs(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed, (200, 50)) as pilot:
        text = screen_text(app_of(pilot))
        assert "tiny" in text
        assert "7/32" in text  # cores: 4 + 2 + 1 running of 4 x 8
        assert "3 running" in text
        assert "9 pending" in text  # 8 tasks and one job
        assert "1 drained" in text
        for word in ("ada", "bob", "cyd", "solve", "train", "Cores allocated"):
            assert word in text


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 50), (400, 120)])
async def test_every_view_draws_at_every_size(
    open_app: OpenApp, feed: FakeFeed, size: tuple[int, int]
) -> None:
    async with open_app(feed, size) as pilot:
        for key, title in (("1", "Nodes"), ("2", "Jobs"), ("3", "Nodes"), ("5", "Pending jobs")):
            assert title in await press(pilot, key)
        assert "solve" in await press(pilot, "2")
        assert max(len(line) for line in screen_text(app_of(pilot)).splitlines()) <= size[0]


async def test_a_terminal_that_is_too_small_says_so_and_recovers(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed, (59, 20)) as pilot:
        assert "jobmon needs 60x20; this terminal is 59x20." in screen_text(app_of(pilot))
        await pilot.resize_terminal(120, 40)
        await press(pilot, "2")
        assert "solve" in screen_text(app_of(pilot))
        assert "jobmon needs" not in screen_text(app_of(pilot))


async def test_filtering_as_one_types_and_clearing_it(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed) as pilot:
        await press(pilot, "2", "slash", *"user:bo", "b")
        text = screen_text(app_of(pilot))
        assert "train" in text
        assert "solve" not in text
        text = await press(pilot, "enter")
        assert "filter user:bob  1/12" in text
        text = await press(pilot, "escape")
        assert "solve" in text
        assert "filter user:bob" not in text


@pytest.mark.parametrize(
    ("view", "filter_text", "count"),
    [
        ("1", "user:cyd", "9/12"),
        ("2", "user:cyd", "9/12"),
        ("3", "user:cyd", "1/4"),
        ("3", "partition:gpu", "2/4"),
        ("5", "user:cyd", "8/9"),
    ],
)
async def test_every_view_with_a_filter_counts_what_passes(
    open_app: OpenApp, feed: FakeFeed, view: str, filter_text: str, count: str
) -> None:
    async with open_app(feed) as pilot:
        text = await press(pilot, "slash", *filter_text, "enter", view)
        assert f"filter {filter_text}  {count}" in text


async def test_a_filter_that_does_not_parse_keeps_the_last_good_result(
    open_app: OpenApp, feed: FakeFeed
) -> None:
    async with open_app(feed) as pilot:
        text = await press(pilot, "2", "slash", *"user:bob gpu>")
        assert "column 14: " in text
        assert "train" in text
        assert "solve" not in text
        text = await press(pilot, "0")
        assert "column" not in text
        text = await press(pilot, "escape")
        assert "solve" in text


async def test_own_jobs_only_and_back(
    open_app: OpenApp, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    async with open_app(feed) as pilot:
        text = await press(pilot, "2", "U")
        assert "solve" in text
        assert "train" not in text
        assert "train" in await press(pilot, "U")


async def test_picking_a_user(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed) as pilot:
        assert "everyone" in await press(pilot, "2", "u")
        text = await press(pilot, *"bo", "enter")
        assert "train" in text
        assert "solve" not in text
        assert main_of(pilot).filter.user == "bob"
        assert "solve" in await press(pilot, "u", "enter")


async def test_jumping_to_a_node_a_job_and_back(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed) as pilot:
        assert "bad DIMM" in await press(pilot, "colon", *"c2", "enter")
        assert "Job 11" in await press(pilot, "colon", *"11", "enter")
        assert "bad DIMM" in await press(pilot, "backspace")
        assert "Users" in await press(pilot, "backspace")
        assert "Pending jobs" in await press(pilot, "colon", *"queue", "enter")


async def test_a_job_shows_its_cores_and_gpus_and_leads_to_its_node(
    open_app: OpenApp, feed: FakeFeed
) -> None:
    async with open_app(feed) as pilot:
        await press(pilot, "2", "slash", *"train", "enter")
        text = await press(pilot, "enter")
        assert "Job 11" in text
        assert "2 cores and 1 GPU" in text
        assert "8 cores, 2 its own, 1 others', 5 free" in text
        text = await press(pilot, "n")
        assert "Node g1" in text
        assert "sweep" in text
        assert "Job 11" in await press(pilot, "escape")
        assert "filter train" in await press(pilot, "escape")


async def test_why_a_job_waits(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed) as pilot:
        text = await press(pilot, "5", "slash", *"id:13", "enter")
        assert "It waits for" in text
        text = await press(pilot, "enter")
        assert "Why it waits" in text
        assert "1st of 1" in text


async def test_arrays_fold_and_unfold(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed, (200, 50)) as pilot:
        text = await press(pilot, "2", "slash", *"sweep", "enter")
        assert "12_1" not in text.replace("12_1 ", "12_1") or "▸" in text
        assert "1R 8PD" in text
        text = await press(pilot, "f")
        assert "12_1" in text
        assert "12_[2-9]" in text
        assert "1R 8PD" in await press(pilot, "F")
        # Enter on a folded array unfolds it, too.
        assert "12_[2-9]" in await press(pilot, "enter")


async def test_sorting_reversing_and_choosing_columns_is_remembered(
    open_app: OpenApp, feed: FakeFeed
) -> None:
    async with open_app(feed) as pilot:
        text = await press(pilot, "2", "s", *"whose", "enter")
        assert "by user ▴" in text
        assert "by user ▾" in await press(pilot, "S")
        assert "account" not in text
        await press(pilot, "c")
        await press(pilot, *["down"] * 25, "space", "escape")
    async with open_app(feed) as pilot:
        assert "by user ▾" in await press(pilot, "2")
        assert len(app_of(pilot).remembered.columns["jobs"]) > 0


async def test_cursor_and_marks_survive_a_refresh_that_moves_the_rows(
    open_app: OpenApp, feed: FakeFeed
) -> None:
    async with open_app(feed) as pilot:
        await press(pilot, "2", "s", *"whose", "enter", "home", "down", "x")
        marked = main_of(pilot).marked
        assert marked == {"13"} or marked == {"10"}
        (kept,) = marked
        jobs = dict(feed.answer.jobs) if isinstance(feed.answer, Snapshot) else {}
        jobs["9"] = replace(jobs["10"], job_id="9", username="aaa", name="first")
        feed.answer = small_cluster(NOW + 10, jobs=jobs)
        await refresh(pilot)
        await eventually(pilot, shows(app_of(pilot), "first"))
        assert main_of(pilot).marked == {kept}
        await press(pilot, "y")
        assert app_of(pilot).clipboard == kept


async def test_a_failure_keeps_the_picture_and_says_what_failed(
    open_app: OpenApp, feed: FakeFeed, down: SourceError
) -> None:
    async with open_app(feed, (200, 50)) as pilot:
        good = feed.answer
        feed.answer = down
        await refresh(pilot)
        text = screen_text(app_of(pilot))
        assert "squeue: Unable to contact slurm controller" in text
        assert "next try in" in text
        assert "scontrol ping" in text
        assert "solve" in text
        assert pilot.app.screen.query_one("#views").has_class("stale")
        feed.answer = good
        await refresh(pilot)
        await eventually(pilot, lambda: "Unable to contact" not in screen_text(app_of(pilot)))
        assert not pilot.app.screen.query_one("#views").has_class("stale")


async def test_with_no_picture_yet_a_failure_fills_the_page_and_recovers(
    open_app: OpenApp, down: SourceError
) -> None:
    feed = FakeFeed(down)
    async with open_app(feed) as pilot:
        text = screen_text(app_of(pilot))
        assert "There is no picture of the cluster" in text
        assert "Unable to contact slurm controller" in text
        assert "running" not in text
        feed.answer = small_cluster()
        await press(pilot, "r")
        await eventually(pilot, shows(app_of(pilot), "solve"))


async def test_a_source_that_fails_in_part_is_told_and_the_rest_stays(open_app: OpenApp) -> None:
    broken = SourceStatus(name="slurm: reservations", ok=False, error="timed out", failing_since=NOW - 60)
    async with open_app(FakeFeed(small_cluster(sources=(broken,)))) as pilot:
        text = screen_text(app_of(pilot))
        assert "slurm: reservations: timed out" in text
        assert "solve" in text


async def test_hostile_text_is_harmless(open_app: OpenApp, feed: FakeFeed) -> None:
    snapshot = feed.answer
    assert isinstance(snapshot, Snapshot)
    nasty = "\x1b[2J[bold red]x[/]\n\u202eevil\u0301\u0301\u0301 漢字" + "z" * 5000
    jobs = {key: replace(job, name=nasty, username=nasty, reason=nasty) for key, job in snapshot.jobs.items()}
    feed.answer = replace(snapshot, jobs=jobs, cluster=nasty)
    async with open_app(feed) as pilot:
        for key in ("1", "2", "enter", "escape", "3", "5", "colon", "escape", "u"):
            text = await press(pilot, key)
            assert "\x1b" not in text
            assert "\u202e" not in text
        await press(pilot, "escape", "2")
        assert "[bold red]" in screen_text(app_of(pilot))


async def test_help_is_made_from_the_bindings_that_work_here(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed, (120, 60)) as pilot:
        text = await press(pilot, "2", "question_mark")
        assert "Sort by another column" in text
        assert "Jump to a view" in text
        await press(pilot, "escape")
        assert "keys that work here" not in screen_text(app_of(pilot))


async def test_pause_shows_and_stops_polling(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed) as pilot:
        assert "PAUSED" in await press(pilot, "space")
        calls = feed.calls
        assert "PAUSED" not in await press(pilot, "space")
        await eventually(pilot, lambda: feed.calls > calls)


async def test_interval_and_theme_are_remembered(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed) as pilot:
        before = app_of(pilot).poller.interval
        await press(pilot, "minus", "T")
        assert app_of(pilot).poller.interval < before
        theme, interval = app_of(pilot).theme, app_of(pilot).poller.interval
    async with open_app(feed) as pilot:
        assert app_of(pilot).theme == theme
        assert app_of(pilot).poller.interval == interval


async def test_readings_and_groups_are_cycled(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed) as pilot:
        assert "Cores allocated" in screen_text(app_of(pilot))
        assert "Memory allocated" in await press(pilot, "m")
        assert "by partition" in await press(pilot, "tab", "g") or "by partition" in await press(
            pilot, "tab", "g"
        )


async def test_enter_on_a_user_filters_and_on_a_node_opens_it(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed, (200, 50)) as pilot:
        screen = main_of(pilot)
        screen.query_one("#cluster-users Table").focus()
        await press(pilot, "home", "enter")
        assert screen.filter.user == "ada"
        await press(pilot, "escape")
        screen.query_one("#cluster-heatmap").focus()
        assert "Node c2" in await press(pilot, "home", "right", "enter")


async def test_q_goes_back_inside_and_quits_at_the_top(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed) as pilot:
        await press(pilot, "2", "enter")
        assert main_of(pilot).place.view == "job"
        await press(pilot, "q")
        assert main_of(pilot).place.view == "jobs"
        await pilot.press("q")
        await pilot.pause()
        assert not app_of(pilot).is_running or app_of(pilot)._exit


async def test_quitting_is_instant_while_a_poll_hangs() -> None:
    released = threading.Event()

    class Hanging(FakeFeed):
        def latest(self) -> Snapshot:
            released.wait(30)
            raise SourceError("too late")

    app = JobmonApp(Hanging(SourceError("")), WatchOptions())
    started = 0.0
    async with app.run_test() as pilot:
        await pilot.pause()
        await asyncio.sleep(0.05)
        started = time.monotonic()
        await pilot.press("q")
    assert time.monotonic() - started < 2.0
    released.set()


async def test_the_wall_needs_no_input_and_turns_its_pages(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed, (200, 50), wall=True, wall_seconds=0.05) as pilot:
        await eventually(pilot, shows(app_of(pilot), "Memory allocated"))
        await eventually(pilot, shows(app_of(pilot), "Cores allocated"))
        assert "ada" in screen_text(app_of(pilot))


async def test_a_job_that_leaves_the_queue_while_it_is_looked_at(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed) as pilot:
        await press(pilot, "colon", *"10", "enter")
        snapshot = feed.answer
        assert isinstance(snapshot, Snapshot)
        feed.answer = small_cluster(NOW + 5, jobs={k: v for k, v in snapshot.jobs.items() if k != "10"})
        await refresh(pilot)
        await eventually(pilot, shows(app_of(pilot), "has left the queue"))


async def test_nothing_is_written_outside_the_users_own_folders(
    open_app: OpenApp, feed: FakeFeed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_app(feed) as pilot:
        await press(pilot, "T", "2", "S")
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_the_app_is_raised_to_the_caller_and_never_printed(
    feed: FakeFeed, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(self: MainScreen, _picture: object) -> None:
        raise ZeroDivisionError("a fault")

    run = JobmonApp.run
    monkeypatch.setattr(JobmonApp, "run", lambda self: run(self, headless=True))
    monkeypatch.setattr(MainScreen, "picture_ready", fail)
    with pytest.raises(ZeroDivisionError, match="a fault"):
        run_app(feed, WatchOptions())
    assert feed.closed
    shown = capfd.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert "ZeroDivisionError" not in shown.out + shown.err


async def test_the_screen_can_be_drawn_anew(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed) as pilot:
        before = screen_text(app_of(pilot))
        assert await press(pilot, "ctrl+l") == before


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_help_is_never_missing_from_the_line_of_keys(
    open_app: OpenApp, feed: FakeFeed, size: tuple[int, int]
) -> None:
    async with open_app(feed, size) as pilot:
        app = app_of(pilot)
        assert (
            screen_text(app)
            .split("\n")[-1]
            .rstrip()
            .endswith("? help  q quit" if size[0] > 100 else "? help")
        )
        await pilot.press("t")
        await eventually(pilot, shows(app, r"esc live +\? help"))
