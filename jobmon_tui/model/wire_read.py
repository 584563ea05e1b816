"""From the documents that existing installations write and serve to the model: API 12, 13 and 15.

What gives a document its shape must be right: the version, the time, nodes and jobs that are objects. All
else are readings, and a reading of the wrong type is unknown: one odd value that a site's collector wrote for
one node must not hide the other nodes from everybody. Keys that nobody knows are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from jobmon_tui.errors import SnapshotError
from jobmon_tui.model.snapshot import (
    BackfillSlot,
    Node,
    Partition,
    Reservation,
    Snapshot,
    SourceStatus,
    Usage,
)
from jobmon_tui.model.text import printable
from jobmon_tui.model.wire_fields import (
    NODE_FIELDS,
    OWN_NODE_FIELDS,
    PARTITION_FIELDS,
    RESERVATION_FIELDS,
    SOURCE_FIELDS,
    Fields,
)
from jobmon_tui.model.wire_jobs import jobs_of
from jobmon_tui.model.wire_values import count, number, text, texts, usage_of

VERSIONS = (12, 13, 15)
"""The API versions that can be read."""

_NODE = {**NODE_FIELDS, **OWN_NODE_FIELDS}
_MISSING: Any = object()


def snapshot_from_document(document: object, origin: str, *, with_queue: bool = True) -> Snapshot:
    """Turn one parsed document into a snapshot.

    Args:
        document: What the JSON held.
        origin: The file or address it came from, for messages.
        with_queue: Whether to keep pending jobs. Without them a snapshot of a busy cluster takes a tenth of
            the memory, and warnings do not need them.

    Raises:
        SnapshotError: It is no snapshot, or one of a version that cannot be read; the message names the
            origin, the path inside it and what was expected there.
    """
    if not isinstance(document, dict):
        raise _wrong(origin, "", "an object", document)
    version = document.get("api", _MISSING)
    if type(version) is not int:
        raise _wrong(origin, "api", "a version number", version)
    if version not in VERSIONS:
        raise SnapshotError(
            f"{origin}: api: cannot read a snapshot of API {printable(version, 24)}",
            "API 12, 13 and 15 can be read; a newer jobmon may read more.",
        )
    timestamp = number(document.get("timestamp"))
    if timestamp is None:
        raise _wrong(origin, "timestamp", "a time in Unix seconds", document.get("timestamp", _MISSING))
    return Snapshot(
        timestamp=timestamp,
        nodes={
            name: Node(name=name, **_readings(record, _NODE))
            for name, record in _records(document.get("nodes", _MISSING), "nodes", origin)
        },
        jobs=jobs_of(dict(_records(document.get("jobs", _MISSING), "jobs", origin)), version, with_queue),
        usage=usage_of(document.get("usage")),
        cluster=text(document.get("cluster")),
        partitions=_listed(Partition, PARTITION_FIELDS, document.get("partitions")),
        reservations=_listed(Reservation, RESERVATION_FIELDS, document.get("reservations")),
        sources=_listed(SourceStatus, SOURCE_FIELDS, document.get("sources")),
        only_user=text(document.get("onlyUser")),
        notes=texts(document.get("notes")) or (),
    )


def backfill_from_document(document: object, origin: str) -> dict[str, dict[int, BackfillSlot]]:
    """Turn the parsed ``backfill.json.gz`` into slots by partition and number of cores.

    Raises:
        SnapshotError: The document or a partition in it is no object.
    """
    if not isinstance(document, dict):
        raise _wrong(origin, "", "an object", document)
    slots: dict[str, dict[int, BackfillSlot]] = {}
    for partition, sizes in document.items():
        if not isinstance(sizes, dict):
            raise _wrong(origin, str(partition), "an object of slots by cores", sizes)
        slots[partition] = {
            int(cores): BackfillSlot(
                count=found, shortest=number(slot.get("tMin")), longest=number(slot.get("tMax"))
            )
            for cores, slot in sizes.items()
            if re.fullmatch(r"[0-9]{1,9}", cores)
            and isinstance(slot, dict)
            and (found := count(slot.get("count"))) is not None
        }
    return slots


def history_from_document(document: object, origin: str) -> dict[float, Usage]:
    """Turn the parsed ``history.json.gz`` into core usage by Unix time, oldest first.

    Raises:
        SnapshotError: The document has no object ``history``.
    """
    history = document.get("history") if isinstance(document, dict) else None
    if not isinstance(history, dict):
        raise _wrong(origin, "history", "an object", history)
    found = {
        float(time): usage
        for time, record in history.items()
        if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", time) and (usage := usage_of(record)) is not None
    }
    return dict(sorted(found.items()))


def _wrong(origin: str, path: str, expected: str, found: object) -> SnapshotError:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    kind = "nothing" if found is _MISSING else kinds.get(type(found), "a number")
    place = f"{origin}: {printable(path, 120)}" if path else origin
    return SnapshotError(
        f"{place}: expected {expected}, found {kind}", "It is no snapshot of jobmon, or it was damaged."
    )


def _records(table: object, path: str, origin: str) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(table, dict):
        raise _wrong(origin, path, "an object", table)
    for name, record in table.items():
        if not isinstance(record, dict):
            raise _wrong(origin, f"{path}.{name}", "an object", record)
    return list(table.items())


def _readings(record: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """The attributes that the record knows; the others keep the model's own "unknown"."""
    found: dict[str, Any] = {}
    for key, value in record.items():
        field = fields.get(key)
        if field is not None:
            attribute, read = field
            reading = read(value)
            if reading is not None:
                found[attribute] = reading
    return found


Listed = TypeVar("Listed", Partition, Reservation, SourceStatus)


def _listed(make: type[Listed], fields: Fields, records: object) -> tuple[Listed, ...]:
    if not isinstance(records, list):
        return ()
    found = [_readings(record, fields) for record in records if isinstance(record, dict)]
    return tuple(make(**one) for one in found if "name" in one)
