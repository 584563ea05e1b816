"""The collector: what it writes, what it keeps, and what it does when something fails."""

from __future__ import annotations

import json
import logging
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.feeds.recorder import Keeping
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.feeds.spool_lock import SpoolInUseError
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import Snapshot, SourceStatus
from tests.collecting import START, Clock, Kept, Site, make, numbers, plain, status

NODE_KEYS = "up isCounted nCpus nGpus cpu mem swap gpus infiniband lustre jobfs"
JOB_KEYS = (
    "name username state nCpus nGpus layout gpuLayout timeLimit runTime startTime mem memMax memReq lustre "
    "jobfs jobfsReq"
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site(clock: Clock) -> Site:
    return Site(clock)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "jobmon_tui")

    def messages() -> list[str]:
        found = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return found

    return messages


# What is written


def test_what_is_written_is_api_15_for_a_plain_reader(tmp_path: Path, clock: Clock, site: Site) -> None:
    assert make(tmp_path, clock, site).cycle()
    document = plain(tmp_path / "data.json.gz")
    assert (document["api"], document["timestamp"]) == (15, 1_790_000_000)
    assert isinstance(document["timestamp"], int)
    assert set(document["nodes"]["n1"]) >= set(NODE_KEYS.split())
    assert set(document["jobs"]) == {"1", "2", "3_1", "3_2", "3_3"}
    assert all(set(job) >= set(JOB_KEYS.split()) for job in document["jobs"].values())
    job = document["jobs"]["1"]
    assert (job["layout"], job["gpuLayout"]) == ({"n1": [0, 2, 3]}, {"n1": [0, 1]})
    assert (job["mem"], job["memMax"], job["memReq"], job["timeLimit"]) == ({"n1": 500.0}, 500.0, 4096, 60)
    assert document["nodes"]["n1"]["cpu"]["core"] == [
        [80, 0, 10, 0, 10],
        [0, 0, 0, 0, 100],
        [50, 10, 0, 5, 35],
        None,
    ]
    assert document["usage"] == {"avail": 4, "running": 3, "users": {"ada": 3}}
    assert plain(tmp_path / "data1790000000.json.gz") == document
    assert plain(tmp_path / "history.json.gz") == {"history": {"1790000000": document["usage"]}}
    slots = plain(tmp_path / "backfill.json.gz")
    assert slots == {"main": {"1": {"count": 1, "tMin": None, "tMax": None}}}


def test_what_is_written_is_what_the_spool_feed_reads(tmp_path: Path, clock: Clock, site: Site) -> None:
    collector = make(tmp_path, clock, site)
    for _ in range(3):
        assert collector.cycle()
        clock.go(30)
    feed = SpoolFeed(tmp_path)
    feed.open()
    newest = feed.latest()
    assert newest.timestamp == START + 60
    assert set(newest.jobs) == {"1", "2", "3_[1-3]"}
    assert newest.jobs["3_[1-3]"].task_count == 3
    assert newest.cluster == "heron"
    assert list(feed.timeline()) == [START, START + 30, START + 60]
    assert feed.at(START + 31).timestamp == START + 30
    assert list(feed.history()) == [START, START + 30, START + 60]
    assert list(feed.backfill()) == ["main"]


def test_fractions_of_a_second_are_in_no_name_and_no_document(
    tmp_path: Path, clock: Clock, site: Site
) -> None:
    clock.now += 0.75
    assert make(tmp_path, clock, site).cycle()
    assert (
        plain(tmp_path / "data.json.gz")["timestamp"]
        == plain(tmp_path / "data1790000000.json.gz")["timestamp"]
    )
    assert list(plain(tmp_path / "history.json.gz")["history"]) == ["1790000000"]


def test_modes_hold_under_a_narrow_umask(tmp_path: Path, clock: Clock, site: Site) -> None:
    before = os.umask(0o077)
    try:
        assert make(tmp_path / "spool", clock, site).cycle()
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "spool").iterdir()}
    # What jobs were seen to use is for the collector alone.
    assert modes.pop("job-memory.json") == 0o600
    assert set(modes.values()) == {0o644}
    assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o755


def test_numbered_files_and_spelled_out_tasks_are_optional(tmp_path: Path, clock: Clock, site: Site) -> None:
    collector = make(tmp_path, clock, site, keeping=Keeping(snapshot_files=False, most_array_tasks=0))
    assert collector.cycle()
    assert numbers(tmp_path) == []
    assert plain(tmp_path / "data.json.gz")["jobs"]["3"]["tasks"] == 3


# What is kept


def test_old_snapshots_and_old_history_go(tmp_path: Path, clock: Clock, site: Site) -> None:
    collector = make(tmp_path, clock, site, keeping=Keeping(history_length=70, delete_age=40))
    for _ in range(4):
        assert collector.cycle()
        clock.go(30)
    assert numbers(tmp_path) == [1790000060, 1790000090]
    assert sorted(plain(tmp_path / "history.json.gz")["history"]) == [
        "1790000030",
        "1790000060",
        "1790000090",
    ]
    assert status(tmp_path)["snapshots"] == 1


def test_history_and_highest_memory_outlive_a_restart(tmp_path: Path, clock: Clock, site: Site) -> None:
    site.memory = 3000
    first = make(tmp_path, clock, site)
    assert first.cycle()
    first.close()
    clock.go(30)
    again = Site(clock)
    again.memory = 200
    assert make(tmp_path, clock, again).cycle()
    assert sorted(plain(tmp_path / "history.json.gz")["history"]) == ["1790000000", "1790000030"]
    job = plain(tmp_path / "data.json.gz")["jobs"]["1"]
    assert (job["mem"], job["memMax"]) == ({"n1": 200}, 3000)


def test_a_damaged_history_begins_anew_and_is_told(
    tmp_path: Path, clock: Clock, site: Site, told: Callable[[], list[str]]
) -> None:
    (tmp_path / "history.json.gz").write_bytes(b"\x1f\x8b rubbish")
    assert make(tmp_path, clock, site).cycle()
    assert any(message.startswith("the history begins anew: ") for message in told())
    assert list(plain(tmp_path / "history.json.gz")["history"]) == ["1790000000"]


@pytest.mark.slow
def test_what_a_killed_collector_left_is_cleared_when_the_lock_is_held(
    tmp_path: Path, clock: Clock, site: Site
) -> None:
    half = tmp_path / ".data.json.gz.tmp"
    running = make(tmp_path, clock, site)
    assert running.cycle()
    half.write_bytes(b"being written")
    with pytest.raises(SpoolInUseError):
        make(tmp_path, clock, Site(clock)).cycle()
    assert half.exists(), "a second collector removed what the first one was writing"
    running.close()
    clock.go(30)
    assert make(tmp_path, clock, Site(clock)).cycle()
    assert not half.exists()


# Never two


@pytest.mark.slow
def test_a_second_collector_asks_and_writes_nothing(tmp_path: Path, clock: Clock, site: Site) -> None:
    assert make(tmp_path, clock, site).cycle()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    other = Site(clock)
    second = make(tmp_path, clock, other)
    with pytest.raises(SpoolInUseError, match=f"process {os.getpid()} on "):
        second.run()
    second.close()
    assert other.cycles == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


# The clock


def test_a_clock_set_back_overwrites_nothing_and_stops_nothing(
    tmp_path: Path, clock: Clock, site: Site, told: Callable[[], list[str]]
) -> None:
    collector = make(tmp_path, clock, site)
    for _ in range(4):
        assert collector.cycle()
        clock.go(30)
    before = {number: plain(tmp_path / f"data{number}.json.gz") for number in numbers(tmp_path)}
    told()
    clock.now -= 120
    site.memory = 77
    for cycle in range(4):
        assert collector.cycle()
        newest = SpoolFeed(tmp_path).latest()
        assert newest.jobs["1"].memory == {"n1": 77}, "readers still see what was before"
        # The next free second: its name tells the time to within a second.
        assert newest.timestamp == START + 30 * cycle + 1
        clock.go(30)
    assert told() == ["the clock was set back by 2 min"]
    assert {number: plain(tmp_path / f"data{number}.json.gz") for number in before} == before
    assert len(numbers(tmp_path)) == 8
    assert len(plain(tmp_path / "history.json.gz")["history"]) == 8


def test_several_cycles_within_a_second_share_its_number(tmp_path: Path, clock: Clock, site: Site) -> None:
    collector = make(tmp_path, clock, site, interval=0.2)
    for cycle in range(7):
        site.memory = cycle
        assert collector.cycle()
        clock.go(0.2)
    assert numbers(tmp_path) == [1790000000, 1790000001]
    assert plain(tmp_path / "data1790000000.json.gz")["jobs"]["1"]["mem"] == {"n1": 4}
    assert plain(tmp_path / "data.json.gz")["jobs"]["1"]["mem"] == {"n1": 6}


def test_a_clock_set_forward_removes_nothing_at_once(
    tmp_path: Path, clock: Clock, site: Site, told: Callable[[], list[str]]
) -> None:
    collector = make(tmp_path, clock, site)
    for _ in range(3):
        assert collector.cycle()
        clock.go(30)
    clock.now += 400 * 86_400
    told()
    assert collector.cycle()
    assert told() == ["the clock was set forward by 400 days"]
    assert len(numbers(tmp_path)) == 4
    clock.now -= 400 * 86_400
    clock.go(30)
    assert collector.cycle()
    assert len(numbers(tmp_path)) == 5, "set right within the hour, nothing is lost"
    clock.now += 400 * 86_400
    assert collector.cycle()
    clock.go(3601)
    assert collector.cycle()
    assert len(numbers(tmp_path)) == 3, "it stays so: what is old goes"


# The pace


def test_cycles_neither_pile_up_nor_drift(
    tmp_path: Path, clock: Clock, site: Site, told: Callable[[], list[str]]
) -> None:
    begun: list[float] = []
    takes = iter([1.0, 75.0, 2.0, 31.0, 1.0, 1.0])

    def during() -> None:
        begun.append(clock.running - 1000)
        clock.go(next(takes))

    def wait(seconds: float) -> bool:
        clock.go(seconds)
        return len(begun) == 6

    site.during = during
    collector = make(tmp_path, clock, site, wait=wait)
    collector.run()
    assert begun == [0, 30, 120, 150, 210, 240]
    assert status(tmp_path)["missedCycles"] == 3
    collector.close()
    assert [message for message in told() if message.startswith("pace")] == [
        "pace: cycles take longer than the 30 s between two of them; some are left out (See how long each "
        "source takes: jobmon doctor.)",
        "pace: well again after 17 s",
        "pace: cycles take longer than the 30 s between two of them; some are left out (See how long each "
        "source takes: jobmon doctor.)",
        "pace: well again after 30 s",
    ]


@pytest.mark.parametrize("set_by", [-86_400.0, -3.0, 3.0, 86_400.0])
def test_a_clock_that_is_set_changes_no_pace(tmp_path: Path, clock: Clock, site: Site, set_by: float) -> None:
    begun: list[float] = []

    def wait(seconds: float) -> bool:
        begun.append(clock.running)
        clock.go(seconds)
        if len(begun) == 2:
            clock.now += set_by
        return len(begun) == 5

    make(tmp_path, clock, site, wait=wait).run()
    assert begun == [1000, 1030, 1060, 1090, 1120]
    assert site.cycles == 5


# What fails


def test_a_backend_that_fails_is_told_once_and_asked_again(
    tmp_path: Path, clock: Clock, site: Site, told: Callable[[], list[str]]
) -> None:
    collector = make(tmp_path, clock, site)
    assert collector.cycle()
    told()
    outcomes: list[bool] = []
    failures = [
        SourceError("no answer", "Wait."),
        SourceError("no answer"),
        ZeroDivisionError("x"),
        None,
        None,
    ]
    for failure in failures:
        clock.go(30)
        site.failure = failure
        outcomes.append(collector.cycle())
    assert outcomes == [False, False, False, True, True]
    messages = told()
    assert messages[0] == "backend: no answer (Wait.)"
    assert "ZeroDivisionError" in messages[1]
    assert messages[2:] == ["backend: well again after 90 s"]
    said = status(tmp_path)
    assert (said["cycles"], said["failedCycles"]) == (6, 3)
    assert said["lastFailure"].startswith("backend: ")
    assert said["troubles"] == {}
    assert numbers(tmp_path) == [1790000000, 1790000120, 1790000150]


def test_while_it_fails_the_status_tells(tmp_path: Path, clock: Clock, site: Site) -> None:
    site.failure = SourceError("no answer", "Wait.")
    collector = make(tmp_path, clock, site)
    assert not collector.cycle()
    assert status(tmp_path)["troubles"]["backend"] == {
        "message": "no answer",
        "hint": "Wait.",
        "since": START,
    }
    assert not (tmp_path / "data.json.gz").exists()


def test_a_source_that_fails_is_counted_and_told_once(
    tmp_path: Path, clock: Clock, site: Site, told: Callable[[], list[str]]
) -> None:
    collector = make(tmp_path, clock, site)
    good, bad = site.ganglia, replace(site.ganglia, ok=False, error="hangs up \x1b[2J", seconds=9.5)
    for source in (good, bad, bad, good):
        site.ganglia = source
        assert collector.cycle()
        if source is bad:
            assert status(tmp_path)["sources"]["ganglia"]["error"] == "hangs up �[2J"
        clock.go(30)
    assert status(tmp_path)["sources"]["ganglia"] == {
        "seconds": 0.25,
        "calls": 2,
        "errors": 2,
        "error": None,
        "readAt": None,
    }
    assert told() == ["source ganglia: hangs up �[2J", "source ganglia: well again after 60 s"]


def test_a_snapshot_that_is_no_json_costs_one_cycle(
    tmp_path: Path, clock: Clock, site: Site, told: Callable[[], list[str]]
) -> None:
    collector = make(tmp_path, clock, site)
    site.cycle = lambda: Snapshot(timestamp=clock.now, notes=(object(),))  # type: ignore[method-assign,arg-type]
    assert not collector.cycle()
    assert "spool: TypeError" in told()[0]
    del site.cycle
    clock.go(30)
    assert collector.cycle()


def test_its_own_figures(tmp_path: Path, clock: Clock, site: Site) -> None:
    site.during = lambda: clock.go(2.5)
    collector = make(tmp_path, clock, site)
    assert collector.cycle()
    said = status(tmp_path)
    assert (said["pid"], said["interval"], said["ended"]) == (os.getpid(), 30, False)
    assert (said["cycleSeconds"], said["longestSeconds"], said["newest"]) == (2.5, 2.5, START + 2)
    assert (said["nodes"], said["jobs"]) == (1, 5)
    assert said["files"]["data.json.gz"] == (tmp_path / "data.json.gz").stat().st_size
    assert 0 <= said["cpuSeconds"] < 60
    collector.close()
    assert status(tmp_path)["ended"] is True
    assert site.closed == 1


# The store


def test_the_store_gets_each_snapshot_whole_and_is_pruned(tmp_path: Path, clock: Clock, site: Site) -> None:
    stores: list[Kept] = []

    def open_store(folder: Path) -> Kept:
        stores.append(Kept(folder))
        return stores[-1]

    collector = make(tmp_path, clock, site, open_store=open_store, keeping=Keeping(delete_age=1000))
    for _ in range(4):
        assert collector.cycle()
        clock.go(30)
    collector.close()
    (store,) = stores
    assert store.folder == tmp_path / "store"
    assert [one.timestamp for one in store.snapshots] == [START, START + 30, START + 60, START + 90]
    assert set(store.snapshots[0].jobs) == {"1", "2", "3_[1-3]"}, "arrays stay one record"
    assert store.snapshots[0] == wire.read_snapshot(tmp_path / "data1790000000.json.gz")
    assert store.pruned == [START - 1000, START - 940]
    assert store.is_closed


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), ValueError("out of order")])
def test_a_store_that_fails_costs_no_file_and_is_opened_anew(
    tmp_path: Path, clock: Clock, site: Site, failure: Exception, told: Callable[[], list[str]]
) -> None:
    stores: list[Kept] = []

    def open_store(folder: Path) -> Kept:
        stores.append(Kept(folder))
        return stores[-1]

    collector = make(tmp_path, clock, site, open_store=open_store)
    assert collector.cycle()
    stores[0].failure = failure
    clock.go(30)
    assert not collector.cycle()
    assert stores[0].is_closed
    assert numbers(tmp_path) == [1790000000, 1790000030]
    assert "store" in status(tmp_path)["troubles"]
    clock.go(30)
    assert collector.cycle()
    assert [len(store.snapshots) for store in stores] == [1, 1]
    messages = told()
    assert messages[0].startswith("store: ")
    assert messages[1:] == ["store: well again after 30 s"]


# Ending


def test_stopping_ends_a_cycle_that_hangs(tmp_path: Path, clock: Clock) -> None:
    class Hanging(Site):
        def __init__(self) -> None:
            super().__init__(clock)
            self.under_way, self.let_go = threading.Event(), threading.Event()

        def pre_update(self) -> None:
            self.under_way.set()
            assert self.let_go.wait(20), "close() never came"
            raise SourceError("interrupted")

        def close(self) -> None:
            self.let_go.set()

    site = Hanging()
    collector = make(tmp_path, clock, site)
    thread = threading.Thread(target=collector.run)
    thread.start()
    assert site.under_way.wait(20)
    collector.stop()
    thread.join(20)
    assert not thread.is_alive()
    collector.close()
    assert status(tmp_path)["troubles"] == {}
    # Another one may begin at once.
    assert make(tmp_path, clock, Site(clock)).cycle()


def test_stopping_ends_the_wait_for_the_next_cycle(tmp_path: Path, clock: Clock, site: Site) -> None:
    collector = make(tmp_path, clock, site)
    thread = threading.Thread(target=collector.run)
    thread.start()
    collector.stop()
    thread.join(20)
    assert not thread.is_alive()


# A backend with its own way of writing back


def test_a_backend_writes_back_in_its_own_way(
    tmp_path: Path, clock: Clock, told: Callable[[], list[str]]
) -> None:
    class Own(Site):
        written = 0
        fails = False

        def write_influx(self) -> None:
            if self.fails:
                raise RuntimeError("no such database")
            self.written += 1

    site = Own(clock)
    collector = make(tmp_path, clock, site)
    assert collector.cycle()
    assert site.written == 1
    site.fails = True
    for _ in range(2):
        clock.go(30)
        assert collector.cycle(), "it costs nothing but itself"
    (message,) = told()
    assert message.startswith("write-back: ")
    assert "no such database" in message
    assert "write-back" in status(tmp_path)["troubles"]


def test_the_status_is_whole_json_of_one_format(tmp_path: Path, clock: Clock, site: Site) -> None:
    site.ganglia = SourceStatus(name="x" * 5000, ok=False, error="y" * 5000)
    assert make(tmp_path, clock, site).cycle()
    text = (tmp_path / "collector.json").read_text()
    assert len(text) < 8000
    assert json.loads(text)["format"] == 1
