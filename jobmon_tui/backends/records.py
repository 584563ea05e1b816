"""The job records of one cycle, looked up by the ids that the backend contract uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from jobmon_tui.model.arrays import parse_tasks
from jobmon_tui.model.snapshot import Job

_MOST_TASKS = 4_000_001
"""Slurm's own limit of MaxArraySize: no count from outside makes a longer list."""


class JobRecords:
    """Jobs by id, where a pending array's one record answers for each of its tasks.

    The tasks are spelled out only when somebody asks for them: an array may have a hundred thousand.

    Args:
        jobs: The records of one cycle.
    """

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self._jobs = {job.job_id: job for job in jobs}
        self._arrays: dict[str, list[Job]] = {}
        for job in self._jobs.values():
            if is_array_record(job):
                self._arrays.setdefault(job.array_id or "", []).append(job)

    @property
    def by_id(self) -> Mapping[str, Job]:
        """The records as they came, by their own ids."""
        return self._jobs

    def ids(self) -> list[str]:
        """The id of every job, with each pending task of an array spelled out."""
        ids: list[str] = []
        for job in self._jobs.values():
            if is_array_record(job):
                ids.extend(_task_ids(job))
            else:
                ids.append(job.job_id)
        return ids

    def find(self, job_id: str) -> Job | None:
        """The record of a job or task; ``None`` if there is none."""
        job = self._jobs.get(job_id)
        if job is not None or "_" not in job_id:
            return job
        array_id, _, task = job_id.partition("_")
        for record in self._arrays.get(array_id, ()):
            if _stands_for(record, task):
                return record
        return None


def is_array_record(job: Job) -> bool:
    """Whether a record stands for the pending tasks of an array rather than for itself."""
    return job.array_tasks is not None and job.array_id is not None


def count_tasks(array_tasks: str) -> int:
    """How many tasks an expression such as ``0-9:3%2`` stands for; at least one."""
    return max(1, parse_tasks(array_tasks).count)


def _stands_for(record: Job, task: str) -> bool:
    tasks = parse_tasks(record.array_tasks or "")
    if task.startswith("?"):
        return task[1:].isdecimal() and int(task[1:]) < record.task_count - tasks.count
    return task.isdecimal() and int(task) in tasks


def _task_ids(job: Job) -> Iterator[str]:
    """The ids of an array's tasks. Where the scheduler cut its list short, the count is still right."""
    tasks = parse_tasks(job.array_tasks or "")
    for index in tasks.indices():
        yield f"{job.array_id}_{index}"
    for cut_off in range(min(job.task_count, _MOST_TASKS) - tasks.count):
        yield f"{job.array_id}_?{cut_off}"
