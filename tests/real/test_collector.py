"""The collector on a real Slurm and a real InfluxDB: what is in the spool is what they say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobmon_tui.backends.slurm import SlurmBackend
from jobmon_tui.cli import main
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.model.snapshot import Snapshot
from tests import servers
from tests.collecting import START, Clock, Site, make, plain, status
from tests.real.influxdb_server import InfluxServer, why_unavailable
from tests.real.slurm_cluster import SlurmCluster
from tests.real.slurm_truth import true_job
from tests.real.wrappers import Commands

pytestmark = pytest.mark.real

CALLS = 4
"""Calls to slurmctld in a cycle, whatever the size of the cluster."""


@pytest.fixture
def spool(slurm: SlurmCluster, tmp_path: Path) -> Path:
    """A spool of one cycle, taken while the cluster stood still."""
    for attempt in range(20):
        folder = tmp_path / f"spool{attempt}"
        before = slurm.job_states(), slurm.node_states()
        assert main(["collect", "--once", "--spool", str(folder)]) == 0
        if before == (slurm.job_states(), slurm.node_states()):
            return folder
    raise AssertionError("the cluster never stood still")


@pytest.fixture
def document(spool: Path) -> Any:
    return plain(spool / "data.json.gz")


@pytest.fixture
def snapshot(spool: Path) -> Snapshot:
    return SpoolFeed(spool).latest()


def test_states_of_all_jobs_and_nodes(slurm: SlurmCluster, snapshot: Snapshot) -> None:
    said = {job.job_id: (job.state, job.reason or "None") for job in snapshot.jobs.values()}
    assert said == slurm.job_states()
    assert set(snapshot.nodes) == set(slurm.node_states())


def test_layouts_as_scontrol_has_them(slurm: SlurmCluster, document: Any) -> None:
    held = 0
    for job_id, job in document["jobs"].items():
        if job["state"] != "RUNNING":
            assert job["layout"] == {}
            continue
        truth = true_job(slurm, job_id)
        assert {host: tuple(cores) for host, cores in job["layout"].items()} == truth.cores
        assert {host: tuple(gpus) for host, gpus in job["gpuLayout"].items()} == truth.gpus
        assert (job["nCpus"], job["username"]) == (truth.cpus, truth.user)
        held += sum(map(len, truth.cores.values()))
    assert held > 300
    assert document["usage"]["running"] == sum(
        job["nCpus"] for job in document["jobs"].values() if job["state"] == "RUNNING"
    )


def test_waiting_tasks_are_spelled_out_for_others_and_one_for_us(
    slurm: SlurmCluster, document: Any, snapshot: Snapshot
) -> None:
    assert slurm.population is not None
    array = slurm.population.array
    waiting = [f"{array}_{task}" for task in range(6, 20)]
    assert all(document["jobs"][task]["state"] == "PENDING" for task in waiting)
    assert f"{array}_[6-19%6]" in snapshot.jobs
    assert not set(waiting) & set(snapshot.jobs)
    assert len(document["jobs"]) == sum(job.task_count for job in snapshot.jobs.values())


def test_a_cycle_makes_so_many_calls_and_no_more(
    slurm: SlurmCluster, commands: Commands, tmp_path: Path
) -> None:
    commands.count()
    clock = Clock()
    collector = make(tmp_path / "spool", clock, SlurmBackend())
    try:
        assert collector.cycle()
        # The first may also ask what hardly ever changes, such as the version.
        assert len(commands.calls()) <= CALLS + 2
        for _ in range(3):
            clock.go(30)
            assert collector.cycle()
            calls = commands.calls()
            assert 0 < len(calls) <= CALLS, calls
            (source,) = status(tmp_path / "spool")["sources"].values()
            assert (source["calls"], source["errors"]) == (len(calls), 0)
    finally:
        collector.close()


def test_a_controller_that_refuses_costs_a_cycle_and_is_told(
    slurm: SlurmCluster, commands: Commands, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = tmp_path / "spool"
    assert main(["collect", "--once", "--spool", str(spool)]) == 0
    newest = (spool / "data.json.gz").read_bytes()
    commands.failing("squeue", "slurm_load_jobs error: Unable to contact slurm controller")
    assert main(["collect", "--once", "--spool", str(spool)]) == 1
    assert "Unable to contact slurm controller" in capsys.readouterr().err
    assert (spool / "data.json.gz").read_bytes() == newest
    assert "backend" in status(spool)["troubles"]
    commands.mended("squeue")
    assert main(["collect", "--once", "--spool", str(spool)]) == 0
    assert status(spool)["troubles"] == {}


# InfluxDB


@pytest.fixture(scope="module")
def influx() -> Iterator[InfluxServer]:
    servers.demand(why_unavailable())
    with InfluxServer("collector", "pass word") as server:
        yield server


def points(server: InfluxServer, database: str, measurement: str) -> list[dict[str, Any]]:
    series = server.query(f'SELECT * FROM "{measurement}"', database).get("series", [])
    return [dict(zip(one["columns"], values, strict=True)) for one in series for values in one["values"]]


def configured(folder: Path, server: InfluxServer, database: str, password: str) -> list[str]:
    (folder / "password").write_text(password)
    (folder / "config.toml").write_text(
        f'[influxdb]\nurl = "{server.url}"\nuser = "collector"\npassword_file = "password"\n'
        f'[collect.influxdb]\nwrite = true\ndatabase = "{database}"\n'
    )
    return ["--config", str(folder / "config.toml"), "--demo", "--demo-nodes", "6", "--demo-jobs", "30"]


def test_statistics_are_written_back_and_can_be_asked_for(influx: InfluxServer, tmp_path: Path) -> None:
    influx.create("statistics")
    spool = tmp_path / "spool"
    words = configured(tmp_path, influx, "statistics", "pass word")
    assert main(["collect", "--once", "--spool", str(spool), *words]) == 0
    snapshot = SpoolFeed(spool).latest()
    jobs = {point["job"]: point for point in points(influx, "statistics", "jobmon_job")}
    measured = {job.job_id: job for job in snapshot.jobs.values() if job.is_running and job.memory_max}
    assert measured
    assert set(measured) <= set(jobs)
    for job_id, job in measured.items():
        assert jobs[job_id]["memory_max"] == job.memory_max
        assert jobs[job_id]["cores"] == job.n_cpus
        assert jobs[job_id]["user"] == job.username
        assert jobs[job_id]["cluster"] == snapshot.cluster
        assert 0 <= jobs[job_id]["cpu"] <= 100
    (own,) = points(influx, "statistics", "jobmon_collector")
    assert (own["nodes"], own["cycles"], own["failed_cycles"]) == (len(snapshot.nodes), 1, 0)
    assert own["cycle_seconds"] > 0
    (source,) = points(influx, "statistics", "jobmon_source")
    assert (source["source"], source["errors"], source["ok"]) == ("simulation", 0, 1)


def test_what_is_written_is_what_was_measured_core_by_core(influx: InfluxServer, tmp_path: Path) -> None:
    from jobmon_tui.feeds.write_back import WriteBack
    from jobmon_tui.sources.influxdb import InfluxOptions
    from jobmon_tui.sources.influxdb_write import InfluxWriter
    from jobmon_tui.sources.secrets import SecretPlace

    influx.create("exact")
    (tmp_path / "password").write_text("pass word")
    options = InfluxOptions(
        url=influx.url,
        database="exact",
        user="collector",
        password=SecretPlace(file=tmp_path / "password"),
    )
    clock = Clock()
    collector = make(tmp_path / "spool", clock, Site(clock), write_back=WriteBack(InfluxWriter(options)))
    for _ in range(3):
        assert collector.once(30)
        clock.go(30)
    found = points(influx, "exact", "jobmon_job")
    assert [point["cpu"] for point in found] == [75, 75, 75]
    assert [point["gpu"] for point in found] == [40, 40, 40]
    assert [point["memory_max"] for point in found] == [500, 500, 500]
    assert [point["cycles"] for point in points(influx, "exact", "jobmon_collector")] == [1, 2, 3]
    assert found[0]["time"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START))


@pytest.mark.parametrize(
    ("database", "password", "complaint"),
    [("absent", "pass word", "database not found"), ("statistics", "wrong", "authorization failed")],
)
def test_a_store_that_refuses_costs_nothing_but_itself(
    influx: InfluxServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    database: str,
    password: str,
    complaint: str,
) -> None:
    spool = tmp_path / "spool"
    words = configured(tmp_path, influx, database, password)
    assert main(["collect", "--once", "--spool", str(spool), *words]) == 1
    told = capsys.readouterr().err
    assert complaint in told
    assert password not in told.replace("pass word", "") or password == "pass word"
    assert len(SpoolFeed(spool).latest().nodes) == 6
    assert complaint in status(spool)["troubles"]["write-back"]["message"]
