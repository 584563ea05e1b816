"""The feed of recorded snapshots: which file it reads, and what it says when there is none to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import BackfillSlot, Job, Node, Snapshot, Usage


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
    assert (feed.title, feed.kind) == (f"spool {tmp_path}", "recorded")


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
    assert SpoolFeed(tmp_path).latest() == snapshot(200)


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


def test_a_damaged_file_of_the_past_is_named(tmp_path: Path) -> None:
    record(tmp_path, 100, 200)
    (tmp_path / "data100.json.gz").write_bytes(b"{}")
    with pytest.raises(SnapshotError, match=r"data100\.json\.gz: api: expected"):
        SpoolFeed(tmp_path).at(100)


def test_a_file_that_vanishes_after_it_was_listed_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, 100, 200, 300)
    feed = SpoolFeed(tmp_path)
    listed = feed._files()
    monkeypatch.setattr(feed, "_files", lambda: listed)
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
    assert len(feed._whole) <= 4
    assert len(feed._slim) <= 48


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
