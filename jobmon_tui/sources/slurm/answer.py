"""What every way of asking Slurm returns, so that one can stand in for another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from jobmon_tui.model.snapshot import Job, Node, Partition, Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A part of the answer that could not be had; the rest is good."""

    what: str
    """The part, in a user's words: ``reservations``, ``core layout``."""
    error: str
    """What failed, in one line."""
    hint: str = ""
    """What to do about it, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmAnswer:
    """Everything that Slurm said in one cycle."""

    taken_at: float
    """Unix seconds."""
    cluster: str | None = None
    version: str = ""
    """Slurm's version: ``22.05.8``."""
    nodes: tuple[Node, ...] = ()
    jobs: tuple[Job, ...] = ()
    partitions: tuple[Partition, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    calls: int = 0
    """Calls made to slurmctld."""
    seconds: float = 0.0
    """How long they took together."""
    problems: tuple[Problem, ...] = ()


class SlurmSource(Protocol):
    """One way of asking Slurm."""

    name: str
    """As shown to users: ``slurm (commands)``, ``slurm (pyslurm)``."""

    def load(self, only_user: str | None = None) -> SlurmAnswer:
        """Ask for everything, with a fixed number of calls however many jobs there are.

        Args:
            only_user: Ask for this user's jobs only; the answer then has nothing but jobs.

        Raises:
            SourceError: Jobs or nodes cannot be had; an answer without them would draw an empty cluster.
        """

    def close(self) -> None:
        """End a call under way at once, from whichever thread; later calls raise SourceError."""
