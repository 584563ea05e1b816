"""A web service that is gone, hangs, lies, drips, breaks off, babbles, refuses or sends far too much."""

from __future__ import annotations

import datetime
import gzip
import logging
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.http import HttpFeed
from jobmon_tui.feeds.http_client import HttpOptions
from jobmon_tui.sources.secrets import SecretPlace
from tests.web_standin import (
    Talk,
    WebStandIn,
    always,
    answer,
    by_path,
    drip,
    encoded,
    hang,
    plain,
    snapshot,
    then_hang_up,
)

TOKEN = "not-to-be-seen-0123456789"
LIMIT = 0.5
"""Seconds for one document; far above what an answer of this machine takes."""
SLACK = 1.5
"""Seconds that a busy machine may take longer."""
GOOD = encoded()


def feed_of(url: str, **options: object) -> HttpFeed:
    settings: dict[str, object] = {"timeout": LIMIT} | options
    feed = HttpFeed(HttpOptions(url=url, **settings))  # type: ignore[arg-type]
    # Importing is not what is timed here.
    feed.open()
    return feed


def failure(feed: HttpFeed) -> JobmonError:
    """What the newest snapshot fails with: in time, in one line, without a secret."""
    begun = time.monotonic()
    with pytest.raises(JobmonError) as raised:
        feed.latest()
    assert time.monotonic() - begun < LIMIT + SLACK
    words = raised.value.message + raised.value.hint
    assert TOKEN not in words
    assert "\n" not in words
    return raised.value


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failure(feed_of(f"http://127.0.0.1:{port}/jobs"))
    assert error.message == "127.0.0.1 cannot be reached: Connection refused"
    assert error.hint == f"check http://127.0.0.1:{port}/jobs"


def test_a_host_that_does_not_exist() -> None:
    error = failure(feed_of("http://no-such-host.invalid", timeout=LIMIT + SLACK))
    assert error.message.startswith(
        ("no-such-host.invalid cannot be reached", "no-such-host.invalid did not")
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "talk",
    [
        hang,
        drip(b"HTTP/1.1 200 OK\r\nX-Header: "),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"),
        drip(b"HTTP/1.1 500 Oh\r\n\r\n"),
    ],
    ids=["silent", "head", "body", "refusal"],
)
def test_an_answer_that_never_ends(talk: Talk) -> None:
    with WebStandIn(talk) as server:
        assert "did not answer within 0.5 s" in failure(feed_of(server.url)).message


def test_silence_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.feeds.http_client.PATIENCE", 0.2)

    def talk(connection: socket.socket, question: bytes) -> None:
        connection.sendall(answer(GOOD)[:-20])
        connection.recv(1)

    with WebStandIn(talk) as server:
        error = failure(feed_of(server.url, timeout=60.0))
    assert error.message == "127.0.0.1 fell silent in the middle of its answer"


@pytest.mark.parametrize(
    ("said", "words", "hint"),
    [
        (answer(b"no", "401 Unauthorized"), "refuses access (401 Unauthorized)", "check the token"),
        (answer(b"no", "403 Forbidden"), "refuses access (403 Forbidden)", "check the token"),
        (answer(b"no", "407 Proxy Authentication Required"), "a proxy in front of", "http_proxy"),
        (answer(b"<html>", "404 Not Found"), "answers 404 Not Found", ""),
        (answer(b"oh\ndear", "500 Internal Server Error"), "500 Internal Server Error: oh", ""),
        (
            answer(b"later", "503 Service Unavailable", "Retry-After: 120"),
            "503 Service Unavailable: later",
            "left alone for 120 s",
        ),
        (answer(b"x", "503 Oh", "Retry-After: Fri, 27 Nov 2026 04:00:00 GMT"), "503 Oh: x", ""),
        (answer(b"<html>Sign in</html>", "200 OK", "Content-Type: text/html"), "a web page", "login page"),
        (answer(b"\n<!DOCTYPE html>"), "a web page in place of data.py", "a proxy"),
        (answer(b"", "304 Not Modified"), "answers 304 Not Modified", ""),
        (answer(b""), "expected JSON", ""),
        (answer(b"SSH-2.0"), "expected JSON", ""),
        (answer(b"[]"), "expected an object, found a list", ""),
        (answer(b'{"history": {}}'), "data.py: api: expected a version number", ""),
        (answer(b'{"api": 16, "timestamp": 1}'), "cannot read a snapshot of API 16", "newer jobmon"),
        (answer(b'{"api": 15, "timestamp": 1, "nodes": 5}'), "nodes: expected an object", ""),
        (answer(b"[" * 100_000), "nested too deep", ""),
        (answer(plain(GOOD)[:-9]), "expected JSON, found something else", "cut short"),
        (answer(GOOD[:-9]), "gzip data ends too early", "cut short"),
        (answer(b"\x1f\x8bnonsense"), "damaged gzip data", ""),
        (answer(GOOD[:-9], "200 OK", "Content-Encoding: gzip"), "gzip data end too early", ""),
        (answer(b"nonsense", "200 OK", "Content-Encoding: gzip"), "damaged gzip data", ""),
        (answer(GOOD, "200 OK", "Content-Encoding: br"), "compressed form that was not asked for", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + GOOD, "broke off", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + plain(GOOD), "expected JSON", "cut short"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -9\r\n\r\n" + plain(GOOD)[:50], "expected JSON", ""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "broke off", ""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"api", "broke off", ""),
        (b"HTTP/1.1 200 OK\r\n", "", ""),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be reached", ""),
        (b"", "cannot be reached", ""),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "cannot be reached", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_words(said: bytes, words: str, hint: str) -> None:
    with WebStandIn(then_hang_up(said)) as server:
        feed = feed_of(server.url, timeout=5.0)
        error = failure(feed)
        assert words in error.message
        assert hint in error.hint
        assert "127.0.0.1" in error.message


def test_a_good_answer_after_each_bad_one() -> None:
    bad = [
        answer(b"oh", "500 Oh"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + plain(GOOD),
        answer(GOOD[:-9], "200 OK", 'ETag: "bad"'),
        answer(b"<html>"),
    ]
    turn = iter([said for one in bad for said in (one, answer(GOOD, "200 OK", 'ETag: "good"'))])
    with WebStandIn(lambda connection, _: connection.sendall(next(turn))) as server:
        feed = feed_of(server.url, timeout=5.0)
        for _ in bad:
            failure(feed)
            assert feed.latest() == snapshot()
        # What could not be read is not taken for known.
        assert not any(b'"bad"' in question for question in server.questions)


def test_the_newest_snapshot_survives_a_failure() -> None:
    turn = iter([answer(GOOD, "200 OK", 'ETag: "1"'), b"", answer(b"", "304 Not Modified")])
    with WebStandIn(lambda connection, _: then_hang_up(next(turn))(connection, b"")) as server:
        feed = feed_of(server.url, timeout=5.0)
        first = feed.latest()
        failure(feed)
        assert feed.latest() is first


@pytest.mark.parametrize("coding", [(), ("Content-Encoding: gzip",)])
def test_a_bomb_is_not_unpacked(coding: tuple[str, ...]) -> None:
    bomb = gzip.compress(b" " * 50_000_000, 9)
    with WebStandIn(always(answer(bomb, "200 OK", *coding))) as server:
        feed = feed_of(server.url, timeout=20.0, most_bytes=1_000_000)
        tracemalloc.start()
        try:
            with pytest.raises(JobmonError, match=r"more than 0\.954 MiB|larger than 1,000,000 bytes"):
                feed.latest()
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()


def test_an_answer_without_an_end_costs_no_memory() -> None:
    def talk(connection: socket.socket, question: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{")
        while True:
            connection.sendall(b" " * 65536)

    with WebStandIn(talk) as server, pytest.raises(JobmonError, match="answers with more than 2 MiB"):
        feed_of(server.url, timeout=20.0, most_bytes=2 * 1024**2).latest()


@pytest.mark.parametrize("talk", [hang, drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n")])
@pytest.mark.parametrize("ask", [lambda feed: feed.latest(), lambda feed: feed.at(5.0)])
def test_close_ends_a_question_at_once(talk: Talk, ask: Callable[[HttpFeed], object]) -> None:
    asked = threading.Event()

    def told(connection: socket.socket, question: bytes) -> None:
        asked.set()
        talk(connection, question)

    with WebStandIn(told) as server:
        feed = feed_of(server.url, timeout=60.0)

        def close() -> None:
            asked.wait(10)
            feed.close()

        closing = threading.Thread(target=close)
        begun = time.monotonic()
        closing.start()
        with pytest.raises(JobmonError, match="jobmon stops asking"):
            ask(feed)
        closing.join()
        assert time.monotonic() - begun < SLACK
        with pytest.raises(JobmonError, match="jobmon stops asking"):
            ask(feed)


def test_a_past_that_hangs_does_not_hold_up_the_present() -> None:
    with WebStandIn(by_path(data=lambda connection, question: (
        hang(connection, question) if b"?time=" in question else connection.sendall(answer(GOOD))
    ))) as server:  # fmt: skip
        feed = feed_of(server.url, timeout=30.0)

        def look() -> None:
            with pytest.raises(JobmonError, match="jobmon stops asking"):
                feed.at(5.0)

        looking = threading.Thread(target=look)
        looking.start()
        begun = time.monotonic()
        while not any("?time=" in path for path in server.asked) and time.monotonic() < begun + 10:
            time.sleep(0.01)
        assert feed.latest() == snapshot()
        assert time.monotonic() - begun < 10
        feed.close()
        looking.join(10)
        assert not looking.is_alive()


# -- certificates ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def certificate(authority: trustme.CA, host: str, *, expired: bool = False) -> ssl.SSLContext:
    long_ago = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    before, after = (long_ago, long_ago + datetime.timedelta(days=1)) if expired else (None, None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host, not_before=before, not_after=after).configure_cert(context)
    return context


def test_an_own_authority(authority: trustme.CA, ca_file: Path) -> None:
    with WebStandIn(always(answer(GOOD)), certificate(authority, "127.0.0.1")) as server:
        feed = feed_of(server.url, ca_file=ca_file, timeout=5.0)
        assert feed.latest() == snapshot()
        assert feed.title == "http 127.0.0.1"


@pytest.mark.parametrize(
    ("host", "expired", "trusted", "words"),
    [
        ("127.0.0.1", False, False, "unable to get local issuer certificate"),
        ("127.0.0.1", True, True, "certificate has expired"),
        ("127.0.0.2", False, True, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
)
def test_a_certificate_that_is_wrong(
    authority: trustme.CA, ca_file: Path, host: str, expired: bool, trusted: bool, words: str
) -> None:
    with WebStandIn(always(answer(GOOD)), certificate(authority, host, expired=expired)) as server:
        error = failure(feed_of(server.url, ca_file=ca_file if trusted else None, timeout=5.0))
    assert error.message == f"no safe connection to 127.0.0.1: {words}"
    assert "ca_file" in error.hint
    assert server.questions == []


def test_a_server_that_speaks_no_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(answer(b"", "400 Bad Request"))
                connection.recv(65536)

        threading.Thread(target=greet, daemon=True).start()
        error = failure(feed_of(f"https://127.0.0.1:{listening.getsockname()[1]}", timeout=5.0))
    assert error.message.startswith("no safe connection to 127.0.0.1: ")


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), ("no PEM", "holds no certificates")])
def test_certificates_that_cannot_be_read(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    feed = HttpFeed(HttpOptions(url="https://127.0.0.1:9", ca_file=path))
    for call in (feed.open, feed.latest):
        with pytest.raises(JobmonError, match=words) as caught:
            call()
        assert str(path) in caught.value.message


# -- redirections, proxies, secrets ------------------------------------------------------------------------


def sends_to(url: str, status: str = "302 Found") -> Talk:
    return always(answer(b"", status, f"Location: {url}"))


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirection_is_followed_without_the_secret(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_TEST", TOKEN)
    with (
        WebStandIn(always(answer(GOOD)), host="localhost") as there,
        WebStandIn(sends_to(f"{there.url}/moved/data.py", status)) as here,
    ):
        feed = feed_of(here.url, token=SecretPlace(variable="TOKEN_OF_TEST"), timeout=5.0)
        assert feed.latest() == snapshot()
    assert there.asked == ["/moved/data.py"]
    assert TOKEN.encode() in here.questions[0]
    assert TOKEN.encode() not in there.questions[0]


def test_a_relative_redirection_keeps_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_TEST", TOKEN)
    with WebStandIn(by_path(data=sends_to("/new/newer.py"), newer=always(answer(GOOD)))) as server:
        feed = feed_of(server.url, token=SecretPlace(variable="TOKEN_OF_TEST"), timeout=5.0)
        assert feed.latest() == snapshot()
    assert all(TOKEN.encode() in question for question in server.questions)


def test_redirections_without_an_end() -> None:
    with WebStandIn(sends_to("/data.py")) as server:
        assert "points elsewhere" in failure(feed_of(server.url, timeout=5.0)).message
        assert len(server.questions) == 5


@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:9/data.py", "ftp://127.0.0.1/", "file:///etc/passwd", "http://["]
)
def test_from_https_nothing_leads_away(authority: trustme.CA, ca_file: Path, where: str) -> None:
    with WebStandIn(sends_to(where), certificate(authority, "127.0.0.1")) as server:
        error = failure(feed_of(server.url, ca_file=ca_file, timeout=5.0))
    assert "points" in error.message or "nonsense" in error.message
    assert len(server.questions) == 1


def test_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with WebStandIn(always(answer(GOOD))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        feed = feed_of("http://jobs.example.org/jobmon", timeout=5.0)
        assert feed.latest() == snapshot()
    assert proxy.asked == ["http://jobs.example.org/jobmon/data.py"]


@pytest.mark.parametrize(
    ("scheme", "said", "words"),
    [
        ("http", answer(b"", "407 Proxy Authentication Required"), "wants a password (407"),
        ("https", answer(b"", "407 Proxy Authentication Required"), "through the proxy: Tunnel"),
        ("http", answer(b"<html>", "502 Bad Gateway"), "answers 502 Bad Gateway"),
        ("http", answer(b"<html>Welcome", "200 OK", "Content-Type: text/html"), "a web page"),
        ("https", b"", "cannot be reached: Remote end closed"),
    ],
)
def test_a_proxy_in_the_way(scheme: str, said: bytes, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with WebStandIn(then_hang_up(said)) as proxy:
        monkeypatch.setenv(f"{scheme}_proxy", proxy.url.replace("//", f"//me:{TOKEN}@"))
        monkeypatch.setenv("no_proxy", "")
        error = failure(feed_of(f"{scheme}://jobs.example.org", timeout=5.0))
    assert words in error.message


def test_secrets_are_sent_and_never_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_text(TOKEN + "\n")

    def echo(connection: socket.socket, question: bytes) -> None:
        connection.sendall(answer(question.replace(b"\r\n", b" "), "500 Oh"))

    with WebStandIn(echo) as server, caplog.at_level(logging.DEBUG):
        for feed in (
            feed_of(server.url, token=SecretPlace(file=path), timeout=5.0),
            feed_of(server.url, user="ann", password=SecretPlace(file=path), timeout=5.0),
        ):
            assert "***" in failure(feed).message
            assert TOKEN not in repr(feed) + repr(vars(feed)) + feed.title
        path.write_text("ünsendable–" + TOKEN)
        odd = feed_of(server.url, token=SecretPlace(file=path), timeout=5.0)
        assert "odd characters" in failure(odd).message
    assert b"Authorization: Bearer " + TOKEN.encode() in server.questions[0]
    assert b"Authorization: Basic YW5uOm5vdC10by1iZS1zZWVu" in server.questions[1]
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    "url",
    ["", "jobs.example.org", "ftp://jobs/", f"http://ann:{TOKEN}@jobs/", "http://jobs/?a", "http://j:x/"],
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(JobmonError, match="the url of the feed") as caught:
        HttpFeed(HttpOptions(url=url))
    assert TOKEN not in caught.value.message + caught.value.hint


def test_deflate_is_not_mistaken_for_gzip() -> None:
    said = answer(zlib.compress(plain(GOOD)), "200 OK", "Content-Encoding: gzip")
    with WebStandIn(always(said)) as server:
        assert "damaged gzip data" in failure(feed_of(server.url, timeout=5.0)).message
