"""Free slots: which nodes give one, of how many cores, and for how long."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.backfill import calculate_backfill
from jobmon_tui.model.snapshot import BackfillSlot, Job, Node, Partition, Reservation, Snapshot

NOW = 10_000.0


def node(name: str, **changes: Any) -> Node:
    whole: dict[str, Any] = {"up": True, "n_cpus": 16, "state": "IDLE", "partitions": ("milan",)}
    return Node(name=name, **{**whole, **changes})


def job(job_id: str, **changes: Any) -> Job:
    whole: dict[str, Any] = {"name": "j", "username": "ann", "state": "RUNNING", "n_cpus": 4}
    return Job(job_id=job_id, **{**whole, **changes})


def planned(job_id: str, nodes: str, start: float | None) -> Job:
    return job(job_id, state="PENDING", scheduled_nodes=nodes, start_time=start)


def backfill(*parts: Node | Job | Reservation | Partition) -> dict[str, dict[int, BackfillSlot]]:
    return calculate_backfill(
        Snapshot(
            timestamp=NOW,
            nodes={one.name: one for one in parts if isinstance(one, Node)},
            jobs={one.job_id: one for one in parts if isinstance(one, Job)},
            reservations=tuple(one for one in parts if isinstance(one, Reservation)),
            partitions=tuple(one for one in parts if isinstance(one, Partition)),
        )
    )


def slot(count: int, shortest: float | None = None, longest: float | None = None) -> BackfillSlot:
    return BackfillSlot(count=count, shortest=shortest, longest=longest)


def test_nodes_are_slots_of_as_many_cores_as_are_free() -> None:
    found = backfill(
        node("c1"),
        node("c2"),
        node("c3"),
        node("c4"),
        job("1", layout={"c2": (0, 1, 2, 3)}),
        job("2", layout={"c2": (4,), "c3": tuple(range(16))}),
        job("3", layout={"c4": (0,)}, state="COMPLETING"),
        job("4", layout={"c1": (0,)}, state="COMPLETED"),
    )
    assert found == {"milan": {11: slot(1), 15: slot(1), 16: slot(1)}}
    assert list(found["milan"]) == [11, 15, 16]


def test_the_schedulers_own_count_knows_jobs_that_the_snapshot_lacks() -> None:
    assert backfill(node("c1", cpus_allocated=10)) == {"milan": {6: slot(1)}}
    taken = job("1", layout={"c1": tuple(range(12))})
    assert backfill(node("c1", cpus_allocated=10), taken) == {"milan": {4: slot(1)}}
    assert backfill(node("c1", cpus_allocated=16)) == {}


def test_a_node_counts_in_each_of_its_partitions() -> None:
    both = node("c1", partitions=("milan", "debug"))
    assert backfill(both) == {"debug": {16: slot(1)}, "milan": {16: slot(1)}}


def test_partitions_tell_their_nodes_where_the_nodes_do_not() -> None:
    nodes = (node("c1", partitions=()), node("c2", partitions=()), node("c3", partitions=()))
    found = backfill(*nodes, Partition(name="rome", nodes="c[1-2,9]"))
    assert found == {"rome": {16: slot(2)}}


@pytest.mark.parametrize("state", ["DOWN", "DRAIN", "INACTIVE"])
def test_a_closed_partition_has_no_slots(state: str) -> None:
    assert backfill(node("c1"), Partition(name="milan", state=state, nodes="c1")) == {}
    assert backfill(node("c1"), Partition(name="milan", state="UP", nodes="c1")) == {"milan": {16: slot(1)}}


def test_a_planned_job_ends_the_slot() -> None:
    found = backfill(
        node("c1"),
        node("c2"),
        planned("1", "c[1-2]", NOW + 500),
        planned("2", "c2", NOW + 90.5),
        planned("3", "c2", NOW + 700),
    )
    assert found == {"milan": {16: slot(2, 90.5, 500)}}


def test_no_end_in_sight_is_none() -> None:
    some = backfill(node("c1"), node("c2"), planned("1", "c2", NOW + 90))
    assert some == {"milan": {16: slot(2, 90, None)}}
    assert backfill(node("c1"), planned("1", "c1", None), planned("2", "", NOW + 5)) == {
        "milan": {16: slot(1, None, None)}
    }


def test_what_a_planned_job_takes_now_is_no_slot() -> None:
    assert backfill(node("c1"), planned("1", "c1", NOW)) == {}
    assert backfill(node("c1"), planned("1", "c1", NOW - 60)) == {}


def test_a_reservation_to_come_ends_the_slot_and_one_that_holds_takes_it() -> None:
    def reserved(start: float | None, end: float | None) -> dict[str, dict[int, BackfillSlot]]:
        return backfill(node("c1"), Reservation(name="m", nodes="c[1-4]", start_time=start, end_time=end))

    assert reserved(NOW + 60, NOW + 120) == {"milan": {16: slot(1, 60, 60)}}
    assert reserved(NOW + 60, None) == {"milan": {16: slot(1, 60, 60)}}
    assert reserved(NOW - 60, NOW + 60) == {}
    assert reserved(None, None) == {}
    assert reserved(NOW - 60, NOW) == {"milan": {16: slot(1)}}


@pytest.mark.parametrize(
    "changes",
    [
        {"up": False},
        {"up": None, "state": None},
        {"state": "DOWN"},
        {"state": "UNKNOWN"},
        {"flags": ("DRAIN",)},
        {"flags": ("NOT_RESPONDING",)},
        {"flags": ("MAINTENANCE",)},
        {"flags": ("RESERVED",)},
        {"state": "RESERVED"},
        {"flags": ("POWERED_DOWN",)},
        {"flags": ("PLANNED",)},
        {"n_cpus": None},
        {"n_cpus": 0},
        {"partitions": ()},
    ],
)
def test_nodes_that_take_no_jobs_give_no_slot(changes: dict[str, Any]) -> None:
    assert backfill(node("c1", **changes)) == {}
    assert backfill(node("c1")) == {"milan": {16: slot(1)}}


def test_a_planned_node_is_a_slot_until_the_known_start() -> None:
    assert backfill(node("c1", flags=("PLANNED",)), planned("1", "c1", NOW + 30)) == {
        "milan": {16: slot(1, 30, 30)}
    }


@pytest.mark.parametrize("nonsense", ["c[1-", "c[5-2]", "c[0-99999999999]"])
def test_nonsense_in_host_lists_ends_nothing(nonsense: str) -> None:
    found = backfill(
        node("c1"), planned("1", nonsense, NOW + 5), Reservation(name="r", nodes=nonsense, start_time=NOW + 5)
    )
    assert found == {"milan": {16: slot(1)}}


starts = st.none() | st.integers(1, 1000)


@given(st.lists(st.tuples(st.integers(0, 16), starts), max_size=12))
def test_slots_add_up_to_the_nodes_with_free_cores(nodes: list[tuple[int, int | None]]) -> None:
    parts: list[Node | Job] = []
    for index, (allocated, start) in enumerate(nodes):
        parts.append(node(f"c{index}", cpus_allocated=allocated))
        if start is not None:
            parts.append(planned(str(index), f"c{index}", NOW + start))
    found = backfill(*parts).get("milan", {})
    assert sum(one.count for one in found.values()) == sum(allocated < 16 for allocated, _ in nodes)
    for cores, one in found.items():
        ends = [start for allocated, start in nodes if 16 - allocated == cores]
        assert one.count == len(ends)
        assert one.shortest == min((end for end in ends if end is not None), default=None)
        known = [end for end in ends if end is not None]
        assert one.longest == (None if None in ends else max(known))
