"""What the private Slurm cluster looks like: its nodes, partitions and settings, written into a folder."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

# What observes a job on its node finds its processes by the job's number, and all clusters of this machine
# share its processes: no two of them count from the same number, as none listen on the same port.
CONFIGURATION = """\
ClusterName=testbed
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller_port}
FirstJobId={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdSpoolDir={folder}/spool/%n
SlurmctldTimeout=300
SlurmdTimeout=300
MessageTimeout=10
KillWait=1
ReturnToService=1
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=0
PriorityType=priority/basic
GresTypes=gpu
NodeName=DEFAULT Sockets=2 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=64000
NodeName=c[001-008] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[{c_ports}] Feature=skylake,ib Weight=10
NodeName=g[001-004] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[{g_ports}] \
Feature=broadwell,ib Gres=gpu:p100:2 Weight=50
NodeName=k001 NodeHostname=localhost NodeAddr=127.0.0.1 Port={k_ports} Feature=knl Weight=20 \
Sockets=1 CoresPerSocket=68 ThreadsPerCore=4 RealMemory=192000
NodeName=x001 NodeHostname=localhost NodeAddr=127.0.0.1 Port={x_ports} Feature=spare Weight=90
PartitionName=main Nodes=c[001-008] Default=YES MaxTime=7-00:00:00 DefaultTime=02:00:00
PartitionName=gpu Nodes=g[001-004] MaxTime=2-00:00:00 DefaultTime=02:00:00
PartitionName=knl Nodes=k001 MaxTime=INFINITE DefaultTime=02:00:00
PartitionName=debug Nodes=c[001-002],x001 MaxTime=00:30:00 PriorityTier=2
"""
NODES = (*(f"c{i:03}" for i in range(1, 9)), *(f"g{i:03}" for i in range(1, 5)), "k001", "x001")
"""Eight nodes of 16 cores, four more with two GPUs each, one of 68 cores with 4 threads each, a spare one."""


CONFINING = (
    ("ProctrackType=proctrack/linuxproc", "ProctrackType=proctrack/cgroup"),
    ("TaskPlugin=task/none", "TaskPlugin=task/cgroup,task/affinity"),
    ("JobAcctGatherType=jobacct_gather/linux", "JobAcctGatherType=jobacct_gather/cgroup"),
)
"""What a site says otherwise whose jobs are confined to their cores and memory."""
CGROUP_CONFIGURATION = """\
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
CgroupAutomount=no
IgnoreSystemd=yes
ConstrainCores=yes
ConstrainRAMSpace=yes
ConstrainSwapSpace=no
ConstrainDevices=no
"""
CONTROLLERS = ("cpuset", "memory", "cpuacct", "freezer")
"""The control groups that this takes."""
CGROUPS = Path("/sys/fs/cgroup")


def lay_out_confined(folder: Path, node: str, cores: int) -> None:
    """Write a cluster of one node that is this very machine and confines its jobs to their cores and memory.

    Args:
        folder: An empty folder.
        node: The node's name; its control groups are called by it.
        cores: How many this machine has.
    """
    _make_folders(folder, (node,))
    settings, _, _ = CONFIGURATION.partition("NodeName=DEFAULT")
    for usual, confining in (
        *CONFINING,
        ("GresTypes=gpu\n", ""),
        ("SlurmdParameters=config_overrides\n", ""),
    ):
        settings = settings.replace(usual, confining)
    controller_port, port = _free_ports(2)
    (folder / "slurm.conf").write_text(
        settings.format(folder=folder, controller_port=controller_port)
        + f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} "
        f"CPUs={cores} RealMemory=1000\nPartitionName=main Nodes={node} Default=YES\n"
    )
    (folder / "cgroup.conf").write_text(CGROUP_CONFIGURATION)


def _make_folders(folder: Path, nodes: Sequence[str]) -> None:
    folder.chmod(0o755)  # The jobs of other users work in it.
    for name in ("munge", "state", "spool", "log", "gpu", "work"):
        (folder / name).mkdir()
    (folder / "work").chmod(0o1777)
    for node in nodes:
        (folder / "spool" / node).mkdir()


def lay_out(folder: Path) -> None:
    """Make the folders and write slurm.conf and gres.conf, with ports that are free now."""
    _make_folders(folder, NODES)
    for index in range(2):
        (folder / "gpu" / f"fakegpu{index}").touch()
    (folder / "gres.conf").write_text(
        f"NodeName=g[001-004] Name=gpu Type=p100 File={folder}/gpu/fakegpu[0-1]\n"
    )
    controller_port, *node_ports = _free_ports(1 + len(NODES))
    ports: dict[str, list[str]] = {"c": [], "g": [], "k": [], "x": []}
    for node, port in zip(NODES, node_ports, strict=True):
        ports[node[0]].append(str(port))
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(
            folder=folder,
            controller_port=controller_port,
            **{f"{kind}_ports": ",".join(numbers) for kind, numbers in ports.items()},
        )
    )


def _free_ports(count: int) -> list[int]:
    with ExitStack() as sockets:
        ports = []
        for _ in range(count):
            listener = sockets.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            ports.append(int(listener.getsockname()[1]))
    return ports
