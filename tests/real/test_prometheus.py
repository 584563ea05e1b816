"""Prometheus, node_exporter and exporters with known numbers: what was measured is what is read."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.model.measures import CoreUse, Gpu, LustreRate, ReadWrite, Traffic, Used
from jobmon_tui.model.series import SeriesRequest
from jobmon_tui.sources.prometheus import PrometheusOptions, PrometheusSource
from jobmon_tui.sources.readings import ReadingsAnswer
from jobmon_tui.sources.secrets import SecretPlace
from tests import servers
from tests.real.prometheus_server import (
    Exporter,
    NodeExporter,
    PrometheusServer,
    Target,
    wait_for,
    why_unavailable,
)

pytestmark = [pytest.mark.real, pytest.mark.slow]

WINDOW = 4.0
MIB = 1024**2
CORES = ((97, 0, 2, 1, 0), (0, 0, 0, 0, 100), (40, 11, 7, 13, 29), (0, 100, 0, 0, 0), (1, 2, 3, 4, 90))
"""What the cores of the made-up node do, in % by user, nice, system, wait and idle."""
PASSWORD = "a-password-for-tests"
PASSWORD_HASH = "$2b$04$abcdefghijklmnopqrstuuVaJbnoKncQTH68CmbfmUOAthVwB4ZZa"


class World(NamedTuple):
    """What all tests look at."""

    prometheus: PrometheusServer
    exporter: Exporter
    started: float

    def source(self, **options: object) -> PrometheusSource:
        """A source that reads this Prometheus."""
        address = f"http://{self.prometheus.address}"
        return PrometheusSource(PrometheusOptions(address=address, window=WINDOW, **options))  # type: ignore[arg-type]


def measured(gauges: dict[str, float], rates: dict[str, float], *, started: float) -> str:
    """An exporter's page; counters grow exactly with the time that it gives for its samples."""
    now = round(time.time(), 3)
    grown = now - started + 1000
    lines = [f"{name} {value!r} {round(now * 1000)}" for name, value in gauges.items()]
    lines += [f"{name} {rate * grown!r} {round(now * 1000)}" for name, rate in rates.items()]
    return "\n".join(lines) + "\n"


def node_page(started: float) -> str:
    rates: dict[str, float] = {}
    for cpu, (user, nice, system, wait, idle) in enumerate(CORES):
        # The kernel's share is spread over all of the modes that count for it.
        modes = {"user": user, "nice": nice, "system": system / 2, "irq": system / 4, "steal": system / 4}
        modes |= {"softirq": 0, "iowait": wait, "idle": idle}
        for mode, percent in modes.items():
            rates[f'node_cpu_seconds_total{{cpu="{cpu}",mode="{mode}"}}'] = percent / 100
    for number, name in enumerate(
        ("data_received_bytes", "data_transmitted_bytes", "packets_received", "packets_transmitted"), 1
    ):
        rates[f'node_infiniband_port_{name}_total{{device="mlx5_0",port="1"}}'] = 1000.0 * number
        rates[f'node_infiniband_port_{name}_total{{device="mlx5_1",port="1"}}'] = 1.0
    rates['node_network_receive_bytes_total{device="eth0"}'] = 77.0
    rates['lustre_read_bytes_total{component="client",target="home"}'] = 300.0
    rates['lustre_read_bytes_total{component="client",target="fred"}'] = 40.0
    rates['lustre_write_bytes_total{component="client",target="home"}'] = 5.0
    gauges = {
        "node_load1": 4.25,
        'node_hwmon_temp_celsius{chip="c",sensor="temp1"}': 61.5,
        'node_hwmon_temp_celsius{chip="c",sensor="temp2"}': 255.0,
        'node_hwmon_power_average_watt{chip="c",sensor="power1"}': 210.0,
    }
    return measured(gauges, rates, started=started)


def dcgm_page(started: float) -> str:
    gauges: dict[str, float] = {}
    for gpu, (use, used, free) in enumerate(((99, 30000, 2768), (0, 4, 32764))):
        labels = f'gpu="{gpu}",UUID="GPU-{gpu}",Hostname="ash1"'
        gauges[f"DCGM_FI_DEV_GPU_UTIL{{{labels}}}"] = use
        gauges[f"DCGM_FI_DEV_FB_USED{{{labels}}}"] = used
        gauges[f"DCGM_FI_DEV_FB_FREE{{{labels}}}"] = free
    return measured(gauges, {}, started=started)


def nvidia_page(started: float) -> str:
    gauges = {
        'nvidia_gpu_duty_cycle{minor_number="0",uuid="GPU-7"}': 12.0,
        'nvidia_gpu_memory_used_bytes{minor_number="0",uuid="GPU-7"}': 100.0 * MIB,
        'nvidia_gpu_memory_total_bytes{minor_number="0",uuid="GPU-7"}': 16384.0 * MIB,
    }
    return measured(gauges, {}, started=started)


def cgroup_page(started: float, mebibytes: float) -> str:
    job = "/system.slice/slurmstepd.scope/job_41"
    gauges = {
        f'cgroup_memory_rss_bytes{{cgroup="{job}"}}': mebibytes * MIB,
        f'cgroup_memory_rss_bytes{{cgroup="{job}/step_batch/user/task_0"}}': 1.0,
        'cgroup_memory_rss_bytes{cgroup="/user.slice/user-1000.slice"}': 2.0,
        f'cgroup_cpus{{cgroup="{job}"}}': 4.0,
    }
    rates = {
        f'cgroup_cpu_user_seconds{{cgroup="{job}"}}': 3.0,
        f'cgroup_cpu_system_seconds{{cgroup="{job}"}}': 0.5,
    }
    return measured(gauges, rates, started=started)


def slurm_job_page(started: float) -> str:
    gauges = {
        'slurm_job_memory_usage{slurmjobid="42",user="ada"}': 700.0 * MIB,
        'slurm_job_memory_max{slurmjobid="42",user="ada"}': 900.0 * MIB,
    }
    return measured(gauges, {}, started=started)


def lustre_page(started: float) -> str:
    rates = {
        'lustre_job_read_bytes_total{component="ost",target="home-OST0000",jobid="41"}': 1000.0,
        'lustre_job_read_bytes_total{component="ost",target="home-OST0001",jobid="41"}': 500.0,
        'lustre_job_write_bytes_total{component="ost",target="home-OST0000",jobid="41"}': 10.0,
        'lustre_job_read_samples_total{component="ost",target="home-OST0000",jobid="41"}': 2.0,
        'lustre_job_write_samples_total{component="ost",target="home-OST0000",jobid="41"}': 3.0,
        'lustre_job_stats_total{component="mdt",target="home-MDT0000",jobid="41",operation="open"}': 8.0,
        'lustre_job_stats_total{component="mdt",target="home-MDT0000",jobid="41",operation="close"}': 7.0,
        'lustre_job_read_bytes_total{component="ost",target="home-OST0000",jobid="cp.1000"}': 9.0,
    }
    return measured({}, rates, started=started)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    servers.demand(why_unavailable())
    started = round(time.time(), 3)
    pages = {
        "/node": lambda: node_page(started),
        "/dcgm": lambda: dcgm_page(started),
        "/nvidia": lambda: nvidia_page(started),
        "/cgroup1": lambda: cgroup_page(started, 1500),
        "/cgroup2": lambda: cgroup_page(started, 250),
        "/jobs": lambda: slurm_job_page(started),
        "/lustre": lambda: lustre_page(started),
        "/dying": lambda: measured({"node_load1": 1.0}, {}, started=started),
    }
    with Exporter(pages) as exporter, NodeExporter() as node_exporter:
        targets = [Target("127.0.0.1:9100", node_exporter.address)]
        for instance, path in (
            ("ash1:9100", "/node"),
            ("ash1:9400", "/dcgm"),
            ("ash2.cluster:9445", "/nvidia"),
            ("ash1:9306", "/cgroup1"),
            ("ash2.cluster:9306", "/cgroup2"),
            ("ash2.cluster:9798", "/jobs"),
            ("oss1:9169", "/lustre"),
            ("elm1:9100", "/dying"),
        ):
            targets.append(Target(instance, exporter.address, path))
        with PrometheusServer(targets) as prometheus:
            yield World(prometheus, exporter, started)


@pytest.fixture(scope="module")
def answer(world: World) -> ReadingsAnswer:
    """What is read once the rates have reached back over their whole window."""
    source = world.source()

    def last(job_reading: str) -> float | None:
        end = time.time()
        wanted = SeriesRequest(kind="job", name="41", reading=job_reading, start=end - 10, end=end, points=10)
        (series,) = source.series([wanted])
        return None if series is None else series.values[-1]

    def is_complete() -> bool:
        # Each exporter is scraped at a moment of its own.
        node = source.load((), ()).nodes.get("ash1")
        return (
            node is not None
            and node.cpu is not None
            and node.cpu.cores == CoreUse(CORES)
            and last("cpu_user") == pytest.approx(75)
            and last("lustre_iops") == pytest.approx(20)
        )

    wait_for("the rates are not those of the exporter", is_complete)
    return source.load(["ash1", "ash2", "elm1", os.uname().nodename], ["41", "42"])


def test_a_cycle_is_sixteen_queries(answer: ReadingsAnswer) -> None:
    assert answer.problems == ()
    assert answer.calls == 16
    assert answer.version.startswith("2.")
    assert set(answer.nodes) == {"ash1", "ash2", "elm1", os.uname().nodename}


def test_cores_are_those_of_the_exporter_one_by_one(answer: ReadingsAnswer) -> None:
    cpu = answer.nodes["ash1"].cpu
    assert cpu is not None
    assert [tuple(core) for core in cpu.cores if core is not None] == list(CORES)
    assert cpu.total == pytest.approx([sum(mode) / len(CORES) for mode in zip(*CORES, strict=True)])


def test_other_readings_of_a_node(answer: ReadingsAnswer) -> None:
    node = answer.nodes["ash1"]
    assert (node.load, node.temperature, node.power) == (4.25, 61.5, 210.0)
    assert node.infiniband == pytest.approx(Traffic(1001, 2001, 3001, 4001))
    assert node.lustre == pytest.approx(ReadWrite(340, 5))
    assert node.reported_at == pytest.approx(answer.taken_at, abs=3)
    assert (node.swap, node.jobfs, node.disk, node.memory) == (None, None, None, None)


def test_gpus_of_either_exporter(answer: ReadingsAnswer) -> None:
    assert answer.nodes["ash1"].gpus == (
        Gpu("gpu0", 99, Used(30000, 32768)),
        Gpu("gpu1", 0, Used(4, 32768)),
    )
    assert answer.nodes["ash2"].gpus == (Gpu("gpu0", 12, Used(100, 16384)),)


def test_jobs_of_either_exporter(answer: ReadingsAnswer) -> None:
    assert set(answer.jobs) == {"41", "42"}
    assert answer.jobs["41"].memory == {"ash1": 1500, "ash2": 250}
    assert answer.jobs["42"].memory == {"ash2": 700}
    assert (answer.jobs["41"].memory_max, answer.jobs["42"].memory_max) == (None, 900)
    lustre = answer.jobs["41"].lustre["home"]
    assert lustre["oss"] == pytest.approx(LustreRate(1500, 10, 5))
    assert lustre["mds"] == LustreRate(None, None, lustre["mds"].iops)
    assert lustre["mds"].iops == pytest.approx(15)


def test_charts(world: World, answer: ReadingsAnswer) -> None:
    source = world.source()
    end = answer.taken_at
    wanted = {
        ("node", "ash1", "cpu_wait"): sum(core[3] for core in CORES) / len(CORES),
        ("node", "ash1", "cpu_user"): sum(core[0] + core[1] for core in CORES) / len(CORES),
        ("node", "ash1", "gpu"): 49.5,
        ("node", "ash1", "gpu:1"): 0,
        ("node", "ash1", "gpu_memory:0"): 30000,
        ("node", "ash1", "packets_in"): 3001,
        ("node", "ash2.cluster", "gpu"): 12,
        ("job", "41", "memory"): 1750,
        ("job", "41", "cpu_user"): 75,
        ("job", "41", "cpu_system"): 12.5,
        ("job", "41", "lustre_iops:home"): 20,
        ("job", "42", "memory"): 700,
    }
    requests = [
        SeriesRequest(kind=kind, name=name, reading=reading, start=end - 60, end=end, points=60)  # type: ignore[arg-type]
        for kind, name, reading in wanted
    ]
    for request, series, value in zip(requests, source.series(requests), wanted.values(), strict=True):
        assert series is not None, request
        assert len(series.times) == len(series.values) == 61
        assert series.values[-1] == pytest.approx(value), request
        # Nothing was measured before Prometheus was started.
        assert series.values[0] is None, request
    nothing = SeriesRequest(kind="node", name="ash9", reading="memory", start=end - 60, end=end)
    assert source.series([nothing]) == [None]


class ProcStat:
    """The counters of /proc/stat over time, read in the background."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.busy: list[list[float]] = []
        self._stop = Event()
        self._thread = Thread(target=self._read, daemon=True)

    def __enter__(self) -> ProcStat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._stop.wait(0.1):
            lines = Path("/proc/stat").read_text().splitlines()
            cores = [line.split()[1:] for line in lines if line.startswith("cpu") and line[3].isdigit()]
            self.times.append(time.time())
            self.busy.append([(int(core[0]) + int(core[2])) / os.sysconf("SC_CLK_TCK") for core in cores])

    def percent(self, start: float, end: float) -> list[float]:
        first, last = (min(bisect_left(self.times, at), len(self.times) - 1) for at in (start, end))
        seconds = self.times[last] - self.times[first]
        return [
            100 * (after - before) / seconds
            for before, after in zip(self.busy[first], self.busy[last], strict=True)
        ]


def test_this_machine_agrees_with_proc(world: World, answer: ReadingsAnswer) -> None:
    host = os.uname().nodename
    source = world.source()
    with ProcStat() as proc:
        begun = time.time()
        wait_for("no whole window was watched", lambda: time.time() - begun > WINDOW + 2)
        node = source.load([host], ()).nodes[host]
    assert node.cpu is not None
    assert node.reported_at is not None
    # Four samples lie in the window, the newest when the node last reported.
    expected = proc.percent(node.reported_at - (WINDOW - 1), node.reported_at)
    assert len(node.cpu.cores) == len(expected)
    for core, percent in zip(node.cpu.cores, expected, strict=True):
        assert core is not None
        assert core.user + core.system == pytest.approx(percent, abs=8)
        assert sum(core) == pytest.approx(100, abs=8)
    kibibytes = {
        line.split(":")[0]: int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines()
    }
    unused = sum(kibibytes[name] for name in ("MemFree", "Buffers", "Cached"))
    assert node.memory is not None
    assert node.memory.total == kibibytes["MemTotal"] / 1024
    assert node.memory.used == pytest.approx(node.memory.total - unused / 1024, abs=node.memory.total / 20)
    assert node.swap is not None
    assert node.swap.total == kibibytes["SwapTotal"] / 1024
    assert node.load == pytest.approx(os.getloadavg()[0], abs=1)


def test_what_is_not_measured_any_more_is_unknown(world: World, answer: ReadingsAnswer) -> None:
    source = world.source(stale_after=3.0)
    assert answer.nodes["elm1"].load == 1.0
    del world.exporter.pages["/dying"]
    wait_for("the node is still known", lambda: source.load(["elm1"], ()).nodes["elm1"].load is None)
    stale = source.load(["elm1"], ()).nodes["elm1"]
    assert stale.reported_at is not None
    # Less careful sources still see it: Prometheus looks back over five minutes.
    assert world.source().load(["elm1"], ()).nodes["elm1"].load == 1.0


def test_tls_and_a_password(tmp_path: Path) -> None:
    servers.demand(why_unavailable() or (None if shutil.which("openssl") else "no openssl here"))
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    order = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    order += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(order, check=True, capture_output=True, timeout=60)
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    web = {
        "tls_server_config": {"cert_file": str(certificate), "key_file": str(key)},
        "basic_auth_users": {"ada": PASSWORD_HASH},
    }
    with NodeExporter() as exporter, PrometheusServer([Target("ash1:9100", exporter.address)], web) as server:
        options = {"address": f"https://{server.address}", "user": "ada", "window": WINDOW}

        def source(**more: object) -> PrometheusSource:
            return PrometheusSource(PrometheusOptions(**options, **more))  # type: ignore[arg-type]

        good = source(ca_file=str(certificate), password=SecretPlace(file=secret))
        wait_for("the node does not appear", lambda: "ash1" in good.load((), ()).nodes)
        assert "ash1" in source(verify_tls=False, password=SecretPlace(file=secret)).load((), ()).nodes
        with pytest.raises(SourceError, match="no safe connection"):
            source(password=SecretPlace(file=secret)).load((), ())
        with pytest.raises(SourceError, match="refuses access"):
            source(ca_file=str(certificate)).load((), ())
        server.stop()
        with pytest.raises(SourceError, match="cannot be reached"):
            good.load((), ())
