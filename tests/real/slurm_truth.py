"""What Slurm itself says, job by job and node by node, read in the plainest way.

Deliberately nothing like the code under test: one command for each thing asked about and one regular
expression for each fact. It is slow, does not mind hostile job names, and is only meant to be right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.real.slurm_cluster import SlurmCluster

Indices = dict[str, tuple[int, ...]]
"""Host by host the indices of cores or GPUs."""


@dataclass(frozen=True)
class TrueJob:
    """What ``scontrol -d show job`` says of one job."""

    user: str
    partition: str
    cpus: int
    cores: Indices
    gpus: Indices
    memory: dict[str, int]
    """MiB by host."""
    time_limit: str
    dependency: str


@dataclass(frozen=True)
class TrueNode:
    """What ``scontrol show node`` says of one node."""

    state: str
    flags: frozenset[str]
    cpus: int
    cpus_allocated: int
    memory: int
    memory_allocated: int
    gres: str
    features: str
    partitions: str
    weight: int
    reason: str | None
    reason_user: str | None
    reason_time: str | None


def true_job(cluster: SlurmCluster, job_id: str) -> TrueJob:
    """Ask about one job, one task (``2_3``) or the record of an array's waiting tasks (``2_[6-19%6]``)."""
    array, bracket, tasks = job_id.partition("_[")
    text = cluster.run("scontrol", "-d", "show", "job", array if bracket else job_id)
    if bracket:
        marker = f"ArrayTaskId={tasks.rstrip(']')} "
        text = next(record for record in text.split("\n\n") if marker in record)

    def last(pattern: str) -> str:
        # A job name may forge any field, but it stands at the start of the record: the last one is Slurm's.
        return str(re.findall(rf"^   (?:.* )?{pattern}", text, re.MULTILINE)[-1])

    cores: Indices = {}
    gpus: Indices = {}
    memory: dict[str, int] = {}
    held_by_node = text.rpartition("\n   JOB_GRES=")[2]
    for folded, cpu_ids, mebibytes, gres in re.findall(
        r"^     Nodes=(\S+) CPU_IDs=(\S+) Mem=(\d+) GRES=(.*)$", held_by_node, re.MULTILINE
    ):
        for host in cluster.run("scontrol", "show", "hostnames", folded).split():
            cores[host] = numbers(cpu_ids)
            memory[host] = int(mebibytes)
            if held := re.search(r"IDX:([\d,-]+)", gres):
                gpus[host] = numbers(held[1])
    return TrueJob(
        user=last(r"UserId=([^(]+)\(\d+\) GroupId"),
        partition=last(r"Partition=(\S+) AllocNode"),
        cpus=int(last(r"NumCPUs=(\d+) NumTasks")),
        cores=cores,
        gpus=gpus,
        memory=memory,
        time_limit=last(r"TimeLimit=(\S+) TimeMin"),
        dependency=last(r"Dependency=(\S+)$"),
    )


def true_node(cluster: SlurmCluster, name: str) -> TrueNode:
    """Ask about one node."""
    text = cluster.run("scontrol", "show", "node", name)

    def first(pattern: str) -> str:
        return str(re.findall(pattern, text, re.MULTILINE)[0])

    state, *flags = first(r"State=(\S+)").split("+")
    reason = re.search(r"^   Reason=(.*) \[(.*)@(.*)\]$", text, re.MULTILINE)
    who = reason.groups() if reason else (None, None, None)
    return TrueNode(
        state=state.rstrip("*"),
        flags=frozenset(flags),
        cpus=int(first(r"CPUTot=(\d+)")),
        cpus_allocated=int(first(r"CPUAlloc=(\d+)")),
        memory=int(first(r"RealMemory=(\d+)")),
        memory_allocated=int(first(r"AllocMem=(\d+)")),
        gres=first(r"Gres=(\S+)"),
        features=first(r"ActiveFeatures=(\S+)"),
        partitions=first(r"Partitions=(\S+)"),
        weight=int(first(r"Weight=(\d+)")),
        reason=who[0],
        reason_user=who[1],
        reason_time=who[2],
    )


def numbers(text: str) -> tuple[int, ...]:
    """``0-2,5`` as the numbers it stands for."""
    found: list[int] = []
    for part in text.split(","):
        start, _, end = part.partition("-")
        found.extend(range(int(start), int(end or start) + 1))
    return tuple(found)
