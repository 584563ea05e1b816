"""Reading what 10,000 nodes of 128 cores measure: how long, with how much memory, and at whose cost."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.canned import CORES as CORES_OF_CANNED
from tests.bench.canned import install, print_cluster
from tests.bench.measure import Figure, bench
from tests.bench.stalls import longest

NODES, CORES = 10_000, 128


@contextmanager
def _serving(kind: str, cores: int = CORES) -> Iterator[int]:
    """A stand-in that answers as that many nodes' collectors would; its port."""
    command = [sys.executable, "-m", "tests.bench.readings_server", kind, str(NODES), str(cores)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()


def _probed(kind: str, cycles: int) -> dict[str, Any]:
    with _serving(kind) as port:
        command = [
            sys.executable,
            "-m",
            "tests.bench.readings_probe",
            kind,
            str(port),
            str(NODES),
            str(cycles),
        ]
        done = subprocess.run(command, capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if found["cores"] != NODES * CORES:
        raise ValueError(f"only {found['cores']} cores were read: {found['problems']}")
    return found


def _figures(title: str) -> tuple[Figure, ...]:
    what = f"{title}, {NODES:,} nodes of {CORES} cores"
    return (
        Figure(f"{what}: one reading", "s", None),
        Figure(f"{what}: CPU, in its own process", "s", None),
        Figure(f"{what}: CPU, in jobmon's", "s", None),
        Figure(f"{what}: memory of jobmon's process", "MB", 60),
        Figure(f"{what}: longest block of another thread", "ms", 50),
    )


def _values(kind: str, quick: bool) -> Iterable[float]:
    found = _probed(kind, 1 if quick else 3)
    return (found["seconds"], found["cpu_apart"], found["cpu"], found["memory_most"], found["longest"])


@bench("readings-ganglia", *_figures("Ganglia"))
def _ganglia(quick: bool) -> Iterable[float]:
    return _values("ganglia", quick)


@bench("readings-influxql", *_figures("InfluxQL"))
def _influxql(quick: bool) -> Iterable[float]:
    return _values("influxql", quick)


@bench("readings-flux", *_figures("Flux"))
def _flux(quick: bool) -> Iterable[float]:
    return _values("flux", quick)


@bench("readings-prometheus", *_figures("Prometheus"))
def _prometheus(quick: bool) -> Iterable[float]:
    return _values("prometheus", quick)


@bench(
    "stalls-readings",
    Figure("longest block, the same, and Ganglia measures: until the second picture", "ms", 50),
    Figure("longest block, the same, and Ganglia measures: then", "ms", 50),
)
def _stalls(quick: bool) -> Iterable[float]:
    """The whole app on 10,000 nodes and 30,000 jobs, with each of their cores measured."""
    with tempfile.TemporaryDirectory() as folder, _serving("ganglia", CORES_OF_CANNED) as port:
        commands, settings = Path(folder) / "bin", Path(folder) / "config.toml"
        install(print_cluster(NODES, 10_000, 20_000), commands)
        settings.write_text(f'[ganglia]\naddresses = ["127.0.0.1:{port}"]\n', encoding="ascii")
        return longest("--config", str(settings), seconds=60 if quick else 120, path=commands)
