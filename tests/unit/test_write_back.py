"""What is written back to a time-series store, and what it may cost when that fails."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.backends.base import BackendBase
from jobmon_tui.errors import SourceError
from jobmon_tui.feeds.collector_status import CollectorStatus
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.feeds.write_back import (
    Measurements,
    WriteBack,
    collector_lines,
    job_lines,
    mean_cpu,
    mean_gpu,
)
from jobmon_tui.model.snapshot import Snapshot, SourceStatus
from jobmon_tui.sources.influxdb_write import line
from tests.collecting import START, Clock, Site, make, status

NAMES = Measurements()


class Writer:
    """Takes points, or fails, or waits."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.failure: Exception | None = None
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def write(self, lines: Sequence[str]) -> None:
        assert self.may_go_on.wait(20)
        if self.failure is not None:
            raise self.failure
        self.batches.append(list(lines))

    def close(self) -> None:
        self.may_go_on.set()


def snapshot_of(site: BackendBase) -> Snapshot:
    feed = LiveFeed(site)
    feed.open()
    return feed.latest()


@pytest.fixture
def snapshot() -> Snapshot:
    return snapshot_of(Site(Clock()))


def test_means_are_over_what_was_measured(snapshot: Snapshot) -> None:
    job = snapshot.jobs["1"]
    # Cores 0 and 2 of 0, 2 and 3; GPU 0 of 0 and 1.
    assert mean_cpu(job, snapshot) == (90 + 60) / 2
    assert mean_gpu(job, snapshot) == 40
    elsewhere = replace(job, layout={"n9": (0,)}, gpu_layout={"n9": (0,)})
    assert (mean_cpu(elsewhere, snapshot), mean_gpu(elsewhere, snapshot)) == (None, None)


def test_only_jobs_that_run_and_are_measured_are_written(snapshot: Snapshot) -> None:
    assert list(job_lines(snapshot, NAMES)) == [
        "jobmon_job,cluster=heron,job=1,user=ada cpu=75.0,gpu=40.0,memory=500.0,cores=3i,gpus=2i 1790000000"
    ]
    job = replace(snapshot.jobs["1"], memory_max=812.5)
    (with_most,) = job_lines(replace(snapshot, jobs={"1": job}), NAMES)
    assert ",memory_max=812.5," in with_most
    unmeasured = replace(snapshot, nodes={}, jobs={"1": replace(job, memory={}, memory_max=None)})
    assert list(job_lines(unmeasured, NAMES)) == []


def test_the_collector_and_its_sources_are_written(snapshot: Snapshot) -> None:
    own = CollectorStatus(interval=30, started=START, cycles=4, missed=1, cycle_seconds=0.5)
    own.count_sources([SourceStatus(name="a b", ok=False, seconds=1.5, calls=3)])
    first, second = collector_lines(snapshot, own, NAMES)
    assert first.startswith("jobmon_collector,cluster=heron,host=")
    assert ",cycles=4i,failed_cycles=0i,unwritten_cycles=0i,missed_cycles=1i," in first
    assert second.startswith("jobmon_source,cluster=heron,host=")
    assert second.endswith(",source=a\\ b seconds=1.5,calls=3i,errors=1i,ok=0i 1790000000")


def test_what_is_unknown_is_left_out() -> None:
    assert line("m", {"a": None, "b": ""}, {"x": None, "y": float("nan"), "z": 0.0}, 1.9) == "m z=0.0 1"
    assert line("m", {"a": "b"}, {"x": None}, 1) is None


@given(st.text(), st.text(min_size=1), st.text(min_size=1))
def test_no_name_makes_another_point_or_field(measurement: str, tag: str, value: str) -> None:
    written = line(measurement, {tag: value}, {"x": 1}, 5)
    assert written is not None
    assert "\n" not in written
    assert "\r" not in written
    unescaped = [
        place
        for place, character in enumerate(written)
        if character == " " and (place == 0 or written[place - 1] != "\\")
    ]
    # One blank before the fields, one before the time.
    assert [written[place:] for place in unescaped] == [" x=1i 5", " 5"]


def test_a_store_that_is_slow_keeps_no_cycle_waiting(tmp_path: Path) -> None:
    writer, clock = Writer(), Clock()
    writer.may_go_on.clear()
    back = WriteBack(writer)
    collector = make(tmp_path, clock, Site(clock), write_back=back)
    for _ in range(3):
        assert collector.cycle()
        clock.go(30)
    writer.may_go_on.set()
    back.settle(20)
    assert collector.cycle()
    back.settle(20)
    times = [int(batch[0].rpartition(" ")[2]) - int(START) for batch in writer.batches]
    assert times == [0, 90], "what could not be written in time is left out, not piled up"
    assert len(writer.batches[0]) == 3


@pytest.mark.parametrize("failure", [SourceError("no such database", "Make it."), RuntimeError("oh")])
def test_a_store_that_fails_is_told_and_costs_nothing_else(tmp_path: Path, failure: Exception) -> None:
    writer, clock = Writer(), Clock()
    writer.failure = failure
    back = WriteBack(writer)
    collector = make(tmp_path, clock, Site(clock), write_back=back)
    for _ in range(2):
        assert collector.cycle()
        back.settle(20)
        clock.go(30)
    assert str(failure) in status(tmp_path)["troubles"]["write-back"]["message"]
    writer.failure = None
    for _ in range(2):
        assert collector.cycle()
        back.settle(20)
        clock.go(30)
    assert status(tmp_path)["troubles"] == {}


def test_once_waits_for_it_and_tells(tmp_path: Path) -> None:
    writer, clock = Writer(), Clock()
    assert make(tmp_path, clock, Site(clock), write_back=WriteBack(writer)).once(20)
    assert len(writer.batches) == 1
    writer.failure = SourceError("refused")
    failing = make(tmp_path / "other", clock, Site(clock), write_back=WriteBack(writer))
    assert not failing.once(20)
    assert "write-back" in failing.troubles.current


def test_stopping_gives_up_what_is_on_its_way(tmp_path: Path) -> None:
    writer, clock = Writer(), Clock()
    writer.may_go_on.clear()
    back = WriteBack(writer)
    collector = make(tmp_path, clock, Site(clock), write_back=back)
    assert collector.cycle()
    collector.stop()
    back.settle(20)
    assert len(writer.batches) == 1
