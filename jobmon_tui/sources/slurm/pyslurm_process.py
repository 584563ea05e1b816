"""A process of its own for pyslurm, asked over pipes.

Three things that pyslurm does would otherwise happen to jobmon itself: without a usable slurm.conf libslurm
ends the process that imports it; a call holds Python's lock, so that the screen freezes for nine seconds when
the controller is down; and a pyslurm built for another Slurm may crash. Here they cost one reading.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from jobmon_tui.sources.child_process import ChildProcess
from jobmon_tui.sources.slurm.pyslurm_reader import PyslurmReading
from jobmon_tui.sources.slurm.pyslurm_wire import reading_from

LONGEST_READING = 60.0
"""Seconds after which an answer is not waited for any longer. A dead controller takes nine a call."""
COMMAND = (sys.executable, "-P", "-m", "jobmon_tui.sources.slurm.pyslurm_child")
"""``-P``: a file called pyslurm.py where jobmon happens to be started must not be run."""
WHOLE_TASK_LISTS = {"SLURM_BITSTR_LEN": "0"}
"""libslurm cuts an array's list of tasks at 64 characters otherwise, and with it their number."""


class PyslurmProcess:
    """Starts the process at the first reading, and anew at the next one after it died.

    Args:
        command: What to start.
        longest: Seconds to wait for one answer.
        environment: What the process sees; this one's own environment by default.
    """

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        longest: float = LONGEST_READING,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._child = ChildProcess(
            "pyslurm",
            command,
            longest,
            base=environment,
            environment=WHOLE_TASK_LISTS,
            slow_hint="`scontrol ping` tells whether the controller answers",
            died_hint="pyslurm must be built for the Slurm version of the site, and find its slurm.conf",
            closed="Slurm is not asked any more: jobmon is closing",
        )

    def read(self, only_user: str | None = None) -> PyslurmReading:
        """Ask for everything, or for one user's jobs only.

        Raises:
            SourceError: pyslurm failed, its process died or did not answer in time, or all was closed.
        """
        return self._child.ask(f"{only_user or ''}\n".encode(), reading_from)

    def close(self) -> None:
        """End the process, and with it a reading under way, from whichever thread."""
        self._child.close()
