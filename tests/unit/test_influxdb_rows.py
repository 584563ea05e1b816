"""From rows to readings: newest points, rates, cores, jobs."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.model.measures import CpuTimes, Free, LustreRate
from jobmon_tui.sources.influxdb_counters import Counters, is_chosen
from jobmon_tui.sources.influxdb_jobs import JobReader, job_of, target_of
from jobmon_tui.sources.influxdb_schema import InfluxSchema, LustreSchema
from jobmon_tui.sources.influxdb_select import Row
from jobmon_tui.sources.influxdb_telegraf import MOST_CORES, NodeReader
from jobmon_tui.sources.readings import JobReading, NodeReading


def counted(*points: tuple[str, float, float]) -> Counters:
    counters = Counters()
    for device, time, value in points:
        counters.put("host", Row(time, {"device": device}, {"in": value}))
    return counters


def test_rate_of_one_counter_and_of_two_together() -> None:
    assert counted(("a", 0, 100), ("a", 10, 300)).rate("host", "in") == 20
    assert counted(("a", 0, 100), ("a", 10, 300), ("b", 5, 0), ("b", 10, 5)).rate("host", "in") == 21
    assert counted(("a", 0, 7), ("a", 10, 7)).rate("host", "in") == 0


def test_a_counter_that_started_anew_makes_the_rate_unknown() -> None:
    assert counted(("a", 0, 300), ("a", 10, 100)).rate("host", "in") is None
    assert counted(("a", 0, 300), ("a", 10, 100), ("b", 0, 1), ("b", 10, 2)).rate("host", "in") is None


def test_one_point_is_no_rate_nor_are_two_of_one_time() -> None:
    assert counted().rate("host", "in") is None
    assert counted(("a", 0, 300)).rate("host", "in") is None
    assert counted(("a", 5, 300), ("a", 5, 400)).rate("host", "in") is None
    assert counted(("a", 0, 0), ("b", 0, 0), ("b", 10, 10)).rate("host", "in") == 1
    assert counted(("a", 0, 0), ("a", 10, 10)).rate("host", "out") is None


@given(
    st.permutations(range(5)),
    st.lists(st.integers(0, 2**63), min_size=5, max_size=5).map(sorted),
)
def test_rate_does_not_depend_on_the_order_of_points(order: list[int], values: list[int]) -> None:
    counters = counted(*(("a", index * 10.0, values[index]) for index in order))
    assert counters.rate("host", "in") == pytest.approx((values[4] - values[3]) / 10)


def test_first_host_pattern_decides() -> None:
    choice = (("gpu*", "nvme*"), ("*", "sda"))
    assert is_chosen(choice, "gpu1", "nvme0n1")
    assert not is_chosen(choice, "gpu1", "sda")
    assert is_chosen(choice, "c1", "sda")
    assert not is_chosen((("gpu*", "*"),), "c1", "sda")


def read_nodes(*rows: tuple[str, Row], schema: InfluxSchema | None = None) -> dict[str, NodeReading]:
    reader = NodeReader(schema or InfluxSchema(), 60)
    takers = {part.measurement: take for part, take in reader.parts()}
    for measurement, row in rows:
        takers[measurement](row)
    return reader.readings()


def cpu(tag: str, time: float, user: float) -> tuple[str, Row]:
    names = ("usage_user", "usage_nice", "usage_system", "usage_iowait", "usage_idle")
    values = dict(zip(names, (user, 0.0, 0.0, 0.0, 100.0 - user), strict=True))
    return "cpu", Row(time, {"host": "c1", "cpu": tag}, values)


def test_cores_in_any_order_the_newest_point_counts() -> None:
    points = [cpu("cpu2", 10, 30), cpu("cpu0", 10, 10), cpu("cpu2", 20, 31.5), cpu("cpu-total", 20, 5)]
    for order in permutations(points):
        use = read_nodes(*order)["c1"].cpu
        assert use is not None
        assert use.total == CpuTimes(5, 0, 0, 0, 95)
        assert list(use.cores) == [CpuTimes(10, 0, 0, 0, 90), None, CpuTimes(31.5, 0, 0, 0, 68.5)]


@pytest.mark.parametrize("tag", ["cpu", "cpu-1", "xcpu1", "cpu1x", f"cpu{MOST_CORES}", "cpu²", "", "cpu٣"])
def test_what_is_no_core(tag: str) -> None:
    assert read_nodes(cpu(tag, 10, 1))["c1"].cpu is None


def test_half_of_the_times_are_none() -> None:
    row = Row(10, {"host": "c1", "cpu": "cpu0"}, {"usage_user": 5})
    reading = read_nodes(("cpu", row))["c1"]
    assert reading.cpu is None
    assert reading.reported_at == 10


def test_a_row_without_host_is_nobodys() -> None:
    rows = [(name, Row(10, {}, {"used": 1, "bytes_recv": 1})) for name in ("mem", "cpu", "net")]
    assert read_nodes(*rows) == {}


def test_fields_that_come_apart_are_put_together() -> None:
    apart = [
        ("swap", Row(10, {"host": "c1"}, {"free": 2**20})),
        ("swap", Row(10, {"host": "c1"}, {"total": 2**21})),
        ("swap", Row(5, {"host": "c1"}, {"free": 1, "total": 1})),
    ]
    for order in permutations(apart):
        assert read_nodes(*order)["c1"].swap == Free(1, 2)


def test_gpus_by_their_number_not_as_text() -> None:
    rows = [
        ("nvidia_smi", Row(1, {"host": "c1", "index": index}, {"utilization_gpu": float(len(index))}))
        for index in ("10", "9", "x", "1000000", "٣", "")
    ]
    gpus = read_nodes(*rows)["c1"].gpus
    assert gpus is not None
    assert [gpu.name for gpu in gpus] == ["gpu9", "gpu10"]


@pytest.mark.parametrize(
    ("tag", "job"),
    [
        ("12", "12"),
        ("12_7", "12_7"),
        ("12.0", "12"),
        ("12.batch", "12"),
        ("bash.0", None),
        ("", None),
        ("12 ", None),
        ("12\n", None),
        ("١٢", None),
    ],
)
def test_job_of(tag: str, job: str | None) -> None:
    assert job_of(tag) == job


@pytest.mark.parametrize(
    ("name", "server", "target"),
    [
        ("home-OST0001", "", ("home", "oss")),
        ("my-home-MDT000a", "", ("my-home", "mds")),
        ("home", "OSS", ("home", "oss")),
        ("home", "", None),
        ("", "mds", None),
        ("home-OST0001", "gateway", ("home", "oss")),
    ],
)
def test_target_of(name: str, server: str, target: tuple[str, str] | None) -> None:
    assert target_of(name, server) == target


def read_jobs(*rows: tuple[str, Row], schema: InfluxSchema | None = None) -> dict[str, JobReading]:
    reader = JobReader(schema or InfluxSchema(), 60)
    takers = {part.measurement: take for part, take in reader.parts()}
    for measurement, row in rows:
        takers[measurement](row)
    return reader.readings()


def test_memory_adds_up_over_the_tasks_of_a_host() -> None:
    rows = [
        ("RSS", Row(time, {"host": host, "job": "5", "step": "0", "task": task}, {"value": kib}))
        for time, host, task, kib in (
            (10, "c1", "0", 1024),
            (20, "c1", "0", 3072),
            (15, "c1", "1", 1024),
            (15, "c2", "2", 512),
        )
    ]
    for order in permutations(rows):
        assert read_jobs(*order)["5"].memory == {"c1": 4, "c2": 0.5}


def test_lustre_with_names_of_a_sites_own() -> None:
    schema = InfluxSchema(
        lustre=LustreSchema(
            job_measurement="stats",
            job_tag="slurm",
            filesystem_tag="fs",
            server_tag="kind",
            job_read="r",
            job_write="w",
            job_operations=("o",),
        )
    )
    rows = [
        ("stats", Row(time, {"slurm": "5", "fs": "home", "kind": "mds"}, {"r": time, "w": 0, "o": time * 3}))
        for time in (10, 20)
    ]
    assert read_jobs(*rows, schema=schema)["5"].lustre == {"home": {"mds": LustreRate(1, 0, 3)}}
