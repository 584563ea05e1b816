"""The compact history when things go wrong: torn tails, damaged bytes, newer versions, full disks, kills."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time as clock
from pathlib import Path

import pytest

from jobmon_tui.errors import SnapshotError
from jobmon_tui.feeds.store import SEGMENT_SECONDS, StoreReader, StoreWriter
from jobmon_tui.feeds.store_segment import BLOCKS, SNAPSHOT, SegmentFile, base_of, chain_of
from jobmon_tui.model.series import Series, SeriesRequest
from tests.unit.test_store import BEGIN, check_all, every_30_seconds, only_segment, snapshot, write


def frames_of(path: Path) -> SegmentFile:
    file = SegmentFile(path)
    file.scan()
    return file


def test_the_chain_of_a_snapshot_is_short_and_leads_to_the_first() -> None:
    numbers = (1, 5, 6, 7, 12, 30, 35, 36, 119)
    assert tuple(map(base_of, numbers)) == (0, 0, 0, 6, 0, 0, 30, 30, 114)
    assert chain_of(119) == [119, 114, 90, 0]
    assert all(len(chain_of(number)) <= 4 for number in range(1000))


# A tail that is not whole


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[float]]:
    """A segment whose writer did not end it, and its times."""
    folder = tmp_path_factory.mktemp("torn")
    times = every_30_seconds(5)
    writer = StoreWriter(folder)
    for time in times:
        writer.append(snapshot(time, n_jobs=3))
    return only_segment(folder).read_bytes(), times


@pytest.mark.slow
def test_a_tail_cut_at_any_byte_costs_only_what_is_cut(
    tmp_path: Path, torn: tuple[bytes, list[float]]
) -> None:
    data, _ = torn
    path = tmp_path / f"{BEGIN:.0f}.segment"
    path.write_bytes(data)
    snapshots = [frame for frame in frames_of(path).frames if frame.kind == SNAPSHOT]
    for length in range(snapshots[-2].offset - 40, len(data) + 1):
        path.write_bytes(data[:length])
        whole = tuple(frame.time for frame in snapshots if frame.end <= length)
        reader = StoreReader(tmp_path)
        assert reader.times() == whole
        if whole:
            assert reader.read(whole[-1]) == snapshot(whole[-1], n_jobs=3)


@pytest.mark.slow
def test_a_writer_goes_on_behind_a_tail_cut_at_any_byte(
    tmp_path: Path, torn: tuple[bytes, list[float]]
) -> None:
    data, times = torn
    path = tmp_path / f"{BEGIN:.0f}.segment"
    path.write_bytes(data)
    last = [frame for frame in frames_of(path).frames if frame.kind == SNAPSHOT][-1]
    later = times[-1] + 30
    for length in range(last.offset - 30, len(data) + 1, 5):
        path.write_bytes(data[:length])
        writer = StoreWriter(tmp_path)
        writer.append(snapshot(later, n_jobs=3))
        reader = StoreReader(tmp_path)
        assert later in reader.times()
        for time in reader.times():
            assert reader.read(time) == snapshot(time, n_jobs=3)
        assert list(tmp_path.iterdir()) == [path]
        writer.close()


def test_a_file_that_grows_byte_by_byte_shows_each_snapshot_once_it_is_whole(
    tmp_path: Path, torn: tuple[bytes, list[float]]
) -> None:
    data, times = torn
    path = tmp_path / f"{BEGIN:.0f}.segment"
    reader = StoreReader(tmp_path)
    shown = 0
    with path.open("wb", buffering=0) as file:
        for place in range(0, len(data), 7):
            file.write(data[place : place + 7])
            found = reader.times()
            assert found == tuple(times[: len(found)])
            for time in found[shown:]:
                assert reader.read(time) == snapshot(time, n_jobs=3)
            shown = len(found)
    assert reader.times() == tuple(times)


# Damage


def test_a_flipped_bit_costs_only_what_depends_on_it(tmp_path: Path) -> None:
    times = every_30_seconds(16)
    write(tmp_path, times)
    path = only_segment(tmp_path)
    whole = path.read_bytes()
    snapshots = {frame.number: frame for frame in frames_of(path).frames if frame.kind == SNAPSHOT}
    for damaged in (0, 3, 8, 14):
        for in_head in (False, True):
            data = bytearray(whole)
            data[snapshots[damaged].offset + (-5 if in_head else 20)] ^= 0x10
            path.write_bytes(data)
            reader = StoreReader(tmp_path)
            assert reader.times() == tuple(times)
            for number, time in enumerate(times):
                # The index knows where everything is, whatever a head says.
                if damaged in chain_of(number) and not in_head:
                    with pytest.raises(SnapshotError, match=rf"{path.name}: damaged at byte") as caught:
                        reader.read(time)
                    assert caught.value.hint
                else:
                    assert reader.read(time) == snapshot(time)


def test_without_an_index_a_damaged_head_costs_its_own_snapshot_and_those_told_by_it(tmp_path: Path) -> None:
    times = every_30_seconds(2 * BLOCKS[0] + 2)
    writer = StoreWriter(tmp_path)
    for time in times:
        writer.append(snapshot(time))
    path = only_segment(tmp_path)
    data = bytearray(path.read_bytes())
    damaged = [frame for frame in frames_of(path).frames if frame.kind == SNAPSHOT][BLOCKS[0]]
    data[damaged.offset - 10] ^= 1
    path.write_bytes(data)
    reader = StoreReader(tmp_path)
    assert reader.times() == tuple(time for time in times if time != damaged.time)
    (problem,) = reader.problems
    assert problem.message == f"{path}: damaged; some of its instants are missing"
    for number, time in enumerate(times):
        if BLOCKS[0] in chain_of(number):
            with pytest.raises(SnapshotError):
                reader.read(time)
        else:
            assert reader.read(time) == snapshot(time)
    # Nobody writes on behind damage.
    writer = StoreWriter(tmp_path)
    writer.append(snapshot(times[-1] + 30))
    assert len(list(tmp_path.glob("*.segment"))) == 2
    assert StoreReader(tmp_path).read(times[-1] + 30) == snapshot(times[-1] + 30)


@pytest.mark.slow
def test_no_flipped_byte_does_worse_than_a_snapshot_error(tmp_path: Path) -> None:
    times = every_30_seconds(3)
    write(tmp_path, times)
    path = only_segment(tmp_path)
    whole = path.read_bytes()
    complaints = []
    for place in range(0, len(whole), 7):
        data = bytearray(whole)
        data[place] ^= 0xFF
        path.write_bytes(data)
        reader = StoreReader(tmp_path)
        reader.history()
        reader.series([SeriesRequest(kind="node", name="c1", reading="memory", start=0, end=2e9)])
        for time in reader.times():
            try:
                found = reader.read(time)
            except SnapshotError as error:
                complaints.append(error.message)
            else:
                assert found == snapshot(time)
    assert complaints
    assert all(path.name in complaint for complaint in complaints)


@pytest.mark.parametrize("version", [1, 9])
def test_another_version_is_refused_with_a_message_and_the_rest_is_read(tmp_path: Path, version: int) -> None:
    write(tmp_path, [BEGIN])
    path = only_segment(tmp_path)
    data = bytearray(path.read_bytes())
    data[12] = version
    other = tmp_path / f"{BEGIN + 9000:.0f}.segment"
    other.write_bytes(data)
    reader = StoreReader(tmp_path)
    assert reader.times() == (BEGIN,)
    (problem,) = reader.problems
    assert problem.message == f"{other}: cannot read a store of version {version}"
    assert "Version 2 can be read" in problem.hint
    path.unlink()
    assert reader.times() == ()
    with pytest.raises(SnapshotError, match=f"version {version}"):
        reader.read(BEGIN)
    # A writer of this version leaves it alone.
    writer = StoreWriter(tmp_path)
    writer.append(snapshot(BEGIN + 9030))
    assert other.read_bytes() == data
    assert reader.read(BEGIN + 9030) == snapshot(BEGIN + 9030)


@pytest.mark.parametrize("data", [b"", b"job", b"something else entirely", b"\0" * 4096])
def test_what_is_no_segment_is_passed_over(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "17.segment").write_bytes(data)
    (tmp_path / "x.segment").write_bytes(data)
    (tmp_path / "99.segment").mkdir()
    write(tmp_path, [BEGIN])
    reader = StoreReader(tmp_path)
    assert reader.times() == (BEGIN,)
    assert reader.read(BEGIN) == snapshot(BEGIN)


# Going on, ending, removing


def test_a_segment_that_was_ended_is_continued(tmp_path: Path) -> None:
    times = every_30_seconds(9)
    reader = StoreReader(tmp_path)
    for time in times:
        # As a collector does that is started anew for each snapshot.
        write(tmp_path, [time])
        assert reader.times()[-1] == time
        assert reader.read(time) == snapshot(time)
    only_segment(tmp_path)
    check_all(tmp_path, times)
    assert list(StoreReader(tmp_path).history()) == times[::3]


def test_a_segment_covers_an_hour_and_a_clock_set_back_begins_a_new_one(tmp_path: Path) -> None:
    times = [BEGIN, BEGIN + SEGMENT_SECONDS - 1, BEGIN + SEGMENT_SECONDS, BEGIN - 500, BEGIN - 470]
    write(tmp_path, times)
    assert len(list(tmp_path.glob("*.segment"))) == 3
    check_all(tmp_path, sorted(times))


def test_the_same_instant_is_kept_once(tmp_path: Path) -> None:
    write(tmp_path, [BEGIN, BEGIN, BEGIN])
    assert StoreReader(tmp_path).times() == (BEGIN,)
    assert len(frames_of(only_segment(tmp_path)).frames) == 2


def test_old_segments_are_removed_as_a_whole(tmp_path: Path) -> None:
    times = [BEGIN + 1800 * number for number in range(8)]
    reader = StoreReader(tmp_path)
    writer = StoreWriter(tmp_path)
    for time in times:
        writer.append(snapshot(time))
    assert reader.read(times[0]) == snapshot(times[0])
    writer.prune(times[3] + 1)
    assert reader.times() == tuple(times[4:])
    with pytest.raises(SnapshotError, match="no snapshot of that instant"):
        reader.read(times[0])
    # What is being written stays, however old.
    writer.prune(times[-1] + 1e6)
    assert reader.times() == tuple(times[6:])
    writer.close()
    StoreWriter(tmp_path).prune(times[-1] + 1e6)
    assert reader.times() == ()


@pytest.mark.slow
def test_the_oldest_go_where_bytes_are_bounded(tmp_path: Path) -> None:
    most = 60_000
    writer = StoreWriter(tmp_path, most_bytes=most)
    for time in every_30_seconds(400):
        writer.append(snapshot(time))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= most
    times = StoreReader(tmp_path).times()
    assert times[-1] == BEGIN + 30 * 399
    assert len(times) > 20


def test_files_have_the_mode_that_was_asked_for(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write(tmp_path / "store", [BEGIN], mode=0o640)
    finally:
        os.umask(before)
    assert only_segment(tmp_path / "store").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o750


def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = every_30_seconds(6)
    writer = StoreWriter(tmp_path)
    for time in times[:3]:
        writer.append(snapshot(time))
    real = os.pwrite
    room = [150]

    def pwrite(handle: int, data: memoryview, place: int) -> int:
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(handle, data[: room[0]], place)
        room[0] -= written
        return written

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(OSError, match="No space left"):
        writer.append(snapshot(times[3]))
    assert StoreReader(tmp_path).times() == tuple(times[:3])
    with pytest.raises(OSError, match="No space left"):
        StoreWriter(tmp_path / "other").append(snapshot(BEGIN))
    assert list((tmp_path / "other").iterdir()) == []
    room[0] = 1 << 30
    for time in times[4:]:
        writer.append(snapshot(time))
    check_all(tmp_path, times[:3] + times[4:])


def test_a_store_that_is_deleted_meanwhile_is_begun_anew(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    writer = StoreWriter(folder)
    reader = StoreReader(folder)
    times = every_30_seconds(4)
    for time in times[:2]:
        writer.append(snapshot(time))
    assert reader.times() == tuple(times[:2])
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert reader.times() == ()
    for time in times[2:]:
        writer.append(snapshot(time))
    assert reader.times() == tuple(times[2:])
    check_all(folder, times[2:])


# Several at once


@pytest.mark.slow
def test_readers_during_writes_see_whole_snapshots_only(tmp_path: Path) -> None:
    times = every_30_seconds(150)
    ended = threading.Event()
    failures: list[BaseException] = []

    def look() -> None:
        reader = StoreReader(tmp_path)
        count = 0
        try:
            while not ended.is_set() or count < len(times):
                found = reader.times()
                assert found == tuple(times[: len(found)])
                for time in found[count::7]:
                    assert reader.read(time) == snapshot(time)
                count = len(found)
                reader.history()
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for thread in readers:
        thread.start()
    write(tmp_path, times)
    ended.set()
    for thread in readers:
        thread.join(30)
    assert failures == []


_WRITER = """
import sys, time
from pathlib import Path
from jobmon_tui.feeds.store import StoreReader, StoreWriter
from tests.unit.test_store import BEGIN, snapshot
folder = Path(sys.argv[1])
times = StoreReader(folder).times()
now = times[-1] + 30 if times else BEGIN
writer = StoreWriter(folder)
print("ready", flush=True)
while True:
    writer.append(snapshot(now))
    now += 30
"""


@pytest.mark.slow
def test_killed_writers_leave_every_snapshot_whole(tmp_path: Path) -> None:
    reader = StoreReader(tmp_path)
    newest = 0.0
    for round_ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            until = clock.monotonic() + 0.01 + 0.01 * round_
            while clock.monotonic() < until or not reader.times() or reader.times()[-1] <= newest:
                found = reader.times()
                if found:
                    assert reader.read(found[-1]) == snapshot(found[-1])
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            if process.stdout is not None:
                process.stdout.close()
        times = reader.times()
        assert list(times) == every_30_seconds(len(times))
        assert times[-1] >= newest
        newest = times[-1]
    fresh = StoreReader(tmp_path)
    assert fresh.times() == reader.times()
    for time in fresh.times()[::5]:
        assert fresh.read(time) == snapshot(time)


# What charts show


def ask(folder: Path, name: str, reading: str, kind: str = "node", **span: float) -> Series | None:
    request = SeriesRequest(
        kind=kind,  # type: ignore[arg-type]
        name=name,
        reading=reading,
        start=span.get("start", BEGIN),
        end=span.get("end", BEGIN + 86400),
    )
    (answer,) = StoreReader(folder).series([request])
    return answer


@pytest.mark.slow
def test_readings_come_back_over_several_segments(tmp_path: Path) -> None:
    times = every_30_seconds(260)
    write(tmp_path, times)
    answer = ask(tmp_path, "c1", "memory")
    assert answer is not None
    assert answer.unit == "MiB"
    assert list(answer.times) == [*times[:120:3], *times[120:240:3], *times[240::3]]
    expected = [1000.0 + 10 * (int(time - BEGIN) // 30) for time in answer.times]
    assert answer.values == pytest.approx(expected, rel=0.005)
    busy = ask(tmp_path, "c1", "cpu_user")
    assert busy is not None
    # Whole percentages are exact.
    assert list(busy.values) == [(7 * (int(time - BEGIN) // 30) + 13) % 100 for time in busy.times]
    assert ask(tmp_path, "c9", "memory") is None
    assert ask(tmp_path, "c1", "swap") is None


def test_a_job_has_readings_only_while_it_runs(tmp_path: Path) -> None:
    times = every_30_seconds(60)
    write(tmp_path, times)
    answer = ask(tmp_path, "25", "memory", kind="job")
    assert answer is not None
    known = [time for time, value in zip(answer.times, answer.values, strict=True) if value is not None]
    # Job 25 is among the first ten of the queue from the 16th to the 25th tick.
    assert known == [BEGIN + 30 * tick for tick in range(18, 26, 3)]


def test_a_pause_is_a_gap_and_a_part_begins_with_what_held_before(tmp_path: Path) -> None:
    times = every_30_seconds(20) + every_30_seconds(20, BEGIN + 1800)
    write(tmp_path, times)
    answer = ask(tmp_path, "c1", "memory", start=BEGIN + 490, end=BEGIN + 1990)
    assert answer is not None
    assert answer.times[0] == BEGIN + 450
    assert answer.times[-1] == BEGIN + 1980
    gap = answer.values.index(None)
    assert answer.times[gap - 1] == BEGIN + 540
    assert answer.times[gap + 1] == BEGIN + 1800


@pytest.mark.slow
def test_the_history_is_that_of_the_snapshots(tmp_path: Path) -> None:
    times = every_30_seconds(130)
    writer = StoreWriter(tmp_path)
    for time in times:
        writer.append(snapshot(time))
    # One segment was ended in order, and one is being written.
    history = StoreReader(tmp_path).history()
    assert list(history) == times[::3]
    assert history == {time: snapshot(time).usage for time in times[::3]}
