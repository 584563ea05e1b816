"""The longest time for which the UI thread was busy or waited for its turn, so that no key was answered."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.bench.canned import install, print_cluster
from tests.bench.measure import Figure, bench
from tests.bench.processes import jobmon, shows_data


def longest(*arguments: str, seconds: float, path: Path | None = None) -> tuple[float, float]:
    """The longest block with the first picture, and after it, in ms."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "delays"
        observed = (sys.executable, "-m", "tests.bench.heartbeat", str(record))
        with jobmon(*arguments, "--interval", "1", command=observed, path=path) as terminal:
            terminal.wait_for(shows_data, 60)
            time.sleep(seconds)
        delays = [line.split() for line in record.read_text(encoding="ascii").splitlines()]
    first = [float(late) for late, picture in delays if int(picture) <= 1]
    later = [float(late) for late, picture in delays if int(picture) > 1]
    return max(first, default=0.0) * 1000, max(later, default=0.0) * 1000


@bench(
    "stalls-demo",
    Figure("longest block, demo of 50,000 jobs: until the second picture", "ms", 50),
    Figure("longest block, demo of 50,000 jobs: then", "ms", 50),
)
def _demo(quick: bool) -> Iterable[float]:
    return longest("--demo-jobs", "50000", seconds=25 if quick else 45)


@bench(
    "stalls-slurm",
    Figure("longest block, Slurm of 10,000 nodes and 30,000 jobs: until the second picture", "ms", 50),
    Figure("longest block, Slurm of 10,000 nodes and 30,000 jobs: then", "ms", 50),
)
def _slurm(quick: bool) -> Iterable[float]:
    with tempfile.TemporaryDirectory() as folder:
        commands = Path(folder) / "bin"
        install(print_cluster(10_000, 10_000, 20_000), commands)
        return longest(seconds=25 if quick else 45, path=commands)
