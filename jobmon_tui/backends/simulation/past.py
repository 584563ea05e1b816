"""What nodes and jobs of the invented cluster did before: planned anew, apart from the present."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

from jobmon_tui.analysis.series import Known, job_readings, node_readings, unit_of
from jobmon_tui.backends.simulation import records
from jobmon_tui.backends.simulation.behaviour import SAMPLE
from jobmon_tui.backends.simulation.cells import Cell
from jobmon_tui.backends.simulation.cluster import Cluster
from jobmon_tui.backends.simulation.nodes import Host
from jobmon_tui.backends.simulation.outages import Trouble
from jobmon_tui.backends.simulation.plans import ArrayPlan, Plan
from jobmon_tui.backends.simulation.schedule import Block, Desk
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Usage

MOST_POINTS = 240
"""Instants that are worked out for one question; of jobs on many nodes fewer."""
_FEWEST_POINTS = 24


def series_of(cluster: Cluster, plan: Plan | None, requests: Sequence[SeriesRequest]) -> list[Series | None]:
    """Answer requests that are all about one node or job and one time.

    Args:
        cluster: Of which only what never changes is looked at.
        plan: The job that is asked about, a copy; ``None`` for a node.
        requests: At least one.
    """
    first = requests[0]
    if first.kind == "job":
        known = _of_job(plan, first) if plan is not None else {}
    else:
        known = _of_node(cluster, first)
    return [_series(known, request.reading) for request in requests]


def usage_of(cluster: Cluster, times: Sequence[float]) -> dict[float, Usage]:
    """How many cores were in use at some instants, and by whom.

    Args:
        cluster: Of which only what never changes is looked at.
        times: Unix seconds, ascending, at least one.
    """
    available = sum(machine.kind.n_cpus for machine in cluster.machines)
    # What changes at each instant, added up from one to the next.
    changes: list[Counter[str]] = [Counter() for _ in range(len(times) + 1)]
    for cell in cluster.cells:
        plans, _ = _happened(cluster, cell, times[0], times[-1])
        for plan in plans:
            cores = sum(len(held) for _, held, _ in plan.placements)
            user = plan.order.user.name
            first, last = bisect_left(times, plan.start), bisect_left(times, plan.end)
            if first < last:
                changes[first][user] += cores
                changes[last][user] -= cores
    users: Counter[str] = Counter()
    found = {}
    for time, change in zip(times, changes, strict=False):
        users.update(change)
        in_use = {user: cores for user, cores in users.items() if cores}
        found[time] = Usage(available=available, running=sum(in_use.values()), users=in_use)
    return found


def copy_of(plan: Plan) -> Plan:
    """A plan that can be looked at while the cluster goes on changing the other one."""
    return Plan(
        number=plan.number,
        order=plan.order,
        placements=plan.placements,
        submit=plan.submit,
        start=plan.start,
        end=plan.end,
        release=plan.release,
        outcome=plan.outcome,
        shift=plan.shift,
        waits_for=plan.waits_for,
        array=plan.array,
        task=plan.task,
    )


def _series(known: dict[float, Known], reading: str) -> Series | None:
    if not any(reading in one for one in known.values()):
        return None
    values = tuple(one.get(reading) for one in known.values())
    return Series(times=tuple(known), values=values, unit=unit_of(reading))


def _instants(request: SeriesRequest, start: float, end: float, nodes: int = 1) -> Iterator[float]:
    """Instants between two others at even steps, the same whenever it is asked."""
    points = max(_FEWEST_POINTS, min(request.points, MOST_POINTS) // nodes)
    step = math.ceil((request.end - request.start) / points / SAMPLE) * SAMPLE
    for number in range(math.ceil(start / step), math.floor(end / step) + 1):
        yield number * step


def _of_job(plan: Plan, request: SeriesRequest) -> dict[float, Known]:
    known: dict[float, Known] = {}
    plan.phase = "RUNNING"
    for time in _instants(
        request, max(request.start, plan.start), min(request.end, plan.end), len(plan.placements)
    ):
        nodes = {}
        for place, (machine, _, _) in enumerate(plan.placements):
            host = Host(machine, ())
            host.take(plan, place)
            nodes[machine.name] = host.at(time)
        known[time] = job_readings(records.running_job(plan, time), nodes)
    return known


def _of_node(cluster: Cluster, request: SeriesRequest) -> dict[float, Known]:
    found = [
        (cell, machine) for cell in cluster.cells for machine in cell.machines if machine.name == request.name
    ]
    if not found:
        return {}
    cell, machine = found[0]
    plans, troubles = _happened(cluster, cell, request.start, request.end)
    here = [
        (plan, place)
        for plan in plans
        for place, placement in enumerate(plan.placements)
        if placement.machine is machine
    ]
    known: dict[float, Known] = {}
    for time in _instants(request, request.start, request.end):
        host = Host(machine, ())
        for plan, place in here:
            if plan.start <= time < plan.end:
                host.take(plan, place)
        host.troubles = [
            trouble
            for trouble in troubles
            if cell.machines[trouble.machine] is machine and trouble.start <= time < trouble.end
        ]
        known[time] = node_readings(host.at(time))
    return known


def _happened(cluster: Cluster, cell: Cell, start: float, end: float) -> tuple[list[Plan], list[Trouble]]:
    """Every job that ran on a cell between two instants (Unix seconds), and what befell its nodes."""
    plans: list[Plan] = []
    troubles: list[Trouble] = []

    def hear(planned: Plan | ArrayPlan) -> None:
        if isinstance(planned, Plan) and planned.end > start:
            planned.phase = "RUNNING"
            plans.append(planned)

    desk = Desk(cluster.seed, cluster.outages, cluster.numbering, hear)
    for number in range(cell.block_at(start), cell.block_at(end) + 1):
        block = Block(desk, cell, number)
        block.plan_until(end)
        troubles += block.troubles
    return plans, troubles
