"""What is asked in either dialect, and that no name gets out of its quotes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.model.series import SeriesRequest
from jobmon_tui.sources import influxdb_flux, influxdb_influxql
from jobmon_tui.sources.influxdb_charts import Line, lines
from jobmon_tui.sources.influxdb_jobs import JobReader
from jobmon_tui.sources.influxdb_schema import InfluxSchema, JobDiskSchema, LustreSchema
from jobmon_tui.sources.influxdb_select import Newest, OverTime, Row
from jobmon_tui.sources.influxdb_telegraf import NodeReader

NEWEST = Newest(measurement="cpu", fields=("user", "idle"), tags=("host", "cpu"), window=59.5)
CHART = OverTime(measurement="net", fields=("in",), where=(("host", "c001"),), start=1000, end=2000, step=20)


def test_newest_in_influxql() -> None:
    assert influxdb_influxql.statement(NEWEST) == (
        'SELECT "user", "idle" FROM "cpu" WHERE time > now() - 60s '
        'GROUP BY "host", "cpu" ORDER BY time DESC LIMIT 1'
    )
    counters = replace(NEWEST, tags=None, points=2)
    assert influxdb_influxql.statement(counters).endswith("GROUP BY * ORDER BY time DESC LIMIT 2")


def test_chart_in_influxql() -> None:
    within = "time >= 1000s AND time < 2000s"
    assert influxdb_influxql.statement(CHART) == (
        f'SELECT mean("in") AS "in" FROM "net" WHERE {within} AND "host" = \'c001\' '
        "GROUP BY time(20s), * fill(none)"
    )
    assert influxdb_influxql.statement(replace(CHART, is_counter=True)) == (
        'SELECT mean("in") AS "in" FROM '
        f'(SELECT non_negative_derivative("in", 1s) AS "in" FROM "net" WHERE {within} '
        f"AND \"host\" = 'c001' GROUP BY *) WHERE {within} GROUP BY time(20s), * fill(none)"
    )


def test_flux() -> None:
    assert influxdb_flux.pipeline(NEWEST, "site", 3) == (
        'from(bucket: "site") |> range(start: -60s) |> filter(fn: (r) => r["_measurement"] == "cpu" '
        'and (r["_field"] == "user" or r["_field"] == "idle")) |> tail(n: 1) '
        '|> drop(columns: ["_start", "_stop", "_measurement"]) '
        '|> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value") |> yield(name: "3")'
    )
    chart = influxdb_flux.pipeline(replace(CHART, is_counter=True), "site", 0)
    assert '|> range(start: 1000, stop: 2000) |> filter(fn: (r) => r["_measurement"] == "net"' in chart
    assert 'and r["host"] == "c001")' in chart
    assert "|> derivative(unit: 1s, nonNegative: true) |> aggregateWindow(every: 20s, fn: mean" in chart
    assert "derivative" not in influxdb_flux.pipeline(CHART, "site", 0)


HOSTILE = st.text(st.sampled_from("'\"\\$${}\n\r\x00;)(|a é") | st.characters())


@given(HOSTILE)
def test_a_string_of_influxql_ends_where_it_shall(text: str) -> None:
    assert re.fullmatch(r"'(?:[^'\\\n]|\\['\\n])*'", influxdb_influxql.string(text))
    assert re.fullmatch(r'"(?:[^"\\\n]|\\["\\n])*"', influxdb_influxql.name(text))


@given(HOSTILE)
def test_a_string_of_flux_ends_where_it_shall_and_evaluates_nothing(text: str) -> None:
    written = influxdb_flux.string(text)
    assert re.fullmatch(r'"(?:[^"\\\n]|\\["\\n$])*"', written)
    assert not re.search(r"(?<!\\)(?:\\\\)*\$\{", written)


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_what_is_written_can_be_read_back(text: str) -> None:
    for written in (influxdb_influxql.string(text), influxdb_influxql.name(text), influxdb_flux.string(text)):
        assert re.sub(r"\\(.)", r"\1", written[1:-1]) == text


def test_a_fixed_number_of_selections_and_none_for_what_is_not_kept() -> None:
    expected = ["cpu", "mem", "swap", "disk", "nvidia_smi", "system", "temp", "infiniband", "net"]
    expected += ["diskio", "lustre_client"]
    everything = InfluxSchema(job_disk=JobDiskSchema(devices=(("*", "sda"),)))
    assert [part.measurement for part, _ in NodeReader(everything, 60).parts()] == expected
    assert [part.measurement for part, _ in JobReader(everything, 60).parts()] == ["RSS", "jobfs", "lustre2"]
    less = InfluxSchema(
        load_measurement="", networks=(), lustre=LustreSchema(job_measurement="", client_measurement="")
    )
    assert [part.measurement for part, _ in NodeReader(less, 60).parts()] == (
        ["cpu", "mem", "swap", "disk", "nvidia_smi", "temp"]
    )
    assert len(JobReader(less, 60).parts()) == 2


def chart(reading: str = "memory", **changes: object) -> SeriesRequest:
    request = SeriesRequest(kind="node", name="c001", reading=reading, start=1005, end=1995, points=10)
    return replace(request, **changes)  # type: ignore[arg-type]


def drawn(request: SeriesRequest) -> Sequence[Line]:
    return lines(request, InfluxSchema(), interval=10, job_interval=30)


def test_steps_are_no_finer_than_the_reports_and_no_more_than_are_useful() -> None:
    assert drawn(chart())[0].step == 99
    assert drawn(chart(points=500))[0].step == 20
    assert drawn(chart(points=0))[0].step == 990
    assert drawn(chart(kind="job", name="12", points=500))[0].step == 60
    (selection,) = [line.selection() for line in drawn(chart(points=500))]
    assert (selection.start, selection.end) == (1000, 2000)


def test_what_is_not_kept_is_not_asked_for() -> None:
    for request in (
        chart("jobfs_read"),
        chart("weather"),
        chart("lustre_iops"),
        chart("gpu", kind="job"),
        chart(start=2000.0),
        chart(end=float("inf")),
        chart(start=float("nan")),
    ):
        assert drawn(request) == []


def test_nothing_measured_is_no_line() -> None:
    (line,) = drawn(chart(kind="job", name="12", start=0, end=240, points=500))
    line.take(Row(60, {}, {"other": 1}))
    assert line.series() is None


def test_gaps_stay_and_series_add_up() -> None:
    (line,) = drawn(chart(kind="job", name="12", start=0, end=240, points=500))
    for time, value in ((0, 1024), (0, 2048), (180, 512), (240, 9)):
        line.take(Row(time, {"host": "c001"}, {"value": value}))
    line.take(Row(60, {}, {"other": 1}))
    series = line.series()
    assert series is not None
    assert list(series.times) == [0, 60, 120, 180]
    assert list(series.values) == [3, None, None, 0.5]


@pytest.mark.parametrize(("reading", "values"), [("gpu", [20.0]), ("gpu_memory", [40.0])])
def test_gpus_use_is_averaged_their_memory_added_up(reading: str, values: list[float]) -> None:
    (line,) = drawn(chart(reading, start=0, end=20))
    for number in (10, 30):
        line.take(Row(0, {"index": "0"}, {"utilization_gpu": number, "memory_used": number}))
    series = line.series()
    assert series is not None
    assert list(series.values) == values


def test_a_chart_of_traffic_tries_each_network() -> None:
    first, second = drawn(chart("infiniband_in"))
    assert (first.plot.measurement, second.plot.measurement) == ("infiniband", "net")
    second.take(Row(1000, {"interface": "eth0"}, {"bytes_recv": 5}))
    assert not second.series()
    second.take(Row(1090, {"interface": "ib0"}, {"bytes_recv": 5}))
    assert second.series() is not None
