"""Why a job waits, in plain words, with what the snapshot knows about it.

Slurm gives one word. Here the partition's nodes, the reservations, the job's place in line and the
scheduler's own plan are put beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from jobmon_tui.analysis.dependencies import dependency_words
from jobmon_tui.analysis.index import HOLDING, SnapshotIndex
from jobmon_tui.analysis.reasons import NODES_REQUIRED, words_for
from jobmon_tui.analysis.waiting_nodes import (
    binding_maintenance,
    census,
    hosts_of,
    kinds_of,
    partition_names,
    trouble_of,
)
from jobmon_tui.model.arrays import parse_tasks
from jobmon_tui.model.hostlist import fold
from jobmon_tui.model.snapshot import Job, Partition, Reservation
from jobmon_tui.model.units import format_duration_words

ClockText = Callable[[float], str]
"""Turns Unix seconds into words such as ``14:30`` or ``tomorrow 14:30``."""

MOST_NODES_TOLD = 4
"""Nodes whose state is spelled out one by one."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A job and what is known around it."""

    job: Job
    index: SnapshotIndex
    clock_text: ClockText
    detail: str
    """What Slurm's reason says after its first comma."""

    @property
    def now(self) -> float:
        return self.index.snapshot.timestamp


def place_in_line(job: Job, index: SnapshotIndex) -> tuple[int, int] | None:
    """Its place among the pending jobs of its partition, and how many there are; ``None`` if it has none."""
    return index.line.get(job.job_id)


def explain_waiting(job: Job, index: SnapshotIndex, clock_text: ClockText) -> str:
    """Why a pending job waits, in a sentence or two; empty for a job that does not wait.

    Args:
        job: The job.
        index: The snapshot it is in.
        clock_text: Turns Unix seconds into words.
    """
    if not job.is_pending:
        return ""
    reason, detail = _split_reason(job.reason)
    case = _Case(job, index, clock_text, detail)
    told = TELLERS.get(reason)
    first = told(case) if told else None
    if first is None:
        first = words_for(reason, job.account, job.qos)
    if first is None:
        return f"It waits; Slurm's reason is “{job.reason}”."
    more = next(filter(None, (also(case) for also in MORE.get(reason, ()))), "")
    return f"{first} {more}".rstrip()


def waiting_facts(job: Job, index: SnapshotIndex, clock_text: ClockText) -> tuple[tuple[str, str], ...]:
    """What bears on why a job waits, as labelled lines; the first, ``why``, is the explanation.

    Args:
        job: The job; one that does not wait has no such facts.
        index: The snapshot it is in.
        clock_text: Turns Unix seconds into words.
    """
    if not job.is_pending:
        return ()
    case = _Case(job, index, clock_text, _split_reason(job.reason)[1])
    facts = [("why", explain_waiting(job, index, clock_text)), ("reason", job.reason or "none yet")]
    place = place_in_line(job, index)
    if place is not None:
        facts.append(("in line", f"{_ordinal(place[0])} of {place[1]:,}"))
    if job.start_time:
        facts.append(("expected start", clock_text(job.start_time)))
    if job.scheduled_nodes:
        facts.append(("planned nodes", job.scheduled_nodes))
    if job.eligible_time and job.eligible_time > case.now:
        facts.append(("not before", clock_text(job.eligible_time)))
    if job.dependency:
        facts.append(("waits for", dependency_words(job.dependency) or job.dependency))
    limit = parse_tasks(job.array_tasks or "").limit
    if job.array_id is not None and limit:
        facts.append(("of its array", f"{_running_tasks(case)} running, {limit:,} at a time"))
    nodes = census(job, index.snapshot)
    if nodes:
        facts.append((f"nodes of {partition_names(job)}", nodes))
    facts.extend(
        ("maintenance", _period(case, one)) for one in binding_maintenance(case.job, case.index.snapshot)
    )
    return tuple(facts)


def _split_reason(reason: str | None) -> tuple[str, str]:
    """Slurm's word and what follows its comma; the one long sentence is known by its beginning."""
    plain = (reason or "None").replace("_", " ").strip() or "None"
    if plain.startswith(NODES_REQUIRED):
        return NODES_REQUIRED, ""
    word, detail = (*re.split(r"[,(]", plain.strip("()"), maxsplit=1), "")[:2]
    return word.strip(), detail.strip()


# -- one teller for each reason of which the snapshot knows more than the word -------------------------------


def _resources(case: _Case) -> str:
    job = case.job
    wants = [_count(job.n_cpus, "core")]
    if job.n_gpus:
        wants.append(_count(job.n_gpus, "GPU"))
    where = f" on {job.n_nodes:,} nodes" if (job.n_nodes or 1) > 1 else ""
    return f"It waits for {' and '.join(wants)}{where} to become free."


def _priority(case: _Case) -> str | None:
    place = place_in_line(case.job, case.index)
    if place is None or place[0] == 1:
        return None
    ahead = place[0] - 1
    verb = "has a higher priority and stands" if ahead == 1 else "have a higher priority and stand"
    return f"{_count(ahead, 'job')} {verb} before it in line."


def _dependency(case: _Case) -> str | None:
    words = dependency_words(case.job.dependency or "")
    return f"It waits until {words}." if words else None


def _never(case: _Case) -> str | None:
    words = dependency_words(case.job.dependency or "")
    return f"It waits until {words}, which can never happen any more: cancel it." if words else None


def _begin_time(case: _Case) -> str | None:
    begin = case.job.eligible_time or case.job.start_time
    return f"It was submitted to start not before {case.clock_text(begin)}." if begin else None


def _array_limit(case: _Case) -> str | None:
    limit = parse_tasks(case.job.array_tasks or "").limit
    if limit is None:
        return None
    running = _running_tasks(case)
    verb = "runs" if running == 1 else "run"
    return f"{_count(running, 'task')} of its array {verb}; the limit is {limit:,} at a time."


def _held(case: _Case) -> str:
    number = case.job.array_id or case.job.job_id
    return f"Its owner holds it back; it starts after `scontrol release {number}`."


def _not_available(case: _Case) -> str | None:
    if "maintenance" in case.detail.lower():
        return "Nodes that it needs are reserved for maintenance."
    if "reserved for other job" in case.detail.lower():
        return "Nodes that it needs may be reserved for another job."
    names = hosts_of(case.detail.partition(":")[2] or case.job.requested_nodes)
    nodes = [case.index.snapshot.nodes[name] for name in names if name in case.index.snapshot.nodes]
    told = [f"{node.name} is {trouble_of(node)}" for node in nodes if trouble_of(node)]
    if not told:
        return f"Nodes that it may use are not available: {fold(names)}." if names else None
    if len(told) > MOST_NODES_TOLD:
        return f"Of the nodes that it may use, {', '.join(kinds_of(nodes))}."
    return f"Nodes that it may use are not available: {', '.join(told)}."


def _reservation(case: _Case) -> str | None:
    name = case.job.reservation
    found = next((one for one in case.index.snapshot.reservations if one.name == name), None)
    if name is None or found is None:
        return None
    if found.start_time and found.start_time > case.now:
        return f"Its reservation {name} starts {_at(case, found.start_time)}."
    if found.end_time and found.end_time <= case.now:
        return f"Its reservation {name} is over since {case.clock_text(found.end_time)}."
    return f"Its reservation {name} has no room for it now."


def _partitions_of(case: _Case) -> list[Partition]:
    names = (case.job.partition or "").split(",")
    return [one for one in case.index.snapshot.partitions if one.name in names]


def _too_long(case: _Case) -> str | None:
    limits = [one.max_time for one in _partitions_of(case)]
    asked = "no time limit" if case.job.time_limit is None else format_duration_words(case.job.time_limit)
    known = [limit for limit in limits if limit is not None]
    if not known or len(known) < len(limits):
        return None
    allowed = format_duration_words(max(known))
    name = partition_names(case.job)
    return f"It asks for {asked}, but {name} allows {allowed}: it will not start like this."


def _node_limit(case: _Case) -> str | None:
    limits = [one.max_nodes for one in _partitions_of(case) if one.max_nodes is not None]
    if not limits or not case.job.n_nodes or case.job.n_nodes <= max(limits):
        return None
    name = partition_names(case.job)
    return f"It asks for {case.job.n_nodes:,} nodes, but {name} gives {max(limits):,} at most."


def _partition_down(case: _Case) -> str:
    return f"Partition {partition_names(case.job)} starts no jobs now: an administrator has closed it."


TELLERS: dict[str, Callable[[_Case], str | None]] = {
    "Resources": _resources,
    "Priority": _priority,
    "Dependency": _dependency,
    "DependencyNeverSatisfied": _never,
    "BeginTime": _begin_time,
    "JobArrayTaskLimit": _array_limit,
    "JobHeldUser": _held,
    "ReqNodeNotAvail": _not_available,
    "Reservation": _reservation,
    "PartitionTimeLimit": _too_long,
    "PartitionNodeLimit": _node_limit,
    "PartitionDown": _partition_down,
    "PartitionInactive": _partition_down,
}
"""Where one gives ``None``, the word alone is explained."""


# -- what is said besides ------------------------------------------------------------------------------------


def _maintenance_sentence(case: _Case) -> str:
    """Whether a maintenance stands in its way, and how short it would have to be to fit before that."""
    for one in binding_maintenance(case.job, case.index.snapshot):
        start = one.start_time or 0
        if start <= case.now:
            return f"Nodes that it needs are in maintenance{_until(case, one)}."
        who = (
            f"The {_count(case.job.n_nodes, 'node')} it needs" if case.job.n_nodes else "Nodes that it needs"
        )
        verb = "is" if case.job.n_nodes == 1 else "are"
        minutes = (start - case.now) // 60
        advice = f"; shorter than {format_duration_words(minutes)} it would fit before" if minutes else ""
        return f"{who} {verb} reserved for maintenance {_period(case, one)}{advice}."
    return ""


def _plan(case: _Case) -> str:
    start, nodes = case.job.start_time, case.job.scheduled_nodes
    if not start or start < case.now:
        return ""
    return f"Slurm expects to start it {_at(case, start)}{f' on {nodes}' if nodes else ''}."


def _census_sentence(case: _Case) -> str:
    nodes = census(case.job, case.index.snapshot)
    return f"Nodes of {partition_names(case.job)}: {nodes}." if nodes else ""


_Also = tuple[Callable[[_Case], str], ...]
_WHERE_AND_WHEN: _Also = (_maintenance_sentence, _plan, _census_sentence)
MORE: dict[str, _Also] = {
    "Resources": _WHERE_AND_WHEN,
    "Priority": (_maintenance_sentence, _plan),
    "ReqNodeNotAvail": (_maintenance_sentence, _plan),
    NODES_REQUIRED: _WHERE_AND_WHEN,
}
"""For each reason, what is said besides: the first that has something to say."""


# -- words ---------------------------------------------------------------------------------------------------


def _running_tasks(case: _Case) -> int:
    jobs = case.index.snapshot.jobs.values()
    return sum(job.array_id == case.job.array_id and job.state in HOLDING for job in jobs)


def _period(case: _Case, one: Reservation) -> str:
    begins = one.start_time is not None and one.start_time > case.now
    since = f"from {case.clock_text(one.start_time or 0)}" if begins else "now"
    return f"{since}{_until(case, one)}"


def _until(case: _Case, one: Reservation) -> str:
    return f" until {case.clock_text(one.end_time)}" if one.end_time else ", with no end set"


def _at(case: _Case, time: float) -> str:
    text = case.clock_text(time)
    return f"at {text}" if text[:1].isdecimal() else text


def _count(number: int | None, word: str) -> str:
    return f"{number or 0:,} {word}{'' if number == 1 else 's'}"


def _ordinal(number: int) -> str:
    ending = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
