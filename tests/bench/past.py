"""The time machine, by keys through a terminal: how long until another instant is on the screen."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from jobmon_tui.feeds.store import StoreWriter
from jobmon_tui.model import wire
from jobmon_tui.model.times import stamp_text
from tests.bench.keys import NEVER
from tests.bench.measure import Figure, bench, median
from tests.bench.pictures import demo_snapshots
from tests.bench.processes import jobmon, shows_data
from tests.bench.terminal import PtyTerminal

STEP = 30.0
USUAL, LARGE = (120, 1_500), (300, 9_000)
"""Nodes and jobs: snapshots of 1.5 MB of JSON, which the budget is made for, and of 7.5 MB."""
LEFT, SHIFT_LEFT = "\x1b[D", "\x1b[1;2D"


@contextmanager
def spool(count: int, size: tuple[int, int] = LARGE) -> Iterator[tuple[Path, list[float]]]:
    """A collector's folder with a history of so many snapshots of the demo cluster, and their instants."""
    with tempfile.TemporaryDirectory() as name:
        folder, times = Path(name), []
        store = StoreWriter(folder / "store")
        for snapshot in islice(demo_snapshots(*size, step=STEP), count):
            store.append(snapshot)
            times.append(snapshot.timestamp)
        store.close()
        (folder / "data.json.gz").write_bytes(wire.encode(snapshot))
        yield folder, times


def _milliseconds(terminal: PtyTerminal, keys: Iterable[tuple[str, float]], rest: float) -> list[float]:
    """Press keys, each once all is quiet; how long until the header has the stamp of the instant after it."""
    waits = []
    for key, instant in keys:
        terminal.wait_quiet(rest, 10)
        pressed = terminal.send(key)
        stamp = f"PAST.*{stamp_text(instant)} .* ago"
        waits.append((terminal.wait_for_text(stamp) - pressed) * 1000)
    return waits


def _moved(size: tuple[int, int], quick: bool) -> Iterable[float]:
    count, jump = 120, 600 / STEP
    with spool(count, size) as (folder, times), jobmon("--spool", str(folder), *NEVER) as terminal:
        terminal.wait_for(shows_data, 60)
        terminal.wait_quiet(0.5)
        pressed = terminal.send("t")
        yield (terminal.wait_for_text("goes back in time") - pressed) * 1000
        last = count - 1
        places = [round(last - jump * number) for number in range(1, 5)]
        yield median(_milliseconds(terminal, [(SHIFT_LEFT, times[place]) for place in places], 0.6))
        here = places[-1]
        steps = [(LEFT, times[here - number]) for number in range(1, 6 if quick else 16)]
        yield median(_milliseconds(terminal, steps, 0.6))
        here -= len(steps)
        terminal.wait_quiet(0.6)
        chance = random.Random(1)
        for number in range(20):
            pressed = terminal.send(LEFT)
            if number < 19:
                time.sleep(chance.uniform(0.025, 0.04))
        yield (terminal.wait_for_text(f"PAST.*{stamp_text(times[here - 20])} .* ago") - pressed) * 1000


def _figures(jobs: int) -> tuple[Figure, ...]:
    return (
        Figure(f"time machine of {jobs:,} jobs: from t to the timeline", "ms", None),
        Figure("a jump to a snapshot that was never read", "ms", 50),
        Figure("a step to its neighbour", "ms", 20),
        Figure("20 steps by a held arrow key: the last one on the screen", "ms", None),
    )


@bench("past", *_figures(USUAL[1]))
def _past(quick: bool) -> Iterable[float]:
    return _moved(USUAL, quick)


@bench("large-past", *_figures(LARGE[1]))
def _large_past(quick: bool) -> Iterable[float]:
    return _moved(LARGE, quick)
