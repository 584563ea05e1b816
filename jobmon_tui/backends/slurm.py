"""The backend for any Slurm cluster: everything that Slurm itself says, without a line of configuration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jobmon_tui.backends.base import BackendBase
from jobmon_tui.backends.own_use import OwnUse
from jobmon_tui.backends.site_options import yes_or_no_from
from jobmon_tui.model.snapshot import Job, Node, Partition, Reservation, SourceStatus
from jobmon_tui.sources.slurm.answer import SlurmAnswer, SlurmSource


class SlurmBackend(BackendBase):
    """Asks Slurm, by whichever way works on this machine, and nothing else.

    Args:
        source: Where the answers come from; by default the best that this machine has.
        own_use: Whether Slurm is asked now and then what the user's own running jobs use.
    """

    title = "slurm"
    default_interval = 10.0

    def __init__(self, source: SlurmSource | None = None, *, own_use: bool = True) -> None:
        self._source = source
        self._own_use = OwnUse() if yes_or_no_from("own_use", own_use) else None
        self._answer: SlurmAnswer | None = None
        self._failing_since: dict[str, float] = {}

    def init(self) -> None:
        """Find out how Slurm can be asked. Asks nothing yet."""
        self.title = self._slurm().name

    def pre_update(self) -> None:
        """Ask Slurm for everything, once.

        Raises:
            SourceError: Jobs or nodes cannot be had.
        """
        source = self._slurm()
        try:
            self._answer = source.load(self.only_user)
        finally:
            self.title = source.name
        problems = {problem.what for problem in self._answer.problems}
        self._failing_since = {
            what: self._failing_since.get(what, self._answer.taken_at) for what in sorted(problems)
        }

    def nodes(self) -> Iterable[Node]:
        """Every node; none where only one user's jobs were asked for."""
        return self._answered().nodes

    def jobs(self) -> Iterable[Job]:
        """Every job, or those of ``only_user``."""
        return self.with_own_use(self._answered().jobs)

    def partitions(self) -> Iterable[Partition]:
        """The cluster's partitions."""
        return self._answered().partitions

    def reservations(self) -> Iterable[Reservation]:
        """The cluster's reservations."""
        return self._answered().reservations

    def cluster_name(self) -> str | None:
        """The cluster's name, as Slurm has it."""
        return self._answered().cluster

    def timestamp(self) -> float:
        """When Slurm was asked, in Unix seconds."""
        return self._answered().taken_at

    def sources(self) -> Sequence[SourceStatus]:
        """Slurm itself, then every part of its answer that could not be had, with since when."""
        answer = self._answered()
        slurm = SourceStatus(
            name=self.title,
            version=answer.version,
            calls=answer.calls,
            seconds=answer.seconds,
            read_at=answer.taken_at,
        )
        failing = (
            SourceStatus(
                name=f"slurm: {problem.what}",
                ok=False,
                error=problem.error,
                hint=problem.hint,
                failing_since=self._failing_since.get(problem.what),
            )
            for problem in answer.problems
        )
        counted = self._own_use.statuses() if self._own_use is not None else ()
        return (slurm, *failing, *counted)

    def close(self) -> None:
        """End a call under way, from whichever thread."""
        if self._source is not None:
            self._source.close()
        if self._own_use is not None:
            self._own_use.close()

    def with_own_use(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """The jobs, the user's own with what Slurm counted of them where nothing else was measured."""
        return jobs if self._own_use is None else self._own_use.filled(jobs)

    def _slurm(self) -> SlurmSource:
        if self._source is None:
            from jobmon_tui.sources.slurm.choose import choose_slurm

            self._source = choose_slurm()
        return self._source

    def _answered(self) -> SlurmAnswer:
        if self._answer is None:
            self.pre_update()
            assert self._answer is not None
        return self._answer
