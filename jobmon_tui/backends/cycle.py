"""One cycle of a backend: load, gather, count, and say how every source did."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from jobmon_tui.backends import shapes
from jobmon_tui.backends.cores import count_cores
from jobmon_tui.backends.gather import gather_jobs, gather_nodes
from jobmon_tui.backends.output import printed_to_log
from jobmon_tui.backends.workings import Workings
from jobmon_tui.model.snapshot import (
    Job,
    Node,
    Partition,
    Reservation,
    Snapshot,
    SourceStatus,
    Usage,
)

Record = TypeVar("Record")


def take_snapshot(workings: Workings) -> Snapshot:
    """Run one cycle. What a site's code prints meanwhile goes to the log.

    Raises:
        PluginError: The backend failed to load, or cannot say which nodes and jobs there are.
        JobmonError: It said itself what is wrong.
    """
    with printed_to_log():
        workings.guard.begin()
        workings.forget()
        started = time.monotonic()
        workings.demand("pre_update", _anything)
        workings.load_seconds = time.monotonic() - started
        workings.loaded_at = time.time()
        snapshot = _assemble(workings)
    workings.snapshot = snapshot
    return snapshot


def _assemble(workings: Workings) -> Snapshot:
    nodes = gather_nodes(workings)
    jobs = gather_jobs(workings)
    only_user = workings.backend.only_user
    timestamp = workings.ask("timestamp", read=shapes.number) or time.time()
    partitions = workings.ask("partitions", read=_several(Partition))
    reservations = workings.ask("reservations", read=_several(Reservation))
    cluster = workings.ask("cluster_name", read=shapes.text)
    notes = workings.ask("notes", read=_several(str))
    usage = _usage(workings, nodes, jobs, timestamp)
    sources = workings.ask("sources", read=_several(SourceStatus)) or ()
    if only_user is not None:
        jobs = {job_id: job for job_id, job in jobs.items() if job.username == only_user}
    return Snapshot(
        timestamp=timestamp,
        nodes=nodes,
        jobs=jobs,
        usage=usage,
        cluster=cluster,
        partitions=partitions or (),
        reservations=reservations or (),
        sources=sources + workings.guard.statuses(timestamp),
        only_user=only_user,
        notes=notes or (),
    )


def _usage(
    workings: Workings, nodes: dict[str, Node], jobs: dict[str, Job], timestamp: float
) -> Usage | None:
    counted: Usage | None = None
    # Without nodes (one user's jobs alone were asked for) nobody knows what there is to use.
    if any(node.n_cpus is not None for node in nodes.values()):
        counted = count_cores(nodes.values(), jobs.values(), workings.backend.only_user)
    if workings.overrides("core_usage") is None:
        return counted
    from jobmon_tui.model.wire_write import document_of

    document = document_of(Snapshot(timestamp=timestamp, nodes=nodes, jobs=jobs, usage=counted))
    own = workings.ask("core_usage", document, read=shapes.usage)
    return counted if own is None else own


def _anything(answer: Any) -> Any:
    return answer


def _several(kind: type[Record]) -> Callable[[Any], tuple[Record, ...]]:
    """A reader of any number of records of one kind."""

    def read(answer: Any) -> tuple[Record, ...]:
        if answer is None:
            return ()
        if isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
            raise shapes.ShapeError(f"a sequence of {kind.__name__}", answer)
        records = tuple(answer)
        for record in records:
            if not isinstance(record, kind):
                raise shapes.ShapeError(f"a sequence of {kind.__name__}", record)
        return records

    return read
