"""The plain number of a job: tasks of job arrays have one each, and some commands know no other name."""

from __future__ import annotations

import re

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.slurm.run import Runner

_JOB = re.compile(r"[0-9]{1,12}(?:_[0-9]{1,12}|\+[0-9]{1,6})?\Z")
_NUMBER = re.compile(r"[0-9]{1,12}\Z")


def checked_job(job_id: str) -> str:
    """The id, if it is that of one running job: ``12``, ``12_7``, ``12+1``.

    Raises:
        SourceError: It is something else.
    """
    if not _JOB.match(job_id):
        raise SourceError(f"{job_id!r} is not the id of a running job")
    return job_id


def job_number(runner: Runner, job_id: str) -> str:
    """The number of a job. srun refuses ``12_7``, and sstat takes it for the whole array.

    Args:
        runner: Runs squeue, if it takes that to find out.
        job_id: The job, as users know it.

    Raises:
        SourceError: There is no such job, or Slurm does not answer.
    """
    if _NUMBER.match(checked_job(job_id)):
        return job_id
    numbers = set(runner.run(["squeue", "-h", "-a", "-j", job_id, "-o", "%A"]).text.split())
    if len(numbers) != 1 or not _NUMBER.match(number := numbers.pop()):
        raise SourceError(f"job {job_id} does not run")
    return number
