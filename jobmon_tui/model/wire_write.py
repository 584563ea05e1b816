"""From the model to the documents of API 15, with jobmon's own keys beside theirs.

Every key of API 15 is written, with null where the reading is unknown; of our own keys only those that are
known. Reading what was written gives the same model again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING
from dataclasses import fields as dataclass_fields
from itertools import islice
from operator import attrgetter
from typing import Any

from jobmon_tui.model.arrays import parse_tasks
from jobmon_tui.model.snapshot import (
    BackfillSlot,
    CpuUse,
    Gpu,
    Job,
    Node,
    Partition,
    Reservation,
    Snapshot,
    SourceStatus,
    Traffic,
    Usage,
)
from jobmon_tui.model.wire_fields import (
    JOB_FIELDS,
    NODE_FIELDS,
    OWN_JOB_FIELDS,
    OWN_NODE_FIELDS,
    PARTITION_FIELDS,
    RESERVATION_FIELDS,
    SOURCE_FIELDS,
    Fields,
)
from jobmon_tui.model.wire_jobs import array_of

VERSION = 15
"""The API version that is written."""

_MOST_TASKS = 4_000_001
"""Slurm's own limit for the tasks of an array."""


def document_of(
    snapshot: Snapshot, *, expand_arrays: bool = False, most_tasks: int = _MOST_TASKS
) -> dict[str, Any]:
    """Turn a snapshot into the document of its file.

    Args:
        snapshot: The snapshot.
        expand_arrays: Whether each pending task of an array gets an entry of its own, as API 15 has it.
            Each says in ``jobId`` which record it is a part of, by which jobmon puts them together again.
            Otherwise an array is one entry under the array's id, with its number of tasks in ``tasks``.
        most_tasks: Entries that all arrays together may get; an array that no longer fits stays one entry.
    """
    document: dict[str, Any] = {
        "api": VERSION,
        # Web front ends make names of files of it.
        "timestamp": int(snapshot.timestamp) if snapshot.timestamp % 1 == 0 else snapshot.timestamp,
        "nodes": {name: _node(node) for name, node in snapshot.nodes.items()},
        "jobs": _jobs(snapshot.jobs, most_tasks if expand_arrays else 0),
        "usage": None if snapshot.usage is None else usage_document(snapshot.usage),
    }
    own = {
        "cluster": snapshot.cluster,
        "partitions": [_own_of_partition(one) for one in snapshot.partitions],
        "reservations": [_own_of_reservation(one) for one in snapshot.reservations],
        "sources": [_own_of_source(one) for one in snapshot.sources],
        "onlyUser": snapshot.only_user,
        "notes": list(snapshot.notes),
    }
    document.update((key, value) for key, value in own.items() if value is not None and value != [])
    return document


def backfill_document(backfill: Mapping[str, Mapping[int, BackfillSlot]]) -> dict[str, Any]:
    """Turn free slots into the document of ``backfill.json.gz``."""
    return {
        partition: {
            str(cores): {"count": slot.count, "tMin": slot.shortest, "tMax": slot.longest}
            for cores, slot in sorted(slots.items())
        }
        for partition, slots in backfill.items()
    }


def history_document(history: Mapping[float, Usage]) -> dict[str, Any]:
    """Turn core usage by Unix time into the document of ``history.json.gz``."""
    return {"history": {f"{time:.0f}": usage_document(usage) for time, usage in history.items()}}


def usage_document(usage: Usage) -> dict[str, Any]:
    """Turn core usage into the object that snapshots and the history hold."""
    return {"avail": usage.available, "running": usage.running, "users": dict(usage.users)}


def _node(node: Node) -> dict[str, Any]:
    return {
        **{key: _value(getattr(node, attribute)) for key, (attribute, _) in NODE_FIELDS.items()},
        **_own_of_node(node),
        # By name in the document, in order in the model.
        "gpus": None if node.gpus is None else {gpu.name: _gpu(gpu) for gpu in node.gpus},
    }


def _gpu(gpu: Gpu) -> dict[str, Any]:
    return {"util": gpu.utilisation, "memory": _value(gpu.memory)}


class _Own:
    """The keys of ours that a record needs: those whose value is not what reading without the key gives."""

    def __init__(
        self, model: type[Node | Job | Partition | Reservation | SourceStatus], fields: Fields
    ) -> None:
        attributes = [attribute for attribute, _ in fields.values()]
        defaults = {
            field.name: field.default if field.default_factory is MISSING else field.default_factory()
            for field in dataclass_fields(model)
        }
        self._keys = [(key, defaults[attribute]) for key, (attribute, _) in fields.items()]
        self._values = attrgetter(*attributes)

    def __call__(self, record: object) -> dict[str, Any]:
        return {
            key: _value(value)
            for (key, default), value in zip(self._keys, self._values(record), strict=True)
            if value != default
        }


_own_of_node = _Own(Node, OWN_NODE_FIELDS)
_own_of_job = _Own(Job, OWN_JOB_FIELDS)
_own_of_partition = _Own(Partition, PARTITION_FIELDS)
_own_of_reservation = _Own(Reservation, RESERVATION_FIELDS)
_own_of_source = _Own(SourceStatus, SOURCE_FIELDS)


_PLAIN = frozenset((str, int, float, bool, type(None)))
"""What most values are: nothing about them needs to be looked at."""


def _value(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, CpuUse):
        return {
            "total": None if value.total is None else list(value.total),
            "core": [None if core is None else list(core) for core in value.cores],
        }
    if isinstance(value, Traffic):
        return dict(zip(("bytes_in", "bytes_out", "pkts_in", "pkts_out"), value, strict=True))
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()
    if isinstance(value, Mapping):
        return {name: _value(one) for name, one in value.items()}
    return value


def _jobs(jobs: Mapping[str, Job], most_tasks: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for job in jobs.values():
        if job.array_id is None or job.array_tasks is None:
            document[job.job_id] = _job(job, job.job_id)
            continue
        free = _free_task_ids(job, jobs, document) if job.task_count <= most_tasks else []
        if free:
            # The first one says everything; the others, which share one record, what API 15 has.
            first = {**_job(job, ""), "tasks": job.task_count}
            task = {key: first[key] for key in (*JOB_FIELDS, "jobId", "tasks")}
            document.update(dict.fromkeys(free, task))
            document[free[0]] = first
            most_tasks -= len(free)
        else:
            is_free = job.array_id not in jobs and job.array_id not in document
            key = job.array_id if is_free else job.job_id
            document[key] = {**_job(job, key), "tasks": job.task_count}
    return document


def _free_task_ids(job: Job, jobs: Mapping[str, Job], document: Mapping[str, Any]) -> list[str]:
    """The ids of an array's tasks, without those under which something else stands."""
    return [one for one in _task_ids(job) if one not in jobs and one not in document]


def _job(job: Job, key: str) -> dict[str, Any]:
    record = {name: _value(getattr(job, attribute)) for name, (attribute, _) in JOB_FIELDS.items()}
    # API 15 has 0 for a start that nobody estimates.
    record["startTime"] = job.start_time or 0
    record.update(_own_of_job(job))
    if key != job.job_id:
        record["jobId"] = job.job_id
    if job.array_id != array_of(job.job_id):
        record["arrayId"] = job.array_id
    return record


def _task_ids(job: Job) -> Iterator[str]:
    """The ids of the tasks that an array record stands for; those that the scheduler cut off get a ``?``."""
    known = 0
    for index in islice(parse_tasks(job.array_tasks or "").indices(), _MOST_TASKS):
        known += 1
        yield f"{job.array_id}_{index}"
    for cut_off in range(min(job.task_count, _MOST_TASKS) - known):
        yield f"{job.array_id}_?{cut_off}"
