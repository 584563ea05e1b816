"""``jobmon record`` and ``jobmon replay``: what they write and open, and how they end."""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobmon_tui.backends.demo import DemoBackend
from jobmon_tui.cli import main
from jobmon_tui.cli.arguments import parse_arguments
from jobmon_tui.cli.ending import Ending, ended_by_signals
from jobmon_tui.cli.record import read_plan
from jobmon_tui.errors import JobmonError, UsageError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.recording import OneSnapshotFeed, RecordingFeed
from jobmon_tui.feeds.recording_writer import RecordingFullError, RecordingWriter
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import Job, Node, Snapshot
from jobmon_tui.tui.options import WatchOptions

SMALL = ("--demo", "--demo-nodes", "3", "--demo-jobs", "20")
FAST = ("--interval", "0.5")
NOW = 1_000_000.0


def snapshot(time: float) -> Snapshot:
    job = Job(job_id="1", name="secret-plan", username="ann", state="RUNNING", n_cpus=1)
    return Snapshot(timestamp=time, nodes={"c1": Node(name="c1")}, jobs={"1": job})


class ScriptedFeed(Feed):
    """Says what it is told to, one thing after another; ends the recording by Ctrl-C after the last."""

    title = "scripted"
    interval = 0.01

    def __init__(self, *script: float | JobmonError) -> None:
        self._script = iter(script)
        self.is_closed = False

    def latest(self) -> Snapshot:
        said = next(self._script, None)
        if said is None:
            raise KeyboardInterrupt
        if isinstance(said, JobmonError):
            raise said
        return snapshot(said)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def from_feed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Feed], None]:
    def put_in(feed: Feed) -> None:
        monkeypatch.setattr("jobmon_tui.cli.feeds.choose_feed", lambda *_: (feed, ""))

    return put_in


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    for moment in range(1000, 2000, 100):
        (folder / f"data{moment}.json.gz").write_bytes(wire.encode(snapshot(moment)))
    return folder


def opened(path: Path) -> RecordingFeed:
    feed = RecordingFeed(path)
    feed.open()
    return feed


@pytest.mark.slow
def test_the_demo_is_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "demo.jsonl.gz"
    assert main(["record", str(path), *SMALL, *FAST, "--count", "2"]) == 0
    feed = opened(path)
    first, second = feed.timeline()
    assert 0.4 < second - first < 10
    assert len(feed.latest().nodes) == 3
    header = json.loads(gzip.decompress(path.read_bytes()).splitlines()[0])
    assert header["title"] == "demo"
    assert (header["anonymised"], header["interval"]) == (False, 0.5)
    # Nobody watches: there is nothing to tell.
    assert capsys.readouterr() == ("", "")


def test_a_user_may_be_recorded_alone(tmp_path: Path, from_feed: Callable[[Feed], None]) -> None:
    from_feed(ScriptedFeed(100.0))
    assert main(["record", str(tmp_path / "r.gz"), "--user", "bob", "--count", "1"]) == 0
    latest = opened(tmp_path / "r.gz").latest()
    assert (dict(latest.jobs), latest.only_user) == ({}, "bob")


def test_the_past_is_recorded(tmp_path: Path, spool: Path) -> None:
    def recorded(*options: str) -> tuple[float, ...]:
        path = tmp_path / "r.gz"
        assert main(["record", str(path), "--force", "--spool", str(spool), *options]) == 0
        return opened(path).timeline()

    assert recorded("--from", "01200", "--to", "01500") == (1200, 1300, 1400, 1500)
    assert recorded("--from", "01200", "--for", "5m") == (1200, 1300, 1400, 1500)
    assert recorded("--from", "01750") == (1800, 1900)
    assert recorded("--from", "01000", "--interval", "250") == (1000, 1300, 1600, 1900)
    assert recorded("--from", "01000", "--count", "2") == (1000, 1100)


def test_a_recording_can_be_recorded_from(tmp_path: Path, spool: Path) -> None:
    whole, part = tmp_path / "whole.gz", tmp_path / "part.gz"
    assert main(["record", str(whole), "--spool", str(spool), "--from", "01000"]) == 0
    assert main(["record", str(part), "--spool", str(whole), "--from", "01100", "--to", "01200"]) == 0
    assert [opened(part).at(time) for time in (1100, 1200)] == [snapshot(1100), snapshot(1200)]


def test_a_damaged_snapshot_of_the_past_is_left_out(
    tmp_path: Path, spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (spool / "data1200.json.gz").write_bytes(b"\x1f\x8bnothing")
    path = tmp_path / "r.gz"
    assert main(["record", str(path), "--spool", str(spool), "--from", "01100", "--to", "01300"]) == 0
    assert opened(path).timeline() == (1100, 1300)
    assert "Left out: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says", "status"),
    [
        (("--to", "14:30"), "--to needs --from", 2),
        (("--from", "-2h", "--to", "-1h", "--for", "1h"), "--for and --to cannot be had at once", 2),
        (("--from", "-1h", "--to", "-2h"), "--to is before --from", 2),
        (("--for", "10"), "--for: '10' is no span of time", 2),
        (("--from", "noon"), "--from: 'noon' is no time", 2),
        (("--from", "-2h", "--spool", "{spool}"), "nothing was recorded at that time", 1),
        (("--count", "0"), "from 1 to 1000000", 2),
        (("--max-size", "none"), "--max-size", 2),
        (("--spool", "{spool}/absent"), "there is no folder", 2),
    ],
)
def test_what_cannot_be_is_refused(
    options: tuple[str, ...],
    says: str,
    status: int,
    tmp_path: Path,
    spool: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "r.gz"
    source = () if "--spool" in options else SMALL
    assert main(["record", str(path), *source, *(word.format(spool=spool) for word in options)]) == status
    assert says in capsys.readouterr().err
    assert not path.exists()


def test_a_feed_without_a_past_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(DemoBackend, "timeline")
    assert main(["record", str(tmp_path / "r.gz"), *SMALL, "--from", "-2h"]) == 2
    assert "demo knows the present only" in capsys.readouterr().err


def test_the_past_of_the_demo_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "r.gz"
    assert main(["record", str(path), *SMALL, "--from", "-2h", "--count", "2"]) == 0
    assert len(opened(path).timeline()) == 2


def test_spans_and_instants_are_planned() -> None:
    def plan(*words: str) -> tuple[float | None, ...]:
        found = read_plan(parse_arguments(["record", "f", *words]), NOW)
        return found.begin, found.end, found.span

    assert plan() == (None, None, None)
    assert plan("--for", "1h30m") == (None, None, 5400)
    assert plan("--from", "-2h") == (NOW - 7200, NOW, None)
    assert plan("--from", "-2h", "--to", "-1h") == (NOW - 7200, NOW - 3600, None)
    assert plan("--from", "-2h", "--for", "10 min") == (NOW - 7200, NOW - 6600, None)


def test_a_file_that_is_there_is_kept_unless_forced(
    tmp_path: Path, from_feed: Callable[[Feed], None], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.gz"
    path.write_text("mine")
    from_feed(ScriptedFeed(100.0))
    assert main(["record", str(path)]) == 2
    assert "is there already" in capsys.readouterr().err
    # A feed that has nothing replaces nothing.
    from_feed(ScriptedFeed(JobmonError("no answer")))
    assert main(["record", str(path), "--force"]) == 1
    assert path.read_text() == "mine"
    from_feed(ScriptedFeed(100.0))
    assert main(["record", str(path), "--force"]) == 0
    assert opened(path).timeline() == (100,)


@pytest.mark.parametrize(("place", "says"), [("", "is a folder"), ("absent/r.gz", "there is no folder")])
def test_places_where_no_file_can_be(
    place: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", str(tmp_path / place), *SMALL]) == 2
    assert says in capsys.readouterr().err


def test_failures_in_between_are_told_once_and_outlived(
    tmp_path: Path, from_feed: Callable[[Feed], None], capsys: pytest.CaptureFixture[str]
) -> None:
    down = JobmonError("slurmctld\x1b[2J is down")
    feed = ScriptedFeed(100.0, down, down, 100.0, 110.0)
    from_feed(feed)
    assert main(["record", str(tmp_path / "r.gz")]) == 0
    assert opened(tmp_path / "r.gz").timeline() == (100, 110)
    told = capsys.readouterr().err
    assert told.count("No snapshot now: slurmctld�[2J is down") == 1
    assert feed.is_closed


def test_ended_before_there_was_anything(tmp_path: Path, from_feed: Callable[[Feed], None]) -> None:
    feed = ScriptedFeed()
    from_feed(feed)
    assert main(["record", str(tmp_path / "r.gz")]) == 130
    assert not (tmp_path / "r.gz").exists()
    assert feed.is_closed


def test_it_ends_when_it_has_grown_too_large(
    tmp_path: Path, from_feed: Callable[[Feed], None], capsys: pytest.CaptureFixture[str]
) -> None:
    from_feed(ScriptedFeed(*map(float, range(1000))))
    path = tmp_path / "r.gz"
    assert main(["record", str(path), "--max-size", "0.01"]) == 1
    assert path.stat().st_size <= 10_000
    assert 5 < len(opened(path).timeline()) < 100
    assert "beyond the 0.01 MB" in capsys.readouterr().err


def test_names_are_replaced_if_asked(tmp_path: Path, from_feed: Callable[[Feed], None]) -> None:
    written = []
    for _ in range(2):
        from_feed(ScriptedFeed(100.0, 110.0))
        path = tmp_path / "r.gz"
        assert main(["record", str(path), "--force", "--anonymise"]) == 0
        data = gzip.decompress(path.read_bytes())
        assert b"secret-plan" not in data
        assert b'"ann"' not in data
        assert b"scripted" not in data
        assert b'"c1"' in data
        feed = opened(path)
        (one,), (other,) = (feed.at(time).jobs.values() for time in (100, 110))
        assert one == other
        written.append(one.username)
    # The key is another one each time.
    assert written[0] != written[1]
    from_feed(ScriptedFeed(100.0))
    assert main(["record", str(path), "--force", "--anonymise-nodes"]) == 0
    assert b'"c1"' not in gzip.decompress(path.read_bytes())


def test_progress_is_told_to_whoever_watches(
    tmp_path: Path, from_feed: Callable[[Feed], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    from_feed(ScriptedFeed(100.0, 110.0))
    assert main(["record", str(tmp_path / "r.gz"), "--for", "1h"]) == 0
    told = terminal.getvalue()
    assert "1 snapshot, 0." in told
    assert "60 min to go; Ctrl-C ends it" in told
    assert told.endswith(f" in {tmp_path / 'r.gz'}.\n")
    assert "Recorded 2 snapshots, " in told


# In a process of its own


def start(*words: str, limit: int | None = None, stdout: int | None = None) -> subprocess.Popen[bytes]:
    def confine() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "-m", "jobmon_tui", "record", *words, *SMALL, *FAST],
        stderr=subprocess.PIPE,
        stdout=stdout,
        preexec_fn=confine,
    )


def wait_until(met: Callable[[], bool]) -> None:
    for _ in range(600):
        if met():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_recording_that_is_ended_is_whole(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "r.gz"
    recorder = start(str(path))
    wait_until(lambda: path.exists() and path.stat().st_size > 0)
    recorder.send_signal(number)
    _, told = recorder.communicate(timeout=30)
    assert (recorder.returncode, told) == (0, b"")
    gzip.decompress(path.read_bytes())
    assert opened(path).latest().nodes


@pytest.mark.slow
def test_a_disk_that_is_full(tmp_path: Path) -> None:
    path = tmp_path / "r.gz"
    recorder = start(str(path), "--count", "1")
    recorder.communicate(timeout=30)
    one = path.stat().st_size
    recorder = start(str(path), "--force", limit=one * 5 // 2)
    _, told = recorder.communicate(timeout=60)
    assert recorder.returncode == 1
    assert told.decode().startswith(f"jobmon: cannot write {path}: File too large\n")
    assert b"What was recorded before is whole." in told
    gzip.decompress(path.read_bytes())
    assert len(opened(path).timeline()) in (1, 2, 3)


@pytest.mark.slow
def test_standard_output_may_be_the_file(tmp_path: Path) -> None:
    recorder = start("-", "--count", "2", stdout=subprocess.PIPE)
    data, told = recorder.communicate(timeout=30)
    assert (recorder.returncode, told) == (0, b"")
    path = tmp_path / "r.gz"
    path.write_bytes(data)
    assert len(opened(path).timeline()) == 2


@pytest.mark.slow
def test_nobody_reads_the_output(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    recorder = start("-", stdout=writing)
    os.close(writing)
    _, told = recorder.communicate(timeout=30)
    assert (recorder.returncode, told) == (141, b"")


# The parts


def test_a_writer_leaves_whole_lines_when_a_write_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.gz"
    writer = RecordingWriter(path, largest=100)
    writer.append(b"one\n")
    real = os.write

    def partly(descriptor: int, data: bytes) -> int:
        if len(data) < 6:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[:4])

    monkeypatch.setattr(os, "write", partly)
    with pytest.raises(JobmonError, match="No space left"):
        writer.append(b"another\n")
    assert path.read_bytes() == b"one\n"
    monkeypatch.setattr(os, "write", real)
    writer.append(b"two\n")
    with pytest.raises(RecordingFullError):
        writer.append(bytes(93))
    writer.close()
    writer.close()
    assert path.read_bytes() == b"one\ntwo\n"


def test_somebody_else_makes_the_file_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "r.gz"
    writer = RecordingWriter(path, largest=100)
    path.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        writer.append(b"one\n")
    assert path.read_text() == "mine"


def test_a_wish_to_end_waits_for_what_must_be_finished() -> None:
    steps = []

    def work(ending: Ending) -> None:
        with ending.put_off():
            os.kill(os.getpid(), signal.SIGTERM)
            steps.append("finished")
        steps.append("not reached")

    with ended_by_signals() as ending:
        with pytest.raises(KeyboardInterrupt):
            work(ending)
        with pytest.raises(KeyboardInterrupt):
            ending.wait(60)
        ending.is_over = True
        os.kill(os.getpid(), signal.SIGHUP)
    assert steps == ["finished"]


# Replay


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Feed, WatchOptions]]:
    """What the app is opened with."""
    found: list[tuple[Feed, WatchOptions]] = []

    def run_app(feed: Feed, options: WatchOptions) -> int:
        feed.open()
        found.append((feed, options))
        return 0

    monkeypatch.setattr("jobmon_tui.tui.app.run_app", run_app)
    monkeypatch.setattr("jobmon_tui.cli.watch._check_terminal", lambda: None)
    return found


def test_whatever_was_recorded_is_replayed(
    tmp_path: Path, spool: Path, replayed: list[tuple[Feed, WatchOptions]]
) -> None:
    recorded = tmp_path / "r.gz"
    assert main(["record", str(recorded), "--spool", str(spool), "--from", "01000"]) == 0
    for place in (recorded, spool / "data1000.json.gz", spool):
        assert main(["replay", str(place), "--view", "jobs"]) == 0
    assert [type(feed) for feed, _ in replayed] == [RecordingFeed, OneSnapshotFeed, SpoolFeed]
    assert all(options.timeline_open and options.view == "jobs" for _, options in replayed)
    assert [len(feed.timeline()) for feed, _ in replayed] == [10, 1, 10]
    assert main(["watch", "--spool", str(recorded)]) == 0
    assert not replayed[-1][1].timeline_open
    assert isinstance(replayed[-1][0], RecordingFeed)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("{place}", "--demo"), "--demo and a recording cannot be had at once"),
        (("{place}", "--demo-nodes", "4"), "--demo-nodes and a recording"),
        (("{place}/absent",), "there is no file or folder"),
        ((), "FILE|FOLDER"),
    ],
)
def test_what_cannot_be_replayed(
    words: tuple[str, ...],
    says: str,
    spool: Path,
    capsys: pytest.CaptureFixture[str],
    replayed: list[tuple[Feed, WatchOptions]],
) -> None:
    assert main(["replay", *(word.format(place=spool) for word in words)]) == 2
    assert says in capsys.readouterr().err
    assert not replayed


def test_replay_offers_no_other_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--help"]) == 0
    offered = capsys.readouterr().out
    assert "--demo" not in offered
    assert "--spool" not in offered
    assert "--view" in offered


def test_a_report_is_had_of_a_recording(
    tmp_path: Path, spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.gz"
    assert main(["record", str(path), "--spool", str(spool), "--from", "01000"]) == 0
    assert main(["report", "--spool", str(path), "--at", "01310", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["timestamp"] == 1300
