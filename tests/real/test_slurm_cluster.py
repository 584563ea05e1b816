"""The test cluster itself: it leaves nothing behind, whatever happened to it, and breaks as it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers
from tests.real import slurm_cluster, slurm_configuration
from tests.real.slurm_cluster import MARKER, ClusterError, SlurmCluster, why_unavailable
from tests.real.slurm_population import HOSTILE_NAMES

pytestmark = [pytest.mark.real, pytest.mark.slow]


def processes_of(folder: Path) -> list[int]:
    """Who carries the cluster's marker (a process that nobody has waited for yet has no environment)."""
    own = {f"{MARKER}={folder}".encode(), f"SLURM_CONF={folder}/slurm.conf".encode()}
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if own & set(variables):
            found.append(int(entry.name))
    return found


def test_population_shows_every_state(slurm: SlurmCluster) -> None:
    assert slurm.population is not None
    states = slurm.job_states()
    assert states == slurm.population.expected()
    assert len(states) == 22
    printed = slurm.run("squeue", "-h", "-a", "-o", "%j")
    assert [name for name in HOSTILE_NAMES if name not in printed] == []


def test_nothing_is_left_after_failure_with_jobs_running_and_the_controller_hung() -> None:
    servers.demand(why_unavailable())
    with pytest.raises(ZeroDivisionError), SlurmCluster() as cluster:  # noqa: PT012
        folder = cluster.folder
        job = cluster.submit("games", "-N2")
        cluster.wait_until(lambda: cluster.job_states()[job][0] == "RUNNING", "the job runs")
        assert len(processes_of(folder)) > 16
        cluster.suspend_controller()
        raise ZeroDivisionError
    assert processes_of(folder) == []
    assert not folder.exists()


def test_start_that_fails_says_what_the_logs_say(monkeypatch: pytest.MonkeyPatch) -> None:
    servers.demand(why_unavailable())
    monkeypatch.setattr(slurm_cluster, "ATTEMPTS", 1)
    broken = slurm_configuration.CONFIGURATION + "NoSuchParameter=1\n"
    monkeypatch.setattr(slurm_configuration, "CONFIGURATION", broken)
    cluster = SlurmCluster()
    with pytest.raises(ClusterError, match="NoSuchParameter"):
        cluster.start()
    assert processes_of(cluster.folder) == []
    assert not cluster.folder.exists()


def test_by_hand_it_prints_what_to_export_and_ends_when_asked() -> None:
    servers.demand(why_unavailable())
    with subprocess.Popen(
        [sys.executable, "-m", "tests.real.slurm_cluster"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        variable, _, configuration = process.stdout.readline().strip().removeprefix("export ").partition("=")
        assert variable == "SLURM_CONF"
        folder = Path(configuration).parent
        environment = os.environ | {"SLURM_CONF": configuration}
        nodes = subprocess.run(
            ["sinfo", "-h", "-N", "-o", "%N"], env=environment, capture_output=True, text=True, check=True
        )
        assert "k001" in nodes.stdout
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert processes_of(folder) == []
    assert not folder.exists()


def test_stopped_controller_starts_again_with_its_jobs(slurm_private: SlurmCluster) -> None:
    job = slurm_private.submit("games", "-n3")
    slurm_private.wait_until(lambda: slurm_private.job_states()[job][0] == "RUNNING", "the job runs")
    slurm_private.stop_controller()
    with pytest.raises(ClusterError):
        slurm_private.run("squeue", deadline=1)
    slurm_private.start_controller()
    assert slurm_private.job_states()[job][0] == "RUNNING"
    slurm_private.cancel_all()
    assert slurm_private.job_states() == {}
