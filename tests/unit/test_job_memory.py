"""The highest memory use of jobs, across restarts."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.backends import job_memory
from jobmon_tui.backends.job_memory import FORGET_AFTER, SAVE_EVERY, JobMemory, memory_file
from jobmon_tui.model.snapshot import Job

NOW = 1_790_000_000.0


def job(job_id: str, *memory: float, start: float | None = NOW - 600, memory_max: float | None = None) -> Job:
    return Job(
        job_id=job_id,
        name="fold",
        username="ada",
        state="RUNNING",
        n_cpus=1,
        start_time=start,
        memory={f"n{place}": amount for place, amount in enumerate(memory)},
        memory_max=memory_max,
    )


def test_the_highest_on_one_node_counts() -> None:
    memory = JobMemory(None)
    for used in ((100.0, 300.0), (250.0, 10.0), ()):
        memory.note([job("1", *used)], NOW)
    assert memory.highest(job("1")) == 300
    assert memory.highest(job("2")) is None


@pytest.mark.slow
@given(st.lists(st.lists(st.floats(0, 1e6), max_size=3), max_size=12))
def test_it_never_falls_and_is_the_maximum(cycles: list[list[float]]) -> None:
    memory = JobMemory(None)
    seen: list[float] = []
    for used in cycles:
        memory.note([job("1", *used)], NOW)
        seen.extend(used)
        assert memory.highest(job("1")) == max(seen, default=None)


def test_what_a_source_knows_itself_counts_as_well() -> None:
    memory = JobMemory(None)
    memory.note([job("1", 10.0, memory_max=700.0)], NOW)
    assert memory.highest(job("1")) == 700


def test_a_restart_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "memory.json"
    JobMemory(path).note([job("1", 500.0)], NOW)
    again = JobMemory(path)
    assert again.highest(job("1")) == 500
    again.note([job("1", 200.0)], NOW + 10 * FORGET_AFTER)
    assert again.highest(job("1")) == 500


def test_another_run_under_the_same_id_starts_anew() -> None:
    memory = JobMemory(None)
    memory.note([job("1", 500.0)], NOW)
    requeued = job("1", 20.0, start=NOW + 300)
    assert memory.highest(requeued) is None
    memory.note([requeued], NOW + 310)
    assert memory.highest(requeued) == 20


def test_jobs_that_ended_are_forgotten_after_a_while() -> None:
    memory = JobMemory(None)
    memory.note([job("1", 500.0), job("2", 5.0)], NOW)
    memory.note([job("2", 5.0)], NOW + FORGET_AFTER - 1)
    assert memory.highest(job("1")) == 500
    memory.note([job("2")], NOW + FORGET_AFTER + 1)
    assert memory.highest(job("1")) is None
    assert memory.highest(job("2")) == 5


def test_jobs_that_were_not_asked_for_are_not_forgotten() -> None:
    memory = JobMemory(None)
    memory.note([job("1", 500.0)], NOW)
    memory.note([job("2", 5.0)], NOW + 2 * FORGET_AFTER, everyone=False)
    assert memory.highest(job("1")) == 500


def test_there_is_a_most(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(job_memory, "MOST_JOBS", 3)
    path = tmp_path / "memory.json"
    memory = JobMemory(path)
    for number in range(10):
        memory.note([job(str(number), 1.0)], NOW + number * SAVE_EVERY)
    kept = json.loads(path.read_text(encoding="utf-8"))["jobs"]
    assert set(kept) == {"7", "8", "9"}


def test_it_is_not_written_in_every_cycle(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    memory = JobMemory(path)
    memory.note([job("1", 1.0)], NOW)
    path.unlink()
    memory.note([job("1", 2.0)], NOW + SAVE_EVERY - 1)
    assert not path.exists()
    memory.note([job("1", 2.0)], NOW + SAVE_EVERY)
    assert JobMemory(path).highest(job("1")) == 2
    memory.note([job("1", 9.0)], NOW + SAVE_EVERY + 1)
    memory.save()
    assert JobMemory(path).highest(job("1")) == 9


def test_two_jobmons_share_the_file(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    one, other = JobMemory(path), JobMemory(path)
    one.note([job("1", 500.0), job("2", 1.0)], NOW)
    other.note([job("1", 100.0), job("2", 50.0), job("3", 3.0)], NOW)
    third = JobMemory(path)
    assert [third.highest(job(each)) for each in "123"] == [500, 50, 3]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"format": 99, "jobs": {"1": [1, 2, 3]}}',
        b'{"format": 1, "jobs": 7}',
        b'{"format": 1, "jobs": {"1": [1, 2]}}',
        b'{"format": 1, "jobs": {"1": [1, NaN, 3]}}',
        b'{"format": 1, "jobs": {"1": [1, "x", 3]}}',
        b'{"format": 1, "jobs": {"1": [1, true, 3]}}',
        b"[" * 100_000,
    ],
)
def test_a_broken_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(content)
    memory = JobMemory(path)
    assert memory.highest(job("1")) is None
    memory.note([job("1", 4.0)], NOW)
    assert JobMemory(path).highest(job("1")) == 4


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "memory.json"
    JobMemory(path).note([job("1", 4.0)], NOW)
    monkeypatch.setattr(job_memory, "LARGEST_FILE", 10)
    assert JobMemory(path).highest(job("1")) is None


def test_a_folder_that_cannot_be_written_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    memory = JobMemory(tmp_path / "file" / "memory.json")
    caplog.clear()
    for minute in range(3):
        memory.note([job("1", 4.0)], NOW + minute * SAVE_EVERY)
    assert memory.highest(job("1")) == 4
    assert len([record for record in caplog.records if "cannot keep" in record.message]) == 1


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "memory.json"
    memory = JobMemory(path)
    memory.note([job("1", 4.0)], NOW)

    def fail(*arguments: object, **keywords: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(json, "dump", fail)
    memory.note([job("1", 8.0)], NOW + SAVE_EVERY)
    assert [each.name for each in tmp_path.iterdir()] == ["memory.json"]
    assert JobMemory(path).highest(job("1")) == 4


def test_saving_from_another_thread_while_jobs_come_in(tmp_path: Path) -> None:
    memory = JobMemory(tmp_path / "memory.json")
    over = threading.Event()
    failures: list[BaseException] = []

    def save() -> None:
        try:
            while not over.is_set():
                memory.save()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=save)
    thread.start()
    for cycle in range(30):
        memory.note([job(f"{cycle}_{task}", 1.0) for task in range(50)], NOW + cycle)
    over.set()
    thread.join(10)
    assert failures == []


def test_clusters_have_files_of_their_own(isolated: Path) -> None:
    one, other = memory_file("heath"), memory_file("../../etc/passwd")
    assert one != other
    assert one.parent == other.parent
    assert isolated in one.parents
    assert memory_file(None).name == "job-memory-cluster.json"
