"""The demo's cluster must be one that could exist: whatever the seed and the instant, its books balance."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from jobmon_tui.analysis.index import HOLDING, index_snapshot
from jobmon_tui.backends.demo import CLUSTER_NAME, DemoBackend
from jobmon_tui.backends.simulation.people import DEBUG_JOBS_PER_USER
from jobmon_tui.errors import UsageError
from jobmon_tui.model.snapshot import CoreUse, CpuTimes, Job, Snapshot

NOW = 1_795_357_624.3
HOUR = 3600.0

EVERY_REASON = {
    "Resources",
    "Priority",
    "Dependency",
    "BeginTime",
    "JobHeldUser",
    "JobArrayTaskLimit",
    "QOSMaxJobsPerUserLimit",
    "ReqNodeNotAvail, Reserved for maintenance",
    "AssocGrpCpuLimit",
    "PartitionTimeLimit",
}


class Clock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def snapshot_at(when: float, nodes: int = 120, jobs: int = 1500, seed: int = 1) -> Snapshot:
    return DemoBackend(nodes, jobs, seed, clock=Clock(when)).cycle()


@pytest.fixture(scope="module")
def usual() -> Snapshot:
    return snapshot_at(NOW)


def check_books(snapshot: Snapshot) -> None:
    """Nothing is held twice, every sum agrees, every state says what is so."""
    cores: dict[str, list[int]] = {name: [] for name in snapshot.nodes}
    gpus: dict[str, list[int]] = {name: [] for name in snapshot.nodes}
    memory: Counter[str] = Counter()
    for job_id, job in snapshot.jobs.items():
        assert job.job_id == job_id
        if job.state not in HOLDING:
            assert not job.layout
            assert not job.gpu_layout
            continue
        assert job.n_cpus == sum(map(len, job.layout.values()))
        assert job.n_gpus == sum(map(len, job.gpu_layout.values()))
        assert job.n_nodes == len(job.layout)
        for host, indices in job.layout.items():
            cores[host] += indices
        for host, indices in job.gpu_layout.items():
            gpus[host] += indices
        memory.update(job.memory_layout)
    for name, node in snapshot.nodes.items():
        assert len(set(cores[name])) == len(cores[name]) == node.cpus_allocated
        assert set(cores[name]) <= set(range(node.n_cpus or 0))
        assert len(set(gpus[name])) == len(gpus[name])
        assert tuple(sorted(gpus[name])) == (node.gpus_allocated or ())
        assert len(gpus[name]) <= (node.n_gpus or 0)
        assert memory[name] == node.memory_allocated
        assert memory[name] <= (node.memory_total or 0)
        check_state(node.cpus_allocated or 0, node.n_cpus or 0, node.state, node.flags)
        if node.state == "DOWN":
            assert node.up is False
            assert node.cpus_allocated == 0
            assert node.cpu is None
            assert node.reason
        if "DRAIN" in node.flags:
            assert node.reason
            assert node.reason_user
            assert node.reason_time is not None
            assert node.reason_time <= snapshot.timestamp
        if node.memory is not None:
            assert 0 < node.memory.used <= node.memory.total
        if node.swap is not None:
            assert 0 <= node.swap.free <= node.swap.total
        if node.cpu is not None:
            assert len(node.cpu.cores) == node.n_cpus
            assert all(core is not None and sum(core) == 100 for core in node.cpu.cores)
            assert node.cpu.total is not None
            assert sum(node.cpu.total) == pytest.approx(100, abs=0.4)
        for gpu in node.gpus or ():
            assert gpu.utilisation is not None
            assert 0 <= gpu.utilisation <= 100
            assert gpu.memory is not None
            assert gpu.memory.used <= gpu.memory.total


def check_state(allocated: int, total: int, state: str | None, flags: tuple[str, ...]) -> None:
    if state == "DOWN":
        assert "NOT_RESPONDING" in flags
    elif allocated == 0:
        assert state == "IDLE"
    else:
        assert state == ("ALLOCATED" if allocated == total else "MIXED")


def check_jobs(snapshot: Snapshot) -> None:
    """Times, limits and what may run beside what."""
    now = snapshot.timestamp
    tasks: Counter[str] = Counter(
        job.array_id for job in snapshot.jobs.values() if job.is_running and job.array_id
    )
    maintained = {name for name, node in snapshot.nodes.items() if "MAINTENANCE" in node.flags}
    for job in snapshot.jobs.values():
        assert job.submit_time is not None
        assert job.submit_time <= now
        assert job.time_limit is not None
        if job.is_running:
            assert job.start_time is not None
            assert job.submit_time < job.start_time <= now
            assert job.run_time == pytest.approx((now - job.start_time) / 60)
            assert job.run_time <= job.time_limit
            assert job.end_time == job.start_time + job.time_limit * 60
            assert not maintained & job.layout.keys()
            for host, used in job.memory.items():
                assert 0 <= used <= job.memory_layout[host] * 1.2
                assert job.memory_max is not None
                assert used <= job.memory_max
            if job.reservation:
                check_reservation(job, snapshot)
        elif job.is_pending:
            assert job.start_time is None or job.start_time > now
            if job.array_id and job.array_id in tasks and "%" in (job.array_tasks or ""):
                assert tasks[job.array_id] <= int((job.array_tasks or "").partition("%")[2])
        elif job.state != "COMPLETING":
            assert job.exit_code
            assert job.end_time is not None
            assert now - 300 <= job.end_time <= now
    debug = Counter(
        job.username for job in snapshot.jobs.values() if job.is_running and job.partition == "debug"
    )
    assert not debug or max(debug.values()) <= DEBUG_JOBS_PER_USER


def check_reservation(job: Job, snapshot: Snapshot) -> None:
    [reservation] = [one for one in snapshot.reservations if one.name == job.reservation]
    assert job.username in reservation.users
    assert reservation.is_active(snapshot.timestamp)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1000),
    hours=st.floats(0, 24 * 365, allow_nan=False),
    nodes=st.integers(1, 150),
    jobs=st.integers(0, 2000),
)
@example(seed=895, hours=2146.0, nodes=44, jobs=0)  # jobs that waited for the workshop through its gap
def test_books_balance_whatever_the_seed_and_the_instant(
    seed: int, hours: float, nodes: int, jobs: int
) -> None:
    snapshot = snapshot_at(NOW + hours * HOUR, nodes, jobs, seed)
    assert len(snapshot.nodes) == nodes
    check_books(snapshot)
    check_jobs(snapshot)


def differences(one: Snapshot, other: Snapshot) -> list[str]:
    """The ids and names of what differs: a failing comparison of whole snapshots takes minutes to print."""
    jobs = one.jobs.keys() | other.jobs.keys()
    found = [job_id for job_id in jobs if one.jobs.get(job_id) != other.jobs.get(job_id)]
    found += [name for name, node in one.nodes.items() if other.nodes[name] != node]
    rest = ("timestamp", "usage", "partitions", "reservations", "cluster", "notes")
    return found + [name for name in rest if getattr(one, name) != getattr(other, name)]


@pytest.mark.slow
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
@example(seed=37, steps=[1700.0, 5 * HOUR, 5 * HOUR, 1700.0])  # a job gave up that waited for maintenance
@given(
    seed=st.integers(0, 50), steps=st.lists(st.sampled_from([2.0, 9.5, 300.0, 1700.0, 5 * HOUR]), max_size=8)
)
def test_a_walk_through_time_ends_where_a_jump_does(seed: int, steps: list[float]) -> None:
    clock = Clock()
    walking = DemoBackend(40, 400, seed, clock=clock)
    for step in steps:
        walking.cycle()
        clock.now += step
    walked = walking.cycle()
    check_books(walked)
    assert differences(walked, snapshot_at(clock.now, 40, 400, seed)) == []


def test_looking_back_shows_what_was() -> None:
    clock = Clock()
    backend = DemoBackend(40, 400, clock=clock)
    before = backend.cycle()
    clock.now += 600
    after = backend.cycle()
    clock.now -= 600
    assert differences(backend.cycle(), before) == []
    assert differences(after, before)


def test_seeds_differ() -> None:
    assert snapshot_at(NOW, 30, 100, 1).jobs.keys() != snapshot_at(NOW, 30, 100, 2).jobs.keys()


def test_another_process_sees_the_same() -> None:
    # Hashes of strings differ from one process to the next: nothing may hang on them.
    code = (
        "from jobmon_tui.backends.demo import DemoBackend as D;"
        f"s = D(40, 300, clock=lambda: {NOW}).cycle();"
        "print(sorted((j.job_id, j.state, str(sorted(j.layout.items())), j.reason) for j in s.jobs.values()))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    jobs = snapshot_at(NOW, 40, 300).jobs.values()
    own = sorted((job.job_id, job.state, str(sorted(job.layout.items())), job.reason) for job in jobs)
    assert other.stdout.strip() == str(own)


def test_the_usual_cluster_looks_alive(usual: Snapshot) -> None:
    totals = index_snapshot(usual).totals
    assert usual.cluster == CLUSTER_NAME
    assert totals.nodes == 120
    assert totals.cores_available == 64 * 64 + 52 * 36 + 4 * 272
    assert totals.gpus_available == 104
    assert 1200 <= len(usual.jobs) <= 1800
    assert 400 <= totals.running <= 800
    kinds = Counter(node.n_cpus for node in usual.nodes.values())
    assert kinds == {64: 64, 36: 52, 272: 4}
    assert {partition.name for partition in usual.partitions} == {"milan", "gpu", "knl", "debug"}
    assert sum(partition.n_nodes or 0 for partition in usual.partitions) == 120
    assert len({job.username for job in usual.jobs.values()}) >= 30
    assert any(node.cpu is None and node.state != "DOWN" for node in usual.nodes.values())


@pytest.mark.slow
def test_every_reason_to_wait_is_there_at_any_hour() -> None:
    clock = Clock()
    backend = DemoBackend(clock=clock)
    for _ in range(4):
        snapshot = backend.cycle()
        reasons = {job.reason for job in snapshot.jobs.values() if job.is_pending}
        assert reasons >= EVERY_REASON
        assert any(one.is_maintenance and (one.start_time or 0) > clock.now for one in snapshot.reservations)
        assert any(one.users and not one.is_maintenance for one in snapshot.reservations)
        used = sum(job.n_cpus for job in snapshot.jobs.values() if job.is_running)
        assert 0.70 <= used / sum(node.n_cpus or 0 for node in snapshot.nodes.values()) <= 0.93
        clock.now += 7 * HOUR


def test_the_head_of_the_queue_knows_where_and_when(usual: Snapshot) -> None:
    heads = [job for job in usual.jobs.values() if job.scheduled_nodes]
    assert {job.partition for job in heads} >= {"milan", "gpu"}
    assert all(job.start_time and job.start_time > usual.timestamp for job in heads)
    waiting = [job for job in usual.jobs.values() if job.is_pending and job.partition == "milan"]
    best = max(waiting, key=lambda job: job.priority or 0)
    resources = [job for job in waiting if job.reason == "Resources"]
    assert resources
    others = [job for job in waiting if job.reason == "Priority"]
    assert min(job.priority or 0 for job in resources) >= max(job.priority or 0 for job in others)
    assert best.reason in ("Resources", "AssocGrpCpuLimit")


def test_a_dependency_names_a_job_that_is_there(usual: Snapshot) -> None:
    named = [
        (job.dependency or "").partition(":")[2].partition("(")[0]
        for job in usual.jobs.values()
        if job.reason == "Dependency"
    ]
    assert named
    missing = [job_id for job_id in named if job_id not in usual.jobs]
    assert len(missing) <= 1


@pytest.mark.slow
def test_jobs_start_and_end_one_by_one(usual: Snapshot) -> None:
    starts = Counter(job.start_time for job in usual.jobs.values() if job.is_running)
    assert max(starts.values()) <= 6
    run_times = sorted(job.run_time for job in usual.jobs.values() if job.is_running)
    assert run_times[len(run_times) // 10] < 20
    assert run_times[-1] > 12 * 60
    clock = Clock()
    backend = DemoBackend(clock=clock)
    running = {job_id for job_id, job in backend.cycle().jobs.items() if job.is_running}
    clock.now += 300
    later = backend.cycle().jobs
    assert {job_id for job_id, job in later.items() if job.is_running} - running
    assert any(job_id in later and not later[job_id].is_running for job_id in running)


@pytest.mark.slow
def test_every_way_to_end_and_every_state_of_a_node_turns_up_in_a_day() -> None:
    clock = Clock()
    backend = DemoBackend(clock=clock)
    ends: set[str] = set()
    states: set[str] = set()
    for _ in range(16):
        snapshot = backend.cycle()
        ends |= {job.state for job in snapshot.jobs.values()}
        states |= {state for node in snapshot.nodes.values() for state in (node.state or "", *node.flags)}
        clock.now += 1.5 * HOUR + 200
    assert ends >= {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "OUT_OF_MEMORY", "COMPLETING"}
    assert states >= {"IDLE", "MIXED", "ALLOCATED", "DOWN", "DRAIN", "NOT_RESPONDING", "PLANNED"}
    assert states >= {"MAINTENANCE", "RESERVED"}


@pytest.mark.slow
def test_what_has_not_changed_is_the_same_object() -> None:
    clock = Clock(NOW // 300 * 300 + 10)
    backend = DemoBackend(clock=clock)
    before = backend.cycle()
    clock.now += 2
    after = backend.cycle()
    waiting = [job_id for job_id, job in after.jobs.items() if job.is_pending and job_id in before.jobs]
    same = sum(after.jobs[job_id] is before.jobs[job_id] for job_id in waiting)
    assert same > 0.95 * len(waiting)
    assert sum(after.nodes[name] is before.nodes[name] for name in after.nodes) > 60


@pytest.mark.slow
def test_readings_change_smoothly() -> None:
    clock = Clock()
    backend = DemoBackend(clock=clock)
    previous = backend.cycle()
    jumps = []
    for _ in range(6):
        clock.now += 10
        current = backend.cycle()
        for name, node in current.nodes.items():
            earlier = previous.nodes[name]
            if node.cpu and earlier.cpu and node.cpus_allocated == earlier.cpus_allocated:
                assert node.cpu.total is not None
                assert earlier.cpu.total is not None
                jumps.append(abs(node.cpu.total.busy - earlier.cpu.total.busy))
        previous = current
    jumps.sort()
    assert jumps[len(jumps) // 2] < 3
    assert jumps[len(jumps) * 95 // 100] < 15


def test_packed_cores_equal_those_given_one_by_one() -> None:
    cores = [(90, 0, 2, 1, 7), (0, 0, 0, 0, 100)]
    packed = CoreUse.packed(bytes([*cores[0], *cores[1]]))
    assert packed == CoreUse(cores)
    assert list(packed) == [CpuTimes(*core) for core in cores]
    with pytest.raises(ValueError, match="7 numbers"):
        CoreUse.packed(bytes(7))


@pytest.mark.parametrize(("nodes", "jobs"), [(0, 10), (10, -1), (10**9, 10), (10, 10**9)])
def test_sizes_without_sense_are_refused(nodes: int, jobs: int) -> None:
    with pytest.raises(UsageError):
        DemoBackend(nodes, jobs)


@pytest.mark.slow
@pytest.mark.parametrize(("nodes", "jobs"), [(120, 1500), (2000, 10_000), (10_000, 50_000)])
def test_large_clusters_are_of_the_size_asked_for_and_consistent(nodes: int, jobs: int) -> None:
    clock = Clock()
    backend = DemoBackend(nodes, jobs, clock=clock)
    backend.cycle()
    clock.now += 2
    snapshot = backend.cycle()
    assert 0.75 * jobs <= len(snapshot.jobs) <= 1.25 * jobs
    check_books(snapshot)
    check_jobs(snapshot)
