"""Charts in the drill-downs: over which time, from which source, and what is said where there are none."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from jobmon_tui.analysis.charts import RANGES
from jobmon_tui.errors import SourceError
from jobmon_tui.feeds.seen import Seen
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import CoreUse, CpuTimes, CpuUse, Snapshot, Used
from jobmon_tui.tui.app import JobmonApp
from jobmon_tui.tui.chart_source import AFTER_FAILURE, STORE_PACE, ChartSource
from jobmon_tui.tui.screens.base import Place
from jobmon_tui.tui.screens.main import MainScreen
from jobmon_tui.tui.widgets.charts_pane import next_range, window
from tests.pictures import eventually, screen_text, shows
from tests.ui.conftest import NOW, FakeFeed, OpenApp, small_cluster


class StoringFeed(FakeFeed):
    """A feed with a store of measurements, which the test fills."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot)
        self.stored: dict[str, float] = {}
        self.failure: Exception | None = None
        self.asked: list[Sequence[SeriesRequest]] = []
        self.threads: set[str] = set()
        self.kept: tuple[float, ...] = ()

    def timeline(self) -> tuple[float, ...]:
        return self.kept

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        self.asked.append(requests)
        self.threads.add(threading.current_thread().name)
        if self.failure is not None:
            raise self.failure
        return [
            Series(times=(one.start, one.end - 1), values=(self.stored[one.reading],) * 2)
            if one.reading in self.stored
            else None
            for one in requests
        ]


def measured(timestamp: float = NOW) -> Snapshot:
    """The small cluster with the cores of node c1 measured."""
    snapshot = small_cluster(timestamp)
    busy = CpuTimes(90, 0, 5, 2, 3)
    use = CpuUse(busy, CoreUse([busy] * 8))
    nodes = dict(snapshot.nodes)
    nodes["c1"] = replace(nodes["c1"], cpu=use, memory=Used(8192, 65536))
    return replace(snapshot, nodes=nodes)


def app_of(pilot: Pilot[None]) -> JobmonApp:
    return cast(JobmonApp, pilot.app)


async def open_place(pilot: Pilot[None], view: str, subject: str) -> str:
    main = pilot.app.screen
    assert isinstance(main, MainScreen)
    main.go(Place(view, subject))
    return await settled(pilot)


async def settled(pilot: Pilot[None]) -> str:
    for _ in range(3):
        await app_of(pilot).settled()
        await pilot.pause()
    return screen_text(app_of(pilot))


@pytest.mark.slow
async def test_a_job_has_charts_of_what_was_seen(open_app: OpenApp) -> None:
    async with open_app(FakeFeed(measured()), (120, 40)) as pilot:
        text = await open_place(pilot, "job", "10")
        assert "The last 30 min" in text
        assert "user 90 %" in text
        assert "100 %┤" in text
        assert "  use " in text  # the cores of its node, by what they do
        assert "GPU" not in text.split("The last 30 min")[1]


@pytest.mark.slow
async def test_what_is_not_measured_is_said_in_a_line(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed, (200, 50)) as pilot:
        assert "Nobody measures this node: only Slurm's word." in await open_place(pilot, "node", "c1")
        assert "Nobody measures its node: only Slurm's word." in await open_place(pilot, "job", "10")
        assert "The last" not in await open_place(pilot, "job", "13")  # it waits


@pytest.mark.slow
async def test_the_key_m_switches_between_use_and_holders(open_app: OpenApp) -> None:
    async with open_app(FakeFeed(measured()), (120, 40)) as pilot:
        assert "  use " in await open_place(pilot, "node", "c1")
        await pilot.press("m")
        assert "  use " not in await settled(pilot)
        assert "  use " not in await open_place(pilot, "job", "10")
        await pilot.press("m")
        assert "  use " in await settled(pilot)
        # Where nothing is measured there is no use to be shown, and no word wasted on it.
        text = await open_place(pilot, "node", "c2")
        assert "  use " not in text
        assert "Nothing measures" not in text


@pytest.mark.slow
@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 50), (400, 120)])
async def test_charts_alone_and_all_else_again(open_app: OpenApp, size: tuple[int, int]) -> None:
    async with open_app(FakeFeed(measured()), size) as pilot:
        for view, subject, word in (("job", "10", "solve"), ("node", "c1", "Jobs here")):
            assert word in await open_place(pilot, view, subject)
            await pilot.press("v")
            text = await settled(pilot)
            assert "user 90 %" in text
            assert word not in text.split("\n", 2)[2]
            await pilot.press("right_parenthesis")
            assert "The last 2 h" in await settled(pilot)
            await pilot.press("left_parenthesis", "v")
            assert word in await settled(pilot)
            await pilot.press("escape")
            await settled(pilot)


@pytest.mark.slow
async def test_ranges_end_at_the_shortest_and_the_longest(open_app: OpenApp) -> None:
    async with open_app(FakeFeed(measured()), (120, 40)) as pilot:
        await open_place(pilot, "job", "10")
        await pilot.press(*["right_parenthesis"] * 9)
        assert "Since its start" in await settled(pilot)
        await pilot.press(*["left_parenthesis"] * 9)
        assert "The last 30 min" in await settled(pilot)


@pytest.mark.slow
async def test_the_longest_chart_of_a_node_begins_with_the_oldest_instant_that_is_kept(
    open_app: OpenApp,
) -> None:
    feed = StoringFeed(measured())
    feed.kept = (NOW - 50_000, NOW - 30)
    async with open_app(feed, (200, 50)) as pilot:
        await open_place(pilot, "node", "c1")
        await pilot.press(*["right_parenthesis"] * 9)
        assert "All that is kept" in await settled(pilot)
        await eventually(pilot, lambda: abs(feed.asked[-1][0].start - (NOW - 50_000)) < 1000)


@pytest.mark.slow
async def test_a_store_fills_what_was_not_seen(open_app: OpenApp) -> None:
    feed = StoringFeed(measured())
    feed.stored = {"cpu_user": 44.0, "lustre_read": 3e8}
    async with open_app(feed, (200, 50)) as pilot:
        text = await open_place(pilot, "node", "c1")
        assert "user 44 %" in text  # the store knows more than one instant
        assert "system 5 %" in text  # it does not know this: seen
        assert "read 300 MB/s" in text
        assert feed.threads == {"jobmon-desk"}
        assert {request.name for request in feed.asked[-1]} == {"c1"}


@pytest.mark.slow
async def test_a_store_that_fails_is_told_of_and_does_not_take_the_rest_away(open_app: OpenApp) -> None:
    feed = StoringFeed(measured())
    feed.failure = SourceError("influxdb: \x1b[2Jno route")
    async with open_app(feed, (200, 50)) as pilot:
        text = await open_place(pilot, "node", "c1")
        assert "influxdb: �[2Jno route" in text
        assert "user 90 %" in text


@pytest.mark.slow
async def test_only_what_is_visible_is_asked_for(open_app: OpenApp) -> None:
    feed = StoringFeed(measured())
    async with open_app(feed, (80, 24)) as pilot:
        await open_place(pilot, "job", "10")
        assert feed.asked == []
        await pilot.press("v")
        await eventually(pilot, lambda: feed.asked)
        await eventually(pilot, shows(app_of(pilot), "user 90 %"))


# The source of the charts' measurements.


def requests(end: float, reading: str = "memory", span: float = 1800) -> tuple[SeriesRequest, ...]:
    return (SeriesRequest(kind="node", name="c1", reading=reading, start=end - span, end=end),)


def test_a_store_is_not_asked_more_often_than_charts_can_show() -> None:
    feed = StoringFeed(measured())
    feed.stored = {"memory": 5.0, "swap": 6.0}
    source = ChartSource(feed, Seen())
    for end in (1000.0, 1002.0, 1000 + STORE_PACE - 1):
        (answer,) = source.answer(requests(end)).series
        assert answer is not None
    assert len(feed.asked) == 1
    source.answer(requests(1000 + STORE_PACE))
    assert len(feed.asked) == 2
    source.answer(requests(1000 + STORE_PACE, "swap"))
    assert len(feed.asked) == 3
    source.answer(requests(50_000, "swap", 28800))
    source.answer(requests(50_100, "swap", 28800))
    assert len(feed.asked) == 4


def test_a_store_that_failed_is_left_in_peace_for_a_while() -> None:
    feed = StoringFeed(measured())
    feed.failure = ValueError("token=secret")
    source = ChartSource(feed, Seen())
    assert source.answer(requests(1000)).problem == "the store of measurements failed: ValueError"
    assert source.answer(requests(1010)).problem
    assert source.answer(requests(1010, "swap")).problem
    assert len(feed.asked) == 1
    feed.failure = None
    feed.stored = {"memory": 5.0}
    (answer,), problem = source.answer(requests(1000 + AFTER_FAILURE))
    assert answer is not None
    assert problem == ""


def test_an_answer_of_the_wrong_length_is_no_answer() -> None:
    feed = StoringFeed(measured())
    feed.series = lambda requests: []  # type: ignore[method-assign]
    assert ChartSource(feed, Seen()).answer(requests(1000)).series == (None,)


def test_gaps_of_a_store_are_gaps() -> None:
    feed = StoringFeed(measured())
    times = (0.0, 60.0, 120.0, 900.0, 960.0)
    feed.series = lambda requests: [Series(times=times, values=(1.0,) * 5)]  # type: ignore[method-assign]
    (answer,) = ChartSource(feed, Seen()).answer(requests(1800)).series
    assert answer is not None
    assert list(answer.values) == [1, 1, 1, None, 1, 1]


def test_between_what_a_store_kept_and_what_was_seen_since_there_is_a_gap() -> None:
    feed = StoringFeed(measured())
    stored = Series(times=(0.0, 60.0, 120.0), values=(1.0,) * 3, unit="MiB")
    feed.series = lambda requests: [stored]  # type: ignore[method-assign]
    seen = Seen()
    for time in (900.0, 910.0):
        seen.add(replace(measured(), timestamp=time), 60.0)
    (answer,) = ChartSource(feed, seen).answer(requests(1800)).series
    assert answer is not None
    assert [value is None for value in answer.values] == [False, False, False, True, False, False]
    assert answer.times[4:] == (900.0, 910.0)


# Which time charts show.


@given(st.integers(0, 4 * 10**9), st.integers(1, 400), st.sampled_from(RANGES[:3]))
def test_the_present_is_in_the_last_column_of_a_chart(now: int, columns: int, times: object) -> None:
    times = cast("tuple[str, float]", times)
    start, end = window(RANGES[[one.title for one in RANGES].index(times[0])], 0, now, columns)
    step = times[1] / columns
    assert end - start == pytest.approx(times[1])
    assert -1e-3 <= end - now <= step + 1e-3


def test_charts_since_the_start_begin_there() -> None:
    assert window(RANGES[-1], 1000, 1000 + 700, 100) == (1000, 1900)


def test_there_is_no_range_beyond_the_ends() -> None:
    assert next_range(0, -1) == 0
    assert next_range(len(RANGES) - 1, 1) == len(RANGES) - 1
    assert next_range(0, 1) == 1
