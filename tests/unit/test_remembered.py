"""A live feed's own history: what it keeps, who writes it, and that it never stands in the way."""

from __future__ import annotations

import errno
import os
import threading
import time as clocks
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.remembered import RememberedFeed, folder_name
from jobmon_tui.feeds.store import StoreReader, StoreWriter
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot
from tests.unit.test_store import BEGIN, snapshot


class Live(Feed):
    """A feed that brings a snapshot of the instant that it is set to."""

    title = "a cluster"

    def __init__(self) -> None:
        self.now = BEGIN
        self.closed = False
        self.own_series: Series | None = None

    def open(self) -> None:
        self.title = "a cluster (by telephone)"

    def latest(self) -> Snapshot:
        if self.closed:
            raise SourceError("closed")
        return replace(snapshot(self.now), only_user=self.only_user)

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        return [self.own_series for _ in requests]

    def close(self) -> None:
        self.closed = True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Watch:
    """A remembered feed, with its parts."""

    def __init__(self, folder: Path, most_bytes: int = 10**9, keep: float = 86400.0) -> None:
        self.live, self.clock = Live(), Clock()
        self.feed = RememberedFeed(
            self.live, folder, "slurm", most_bytes=most_bytes, keep=keep, clock=self.clock
        )
        self.feed.open()

    def see(self, time: float, pause: float = 1000.0) -> Snapshot:
        """What is brought at that time, once it has been written."""
        self.live.now = time
        self.clock.now += pause
        found = self.feed.latest()
        wait_until(lambda: self.feed.is_idle)
        return found


def wait_until(is_so: Callable[[], bool]) -> None:
    until = clocks.monotonic() + 20
    while not is_so():
        assert clocks.monotonic() < until
        clocks.sleep(0.002)


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    watches: list[Watch] = []

    def begin(**options: float) -> Watch:
        watches.append(Watch(tmp_path, **options))  # type: ignore[arg-type]
        return watches[-1]

    yield begin
    for watch in watches:
        watch.feed.close()


def store_of(folder: Path) -> StoreReader:
    return StoreReader(folder / "slurm-test")


def test_it_passes_for_the_feed_inside(watching: Callable[..., Watch]) -> None:
    watch = watching()
    assert (watch.feed.title, watch.feed.kind) == ("a cluster (by telephone)", "live")
    assert watch.see(BEGIN) == snapshot(BEGIN)
    assert watch.feed.backfill() == {}
    watch.feed.close()
    assert watch.live.closed


def test_the_past_is_there_after_a_restart(watching: Callable[..., Watch], tmp_path: Path) -> None:
    first = watching()
    times = [BEGIN + 90 * step for step in range(20)]
    for time in times:
        first.see(time)
    first.feed.close()
    watch = watching()
    # Before the first picture nobody knows which cluster it is.
    assert watch.feed.timeline() == ()
    later = times[-1] + 600
    watch.see(later)
    assert watch.feed.timeline() == (*times, later)
    for time in (*times, later):
        assert watch.feed.at(time + 20) == snapshot(time)
    assert watch.feed.at(1e12).timestamp == later
    assert [one.timestamp for one in watch.feed.window(times[5], 300)] == times[2:6]
    assert all(not job.is_pending for one in watch.feed.window(times[5], 300) for job in one.jobs.values())
    assert list(watch.feed.history()) == [*times, later]
    request = SeriesRequest(kind="node", name="c1", reading="memory", start=BEGIN, end=later - 1)
    (kept,) = watch.feed.series([request])
    assert kept is not None
    # What comes now, whoever draws sees as well.
    assert list(kept.times) == times
    own = Series(times=(1.0,), values=(2.0,))
    watch.live.own_series = own
    assert watch.feed.series([request]) == [own]


def test_what_is_of_one_user_only_is_not_kept(watching: Callable[..., Watch], tmp_path: Path) -> None:
    watch = watching()
    watch.see(BEGIN)
    watch.feed.only_user = "user0"
    assert watch.see(BEGIN + 60).only_user == "user0"
    watch.feed.only_user = None
    watch.see(BEGIN + 120)
    assert store_of(tmp_path).times() == (BEGIN, BEGIN + 120)


def test_the_newest_is_there_before_it_is_written(watching: Callable[..., Watch]) -> None:
    watch = watching()
    watch.see(BEGIN)
    watch.see(BEGIN + 1, pause=0.0)
    assert watch.feed.timeline() == (BEGIN, BEGIN + 1)
    assert watch.feed.at(BEGIN + 1) == snapshot(BEGIN + 1)
    assert watch.feed.at(BEGIN) == snapshot(BEGIN)


@pytest.mark.slow
def test_no_more_is_written_than_finds_room(watching: Callable[..., Watch], tmp_path: Path) -> None:
    watch = watching(most_bytes=50_000, keep=3600.0)
    for step in range(720):
        watch.see(BEGIN + 5 * step, pause=5.0)
    times = store_of(tmp_path).times()
    assert 10 < len(times) < 360
    size = sum(path.stat().st_size for path in (tmp_path / "slurm-test").glob("*.segment"))
    assert size <= 50_000


def test_what_is_older_than_is_kept_goes(watching: Callable[..., Watch], tmp_path: Path) -> None:
    watch = watching(keep=7200.0)
    for step in range(10):
        watch.see(BEGIN + 1800 * step)
    times = store_of(tmp_path).times()
    assert times[-1] == BEGIN + 16200
    assert times[0] >= BEGIN + 16200 - 7200 - 3600


def test_of_two_jobmons_one_writes_and_both_read(watching: Callable[..., Watch], tmp_path: Path) -> None:
    first, second = watching(), watching()
    first.see(BEGIN)
    second.see(BEGIN + 10)
    first.see(BEGIN + 60)
    assert store_of(tmp_path).times() == (BEGIN, BEGIN + 60)
    assert second.feed.at(BEGIN) == snapshot(BEGIN)
    assert second.see(BEGIN + 70).notes == ()
    # Once the first is closed, the second goes on.
    first.feed.close()
    second.see(BEGIN + 120)
    assert store_of(tmp_path).times() == (BEGIN, BEGIN + 60, BEGIN + 120)


def test_a_full_disk_is_told_and_costs_nothing_else(
    watching: Callable[..., Watch],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    watch = watching()
    watch.see(BEGIN)

    def refuse(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", refuse)
        watch.see(BEGIN + 60)
        for step in (2, 3):
            told = watch.see(BEGIN + 60 * step)
            assert told.notes == ("The past is not kept on disk: No space left on device.",)
            assert told.nodes == snapshot(told.timestamp).nodes
        assert watch.feed.at(BEGIN) == snapshot(BEGIN)
    assert len([record for record in caplog.records if "not kept" in record.getMessage()]) == 1
    watch.see(BEGIN + 240)
    assert watch.see(BEGIN + 300).notes == ()
    assert store_of(tmp_path).times() == (BEGIN, BEGIN + 240, BEGIN + 300)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    watch = Watch(tmp_path / "file")
    watch.see(BEGIN)
    assert "not kept on disk" in watch.see(BEGIN + 60).notes[0]
    assert watch.feed.timeline() == (BEGIN + 60,)
    watch.feed.close()


def test_a_slow_disk_does_not_hold_up_the_present(
    watching: Callable[..., Watch], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    real = StoreWriter.append

    def append(writer: StoreWriter, snapshot: Snapshot) -> None:
        assert released.wait(20)
        real(writer, snapshot)

    monkeypatch.setattr(StoreWriter, "append", append)
    watch = watching()
    for step in range(5):
        watch.live.now = BEGIN + step
        assert watch.feed.latest().timestamp == BEGIN + step
    assert not watch.feed.is_idle
    released.set()
    wait_until(lambda: watch.feed.is_idle)


def test_damage_is_told_and_a_neighbour_shown(watching: Callable[..., Watch], tmp_path: Path) -> None:
    watch = watching()
    for step in range(3):
        watch.see(BEGIN + 3600 * step)
    path = min((tmp_path / "slurm-test").glob("*.segment"))
    data = bytearray(path.read_bytes())
    data[70] ^= 1
    path.write_bytes(data)
    shown = watch.feed.at(BEGIN)
    assert shown.timestamp == BEGIN + 3600
    assert "damaged at byte" in (shown.sources[0].error or "")


@pytest.mark.parametrize(
    ("backend", "cluster", "name"),
    [
        ("slurm", "ozstar", "slurm-ozstar"),
        ("slurm", None, "slurm-cluster"),
    ],
)
def test_each_cluster_has_a_folder(backend: str, cluster: str | None, name: str) -> None:
    assert folder_name(backend, cluster) == name


def test_odd_names_stay_apart_and_within_the_folder() -> None:
    odd = ["../../etc", "a/b", "a_b", "x" * 300, "x" * 301, "\ud800", "é"]
    names = [folder_name("slurm", name) for name in odd] + [folder_name(".", ".."), folder_name("/x", None)]
    assert len(set(names)) == len(names)
    assert all(len(name) < 100 and "/" not in name and not name.startswith(".") for name in names)
