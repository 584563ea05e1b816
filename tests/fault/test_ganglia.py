"""A gmond or gmetad that hangs, lies, breaks off or never stops."""

from __future__ import annotations

import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.ganglia import GangliaSource
from tests.ganglia_documents import HEAD, Talk, Talker, cluster, cores, document, host, sends

GOOD = document(cluster(host("n1", cores([(1, 2, 3, 4, 90)])), host("n2", {"load_one": 2})))
LIMIT = 0.3
SLACK = 1.0
"""What a loaded machine may take beyond the limit."""


def failure(address: tuple[str, int], **options: Any) -> SourceError:
    """The error of a load, which has to come within the time limit."""
    source = GangliaSource([address], **{"timeout": LIMIT, **options})
    started = time.monotonic()
    with pytest.raises(SourceError) as raised:
        source.load([], [])
    assert time.monotonic() - started < options.get("timeout", LIMIT) + SLACK
    assert "\n" not in raised.value.message
    return raised.value


def hangs(connection: socket.socket) -> None:
    """Take the connection and say nothing until the other side gives up."""
    connection.recv(1)


def trickles(connection: socket.socket) -> None:
    """Send a good document that would take for ever: a byte now and then keeps any one wait short."""
    gone = threading.Event()
    for position in range(len(GOOD)):
        connection.sendall(GOOD[position : position + 1])
        gone.wait(0.02)


def never_stops(piece: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.sendall(HEAD.encode() + b"<GANGLIA_XML>")
        while True:
            connection.sendall(piece)

    return talk


def resets(connection: socket.socket) -> None:
    """Break off as a machine does that is rebooted: what was sent is lost."""
    connection.sendall(GOOD[:500])
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (hangs, "did not finish its answer in time"),
        (trickles, "did not finish its answer in time"),
        (sends(), "closed the connection without an answer"),
        (sends(GOOD[:-200]), "its answer ends in the middle"),
        (sends(GOOD[: len(GOOD) // 2]), "its answer ends in the middle"),
        (sends(os.urandom(5000)), "its answer is not Ganglia's XML"),
        (sends(b"HTTP/1.1 401 Unauthorized\r\n\r\n"), "its answer is not Ganglia's XML"),
        (sends(b"HTTP/1.1 500 Internal Server Error\r\n\r\n"), "its answer is not Ganglia's XML"),
        (sends(HEAD.replace("\n]>", "<!ENTITY a 'aaaa'>]>").encode()), "its answer declares entities"),
        (resets, "cannot be read: Connection reset by peer"),
    ],
)
def test_what_is_wrong_is_told_in_words_and_in_time(talk: Talk, words: str) -> None:
    with Talker(talk) as server:
        error = failure(server.address)
        assert error.message.startswith(f"Ganglia at 127.0.0.1:{server.address[1]}")
        assert words in error.message


def test_nobody_listens() -> None:
    with Talker(hangs) as server:
        address = server.address
    error = failure(address)
    assert error.message == f"Ganglia at 127.0.0.1:{address[1]} cannot be read: Connection refused"
    assert "trusted_hosts" in error.hint


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a" * 300, "\ud800", "a..b"])
def test_a_name_that_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def without_network(host: str, *arguments: Any, **options: Any) -> Any:
        if host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", without_network)
    assert "cannot be read" in failure((name, 8649)).message


def test_a_look_up_that_hangs_holds_up_neither_this_load_nor_piles_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release, looked_up = threading.Event(), []

    def hanging(*arguments: Any, **_: Any) -> Any:
        looked_up.append(arguments)
        release.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    source = GangliaSource([("gmetad.example", 8651)], timeout=0.05)
    for _ in range(3):
        with pytest.raises(SourceError, match="in time"):
            source.load([], [])
    assert len(looked_up) == 1
    release.set()


@pytest.mark.parametrize(
    "piece",
    [
        host("n1", cores([(1, 2, 3, 4, 90)] * 16)).encode(),
        b"<METRIC " * 8000,
        b"x" * 65_536,
        b"<GRID>" * 10_000,
        b'<HOST NAME="n1">' + b" " * 65_536,
    ],
    ids=["hosts", "half metrics", "text", "depth", "one host"],
)
def test_memory_stays_bounded_whatever_comes(piece: bytes) -> None:
    with Talker(never_stops(piece)) as server:
        tracemalloc.start()
        try:
            error = failure(server.address, timeout=5.0, most_bytes=8 * 1024**2)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert "its answer" in error.message
    assert peak < 40 * 1024**2


def test_ten_times_as_much_as_allowed() -> None:
    allowed = len(GOOD) // 10
    with Talker(sends(GOOD)) as server:
        assert "longer than" in failure(server.address, most_bytes=allowed).message
        assert len(GangliaSource([server.address], most_bytes=len(GOOD)).load([], []).nodes) == 2


@pytest.mark.slow
def test_a_long_answer_that_flows_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.sources.ganglia.LEAST_SPEED", 200)

    def flows(connection: socket.socket) -> None:
        pause = threading.Event()
        for start in range(0, len(GOOD), 100):
            connection.sendall(GOOD[start : start + 100])
            pause.wait(0.05)

    with Talker(flows) as server:
        started = time.monotonic()
        answer = GangliaSource([server.address], timeout=LIMIT).load([], [])
        assert time.monotonic() - started > 2 * LIMIT
        assert set(answer.nodes) == {"n1", "n2"}


def test_one_that_stops_after_much_is_not_waited_for_any_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.sources.ganglia.LEAST_SPEED", 1)

    def stops(connection: socket.socket) -> None:
        connection.sendall(GOOD[:-100])
        connection.recv(1)

    with Talker(stops) as server:
        assert "did not finish its answer in time" in failure(server.address).message


@pytest.mark.parametrize("talk", [hangs, trickles, sends(GOOD[:300]), sends(b"nonsense")])
def test_one_of_two_that_fails_costs_only_its_own(talk: Talk) -> None:
    with Talker(talk) as bad, Talker(sends(GOOD)) as good:
        started = time.monotonic()
        answer = GangliaSource([bad.address, good.address], timeout=LIMIT).load([], [])
        assert time.monotonic() - started < LIMIT + SLACK
    assert set(answer.nodes) == {"n1", "n2"}
    assert len(answer.problems) == 1
    assert f"Ganglia at 127.0.0.1:{bad.address[1]}" in answer.problems[0]
    assert answer.calls == 2


def test_when_all_fail_each_is_named() -> None:
    with Talker(hangs) as one, Talker(sends()) as two, pytest.raises(SourceError) as raised:
        GangliaSource([one.address, two.address], timeout=LIMIT).load([], [])
    assert f":{one.address[1]} did not finish" in raised.value.message
    assert f":{two.address[1]} closed" in raised.value.message


def test_it_recovers_with_the_server() -> None:
    answers = [b"", GOOD[:200], GOOD]

    def talk(connection: socket.socket) -> None:
        connection.sendall(answers.pop(0))

    with Talker(talk) as server:
        source = GangliaSource([server.address])
        for _ in range(2):
            with pytest.raises(SourceError):
                source.load([], [])
        assert set(source.load([], []).nodes) == {"n1", "n2"}


def test_an_error_of_our_own_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr("jobmon_tui.sources.ganglia.TreeReader.feed", broken)
    with Talker(sends(GOOD)) as server:
        assert "MemoryError: no room" in failure(server.address).message


def _ended_by_close(source: GangliaSource, is_under_way: Callable[[], object]) -> float:
    """Seconds from closing the source to the end of its load in another thread."""
    errors: list[SourceError] = []

    def load() -> None:
        try:
            source.load([], [])
        except SourceError as error:
            errors.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    is_under_way()
    started = time.monotonic()
    source.close()
    thread.join(10)
    assert [error.message for error in errors] == ["Ganglia was closed"]
    return time.monotonic() - started


@pytest.mark.parametrize("talk", [hangs, trickles, never_stops(host("n1").encode())])
def test_close_ends_a_load_at_once(talk: Talk) -> None:
    with Talker(talk) as server:
        source = GangliaSource([server.address], timeout=60)
        assert _ended_by_close(source, lambda: server.met.acquire(timeout=10)) < SLACK
        with pytest.raises(SourceError, match="closed"):
            source.load([], [])


def test_close_ends_a_load_that_is_still_connecting() -> None:
    # With the queue of a listener full, who connects is left waiting.
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        source = GangliaSource([listener.getsockname()], timeout=60)

        def wait_for_the_socket() -> None:
            deadline = time.monotonic() + 10
            while not any(request._socket for request in list(source._requests)):
                assert time.monotonic() < deadline
                threading.Event().wait(0.005)

        assert _ended_by_close(source, wait_for_the_socket) < SLACK
