"""Keys that are typed behind a choice that nothing can come of yet, since the source has not answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from textual.events import Key
from textual.pilot import Pilot

from jobmon_tui.errors import SourceError
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.tui import typed_order
from jobmon_tui.tui.app import JobmonApp
from jobmon_tui.tui.screens.base import Place
from jobmon_tui.tui.screens.main import MainScreen
from jobmon_tui.tui.screens.picker import Picker
from tests.ui.conftest import FakeFeed, OpenApp, small_cluster

pytestmark = pytest.mark.slow

MOST_SECONDS = 5.0


@pytest.fixture
def silent(down: SourceError) -> FakeFeed:
    return FakeFeed(down)


def app_of(pilot: Pilot[None]) -> JobmonApp:
    assert isinstance(pilot.app, JobmonApp)
    return pilot.app


def main_of(pilot: Pilot[None]) -> MainScreen:
    main = pilot.app.screen_stack[1]
    assert isinstance(main, MainScreen)
    return main


def type_at_once(pilot: Pilot[None], keys: str) -> None:
    for key in keys:
        name = {":": "colon", "/": "slash", "\r": "enter", "\x1b": "escape"}.get(key, key)
        pilot.app.post_message(Key(name, key))


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(MOST_SECONDS):
        while not holds():
            await asyncio.sleep(0.005)


def answers(pilot: Pilot[None], feed: FakeFeed, snapshot: Snapshot) -> None:
    feed.answer = snapshot
    app_of(pilot).poller.poll_now()


@pytest.mark.parametrize("opens", ["colon", "u"])
async def test_a_key_behind_a_choice_that_waits_goes_on_after_a_moment(
    open_app: OpenApp, silent: FakeFeed, opens: str
) -> None:
    async with open_app(silent) as pilot:
        await pilot.press(opens, "g", "1", "enter")
        await until(lambda: isinstance(pilot.app.screen, Picker) and pilot.app.screen.is_undecided)
        # It may wait for as long as the user does.
        await asyncio.sleep(1.5 * typed_order.DECIDES_WITHIN)
        assert isinstance(pilot.app.screen, Picker)
        type_at_once(pilot, "3q")
        await until(lambda: not pilot.app.is_running)
        assert app_of(pilot).return_code == 0


async def test_the_user_is_told_that_nothing_came_of_it(open_app: OpenApp, silent: FakeFeed) -> None:
    async with open_app(silent) as pilot:
        type_at_once(pilot, ":g1\r3")
        await until(lambda: main_of(pilot).place == Place("nodes"))
        assert [notice.message for notice in pilot.app._notifications] == [
            "There has been no answer yet to pick from."
        ]


async def test_keys_behind_a_choice_reach_what_comes_of_it(
    open_app: OpenApp, silent: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_order, "DECIDES_WITHIN", 10 * MOST_SECONDS)
    async with open_app(silent) as pilot:
        main = main_of(pilot)
        gone_to: list[Place] = []
        go = main.go

        def noted(place: Place, **how: bool) -> None:
            gone_to.append(place)
            go(place, **how)

        monkeypatch.setattr(main, "go", noted)
        type_at_once(pilot, ":g1\r2/bob")
        await until(lambda: isinstance(pilot.app.screen, Picker) and pilot.app.screen.is_undecided)
        await asyncio.sleep(0.1)
        answers(pilot, silent, small_cluster())
        await until(lambda: main.filter.text == "bob")
        assert gone_to == [Place("node", "g1"), Place("jobs")]


async def test_escape_closes_it_at_once(
    open_app: OpenApp, silent: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_order, "DECIDES_WITHIN", 10 * MOST_SECONDS)
    async with open_app(silent) as pilot:
        type_at_once(pilot, ":g1\r\x1bq")
        await until(lambda: not pilot.app.is_running)
