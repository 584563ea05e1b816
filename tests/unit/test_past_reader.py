"""The thread that reads the past: pictures at once, the rest after them, neighbours ahead of time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from textual.message import Message

from jobmon_tui.analysis.warnings import DEFAULT_THRESHOLDS
from jobmon_tui.errors import SnapshotError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import CoreUse, CpuTimes, CpuUse, Job, Node, Snapshot
from jobmon_tui.tui import past_reader
from jobmon_tui.tui.messages import PastFailed, PastReady, TimelineRead
from jobmon_tui.tui.past_reader import PastReader


def idle_job_at(moment: float) -> Snapshot:
    """A job whose two cores do nothing: warned about once it has been seen so for a while."""
    cores = CoreUse([CpuTimes(0, 0, 0, 0, 100)] * 4)
    job = Job(
        job_id="1", name="x", username="ada", state="RUNNING", n_cpus=2, layout={"n1": (0, 1)}, run_time=60
    )
    node = Node(name="n1", n_cpus=4, cpu=CpuUse(CpuTimes(0, 0, 0, 0, 100), cores))
    return Snapshot(timestamp=moment, nodes={"n1": node}, jobs={"1": job})


class PastFeed(Feed):
    """A day of snapshots, one a minute; tells which were read."""

    def __init__(self) -> None:
        self.read: list[float] = []
        self.gate = threading.Event()
        self.gate.set()
        self.broken: set[float] = set()

    def latest(self) -> Snapshot:
        return idle_job_at(86_400.0)

    def timeline(self) -> tuple[float, ...]:
        return tuple(float(moment) for moment in range(0, 86_401, 60))

    def at(self, time: float) -> Snapshot:
        self.gate.wait(5)
        self.read.append(time)
        if time in self.broken:
            raise SnapshotError("data60.json.gz: damaged", "another may be whole")
        return idle_job_at(time)

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        moments = (moment for moment in self.timeline() if 0 <= time - moment < seconds)
        return tuple(idle_job_at(moment) for moment in moments)


class Told:
    """What was posted, and a way to wait for it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def post(self, message: Message) -> None:
        self.messages.append(message)

    def wait(self, is_there: Callable[[], bool]) -> None:
        end = time.monotonic() + 10
        while not is_there():
            assert time.monotonic() < end, self.messages
            time.sleep(0.002)

    def pictures(self, asked: float | None = None) -> list[PastReady]:
        found = [one for one in self.messages if isinstance(one, PastReady)]
        return [one for one in found if asked is None or one.asked == asked]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def feed() -> PastFeed:
    return PastFeed()


@pytest.fixture
def reader(feed: PastFeed, told: Told) -> Iterator[PastReader]:
    reader = PastReader(feed, told.post, DEFAULT_THRESHOLDS, lambda: "kind")
    yield reader
    feed.gate.set()
    reader.stop()


def test_the_timeline_is_read(reader: PastReader, told: Told, feed: PastFeed) -> None:
    reader.ask_timeline()
    told.wait(lambda: len(told.messages) == 2)
    # Its instants first: how busy the cluster was may take longer to find out.
    for message in told.messages:
        assert isinstance(message, TimelineRead)
        assert message.timeline.times == feed.timeline()
    reader.ask_timeline()
    told.wait(lambda: len(told.messages) == 3)


def test_a_picture_comes_at_once_and_again_with_its_warnings(reader: PastReader, told: Told) -> None:
    reader.ask_timeline()
    told.wait(lambda: bool(told.messages))
    reader.ask(3600.0)
    told.wait(lambda: len(told.pictures()) == 2)
    first, second = told.pictures()
    assert first.picture.snapshot.timestamp == second.picture.snapshot.timestamp == 3600.0
    assert not first.picture.warned
    assert "cores idle" in second.picture.warned["1"]
    # What was complete once comes only once.
    assert reader.ask(3600.0) is second.picture


def test_what_is_known_does_not_wait_for_the_thread(reader: PastReader, told: Told, feed: PastFeed) -> None:
    reader.ask(3600.0, ahead=(3660.0,))
    told.wait(lambda: feed.read == [3600.0, 3660.0] and bool(told.pictures(3600.0)))
    told.wait(lambda: reader.is_idle)
    feed.gate.clear()
    reader.ask(9000.0)  # It hangs.
    known = reader.ask(3660.0)
    assert known is not None
    assert known.snapshot.timestamp == 3660.0


def test_whoever_goes_on_does_not_wait_for_warnings(
    reader: PastReader, told: Told, feed: PastFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.ask_timeline()
    told.wait(lambda: bool(told.messages))
    looked: list[float] = []

    def window(time: float, seconds: float) -> tuple[Snapshot, ...]:
        looked.append(time)
        if len(looked) == 1:
            reader.ask(7200.0)
        return ()

    monkeypatch.setattr(feed, "window", window)
    reader.ask(3600.0)
    told.wait(lambda: bool(told.pictures(7200.0)))
    assert len(told.pictures(3600.0)) == 1
    assert all(time > 6600 for time in looked[1:])


def test_neighbours_are_read_ahead_and_not_again(reader: PastReader, told: Told, feed: PastFeed) -> None:
    reader.ask(3600.0, ahead=(3660.0, 3540.0))
    told.wait(lambda: feed.read == [3600.0, 3660.0, 3540.0])
    assert reader.ask(3660.0) is not None
    told.wait(lambda: len(told.pictures(3660.0)) == 1)
    assert feed.read == [3600.0, 3660.0, 3540.0]


def test_only_what_was_asked_last_counts(reader: PastReader, told: Told, feed: PastFeed) -> None:
    feed.gate.clear()
    reader.ask(60.0)
    told.wait(lambda: reader._wanted is None)
    for moment in range(120, 6000, 60):
        reader.ask(float(moment))
    feed.gate.set()
    told.wait(lambda: bool(told.pictures(5940.0)))
    assert feed.read == [60.0, 5940.0]


def test_a_damaged_snapshot_is_told_and_its_neighbour_is_shown(
    reader: PastReader, told: Told, feed: PastFeed
) -> None:
    feed.broken = {60.0}
    reader.ask(60.0, ahead=(120.0,))
    told.wait(lambda: any(isinstance(one, PastFailed) for one in told.messages))
    (failed,) = [one for one in told.messages if isinstance(one, PastFailed)]
    assert (failed.message, failed.hint, failed.asked) == (
        "data60.json.gz: damaged",
        "another may be whole",
        60.0,
    )
    known = reader.ask(120.0)
    told.wait(lambda: known is not None or bool(told.pictures(120.0)))


def test_a_feed_that_breaks_its_word_is_told_in_words(
    reader: PastReader, told: Told, feed: PastFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Snapshot:
        raise ZeroDivisionError

    monkeypatch.setattr(feed, "at", fail)
    monkeypatch.setattr(feed, "timeline", fail)
    reader.ask(60.0)
    reader.ask_timeline()
    told.wait(lambda: len(told.messages) == 2)
    assert all(isinstance(one, PastFailed) and "could not be read" in one.message for one in told.messages)


@pytest.mark.slow
def test_memory_is_bounded_by_the_size_of_the_snapshots(
    reader: PastReader, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_reader, "MOST_RECORDS", 8)
    for moment in (60.0, 120.0, 180.0, 240.0, 300.0, 360.0):
        reader.ask(moment)
        told.wait(lambda moment=moment: len(told.pictures(moment)) == 2)  # type: ignore[misc]
    # Two records each: four of them, never fewer than the shown one and its neighbours.
    assert list(reader._pictures) == [180.0, 240.0, 300.0, 360.0]


def test_nobody_who_never_looks_back_has_a_thread_for_it(reader: PastReader, told: Told) -> None:
    assert not reader._thread.is_alive()
    reader.ask_timeline()
    told.wait(lambda: bool(told.messages))
    assert reader._thread.is_alive()


def test_small_charts_come_by_and_by_and_end_where_the_user_goes_on(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    gate = threading.Event()

    class Charted(PastFeed):
        def at(self, time: float) -> Snapshot:
            snapshot = super().at(time)
            job = next(iter(snapshot.jobs.values()))
            jobs = {str(number): replace(job, job_id=str(number)) for number in range(100)}
            return replace(snapshot, jobs=jobs)

        def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
            asked.append(len(requests))
            if len(asked) == 2:
                gate.wait(10)
            return [Series(times=(one.start, one.end), values=(50.0, 50.0), unit="%") for one in requests]

    reader = PastReader(Charted(), told.post, DEFAULT_THRESHOLDS, lambda: "kind")
    monkeypatch.setattr(past_reader, "TRENDS_SECONDS", 1e9)
    reader.ask(3600.0)
    told.wait(lambda: len(asked) == 2)
    assert not any(one.picture.trends for one in told.pictures(3600.0))
    reader.ask(7200.0)
    gate.set()
    told.wait(lambda: any(one.picture.trends for one in told.pictures(7200.0)))
    # More at once while that takes no longer; of the first instant no more than was under way.
    assert asked == [24, 96, 24, 96, 80]
    assert not any(one.picture.trends for one in told.pictures(3600.0))
    assert len(told.pictures(7200.0)[-1].picture.trends) == 100
    reader.stop()
