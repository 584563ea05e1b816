"""Each rule of the warnings, on either side of its threshold, with scores worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.warnings import (
    Thresholds,
    Warnings,
    badness,
    instant_warnings,
    is_terrible,
    memory_criterion,
    over_time,
    warned_jobs,
    warned_users,
    window_warnings,
)
from jobmon_tui.model.snapshot import CoreUse, CpuUse, Free, Gpu, Job, Node, Snapshot

BUSY = (100, 0, 0, 0, 0)
IDLE = (0, 0, 0, 0, 100)


def node(*cores: tuple[float, ...] | None, name: str = "c1", **changes: Any) -> Node:
    return replace(Node(name=name, n_cpus=16, cpu=CpuUse(None, CoreUse(cores))), **changes)


def job(**changes: Any) -> Job:
    whole = Job(
        job_id="7", name="j", username="ann", state="RUNNING", n_cpus=2, run_time=60, layout={"c1": (0, 1)}
    )
    return replace(whole, **changes)


def snapshot(*nodes: Node, jobs: tuple[Job, ...] = (), timestamp: float = 1000) -> Snapshot:
    return Snapshot(
        timestamp=timestamp, nodes={one.name: one for one in nodes}, jobs={one.job_id: one for one in jobs}
    )


def raised(one: Job, *nodes: Node, **thresholds: float) -> Any:
    return instant_warnings(snapshot(*nodes, jobs=(one,)), Thresholds(**thresholds)).jobs.get("7", {})


def test_the_defaults_are_those_that_users_know() -> None:
    assert Thresholds() == Thresholds(
        warn_swap=100,
        warn_util=80,
        warn_sys=30,
        warn_wait=5,
        warn_mem=70,
        base_mem=2048,
        base_mem_single=4096,
        warn_gpu_util=30,
        grace_time=5,
        warning_window=600,
        warning_fraction=0.5,
        terrible_threshold=1000,
    )


# Swap


@pytest.mark.parametrize(("free", "expected"), [(80, {}), (79, {"c1": {"swapUse": 21}}), (100, {})])
def test_swap_warns_above_its_threshold_with_the_percentage(free: float, expected: Any) -> None:
    swapping = snapshot(Node(name="c1", swap=Free(free, 100)))
    assert instant_warnings(swapping, Thresholds(warn_swap=20)).nodes == expected


@pytest.mark.parametrize("swap", [None, Free(0, 0), Free(0, 100)])
def test_swap_that_is_unknown_absent_or_just_full_does_not_warn(swap: Free | None) -> None:
    assert instant_warnings(snapshot(Node(name="c1", swap=swap))).nodes == {}


# CPU


def test_low_use_warns_with_what_is_missing_over_all_cores() -> None:
    # 60 + 70 of the 160 that two cores should have.
    halves = (node((40, 10, 10, 0, 40), (70, 0, 0, 0, 30), BUSY),)
    assert raised(job(), *halves) == {"c1": {"cpuUtil": 30}}


def test_use_at_the_threshold_does_not_warn() -> None:
    assert raised(job(), node((80, 0, 0, 0, 20), (50, 20, 10, 0, 20), BUSY)) == {}
    assert raised(job(), node((80, 0, 0, 0, 20), (50, 20, 9, 0, 21), BUSY)) == {"c1": {"cpuUtil": 1}}


def test_system_time_warns_above_its_threshold() -> None:
    assert raised(job(), node((60, 0, 40, 0, 0), (80, 0, 20, 0, 0), BUSY)) == {}
    assert raised(job(), node((60, 0, 40, 0, 0), (79, 0, 21, 0, 0), BUSY)) == {"c1": {"cpuSys": 1}}


def test_waiting_warns_above_its_threshold() -> None:
    assert raised(job(), node((90, 0, 0, 10, 0), BUSY, BUSY)) == {}
    assert raised(job(), node((88, 0, 0, 12, 0), BUSY, BUSY)) == {"c1": {"cpuWait": 2}}


def test_a_single_core_that_feeds_a_gpu_may_idle_but_not_wait() -> None:
    idle = node((0, 0, 50, 50, 0), BUSY, BUSY)
    feeding = job(layout={"c1": (0,)}, n_gpus=1)
    assert raised(feeding, idle) == {"c1": {"cpuWait": 45}}
    assert raised(replace(feeding, n_gpus=0), idle) == {"c1": {"cpuUtil": 30, "cpuSys": 20, "cpuWait": 45}}
    both = raised(replace(feeding, layout={"c1": (0, 1)}), node(IDLE, IDLE, IDLE))
    assert both == {"c1": {"cpuUtil": 160}}


def test_the_exception_for_gpus_is_decided_on_each_node() -> None:
    wide = job(layout={"c1": (0,), "c2": (0, 1)}, n_gpus=1)
    found = raised(wide, node(IDLE, IDLE), node(IDLE, IDLE, IDLE, name="c2"))
    assert found == {"c2": {"cpuUtil": 160}}


@pytest.mark.parametrize("second", [2, 99])
def test_a_core_that_was_not_reported_counts_as_busy(second: int) -> None:
    # 100 for the one, 40 for the other: 20 short of 160.
    cores = node((40, 0, 0, 0, 60), BUSY, None)
    assert raised(job(layout={"c1": (0, second)}), cores) == {"c1": {"cpuUtil": 20}}


def test_a_node_that_reports_no_core_warns_of_nothing() -> None:
    demanding = job(memory={"c1": 1}, memory_max=1, memory_request=64000)
    for silent in (node(), replace(node(), cpu=None)):
        assert raised(demanding, silent) == {}
    assert raised(demanding) == {}


def test_each_node_is_judged_by_its_own_cores() -> None:
    wide = job(layout={"c1": (0,), "c2": (0, 1)})
    found = raised(wide, node(IDLE, BUSY), node(IDLE, BUSY, BUSY, name="c2"))
    assert found == {"c1": {"cpuUtil": 80}, "c2": {"cpuUtil": 60}}


@pytest.mark.parametrize(("minutes", "warns"), [(5, False), (5.1, True)])
def test_a_job_has_time_to_get_going(minutes: float, warns: bool) -> None:
    assert bool(raised(job(run_time=minutes), node(IDLE, IDLE, IDLE))) is warns


@pytest.mark.parametrize("state", ["PENDING", "COMPLETING", "SUSPENDED", "COMPLETED"])
def test_only_running_jobs_are_warned(state: str) -> None:
    assert raised(job(state=state), node(IDLE, IDLE, IDLE)) == {}


# Memory


def memory_job(**changes: Any) -> Job:
    whole: dict[str, Any] = {
        "layout": {"c1": (0, 1)},
        "memory": {"c1": 100},
        "memory_max": 1024,
        "memory_request": 12288,
    }
    return job(**{**whole, **changes})


THREE = node(BUSY, BUSY, BUSY)


def test_memory_warns_with_the_gibibytes_wasted() -> None:
    # free = 2048 * 1 + 4096 = 6144; x = 0.5; criterion = 6144 * 0.5 + 0.5 * 0.7 * 12288 = 7372.8.
    assert memory_criterion(memory_job()) == pytest.approx(7372.8)
    assert raised(memory_job(), THREE)["c1"]["memUtil"] == pytest.approx((7372.8 - 1024) / 1024)


def test_memory_use_at_the_criterion_does_not_warn() -> None:
    criterion = memory_criterion(memory_job())
    assert criterion is not None
    assert raised(memory_job(memory_max=criterion), THREE) == {}
    assert raised(memory_job(memory_max=criterion - 0.5), THREE) != {}


def test_a_request_within_what_is_free_never_warns() -> None:
    assert memory_criterion(memory_job(memory_request=6144)) == 0
    # x is 0 then: the criterion is below nothing.
    assert memory_criterion(memory_job(memory_request=1000)) == 1000 - 6144
    assert raised(memory_job(memory_request=6144, memory_max=0), THREE) == {}


def test_what_is_free_goes_by_the_last_node_of_the_layout() -> None:
    wide = memory_job(layout={"c1": (0, 1, 2, 3), "c2": (0,)})
    # One core: 4096 free, x = 2/3; 8192 / 3 + 2/3 * 0.7 * 12288.
    assert memory_criterion(wide) == pytest.approx(8192 / 3 + 2 / 3 * 0.7 * 12288)


def test_memory_warns_on_each_node_with_readings() -> None:
    wide = memory_job(layout={"c1": (0,), "c2": (0,)}, memory={"c2": 5, "c1": 6})
    two = (node(BUSY, BUSY), node(BUSY, BUSY, name="c2"))
    assert {host: list(scores) for host, scores in raised(wide, *two).items()} == {
        "c2": ["memUtil"],
        "c1": ["memUtil"],
    }
    assert raised(replace(wide, memory={}), *two) == {}


def test_a_job_that_has_a_whole_node_may_ask_for_all_of_its_memory() -> None:
    assert raised(memory_job(), node(BUSY, BUSY)) == {}
    wide = memory_job(layout={"c1": (0, 1), "c2": (0, 1)}, memory={"c1": 1, "c2": 1})
    assert raised(wide, node(BUSY, BUSY), node(BUSY, BUSY, BUSY, name="c2")) == {}


@pytest.mark.parametrize(
    "changes", [{"memory_max": None}, {"memory_request": None}, {"memory_request": 0}, {"layout": {}}]
)
def test_unknown_memory_does_not_warn(changes: dict[str, Any]) -> None:
    assert raised(memory_job(**changes), THREE) == {}


# GPUs


def gpu_job(**changes: Any) -> Job:
    whole: dict[str, Any] = {"n_gpus": 2, "gpu_layout": {"c1": (0, 1)}}
    return job(**{**whole, **changes})


def gpu_node(*utilisation: float | None, name: str = "c1") -> Node:
    gpus = tuple(Gpu(f"gpu{index}", one, None) for index, one in enumerate(utilisation))
    return replace(THREE, name=name, gpus=gpus)


def test_idle_gpus_warn_with_what_is_missing_to_the_threshold() -> None:
    assert raised(gpu_job(), gpu_node(10, 30)) == {"c1": {"gpuUtil": 10}}
    assert raised(gpu_job(), gpu_node(30, 30)) == {}
    assert raised(gpu_job(gpu_layout={"c1": (1,)}), gpu_node(0, 90)) == {}


def test_gpus_are_judged_on_each_node_of_both_layouts() -> None:
    wide = gpu_job(layout={"c1": (0,), "c2": (0,)}, gpu_layout={"c1": (0,), "c2": (0,), "elsewhere": (0,)})
    nodes = (gpu_node(5), gpu_node(25, name="c2"), gpu_node(0, name="elsewhere"))
    assert raised(wide, *nodes) == {"c1": {"gpuUtil": 25}, "c2": {"gpuUtil": 5}}


def test_gpus_that_nothing_measures_do_not_warn() -> None:
    assert raised(gpu_job(), THREE) == {}
    assert raised(gpu_job(), gpu_node(0, None)) == {}
    assert raised(gpu_job(gpu_layout={"c1": ()}), gpu_node(0, 0)) == {}
    assert raised(gpu_job(gpu_layout={}), gpu_node(0, 0)) == {}
    assert raised(gpu_job(n_gpus=0), gpu_node(0, 0)) == {}


# Over time


def job_scores(*scores: float) -> list[Warnings]:
    return [Warnings({}, {"7": {"c1": {"cpuUtil": score}}} if score else {}) for score in scores]


def test_a_warning_holds_if_raised_in_more_than_half_of_the_snapshots() -> None:
    assert over_time(job_scores(10, 10, 0, 0)).jobs == {}
    # (10 + 10 + 11) / 4 = 7.75
    assert over_time(job_scores(10, 10, 11, 0)).jobs == {"7": {"c1": {"cpuUtil": 7}}}
    # floor(0.5 * 3) = 1: two of three are more.
    assert over_time(job_scores(10, 10, 0)).jobs == {"7": {"c1": {"cpuUtil": 6}}}
    assert over_time(job_scores(10, 0, 0)).jobs == {}


def test_the_fraction_can_be_chosen() -> None:
    thresholds = Thresholds(warning_fraction=0)
    assert over_time(job_scores(9, 0, 0), thresholds).jobs == {"7": {"c1": {"cpuUtil": 3}}}
    assert over_time(job_scores(9, 9), Thresholds(warning_fraction=1)).jobs == {}


def test_a_mean_score_below_one_is_none() -> None:
    assert over_time(job_scores(0.5, 1.4)).jobs == {}


def test_node_warnings_hold_by_the_same_rule() -> None:
    instants = [Warnings({"c1": {"swapUse": 120.9}}), Warnings({"c1": {"swapUse": 120.0}}), Warnings()]
    assert over_time(instants).nodes == {"c1": {"swapUse": 80}}


def test_nodes_are_counted_one_by_one() -> None:
    here = Warnings({}, {"7": {"c1": {"cpuUtil": 8}}})
    there = Warnings({}, {"7": {"c2": {"cpuUtil": 8}}})
    assert over_time([here, there]).jobs == {}
    assert over_time([]) == Warnings({}, {})


def test_the_window_takes_what_is_young_enough_and_not_newer() -> None:
    idle, busy = node(IDLE, BUSY, BUSY), node(BUSY, BUSY, BUSY)

    def at(timestamp: float, one: Node) -> Snapshot:
        return snapshot(one, jobs=(job(layout={"c1": (0,)}),), timestamp=timestamp)

    shown = at(1000, idle)
    expected = {"7": {"c1": {"cpuUtil": 80}}}
    assert window_warnings(shown, (shown,)).jobs == expected
    assert window_warnings(shown, ()).jobs == expected
    too_old, newer = at(400, busy), at(1000.5, busy)
    assert window_warnings(shown, (too_old, shown, newer)).jobs == expected
    # Just young enough: one of two is not more than half.
    assert window_warnings(shown, (at(400.5, busy), shown)).jobs == {}
    assert window_warnings(shown, (at(500, idle), at(600, busy), shown)).jobs == {
        "7": {"c1": {"cpuUtil": 53}}
    }


# Who is warned


def test_a_job_is_warned_for_itself_or_for_a_node_that_it_runs_on() -> None:
    jobs = (
        job(job_id="own"),
        job(job_id="neighbour", layout={"c2": (0,), "c3": (0,)}, username="bob"),
        job(job_id="fine", layout={"c3": (0,)}, username="eve"),
        job(job_id="ended", layout={"c2": (1,)}, state="COMPLETED", username="joe"),
    )
    warnings = Warnings({"c2": {"swapUse": 101}}, {"own": {"c1": {"cpuUtil": 1}}, "left": {"c1": {"x": 9}}})
    shown = snapshot(jobs=jobs)
    assert warned_jobs(shown, warnings) == {"own", "neighbour"}
    assert warned_users(shown, warnings) == {"ann", "bob"}


def test_badness_adds_the_jobs_scores_and_the_nodes_for_each_job_there() -> None:
    jobs = (
        job(job_id="1", layout={"c1": (0,), "c2": (0,)}),
        job(job_id="2", layout={"c1": (1,)}),
        job(job_id="3", layout={"c2": (1,)}, username="bob"),
        job(job_id="4", layout={"c3": (1,)}, username="eve"),
    )
    warnings = Warnings(
        {"c1": {"swapUse": 100}, "c2": {"swapUse": 7}},
        {"1": {"c1": {"cpuUtil": 1, "memUtil": 2}, "c2": {"cpuUtil": 30}}, "gone": {"c1": {"cpuUtil": 999}}},
    )
    assert badness(snapshot(jobs=jobs), warnings) == {"ann": 1 + 2 + 30 + 100 + 7 + 100, "bob": 7}


def test_terrible_is_more_than_the_threshold() -> None:
    assert not is_terrible(1000)
    assert is_terrible(1001)
    assert is_terrible(11, Thresholds(terrible_threshold=10))


percent = st.integers(0, 100)
times = st.none() | st.tuples(percent, percent, percent, percent, percent)


@given(st.lists(times, max_size=4), st.sets(st.integers(0, 5), min_size=1), st.integers(0, 2))
def test_every_score_is_above_zero_and_a_gap_never_adds_to_it(
    cores: list[Any], held: set[int], n_gpus: int
) -> None:
    one = job(layout={"c1": tuple(held)}, n_gpus=n_gpus)
    scores = raised(one, node(*cores)).get("c1", {})
    assert all(score > 0 for score in scores.values())
    filled = [core if core is not None else BUSY for core in cores] + [BUSY] * 6
    assert raised(one, node(*filled)).get("c1", {}) == scores
