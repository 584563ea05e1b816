"""What is injected into real Ganglia and InfluxDB servers about some nodes of the private Slurm cluster.

Every core does something of its own, told by the place that the scheduler knows it by. What is sent carries
the number that the node's operating system would give to that place, so that it only arrives where it belongs
if jobmon turns the numbers back. The two numberings are written down here once more, in the plainest way.
"""

from __future__ import annotations

import random
import socket
import time
import tomllib
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from tests.real.ganglia_server import GangliaServer, wait_until
from tests.real.influxdb_server import InfluxServer

Times = tuple[float, ...]
"""User, nice, system, wait and idle time, in %."""

BY_GANGLIA, BY_INFLUXDB, BY_PROMETHEUS = ("c001", "c003", "g001"), ("c002", "k001"), ("g002",)
"""Which nodes are measured by whom."""
IN_COLUMNS = ("c001", "c002")
"""Of their 16 CPUs the even ones are in one socket and the odd ones in the other."""
JOINED = ("g001", "g002")
"""Slurm gives away their 16 cores; their system sees two threads of each."""
CORES = {"c001": 16, "c002": 16, "c003": 16, "g001": 16, "g002": 16, "k001": 272}
"""How many CPUs Slurm has of each."""
MEMORY_USED = {"c001": 11, "c002": 22, "c003": 33, "g001": 44, "k001": 55}
"""GiB in use of each."""
GPU_USE = {"g001": (52, 7)}
"""% that the GPUs are busy."""
GPU_MEMORY_USED = {"g001": (3, 5)}
"""GiB in use of the 16 of each GPU."""
TASK_MEMORY = 300
"""MiB that a job uses on each of its nodes, according to Slurm's profiling."""
DATABASE = "telegraf"
LAST = "everything_was_sent"
"""A metric that is sent after the others."""
GIB = 1024**3

CONFIGURATION = """
[ganglia]
addresses = {addresses}
dead_after = 3600.0

[influxdb]
url = "{url}"
database = "{database}"
window = 3600.0
job_window = 3600.0

[nodes]
column_ordered = ["c[001-002]"]

[nodes.threaded]
"g*" = {{cores = 16, threads = 2}}
"k*" = {{cores = 68, threads = 4}}
"""


def configuration(ganglia: GangliaServer, influxdb: InfluxServer) -> str:
    """A configuration file by which jobmon finds the servers and knows the nodes' numbering."""
    addresses = [f"{host}:{port}" for host, port in (ganglia.gmond, ganglia.gmetad)]
    return CONFIGURATION.format(addresses=addresses, url=influxdb.url, database=DATABASE)


def sections(ganglia: GangliaServer, influxdb: InfluxServer) -> dict[str, Any]:
    """The same as arguments for the backend that measures."""
    return tomllib.loads(configuration(ganglia, influxdb))


def core_times(host: str) -> list[Times]:
    """What each core of a node does, in the scheduler's order."""
    if host not in JOINED:
        return [_times(host, core, most=900) for core in range(CORES[host])]
    joined = []
    for core in range(CORES[host]):
        *spent, _ = (sum(both) for both in zip(_thread(host, core, 0), _thread(host, core, 1), strict=True))
        joined.append((*spent, 100 - sum(spent)))
    return joined


def mean_times(host: str) -> Times:
    """What the whole node does."""
    return tuple(fmean(core[kind] for core in core_times(host)) for kind in range(5))


def mean_over(layout: Mapping[str, tuple[int, ...]]) -> Times:
    """What a job does, over its own cores on all of its nodes."""
    own = [core_times(host)[core] for host, cores in layout.items() for core in cores]
    return tuple(fmean(times[kind] for times in own) for kind in range(5))


def system_times(host: str) -> dict[int, Times]:
    """What the node reports, by the numbers that its operating system gives to its CPUs."""
    if host in JOINED:
        # Its system sees 32 CPUs: first one thread of every core, then the other one of every core.
        return {thread * 16 + core: _thread(host, core, thread) for core in range(16) for thread in range(2)}
    times = core_times(host)
    if host == "k001":
        return {thread * 68 + core: times[4 * core + thread] for core in range(68) for thread in range(4)}
    if host in IN_COLUMNS:
        return {2 * place + socket: times[8 * socket + place] for place in range(8) for socket in range(2)}
    return dict(enumerate(times))


def inject_by_ganglia(server: GangliaServer, hosts: tuple[str, ...] = BY_GANGLIA) -> None:
    """Have Ganglia know what these hosts do."""
    kinds = ("user", "nice", "system", "wio", "idle")
    for host in hosts:
        metrics: dict[str, tuple[float | str, str]] = {
            "mem_total": (64.0 * 1024**2, "KB"),
            "mem_free": ((64.0 - MEMORY_USED[host]) * 1024**2, "KB"),
            "mem_buffers": (0.0, "KB"),
            "mem_cached": (0.0, "KB"),
        }
        metrics |= {f"cpu_{kind}": (value, "%") for kind, value in zip(kinds, mean_times(host), strict=True)}
        metrics |= {
            f"multicpu_{kind}{number}": (value, "%")
            for number, times in system_times(host).items()
            for kind, value in zip(kinds, times, strict=True)
        }
        for gpu, use in enumerate(GPU_USE.get(host, ())):
            metrics[f"gpu{gpu}_util"] = (float(use), "%")
            metrics[f"gpu{gpu}_mem_total"] = (16.0 * 1024**2, "KB")
            metrics[f"gpu{gpu}_mem_used"] = (GPU_MEMORY_USED[host][gpu] * 1024.0**2, "KB")
        metrics[LAST] = (1.0, "")
        server.inject(host, metrics)
    trees = (server.gmond, server.gmetad)
    wait_until(
        lambda: all(_tree(address).count(LAST) == len(hosts) for address in trees),
        "both trees hold all that was sent",
    )


def _tree(address: tuple[str, int]) -> str:
    """What Ganglia tells whoever connects."""
    with socket.create_connection(address, timeout=10) as connection:
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")


def inject_by_influxdb(server: InfluxServer, jobs: Mapping[str, tuple[str, ...]]) -> None:
    """Have InfluxDB know what its hosts do, and what memory jobs use.

    Args:
        server: The server; the database is made.
        jobs: By the number of each job, its hosts.
    """
    now = int(time.time())
    names = ("usage_user", "usage_nice", "usage_system", "usage_iowait", "usage_idle")
    lines = []
    for host in BY_INFLUXDB:
        reported = {f"cpu{number}": times for number, times in system_times(host).items()}
        for core, times in (reported | {"cpu-total": mean_times(host)}).items():
            fields = ",".join(f"{name}={value}" for name, value in zip(names, times, strict=True))
            lines.append(f"cpu,cpu={core},host={host} {fields} {now}")
        lines.append(f"mem,host={host} used={MEMORY_USED[host] * GIB}i,total={188 * GIB}i {now}")
    for number, hosts in jobs.items():
        memory = f"step=0,task=0 value={TASK_MEMORY * 1024} {now}"
        lines += [f"RSS,host={host},job={number},{memory}" for host in hosts]
    server.create(DATABASE)
    server.write(DATABASE, lines)


def exporter_page(host: str, started: float) -> str:
    """What a node's exporter tells Prometheus: counters that have grown evenly since a moment long ago.

    Args:
        host: The node.
        started: When the servers were started, in Unix seconds.
    """
    now = round(time.time(), 3)
    modes = ("user", "nice", "system", "iowait", "idle")
    # In the moment that is told with it, each counter has exactly the value that belongs there.
    return "".join(
        f'node_cpu_seconds_total{{cpu="{number}",mode="{mode}"}} '
        f"{percent / 100 * (now - started + 1000)!r} {round(now * 1000)}\n"
        for number, times in system_times(host).items()
        for mode, percent in zip(modes, times, strict=True)
    )


def _thread(host: str, core: int, thread: int) -> Times:
    # From Prometheus jobmon reads whole percentages.
    return _times(f"{host}.{thread}", core, most=400, whole=host in BY_PROMETHEUS)


def _times(name: str, core: int, *, most: int, whole: bool = False) -> Times:
    """Times with one decimal or none; mainly user time, of which each core has another amount."""
    chance = random.Random(f"{name} {core}")
    user = (core * 37 + chance.randrange(37)) % most
    parts = [user, chance.randrange(30), chance.randrange(30), chance.randrange(30)]
    if whole:
        parts = [part // 10 * 10 for part in parts]
    return tuple(part / 10 for part in (*parts, 1000 - sum(parts)))
