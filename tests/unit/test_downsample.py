"""Measurements over time as columns of a chart: nothing is lost, nothing is invented."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.downsample import cumulated, extents, usual_step, with_gaps
from jobmon_tui.model.series import Series


def series(*points: tuple[float, float | None]) -> Series:
    return Series(times=tuple(time for time, _ in points), values=tuple(value for _, value in points))


def test_each_column_has_its_lowest_and_highest_value() -> None:
    one = series((0, 5), (1, 9), (2, 1), (10, 4))
    assert extents(one, 0, 20, 2) == [(1, 9), (4, 4)]


def test_a_value_holds_until_the_next_one_but_not_beyond_a_gap() -> None:
    one = series((0, 5), (3, 7), (4, None), (6, 2))
    assert extents(one, 0, 8, 8) == [(5, 5), (5, 5), (5, 5), (7, 7), None, None, (2, 2), None]


def test_what_was_measured_just_before_holds_into_the_chart() -> None:
    assert extents(series((-5, 3), (2, 4)), 0, 4, 4) == [(3, 3), (3, 3), (4, 4), None]
    assert extents(series((-5, 3), (-4, None), (2, 4)), 0, 4, 4) == [None, None, (4, 4), None]


def test_nothing_comes_of_nothing() -> None:
    assert extents(series(), 0, 10, 3) == [None, None, None]
    assert extents(series((1, 1)), 5, 5, 2) == [None, None]
    assert extents(series((1, 1)), 0, 5, 0) == []


points = st.lists(
    st.tuples(st.floats(0, 1000), st.none() | st.floats(-1e9, 1e9)), max_size=60, unique_by=lambda one: one[0]
).map(lambda found: sorted(found, key=lambda one: one[0]))


@given(points, st.integers(1, 40))
def test_no_spike_is_lost_and_no_value_invented(
    found: list[tuple[float, float | None]], columns: int
) -> None:
    result = extents(series(*found), 0, 1001, columns)
    assert len(result) == columns
    known = [value for _, value in found if value is not None]
    seen = [value for extent in result if extent is not None for value in extent]
    assert set(seen) <= set(known)
    if known:
        assert max(seen) == max(known)
        assert min(seen) == min(known)
    assert all(extent is None or extent[0] <= extent[1] for extent in result)


def test_layers_lie_on_one_another() -> None:
    below, above = series((0, 1), (1, 2), (2, None)), series((0, 10), (1, None), (2, 30))
    assert [one.values for one in cumulated([below, above])] == [(1, 2, None), (11, None, None)]


def test_layers_measured_at_other_times_hold_their_values() -> None:
    below, above = series((0, 1), (10, 2)), series((5, 10), (10, 20))
    first, second = cumulated([below, above])
    assert list(first.times) == list(second.times) == [0, 5, 10]
    assert list(first.values) == [1, 1, 2]
    assert list(second.values) == [None, 11, 22]


def test_what_a_store_leaves_out_becomes_a_gap() -> None:
    one = with_gaps(series((0, 1), (10, 2), (50, 3)), 30)
    assert list(one.times) == [0, 10, 40, 50]
    assert list(one.values) == [1, 2, None, 3]


def test_the_usual_step_is_not_that_of_the_gaps() -> None:
    assert usual_step((0, 10, 20, 30, 400, 410)) == 10
    assert usual_step((5,)) == 0
