"""Storing points in InfluxDB: what goes over the wire in either dialect, and what a failure says."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.sources import influxdb_write
from jobmon_tui.sources.influxdb import InfluxOptions
from jobmon_tui.sources.influxdb_write import InfluxWriter
from jobmon_tui.sources.secrets import SecretPlace
from tests.influxdb_standin import StandIn, answer, says

LINES = ["m,a=b x=1i 5", "m,a=c\\ d x=2.5 6"]


def writer(url: str, folder: Path, dialect: str, timeout: float = 10.0) -> InfluxWriter:
    (folder / "secret").write_text("s3cret\n")
    place = SecretPlace(file=folder / "secret")
    if dialect == "flux":
        return InfluxWriter(
            InfluxOptions(url=url, dialect="flux", org="phys ics", bucket="b", token=place, timeout=timeout)
        )
    return InfluxWriter(
        InfluxOptions(
            url=url, database="d b", retention_policy="year", user="ada", password=place, timeout=timeout
        )
    )


def test_influxql_goes_to_write(tmp_path: Path) -> None:
    with StandIn(says(answer(b"", "204 No Content"))) as server:
        writer(server.url, tmp_path, "influxql").write(LINES)
    (said,) = server.requests
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /write?db=d+b&rp=year&precision=s HTTP/1.1\r\n")
    assert b"Authorization: Basic YWRhOnMzY3JldA==" in head
    assert body.decode().splitlines() == LINES


def test_flux_goes_through_influxdb_client(tmp_path: Path) -> None:
    with StandIn(says(answer(b"", "204 No Content"))) as server:
        writer(server.url, tmp_path, "flux").write(LINES)
    (said,) = server.requests
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v2/write?")
    for part in (b"org=phys%20ics", b"bucket=b", b"precision=s"):
        assert part in head.partition(b"\r\n")[0].replace(b"+", b"%20")
    assert b"authorization: token s3cret" in head.lower()
    assert body.decode().splitlines() == LINES


@pytest.mark.parametrize("dialect", ["influxql", "flux"])
def test_many_points_are_several_requests(
    tmp_path: Path, dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(influxdb_write, "MOST_LINES", 100)
    lines = [f"m x={number}i 5" for number in range(250)]
    with StandIn(says(answer(b"", "204 No Content"))) as server:
        writer(server.url, tmp_path, dialect).write(lines)
    bodies = [said.partition(b"\r\n\r\n")[2].decode().splitlines() for said in server.requests]
    assert list(map(len, bodies)) == [100, 100, 50]
    assert [one for body in bodies for one in body] == lines


@pytest.mark.parametrize("dialect", ["influxql", "flux"])
@pytest.mark.parametrize(
    ("status", "body", "complaint"),
    [
        ("400 Bad Request", b'{"error":"partial write: s3cret","message":""}', r"400 partial write: \*\*\*"),
        ("401 Unauthorized", b'{"message":"unauthorized access"}', "401 unauthorized access"),
        ("404 Not Found", b"<html>proxy</html>", "404 Not Found"),
        ("500 Internal Server Error", b"", "500 Internal Server Error"),
        ("307 Temporary Redirect", b"", "307 Temporary Redirect"),
    ],
)
def test_a_refusal_is_told_without_the_secret(
    tmp_path: Path, dialect: str, status: str, body: bytes, complaint: str
) -> None:
    with (
        StandIn(says(answer(body, status, "Location: http://127.0.0.1:1/"))) as server,
        pytest.raises(SourceError, match=complaint) as caught,
    ):
        writer(server.url, tmp_path, dialect).write(LINES)
    assert "s3cret" not in f"{caught.value.message} {caught.value.hint}"
    assert len(server.requests) == 1, "it was sent again, or to somebody else"


@pytest.mark.parametrize("dialect", ["influxql", "flux"])
def test_a_server_that_never_answers_is_left_in_time(tmp_path: Path, dialect: str) -> None:
    forever = threading.Event()

    def talk(_: socket.socket) -> None:
        forever.wait(20)

    with StandIn(talk) as server:
        begun = time.monotonic()
        with pytest.raises(SourceError, match=r"did not answer within 0\.3 s"):
            writer(server.url, tmp_path, dialect, timeout=0.3).write(LINES)
        assert time.monotonic() - begun < 10
        forever.set()


@pytest.mark.parametrize("dialect", ["influxql", "flux"])
def test_closing_gives_up_at_once(tmp_path: Path, dialect: str) -> None:
    asked, forever = threading.Event(), threading.Event()

    def talk(_: socket.socket) -> None:
        asked.set()
        forever.wait(20)

    with StandIn(talk) as server:
        store = writer(server.url, tmp_path, dialect, timeout=30)
        failures: list[SourceError] = []

        def write() -> None:
            try:
                store.write(LINES)
            except SourceError as error:
                failures.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        assert asked.wait(20)
        store.close()
        thread.join(10)
        assert not thread.is_alive()
        assert len(failures) == 1
        forever.set()


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: Connection refused"):
        writer("http://127.0.0.1:1", tmp_path, "influxql").write(LINES)
