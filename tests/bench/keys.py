"""What a key costs, in milliseconds and bytes, through a terminal."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from tests.bench.canned import install, print_cluster
from tests.bench.measure import Figure, bench, median, percentile
from tests.bench.processes import jobmon, shows_data
from tests.bench.terminal import SMALL_FRAME, Chunk, PtyTerminal, Screen

NEVER = ("--interval", "86400")
CURSOR = "▌"
RUN = 15
"""Keys pressed in one direction; fewer than the lowest table has lines."""


@contextmanager
def slurm_of_26000_tasks() -> Iterator[Path]:
    """The folder with stand-ins for Slurm's commands: 4,026 jobs run, 2,000 records wait for 22,000 tasks."""
    with tempfile.TemporaryDirectory() as folder:
        commands = Path(folder) / "bin"
        install(print_cluster(400, 4_026, 2_000, tasks_each=11), commands)
        yield commands


def _key_milliseconds(terminal: PtyTerminal, seconds: float) -> list[float]:
    """Move the cursor of the lowest table up and down; the times until it is seen to have moved.

    What the program wrote is looked at afterwards, so that looking costs nobody time.
    """
    chance = random.Random(1)
    waits: list[float] = []
    terminal.wait_quiet(0.3, 3)
    terminal.send("pagedown", "pagedown")
    until = time.monotonic() + seconds
    for key, step in cycle((("down", 1), ("up", -1))):
        terminal.wait_quiet(0.3, 3)
        begin, line = len(terminal.chunks), _cursor_line(terminal.screen)
        presses: list[float] = []
        for _ in range(RUN):
            presses.append(terminal.send(key))
            time.sleep(chance.uniform(0.08, 0.16))
        time.sleep(1)
        waits += _answered(terminal.screen_before(begin), terminal.chunks[begin:], presses, line, step)
        if time.monotonic() > until:
            break
    return waits


def _answered(screen: Screen, chunks: list[Chunk], presses: list[float], line: int, step: int) -> list[float]:
    """How long each key press waited for the cursor to be on its line, or already further."""
    waits: list[float] = []
    for chunk in chunks:
        screen.feed(chunk.data)
        while len(waits) < len(presses) and chunk.time >= presses[len(waits)]:
            if (_cursor_line(screen) - line) * step <= len(waits):
                break
            waits.append((chunk.time - presses[len(waits)]) * 1000)
    if len(waits) < len(presses):
        raise TimeoutError(f"{len(presses) - len(waits)} of {len(presses)} keys were never answered")
    return waits


def _cursor_line(screen: Screen) -> int:
    return screen.column(1).rfind(CURSOR)


@bench(
    "cursor",
    Figure("cursor key to paint, 50,000 jobs, 95 of 100 under", "ms", 20),
    Figure("the same while 50,000 jobs are read anew, 95 of 100 under", "ms", 30),
    Figure("the same, worst", "ms", None),
)
def _cursor(quick: bool) -> Iterable[float]:
    seconds = 5 if quick else 20
    for pace in NEVER, ("--interval", "1"):
        with jobmon("--demo-jobs", "50000", "--view", "jobs", *pace) as terminal:
            terminal.wait_for(shows_data, 60)
            waits = _key_milliseconds(terminal, seconds)
            yield percentile(waits, 0.95)
    yield max(waits)


@bench(
    "key",
    Figure("key to screen, 26,000 tasks of Slurm, median", "ms", 20),
    Figure("key to screen, 26,000 tasks of Slurm, worst", "ms", 60),
)
def _key(quick: bool) -> Iterable[float]:
    with slurm_of_26000_tasks() as path, jobmon("--interval", "2", path=path) as terminal:
        terminal.wait_for(shows_data, 60)
        waits = _key_milliseconds(terminal, 6 if quick else 20)
    yield median(waits)
    yield max(waits)


@bench("slow-line", Figure("key to screen on a line of 20 kB/s, 2 s ticks, median", "ms", 50))
def _slow_line(quick: bool) -> Iterable[float]:
    arguments = ("--demo", "--demo-nodes", "2000", "--demo-jobs", "6000", "--interval", "2")
    with jobmon(*arguments, bytes_per_second=20_000) as terminal:
        terminal.wait_for(shows_data, 60)
        yield median(_key_milliseconds(terminal, 8 if quick else 20))


def _writes(terminal: PtyTerminal, *keys: str) -> tuple[int, int]:
    """Bytes and frames that follow some keys."""
    terminal.wait_quiet(0.4)
    bytes_before, chunks_before = terminal.count, len(terminal.chunks)
    terminal.send(*keys)
    terminal.wait_for(lambda _: terminal.count - bytes_before > SMALL_FRAME)
    terminal.wait_quiet(0.4, 3)
    return terminal.count - bytes_before, terminal.frames(chunks_before)


@bench(
    "pages",
    Figure("PageDown in the table of jobs: written", "kB", 40),
    Figure("PageDown: frames", "", 1),
    Figure("a change of view, the worst: written", "kB", 40),
    Figure("a change of view: frames", "", 1),
)
def _pages(quick: bool) -> Iterable[float]:
    with jobmon("--demo-nodes", "2000", "--demo-jobs", "6000", *NEVER) as terminal:
        terminal.wait_for(shows_data, 60)
        terminal.send("2")
        pages = [_writes(terminal, "pagedown") for _ in range(4 if quick else 10)]
        views = [_writes(terminal, view) for _ in range(2 if quick else 4) for view in "1352"]
    yield median(written for written, _ in pages) / 1000
    yield median(frames for _, frames in pages)
    yield max(written for written, _ in views) / 1000
    yield median(frames for _, frames in views)


def _rest(terminal: PtyTerminal, seconds: float) -> float:
    """KiB written each second while nobody touches anything."""
    terminal.wait_for(shows_data, 60)
    time.sleep(3)
    before = terminal.count
    time.sleep(seconds)
    return (terminal.count - before) / 1024 / seconds


@bench(
    "rest",
    Figure("at rest on a picture that stays", "KiB/s", 0.5),
    Figure("at rest on a Slurm of 26,000 tasks", "KiB/s", 0.5),
)
def _at_rest(quick: bool) -> Iterable[float]:
    seconds = 10 if quick else 20
    with jobmon("--demo", *NEVER) as terminal:
        yield _rest(terminal, seconds)
    with slurm_of_26000_tasks() as path, jobmon(path=path) as terminal:
        yield _rest(terminal, seconds)
