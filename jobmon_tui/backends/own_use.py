"""What Slurm itself counts of the user's own running jobs, where nothing measures them.

One ``sstat`` a minute for all of them, beside the cycle, which never waits for it. It asks the nodes of these
jobs, so that there are bounds on how many; whoever has no job here costs nothing.
"""

from __future__ import annotations

import os
import pwd
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from jobmon_tui.errors import SourceError
from jobmon_tui.model.snapshot import Job, SourceStatus
from jobmon_tui.sources.slurm.sstat import Sstat, StepUse

INTERVAL = 60.0
"""Seconds between two questions."""
PAUSE_AFTER_FAILURE = 300.0
"""Seconds until one is asked again that has failed."""
MOST_JOBS = 50
"""Jobs that are asked about; those on the fewest nodes come first."""
MOST_NODES = 100
"""Nodes of all these jobs together."""
STALE_AFTER = 300.0
"""Seconds after which what was counted says nothing of the present any more."""


class Counter(Protocol):
    """Tells what running jobs used up to now."""

    def uses(self, numbers: Sequence[str]) -> Mapping[str, Sequence[StepUse]]:
        """By a job's plain number, its steps; raises SourceError."""

    def close(self) -> None:
        """End a question under way."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """What is known of one job."""

    at: float
    """When that was, as `time.monotonic` tells."""
    cpu_seconds: float | None
    busy: float | None
    """How busy its cores were between the last two looks, or since it started, in %."""
    memory: float | None
    """MiB, of a job on one node."""
    memory_max: float | None
    """MiB, of a job on one node: the highest seen, and no less than its largest task."""


class OwnUse:
    """Fills the use of the user's own jobs in.

    Args:
        counter: Who counts; by default ``sstat``, if it is here.
        user: Whose jobs they are; by default those of whoever runs jobmon.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        counter: Counter | None = None,
        user: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counter = counter
        self._user = user
        self._clock = clock
        self._lock = threading.Lock()
        self._counted: dict[str, _Counted] = {}
        self._is_asking = False
        self._next = 0.0
        self._status: SourceStatus | None = None
        self._is_closed = False

    def filled(self, jobs: Iterable[Job]) -> list[Job]:
        """The jobs with what was counted last; begins another count if it is time for one."""
        listed = list(jobs)
        own = [job for job in listed if job.is_running and job.username == self._own_name()]
        if own:
            self._begin(own)
        with self._lock:
            counted = self._counted
        if not counted:
            return listed
        oldest = self._clock() - STALE_AFTER
        fresh = {number: one for number, one in counted.items() if one.at >= oldest}
        return [_with_use(job, fresh.get(_number(job))) if job.is_running else job for job in listed]

    def statuses(self) -> tuple[SourceStatus, ...]:
        """How the last count went; nothing before the first."""
        with self._lock:
            return () if self._status is None else (self._status,)

    def close(self) -> None:
        """End a count under way, from whichever thread."""
        self._is_closed = True
        if self._counter is not None:
            self._counter.close()

    def _own_name(self) -> str:
        if self._user is None:
            try:
                self._user = pwd.getpwuid(os.geteuid()).pw_name
            except KeyError:
                self._user = ""
        return self._user

    def _begin(self, own: Sequence[Job]) -> None:
        wanted = _chosen(job for job in own if not job.memory)
        if self._counter is None and shutil.which("sstat") is not None:
            self._counter = Sstat()
        with self._lock:
            if self._is_asking or self._is_closed or self._clock() < self._next:
                return
            if not wanted or self._counter is None:
                return
            self._is_asking = True
        threading.Thread(
            target=self._count, args=(self._counter, wanted), name="jobmon-sstat", daemon=True
        ).start()

    def _count(self, counter: Counter, jobs: Sequence[Job]) -> None:
        started, wall = time.monotonic(), time.time()
        counted: dict[str, _Counted] | None = None
        error: SourceError | None = None
        try:
            uses = counter.uses([_number(job) for job in jobs])
        except SourceError as raised:
            error = raised
        else:
            at = self._clock()
            counted = {
                _number(job): _after(self._counted.get(_number(job)), job, uses[_number(job)], at, wall)
                for job in jobs
                if _number(job) in uses
            }
        with self._lock:
            self._is_asking = False
            self._next = self._clock() + (INTERVAL if error is None else PAUSE_AFTER_FAILURE)
            self._counted = self._counted if counted is None else counted
            self._status = self._told(error, time.monotonic() - started)

    def _told(self, error: SourceError | None, seconds: float) -> SourceStatus:
        before = self._status
        if error is None:
            return SourceStatus(name="sstat", calls=1, seconds=seconds, read_at=time.time())
        since = before.failing_since if before is not None and not before.ok else None
        return SourceStatus(
            name="sstat",
            ok=False,
            calls=1,
            seconds=seconds,
            read_at=before.read_at if before is not None else None,
            error=error.message,
            hint=f"{error.hint} What your own jobs use is unknown.".strip(),
            failing_since=since or time.time(),
        )


def _number(job: Job) -> str:
    """Slurm's own number of a job: of a task of an array, sstat knows no other name."""
    return str(job.number or job.job_id)


def _chosen(jobs: Iterable[Job]) -> list[Job]:
    chosen: list[Job] = []
    n_nodes = 0
    for job in sorted(jobs, key=_size)[:MOST_JOBS]:
        n_nodes += _size(job)
        if n_nodes > MOST_NODES:
            break
        if _number(job).isdecimal():
            chosen.append(job)
    return chosen


def _size(job: Job) -> int:
    return len(job.layout) or job.n_nodes or 1


def _after(before: _Counted | None, job: Job, steps: Sequence[StepUse], at: float, now: float) -> _Counted:
    """What is known of a job after another look at it."""
    cpu = [step.cpu_seconds for step in steps if step.cpu_seconds is not None]
    total = sum(cpu) if cpu else None
    memory = memory_max = None
    if _size(job) == 1:
        held = [step.memory for step in steps if step.memory is not None]
        largest = [step.memory_max for step in steps if step.memory_max is not None]
        memory = sum(held) if held else None
        known = (memory, max(largest, default=None), before.memory_max if before else None)
        memory_max = max((one for one in known if one is not None), default=None)
    return _Counted(at, total, _busy(before, job, total, at, now), memory, memory_max)


def _busy(before: _Counted | None, job: Job, total: float | None, at: float, now: float) -> float | None:
    if total is None or job.n_cpus < 1:
        return None
    if before is not None and before.cpu_seconds is not None and at > before.at:
        spent, seconds = total - before.cpu_seconds, at - before.at
        if spent < 0:  # A step has ended, and with it its count.
            return before.busy
    else:
        spent, seconds = total, now - job.start_time if job.start_time else job.run_time * 60
    return None if seconds <= 0 else min(100.0, 100 * spent / (seconds * job.n_cpus))


def _with_use(job: Job, counted: _Counted | None) -> Job:
    if counted is None:
        return job
    (host,) = job.layout if len(job.layout) == 1 else ("",)
    is_told = bool(host) and not job.memory and counted.memory is not None
    return replace(
        job,
        cpu_used=counted.busy,
        memory={host: counted.memory} if is_told and counted.memory is not None else job.memory,
        memory_max=counted.memory_max if is_told and job.memory_max is None else job.memory_max,
    )
