"""A collector whose backend, clock and waiting belong to the test."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from jobmon_tui.backends.base import BackendBase
from jobmon_tui.feeds.collector import Collector
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.feeds.recorder import Keeping, Recorder, Store
from jobmon_tui.feeds.spool_folder import SpoolFolder
from jobmon_tui.feeds.spool_lock import SpoolLock, lock_path
from jobmon_tui.feeds.write_back import WriteBack
from jobmon_tui.model.snapshot import CoreUse, CpuTimes, CpuUse, Gpu, Job, Node, Snapshot, SourceStatus, Used

START = 1_790_000_000.0
KEEPING = Keeping()


class Clock:
    """Two clocks: one that is set as a test likes, one that only runs."""

    def __init__(self) -> None:
        self.now = START
        self.running = 1000.0

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.running

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.running += seconds


class Site(BackendBase):
    """One node, a running job, a waiting one and a waiting array; what fails is set by the test."""

    title = "a site"

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.failure: BaseException | None = None
        self.memory = 500.0
        self.ganglia = SourceStatus(name="ganglia", seconds=0.25, calls=2)
        self.during: Callable[[], None] = lambda: None
        self.cycles = 0
        self.closed = 0

    def pre_update(self) -> None:
        self.cycles += 1
        self.during()
        if self.failure is not None:
            raise self.failure

    def cluster_name(self) -> str | None:
        return "heron"

    def timestamp(self) -> float:
        return self.clock()

    def sources(self) -> Sequence[SourceStatus]:
        return (self.ganglia,)

    def nodes(self) -> Iterable[Node]:
        cores = CoreUse([(80, 0, 10, 0, 10), (0, 0, 0, 0, 100), (50, 10, 0, 5, 35), None])
        yield Node(
            name="n1",
            up=True,
            n_cpus=4,
            n_gpus=2,
            state="MIXED",
            partitions=("main",),
            cpu=CpuUse(CpuTimes(40, 0, 5, 0, 55), cores),
            memory=Used(1000, 8000),
            gpus=(Gpu("gpu0", 40, None), Gpu("gpu1", None, None)),
        )

    def jobs(self) -> Iterable[Job]:
        yield Job(
            job_id="1",
            name="fold",
            username="ada",
            state="RUNNING",
            n_cpus=3,
            n_gpus=2,
            layout={"n1": (0, 2, 3)},
            gpu_layout={"n1": (0, 1)},
            start_time=START - 600,
            time_limit=60,
            memory={"n1": self.memory},
            memory_request=4096,
        )
        yield Job(job_id="2", name="wait", username="bea", state="PENDING", n_cpus=2, time_limit=10)
        yield Job(
            job_id="3_[1-3]",
            name="sweep",
            username="bea",
            state="PENDING",
            n_cpus=1,
            array_id="3",
            array_tasks="1-3",
            task_count=3,
        )

    def close(self) -> None:
        self.closed += 1


class Kept:
    """Stands in for the compact store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshots: list[Snapshot] = []
        self.pruned: list[float] = []
        self.is_closed = False
        self.failure: Exception | None = None

    def append(self, snapshot: Snapshot) -> None:
        assert not self.is_closed
        if self.failure is not None:
            raise self.failure
        self.snapshots.append(snapshot)

    def prune(self, before: float) -> None:
        self.pruned.append(before)

    def close(self) -> None:
        self.is_closed = True


def make(
    folder: Path,
    clock: Clock,
    site: BackendBase,
    *,
    interval: float = 30.0,
    keeping: Keeping = KEEPING,
    open_store: Callable[[Path], Store] | None = None,
    write_back: WriteBack | None = None,
    wait: Callable[[float], bool] | None = None,
) -> Collector:
    """A collector of that site into that folder."""
    return Collector(
        LiveFeed(site),
        Recorder(
            SpoolFolder(folder),
            SpoolLock(lock_path(folder), folder),
            keeping,
            open_store=open_store,
            clock=clock,
        ),
        interval,
        write_back=write_back,
        clock=clock,
        monotonic=clock.monotonic,
        wait=wait,
    )


def plain(path: Path) -> Any:
    """What a reader finds that knows nothing of jobmon."""
    return json.loads(gzip.decompress(path.read_bytes()))


def numbers(folder: Path) -> list[int]:
    """The numbers of the recorded snapshots."""
    return sorted(int(path.name[4:-8]) for path in folder.glob("data?*.json.gz"))


def status(folder: Path) -> Any:
    """What the collector says of itself."""
    return json.loads((folder / "collector.json").read_text())
