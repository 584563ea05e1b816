"""What one cycle of the collector costs, and what it writes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from jobmon_tui.backends.demo import DemoBackend
from jobmon_tui.feeds.collector import Collector
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.feeds.recorder import Recorder
from jobmon_tui.feeds.spool_folder import SpoolFolder
from jobmon_tui.feeds.spool_lock import SpoolLock, lock_path
from tests.bench.measure import Figure, bench, median

NODES, JOBS = 300, 9000
CLUSTER = f"{NODES} nodes, {JOBS:,} job records"


@bench(
    "collect",
    Figure(f"one cycle of the collector, {CLUSTER}: CPU", "s", None),
    Figure(f"one cycle of the collector, {CLUSTER}: wall", "s", None),
    Figure("  of it, writing (encoding and flushing)", "s", None),
    Figure("  data.json.gz", "kB", None),
    Figure("  history.json.gz of a day", "kB", None),
)
def measure_collector(quick: bool) -> Iterable[float]:
    """Cycles of the demo into a folder on the disk, with a day of history in it."""
    with tempfile.TemporaryDirectory(prefix="jobmon-bench-") as name:
        folder = Path(name)
        recorder = Recorder(SpoolFolder(folder), SpoolLock(lock_path(folder), folder))
        collector = Collector(LiveFeed(DemoBackend(NODES, JOBS)), recorder, 30.0)
        collector.cycle()
        (usage,) = recorder.history.values()
        newest = max(recorder.history)
        recorder.history.update({newest - 30 * step: usage for step in range(2880)})
        processor, wall, writing = [], [], []
        for _ in range(3 if quick else 9):
            cpu, began = time.process_time(), time.monotonic()
            collector.cycle()
            processor.append(time.process_time() - cpu)
            wall.append(time.monotonic() - began)
            writing.append(collector.status.write_seconds)
        sizes = dict(collector.status.files)
        collector.close()
    yield median(processor)
    yield median(wall)
    yield median(writing)
    yield sizes["data.json.gz"] / 1000
    yield sizes["history.json.gz"] / 1000
