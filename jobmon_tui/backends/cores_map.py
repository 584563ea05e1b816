"""From the operating system's numbering of a node's CPUs to the scheduler's.

Who measures (Ganglia, telegraf, node_exporter) numbers CPUs as Linux does. Slurm numbers them by socket, then
core, then thread. On many nodes that is the same; on others it is not:

- *Column order*: the firmware deals consecutive numbers out to the sockets in turn, so that of two sockets
  one has the CPUs 0, 2, 4, ... and the other 1, 3, 5, ... Slurm calls those of the first 0, 1, 2, ...
- *Hyper-threading*: Linux numbers the first thread of every core, then the second of every core, and so on.
  Slurm puts the threads of one core side by side, or does not count threads at all (where its configuration
  has no more CPUs than there are cores).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from jobmon_tui.backends.host_patterns import NO_HOST, HostPatterns
from jobmon_tui.model.measures import CoreUse, CpuTimes, CpuUse
from jobmon_tui.model.snapshot import Node

USUAL_SOCKETS = 2
"""Of a node in column order whose sockets nobody states."""
MOST_CPUS = 65_536
"""More CPUs than any node has."""


class CoreShape(NamedTuple):
    """What decides how the operating system numbers a node's CPUs."""

    cores: int
    """Physical cores of the node."""
    threads: int = 1
    """Hardware threads of each core that the operating system uses."""
    sockets: int = 1
    """Over how many sockets consecutive numbers are dealt out; 1: they are not."""


@dataclass(frozen=True, slots=True)
class ThreadedNodes:
    """Nodes whose cores have several hardware threads."""

    hosts: HostPatterns
    cores: int
    """Physical cores of each node."""
    threads: int
    """Threads of each core."""


@dataclass(frozen=True, slots=True)
class CoresMap:
    """Which nodes of a site are numbered otherwise by their operating system than by the scheduler."""

    column_ordered: HostPatterns = NO_HOST
    """The nodes in column order."""
    threaded: tuple[ThreadedNodes, ...] = ()
    """The nodes with several threads a core; of several that match, the first counts."""

    def shape_of(self, node: Node, reported: int) -> CoreShape | None:
        """How a node is numbered; ``None`` where both number it alike.

        Args:
            node: What the scheduler says of it.
            reported: How many CPUs the measurements have.
        """
        in_columns = self.column_ordered.matches(node.name)
        threaded = next((each for each in self.threaded if each.hosts.matches(node.name)), None)
        if threaded is None and not in_columns:
            return None
        sockets = (node.sockets or USUAL_SOCKETS) if in_columns else 1
        if threaded is not None:
            return CoreShape(threaded.cores, threaded.threads, sockets)
        threads = node.threads_per_core or 1
        cores = (node.sockets or 0) * (node.cores_per_socket or 0)
        if threads > 1 and cores * threads == reported:
            return CoreShape(cores, threads, sockets)
        return CoreShape(reported, 1, sockets)

    def cpu_use(self, node: Node, cpu: CpuUse) -> CpuUse:
        """A node's CPU use in the scheduler's numbering.

        Where the measurements do not fit what was configured, the cores are unknown: what each of them does
        would otherwise be told of its neighbour.

        Args:
            node: What the scheduler says of it.
            cpu: Core by core as the operating system numbers them.
        """
        shape = self.shape_of(node, len(cpu.cores))
        if shape is None or not len(cpu.cores):
            return cpu
        if not fits(shape, len(cpu.cores)):
            return CpuUse(cpu.total, CoreUse(()))
        by_thread = cpu.cores.rearranged(scheduler_to_system(shape))
        if shape.threads == 1 or node.n_cpus is None or node.n_cpus > shape.cores:
            return CpuUse(cpu.total, by_thread)
        cores = join_threads(by_thread, shape.threads)
        return CpuUse(_mean(cores) or cpu.total, cores)


def fits(shape: CoreShape, reported: int) -> bool:
    """Whether that many CPUs can have been reported by a node of such a shape."""
    threads = shape.cores * shape.threads
    if not (0 < threads <= MOST_CPUS and shape.sockets > 0 and shape.cores % shape.sockets == 0):
        return False
    return reported <= threads


@lru_cache(maxsize=256)
def scheduler_to_system(shape: CoreShape) -> tuple[int, ...]:
    """The operating system's number of each CPU, in the scheduler's order: a permutation.

    Raises:
        ValueError: Its cores cannot be dealt out evenly over its sockets.
    """
    if not fits(shape, 0):
        raise ValueError(f"{shape.cores} cores cannot stand in {shape.sockets} sockets")
    cores_per_socket = shape.cores // shape.sockets
    return tuple(
        thread * shape.cores + core * shape.sockets + socket
        for socket in range(shape.sockets)
        for core in range(cores_per_socket)
        for thread in range(shape.threads)
    )


@lru_cache(maxsize=256)
def system_to_scheduler(shape: CoreShape) -> tuple[int, ...]:
    """The scheduler's number of each CPU, in the operating system's order: `scheduler_to_system` inverted.

    Raises:
        ValueError: Its cores cannot be dealt out evenly over its sockets.
    """
    forth = scheduler_to_system(shape)
    return tuple(sorted(range(len(forth)), key=forth.__getitem__))


def join_threads(by_thread: CoreUse, threads: int) -> CoreUse:
    """What whole cores do, from what their threads do.

    A core is as busy as its threads together, but never more than fully: to whoever was given a core, one
    busy thread of two is a busy core, not half of one.

    Args:
        by_thread: The threads of one core side by side.
        threads: How many each core has.
    """
    if by_thread.whole is not None:
        return CoreUse.packed(_joined_whole(by_thread.whole, threads))
    return CoreUse(
        [_joined(by_thread[first : first + threads]) for first in range(0, len(by_thread), threads)]
    )


def _joined_whole(numbers: bytes, threads: int) -> bytes:
    """The same for whole percentages, which stay whole: by columns, as there may be a million threads."""
    kinds = [
        list(
            map(
                sum,
                zip(*(numbers[5 * thread + kind :: 5 * threads] for thread in range(threads)), strict=True),
            )
        )
        for kind in range(4)
    ]
    spent = list(map(sum, zip(*kinds, strict=True)))
    for core, percent in enumerate(spent):
        if percent > 100:
            shares = [kind[core] * 100 // percent for kind in kinds]
            shares[shares.index(max(shares))] += 100 - sum(shares)
            for kind, share in zip(kinds, shares, strict=True):
                kind[core] = share
            spent[core] = 100
    joined = bytearray(5 * len(spent))
    for place, kind in enumerate(kinds):
        joined[place::5] = bytes(kind)
    joined[4::5] = bytes(100 - percent for percent in spent)
    return bytes(joined)


def _joined(times: Sequence[CpuTimes | None]) -> CpuTimes | None:
    known = [one for one in times if one is not None]
    if not known:
        return None
    user, nice, system, wait = (sum(parts) for parts in list(zip(*known, strict=True))[:4])
    spent = user + nice + system + wait
    if spent <= 100:
        return CpuTimes(user, nice, system, wait, 100 - spent)
    share = 100 / spent
    return CpuTimes(user * share, nice * share, system * share, wait * share, 0)


def _mean(cores: CoreUse) -> CpuTimes | None:
    whole = cores.whole
    if whole:
        return CpuTimes(*(sum(whole[kind::5]) / len(cores) for kind in range(5)))
    known = [core for core in cores if core is not None]
    if not known:
        return None
    return CpuTimes(*(sum(parts) / len(known) for parts in zip(*known, strict=True)))
