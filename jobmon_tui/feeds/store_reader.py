"""Reading a store, while its writer may be appending to it; any thread may ask."""

from __future__ import annotations

import gc
import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from jobmon_tui.analysis.downsample import usual_step
from jobmon_tui.analysis.series import Known, unit_of
from jobmon_tui.errors import SnapshotError
from jobmon_tui.feeds.store_segment import READINGS, base_of, chain_of, segment_paths
from jobmon_tui.feeds.store_segment_reader import SegmentReader, Subject
from jobmon_tui.feeds.store_snapshot import no_collections
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot, Usage
from jobmon_tui.model.text import printable

SNAPSHOTS_KEPT = 24
"""Snapshots kept in memory: they share most of their records, so that all take as much as two or three."""
DICTIONARIES_KEPT = 3
SUBJECTS_KEPT = 96
"""Nodes and jobs, each in one segment, whose readings are kept in memory."""
FEW_SUBJECTS = 12
"""Nodes and jobs up to which each is read by itself, and kept for the next time."""
BEFORE = 600.0
"""Seconds before a chart that are looked at: it begins with what was measured just before."""
MISSED = 4.0
"""Usual steps without readings after which a chart has a gap."""


class StoreReader:
    """Everything in a store, as far as it is whole. Needs no permission to write there.

    Args:
        folder: The folder that a `StoreWriter` writes; it may come later.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        """Guards what is known of the folder."""
        self._decoding = threading.Lock()
        """Guards the snapshots and dictionaries that are kept; held for as long as one is decoded."""
        self._segments: dict[Path, SegmentReader] = {}
        self._problems: dict[Path, SnapshotError] = {}
        self._times: tuple[float, ...] = ()
        self._places: dict[float, tuple[SegmentReader, int]] = {}
        self._kept: OrderedDict[tuple[SegmentReader, int], Snapshot] = OrderedDict()
        self._dictionaries: OrderedDict[SegmentReader, None] = OrderedDict()
        self._subjects: OrderedDict[tuple[SegmentReader, int, str, str], Subject] = OrderedDict()
        self._usage: dict[Path, tuple[int, dict[float, Usage]]] = {}

    @property
    def problems(self) -> tuple[SnapshotError, ...]:
        """What is wrong with segments that cannot be read at all; known after `times`."""
        with self._lock:
            return tuple(self._problems.values())

    def times(self) -> tuple[float, ...]:
        """The instants of all snapshots, in Unix seconds, ascending; looks for new ones.

        Raises:
            SnapshotError: The folder cannot be read.
        """
        with self._lock:
            self._look()
            return self._times

    def read(self, time: float, *, with_queue: bool = True) -> Snapshot:
        """One snapshot.

        Args:
            time: One of `times`.
            with_queue: Whether to keep pending jobs.

        Raises:
            SnapshotError: It is damaged, or is not there any more; the message names the file.
        """
        with self._lock:
            place = self._places.get(time)
            if place is None:
                self._look()
                place = self._places.get(time)
            if place is None:
                raise self._gone()
        with self._decoding:
            snapshot = self._kept.get(place)
            if snapshot is None:
                with no_collections():
                    snapshot = self._snapshot(*place)
                    # It holds no cycles: out of the collector's sight, it is freed by reference count.
                    gc.freeze()
            else:
                self._kept.move_to_end(place)
        if with_queue:
            return snapshot
        jobs = {job_id: job for job_id, job in snapshot.jobs.items() if not job.is_pending}
        return replace(snapshot, jobs=jobs)

    def history(self) -> dict[float, Usage]:
        """Used and available cores by Unix seconds, oldest first; about two in three minutes.

        Raises:
            SnapshotError: The folder cannot be read.
        """
        found: dict[float, Usage] = {}
        with self._lock:
            self._look()
            for path, segment in self._segments.items():
                known = self._usage.get(path)
                if known is None or known[0] != len(segment.file.frames):
                    try:
                        known = len(segment.file.frames), segment.usage()
                    except (FileNotFoundError, SnapshotError):
                        continue
                    self._usage[path] = known
                found.update(known[1])
        return dict(sorted(found.items()))

    def series(self, requests: Sequence[SeriesRequest]) -> list[Series | None]:
        """What was measured of each request; ``None`` where nothing was.

        Raises:
            SnapshotError: The folder cannot be read.
        """
        with self._lock:
            self._look()
            segments = [
                (segment, frames[0].time, frames[-1].time)
                for segment in self._segments.values()
                if (frames := [one for one in segment.file.frames if one.kind == READINGS])
            ]
        subjects = self._many(requests, segments)
        answers = []
        for request in requests:
            subject = (request.kind, request.name, request.start, request.end)
            if subject not in subjects:
                found: list[tuple[float, Known]] = []
                for segment, first, last in segments:
                    if first <= request.end and last >= request.start - BEFORE:
                        found += self._subject(segment, request.kind, request.name)
                found.sort(key=lambda one: one[0])
                subjects[subject] = found
            answers.append(series_of(subjects[subject], request))
        return answers

    def _many(
        self, requests: Sequence[SeriesRequest], segments: Sequence[tuple[SegmentReader, float, float]]
    ) -> dict[tuple[str, str, float, float], list[tuple[float, Known]]]:
        """What was read of each subject, where many are asked for, all for the same time; else nothing.

        Small charts in a list are of hundreds of jobs: the frames are gone through once for all of them.
        """
        names = list(dict.fromkeys((one.kind, one.name) for one in requests))
        if len(names) <= FEW_SUBJECTS or len({(one.start, one.end) for one in requests}) > 1:
            return {}
        start, end = requests[0].start, requests[0].end
        found: list[list[tuple[float, Known]]] = [[] for _ in names]
        for segment, first, last in sorted(segments, key=lambda one: one[1]):
            if first <= end and last >= start - BEFORE:
                with suppress(FileNotFoundError, SnapshotError):
                    for mine, more in zip(found, segment.subjects(names, start - BEFORE, end), strict=True):
                        mine += more
        return {(*name, start, end): mine for name, mine in zip(names, found, strict=True)}

    def _look(self) -> None:
        """Bring everything up to date with what is in the folder."""
        try:
            paths = segment_paths(self.folder)
        except OSError as error:
            raise SnapshotError(
                f"{printable(self.folder)} cannot be read: {error.strerror}",
                "Ask for permission to read it, or name another folder.",
            ) from error
        there = set(paths)
        gone = self._segments.keys() - there
        for path in gone:
            del self._segments[path]
            self._usage.pop(path, None)
        self._problems = {path: error for path, error in self._problems.items() if path in there}
        changed = [self._look_at(path, is_newest=path == paths[-1]) for path in paths]
        if gone or any(changed):
            self._segments = {path: self._segments[path] for path in paths if path in self._segments}
            self._places = {
                frame.time: (segment, number)
                for segment in self._segments.values()
                for number, frame in segment.snapshots.items()
            }
            self._times = tuple(sorted(self._places))

    def _look_at(self, path: Path, *, is_newest: bool) -> bool:
        """Whether there is anything new in a segment."""
        segment = self._segments.get(path)
        # Only the newest grows, and whichever had not been ended when it was looked at last.
        if segment is not None and segment.file.index_usage is not None and not is_newest:
            return False
        try:
            try:
                segment = segment or SegmentReader(path)
                found = segment.scan()
            except FileNotFoundError:
                segment = SegmentReader(path)
                found = segment.scan()
        except FileNotFoundError:
            return self._segments.pop(path, None) is not None
        except SnapshotError as error:
            self._problems[path] = error
            return self._segments.pop(path, None) is not None
        self._problems.pop(path, None)
        if segment.file.is_damaged:
            self._problems[path] = SnapshotError(
                f"{segment.file.origin}: damaged; some of its instants are missing"
            )
        self._segments[path] = segment
        return found

    def _gone(self) -> SnapshotError:
        for error in self._problems.values():
            return error
        return SnapshotError(
            f"{printable(self.folder)} holds no snapshot of that instant", "It may have been removed."
        )

    def _snapshot(self, segment: SegmentReader, number: int) -> Snapshot:
        chain = chain_of(number)
        for at, one in enumerate(chain):
            if (segment, one) in self._kept:
                chain = chain[: at + 1]
                break
        # Those in between are kept as well: what is looked at next will need them.
        for one in reversed(chain):
            if (segment, one) in self._kept:
                self._kept.move_to_end((segment, one))
            else:
                known = {base_of(one): self._kept[segment, base_of(one)]} if one else {}
                try:
                    self._kept[segment, one] = segment.snapshot(one, known)
                except FileNotFoundError:
                    raise self._gone() from None
                self._let_go_of_dictionaries(segment)
        snapshot = self._kept[segment, number]
        while len(self._kept) > SNAPSHOTS_KEPT:
            self._kept.popitem(last=False)
        return snapshot

    def _let_go_of_dictionaries(self, used: SegmentReader) -> None:
        self._dictionaries[used] = None
        self._dictionaries.move_to_end(used)
        while len(self._dictionaries) > DICTIONARIES_KEPT:
            self._dictionaries.popitem(last=False)[0].forget_dictionary()

    def _subject(self, segment: SegmentReader, kind: str, name: str) -> Subject:
        key = (segment, len(segment.file.frames), kind, name)
        with self._lock:
            known = self._subjects.get(key)
        if known is None:
            try:
                known = segment.subject(kind, name)
            except (FileNotFoundError, SnapshotError):
                return ()
            with self._lock:
                self._subjects[key] = known
                while len(self._subjects) > SUBJECTS_KEPT:
                    self._subjects.popitem(last=False)
        return known


def series_of(found: Sequence[tuple[float, Known]], request: SeriesRequest) -> Series | None:
    """What of a subject's readings a request asks for, with gaps; ``None`` where nothing was measured.

    Args:
        found: Times in Unix seconds, ascending, and what was measured then.
        request: Of that subject.
    """
    all_times = [time for time, _ in found]
    first = max(0, bisect_left(all_times, request.start) - 1)
    part = found[first : bisect_right(all_times, request.end)]
    longest = MISSED * max(usual_step([time for time, _ in part]), 1.0)
    times: list[float] = []
    values: list[float | None] = []
    for time, known in part:
        if times and time - times[-1] > longest:
            times.append(times[-1] + 1e-3)
            values.append(None)
        times.append(time)
        values.append(known.get(request.reading))
    if all(value is None for value in values):
        return None
    return Series(times=tuple(times), values=tuple(values), unit=unit_of(request.reading))
