"""Feeds and apps for the tests that press keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from textual.pilot import Pilot

from jobmon_tui.errors import SourceError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.model.snapshot import Job, Node, Partition, Reservation, Snapshot
from jobmon_tui.tui.app import JobmonApp
from jobmon_tui.tui.options import WatchOptions

NOW = 1_790_000_000.0

OpenApp = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


class FakeFeed(Feed):
    """Gives what the test puts into it; raises what is an exception."""

    title = "fake"
    interval = 3600.0

    def __init__(self, snapshot: Snapshot | Exception) -> None:
        self.answer = snapshot
        self.calls = 0
        self.closed = False

    def latest(self) -> Snapshot:
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.closed = True


def small_cluster(timestamp: float = NOW, **changes: object) -> Snapshot:
    """Four nodes, three users, an array, a job that waits."""
    nodes = {
        name: Node(
            name=name,
            up=True,
            n_cpus=8,
            n_gpus=2 if name.startswith("g") else 0,
            state="MIXED" if name in ("c1", "g1") else "IDLE",
            flags=("DRAIN",) if name == "c2" else (),
            reason="bad DIMM" if name == "c2" else None,
            cpus_allocated={"c1": 4, "g1": 2}.get(name, 0),
            memory_total=64000,
            memory_allocated=4096,
            partitions=("gpu",) if name.startswith("g") else ("main",),
            sockets=2,
            cores_per_socket=4,
            threads_per_core=1,
        )
        for name in ("c1", "c2", "g1", "g2")
    }
    jobs = [
        Job(
            job_id="10",
            name="solve",
            username="ada",
            state="RUNNING",
            n_cpus=4,
            layout={"c1": (0, 1, 2, 3)},
            nodes="c1",
            partition="main",
            run_time=30,
            time_limit=60,
            start_time=timestamp - 1800,
        ),
        Job(
            job_id="11",
            name="train",
            username="bob",
            state="RUNNING",
            n_cpus=2,
            n_gpus=1,
            layout={"g1": (0, 4)},
            gpu_layout={"g1": (1,)},
            nodes="g1",
            partition="gpu",
            run_time=10,
            time_limit=60,
        ),
        Job(
            job_id="12_1",
            name="sweep",
            username="cyd",
            state="RUNNING",
            n_cpus=1,
            layout={"g1": (7,)},
            nodes="g1",
            partition="gpu",
            array_id="12",
            run_time=5,
            time_limit=60,
        ),
        Job(
            job_id="12_[2-9]",
            name="sweep",
            username="cyd",
            state="PENDING",
            n_cpus=1,
            partition="gpu",
            array_id="12",
            array_tasks="2-9",
            task_count=8,
            reason="Priority",
            priority=5,
            time_limit=60,
        ),
        Job(
            job_id="13",
            name="wide",
            username="ada",
            state="PENDING",
            n_cpus=32,
            partition="main",
            reason="Resources",
            priority=9,
            time_limit=60,
        ),
    ]
    made: dict[str, object] = {
        "timestamp": timestamp,
        "cluster": "tiny",
        "nodes": nodes,
        "jobs": {job.job_id: job for job in jobs},
        "partitions": (Partition(name="main", nodes="c[1-2]"), Partition(name="gpu", nodes="g[1-2]")),
        "reservations": (
            Reservation(
                name="service",
                start_time=timestamp + 3600,
                end_time=timestamp + 7200,
                nodes="g2",
                flags=("MAINT",),
            ),
        ),
    }
    return Snapshot(**(made | changes))  # type: ignore[arg-type]


@pytest.fixture
def feed() -> FakeFeed:
    return FakeFeed(small_cluster())


@pytest.fixture
def down() -> SourceError:
    return SourceError("squeue: Unable to contact slurm controller", "see whether `scontrol ping` answers")


@asynccontextmanager
async def _open(
    feed: Feed, size: tuple[int, int] = (110, 40), **options: object
) -> AsyncIterator[Pilot[None]]:
    app = JobmonApp(feed, WatchOptions(**options), clock=lambda: NOW + 1)  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        await app.settled()
        await pilot.pause()
        yield pilot


@pytest.fixture
def open_app() -> OpenApp:
    return _open
