"""Asking Slurm by its commands, which every site has.

Each cycle makes four calls to slurmctld, whatever the size: ``squeue`` for the jobs, ``scontrol show node``,
``scontrol -d show job`` for what the running ones hold, and ``scontrol show reservation``. Partitions hardly
ever change: every tenth cycle asks for them in place of the reservations. Only the first cycle makes two
more, for partitions and for the cluster's name and version.

squeue lists the jobs although scontrol prints the same: only squeue can keep its fields apart whatever a user
calls a job (see `squeue`), and a failing dump then costs the layouts alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from jobmon_tui.errors import SourceError
from jobmon_tui.model.snapshot import Job, Node, Partition, Reservation
from jobmon_tui.sources.slurm import squeue
from jobmon_tui.sources.slurm.answer import Problem, SlurmAnswer
from jobmon_tui.sources.slurm.details import Details, DetailsReader
from jobmon_tui.sources.slurm.run import Output, Runner, slurm_environment
from jobmon_tui.sources.slurm.scontrol import (
    read_configuration,
    read_nodes,
    read_partitions,
    read_reservations,
)

PARTITIONS_EVERY = 10
"""Cycles between two looks at the partitions."""
HEADING = b"CLUSTER: "
LAYOUT = "core layout"
"""What is missing where nobody tells what the jobs hold."""
SHOW_NODES = ("scontrol", "--all", "-d", "-o", "show", "node")
SHOW_JOBS = ("scontrol", "--all", "-d", "show", "job")
SHOW_RESERVATIONS = ("scontrol", "--all", "-o", "show", "reservation")
SHOW_PARTITIONS = ("scontrol", "--all", "-o", "show", "partition")
SHOW_CONFIGURATION = ("scontrol", "show", "config")

Part = TypeVar("Part")


@dataclass
class _Cycle:
    """What one load has done so far."""

    calls: int = 0
    seconds: float = 0.0
    problems: list[Problem] = field(default_factory=list)


class SlurmCommands:
    """Slurm, asked by squeue and scontrol.

    Args:
        environment: What the commands see; the program's own environment by default. ``SLURM_CONF`` and
            ``SLURM_CLUSTERS`` in it choose the cluster.
        timeout: Seconds after which a command that does not answer is ended.
        clock: The time in Unix seconds.
    """

    name = "slurm (commands)"

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.cluster: str | None = None
        """The cluster's name, known from the first load on."""
        self.version = ""
        """Slurm's version, known from the first load on."""
        surroundings = os.environ if environment is None else environment
        self._runner = Runner(slurm_environment(surroundings), timeout)
        self._has_heading = bool(surroundings.get("SLURM_CLUSTERS"))
        self._clock = clock
        self._jobs_reader = squeue.JobsReader()
        self._details_reader = DetailsReader()
        self._partitions: tuple[Partition, ...] | None = None
        self._reservations: tuple[Reservation, ...] | None = None
        self._cycles_since_partitions = 0

    def load(self, only_user: str | None = None) -> SlurmAnswer:
        """Ask for everything.

        Args:
            only_user: Ask for this user's jobs only, in one call. Nothing is then known but jobs, and of
                these not which cores they hold.

        Raises:
            SourceError: squeue or ``scontrol show node`` failed, or `close` was called.
        """
        taken_at = self._clock()
        cycle = _Cycle()
        asked = self._load_jobs(cycle, only_user)
        if only_user is not None:
            return self._answer(taken_at, cycle, squeue.join(asked.listed, {}))
        nodes = self._load_nodes(cycle)
        jobs = squeue.join(asked.listed, self._load_details(cycle, asked))
        self._load_rarely_changing(cycle)
        return self._answer(taken_at, cycle, jobs, with_gpus_in_use(nodes, jobs))

    def close(self) -> None:
        """End a command under way at once, from whichever thread; later loads raise SourceError."""
        self._runner.close()

    def _answer(
        self, taken_at: float, cycle: _Cycle, jobs: tuple[Job, ...], nodes: tuple[Node, ...] | None = None
    ) -> SlurmAnswer:
        is_whole = nodes is not None
        return SlurmAnswer(
            taken_at=taken_at,
            cluster=self.cluster,
            version=self.version,
            nodes=nodes or (),
            jobs=jobs,
            partitions=(self._partitions or ()) if is_whole else (),
            reservations=(self._reservations or ()) if is_whole else (),
            calls=cycle.calls,
            seconds=cycle.seconds,
            problems=tuple(cycle.problems),
        )

    def _load_jobs(self, cycle: _Cycle, only_user: str | None) -> squeue.Answer:
        separators = squeue.make_separators()
        output = self._run(cycle, squeue.command(separators, only_user))
        try:
            asked = self._jobs_reader.read(output.printed, separators)
        except ValueError as error:
            raise _cut_short("squeue", error) from error
        if asked.unreadable:
            all_jobs = asked.unreadable + len(asked.listed)
            problem = Problem(
                what="jobs",
                error=f"squeue: {asked.unreadable} of {all_jobs} jobs cannot be read",
                hint="jobmon reads Slurm 20.11 and newer: check `squeue --version`",
            )
            if not asked.listed:
                raise SourceError(problem.error, problem.hint)
            cycle.problems.append(problem)
        return asked

    def _load_nodes(self, cycle: _Cycle) -> tuple[Node, ...]:
        output = self._run(cycle, SHOW_NODES)
        try:
            nodes = read_nodes(output.text)
        except ValueError as error:
            raise _cut_short("scontrol show node", error) from error
        if not nodes:
            raise SourceError(
                "scontrol show node lists no node", "check `sinfo`: slurmctld may just be starting"
            )
        return nodes

    def _load_details(self, cycle: _Cycle, asked: squeue.Answer) -> Mapping[int, Details]:
        found = self._attempt(
            cycle, LAYOUT, SHOW_JOBS, lambda out: self._details_reader.read(out.printed, asked.multiline)
        )
        if found == {} and any(squeue.has_run_a_while(one) for one in asked.listed):
            cycle.problems.append(
                Problem(what=LAYOUT, error="scontrol -d show job does not tell what the running jobs hold")
            )
        return found or {}

    def _load_rarely_changing(self, cycle: _Cycle) -> None:
        """Reservations, and now and then partitions in place of them."""
        is_first = self._reservations is None
        self._cycles_since_partitions += 1
        if self._partitions is None or self._cycles_since_partitions >= PARTITIONS_EVERY:
            self._cycles_since_partitions = 0
            found = self._attempt(cycle, "partitions", SHOW_PARTITIONS, lambda out: read_partitions(out.text))
            self._partitions = self._partitions if found is None else found
            if not is_first:
                return
        reservations = self._attempt(
            cycle, "reservations", SHOW_RESERVATIONS, lambda out: read_reservations(out.text)
        )
        self._reservations = self._reservations if reservations is None else reservations
        if self.cluster is None:
            settings = self._attempt(
                cycle, "cluster name", SHOW_CONFIGURATION, lambda out: read_configuration(out.text)
            )
            self.cluster = (settings or {}).get("ClusterName")
            self.version = (settings or {}).get("SLURM_VERSION", self.version)

    def _attempt(
        self, cycle: _Cycle, what: str, command: Sequence[str], read: Callable[[Output], Part]
    ) -> Part | None:
        """A part that the answer can do without; its failure is noted."""
        try:
            return read(self._run(cycle, command))
        except SourceError as error:
            cycle.problems.append(Problem(what=what, error=error.message, hint=error.hint))
        except (ValueError, KeyError) as error:
            cycle.problems.append(Problem(what=what, error=f"{' '.join(command)}: unreadable: {error}"))
        return None

    def _run(self, cycle: _Cycle, command: Sequence[str]) -> Output:
        output = self._runner.run(command)
        cycle.calls += 1
        cycle.seconds += output.seconds
        return without_heading(output) if self._has_heading else output


def without_heading(output: Output) -> Output:
    """What a command printed without the line that names the cluster, which even ``--noheader`` leaves.

    It stands there only where a cluster was asked for by its name, and not with every command or version.
    """
    if not output.printed.startswith(HEADING):
        return output
    return output._replace(printed=output.printed.partition(b"\n")[2])


def with_gpus_in_use(nodes: tuple[Node, ...], jobs: tuple[Job, ...]) -> tuple[Node, ...]:
    """The nodes, with the GPUs in use taken from the jobs where the node itself does not tell them."""
    if all(node.gpus_allocated is not None or not node.n_gpus for node in nodes):
        return nodes
    held: dict[str, set[int]] = {}
    for job in jobs:
        for host, indices in job.gpu_layout.items():
            held.setdefault(host, set()).update(indices)
    return tuple(_with_gpus(node, held.get(node.name, set())) for node in nodes)


def _with_gpus(node: Node, held: set[int]) -> Node:
    if not node.n_gpus or node.gpus_allocated is not None:
        return node
    number = node.n_gpus_allocated
    if number is None:
        # Nothing tells that a job without a layout holds none, so that only what is held is certain.
        return replace(node, gpus_allocated=tuple(sorted(held)), n_gpus_allocated=len(held)) if held else node
    return replace(node, gpus_allocated=tuple(sorted(held))) if len(held) == number else node


def _cut_short(command: str, error: ValueError) -> SourceError:
    return SourceError(f"{command} printed an incomplete answer: {error}", "the next cycle asks again")
