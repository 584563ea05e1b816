"""The app on a real Slurm whose nodes are measured by real servers: what was injected is what is shown."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from jobmon_tui.analysis.usage import job_usage
from jobmon_tui.backends.measured import MeasuredBackend
from jobmon_tui.backends.ozstar import OzstarBackend
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.model.measures import Used
from jobmon_tui.model.snapshot import Node
from jobmon_tui.tui.app import JobmonApp
from jobmon_tui.tui.options import WatchOptions
from jobmon_tui.tui.widgets.core_grid import CoreGrid
from tests import servers
from tests.real import ganglia_server, influxdb_server, prometheus_server
from tests.real.app_driving import NEVER, Driver, environment_on, program
from tests.real.ganglia_server import GangliaServer
from tests.real.influxdb_server import InfluxServer
from tests.real.measured_cluster import (
    BY_GANGLIA,
    BY_INFLUXDB,
    BY_PROMETHEUS,
    CORES,
    GPU_MEMORY_USED,
    GPU_USE,
    MEMORY_USED,
    TASK_MEMORY,
    configuration,
    core_times,
    exporter_page,
    inject_by_ganglia,
    inject_by_influxdb,
    mean_over,
    mean_times,
    sections,
)
from tests.real.prometheus_server import Exporter, PrometheusServer, Target
from tests.real.slurm_cluster import SlurmCluster
from tests.real.slurm_population import Population
from tests.real.slurm_truth import true_job

pytestmark = [pytest.mark.real, pytest.mark.slow]

MEASURED = (*BY_GANGLIA, *BY_INFLUXDB)
HEAT = "▁▁▂▃▄▅▆▆▇"
"""How busy a core is, in ninths."""
WIDE, TALL = (200, 50), (200, 80)
WINDOW = 4.0
"""Seconds over which Prometheus takes rates."""
SOON = 3.0
"""Seconds for which the readings of a source that died stand, where a test waits for their end."""


@pytest.fixture(scope="module")
def influxdb(slurm_cluster: SlurmCluster) -> Iterator[InfluxServer]:
    """An InfluxDB that knows some of the nodes and what memory two jobs use."""
    servers.demand(influxdb_server.why_unavailable())
    with InfluxServer() as server:
        population = slurm_cluster.population
        assert population is not None
        jobs = (population.two_nodes, f"{population.array}_3")
        inject_by_influxdb(
            server, {number_of(slurm_cluster, job): tuple(true_job(slurm_cluster, job).cores) for job in jobs}
        )
        yield server


@pytest.fixture(scope="module")
def ganglia() -> Iterator[GangliaServer]:
    """A gmond and a gmetad that know the other nodes; look, don't touch."""
    servers.demand(ganglia_server.why_unavailable())
    with GangliaServer() as server:
        inject_by_ganglia(server)
        yield server


@pytest.fixture
def population(slurm: SlurmCluster) -> Population:
    assert slurm.population is not None
    return slurm.population


def number_of(cluster: SlurmCluster, job_id: str) -> str:
    """The number by which Slurm's profiling knows a job: a task of an array has its own."""
    return cluster.run("squeue", "-h", "-a", "-r", "-j", job_id, "-o", "%A").split()[0]


@asynccontextmanager
async def opened(backend: MeasuredBackend, size: tuple[int, int] = WIDE) -> AsyncIterator[Driver]:
    """The app on a backend that measures, with its first picture in which everything has arrived."""
    app = JobmonApp(LiveFeed(backend), WatchOptions(interval=NEVER))
    async with app.run_test(size=size) as pilot:
        driver = Driver(pilot)
        await driver.until(lambda: app.picture is not None)
        await app.settled()
        yield driver


def assert_cores(nodes: Mapping[str, Node], hosts: tuple[str, ...]) -> None:
    """That each core of these hosts does what was injected of it."""
    for host in hosts:
        cpu = nodes[host].cpu
        assert cpu is not None, host
        assert len(cpu.cores) == CORES[host]
        for number, (found, injected) in enumerate(zip(cpu.cores, core_times(host), strict=True)):
            assert found == pytest.approx(injected), f"{host}, core {number}"
        assert cpu.total == pytest.approx(mean_times(host)), host


@pytest.mark.parametrize("kind", [MeasuredBackend, OzstarBackend])
async def test_each_core_does_what_was_injected(
    slurm: SlurmCluster, ganglia: GangliaServer, influxdb: InfluxServer, kind: type[MeasuredBackend]
) -> None:
    async with opened(kind(**sections(ganglia, influxdb))) as driver:
        nodes = driver.snapshot.nodes
        assert {name for name, node in nodes.items() if node.cpu is not None} == set(MEASURED)
        assert_cores(nodes, MEASURED)


SHAPES = dict.fromkeys(("c001", "c002", "c003", "g001"), (2, 8, 1)) | {"k001": (1, 68, 4)}
"""Sockets, cores of each, threads of each core, as Slurm has them."""


async def test_the_nodes_are_coloured_by_the_cpu_use(
    slurm: SlurmCluster, ganglia: GangliaServer, influxdb: InfluxServer
) -> None:
    async with opened(MeasuredBackend(**sections(ganglia, influxdb))) as driver:
        await driver.sees("─  Nodes ─ CPU in use, ")
        for host in MEASURED:
            await driver.sees(rf"{host} {block_of(mean_times(host))}{{2,}}\s")
        busy = sum(mean_times("c001")[:3])
        await driver.sees(rf" c001  16 cores  {busy:.0f} % busy ")
        # A node that nobody measures has no reading instead of one that says idle.
        await driver.sees(r"g002 +\? ")


async def test_a_node_shows_its_memory_and_gpus(
    slurm: SlurmCluster, ganglia: GangliaServer, influxdb: InfluxServer
) -> None:
    async with opened(MeasuredBackend(**sections(ganglia, influxdb)), TALL) as driver:
        for host in MEASURED:
            words = await driver.opens("Node", host)
            total = 64 if host in BY_GANGLIA else 188
            assert driver.snapshot.nodes[host].memory == Used(MEMORY_USED[host] * 1024, total * 1024)
            assert f"memory {MEMORY_USED[host]} GiB of {total} GiB used" in words
            assert f"in use {MEMORY_USED[host]} GiB" in words
            user, nice, system, *_ = mean_times(host)
            # Longer lines are broken, and other things stand beside them.
            assert f"CPU user {user + nice:.0f} % system {system:.0f} % wait" in words
            for gpu, use in enumerate(GPU_USE.get(host, ())):
                assert re.search(rf" {gpu} (██|·) {use} %", words)


async def test_a_job_uses_what_its_own_cores_do(
    slurm: SlurmCluster, population: Population, ganglia: GangliaServer, influxdb: InfluxServer
) -> None:
    jobs = [population.two_nodes, population.one_gpu, population.whole_knl, *population.hostile]
    jobs += [job for job in slurm.job_states() if re.fullmatch(rf"{population.array}_\d", job)]
    async with opened(MeasuredBackend(**sections(ganglia, influxdb)), TALL) as driver:
        snapshot, picture = driver.snapshot, driver.app.picture
        assert picture is not None
        # Folded arrays would hide their tasks.
        await driver.press("2", "F")
        await driver.sees(rf"{population.array}_3 ")
        listed = driver.text
        for job_id in jobs:
            truth = true_job(slurm, job_id)
            user, nice, system, wait, idle = mean_over(truth.cores)
            use = job_usage(snapshot.jobs[job_id], snapshot)
            assert (use.cores, use.cores_reported) == (truth.cpus, truth.cpus)
            assert (use.user, use.system, use.wait, use.idle) == pytest.approx(
                (user + nice, system, wait, idle)
            )
            busy = user + nice + system
            assert picture.cpu[job_id] == pytest.approx(busy)
            assert re.search(rf"│.? +{job_id} .* RUNNING .* {busy:.0f} %", listed), job_id
        words = await driver.opens("Job", population.two_nodes)
        assert f"memory used {2 * TASK_MEMORY} MiB in all" in words
        task = snapshot.jobs[f"{population.array}_3"]
        assert set(task.memory.values()) == {TASK_MEMORY}
        gpus = true_job(slurm, population.one_gpu).gpus
        (own,) = gpus["g001"]
        use = job_usage(snapshot.jobs[population.one_gpu], snapshot)
        assert (use.gpu, use.gpus_reported) == (GPU_USE["g001"][own], 1)
        assert use.gpu_memory_used == GPU_MEMORY_USED["g001"][own] * 1024
        assert use.gpu_memory_total == 16 * 1024
        # Nobody measures the nodes of this one: that is not idleness.
        assert population.gpus_on_two_nodes not in picture.cpu


async def test_the_chart_of_a_job_begins_with_what_its_own_cores_do(
    slurm: SlurmCluster, population: Population, ganglia: GangliaServer, influxdb: InfluxServer
) -> None:
    async with opened(MeasuredBackend(**sections(ganglia, influxdb))) as driver:
        for job_id in (population.two_nodes, population.one_gpu, population.whole_knl):
            await driver.opens("Job", job_id)
            user, nice, system, wait, _ = mean_over(true_job(slurm, job_id).cores)
            await driver.sees(
                rf"CPU +█ user {user + nice:.0f} % +█ system {system:.0f} % +█ wait {wait:.0f} %"
            )


async def test_the_picture_of_each_core_is_as_high_as_injected(
    slurm: SlurmCluster, ganglia: GangliaServer, influxdb: InfluxServer
) -> None:
    async with opened(MeasuredBackend(**sections(ganglia, influxdb)), TALL) as driver:
        for host, (sockets, cores, threads) in SHAPES.items():
            await driver.opens("Node", host)
            rows = drawn_use(driver.main.view.query_one(CoreGrid))
            blocks = [block_of(times) for times in core_times(host)]
            across = len(rows[0])
            expected = [
                "".join(blocks[threads * (cores * socket + core) + thread] for core in chunk)
                for socket in range(sockets)
                for first in range(0, cores, across)
                for chunk in [range(first, min(first + across, cores))]
                for thread in range(threads)
            ]
            assert rows == expected, f"{host}\n{driver.text}"


def block_of(times: tuple[float, ...]) -> str:
    """What stands for a core that is mainly busy with its job."""
    return HEAT[int(sum(times[:3]) / 100 * len(HEAT))]


def drawn_use(grid: CoreGrid) -> list[str]:
    """The lines that a core grid draws of what the cores do, one block for each core."""
    lines = [grid.render_line(y).text.rstrip() for y in range(grid.size.height)]
    return [line[9::2] for line in lines if line.startswith("  use")]


@pytest.fixture
def prometheus() -> Iterator[PrometheusServer]:
    """A Prometheus that scrapes the exporters of the nodes that are left."""
    servers.demand(prometheus_server.why_unavailable())
    started = round(time.time(), 3)
    pages = {f"/{host}": partial(exporter_page, host, started) for host in BY_PROMETHEUS}
    with Exporter(pages) as exporter:
        targets = [Target(f"{host}:9100", exporter.address, f"/{host}") for host in BY_PROMETHEUS]
        with PrometheusServer(targets) as server:
            yield server


async def test_three_sources_together(
    slurm: SlurmCluster,
    population: Population,
    ganglia: GangliaServer,
    influxdb: InfluxServer,
    prometheus: PrometheusServer,
) -> None:
    asked = {"url": f"http://{prometheus.address}", "window": WINDOW}
    async with opened(MeasuredBackend(**sections(ganglia, influxdb), prometheus=asked)) as driver:

        def is_complete() -> bool:
            cpu = driver.snapshot.nodes["g002"].cpu
            return cpu is not None and list(cpu.cores) == core_times("g002")

        # Rates are only right once counters were seen over the whole window.
        deadline = time.monotonic() + 10 * WINDOW
        while not is_complete():
            assert time.monotonic() < deadline, driver.snapshot.nodes["g002"].cpu
            await driver.polls()
        assert_cores(driver.snapshot.nodes, MEASURED)
        assert [source.name for source in driver.snapshot.sources if source.ok] == [
            "slurm (commands)",
            "ganglia",
            "influxdb",
            "prometheus",
        ]
        # Of the other node of this job nobody knows anything: its cores there count as idle ones.
        layout = true_job(slurm, population.gpus_on_two_nodes).cores
        assert set(layout) == {"g002", "g003"}
        use = job_usage(driver.snapshot.jobs[population.gpus_on_two_nodes], driver.snapshot)
        assert (use.cores, use.cores_reported) == (6, 3)
        user, nice, *_ = mean_over({"g002": layout["g002"]})
        assert use.user == pytest.approx((user + nice) / 2)


async def test_a_ganglia_that_dies_takes_its_own_readings_only(
    slurm: SlurmCluster, population: Population, influxdb: InfluxServer
) -> None:
    servers.demand(ganglia_server.why_unavailable())
    with GangliaServer() as ganglia:
        inject_by_ganglia(ganglia, ("c001",))
        backend = MeasuredBackend(**sections(ganglia, influxdb), stale_after=SOON)
        async with opened(backend) as driver:
            assert_cores(driver.snapshot.nodes, ("c001", *BY_INFLUXDB))
            before = driver.snapshot
            assert [source.ok for source in before.sources] == [True] * 3
            ganglia.kill("gmond")
            ganglia.kill("gmetad")
            died = time.time()
            failed = await driver.polls()
            await driver.sees(r"! ganglia: .*Connection refused.*  since \d\d:\d\d")
            (status,) = (source for source in failed.sources if not source.ok)
            assert status.name == "ganglia"
            assert status.failing_since == pytest.approx(died, abs=2)
            # What it said last stands for a while, then nothing is said in its name; all else goes on.
            assert_cores(failed.nodes, ("c001", *BY_INFLUXDB))
            while (snapshot := await driver.polls()).nodes["c001"].cpu is not None:
                assert time.time() < died + 10 * SOON
            assert snapshot.nodes["c001"].memory is None
            assert_cores(snapshot.nodes, BY_INFLUXDB)
            assert snapshot.jobs.keys() == before.jobs.keys()
            assert snapshot.jobs[population.two_nodes].memory == before.jobs[population.two_nodes].memory
            assert snapshot.nodes["c001"].cpus_allocated == before.nodes["c001"].cpus_allocated
            await driver.sees(r"! ganglia: .*  since \d\d:\d\d")
            await driver.sees(r"c001 +▹ |c001 +\? ")
            await driver.sees(rf"k001 {block_of(mean_times('k001'))}{{2,}}\s")
            await driver.no_longer_sees("! influxdb")


def test_the_report_by_a_configuration_file(
    slurm: SlurmCluster,
    population: Population,
    ganglia: GangliaServer,
    influxdb: InfluxServer,
    tmp_path: Path,
) -> None:
    file = tmp_path / "jobmon.toml"
    file.write_text(configuration(ganglia, influxdb))
    done = subprocess.run(
        [program(), "report", "--format", "json"],
        env=environment_on(slurm) | {"JOBMON_CONFIG": str(file)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert {source["name"]: source["ok"] for source in report["sources"]} == {
        "slurm (commands)": True,
        "ganglia": True,
        "influxdb": True,
    }
    for job_id in (population.two_nodes, population.one_gpu, population.whole_knl, f"{population.array}_3"):
        layout = true_job(slurm, job_id).cores
        job = report["jobs"][job_id]
        assert_usage(job["usage"]["cpu"], mean_over(layout))
        assert job["reported"]["cores"] == sum(map(len, layout.values()))
        for host, cores in layout.items():
            assert_usage(job["node_usage"][host]["cpu"], mean_over({host: cores}))
    assert report["jobs"][population.two_nodes]["usage"]["mem"]["used"] == 2 * TASK_MEMORY
    assert report["jobs"][population.gpus_on_two_nodes]["reported"]["cores"] == 0


def assert_usage(found: dict[str, float], injected: tuple[float, ...]) -> None:
    """That the CPU use in a report is what was injected."""
    user, nice, *rest = injected
    assert [found[kind] for kind in ("user", "system", "wait", "idle")] == pytest.approx([user + nice, *rest])
