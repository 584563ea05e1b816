"""The collector where disks fill up, folders go away, backends hang and processes are killed."""

from __future__ import annotations

import errno
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.feeds.collector_status import read_status
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.feeds.spool_lock import SpoolInUseError
from jobmon_tui.model import wire
from tests.collecting import START, Clock, Site, make, numbers, plain, status

PATIENCE = 30.0
"""Seconds that a busy machine is given."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "jobmon_tui")

    def messages() -> list[str]:
        found = [
            record.getMessage() for record in caplog.records if record.name.startswith("jobmon_tui.feeds")
        ]
        caplog.clear()
        return found

    return messages


def wait_for(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    last = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < last, f"waited in vain: {what}"
        time.sleep(0.01)


# Disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "jobmon-test", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        # Lazily: a collector that was not closed still has its lock open there.
        subprocess.run(["umount", "-l", str(folder)], check=True)


def read_everything(folder: Path) -> None:
    """Every file that can be seen is whole."""
    for path in folder.glob("[!.]*.json.gz"):
        with suppress(FileNotFoundError):
            plain(path)


def test_a_disk_that_is_really_full(small_disk: Path, clock: Clock, told: Callable[[], list[str]]) -> None:
    spool = small_disk / "spool"
    collector = make(spool, clock, Site(clock))
    assert collector.cycle()
    newest = (spool / "data.json.gz").read_bytes()
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 512)
    told()
    for _ in range(3):
        clock.go(30)
        assert not collector.cycle()
        read_everything(spool)
    assert (spool / "data.json.gz").read_bytes() == newest
    messages = [one for one in told() if one.startswith("spool")]
    assert messages == [f"spool: {spool} cannot be written: the disk is full (It is tried again each time.)"]
    ballast.unlink()
    clock.go(30)
    assert collector.cycle()
    assert told() == ["spool: well again after 90 s"]
    assert numbers(spool) == [int(START), int(START) + 120]
    history = plain(spool / "history.json.gz")["history"]
    assert len(history) == 5, "what the history would have shown meanwhile was remembered"
    assert not list(spool.glob(".*"))
    assert status(spool)["unwrittenCycles"] == 3


def test_a_disk_that_becomes_read_only(small_disk: Path, clock: Clock, told: Callable[[], list[str]]) -> None:
    spool = small_disk / "spool"
    collector = make(spool, clock, Site(clock))
    assert collector.cycle()
    # As root, whoever has a file open for writing keeps a disk from being remounted.
    collector.close()
    clock.go(30)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    told()
    again = make(spool, clock, Site(clock))
    for _ in range(2):
        assert not again.cycle()
        clock.go(30)
    assert [one for one in told() if one.startswith("spool")] == [
        f"spool: {spool} cannot be written: the file system is read-only (It is tried again each time.)"
    ]
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert again.cycle()
    assert told() == ["spool: well again after 60 s"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("call", ["open", "fsync"])
def test_a_disk_that_fails_at_any_call(
    tmp_path: Path,
    clock: Clock,
    told: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
) -> None:
    collector = make(tmp_path, clock, Site(clock))
    assert collector.cycle()
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.json.gz")}
    real: Callable[..., Any] = getattr(os, call)

    def fail(*arguments: Any, **options: Any) -> Any:
        if call == "fsync" or str(arguments[0]).endswith(".tmp"):
            raise OSError(number, os.strerror(number))
        return real(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        for _ in range(2):
            clock.go(30)
            assert not collector.cycle()
        assert {path.name: path.read_bytes() for path in tmp_path.glob("*.json.gz")} == before
    assert len([one for one in told() if one.startswith("spool: ")]) == 1
    clock.go(30)
    assert collector.cycle()
    assert status(tmp_path)["troubles"] == {}


# Folders that go away


@pytest.mark.slow
def test_a_spool_that_is_deleted_is_made_again(
    tmp_path: Path, clock: Clock, told: Callable[[], list[str]]
) -> None:
    spool = tmp_path / "spool"
    collector = make(spool, clock, Site(clock))
    assert collector.cycle()
    shutil.rmtree(spool)
    clock.go(30)
    assert collector.cycle()
    assert numbers(spool) == [int(START) + 30]
    assert len(plain(spool / "history.json.gz")["history"]) == 2, "the history was in memory"
    assert told() == []
    with pytest.raises(SpoolInUseError):
        make(spool, clock, Site(clock)).cycle()


def test_a_spool_whose_disk_is_not_mounted_is_waited_for(
    tmp_path: Path, clock: Clock, told: Callable[[], list[str]]
) -> None:
    mount, away = tmp_path / "mount", tmp_path / "away"
    mount.mkdir()
    spool = mount / "spool"
    collector = make(spool, clock, Site(clock))
    assert collector.cycle()
    mount.rename(away)
    for _ in range(3):
        clock.go(30)
        assert not collector.cycle()
    assert not mount.exists(), "it wrote under the place where a disk belongs"
    messages = [one for one in told() if one.startswith("spool")]
    assert messages == [
        f"spool: {spool} cannot be written: {mount} does not exist (It is tried again each time.)"
    ]
    away.rename(mount)
    clock.go(30)
    assert collector.cycle()
    assert told() == ["spool: well again after 90 s"]
    assert numbers(spool) == [int(START), int(START) + 120]
    assert len(plain(spool / "history.json.gz")["history"]) == 5


def test_one_that_waits_for_its_spool_from_the_start(
    tmp_path: Path, clock: Clock, told: Callable[[], list[str]]
) -> None:
    collector = make(tmp_path / "mount" / "spool", clock, Site(clock))
    assert not collector.cycle()
    (tmp_path / "mount").mkdir()
    clock.go(30)
    assert collector.cycle()
    assert told()[-1] == "spool: well again after 30 s"


@pytest.mark.slow
def test_one_that_lost_its_spool_to_another_ends(tmp_path: Path, clock: Clock) -> None:
    spool = tmp_path / "spool"
    first, second = make(spool, clock, Site(clock)), make(spool, clock, Site(clock))
    assert first.cycle()
    shutil.rmtree(spool)
    assert second.cycle()
    before = {path.name: path.read_bytes() for path in spool.iterdir()}
    with pytest.raises(SpoolInUseError):
        first.run()
    first.close()
    assert {path.name: path.read_bytes() for path in spool.iterdir()} == before


# Processes


@contextmanager
def collecting(spool: Path, *words: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A collector in a process of its own."""
    command = [sys.executable, "-m", "jobmon_tui", "collect", "--spool", str(spool), *words]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **environment}
    ) as process:
        try:
            yield process
        finally:
            process.kill()


SMALL = ("--demo", "--demo-nodes", "10", "--demo-jobs", "5")
INTERVAL = 0.6
"""Seconds; many times what a cycle of the small cluster takes, as it is where collectors run."""
STARTER = """\
import os, sys
import jobmon_tui.backends.simulation.cluster, jobmon_tui.cli.collect_settings, jobmon_tui.feeds.collector
from jobmon_tui.cli import main
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os._exit(main(line.rstrip().split(chr(9))))
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""
"""Starts `jobmon collect` again and again without loading Python anew each time: it is killed often."""
HANGS = """\
import sys, threading, time
from backend_base import BackendBase
END = threading.Event()
class Backend(BackendBase):
    def pre_update(self):
        print("under way", flush=True)
        {hang}
    def close(self):
        {close}
"""


class Reader(threading.Thread):
    """Reads every file that it can see, again and again."""

    def __init__(self, spool: Path) -> None:
        super().__init__(daemon=True)
        self.spool = spool
        self.is_done = threading.Event()
        self.reads = 0
        self.faults: list[str] = []

    def run(self) -> None:
        while not self.is_done.is_set():
            names = [path.name for path in self.spool.glob("[!.]*.json*") if path.name != "job-memory.json"]
            # The few that change, and some of the many that do not.
            steady = [name for name in names if name[4:-8].isdigit()]
            for name in [
                *set(names).difference(steady),
                *steady[-2:],
                *random.sample(steady, min(3, len(steady))),
            ]:
                try:
                    self.read(name)
                except FileNotFoundError:
                    self.faults.append(f"{name} was there and is gone")
                except (JobmonError, ValueError, OSError) as error:
                    self.faults.append(f"{name}: {type(error).__name__}: {error}")
                self.reads += 1
            time.sleep(0.01)

    def read(self, name: str) -> None:
        path = self.spool / name
        if name == "collector.json":
            assert read_status(self.spool) is not None
        elif name == "history.json.gz":
            assert wire.history_from_document(wire.read_json(path), name)
        elif name == "backfill.json.gz":
            wire.backfill_from_document(wire.read_json(path), name)
        else:
            assert len(wire.read_snapshot(path).nodes) == 10
            plain(path)


@pytest.mark.slow
def test_killed_a_hundred_times_while_two_read(tmp_path: Path) -> None:
    """Each file that can be seen is whole at each moment, and the newest never older than two intervals."""
    spool = tmp_path / "spool"
    spool.mkdir()
    chance = random.Random(4)
    readers = [Reader(spool) for _ in range(2)]
    for reader in readers:
        reader.start()
    back: list[list[float]] = []
    command = "\t".join(["collect", "--spool", str(spool), *SMALL, "--interval", str(INTERVAL)])
    with subprocess.Popen(
        [sys.executable, "-c", STARTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as starter:
        assert starter.stdin is not None
        assert starter.stdout is not None
        try:
            for kill in range(100):
                before = version_of(spool)
                starter.stdin.write(f"{command}\n")
                starter.stdin.flush()
                collector = int(starter.stdout.readline())
                # Half of them while they start, half of them in the middle of their cycles.
                if kill % 2:
                    wait_for(lambda old=before: version_of(spool) != old, "the first snapshot")  # type: ignore[misc]
                    back.append(newest_ages(spool, chance.uniform(0.0, 2 * INTERVAL)))
                else:
                    time.sleep(chance.uniform(0.0, 0.2))
                os.kill(collector, signal.SIGKILL)
                assert starter.stdout.readline() == "ended\n"
        finally:
            starter.stdin.close()
            for reader in readers:
                reader.is_done.set()
                reader.join(PATIENCE)
    assert [fault for reader in readers for fault in reader.faults] == []
    assert all(reader.reads > 200 for reader in readers), [reader.reads for reader in readers]
    oldest = sorted(max(ages, default=0.0) for ages in back)
    assert oldest[-1] <= 2 * INTERVAL, oldest
    # What the last one left can be taken up.
    with collecting(spool, *SMALL, "--once") as process:
        assert process.wait(PATIENCE) == 0
    assert not list(spool.glob(".*"))
    assert status(spool)["ended"] is True
    assert len(SpoolFeed(spool).history()) >= 20


def version_of(spool: Path) -> tuple[int, int] | None:
    try:
        found = (spool / "data.json.gz").stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def newest_ages(spool: Path, seconds: float) -> list[float]:
    """How old the newest snapshot is, again and again, while so many seconds pass."""
    ages, last = [], time.monotonic() + seconds
    while time.monotonic() < last:
        # A collector that is quicker than the whole seconds of file names is ahead of the clock inside them.
        ages.append(time.time() - (spool / "data.json.gz").stat().st_mtime)
        time.sleep(0.01)
    return ages


def hanging_site(folder: Path, hang: str, close: str = "pass") -> list[str]:
    (folder / "backend_hanging.py").write_text(HANGS.format(hang=hang, close=close))
    return ["--backend", "hanging", "--backend-path", str(folder)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "hang", "close", "most_seconds"),
    [
        (signal.SIGTERM, "END.wait()", "END.set()", 3.0),
        (signal.SIGINT, "END.wait()", "END.set()", 3.0),
        (
            signal.SIGTERM,
            "threading.Thread(target=time.sleep, args=(600,)).start(); time.sleep(600)",
            "time.sleep(600)",
            9.0,
        ),
    ],
    ids=["until it is closed", "until it is interrupted", "for ever, in several threads, even when closed"],
)
def test_a_signal_ends_a_cycle_that_hangs(
    tmp_path: Path, number: signal.Signals, hang: str, close: str, most_seconds: float
) -> None:
    spool = tmp_path / "spool"
    with collecting(spool, *hanging_site(tmp_path, hang, close)) as process:
        assert process.stderr is not None
        # What the backend prints is logged.
        assert any(b"under way" in line for line in iter(process.stderr.readline, b""))
        told_at = time.monotonic()
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
        assert time.monotonic() - told_at < most_seconds
        assert b"Traceback" not in process.stderr.read()
    assert not list(spool.glob(".*"))


@pytest.mark.slow
def test_a_signal_between_two_cycles_ends_it_at_once(tmp_path: Path) -> None:
    with collecting(tmp_path, *SMALL, "--interval", "3600") as process:
        wait_for((tmp_path / "collector.json").exists, "the first cycle")
        process.send_signal(signal.SIGHUP)
        time.sleep(0.1)
        assert process.poll() is None, "a closed terminal ended it"
        told_at = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert time.monotonic() - told_at < 2
        assert status(tmp_path)["ended"] is True


@pytest.mark.slow
def test_the_same_signal_twice_lets_the_cycle_under_way_end(tmp_path: Path) -> None:
    """As a shell or `timeout` sends it, which ends a process and then its group."""
    hang = "END.wait()"
    with collecting(
        tmp_path / "spool", *hanging_site(tmp_path, hang, "time.sleep(0.3); END.set()")
    ) as process:
        assert process.stderr is not None
        assert any(b"under way" in line for line in iter(process.stderr.readline, b""))
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert b"it is left" not in process.stderr.read()
    assert status(tmp_path / "spool")["ended"] is True


def heard(channel: socket.socket) -> bytes:
    """The next message; empty where none comes in time."""
    try:
        return channel.recv(65536)
    except TimeoutError:
        return b""


@pytest.mark.slow
def test_systemd_is_told_of_everything_but_not_of_a_cycle_that_hangs(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE)
        said: list[str] = []

        def hear(what: str) -> None:
            while what not in said:
                said.extend(systemd.recv(65536).decode().splitlines())

        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "600000"}
        hang = "self.n = getattr(self, 'n', 0) + 1; END.wait(600 if self.n > 2 else 0)"
        words = [*hanging_site(tmp_path, hang, "END.set()"), "--interval", "0.5"]
        with collecting(tmp_path / "spool", *words, **environment) as process:
            hear("READY=1")
            said.clear()
            hear("WATCHDOG=1")
            # The third cycle hangs: a moment later nothing is heard any more.
            systemd.settimeout(2.0)
            while heard(systemd):
                pass
            systemd.settimeout(PATIENCE)
            process.send_signal(signal.SIGTERM)
            said.clear()
            hear("STOPPING=1")
            process.wait(PATIENCE)


@pytest.mark.slow
def test_two_collectors_in_two_processes(tmp_path: Path) -> None:
    with collecting(tmp_path, *SMALL, "--interval", "3600") as first:
        wait_for((tmp_path / "data.json.gz").exists, "the first cycle")
        with collecting(tmp_path, *SMALL) as second:
            assert second.wait(PATIENCE) == 1
            assert second.stderr is not None
            told = second.stderr.read().decode()
        assert (
            f"another collector writes to {tmp_path}: process {first.pid} on {socket.gethostname()}" in told
        )
        assert first.poll() is None


@pytest.mark.slow
def test_a_spool_deleted_under_a_running_collector(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    with collecting(spool, *SMALL, "--interval", "0.2") as process:
        feed = SpoolFeed(spool)
        for _ in range(3):
            wait_for((spool / "collector.json").exists, "a snapshot")
            shutil.rmtree(spool, ignore_errors=True)
        wait_for((spool / "collector.json").exists, "a snapshot after all")
        with suppress(SnapshotError):
            assert len(feed.latest().nodes) == 10
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert len(SpoolFeed(spool).latest().nodes) == 10
