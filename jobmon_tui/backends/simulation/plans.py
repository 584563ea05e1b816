"""What is going to happen on the invented cluster: jobs with their fate, known before they are submitted."""

from __future__ import annotations

from typing import NamedTuple

from jobmon_tui.backends.simulation.hardware import Machine
from jobmon_tui.backends.simulation.people import User, Work
from jobmon_tui.model.snapshot import Job

TASK_OF_ARRAY = -1
"""The task number of what is not a task of an array."""


class Placement(NamedTuple):
    """What a job holds on one node."""

    machine: Machine
    cores: tuple[int, ...]
    gpus: tuple[int, ...]


class Outcome(NamedTuple):
    """How a job ends."""

    state: str
    exit_code: str
    reason: str


class Order:
    """What somebody asks the scheduler for: one job, or each task of an array.

    Args:
        user: Who asks.
        work: What kind of job it is.
        n_nodes: Nodes it needs.
        cores: CPUs on each node.
        gpus: GPUs on each node.
        memory: Memory on each node, in MiB.
        limit: Time limit in minutes.
        partition: Where it wants to run.
        reservation: The reservation it names.
        qos: The quality of service it asks for.
    """

    __slots__ = (
        "cores",
        "gpus",
        "limit",
        "memory",
        "n_nodes",
        "partition",
        "qos",
        "reservation",
        "user",
        "work",
    )

    def __init__(
        self,
        user: User,
        work: Work,
        n_nodes: int,
        cores: int,
        gpus: int,
        memory: int,
        limit: int,
        partition: str,
        reservation: str | None = None,
        qos: str | None = None,
    ) -> None:
        self.user = user
        self.work = work
        self.n_nodes = n_nodes
        self.cores = cores
        self.gpus = gpus
        self.memory = memory
        self.limit = limit
        self.partition = partition
        self.reservation = reservation
        self.qos = qos or user.qos


class ArrayPlan:
    """One job array: its tasks start one after the other; what has not started is one pending record.

    Args:
        number: Its job id.
        order: What each task asks for.
        tasks: How many tasks it has.
        together: How many of them may run at the same time.
        submit: Unix seconds.
        first_start: When its first task starts, in Unix seconds.
        closes: When what is still waiting gets cancelled, in Unix seconds.
        waits_for: Why it waits before the limit on its tasks is what holds it.
    """

    __slots__ = (
        "closed",
        "closes",
        "first_start",
        "number",
        "order",
        "record",
        "started",
        "submit",
        "submitted",
        "tasks",
        "together",
        "waits_for",
    )

    def __init__(
        self,
        number: int,
        order: Order,
        tasks: int,
        together: int,
        submit: float,
        first_start: float,
        closes: float,
        waits_for: str,
    ) -> None:
        self.number = number
        self.order = order
        self.tasks = tasks
        self.together = together
        self.submit = submit
        self.first_start = first_start
        self.closes = closes
        self.waits_for = waits_for
        self.started = 0
        self.submitted = False
        self.closed = False
        self.record: Job | None = None


class Plan:
    """One job (or task of an array) from its submission to its end. All times are Unix seconds.

    Args:
        number: Its job id (for a task: that of its array).
        order: What it asks for.
        placements: What it holds while it runs, node by node.
        submit: When it is submitted.
        start: When it starts.
        end: When its processes have ended.
        release: When its nodes are free again; until then it is completing.
        outcome: How it ends.
        shift: A number in [0, 1) that sets its readings apart from those of jobs alike.
        waits_for: Why it waits until it is near the head of the queue.
        array: The array that it is a task of.
        task: Its task number in the array, else `TASK_OF_ARRAY`.
    """

    __slots__ = (
        "array",
        "end",
        "number",
        "order",
        "outcome",
        "phase",
        "placements",
        "record",
        "release",
        "runs",
        "sampled",
        "shift",
        "start",
        "submit",
        "task",
        "waits_for",
    )

    def __init__(
        self,
        number: int,
        order: Order,
        placements: tuple[Placement, ...],
        submit: float,
        start: float,
        end: float,
        release: float,
        outcome: Outcome,
        shift: float,
        waits_for: str,
        array: ArrayPlan | None = None,
        task: int = TASK_OF_ARRAY,
    ) -> None:
        self.number = number
        self.order = order
        self.placements = placements
        self.submit = submit
        self.start = start
        self.end = end
        self.release = release
        self.outcome = outcome
        self.shift = shift
        self.waits_for = waits_for
        self.array = array
        self.task = task
        self.phase = ""
        self.record: Job | None = None
        self.sampled = 0.0
        self.runs: tuple[tuple[tuple[int, int], ...], ...] = ()

    @property
    def job_id(self) -> str:
        """As Slurm writes it."""
        return f"{self.number}_{self.task}" if self.array else str(self.number)
