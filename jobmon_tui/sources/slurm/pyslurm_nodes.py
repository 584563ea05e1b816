"""What pyslurm says of nodes, partitions and reservations, as the model's own records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from jobmon_tui.model.snapshot import Job, Node, Partition, Reservation
from jobmon_tui.sources.slurm.gres import gpu_count, gpus_of
from jobmon_tui.sources.slurm.pyslurm_values import (
    fields_of,
    gres_text,
    instant,
    minutes,
    positive,
    text,
    value_of,
    whole,
    words,
)
from jobmon_tui.sources.slurm.states import is_up, split_state

NODE_FIELDS = (
    ("n_cpus", "total_cpus", "cpus", whole),
    ("reason", "reason", "reason", text),
    ("reason_time", "reason_time", "reason_time", instant),
    ("sockets", "sockets", "sockets", positive),
    ("cores_per_socket", "cores_per_socket", "cores_per_socket", positive),
    ("threads_per_core", "threads_per_core", "threads", positive),
    ("cpus_allocated", "allocated_cpus", "alloc_cpus", whole),
    ("memory_total", "real_memory", "real_memory", whole),
    ("memory_allocated", "allocated_memory", "alloc_mem", whole),
    ("memory_free", "free_memory", "free_mem", whole),
    ("gres", "configured_gres", "gres", gres_text),
    ("features", "active_features", "features_active", words),
    ("partitions", "partitions", "partitions", words),
    ("weight", "weight", "weight", whole),
    ("boot_time", "boot_time", "boot_time", instant),
    ("slurm_version", "slurm_version", "version", text),
)
PARTITION_FIELDS = (
    ("state", "state", "state", text),
    ("nodes", "nodes", "nodes", text),
    ("max_nodes", "max_nodes", "max_nodes", whole),
    ("priority_tier", "priority_tier", "priority_tier", whole),
    ("n_cpus", "total_cpus", "total_cpus", whole),
    ("n_nodes", "total_nodes", "total_nodes", whole),
)
RESERVATION_FIELDS = (
    ("start_time", "start_time", "start_time", instant),
    ("end_time", "end_time", "end_time", instant),
    ("nodes", "nodes", "node_list", text),
    ("users", "users", "users", words),
    ("accounts", "accounts", "accounts", words),
    ("partition", "partition", "partition", text),
    ("n_cpus", "cpus", "core_cnt", whole),
)
"""Our field, the attribute of pyslurm's object, the key of its older dictionary, how to read it."""

RESERVATION_FLAGS = {
    "MAINTENANCE": "MAINT",
    "IGNORE_RUNNING_JOBS": "IGNORE_JOBS",
    "SPECIFIC_NODES": "SPEC_NODES",
}
"""pyslurm's own names of reservation flags, where Slurm's differ."""


def node_from(record: Any, name: str, users: Mapping[int, str], *, is_old: bool) -> Node:
    """One node.

    Args:
        record: A ``pyslurm.Node``, or a dictionary of the older interface.
        name: Its host name.
        users: User id to name, for who took it out of service.
        is_old: Whether the record is a dictionary of the older interface.
    """
    fields = fields_of(record, NODE_FIELDS, is_old=is_old)
    state, flags = _state(record, fields)
    gres = value_of(record, "gres" if is_old else "configured_gres")
    if not fields.get("memory_free"):
        fields.pop("memory_free", None)
    if fields.get("reason") is None:
        fields.pop("reason_time", None)
    else:
        fields["reason_user"] = _reason_user(record, users, is_old=is_old)
    return Node(
        name=name,
        up=None if state is None else is_up(state, flags),
        state=state,
        flags=flags,
        cpu_load=_load(record, is_known="memory_free" in fields, is_old=is_old),
        n_gpus=None if gres is None else gpu_count(fields.get("gres")),
        gpu_model=next((kind.model for kind in gpus_of(fields.get("gres")) if kind.model), None),
        **(_old_gpu_use(record) if is_old else {}),
        **fields,
    )


def _state(record: Any, fields: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """Base state and flags. pyslurm calls a node ALLOCATED that is used in part; its CPUs tell the truth."""
    told = text(value_of(record, "state"))
    if told is None:
        return None, ()
    cpus, allocated = fields.get("n_cpus"), fields.get("cpus_allocated")
    state, flags = split_state(told, allocated, cpus)
    if state in ("IDLE", "ALLOCATED") and allocated and cpus and allocated < cpus:
        state = "MIXED"
    return state, flags


def _load(record: Any, *, is_known: bool, is_old: bool) -> float | None:
    """The load average. pyslurm's object says 0.0 where slurmd never reported, but no free memory either."""
    value = value_of(record, "cpu_load")
    if is_old:
        hundredths = whole(value)
        return None if hundredths is None else hundredths / 100
    if not isinstance(value, int | float) or (value == 0 and not is_known):
        return None
    return float(value)


def _reason_user(record: Any, users: Mapping[int, str], *, is_old: bool) -> str | None:
    if not is_old:
        return text(value_of(record, "reason_user"))
    user_id = whole(value_of(record, "reason_uid"))
    return None if user_id is None else users.get(user_id, str(user_id))


def _old_gpu_use(record: Any) -> dict[str, Any]:
    used = gres_text(value_of(record, "gres_used"))
    if used is None:
        return {}
    count = gpu_count(used)
    which = tuple(sorted({index for kind in gpus_of(used) for index in kind.indices or ()}))
    return {"n_gpus_allocated": count, "gpus_allocated": which if len(which) == count else None}


def with_gpus_of_jobs(
    nodes: Iterable[Node], jobs: Iterable[Job], unknown: frozenset[str]
) -> tuple[Node, ...]:
    """Say which GPUs of each node are taken, by adding up what the jobs on it hold.

    pyslurm's own attribute for it is empty whatever runs there.

    Args:
        nodes: The nodes.
        jobs: All jobs.
        unknown: Nodes on which a job may hold GPUs that nobody could name.
    """
    held: dict[str, list[int]] = {}
    for job in jobs:
        for host, which in job.gpu_layout.items():
            held.setdefault(host, []).extend(which)
    return tuple(
        replace(node, gpus_allocated=which, n_gpus_allocated=len(which))
        if node.n_gpus is not None and node.n_gpus_allocated is None and node.name not in unknown
        else node
        for node, which in ((node, tuple(sorted(set(held.get(node.name, ()))))) for node in nodes)
    )


def partition_from(record: Any, name: str, *, is_old: bool) -> Partition:
    """One partition. The older interface gives its longest time limit in seconds, the newer in minutes."""
    limit = minutes(value_of(record, "max_time"))
    if is_old:
        flags = value_of(record, "flags")
        is_default = isinstance(flags, Mapping) and bool(flags.get("Default"))
    else:
        is_default = bool(value_of(record, "is_default"))
    return Partition(
        name=name,
        max_time=limit / 60 if is_old and limit is not None else limit,
        is_default=is_default,
        **fields_of(record, PARTITION_FIELDS, is_old=is_old),
    )


def reservation_from(record: Any, name: str, *, is_old: bool) -> Reservation:
    """One reservation."""
    return Reservation(
        name=name,
        flags=_reservation_flags(value_of(record, "flags")),
        **fields_of(record, RESERVATION_FIELDS, is_old=is_old),
    )


def _reservation_flags(flags: Any) -> tuple[str, ...]:
    """Slurm's names of the flags, from a text or from an enumeration of pyslurm's own."""
    if isinstance(flags, str):
        return words(flags) or ()
    try:
        names = [flag.name or "" for flag in flags]
    except Exception:
        return ()
    return tuple(RESERVATION_FLAGS.get(name, name) for name in names if name)


def newest_version(nodes: Iterable[Node]) -> str:
    """Slurm's version as far as nodes tell it: the most common one, empty where none says."""
    versions = Counter(node.slurm_version for node in nodes if node.slurm_version)
    return versions.most_common(1)[0][0] if versions else ""
