"""A job that is busy, observed on its node by a real step, and by real sstat; nothing of it stays behind."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.slurm.sampler import JobSampler
from jobmon_tui.sources.slurm.sstat import Sstat
from tests import servers
from tests.real.app_driving import opened
from tests.real.busy_job import GONE_WITHIN, NODE, assert_busy, observed, submit_busy_job, wait_for
from tests.real.slurm_cluster import SlurmCluster, why_unavailable

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    servers.demand(why_unavailable())
    with SlurmCluster() as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _point_at(cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, cluster.environment[name])


@pytest.fixture
def sampler() -> Iterator[JobSampler]:
    """One that is closed in the end, however the test went: others look for what it may leave."""
    sampler = JobSampler()
    yield sampler
    sampler.close()
    sampler.join(GONE_WITHIN)


@pytest.fixture(scope="module")
def burner(cluster: SlurmCluster) -> str:
    """A task of a job array, which srun and sstat know by another name than its users."""
    return submit_busy_job(cluster, "--array=3-4%1", task="3")


def steps(cluster: SlurmCluster) -> list[str]:
    """Our steps that Slurm knows of."""
    return [name for name in cluster.run("squeue", "-h", "-a", "-s", "-o", "%j").split() if name == "jobmon"]


def processes(cluster: SlurmCluster) -> list[int]:
    """The processes of our steps, and their sruns, on this machine."""
    found = []
    configuration = f"SLURM_CONF={cluster.configuration}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"Cpus_allowed_list" in words and configuration in variables:
            found.append(int(entry.name))
    return found


def all_gone(cluster: SlurmCluster) -> bool:
    return wait_for(lambda: not processes(cluster) and not steps(cluster), GONE_WITHIN)


def test_a_busy_job_is_seen_busy_and_closing_leaves_nothing(
    cluster: SlurmCluster, burner: str, sampler: JobSampler
) -> None:
    sampler.start(burner, NODE)
    assert_busy(observed(sampler))
    assert len(processes(cluster)) >= 2
    assert steps(cluster) == ["jobmon"]
    began = time.monotonic()
    sampler.close()
    assert time.monotonic() - began < 0.5
    assert all_gone(cluster)
    assert sampler.join(1)
    # The job itself goes on.
    assert cluster.job_states()[burner][0] == "RUNNING"


@pytest.mark.parametrize("victim", ["jobmon", "srun"])
def test_killed_it_leaves_nothing_either(cluster: SlurmCluster, burner: str, victim: str) -> None:
    program = (
        "import sys, time\n"
        "from jobmon_tui.sources.slurm.sampler import JobSampler\n"
        "sampler = JobSampler()\n"
        f"sampler.start({burner!r}, {NODE!r})\n"
        "while sampler.latest() is None: time.sleep(0.05)\n"
        "print(sampler._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as jobmon:
        try:
            assert jobmon.stdout is not None
            srun = json.loads(jobmon.stdout.readline())
            assert steps(cluster) == ["jobmon"]
            os.kill(jobmon.pid if victim == "jobmon" else srun, signal.SIGKILL)
            assert all_gone(cluster)
        finally:
            jobmon.kill()


def test_a_node_that_is_not_the_jobs_is_refused_in_words(
    cluster: SlurmCluster, burner: str, sampler: JobSampler
) -> None:
    sampler.start(burner, "c007")
    assert sampler.join(20)
    with pytest.raises(SourceError, match=r"srun: error: Unable to create step for job \d+: "):
        sampler.latest()
    assert all_gone(cluster)


def test_the_end_of_the_job_ends_it(cluster: SlurmCluster, sampler: JobSampler) -> None:
    user = pwd.getpwuid(os.getuid()).pw_name
    job = cluster.submit(user, "-n1", "--mem=100", "--nodelist=c008")
    cluster.wait_until(lambda: cluster.job_states().get(job, ("",))[0] == "RUNNING", "the job runs")
    sampler.start(job, "c008")
    assert wait_for(lambda: sampler.latest() is not None, 20)
    cluster.run("scancel", job)
    assert sampler.join(20)
    with pytest.raises(SourceError):
        sampler.latest()
    assert all_gone(cluster)


def test_sstat_counts_what_the_job_used(cluster: SlurmCluster, burner: str) -> None:
    sstat = Sstat()

    def has_counted() -> bool:
        return (sstat.use(burner)[0].cpu_seconds or 0) >= 1

    assert wait_for(has_counted, 25)
    batch = next(step for step in sstat.use(burner) if step.step.endswith(".batch"))
    assert batch.tasks == 1
    assert batch.memory is not None
    assert batch.memory > 100
    with pytest.raises(SourceError, match="does not run"):
        sstat.use("99999")


async def test_the_list_shows_ones_own_jobs_use_without_any_measurements(
    cluster: SlurmCluster, burner: str
) -> None:
    wait_for(lambda: (Sstat().use(burner)[0].cpu_seconds or 0) >= 1, 25)
    async with opened((240, 50)) as driver:
        await driver.press("2", "f")
        row = rf"{burner} .* \d\d+ %"
        deadline = time.monotonic() + 15
        while not re.search(row, driver.text) and time.monotonic() < deadline:
            # Slurm counts beside the refresh, so that it is the next one that shows it.
            await driver.polls()
        await driver.sees(row)
        await driver.opens("Job", burner)
        await driver.sees(r"CPU used +\d+ % of its cores, as Slurm counts")
        await driver.sees(r"memory used +1[0-4]\d MiB in all")


@pytest.mark.parametrize("way", ["escape", "end of the app"])
async def test_the_key_in_the_app_shows_it_and_leaving_ends_it(
    cluster: SlurmCluster, burner: str, way: str
) -> None:
    async with opened((160, 60)) as driver:
        await driver.opens("Job", burner)
        await driver.press("o")
        await driver.sees(rf"Observed on {NODE}")
        busy = await driver.sees(r"CPU +(\d+) % \((?:0\.[2-9]|1\.[0-2]) cores busy of 1\)", 25)
        assert 15 < int(busy[1]) < 125
        assert re.search(r"memory +1[0-4]\d MiB of 500 MiB", driver.text)
        await driver.sees(r"CPU time +\d")
        assert steps(cluster) == ["jobmon"]
        if way == "escape":
            await driver.press("escape")
            assert await asyncio.to_thread(all_gone, cluster)
    assert all_gone(cluster)
