"""What waits in the queue."""

from __future__ import annotations

from typing import Any

import pytest

from jobmon_tui.analysis.queue import Waiting, queue_totals
from jobmon_tui.model.snapshot import Job, Snapshot


def pending(job_id: str, **changes: Any) -> Job:
    whole: dict[str, Any] = {
        "name": "j",
        "username": "ann",
        "state": "PENDING",
        "n_cpus": 4,
        "time_limit": 90,
    }
    return Job(job_id=job_id, **{**whole, **changes})


def totals(*jobs: Job, available: int | None = 10) -> Any:
    return queue_totals(Snapshot(timestamp=1, jobs={job.job_id: job for job in jobs}), available)


def test_hours_are_cores_times_the_time_limit() -> None:
    found = totals(
        pending("1"),
        pending("2", username="bob", n_cpus=1, time_limit=30),
        pending("3", n_cpus=2, time_limit=60),
        pending("4", state="RUNNING", n_cpus=1000),
    )
    assert found.total == Waiting(jobs=3, cpu_hours=8.5, machine_hours=0.85, unlimited=0)
    assert found.users == {
        "ann": Waiting(jobs=2, cpu_hours=8, machine_hours=0.8, unlimited=0),
        "bob": Waiting(jobs=1, cpu_hours=0.5, machine_hours=0.05, unlimited=0),
    }


def test_an_array_counts_each_of_its_tasks() -> None:
    found = totals(pending("1_[1-100]", array_id="1", array_tasks="1-100", task_count=100))
    assert (found.total.jobs, found.total.cpu_hours) == (100, 600)
    assert found.users["ann"].jobs == 100


def test_jobs_without_a_limit_are_counted_apart() -> None:
    found = totals(pending("1", time_limit=None, task_count=3), pending("2", time_limit=60))
    assert found.total == Waiting(jobs=4, cpu_hours=4, machine_hours=0.4, unlimited=3)


@pytest.mark.parametrize("available", [None, 0])
def test_machine_hours_need_a_machine(available: int | None) -> None:
    found = totals(pending("1"), available=available)
    assert found.total.machine_hours is None
    assert found.users["ann"].machine_hours is None


def test_an_empty_queue_is_empty() -> None:
    found = totals()
    assert found.total == Waiting(jobs=0, cpu_hours=0, machine_hours=0, unlimited=0)
    assert found.users == {}
