"""The kept past as a whole: going from one instant to another, and how full the cluster was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.timeline import Timeline
from jobmon_tui.model.snapshot import Usage

TIMES = st.lists(st.integers(0, 10_000), min_size=1, max_size=40, unique=True).map(
    lambda times: tuple(float(time) for time in sorted(times))
)


def usage(running: int, available: int = 100, **users: int) -> Usage:
    return Usage(available=available, running=running, users=users)


@given(TIMES, st.floats(-100, 11_000))
def test_the_nearest_instant_is_nearest(times: tuple[float, ...], time: float) -> None:
    nearest = Timeline(times).nearest(time)
    assert nearest in times
    assert abs(nearest - time) == min(abs(one - time) for one in times)


@given(TIMES, st.integers(-50, 50), st.data())
def test_steps_count_instants_and_stop_at_the_ends(
    times: tuple[float, ...], steps: int, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(times) - 1))
    expected = times[max(0, min(len(times) - 1, place + steps))]
    assert Timeline(times).stepped(times[place], steps) == expected


def test_a_step_from_between_two_instants_goes_to_the_next_one() -> None:
    timeline = Timeline((10.0, 20.0, 30.0))
    assert timeline.stepped(24.0, -1) == 20
    assert timeline.stepped(24.0, 1) == 30


def test_shares_are_means_and_what_nobody_knows_is_no_share() -> None:
    history = {0.0: usage(50, ada=10), 10.0: usage(100, ada=30), 25.0: usage(0), 39.0: usage(5, available=0)}
    shares = Timeline(tuple(history), history).shares(0, 40, 4, "ada")
    assert shares[0] == (0.5, 0.1)
    assert shares[1] == (1.0, 0.3)
    assert shares[2] == (0.0, 0.0)
    # Without any core there is no share of them.
    assert shares[3] is None


def test_a_kept_instant_without_a_known_use_shows_the_one_before_it_for_a_while() -> None:
    times = tuple(30.0 * number for number in range(21))
    history = {90.0: usage(50), 180.0: usage(70)}
    shares = Timeline((*times[:7], *times[8:]), history).shares(0, 600, 20)
    used = [None if share is None else share.used for share in shares]
    # Nothing is known of what was before, nor where nothing was kept (at 210), nor for long.
    assert used == [None] * 3 + [0.5] * 3 + [0.7, None] + [0.7] * 5 + [None] * 7


def test_the_last_instant_belongs_to_the_last_part() -> None:
    timeline = Timeline((0.0, 40.0), {0.0: usage(1), 40.0: usage(100)})
    shares = timeline.shares(0, 40, 4)
    assert shares[3] is not None
    assert shares[3].used == 1
    assert timeline.recorded(0, 40, 4) == [True, False, False, True]


def test_no_width_and_no_time_have_no_parts() -> None:
    timeline = Timeline((0.0,), {0.0: usage(1)})
    assert timeline.shares(0, 0, 10) == []
    assert timeline.shares(0, 10, 0) == []
    assert timeline.recorded(0, 0, 3) == [False, False, False]
