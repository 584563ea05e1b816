"""What Slurm's commands would print on a large invented cluster, and stand-ins that print it.

The running jobs grow older with each call, as on a living cluster; nothing else changes.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from jobmon_tui.sources.slurm.squeue import FREE_FIELDS, PLAIN_FIELDS, UNIT

CORES = 32
NAME_OF_CLUSTER = "thistle"
_FIELD, _RECORD = "\x01F", "\x01R"
"""Stand for the separators that jobmon makes up anew for each call."""
_PEOPLE = tuple(f"user{number:03}" for number in range(120))
_STARTED = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 7200))


@dataclass
class Printouts:
    """An answer of each command. In squeue's, ``\\x01T<seconds>;`` is the age that a job began with."""

    squeue: str = ""
    jobs: str = ""
    nodes: str = ""
    partitions: str = ""
    reservations: str = ""
    configuration: str = field(default=f"ClusterName = {NAME_OF_CLUSTER}\nSLURM_VERSION = 23.02.7\n")


def print_cluster(nodes: int, running: int, pending: int, tasks_each: int = 1) -> Printouts:
    """Make the printouts of a cluster.

    Args:
        nodes: How many nodes it has, each of `CORES` cores.
        running: How many jobs run.
        pending: How many records wait.
        tasks_each: Array tasks that each waiting record stands for.
    """
    chance = random.Random(nodes + running + pending)
    printed = Printouts()
    per_node = max(1, -(-running // nodes))
    cores = max(1, CORES // per_node)
    records, details = [], []
    for place in range(running):
        host, slot = place % nodes + 1, place // nodes
        values, name = _running(100_000 + place, f"n{host:05}", cores, chance)
        records.append(_record(values, name))
        first = slot * cores
        held = f"{first}-{first + cores - 1}" if cores > 1 else str(first)
        details.append(_detail(values, name, held, cores))
    for place in range(pending):
        number = 100_000 + running + place
        values, name = _pending(number, tasks_each, chance)
        records.append(_record(values, name))
        details.append(_detail(values, name, "", 0))
    printed.squeue, printed.jobs = "".join(records), "".join(details)
    printed.nodes = "".join(
        _node(f"n{host:05}", min(CORES, per_node * cores)) for host in range(1, nodes + 1)
    )
    for name in ("batch", "long"):
        printed.partitions += (
            f"PartitionName={name} AllowGroups=ALL Default=NO MaxNodes=UNLIMITED MaxTime=7-00:00:00"
            f" Nodes=n[00001-{nodes:05}] PriorityTier=1 State=UP TotalCPUs={nodes * CORES}"
            f" TotalNodes={nodes}\n"
        )
    return printed


def _common(number: int, chance: random.Random) -> tuple[dict[str, str], str]:
    values = dict.fromkeys(PLAIN_FIELDS, "N/A")
    values |= {
        "JobArrayID": str(number), "JobID": str(number), "ArrayJobID": str(number),
        "UserName": chance.choice(_PEOPLE), "Account": f"account{chance.randrange(30)}",
        "Partition": "batch", "QOS": "normal", "PriorityLong": str(chance.randrange(100_000)),
        "Dependency": "(null)", "SubmitTime": _STARTED, "EligibleTime": _STARTED, "TimeLimit": "2-00:00:00",
        "NumNodes": "1", "NumTasks": "1", "cpus-per-task": "1", "MinMemory": "2G", "MinTmpDisk": "0",
        "SchedNodes": "(null)", "ReqNodes": "", "Sockets": "*", "BatchFlag": "1", "exit_code": "0",
    }  # fmt: skip
    return values, f"step_{chance.randrange(1000)}"


def _running(number: int, host: str, cores: int, chance: random.Random) -> tuple[dict[str, str], str]:
    values, name = _common(number, chance)
    return values | {
        "State": "RUNNING", "Reason": "None", "StartTime": _STARTED, "EndTime": "2030-01-01T00:00:00",
        "TimeUsed": f"\x01T{chance.randrange(100_000)};", "NumCPUs": str(cores), "NodeList": host,
        "tres-alloc": f"cpu={cores},mem={2 * cores}G,node=1,billing={cores}",
    }, name  # fmt: skip


def _pending(number: int, tasks: int, chance: random.Random) -> tuple[dict[str, str], str]:
    values, name = _common(number, chance)
    if tasks > 1:
        values |= {"JobArrayID": f"{number}_[1-{tasks}]", "ArrayTaskID": f"1-{tasks}"}
    return values | {
        "State": "PENDING", "Reason": chance.choice(("Priority", "Resources")), "StartTime": "N/A",
        "EndTime": "N/A", "TimeUsed": "0:00", "NumCPUs": "4", "NodeList": "",
        "tres-alloc": "cpu=4,mem=8G,node=1,billing=4",
    }, name  # fmt: skip


def _record(values: dict[str, str], name: str) -> str:
    free = dict.fromkeys(FREE_FIELDS, "(null)")
    home = f"/home/{values['UserName']}"
    free |= {"Name": name, "WorkDir": home, "Command": f"{home}/{name}.sh"}
    free |= {"STDOUT": f"{home}/%j.out", "STDERR": f"{home}/%j.out"}
    plain = UNIT.join(values[field] for field in PLAIN_FIELDS)
    return f"{plain}{_FIELD}{_FIELD.join(free[field] for field in FREE_FIELDS)}{_RECORD}\n"


def _detail(values: dict[str, str], name: str, held: str, cores: int) -> str:
    user = values["UserName"]
    layout = f"     Nodes={values['NodeList']} CPU_IDs={held} Mem={2048 * cores} GRES=\n" if held else ""
    return (
        f"JobId={values['JobID']} JobName={name}\n   UserId={user}(1000) GroupId={user}(1000) MCS_label=N/A\n"
        f"   Priority={values['PriorityLong']} Nice=0 Account={values['Account']} QOS=normal\n"
        f"   JobState={values['State']} Reason={values['Reason']} Dependency=(null)\n"
        "   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0\n   DerivedExitCode=0:0\n"
        f"   SubmitTime={values['SubmitTime']} EligibleTime={values['EligibleTime']}\n"
        f"   NodeList={values['NodeList']}\n   NumNodes=1 NumCPUs={values['NumCPUs']} NumTasks=1"
        " CPUs/Task=1\n"
        f"   TRES={values['tres-alloc']}\n   Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*\n{layout}"
        "   MinCPUsNode=1 MinMemoryCPU=2G MinTmpDiskNode=0\n   Features=(null) DelayBoot=00:00:00\n"
        f"   Command=/home/{user}/{name}.sh\n   WorkDir=/home/{user}\n   StdErr=/home/{user}/{name}.out\n"
        f"   StdIn=/dev/null\n   StdOut=/home/{user}/{name}.out\n   \n\n"
    )


def _node(name: str, allocated: int) -> str:
    return (
        f"NodeName={name} Arch=x86_64 CoresPerSocket=16  CPUAlloc={allocated} CPUEfctv={CORES} CPUTot={CORES}"
        f" CPULoad={allocated * 0.9:.2f} AvailableFeatures=fast ActiveFeatures=fast Gres=(null) GresDrain=N/A"
        f" GresUsed=gpu:0 NodeAddr={name} NodeHostName={name} Version=23.02.7 OS=Linux 6.1.0 #1 SMP  "
        f"RealMemory=128000 AllocMem={2048 * allocated} FreeMem=60000 Sockets=2 Boards=1"
        f" State={'MIXED' if allocated < CORES else 'ALLOCATED'} ThreadsPerCore=1 TmpDisk=0"
        " Weight=1 Owner=N/A"
        f" MCS_label=N/A Partitions=batch,long  BootTime={_STARTED} SlurmdStartTime={_STARTED}"
        f" CfgTRES=cpu={CORES},mem=125G,billing={CORES} AllocTRES=cpu={allocated}\n"
    )


_SQUEUE = """#!{python} -SEI
import re, sys, time
form = next(word for word in sys.argv if word.startswith("--Format="))
record = form.rpartition(":")[2]
field = form.rpartition(",")[0].rpartition(":")[2]
text = open({answer!r}).read()
passed = int(time.time() - {began})
def age(match):
    seconds = int(match[1]) + passed
    return "%d-%02d:%02d:%02d" % (seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60)
text = re.sub("\\x01T([0-9]+);", age, text).replace("\\x01F", field).replace("\\x01R", record)
sys.stdout.write(text)
"""
_SCONTROL = """#!/bin/sh
for word in "$@"; do last=$word; done
exec cat "{folder}/$last"
"""


def install(printed: Printouts, folder: Path) -> None:
    """Put stand-ins for squeue and scontrol into a folder that is to be the first of PATH."""
    answers = folder / "answers"
    answers.mkdir(parents=True)
    answer = answers / "squeue"
    answer.write_text(printed.squeue, encoding="utf-8")
    for word, text in (
        ("job", printed.jobs),
        ("node", printed.nodes),
        ("partition", printed.partitions),
        ("reservation", printed.reservations or "No reservations in the system\n"),
        ("config", printed.configuration),
    ):
        (answers / word).write_text(text, encoding="utf-8")
    scripts = {
        "squeue": _SQUEUE.format(python=sys.executable, answer=str(answer), began=time.time()),
        "scontrol": _SCONTROL.format(folder=answers),
    }
    for name, script in scripts.items():
        (folder / name).write_text(script, encoding="utf-8")
        (folder / name).chmod(0o755)
