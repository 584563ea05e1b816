"""A recording of a day: how large it is, how soon it is open, and how long one instant takes."""

from __future__ import annotations

import struct
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from jobmon_tui.analysis.usage import core_usage
from jobmon_tui.feeds.recording import RecordingFeed
from jobmon_tui.feeds.recording_file import USAGE, header_member, member, snapshot_members
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.model.wire import usage_document
from tests.bench.measure import Figure, bench, median
from tests.bench.pictures import demo_snapshots

NODES, JOBS, DAY, STEP = 300, 9_000, 2_880, 30.0
DIFFERENT = 6
"""Snapshots that are really different; the others repeat their bytes, which nobody looks into."""


@contextmanager
def day() -> Iterator[tuple[Path, list[Snapshot]]]:
    """A recording of a day, and its newest snapshots."""
    snapshots = list(islice(demo_snapshots(NODES, JOBS), DIFFERENT))
    packed = [snapshot_members(one, one.usage or core_usage(one), {}) for one in snapshots]
    usage = usage_document(core_usage(snapshots[0]))
    began = snapshots[0].timestamp - (DAY - DIFFERENT) * STEP
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.jsonl.gz"
        with path.open("wb") as file:
            file.write(header_member(began, {}))
            for place in range(DAY - DIFFERENT):
                moment = began + place * STEP
                file.write(member(USAGE, moment, {"timestamp": moment, "usage": usage}))
                file.write(_at(packed[place % DIFFERENT], moment))
            file.writelines(packed)
        yield path, snapshots


def _at(lines: bytes, moment: float) -> bytes:
    """The snapshot's member with another instant in its header."""
    usage_size = struct.unpack_from("<Q", lines, 17)[0]
    line = bytearray(lines[usage_size:])
    line[25:33] = struct.pack("<d", moment)
    return bytes(line)


def _milliseconds(work: Callable[[], object]) -> float:
    """CPU time: other programs on the machine do not count."""
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


@bench(
    "recording",
    Figure("record one snapshot: 300 nodes, 9,000 jobs, CPU", "ms", None),
    Figure("a recording of a day at 30 s", "MB", None),
    Figure("open it: 2,880 snapshots, CPU", "ms", 100),
    Figure("its usage over the day, for the timeline, CPU", "ms", None),
    Figure("one step, cold, CPU", "ms", 50),
)
def _recording(quick: bool) -> Iterable[float]:
    with day() as (path, snapshots):
        some = snapshots[: 2 if quick else DIFFERENT]
        yield median(
            _milliseconds(partial(snapshot_members, one, one.usage or core_usage(one), {})) for one in some
        )
        yield path.stat().st_size / 1e6
        feed = RecordingFeed(path)
        yield median(_milliseconds(feed.open) for _ in range(3 if quick else 7))
        yield _milliseconds(feed.history)
        yield median(_milliseconds(partial(feed.at, one.timestamp)) for one in some)
