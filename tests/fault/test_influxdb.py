"""An InfluxDB that hangs, lies, breaks off or never stops, in both of its dialects."""

from __future__ import annotations

import importlib
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, Literal

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.influxdb import InfluxOptions, InfluxSource
from jobmon_tui.sources.influxdb_schema import InfluxSchema
from jobmon_tui.sources.secrets import SecretPlace
from tests.influxdb_standin import StandIn, Talk, answer, says

LIMIT = 0.3
SLACK = 1.0
"""What a loaded machine may take beyond the limit."""
SECRET = "s3cr3t-t0ken"
MOST_BYTES = 1024 * 1024
Named = Literal["influxql", "flux"]

pytestmark = pytest.mark.parametrize("dialect", ["influxql", "flux"])
OPEN = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
"""The head of an answer that ends with the connection."""
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BODIES = {
    "influxql": b'{"results":[{"statement_id":0,"series":[{"name":"cpu","tags":{"host":"c001"},'
    b'"columns":["time","usage_user"],"values":[[1000,1]]}]}]}\n',
    "flux": b"#datatype,string,long,dateTime:RFC3339,double,string\r\n"
    b"#group,false,false,false,false,true\r\n#default,,,,,\r\n,result,table,_time,used,host\r\n"
    b",1,0,2026-01-01T00:00:00Z,5,c001\r\n",
}


@pytest.fixture(scope="module", autouse=True)
def warmed_up() -> None:
    """Import what the sources import when they are first used, lest it counts as their time."""
    for name in ("influxdb_client", "requests"):
        importlib.import_module(name)


def source_at(url: str, dialect: Named, **options: Any) -> InfluxSource:
    given = {"timeout": LIMIT, "most_bytes": MOST_BYTES, **options}
    token = SecretPlace(variable="TOKEN_OF_TEST")
    return InfluxSource(InfluxOptions(url=url, dialect=dialect, org="site", token=token, **given))


@pytest.fixture
def failure(dialect: Named, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SourceError]:
    """The error of a load from a server that talks like this; it has to come within the time limit."""
    monkeypatch.setenv("TOKEN_OF_TEST", SECRET)

    def fail(talk: Talk, **options: Any) -> SourceError:
        with StandIn(talk) as server:
            source = source_at(server.url, dialect, **options)
            started = time.monotonic()
            with pytest.raises(SourceError) as caught:
                source.load((), ())
            assert time.monotonic() - started < options.get("timeout", LIMIT) + SLACK
        assert SECRET not in f"{caught.value!r} {caught.value.hint} {source!r} {caught.value.__context__!r}"
        assert "\n" not in caught.value.message
        return caught.value

    return fail


def hangs(connection: socket.socket) -> None:
    """Say nothing until the other side gives up."""
    connection.recv(1)


def trickles(first: bytes, byte: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.sendall(first)
        gone = threading.Event()
        for _ in range(1000):
            connection.sendall(byte)
            gone.wait(0.02)

    return talk


def never_stops(first: bytes, piece: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(piece)

    return talk


@pytest.mark.slow
@pytest.mark.parametrize(
    "talk",
    [
        hangs,
        trickles(b"HTTP/1.1 200 OK\r\nX-", b"a"),
        trickles(OPEN, b"\n"),
        trickles(OPEN, b" "),
        trickles(b"HTTP/1.1 500 Oh\r\n\r\n", b" "),
    ],
    ids=["hangs", "trickles a header", "trickles lines", "trickles one line", "trickles a refusal"],
)
def test_too_slow(failure: Callable[..., SourceError], talk: Talk) -> None:
    assert "did not answer within 0.3 s" in failure(talk).message


@pytest.mark.slow
def test_hang_in_the_middle_of_a_good_answer(failure: Callable[..., SourceError], dialect: Named) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(OPEN + BODIES[dialect])
        connection.recv(1)

    assert "did not answer within" in failure(talk).message


@pytest.mark.slow
def test_a_long_answer_that_flows_is_not_cut_off(
    failure: Callable[..., SourceError], dialect: Named, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobmon_tui.sources.influxdb_http.LEAST_SPEED", 200)
    monkeypatch.setattr("jobmon_tui.sources.influxdb_http.CHUNK", 64)

    def flows(connection: socket.socket) -> None:
        pause = threading.Event()
        connection.sendall(OPEN)
        for _ in range(20):
            connection.sendall(BODIES[dialect])
            pause.wait(0.05)
        connection.sendall(b"nonsense")

    started = time.monotonic()
    assert "half of one" in failure(flows, timeout=LIMIT).message
    assert time.monotonic() - started > 2 * LIMIT


@pytest.mark.parametrize("at", [0.2, 0.5, 0.8, 0.97])
@pytest.mark.parametrize("head", [OPEN, CHUNKED], ids=["open", "chunked"])
def test_breaks_off_in_the_middle(
    failure: Callable[..., SourceError], dialect: Named, at: float, head: bytes
) -> None:
    half = BODIES[dialect][: int(len(BODIES[dialect]) * at)]
    body = b"%x\r\n%s\r\n" % (len(half), half) if head is CHUNKED else half
    error = failure(says(head + body))
    assert "half of one" in error.message or "cannot be read" in error.message


def test_ends_before_what_it_announced(failure: Callable[..., SourceError], dialect: Named) -> None:
    whole = answer(BODIES[dialect] * 20)
    assert failure(says(whole[:-10])).message


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe\x00 garbage \x80",
        b"<html><body>Welcome</body></html>",
        b"[" * 100_000,
        b"null",
        b'{"results": 5}',
        b'{"results":[{"statement_id":0,"series":[{"columns":["time"],"values":[["now"]]}]}]}',
        b"1" * 6000,
        b'"' * 1001,
        b"#datatype,string\n#group,false\n,a\n,b",
    ],
    ids=range(9),
)
def test_garbage(failure: Callable[..., SourceError], body: bytes) -> None:
    assert "InfluxDB" in failure(says(answer(body))).message


@pytest.mark.parametrize("head", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_no_http(failure: Callable[..., SourceError], head: bytes) -> None:
    assert "cannot be read" in failure(says(head)).message


@pytest.mark.parametrize(
    ("status", "body", "said", "hinted"),
    [
        ("401 Unauthorized", b'{"error":"authorization failed"}', "401 authorization failed", "token"),
        ("401 Unauthorized", b'{"code":"unauthorized","message":"who?"}', "401 who?", "token"),
        ("500 Internal Server Error", b"Traceback " * 1000, "500 Internal Server Error", ""),
        ("302 Found", b"", "302 Found", ""),
        ("403 Forbidden", f'{{"error":"no {SECRET} here"}}'.encode(), "403 no *** here", "may not read"),
        ("404 Not Found", b"\xff\xff", "404 Not Found", "dialect"),
    ],
)
def test_refusals(
    failure: Callable[..., SourceError], status: str, body: bytes, said: str, hinted: str
) -> None:
    error = failure(says(answer(body, status, "Location: http://127.0.0.1:1/")))
    assert error.message.endswith(f"refuses: {said}")
    assert hinted in error.hint


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (OPEN, (b" " * 100 + b"\n") * 600),
        (OPEN, b" " * 65536),
        (
            OPEN + b'{"results":[{"statement_id":0,"partial":true}]}\n',
            (b'{"results":[]}' + b" " * 200 + b"\n") * 300,
        ),
        (b"HTTP/1.1 500 Oh\r\n\r\n", b" " * 65536),
    ],
    ids=["lines", "one line", "documents", "refusal"],
)
def test_never_stops(failure: Callable[..., SourceError], first: bytes, piece: bytes) -> None:
    tracemalloc.start()
    try:
        failure(never_stops(first, piece), timeout=5.0)
        assert tracemalloc.get_traced_memory()[1] < 12 * MOST_BYTES
    finally:
        tracemalloc.stop()


def test_compressed_though_not_asked_for(failure: Callable[..., SourceError]) -> None:
    assert "compressed" in failure(says(answer(b"x", "200 OK", "Content-Encoding: gzip"))).message


def test_nobody_listens(dialect: Named) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SourceError, match="Connection refused"):
        source_at(f"http://127.0.0.1:{port}", dialect).load((), ())


@pytest.mark.parametrize("first", [b"", OPEN, OPEN + b"\n"])
def test_close_ends_a_request_at_once(dialect: Named, first: bytes) -> None:
    outcome: list[Exception] = []
    is_asked = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.sendall(first)
        is_asked.set()
        connection.recv(1)

    with StandIn(talk) as server:
        source = source_at(server.url, dialect, timeout=60.0)

        def load() -> None:
            try:
                source.load((), ())
            except SourceError as error:
                outcome.append(error)

        thread = threading.Thread(target=load)
        thread.start()
        assert is_asked.wait(10)
        started = time.monotonic()
        source.close()
        thread.join(10)
        assert time.monotonic() - started < SLACK
        assert "stops reading" in str(outcome[0])
        with pytest.raises(SourceError, match="stops reading"):
            source.load((), ())


@pytest.mark.slow
def test_a_thread_that_was_left_ends_soon(dialect: Named) -> None:
    with StandIn(hangs) as server:
        source = source_at(server.url, dialect, timeout=0.2)
        for _ in range(3):
            with pytest.raises(SourceError, match="did not answer"):
                source.load((), ())
        deadline = time.monotonic() + 5
        while any(thread.name == "jobmon-influxdb" for thread in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_charts_fail_in_words_too(dialect: Named) -> None:
    from jobmon_tui.model.series import SeriesRequest

    with StandIn(hangs) as server:
        request = SeriesRequest(kind="node", name="c001", reading="memory", start=0, end=100)
        with pytest.raises(SourceError, match="did not answer"):
            source_at(server.url, dialect).series([request])


def test_hostile_numbers_and_names_are_no_readings(dialect: Named) -> None:
    schema = InfluxSchema()
    names = (schema.cpu.user, schema.cpu.nice, schema.cpu.system, schema.cpu.wait, schema.cpu.idle)
    if dialect == "influxql":
        values = '[[1000,1,2,"x",true,1e999],[2000,1,2,3,4,90]]'
        body = "\n".join(
            f'{{"results":[{{"statement_id":{index},"series":[{{"name":"cpu","tags":{{"host":"c001",'
            f'"cpu":"cpu99999999999"}},"columns":{str(["time", *names]).replace(chr(39), chr(34))},'
            f'"values":{values}}}]}}]}}'
            if index == 0
            else f'{{"results":[{{"statement_id":{index}}}]}}'
            for index in range(20)
        )
    else:
        body = (
            "#datatype,string,long,dateTime:RFC3339,string,string" + ",double" * 5 + "\r\n"
            "#group,false,false,false,true,true" + ",false" * 5 + "\r\n#default" + "," * 10 + "\r\n"
            f",result,table,_time,host,cpu,{','.join(names)}\r\n"
            ",0,0,2026-01-01T00:00:00Z,c001,cpu99999999999,NaN,1,2,3,+Inf\r\n"
            ",0,0,2026-01-01T00:00:01Z,c001,cpu99999999999,1,2,3,4,90\r\n"
        )
    with StandIn(says(answer(body.encode()))) as server:
        answered = source_at(server.url, dialect).load((), ())
    assert answered.nodes["c001"].cpu is None
