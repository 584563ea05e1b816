"""The feed that runs a backend."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import pytest

from jobmon_tui.backends.base import BackendBase
from jobmon_tui.errors import PluginError, SourceError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.feeds.one_user import OneUserFeed
from jobmon_tui.model.snapshot import Job, Node, Snapshot, Usage


class Site(BackendBase):
    title = "a site"
    default_interval = 3.0

    def __init__(self) -> None:
        self.calls: list[str] = []

    def init(self) -> None:
        self.calls.append("init")
        self.title = "a site (by telephone)"

    def pre_update(self) -> None:
        self.calls.append("pre_update")

    def nodes(self) -> Iterable[Node]:
        return [Node(name="n1", n_cpus=4, state="IDLE", partitions=("main",))]

    def jobs(self) -> Iterable[Job]:
        return [
            Job(job_id="1", name="x", username="ada", state="PENDING", n_cpus=1),
            Job(job_id="2", name="y", username="bea", state="PENDING", n_cpus=1),
        ]

    def timestamp(self) -> float:
        return 5000.0

    def close(self) -> None:
        self.calls.append("close")


def test_life_of_a_feed() -> None:
    site = Site()
    feed = LiveFeed(site)
    assert (feed.title, feed.kind, feed.interval) == ("a site", "live", 3.0)
    assert site.calls == []
    feed.open()
    assert feed.title == "a site (by telephone)"
    assert set(feed.latest().nodes) == {"n1"}
    assert feed.at(0).timestamp == 5000.0
    assert feed.timeline() == ()
    feed.close()
    feed.close()
    assert site.calls == ["init", "pre_update", "pre_update", "close"]
    with pytest.raises(SourceError, match="closed"):
        feed.latest()


def test_backfill_comes_from_the_newest_cycle() -> None:
    feed = LiveFeed(Site())
    assert feed.backfill() == {}
    feed.latest()
    (slot,) = feed.backfill()["main"].values()
    assert (slot.count, slot.shortest, slot.longest) == (1, None, None)


def test_backfill_of_a_backend_that_makes_its_snapshots_itself() -> None:
    class Own(BackendBase):
        def cycle(self) -> Snapshot:
            return Snapshot(
                timestamp=1.0, nodes={"n": Node(name="n", n_cpus=2, partitions=("p",), state="IDLE")}
            )

    feed = LiveFeed(Own())
    assert feed.latest().timestamp == 1.0
    assert list(feed.backfill()) == ["p"]


def test_failing_backfill_is_told_with_the_next_snapshot() -> None:
    class Broken(Site):
        broken = True

        def calculate_backfill(self) -> dict[str, Any]:
            if self.broken:
                raise ZeroDivisionError
            return {}

    site = Broken()
    feed = LiveFeed(site)
    assert all(source.ok for source in feed.latest().sources)
    assert feed.backfill() == {}
    (failed,) = [source for source in feed.latest().sources if not source.ok]
    assert failed.name == "test_live.py: calculate_backfill()"
    assert failed.failing_since == 5000.0
    site.broken = False
    feed.backfill()
    assert all(source.ok for source in feed.latest().sources)


@pytest.mark.parametrize("answer", [None, {}, "snapshot"])
def test_a_cycle_that_makes_no_snapshot(answer: object) -> None:
    backend = type("Own", (BackendBase,), {"cycle": lambda self: answer})()
    with pytest.raises(PluginError, match="expected a Snapshot"):
        LiveFeed(backend).latest()


def test_closing_from_another_thread_ends_a_cycle() -> None:
    class Slow(Site):
        def __init__(self) -> None:
            super().__init__()
            self.under_way = threading.Event()
            self.closed = threading.Event()

        def pre_update(self) -> None:
            self.under_way.set()
            assert self.closed.wait(10), "close() never came"
            raise SourceError("interrupted")

        def close(self) -> None:
            self.closed.set()

    site = Slow()
    feed = LiveFeed(site)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            feed.latest()
        except SourceError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert site.under_way.wait(10)
    feed.close()
    thread.join(10)
    assert [str(failure) for failure in failures] == ["interrupted"]


def test_a_failing_close_is_no_failure() -> None:
    class Broken(Site):
        def close(self) -> None:
            raise OSError

    LiveFeed(Broken()).close()


@pytest.mark.parametrize("pace", [0, -1, None, "10", float("nan")])
def test_a_pace_that_makes_no_sense_is_ours(pace: object) -> None:
    backend = type("Odd", (BackendBase,), {"default_interval": pace})()
    assert LiveFeed(backend).interval == 10.0


def test_one_users_feed_keeps_their_jobs_only() -> None:
    feed = OneUserFeed(LiveFeed(Site()), "bea")
    feed.open()
    for snapshot in (feed.latest(), feed.at(1.0)):
        assert set(snapshot.jobs) == {"2"}
        assert snapshot.only_user == "bea"
        assert set(snapshot.nodes) == {"n1"}
    assert (feed.title, feed.interval) == ("a site (by telephone)", 3.0)
    assert list(feed.backfill()) == ["main"]
    assert (feed.timeline(), feed.window(1.0, 1.0)) == ((), ())
    feed.close()
    with pytest.raises(SourceError, match="closed"):
        feed.latest()


def test_one_users_feed_passes_on_what_it_is_told_of_the_rest() -> None:
    class Written(Feed):
        title, news_every = "written", 0.5

        def latest(self) -> Snapshot:
            self.written_every = 30.0
            return Snapshot(timestamp=1.0)

        def has_news(self) -> bool:
            return True

        def history(self) -> dict[float, Usage]:
            return {1.0: Usage(available=4, running=2)}

    feed = OneUserFeed(Written(), "bea")
    assert (feed.news_every, feed.written_every) == (0.5, None)
    feed.latest()
    assert feed.written_every == 30.0
    assert feed.has_news()
    assert feed.history() == {1.0: Usage(available=4, running=2)}


def test_a_backend_that_knows_its_past_is_asked_for_it() -> None:
    class Knowing(Site):
        def timeline(self) -> list[float]:
            return [30.0, 10, 20]

        def at(self, time: float) -> Snapshot:
            return Snapshot(timestamp=time)

        def history(self) -> dict[float, Usage]:
            return {20.0: Usage(available=4, running=1), 10.0: Usage(available=4, running=0)}

    feed = LiveFeed(Knowing())
    assert feed.timeline() == (10, 20, 30)
    assert feed.at(20) == Snapshot(timestamp=20)
    assert [one.timestamp for one in feed.window(20, 100)] == [10, 20]
    assert list(feed.history()) == [10, 20]
    feed.close()
    with pytest.raises(SourceError, match="closed"):
        feed.at(20)


@pytest.mark.parametrize(
    ("method", "answer", "message"),
    [
        ("timeline", 5, "expected a list of times"),
        ("timeline", ["noon"], "expected a number"),
        ("at", None, "expected a Snapshot"),
        ("history", {1.0: 5}, "expected a mapping of times to core usage"),
        ("history", [1], "expected a mapping of times to core usage"),
    ],
)
def test_nonsense_about_the_past_is_told(method: str, answer: object, message: str) -> None:
    backend = type("Odd", (Site,), {method: lambda self, *arguments: answer})()
    feed = LiveFeed(backend)
    call: Any = {"timeline": feed.timeline, "at": lambda: feed.at(1.0), "history": feed.history}[method]
    with pytest.raises(PluginError, match=message):
        call()
