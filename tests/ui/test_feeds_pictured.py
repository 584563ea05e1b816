"""The app on different feeds: the same pictures, and words on why a better feed is not in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.candidate import Choice
from jobmon_tui.feeds.documents import Documents
from jobmon_tui.feeds.fallback import FallbackFeed
from jobmon_tui.feeds.http import HttpFeed
from jobmon_tui.feeds.http_client import HttpOptions
from jobmon_tui.feeds.server import DocumentServer
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.model import wire
from jobmon_tui.tui.app import JobmonApp
from jobmon_tui.tui.options import WatchOptions
from jobmon_tui.tui.theme import palette
from tests.pictures import eventually, screen_text, shows
from tests.ui.conftest import NOW, FakeFeed, small_cluster

pytestmark = pytest.mark.slow

SIZE = (140, 40)
VIEWS = {"1": "ada", "2": "solve", "3": "bad DIMM", "5": "pending"}
"""Keys, and what the view that they open shows once it is filled."""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    (tmp_path / "data.json.gz").write_bytes(wire.encode(small_cluster()))
    return tmp_path


async def pictures(feed: Feed, expected: list[str] | None = None) -> list[str]:
    """The screen in each view, without its first line, which names the feed.

    Args:
        feed: What is shown.
        expected: What the views will come to show; without it, whatever they show when each is filled.
    """
    app = JobmonApp(feed, WatchOptions(interval=3600.0), clock=lambda: NOW + 3)
    async with app.run_test(size=SIZE) as pilot:
        await eventually(pilot, lambda: app.picture is not None)
        found = []
        for number, (key, filled) in enumerate(VIEWS.items()):
            await pilot.press(key)
            await eventually(pilot, shows(app, filled))
            if expected is not None:
                await eventually(pilot, lambda at=number: below(app) == expected[at])  # type: ignore[misc]
            found.append(below(app))
        assert f"LIVE  {feed.title[:20]}" in screen_text(app)
        return found


def below(app: JobmonApp) -> str:
    """The screen without its first line."""
    return screen_text(app).split("\n", 1)[1]


def configured(*choices: Choice) -> FallbackFeed:
    return FallbackFeed(choices, now=lambda: NOW + 3)


async def test_all_feeds_give_the_same_pictures(spool: Path) -> None:
    server = DocumentServer(Documents(SpoolFeed(spool, following=False)), "127.0.0.1", 0)
    server.start()
    live = FakeFeed(small_cluster())
    of_spool = configured(
        Choice(name="spool", make=lambda: SpoolFeed(spool, clock=lambda: NOW + 3), stale_after=60)
    )
    over_http = HttpFeed(HttpOptions(url=server.url))
    expected = await pictures(live)
    assert "solve" in expected[1]
    assert await pictures(of_spool, expected) == expected
    assert await pictures(over_http, expected) == expected
    server.stop()


async def test_the_header_says_which_feed_and_a_line_why_not_the_better_one(spool: Path) -> None:
    feed = configured(
        Choice(name="spool /gone", make=lambda: SpoolFeed(spool / "gone"), stale_after=60),
        Choice(name="other", make=lambda: FakeFeed(small_cluster())),
    )
    app = JobmonApp(feed, WatchOptions(interval=3600.0), clock=lambda: NOW + 3)
    async with app.run_test(size=SIZE) as pilot:
        await eventually(pilot, shows(app, r"LIVE  fake +3 s ago"))
        assert shows(app, r" ! spool /gone: .*gone does not exist")()


@pytest.mark.parametrize(("age", "expected"), [(70, "dim"), (80, "warning"), (200, "trouble")])
async def test_an_age_is_alarming_only_beside_the_pace_of_whoever_writes(
    tmp_path: Path, age: float, expected: str
) -> None:
    for before in range(4):
        time = int(NOW) - 30 * before
        (tmp_path / f"data{time}.json.gz").write_bytes(wire.encode(small_cluster(time)))
    (tmp_path / "data.json.gz").write_bytes(wire.encode(small_cluster()))
    feed = configured(
        Choice(name="spool", make=lambda: SpoolFeed(tmp_path, clock=lambda: NOW), stale_after=3600)
    )
    app = JobmonApp(feed, WatchOptions(interval=2.0), clock=lambda: NOW + age)
    async with app.run_test(size=SIZE) as pilot:
        await eventually(pilot, shows(app, r" ago "))
        column = screen_text(app).split("\n", 1)[0].index(" ago ") + 1
        colours = palette(app.screen)
        assert app.screen.get_style_at(column, 0).color == getattr(colours, expected).color
