"""The compact history of a cluster of 300 nodes and 9,000 jobs, one snapshot every 30 seconds.

To invent a whole day takes a quarter of an hour, so the table is made of a few hours, scaled to the day.
``python -m tests.bench.history`` does the whole day.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from jobmon_tui.feeds.store import StoreReader, StoreWriter
from jobmon_tui.model import wire
from jobmon_tui.model.series import SeriesRequest
from jobmon_tui.model.snapshot import Snapshot
from tests.bench.measure import Figure, bench, median, percentile
from tests.bench.pictures import demo_snapshots

NODES, JOBS, STEP = 300, 9_000, 30.0
AN_HOUR = int(3600 / STEP)
A_DAY = 24 * AN_HOUR
CHART_HOURS = 8
_ENCODED_EVERY = 40
"""Only one snapshot in so many is written as JSON as well, for its size."""
_NODE_READINGS = ("cpu_user", "cpu_system", "cpu_wait", "memory", "infiniband_in", "lustre_read")
_JOB_READINGS = ("cpu_user", "cpu_system", "cpu_wait", "memory", "memory_max", "lustre_read:scratch")


@dataclass(frozen=True, slots=True)
class History:
    """What was measured of some hours; times are CPU times in ms."""

    snapshots: int
    bytes: float
    """A snapshot's, in the store."""
    json_bytes: float
    """A snapshot's, as gzip-compressed JSON."""
    append: float
    longest_append: float
    open: float
    cold_step: float
    slow_cold_step: float
    """The time that one step in twenty takes longer than."""
    cached_step: float
    jump: float
    """To an instant in an hour that was not looked at before."""
    node_chart: float
    job_chart: float


FIGURES = (
    Figure("history of 300 nodes and 9,000 jobs: a day of snapshots", "MB", 200),
    Figure("history: its size, of that of gzip JSON", "%", 33.3),
    Figure("history: append a snapshot, median CPU", "ms", 100),
    Figure("history: append the first snapshot of an hour", "ms", None),
    Figure("history: open a day", "ms", 300),
    Figure("history: a step in the time machine, cold, median", "ms", 50),
    Figure("history: a step in the time machine, cold, 95 %", "ms", None),
    Figure("history: a step in the time machine, cached", "ms", 20),
    Figure("history: a jump to another hour", "ms", None),
    Figure("history: six readings of a node over 8 hours", "ms", 300),
    Figure("history: six readings of a job over 8 hours", "ms", 300),
)


def figures(history: History) -> tuple[float, ...]:
    """The values of `FIGURES`, scaled to a day and to the charts' hours."""
    hours = history.snapshots / AN_HOUR
    return (
        history.bytes * A_DAY / 1e6,
        100 * history.bytes / history.json_bytes,
        history.append,
        history.longest_append,
        history.open * 24 / hours,
        history.cold_step,
        history.slow_cold_step,
        history.cached_step,
        history.jump,
        history.node_chart * CHART_HOURS / min(hours, CHART_HOURS),
        history.job_chart * CHART_HOURS / min(hours, CHART_HOURS),
    )


def measured(snapshots: Iterable[Snapshot], folder: Path, told: Callable[[int], None]) -> History:
    """Write snapshots into a store, and read it in every way.

    Args:
        snapshots: Oldest first.
        folder: The store's, empty.
        told: Called with how many have been written.
    """
    writer = StoreWriter(folder)
    appends: list[float] = []
    json_sizes: list[int] = []
    for number, snapshot in enumerate(snapshots):
        appends.append(_cost(lambda: writer.append(snapshot))[0])  # noqa: B023
        if number % _ENCODED_EVERY == 0:
            json_sizes.append(len(wire.encode(snapshot)))
        told(number + 1)
    writer.close()
    size = sum(path.stat().st_size for path in folder.iterdir())
    reader = StoreReader(folder)
    opened, times = _cost(reader.times)
    # From the beginning of the last whole hour on.
    begin = max(0, (len(times) // AN_HOUR - 1) * AN_HOUR)
    steps = [_cost(lambda: reader.read(time))[0] for time in times[begin : begin + AN_HOUR]]  # noqa: B023
    last = times[begin + len(steps) - 8 : begin + len(steps)]
    cached = [_cost(lambda: reader.read(time))[0] for time in last]  # noqa: B023
    jumps = [_cost(lambda: StoreReader(folder).read(times[at]))[0] for at in (7, AN_HOUR // 2, AN_HOUR - 1)]  # noqa: B023
    newest = reader.read(times[-1])
    job = max(
        (job for job in newest.jobs.values() if job.is_running), key=lambda one: (one.run_time, one.job_id)
    )
    span = (times[-1] - CHART_HOURS * 3600, times[-1])
    return History(
        snapshots=len(times),
        bytes=size / len(times),
        json_bytes=sum(json_sizes) / len(json_sizes),
        append=median(appends),
        longest_append=max(appends),
        open=opened,
        cold_step=median(steps),
        slow_cold_step=percentile(steps, 0.95),
        cached_step=median(cached),
        jump=median(jumps),
        node_chart=_chart(folder, "node", next(iter(newest.nodes)), _NODE_READINGS, span),
        job_chart=_chart(folder, "job", job.job_id, _JOB_READINGS, span),
    )


def _chart(folder: Path, kind: Any, name: str, readings: Iterable[str], span: tuple[float, float]) -> float:
    start, end = span
    requests = [
        SeriesRequest(kind=kind, name=name, reading=reading, start=start, end=end) for reading in readings
    ]
    reader = StoreReader(folder)
    reader.times()
    cost, answers = _cost(lambda: reader.series(requests))
    if all(answer is None for answer in answers):
        raise RuntimeError(f"the {kind} {name} has no readings")
    return cost


def _cost(work: Callable[[], Any]) -> tuple[float, Any]:
    """What a call costs, in ms of this thread's CPU time, and what it returns."""
    started = time.thread_time()
    answer = work()
    return (time.thread_time() - started) * 1000, answer


def _of_the_demo(count: int, told: Callable[[int], None] = lambda _: None) -> History:
    with tempfile.TemporaryDirectory() as folder:
        snapshots = islice(demo_snapshots(NODES, JOBS, step=STEP), count)
        return measured(snapshots, Path(folder) / "store", told)


@bench("history", *FIGURES)
def _history(quick: bool) -> Iterable[float]:
    return figures(_of_the_demo(AN_HOUR if quick else 3 * AN_HOUR))


def main() -> int:
    """The whole day."""
    started = time.monotonic()

    def told(number: int) -> None:
        if number % AN_HOUR == 0:
            print(f"{number} snapshots after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    history = _of_the_demo(A_DAY, told)
    for figure, value in zip(FIGURES, figures(history), strict=True):
        print(f"{figure.what:<60} {value:10.1f} {figure.unit}")
    print(f"{'history: a snapshot as gzip JSON':<60} {history.json_bytes / 1000:10.1f} kB")
    print(f"{'history: a snapshot in the store':<60} {history.bytes / 1000:10.1f} kB")
    print(f"all of it took {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
