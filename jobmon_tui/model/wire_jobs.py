"""The jobs of a snapshot document, attribute by attribute: a busy cluster has ten thousand of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from math import isfinite
from typing import Any

from jobmon_tui.model.records import RecordMaker
from jobmon_tui.model.snapshot import NOTHING, Job
from jobmon_tui.model.wire_fields import JOB_FIELDS, OWN_JOB_FIELDS
from jobmon_tui.model.wire_values import (
    LARGEST_NUMBER,
    amounts,
    count,
    layout,
    lustre_of,
    number,
    text,
    whole,
    whole_amounts,
)

_FIELDS = {**JOB_FIELDS, **OWN_JOB_FIELDS}
_REPEATED = ("state", "username", "partition", "account", "qos", "reason")
"""Attributes with few different values."""
_JOBS = RecordMaker(Job)
_NONE = type(None)
# Without these nothing can be said of a job at all; the model has no "unknown" for them.
_DEFAULTS = {**_JOBS.defaults, "name": "", "username": "", "state": "UNKNOWN"}

_OF_OBJECTS = (layout, amounts, whole_amounts, lustre_of)
_PLAIN: Mapping[Callable[[object], Any], set[type]] = {
    count: {int, _NONE},
    whole: {int, _NONE},
    number: {int, float, _NONE},
}
"""What reads numbers, to the types that it lets through as they are, if they are not too large."""

Records = Sequence[Mapping[str, Any]]


def jobs_of(table: Mapping[str, Mapping[str, Any]], version: int, with_queue: bool) -> dict[str, Job]:
    """The jobs by their ids.

    Args:
        table: Key to record, as the document has them.
        version: The document's.
        with_queue: Whether to keep pending jobs.
    """
    ids, records = _chosen(table, with_queue)
    keys = set(chain.from_iterable(records))
    columns: dict[str, Sequence[Any]] = {
        attribute: _known(attribute, _read(read, [record.get(key) for record in records]))
        for key, (attribute, read) in _FIELDS.items()
        if key in keys
    }
    if version < 15 and "hasMem" in keys:
        _forget_memory(columns, records)
    shared: dict[str, str] = {}
    for attribute in _REPEATED:
        if attribute in columns:
            # Thousands of jobs share a few users, states and accounts: one string of each is kept.
            columns[attribute] = list(map(shared.setdefault, columns[attribute], columns[attribute]))
    for attribute in ("name", "username", "state"):
        columns.setdefault(attribute, [_DEFAULTS[attribute]] * len(records))
    columns["n_cpus"] = _cores(columns, len(records))
    columns["job_id"] = ids
    columns["array_id"] = [
        text(record["arrayId"]) if "arrayId" in record else array_of(job_id)
        for job_id, record in zip(ids, records, strict=True)
    ]
    return dict(zip(ids, _JOBS.made(len(records), columns), strict=True))


def array_of(job_id: str) -> str | None:
    """The array that a job belongs to, as its id says: ``12`` for ``12_7`` and for ``12_[8-9]``."""
    array, mark, _ = job_id.partition("_")
    return array if mark else None


def _chosen(table: Mapping[str, Mapping[str, Any]], with_queue: bool) -> tuple[list[str], Records]:
    """The ids and records of the jobs that are kept; of one id the last."""
    found: dict[str, Mapping[str, Any]] = {}
    for key, record in table.items():
        if not with_queue and record.get("state") == "PENDING":
            continue
        own = text(record.get("jobId"))
        # Of an array whose tasks were spelled out for others, each entry says the same.
        if "tasks" not in record or own not in found:
            found[own or key] = record
    return list(found), list(found.values())


def _read(read: Callable[[object], Any], values: list[Any]) -> list[Any]:
    """What a reader makes of each value; most columns hold nothing but what it lets through as it is."""
    kinds = set(map(type, values))
    if read in _OF_OBJECTS:
        # Jobs that wait have an empty object in many places.
        return [read(value) if value or type(value) is not dict else NOTHING for value in values]
    is_plain = kinds <= {_NONE} or (read is text and kinds <= {str, _NONE})
    return values if is_plain or _are_plain_numbers(read, kinds, values) else list(map(read, values))


def _are_plain_numbers(read: Callable[[object], Any], kinds: set[type], values: list[Any]) -> bool:
    allowed = _PLAIN.get(read)
    if allowed is None or not kinds <= allowed:
        return False
    known = values if _NONE not in kinds else [value for value in values if value is not None]
    least = 0 if read is count else 1 - LARGEST_NUMBER
    is_small = least <= min(known) and max(known) < LARGEST_NUMBER
    # What is no number makes the sum so.
    return is_small and (float not in kinds or isfinite(sum(known)))


def _known(attribute: str, values: list[Any]) -> list[Any]:
    """The values with the model's own "unknown" where there is none."""
    default = _DEFAULTS.get(attribute)
    if default is None or None not in values:
        return values
    return [default if value is None else value for value in values]


def _forget_memory(columns: dict[str, Sequence[Any]], records: Records) -> None:
    """Where a collector says that it had no memory to read, whatever stands there was not measured."""
    for attribute in ("memory", "memory_max"):
        if attribute in columns:
            columns[attribute] = [
                _DEFAULTS[attribute] if record.get("hasMem") is False else value
                for record, value in zip(records, columns[attribute], strict=True)
            ]


def _cores(columns: Mapping[str, Sequence[Any]], number_of_jobs: int) -> list[int]:
    """The cores of each job; where a record does not say, those that it holds."""
    said: Iterable[int | None] = columns.get("n_cpus") or [None] * number_of_jobs
    layouts = columns.get("layout") or [NOTHING] * number_of_jobs
    return [
        sum(map(len, held.values())) if cores is None else cores
        for cores, held in zip(said, layouts, strict=True)
    ]
