"""What a job makes of what it has, with figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.usage import core_usage, gpu_at, job_usage, node_usage, usage_by_node
from jobmon_tui.model.snapshot import (
    CoreUse,
    CpuTimes,
    CpuUse,
    Gpu,
    Job,
    Node,
    ReadWrite,
    Snapshot,
    Traffic,
    Usage,
    Used,
)

CORES = [(10, 5, 1, 2, 82), (50, 0, 3, 4, 43), (90, 1, 5, 0, 4), None]


def node(name: str = "c1", **changes: Any) -> Node:
    whole = Node(
        name=name,
        n_cpus=4,
        cpu=CpuUse(None, CoreUse(CORES)),
        memory=Used(3000, 64000),
        infiniband=Traffic(11, 12, 13, 14),
        lustre=ReadWrite(21, 22),
        gpus=(Gpu("gpu0", 30, Used(100, 1000)), Gpu("gpu1", 70, Used(300, 3000))),
    )
    return replace(whole, **changes)


def job(**changes: Any) -> Job:
    whole = Job(
        job_id="7",
        name="j",
        username="ann",
        state="RUNNING",
        n_cpus=2,
        layout={"c1": (0, 2)},
        memory={"c1": 700},
        memory_max=800,
        jobfs={"c1": 55},
    )
    return replace(whole, **changes)


def snapshot(*nodes: Node, jobs: tuple[Job, ...] = ()) -> Snapshot:
    return Snapshot(
        timestamp=1, nodes={one.name: one for one in nodes}, jobs={one.job_id: one for one in jobs}
    )


# On one node


def test_cpu_is_the_mean_over_the_jobs_own_cores() -> None:
    used = node_usage(job(), node())
    # Cores 0 and 2: user and nice (10 + 5 + 90 + 1) / 2, and so on.
    assert (used.user, used.system, used.wait, used.idle) == (53, 3, 1, 43)
    assert (used.cores, used.cores_reported) == (2, 2)


@pytest.mark.parametrize("unreported", [3, 4, 300])
def test_a_core_that_was_not_reported_adds_nothing_but_counts(unreported: int) -> None:
    used = node_usage(job(layout={"c1": (1, unreported)}), node())
    assert (used.user, used.system, used.wait, used.idle) == (25, 1.5, 2, 21.5)
    assert (used.cores, used.cores_reported) == (2, 1)


def test_without_cpu_readings_everything_is_zero_and_said_to_be_unreported() -> None:
    used = node_usage(job(), node(cpu=None))
    assert (used.user, used.system, used.wait, used.idle) == (0, 0, 0, 0)
    assert used.cores_reported == 0


def test_gpus_are_a_mean_over_the_jobs_own() -> None:
    both = node_usage(job(n_gpus=2, gpu_layout={"c1": (0, 1)}), node())
    assert (both.gpu, both.gpu_memory_used, both.gpu_memory_total) == (50, 200, 2000)
    second = node_usage(job(n_gpus=1, gpu_layout={"c1": (1,)}), node())
    assert (second.gpu, second.gpu_memory_used, second.gpu_memory_total) == (70, 300, 3000)


def test_a_gpu_that_was_not_reported_adds_nothing_but_counts() -> None:
    used = node_usage(job(n_gpus=2, gpu_layout={"c1": (1, 5)}), node())
    assert (used.gpu, used.gpu_memory_used, used.gpu_memory_total) == (35, 150, 1500)


@pytest.mark.parametrize("gpus", [None, ()])
def test_gpus_are_zero_where_nothing_measures_them(gpus: tuple[Gpu, ...] | None) -> None:
    used = node_usage(job(n_gpus=1, gpu_layout={"c1": (0,)}), node(gpus=gpus))
    assert (used.gpu, used.gpu_memory_used, used.gpu_memory_total) == (0, 0, 0)


def test_gpus_are_zero_where_the_mapping_is_unknown() -> None:
    used = node_usage(job(n_gpus=2), node())
    assert (used.gpu, used.gpu_memory_used, used.gpu_memory_total) == (0, 0, 0)


def test_a_gpu_is_found_by_its_number_not_by_its_place() -> None:
    gap = node(gpus=(Gpu("gpu1", 10, None), Gpu("gpu12", 20, None)))
    assert gpu_at(gap, 1) == Gpu("gpu1", 10, None)
    assert gpu_at(gap, 12) == Gpu("gpu12", 20, None)
    assert gpu_at(gap, 0) is None
    assert gpu_at(gap, 2) is None
    assert gpu_at(node(gpus=(Gpu("nvidia3", 5, None),)), 3) == Gpu("nvidia3", 5, None)


def test_memory_traffic_and_job_disk_are_taken_as_they_are() -> None:
    used = node_usage(job(), node())
    assert (used.memory_used, used.memory_max, used.memory_total) == (700, 800, 64000)
    assert (used.bytes_in, used.bytes_out, used.read, used.write) == (11, 12, 21, 22)
    assert used.jobfs_used == 55


def test_unknown_traffic_is_zero_and_unknown_memory_is_unknown() -> None:
    bare = node(infiniband=None, lustre=None, memory=None)
    used = node_usage(job(memory={}, memory_max=None, jobfs={}), bare)
    assert (used.bytes_in, used.bytes_out, used.read, used.write) == (0, 0, 0, 0)
    assert (used.memory_used, used.memory_max, used.memory_total, used.jobfs_used) == (None,) * 4


# On all nodes


def test_cpu_of_a_whole_job_is_weighted_by_cores() -> None:
    wide = job(layout={"c1": (0, 1, 2), "c2": (1,)})
    other = node("c2", cpu=CpuUse(None, CoreUse([(0, 0, 0, 0, 100), (2, 4, 8, 16, 70)])))
    used = job_usage(wide, snapshot(node(), other))
    # (10+5 + 50+0 + 90+1 + 2+4) / 4 and so on.
    assert used.user == pytest.approx(162 / 4)
    assert used.system == pytest.approx((1 + 3 + 5 + 8) / 4)
    assert used.wait == pytest.approx((2 + 4 + 0 + 16) / 4)
    assert used.idle == pytest.approx((82 + 43 + 4 + 70) / 4)
    assert used.cores == 4


def test_nodes_that_the_snapshot_lacks_do_not_count_for_the_cpu() -> None:
    wide = job(layout={"c1": (0, 2), "gone": (0, 1, 2)})
    used = job_usage(wide, snapshot(node()))
    assert (used.user, used.cores) == (53, 2)
    assert list(usage_by_node(wide, snapshot(node()))) == ["c1"]


def test_amounts_and_traffic_are_summed() -> None:
    wide = job(layout={"c1": (0,), "c2": (0,)}, memory={"c1": 700, "c2": 50}, jobfs={"c2": 9})
    used = job_usage(wide, snapshot(node(), node("c2")))
    assert (used.memory_used, used.memory_max, used.memory_total) == (750, 800, 128000)
    assert (used.bytes_in, used.bytes_out, used.read, used.write) == (22, 24, 42, 44)
    assert used.jobfs_used == 9


def test_a_sum_of_nothing_known_is_unknown() -> None:
    used = job_usage(job(memory={}, jobfs={}), snapshot(node(memory=None)))
    assert (used.memory_used, used.memory_total, used.jobfs_used) == (None, None, None)


def test_gpu_figures_are_divided_by_all_nodes_of_the_layout() -> None:
    wide = job(
        n_gpus=3,
        layout={"c1": (0,), "c2": (0,), "c3": (0,), "gone": (0,)},
        gpu_layout={"c1": (0, 1), "c2": (1,), "gone": (0,)},
    )
    used = job_usage(wide, snapshot(node(), node("c2"), node("c3")))
    assert used.gpu == (50 + 70 + 0) / 4
    assert used.gpu_memory_used == (200 + 300) / 4
    assert used.gpu_memory_total == (2000 + 3000) / 4


def test_a_job_without_a_known_node_has_no_cpu_figures() -> None:
    used = job_usage(job(layout={"gone": (0,)}), snapshot())
    assert (used.user, used.system, used.wait, used.idle) == (None,) * 4
    assert used.gpu == 0
    assert job_usage(job(layout={}), snapshot()).gpu is None


percent = st.integers(0, 100)
cores = st.lists(st.none() | st.builds(CpuTimes, percent, percent, percent, percent, percent), max_size=6)
held = st.lists(st.integers(0, 7), min_size=1, max_size=8, unique=True).map(tuple)


@pytest.mark.slow
@given(st.lists(st.tuples(cores, held), min_size=1, max_size=3))
def test_the_whole_is_the_sum_over_all_cores_divided_by_their_number(
    parts: list[tuple[list[CpuTimes | None], tuple[int, ...]]],
) -> None:
    nodes = [node(f"c{n}", cpu=CpuUse(None, CoreUse(found))) for n, (found, _) in enumerate(parts)]
    used = job_usage(job(layout={f"c{n}": own for n, (_, own) in enumerate(parts)}), snapshot(*nodes))
    own_cores = [found[core] for found, own in parts for core in own if core < len(found)]
    total = sum(core.user + core.nice for core in own_cores if core is not None)
    count = sum(len(own) for _, own in parts)
    assert used.user == pytest.approx(total / count, rel=1e-9)
    assert used.cores == count


# The cluster's cores


def test_counted_nodes_are_available_and_bonus_nodes_while_a_job_runs_there() -> None:
    nodes = (
        node("c1", n_cpus=10),
        node("c2", n_cpus=None),
        node("b1", n_cpus=100, is_counted=False),
        node("b2", n_cpus=1000, is_counted=False),
        node("b3", n_cpus=None, is_counted=False),
    )
    jobs = (
        job(job_id="1", n_cpus=3, layout={"c1": (0,), "b1": (0, 1)}),
        job(job_id="2", n_cpus=2, layout={"b1": (2,), "b3": (0,), "gone": (0,)}, username="bob"),
        job(job_id="3", n_cpus=9, layout={"b2": (0,)}, state="PENDING"),
        job(job_id="4", n_cpus=9, layout={"b2": (0,)}, state="COMPLETING"),
        job(job_id="5", n_cpus=4, layout={"c1": (1,)}),
    )
    assert core_usage(snapshot(*nodes, jobs=jobs)) == Usage(
        available=110, running=9, users={"ann": 7, "bob": 2}
    )


def test_an_empty_cluster_has_no_cores() -> None:
    assert core_usage(snapshot()) == Usage(available=0, running=0, users={})
