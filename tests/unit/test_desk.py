"""The thread that answers the newest question on each topic."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from jobmon_tui.tui.desk import Desk
from jobmon_tui.tui.messages import DeskDone
from tests.unit.test_poller import Inbox


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def done(inbox: Inbox, count: int) -> list[tuple[str, object]]:
    messages = inbox.wait_for(DeskDone, count)
    return [(one.topic, one.result) for one in messages if isinstance(one, DeskDone)]


def test_only_the_newest_question_on_a_topic_is_answered(inbox: Inbox) -> None:
    desk = Desk(inbox.post)
    for number in range(100):
        desk.ask("jobs", partial(int, number))
    desk.ask("nodes", lambda: "n")
    desk.start()
    assert done(inbox, 2) == [("jobs", 99), ("nodes", "n")]
    desk.stop()


def test_a_question_asked_while_another_is_worked_on_is_answered_too(inbox: Inbox) -> None:
    desk = Desk(inbox.post)
    entered, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        entered.set()
        go_on.wait(10)
        return "slow"

    desk.start()
    desk.ask("jobs", slow)
    assert entered.wait(10)
    assert not desk.is_idle
    desk.ask("jobs", lambda: "quick")
    go_on.set()
    assert done(inbox, 2) == [("jobs", "slow"), ("jobs", "quick")]
    desk.stop()


def test_work_that_fails_costs_only_itself(inbox: Inbox) -> None:
    desk = Desk(inbox.post)
    desk.ask("broken", lambda: 1 / 0)
    desk.ask("whole", lambda: "fine")
    desk.start()
    assert done(inbox, 1) == [("whole", "fine")]
    desk.stop()


def test_what_is_drawn_first_has_a_head_start(inbox: Inbox) -> None:
    desk = Desk(inbox.post)
    desk.start()
    asked = time.monotonic()
    desk.hold(0.1)
    desk.ask("jobs", lambda: time.monotonic())
    ((_, began),) = done(inbox, 1)
    assert isinstance(began, float)
    assert began >= asked + 0.1
    desk.hold(60)
    desk.stop()
    desk._thread.join(5)
    assert not desk._thread.is_alive()
