"""What the base class keeps for a backend between the methods that a site overrides.

It stands apart from the class so that the names which older files give to their own attributes
(``self.jobs``, ``self.timestamp``, ...) cannot collide with it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from jobmon_tui.backends.faults import Guard, call_or_fail
from jobmon_tui.backends.readings import JOB_READINGS, NODE_READINGS
from jobmon_tui.backends.records import JobRecords
from jobmon_tui.backends.shapes import ShapeError
from jobmon_tui.model.snapshot import Job, Node, Snapshot

if TYPE_CHECKING:
    from jobmon_tui.backends.base import BackendBase

Record = TypeVar("Record")
Result = TypeVar("Result")

_NODE_READINGS = {reading.method: reading for reading in NODE_READINGS}
_JOB_READINGS = {reading.method: reading for reading in JOB_READINGS}


class Workings:
    """One backend's machinery: what it overrides, the bulk records of the cycle, its failures.

    Args:
        backend: The backend.
        base: The class whose methods are the defaults.
    """

    def __init__(self, backend: BackendBase, base: type[BackendBase]) -> None:
        self.backend = backend
        self.base = base
        self.guard = Guard()
        self.files = _files_of(backend, base)
        self.snapshot: Snapshot | None = None
        """The newest snapshot that it made."""
        self.load_seconds = 0.0
        """How long the last ``pre_update()`` took."""
        self.loaded_at: float | None = None
        """When the last ``pre_update()`` was done, in Unix seconds."""
        self._nodes: Mapping[str, Node] | None = None
        self._jobs: JobRecords | None = None

    def forget(self) -> None:
        """Drop the bulk records: a new cycle begins."""
        self._nodes = None
        self._jobs = None

    def overrides(self, method: str) -> int | None:
        """How far up the ancestry the backend's own version of a method stands; ``None`` if it has none.

        0 is its class, 1 the next in the method resolution order, -1 the object itself. What cannot be called
        is an attribute that happens to have the name, not a version of the method.
        """
        if callable(vars(self.backend).get(method)):
            return -1
        for place, cls in enumerate(type(self.backend).__mro__):
            if cls is self.base:
                return None
            if method in vars(cls):
                return place if callable(getattr(self.backend, method, None)) else None
        return None

    def method(self, name: str) -> Callable[..., Any]:
        """A method, bound: the backend's own, or the default where an attribute of that name hides it."""
        found = getattr(self.backend, name, None)
        if callable(found):
            return cast("Callable[..., Any]", found)
        default: Callable[..., Any] = getattr(self.base, name).__get__(self.backend)
        return default

    def ask(self, name: str, *arguments: object, read: Callable[[Any], Result]) -> Result | None:
        """Call a method that the cycle can do without; ``None`` where it fails, which is told as a status."""
        return self.guard.call(self.method(name), *arguments, files=self.files, read=read)

    def demand(self, name: str, read: Callable[[Any], Result]) -> Result:
        """Call a method that the cycle cannot do without.

        Raises:
            PluginError: It failed.
            JobmonError: It said itself what is wrong.
        """
        return call_or_fail(self.method(name), files=self.files, read=read)

    def node_records(self) -> Mapping[str, Node]:
        """The bulk records of this cycle's nodes; empty where the backend has none.

        Raises:
            PluginError, JobmonError: ``nodes()`` failed.
        """
        if self._nodes is None:
            # What ``nodes()`` itself sees when it asks a per-item method; else they would call each other.
            self._nodes = {}
            if self.overrides("nodes") is not None:
                try:
                    self._nodes = {node.name: node for node in self._load("nodes", Node)}
                except BaseException:
                    self._nodes = None
                    raise
        return self._nodes

    def job_records(self) -> JobRecords:
        """The bulk records of this cycle's jobs; empty where the backend has none.

        Raises:
            PluginError, JobmonError: ``jobs()`` failed.
        """
        if self._jobs is None:
            self._jobs = JobRecords()
            if self.overrides("jobs") is not None:
                try:
                    self._jobs = JobRecords(self._load("jobs", Job))
                except BaseException:
                    self._jobs = None
                    raise
        return self._jobs

    def node_answer(self, method: str, name: str) -> Any:
        """What the bulk records say of a node, as the contract's method returns it; ``None`` if nothing."""
        record = self.node_records().get(name)
        reading = _NODE_READINGS[method]
        value = None if record is None else getattr(record, reading.field)
        return None if value is None else reading.show(value)

    def job_answer(self, method: str, job_id: str) -> Any:
        """What the bulk records say of a job or task, as the contract's method returns it."""
        record = self.job_records().find(job_id)
        reading = _JOB_READINGS[method]
        value = None if record is None else getattr(record, reading.field)
        return None if value is None else reading.show(value)

    def _load(self, method: str, kind: type[Record]) -> list[Record]:
        expected = f"an iterable of {kind.__name__}"

        def read(answer: Any) -> list[Record]:
            if not isinstance(answer, Iterable) or isinstance(answer, str | bytes):
                raise ShapeError(expected, answer)
            records: list[Record] = list(answer.values() if isinstance(answer, Mapping) else answer)
            for record in records:
                if not isinstance(record, kind):
                    raise ShapeError(expected, record)
            return records

        return self.demand(method, read)


def _files_of(backend: object, base: type) -> tuple[str, ...]:
    """The source files of a backend's class and of its parents, up to (not including) the base class."""
    files: list[str] = []
    for cls in type(backend).__mro__:
        if cls is base:
            break
        file = getattr(sys.modules.get(cls.__module__), "__file__", None)
        if isinstance(file, str):
            files.append(file)
    return tuple(files)
