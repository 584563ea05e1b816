"""Falling back from one feed to the next, and returning: what is asked when, and what the user is told."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from jobmon_tui.errors import JobmonError, SourceError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.candidate import Choice
from jobmon_tui.feeds.fallback import FallbackFeed
from jobmon_tui.model.snapshot import Snapshot, SourceStatus, Usage
from tests.web_standin import snapshot

NOW = 100_000.0


class Clock:
    """Unix time and the monotonic clock, both moved by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        monkeypatch.setattr("jobmon_tui.feeds.fallback.clock", self)
        monkeypatch.setattr("jobmon_tui.feeds.candidate.clock", self)

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


class Part(Feed):
    """A feed that answers, fails, hangs or is old as the test says; it notes what was done to it."""

    def __init__(self, title: str, clock: Clock, kind: str = "live", past: tuple[float, ...] = ()) -> None:
        self.title, self.kind = title, kind
        self.clock = clock
        self.past = past
        self.error: Exception | None = None
        self.open_error: JobmonError | None = None
        self.age = 0.0
        self.made = self.opened = self.asked = self.closed = 0
        self.hold = threading.Event()
        self.hold.set()
        self.kept: Snapshot | None = None
        self.asked_for: list[str | None] = []

    def make(self) -> Feed:
        self.made += 1
        return self

    def open(self) -> None:
        self.opened += 1
        if self.open_error is not None:
            raise self.open_error

    def latest(self) -> Snapshot:
        self.asked += 1
        self.asked_for.append(self.only_user)
        self.hold.wait(10)
        if self.error is not None:
            raise self.error
        taken = self.clock.now - self.age
        if self.kept is None or self.kept.timestamp != taken:
            self.kept = snapshot(taken)
        return self.kept

    def timeline(self) -> tuple[float, ...]:
        if self.error is not None:
            raise self.error
        return self.past

    def at(self, time: float) -> Snapshot:
        return snapshot(self.past[0])

    def history(self) -> Mapping[float, Usage]:
        return {moment: Usage(available=1, running=1) for moment in self.past}

    def close(self) -> None:
        self.closed += 1


class Three:
    """A spool, a server and Slurm."""

    def __init__(self, clock: Clock, grace: float = 0.0) -> None:
        self.clock = clock
        self.spool = Part("spool /s", clock, "recorded", past=(10.0, 20.0))
        self.url = Part("http h", clock, past=(10.0,))
        self.live = Part("slurm (commands)", clock)
        self.feed = FallbackFeed(
            [
                Choice(name="spool /s", make=self.spool.make, stale_after=180.0, way="spool"),
                Choice(name="http h", make=self.url.make, stale_after=180.0, way="url"),
                Choice(name="slurm", make=self.live.make, way="live"),
            ],
            now=clock.time,
            grace=grace,
        )

    def sources(self) -> dict[str, SourceStatus]:
        return {source.name: source for source in self.feed.latest().sources}

    def passes(self, seconds: float) -> None:
        """Let time go by, and the probes that were due end."""
        self.clock.now += seconds

    def probed(self) -> None:
        """Wait until no probe is under way."""
        for thread in threading.enumerate():
            if thread.name.startswith("jobmon probes"):
                thread.join(10)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr("random.uniform", lambda least, most: 1.0)
    return Clock(monkeypatch)


@pytest.fixture
def three(clock: Clock) -> Iterator[Three]:
    three = Three(clock)
    yield three
    three.feed.close()
    three.probed()


def test_the_first_is_used_and_nothing_else_is_loaded(three: Three) -> None:
    assert (three.feed.title, three.feed.kind, three.feed.way) == ("spool /s", "live", "")
    three.feed.open()
    first = three.feed.latest()
    assert three.feed.latest() is first is three.spool.kept
    assert (three.feed.title, three.feed.kind, three.feed.way) == ("spool /s", "live", "spool")
    assert (three.spool.opened, three.url.made, three.live.made) == (1, 0, 0)


def test_the_next_takes_over_and_the_user_is_told_why(three: Three) -> None:
    three.spool.error = SourceError("the disk is gone", "mount it")
    three.url.age = 500.0
    shown = three.feed.latest()
    assert (three.feed.title, three.feed.way) == ("slurm (commands)", "live")
    spool, url = shown.sources
    assert (spool.name, spool.ok, spool.error, spool.hint) == (
        "spool /s", False, "the disk is gone", "mount it",
    )  # fmt: skip
    assert spool.failing_since == NOW
    assert (url.name, url.error) == ("http h", "its newest snapshot is older than 3 min")
    assert "jobmon collect" in url.hint
    assert url.read_at == NOW - 500
    # As long as nothing changes, it is the same snapshot.
    assert three.feed.latest() is shown


def test_it_returns_to_the_better_one_when_that_is_back(three: Three) -> None:
    three.spool.error = SourceError("the disk is gone")
    assert "spool /s" in three.sources()
    assert three.feed.title == "http h"
    three.passes(6)
    three.feed.latest()
    three.probed()
    three.spool.error = None
    assert three.feed.title == "http h"
    three.passes(11)
    three.feed.latest()
    three.probed()
    assert three.feed.has_news()
    assert three.sources() == {}
    assert three.feed.title == "spool /s"
    assert not three.feed.has_news()
    assert three.spool.opened == 1


def test_a_feed_that_could_not_be_opened_is_opened_again(three: Three) -> None:
    three.spool.open_error = JobmonError("no such folder")
    assert three.sources()["spool /s"].error == "no such folder"
    three.spool.open_error = None
    three.passes(6)
    three.feed.latest()
    three.probed()
    assert three.sources() == {}
    assert three.spool.made == 1


def test_no_poll_waits_for_a_probe_and_probes_get_rarer(three: Three) -> None:
    three.spool.error = SourceError("gone")
    three.feed.latest()
    asked = three.spool.asked
    three.spool.hold.clear()
    three.passes(6)
    begun = time.perf_counter()
    for _ in range(20):
        three.feed.latest()
    assert time.perf_counter() - begun < 2
    three.spool.hold.set()
    three.probed()
    assert three.spool.asked == asked + 1
    tries = []
    for second in range(400):
        three.passes(1)
        before = three.spool.asked
        three.feed.latest()
        three.probed()
        if three.spool.asked > before:
            tries.append(second)
    gaps = [later - one for one, later in itertools.pairwise(tries)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == 60
    assert three.url.asked == 1 + 20 + 400


def test_the_feed_in_use_may_fail_for_a_moment(clock: Clock) -> None:
    three = Three(clock, grace=20.0)
    three.feed.latest()
    three.spool.error = SourceError("being written anew")
    for _ in range(3):
        three.passes(5)
        with pytest.raises(SourceError, match="being written anew"):
            three.feed.latest()
    assert three.url.made == 0
    three.spool.error = None
    assert three.sources() == {}
    three.spool.error = SourceError("gone for good")
    with pytest.raises(SourceError):
        three.feed.latest()
    three.passes(21)
    assert three.sources()["spool /s"].failing_since == clock.now - 21
    assert three.feed.title == "http h"
    three.feed.close()
    three.probed()


def test_at_the_start_there_is_no_grace(clock: Clock) -> None:
    three = Three(clock, grace=1000.0)
    three.spool.error = SourceError("gone")
    assert list(three.sources()) == ["spool /s"]
    three.feed.close()
    three.probed()


def test_an_old_snapshot_is_better_than_none(three: Three) -> None:
    three.spool.age = 900.0
    three.url.age = 700.0
    three.live.error = SourceError("no slurmctld")
    shown = three.feed.latest()
    assert shown.timestamp == NOW - 700
    assert {source.name: source.error for source in shown.sources} == {
        "spool /s": "its newest snapshot is older than 3 min",
        "http h": "its newest snapshot is older than 3 min",
        "slurm": "no slurmctld",
    }
    # What failed is not asked in each poll.
    asked = (three.spool.asked, three.live.asked)
    three.feed.latest()
    assert (three.spool.asked, three.live.asked) == asked
    three.live.error = None
    three.passes(6)
    assert three.feed.latest().timestamp == NOW + 6
    assert three.feed.title == "slurm (commands)"
    three.probed()


def test_when_none_answers_all_say_why(three: Three) -> None:
    for part, words in ((three.spool, "no disk"), (three.url, "no server"), (three.live, "no slurmctld")):
        part.error = SourceError(words, f"mend: {words}")
    for _ in range(3):
        with pytest.raises(JobmonError) as caught:
            three.feed.latest()
        assert caught.value.message == "no disk; no server; no slurmctld"
        assert caught.value.hint == "mend: no disk"
    three.url.error = None
    assert list(three.sources()) == ["spool /s"]


def test_a_feed_that_breaks_is_told_like_one_that_fails(three: Three) -> None:
    three.spool.error = ZeroDivisionError("oh")
    assert three.sources()["spool /s"].error == "spool /s: ZeroDivisionError: oh"


def test_only_one_user_is_passed_on(three: Three) -> None:
    three.feed.only_user = "ann"
    three.feed.latest()
    three.spool.error = SourceError("gone")
    three.feed.latest()
    assert three.spool.asked_for[0] == three.url.asked_for[-1] == "ann"


def test_the_past_is_that_of_the_feed_in_use_or_of_the_first_that_has_one(three: Three) -> None:
    with_spool = three.feed
    assert with_spool.timeline() == (10.0, 20.0)
    assert (three.spool.asked, three.url.made) == (0, 0)
    with_spool.latest()
    assert with_spool.at(0).timestamp == 10
    three.spool.age = 1000.0
    three.url.age = 1000.0
    with_spool.latest()
    assert with_spool.title == "slurm (commands)"
    # Slurm knows the present only; a spool that is not fresh any more still has its past.
    assert with_spool.timeline() == (10.0, 20.0)
    assert list(with_spool.history()) == [10.0, 20.0]
    assert with_spool.window(5, 5) == ()
    three.probed()


def test_one_that_does_not_answer_is_not_asked_for_the_past(three: Three) -> None:
    three.feed.latest()
    three.spool.error = SourceError("hangs")
    three.feed.latest()
    assert three.feed.timeline() == (10.0,)


def test_nothing_is_known_of_the_past_before_there_is_anything(clock: Clock) -> None:
    failing = Part("spool /s", clock)
    failing.open_error = JobmonError("no such folder")
    feed = FallbackFeed([Choice(name="spool /s", make=failing.make)])
    with pytest.raises(JobmonError, match="no such folder"):
        feed.timeline()
    with pytest.raises(JobmonError, match="no snapshot yet"):
        feed.backfill()


def test_close_closes_what_was_made_and_ends_what_is_under_way(three: Three) -> None:
    three.spool.error = SourceError("gone")
    three.feed.latest()
    three.feed.close()
    assert (three.spool.closed, three.url.closed, three.live.closed) == (1, 1, 0)
    three.url.error = SourceError("closed")
    for call in (three.feed.latest, three.feed.timeline, three.feed.backfill):
        with pytest.raises(JobmonError, match="closed"):
            call()
    assert three.live.made == 0


def test_close_while_a_feed_is_being_made(clock: Clock) -> None:
    made, go_on = threading.Event(), threading.Event()
    part = Part("spool /s", clock)

    def make() -> Feed:
        made.set()
        go_on.wait(10)
        return part

    feed = FallbackFeed([Choice(name="spool /s", make=make)])
    polling = threading.Thread(target=_ignoring_errors(feed.latest))
    polling.start()
    assert made.wait(10)
    feed.close()
    go_on.set()
    polling.join(10)
    assert part.closed == 1


def _ignoring_errors(call: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        with contextlib.suppress(JobmonError):
            call()

    return run
