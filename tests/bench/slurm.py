"""Asking Slurm by its commands on 10,000 nodes with 30,000 jobs: what jobmon's own work adds to the calls."""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from jobmon_tui.backends.slurm import SlurmBackend
from jobmon_tui.sources.slurm.commands import SlurmCommands
from tests.bench.canned import install, print_cluster
from tests.bench.measure import Figure, bench, median

COST_OF_CALLS = 1.24
"""Seconds that squeue and scontrol took on a real Slurm of that size, the layouts not counted."""


@bench(
    "cycle",
    Figure("cycle, 10,000 nodes and 30,000 jobs: jobmon's own CPU, first", "s", None),
    Figure("cycle, 10,000 nodes and 30,000 jobs: jobmon's own CPU, then", "s", 0.3 * COST_OF_CALLS),
    Figure(f"cycle, over the calls' own cost where that is {COST_OF_CALLS} s", "x", 1.3),
    Figure("calls to slurmctld per cycle, after the first", "", 4),
)
def _cycle(quick: bool) -> Iterable[float]:
    with tempfile.TemporaryDirectory() as folder:
        commands = Path(folder) / "bin"
        install(print_cluster(10_000, 10_000, 20_000), commands)
        source = SlurmCommands({**os.environ, "PATH": f"{commands}:/usr/bin:/bin"})
        backend = SlurmBackend(source)
        first, calls = _cycle_of(backend)
        later = []
        for _ in range(2 if quick else 5):
            seconds, calls = _cycle_of(backend)
            later.append(seconds)
    own = median(later)
    return first, own, 1 + own / COST_OF_CALLS, calls


def _cycle_of(backend: SlurmBackend) -> tuple[float, int]:
    """CPU seconds of this thread, and the calls made. The collector is off, as it is in the app."""
    gc.disable()
    try:
        begin = time.thread_time()
        snapshot = backend.cycle()
        seconds = time.thread_time() - begin
    finally:
        gc.enable()
    assert (len(snapshot.nodes), len(snapshot.jobs)) == (10_000, 30_000)
    assert all(source.ok for source in snapshot.sources), snapshot.sources
    return seconds, snapshot.sources[0].calls
