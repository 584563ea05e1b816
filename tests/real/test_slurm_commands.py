"""What jobmon reads from a real Slurm by its commands, against what Slurm says of each thing by itself."""

from __future__ import annotations

from datetime import datetime

import pytest

from jobmon_tui.model.snapshot import Job
from jobmon_tui.sources.slurm.answer import SlurmAnswer
from jobmon_tui.sources.slurm.commands import SlurmCommands
from tests.real.slurm_cluster import SlurmCluster
from tests.real.slurm_configuration import NODES
from tests.real.slurm_population import (
    DOWN,
    DOWN_REASON,
    DRAIN_REASON,
    DRAINED,
    DRAINING,
    HOSTILE_NAMES,
    MAINTAINED,
    RESERVED,
    Population,
)
from tests.real.slurm_truth import true_job, true_node
from tests.real.wrappers import Commands

pytestmark = pytest.mark.real

MOST_CALLS = 4
"""Calls to slurmctld that a cycle may make, whatever the size of the cluster."""


@pytest.fixture
def population(slurm: SlurmCluster) -> Population:
    assert slurm.population is not None
    return slurm.population


@pytest.fixture
def answer(slurm: SlurmCluster) -> SlurmAnswer:
    return read(slurm)


def read(cluster: SlurmCluster) -> SlurmAnswer:
    """Read the cluster at a time when it stood still: its scheduler may plan nodes at any moment."""
    for _ in range(20):
        before = cluster.job_states(), cluster.node_states()
        answer = SlurmCommands().load()
        if before == (cluster.job_states(), cluster.node_states()):
            return answer
    raise AssertionError("the cluster never stood still")


def by_id(answer: SlurmAnswer) -> dict[str, Job]:
    return {job.job_id: job for job in answer.jobs}


def test_answer_is_whole_and_names_its_origin(answer: SlurmAnswer) -> None:
    assert answer.problems == ()
    assert answer.cluster == "testbed"
    assert answer.version.startswith(("2", "1"))
    assert answer.version.count(".") == 2
    assert answer.seconds > 0


def test_states_and_reasons_of_all_jobs(slurm: SlurmCluster, answer: SlurmAnswer) -> None:
    said = {job.job_id: (job.state, job.reason or "None") for job in answer.jobs}
    assert len(said) == len(answer.jobs), "a job came twice"
    assert said == slurm.job_states()


def test_cores_gpus_and_memory_of_each_job_on_each_node(slurm: SlurmCluster, answer: SlurmAnswer) -> None:
    held = 0
    for job in answer.jobs:
        truth = true_job(slurm, job.job_id)
        assert dict(job.layout) == truth.cores, job.job_id
        assert dict(job.gpu_layout) == truth.gpus, job.job_id
        assert dict(job.memory_layout) == truth.memory, job.job_id
        assert job.n_cpus == truth.cpus, job.job_id
        assert job.username == truth.user
        assert job.partition == truth.partition
        held += sum(map(len, truth.cores.values()))
    assert held > 300, "the truth itself has no cores"


def test_layouts_of_the_jobs_that_spread_out(population: Population, answer: SlurmAnswer) -> None:
    jobs = by_id(answer)
    assert len(jobs[population.two_nodes].layout) == 2
    assert sum(map(len, jobs[population.two_nodes].layout.values())) == 24
    assert jobs[population.whole_knl].layout == {"k001": tuple(range(272))}
    assert sorted(jobs[population.gpus_on_two_nodes].gpu_layout.values()) == [(0, 1), (0, 1)]
    assert jobs[population.gpus_on_two_nodes].n_gpus == 4
    assert jobs[population.one_gpu].n_gpus == 1
    assert len(next(iter(jobs[population.one_gpu].gpu_layout.values()))) == 1


def test_times_limits_and_memory_requests(population: Population, answer: SlurmAnswer) -> None:
    jobs = by_id(answer)
    running = jobs[population.two_nodes]
    assert running.time_limit == 240
    assert running.start_time is not None
    assert running.start_time == pytest.approx(answer.taken_at - running.run_time * 60, abs=3)
    assert running.end_time == running.start_time + 240 * 60
    assert jobs[population.whole_knl].time_limit is None
    assert jobs[population.whole_knl].memory_request == 100 * 1024
    assert jobs[population.one_gpu].memory_request == 8 * 1024
    assert jobs[f"{population.array}_0"].memory_request == 500


def test_waiting_tasks_of_an_array_are_one_record(population: Population, answer: SlurmAnswer) -> None:
    records = [job for job in answer.jobs if job.array_id == population.array]
    (waiting,) = (job for job in records if job.is_pending)
    assert waiting.job_id == f"{population.array}_[6-19%6]"
    assert waiting.array_tasks == "6-19%6"
    assert waiting.task_count == 14
    assert waiting.n_cpus == 2
    assert sorted(job.job_id for job in records if job.is_running) == [
        f"{population.array}_{task}" for task in range(6)
    ]
    assert {job.task_count for job in records if job.is_running} == {1}


def test_what_waiting_jobs_ask_for(population: Population, answer: SlurmAnswer) -> None:
    jobs = by_id(answer)
    assert jobs[population.resources].n_nodes == 6
    assert jobs[population.resources].n_cpus == 96
    assert jobs[population.resources].start_time is not None, "the first in line has a planned start"
    assert jobs[population.held].features == "skylake"
    assert jobs[population.held].start_time is None
    assert jobs[population.unavailable].requested_nodes == DOWN
    assert jobs[population.dependency].partition == "main,gpu"
    assert (jobs[population.dependency].dependency or "").startswith(f"afterok:{population.two_nodes}")
    begins = jobs[population.begin_time]
    assert begins.eligible_time == pytest.approx((begins.submit_time or 0) + 6 * 3600, abs=5)


def test_hostile_names_arrive_unharmed_and_forge_nothing(population: Population, answer: SlurmAnswer) -> None:
    jobs = by_id(answer)
    for job_id, name in zip(population.hostile, HOSTILE_NAMES, strict=True):
        # A tab or a newline may have become a space on the way, but nothing may be lost.
        assert jobs[job_id].name.split() == name.split()
        assert jobs[job_id].username == "games"
        assert jobs[job_id].n_cpus == 1
        assert jobs[job_id].time_limit == 60


def test_states_flags_and_figures_of_each_node(slurm: SlurmCluster, answer: SlurmAnswer) -> None:
    assert sorted(node.name for node in answer.nodes) == sorted(NODES)
    for node in answer.nodes:
        truth = true_node(slurm, node.name)
        assert (node.state, frozenset(node.flags)) == (truth.state, truth.flags), node.name
        assert (node.n_cpus, node.cpus_allocated) == (truth.cpus, truth.cpus_allocated), node.name
        assert (node.memory_total, node.memory_allocated) == (truth.memory, truth.memory_allocated)
        assert (node.gres or "(null)") == truth.gres
        assert ",".join(node.features) == truth.features
        assert ",".join(node.partitions) == truth.partitions
        assert node.weight == truth.weight
        assert node.reason == truth.reason, node.name
        assert node.reason_user == truth.reason_user, node.name
        when = None if truth.reason_time is None else datetime.fromisoformat(truth.reason_time).timestamp()
        assert node.reason_time == when, node.name
        assert node.up is (node.name != DOWN)


def test_nodes_in_trouble_and_why(answer: SlurmAnswer) -> None:
    nodes = {node.name: node for node in answer.nodes}
    assert "DRAIN" in nodes[DRAINED].flags
    # Slurm 22.05 drops a quotation mark at the very end.
    assert nodes[DRAINED].reason == DRAIN_REASON.removesuffix('"')
    assert nodes[DRAINING].cpus_allocated
    assert nodes[DOWN].state == "DOWN"
    assert nodes[DOWN].reason == DOWN_REASON
    assert nodes[DOWN].reason_user == "root"
    assert "MAINTENANCE" in nodes[MAINTAINED].flags or nodes[MAINTAINED].state == "MAINT"
    assert "RESERVED" in nodes[RESERVED].flags


def test_gpus_of_nodes(slurm: SlurmCluster, population: Population, answer: SlurmAnswer) -> None:
    nodes = {node.name: node for node in answer.nodes}
    held: dict[str, set[int]] = {}
    for job_id in (population.one_gpu, population.gpus_on_two_nodes):
        for host, indices in true_job(slurm, job_id).gpus.items():
            held.setdefault(host, set()).update(indices)
    assert sum(map(len, held.values())) == 5
    for name, node in nodes.items():
        if not name.startswith("g"):
            assert not node.n_gpus
            continue
        assert (node.n_gpus, node.gpu_model) == (2, "p100")
        assert node.n_gpus_allocated == len(held.get(name, ()))
        assert node.gpus_allocated == tuple(sorted(held.get(name, ())))


def test_shape_of_the_node_with_four_threads_a_core(answer: SlurmAnswer) -> None:
    node = {node.name: node for node in answer.nodes}["k001"]
    assert (node.sockets, node.cores_per_socket, node.threads_per_core, node.n_cpus) == (1, 68, 4, 272)
    assert node.memory_total == 192000


def test_reservations(answer: SlurmAnswer) -> None:
    found = {reservation.name: reservation for reservation in answer.reservations}
    assert set(found) == {"upgrade", "course", "cooling"}
    assert found["upgrade"].is_maintenance
    assert found["upgrade"].is_active(answer.taken_at)
    assert found["upgrade"].nodes == MAINTAINED
    assert found["upgrade"].end_time == (found["upgrade"].start_time or 0) + 36000
    assert not found["course"].is_maintenance
    assert found["course"].users == ("www-data", "games")
    assert found["course"].is_active(answer.taken_at)
    assert found["course"].n_cpus == 16
    assert not found["cooling"].is_active(answer.taken_at)
    assert "IGNORE_JOBS" in found["cooling"].flags
    assert found["cooling"].nodes == "c[001-002]"


def test_partitions(answer: SlurmAnswer) -> None:
    found = {partition.name: partition for partition in answer.partitions}
    assert set(found) == {"main", "gpu", "knl", "debug"}
    assert [name for name, partition in found.items() if partition.is_default] == ["main"]
    assert found["main"].max_time == 7 * 24 * 60
    assert found["knl"].max_time is None
    assert found["debug"].priority_tier == 2
    assert found["main"].nodes == "c[001-008]"
    assert (found["gpu"].n_nodes, found["gpu"].n_cpus) == (4, 64)


def test_one_users_jobs(slurm: SlurmCluster, population: Population) -> None:
    answer = SlurmCommands().load("news")
    assert {job.username for job in answer.jobs} == {"news"}
    assert {job.array_id or job.job_id for job in answer.jobs} == {
        population.array,
        population.begin_time,
        population.unavailable,
    }


def test_user_without_jobs_has_none(slurm: SlurmCluster) -> None:
    assert SlurmCommands().load("root").jobs == ()


@pytest.mark.slow
def test_calls_do_not_grow_with_the_queue(slurm_private: SlurmCluster, commands: Commands) -> None:
    commands.count()
    source = SlurmCommands()
    source.load()  # The first may also ask what hardly ever changes, such as the version.
    assert len(commands.calls()) <= MOST_CALLS + 2
    empty = source.load()
    calls_when_empty = commands.calls()
    assert empty.jobs == ()
    for _ in range(30):
        slurm_private.submit("games", "--mem=10")
    slurm_private.submit("news", "--array=0-999", "--hold")
    slurm_private.wait_until(
        lambda: sum(state == "RUNNING" for state, _ in slurm_private.job_states().values()) == 30,
        "30 jobs run",
    )
    commands.calls()
    full = source.load()
    calls_when_full = commands.calls()
    assert len(full.jobs) == 31
    assert sum(job.task_count for job in full.jobs) == 1030
    assert len(calls_when_full) == len(calls_when_empty) == full.calls
    assert 0 < len(calls_when_full) <= MOST_CALLS
    for _ in range(12):  # Nor does any later cycle ask for more.
        answer = source.load()
        assert len(commands.calls()) == answer.calls <= MOST_CALLS


@pytest.mark.slow
def test_jobs_come_and_go(slurm_private: SlurmCluster) -> None:
    source = SlurmCommands()
    assert source.load().jobs == ()
    job = slurm_private.submit("man", "-n2")
    slurm_private.wait_until(lambda: slurm_private.job_states()[job][0] == "RUNNING", "the job runs")
    (running,) = source.load().jobs
    assert (running.job_id, running.state, running.n_cpus) == (job, "RUNNING", 2)
    slurm_private.run("scontrol", "suspend", job)
    (suspended,) = source.load().jobs
    assert suspended.state == "SUSPENDED"
    slurm_private.cancel_all()
    assert [job for job in source.load().jobs if job.is_running or job.is_pending] == []
