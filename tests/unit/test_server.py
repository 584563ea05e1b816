"""The server of documents: what it answers to whom, that nothing else can be had, and that it bears load."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobmon_tui.errors import JobmonError, SourceError, UsageError
from jobmon_tui.feeds.base import Backfill, Feed
from jobmon_tui.feeds.documents import Documents, NoSuchDocumentError, QuestionError
from jobmon_tui.feeds.server import DocumentServer, accepts_gzip, is_listed
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import Snapshot, Usage
from tests.web_standin import encoded, plain, snapshot


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    for moment in (1000, 1030):
        (folder / f"data{moment}.json.gz").write_bytes(encoded(moment))
    (folder / "data.json.gz").write_bytes(encoded(1060))
    usage = {float(moment): Usage(available=4, running=2) for moment in (970, 1000, 1030)}
    (folder / "history.json.gz").write_bytes(wire.encode_json(wire.history_document(usage)))
    (folder / "backfill.json.gz").write_bytes(wire.encode_json({"milan": {}}))
    (tmp_path / "secret.json.gz").write_bytes(encoded(5))
    return folder


@contextmanager
def serving(feed: Feed, most: int = 256) -> Iterator[str]:
    server = DocumentServer(Documents(feed), "127.0.0.1", 0, most)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture
def url(spool: Path) -> Iterator[str]:
    with serving(SpoolFeed(spool)) as address:
        yield address


class Answered:
    """An answer, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def document(self) -> object:
        packed = self.headers["Content-Encoding"] == "gzip"
        return json.loads(gzip.decompress(self.body) if packed else self.body)


def ask(url: str, path: str, method: str = "GET", **headers: str) -> Answered:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): it for name, it in headers.items()})
        return Answered(connection.getresponse())
    finally:
        connection.close()


def said_to(url: str, raw: bytes) -> bytes:
    """All that is answered to some bytes."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=20) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        said = b""
        try:
            while piece := connection.recv(65536):
                said += piece
        except ConnectionResetError:
            pass
        return said


def test_the_files_are_sent_as_they_are(url: str, spool: Path) -> None:
    for path, name in (
        ("/data.py", "data.json.gz"),
        ("/data.py?time=1029", "data1030.json.gz"),
        ("/data.py?time=7.5", "data1000.json.gz"),
        ("/history.py", "history.json.gz"),
        ("/backfill.py", "backfill.json.gz"),
    ):
        content = (spool / name).read_bytes()
        answered = ask(url, path, Accept_Encoding="gzip")
        assert (answered.status, answered.body) == (200, content), path
        assert answered.headers["Content-Encoding"] == "gzip"
        assert answered.headers["Content-Length"] == str(len(content))
        unpacked = ask(url, path)
        assert unpacked.body == plain(content)
        assert unpacked.headers["Content-Encoding"] is None
        assert unpacked.headers["Content-Length"] == str(len(plain(content)))
        for one in (answered, unpacked):
            assert one.headers["Content-Type"] == "application/json"
            assert one.headers["Vary"] == "Accept-Encoding"
            assert one.headers["Cache-Control"] == "no-cache"
            assert one.headers["Server"].startswith("jobmon/")
        assert answered.headers["ETag"] != unpacked.headers["ETag"]


def test_what_comes_after_the_last_number_is_the_newest(url: str) -> None:
    assert wire.decode(ask(url, "/data.py?time=1059").body, "") == snapshot(1060)
    assert wire.decode(ask(url, "/data.py?time=1031").body, "") == snapshot(1030)


def test_parts_of_the_past(url: str) -> None:
    assert ask(url, "/timeline.py").document == {"timeline": [1000, 1030]}
    assert ask(url, "/timeline.py?from=1001&to=1030").document == {"timeline": [1030]}
    history = ask(url, "/history.py?from=1000&to=1029").document
    assert isinstance(history, dict)
    assert list(history["history"]) == ["1000.0"] or list(history["history"]) == ["1000"]


def test_head_tells_what_get_would(url: str) -> None:
    for coding in ("gzip", "identity"):
        got = ask(url, "/data.py", Accept_Encoding=coding)
        told = ask(url, "/data.py", "HEAD", Accept_Encoding=coding)
        assert told.body == b""
        assert {name: it for name, it in told.headers.items() if name != "Date"} == {
            name: it for name, it in got.headers.items() if name != "Date"
        }


def test_a_conditional_question_costs_nothing(url: str, spool: Path) -> None:
    etag = ask(url, "/data.py", Accept_Encoding="gzip").headers["ETag"]
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=20) as connection:
        head = f"GET /data.py HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nIf-None-Match: {etag}\r\n\r\n"
        connection.sendall(head.encode())
        said = connection.recv(65536)
    assert said.startswith(b"HTTP/1.1 304 ")
    assert said.endswith(b"\r\n\r\n")
    assert b"Content-Length" not in said
    assert len(said) < 250
    # Of the other form it is not the etag; and a new file has a new one.
    assert ask(url, "/data.py", If_None_Match=etag).status == 200
    (spool / "fresh").write_bytes(encoded(1090))
    (spool / "fresh").replace(spool / "data.json.gz")
    assert ask(url, "/data.py", Accept_Encoding="gzip", If_None_Match=etag).status == 200


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False), ("gzip", True), ("GZIP", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False),
        ("gzip; q=0.000", False), ("*", True), ("*;q=0", False), ("identity", False), ("x-gzip", True),
        ("gzip;q=0, *", False), ("deflate", False), (";;,,", False),
    ],
)  # fmt: skip
def test_who_accepts_gzip(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


def test_listed_etags() -> None:
    assert is_listed('"a"', '"a"')
    assert is_listed('"a"', '"b", W/"a"')
    assert is_listed('"a"', "*")
    assert not is_listed('"a"', '"b"')
    assert not is_listed('"a"', "")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/data.json.gz", 404),
        ("/../secret.json.gz", 404),
        ("/%2e%2e/secret.json.gz", 404),
        ("/data.py/", 404),
        ("/data.py%00", 404),
        ("//data.py", 200),
        ("http://elsewhere/data.py", 200),
        ("/data.py?time=../../secret", 400),
        ("/data.py?time=1&time=2", 400),
        ("/data.py?time=-5", 400),
        ("/data.py?time=1e5", 400),
        ("/data.py?time=nan", 400),
        ("/data.py?time=9999999999999999", 400),
        ("/data.py?time=٣", 400),
        ("/data.py?time=", 200),
        ("/data.py?" + "a=1&" * 200, 400),
        ("/series.py", 400),
        ("/series.py?kind=user&name=x&reading=cpu_user&start=1&end=2", 400),
        ("/series.py?kind=node&name=x&start=1&end=2", 400),
        ("/series.py?kind=node&name=x&start=1&end=2" + "&reading=x" * 65, 400),
        ("/series.py?kind=node&name=x&start=1&end=2&reading=memory&points=99999999", 200),
        ("/history.py?from=x", 400),
    ],
)
def test_what_makes_no_sense_is_refused(url: str, path: str, status: int) -> None:
    answered = ask(url, quote(path, safe="/:?&=%[.")) if not path.isascii() else ask(url, path)
    assert answered.status == status, answered.body
    if status != 200:
        assert answered.headers["Content-Type"].startswith("text/plain")
        assert b"Traceback" not in answered.body
        assert b"spool" not in answered.body


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"POST /data.py HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"PUT /data.py HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET /data.py HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 413),
        (b"GET /data.py HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 200),
        (b"GET http://[/data.py HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/3.1\r\n\r\n", 505),
        (b"GET\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400),
        (b"GET / HTTP/one\r\n\r\n", 400),
    ],
)
def test_odd_questions(url: str, raw: bytes, status: int) -> None:
    said = said_to(url, raw)
    assert said.split(b" ", 2)[1:2] == [str(status).encode()], said[:300]
    assert b"Traceback" not in said


def test_a_question_after_a_body_is_not_smuggled(url: str) -> None:
    inner = b"GET /history.py HTTP/1.1\r\nHost: x\r\n\r\n"
    said = said_to(url, b"GET / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner)
    assert said.count(b"HTTP/1.1 ") == 1


def test_questions_one_after_the_other_on_one_connection(url: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    for path, status in (("/data.py", 200), ("/nothing", 404), ("/data.py?time=x", 400), ("/", 200)):
        connection.request("GET", path)
        assert Answered(connection.getresponse()).status == status
        assert connection.sock is not None
    connection.close()
    both = said_to(url, b"GET /timeline.py HTTP/1.1\r\n\r\n" * 2)
    assert both.count(b"HTTP/1.1 200 OK") == 2


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(max_size=60), times=st.lists(st.text(max_size=20), max_size=2))
def test_no_path_leads_anywhere(path: str, times: list[str], spool: Path) -> None:
    documents = Documents(SpoolFeed(spool))
    for asked, query in ((f"/{path}", {}), ("/data.py", {"time": times})):
        try:
            document = documents.answer(asked, query)
        except (NoSuchDocumentError, QuestionError):
            continue
        found = b"".join(document.pieces())
        assert len(found) == document.plain_size
        assert wire.decode(document.packed, "").timestamp in (1000, 1030, 1060)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=300))
def test_whatever_comes_it_answers_http_or_hangs_up(raw: bytes, url: str) -> None:
    said = said_to(url, raw)
    assert said == b"" or said.startswith(b"HTTP/1.1 ")
    assert ask(url, "/data.py").status == 200


@pytest.mark.parametrize("name", ["pipe", "folder", "damaged", "short", "plain", "gone"])
def test_odd_files(url: str, spool: Path, name: str) -> None:
    path = spool / "data.json.gz"
    path.unlink()
    if name == "pipe":
        os.mkfifo(path)
    elif name == "folder":
        path.mkdir()
    elif name == "damaged":
        path.write_bytes(b"\x1f\x8bnonsense")
    elif name == "short":
        path.write_bytes(encoded(1060)[:-20])
    elif name == "plain":
        path.write_bytes(plain(encoded(1060)))
    answered = ask(url, "/data.py")
    if name in ("plain", "gone"):
        assert wire.decode(answered.body, "").timestamp == (1060 if name == "plain" else 1030)
    else:
        assert answered.status == 503
        assert answered.headers["Retry-After"] == "10"
        assert str(spool).encode() not in answered.body
    assert ask(url, "/data.py?time=1000").status == 200


def test_an_empty_spool_and_one_that_comes_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "later"
    with serving(SpoolFeed(folder)) as url, caplog.at_level("INFO", "jobmon_tui"):
        for _ in range(3):
            assert ask(url, "/data.py").status == 503
        assert ask(url, "/timeline.py").status == 503
        folder.mkdir()
        assert ask(url, "/data.py").status == 503
        (folder / "data.json.gz").write_bytes(encoded(1060))
        assert ask(url, "/data.py").status == 200
    told = [record.message for record in caplog.records if "data.py" in record.message]
    assert len(told) == 3, told
    assert "does not exist" in told[0]
    assert "holds no snapshots" in told[1]
    assert told[2] == "/data.py is served again"


class Counting(Feed):
    """A live feed, which it costs something to ask."""

    interval = 60.0

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self.error = error

    def latest(self) -> Snapshot:
        self.calls += 1
        time.sleep(0.02)
        if self.error is not None:
            raise self.error
        return snapshot()

    def backfill(self) -> Backfill:
        self.calls += 1
        return {}


@pytest.mark.parametrize("path", ["/data.py", "/data.py?time=5", "/backfill.py"])
def test_a_live_feed_is_asked_once_for_everybody(path: str) -> None:
    feed = Counting()
    with serving(feed) as url, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ask(url, path), range(40)))
    assert {one.status for one in answers} == {200}
    assert len({one.headers["ETag"] for one in answers}) == 1
    assert feed.calls == 1


def test_a_failure_of_a_live_feed_is_not_repeated_for_everybody() -> None:
    feed = Counting(SourceError("squeue failed on secret-host"))
    with serving(feed) as url:
        answers = [ask(url, "/data.py") for _ in range(5)]
    assert {one.status for one in answers} == {503}
    assert b"secret-host" not in answers[0].body
    assert feed.calls == 1


def test_a_fault_of_our_own_is_told_without_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with serving(Counting(ZeroDivisionError("at /home/me"))) as url:
        answered = ask(url, "/data.py")
    assert answered.status == 500
    assert b"/home/me" not in answered.body
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.slow
def test_two_hundred_at_once(url: str, spool: Path) -> None:
    content = (spool / "data.json.gz").read_bytes()
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda _: ask(url, "/data.py", Accept_Encoding="gzip"), range(200)))
    assert [one.status for one in answers] == [200] * 200
    assert {one.body for one in answers} == {content}


def test_where_it_cannot_listen_is_said() -> None:
    documents = Documents(Counting())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen at 127.0.0.1:{port}: Address already in use"):
            DocumentServer(documents, "127.0.0.1", port)
    for host in ("192.0.2.77", "no-such-host.invalid"):
        with pytest.raises(UsageError, match=f"cannot listen at {host}") as caught:
            DocumentServer(documents, host, 0)
        assert caught.value.hint


# -- those who mean harm, or are slow ----------------------------------------------------------------------


def connected(url: str) -> socket.socket:
    where = urlsplit(url)
    return socket.create_connection((where.hostname or "", where.port or 0), timeout=20)


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(65536) == b""
    except OSError:
        return True


@pytest.mark.parametrize("first", [b"", b"GET /data.py HTTP/1.1\r\nX: "])
def test_who_drips_is_gone_soon(url: str, first: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.feeds.server.HEAD_SECONDS", 0.3)
    monkeypatch.setattr("jobmon_tui.feeds.server.FIRST_SECONDS", 0.3)
    with connected(url) as connection:
        begun = time.monotonic()
        gone = threading.Event()

        def drip() -> None:
            while not gone.wait(0.05):
                try:
                    connection.sendall(b"y" if first else b"")
                except OSError:
                    return

        connection.sendall(first)
        dripping = threading.Thread(target=drip)
        dripping.start()
        assert is_closed(connection)
        assert time.monotonic() - begun < 3
        gone.set()
        dripping.join()


@pytest.mark.slow
def test_who_does_not_read_is_gone_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.feeds.server.FIRST_SECONDS", 0.3)
    monkeypatch.setattr("jobmon_tui.feeds.server.LEAST_RATE", 10**9)
    content = os.urandom(12_000_000)
    (tmp_path / "data.json.gz").write_bytes(b"\x1f\x8b" + content)
    server = DocumentServer(Documents(SpoolFeed(tmp_path)), "127.0.0.1", 0)
    server.start()
    with connected(server.url) as connection:
        connection.sendall(b"GET /data.py HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n")
        begun = time.monotonic()
        for is_open in (True, False):
            while bool(server._connections._open) is not is_open:
                assert time.monotonic() - begun < 10
                time.sleep(0.01)
        server.stop()
        received = 0
        try:
            while piece := connection.recv(1 << 20):
                received += len(piece)
        except OSError:
            pass
        assert received < len(content)


def test_idle_ones_make_room(spool: Path) -> None:
    with serving(SpoolFeed(spool), most=8) as url:
        idle = [connected(url) for _ in range(8)]
        # The first of them makes room for each newcomer, and everybody is served.
        for _ in range(4):
            assert ask(url, "/data.py").status == 200
        assert is_closed(idle[0])
        for connection in idle:
            connection.close()


def test_when_it_is_crowded_nobody_stays(spool: Path) -> None:
    with serving(SpoolFeed(spool), most=4) as url:
        others = [connected(url) for _ in range(3)]
        assert ask(url, "/data.py").headers["Connection"] == "close"
        for other in others:
            other.close()


def test_it_stops_at_once_and_answers_to_the_end(spool: Path) -> None:
    class Slow(SpoolFeed):
        def timeline(self) -> tuple[float, ...]:
            under_way.set()
            time.sleep(0.3)
            return super().timeline()

    under_way = threading.Event()
    server = DocumentServer(Documents(Slow(spool)), "127.0.0.1", 0)
    server.start()
    idle = connected(server.url)
    with ThreadPoolExecutor(1) as pool:
        answered = pool.submit(ask, server.url, "/timeline.py")
        assert under_way.wait(10)
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 3
        assert answered.result().status == 200
    assert is_closed(idle)
    with pytest.raises(OSError, match="refused"):
        connected(server.url)


def test_damaged_documents_raise_when_they_are_unpacked(tmp_path: Path) -> None:
    (tmp_path / "data.json.gz").write_bytes(encoded()[:-9])
    document = Documents(SpoolFeed(tmp_path)).answer("/data.py", {})
    with pytest.raises(JobmonError, match="ends too early"):
        document.plain_size  # noqa: B018
