"""Which way of asking Slurm is taken: pyslurm where it works, Slurm's own commands otherwise."""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Callable
from dataclasses import replace

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.slurm.answer import Problem, SlurmAnswer, SlurmSource

RETRY_AFTER = 180.0
"""Seconds for which the commands are used before pyslurm, which failed, is tried again."""


def slurm_is_here() -> bool:
    """Whether this machine has any way of asking Slurm. Looks only; asks nothing and imports nothing."""
    return has_commands() or has_pyslurm()


def has_commands() -> bool:
    """Whether Slurm's commands can be run."""
    return shutil.which("squeue") is not None


def has_pyslurm() -> bool:
    """Whether pyslurm is installed, working or not."""
    try:
        return importlib.util.find_spec("pyslurm") is not None
    except (ImportError, ValueError):
        return False


class ChosenSlurm:
    """A SlurmSource that uses the better one of two at each load.

    Args:
        pyslurm: The source that uses pyslurm, or ``None`` where there is none.
        commands: The source that uses Slurm's commands, or ``None`` where there are none.
        clock: Seconds since some instant.
        find_commands: Looks for them again at each `load` while there are none: a file system may have been
            away for a while.

    Raises:
        SourceError: At `load`, where there is neither.
    """

    def __init__(
        self,
        pyslurm: SlurmSource | None,
        commands: SlurmSource | None,
        clock: Callable[[], float] = time.monotonic,
        find_commands: Callable[[], SlurmSource | None] = lambda: None,
    ) -> None:
        self._pyslurm = pyslurm
        self._commands = commands
        self._find_commands = find_commands
        self._clock = clock
        self._retry_at = float("-inf")
        self._complaint: Problem | None = None
        self._commands_failed = False
        first = pyslurm or commands
        self.name = first.name if first is not None else "slurm"

    def load(self, only_user: str | None = None) -> SlurmAnswer:
        """Ask whichever works now; see `SlurmSource.load`."""
        if self._commands is None:
            self._commands = self._find_commands()
        if self._pyslurm is not None and (self._commands is None or self._clock() >= self._retry_at):
            try:
                answer = self._pyslurm.load(only_user)
            except SourceError as error:
                if self._commands is None:
                    raise
                self._blame_pyslurm(error)
            else:
                self.name = self._pyslurm.name
                self._complaint = None
                return answer
        return self._load_by_commands(only_user)

    def close(self) -> None:
        """End a call under way in either; see `SlurmSource.close`."""
        for source in (self._pyslurm, self._commands):
            if source is not None:
                source.close()

    def _load_by_commands(self, only_user: str | None) -> SlurmAnswer:
        if self._commands is None:
            raise SourceError(
                "this machine has neither Slurm's commands nor pyslurm",
                "run jobmon where squeue works, or let it show a recording or another machine's snapshots",
            )
        try:
            answer = self._commands.load(only_user)
        except SourceError:
            self._commands_failed = True
            raise
        if self._commands_failed:
            # It was the controller, then, and not pyslurm: no need to wait with it.
            self._commands_failed = False
            self._retry_at = float("-inf")
        self.name = self._commands.name
        if self._complaint is None:
            return answer
        return replace(answer, problems=(*answer.problems, self._complaint))

    def _blame_pyslurm(self, error: SourceError) -> None:
        self._retry_at = self._clock() + RETRY_AFTER
        instead = (
            f"Slurm's commands are used instead; pyslurm is tried again every {RETRY_AFTER / 60:.0f} min"
        )
        self._complaint = Problem(
            what="pyslurm", error=error.message, hint=f"{error.hint}; {instead}" if error.hint else instead
        )


def choose_slurm() -> ChosenSlurm:
    """The best way of asking Slurm that this machine has. Asks nothing yet."""
    commands = _commands_if_here()
    pyslurm: SlurmSource | None = None
    if has_pyslurm():
        from jobmon_tui.sources.slurm.pyslurm_layouts import CommandLayouts
        from jobmon_tui.sources.slurm.pyslurm_source import PyslurmSource

        pyslurm = PyslurmSource(layouts=CommandLayouts() if commands is not None else None)
    return ChosenSlurm(pyslurm, commands, find_commands=_commands_if_here)


def _commands_if_here() -> SlurmSource | None:
    if not has_commands():
        return None
    from jobmon_tui.sources.slurm.commands import SlurmCommands

    return SlurmCommands()
