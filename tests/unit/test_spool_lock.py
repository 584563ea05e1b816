"""Never two collectors on one spool."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jobmon_tui.feeds import spool_lock
from jobmon_tui.feeds.spool_lock import Holder, SpoolInUseError, SpoolLock, holder_of, lock_path

HOLD = """\
import sys
from pathlib import Path
from jobmon_tui.feeds.spool_lock import SpoolLock, lock_path
folder = Path(sys.argv[1])
SpoolLock(lock_path(folder), folder).hold()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_lock, "_BETWEEN_TRIES", 0.0)


def lock_of(folder: Path) -> SpoolLock:
    return SpoolLock(lock_path(folder), folder)


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    first = lock_of(tmp_path)
    first.hold()
    first.hold()
    with pytest.raises(SpoolInUseError) as caught:
        lock_of(tmp_path).hold()
    assert str(tmp_path) in caught.value.message
    assert f"process {os.getpid()} on {socket.gethostname()}, since " in caught.value.message
    assert caught.value.hint
    first.release()
    lock_of(tmp_path).hold()


def test_whoever_is_killed_lets_go(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SpoolInUseError, match=f"process {other.pid} on "):
            lock_of(tmp_path).hold()
        holder = holder_of(lock_path(tmp_path))
        assert holder is not None
        assert holder.process == other.pid
        other.send_signal(signal.SIGKILL)
    assert holder_of(lock_path(tmp_path)) is None
    lock_of(tmp_path).hold()


@pytest.mark.parametrize("said", [b"", b"\xff\xfe", b"[]", b'{"pid": "x"}', b"9" * 5000, b"[" * 999])
def test_a_lock_file_that_says_nonsense(tmp_path: Path, said: bytes) -> None:
    first = lock_of(tmp_path)
    first.hold()
    lock_path(tmp_path).write_bytes(said)
    with pytest.raises(SpoolInUseError, match="it does not say which process it is"):
        lock_of(tmp_path).hold()


def test_what_a_lock_file_says_cannot_control_the_terminal() -> None:
    assert "\x1b" not in str(Holder(5, "host\x1b[2J", 1e300))


def test_a_folder_that_was_made_again_is_locked_anew(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    lock = lock_of(spool)
    lock.hold()
    spool.rename(tmp_path / "gone")
    assert not lock.is_held
    spool.mkdir()
    lock.hold()
    with pytest.raises(SpoolInUseError):
        lock_of(spool).hold()
    # The lock on the folder that went away was let go.
    lock_of(tmp_path / "gone").hold()


def test_one_that_another_collector_made_again_is_left_to_it(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    first, second = lock_of(spool), lock_of(spool)
    first.hold()
    spool.rename(tmp_path / "gone")
    spool.mkdir()
    second.hold()
    with pytest.raises(SpoolInUseError):
        first.hold()
    assert not first.is_held
    assert second.is_held


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_it_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(SpoolInUseError, match="cannot be locked") as caught:
        lock_of(tmp_path).hold()
    assert "collect.lock_file" in caught.value.hint


def test_other_failures_are_those_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lock_of(tmp_path / "absent").hold()
    (tmp_path / spool_lock.LOCK).symlink_to("elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        lock_of(tmp_path).hold()
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_keeps_nobody_from_locking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", fail)
    lock = lock_of(tmp_path)
    lock.hold()
    assert lock.is_held


def test_whoever_looks_keeps_no_collector_away(tmp_path: Path) -> None:
    assert holder_of(lock_path(tmp_path)) is None
    lock = lock_of(tmp_path)
    lock.hold()
    assert holder_of(lock_path(tmp_path)) == Holder(
        os.getpid(), socket.gethostname(), json.loads(lock_path(tmp_path).read_text())["since"]
    )
    lock.hold()


def test_the_lock_can_stand_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "run" / "lock"
    elsewhere.parent.mkdir()
    path = lock_path(tmp_path, elsewhere)
    SpoolLock(path, tmp_path).hold()
    assert elsewhere.exists()
    assert not (tmp_path / spool_lock.LOCK).exists()
