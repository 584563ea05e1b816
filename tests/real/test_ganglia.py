"""The Ganglia source against Ganglia's own gmond and gmetad: what was injected is what is read."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.model.measures import CpuTimes, Free, Gpu, ReadWrite, Traffic, Used
from jobmon_tui.sources.ganglia import GangliaSource
from jobmon_tui.sources.readings import NodeReading, ReadingsAnswer
from tests import servers
from tests.real.ganglia_server import GangliaServer, core_metrics, wait_until, why_unavailable

pytestmark = [pytest.mark.real, pytest.mark.slow]

ASKS_EVERY = 1.0
"""Seconds between two of gmetad's questions to gmond."""
Metrics = dict[str, tuple[float | str, str]]
AMOUNTS: Metrics = {
    "cpu_user": (12.5, "%"),
    "cpu_nice": (0.5, "%"),
    "cpu_system": (3.0, "%"),
    "cpu_wio": (1.0, "%"),
    "cpu_idle": (83.0, "%"),
    "load_one": (2.25, " "),
    "mem_total": (67_108_864.0, "KB"),
    "mem_free": (20_971_520.0, "KB"),
    "mem_buffers": (1_048_576.0, "KB"),
    "mem_cached": (12_582_912.0, "KB"),
    "swap_total": (8_388_608.0, "KB"),
    "swap_free": (4_194_304.0, "KB"),
    "disk_total": (1073.741824, "GB"),
    "disk_free": (536.870912, "GB"),
    "ib_bytes_in": (1_250_000.0, "bytes/sec"),
    "ib_bytes_out": (750_000.0, "bytes/sec"),
    "ib_pkts_in": (300.0, "packets/sec"),
    "ib_pkts_out": (200.0, "packets/sec"),
    "lusclt_home_read_bytes_per_sec": (1000.0, "bytes/sec"),
    "lusclt_scratch_read_bytes_per_sec": (500.0, "bytes/sec"),
    "lusclt_home_write_bytes_per_sec": (70.0, "bytes/sec"),
    "diskstat_sda_read_bytes_per_sec": (11.0, "bytes/sec"),
    "diskstat_sda_write_bytes_per_sec": (22.0, "bytes/sec"),
    "gpu0_util": (52.0, "%"),
    "gpu0_mem_total": (16_384.0, "MB"),
    "gpu0_mem_used": (2_097_152.0, "KB"),
    "gpu0_type": ("Tesla P100, 16 GB", ""),
    "gpu1_util": (0.0, "%"),
    "cpu_temp": (61.5, "C"),
    "node_power": (412.0, "watts"),
}  # fmt: skip


def core_times(seed: str, count: int = 16) -> list[tuple[float, float, float, float, float]]:
    """Different times for each core, with one decimal as gmond's own module has them."""
    chance = random.Random(seed)
    times = []
    for _ in range(count):
        user, nice, system, wait = (chance.randrange(250) for _ in range(4))
        parts = (user, nice, system, wait, 1000 - user - nice - system - wait)
        times.append(tuple(part / 10 for part in parts))
    return times  # type: ignore[return-value]


@pytest.fixture(scope="module")
def ganglia() -> Iterator[GangliaServer]:
    """Servers with four hosts; look, don't touch."""
    servers.demand(why_unavailable())
    with GangliaServer() as server:
        for host in ("g001.cluster.example", "c001.cluster.example", "c002.cluster.example"):
            server.inject(host, core_metrics(core_times(host)))
        server.inject("g001.cluster.example", AMOUNTS)
        server.inject("empty.cluster.example", {"os_name": ("Linux", "")})
        yield server


def measured(answer: ReadingsAnswer) -> dict[str, NodeReading]:
    """What it tells of each host, but for when."""
    return {host: replace(reading, reported_at=None) for host, reading in answer.nodes.items()}


def settled(source: GangliaSource, hosts: int, cores: int) -> ReadingsAnswer:
    """The first answer in which everything has arrived.

    gmetad asks gmond once a second and tells meanwhile what it has taken in so far, in no order of ours: an
    answer is whole when it has stayed the same for longer than that.
    """
    answers: list[ReadingsAnswer] = []
    same_since = time.monotonic()

    def has_all() -> bool:
        nonlocal same_since
        answers.append(source.load([], []))
        if len(answers) == 1 or measured(answers[-1]) != measured(answers[-2]):
            same_since = time.monotonic()
        nodes = answers[-1].nodes.values()
        # gmetad may have some of a core's five times before the others: then they do not make up 100 %.
        found = sum(
            core is not None and abs(sum(core) - 100) < 0.05
            for node in nodes
            if node.cpu is not None
            for core in node.cpu.cores
        )
        power = [node.power for node in nodes if node.power is not None]
        is_all = len(nodes) == hosts and found == cores and bool(power)
        return is_all and time.monotonic() - same_since > 2 * ASKS_EVERY

    wait_until(has_all, f"{hosts} hosts with {cores} cores are there")
    return answers[-1]


@pytest.mark.parametrize("where", ["gmond", "gmetad", "interactive", "all"])
def test_values_are_those_that_were_injected(ganglia: GangliaServer, where: str) -> None:
    known = {"gmond": ganglia.gmond, "gmetad": ganglia.gmetad, "interactive": ganglia.interactive}
    addresses = list(known.values()) if where == "all" else [known[where]]
    source = GangliaSource(addresses, dead_after=3600, interactive_ports=[ganglia.interactive[1]])
    answer = settled(source, 4, 3 * 16)
    assert (answer.problems, answer.calls) == ((), len(addresses))
    assert answer.version.startswith("3.")
    assert set(answer.nodes) == {"g001", "c001", "c002", "empty"}
    for host in ("g001", "c001", "c002"):
        cpu = answer.nodes[host].cpu
        assert cpu is not None
        assert list(cpu.cores) == [CpuTimes(*times) for times in core_times(f"{host}.cluster.example")]
    node = answer.nodes["g001"]
    assert node.cpu is not None
    assert node.cpu.total == CpuTimes(12.5, 0.5, 3, 1, 83)
    assert node.memory == Used(31 * 1024, 64 * 1024)
    assert node.swap == Free(4096, 8192)
    assert node.disk == pytest.approx(Free(500, 1000))
    assert node.gpus == (Gpu("gpu0", 52, Used(2048, 16_384)), Gpu("gpu1", 0, None))
    assert node.infiniband == Traffic(1_250_000, 750_000, 300, 200)
    assert node.lustre == ReadWrite(1500, 70)
    assert node.jobfs == ReadWrite(11, 22)
    assert (node.load, node.temperature, node.power) == (2.25, 61.5, 412)
    assert node.reported_at == pytest.approx(time.time(), abs=60)
    assert answer.nodes["empty"].cpu is None
    assert answer.nodes["empty"].memory is None


def n_cores(answer: ReadingsAnswer) -> int:
    """How many cores all hosts together are known to have."""
    return sum(len(node.cpu.cores) for node in answer.nodes.values() if node.cpu is not None)


def test_this_machine_as_gmonds_own_modules_see_it() -> None:
    servers.demand(why_unavailable())
    with GangliaServer(own_metrics=True) as server:
        source = GangliaSource([server.gmond])
        wait_until(lambda: n_cores(source.load([], [])) == os.cpu_count(), "all cores are there")
        (node,) = source.load([], []).nodes.values()
    assert node.cpu is not None
    for core in node.cpu.cores:
        assert core is not None
        # On a virtual machine that has to wait for its host, some time is nobody's.
        assert 10 < sum(core) < 110
    kilobytes = int(Path("/proc/meminfo").read_text(encoding="ascii").split()[1])
    assert node.memory is not None
    assert node.memory.total == pytest.approx(kilobytes / 1024, rel=0.001)
    assert 0 < node.memory.used < node.memory.total
    assert node.load is not None


def test_a_host_that_falls_silent_loses_its_readings_and_comes_back() -> None:
    servers.demand(why_unavailable())
    with GangliaServer() as server:
        source = GangliaSource([server.gmetad], dead_after=3)

        def load() -> float | None:
            node = source.load([], []).nodes.get("c001")
            return None if node is None else node.load

        server.inject("c001", {"load_one": (1.5, "")})
        wait_until(lambda: load() == 1.5, "it is heard of")
        wait_until(lambda: load() is None, "it counts as dead")
        assert source.load([], []).nodes["c001"].reported_at is not None
        server.inject("c001", {"load_one": (2.5, "")})
        wait_until(lambda: load() == 2.5, "it is back")
        # gmetad repeats what it last heard from a gmond that is gone.
        server.kill("gmond")
        wait_until(lambda: load() is None, "what gmetad repeats counts as dead", seconds=30)


def test_servers_that_die_or_hang() -> None:
    servers.demand(why_unavailable())
    with GangliaServer() as server:
        server.inject("c001", {"load_one": (1.5, "")})
        both = GangliaSource([server.gmond, server.gmetad], timeout=1)
        wait_until(lambda: "c001" in both.load([], []).nodes, "it is heard of")
        server.freeze("gmetad")
        started = time.monotonic()
        answer = both.load([], [])
        assert time.monotonic() - started < 2
        assert answer.nodes["c001"].load == 1.5
        assert len(answer.problems) == 1
        assert f":{server.gmetad[1]} did not finish" in answer.problems[0]
        server.kill("gmond")
        server.kill("gmetad")
        with pytest.raises(SourceError, match="Connection refused"):
            both.load([], [])
