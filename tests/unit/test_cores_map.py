"""From the operating system's numbering of CPUs to the scheduler's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.backends.cores_map import (
    CoreShape,
    CoresMap,
    ThreadedNodes,
    join_threads,
    scheduler_to_system,
    system_to_scheduler,
)
from jobmon_tui.backends.host_patterns import EVERY_HOST, HostPatterns
from jobmon_tui.model.measures import CoreUse, CpuTimes, CpuUse
from jobmon_tui.model.snapshot import Node

SHAPES = st.builds(
    lambda sockets, per_socket, threads: CoreShape(sockets * per_socket, threads, sockets),
    st.integers(1, 8),
    st.integers(1, 40),
    st.integers(1, 4),
)


def busy(user: float) -> CpuTimes:
    return CpuTimes(user, 0, 0, 0, 100 - user)


def use(*users: float) -> CpuUse:
    """CPU use in which each core can be told from the others."""
    return CpuUse(busy(50), CoreUse([busy(user) for user in users]))


def users(cpu: CpuUse) -> list[float | None]:
    return [None if core is None else core.user for core in cpu.cores]


def test_two_sockets_in_column_order() -> None:
    assert scheduler_to_system(CoreShape(8, 1, 2)) == (0, 2, 4, 6, 1, 3, 5, 7)


def test_four_sockets_in_column_order() -> None:
    assert scheduler_to_system(CoreShape(8, 1, 4)) == (0, 4, 1, 5, 2, 6, 3, 7)


def test_threads_of_a_core_stand_side_by_side() -> None:
    assert scheduler_to_system(CoreShape(4, 2)) == (0, 4, 1, 5, 2, 6, 3, 7)


def test_columns_and_threads_together() -> None:
    # Socket 0 has the cores 0 and 2, whose second threads are 4 and 6.
    assert scheduler_to_system(CoreShape(4, 2, 2)) == (0, 4, 2, 6, 1, 5, 3, 7)


@given(SHAPES)
def test_the_mapping_is_a_permutation_with_its_inverse(shape: CoreShape) -> None:
    there, back = scheduler_to_system(shape), system_to_scheduler(shape)
    everyone = list(range(shape.cores * shape.threads))
    assert sorted(there) == everyone
    assert [there[back[number]] for number in everyone] == everyone
    assert [back[there[number]] for number in everyone] == everyone


@given(SHAPES)
def test_the_scheduler_goes_by_socket_then_core_then_thread(shape: CoreShape) -> None:
    per_socket = shape.cores // shape.sockets
    for number, system in enumerate(scheduler_to_system(shape)):
        core = system % shape.cores
        assert number // (per_socket * shape.threads) == core % shape.sockets
        assert number % shape.threads == system // shape.cores


@pytest.mark.slow
@given(SHAPES, st.data())
def test_each_reading_arrives_at_its_core(shape: CoreShape, data: st.DataObject) -> None:
    """What the system's CPU does is shown where the scheduler has that CPU."""
    cpus = shape.cores * shape.threads
    values = data.draw(st.lists(st.integers(0, 100), min_size=cpus, max_size=cpus))
    node = Node(name="n1", n_cpus=cpus, sockets=shape.sockets)
    mapping = CoresMap(EVERY_HOST, (ThreadedNodes(EVERY_HOST, shape.cores, shape.threads),))
    mapped = users(mapping.cpu_use(node, use(*values)))
    for system, scheduler in enumerate(system_to_scheduler(shape)):
        assert mapped[scheduler] == values[system]


def test_nodes_that_no_rule_names_stay_as_they_are() -> None:
    mapping = CoresMap(HostPatterns(["john*"]), (ThreadedNodes(HostPatterns(["k[1-4]"]), 2, 2),))
    cpu = use(1, 2, 3, 4)
    assert mapping.cpu_use(Node(name="bryan1", n_cpus=4, sockets=2), cpu) is cpu
    assert users(mapping.cpu_use(Node(name="john1.site", n_cpus=4, sockets=2), cpu)) == [1, 3, 2, 4]
    assert users(mapping.cpu_use(Node(name="k1", n_cpus=4), cpu)) == [1, 3, 2, 4]
    assert mapping.cpu_use(Node(name="k5", n_cpus=4), cpu) is cpu


def test_threads_that_slurm_tells_of_need_no_rule() -> None:
    node = Node(name="n1", n_cpus=8, sockets=2, cores_per_socket=2, threads_per_core=2)
    mapped = CoresMap(EVERY_HOST).cpu_use(node, use(0, 1, 2, 3, 4, 5, 6, 7))
    assert users(mapped) == [0, 4, 2, 6, 1, 5, 3, 7]


def test_sockets_are_two_where_nobody_tells() -> None:
    mapped = CoresMap(EVERY_HOST).cpu_use(Node(name="n1", n_cpus=4), use(0, 1, 2, 3))
    assert users(mapped) == [0, 2, 1, 3]


def test_cores_of_which_slurm_counts_no_threads_are_joined() -> None:
    node = Node(name="n1", n_cpus=2)
    mapping = CoresMap(threaded=(ThreadedNodes(EVERY_HOST, 2, 2),))
    mapped = mapping.cpu_use(node, use(100, 30, 0, 40))
    assert users(mapped) == [100, 70]
    assert mapped.total is not None
    assert (mapped.total.user, mapped.total.idle) == (85, 15)


def test_a_core_is_never_more_than_fully_busy() -> None:
    (joined,) = join_threads(CoreUse([CpuTimes(90, 0, 10, 0, 0), CpuTimes(50, 0, 40, 10.5, 0)]), 2)
    assert joined is not None
    assert sum(joined) == pytest.approx(100)
    assert joined.idle == 0
    assert joined.user == pytest.approx(14000 / 200.5)


TIMES = st.lists(st.floats(0, 25), min_size=4, max_size=4).map(
    lambda spent: CpuTimes(spent[0], spent[1], spent[2], spent[3], 100 - sum(spent))
)


@given(st.lists(st.none() | TIMES, min_size=1, max_size=32), st.integers(1, 4))
def test_joined_cores_sum_to_100(threads: list[CpuTimes | None], each: int) -> None:
    threads = threads[: len(threads) // each * each]
    cores = join_threads(CoreUse(threads), each)
    assert len(cores) == len(threads) // each
    for place, core in enumerate(cores):
        known = [one for one in threads[place * each : (place + 1) * each] if one is not None]
        assert (core is None) == (not known)
        if core is not None:
            assert sum(core) == pytest.approx(100)
            assert core.busy >= max(one.busy for one in known) - max(one.wait for one in known) - 1e-6 or (
                core.idle == pytest.approx(0)
            )


WHOLE = st.lists(st.integers(0, 25), min_size=4, max_size=4).map(
    lambda spent: CpuTimes(spent[0], spent[1], spent[2], spent[3], 100 - sum(spent))
)
FULL = st.integers(0, 100).map(lambda user: CpuTimes(user, 0, 100 - user, 0, 0))


@pytest.mark.slow
@given(st.lists(WHOLE | FULL, max_size=32), st.integers(1, 4))
def test_whole_percentages_come_to_the_same_within_rounding(threads: list[CpuTimes], each: int) -> None:
    threads = threads[: len(threads) // each * each]
    # A part that is not whole makes every other one be reckoned exactly, too.
    exact = join_threads(CoreUse([*threads, *[CpuTimes(0.5, 0, 0, 0, 99.5)] * each]), each)
    whole = join_threads(CoreUse(threads), each)
    assert len(whole) == len(exact) - 1
    for one, other in zip(whole, exact, strict=False):
        assert one is not None
        assert other is not None
        assert sum(one) == 100
        assert all(part == int(part) >= 0 for part in one)
        assert all(abs(part - same) <= 3 for part, same in zip(one, other, strict=True))


def test_cores_that_were_not_reported_are_unknown() -> None:
    node = Node(name="n1", n_cpus=8)
    mapped = CoresMap(threaded=(ThreadedNodes(EVERY_HOST, 4, 2),)).cpu_use(node, use(0, 1, 2, 3))
    assert users(mapped) == [0, None, 1, None, 2, None, 3, None]


@pytest.mark.parametrize(
    ("mapping", "reported"),
    [
        (CoresMap(threaded=(ThreadedNodes(EVERY_HOST, 2, 2),)), 6),
        (CoresMap(EVERY_HOST), 5),
        (CoresMap(EVERY_HOST, (ThreadedNodes(EVERY_HOST, 3, 2),)), 6),
        (CoresMap(threaded=(ThreadedNodes(EVERY_HOST, 10**9, 2),)), 6),
    ],
)
def test_what_does_not_fit_is_unknown_rather_than_wrong(mapping: CoresMap, reported: int) -> None:
    mapped = mapping.cpu_use(Node(name="n1", n_cpus=reported), use(*range(reported)))
    assert len(mapped.cores) == 0
    assert mapped.total == busy(50)


def test_a_shape_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="3 cores cannot stand in 2 sockets"):
        scheduler_to_system(CoreShape(3, 1, 2))


@pytest.mark.slow
@given(
    st.lists(st.none() | TIMES | st.integers(0, 100).map(busy), max_size=20),
    st.lists(st.none() | st.integers(-3, 25), max_size=30),
)
def test_rearranged_readings_come_from_their_places(
    cores: list[CpuTimes | None], places: list[int | None]
) -> None:
    expected = [cores[place] if place is not None and 0 <= place < len(cores) else None for place in places]
    assert list(CoreUse(cores).rearranged(places)) == expected
