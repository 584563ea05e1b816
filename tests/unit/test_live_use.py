"""Measured CPU use of jobs, and warnings that hold for a while."""

from __future__ import annotations

from jobmon_tui.analysis.live_use import JobCpu, WarningWindow, warned_in_words
from jobmon_tui.model.snapshot import CoreUse, CpuTimes, CpuUse, Gpu, Job, Node, Snapshot

IDLE, BUSY = (0, 0, 0, 0, 100), (90, 0, 5, 0, 5)


def snapshot(timestamp: float, *cores: tuple[float, ...] | None, gpu: float | None = None) -> Snapshot:
    use = CpuUse(CpuTimes(0, 0, 0, 0, 0), CoreUse(cores)) if cores else None
    gpus = None if gpu is None else (Gpu("gpu0", gpu, None),)
    job = Job(
        job_id="1",
        name="x",
        username="ada",
        state="RUNNING",
        n_cpus=2,
        n_gpus=1,
        layout={"a": (0, 1)},
        gpu_layout={"a": (0,)},
        run_time=60,
    )
    pending = Job(job_id="2", name="y", username="bob", state="PENDING", n_cpus=1)
    return Snapshot(
        timestamp=timestamp, nodes={"a": Node(name="a", cpu=use, gpus=gpus)}, jobs={"1": job, "2": pending}
    )


def test_cpu_of_a_job_is_over_its_own_cores() -> None:
    cpu = JobCpu(snapshot(0, BUSY, IDLE, BUSY))
    assert cpu["1"] == 47.5
    assert dict(cpu) == {"1": 47.5}
    assert cpu.get("2") is None
    assert cpu.get("3") is None


def test_a_job_whose_cores_nobody_measures_is_unknown_and_not_idle() -> None:
    assert "1" not in JobCpu(snapshot(0))
    assert "1" not in JobCpu(snapshot(0, None, None))
    assert len(JobCpu(snapshot(0))) == 0


def test_a_warning_must_hold_for_more_than_half_of_the_window() -> None:
    window = WarningWindow()
    assert not window.add(snapshot(0, BUSY, BUSY, gpu=90)).jobs
    assert not window.add(snapshot(60, BUSY, BUSY, gpu=0)).jobs
    held = window.add(snapshot(120, BUSY, BUSY, gpu=0))
    assert set(held.jobs) == {"1"}
    # The good reading leaves the window when it is ten minutes old.
    assert set(window.add(snapshot(600, BUSY, BUSY, gpu=0)).jobs) == {"1"}


def test_going_back_in_time_begins_anew() -> None:
    window = WarningWindow()
    window.add(snapshot(1000, BUSY, BUSY, gpu=90))
    assert set(window.add(snapshot(10, BUSY, BUSY, gpu=0)).jobs) == {"1"}


def test_words_name_the_job_and_its_user() -> None:
    shown = snapshot(0, IDLE, IDLE, IDLE, gpu=0)
    words = warned_in_words(shown, WarningWindow().add(shown))
    assert words == {"1": "GPUs idle, cores idle", "ada": "GPUs idle, cores idle"}
