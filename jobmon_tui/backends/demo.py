"""The demo backend: an invented cluster, for looking around without one of one's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from jobmon_tui.backends.base import BackendBase
from jobmon_tui.errors import UsageError
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Job, Node, Partition, Reservation, SourceStatus

if TYPE_CHECKING:
    from jobmon_tui.backends.simulation.cluster import Cluster

CLUSTER_NAME = "larkspur"
MOST_NODES = 20_000
MOST_JOBS = 200_000


class DemoBackend(BackendBase):
    """A simulated cluster. Two with the same arguments show the same at the same instant.

    Args:
        nodes: How many nodes it has, of three kinds.
        jobs: About how many job records there are at a time, running and waiting.
        seed: Decides everything else.
        clock: Tells the time, in Unix seconds.

    Raises:
        UsageError: There cannot be so many nodes or jobs.
    """

    title = "demo"
    kind = "demo"
    default_interval = 2.0

    def __init__(
        self, nodes: int = 120, jobs: int = 1500, seed: int = 1, clock: Callable[[], float] = time.time
    ) -> None:
        if not 1 <= nodes <= MOST_NODES:
            raise UsageError(f"the demo cannot have {nodes} nodes", f"ask for 1 to {MOST_NODES}")
        if not 0 <= jobs <= MOST_JOBS:
            raise UsageError(f"the demo cannot have {jobs} jobs", f"ask for 0 to {MOST_JOBS}")
        self._size = (nodes, jobs, seed)
        self._clock = clock
        self._now = 0.0
        self._cluster: Cluster | None = None
        self._lock = threading.Lock()

    def init(self) -> None:
        """Build the cluster."""
        from jobmon_tui.backends.simulation.cluster import Cluster

        self._cluster = Cluster(*self._size)

    def pre_update(self) -> None:
        """Bring the cluster to the present."""
        self._now = self._clock()
        with self._lock:
            self._built().advance(self._now)

    def nodes(self) -> Iterable[Node]:
        """Every node."""
        return self._built().nodes()

    def jobs(self) -> Iterable[Job]:
        """Every job."""
        return self._built().jobs()

    def partitions(self) -> Iterable[Partition]:
        """The partitions."""
        return self._built().partitions()

    def reservations(self) -> Iterable[Reservation]:
        """A workshop, and the maintenance that comes next."""
        return self._built().reservations()

    def cluster_name(self) -> str | None:
        """An invented name."""
        return CLUSTER_NAME

    def timestamp(self) -> float:
        """The instant that the cluster was brought to, in Unix seconds."""
        return self._now

    def sources(self) -> Sequence[SourceStatus]:
        """The one source, which never fails."""
        return (SourceStatus(name="simulation", version="demo", read_at=self._now),)

    def notes(self) -> Sequence[str]:
        """That nothing of this is real."""
        return ("This cluster is invented: nobody and nothing on it is real.",)

    def series(self, requests: Sequence[SeriesRequest]) -> list[Series | None]:
        """What a node or a job did at any time until now; may be called from another thread than the rest."""
        from jobmon_tui.backends.simulation.past import copy_of, series_of

        answers: dict[SeriesRequest, Series | None] = {}
        for request in requests:
            if request in answers:
                continue
            subject = (request.kind, request.name, request.start, request.end)
            alike = [one for one in requests if (one.kind, one.name, one.start, one.end) == subject]
            with self._lock:
                cluster = self._built()
                running = (plan for plan in cluster.running if request.kind == "job")
                plan = next((copy_of(plan) for plan in running if plan.job_id == request.name), None)
            past = [replace(one, end=min(one.end, self._now)) for one in alike]
            answers.update(zip(alike, series_of(cluster, plan, past), strict=True))
        return [answers[request] for request in requests]

    def _built(self) -> Cluster:
        if self._cluster is None:
            self.init()
        assert self._cluster is not None
        return self._cluster
