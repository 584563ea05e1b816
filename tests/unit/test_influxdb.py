"""The InfluxDB source against a server that says what a test wants, in both dialects."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from jobmon_tui.errors import SourceError, UsageError
from jobmon_tui.model.measures import CpuTimes, LustreRate, Traffic, Used
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.sources.influxdb import MOST_CHARTS, InfluxOptions, InfluxSource
from jobmon_tui.sources.secrets import SecretPlace
from tests.influxdb_standin import StandIn, answer, says

MIB = 1024**2
INFLUXQL = InfluxOptions(timeout=20)
FLUX = InfluxOptions(dialect="flux", org="our org", bucket="site", timeout=20)
SELECTIONS = 13
"""Of a load with the default schema."""


def table(result: int, columns: str, *rows: str, tags: int = 1) -> str:
    """A table of annotated CSV: time, tags, then numbers."""
    names = columns.split(",")
    numbers = len(names) - 1 - tags
    kinds = ["string"] * tags + ["double"] * numbers
    lines = [
        ",".join(["#datatype", "string", "long", "dateTime:RFC3339", *kinds]),
        ",".join(["#group", "false", "false", "false", *["true"] * tags, *["false"] * numbers]),
        ",".join(["#default", str(result), *[""] * (1 + len(names))]),
        ",result,table," + columns,
        *(f",,{index},{row}" for index, row in enumerate(rows)),
        "",
        "",
    ]
    return "\r\n".join(lines)


def documents(**results: object) -> bytes:
    """Results of InfluxQL, by ``s0``, ``s1``, ...; all others are empty."""
    lines = [
        json.dumps({"results": [{"statement_id": index, **results.get(f"s{index}", {})}]})  # type: ignore[dict-item]
        for index in range(SELECTIONS)
    ]
    return "\n".join(lines).encode() + b"\n"


def request_for(reading: str) -> SeriesRequest:
    return SeriesRequest(kind="node", name="c001", reading=reading, start=1000, end=1080, points=500)


def test_flux_through_the_real_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUX_READER", "t0ken")
    body = "".join(
        (
            table(
                0,
                "_time,cpu,host,usage_user,usage_nice,usage_system,usage_iowait,usage_idle",
                '2026-01-01T00:00:10Z,cpu-total,"a ""b"", c",1,2,3,4,90',
                "2026-01-01T00:00:10.5Z,cpu1,c001,10.25,0,0,0,89.75",
                "2026-01-01T00:00:10.5Z,cpu0,c001,20.25,,0,0,79.75",
                tags=2,
            ),
            table(1, "_time,host,used,total", f"2026-01-01T00:00:30Z,c001,{MIB},{4 * MIB}"),
            table(
                8,
                "_time,host,interface,bytes_recv,bytes_sent,packets_recv,packets_sent",
                "2026-01-01T00:00:20Z,c001,ib0,100,100,100,100",
                "2026-01-01T00:00:30Z,c001,ib0,200,300,400,500",
                tags=2,
            ),
            table(10, "_time,host,job,value", "2026-01-01T00:00:30Z,c001,77,2048", tags=2),
            table(
                12,
                "_time,host,jobid,name,jobstats_read_bytes,jobstats_open",
                "2026-01-01T00:00:20Z,oss1,77,home-OST0000,0,0",
                "2026-01-01T00:00:30Z,oss1,77,home-OST0000,50,",
                tags=3,
            ),
        )
    )
    with StandIn(says(answer(body.encode(), "200 OK", "X-Influxdb-Version: v2.7.1"))) as server:
        source = InfluxSource(replace(FLUX, url=server.url, token=SecretPlace(variable="INFLUX_READER")))
        read = source.load((), ())
        (request,) = server.requests
    head, _, sent = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v2/query?org=our+org HTTP/1.1")
    assert b"Authorization: Token t0ken" in head
    query = json.loads(sent)["query"]
    assert query.count('from(bucket: "site")') == query.count("yield(name:") == SELECTIONS
    assert (read.version, read.calls, read.problems) == ("v2.7.1", 1, ())
    node, other = read.nodes["c001"], read.nodes['a "b", c']
    assert node.cpu is not None
    assert other.cpu is not None
    assert (node.cpu.total, other.cpu.total) == (None, CpuTimes(1, 2, 3, 4, 90))
    assert len(other.cpu.cores) == 0
    assert list(node.cpu.cores) == [None, CpuTimes(10.25, 0, 0, 0, 89.75)]
    assert node.memory == Used(1, 4)
    assert node.infiniband == Traffic(10, 20, 30, 40)
    assert node.reported_at == 1767225630
    assert read.jobs["77"].memory == {"c001": 2}
    assert read.jobs["77"].lustre == {"home": {"oss": LustreRate(5, None, None)}}


def test_flux_that_fails_after_some_rows() -> None:
    body = table(1, "_time,host,used,total", "2026-01-01T00:00:30Z,c001,1,2") + (
        "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n"
        ",memory limit exceeded,897\r\n"
    )
    with (
        StandIn(says(answer(body.encode()))) as server,
        pytest.raises(SourceError, match="memory limit exceeded"),
    ):
        InfluxSource(replace(FLUX, url=server.url)).load((), ())


@pytest.mark.parametrize("body", [b"", b"\r\n"])
def test_nothing_stored_is_told(body: bytes) -> None:
    with StandIn(says(answer(body))) as server:
        read = InfluxSource(replace(FLUX, url=server.url)).load((), ())
    assert (read.nodes, read.jobs) == ({}, {})
    assert "within the last 120 s" in read.problems[0]


def test_charts_by_flux_in_one_request() -> None:
    body = table(
        0,
        "_time,host,used",
        f"1970-01-01T00:16:40Z,c001,{MIB}",
        f"1970-01-01T00:17:40Z,c001,{3 * MIB}",
    ) + table(2, "_time,host,interface,bytes_recv", "1970-01-01T00:17:00Z,c001,ib0,7", tags=2)
    with StandIn(says(answer(body.encode()))) as server:
        source = InfluxSource(replace(FLUX, url=server.url))
        memory, traffic, weather = source.series(
            [request_for("memory"), request_for("infiniband_in"), request_for("weather")]
        )
        assert len(server.requests) == 1
        assert source.series([request_for("weather")]) == [None]
        assert len(server.requests) == 1
    times = (1000.0, 1020.0, 1040.0, 1060.0)
    assert memory == Series(times=times, values=(1, None, None, 3), unit="MiB")
    assert traffic == Series(times=times, values=(None, 7, None, None), unit="B/s")
    assert weather is None


def test_influxql_request(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss\n")
    with StandIn(says(answer(documents()))) as server:
        options = replace(
            INFLUXQL,
            url=server.url + "/",
            database="our db",
            retention_policy="short",
            user="reader",
            password=SecretPlace(file=tmp_path / "password"),
        )
        InfluxSource(options).load((), ())
        (request,) = server.requests
    head, _, sent = request.decode().partition("\r\n\r\n")
    line, *headers = head.split("\r\n")
    assert line == "POST /query?db=our+db&epoch=ms&chunked=true&chunk_size=1000&rp=short HTTP/1.1"
    assert "Authorization: Basic cmVhZGVyOnBAc3M=" in headers
    assert parse_qs(sent)["q"][0].count("SELECT ") == SELECTIONS


def test_token_of_influxql_and_no_netrc(
    isolated: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (isolated / ".netrc").write_text("machine 127.0.0.1 login stranger password whatever\n")
    monkeypatch.setenv("INFLUX_READER", "t0ken")
    with StandIn(says(answer(documents()))) as server:
        InfluxSource(replace(INFLUXQL, url=server.url)).load((), ())
        token = SecretPlace(variable="INFLUX_READER")
        InfluxSource(replace(INFLUXQL, url=server.url, token=token)).load((), ())
        first, second = server.requests
    assert b"Authorization" not in first
    assert b"Authorization: Token t0ken" in second


def test_a_user_without_password_is_not_sent() -> None:
    with StandIn(says(answer(documents()))) as server, pytest.raises(SourceError, match="no password"):
        InfluxSource(replace(INFLUXQL, url=server.url, user="reader")).load((), ())


def test_one_failing_statement_costs_its_readings_only() -> None:
    memory = {"tags": {"host": "c001"}, "columns": ["time", "used", "total"], "values": [[1000, MIB, MIB]]}
    body = documents(
        s1={"series": [memory]}, s2={"error": "too many series"}, s3={"error": "too many series"}
    )
    with StandIn(says(answer(body))) as server:
        read = InfluxSource(replace(INFLUXQL, url=server.url)).load((), ())
    assert read.nodes["c001"].memory == Used(1, 1)
    assert read.nodes["c001"].swap is None
    assert read.problems == ("InfluxDB on swap, disk: too many series",)


def test_parts_of_a_result_belong_together() -> None:
    def part(host: str, *, more: bool) -> str:
        series = {"tags": {"host": host}, "columns": ["time", "used", "total"], "values": [[1, 0, 0]]}
        return json.dumps({"results": [{"statement_id": 1, "series": [series], "partial": more}]})

    rest = documents().splitlines(keepends=True)
    whole = f"{part('c1', more=True)}\n{part('c2', more=True)}\n{part('c3', more=False)}\n".encode()
    with StandIn(says(answer(rest[0] + whole + b"".join(rest[2:])))) as server:
        assert set(InfluxSource(replace(INFLUXQL, url=server.url)).load((), ()).nodes) == {"c1", "c2", "c3"}
    cut = f"{part('c1', more=True)}\n".encode()
    with (
        StandIn(says(answer(rest[0] + cut + b"".join(rest[2:])))) as server,
        pytest.raises(SourceError, match="half of one"),
    ):
        InfluxSource(replace(INFLUXQL, url=server.url)).load((), ())


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8086",
        "ftp://localhost",
        "http://",
        "http://host:port",
        "http://host:99999",
        "http://reader:s3cret@host",
        "http://s3cret@host",
        "http://host?p=s3cret",
        "",
    ],
)
def test_addresses_that_are_none_or_hold_a_secret(url: str) -> None:
    with pytest.raises(UsageError, match="address of InfluxDB") as caught:
        InfluxSource(InfluxOptions(url=url))
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_unknown_dialect_and_too_many_charts() -> None:
    with pytest.raises(UsageError, match="dialect 'sql'"):
        InfluxSource(InfluxOptions(dialect="sql"))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="too many"):
        InfluxSource(InfluxOptions()).series([request_for("memory")] * (MOST_CHARTS + 1))
