"""Putting what several sources measured into the scheduler's nodes and jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jobmon_tui.backends.host_names import HostNames
from jobmon_tui.model.measures import CpuUse, Gpu
from jobmon_tui.model.snapshot import Job, Node
from jobmon_tui.sources.readings import JobReading, NodeReading, ReadingsAnswer

_FIELDS = ("memory", "swap", "disk", "infiniband", "lustre", "jobfs", "temperature", "power")
"""What a node and a reading of it call alike."""

MapCores = Callable[[Node, CpuUse], CpuUse]
"""Brings a node's CPU use into the scheduler's numbering."""


def measured_nodes(
    nodes: Iterable[Node], answers: Sequence[ReadingsAnswer], names: HostNames, map_cores: MapCores
) -> list[Node]:
    """The nodes with what was measured of them; a later source fills what the earlier ones do not know.

    Args:
        nodes: As the scheduler has them.
        answers: In the order of their sources' rank.
        names: The nodes' names.
        map_cores: Called for each node with CPU use.
    """
    readings = readings_by_node(answers, names)
    return [_measured(node, readings.get(node.name, ()), map_cores) for node in nodes]


def readings_by_node(answers: Iterable[ReadingsAnswer], names: HostNames) -> dict[str, list[NodeReading]]:
    """What was measured of each node, by the scheduler's name; of hosts that it does not know, nothing."""
    readings: dict[str, list[NodeReading]] = {}
    for answer in answers:
        for host, reading in answer.nodes.items():
            name = names.find(host)
            if name is not None:
                readings.setdefault(name, []).append(reading)
    return readings


def measured_jobs(jobs: Iterable[Job], answers: Sequence[ReadingsAnswer], names: HostNames) -> list[Job]:
    """The jobs with what was measured of them; a later source fills what the earlier ones do not know."""
    readings: dict[str, list[JobReading]] = {}
    for answer in answers:
        for job_id, reading in answer.jobs.items():
            readings.setdefault(job_id, []).append(reading)
    return [_measured_job(job, known, names) if (known := _of_job(job, readings)) else job for job in jobs]


def _of_job(job: Job, readings: Mapping[str, list[JobReading]]) -> list[JobReading]:
    """What was measured of a job under its id, and of a task under the number that Slurm gave it."""
    found = readings.get(job.job_id, [])
    return found if job.number is None else [*found, *readings.get(str(job.number), ())]


def up_by_readings(
    nodes: Iterable[Node], answers: Sequence[ReadingsAnswer], names: HostNames, dead_after: float
) -> list[Node]:
    """The nodes, each up or down by whether it reports.

    A node that is missing from all answers does not report, unless a part of an answer is missing as well: of
    that one, and of all where no source tells when nodes report, the scheduler's word stands.

    Args:
        nodes: As the scheduler has them.
        answers: In the order of their sources' rank.
        names: The nodes' names.
        dead_after: Seconds without a report after which a node is dead.
    """
    ages: dict[str, float] = {}
    complete = True
    for answer in answers:
        for host, reading in answer.nodes.items():
            name = names.find(host)
            if name is not None and reading.reported_at is not None:
                age = answer.taken_at - reading.reported_at
                ages[name] = min(age, ages.get(name, age))
        complete = complete and not answer.problems
    if not ages:
        return list(nodes)
    return [
        replace(node, up=ages[node.name] <= dead_after)
        if node.name in ages
        else replace(node, up=False)
        if complete
        else node
        for node in nodes
    ]


def _measured(node: Node, readings: Sequence[NodeReading], map_cores: MapCores) -> Node:
    if not readings:
        return node
    changes: dict[str, Any] = {}
    for name in _FIELDS:
        value = _first(getattr(reading, name) for reading in readings)
        if value is not None:
            changes[name] = value
    cpu = _cpu(reading.cpu for reading in readings)
    if cpu is not None:
        changes["cpu"] = map_cores(node, cpu)
    gpus = _gpus(reading.gpus for reading in readings)
    if gpus is not None:
        changes["gpus"] = gpus
    load = _first(reading.load for reading in readings)
    if node.cpu_load is None and load is not None:
        changes["cpu_load"] = load
    return replace(node, **changes) if changes else node


def _first(values: Iterable[Any]) -> Any:
    return next((value for value in values if value is not None), None)


def _cpu(uses: Iterable[CpuUse | None]) -> CpuUse | None:
    """The first that knows the cores, with its own mean or that of an earlier one."""
    best: CpuUse | None = None
    for use in uses:
        if use is None:
            continue
        if best is None:
            best = use
        elif not len(best.cores):
            best = CpuUse(best.total or use.total, use.cores)
        if best.total is not None and len(best.cores):
            break
    return best


def _gpus(lists: Iterable[tuple[Gpu, ...] | None]) -> tuple[Gpu, ...] | None:
    """The first list, with what later ones of the same GPUs know in addition."""
    best: tuple[Gpu, ...] | None = None
    for gpus in lists:
        if not gpus:
            best = gpus if best is None else best
        elif not best:
            best = gpus
        else:
            others = {gpu.name: gpu for gpu in gpus}
            best = tuple(_gpu(gpu, others.get(gpu.name)) for gpu in best)
    return best


def _gpu(one: Gpu, other: Gpu | None) -> Gpu:
    if other is None:
        return one
    return Gpu(one.name, _first((one.utilisation, other.utilisation)), one.memory or other.memory)


def _measured_job(job: Job, readings: Sequence[JobReading], names: HostNames) -> Job:
    changes: dict[str, Any] = {}
    memory = _by_host((reading.memory for reading in readings), names)
    if memory:
        changes["memory"] = memory
    peaks = [reading.memory_max for reading in readings if reading.memory_max is not None]
    if peaks:
        changes["memory_max"] = max(peaks)
    jobfs = _by_host((reading.jobfs for reading in readings), names)
    if jobfs:
        changes["jobfs"] = jobfs
    lustre: dict[str, Any] = {}
    for reading in readings:
        for filesystem, servers in reading.lustre.items():
            lustre[filesystem] = {**servers, **lustre.get(filesystem, {})}
    if lustre:
        changes["lustre"] = lustre
    return replace(job, **changes) if changes else job


def _by_host(tables: Iterable[Mapping[str, float]], names: HostNames) -> dict[str, float]:
    together: dict[str, float] = {}
    for table in tables:
        for host, amount in table.items():
            together.setdefault(names.find(host) or host, amount)
    return together
