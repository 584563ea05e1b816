"""How many cores the cluster has and uses: the count that every backend starts from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobmon_tui.model.snapshot import Job, Node, Usage


def count_cores(nodes: Iterable[Node], jobs: Iterable[Job], only_user: str | None = None) -> Usage:
    """Count available cores, and those that running jobs hold.

    A counted node's cores are available. A node that is not counted (a *bonus* node) adds its cores only
    while a job runs on it.

    Args:
        nodes: All nodes.
        jobs: All jobs, or those of ``only_user``.
        only_user: Set where the other users' jobs may be absent: what runs is then taken from the nodes, if
            the scheduler says how many of their cores are allocated.
    """
    nodes = list(nodes)
    running = 0
    users: dict[str, int] = {}
    busy: set[str] = set()
    for job in jobs:
        if job.is_running:
            running += job.n_cpus
            users[job.username] = users.get(job.username, 0) + job.n_cpus
            busy.update(job.layout)
    allocated = [node.cpus_allocated for node in nodes if node.cpus_allocated is not None]
    if only_user is not None and allocated:
        running = sum(allocated)
    available = sum(
        node.n_cpus or 0 for node in nodes if node.is_counted or node.name in busy or node.cpus_allocated
    )
    return Usage(available=available, running=running, users=users)


def count_cores_in_document(document: Mapping[str, Any]) -> Usage:
    """The same count from a snapshot in the web format, which older backends hand about.

    Raises:
        KeyError, TypeError: It is not such a document.
    """
    nodes = document["nodes"]
    running = 0
    users: dict[str, int] = {}
    busy: set[str] = set()
    for job in document["jobs"].values():
        if job["state"] == "RUNNING":
            running += job["nCpus"]
            users[job["username"]] = users.get(job["username"], 0) + job["nCpus"]
            busy.update(job.get("layout") or ())
    available = sum(
        node["nCpus"] or 0 for name, node in nodes.items() if node.get("isCounted", True) or name in busy
    )
    return Usage(available=available, running=running, users=users)
