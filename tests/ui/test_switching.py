"""Changing among the clusters of a configuration, by keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.clusters import ClusterChoice
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.tui.app import JobmonApp
from jobmon_tui.tui.screens.main import MainScreen
from jobmon_tui.tui.screens.picker import Picker
from jobmon_tui.tui.widgets.key_line import KeyLine
from jobmon_tui.tui.widgets.status import StatusHeader
from tests.ui.conftest import NOW, FakeFeed, OpenApp, small_cluster
from tests.ui.test_time_machine import PastFeed, press, text_of

pytestmark = pytest.mark.slow


def choices(*, north: Callable[[], Feed], here: Callable[[], Feed]) -> tuple[ClusterChoice, ...]:
    return (
        ClusterChoice(name="", title="this cluster", open=here, is_shown=True),
        ClusterChoice(name="north", title="north", open=north),
    )


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


def app_of(pilot: Pilot[None]) -> JobmonApp:
    assert isinstance(pilot.app, JobmonApp)
    return pilot.app


def cluster_shown(pilot: Pilot[None]) -> str | None:
    picture = app_of(pilot).picture
    return picture.snapshot.cluster if picture is not None else None


async def test_another_cluster_takes_the_place_of_the_first(open_app: OpenApp) -> None:
    here, north = PastFeed(), FakeFeed(small_cluster(cluster="aurora"))
    known = choices(north=lambda: north, here=PastFeed)
    async with open_app(here, size=(120, 40), clusters=known) as pilot:
        assert "0 Clusters" in text_of(pilot, KeyLine.__name__)
        # The past, a mark and a filter of the one ...
        await press(pilot, "t", "left", "equals_sign", "C")
        assert isinstance(pilot.app.screen, Picker)
        await press(pilot, "n", "o", "enter")
        await until(lambda: cluster_shown(pilot) == "aurora")
        await app_of(pilot).settled()
        await pilot.pause()
        # ... are not those of the other.
        assert here.closed
        assert not north.closed
        assert app_of(pilot).cluster == "north"
        assert app_of(pilot).time_machine.marked is None
        assert not pilot.app.screen.has_class("past")
        assert "aurora" in text_of(pilot, StatusHeader.__name__)
        # What is open of the timeline speaks of the new one.
        await until(lambda: "Nothing is kept" in text_of(pilot, "TimelineBar"))


async def test_what_the_old_cluster_still_says_is_void(open_app: OpenApp) -> None:
    class Slow(FakeFeed):
        def latest(self) -> Snapshot:
            snapshot = super().latest()
            if self.calls > 1:
                while not self.closed:
                    pass
            return snapshot

    here, north = Slow(small_cluster()), FakeFeed(small_cluster(cluster="aurora"))
    async with open_app(here, clusters=choices(north=lambda: north, here=PastFeed)) as pilot:
        app_of(pilot).action_refresh_now()
        await until(lambda: here.calls == 2)
        app_of(pilot).choose_cluster("north")
        await until(lambda: cluster_shown(pilot) == "aurora")
        await pilot.pause(0.1)
        assert cluster_shown(pilot) == "aurora"


async def test_a_cluster_that_cannot_be_had_is_told_and_the_old_one_stays(open_app: OpenApp) -> None:
    def fail() -> Feed:
        raise JobmonError("there is no backend \x1b[31mmysite", "see jobmon doctor")

    here = FakeFeed(small_cluster())
    async with open_app(here, clusters=choices(north=fail, here=PastFeed)) as pilot:
        app_of(pilot).choose_cluster("north")
        await until(lambda: app_of(pilot)._notifications)
        (told,) = list(app_of(pilot)._notifications)
        assert "there is no backend" in told.message
        assert "\x1b" not in told.message
        assert cluster_shown(pilot) == "tiny"
        assert not here.closed


async def test_a_cluster_without_an_answer_can_be_left_again(open_app: OpenApp, down: JobmonError) -> None:
    north, back = FakeFeed(down), FakeFeed(small_cluster(NOW + 60))
    known = choices(north=lambda: north, here=lambda: back)
    async with open_app(FakeFeed(small_cluster()), size=(120, 40), clusters=known) as pilot:
        app_of(pilot).choose_cluster("north")
        await until(lambda: app_of(pilot).failure)
        assert app_of(pilot).picture is None
        # The overview shows without a picture, and from there the way leads back.
        await pilot.press("0")
        screen = pilot.app.screen
        assert isinstance(screen, MainScreen)
        await until(lambda: screen.place.view == "clusters" and screen.query("#view-clusters"))
        await pilot.pause()
        await pilot.press("home", "enter")
        await until(lambda: cluster_shown(pilot) == "tiny")
        assert app_of(pilot).cluster == ""
        assert app_of(pilot).failure is None


async def test_one_cluster_has_no_keys_for_several(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, MainScreen)
        assert "Clusters" not in text_of(pilot, KeyLine.__name__)
        await press(pilot, "0", "C")
        assert screen.place.view == "cluster"
        assert pilot.app.screen is screen
