"""Which key of a snapshot document holds which attribute of the model, and how it is read.

The keys of API 15 stand in tables of their own; jobmon's are written beside them. Reading and writing follow
the same tables, so what is written is what is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jobmon_tui.model.wire_values import (
    amounts,
    count,
    cpu_use,
    free,
    gpus_of,
    indices,
    layout,
    lustre_of,
    moment,
    node_count,
    number,
    positive_count,
    read_write,
    text,
    texts,
    traffic,
    truth,
    used,
    whole,
    whole_amounts,
)

Fields = Mapping[str, tuple[str, Callable[[Any], Any]]]
"""Key of the document to the model's attribute and to what reads the value (None: unknown)."""

NODE_FIELDS: Fields = {
    "up": ("up", truth),
    "isCounted": ("is_counted", truth),
    "nCpus": ("n_cpus", node_count),
    "nGpus": ("n_gpus", node_count),
    "cpu": ("cpu", cpu_use),
    "mem": ("memory", used),
    "swap": ("swap", free),
    "gpus": ("gpus", gpus_of),
    "infiniband": ("infiniband", traffic),
    "lustre": ("lustre", read_write),
    "jobfs": ("jobfs", read_write),
}
"""What API 15 says of a node."""

OWN_NODE_FIELDS: Fields = {
    "disk": ("disk", free),
    "temperature": ("temperature", number),
    "power": ("power", number),
    "state": ("state", text),
    "flags": ("flags", texts),
    "reason": ("reason", text),
    "reasonUser": ("reason_user", text),
    "reasonTime": ("reason_time", number),
    "sockets": ("sockets", count),
    "coresPerSocket": ("cores_per_socket", count),
    "threadsPerCore": ("threads_per_core", count),
    "cpusAllocated": ("cpus_allocated", count),
    "cpuLoad": ("cpu_load", number),
    "memoryTotal": ("memory_total", count),
    "memoryAllocated": ("memory_allocated", count),
    "memoryFree": ("memory_free", count),
    "gres": ("gres", text),
    "gpuModel": ("gpu_model", text),
    "gpusAllocated": ("gpus_allocated", indices),
    "nGpusAllocated": ("n_gpus_allocated", count),
    "features": ("features", texts),
    "partitions": ("partitions", texts),
    "weight": ("weight", whole),
    "bootTime": ("boot_time", number),
    "slurmVersion": ("slurm_version", text),
}
"""What we add. ``disk`` was theirs up to API 13."""

JOB_FIELDS: Fields = {
    "name": ("name", text),
    "username": ("username", text),
    "state": ("state", text),
    "nCpus": ("n_cpus", count),
    "nGpus": ("n_gpus", count),
    "layout": ("layout", layout),
    "gpuLayout": ("gpu_layout", layout),
    "timeLimit": ("time_limit", number),
    "runTime": ("run_time", number),
    "startTime": ("start_time", moment),
    "mem": ("memory", amounts),
    "memMax": ("memory_max", number),
    "memReq": ("memory_request", number),
    "lustre": ("lustre", lustre_of),
    "jobfs": ("jobfs", amounts),
    "jobfsReq": ("jobfs_request", number),
}
"""What API 15 says of a job."""

OWN_JOB_FIELDS: Fields = {
    "memoryLayout": ("memory_layout", whole_amounts),
    "partition": ("partition", text),
    "account": ("account", text),
    "qos": ("qos", text),
    "priority": ("priority", whole),
    "reason": ("reason", text),
    "dependency": ("dependency", text),
    "submitTime": ("submit_time", number),
    "eligibleTime": ("eligible_time", number),
    "endTime": ("end_time", number),
    "nNodes": ("n_nodes", count),
    "nodes": ("nodes", text),
    "scheduledNodes": ("scheduled_nodes", text),
    "requestedNodes": ("requested_nodes", text),
    "tresRequested": ("tres_requested", text),
    "tresAllocated": ("tres_allocated", text),
    "gres": ("gres", text),
    "features": ("features", text),
    "reservation": ("reservation", text),
    "nTasks": ("n_tasks", count),
    "cpusPerTask": ("cpus_per_task", count),
    "workDir": ("work_dir", text),
    "stdout": ("stdout", text),
    "stderr": ("stderr", text),
    "command": ("command", text),
    "exitCode": ("exit_code", text),
    "number": ("number", count),
    "cpuUsed": ("cpu_used", number),
    "arrayTasks": ("array_tasks", text),
    "tasks": ("task_count", positive_count),
}
"""What we add; ``jobId`` and ``arrayId`` are read and written by hand, since the key says them mostly."""

PARTITION_FIELDS: Fields = {
    "name": ("name", text),
    "state": ("state", text),
    "nodes": ("nodes", text),
    "isDefault": ("is_default", truth),
    "maxTime": ("max_time", number),
    "maxNodes": ("max_nodes", count),
    "priorityTier": ("priority_tier", whole),
    "nCpus": ("n_cpus", count),
    "nNodes": ("n_nodes", count),
}

RESERVATION_FIELDS: Fields = {
    "name": ("name", text),
    "startTime": ("start_time", number),
    "endTime": ("end_time", number),
    "nodes": ("nodes", text),
    "users": ("users", texts),
    "accounts": ("accounts", texts),
    "flags": ("flags", texts),
    "partition": ("partition", text),
    "nCpus": ("n_cpus", count),
}

SOURCE_FIELDS: Fields = {
    "name": ("name", text),
    "ok": ("ok", truth),
    "version": ("version", text),
    "calls": ("calls", count),
    "seconds": ("seconds", number),
    "readAt": ("read_at", number),
    "error": ("error", text),
    "hint": ("hint", text),
    "failingSince": ("failing_since", number),
}
