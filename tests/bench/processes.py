"""Starting, what is then in memory, and quitting: a process of its own for each figure."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.canned import NAME_OF_CLUSTER
from tests.bench.measure import Figure, bench, median
from tests.bench.terminal import JOBMON, PtyTerminal, Screen

CLUSTERS = ("larkspur", NAME_OF_CLUSTER)
"""The names of the demo cluster and of the one that the stand-ins for Slurm's commands print."""


@contextmanager
def jobmon(
    *arguments: str,
    command: Sequence[str] = JOBMON,
    bytes_per_second: float | None = None,
    path: Path | None = None,
) -> Iterator[PtyTerminal]:
    """jobmon in a terminal of 200x50, with a home folder of its own.

    Args:
        arguments: Of jobmon.
        command: What to run with them.
        bytes_per_second: See `PtyTerminal`.
        path: A folder with commands that are found before this machine's own.
    """
    environment = {} if path is None else {"PATH": f"{path}:{os.environ['PATH']}"}
    with (
        tempfile.TemporaryDirectory() as home,
        PtyTerminal(
            [*command, *arguments],
            home=Path(home),
            environment=environment,
            bytes_per_second=bytes_per_second,
        ) as terminal,
    ):
        yield terminal


def shows_data(screen: Screen) -> bool:
    """Whether the cluster is named, its jobs are counted and rows of jobs are listed."""
    text = screen.text()
    named = any(name in text for name in CLUSTERS)
    return named and " running" in text and "RUNNING" in text


def _command_seconds(*arguments: str) -> float:
    with tempfile.TemporaryDirectory() as home:
        started = time.monotonic()
        subprocess.run(
            [*JOBMON, *arguments],
            stdout=subprocess.DEVNULL,
            env={"HOME": home, "PATH": "/usr/bin:/bin"},
            check=False,
        )
        return time.monotonic() - started


@bench("help", Figure("jobmon --help", "s", 0.10))
def _help(quick: bool) -> Iterable[float]:
    yield median(_command_seconds("--help") for _ in range(5 if quick else 15))


@bench("doctor", Figure("jobmon doctor --offline", "s", 0.10))
def _doctor(quick: bool) -> Iterable[float]:
    yield median(_command_seconds("doctor", "--offline") for _ in range(5 if quick else 15))


@bench(
    "start",
    Figure("first paint, no data yet", "s", 0.40),
    Figure("first paint with demo data", "s", 0.60),
    Figure("quitting: q to the end of the process", "s", None),
)
def _start(quick: bool) -> Iterable[float]:
    first, data, leave = [], [], []
    for _ in range(3 if quick else 7):
        with jobmon("--demo") as terminal:
            first.append(terminal.wait_for(lambda screen: screen.text().strip()) - terminal.started)
            data.append(terminal.wait_for(shows_data) - terminal.started)
            terminal.wait_quiet()
            pressed = terminal.send("q")
            terminal.wait_end()
            leave.append(time.monotonic() - pressed)
    return median(first), median(data), median(leave)


def _memory(*arguments: str, seconds: float) -> float:
    """What it holds after some refreshes, in MB."""
    with jobmon(*arguments, "--interval", "2") as terminal:
        terminal.wait_for(shows_data, 60)
        time.sleep(seconds)
        return terminal.memory()


@bench(
    "memory",
    Figure("memory, demo of 120 nodes and 1,500 jobs", "MB", 50),
    Figure("memory, demo of 10,000 nodes", "MB", 60),
    Figure("memory, demo of 50,000 jobs", "MB", 120),
)
def _memories(quick: bool) -> Iterable[float]:
    seconds = 6 if quick else 20
    yield _memory("--demo", seconds=seconds)
    yield _memory("--demo", "--demo-nodes", "10000", seconds=seconds)
    yield _memory("--demo", "--demo-jobs", "50000", seconds=seconds)
