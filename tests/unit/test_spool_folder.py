"""Files of a spool: whole or not there, with the right mode, and failures in words."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobmon_tui.feeds.spool_folder import SpoolFolder, in_words


@pytest.fixture
def narrow_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o600, 0o664])
@pytest.mark.usefixtures("narrow_umask")
def test_modes_are_right_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    folder = SpoolFolder(tmp_path / "spool", mode=mode)
    folder.make()
    folder.write("history.json.gz", b"one")
    folder.write_snapshot(b"two", 7)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir()}
    assert modes == dict.fromkeys(("history.json.gz", "data.json.gz", "data7.json.gz"), mode)
    entered = {0o644: 0o755, 0o640: 0o750, 0o600: 0o700, 0o664: 0o775}
    assert stat.S_IMODE(folder.path.stat().st_mode) == entered[mode]


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    SpoolFolder(tmp_path).make()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o711


def test_a_missing_folder_is_made_only_below_one_that_is_there(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path / "mount" / "spool")
    with pytest.raises(FileNotFoundError) as caught:
        folder.make()
    assert not (tmp_path / "mount").exists()
    assert in_words(caught.value, folder.path).endswith(f"{tmp_path / 'mount'} does not exist")
    (tmp_path / "mount").mkdir()
    first = folder.make()
    assert folder.make() == first
    folder.path.rename(tmp_path / "mount" / "other")
    assert folder.make() != first


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("x")
    with pytest.raises(NotADirectoryError) as caught:
        SpoolFolder(tmp_path / "spool").make()
    assert "it is no folder" in in_words(caught.value, tmp_path / "spool")


def test_the_newest_and_its_number_are_one_file(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path)
    folder.write_snapshot(b"one", 1)
    folder.write_snapshot(b"two", 2)
    assert (tmp_path / "data.json.gz").samefile(tmp_path / "data2.json.gz")
    assert (tmp_path / "data1.json.gz").read_bytes() == b"one"
    folder.write_snapshot(b"three", None)
    assert (tmp_path / "data.json.gz").read_bytes() == b"three"
    assert (tmp_path / "data2.json.gz").read_bytes() == b"two"


def test_a_file_system_without_second_names_gets_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    SpoolFolder(tmp_path).write_snapshot(b"one", 1)
    assert (tmp_path / "data1.json.gz").read_bytes() == (tmp_path / "data.json.gz").read_bytes() == b"one"
    assert not (tmp_path / "data.json.gz").samefile(tmp_path / "data1.json.gz")


@pytest.mark.parametrize("call", ["fsync", "link", "fchmod"])
def test_what_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    folder = SpoolFolder(tmp_path)
    folder.write_snapshot(b"old", 1)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        with pytest.raises(OSError, match="No space left") as caught:
            folder.write_snapshot(b"new and longer", 2)
    assert in_words(caught.value, tmp_path) == f"{tmp_path} cannot be written: the disk is full"
    assert (tmp_path / "data.json.gz").read_bytes() == b"old"
    assert not (tmp_path / "data2.json.gz").exists()
    folder.clear_left_behind()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.json.gz", "data1.json.gz"]
    folder.write_snapshot(b"new", 2)
    assert (tmp_path / "data2.json.gz").read_bytes() == b"new"


def test_each_file_is_flushed_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    flush = os.fsync

    def note(number: int) -> None:
        flushed.append(str(Path(f"/proc/self/fd/{number}").readlink()))
        assert not (tmp_path / "history.json.gz").exists()
        flush(number)

    folder = SpoolFolder(tmp_path)
    monkeypatch.setattr(os, "fsync", note)
    folder.write("history.json.gz", b"x")
    assert flushed == [str(tmp_path / ".history.json.gz.tmp")]
    (tmp_path / "history.json.gz").unlink()
    folder.sync()
    assert flushed[1:] == [str(tmp_path)]


def test_only_what_a_collector_left_is_cleared(tmp_path: Path) -> None:
    ours = [".data.json.gz.tmp", ".data1790000000.json.gz.tmp", ".collector.json.tmp", ".job-memory-x_y1"]
    others = [".data.json.gz.swp", "data.json.gz.tmp", ".hidden", "notes.txt", "collector.lock"]
    for name in [*ours, *others]:
        (tmp_path / name).write_text("x")
    assert SpoolFolder(tmp_path).clear_left_behind() == sorted(ours)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_a_link_in_place_of_a_temporary_file_leads_nowhere(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("as it was")
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / ".history.json.gz.tmp").symlink_to(precious)
    SpoolFolder(spool).write("history.json.gz", b"x")
    assert precious.read_text() == "as it was"
    assert not (spool / "history.json.gz").is_symlink()


def test_old_snapshots_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("data1.json.gz", "data99.json.gz", "data100.json.gz", "data5x.json.gz", "data.json.gz"):
        (tmp_path / name).write_text("x")
    assert SpoolFolder(tmp_path).remove_older(100) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "data.json.gz",
        "data100.json.gz",
        "data5x.json.gz",
    ]


def test_an_old_snapshot_that_cannot_be_removed_is_told_once_and_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data1.json.gz").mkdir()
    (tmp_path / "data2.json.gz").write_text("x")
    folder = SpoolFolder(tmp_path)
    assert [folder.remove_older(100) for _ in range(3)] == [1, 1, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["data1.json.gz"]
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(f"old snapshots in {tmp_path} cannot be removed: ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_files_are_given_away(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path / "spool", owner=12345, group=23456)
    folder.make()
    folder.write("history.json.gz", b"x")
    for path in (folder.path, folder.path / "history.json.gz"):
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


def test_who_may_not_give_files_away_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchown", refuse)
    folder = SpoolFolder(tmp_path, owner=12345)
    for _ in range(3):
        folder.write("history.json.gz", b"x")
    assert [record.getMessage() for record in caplog.records] == [
        f"the owner of files in {tmp_path} cannot be set: Operation not permitted"
    ]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "permission denied"),
        (errno.ELOOP, os.strerror(errno.ELOOP)),
    ],
)
def test_failures_are_said_in_words(tmp_path: Path, number: int, words: str) -> None:
    assert (
        in_words(OSError(number, os.strerror(number)), tmp_path) == f"{tmp_path} cannot be written: {words}"
    )
