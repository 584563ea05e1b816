"""Asking pyslurm for everything, in the process that imported it.

jobmon does so in a process of its own (see `pyslurm_process`): libslurm ends the process that imports it
where there is no usable slurm.conf, and a call holds Python's lock until the controller has answered or nine
seconds are over.
"""

from __future__ import annotations

import importlib
import pwd
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jobmon_tui.errors import SourceError
from jobmon_tui.model.snapshot import Node, Partition, Reservation
from jobmon_tui.sources.slurm.answer import Problem, SlurmAnswer
from jobmon_tui.sources.slurm.pyslurm_jobs import ReadJob, job_from
from jobmon_tui.sources.slurm.pyslurm_nodes import (
    newest_version,
    node_from,
    partition_from,
    reservation_from,
)
from jobmon_tui.sources.slurm.pyslurm_values import text, value_of, whole

PARTITIONS_KEPT = 60.0
"""Seconds for which partitions are not asked for again: administrators change them, jobs do not."""

CALLS = {
    ("Jobs", False): 1,
    ("Jobs", True): 1,
    ("Nodes", False): 2,
    ("Nodes", True): 3,
    ("Partitions", False): 2,
    ("Partitions", True): 1,
    ("Reservations", False): 1,
    ("Reservations", True): 1,
}
"""How many calls to slurmctld one loading takes, by class and by whether it is the older interface's."""
OLD_CLASSES = {"Jobs": "job", "Nodes": "node", "Partitions": "partition", "Reservations": "reservation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PyslurmReading:
    """What pyslurm said, and where it cannot be believed."""

    answer: SlurmAnswer
    misses_layout: Mapping[str, int] = field(default_factory=dict)
    """The jobs that hold something which pyslurm did not tell, or told wrongly: id to Slurm's own number."""


@dataclass(slots=True)
class _Cycle:
    """What adds up while one answer is put together."""

    calls: int = 0
    seconds: float = 0.0
    problems: list[Problem] = field(default_factory=list)


class PyslurmReader:
    """Reads Slurm through pyslurm's objects, or through its older dictionaries where there are none.

    Args:
        clock: Unix seconds now.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._users: dict[int, str] = {}
        self._nodes: dict[str, Node] = {}
        self._cluster: str | None = None
        self._version = ""
        self._partitions: tuple[Partition, ...] = ()
        self._partitions_at = float("-inf")

    def read(self, only_user: str | None = None) -> PyslurmReading:
        """Ask for everything, or for one user's jobs only.

        Raises:
            SourceError: pyslurm cannot be imported, or jobs or nodes cannot be had.
        """
        pyslurm = _import_pyslurm()
        cycle = _Cycle()
        taken_at = self._clock()
        if only_user is None or not self._nodes:
            self._nodes = {node.name: node for node in self._read_nodes(pyslurm, cycle)}
            self._version = newest_version(self._nodes.values())
        read = list(self._read_jobs(pyslurm, only_user, cycle))
        partitions: tuple[Partition, ...] = ()
        reservations: tuple[Reservation, ...] = ()
        if only_user is None:
            partitions = self._read_partitions(pyslurm, cycle)
            reservations = self._read_reservations(pyslurm, cycle)
        answer = SlurmAnswer(
            taken_at=taken_at,
            cluster=self._cluster,
            version=self._version,
            nodes=tuple(self._nodes.values()) if only_user is None else (),
            jobs=tuple(one.job for one in read),
            partitions=partitions,
            reservations=reservations,
            calls=cycle.calls,
            seconds=cycle.seconds,
            problems=tuple(cycle.problems),
        )
        missing = {one.job.job_id: one.number for one in read if one.misses_layout}
        return PyslurmReading(answer=answer, misses_layout=missing)

    def _read_nodes(self, pyslurm: Any, cycle: _Cycle) -> Iterator[Node]:
        records, is_old = _load(pyslurm, "Nodes", cycle)
        for name, record in records:
            host = name or text(value_of(record, "name"))
            if host is not None:
                user_id = whole(value_of(record, "reason_uid")) if is_old else None
                if user_id is not None:
                    self._username(user_id)
                self._note_cluster(record, is_old=is_old)
                yield node_from(record, host, self._users, is_old=is_old)

    def _read_jobs(self, pyslurm: Any, only_user: str | None, cycle: _Cycle) -> Iterator[ReadJob]:
        wanted = None if only_user is None else _user_id(only_user)
        records, is_old = _load(pyslurm, "Jobs", cycle, only_user=only_user)
        for _, record in records:
            user_id = whole(value_of(record, "user_id"))
            if wanted is not None and user_id != wanted:
                continue
            self._note_cluster(record, is_old=is_old)
            job = job_from(record, self._username(user_id), self._nodes, is_old=is_old)
            if job is not None:
                yield job

    def _read_partitions(self, pyslurm: Any, cycle: _Cycle) -> tuple[Partition, ...]:
        if self._clock() - self._partitions_at < PARTITIONS_KEPT:
            return self._partitions
        try:
            records, is_old = _load(pyslurm, "Partitions", cycle)
        except SourceError as error:
            cycle.problems.append(Problem(what="partitions", error=error.message, hint=error.hint))
            return self._partitions
        self._partitions = tuple(
            partition_from(record, name, is_old=is_old) for name, record in _named(records)
        )
        self._partitions_at = self._clock()
        return self._partitions

    def _read_reservations(self, pyslurm: Any, cycle: _Cycle) -> tuple[Reservation, ...]:
        try:
            records, is_old = _load(pyslurm, "Reservations", cycle)
        except SourceError as error:
            cycle.problems.append(Problem(what="reservations", error=error.message, hint=error.hint))
            return ()
        return tuple(reservation_from(record, name, is_old=is_old) for name, record in _named(records))

    def _note_cluster(self, record: Any, *, is_old: bool) -> None:
        if self._cluster is None and not is_old:
            self._cluster = text(value_of(record, "cluster"))

    def _username(self, user_id: int | None) -> str:
        """The user's name; the number where the system does not know it (pyslurm raises there)."""
        if user_id is None:
            return ""
        if user_id not in self._users:
            try:
                self._users[user_id] = pwd.getpwuid(user_id).pw_name
            except (KeyError, OverflowError):
                return str(user_id)
        return self._users[user_id]


def _import_pyslurm() -> Any:
    try:
        return importlib.import_module("pyslurm")
    except Exception as error:
        raise SourceError(
            f"pyslurm cannot be imported: {_words(error)}",
            "pyslurm must be built for the Slurm version of the site",
        ) from error


def _load(
    pyslurm: Any, what: str, cycle: _Cycle, only_user: str | None = None
) -> tuple[list[tuple[str | None, Any]], bool]:
    """Load one kind of records.

    Args:
        pyslurm: The module.
        what: The name of the newer class.
        cycle: Where calls and time are added up.
        only_user: Let the controller leave out the others' jobs, where pyslurm can ask for that.

    Returns:
        The records, with their names where the collection has them; whether they are the older dictionaries.

    Raises:
        SourceError: pyslurm has no way of loading them, or failed.
    """
    filters = only_user is not None and hasattr(getattr(pyslurm, OLD_CLASSES[what], None), "find_user")
    is_old = filters or not hasattr(getattr(pyslurm, what, None), "load")
    started = time.perf_counter()
    try:
        if filters:
            loaded = getattr(pyslurm, OLD_CLASSES[what])().find_user(only_user)
        elif is_old:
            loaded = getattr(pyslurm, OLD_CLASSES[what])().get()
        else:
            loaded = getattr(pyslurm, what).load()
        records = _records(loaded)
    except Exception as error:
        raise SourceError(
            f"pyslurm cannot load {what.lower()}: {_words(error)}",
            "`scontrol ping` tells whether the controller answers",
        ) from error
    finally:
        cycle.calls += CALLS[what, is_old]
        cycle.seconds += time.perf_counter() - started
    return records, is_old


def _records(loaded: Any) -> list[tuple[str | None, Any]]:
    """The records of a collection, whatever kind of collection this version of pyslurm makes."""
    if isinstance(loaded, dict):
        return [(name if isinstance(name, str) else None, record) for name, record in loaded.items()]
    values = loaded.values() if callable(getattr(loaded, "values", None)) else loaded
    return [(None, record) for record in values]


def _named(records: Iterable[tuple[str | None, Any]]) -> Iterator[tuple[str, Any]]:
    for name, record in records:
        known = name or text(value_of(record, "name"))
        if known is not None:
            yield known, record


def _user_id(username: str) -> int:
    try:
        return pwd.getpwnam(username).pw_uid
    except KeyError:
        raise SourceError(f"there is no user {username} on this machine") from None


def _words(error: Exception) -> str:
    """What an exception says: the older interface raises a sentence with a number behind it."""
    first = error.args[0] if error.args else ""
    return str(first) if isinstance(first, str) and first else f"{type(error).__name__} {error}".strip()
