"""A Prometheus that is gone, hangs, trickles, breaks off, babbles, refuses or answers with far too much."""

from __future__ import annotations

import logging
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.model.series import SeriesRequest
from jobmon_tui.sources.prometheus import PrometheusOptions, PrometheusSource
from jobmon_tui.sources.prometheus_queries import Queries
from jobmon_tui.sources.secrets import SecretPlace

TOKEN = "not-to-be-seen-0123456789"
LIMIT = 0.5
"""Seconds for one query and for all of them; far above what an answer of this machine takes."""
SLACK = 1.0
"""Seconds that a busy machine may take longer."""
ROW = b'{"metric":{"instance":"ash%d:9100"},"value":[2,"1.5"]}'

Behaviour = Callable[[socket.socket, bytes], None]


@contextmanager
def server(behave: Behaviour) -> Iterator[str]:
    """Serves each connection by a function of it and of the request (its head and form)."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connections: list[socket.socket] = []

        def serve(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                while request := read_request(connection):
                    behave(connection, request)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    connections.append(connection)
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        piece = connection.recv(65536)
        if not piece:
            return b""
        request += piece
    head, _, form = request.partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(form) < length:
        form += connection.recv(65536)
    return head + b"\r\n\r\n" + form


def answer(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


def vector(*rows: bytes) -> bytes:
    return b'{"status":"success","data":{"resultType":"vector","result":[' + b",".join(rows) + b"]}}"


GOOD = answer(vector(ROW % 1, ROW % 2))


def always(said: bytes) -> Behaviour:
    return lambda connection, _: connection.sendall(said)


def hang(connection: socket.socket, _: bytes) -> None:
    connection.recv(1)


def trickle_head(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    pause = threading.Event()
    for number in range(10**6):
        connection.sendall(b"X-%d: y\r\n" % number if number < 90 else b"z")
        pause.wait(0.02)


def trickle_body(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    pause = threading.Event()
    for byte in b'{"status":"success"' + b" " * 10**6:
        connection.sendall(bytes([byte]))
        pause.wait(0.02)


def source(address: str, *, queries: Queries | None = None, **options: object) -> PrometheusSource:
    settings: dict[str, object] = {"timeout": LIMIT, "time_limit": LIMIT} | options
    return PrometheusSource(PrometheusOptions(address=address, **settings), queries)  # type: ignore[arg-type]


def failure(asked: PrometheusSource) -> SourceError:
    """What a load fails with, in time, without the token in it."""
    begun = time.monotonic()
    with pytest.raises(SourceError) as raised:
        asked.load((), ())
    assert time.monotonic() - begun < LIMIT + SLACK
    words = raised.value.message + raised.value.hint
    assert TOKEN not in words
    assert "\n" not in words
    return raised.value


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("Prometheus")]


@pytest.mark.slow
@pytest.mark.parametrize("behave", [hang, trickle_head, trickle_body])
def test_a_server_that_never_ends_its_answer(behave: Behaviour) -> None:
    with server(behave) as address:
        assert "did not answer within 0.5 s" in failure(source(address)).message
        deadline = time.monotonic() + SLACK
        while threads() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert threads() == []


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failure(source(f"http://127.0.0.1:{port}"))
    assert error.message == "Prometheus cannot be reached: Connection refused"
    assert str(port) in error.hint


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(b"no", "401 Unauthorized"), "refuses access (401 Unauthorized)"),
        (answer(b"no", "403 Forbidden"), "refuses access (403 Forbidden)"),
        (answer(b"boom\nline 2", "500 Internal Server Error"), "500 Internal Server Error: boom"),
        (answer(b"<html>\n", "502 Bad Gateway"), "502 Bad Gateway"),
        (
            answer(b'{"status":"error","error":"too\\nmany samples"}', "422 Unprocessable Entity"),
            "422 Unprocessable Entity: too many samples",
        ),
        (answer(b"x" * 10**6, "500 " + "y" * 5000), "500 yyyy"),
        (answer(b"", "302 Found", "Location: http://elsewhere/\r\n"), "points elsewhere: http://elsewhere/"),
        (answer(b"[" * 100_000), "answer"),
        (answer(b"<html>hello</html>"), "no JSON"),
        (answer(b""), "no JSON"),
        (answer(b"{}"), "not one of Prometheus"),
        (answer(b'{"status":"success","data":null}'), "not one of Prometheus"),
        (answer(b'{"status":"error","error":"no\\nway"}'), "no way"),
        (answer(b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}'), "gives a scalar"),
        (answer(vector(b"5")), "not one of Prometheus"),
        (answer(vector(b'{"metric":5,"value":[1,"2"]}')), "nonsense"),
        (answer(vector(b'{"metric":{},"value":[1]}')), "not one of Prometheus"),
        (answer(b"\xff\xfe" * 1000), "no JSON"),
        (answer(vector(ROW % 1), more="Content-Encoding: gzip\r\n"), "compressed"),
        (answer(vector(ROW % 1, ROW % 2)[:-40]), "ends too early"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + vector(ROW % 1), "broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "broke off"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "Prometheus"),
    ],
)
def test_what_is_wrong_is_said_in_words(said: bytes, words: str) -> None:
    def once(connection: socket.socket, _: bytes) -> None:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)

    with server(once) as address:
        assert words in failure(source(address, time_limit=5.0)).message


def endless(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + vector()[:-3])
    number = 0
    while True:
        rows = b",".join(ROW % (number + row) for row in range(1000)) + b","
        connection.sendall(rows)
        number += 1000


def endless_row(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + vector()[:-3] + b'{"metric":{"a":"')
    while True:
        connection.sendall(b"a" * 65536)


@pytest.mark.slow
@pytest.mark.parametrize(("behave", "words"), [(endless, "more than 2 MiB"), (endless_row, "no rows")])
def test_an_answer_without_an_end_costs_no_memory(behave: Behaviour, words: str) -> None:
    most = (2 if behave is endless else 10) * 1024**2
    with server(behave) as address:
        asked = source(address, queries=only("load"), most_bytes=most, timeout=20.0, time_limit=20.0)
        tracemalloc.start()
        try:
            with pytest.raises(SourceError, match=words):
                asked.load(["ash1"], ())
            assert tracemalloc.get_traced_memory()[1] < 48 * 1024**2
        finally:
            tracemalloc.stop()


def only(*names: str) -> Queries:
    return Queries(**{name: getattr(Queries(), name) if name in names else "" for name in Queries.__slots__})


def test_labels_that_are_no_text_cost_what_needs_them() -> None:
    rows = vector(b'{"metric":{"instance":["a"]},"value":[1,"2"]}')
    with server(always(answer(rows))) as address:
        answered = source(address, time_limit=10.0).load((), ())
    assert answered.nodes == {}
    assert "load: Prometheus answers nonsense: TypeError" in answered.problems


def refuse(sign: bytes) -> Behaviour:
    """All is well but for the queries that name something."""

    def behave(connection: socket.socket, request: bytes) -> None:
        bad = answer(b'{"status":"error","error":"out of memory"}', "503 Service Unavailable")
        connection.sendall(bad if sign in request else GOOD)

    return behave


def test_a_query_that_fails_costs_its_own_reading() -> None:
    with server(refuse(b"node_hwmon_temp")) as address:
        answered = source(address).load((), ())
    assert answered.nodes["ash1"].temperature is None
    assert (answered.nodes["ash1"].load, answered.nodes["ash1"].power) == (1.5, 1.5)
    assert answered.problems == ("temperature: Prometheus answers 503 Service Unavailable: out of memory",)


@pytest.mark.slow
def test_a_query_that_hangs_costs_its_own_reading_and_its_time() -> None:
    def behave(connection: socket.socket, request: bytes) -> None:
        if b"node_hwmon_temp" in request:
            connection.recv(1)
        else:
            connection.sendall(GOOD)

    with server(behave) as address:
        begun = time.monotonic()
        answered = source(address, queries=only("load", "temperature", "power"), time_limit=10.0).load((), ())
        assert time.monotonic() - begun < LIMIT + SLACK
    assert answered.problems == ("temperature: Prometheus did not answer within 0.5 s",)
    assert (answered.nodes["ash2"].load, answered.nodes["ash2"].power) == (1.5, 1.5)


@pytest.mark.slow
def test_slow_queries_do_not_add_up() -> None:
    pause = threading.Event()

    def behave(connection: socket.socket, _: bytes) -> None:
        pause.wait(0.2)
        connection.sendall(GOOD)

    with server(behave) as address:
        begun = time.monotonic()
        answered = source(address).load((), ())
        assert time.monotonic() - begun < LIMIT + SLACK
    assert answered.calls <= 4
    assert any("the 0.5 s for all queries are over" in problem for problem in answered.problems)


@pytest.mark.slow
def test_two_threads_take_turns() -> None:
    under_way = threading.Lock()
    pause = threading.Event()

    def behave(connection: socket.socket, _: bytes) -> None:
        if under_way.acquire(blocking=False):
            pause.wait(0.005)
            under_way.release()
            connection.sendall(GOOD)
        else:
            connection.sendall(answer(b"two at a time", "500 Internal Server Error"))

    with server(behave) as address:
        asked = source(address, timeout=10.0, time_limit=10.0)
        problems: list[str] = []
        loads = [
            threading.Thread(target=lambda: problems.extend(asked.load((), ()).problems)) for _ in range(3)
        ]
        for load in loads:
            load.start()
        for load in loads:
            load.join()
    assert problems == []


@pytest.mark.slow
def test_charts_of_a_server_that_hangs() -> None:
    with server(hang) as address:
        begun = time.monotonic()
        requests = [
            SeriesRequest(kind="node", name=f"ash{number}", reading="memory", start=0, end=100)
            for number in range(20)
        ]
        with pytest.raises(SourceError, match="did not answer"):
            source(address).series(requests)
        assert time.monotonic() - begun < LIMIT + SLACK


@pytest.mark.parametrize("behave", [hang, trickle_body])
def test_close_ends_a_request_at_once(behave: Behaviour) -> None:
    asked_for = threading.Event()

    def told(connection: socket.socket, request: bytes) -> None:
        asked_for.set()
        behave(connection, request)

    with server(told) as address:
        asked = source(address, timeout=60.0, time_limit=60.0)

        def close() -> None:
            asked_for.wait(10)
            asked.close()

        closing = threading.Thread(target=close)
        begun = time.monotonic()
        closing.start()
        with pytest.raises(SourceError, match="jobmon stops asking"):
            asked.load((), ())
        closing.join()
        assert time.monotonic() - begun < SLACK
        with pytest.raises(SourceError, match="jobmon stops asking"):
            asked.load((), ())


def test_closed_before_it_was_used() -> None:
    asked = source("http://127.0.0.1:9")
    asked.close()
    assert "jobmon stops asking" in failure(asked).message


def test_a_server_that_comes_back() -> None:
    is_well = threading.Event()

    def behave(connection: socket.socket, request: bytes) -> None:
        if is_well.is_set():
            connection.sendall(GOOD)
        else:
            connection.shutdown(socket.SHUT_RDWR)

    with server(behave) as address:
        asked = source(address, time_limit=10.0)
        failure(asked)
        is_well.set()
        assert set(asked.load((), ()).nodes) == {"ash1", "ash2"}


def test_the_token_is_sent_and_never_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    heads: list[bytes] = []

    def behave(connection: socket.socket, request: bytes) -> None:
        heads.append(request)
        connection.sendall(answer(b"no", "403 Forbidden"))

    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    with server(behave) as address, caplog.at_level(logging.DEBUG):
        asked = source(address, token=SecretPlace(file=file))
        failure(asked)
        assert b"Authorization: Bearer " + TOKEN.encode() in heads[0]
        file.write_text("ünsendable-" + TOKEN + "–")
        assert "odd characters" in failure(asked).message
    assert TOKEN not in repr(asked) + repr(vars(asked)) + caplog.text
