"""Readings of cores: exact whatever they are, and small where they are what collectors report."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.model.measures import CoreUse, CpuTimes

WHOLE = st.integers(0, 100).map(float)
DECIMAL = st.integers(0, 1000).map(lambda tenths: tenths / 10)
ANY = st.floats(allow_nan=False)


@pytest.mark.slow
@given(data=st.data(), numbers=st.sampled_from([WHOLE, DECIMAL, ANY]))
def test_cores_come_back_exactly_as_they_were(data: st.DataObject, numbers: st.SearchStrategy[float]) -> None:
    times = st.tuples(numbers, numbers, numbers, numbers, numbers)
    cores = data.draw(st.lists(st.one_of(st.none(), times), max_size=6))
    use = CoreUse(cores)
    assert list(use) == [None if core is None else CpuTimes(*core) for core in cores]
    assert use == CoreUse(list(use))
    assert hash(use) == hash(CoreUse(list(use)))


@pytest.mark.slow
@given(data=st.data(), numbers=st.sampled_from([WHOLE, DECIMAL, st.floats(0, 100)]))
def test_sums_and_other_orders_are_those_of_the_single_cores(
    data: st.DataObject, numbers: st.SearchStrategy[float]
) -> None:
    times = st.tuples(numbers, numbers, numbers, numbers, numbers)
    lacking = [st.none()] if data.draw(st.booleans()) else []
    use = CoreUse(data.draw(st.lists(st.one_of(*lacking, times), min_size=1, max_size=8)))
    order = data.draw(st.permutations(range(len(use))))
    assert list(use.rearranged(order)) == [use[place] for place in order]
    first = data.draw(st.integers(0, len(use)))
    for chosen in (order[: len(use) // 2 + 1], list(range(first, len(use) + 1)), list(range(first))):
        known = [core for place in chosen if place < len(use) and (core := use[place]) is not None]
        count, sums = use.summed(chosen)
        assert count == len(known)
        assert sums == pytest.approx([sum(core[kind] for core in known) for kind in range(5)])


@pytest.mark.parametrize(
    ("core", "each"), [((1, 2, 3, 4, 90), 5), ((1.5, 2, 3, 4, 89.5), 10), ((0.25, 1, 1, 1, 1), 40)]
)
def test_a_million_cores_take_no_more_than_they_need(core: tuple[float, ...], each: int) -> None:
    def size(count: int) -> int:
        return sys.getsizeof(CoreUse([core] * count)._numbers)

    assert size(1000) - size(500) == 500 * each


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -0.5, 6553.7, 1e300])
def test_numbers_that_are_no_percentages_do_no_harm(odd: float) -> None:
    (core,) = CoreUse([(odd, 0.5, 0, 0, 0)])
    assert core is not None
    assert repr(core.user) == repr(odd)
    assert core.nice == 0.5
