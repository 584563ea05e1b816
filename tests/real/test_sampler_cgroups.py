"""A job that Slurm confines to its cores and memory by real control groups, observed in both ways."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator

import pytest

from jobmon_tui.sources.slurm.sampler import JobSampler
from tests import servers
from tests.real import slurm_cluster, ssh_server
from tests.real.busy_job import SCRIPT, observed
from tests.real.slurm_cluster import SlurmCluster
from tests.real.slurm_configuration import CGROUPS
from tests.real.ssh_server import SshServer

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    servers.demand(slurm_cluster.why_unavailable())
    if reason := slurm_cluster.why_unconfinable():
        pytest.skip(reason)  # A matter of the kernel, not of what is installed.
    running = SlurmCluster(confined=True)
    with running:
        yield running
    assert not list(CGROUPS.glob(f"*/slurm_{running.nodes[0]}"))


@pytest.fixture(scope="module")
def job(cluster: SlurmCluster) -> str:
    """A job on one core which it keeps busy, with 100 MiB in use; another job sleeps on the other core."""
    user = pwd.getpwuid(os.getuid()).pw_name
    busy = cluster.submit(user, "-n1", "--mem=400", script=SCRIPT)
    cluster.submit(user, "-n1", "--mem=100")
    cluster.wait_until(lambda: len(cluster.job_states()) == 2, "both jobs are there")
    cluster.wait_until(
        lambda: all(state == "RUNNING" for state, _ in cluster.job_states().values()), "both jobs run"
    )
    return busy


@pytest.fixture(params=["srun", "ssh"])
def sampler(
    request: pytest.FixtureRequest, cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> Iterator[JobSampler]:
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, cluster.environment[name])
    if request.param == "srun":
        made = JobSampler()
        yield made
    else:
        servers.demand(ssh_server.why_unavailable())
        folder = request.getfixturevalue("tmp_path")
        with SshServer(folder) as server:
            made = JobSampler(via="ssh", ssh_host="127.0.0.1", ssh_arguments=server.arguments())
            yield made
            made.close()
    made.close()
    assert made.join(10)


def test_its_own_core_is_told_and_what_its_group_uses(
    cluster: SlurmCluster, job: str, sampler: JobSampler
) -> None:
    (node,) = cluster.nodes
    sampler.start(job, node)
    newest = observed(sampler)
    held = cluster.run("scontrol", "-d", "show", "job", job)
    (core,) = newest.cores
    assert f"CPU_IDs={core} " in held
    # The machine has other things to do as well, but that core is the job's burner's as well as theirs.
    assert newest.cores[core] > 30
    assert newest.busy is not None
    assert 0.1 < newest.busy < 1.1
    assert newest.memory is not None
    assert 100 < newest.memory < 150
