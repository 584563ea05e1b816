"""The page of all clusters, in an app that holds nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widgets import ContentSwitcher, Label

import jobmon_tui.tui
from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.clusters import ClusterChoice
from jobmon_tui.tui.overview import Overview
from jobmon_tui.tui.screens.clusters import ClustersView
from jobmon_tui.tui.theme import DEFAULT_THEME, THEMES
from jobmon_tui.tui.widgets.table import Table
from tests.ui.conftest import NOW, FakeFeed, small_cluster

pytestmark = pytest.mark.slow


class OneView(App[None]):
    """A page, and a second one that hides it."""

    CSS_PATH = Path(jobmon_tui.tui.__file__).parent / "jobmon.tcss"

    def __init__(self, overview: Overview | None) -> None:
        super().__init__()
        self.overview = overview
        self.chosen: list[str] = []

    def clock(self) -> float:
        return NOW + 5

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial="view-clusters"):
            yield ClustersView("clusters")
            yield Label("another", id="other")

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DEFAULT_THEME

    def on_clusters_view_chosen(self, event: ClustersView.Chosen) -> None:
        self.chosen.append(event.name)

    def text(self) -> str:
        width, height = self.size
        lines = self.screen._compositor.render_strips()
        return "\n".join(line.text[:width] for line in lines[:height])


def _itself(feed: FakeFeed) -> FakeFeed:
    return feed


def three(*feeds: FakeFeed) -> Overview:
    names = ("", "nt", "old")
    return Overview(
        [
            ClusterChoice(name=name, title=name or "here", open=partial(_itself, feed), is_shown=not name)
            for name, feed in zip(names, feeds, strict=True)
        ],
        "ada",
        period=60,
        clock=lambda: NOW - 60,
    )


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not met():
            await asyncio.sleep(0.01)


async def test_one_line_a_cluster_and_what_failed_in_words() -> None:
    broken = FakeFeed(JobmonError("slurmctld\x1b[2J is down", "see whether it runs"))
    overview = three(FakeFeed(small_cluster()), FakeFeed(small_cluster(cluster="north")), broken)
    app = OneView(overview)
    async with app.run_test(size=(140, 24)) as pilot:
        await until(lambda: all(state.totals or state.error for state in overview.states))
        await pilot.pause()
        shown = app.text()
        assert "1 of 3 without an answer" in shown
        tiny, north, old, sums = (
            next(line for line in shown.splitlines() if name in line)
            for name in ("tiny*", " nt ", "no answer", "all 2")
        )
        assert "5 s ago" in tiny
        assert "7/ 32" in tiny
        assert "7/ 32" in north
        assert "65 s" in old
        assert "14/ 64" in sums
        await pilot.press("down", "down")
        await pilot.pause()
        words = app.text()
        assert "slurmctld�[2J is down" in words
        assert "see whether it runs" in words
    overview.close()


async def test_enter_chooses_a_cluster_but_not_the_sums() -> None:
    overview = three(*(FakeFeed(small_cluster(cluster=name)) for name in "abc"))
    app = OneView(overview)
    async with app.run_test(size=(100, 20)) as pilot:
        await until(lambda: all(state.totals for state in overview.states))
        await pilot.pause()
        app.query_one(Table).focus()
        await pilot.press("down", "enter", "up", "enter", "end", "enter")
        await pilot.pause()
        assert app.chosen == ["nt", ""]
    overview.close()


async def test_only_a_page_that_is_seen_has_clusters_asked() -> None:
    feeds = [FakeFeed(small_cluster()) for _ in range(3)]
    overview = three(*feeds)
    app = OneView(overview)
    async with app.run_test() as pilot:
        await until(lambda: all(feed.calls == 1 for feed in feeds))
        app.query_one(ContentSwitcher).current = "other"
        await pilot.pause()
        overview.ask_now()
        await asyncio.sleep(0.1)
        assert [feed.calls for feed in feeds] == [1, 1, 1]
        app.query_one(ContentSwitcher).current = "view-clusters"
        await until(lambda: all(feed.calls == 2 for feed in feeds))
    overview.close()


async def test_without_other_clusters_the_page_says_how_to_have_some() -> None:
    app = OneView(None)
    async with app.run_test(size=(100, 20)) as pilot:
        await pilot.pause()
        assert "There is only one cluster" in app.text()
