"""Each habit of the demo's users must show in what is measured of their jobs."""

from __future__ import annotations

from collections import defaultdict
from statistics import mean

import pytest

from jobmon_tui.backends.demo import DemoBackend
from jobmon_tui.backends.simulation.people import USERS
from jobmon_tui.model.snapshot import Job, Snapshot
from tests.unit.test_demo import HOUR, NOW, Clock

GRACE_MINUTES = 15


@pytest.fixture(scope="module")
def seen() -> dict[str, list[tuple[Job, Snapshot]]]:
    """The jobs that have settled down, by the habit of their user, at several instants."""
    habits = {user.name: user.habit.name for user in USERS}
    clock = Clock(NOW)
    backend = DemoBackend(clock=clock)
    found: dict[str, list[tuple[Job, Snapshot]]] = defaultdict(list)
    for _ in range(4):
        snapshot = backend.cycle()
        for job in snapshot.jobs.values():
            if job.is_running and job.run_time > GRACE_MINUTES and job.memory:
                found[habits[job.username]].append((job, snapshot))
        clock.now += 9 * HOUR
    return found


def cpu_of(job: Job, snapshot: Snapshot) -> list[float]:
    """Mean user, system, wait and idle time over the job's measured cores, in %."""
    cores = [
        cpu.cores[index]
        for host, indices in job.layout.items()
        if (cpu := snapshot.nodes[host].cpu) is not None
        for index in indices
    ]
    return [mean(core[part] for core in cores) for part in (0, 2, 3, 4)]


def gpu_of(job: Job, snapshot: Snapshot) -> list[float]:
    return [
        gpus[index].utilisation or 0.0
        for host, indices in job.gpu_layout.items()
        if (gpus := snapshot.nodes[host].gpus) is not None
        for index in indices
    ]


def mean_cpu(jobs: list[tuple[Job, Snapshot]], part: int) -> float:
    return mean(cpu_of(job, snapshot)[part] for job, snapshot in jobs)


@pytest.mark.slow
def test_the_careful_use_what_they_hold(seen: dict[str, list[tuple[Job, Snapshot]]]) -> None:
    for habit in ("efficient", "sweeping arrays"):
        assert len(seen[habit]) > 20
        assert min(cpu_of(job, snapshot)[0] for job, snapshot in seen[habit]) > 80
    shares = [(job.memory_max or 0) / (job.memory_request or 1) for job, _ in seen["efficient"]]
    assert mean(shares) > 0.6


@pytest.mark.slow
def test_over_asking_leaves_memory_unused(seen: dict[str, list[tuple[Job, Snapshot]]]) -> None:
    jobs = [job for job, _ in seen["over-asking memory"]]
    assert jobs
    assert max((job.memory_max or 0) / (job.memory_request or 1) for job in jobs) < 0.1
    assert max((job.memory_request or 0) - (job.memory_max or 0) for job in jobs) > 50 * 1024


@pytest.mark.slow
def test_idle_gpus_idle_and_training_trains(seen: dict[str, list[tuple[Job, Snapshot]]]) -> None:
    idle = [use for job, snapshot in seen["idle GPUs"] for use in gpu_of(job, snapshot)]
    busy = [use for job, snapshot in seen["training"] for use in gpu_of(job, snapshot)]
    assert idle
    assert max(idle) < 30
    assert len(busy) > 20
    assert min(busy) > 70


def test_one_core_on_a_whole_node(seen: dict[str, list[tuple[Job, Snapshot]]]) -> None:
    jobs = seen["one core on whole nodes"]
    assert jobs
    for job, snapshot in jobs:
        for host, indices in job.layout.items():
            cpu = snapshot.nodes[host].cpu
            if cpu is not None:
                assert sum((cpu.cores[index]).busy > 50 for index in indices) == 1


@pytest.mark.slow
def test_waiting_and_forking_show_in_their_own_times(seen: dict[str, list[tuple[Job, Snapshot]]]) -> None:
    assert mean_cpu(seen["waiting for files"], 2) > 25
    assert mean_cpu(seen["forking"], 1) > 35
    assert mean_cpu(seen["efficient"], 2) < 1
    assert mean_cpu(seen["efficient"], 1) < 5


def test_swapping_fills_the_swap(seen: dict[str, list[tuple[Job, Snapshot]]]) -> None:
    jobs = seen["swapping"]
    assert jobs
    assert max((job.memory_max or 0) / (job.memory_request or 1) for job, _ in jobs) > 1
    shares = [
        1 - swap.free / swap.total
        for job, snapshot in jobs
        for host in job.layout
        if (swap := snapshot.nodes[host].swap) is not None
    ]
    assert max(shares) > 0.3


def test_interactive_users_mostly_think(seen: dict[str, list[tuple[Job, Snapshot]]]) -> None:
    assert mean_cpu(seen["interactive"], 3) > 60
