"""Where each core of one node stands, and who holds it: what the core grid draws, without the drawing."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.model.snapshot import Job, Node

LETTERS = string.ascii_lowercase + string.ascii_uppercase
"""One for each of the other jobs on the node."""
MOST_CPUS = 4096
"""No machine has as many; a source that says so is mistaken, and drawing them would take forever."""
BEYOND = "+"
"""What the jobs share for which no letter is left."""

Holder = str | Literal["free", "unknown"]
"""A job id, or that nobody holds it, or that nobody knows."""


@dataclass(frozen=True, slots=True)
class CoreRow:
    """Some CPUs of one socket that stand in one line."""

    socket: int
    part: int
    """0 for the first line of the socket."""
    cpus: tuple[int, ...]
    """The scheduler's numbers, from left to right."""


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds what on one node."""

    cores: Mapping[int, str]
    """CPU to job id."""
    gpus: Mapping[int, str]
    """GPU to job id."""
    letters: Mapping[str, str]
    """Job id to its letter: of the jobs other than the one looked at, in order of their lowest core."""
    is_complete: bool
    """Whether a core that no job is known to hold is free."""
    unplaced: int
    """Cores that jobs hold without anybody knowing which."""

    def of_core(self, cpu: int) -> Holder:
        """Who holds that CPU."""
        return self.cores.get(cpu) or ("free" if self.is_complete else "unknown")


def cpu_count(node: Node, holders: Mapping[int, str]) -> int:
    """How many CPUs to draw: what the scheduler says, else as many as anybody mentions."""
    count = node.n_cpus
    if count is None:
        measured = len(node.cpu.cores) if node.cpu else 0
        count = max([measured, *(cpu + 1 for cpu in holders)])
    return min(MOST_CPUS, max(0, count))


def holders_of(index: SnapshotIndex, node: Node, job_id: str | None) -> Holders:
    """Who holds the cores and GPUs of a node.

    Args:
        index: The snapshot.
        node: One of its nodes.
        job_id: The job that is looked at and gets no letter; ``None`` for none.
    """
    cores, gpus = index.core_owners(node.name), index.gpu_owners(node.name)
    others = [one for one in index.jobs_on_node.get(node.name, ()) if one != job_id]
    letters = {one: LETTERS[number] if number < len(LETTERS) else BEYOND for number, one in enumerate(others)}
    if node.cpus_allocated is None:
        # Without the scheduler's word the layouts are all there is, and they are whole unless it was asked
        # for one user's jobs only.
        complete, unplaced = index.snapshot.only_user is None and bool(index.snapshot.jobs), 0
    else:
        unplaced = max(0, node.cpus_allocated - len(cores))
        complete = unplaced == 0
    return Holders(cores, gpus, letters, complete, unplaced)


def rows_of(node: Node, cpus: int, across: int) -> list[CoreRow]:
    """The CPUs of a node in lines, socket by socket.

    Slurm counts the hardware threads of a core one after the other, so core 5 of a machine with four threads
    has the CPUs 20 to 23. They stand below each other: a column is a core.

    Args:
        node: The node; where its sockets do not add up to its CPUs, all stand in one socket.
        cpus: How many CPUs it has.
        across: The most columns of a line.
    """
    sockets, per_socket, threads = node.sockets or 1, node.cores_per_socket or 0, node.threads_per_core or 1
    if sockets * per_socket * threads != cpus:
        # Sites may tell Slurm to hand out cores only: then it counts cores, whatever their threads.
        sockets, per_socket, threads = (
            (sockets, per_socket, 1) if sockets * per_socket == cpus else (1, cpus, 1)
        )
    rows: list[CoreRow] = []
    for socket in range(sockets):
        lowest = socket * per_socket
        part = 0
        step = even_step(per_socket, across)
        for first in range(0, per_socket, step):
            columns = range(lowest + first, lowest + min(first + step, per_socket))
            for thread in range(threads):
                rows.append(CoreRow(socket, part, tuple(core * threads + thread for core in columns)))
                part += 1
    return rows


def even_step(total: int, across: int) -> int:
    """How many to put in a line so that all lines are about equally long; fours where that costs no line."""
    across = max(1, min(across, total or 1))
    lines = -(-total // across) or 1
    even = -(-total // lines) or 1
    fours = -(-even // 4) * 4
    return fours if lines > 1 and fours <= across and -(-total // fours) == lines else even


def own_memory(job: Job | None, node: Node) -> float | None:
    """What the job was allocated on the node, in MiB; what it asked for where nobody says."""
    if job is None:
        return None
    allocated = job.memory_layout.get(node.name)
    return job.memory_request if allocated is None else allocated
