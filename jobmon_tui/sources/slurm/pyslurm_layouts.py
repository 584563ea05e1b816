"""What running jobs hold, asked by command where pyslurm does not tell it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from jobmon_tui.sources.slurm.commands import SHOW_JOBS
from jobmon_tui.sources.slurm.details import DetailsReader
from jobmon_tui.sources.slurm.pyslurm_jobs import JobLayout
from jobmon_tui.sources.slurm.run import Runner, slurm_environment

TIMEOUT = 30.0
"""Seconds after which the command is ended."""


class CommandLayouts:
    """One ``scontrol -d show job`` for all jobs.

    Args:
        environment: What the command sees; the program's own environment by default.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._runner = Runner(slurm_environment(os.environ if environment is None else environment), TIMEOUT)
        self._reader = DetailsReader()

    def read(self, multiline: Iterable[str]) -> Mapping[int, JobLayout]:
        """What each running job holds, by Slurm's own number of the job; see `pyslurm_source.Layouts`."""
        details = self._reader.read(self._runner.run(SHOW_JOBS).printed, multiline)
        return {
            number: JobLayout(one.layout, one.gpu_layout, one.memory_layout)
            for number, one in details.items()
        }

    def close(self) -> None:
        """End the command under way."""
        self._runner.close()
