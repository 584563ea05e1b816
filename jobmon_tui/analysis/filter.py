"""The filter of jobs: ``train user:asr state:running gpu>0 node:john4*`` compiled into one quick test.

Free words look into job id, name, user, partition, state, account and node names; fields ask for one thing.
`JOB_FIELDS` declares them all, for parsing, for the help screen and for completion.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from jobmon_tui.analysis.filter_fields import (
    DURATION_EXAMPLE,
    MEMORY_EXAMPLE,
    Field,
    NumberField,
    Predicate,
    StateField,
    TextField,
    WordsField,
    both,
    compile_field_term,
    compile_words,
    mebibytes,
    minutes,
)
from jobmon_tui.analysis.filter_terms import FilterError, Term, parse_terms, quote
from jobmon_tui.analysis.index import HOLDING
from jobmon_tui.model.hostlist import expand
from jobmon_tui.model.snapshot import Job

__all__ = [
    "JOB_FIELDS",
    "FilterError",
    "JobFilter",
    "exit_status",
    "held_nodes",
    "memory_used",
    "parse_filter",
    "quote",
    "time_left",
    "waited",
]

ENDED = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "LAUNCH_FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    }
)
"""Job states that no job leaves."""

_SHORT_STATES = {
    "BF": "BOOT_FAIL",
    "CA": "CANCELLED",
    "CD": "COMPLETED",
    "CF": "CONFIGURING",
    "CG": "COMPLETING",
    "DL": "DEADLINE",
    "F": "FAILED",
    "LF": "LAUNCH_FAILED",
    "NF": "NODE_FAIL",
    "OOM": "OUT_OF_MEMORY",
    "PD": "PENDING",
    "PR": "PREEMPTED",
    "R": "RUNNING",
    "RD": "RESV_DEL_HOLD",
    "RF": "REQUEUE_FED",
    "RH": "REQUEUE_HOLD",
    "RQ": "REQUEUED",
    "RS": "RESIZING",
    "RV": "REVOKED",
    "S": "SUSPENDED",
    "SE": "SPECIAL_EXIT",
    "SI": "SIGNALING",
    "SO": "STAGE_OUT",
    "ST": "STOPPED",
    "TO": "TIMEOUT",
}
"""As squeue abbreviates them."""

_STATES = tuple(sorted({*_SHORT_STATES.values(), *HOLDING, *ENDED}))
_STATE_GROUPS = {"active": HOLDING, "ended": ENDED, "waiting": frozenset({"PENDING"})}


def held_nodes(job: Job) -> Iterable[str]:
    """The names of the nodes that a job has, from its layout where that is known."""
    if job.layout:
        return job.layout
    try:
        return expand(job.nodes)
    except ValueError:
        return (job.nodes,)


def waited(job: Job, now: float | None) -> float | None:
    """How long a job has waited for its start, in minutes; ``None`` where that is unknown.

    Args:
        job: The job.
        now: Unix seconds; ``None``: only the past waits of started jobs are known.
    """
    until = now if job.is_pending else job.start_time
    if job.submit_time is None or until is None:
        return None
    return max(0.0, until - job.submit_time) / 60


def time_left(job: Job) -> float | None:
    """Minutes until its time limit ends a started job; ``None`` while it waits. Infinite without a limit."""
    if job.state not in HOLDING:
        return None
    return float("inf") if job.time_limit is None else job.time_limit - job.run_time


def exit_status(job: Job) -> float | None:
    """How a job ended, as a shell counts: its exit status, or 128 + the signal that ended it."""
    status, _, signal = (job.exit_code or "").partition(":")
    if job.state not in ENDED or not status.isdecimal():
        return None
    return 128 + int(signal) if signal.isdecimal() and int(signal) else int(status)


def memory_used(job: Job) -> float | None:
    """Measured memory in MiB on the node where the job uses most; ``None`` where nothing measures it."""
    return max(job.memory.values()) if job.memory else None


def _job_ids(job: Job, _: object) -> tuple[str, ...]:
    return (job.job_id, job.array_id) if job.array_id else (job.job_id,)


_count = partial(NumberField[Job], example="4, >=32")
_memory = partial(
    NumberField[Job], parse=mebibytes, value_is="an amount of memory", example=f">{MEMORY_EXAMPLE}"
)
_duration = partial(NumberField[Job], parse=minutes, value_is="a time", example=f">{DURATION_EXAMPLE}")

JOB_FIELDS: tuple[Field[Job], ...] = (
    TextField(
        names=("user", "owner", "username"),
        description="the user",
        value_is="a user name",
        example="asr, a*, asr,jor",
        read=lambda job: job.username,
    ),
    StateField(
        names=("state", "status"),
        description="Slurm's state, its abbreviation or beginning; active, waiting, ended",
        example="running, PD, ended",
        read=lambda job: (job.state,),
        known=_STATES,
        short=_SHORT_STATES,
        groups=_STATE_GROUPS,
    ),
    TextField(
        names=("name",),
        description="a part of the job's name; with = the whole name",
        value_is="a job name",
        example='train, "my job", run_*',
        contains=True,
        read=lambda job: job.name,
    ),
    WordsField(
        names=("partition", "queue"),
        description="a partition that it runs in or may run in",
        value_is="a partition",
        example="gpu",
        read=lambda job, _: job.partition.split(",") if job.partition else ("",),
    ),
    WordsField(
        names=("node", "host"),
        description="a node that it has",
        value_is="a node name",
        example="john4*",
        read=lambda job, _: held_nodes(job),
    ),
    _count(
        names=("cores", "core", "cpus", "cpu"),
        description="cores of one task",
        read=lambda job, _: job.n_cpus,
    ),
    _count(names=("gpus", "gpu"), description="GPUs of one task", read=lambda job, _: job.n_gpus),
    _count(
        names=("nodes",), description="how many nodes it has or asks for", read=lambda job, _: job.n_nodes
    ),
    _count(
        names=("tasks",),
        description="how many tasks of a job array the record stands for",
        read=lambda job, _: job.task_count,
    ),
    _memory(
        names=("mem", "memory"),
        description="memory asked for on each node",
        read=lambda job, _: job.memory_request,
    ),
    _memory(
        names=("used",),
        description="memory in use on the node where it uses most",
        read=lambda job, _: memory_used(job),
    ),
    _memory(
        names=("peak",),
        description="the most memory it had in use on one node",
        read=lambda job, _: job.memory_max,
    ),
    _duration(
        names=("time", "elapsed", "runtime"),
        description="how long it has run",
        read=lambda job, _: job.run_time,
    ),
    _duration(
        names=("limit", "timelimit"),
        description="its time limit; unlimited is longer than anything",
        read=lambda job, _: float("inf") if job.time_limit is None else job.time_limit,
    ),
    _duration(
        names=("left",), description="time left until its limit ends it", read=lambda job, _: time_left(job)
    ),
    _duration(names=("wait", "waited"), description="how long it has waited for its start", read=waited),
    _count(
        names=("priority", "prio"), description="its priority in the queue", read=lambda job, _: job.priority
    ),
    TextField(
        names=("reason",),
        description="a part of the reason for it to wait",
        value_is="a reason",
        example="dependency, *Limit",
        contains=True,
        read=lambda job: job.reason,
    ),
    TextField(
        names=("account",),
        description="the account that is charged",
        value_is="an account",
        example="physics",
        read=lambda job: job.account,
    ),
    TextField(
        names=("qos",),
        description="its quality of service",
        value_is="a quality of service",
        example="high",
        read=lambda job: job.qos,
    ),
    TextField(
        names=("feature", "features", "constraint"),
        description="a node feature that it insists on",
        value_is="a node feature",
        example="skylake",
        contains=True,
        read=lambda job: job.features,
    ),
    TextField(
        names=("reservation",),
        description="the reservation that it runs in",
        value_is="a reservation",
        example="maint*",
        read=lambda job: job.reservation,
    ),
    TextField(
        names=("dependency",),
        description="a part of what it waits for",
        value_is="a dependency",
        example="after",
        contains=True,
        read=lambda job: job.dependency,
    ),
    WordsField(
        names=("id", "job"),
        description="a job id; that of an array means all of its tasks",
        value_is="a job id",
        example="14225036, 14225036_7",
        read=_job_ids,
    ),
    TextField(
        names=("array",),
        description="the job array that it is a task of",
        value_is="the id of a job array",
        example="14225036",
        read=lambda job: job.array_id,
    ),
    TextField(
        names=("command", "script"),
        description="a part of the command that it runs",
        value_is="a part of a path",
        example="train.py",
        contains=True,
        read=lambda job: job.command,
    ),
    TextField(
        names=("folder", "directory"),
        description="a part of the folder that it works in",
        value_is="a part of a path",
        example="/scratch",
        contains=True,
        read=lambda job: job.work_dir,
    ),
    _count(
        names=("exit",),
        description="how it ended: its exit status, or 128 + the signal",
        read=lambda job, _: exit_status(job),
    ),
)
"""Everything that a job filter may ask for."""

_USER_NAMES = frozenset(JOB_FIELDS[0].names)


@dataclass(frozen=True, slots=True)
class JobFilter:
    """A filter of jobs. Falsy while it lets everything through."""

    text: str = ""
    """As typed."""
    terms: tuple[Term, ...] = ()
    _predicate: Predicate = field(default=both(()), repr=False, compare=False)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def matches(self, job: Job, now: float | None = None) -> bool:
        """Whether it lets a job through.

        Args:
            job: The job.
            now: Unix seconds, for how long a job has waited; without it no pending job's wait is known.
        """
        return self._predicate(job, now)

    def select(self, jobs: Iterable[Job], now: float | None = None) -> list[Job]:
        """The jobs that it lets through, in their order. Quicker than asking for one after another."""
        predicate = self._predicate
        return [job for job in jobs if predicate(job, now)] if self.terms else list(jobs)

    @property
    def user(self) -> str | None:
        """The user to whose jobs it restricts; ``None`` if there may be others, or none is named."""
        for term in self.terms:
            if _restricts_user(term) and len(term.values) == 1 and not term.values[0].is_glob:
                return term.values[0].text
        return None

    def with_user(self, name: str | None) -> JobFilter:
        """The same filter for another user, for everyone with ``None``; other terms stay as typed."""
        kept = [self.text[term.start : term.end].rstrip() for term in self.terms if not _restricts_user(term)]
        if name is not None:
            kept.insert(0, f"user:{quote(name)}")
        return parse_filter(" ".join(kept))


def _restricts_user(term: Term) -> bool:
    return term.field in _USER_NAMES and term.operator in (":", "=") and not term.is_negated


def parse_filter(text: str) -> JobFilter:
    """Understand a filter as typed.

    Raises:
        FilterError: It cannot be understood; says where and what could stand there.
    """
    terms = parse_terms(text)
    words = compile_words((term for term in terms if not term.field), _haystack)
    predicates = [compile_field_term(JOB_FIELDS, term) for term in terms if term.field]
    return JobFilter(text, terms, both(predicates if words is None else [*predicates, words]))


def _haystack(job: Job) -> str:
    nodes = "\n".join(job.layout) if job.layout else "\n".join(held_nodes(job))
    partition, account = job.partition or "", job.account or ""
    lines = f"{job.job_id}\n{job.name}\n{job.username}\n{partition}\n{job.state}\n{account}\n{nodes}"
    return lines.casefold()
