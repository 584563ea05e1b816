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
from jobmon_tui.model.snapshot import Job, Node, Partition, Reservation, Snapshot, SourceStatus, Usage

if TYPE_CHECKING:
    from jobmon_tui.backends.simulation.cluster import Cluster
    from jobmon_tui.backends.simulation.plans import Plan

CLUSTER_NAME = "larkspur"
MOST_NODES = 20_000
MOST_JOBS = 200_000
PAST_LENGTH = 86_400.0
"""Seconds that can be looked back."""
PAST_STEP = 60.0
"""Seconds between two instants of the past."""
PAST_KEPT = 14
"""Snapshots of the past that are kept in memory: more than warnings look back, and the neighbours."""
HISTORY_PACE = 300.0
"""Seconds by which the usage of the past may be behind."""


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
        self._past: DemoBackend | None = None
        self._past_time = 0.0
        self._past_shown: dict[float, Snapshot] = {}
        self._past_lock = threading.Lock()
        self._history: dict[float, Usage] = {}
        self._history_lock = threading.Lock()

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
        from jobmon_tui.backends.simulation.past import series_of

        answers: dict[SeriesRequest, Series | None] = {}
        for request in requests:
            if request in answers:
                continue
            subject = (request.kind, request.name, request.start, request.end)
            alike = [one for one in requests if (one.kind, one.name, one.start, one.end) == subject]
            with self._lock:
                cluster = self._built()
            plan = self._plan_of(request.name) if request.kind == "job" else None
            past = [replace(one, end=min(one.end, self._now)) for one in alike]
            answers.update(zip(alike, series_of(cluster, plan, past), strict=True))
        return [answers[request] for request in requests]

    def _plan_of(self, job_id: str) -> Plan | None:
        """A copy of the plan of a job that runs now, or that ran at the past instant last asked about."""
        from jobmon_tui.backends.simulation.past import copy_of

        with self._lock:
            found = [copy_of(plan) for plan in self._built().running if plan.job_id == job_id]
        if not found:
            with self._past_lock:
                past = self._past._built().running if self._past is not None else ()
                found = [copy_of(plan) for plan in past if plan.job_id == job_id]
        return found[0] if found else None

    def timeline(self) -> tuple[float, ...]:
        """The instants of the last day that it can be asked about, in Unix seconds: every minute."""
        last = int(self._clock() // PAST_STEP)
        return tuple(PAST_STEP * tick for tick in range(last - int(PAST_LENGTH // PAST_STEP), last + 1))

    def at(self, time: float) -> Snapshot:
        """What it was like at the nearest of those instants; any thread may ask."""
        times = self.timeline()
        instant = min(max(round(time / PAST_STEP) * PAST_STEP, times[0]), times[-1])
        with self._past_lock:
            found = self._past_shown.pop(instant, None)
            if found is None:
                if self._past is None:
                    # A cluster of its own: the present one must not jump back and forth.
                    self._past = DemoBackend(*self._size, clock=lambda: self._past_time)
                self._past_time = instant
                found = self._past.cycle()
            self._past_shown[instant] = found
            while len(self._past_shown) > PAST_KEPT:
                del self._past_shown[next(iter(self._past_shown))]
            return found

    def history(self) -> dict[float, Usage]:
        """Core usage at those instants; any thread may ask."""
        from jobmon_tui.backends.simulation.past import usage_of

        times = self.timeline()
        with self._lock:
            cluster = self._built()
        with self._history_lock:
            known = {time: usage for time, usage in self._history.items() if time >= times[0]}
            missing = [time for time in times if time not in known]
            # To plan a whole day takes a second, and the last minutes hardly less than the last hour.
            if missing and (not known or missing[-1] - missing[0] >= HISTORY_PACE):
                known |= usage_of(cluster, missing)
            self._history = known
            return dict(known)

    def _built(self) -> Cluster:
        if self._cluster is None:
            self.init()
        assert self._cluster is not None
        return self._cluster
