"""Reading a store, while its writer may be appending to it; any thread may ask."""

from __future__ import annotations

import gc
import struct
import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from jobmon_tui.analysis.downsample import usual_step
from jobmon_tui.analysis.series import Known, unit_of
from jobmon_tui.errors import SnapshotError
from jobmon_tui.feeds.store_lanes import Dictionary
from jobmon_tui.feeds.store_readings import ReadingFrames, usage_in
from jobmon_tui.feeds.store_segment import (
    READINGS,
    SNAPSHOT,
    Frame,
    SegmentFile,
    base_of,
    chain_of,
    segment_paths,
)
from jobmon_tui.feeds.store_snapshot import EMPTY, unpack_snapshot
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot, Usage
from jobmon_tui.model.text import printable
from jobmon_tui.model.wire_values import usage_of

SNAPSHOTS_KEPT = 24
"""Snapshots kept in memory: they share most of their records, so that all take as much as two or three."""
DICTIONARIES_KEPT = 3
SUBJECTS_KEPT = 96
"""Nodes and jobs, each in one segment, whose readings are kept in memory."""
MISSED = 4.0
"""Usual steps without readings after which a chart has a gap."""

Subject = tuple[tuple[float, Known], ...]
"""What one node or job did: times in Unix seconds, and its readings."""
Answer = TypeVar("Answer")


class SegmentReader:
    """One segment of a store.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.file = SegmentFile(path)
        self._snapshots: dict[int, Frame] = {}
        self._dictionary: Dictionary | None = None

    def scan(self) -> bool:
        """Take in what was appended; see `SegmentFile.scan`."""
        if not self.file.scan():
            return False
        self._snapshots = {frame.number: frame for frame in self.file.frames if frame.kind == SNAPSHOT}
        return True

    @property
    def snapshots(self) -> Mapping[int, Frame]:
        """The frames of snapshots, by number."""
        return self._snapshots

    @property
    def dictionary(self) -> Dictionary:
        """The texts of the first snapshot; there once any snapshot was read."""
        return self._dictionary or Dictionary()

    def forget_dictionary(self) -> None:
        """Let go of what can be read again."""
        self._dictionary = None

    def snapshot(self, number: int, known: Mapping[int, Snapshot] | None = None) -> Snapshot:
        """One snapshot.

        Args:
            number: Which one.
            known: Those that need not be read again.

        Raises:
            FileNotFoundError: The segment was removed.
            SnapshotError: It is damaged, or one is that it depends on.
        """
        known = known or {}
        chain = [number]
        while chain[-1] and base_of(chain[-1]) not in known:
            chain.append(base_of(chain[-1]))
        if self._dictionary is None and chain[-1]:
            self.snapshot(0)
        before = known[base_of(chain[-1])] if chain[-1] else EMPTY
        frames = [self._frame(one) for one in reversed(chain)]
        for frame, data in zip(frames, self.file.read(frames), strict=True):
            if isinstance(data, SnapshotError):
                raise data
            before = self._unpacked(frame, data, before)
        return before

    def _frame(self, number: int) -> Frame:
        frame = self._snapshots.get(number)
        if frame is None:
            raise SnapshotError(
                f"{self.file.origin}: a part is missing that others depend on", "It was damaged there."
            )
        return frame

    def _unpacked(self, frame: Frame, data: bytes, before: Snapshot) -> Snapshot:
        dictionary = self.dictionary if frame.number else Dictionary()
        snapshot, text = self._understood(
            frame, lambda: unpack_snapshot(data, before, dictionary, self.file.origin)
        )
        if not frame.number:
            self._dictionary = Dictionary(text)
        return snapshot

    def _understood(self, frame: Frame, read: Callable[[], Answer]) -> Answer:
        """What ``read`` makes of a frame; whatever fails in it says that the frame makes no sense."""
        import zstandard

        try:
            return read()
        except SnapshotError:
            raise
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            MemoryError,
            RecursionError,
            TypeError,
            ValueError,
            struct.error,
            zstandard.ZstdError,
        ) as error:
            raise self.file.damaged(frame) from error

    def each_reading(self, states: ReadingFrames) -> Iterator[tuple[Frame, ReadingFrames]]:
        """Go through the frames of readings in their order, up to the first that is damaged.

        Args:
            states: Brought to each frame in turn.
        """
        frames = [frame for frame in self.file.frames if frame.kind == READINGS]
        for number, (frame, data) in enumerate(zip(frames, self.file.read(frames), strict=False)):
            # Each is told as changes to the one before.
            if isinstance(data, SnapshotError) or frame.number != number:
                return
            try:
                self._understood(frame, lambda data=data: states.read(data))  # type: ignore[misc]
            except SnapshotError:
                return
            yield frame, states

    def subject(self, kind: str, name: str) -> Subject:
        """Everything that was read of one node or job in this segment."""
        return tuple(
            (frame.time, states.readings(kind, name)) for frame, states in self.each_reading(ReadingFrames())
        )

    def usage(self) -> dict[float, Usage]:
        """Core usage by Unix time."""
        listed = self.file.index_usage
        if isinstance(listed, list):
            return {
                float(one[0]): usage
                for one in listed
                if isinstance(one, list) and len(one) == 2 and (usage := usage_of(one[1])) is not None
            }
        frames = [frame for frame in self.file.frames if frame.kind == READINGS]
        found: dict[float, Usage] = {}
        for frame, data in zip(frames, self.file.read(frames), strict=True):
            if not isinstance(data, SnapshotError):
                usage = self._understood(frame, lambda data=data: usage_in(data))  # type: ignore[misc]
                if usage is not None:
                    found[frame.time] = usage
        return found


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
        with self._decoding, _no_collections():
            snapshot = self._snapshot(*place)
        if with_queue:
            return snapshot
        jobs = {job_id: job for job_id, job in snapshot.jobs.items() if not job.is_pending}
        return replace(snapshot, jobs=jobs)

    def history(self) -> dict[float, Usage]:
        """Used and available cores by Unix seconds, oldest first; about one a minute.

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
        subjects: dict[tuple[str, str, float, float], list[tuple[float, Known]]] = {}
        answers = []
        for request in requests:
            subject = (request.kind, request.name, request.start, request.end)
            if subject not in subjects:
                found: list[tuple[float, Known]] = []
                for segment, first, last in segments:
                    # A chart begins with what was measured just before.
                    if first <= request.end and last >= request.start - 600:
                        found += self._subject(segment, request.kind, request.name)
                found.sort(key=lambda one: one[0])
                subjects[subject] = found
            answers.append(series_of(subjects[subject], request))
        return answers

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


@contextmanager
def _no_collections() -> Iterator[None]:
    """A collection in the middle of making ten thousand records walks through all of them, for nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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
