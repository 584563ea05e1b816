"""The nodes that a waiting job could have, and what keeps them from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from jobmon_tui.analysis.index import is_down, is_drained
from jobmon_tui.model.hostlist import expand
from jobmon_tui.model.snapshot import Job, Node, Reservation, Snapshot

KEPT = frozenset({"RESERVED", "MAINTENANCE"})
"""Flags of nodes that are kept for somebody else."""


def _is_kept(node: Node) -> bool:
    return not is_down(node) and not is_drained(node) and not KEPT.isdisjoint(node.flags)


def _is_drained_only(node: Node) -> bool:
    return is_drained(node) and not is_down(node)


KINDS: tuple[tuple[str, Callable[[Node], bool]], ...] = (
    ("down", is_down),
    ("drained", _is_drained_only),
    ("reserved", _is_kept),
)
"""What may be wrong with a node, and how to tell; at most one holds for each."""


def trouble_of(node: Node) -> str:
    """What keeps a node from taking jobs: ``down (bad DIMM)``; empty where nothing does."""
    for word, is_so in KINDS:
        if is_so(node):
            return f"{word} ({node.reason})" if node.reason and is_so is not _is_kept else word
    return ""


def kinds_of(nodes: Sequence[Node]) -> list[str]:
    """How many of these nodes are in what trouble: ``["1 down", "2 drained"]``."""
    counts = ((word, sum(map(is_so, nodes))) for word, is_so in KINDS)
    return [f"{count:,} {word}" for word, count in counts if count]


def census(job: Job, snapshot: Snapshot) -> str:
    """How the nodes of its partition are: ``12, of which 1 down, 2 drained, 3 free``; empty where unknown."""
    if job.partition is None:
        return ""
    nodes = [node for node in snapshot.nodes.values() if may_use(job, node)]
    parts = kinds_of(nodes)
    if any(node.cpus_allocated is not None for node in nodes):
        free = sum(node.cpus_allocated == 0 and not trouble_of(node) for node in nodes)
        parts.append(f"{free:,} free")
    if not nodes:
        return ""
    return f"{len(nodes):,}{', of which ' + ', '.join(parts) if parts else ''}"


def binding_maintenance(job: Job, snapshot: Snapshot) -> Iterator[Reservation]:
    """Maintenance that takes nodes which it cannot do without before it would have ended; soonest first."""
    nodes = {name: node for name, node in snapshot.nodes.items() if may_use(job, node)}
    insists = set(hosts_of(job.requested_nodes))
    ends = None if job.time_limit is None else snapshot.timestamp + job.time_limit * 60
    for one in sorted(snapshot.reservations, key=lambda one: (one.start_time or 0, one.name)):
        is_over = one.end_time is not None and one.end_time <= snapshot.timestamp
        fits_before = ends is not None and one.start_time is not None and ends <= one.start_time
        if not one.is_maintenance or is_over or fits_before or one.name == job.reservation:
            continue
        taken = nodes.keys() & set(hosts_of(one.nodes))
        left = sum(not trouble_of(node) for name, node in nodes.items() if name not in taken)
        if taken & insists or (taken and left < (job.n_nodes or 1)):
            yield one


def may_use(job: Job, node: Node) -> bool:
    """Whether the node belongs to a partition that the job may run in."""
    return job.partition is None or not set(job.partition.split(",")).isdisjoint(node.partitions)


def partition_names(job: Job) -> str:
    """The job's partitions in words: ``main``, ``main or gpu``."""
    return " or ".join((job.partition or "its partition").split(","))


def hosts_of(text: str) -> tuple[str, ...]:
    """The hosts of a list; none where it is no host list."""
    try:
        return expand(text)
    except ValueError:
        return ()
