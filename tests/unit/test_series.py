"""What a snapshot says of each reading that a chart can show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.charts import (
    filled_charts,
    job_charts,
    node_charts,
    requests_for,
)
from jobmon_tui.analysis.series import UNITS, job_readings, node_readings, unit_of
from jobmon_tui.model.series import Series
from jobmon_tui.model.snapshot import (
    CoreUse,
    CpuTimes,
    CpuUse,
    Free,
    Gpu,
    Job,
    LustreRate,
    Node,
    ReadWrite,
    Traffic,
    Used,
)


def node(name: str = "n1", **more: object) -> Node:
    return Node(name=name, **more)  # type: ignore[arg-type]


def job(**more: object) -> Job:
    facts = {"job_id": "7", "name": "a", "username": "b", "state": "RUNNING", "n_cpus": 4}
    return Job(**(facts | more))  # type: ignore[arg-type]


def full_node(name: str = "n1", user: float = 50) -> Node:
    times = CpuTimes(user, 10, 5, 3, 32)
    return node(
        name,
        cpu=CpuUse(times, CoreUse([CpuTimes(80, 10, 5, 5, 0), CpuTimes(0, 0, 0, 0, 100), None])),
        memory=Used(1000, 4000),
        swap=Free(300, 400),
        gpus=(Gpu("gpu0", 90, Used(100, 200)), Gpu("gpu1", None, None)),
        infiniband=Traffic(1, 2, 3, 4),
        lustre=ReadWrite(5, 6),
        jobfs=ReadWrite(7, 8),
    )


def test_everything_of_a_node() -> None:
    assert node_readings(full_node()) == {
        "cpu_user": 60,
        "cpu_system": 5,
        "cpu_wait": 3,
        "memory": 1000,
        "swap": 100,
        "gpu:0": 90,
        "gpu_memory:0": 100,
        "infiniband_in": 1,
        "infiniband_out": 2,
        "packets_in": 3,
        "packets_out": 4,
        "lustre_read": 5,
        "lustre_write": 6,
        "jobfs_read": 7,
        "jobfs_write": 8,
    }


def test_what_is_not_measured_is_absent_and_not_zero() -> None:
    assert node_readings(node(cpu=CpuUse(None, CoreUse([])), n_cpus=4, cpu_load=3.0)) == {}
    assert job_readings(job(layout={"n1": (0,)}, memory_request=5.0), {}) == {}


def test_a_job_is_what_its_own_measured_cores_do() -> None:
    nodes = {"n1": full_node()}
    assert job_readings(job(layout={"n1": (0, 1)}), nodes) == {
        "cpu_user": 45,
        "cpu_system": 2.5,
        "cpu_wait": 2.5,
    }
    assert job_readings(job(layout={"n1": (0, 2, 9)}), nodes)["cpu_user"] == 90


core_times = st.none() | st.tuples(*[st.integers(0, 255)] * 5)


@pytest.mark.slow
@given(st.lists(core_times, max_size=12), st.sets(st.integers(0, 15)), st.booleans())
def test_sums_over_cores_are_those_of_each_core(
    cores: list[tuple[int, ...] | None], held: set[int], neighbours: bool
) -> None:
    use = CoreUse(cores)
    wanted = sorted(held)
    if neighbours and wanted:
        wanted = list(range(wanted[0], wanted[-1] + 1))
    count, sums = use.summed(tuple(reversed(wanted)))
    assert (count, sums) == use.summed(wanted)
    known = [times for core in wanted if core < len(cores) and (times := cores[core]) is not None]
    assert count == len(known)
    assert list(sums) == [sum(times[kind] for times in known) for kind in range(5)]


def test_a_sum_over_nodes_is_unknown_while_one_of_them_is() -> None:
    both = {"n1": (0,), "n2": (0,)}
    whole = job(layout=both, memory={"n1": 10, "n2": 20}, jobfs={"n1": 5, "n2": 6})
    assert job_readings(whole, {}) == {"memory": 30, "jobfs": 11}
    assert job_readings(job(layout=both, memory={"n1": 10}), {}) == {}


def test_gpus_of_a_job_are_a_mean() -> None:
    gpus = (Gpu("gpu0", 90, Used(100, 200)), Gpu("gpu1", 10, Used(50, 200)), Gpu("gpu2", 0, None))
    found = job_readings(job(gpu_layout={"n1": (0, 1)}), {"n1": node(gpus=gpus)})
    assert found == {"gpu": 50, "gpu_memory": 75}


def test_lustre_of_a_job_by_file_system() -> None:
    rates = {"home": {"oss": LustreRate(10, None, 3), "mds": LustreRate(None, None, 4)}}
    assert job_readings(job(lustre=rates), {}) == {"lustre_read:home": 10, "lustre_iops:home": 7}


def test_every_reading_has_a_unit() -> None:
    for reading in node_readings(full_node()):
        assert unit_of(reading) == UNITS[reading.partition(":")[0]] != ""


def test_charts_ask_for_readings_that_there_are() -> None:
    one = full_node()
    asked = {line.reading for chart in node_charts(one) for line in chart.lines}
    assert set(node_readings(one)) <= asked
    rates = {"home": {"oss": LustreRate(10, 11, 3)}}
    held = job(n_gpus=1, gpu_layout={"n1": (0,)}, layout={"n1": (0,)}, lustre=rates, memory={"n1": 1})
    asked = {line.reading for chart in job_charts(held) for line in chart.lines}
    assert set(job_readings(held, {"n1": one})) <= asked
    assert not any(chart.key.startswith("gpu") for chart in job_charts(job()))


def test_a_chart_without_measurements_is_left_out() -> None:
    charts = node_charts(full_node())
    requests = requests_for(charts, "node", "n1", 0, 100, 50)
    assert [request.reading for request in requests][:4] == ["cpu_user", "cpu_system", "cpu_wait", "memory"]
    nothing = Series(times=(1, 2), values=(None, None))
    something = Series(times=(1, 2), values=(None, 50.0))
    answers = [
        something if request.reading in ("cpu_wait", "gpu_memory:0") else nothing if number % 2 else None
        for number, request in enumerate(requests)
    ]
    filled = filled_charts(charts, answers, 0, 100)
    assert [one.chart.key for one in filled] == ["cpu", "gpu:0"]
    assert [line.reading for line, _ in filled[0].lines] == ["cpu_wait"]
    # The memory of a GPU is shown as a share of all it has.
    assert filled[1].lines[0][1].values == (None, 25.0)


def test_levels_are_those_that_are_known() -> None:
    one = job(layout={"n1": (0,)}, memory_request=100.0, memory_max=80.0)
    (memory,) = [chart for chart in job_charts(one) if chart.key == "memory"]
    assert [(level.title, level.value) for level in memory.levels] == [("max", 80), ("asked", 100)]
    two = job(layout={"n1": (0,), "n2": (1,)}, memory_request=100.0, memory_max=80.0)
    (memory,) = [chart for chart in job_charts(two) if chart.key == "memory"]
    assert [(level.title, level.value) for level in memory.levels] == [("asked", 200)]
