"""Room for short jobs: cores that are free until a reservation or a planned job takes their node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jobmon_tui.analysis.index import HOLDING, is_down, is_drained, is_unknown
from jobmon_tui.model.hostlist import expand
from jobmon_tui.model.snapshot import BackfillSlot, Node, Snapshot

_NOT_FOR_JOBS = frozenset(
    {
        "MAINTENANCE",
        "MAINT",
        "RESERVED",
        "POWERED_DOWN",
        "POWERING_DOWN",
        "POWER_DOWN",
        "POWERING_UP",
        "REBOOT",
    }
)
"""Flags and states of nodes that take no jobs now."""


def calculate_backfill(snapshot: Snapshot) -> dict[str, dict[int, BackfillSlot]]:
    """Find the free slots, by partition and by number of free cores.

    A node with free cores is one slot of that many cores in each of its partitions. It ends when the first
    reservation or job with a planned start takes the node, in seconds from the snapshot; a node that is taken
    already, or out of service, or planned for a job whose start nobody tells, is none.

    Returns:
        Partition to cores to the slots of that size: how many, and for how long at least and at most.
        ``longest`` is None if one of them has no end in sight, ``shortest`` if none of them has.
    """
    taken = _taken_from(snapshot)
    held = _held_cores(snapshot)
    partitions = _partitions_of(snapshot)
    closed = {one.name for one in snapshot.partitions if one.state not in (None, "UP")}
    ends: dict[str, dict[int, list[float | None]]] = {}
    for node in snapshot.nodes.values():
        free = _free_cores(node, held.get(node.name, 0))
        start = taken.get(node.name)
        if free <= 0 or (start is None and "PLANNED" in (node.state, *node.flags)):
            continue
        seconds = None if start is None else start - snapshot.timestamp
        if seconds is not None and seconds <= 0:
            continue
        for partition in partitions.get(node.name, ()):
            if partition not in closed:
                ends.setdefault(partition, {}).setdefault(free, []).append(seconds)
    return {
        partition: {cores: _slot(sizes[cores]) for cores in sorted(sizes)}
        for partition, sizes in sorted(ends.items())
    }


def _slot(ends: list[float | None]) -> BackfillSlot:
    known = [end for end in ends if end is not None]
    return BackfillSlot(
        count=len(ends),
        shortest=min(known) if known else None,
        longest=max(known) if len(known) == len(ends) else None,
    )


def _free_cores(node: Node, held: int) -> int:
    if node.n_cpus is None or is_down(node) or is_drained(node) or is_unknown(node) or node.up is False:
        return 0
    if not _NOT_FOR_JOBS.isdisjoint((node.state or "", *node.flags)):
        return 0
    # The scheduler's own count also knows jobs that the snapshot leaves out.
    return node.n_cpus - max(held, node.cpus_allocated or 0)


def _held_cores(snapshot: Snapshot) -> dict[str, int]:
    held: dict[str, int] = {}
    for job in snapshot.jobs.values():
        if job.state in HOLDING:
            for host, cores in job.layout.items():
                held[host] = held.get(host, 0) + len(cores)
    return held


def _taken_from(snapshot: Snapshot) -> dict[str, float]:
    """Node to the first instant (Unix seconds) at which a reservation or a planned job takes it."""
    taken: dict[str, float] = {}

    def take(names: Iterable[str], start: float) -> None:
        for name in names:
            taken[name] = min(start, taken.get(name, start))

    for one in snapshot.reservations:
        if one.end_time is None or one.end_time > snapshot.timestamp:
            take(_expanded(one.nodes), one.start_time or 0)
    for job in snapshot.jobs.values():
        if job.is_pending and job.start_time is not None and job.scheduled_nodes:
            take(_expanded(job.scheduled_nodes), job.start_time)
    return taken


def _partitions_of(snapshot: Snapshot) -> Mapping[str, Iterable[str]]:
    """Node to its partitions, as the node says or else as the partitions do."""
    found: dict[str, list[str]] = {}
    for partition in snapshot.partitions:
        for name in _expanded(partition.nodes):
            found.setdefault(name, []).append(partition.name)
    said = {node.name: node.partitions for node in snapshot.nodes.values() if node.partitions}
    return {**found, **said}


def _expanded(folded: str) -> Iterable[str]:
    try:
        return expand(folded)
    except ValueError:
        return ()
