"""Slurm's answers as its commands would print them, made for the tests."""

from __future__ import annotations

from collections.abc import Mapping

from jobmon_tui.sources.slurm.squeue import FREE_FIELDS, PLAIN_FIELDS, UNIT, Separators

WAITING: Mapping[str, str] = {
    "JobArrayID": "7",
    "JobID": "7",
    "ArrayJobID": "7",
    "ArrayTaskID": "N/A",
    "State": "PENDING",
    "UserName": "ann",
    "Account": "physics",
    "Partition": "day,night",
    "QOS": "(null)",
    "PriorityLong": "1200",
    "Reason": "Priority",
    "Dependency": "(null)",
    "SubmitTime": "2026-11-22T12:00:00",
    "EligibleTime": "2026-11-22T12:00:05",
    "StartTime": "2026-11-22T13:00:00",
    "EndTime": "2026-11-22T14:00:00",
    "TimeLimit": "1:00:00",
    "TimeUsed": "0:00",
    "NumNodes": "1",
    "NumCPUs": "4",
    "NumTasks": "2",
    "cpus-per-task": "2",
    "MinMemory": "2G",
    "mem-per-tres": "N/A",
    "MinTmpDisk": "10G",
    "NodeList": "",
    "SchedNodes": "n3",
    "ReqNodes": "",
    "tres-alloc": "cpu=4,mem=8G,node=1,billing=4",
    "tres-per-node": "gres:gpu:tesla:1",
    "tres-per-job": "N/A",
    "tres-per-socket": "N/A",
    "tres-per-task": "N/A",
    "Sockets": "*",
    "BatchFlag": "1",
    "exit_code": "0",
    "Reservation": "(null)",
    "Feature": "big&fast",
    "Name": "train",
    "WorkDir": "/home/ann",
    "Command": "/home/ann/train.sh -v",
    "STDOUT": "/home/ann/%j-%x.log",
    "STDERR": "/home/ann/%j-%x.log",
}
"""A waiting job, by squeue's names of the fields."""

RUNNING: Mapping[str, str] = {
    **WAITING,
    "JobArrayID": "9_3",
    "JobID": "12",
    "ArrayJobID": "9",
    "ArrayTaskID": "3",
    "State": "RUNNING",
    "Reason": "None",
    "TimeUsed": "1-00:30:00",
    "NodeList": "n[1-2]",
    "NumNodes": "2",
    "SchedNodes": "(null)",
}
"""A running task of an array."""


def squeue_prints(separators: Separators, *jobs: Mapping[str, str]) -> bytes:
    """What squeue prints for these jobs when it is asked with these separators."""
    text = ""
    for job in jobs:
        plain = UNIT.join(job[name] for name in PLAIN_FIELDS)
        free = separators.field.join(job[name] for name in FREE_FIELDS)
        text += f"{plain}{separators.field}{free}{separators.record}\n"
    return text.encode("utf-8", "surrogateescape")


def scontrol_prints_job(
    number: int, state: str = "RUNNING", layout: tuple[str, ...] = (), name: str = "train", more: str = ""
) -> str:
    """What ``scontrol -d show job`` prints of one job, as far as it is of interest.

    Args:
        number: Slurm's number of it.
        state: Its state.
        layout: One line for each node, without its indentation: ``Nodes=n1 CPU_IDs=0-1 Mem=0 GRES=``.
        name: Its name.
        more: More lines at its end, as scontrol indents them.
    """
    lines = "".join(f"     {line}\n" for line in layout)
    return (
        f"JobId={number} JobName={name}\n   UserId=ann(1000) GroupId=ann(1000) MCS_label=N/A\n"
        f"   JobState={state} Reason=None Dependency=(null)\n   NodeList=n[1-2]\n   BatchHost=n1\n"
        f"   ReqTRES=cpu=4,mem=8G,node=1\n   AllocTRES=cpu=4,mem=8G,node=2\n   JOB_GRES=(null)\n{lines}"
        f"   MinCPUsNode=2 MinMemoryCPU=2G MinTmpDiskNode=0\n   WorkDir=/home/ann\n{more}"
        f"   StdErr=/home/ann/{number}.err\n   StdIn=/dev/null\n   StdOut=/home/ann/{number}.out\n   \n\n"
    )
