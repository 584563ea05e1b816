"""Slurm's reasons for a job to wait, in plain words: what each name says by itself.

The many names of limits (``QOSGrpCPURunMinutesLimit``, ``AssocMaxGRESPerNode``, ...) follow a grammar and are
taken apart by it; the others stand in a table.
"""

from __future__ import annotations

import re

NODES_REQUIRED = "Nodes required for job are DOWN"
"""How the one reason begins that Slurm gives as a sentence."""
WORDS = {
    "None": "Slurm has not looked at it since it was submitted.",
    "Resources": "It waits for what it asks for to become free.",
    "Priority": "Jobs with a higher priority stand before it in line.",
    "Dependency": "It waits for another job.",
    "DependencyNeverSatisfied": "What it waits for can never happen any more. It will not start: cancel it.",
    "BeginTime": "It was submitted to start later.",
    "JobHeldUser": "Its owner holds it back; it starts after `scontrol release`.",
    "JobHeldAdmin": "An administrator holds it back, and only an administrator can release it.",
    "JobHoldMaxRequeue": "It was put back into the queue too often; `scontrol release` lets it try again.",
    "JobArrayTaskLimit": "As many tasks of its array run as may run at a time.",
    "ReqNodeNotAvail": "A node that it needs is not available.",
    NODES_REQUIRED: "Nodes that it needs are down, drained or kept for a partition with a higher priority.",
    "Reservation": "It waits for its reservation.",
    "ReservationDeleted": "The reservation that it was submitted to has been deleted.",
    "PartitionTimeLimit": "Its time limit is longer than its partition allows: it will not start like this.",
    "PartitionNodeLimit": "It asks for more or fewer nodes than its partition gives at present.",
    "PartitionDown": "Its partition is down: jobs are accepted, but none is started.",
    "PartitionInactive": "Its partition is inactive: no job is started.",
    "PartitionConfig": "Its partition is set up in a way that does not let it start.",
    "Licenses": "It waits for a licence that other jobs hold.",
    "NodeDown": "A node that it needs is down.",
    "BadConstraints": "No node has what it asks for: it will never start like this.",
    "FrontEndDown": "No front end node is there to start it.",
    "Prolog": "The program that prepares its nodes is still running.",
    "Cleaning": "It is being put back into the queue: what is left of its last run is cleaned up first.",
    "SystemFailure": "Slurm or a node failed.",
    "JobLaunchFailure": "It could not be started: a node, a file system or its own environment failed.",
    "NonZeroExitCode": "It ended with an error.",
    "RaisedSignal": "A signal ended it.",
    "TimeLimit": "It used up its time limit.",
    "InactiveLimit": "It did nothing for too long.",
    "OutOfMemory": "It used up its memory.",
    "DeadLine": "It can no longer end before its deadline.",
    "InvalidAccount": "Its account does not exist (any more).",
    "InvalidQOS": "Its QOS does not exist (any more).",
    "AccountNotAllowed": "Its account may not use its partition.",
    "QOSNotAllowed": "Its QOS may not be used in its partition, or not by its account.",
    "AccountingPolicy": "A limit of its account or QOS is reached.",
    "QOSUsageThreshold": "Its account has used too much of late for this QOS.",
    "AssociationJobLimit": "Its account runs as many jobs as it may.",
    "AssociationResourceLimit": "Its account holds as much as it may.",
    "AssociationTimeLimit": "Its account has used up its time.",
    "QOSJobLimit": "Its QOS runs as many jobs as it may.",
    "QOSResourceLimit": "Its QOS holds as much as it may.",
    "QOSTimeLimit": "Its QOS has used up its time.",
    "MaxMemPerLimit": "It asks for more memory per core or node than allowed: it will not start like this.",
    "SchedDefer": "Slurm puts off looking at it: it was asked to start at once, and that is turned off.",
    "BurstBufferResources": "It waits for room in the burst buffer.",
    "BurstBufferStageIn": "Its files are being copied into the burst buffer.",
    "BurstBufferOperation": "Something about its burst buffer failed.",
    "BlockMaxError": "Its nodes have met too many errors.",
    "BlockFreeAction": "Its nodes are still being freed.",
    "PowerNotAvail": "There is not enough electrical power left for it.",
    "PowerReserved": "The electrical power that it needs is reserved.",
    "MaxPoweredNodes": "As many nodes are switched on as may be.",
    "MpiPortsBusy": "The network ports that its processes need are in use.",
    "FedJobLock": "The clusters of the federation are agreeing on who starts it.",
    "launch failed requeued held": "Its start failed and it is held; `scontrol release` lets it try again.",
    "job requeued in held state": "It was put back into the queue, held; `scontrol release` lets it go.",
}
"""Slurm's name of the reason to what it says of any job."""

_LIMIT = re.compile(
    r"(?P<of>QOS|Qos|Assoc)?(?P<kind>Grp|Max|Min)"
    r"(?P<what>SubmitJobs?|Jobs?|WallDuration|Wall|Cpu|CPU|Memory|Mem|Nodes?|GRES|BB|Energy|Billing|Licenses?"
    r"|Unknown)"
    r"(?P<time>RunMinutes|Minutes)?(?:Per(?P<each>Job|Node|User|Account))?(?:Limit|NotSatisfied)?\Z"
)
_THINGS = {
    "Cpu": "cores",
    "CPU": "cores",
    "Mem": "memory",
    "Memory": "memory",
    "Node": "nodes",
    "Nodes": "nodes",
    "GRES": "GPUs (or other generic resources)",
    "BB": "burst buffer space",
    "Energy": "energy",
    "Billing": "billing units",
    "License": "licences",
    "Licenses": "licences",
    "Wall": "run time",
    "WallDuration": "run time",
    "Unknown": "resources",
}


def words_for(reason: str, account: str | None = None, qos: str | None = None) -> str | None:
    """What a reason says, in a sentence or two; ``None`` where nobody knows.

    Args:
        reason: Slurm's name of it, without the details that some have after a comma.
        account: The job's account.
        qos: The job's QOS.
    """
    return WORDS.get(reason) or _words_for_limit(reason, account, qos)


def _words_for_limit(reason: str, account: str | None, qos: str | None) -> str | None:
    match = _LIMIT.match(reason)
    if match is None:
        return None
    if match["of"] == "Assoc":
        group = f"account {account}" if account else "its account"
    else:
        group = f"QOS {qos}" if qos else "its QOS"
    if "Job" in match["what"]:
        return _words_for_job_count(match, group, account)
    thing = _THINGS[match["what"]]
    if match["kind"] == "Min":
        return f"It asks for less than {group} demands of a job ({thing}): it will not start like this."
    if match["kind"] == "Grp":
        return _words_for_group(thing, match["time"], group)
    if match["each"] == "User":
        return f"Its owner's jobs already hold all that one user may have in {group}: {thing}."
    if match["each"] == "Account":
        whose = f"account {account}" if account else "its account"
        return f"The jobs of {whose} already hold all that one account may have in {group}: {thing}."
    where = " on one node" if match["each"] == "Node" else ""
    amount = f"{thing} times time" if match["time"] else thing
    return f"It asks for more than a job of {group} may have{where} ({amount}): it will not start like this."


def _words_for_group(thing: str, time: str | None, group: str) -> str:
    if time == "RunMinutes":
        return f"The running jobs of {group} have all the {thing} for as long as they may have together."
    if time == "Minutes":
        return f"The jobs of {group} have used up what they were granted together ({thing} times time)."
    return f"The jobs of {group} already have all that they may have together: {thing}."


def _words_for_job_count(match: re.Match[str], group: str, account: str | None) -> str:
    verb = "submitted" if "Submit" in match["what"] else "running"
    if match["kind"] == "Grp":
        return f"The users of {group} together already have as many jobs {verb} as they may."
    if match["each"] == "Account":
        whose = f"account {account}" if account else "its account"
        return f"The users of {whose} already have as many jobs {verb} as one account may have in {group}."
    return f"Its owner already has as many jobs {verb} as one user may have in {group}."
