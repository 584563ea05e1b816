"""Snapshots without the names of people and of their work, to be shown to strangers.

Users, accounts, jobs, reservations, QOS and the cluster get invented names; so do directories, files and
commands. Sentences that people wrote (an administrator's reason, a site's notes, an error) are replaced as a
whole; those that Slurm itself writes stay. Numbers, states, times, hardware, features and licences stay as
they are, so that usage, warnings and the queue come out the same. Job ids stay: they are Slurm's own numbers.

Names of nodes and partitions stay as well, for without them nothing can be found again; they can be replaced,
too, node names so that they keep their numbers and fold as they did.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from jobmon_tui.analysis.invented import Names
from jobmon_tui.analysis.reasons import NODES_REQUIRED, words_for
from jobmon_tui.model.snapshot import (
    BackfillSlot,
    Job,
    Node,
    Partition,
    Reservation,
    Snapshot,
    SourceStatus,
    Usage,
)

SOURCES = ("slurm", "ganglia", "influxdb", "prometheus", "simulation", "sstat", "sampler")
"""How the names of jobmon's own sources begin: they are not secret."""
ORDINARY_QOS = "normal"
"""The QOS that every Slurm has."""

_JOB_ID = re.compile(r"[0-9]+(?:\+[0-9]+)?(?:_(?:[0-9]+|\?[0-9]+|\[[0-9,:%. -]*\]))?\Z", re.ASCII)
_VERSION = re.compile(r"[0-9][0-9.]{0,30}(?:-?(?:rc|alpha|beta|pre|p)?[0-9]{0,4})\Z", re.ASCII)
_TASKS = re.compile(r"[0-9,:%. -]*\Z", re.ASCII)
_EXIT_CODE = re.compile(r"[0-9]+:[0-9]+\Z", re.ASCII)
_STATUS = r"(?:\((?:unfulfilled|fulfilled|failed)\))?"
_DEPENDENCY = re.compile(
    rf"(?:(?:after[a-z]*(?::[0-9]+(?:_(?:[0-9]+|\*))?(?:\+[0-9]+)?{_STATUS})+|singleton{_STATUS})[,?]?)+\Z",
    re.ASCII,
)
_UNAVAILABLE = re.compile(r"Unavailable(?:Nodes)?:(?P<nodes>[^\s()]*)\Z")
_DETAILS = ("Reserved for maintenance", "May be reserved for other job")
"""What Slurm adds to the name of a reason."""
_SLURMS_OWN = re.compile(
    r"(?:Not responding|Node unexpectedly rebooted|Low (?:RealMemory|socket\*core\*thread count|CPUs|TmpDisk)"
    r"(?: \(reported:[0-9]+ < [0-9. %]+of configured:[0-9]+\))?|Kill task failed|Prolog error|Epilog error"
    r"|batch job complete failure|Duplicate jobid|reboot (?:requested|issued|complete|timed out)"
    r"|ResumeTimeout reached|Scheduled reboot|health check failed|None)\Z",
    re.IGNORECASE,
)
"""Reasons of nodes that Slurm sets by itself."""

TELLING = (
    *("timed out", "refused", "no route to host", "unreachable", "permission denied", "not found"),
    *("no such file", "unable to contact slurm controller", "cut short"),
)
"""What is kept of an error's text: it names nobody."""

Value = TypeVar("Value")


class Anonymiser:
    """Replaces names in one snapshot after another, the same name always by the same one.

    Args:
        key: Random and secret: at least 16 bytes, another one for each recording, written nowhere.
        hide_nodes: Whether nodes and partitions get other names as well.
    """

    def __init__(self, key: bytes, hide_nodes: bool = False) -> None:
        self._names = Names(key)
        self._hides_nodes = hide_nodes

    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        """The same snapshot under invented names."""
        jobs = [self._job(job) for job in snapshot.jobs.values()]
        nodes = [self._node(node) for node in snapshot.nodes.values()]
        return Snapshot(
            timestamp=snapshot.timestamp,
            nodes={node.name: node for node in nodes},
            jobs={job.job_id: job for job in jobs},
            usage=None if snapshot.usage is None else self.usage(snapshot.usage),
            cluster=self._named("cluster", snapshot.cluster),
            partitions=tuple(self._partition(one) for one in snapshot.partitions),
            reservations=tuple(self._reservation(one) for one in snapshot.reservations),
            sources=tuple(self._source(one) for one in snapshot.sources),
            only_user=self._named("user", snapshot.only_user),
            notes=tuple(self._names.of("note", note) for note in snapshot.notes),
        )

    def usage(self, usage: Usage) -> Usage:
        """The same usage with invented users."""
        users = {self._names.of("user", name): cores for name, cores in usage.users.items()}
        return replace(usage, users=users)

    def backfill(
        self, backfill: Mapping[str, Mapping[int, BackfillSlot]]
    ) -> dict[str, Mapping[int, BackfillSlot]]:
        """The same slots, under the partitions' invented names where those are replaced."""
        return {self._partitions(name): slots for name, slots in backfill.items()}

    def _job(self, job: Job) -> Job:
        return replace(
            job,
            job_id=self._job_id(job.job_id),
            name=self._names.of("job", job.name),
            username=self._names.of("user", job.username),
            layout=self._by_host(job.layout),
            gpu_layout=self._by_host(job.gpu_layout),
            memory_layout=self._by_host(job.memory_layout),
            memory=self._by_host(job.memory),
            jobfs=self._by_host(job.jobfs),
            partition=None if job.partition is None else self._partitions(job.partition),
            account=self._named("account", job.account),
            qos=job.qos if job.qos == ORDINARY_QOS else self._named("qos", job.qos),
            reason=self._waiting_for(job.reason),
            dependency=self._dependency(job.dependency),
            nodes=self._hosts(job.nodes),
            scheduled_nodes=self._hosts(job.scheduled_nodes),
            requested_nodes=self._hosts(job.requested_nodes),
            reservation=self._named("reservation", job.reservation),
            work_dir=self._path(job.work_dir),
            stdout=self._path(job.stdout),
            stderr=self._path(job.stderr),
            command=self._path(job.command),
            exit_code=self._if_like(_EXIT_CODE, job.exit_code),
            array_id=None if job.array_id is None else self._job_id(job.array_id),
            array_tasks=self._if_like(_TASKS, job.array_tasks),
        )

    def _node(self, node: Node) -> Node:
        reason = node.reason
        if reason is not None and not _SLURMS_OWN.match(reason):
            reason = self._names.of("reason", reason)
        return replace(
            node,
            name=self._hosts(node.name),
            reason=reason,
            reason_user=self._named("user", node.reason_user),
            partitions=tuple(self._partitions(name) for name in node.partitions),
            slurm_version=self._if_like(_VERSION, node.slurm_version),
        )

    def _partition(self, partition: Partition) -> Partition:
        return replace(partition, name=self._partitions(partition.name), nodes=self._hosts(partition.nodes))

    def _reservation(self, reservation: Reservation) -> Reservation:
        return replace(
            reservation,
            name=self._names.of("reservation", reservation.name),
            nodes=self._hosts(reservation.nodes),
            users=tuple(self._but_a_dash("user", name) for name in reservation.users),
            accounts=tuple(self._but_a_dash("account", name) for name in reservation.accounts),
            partition=None if reservation.partition is None else self._partitions(reservation.partition),
        )

    def _source(self, source: SourceStatus) -> SourceStatus:
        is_ours = source.name.lower().startswith(SOURCES) and re.fullmatch(r"[A-Za-z ()]+", source.name)
        return replace(
            source,
            name=source.name if is_ours else self._names.of("source", source.name),
            version=source.version if _VERSION.match(source.version) else "",
            error=self._error(source.error),
            # A hint says what the reader of the original may do.
            hint="",
        )

    def _named(self, kind: str, name: str | None) -> str | None:
        return None if name is None else self._names.of(kind, name)

    def _but_a_dash(self, kind: str, name: str) -> str:
        """A name of a reservation's: a dash before it means everyone but."""
        dash = name[: len(name) - len(name.lstrip("-"))]
        return dash + self._names.of(kind, name[len(dash) :])

    def _job_id(self, job_id: str) -> str:
        return job_id if _JOB_ID.match(job_id) else self._names.of("id", job_id)

    def _if_like(self, pattern: re.Pattern[str], text: str | None) -> str | None:
        """What looks as Slurm writes it; anything else may be anything, and is left out."""
        return text if text is not None and pattern.match(text) else None

    def _path(self, path: str | None) -> str | None:
        return None if path is None else f"/{self._names.of('path', path)}" if path else ""

    def _dependency(self, dependency: str | None) -> str | None:
        if dependency is None or _DEPENDENCY.match(dependency):
            return dependency
        return self._names.of("dependency", dependency)

    def _waiting_for(self, reason: str | None) -> str | None:
        if not reason:
            return reason
        plain = reason.replace("_", " ").strip("() ")
        if plain.startswith(NODES_REQUIRED):
            return NODES_REQUIRED
        word, _, detail = (part.strip() for part in plain.replace("(", ",").partition(","))
        if words_for(word) is None:
            return self._names.of("reason", reason)
        if not detail:
            return reason
        nodes = _UNAVAILABLE.match(detail)
        if nodes is not None:
            return f"{word}, UnavailableNodes:{self._hosts(nodes['nodes'])}"
        return f"{word}, {detail}" if detail in _DETAILS else word

    def _error(self, error: str | None) -> str | None:
        if not error:
            return error
        told = [phrase for phrase in TELLING if phrase in error.lower()]
        return self._names.of("error", error) + (f" ({', '.join(told)})" if told else "")

    def _partitions(self, names: str) -> str:
        if not self._hides_nodes:
            return names
        return ",".join(self._names.of("partition", name) for name in names.split(","))

    def _hosts(self, hosts: str) -> str:
        return self._names.of_host(hosts) if self._hides_nodes else hosts

    def _by_host(self, held: Mapping[str, Value]) -> Mapping[str, Value]:
        if not self._hides_nodes or not held:
            return held
        return {self._names.of_host(host): value for host, value in held.items()}
