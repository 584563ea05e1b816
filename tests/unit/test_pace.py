"""When cycles are due, whatever they take and whatever happens to the clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.feeds.pace import ClockWatch, Pace


def test_a_quick_cycle_waits_for_the_next_tick() -> None:
    pace = Pace(30, 100)
    assert pace.next(101) == (29, 0)
    assert pace.next(130.5) == (29.5, 0)


def test_a_cycle_that_overruns_leaves_out_what_it_missed() -> None:
    pace = Pace(30, 100)
    assert pace.next(195) == (25, 3)
    assert pace.next(221) == (29, 0)


def test_waiting_that_ends_early_brings_no_tick_twice() -> None:
    pace = Pace(30, 100)
    assert pace.next(101) == (29, 0)
    assert pace.next(129) == (31, 0)


@given(
    st.floats(0.1, 1000),
    st.floats(0, 1e6),
    st.lists(st.floats(0, 1e5), max_size=30),
)
def test_ticks_lie_on_the_grid_ahead_and_none_is_counted_twice(
    interval: float, start: float, works: list[float]
) -> None:
    pace = Pace(interval, start)
    now, tick = start, 0
    for work in works:
        now += work
        wait, missed = pace.next(now)
        assert missed >= 0
        assert 0 <= wait <= interval + 1e-6 * (now + 1)
        tick += missed + 1
        now += wait
        assert now == pytest.approx(start + tick * interval, rel=1e-9, abs=1e-6)


def test_a_clock_that_is_set_is_noticed_once() -> None:
    watch = ClockWatch()
    assert watch.jump(5000, 10) == 0
    assert watch.jump(5030.2, 40) == 0
    assert watch.jump(1460, 70) == pytest.approx(-3600.2)
    assert watch.jump(1490, 100) == 0
    assert watch.jump(9000, 130) == pytest.approx(7480)
