"""The feed of recorded snapshots: which file it reads, and what it says when there is none to read."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.feeds.store import StoreWriter
from jobmon_tui.model import wire
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import BackfillSlot, Job, Node, Snapshot, Usage, Used


def snapshot(timestamp: float) -> Snapshot:
    jobs = [
        Job(job_id=str(number), name="j", username="ann", state=state, n_cpus=1)
        for number, state in enumerate(("RUNNING", "PENDING"))
    ]
    return Snapshot(
        timestamp=timestamp, nodes={"c1": Node(name="c1")}, jobs={job.job_id: job for job in jobs}
    )


def write(folder: Path, name: str, timestamp: float) -> Path:
    path = folder / name
    path.write_bytes(wire.encode(snapshot(timestamp)))
    return path


def record(folder: Path, *times: int) -> None:
    for time in times:
        write(folder, f"data{time}.json.gz", time)


def test_the_title_names_the_folder(tmp_path: Path) -> None:
    feed = SpoolFeed(tmp_path)
    assert (feed.title, feed.kind) == (f"spool {tmp_path}", "live")
    assert SpoolFeed(tmp_path, following=False).kind == "recorded"


def test_a_missing_folder_is_said_with_a_hint(tmp_path: Path) -> None:
    feed = SpoolFeed(tmp_path / "absent")
    for call in (feed.open, feed.latest, feed.timeline, lambda: feed.at(5)):
        with pytest.raises(JobmonError, match="absent does not exist") as caught:
            call()
        assert caught.value.hint


def test_an_empty_folder_is_said_with_a_hint(tmp_path: Path) -> None:
    feed = SpoolFeed(tmp_path)
    feed.open()
    assert feed.timeline() == ()
    assert feed.window(100, 600) == ()
    for call in (feed.latest, lambda: feed.at(5)):
        with pytest.raises(JobmonError, match="holds no snapshots") as caught:
            call()
        assert caught.value.hint


def test_the_newest_is_the_unnumbered_file(tmp_path: Path) -> None:
    record(tmp_path, 100, 300)
    write(tmp_path, "data.json.gz", 200)
    assert SpoolFeed(tmp_path, following=False).latest() == snapshot(200)


def test_without_it_the_highest_number_is_the_newest(tmp_path: Path) -> None:
    record(tmp_path, 99, 1000, 200)
    assert SpoolFeed(tmp_path).latest().timestamp == 1000


def test_a_damaged_newest_file_is_named(tmp_path: Path) -> None:
    record(tmp_path, 100)
    path = write(tmp_path, "data.json.gz", 200)
    path.write_bytes(path.read_bytes()[:20])
    feed = SpoolFeed(tmp_path)
    with pytest.raises(SnapshotError, match=r"data\.json\.gz"):
        feed.latest()
    # It does not stand in the way of the past.
    assert feed.at(100).timestamp == 100
    assert feed.at(500).timestamp == 100


def test_an_unchanged_file_is_not_read_again_and_a_changed_one_is(tmp_path: Path) -> None:
    path = write(tmp_path, "data.json.gz", 200)
    feed = SpoolFeed(tmp_path)
    first = feed.latest()
    assert feed.latest() is first
    newer = write(tmp_path, "fresh", 210)
    newer.replace(path)
    assert feed.latest().timestamp == 210


def test_the_timeline_comes_from_the_names_of_the_files(tmp_path: Path) -> None:
    record(tmp_path, 1000, 99, 500)
    write(tmp_path, "data.json.gz", 2000)
    for name in ("history.json.gz", "data12.json", "data1x.json.gz", ".data7.json.gz", "data-5.json.gz"):
        (tmp_path / name).write_bytes(b"?")
    assert SpoolFeed(tmp_path).timeline() == (99, 500, 1000)


@pytest.mark.parametrize(
    ("time", "found"), [(0, 100), (100, 100), (149, 100), (150, 100), (151, 200), (260, 300), (9999, 300)]
)
def test_at_an_instant_the_nearest_is_shown(tmp_path: Path, time: float, found: float) -> None:
    record(tmp_path, 100, 200, 300)
    assert SpoolFeed(tmp_path).at(time) == snapshot(found)


def test_the_unnumbered_file_is_the_nearest_to_what_comes_after(tmp_path: Path) -> None:
    record(tmp_path, 100)
    write(tmp_path, "data.json.gz", 200)
    feed = SpoolFeed(tmp_path)
    assert feed.at(190).timestamp == 200
    assert feed.at(120).timestamp == 100


def test_with_the_unnumbered_file_alone_every_instant_shows_it(tmp_path: Path) -> None:
    write(tmp_path, "data.json.gz", 200)
    assert SpoolFeed(tmp_path).at(5).timestamp == 200


def test_a_neighbour_takes_the_place_of_a_damaged_file_and_names_it(tmp_path: Path) -> None:
    record(tmp_path, 100, 200)
    (tmp_path / "data100.json.gz").write_bytes(b"{}")
    shown = SpoolFeed(tmp_path).at(100)
    assert shown.timestamp == 200
    (told,) = shown.sources
    assert not told.ok
    assert "data100.json.gz: api: expected" in (told.error or "")
    (tmp_path / "data200.json.gz").write_bytes(b"{}")
    with pytest.raises(SnapshotError, match=r"data100\.json\.gz: api: expected"):
        SpoolFeed(tmp_path).at(100)


def test_a_file_that_vanishes_after_it_was_listed_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, 100, 200, 300)
    feed = SpoolFeed(tmp_path)
    listed = feed._files.listed()
    monkeypatch.setattr(feed._files, "listed", lambda: listed)
    (tmp_path / "data300.json.gz").unlink()
    assert feed.latest().timestamp == 200
    assert feed.at(290).timestamp == 200
    assert [one.timestamp for one in feed.window(300, 600)] == [100, 200]


def test_the_window_ends_at_the_instant_and_begins_just_inside(tmp_path: Path) -> None:
    record(tmp_path, 399, 400, 401, 700, 1000, 1001)
    window = SpoolFeed(tmp_path).window(1000, 600)
    assert [one.timestamp for one in window] == [401, 700, 1000]


def test_the_window_goes_by_the_time_inside_a_file(tmp_path: Path) -> None:
    write(tmp_path, "data400.json.gz", 400.5)
    write(tmp_path, "data1000.json.gz", 1000.25)
    window = SpoolFeed(tmp_path).window(1000.25, 600)
    assert [one.timestamp for one in window] == [400.5, 1000.25]
    assert SpoolFeed(tmp_path).window(1000.0, 600) == window[:1]


def test_the_window_knows_the_unnumbered_file_and_counts_it_once(tmp_path: Path) -> None:
    record(tmp_path, 900)
    write(tmp_path, "data.json.gz", 1000)
    feed = SpoolFeed(tmp_path)
    assert [one.timestamp for one in feed.window(1000, 600)] == [900, 1000]
    record(tmp_path, 1000)
    assert [one.timestamp for one in feed.window(1000, 600)] == [900, 1000]


def test_the_window_leaves_the_queue_and_damaged_files_out(tmp_path: Path) -> None:
    record(tmp_path, 100, 110)
    (tmp_path / "data110.json.gz").write_bytes(b"\x1f\x8b broken")
    (only,) = SpoolFeed(tmp_path).window(120, 600)
    assert list(only.jobs) == ["0"]
    assert list(SpoolFeed(tmp_path).at(100).jobs) == ["0", "1"]


def test_few_snapshots_are_kept_in_memory(tmp_path: Path) -> None:
    record(tmp_path, *range(100, 200))
    feed = SpoolFeed(tmp_path)
    for time in range(100, 200):
        feed.at(time)
    assert len(feed.window(200, 600)) == 100
    assert len(feed._files._whole) <= 4
    assert len(feed._files._slim) <= 48


def test_backfill_and_history_are_read_where_they_are(tmp_path: Path) -> None:
    feed = SpoolFeed(tmp_path)
    assert feed.backfill() == {}
    assert feed.history() == {}
    slots = {"milan": {4: BackfillSlot(count=1, shortest=5.0, longest=None)}}
    (tmp_path / "backfill.json.gz").write_bytes(wire.encode_json(wire.backfill_document(slots)))
    usage = {50.0: Usage(available=8, running=3, users={"ann": 3})}
    (tmp_path / "history.json.gz").write_bytes(wire.encode_json(wire.history_document(usage)))
    assert feed.backfill() == slots
    assert feed.history() == usage
    (tmp_path / "backfill.json.gz").write_bytes(b"")
    with pytest.raises(SnapshotError, match=r"backfill\.json\.gz"):
        feed.backfill()


def test_a_single_file_is_a_feed_of_one(tmp_path: Path) -> None:
    feed = SpoolFeed(write(tmp_path, "kept.json.gz", 500))
    assert feed.kind == "recorded"
    feed.open()
    assert feed.latest() == snapshot(500)
    assert feed.at(3) is feed.latest()
    assert feed.timeline() == ()
    assert [one.timestamp for one in feed.window(500, 600)] == [500]
    assert feed.backfill() == {}
    named = SpoolFeed(write(tmp_path, "data700.json.gz", 700))
    assert named.timeline() == (700,)
    assert named.at(0).timestamp == 700


def test_a_folder_that_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root, as which tests may run, can read every folder.
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(JobmonError, match="cannot be read: Permission denied"):
        SpoolFeed(tmp_path).open()


def test_what_is_no_folder_is_said(tmp_path: Path) -> None:
    write(tmp_path, "kept.json.gz", 5)
    with pytest.raises(JobmonError) as caught:
        SpoolFeed(tmp_path / "kept.json.gz" / "inside").open()
    assert caught.value.hint


# Followed live


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def replace_newest(folder: Path, timestamp: float) -> None:
    write(folder, "fresh", timestamp).replace(folder / "data.json.gz")


def test_news_are_noticed_once(tmp_path: Path) -> None:
    feed = SpoolFeed(tmp_path, clock=Clock(1000))
    assert feed.news_every is not None
    assert feed.news_every <= 1
    assert not feed.has_news()
    replace_newest(tmp_path, 990)
    assert feed.has_news()
    assert feed.latest().timestamp == 990
    assert not feed.has_news()
    replace_newest(tmp_path, 1000)
    assert feed.has_news()
    assert feed.latest().timestamp == 1000
    assert not feed.has_news()
    assert not SpoolFeed(tmp_path, following=False).has_news()


def test_how_often_somebody_writes_is_seen(tmp_path: Path) -> None:
    record(tmp_path, 880, 910, 940, 970, 1000)
    feed = SpoolFeed(tmp_path, clock=Clock(1000))
    feed.open()
    assert feed.written_every == 30
    still = SpoolFeed(tmp_path, following=False)
    still.open()
    assert still.written_every is None


def test_a_late_collector_is_told_with_the_picture_and_takes_it_back(tmp_path: Path) -> None:
    clock = Clock(1000)
    record(tmp_path, 910, 940, 970, 1000)
    replace_newest(tmp_path, 1000)
    feed = SpoolFeed(tmp_path, clock=clock)
    feed.open()
    assert feed.interval == 30
    assert feed.latest().sources == ()
    clock.now = 1089
    assert not feed.has_news()
    clock.now = 1091
    assert feed.has_news()
    late = feed.latest()
    (told,) = late.sources
    assert (told.ok, told.failing_since) == (False, 1000)
    assert "jobmon collect" in told.hint
    assert feed.latest() is late
    assert not feed.has_news()
    replace_newest(tmp_path, 1090)
    assert feed.has_news()
    assert feed.latest().sources == ()


def test_what_is_recorded_is_never_late(tmp_path: Path) -> None:
    record(tmp_path, 100)
    assert SpoolFeed(tmp_path, following=False).latest().sources == ()
    assert SpoolFeed(tmp_path / "data100.json.gz").latest().sources == ()


# With a compact history beside the files


def keep(folder: Path, *times: float) -> None:
    writer = StoreWriter(folder / "store")
    for time in times:
        writer.append(snapshot(time))
    writer.close()


def test_the_past_is_that_of_the_history_and_of_the_files(tmp_path: Path) -> None:
    record(tmp_path, 70, 100, 130)
    keep(tmp_path, 100.25, 130.5, 160.0)
    feed = SpoolFeed(tmp_path, following=False)
    assert feed.timeline() == (70, 100.25, 130.5, 160.0)
    assert [feed.at(time).timestamp for time in (0, 80, 99, 131, 1e9)] == [70, 70, 100.25, 130.5, 160]
    assert feed.latest().timestamp == 160
    window = feed.window(160, 80)
    assert [one.timestamp for one in window] == [100.25, 130.5, 160]
    assert all(list(one.jobs) == ["0"] for one in window)
    assert [one.timestamp for one in feed.window(130.5, 200)] == [70, 100.25, 130.5]


def test_a_damaged_history_gives_way_to_the_file_of_that_instant(tmp_path: Path) -> None:
    keep(tmp_path, 100.25)
    (path,) = (tmp_path / "store").iterdir()
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(data)
    feed = SpoolFeed(tmp_path, following=False)
    with pytest.raises(SnapshotError, match="damaged at byte"):
        feed.at(100)
    record(tmp_path, 100)
    shown = feed.at(100)
    assert shown.timestamp == 100
    assert "damaged at byte" in (shown.sources[0].error or "")


def test_a_history_of_a_newer_version_is_told_and_the_files_are_read(tmp_path: Path) -> None:
    record(tmp_path, 100)
    keep(tmp_path, 100.25, 200.0)
    (path,) = (tmp_path / "store").iterdir()
    data = bytearray(path.read_bytes())
    data[12] = 200
    path.write_bytes(data)
    feed = SpoolFeed(tmp_path, following=False)
    assert feed.timeline() == (100,)
    (told,) = feed.latest().sources
    assert "version 200" in (told.error or "")
    (tmp_path / "data100.json.gz").unlink()
    with pytest.raises(SnapshotError, match="version 200"):
        feed.latest()


def test_a_folder_with_a_history_alone_is_followed_as_well(tmp_path: Path) -> None:
    feed = SpoolFeed(tmp_path, clock=Clock(210))
    writer = StoreWriter(tmp_path / "store")
    for time in (200.0, 210.0):
        writer.append(snapshot(time))
        assert feed.has_news()
        assert feed.latest() == snapshot(time)
        assert not feed.has_news()


def test_usage_of_both_is_put_together(tmp_path: Path) -> None:
    usage = Usage(available=8, running=3, users={"ann": 3})
    other = Usage(available=8, running=4, users={})
    written = {50.0: usage, 100.0: usage}
    (tmp_path / "history.json.gz").write_bytes(wire.encode_json(wire.history_document(written)))
    writer = StoreWriter(tmp_path / "store")
    for time in (100.25, 190.0):
        writer.append(replace(snapshot(time), usage=other))
    feed = SpoolFeed(tmp_path)
    assert feed.history() == {50.0: usage, 100.0: usage, 190.0: other}
    (tmp_path / "history.json.gz").write_bytes(b"broken")
    assert feed.history() == {100.25: other, 190.0: other}


def measured(time: float) -> Snapshot:
    return Snapshot(timestamp=time, nodes={"c1": Node(name="c1", memory=Used(time, 1e6))})


def memory_of(feed: SpoolFeed, start: float, end: float, name: str = "c1") -> Series | None:
    request = SeriesRequest(kind="node", name=name, reading="memory", start=start, end=end)
    (answer,) = feed.series([request])
    return answer


def test_charts_of_an_older_collectors_files_are_made_of_some_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for time in range(30_000, 60_000, 60):
        if not 40_000 < time < 50_000:
            (tmp_path / f"data{time}.json.gz").write_bytes(wire.encode(measured(time)))
    (tmp_path / "data35040.json.gz").write_bytes(b"broken")
    reads = []
    real = wire.read_snapshot

    def read_snapshot(path: Path, *, with_queue: bool = True) -> Snapshot:
        reads.append(path)
        return real(path, with_queue=with_queue)

    monkeypatch.setattr(wire, "read_snapshot", read_snapshot)
    feed = SpoolFeed(tmp_path)
    answer = memory_of(feed, 30_000, 60_000)
    assert answer is not None
    assert 30 < len(reads) <= 61
    known = [
        (time, value) for time, value in zip(answer.times, answer.values, strict=True) if value is not None
    ]
    assert all(value == pytest.approx(time, rel=1e-3) for time, value in known)
    gap = answer.values.index(None)
    assert answer.times[gap - 1] <= 40_000
    assert answer.times[gap + 1] >= 50_000
    reads.clear()
    assert memory_of(feed, 30_000, 60_000) == answer
    # Only the damaged one is tried again.
    assert len(reads) <= 1
    assert memory_of(feed, 30_000, 60_000, "c2") is None


def test_charts_have_the_files_before_the_history(tmp_path: Path) -> None:
    for time in range(1000, 2000, 100):
        (tmp_path / f"data{time}.json.gz").write_bytes(wire.encode(measured(time)))
    writer = StoreWriter(tmp_path / "store")
    for time in range(1500, 2500, 100):
        writer.append(measured(float(time)))
    answer = memory_of(SpoolFeed(tmp_path), 1000, 2400)
    assert answer is not None
    assert list(answer.times) == list(range(1000, 2500, 100))
    assert answer.values == pytest.approx(list(range(1000, 2500, 100)), rel=0.005)


def test_two_threads_look_at_the_past_while_a_third_asks_for_the_present(tmp_path: Path) -> None:
    record(tmp_path, *range(100, 400, 10))
    keep(tmp_path, *(float(time) for time in range(400, 1000, 10)))
    feed = SpoolFeed(tmp_path)
    failures: list[BaseException] = []

    def look(step: int) -> None:
        try:
            for time in range(100, 1000, step):
                assert abs(feed.at(time).timestamp - time) <= 10
                assert feed.window(time, 50)
                feed.timeline(), feed.history(), feed.has_news()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=look, args=(step,)) for step in (30, 70)]
    for thread in threads:
        thread.start()
    for time in range(1000, 1100, 10):
        replace_newest(tmp_path, time)
        assert feed.latest().timestamp == time
    for thread in threads:
        thread.join(30)
    assert failures == []
