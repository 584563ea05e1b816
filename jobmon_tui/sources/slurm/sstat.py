"""What Slurm itself counts of one's own running jobs, by ``sstat``: CPU time and memory, step by step.

It needs no measurements on the nodes. Slurm asks the node of each step, so that a job of a hundred nodes
costs a hundred questions: it is for the job that somebody looks at, and for a few small ones now and then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobmon_tui.errors import SourceError
from jobmon_tui.model.units import parse_memory, parse_tres
from jobmon_tui.sources.slurm.job_number import job_number
from jobmon_tui.sources.slurm.run import Runner, slurm_environment

FIELDS = ("JobID", "NTasks", "AveCPU", "MaxRSS", "MaxRSSNode", "TresUsageInTot")
MOST_BYTES = 4 * 1024 * 1024

_CPU_TIME = re.compile(
    r"(?:(?P<days>[0-9]{1,6})-)?(?:(?P<hours>[0-9]{1,6}):)?(?P<minutes>[0-9]{1,6}):"
    r"(?P<seconds>[0-9]{1,2}(?:\.[0-9]{1,6})?)\Z"
)
_CPU_IN_TRES = re.compile(r"(?:\A|,)cpu=([^,]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUse:
    """What Slurm counted of one step since it began. ``None``: it did not."""

    step: str
    """``12.0``, ``12.batch``."""
    tasks: int | None
    cpu_seconds: float | None
    """CPU time of all its tasks."""
    memory: float | None
    """MiB that all its tasks use together."""
    memory_max: float | None
    """MiB that the largest of its tasks used at its largest."""
    memory_max_node: str
    """Where that was; empty where Slurm does not tell."""


class Sstat:
    """Asks for the use of one job at a time.

    Args:
        environment: The environment of the command; by default that of this process.
        timeout: Seconds after which it is given up.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, timeout: float = 10.0) -> None:
        base = os.environ if environment is None else environment
        self._runner = Runner(slurm_environment(base), timeout, MOST_BYTES)

    def use(self, job_id: str) -> tuple[StepUse, ...]:
        """What the steps of a running job used up to now.

        Raises:
            SourceError: The job does not run, or is another user's, or Slurm does not answer.
        """
        number = job_number(self._runner, job_id)
        command = ["sstat", "-P", "-n", "-a", "-o", ",".join(FIELDS), "-j", number]
        try:
            printed = self._runner.run(command).text
        except SourceError as error:
            raise _in_words(error, job_id) from error
        steps = read_steps(printed)
        if not steps:
            raise SourceError(f"Slurm counts nothing of job {job_id}", "it has no step, or is about to end")
        return steps

    def uses(self, numbers: Sequence[str]) -> dict[str, tuple[StepUse, ...]]:
        """What the steps of several jobs used up to now, by one command; a job without any is left out.

        Args:
            numbers: The plain numbers of running jobs of the user's own.

        Raises:
            SourceError: Slurm does not answer.
        """
        command = ["sstat", "-P", "-n", "-a", "-o", ",".join(FIELDS), "-j", ",".join(numbers)]
        try:
            steps = read_steps(self._runner.run(command).text)
        except SourceError as error:
            # It says so, and prints nothing, where none of them has a step any more.
            if "no steps running" in error.message.lower() or "couldn't get steps" in error.message.lower():
                return {}
            raise
        found: dict[str, tuple[StepUse, ...]] = {}
        for step in steps:
            number = step.step.partition(".")[0]
            found[number] = (*found.get(number, ()), step)
        return found

    def close(self) -> None:
        """End a question under way at once, from whichever thread; later ones raise SourceError."""
        self._runner.close()


def read_steps(printed: str) -> tuple[StepUse, ...]:
    """Read what sstat printed with `FIELDS`; lines of another form are left out."""
    rows = (line.split("|") for line in printed.splitlines())
    return tuple(_step(*row) for row in rows if len(row) == len(FIELDS) and row[0])


def _step(step: str, tasks: str, average: str, largest: str, node: str, total: str) -> StepUse:
    n_tasks = int(tasks) if re.fullmatch("[0-9]{1,9}", tasks) else None
    in_tres = _CPU_IN_TRES.search(total)
    cpu = parse_cpu_time(in_tres[1]) if in_tres else None
    if cpu is None and n_tasks is not None:
        each = parse_cpu_time(average)
        cpu = None if each is None else each * n_tasks
    return StepUse(
        step=step,
        tasks=n_tasks,
        cpu_seconds=cpu,
        memory=parse_tres(total).get("mem"),
        # A bare number is in bytes here, unlike anywhere else in Slurm.
        memory_max=parse_memory(largest) if not largest.isdigit() else _bytes(largest),
        memory_max_node=node,
    )


def _bytes(text: str) -> float | None:
    kib = parse_memory(text, "K")
    return None if kib is None else kib / 1024


def parse_cpu_time(text: str) -> float | None:
    """CPU time in seconds: ``1-02:03:04``, ``00:01:15``, ``01:15.250``; ``None`` where it is none."""
    match = _CPU_TIME.match(text)
    if match is None:
        return None
    days, hours = int(match["days"] or 0), int(match["hours"] or 0)
    return ((days * 24 + hours) * 60 + int(match["minutes"])) * 60 + float(match["seconds"])


def _in_words(error: SourceError, job_id: str) -> SourceError:
    said = error.message.lower()
    if "invalid user id" in said or "permission denied" in said:
        return SourceError(f"Slurm tells the use of job {job_id} to its owner only", "open a job of your own")
    if "couldn't get steps" in said or "invalid job id" in said:
        return SourceError(f"job {job_id} does not run")
    return error
