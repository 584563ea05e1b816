"""Where in time the app is: moving, playing, marking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from jobmon_tui.analysis.groups import Grouper
from jobmon_tui.analysis.timeline import Timeline
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.tui.past_reader import PastReader
from jobmon_tui.tui.picture import Picture, picture_of
from jobmon_tui.tui.time_machine import SPEEDS, TIMELINE_PACE, TimeMachine


class Reader:
    """Writes down what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.ahead: list[Sequence[float]] = []
        self.timelines = 0
        self.known: Picture | None = None

    def ask(self, time: float, ahead: Sequence[float] = ()) -> Picture | None:
        self.asked.append(time)
        self.ahead.append(ahead)
        return self.known

    def ask_timeline(self) -> None:
        self.timelines += 1


def picture(time: float) -> Picture:
    return picture_of(Snapshot(timestamp=time), Grouper(), "kind")


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def machine(reader: Reader) -> TimeMachine:
    machine = TimeMachine(lambda: cast("PastReader", reader), clock=lambda: 7000.0)
    machine.timeline_read(Timeline(tuple(float(time) for time in range(0, 6001, 60))))
    return machine


def arrive(machine: TimeMachine) -> None:
    assert machine.asked is not None
    assert machine.arrived(picture(machine.asked), machine.asked)


def waits(machine: TimeMachine) -> bool:
    return machine.is_waiting


def test_the_first_step_goes_to_the_snapshot_before_the_newest(machine: TimeMachine, reader: Reader) -> None:
    machine.step(-1)
    assert reader.asked == [5940]
    assert machine.is_past
    assert waits(machine)
    arrive(machine)
    assert not waits(machine)
    # Whoever goes back is likely to go on so.
    machine.step(-1)
    assert reader.ahead[-1] == [5820, 5940]
    machine.step(1)
    assert reader.ahead[-1] == [6000, 5880]


def test_jumps_go_to_the_nearest_and_at_least_to_the_next(machine: TimeMachine, reader: Reader) -> None:
    machine.jump(-600)
    machine.jump(-3600)
    machine.jump(20)
    machine.jump(-20)
    machine.jump(-1e9)
    machine.jump(1e9)
    assert reader.asked == [5400, 1800, 1860, 1800, 0, 6000]


def test_where_nothing_is_kept_nothing_moves(reader: Reader) -> None:
    machine = TimeMachine(lambda: cast("PastReader", reader), clock=lambda: 0.0)
    for move in (machine.to_first, machine.to_last, machine.toggle_playing):
        move()
    machine.step(-1)
    machine.jump(-60)
    machine.to(5.0)
    assert not reader.asked
    assert not machine.is_past


def test_a_picture_that_is_at_hand_is_shown_at_once(reader: Reader) -> None:
    shown: list[Picture | None] = []
    machine = TimeMachine(
        lambda: cast("PastReader", reader), lambda: 7000.0, lambda: shown.append(reader.known)
    )
    machine.timeline_read(Timeline((0.0, 60.0)))
    machine.to(0)
    assert not shown
    reader.known = picture(60)
    machine.to(60)
    assert shown == [reader.known]
    assert machine.shown is reader.known
    assert not machine.is_waiting


def test_what_is_typed_before_the_timeline_is_read_is_not_lost(reader: Reader) -> None:
    machine = TimeMachine(lambda: cast("PastReader", reader), lambda: 7000.0)
    for _ in range(3):
        machine.step(-1)
    machine.jump(-600)
    assert not reader.asked
    machine.timeline_read(Timeline(tuple(float(time) for time in range(0, 6001, 60))))
    assert reader.asked == [5940, 5880, 5820, 5220]
    # Once only, and not for whoever has gone back to the present.
    machine.timeline_read(machine.timeline)
    assert len(reader.asked) == 4
    other = TimeMachine(lambda: cast("PastReader", reader), lambda: 7000.0)
    other.step(-1)
    other.to_present()
    other.timeline_read(machine.timeline)
    assert len(reader.asked) == 4


def test_a_picture_that_comes_after_the_return_is_not_shown(machine: TimeMachine) -> None:
    machine.to(60)
    machine.to_present()
    assert not machine.arrived(picture(60), 60.0)
    assert machine.shown is None


def test_one_that_was_asked_for_before_shows_that_time_passes(machine: TimeMachine) -> None:
    machine.to(60)
    machine.to(120)
    assert machine.arrived(picture(60), 60.0)
    assert machine.is_waiting


def test_one_that_comes_after_the_wanted_one_is_not_shown(machine: TimeMachine) -> None:
    machine.to(60)
    machine.to(120)
    arrive(machine)
    assert not machine.arrived(picture(60), 60.0)
    assert machine.shown is not None
    assert machine.shown.snapshot.timestamp == 120


def test_what_cannot_be_read_is_told_and_stops_playing(machine: TimeMachine) -> None:
    machine.to(60)
    machine.toggle_playing()
    machine.failed("damaged", 120.0)
    problems = [machine.problem]
    machine.failed("damaged", 60.0)
    problems.append(machine.problem)
    assert not machine.is_playing
    machine.step(1)
    assert [*problems, machine.problem] == ["", "damaged", ""]


def test_playing_goes_on_at_its_speed_and_waits_for_pictures(machine: TimeMachine, reader: Reader) -> None:
    machine.to(0)
    machine.toggle_playing()
    machine.pass_time(1)
    assert reader.asked == [0]  # Its picture is not there yet.
    arrive(machine)
    machine.pass_time(1)  # 300 seconds of the cluster's time
    assert reader.asked[-1] == 300
    arrive(machine)
    machine.change_speed(-10)
    assert machine.speed == SPEEDS[0]
    machine.pass_time(1)
    assert reader.asked[-1] == 300  # 30 seconds: no other snapshot yet.
    machine.pass_time(1)
    assert reader.asked[-1] == 360
    arrive(machine)
    machine.change_speed(10)
    machine.pass_time(100)
    assert reader.asked[-1] == 6000
    assert not machine.is_playing
    # At the end it begins where everything does.
    machine.toggle_playing()
    assert reader.asked[-1] == 0


def test_the_timeline_is_read_anew_now_and_then(reader: Reader) -> None:
    now = [0.0]
    machine = TimeMachine(lambda: cast("PastReader", reader), clock=lambda: now[0])
    machine.read_timeline()
    machine.timeline_read(Timeline())
    machine.read_timeline()
    assert reader.timelines == 1
    now[0] += TIMELINE_PACE
    machine.read_timeline()
    assert reader.timelines == 2
    now[0] -= 3600  # The clock was set back.
    machine.read_timeline()
    machine.read_timeline(again=True)
    assert reader.timelines == 4


def test_the_mark_is_put_moved_and_taken_off(machine: TimeMachine) -> None:
    present = picture(6000)
    machine.toggle_mark(present)
    assert machine.marked is present
    machine.to(60)
    arrive(machine)
    machine.toggle_mark(present)
    assert machine.marked is machine.shown
    machine.toggle_mark(present)
    assert machine.marked is None
