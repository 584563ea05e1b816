"""The feed over HTTP: what it asks, what it keeps, and that it shows what the spool behind it shows."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.documents import Documents
from jobmon_tui.feeds.http import HttpFeed
from jobmon_tui.feeds.http_client import HttpOptions
from jobmon_tui.feeds.sampling import MOST_SAMPLES, chosen_moments, coarse_to_fine
from jobmon_tui.feeds.server import DocumentServer
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.model import wire
from jobmon_tui.model.measures import CpuTimes, CpuUse
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import BackfillSlot, Node, Snapshot, Usage
from tests.web_standin import Talk, WebStandIn, always, answer, by_path, encoded, plain, snapshot


def feed_of(url: str) -> HttpFeed:
    return HttpFeed(HttpOptions(url=url, timeout=10.0))


class Older:
    """An older installation: it knows three documents, and neither ETags nor parts of the history."""

    def __init__(self, *times: int, packed: bool = True) -> None:
        self.snapshots = {time: snapshot(float(time)) for time in times}
        self.packed = packed

    def talk(self) -> Talk:
        return by_path(data=self._data, history=self._history, backfill=self._backfill)

    def _say(self, connection: socket.socket, document: bytes) -> None:
        connection.sendall(answer(document if self.packed else plain(document)))

    def _data(self, connection: socket.socket, question: bytes) -> None:
        query = parse_qs(urlsplit(question.split(b" ", 2)[1].decode()).query)
        wanted = int(query["time"][0]) if "time" in query else max(self.snapshots)
        nearest = min(self.snapshots, key=lambda time: abs(time - wanted))
        self._say(connection, wire.encode(self.snapshots[nearest]))

    def _history(self, connection: socket.socket, question: bytes) -> None:
        usage = {float(time): Usage(available=4, running=time % 5) for time in self.snapshots}
        self._say(connection, wire.encode_json(wire.history_document(usage)))

    def _backfill(self, connection: socket.socket, question: bytes) -> None:
        slots = {"milan": {4: BackfillSlot(count=1, shortest=5.0, longest=None)}}
        self._say(connection, wire.encode_json(wire.backfill_document(slots)))


def test_how_often_the_service_has_something_new_is_seen() -> None:
    older = Older(1000)
    with WebStandIn(older.talk()) as server:
        feed = feed_of(server.url)
        feed.latest()
        # Nobody has said anything yet: what collectors are set to where nobody sets them.
        assert feed.written_every == 30
        for time in (1120, 1240):
            older.snapshots[time] = snapshot(float(time))
            feed.latest()
        assert feed.written_every == 120
        feed.close()


@contextmanager
def served(feed: Feed) -> Iterator[HttpFeed]:
    """A feed, as it is seen through our own server."""
    server = DocumentServer(Documents(feed), "127.0.0.1", 0)
    server.start()
    seen = feed_of(server.url)
    try:
        yield seen
    finally:
        seen.close()
        server.stop()


def record(folder: Path, *times: int) -> SpoolFeed:
    for time in times:
        (folder / f"data{time}.json.gz").write_bytes(encoded(float(time)))
        (folder / "data.json.gz").write_bytes(encoded(float(time)))
    usage = {float(time): Usage(available=4, running=2) for time in times}
    (folder / "history.json.gz").write_bytes(wire.encode_json(wire.history_document(usage)))
    return SpoolFeed(folder, following=False)


def test_the_title_names_the_host_and_nothing_else() -> None:
    feed = feed_of("https://Jobs.example.org:8443/some/where/")
    assert (feed.title, feed.kind, feed.news_every) == ("http jobs.example.org", "live", None)


@pytest.mark.parametrize("packed", [True, False])
def test_an_older_installation(packed: bool) -> None:
    with WebStandIn(Older(1000, 1030, 1060, packed=packed).talk()) as server:
        feed = feed_of(server.url + "/jobmon/")
        feed.open()
        assert server.questions == []
        assert feed.latest() == snapshot(1060)
        assert feed.timeline() == (1000, 1030, 1060)
        assert {time: usage.running for time, usage in feed.history().items()} == {1000: 0, 1030: 0, 1060: 0}
        assert feed.at(1029.6) == snapshot(1030)
        assert [one.timestamp for one in feed.window(1060, 60)] == [1030, 1060]
        assert feed.backfill() == {"milan": {4: BackfillSlot(count=1, shortest=5.0, longest=None)}}
    assert server.asked[0] == "/jobmon/data.py"
    assert server.asked.count("/jobmon/history.py") == 1
    assert server.asked.count("/jobmon/timeline.py") == 1


def test_what_is_the_same_is_the_same_object_without_etags() -> None:
    older = Older(1000)
    with WebStandIn(older.talk()) as server:
        feed = feed_of(server.url)
        first = feed.latest()
        assert feed.latest() is first
        older.snapshots[1030] = snapshot(1030)
        assert feed.latest().timestamp == 1030
    assert server.n_connections == 1


def test_gzip_on_the_way_is_taken_off() -> None:
    said = answer(gzip.compress(plain(encoded())), "200 OK", "Content-Encoding: gzip")
    twice = answer(gzip.compress(encoded()), "200 OK", "Content-Encoding: gzip")
    for one in (said, twice):
        with WebStandIn(always(one)) as server:
            assert feed_of(server.url).latest() == snapshot()
            assert b"Accept-Encoding: gzip\r\n" in server.questions[0]


def test_nothing_is_sent_twice_to_who_knows_it_already() -> None:
    def talk(connection: socket.socket, question: bytes) -> None:
        known = b'If-None-Match: "v1"' in question
        said = answer(b"", "304 Not Modified") if known else answer(encoded(), "200 OK", 'ETag: "v1"')
        connection.sendall(said.replace(b"Content-Length: 0\r\n", b""))

    with WebStandIn(talk) as server:
        feed = feed_of(server.url)
        first = feed.latest()
        assert all(feed.latest() is first for _ in range(3))
    assert [b'"v1"' in question for question in server.questions] == [False, True, True, True]
    assert server.n_connections == 1


@pytest.mark.parametrize("etag", ['"a\tb"', '"é"', '"' + "x" * 300 + '"', ""])
def test_an_odd_etag_is_not_sent_back(etag: str) -> None:
    with WebStandIn(always(answer(encoded(), "200 OK", f"ETag: {etag}"))) as server:
        feed = feed_of(server.url)
        assert feed.latest() is feed.latest()
    assert not any(b"If-None-Match" in question for question in server.questions)


def test_an_installation_without_a_past_or_backfill() -> None:
    with WebStandIn(by_path(data=always(answer(encoded())))) as server:
        feed = feed_of(server.url)
        feed.latest()
        assert feed.timeline() == (1000,)
        assert feed.history() == {1000: snapshot().usage}
        assert feed.backfill() == {}


def test_an_installation_that_answers_everything_with_its_front_page() -> None:
    page = answer(b"<html>jobmon</html>", "200 OK", "Content-Type: text/html")
    older = Older(1000)

    def talk(connection: socket.socket, question: bytes) -> None:
        if b"timeline.py" in question:
            connection.sendall(page)
        else:
            older.talk()(connection, question)

    with WebStandIn(talk) as server:
        assert feed_of(server.url).timeline() == (1000,)


def test_a_past_that_fails_is_told_and_not_asked_for_at_each_turn() -> None:
    with WebStandIn(always(answer(b"oh", "500 Oh"))) as server:
        feed = feed_of(server.url)
        for _ in range(5):
            with pytest.raises(JobmonError, match="500 Oh: oh"):
                feed.timeline()
    assert len(server.questions) == 1


def test_what_was_the_present_joins_the_past() -> None:
    older = Older(1000)
    with WebStandIn(older.talk()) as server:
        feed = feed_of(server.url)
        assert feed.timeline() == (1000,)
        for time in (1030, 1060):
            older.snapshots[time] = snapshot(time)
            feed.latest()
        assert feed.timeline() == (1000, 1030, 1060)
        assert list(feed.history()) == [1000, 1030, 1060]
        assert feed.at(1031) == snapshot(1030)
        asked = len(server.questions)
        assert feed.at(9999) is feed.latest()
        assert feed.at(1031) is feed.at(1029)
        assert len(server.questions) == asked + 1
        # The instants are looked at before the present moves on: nothing was asked for them again.
        assert sum("history.py" in path for path in server.asked) == 1


def test_two_who_want_the_same_ask_once() -> None:
    with WebStandIn(Older(1000, 1030).talk()) as server:
        feed = feed_of(server.url)
        feed.timeline()
        found: list[Snapshot] = []
        looking = [threading.Thread(target=lambda: found.append(feed.at(1000))) for _ in range(8)]
        for one in looking:
            one.start()
        for one in looking:
            one.join()
        assert [one is found[0] for one in found] == [True] * 8
    assert sum("time=" in path for path in server.asked) == 1


def test_a_long_window_is_asked_for_in_part() -> None:
    times = range(1000, 1600, 5)
    with WebStandIn(Older(*times).talk()) as server:
        feed = feed_of(server.url)
        window = feed.window(1595, 600)
        assert next(one.timestamp for one in window) == 1000
        assert [one.timestamp for one in window][-1] == 1595
        assert len(window) == 24
        assert all(list(one.jobs) == ["1"] for one in window)
        assert feed.window(1595, 600) == window
    assert sum("time=" in path for path in server.asked) == 24


def test_a_damaged_snapshot_is_left_out_of_a_window() -> None:
    older = Older(1000, 1030, 1060)

    def talk(connection: socket.socket, question: bytes) -> None:
        if b"time=1030" in question:
            connection.sendall(answer(b"{"))
        else:
            older.talk()(connection, question)

    with WebStandIn(talk) as server:
        feed = feed_of(server.url)
        assert [one.timestamp for one in feed.window(1060, 600)] == [1000, 1060]
        with pytest.raises(JobmonError, match="expected JSON"):
            feed.at(1030)


# -- our own server ----------------------------------------------------------------------------------------


def test_our_own_server_shows_what_the_spool_shows(tmp_path: Path) -> None:
    spool = record(tmp_path, 1000, 1030, 1060)
    with served(spool) as feed:
        assert feed.latest() == spool.latest()
        assert feed.latest() is feed.latest()
        assert feed.timeline() == spool.timeline()
        assert feed.history() == spool.history()
        assert [feed.at(time) for time in (0, 1031, 2000)] == [spool.at(time) for time in (0, 1031, 2000)]
        assert feed.window(1060, 60) == spool.window(1060, 60)
        assert feed.backfill() == spool.backfill()


def test_a_newer_snapshot_in_the_spool_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = record(tmp_path, 1000)
    with served(spool) as feed:
        assert feed.latest() == snapshot(1000)
        assert list(feed.history()) == [1000]
        record(tmp_path, 1000, 1030)
        assert feed.latest() == snapshot(1030)
        assert feed.timeline() == (1000, 1030)
        # Asked again, the server tells what is new only, and it is put to what was known.
        feed._past._history_due = feed._past._times_due = 0.0
        record(tmp_path, 1000, 1030, 1060)
        assert feed.timeline() == (1000, 1030, 1060)
        assert list(feed.history()) == [1000, 1030, 1060]


class Storing(Feed):
    """A feed with a store of measurements."""

    def latest(self) -> Snapshot:
        return snapshot()

    def timeline(self) -> tuple[float, ...]:
        return (1000.25, 1030.5)

    def at(self, time: float) -> Snapshot:
        return snapshot(time)

    def series(self, requests: object) -> list[Series | None]:
        assert isinstance(requests, list)
        return [
            None
            if request.reading == "swap"
            else Series(times=(request.start, request.end), values=(1.5, None), unit=request.reading)
            for request in requests
        ]


def test_series_of_our_own_server() -> None:
    def request(kind: str, name: str, reading: str) -> SeriesRequest:
        return SeriesRequest(kind=kind, name=name, reading=reading, start=10.5, end=20)  # type: ignore[arg-type]

    requests = [
        request("node", "c1", "memory"),
        request("job", "7_3", "lustre_read:home & dagg"),
        request("node", "c1", "swap"),
        *(request("job", "8", f"gpu:{number}") for number in range(120)),
    ]
    with served(Storing()) as feed:
        found = feed.series(requests)
    assert [one and one.unit for one in found] == [
        None if one.reading == "swap" else one.reading for one in requests
    ]
    assert found[0] == Series(times=(10.5, 20), values=(1.5, None), unit="memory")


def test_instants_that_are_no_whole_seconds() -> None:
    with served(Storing()) as feed:
        assert feed.timeline() == (1000.25, 1030.5)
        assert feed.at(1000).timestamp == 1000.25
        assert feed.at(1029).timestamp == 1030.5


# -- charts of an older installation -----------------------------------------------------------------------


def test_charts_of_an_older_installation_are_sampled() -> None:
    older = Older(*range(0, 36_000, 30))
    for time in older.snapshots:
        user = 50.0 if 9000 <= time <= 18_000 else None
        cpu = None if user is None else CpuUse(CpuTimes(user, 0, 0, 0, 50), ())  # type: ignore[arg-type]
        nodes = {"c1": Node(name="c1", cpu=cpu)}
        older.snapshots[time] = Snapshot(timestamp=float(time), nodes=nodes)
    request = SeriesRequest(kind="node", name="c1", reading="cpu_user", start=1000, end=35_000)
    other = SeriesRequest(kind="node", name="c1", reading="memory", start=1000, end=35_000)
    with WebStandIn(older.talk()) as server:
        feed = feed_of(server.url)
        found, nothing = feed.series([request, other])
        assert nothing is None
        assert found is not None
        assert len(found.times) <= MOST_SAMPLES
        known = [time for time, value in zip(found.times, found.values, strict=True) if value is not None]
        assert known
        assert 9000 <= min(known) <= max(known) <= 18_000
        assert {value for value in found.values if value is not None} == {50.0}
        fetched = sum("time=" in path for path in server.asked)
        assert fetched == len(found.times)
        # A minute later most of them are the same.
        later = SeriesRequest(kind="node", name="c1", reading="cpu_user", start=1060, end=35_060)
        feed.series([later])
        assert sum("time=" in path for path in server.asked) <= fetched + 2


def test_moments_are_spread_and_steady() -> None:
    times = [float(time) for time in range(0, 100_000, 30)]
    moments = chosen_moments(times, 10_000, 90_000)
    assert MOST_SAMPLES // 2 <= len(moments) <= MOST_SAMPLES
    assert moments[-1] == 90_000
    gaps = {later - one for one, later in itertools.pairwise(moments)}
    assert max(gaps) <= 2 * 80_000 / (MOST_SAMPLES / 2)
    assert len(set(chosen_moments(times, 10_030, 90_030)) - set(moments)) <= 1
    assert chosen_moments(times, 10, 100) == [30, 60, 90]
    assert chosen_moments([], 0, 10) == []


@pytest.mark.parametrize("count", [0, 1, 2, 7, 40])
def test_coarse_to_fine_has_each_place_once(count: int) -> None:
    places = coarse_to_fine(count)
    assert sorted(places) == list(range(count))
    if count == 40:
        first = sorted(places[:5])
        assert max(later - one for one, later in itertools.pairwise(first)) <= 16
