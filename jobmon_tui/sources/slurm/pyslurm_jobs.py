"""What pyslurm says of jobs, as the model's own records, and how far it can be believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Any, NamedTuple

from jobmon_tui.model.arrays import parse_tasks
from jobmon_tui.model.snapshot import NOTHING, Job, Node
from jobmon_tui.model.units import parse_tres
from jobmon_tui.sources.slurm.gres import gpu_count, gpus_in_tres, gpus_of
from jobmon_tui.sources.slurm.pyslurm_values import (
    fields_of,
    gres_text,
    indices,
    instant,
    minutes,
    positive,
    text,
    value_of,
    whole,
    words,
)

HOLDING = frozenset(
    {"RUNNING", "SUSPENDED", "COMPLETING", "STOPPED", "SIGNALING", "STAGE_OUT", "CONFIGURING"}
)
"""States in which a job still has its nodes."""
NO_TASK = str((1 << 32) - 2)
"""What libslurm writes for ``%a`` into the paths of an array's waiting tasks."""
TRUE_LAYOUT = frozenset({"RUNNING", "SUSPENDED", "STOPPED"})
"""States in which it has all that it was given, so that its CPUs must add up."""


class JobLayout(NamedTuple):
    """What a job holds on each of its nodes, as another way of asking Slurm tells it."""

    cores: Mapping[str, tuple[int, ...]]
    gpus: Mapping[str, tuple[int, ...]]
    memory: Mapping[str, int]
    """MiB."""


NO_LAYOUT = JobLayout(NOTHING, NOTHING, NOTHING)


class ReadJob(NamedTuple):
    """A job, and whether what it holds could be read."""

    job: Job
    number: int
    """Slurm's own, which every task of an array and every part of a heterogeneous job has."""
    misses_layout: bool
    """It holds CPUs or GPUs that pyslurm did not tell, or told wrongly."""


def _reason(value: Any) -> str | None:
    """Slurm's reason; the older interface writes the blanks of a sentence as underscores."""
    reason = text(value)
    return None if reason in (None, "None") else str(reason).replace("_", " ")


JOB_FIELDS = (
    ("n_nodes", "num_nodes", "num_nodes", positive),
    ("time_limit", "time_limit", "time_limit", minutes),
    ("start_time", "start_time", "start_time", instant),
    ("submit_time", "submit_time", "submit_time", instant),
    ("eligible_time", "eligible_time", "eligible_time", instant),
    ("end_time", "end_time", "end_time", instant),
    ("jobfs_request", "temporary_disk_per_node", "pn_min_tmp_disk", positive),
    ("partition", "partition", "partition", text),
    ("account", "account", "account", text),
    ("qos", "qos", "qos", text),
    ("priority", "priority", "priority", whole),
    ("reason", "state_reason", "state_reason", _reason),
    ("nodes", "allocated_nodes", "nodes", text),
    ("scheduled_nodes", "scheduled_nodes", "sched_nodes", text),
    ("requested_nodes", "required_nodes", "req_nodes", text),
    ("tres_requested", "", "tres_req_str", text),
    ("tres_allocated", "", "tres_alloc_str", text),
    ("gres", "gres_per_node", "tres_per_node", gres_text),
    ("features", "constraints", "features", text),
    ("reservation", "reservation", "resv_name", text),
    ("n_tasks", "ntasks", "num_tasks", whole),
    ("cpus_per_task", "cpus_per_task", "cpus_per_task", positive),
    ("work_dir", "working_directory", "work_dir", text),
    ("stdout", "standard_output", "std_out", text),
    ("stderr", "standard_error", "std_err", text),
    ("command", "command", "command", text),
)
"""Our field, the attribute of ``pyslurm.Job``, the key of the older dictionary, how to read it."""


def job_from(record: Any, username: str, nodes: Mapping[str, Node], *, is_old: bool) -> ReadJob | None:
    """One job, or ``None`` where the record has no number.

    Args:
        record: A ``pyslurm.Job``, or a dictionary of the older interface.
        username: Its owner.
        nodes: The cluster's nodes by name: their threads a core decide what its layout means.
        is_old: Whether the record is a dictionary of the older interface.
    """
    number = whole(value_of(record, "job_id" if is_old else "id"))
    if number is None:
        return None
    fields = _plain_fields(record, number, is_old=is_old)
    state = (text(value_of(record, "job_state" if is_old else "state")) or "UNKNOWN").split("+")[0]
    if state == "PENDING":
        # It would be a guess: its planned start and its time limit.
        fields.pop("end_time", None)
    n_cpus = whole(value_of(record, "num_cpus" if is_old else "cpus")) or 0
    n_gpus = _gpus_asked_for(record, fields, is_old=is_old)
    layout = NO_LAYOUT
    if state in HOLDING:
        layout = (_old_layout if is_old else _layout)(record, nodes)
    gpus_held = sum(map(len, layout.gpus.values()))
    # More CPUs than it counts are right: it may leave threads of its cores unused. Fewer: a text cut short.
    is_short = sum(map(len, layout.cores.values())) < n_cpus or gpus_held < n_gpus
    is_short = is_short or (is_old and not gpus_held and _wants_gpus(record))
    n_gpus = max(n_gpus, gpus_held)
    memory: float | None = max(layout.memory.values(), default=None)
    if memory is None:
        memory = _memory_request(record, n_cpus, n_gpus, fields.get("n_nodes") or 1, is_old=is_old)
    job = Job(
        name=text(value_of(record, "name")) or "",
        username=username,
        state=state,
        n_cpus=n_cpus,
        n_gpus=n_gpus,
        layout=layout.cores,
        gpu_layout=layout.gpus,
        memory_layout=layout.memory,
        run_time=(whole(value_of(record, "run_time")) or 0) / 60,
        memory_request=None if memory is None else float(memory),
        dependency=_dependency(record, is_old=is_old),
        exit_code=_exit_code(record, is_old=is_old),
        **fields,
    )
    return ReadJob(job, number, misses_layout=is_short and state in TRUE_LAYOUT)


def _plain_fields(record: Any, number: int, *, is_old: bool) -> dict[str, Any]:
    fields = fields_of(record, JOB_FIELDS, is_old=is_old)
    fields.update(_array_fields(record, number, is_old=is_old))
    if "array_tasks" in fields:
        for path in ("stdout", "stderr"):
            if path in fields:
                fields[path] = fields[path].replace(NO_TASK, "%a")
    return fields


def _array_fields(record: Any, number: int, *, is_old: bool) -> dict[str, Any]:
    """Its id, and what it is of an array."""
    array = positive(value_of(record, "array_job_id" if is_old else "array_id"))
    if array is None:
        return {"job_id": _plain_id(record, number, is_old=is_old)}
    waiting = text(value_of(record, "array_task_str" if is_old else "array_tasks_waiting"))
    if waiting is None:
        # pyslurm's object takes task 0 for "no task" and says None.
        task = whole(value_of(record, "array_task_id")) or 0
        return {"job_id": f"{array}_{task}", "array_id": str(array), "number": number}
    limit = positive(value_of(record, "array_max_tasks" if is_old else "array_tasks_parallel"))
    if "%" not in waiting and limit is not None:
        waiting = f"{waiting}%{limit}"
    return {
        "job_id": f"{array}_[{waiting}]",
        "array_id": str(array),
        "number": number,
        "array_tasks": waiting,
        "task_count": max(1, parse_tasks(waiting).count),
    }


def _plain_id(record: Any, number: int, *, is_old: bool) -> str:
    """Its number; a part of a heterogeneous job is called ``17+1``, as Slurm's commands do."""
    leader = positive(value_of(record, "het_job_id" if is_old else "heterogeneous_id"))
    if leader is None:
        return str(number)
    # pyslurm's object takes part 0 for "no part" and says None.
    part = whole(value_of(record, "het_job_offset" if is_old else "heterogeneous_offset")) or 0
    return f"{leader}+{part}"


def with_layout(job: Job, layout: JobLayout) -> Job:
    """The job with what another source says that it holds; where that is silent, pyslurm's word stays."""
    gpus = layout.gpus or job.gpu_layout
    memory = layout.memory or job.memory_layout
    return replace(
        job,
        layout=layout.cores or job.layout,
        gpu_layout=gpus,
        memory_layout=memory,
        memory_request=float(max(memory.values())) if memory else job.memory_request,
        n_gpus=max(job.n_gpus, sum(map(len, gpus.values()))),
    )


def _layout(record: Any, nodes: Mapping[str, Node]) -> JobLayout:
    """What a ``pyslurm.Job`` says of each node; empty where it raises, as it does for GRES without files."""
    try:
        told = record.get_resource_layout_per_node()
        hosts = {str(host): detail for host, detail in told.items() if isinstance(detail, Mapping)}
    except Exception:
        return NO_LAYOUT
    cores: dict[str, tuple[int, ...]] = {}
    gpus: dict[str, tuple[int, ...]] = {}
    memory: dict[str, int] = {}
    for host, detail in hosts.items():
        cores[host] = _threads_of(indices(detail.get("cpu_ids")), nodes.get(host))
        held = gpus_of(gres_text(detail.get("gres")))
        which = sorted({index for kind in held for index in kind.indices or ()})
        if which:
            gpus[host] = tuple(which)
        amount = positive(detail.get("memory"))
        if amount is not None:
            memory[host] = amount
    return JobLayout(cores, gpus, memory)


def _old_layout(record: Any, nodes: Mapping[str, Node]) -> JobLayout:
    """What the older interface says of each node: its cores, and memory only as it was asked for."""
    told = value_of(record, "cpus_alloc_layout")
    hosts = told if isinstance(told, Mapping) else {}
    cores = {str(host): _threads_of(indices(which), nodes.get(str(host))) for host, which in hosts.items()}
    per_cpu, per_node = (positive(value_of(record, f"min_memory_{unit}")) for unit in ("cpu", "node"))
    if per_cpu is not None:
        return JobLayout(cores, NOTHING, {host: per_cpu * len(which) for host, which in cores.items()})
    return JobLayout(cores, NOTHING, dict.fromkeys(cores, per_node) if per_node is not None else NOTHING)


def _threads_of(cores: tuple[int, ...], node: Node | None) -> tuple[int, ...]:
    """The CPUs of those cores. pyslurm numbers cores as if each had one thread; Slurm numbers threads."""
    threads = (node.threads_per_core if node else None) or 1
    if threads == 1 or node is None:
        return cores
    n_cores = (node.sockets or 0) * (node.cores_per_socket or 0)
    if cores and n_cores and cores[-1] >= n_cores:
        return cores
    return tuple(core * threads + thread for core in cores for thread in range(threads))


def _gpus_asked_for(record: Any, fields: Mapping[str, Any], *, is_old: bool) -> int:
    """GPUs over all of its nodes, as far as the request names them."""
    if is_old:
        for key in ("tres_alloc_str", "tres_req_str"):
            in_all = gpus_in_tres(parse_tres(text(value_of(record, key))))
            if in_all:
                return in_all
        for_the_job = gpu_count(gres_text(value_of(record, "tres_per_job")))
        if for_the_job:
            return for_the_job
    return gpu_count(fields.get("gres")) * (fields.get("n_nodes") or 1)


def _wants_gpus(record: Any) -> bool:
    """Whether a dictionary of the older interface asks for GPUs in any of Slurm's ways."""
    units = ("job", "node", "socket", "task")
    return any(gpu_count(gres_text(value_of(record, f"tres_per_{unit}"))) for unit in units)


def _memory_request(record: Any, n_cpus: int, n_gpus: int, n_nodes: int, *, is_old: bool) -> float | None:
    """Memory on each node in MiB, whichever way it was asked for."""
    per_cpu = positive(value_of(record, "min_memory_cpu" if is_old else "memory_per_cpu"))
    if per_cpu is not None:
        return float(per_cpu * max(1, ceil(n_cpus / n_nodes)))
    per_gpu = None if is_old else positive(value_of(record, "memory_per_gpu"))
    if per_gpu is not None:
        return float(per_gpu * n_gpus) / n_nodes if n_gpus else None
    per_node = positive(value_of(record, "min_memory_node" if is_old else "memory_per_node"))
    return None if per_node is None else float(per_node)


def _dependency(record: Any, *, is_old: bool) -> str | None:
    """What it waits for, as Slurm writes it: pyslurm's object takes that text apart."""
    if is_old:
        return text(value_of(record, "dependency"))
    told = value_of(record, "dependencies")
    if not isinstance(told, Mapping):
        return text(told)
    parts = [
        f"{kind}:{':'.join(jobs)}"
        for kind, value in told.items()
        if isinstance(value, list | tuple) and (jobs := words(value))
    ]
    if told.get("singleton"):
        parts.append("singleton")
    return ("?" if told.get("satisfy") == "any" else ",").join(parts) or None


def _exit_code(record: Any, *, is_old: bool) -> str | None:
    """``status:signal``. The older interface hands one job's on to the next, so nothing of it is believed."""
    if is_old:
        return None
    status, signal = whole(value_of(record, "exit_code")), whole(value_of(record, "exit_code_signal"))
    return None if status is None else f"{status}:{signal or 0}"
