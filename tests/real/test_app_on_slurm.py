"""The app on a real Slurm with one of everything: what it shows against what Slurm says, by keys."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from jobmon_tui.analysis.readings import GLYPHS
from jobmon_tui.tui.widgets.core_grid import CoreGrid
from tests.real.app_driving import (
    INSTANT,
    assert_harmless,
    drawn_cores,
    drawn_gpus,
    environment_on,
    opened,
    program,
)
from tests.real.slurm_cluster import SlurmCluster
from tests.real.slurm_population import (
    DOWN,
    DOWN_REASON,
    DRAINED,
    DRAINING,
    HOSTILE_NAMES,
    MAINTAINED,
    RESERVED,
    Population,
)
from tests.real.slurm_truth import numbers, true_job, true_node
from tests.real.terminals import Terminal
from tests.real.wrappers import Commands

pytestmark = [pytest.mark.real, pytest.mark.slow]

WIDE = (200, 50)
WIDER = (260, 50)
"""Job ids are shown in full, whatever array tasks they stand for."""


@pytest.fixture
def population(slurm: SlurmCluster) -> Population:
    assert slurm.population is not None
    return slurm.population


def printed(cluster: SlurmCluster, *command: str) -> list[list[str]]:
    """The words of each line that a command prints."""
    return [line.split() for line in cluster.run(*command).splitlines()]


async def test_totals_are_those_of_an_independent_count(slurm: SlurmCluster) -> None:
    running = printed(slurm, "squeue", "-h", "-a", "-r", "-t", "R", "-o", "%C")
    pending = printed(slurm, "squeue", "-h", "-a", "-r", "-t", "PD", "-o", "%i")
    nodes = {name: (int(cpus), gres, state) for name, cpus, gres, state in nodes_of(slurm)}
    cores = sum(int(cpus) for (cpus,) in running)
    gpus = sum(int(re.split("[:(]", gres)[2]) for _, gres, _ in nodes.values() if gres.startswith("gpu:"))
    states = [state for _, _, state in nodes.values()]
    held = [true_job(slurm, job).gpus for job, (state, _) in slurm.job_states().items() if state == "RUNNING"]
    async with opened((260, 50)) as driver:
        text = driver.text
        assert f" {cores}/{sum(cpus for cpus, _, _ in nodes.values())} " in text
        assert f" {sum(len(indices) for job in held for indices in job.values())}/{gpus} " in text
        assert f" {len(running)} running  {len(pending)} pending " in text
        out, down = sum(state.startswith("drain") for state in states), states.count("down")
        assert f" {len(nodes) - out - down} up  {out} drained  {down} down " in text
        memory = [true_node(slurm, name) for name, (_, _, state) in nodes.items() if state != "down"]
        used, total = sum(one.memory_allocated for one in memory), sum(one.memory for one in memory)
        assert f" {used / 1024:.0f}/{total / 1024:.0f} GiB " in text


def nodes_of(cluster: SlurmCluster) -> set[tuple[str, ...]]:
    """Name, CPUs, GRES and state of each node; one in several partitions counts once."""
    return {tuple(line) for line in printed(cluster, "sinfo", "-h", "-a", "-N", "-o", "%N %c %G %T")}


async def test_users_have_the_cores_that_slurm_gave_them(slurm: SlurmCluster) -> None:
    held: dict[str, int] = {}
    for user, cpus in printed(slurm, "squeue", "-h", "-a", "-r", "-t", "R", "-o", "%u %C"):
        held[user] = held.get(user, 0) + int(cpus)
    async with opened(WIDE) as driver:
        for user, cores in held.items():
            assert re.search(rf"│.? +{user} +{cores} +\d+ %", driver.text), user


async def test_each_job_is_listed_with_its_state(slurm: SlurmCluster) -> None:
    states = slurm.job_states()
    async with opened(WIDER) as driver:
        await driver.press("2", "F")
        await driver.sees(r"_\[6-19%6\] ")
        for state in ("RUNNING", "PENDING"):
            listed = driver.rows(state)
            assert sorted(listed) == sorted(job for job, (found, _) in states.items() if found == state)


async def test_the_map_has_a_sign_for_each_node_out_of_service(slurm: SlurmCluster) -> None:
    async with opened(WIDE) as driver:
        for name, condition in (
            (DRAINED, "drained"),
            (DRAINING, "draining"),
            (DOWN, "down"),
            (MAINTAINED, "maintenance"),
            (RESERVED, "reserved"),
        ):
            await driver.sees(rf"{name}\s+{re.escape(GLYPHS[condition].glyph)}\s")


async def test_each_pending_job_says_in_words_why_it_waits(
    slurm: SlurmCluster, population: Population
) -> None:
    array = f"{population.array}_[6-19%6]"
    ahead = "have a higher priority and stand before it in line|has a higher priority and stands before it"
    reasons = {
        array: "6 tasks of its array run; the limit is 6 at a time",
        population.resources: r"It waits for 96 cores on 6 nodes to become free\. Slurm expects to start it",
        population.priority: ahead,
        population.dependency: f"It waits until job {population.two_nodes} ends successfully",
        population.begin_time: r"It was submitted to start not before (tomorrow )?\d\d:\d\d",
        population.held: f"Its owner holds it back; it starts after `scontrol release {population.held}`",
        population.unavailable: rf"not available: {DOWN} is down \({DOWN_REASON}\)",
    }
    assert reasons.keys() == {job for job, (state, _) in slurm.job_states().items() if state == "PENDING"}
    async with opened(WIDE) as driver:
        for job_id, words in reasons.items():
            text = await driver.opens("Job", job_id)
            assert re.search(rf"why .*{words}", text), f"{job_id}\n{driver.text}"
        await driver.press("5", "slash")
        await driver.type(f"id:{population.held}")
        await driver.press("enter")
        await driver.sees(f" {population.held}  Its owner holds it back")


async def test_cores_and_gpus_of_jobs_are_those_that_slurm_gave_them(
    slurm: SlurmCluster, population: Population
) -> None:
    async with opened((160, 60)) as driver:
        for job_id in (
            population.two_nodes,
            population.gpus_on_two_nodes,
            population.one_gpu,
            f"{population.array}_3",
            population.hostile[4],
        ):
            truth = true_job(slurm, job_id)
            assert truth.cores
            text = await driver.opens("Job", job_id)
            job = driver.snapshot.jobs[job_id]
            assert (dict(job.layout), dict(job.gpu_layout)) == (truth.cores, truth.gpus)
            grids = [grid for grid in driver.main.view.query(CoreGrid) if grid.display]
            for host, grid in zip(sorted(truth.cores), grids, strict=True):
                await driver.sees(rf"│ {host} +│|node ─ {host} ")
                assert drawn_cores(grid, 8) == truth.cores[host], f"{job_id} on {host}\n{driver.text}"
                assert drawn_gpus(grid) == truth.gpus.get(host, ())
                node = true_node(slurm, host)
                own, held = len(truth.cores[host]), node.cpus_allocated
                assert f"16 cores, {own} its own, {held - own} others', {node.cpus - held} free" in text


async def test_a_node_with_four_threads_for_each_core(slurm: SlurmCluster, population: Population) -> None:
    async with opened(WIDE) as driver:
        text = await driver.opens("Job", population.whole_knl)
        assert "272 threads of 68 cores, 272 its own, 0 others', 0 free" in text
        assert "unlimited" in text


async def test_who_is_on_a_node(slurm: SlurmCluster, population: Population) -> None:
    async with opened(WIDE) as driver:
        text = await driver.opens("Node", "c002")
        node = true_node(slurm, "c002")
        assert f"{node.cpus_allocated} of 16 allocated" in text
        hosts = {job: true_job(slurm, job).cores for job in slurm.job_states()}
        here = {job for job, cores in hosts.items() if "c002" in cores}
        assert population.two_nodes in here
        assert len(here) > 2
        await driver.press("F")
        await driver.sees(rf"{population.array}_\d ")
        assert set(driver.rows("RUNNING")) == here


async def test_a_drained_and_a_down_node_say_why_and_who_did_it(slurm: SlurmCluster) -> None:
    async with opened() as driver:
        text = await driver.opens("Node", DRAINED)
        assert "state drained (IDLE+DRAIN)" in text
        assert "memory errors: DIMM [A2] =" in text
        assert "'replace' by \"Friday" in text
        assert "by root 20" in text
        text = await driver.opens("Node", DOWN)
        assert "state down" in text
        assert f"reason {DOWN_REASON}" in text
        assert "by root 20" in text
        text = await driver.opens("Node", DRAINING)
        assert "state draining (MIXED+DRAIN)" in text
        assert "fan 2 too slow" in text


async def test_filters(slurm: SlurmCluster, population: Population) -> None:
    def tasks(*options: str) -> int:
        return len(printed(slurm, "squeue", "-h", "-a", "-r", "-o", "%i", *options))

    everything = tasks()
    expected = {
        "user:news": tasks("-u", "news"),
        "state:running user:games": tasks("-t", "R", "-u", "games"),
        "partition:gpu": tasks("-p", "gpu"),
        "node:g002": tasks("-w", "g002"),
        "gpu>0": 2,
        "-user:news": everything - tasks("-u", "news"),
        "sweep": 20,
    }
    async with opened(WIDE) as driver:
        await driver.press("2")
        for text, count in expected.items():
            assert await driver.filters(text) == (count, everything), text
        await driver.filters("gpu>0")
        assert set(driver.rows()) == {population.one_gpu, population.gpus_on_two_nodes}
        # The same filter of nodes: those that have GPUs.
        await driver.press("3")
        await driver.sees("g004")
        await driver.no_longer_sees("c001")
        await driver.press("escape")
        await driver.sees("c001")


async def test_a_filter_that_is_wrong_says_where(slurm: SlurmCluster) -> None:
    async with opened() as driver:
        await driver.press("2", "slash")
        await driver.type("partition:gpu mem>much")
        await driver.sees(r"column \d+: expected an amount of memory")
        await driver.press("escape")
        await driver.sees("md_run")


async def test_an_array_unfolds_and_folds(slurm: SlurmCluster, population: Population) -> None:
    array = population.array
    async with opened(WIDER) as driver:
        await driver.press("2")
        assert await driver.filters("name:sweep") == (20, 35)
        await driver.sees(rf"{array} ▸20 .* 6R 14PD ")
        assert driver.rows() == []
        await driver.press("f")
        await driver.sees(rf"{array} ▾20 ")
        assert driver.rows("RUNNING") == [f"{array}_{task}" for task in range(6)]
        assert driver.rows("PENDING") == [f"{array}_[6-19%6]"]
        await driver.press("down", "enter")
        await driver.sees(rf"─ +Job {array}_0 ")
        await driver.press("escape", "f")
        await driver.sees(rf"{array} ▸20 ")
        assert driver.rows() == []


async def test_partitions_and_reservations_stand_over_the_queue(slurm: SlurmCluster) -> None:
    async with opened(WIDE) as driver:
        await driver.press("5")
        await driver.sees(r"upgrade +maintenance .*\d\d:\d\d")
        await driver.sees(r"course +active .*\d\d:\d\d")
        await driver.sees(r"cooling +to come ")
        for partition in ("debug", "gpu", "knl"):
            await driver.sees(rf"{partition} .* \d+/ *\d+ ")
        held = {line[0]: line[1].split("/")[0] for line in printed(slurm, "sinfo", "-h", "-a", "-o", "%R %C")}
        assert re.search(rf"gpu .* {held['gpu']}/ *64 ", driver.text)


async def test_hostile_names_are_harmless_on_every_view(slurm: SlurmCluster, population: Population) -> None:
    async with opened(WIDE) as driver:
        for key in ("1", "2", "3", "5"):
            await driver.press(key)
            assert_harmless(driver.text)
        for job_id, name in zip(population.hostile, HOSTILE_NAMES, strict=True):
            text = await driver.opens("Job", job_id)
            assert_harmless(driver.text)
            assert "state RUNNING" in text
            assert "1 its own" in text
            if name.isprintable():
                # Nor is any of it taken for the app's own markup.
                assert f" name {name} " in text
        await driver.opens("Node", "c003")
        assert_harmless(driver.text)
        await driver.press("colon")
        await driver.type("red")
        for number in (2, 3):
            await driver.sees(rf"│ {population.hostile[number]} +job ")
        assert_harmless(driver.text)
        await driver.press("escape", "u")
        assert_harmless(driver.text)
        await driver.press("escape", "2")
        # A name is searched as it is written, and one that forges records is found, not believed.
        assert await driver.filters("forged") == (1, 35)
        assert await driver.filters("state:failed") == (0, 35)
        assert (await driver.filters('name:"[bold red]not"'))[0] == 1


async def test_no_cycle_makes_more_than_four_calls(slurm: SlurmCluster, commands: Commands) -> None:
    commands.count()
    async with opened(WIDE) as driver:
        first = commands.calls()
        # The first one also asks for partitions, and for the cluster's name and version.
        await driver.sees(rf" {len(first)} calls, \d\.\d s a cycle")
        assert len(first) <= 6
        for _ in range(3):
            await driver.polls()
            calls = commands.calls()
            assert 0 < len(calls) <= 4
            await driver.sees(rf" {len(calls)} calls, \d\.\d s a cycle")
            assert not any("--json" in call or "test-only" in call for call in calls)


def test_on_a_terminal_of_its_own(slurm: SlurmCluster) -> None:
    with Terminal([program()], environment_on(slurm)) as terminal:
        terminal.sees("testbed  LIVE")
        terminal.sees("md_run")
        terminal.press("2")
        terminal.press("/")
        terminal.sees("(?m)^/ *$")
        terminal.press("user:news\r")
        terminal.sees("filter user:news  22/35")
        terminal.sees(r"nightly +news +PENDING")
        terminal.no_longer_sees(r"(?m)^│.? +\d+ +md_run")
        terminal.press("q")
        assert terminal.ends(INSTANT) == 0
        terminal.assert_restored()
        assert b"Traceback" not in terminal.written


def jobmon(cluster: SlurmCluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run jobmon as a program of its own."""
    return subprocess.run(
        [program(), *arguments],
        env=environment_on(cluster),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_report_agrees_with_slurm(slurm: SlurmCluster, population: Population) -> None:
    done = jobmon(slurm, "report", "--format", "json", "--backend", "slurm")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["cluster"], report["source"]) == ("testbed", "slurm")
    states = slurm.job_states()
    assert len(report["jobs"]) == len(states)
    for job_id, (state, reason) in states.items():
        job = report["jobs"][job_id.partition("_[")[0]]
        truth = true_job(slurm, job_id)
        assert (job["state"], job["reason"] or "None") == (state, reason)
        assert (job["username"], job["partition"], job["nCpus"]) == (
            truth.user,
            truth.partition,
            truth.cpus,
        )
        assert {host: tuple(cores) for host, cores in job["layout"].items()} == truth.cores
        assert {host: tuple(gpus) for host, gpus in job["gpuLayout"].items()} == truth.gpus
    assert report["jobs"][population.array]["tasks"] == 14
    assert report["cores"]["running"] == sum(
        int(cpus) for (cpus,) in printed(slurm, "squeue", "-h", "-a", "-t", "R", "-o", "%C")
    )
    assert report["gpus"] == {"available": 8, "running": 5}
    assert report["queue"]["jobs"] == 20
    for name, node in report["nodes"].items():
        assert (node["state"], node["nCpus"]) == (true_node(slurm, name).state, true_node(slurm, name).cpus)


def test_the_doctor_is_content_and_names_the_version(slurm: SlurmCluster) -> None:
    done = jobmon(slurm, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    version = slurm.run("squeue", "--version").split()[-1]
    assert re.search(rf"ok +slurm \(.*\) +{re.escape(version)}, \d calls", done.stdout)
    assert re.search(r"ok +jobmon shows .*testbed, 14 nodes, 35 jobs", done.stdout)
    assert "failed" not in done.stdout
    assert numbers(version.replace(".", ",")) >= (20, 11)
