"""Putting the nodes and jobs of one cycle together from whatever a backend overrides.

A backend answers in bulk (``nodes()``, ``jobs()``), item by item (``cpu_usage(name)``, ...), or both: a site
that adds its own CPU readings to the Slurm backend overrides that one method in a subclass, and its answers
go on top of the bulk records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from jobmon_tui.backends.readings import JOB_READINGS, NODE_READINGS, Reading
from jobmon_tui.backends.records import JobRecords, count_tasks, is_array_record
from jobmon_tui.backends.shapes import ShapeError, flag
from jobmon_tui.backends.workings import Workings
from jobmon_tui.model.snapshot import NOTHING, Job, Node

_TASK = re.compile(r"(\d+)_\d+\Z")
_PENDING_ARRAY = re.compile(r"(\d+)_\[(.+)\]\Z")


def gather_nodes(workings: Workings) -> dict[str, Node]:
    """Every node by name: the bulk records, if there are any, with the per-item answers on top.

    Raises:
        PluginError: The backend cannot say which nodes there are.
        JobmonError: It said itself why not.
    """
    return nodes_one_by_one(workings, workings.node_records(), workings.overrides("nodes"))


def gather_jobs(workings: Workings) -> dict[str, Job]:
    """Every job by id: the bulk records, if there are any, with the per-item answers on top.

    Raises:
        PluginError: The backend cannot say which jobs there are.
        JobmonError: It said itself why not.
    """
    return jobs_one_by_one(workings, workings.job_records().by_id, workings.overrides("jobs"))


def nodes_one_by_one(
    workings: Workings, records: Mapping[str, Node] = NOTHING, bulk: int | None = None
) -> dict[str, Node]:
    """Ask the per-item methods that the backend overrides, for every node.

    Args:
        workings: The backend's machinery.
        records: What is known of the nodes already, by name.
        bulk: Where in the backend's ancestry the records come from: only methods of that class or of its
            children go on top of them. ``None``: there are no records.
    """
    readings = _overridden(workings, NODE_READINGS, bulk)
    names: Iterable[Any] = records
    if _applies(workings, "hostnames", bulk):
        names = workings.demand("hostnames", _names)
    nodes: dict[str, Node] = {}
    for name in names:
        node = records.get(str(name)) or Node(name=str(name))
        changes = _ask(workings, readings, name)
        if changes:
            node = replace(node, **changes)
        nodes[node.name] = _with_conclusions(node)
    return nodes


def jobs_one_by_one(
    workings: Workings, records: Mapping[str, Job] = NOTHING, bulk: int | None = None
) -> dict[str, Job]:
    """Ask the per-item methods that the backend overrides, for every job.

    Args:
        workings: The backend's machinery.
        records: What is known of the jobs already, by id.
        bulk: As in `nodes_one_by_one`.
    """
    readings = _overridden(workings, JOB_READINGS, bulk)
    asks_memory = _applies(workings, "job_has_mem_stats", bulk)
    jobs: dict[str, Job] = {}
    for name, record in _jobs_to_ask(workings, records, bulk):
        changes = _ask(workings, readings, name)
        if asks_memory and workings.ask("job_has_mem_stats", name, read=flag) is False:
            changes |= {"memory": NOTHING, "memory_max": None}
        elif changes.get("memory_max") == 0 and not (changes.get("memory") or record.memory):
            # Older files say 0 where nothing was measured.
            del changes["memory_max"]
        job = replace(record, **changes) if changes else record
        if not job.n_cpus and job.layout:
            job = replace(job, n_cpus=sum(map(len, job.layout.values())))
        if not job.n_gpus and job.gpu_layout:
            job = replace(job, n_gpus=sum(map(len, job.gpu_layout.values())))
        jobs[job.job_id] = job
    return jobs


def _jobs_to_ask(
    workings: Workings, records: Mapping[str, Job], bulk: int | None
) -> Iterable[tuple[Any, Job]]:
    """Each job's id as the backend's methods want it, and what is known of the job already."""
    if not _applies(workings, "job_ids", bulk):
        return ((_id_to_ask(job), job) for job in records.values())
    names = workings.demand("job_ids", _names)
    known = JobRecords(records.values())
    return ((name, _record_of(str(name), known)) for name in names)


def _record_of(job_id: str, known: JobRecords) -> Job:
    record = known.find(job_id)
    if record is not None:
        if record.job_id != job_id:
            return replace(record, job_id=job_id, array_tasks=None, task_count=1)
        return record
    job = Job(job_id=job_id, name="", username="", state="", n_cpus=0)
    if task := _TASK.match(job_id):
        return replace(job, array_id=task[1])
    if array := _PENDING_ARRAY.match(job_id):
        return replace(job, array_id=array[1], array_tasks=array[2], task_count=count_tasks(array[2]))
    return job


def _id_to_ask(job: Job) -> str:
    """A site's methods know single jobs and tasks: of a pending array they are asked about the first."""
    if not is_array_record(job):
        return job.job_id
    first = re.match(r"\d+", job.array_tasks or "")
    return f"{job.array_id}_{first[0]}" if first else str(job.array_id)


def _overridden(workings: Workings, readings: tuple[Reading, ...], bulk: int | None) -> list[Reading]:
    return [reading for reading in readings if _applies(workings, reading.method, bulk)]


def _applies(workings: Workings, method: str, bulk: int | None) -> bool:
    """Whether the backend answers this method itself, and not above the class that answers in bulk."""
    place = workings.overrides(method)
    return place is not None and (bulk is None or place <= bulk)


def _ask(workings: Workings, readings: list[Reading], name: object) -> dict[str, Any]:
    """What the overridden methods know of one node or job, by field; what they do not know is left out."""
    changes: dict[str, Any] = {}
    for reading in readings:
        value = workings.ask(reading.method, name, read=reading.read)
        if value is not None and not (isinstance(value, Mapping) and not value):
            changes[reading.field] = value
    return changes


def _with_conclusions(node: Node) -> Node:
    """The node with what its own readings give away."""
    changes: dict[str, Any] = {}
    if node.up is None and (node.cpu is not None or node.memory is not None):
        changes["up"] = True
    if node.n_cpus is None and node.cpu is not None and len(node.cpu.cores):
        changes["n_cpus"] = len(node.cpu.cores)
    if node.n_gpus is None and node.gpus is not None:
        changes["n_gpus"] = len(node.gpus)
    return replace(node, **changes) if changes else node


def _names(answer: Any) -> list[Any]:
    """Host names or job ids, each once. Older files return numbers as ids; their methods get those back."""
    if answer is None or isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
        raise ShapeError("a list of names", answer)
    names = {str(name): name for name in answer if name is not None and name != ""}
    return list(names.values())
