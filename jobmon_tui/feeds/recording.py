"""Recorded snapshots from one file: what ``jobmon record`` wrote, or one snapshot of anybody's."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobmon_tui.analysis.series import job_readings, node_readings, unit_of
from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.feeds.base import Backfill, Feed
from jobmon_tui.feeds.recording_file import (
    SNAPSHOT,
    USAGE,
    Index,
    Member,
    is_recording,
    read_index,
    read_line,
)
from jobmon_tui.model import wire
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot, Usage
from jobmon_tui.model.text import printable
from jobmon_tui.model.wire_values import usage_of

MOST_SAMPLES = 48
"""Snapshots that are read for charts at the most."""
_WHOLE_KEPT = 4
"""Snapshots kept with their queue: a step back and forth in the time machine."""
_SLIM_KEPT = 80
"""Snapshots kept without their queue: those that warnings over time look at, and those of charts."""
_MOST_KEPT = 24_000_000
"""Bytes that the kept ones may take in the file; in memory they take about ten times as much."""


class RecordingFeed(Feed):
    """The snapshots of one recording, in any order, each decompressed when it is asked for.

    Args:
        path: The file.
    """

    kind = "recorded"

    def __init__(self, path: Path) -> None:
        self.title = f"recording {path.name}"
        self.path = path
        self._index: Index | None = None
        self._snapshots: tuple[Member, ...] = ()
        self._times: tuple[float, ...] = ()
        self._lock = threading.Lock()
        self._history: dict[float, Usage] | None = None
        self._kept: dict[bool, OrderedDict[Member, Snapshot]] = {True: OrderedDict(), False: OrderedDict()}

    def open(self) -> None:
        """Look where its snapshots are; none of them is read yet.

        Raises:
            JobmonError: It cannot be read, is no recording, or holds no snapshot.
        """
        try:
            index = read_index(self.path)
        except OSError as error:
            raise JobmonError(f"{printable(self.path)} cannot be read: {error.strerror}") from error
        # Recordings may be joined in any order; of two snapshots of one instant the later written counts.
        by_time = {one.time: one for one in index.members if one.kind == SNAPSHOT}
        if not by_time:
            raise JobmonError(
                f"{printable(self.path)} holds no whole snapshot",
                "The recording was cut off before its first one.",
            )
        self._index = index
        self._times = tuple(sorted(by_time))
        self._snapshots = tuple(by_time[time] for time in self._times)

    def latest(self) -> Snapshot:
        """The newest snapshot.

        Raises:
            SnapshotError: It is damaged.
        """
        return self._read(self._members()[-1])

    def at(self, time: float) -> Snapshot:
        """The snapshot nearest to that instant (Unix seconds); the earlier of two that are as near.

        Raises:
            SnapshotError: It is damaged.
        """
        members = self._members()
        after = bisect_left(self._times, time)
        near = range(max(0, after - 1), min(len(members), after + 1))
        return self._read(members[min(near, key=lambda place: abs(self._times[place] - time))])

    def timeline(self) -> tuple[float, ...]:
        """The instants of all its snapshots, oldest first."""
        self._members()
        return self._times

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        """The snapshots less than ``seconds`` older than ``time`` and not newer, oldest first.

        They come without pending jobs; damaged ones are left out.
        """
        members = self._members()
        first, last = bisect_right(self._times, time - seconds), bisect_right(self._times, time)
        found = []
        for member in members[first:last]:
            try:
                found.append(self._read(member, with_queue=False))
            except SnapshotError:
                continue
        return tuple(found)

    def history(self) -> Mapping[float, Usage]:
        """Core usage at each of its instants, oldest first; read once, from lines that are short."""
        members = self._members()
        assert self._index is not None
        if self._history is None:
            found: dict[float, Usage] = {}
            for member in self._index.members:
                if member.kind == USAGE:
                    usage = self._usage(member)
                    if usage is not None:
                        found[member.time] = usage
            kept = {member.time for member in members}
            self._history = {time: found[time] for time in sorted(found) if time in kept}
        return self._history

    def backfill(self) -> Backfill:
        """Free slots as they were at the newest instant.

        Raises:
            SnapshotError: It is damaged.
        """
        assert self._index is not None
        document = read_line(self.path, self._members()[-1], self._index.is_compressed)
        said = document.get("backfill") if isinstance(document, dict) else None
        return wire.backfill_from_document(said, str(self.path)) if said is not None else {}

    def series(self, requests: Sequence[SeriesRequest]) -> list[Series | None]:
        """What a sample of its snapshots says; at most `MOST_SAMPLES` of them are read, whatever is asked."""
        if not requests:
            return []
        sample = self._sample(min(one.start for one in requests), max(one.end for one in requests))
        found: list[tuple[list[float], list[float | None]]] = [([], []) for _ in requests]
        for member in sample:
            try:
                snapshot = self._read(member, with_queue=False)
            except SnapshotError:
                continue
            known: dict[tuple[str, str], Mapping[str, float]] = {}
            for request, (times, values) in zip(requests, found, strict=True):
                whose = (request.kind, request.name)
                if whose not in known:
                    known[whose] = _readings(snapshot, request)
                if request.start <= member.time <= request.end:
                    times.append(member.time)
                    values.append(known[whose].get(request.reading))
        return [
            Series(times=tuple(times), values=tuple(values), unit=unit_of(request.reading))
            if any(value is not None for value in values)
            else None
            for request, (times, values) in zip(requests, found, strict=True)
        ]

    def _sample(self, start: float, end: float) -> list[Member]:
        """Snapshots spread over a time. As the time moves on, most of them stay the same ones."""
        members = self._members()
        first, last = bisect_left(self._times, start), bisect_right(self._times, end)
        stride = 1
        while (last - first) // stride > MOST_SAMPLES - 2:
            stride *= 2
        places = sorted(
            {*range(first + (-first) % stride, last, stride), *([last - 1] if last > first else [])}
        )
        return [members[place] for place in places]

    def _members(self) -> tuple[Member, ...]:
        if not self._snapshots:
            raise JobmonError(f"{printable(self.path)} is not open")
        return self._snapshots

    def _usage(self, member: Member) -> Usage | None:
        assert self._index is not None
        try:
            document = read_line(self.path, member, self._index.is_compressed)
        except SnapshotError:
            return None
        return usage_of(document.get("usage")) if isinstance(document, dict) else None

    def _read(self, member: Member, *, with_queue: bool = True) -> Snapshot:
        """A snapshot, from memory if it was asked for lately.

        Raises:
            SnapshotError: It is damaged, or the file changed.
        """
        assert self._index is not None
        with self._lock:
            for whole in {True, with_queue}:
                if member in self._kept[whole]:
                    self._kept[whole].move_to_end(member)
                    return self._kept[whole][member]
        document = read_line(self.path, member, self._index.is_compressed)
        snapshot = wire.snapshot_from_document(document, str(self.path), with_queue=with_queue)
        if snapshot.timestamp != member.time:
            raise SnapshotError(
                f"{printable(self.path)}: a snapshot that is of two instants", "It was tampered with."
            )
        with self._lock:
            kept = self._kept[with_queue]
            kept[member] = snapshot
            most = _WHOLE_KEPT if with_queue else _SLIM_KEPT
            while len(kept) > most or (len(kept) > 2 and sum(one.size for one in kept) > _MOST_KEPT):
                kept.popitem(last=False)
        return snapshot


def _readings(snapshot: Snapshot, request: SeriesRequest) -> Mapping[str, float]:
    if request.kind == "node":
        node = snapshot.nodes.get(request.name)
        return {} if node is None else node_readings(node)
    job = snapshot.jobs.get(request.name)
    return {} if job is None or not job.is_running else job_readings(job, snapshot.nodes)


class OneSnapshotFeed(Feed):
    """One snapshot file, of API 12, 13 or 15, compressed or plain.

    Args:
        path: The file.
    """

    kind = "recorded"

    def __init__(self, path: Path) -> None:
        self.title = f"snapshot {path.name}"
        self.path = path
        self._snapshot: Snapshot | None = None

    def open(self) -> None:
        """Read it.

        Raises:
            JobmonError: It cannot be read, or is no snapshot.
        """
        try:
            self._snapshot = wire.read_snapshot(self.path)
        except (FileNotFoundError, NotADirectoryError):
            raise JobmonError(f"there is no file {printable(self.path)}") from None

    def latest(self) -> Snapshot:
        """The snapshot."""
        if self._snapshot is None:
            raise JobmonError(f"{printable(self.path)} is not open")
        return self._snapshot

    def timeline(self) -> tuple[float, ...]:
        """Its instant."""
        return (self.latest().timestamp,)

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        """The snapshot, if it is of that time."""
        snapshot = self.latest()
        return (snapshot,) if 0 <= time - snapshot.timestamp < seconds else ()


def recorded_feed(place: Path, *, following: bool) -> Feed:
    """The feed for whatever was recorded at a place: a recording, one snapshot, or the folder of a collector.

    Args:
        place: The file or folder.
        following: Whether what is written there from now on is of interest.

    Raises:
        JobmonError: It cannot be read.
    """
    try:
        if place.is_file():
            if is_recording(place):
                return RecordingFeed(place)
            if not following:
                return OneSnapshotFeed(place)
    except OSError as error:
        raise JobmonError(f"{printable(place)} cannot be read: {error.strerror}") from error
    from jobmon_tui.feeds.spool import SpoolFeed

    return SpoolFeed(place, following=following)
