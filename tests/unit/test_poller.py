"""The polling thread: one poll at a time, back-off, stretching, pausing, leaving at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from textual.message import Message

from jobmon_tui.errors import SourceError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.tui.messages import PictureReady, PollFailed, PollState
from jobmon_tui.tui.poller import Poller


class ScriptedFeed(Feed):
    """Does what each step says: a snapshot, an error to raise, or a function to call."""

    title = "scripted"
    interval = 0.01

    def __init__(self, *steps: Snapshot | Exception | Callable[[], Snapshot]) -> None:
        self.steps = list(steps)
        self.calls = 0
        self.closed = threading.Event()

    def latest(self) -> Snapshot:
        step = self.steps[min(self.calls, len(self.steps) - 1)]
        self.calls += 1
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Snapshot) else step()

    def close(self) -> None:
        self.closed.set()


class Inbox:
    """Collects messages and lets a test wait for one."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._change = threading.Condition()

    def post(self, message: Message) -> None:
        with self._change:
            self.messages.append(message)
            self._change.notify_all()

    def wait_for(self, kind: type[Message], count: int = 1) -> list[Message]:
        with self._change:
            assert self._change.wait_for(lambda: len(self._of(kind)) >= count, timeout=10), self.messages
            return self._of(kind)

    def _of(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.messages if isinstance(message, kind)]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def started() -> Iterator[Callable[[Poller], Poller]]:
    pollers: list[Poller] = []

    def start(poller: Poller) -> Poller:
        pollers.append(poller)
        poller.start()
        return poller

    yield start
    for poller in pollers:
        poller.stop()


def picture(message: Message) -> PictureReady:
    assert isinstance(message, PictureReady)
    return message


def failure(message: Message) -> PollFailed:
    assert isinstance(message, PollFailed)
    return message


def test_pictures_come_numbered_and_in_order(inbox: Inbox, started: Callable[[Poller], Poller]) -> None:
    feed = ScriptedFeed(Snapshot(timestamp=1), Snapshot(timestamp=2), Snapshot(timestamp=3))
    started(Poller(feed, inbox.post, 0.001))
    messages = [picture(message).picture for message in inbox.wait_for(PictureReady, 3)[:3]]
    assert [(one.number, one.snapshot.timestamp) for one in messages] == [(1, 1), (2, 2), (3, 3)]


def test_the_same_snapshot_again_is_the_same_picture(
    inbox: Inbox, started: Callable[[Poller], Poller]
) -> None:
    started(Poller(ScriptedFeed(Snapshot(timestamp=1)), inbox.post, 0.001))
    first, second = (picture(message).picture for message in inbox.wait_for(PictureReady, 2)[:2])
    assert first is second


def test_a_failure_says_since_when_and_when_it_is_tried_again(
    inbox: Inbox, started: Callable[[Poller], Poller]
) -> None:
    feed = ScriptedFeed(SourceError("squeue: no answer", "check scontrol ping"))
    before = time.time()
    started(Poller(feed, inbox.post, 0.001))
    first, second = (failure(message).failure for message in inbox.wait_for(PollFailed, 2)[:2])
    assert (first.message, first.hint) == ("squeue: no answer", "check scontrol ping")
    assert before <= first.since <= time.time()
    assert second.since == first.since
    assert first.retry_at is not None
    assert first.retry_at >= first.since


def test_it_waits_longer_after_each_failure_and_recovers_alone(
    inbox: Inbox, started: Callable[[Poller], Poller]
) -> None:
    error = SourceError("down")
    started(Poller(ScriptedFeed(error, error, error, error, Snapshot(timestamp=5)), inbox.post, 0.02))
    inbox.wait_for(PictureReady)
    failures = [failure(message).failure for message in inbox.wait_for(PollFailed, 4)]
    waits = [one.retry_at - one.since for one in failures if one.retry_at is not None]
    assert waits == sorted(waits)
    # 1 + 2 + 4 + 8 intervals, each shortened by jitter by a fifth at the most.
    assert waits[-1] >= 0.8 * 15 * 0.02


def test_an_unforeseen_exception_is_a_failure_in_words_and_the_thread_lives_on(
    inbox: Inbox, started: Callable[[Poller], Poller]
) -> None:
    started(Poller(ScriptedFeed(ZeroDivisionError("oh"), Snapshot(timestamp=1)), inbox.post, 0.001))
    inbox.wait_for(PictureReady)
    (message,) = inbox.wait_for(PollFailed)
    assert "ZeroDivisionError: oh" in failure(message).failure.message


def test_a_slow_feed_stretches_the_interval(inbox: Inbox, started: Callable[[Poller], Poller]) -> None:
    def slow() -> Snapshot:
        threading.Event().wait(0.05)
        return Snapshot(timestamp=1)

    poller = started(Poller(ScriptedFeed(slow), inbox.post, 0.001))
    inbox.wait_for(PictureReady)
    assert poller.pace >= 9 * 0.05
    assert poller.interval == 0.001


def test_while_paused_nothing_is_asked_and_going_on_asks_at_once(
    inbox: Inbox, started: Callable[[Poller], Poller]
) -> None:
    feed = ScriptedFeed(Snapshot(timestamp=1), Snapshot(timestamp=2))
    poller = started(Poller(feed, inbox.post, 3600))
    inbox.wait_for(PictureReady)
    poller.set_paused(True)
    assert feed.calls == 1
    poller.set_paused(False)
    inbox.wait_for(PictureReady, 2)


def test_poll_now_does_not_wait_for_the_interval(inbox: Inbox, started: Callable[[Poller], Poller]) -> None:
    poller = started(Poller(ScriptedFeed(Snapshot(timestamp=1), Snapshot(timestamp=2)), inbox.post, 3600))
    inbox.wait_for(PictureReady)
    inbox.wait_for(PollState, 2)
    poller.poll_now()
    inbox.wait_for(PictureReady, 2)


def test_a_shorter_interval_counts_for_the_poll_that_is_waited_for(
    inbox: Inbox, started: Callable[[Poller], Poller]
) -> None:
    poller = started(Poller(ScriptedFeed(Snapshot(timestamp=1), Snapshot(timestamp=2)), inbox.post, 3600))
    inbox.wait_for(PollState, 2)
    poller.set_interval(0.01)
    inbox.wait_for(PictureReady, 2)


def test_stop_does_not_wait_for_a_poll_that_hangs_and_closes_the_feed(inbox: Inbox) -> None:
    released = threading.Event()
    entered = threading.Event()

    def hang() -> Snapshot:
        entered.set()
        released.wait(30)
        raise SourceError("closed")

    feed = ScriptedFeed(hang)
    poller = Poller(feed, inbox.post, 1)
    poller.start()
    assert entered.wait(10)
    started_at = time.monotonic()
    poller.stop()
    assert time.monotonic() - started_at < 0.5
    assert feed.closed.is_set()
    released.set()
    assert not [message for message in inbox.messages if isinstance(message, PollFailed)]


class CountingFeed(Feed):
    """Notes whose jobs it is asked for."""

    interval = 0.001

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def latest(self) -> Snapshot:
        self.asked.append(self.only_user)
        return Snapshot(timestamp=float(len(self.asked)), only_user=self.only_user)


def test_while_one_user_is_looked_at_most_polls_ask_for_no_more(
    inbox: Inbox, started: Callable[[Poller], Poller]
) -> None:
    feed = CountingFeed()
    poller = Poller(feed, inbox.post, 0.001)
    poller.set_only_user("ada")
    started(poller)
    inbox.wait_for(PictureReady, 13)
    assert feed.asked[:13] == [None, *["ada"] * 5, None, *["ada"] * 5, None]
    pictures = [picture(message).picture for message in inbox.wait_for(PictureReady, 13)]
    assert all(one.snapshot.only_user is None for one in pictures)
    assert [one.snapshot.timestamp for one in pictures[:13]] == [float(number) for number in range(1, 14)]


def test_coming_back_to_everyone_asks_at_once(inbox: Inbox, started: Callable[[Poller], Poller]) -> None:
    feed = CountingFeed()
    poller = Poller(feed, inbox.post, 0.001)
    poller.set_only_user("ada")
    started(poller)
    inbox.wait_for(PictureReady, 3)
    poller.set_interval(3600)
    count = len(feed.asked)
    poller.set_only_user(None)
    inbox.wait_for(PictureReady, count + 1)
    assert feed.asked[-1] is None


def test_one_very_slow_answer_does_not_stretch_the_interval_beyond_a_minute() -> None:
    poller = Poller(ScriptedFeed(Snapshot(timestamp=1)), lambda message: None, 10)
    poller._last_seconds = 29.0
    assert poller.pace == 60.0
    poller.set_interval(300)
    assert poller.pace == 300
