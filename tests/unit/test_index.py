"""A snapshot looked at by user, by node and in total."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.index import index_snapshot
from jobmon_tui.model.snapshot import CoreUse, CpuTimes, Job, Node, Snapshot, Usage, Used


def job(job_id: str, **changes: object) -> Job:
    made: dict[str, object] = {"name": "x", "username": "ada", "state": "RUNNING", "n_cpus": 1}
    return Job(job_id=job_id, **(made | changes))  # type: ignore[arg-type]


def snapshot(nodes: list[Node], jobs: list[Job], usage: Usage | None = None) -> Snapshot:
    return Snapshot(
        timestamp=100,
        nodes={node.name: node for node in nodes},
        jobs={one.job_id: one for one in jobs},
        usage=usage,
    )


def test_totals_of_nodes_by_condition() -> None:
    nodes = [
        Node(name="a", state="IDLE", n_cpus=4, up=True),
        Node(name="b", state="MIXED", n_cpus=4, up=True, cpus_allocated=1),
        Node(name="c", state="IDLE", flags=("DRAIN",), n_cpus=4),
        Node(name="d", state="DOWN", flags=("DRAIN",), n_cpus=4),
        Node(name="e", state="IDLE", flags=("NOT_RESPONDING",), n_cpus=4),
        Node(name="f"),
    ]
    totals = index_snapshot(snapshot(nodes, [])).totals
    assert (totals.nodes, totals.nodes_up, totals.nodes_drained) == (6, 2, 1)
    assert (totals.nodes_down, totals.nodes_unknown, totals.nodes_in_use) == (2, 1, 1)
    assert totals.cores_available == 20


def test_unknown_amounts_are_none_and_not_zero() -> None:
    totals = index_snapshot(snapshot([Node(name="a")], [])).totals
    assert totals.cores_available is None
    assert totals.gpus_available is None
    assert totals.memory_used is None
    assert totals.memory_available is None


def test_bonus_nodes_count_only_while_in_use() -> None:
    nodes = [
        Node(name="a", n_cpus=4, n_gpus=1),
        Node(name="b", n_cpus=4, n_gpus=2, is_counted=False),
        Node(name="c", n_cpus=4, n_gpus=4, is_counted=False),
    ]
    running = job("1", layout={"c": (0,)})
    assert index_snapshot(snapshot(nodes, [running])).totals.gpus_available == 5
    assert index_snapshot(snapshot(nodes, [])).totals.gpus_available == 1
    said = Usage(available=99, running=1)
    assert index_snapshot(snapshot(nodes, [running], said)).totals.cores_available == 99


def test_measured_memory_goes_before_allocated() -> None:
    allocated = Node(name="a", memory_total=100, memory_allocated=40, state="IDLE")
    measured = Node(name="b", memory=Used(10, 80), memory_total=100, memory_allocated=40, state="IDLE")
    down = Node(name="c", memory_total=100, memory_allocated=0, state="DOWN")
    totals = index_snapshot(snapshot([allocated, down], [])).totals
    assert (totals.memory_used, totals.memory_available, totals.memory_is_measured) == (40, 100, False)
    totals = index_snapshot(snapshot([allocated, measured], [])).totals
    assert (totals.memory_used, totals.memory_available, totals.memory_is_measured) == (10, 80, True)


def test_users_with_running_and_pending_tasks() -> None:
    jobs = [
        job("1", n_cpus=4, n_gpus=1),
        job("2_[0-9]", state="PENDING", n_cpus=2, task_count=10),
        job("3", username="bob", n_cpus=6),
        job("4", username="cyd", state="COMPLETED"),
    ]
    users = index_snapshot(snapshot([Node(name="a", n_cpus=20)], jobs)).users
    assert [user.name for user in users] == ["bob", "ada"]
    ada = users[1]
    assert (ada.cores, ada.gpus, ada.running, ada.pending, ada.pending_cores) == (4, 1, 1, 10, 20)
    assert ada.share == 20.0


def test_who_holds_what_on_a_node() -> None:
    jobs = [
        job("2", layout={"a": (2, 3)}, gpu_layout={"a": (1,)}),
        job("1", layout={"a": (0,), "b": (0,)}),
        job("3", state="PENDING", layout={"a": (9,)}),
        job("4", state="COMPLETING", layout={"a": (7,)}),
    ]
    index = index_snapshot(snapshot([Node(name="a"), Node(name="b")], jobs))
    assert index.jobs_on_node["a"] == ("1", "2", "4")
    assert index.core_owners("a") == {0: "1", 2: "2", 3: "2", 7: "4"}
    assert index.gpu_owners("a") == {1: "2"}
    assert index.core_owners("nowhere") == {}
    assert index.nodes_of_user["ada"] == {"a", "b"}


def test_places_in_line_are_by_priority_within_each_partition() -> None:
    jobs = [
        job("1", state="PENDING", partition="main", priority=5),
        job("2", state="PENDING", partition="main", priority=9),
        job("3", state="PENDING", partition="gpu,main", priority=1),
        job("4", state="PENDING", partition="main", priority=0, reason="JobHeldUser"),
        job("5", partition="main", priority=99),
    ]
    line = index_snapshot(snapshot([], jobs)).line
    assert line == {"2": (1, 3), "1": (2, 3), "3": (1, 1)}


times = st.tuples(*[st.floats(min_value=0, max_value=300, allow_nan=False)] * 5)
whole = st.tuples(*[st.integers(min_value=0, max_value=100).map(float)] * 5)


@pytest.mark.slow
@given(st.lists(st.none() | times | whole, max_size=20))
def test_packed_core_readings_give_back_what_was_put_in(cores: list[tuple[float, ...] | None]) -> None:
    packed = CoreUse(cores)
    assert len(packed) == len(cores)
    assert list(packed) == [None if core is None else CpuTimes(*core) for core in cores]
    assert packed == CoreUse(cores)
    assert hash(packed) == hash(CoreUse(list(cores)))
    assert packed[-1:] == list(packed)[-1:]


def test_packed_core_readings_refuse_an_index_beyond() -> None:
    packed = CoreUse([(100, 0, 0, 0, 0)])
    assert packed[-1] == packed[0] == CpuTimes(100, 0, 0, 0, 0)
    for index in (1, -2):
        try:
            packed[index]
        except IndexError:
            continue
        raise AssertionError("no IndexError")
