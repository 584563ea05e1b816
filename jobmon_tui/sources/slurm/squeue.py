"""Asking squeue for every job, and reading its answer.

What users choose themselves (names, paths) may contain anything, line breaks and other separators included.
So such fields and the records end in a separator that nobody can know beforehand, made anew for each call;
the fields that Slurm writes itself end in an ASCII *unit separator*.

``squeue -O field:suffix`` prints each field whole and followed by the suffix (a field without a colon would
be cut to 20 characters). The fields below exist from Slurm 20.11 on.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from sys import intern
from typing import Any, NamedTuple

from jobmon_tui.model.arrays import parse_tasks
from jobmon_tui.model.hostlist import expand
from jobmon_tui.model.snapshot import Job
from jobmon_tui.model.units import parse_duration, parse_memory, parse_utc
from jobmon_tui.sources.slurm.details import Details
from jobmon_tui.sources.slurm.gres import plain_gres
from jobmon_tui.sources.slurm.requests import Request, needs_of
from jobmon_tui.sources.slurm.scontrol import known, whole

UNIT = "\x1f"
"""Stands after each field that Slurm writes itself."""
PLAIN_FIELDS = (
    "JobArrayID", "JobID", "ArrayJobID", "ArrayTaskID", "State", "UserName", "Account", "Partition", "QOS",
    "PriorityLong", "Reason", "Dependency", "SubmitTime", "EligibleTime", "StartTime", "EndTime", "TimeLimit",
    "TimeUsed", "NumNodes", "NumCPUs", "NumTasks", "cpus-per-task", "MinMemory", "mem-per-tres", "MinTmpDisk",
    "NodeList", "SchedNodes", "ReqNodes", "tres-alloc", "tres-per-node", "tres-per-job", "tres-per-socket",
    "tres-per-task", "Sockets", "BatchFlag", "exit_code",
)  # fmt: skip
"""What Slurm writes itself."""
FREE_FIELDS = ("Reservation", "Feature", "Name", "WorkDir", "Command", "STDOUT", "STDERR")
"""What people write."""
HOLDING = frozenset(
    {"RUNNING", "SUSPENDED", "COMPLETING", "STOPPED", "SIGNALING", "STAGE_OUT", "CONFIGURING"}
)
"""States in which a job has its nodes."""


class Separators(NamedTuple):
    """What ends a field that people write, and what ends a record."""

    field: str
    record: str


class Listed(NamedTuple):
    """One job of squeue's list."""

    number: int
    """Slurm's own number: a task of an array has another one than its array."""
    job: Job | dict[str, Any]
    """A job that holds no nodes, or the fields of one that does: what it holds is still to be added."""


class Answer(NamedTuple):
    """What squeue said."""

    listed: list[Listed]
    multiline: list[str]
    """What people wrote with line breaks in it."""
    unreadable: int
    """Records that could not be read."""


def make_separators() -> Separators:
    """Separators that no job can contain on purpose."""
    secret = secrets.token_hex(6)
    return Separators(f"{UNIT}{secret}", f"\x1e{secret}")


def command(separators: Separators, only_user: str | None = None) -> list[str]:
    """The command that asks for all jobs, hidden partitions' and recently ended ones included.

    Sorting by number is the cheapest order that squeue has.
    """
    fields = [f"{name}:{UNIT}" for name in PLAIN_FIELDS[:-1]]
    fields += [f"{name}:{separators.field}" for name in (PLAIN_FIELDS[-1], *FREE_FIELDS[:-1])]
    fields.append(f"{FREE_FIELDS[-1]}:{separators.record}")
    chosen = [] if only_user is None else [f"--user={only_user}"]
    return [
        "squeue",
        "--all",
        "--noheader",
        "--states=all",
        "--sort=i",
        *chosen,
        f"--Format={','.join(fields)}",
    ]


class JobsReader:
    """Reads answer after answer. A waiting job that did not change since the last one is not read again."""

    def __init__(self) -> None:
        self._unchanged: dict[bytes, Listed] = {}

    def read(self, printed: bytes, separators: Separators) -> Answer:
        """The jobs of an answer.

        Raises:
            ValueError: The answer is cut short: it does not end with the end of a record.
        """
        end_mark = f"{separators.record}\n".encode()
        secret = separators.record[1:].encode()
        listed: list[Listed] = []
        multiline: list[str] = []
        unchanged: dict[bytes, Listed] = {}
        unreadable = 0
        position = _after_cluster_line(printed)
        while position < len(printed):
            end = printed.find(end_mark, position)
            if end < 0:
                raise ValueError("the list of jobs is cut short")
            record = printed[position:end]
            position = end + len(end_mark)
            if b"\n" in record:
                free = record.decode("utf-8", "surrogateescape").split(separators.field)
                multiline.extend(text for text in free[1:] if "\n" in text)
            # The separators differ each time, so they must not count as a change.
            digest = blake2b(record.replace(secret, b""), digest_size=16).digest()
            found = self._unchanged.get(digest)
            if found is None:
                found = _read_record(record.decode("utf-8", "replace"), separators.field)
                if found is None:
                    unreadable += 1
                    continue
            if isinstance(found.job, Job):
                unchanged[digest] = found
            listed.append(found)
        self._unchanged = unchanged
        return Answer(listed, multiline, unreadable)


def join(listed: Iterable[Listed], details: Mapping[int, Details]) -> tuple[Job, ...]:
    """The jobs, with what scontrol says that they hold.

    Args:
        listed: What squeue said.
        details: What scontrol said, by number.
    """
    return tuple(
        job if isinstance(job, Job) else _with_details(job, details.get(number)) for number, job in listed
    )


def _with_details(fields: dict[str, Any], details: Details | None) -> Job:
    if details is None or not _is_plausible(fields["nodes"], details):
        return Job(**fields)
    return Job(
        **{
            **fields,
            "layout": details.layout,
            "gpu_layout": details.gpu_layout,
            "memory_layout": details.memory_layout,
            "n_gpus": details.n_gpus,
            "memory_request": details.memory_on_each or fields["memory_request"],
            "tres_requested": details.tres_requested,
            "tres_allocated": details.tres_allocated or fields["tres_allocated"],
            "stdout": details.stdout or fields["stdout"],
            "stderr": details.stderr or fields["stderr"],
        }
    )


def _is_plausible(nodes: str, details: Details) -> bool:
    """Whether these nodes are among the job's own: the two commands ran one after the other."""
    if not details.layout:
        return False
    if len(details.layout) == 1 and nodes in details.layout:
        return True
    try:
        return details.layout.keys() <= set(expand(nodes))
    except ValueError:
        return False


def has_run_a_while(one: Listed) -> bool:
    """Whether it has run for over a minute: what came or went between two commands does not count."""
    return isinstance(one.job, dict) and one.job["state"] == "RUNNING" and one.job["run_time"] > 1


def _after_cluster_line(printed: bytes) -> int:
    """Where the jobs begin: with ``SLURM_CLUSTERS`` set, a line that names the cluster comes first."""
    return printed.find(b"\n") + 1 if printed.startswith(b"CLUSTER: ") else 0


def _read_record(record: str, field_end: str) -> Listed | None:
    """One job, or ``None`` where the record is none."""
    plain, *free = record.split(field_end)
    values = plain.split(UNIT)
    if len(free) != len(FREE_FIELDS) or len(values) != len(PLAIN_FIELDS):
        return None
    (
        job_id, number, array, task, state, user, account, partition, qos, priority, reason, dependency,
        submitted, eligible, start, end, limit, used, n_nodes, n_cpus, n_tasks, cpus_per_task, memory,
        memory_per_gpu, disk, nodes, planned, required, tres, per_node, per_job, per_socket, per_task,
        sockets, is_batch, exit_code,
    ) = values  # fmt: skip
    reservation, features, name, work_dir, script, stdout, stderr = free
    if not number.isdecimal() or not state:
        return None
    is_pending = state == "PENDING"
    needs = needs_of(
        Request(
            n_cpus, n_nodes, n_tasks, tres, memory, memory_per_gpu, sockets,
            per_node, per_job, per_socket, per_task,
        )
    )  # fmt: skip
    array_id, array_tasks, task_count = _array(job_id, array, task)
    output = _Output(work_dir, number, array_id, task, name) if is_batch != "0" else None
    out = output and output.path(stdout)
    tracked = _word(tres)
    fields: dict[str, Any] = {
        "job_id": job_id,
        "name": name,
        "username": intern(user),
        "state": intern(state),
        "n_cpus": needs.n_cpus,
        "n_gpus": needs.n_gpus,
        "time_limit": parse_duration(limit),
        "run_time": parse_duration(used) or 0,
        "start_time": parse_utc(start),
        "memory_request": needs.memory_on_each,
        "jobfs_request": parse_memory(disk) or None,
        "partition": _word(partition),
        "account": _word(account),
        "qos": _word(qos),
        "priority": whole(priority),
        "reason": _word(reason),
        "dependency": known(dependency),
        "submit_time": parse_utc(submitted),
        "eligible_time": parse_utc(eligible),
        # Of a waiting job it would be a guess: its planned start and its time limit.
        "end_time": None if is_pending else parse_utc(end),
        "n_nodes": needs.n_nodes,
        "nodes": _word(nodes) or "",
        "scheduled_nodes": _word(planned) or "",
        "requested_nodes": _word(required) or "",
        # squeue prints what was allocated, or while a job waits, what it asked for.
        "tres_requested": tracked if is_pending else None,
        "tres_allocated": None if is_pending else tracked,
        "gres": plain_gres(per_node),
        "features": _word(features),
        "reservation": _word(reservation),
        "n_tasks": needs.n_tasks,
        "cpus_per_task": whole(cpus_per_task),
        "work_dir": known(work_dir),
        "stdout": out,
        "stderr": out if stderr in (stdout, "(null)") else output and output.path(stderr),
        "command": known(script),
        "exit_code": _exit_code(exit_code),
        "array_id": array_id,
        "number": None if array_id is None else int(number),
        "array_tasks": array_tasks,
        "task_count": task_count,
    }
    return Listed(int(number), fields if state in HOLDING else Job(**fields))


def _array(job_id: str, array: str, task: str) -> tuple[str | None, str | None, int]:
    """The array that it belongs to, its waiting tasks if it stands for them, and how many those are."""
    if "_" not in job_id:
        return None, None, 1
    if not job_id.endswith("]"):
        return array, None, 1
    return array, task, max(1, parse_tasks(task).count)


@lru_cache(maxsize=8192)
def _word(text: str) -> str | None:
    """A text that many jobs share."""
    found = known(text)
    return None if found is None else intern(found)


@lru_cache(maxsize=1024)
def _exit_code(status: str) -> str | None:
    """``3:0`` from the status of wait(2), which is what squeue prints: 768."""
    number = whole(status)
    return known(status) if number is None else f"{number >> 8 & 255}:{number & 127}"


class _Output(NamedTuple):
    """What decides where a batch job writes."""

    work_dir: str
    number: str
    array_id: str | None
    task: str
    name: str

    def path(self, pattern: str) -> str | None:
        """The path, with the parts of the pattern filled in that are certain."""
        if self.array_id is not None and pattern == f"{self.work_dir}/slurm-{self.number}.out":
            # squeue makes this name up where none was given, but an array's default is another one.
            pattern = "(null)"
        if pattern == "(null)":
            pattern = f"{self.work_dir}/slurm-{'%j' if self.array_id is None else '%A_%a'}.out"
        if "%" not in pattern:
            return known(pattern)
        is_task = self.array_id is not None and self.task.isdecimal()
        if is_task or self.array_id is None:
            pattern = pattern.replace("%j", self.number)
        if is_task:
            pattern = pattern.replace("%a", self.task)
        return pattern.replace("%A", self.array_id or self.number).replace("%x", self.name)
