"""The invented machines: three kinds of node, their names, and the partitions they form."""

from __future__ import annotations

from dataclasses import dataclass

from jobmon_tui.backends.simulation.chance import fraction
from jobmon_tui.model.snapshot import Free

UNMEASURED_SHARE = 0.02
"""The share of nodes on which nothing measures."""
_SILENCE = 71


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKind:
    """What all nodes of one kind have in common."""

    prefix: str
    """What their names begin with."""
    partition: str
    sockets: int
    cores_per_socket: int
    threads_per_core: int
    memory: int
    """RealMemory in MiB."""
    memory_installed: int
    """What the operating system finds, in MiB."""
    swap: int
    """In MiB."""
    disk: int
    """Local disk in GiB."""
    n_gpus: int
    gpu_model: str | None
    gpu_memory: int
    """Of each GPU, in MiB."""
    features: tuple[str, ...]
    weight: int
    digits: int
    """How many digits a node's number has at least."""

    @property
    def n_cpus(self) -> int:
        """CPUs as the scheduler counts them: hardware threads."""
        return self.sockets * self.cores_per_socket * self.threads_per_core

    @property
    def gres(self) -> str | None:
        """Its generic resources as configured."""
        return f"gpu:{self.gpu_model}:{self.n_gpus}(S:0-1)" if self.n_gpus else None


CPU = NodeKind(
    prefix="milan",
    partition="milan",
    sockets=2,
    cores_per_socket=32,
    threads_per_core=1,
    memory=512_000,
    memory_installed=515_608,
    swap=32_768,
    disk=880,
    n_gpus=0,
    gpu_model=None,
    gpu_memory=0,
    features=("milan", "avx2", "ib"),
    weight=10,
    digits=3,
)
GPU = NodeKind(
    prefix="gina",
    partition="gpu",
    sockets=2,
    cores_per_socket=18,
    threads_per_core=1,
    memory=190_000,
    memory_installed=191_857,
    swap=20_480,
    disk=350,
    n_gpus=2,
    gpu_model="a100",
    gpu_memory=40_960,
    features=("skylake", "avx512", "a100", "ib"),
    weight=50,
    digits=3,
)
MANYCORE = NodeKind(
    prefix="knl",
    partition="knl",
    sockets=1,
    cores_per_socket=68,
    threads_per_core=4,
    memory=94_000,
    memory_installed=96_484,
    swap=8_192,
    disk=110,
    n_gpus=0,
    gpu_model=None,
    gpu_memory=0,
    features=("knl", "quad", "cache", "opa"),
    weight=100,
    digits=2,
)


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """One node as it was bought."""

    index: int
    """Its place among all nodes, from 0."""
    name: str
    kind: NodeKind
    measured: bool
    """Whether anything measures what it does."""
    disk: Free
    """Its local disk, with what stays on it between jobs."""


def install(count: int, seed: int) -> tuple[Machine, ...]:
    """Fill the machine room.

    Args:
        count: How many nodes in all: about 43 % with GPUs, 3 % many-core, the rest plain.
        seed: Decides what differs between nodes of one kind.
    """
    gpu = round(count * 52 / 120)
    manycore = round(count * 4 / 120)
    machines: list[Machine] = []
    for kind, number in ((CPU, count - gpu - manycore), (GPU, gpu), (MANYCORE, manycore)):
        digits = max(kind.digits, len(str(number)))
        for place in range(1, number + 1):
            index = len(machines)
            luck = fraction(seed, _SILENCE, index)
            machines.append(
                Machine(
                    index=index,
                    name=f"{kind.prefix}{place:0{digits}d}",
                    kind=kind,
                    measured=luck >= UNMEASURED_SHARE,
                    disk=Free(round(kind.disk * (0.55 + 0.4 * luck), 1), float(kind.disk)),
                )
            )
    return tuple(machines)
