"""What a job asks for on each node and in all, from the many ways in which it may have asked."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from jobmon_tui.model.units import parse_memory, parse_tres
from jobmon_tui.sources.slurm.gres import gpu_count, gpus_in_tres
from jobmon_tui.sources.slurm.scontrol import whole


class Request(NamedTuple):
    """What squeue prints of a job's request, field by field."""

    n_cpus: str
    n_nodes: str
    n_tasks: str
    tres: str
    """``cpu=4,mem=4G,node=2``: requested, or allocated once it runs."""
    minimum_memory: str
    """On each node or for each CPU: squeue does not say which."""
    memory_per_gpu: str
    """``gres:gpu:3072`` (MiB), newer ``gres/gpu:3072``; ``N/A``."""
    sockets: str
    """Sockets on each node; ``*``."""
    per_node: str
    """``gres:gpu:p100:2``, newer ``gres/gpu:p100:2``; ``N/A``. So are the next three."""
    per_job: str
    per_socket: str
    per_task: str


class Needs(NamedTuple):
    """What a request comes to."""

    n_cpus: int
    n_nodes: int | None
    n_tasks: int | None
    n_gpus: int
    """Over all nodes."""
    memory_on_each: float | None
    """MiB on each node; ``None`` where it cannot be told."""


@lru_cache(maxsize=8192)
def needs_of(request: Request) -> Needs:
    """What a request comes to. A queue has few different ones, so that they are worth remembering."""
    tres = parse_tres(request.tres)
    n_cpus = whole(request.n_cpus) or 0
    n_nodes, n_tasks = whole(request.n_nodes), whole(request.n_tasks)
    n_gpus = _gpus_asked_for(request, tres, n_nodes or 1, n_tasks or 1)
    memory = _memory_on_each(request, tres, n_cpus, n_nodes or 1, n_gpus)
    return Needs(n_cpus, n_nodes, n_tasks, n_gpus, memory)


def _gpus_asked_for(request: Request, tres: dict[str, float], n_nodes: int, n_tasks: int) -> int:
    """GPUs over all nodes.

    The first of these that names GPUs counts: the resources that Slurm tracks, GPUs for the whole job, on
    each node, for each task, on each socket.
    """
    tracked = gpus_in_tres(tres)
    if tracked is not None:
        return tracked
    for text, times in (
        (request.per_job, 1),
        (request.per_node, n_nodes),
        (request.per_task, n_tasks),
        (request.per_socket, (whole(request.sockets) or 1) * n_nodes),
    ):
        if "gpu" in text:
            return gpu_count(text) * times
    return 0


def _memory_on_each(
    request: Request, tres: dict[str, float], n_cpus: int, n_nodes: int, n_gpus: int
) -> float | None:
    """Memory on each node in MiB; ``None`` where it cannot be told.

    Slurm tracks a job's memory over all nodes. Whether the smallest amount was given by node or by CPU is
    told by which of the two makes up that sum.
    """
    per_gpu = gpu_count(request.memory_per_gpu) if "gpu" in request.memory_per_gpu else 0
    if per_gpu and n_gpus:
        return float(per_gpu * -(-n_gpus // n_nodes))
    total = tres.get("mem")
    minimum = parse_memory(request.minimum_memory)
    # Where it gave no number of nodes, fewer may be tracked than the job will have.
    nodes = max(1, round(tres.get("node", n_nodes)))
    if not total:
        return minimum if minimum and n_cpus == nodes else None
    if minimum and _is_close(total, minimum * n_cpus):
        return minimum * -(-n_cpus // nodes)
    if minimum and _is_close(total, minimum * nodes):
        return minimum
    return total / nodes


def _is_close(one: float, other: float) -> bool:
    """Equal but for Slurm's rounding to two decimals of a unit."""
    return abs(one - other) <= 0.005 * max(one, other)
