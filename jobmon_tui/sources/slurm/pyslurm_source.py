"""Slurm asked through pyslurm, with the command line for what pyslurm does not tell."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from jobmon_tui.errors import SourceError
from jobmon_tui.model.hostlist import expand
from jobmon_tui.model.snapshot import Job
from jobmon_tui.sources.slurm.answer import Problem, SlurmAnswer
from jobmon_tui.sources.slurm.pyslurm_jobs import JobLayout, with_layout
from jobmon_tui.sources.slurm.pyslurm_nodes import with_gpus_of_jobs
from jobmon_tui.sources.slurm.pyslurm_reader import PyslurmReading


class Layouts(Protocol):
    """Another way of asking what running jobs hold."""

    def read(self, multiline: Iterable[str]) -> Mapping[int, JobLayout]:
        """Ask once for all jobs: Slurm's own number of the job to what it holds.

        Args:
            multiline: Texts with line breaks among those that users gave their jobs.

        Raises:
            SourceError: It failed.
        """

    def close(self) -> None:
        """End a call under way, from whichever thread."""


class Reader(Protocol):
    """Where readings come from: a process of its own, or (in tests) this one."""

    def read(self, only_user: str | None = None) -> PyslurmReading:
        """One reading.

        Raises:
            SourceError: It failed.
        """

    def close(self) -> None:
        """End a reading under way, from whichever thread."""


class PyslurmSource:
    """The SlurmSource that uses pyslurm.

    Args:
        layouts: Asked, once a cycle, when pyslurm does not say what some running job holds.
        reader: Where readings come from; by default a process that is started at the first load.
    """

    name = "slurm (pyslurm)"

    def __init__(self, layouts: Layouts | None = None, reader: Reader | None = None) -> None:
        if reader is None:
            from jobmon_tui.sources.slurm.pyslurm_process import PyslurmProcess

            reader = PyslurmProcess()
        self._layouts = layouts
        self._reader = reader
        self._is_closed = False

    def load(self, only_user: str | None = None) -> SlurmAnswer:
        """Ask for everything, or for one user's jobs only; see `SlurmSource.load`."""
        if self._is_closed:
            raise SourceError("Slurm is not asked any more: jobmon is closing")
        reading = self._reader.read(only_user)
        answer, missing = reading.answer, frozenset(reading.misses_layout)
        if missing and self._layouts is not None:
            answer, missing = _completed(answer, reading.misses_layout, self._layouts)
        return replace(answer, nodes=with_gpus_of_jobs(answer.nodes, answer.jobs, _blind(answer, missing)))

    def close(self) -> None:
        """End a reading under way; see `SlurmSource.close`."""
        self._is_closed = True
        for part in (self._reader, self._layouts):
            if part is not None:
                part.close()


def _completed(
    answer: SlurmAnswer, missing: Mapping[str, int], layouts: Layouts
) -> tuple[SlurmAnswer, frozenset[str]]:
    """Fill in what pyslurm did not tell, with one more call; and the jobs for which that did not help."""
    started = time.perf_counter()
    problems = answer.problems
    try:
        by_number = layouts.read(_multiline(answer.jobs))
    except SourceError as error:
        by_number = {}
        problems = (*problems, Problem(what="core layout", error=error.message, hint=error.hint))
    known = {job_id: by_number[number] for job_id, number in missing.items() if number in by_number}
    jobs = tuple(with_layout(job, known[job.job_id]) if job.job_id in known else job for job in answer.jobs)
    seconds = answer.seconds + time.perf_counter() - started
    completed = replace(answer, jobs=jobs, calls=answer.calls + 1, seconds=seconds, problems=problems)
    return completed, frozenset(missing.keys() - known.keys())


def _multiline(jobs: Iterable[Job]) -> set[str]:
    texts = (text for job in jobs for text in (job.name, job.work_dir, job.command, job.stdout, job.stderr))
    return {text for text in texts if text and "\n" in text}


def _blind(answer: SlurmAnswer, missing: frozenset[str]) -> frozenset[str]:
    """The nodes on which some job holds GPUs that nobody could name."""
    hosts: set[str] = set()
    for job in answer.jobs:
        if job.gpu_layout or job.job_id in missing:
            unnamed = sum(map(len, job.gpu_layout.values())) < job.n_gpus
            hosts.update((job.layout.keys() or _hosts_of(job)) if unnamed else ())
    return frozenset(hosts)


def _hosts_of(job: Job) -> tuple[str, ...]:
    try:
        return expand(job.nodes)
    except ValueError:
        return ()
