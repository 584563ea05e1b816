"""The head of the queue: priorities, estimated starts, and what is set aside for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from jobmon_tui.backends.simulation.cells import Cell
from jobmon_tui.backends.simulation.hardware import Machine
from jobmon_tui.backends.simulation.nodes import Host
from jobmon_tui.backends.simulation.orders import MAX_TIME
from jobmon_tui.backends.simulation.outages import DAY, Outages
from jobmon_tui.backends.simulation.people import USERS
from jobmon_tui.backends.simulation.plans import ArrayPlan, Plan
from jobmon_tui.backends.simulation.records import fold
from jobmon_tui.backends.simulation.schedule import LOOKAHEAD
from jobmon_tui.model.snapshot import Job, Partition, Reservation

PRIORITY_PERIOD = 300.0
"""Seconds between two times that priorities grow with age."""
HEAD_SHARE = 0.06
"""The share of a partition's queue that the backfill scheduler looks at."""
_LEAST, _MOST = 6, 60
_FOR_RESOURCES = 3


class Forecast(NamedTuple):
    """What the scheduler has in mind for a waiting job."""

    reason: str
    start: float | None
    """Unix seconds."""
    nodes: str
    """Folded."""


NO_FORECAST = Forecast("", None, "")


def shown_forecast(record: Job) -> Forecast:
    """What a record says already."""
    return Forecast(record.reason or "", record.start_time, record.scheduled_nodes)


def priority_tick(time: float) -> float:
    """When priorities were worked out last before that instant (Unix seconds)."""
    return time // PRIORITY_PERIOD * PRIORITY_PERIOD


def priority(start: float, tick: float, item: Plan | ArrayPlan) -> int:
    """The priority of what will start then: the sooner, the higher.

    Args:
        start: When it (or an array's first task) starts, in Unix seconds.
        tick: When priorities were worked out, in Unix seconds.
        item: The job or array.
    """
    if isinstance(item, ArrayPlan) and item.started:
        # Whose first tasks run already has had their share: the others fill gaps.
        return 600 + item.number % 400
    return 1_000 + int(8_000 * (1 - min(1.0, (start - tick) / (LOOKAHEAD + PRIORITY_PERIOD))))


def forecast(
    line: Sequence[tuple[float, int, Plan | ArrayPlan]], hosts: Sequence[Host], time: float
) -> dict[Plan | ArrayPlan, Forecast]:
    """Reason, estimated start and nodes for the first jobs in a partition's line.

    As the real scheduler does, it reckons that running jobs use up their time limits; they seldom do.
    """
    most = max(_LEAST, min(_MOST, round(len(line) * HEAD_SHARE)))
    found: dict[Plan | ArrayPlan, Forecast] = {}
    for _, _, item in line:
        if len(found) == most:
            break
        if item.waits_for != "Priority":
            continue
        reason = "Resources" if len(found) < _FOR_RESOURCES else "Priority"
        if isinstance(item, ArrayPlan):
            if not item.started:
                found[item] = Forecast(reason, None, "")
            continue
        ready = max(_ready(hosts[machine.index], item, time) for machine, _, _ in item.placements)
        start = (max(ready, time) // 60 + 1) * 60
        found[item] = Forecast(reason, start, fold([machine for machine, _, _ in item.placements]))
    return found


def _ready(host: Host, plan: Plan, time: float) -> float:
    """When the node has room for its part of the job, if all jobs there use up their limits."""
    kind, order = host.machine.kind, plan.order
    cores = kind.n_cpus - host.cpus
    gpus = kind.n_gpus - host.n_gpus
    memory = kind.memory - host.memory
    ready = max((trouble.end for trouble in host.troubles), default=time)
    if cores >= order.cores and gpus >= order.gpus and memory >= order.memory:
        return ready
    ends = [
        (other.start + other.order.limit * 60 if other.phase == "RUNNING" else time, other, place)
        for other, place in host.plans.items()
    ]
    for end, other, place in sorted(ends, key=lambda one: one[0]):
        placement = other.placements[place]
        cores += len(placement.cores)
        gpus += len(placement.gpus)
        memory += other.order.memory
        if cores >= order.cores and gpus >= order.gpus and memory >= order.memory:
            return max(ready, end)
    return ready


def partitions(cells: Sequence[Cell]) -> tuple[Partition, ...]:
    """The partitions that the cells belong to."""
    members: dict[str, list[Machine]] = {}
    for cell in cells:
        members.setdefault(cell.partition, []).extend(cell.machines)
    found = []
    for name, machines in members.items():
        machines.sort(key=lambda machine: machine.index)
        found.append(
            Partition(
                name=name,
                state="UP",
                nodes=fold(machines),
                is_default=name == "milan",
                max_time=MAX_TIME[name],
                max_nodes=2 if name == "debug" else None,
                priority_tier=10 if name == "debug" else 1,
                n_cpus=sum(machine.kind.n_cpus for machine in machines),
                n_nodes=len(machines),
            )
        )
    return tuple(sorted(found, key=lambda partition: (not partition.is_default, partition.name)))


def reservations(
    cells: Sequence[Cell], outages: Outages, racks: Mapping[int, int | None], time: float
) -> tuple[Reservation, ...]:
    """What is reserved at that instant (Unix seconds) or soon will be."""
    found = []
    workshop = [machine for cell in cells if cell.flavour.name == "workshop" for machine in cell.machines]
    if workshop:
        window = outages.workshop(time)
        found.append(
            Reservation(
                name=window.name,
                start_time=window.start,
                end_time=window.end,
                nodes=fold(workshop),
                users=tuple(user.name for user in USERS if user.account == "training"),
                accounts=("training",),
                flags=("SPEC_NODES",),
                partition=workshop[0].kind.partition,
                n_cpus=sum(machine.kind.n_cpus for machine in workshop),
            )
        )
    for rack, window in outages.maintenance(time, time + DAY):
        machines = [machine for cell in cells if racks[cell.index] == rack for machine in cell.machines]
        groups = [list(group) for _, group in groupby(machines, key=lambda machine: machine.kind.prefix)]
        found.append(
            Reservation(
                name=window.name,
                start_time=window.start,
                end_time=window.end,
                nodes=",".join(fold(group) for group in groups),
                users=("root",),
                flags=("MAINT", "SPEC_NODES"),
                n_cpus=sum(machine.kind.n_cpus for machine in machines),
            )
        )
    return tuple(found)
