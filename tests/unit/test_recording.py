"""Recordings: what is written is what is read, wherever the file ends and whoever handled it since."""

from __future__ import annotations

import gzip
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobmon_tui.analysis.usage import core_usage
from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.feeds import recording, recording_file
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.recording import MOST_SAMPLES, OneSnapshotFeed, RecordingFeed, recorded_feed
from jobmon_tui.feeds.recording_file import header_member, is_recording, member, read_index, snapshot_members
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.model import wire
from jobmon_tui.model.series import SeriesRequest
from jobmon_tui.model.snapshot import BackfillSlot, CoreUse, CpuTimes, CpuUse, Job, Node, Snapshot, Used

SLOTS = {"milan": {4: BackfillSlot(count=2, shortest=60.0, longest=None)}}


def snapshot(time: float, busy: float = 50.0) -> Snapshot:
    times = CpuTimes(busy, 0, 0, 0, 100 - busy)
    node = Node(
        name="c1",
        n_cpus=2,
        cpu=CpuUse(times, CoreUse([times, times])),
        memory=Used(busy, 1000.0),
    )
    jobs = (
        Job(job_id="1", name="j", username="ann", state="RUNNING", n_cpus=2, layout={"c1": (0, 1)}),
        Job(job_id="2", name="j", username="bob", state="PENDING", n_cpus=1),
    )
    return Snapshot(timestamp=time, nodes={"c1": node}, jobs={job.job_id: job for job in jobs})


def lines_of(snapshots: Sequence[Snapshot]) -> list[bytes]:
    lines = [header_member(snapshots[0].timestamp if snapshots else 0.0, {"interval": 10})]
    lines.extend(snapshot_members(one, one.usage or core_usage(one), SLOTS) for one in snapshots)
    return lines


def write(path: Path, *times: float) -> Path:
    path.write_bytes(b"".join(lines_of([snapshot(time) for time in times])))
    return path


def opened(path: Path) -> RecordingFeed:
    feed = RecordingFeed(path)
    feed.open()
    return feed


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The lines that are parsed from now on."""
    parsed: list[object] = []

    def counted(path: Path, wanted: recording_file.Member, is_compressed: bool) -> object:
        parsed.append(wanted)
        return original(path, wanted, is_compressed)

    original = recording_file.read_line
    monkeypatch.setattr(recording, "read_line", counted)
    monkeypatch.setattr(recording_file, "read_line", counted)
    return parsed


# The format


def test_any_gunzip_reads_it(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", 100, 110)
    lines = gzip.decompress(path.read_bytes()).splitlines()
    assert len(lines) == 5
    assert lines[0].startswith(b'{"jobmon":"recording","version":1,')
    assert wire.decode(lines[2], "line") == snapshot(100)
    assert wire.decode(lines[4], "line") == snapshot(110)


def test_what_was_recorded_is_what_is_shown(tmp_path: Path) -> None:
    feed = opened(write(tmp_path / "r.gz", 100, 110.5, 130))
    assert feed.kind == "recorded"
    assert feed.title == "recording r.gz"
    assert feed.timeline() == (100, 110.5, 130)
    assert feed.latest() == snapshot(130)
    for asked, nearest in ((-5, 100), (104, 100), (105.25, 100), (106, 110.5), (110.5, 110.5), (9e9, 130)):
        assert feed.at(asked) == snapshot(nearest)
    assert [one.timestamp for one in feed.window(130, 20)] == [110.5, 130]
    assert [one.timestamp for one in feed.window(129, 30)] == [100, 110.5]
    assert [list(one.jobs) for one in opened(feed.path).window(130, 5)] == [["1"]]
    assert feed.backfill() == SLOTS
    assert feed.history() == {time: core_usage(snapshot(time)) for time in (100, 110.5, 130)}
    assert not feed.has_news()
    assert feed.news_every is None


def test_opening_decompresses_nothing_but_the_first_line(tmp_path: Path, reads: list[object]) -> None:
    feed = opened(write(tmp_path / "r.gz", *range(0, 3000, 10)))
    assert len(feed.timeline()) == 300
    assert len(reads) == 1
    feed.at(1500)
    feed.at(1500)
    assert len(reads) == 2


def test_recordings_joined_in_any_order_are_one(tmp_path: Path) -> None:
    late, early = (write(tmp_path / f"{times[0]}.gz", *times) for times in ((300, 310), (100, 310)))
    joined = tmp_path / "joined.gz"
    joined.write_bytes(late.read_bytes() + early.read_bytes())
    feed = opened(joined)
    assert feed.timeline() == (100, 300, 310)
    assert [one.timestamp for one in feed.window(310, 1000)] == [100, 300, 310]
    assert list(feed.history()) == [100, 300, 310]


def test_decompressed_it_is_read_as_well(tmp_path: Path) -> None:
    packed = write(tmp_path / "r.gz", 100, 110.5, 130)
    plain = tmp_path / "r.jsonl"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    one, other = opened(packed), opened(plain)
    assert one.timeline() == other.timeline()
    assert one.history() == other.history()
    assert one.backfill() == other.backfill()
    assert [one.at(time) for time in one.timeline()] == [other.at(time) for time in one.timeline()]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), is_plain=st.booleans())
def test_wherever_it_is_cut_off_what_was_before_is_whole(
    tmp_path: Path, data: st.DataObject, is_plain: bool
) -> None:
    times = (100.0, 110.0, 120.0)
    lines = lines_of([snapshot(time) for time in times])
    if is_plain:
        lines = [gzip.decompress(line) for line in lines]
    whole = b"".join(lines)
    end = data.draw(st.integers(0, len(whole)))
    path = tmp_path / "cut.gz"
    path.write_bytes(whole[:end])
    ends = [sum(map(len, lines[: place + 1])) for place in range(len(lines))]
    complete = tuple(time for time, last in zip(times, ends[1:], strict=True) if last <= end)
    if not complete:
        with pytest.raises(JobmonError, match=r"cut\.gz"):
            opened(path)
        return
    feed = opened(path)
    assert feed.timeline() == complete
    assert [feed.at(time) for time in complete] == [snapshot(time) for time in complete]


@pytest.mark.slow
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**6), value=st.integers(0, 255), is_plain=st.booleans())
def test_damage_is_told_in_words(tmp_path: Path, place: int, value: int, is_plain: bool) -> None:
    whole = b"".join(lines_of([snapshot(time) for time in (100.0, 110.0, 120.0)]))
    data = bytearray(gzip.decompress(whole) if is_plain else whole)
    data[place % len(data)] = value
    path = tmp_path / "damaged.gz"
    path.write_bytes(data)
    try:
        feed = recorded_feed(path, following=False)
        feed.open()
        for time in feed.timeline():
            feed.at(time)
        feed.history()
        feed.window(120, 600)
        feed.series([SeriesRequest(kind="node", name="c1", reading="memory", start=0, end=200)])
    except JobmonError as error:
        told = error.message
    else:
        return
    assert "damaged.gz" in told


def test_a_damaged_snapshot_costs_only_itself(tmp_path: Path) -> None:
    lines = lines_of([snapshot(time) for time in (100.0, 110.0, 120.0)])
    middle = bytearray(lines[2])
    middle[-20] ^= 0xFF
    path = tmp_path / "r.gz"
    path.write_bytes(lines[0] + lines[1] + bytes(middle) + lines[3])
    feed = opened(path)
    with pytest.raises(SnapshotError, match=r"r\.gz"):
        feed.at(110)
    assert feed.at(100) == snapshot(100)
    assert [one.timestamp for one in feed.window(120, 600)] == [100, 120]
    (series,) = feed.series([SeriesRequest(kind="node", name="c1", reading="memory", start=0, end=200)])
    assert series is not None
    assert series.times == (100, 120)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "expected JSON"),
        (b"hello\n", "expected JSON"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "expected JSON"),
        (gzip.compress(b"hello", mtime=0), "expected JSON"),
        (gzip.compress(b"", mtime=0)[:8], "gzip"),
        (b'{"api": 99, "timestamp": 1, "nodes": {}, "jobs": {}}', "cannot read a snapshot of API 99"),
        (b'{"jobmon":"recording","version":2}\n', "cannot read a recording of version 2"),
        (b'{"jobmon":"recording","version":1}\n', "holds no whole snapshot"),
        (b'{"jobmon":"recording","version', "no recording"),
        (member(b"h", 1.0, {"jobmon": "recording", "version": "\x1b[2J"}), "of version �[2J"),
        (member(b"h", 1.0, [1]), "first line says something else"),
        (member(b"s", 1.0, {}), "no recording"),
        (header_member(1.0, {}) + member(b"s", 1.0, {"api": 15}), "expected a time"),
        (
            header_member(1.0, {}) + member(b"s", 1.0, {"api": 15, "timestamp": 2, "nodes": {}, "jobs": {}}),
            "two instants",
        ),
    ],
)
def test_other_files_are_refused_in_words(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "odd"
    path.write_bytes(data)

    def look() -> None:
        feed = recorded_feed(path, following=False)
        feed.open()
        feed.latest()

    with pytest.raises(JobmonError) as caught:
        look()
    assert says in caught.value.message
    assert "odd" in caught.value.message


def test_a_recording_packed_again_is_told_from_a_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "again.gz"
    path.write_bytes(gzip.compress(gzip.decompress(write(tmp_path / "r.gz", 100, 110).read_bytes())))
    with pytest.raises(JobmonError, match="packed again") as caught:
        recorded_feed(path, following=False).open()
    assert "gunzip" in caught.value.hint


def test_a_line_that_swells_up_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_file, "LARGEST_LINE", 100_000)
    bomb = member(b"s", 110.0, {"api": 15, "timestamp": 110.0, "blank": " " * 10_000_000})
    assert len(bomb) < 20_000
    path = tmp_path / "r.gz"
    path.write_bytes(b"".join(lines_of([snapshot(100)])) + bomb)
    feed = opened(path)
    assert feed.at(100) == snapshot(100)
    with pytest.raises(SnapshotError, match="larger than 100,000 bytes"):
        feed.latest()


@pytest.mark.parametrize("size", [0, 1, 2**63, 2**64 - 1])
def test_a_member_that_lies_about_its_size_ends_the_recording(tmp_path: Path, size: int) -> None:
    lines = lines_of([snapshot(100), snapshot(110)])
    lying = bytearray(lines[2])
    lying[17:25] = struct.pack("<Q", size)
    path = tmp_path / "r.gz"
    path.write_bytes(lines[0] + lines[1] + bytes(lying))
    assert opened(path).timeline() == (100,)
    assert read_index(path).cut_off == len(lying)


def test_a_file_that_changes_while_it_is_open(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", 100, 110)
    feed = opened(path)
    write(path, 200.125, 210.125, 220.125)
    with pytest.raises(SnapshotError, match=r"changed|instants|damaged|expected"):
        feed.at(110)
    path.unlink()
    with pytest.raises(SnapshotError, match="cannot be read: No such file"):
        feed.at(100)


def test_a_feed_that_is_not_open_says_so(tmp_path: Path) -> None:
    for feed in (RecordingFeed(tmp_path / "r.gz"), OneSnapshotFeed(tmp_path / "s.gz")):
        with pytest.raises(JobmonError, match="is not open"):
            feed.latest()
        with pytest.raises(JobmonError, match=r"cannot be read|there is no file"):
            feed.open()


# What a place holds

API_12 = b'{"api": 12, "timestamp": 5, "nodes": {"c1": {"up": true, "gpus": {"gpu0": 4}}}, "jobs": {}}'


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "data", [API_12, API_12.replace(b"12", b"13"), gzip.decompress(wire.encode(snapshot(5)))]
)
def test_one_snapshot_of_any_version_opens(
    tmp_path: Path, data: bytes, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "any name"
    path.write_bytes(pack(data))
    assert not is_recording(path)
    feed = recorded_feed(path, following=False)
    feed.open()
    assert feed.latest().timestamp == 5
    assert feed.timeline() == (5,)
    assert feed.at(100) is feed.latest()
    assert feed.window(10, 600) == (feed.latest(),)
    assert feed.window(4, 600) == ()
    assert isinstance(recorded_feed(path, following=True), SpoolFeed)


def test_a_folder_is_a_spool(tmp_path: Path) -> None:
    assert isinstance(recorded_feed(tmp_path, following=False), SpoolFeed)


# Charts, and many who ask at once


def asked(reading: str, start: float, end: float, kind: str = "node", name: str = "c1") -> SeriesRequest:
    return SeriesRequest(kind=kind, name=name, reading=reading, start=start, end=end)  # type: ignore[arg-type]


def test_charts_are_of_a_bounded_sample(tmp_path: Path, reads: list[object]) -> None:
    path = tmp_path / "r.gz"
    path.write_bytes(b"".join(lines_of([snapshot(time, time % 100) for time in range(0, 5000, 10)])))
    feed = opened(path)
    reads.clear()
    requests = [
        asked("memory", 0, 4990),
        asked("cpu_user", 0, 4990, "job", "1"),
        asked("memory", 0, 9, "node", "c9"),
    ]
    memory, cpu, absent = feed.series(requests)
    assert absent is None
    assert memory is not None
    assert cpu is not None
    assert MOST_SAMPLES // 2 <= len(memory.times) <= MOST_SAMPLES
    assert len(reads) == len(memory.times)
    assert (memory.times[0], memory.times[-1]) == (0, 4990)
    assert memory.values == tuple(time % 100 for time in memory.times)
    assert (memory.unit, cpu.unit) == ("MiB", "%")
    # As the shown instant moves on, nearly everything is known already.
    reads.clear()
    feed.series([asked("memory", 10, 5000)])
    assert len(reads) <= 2
    (short,) = feed.series([asked("memory", 100, 200)])
    assert short is not None
    assert short.times == tuple(range(100, 201, 10))


def test_series_of_nothing() -> None:
    assert RecordingFeed(Path("r.gz")).series([]) == []


def test_many_threads_get_what_they_ask_for(tmp_path: Path) -> None:
    times = [float(time) for time in range(0, 400, 10)]
    feed = opened(write(tmp_path / "r.gz", *times))
    wrong: list[object] = []

    def look(seed: int) -> None:
        chance = Random(seed)
        for _ in range(60):
            time = chance.choice(times)
            try:
                found = [
                    feed.at(time).timestamp == time,
                    len(feed.window(time, 25)) == min(3, time // 10 + 1),
                ]
                found.append(list(feed.history()) == times)
                if not all(found):
                    wrong.append((time, found))
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=look, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_memory_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_MOST_KEPT", 2000)
    feed: Feed = opened(write(tmp_path / "r.gz", *range(0, 2000, 10)))
    feed.window(2000, 2001)
    assert isinstance(feed, RecordingFeed)
    assert 2 <= len(feed._kept[False]) <= 8
    for time in range(0, 2000, 10):
        feed.at(time)
    assert len(feed._kept[True]) <= 4


def test_what_nobody_counted_is_in_the_timeline_all_the_same(tmp_path: Path) -> None:
    counted = replace(snapshot(110), usage=core_usage(snapshot(110)))
    path = tmp_path / "r.gz"
    path.write_bytes(b"".join(lines_of([snapshot(100), counted])))
    history = opened(path).history()
    assert history[100] == history[110] == core_usage(snapshot(100))
    assert history[100].running == 2
