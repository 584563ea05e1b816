"""The compact history: a folder of segment files that one writer appends to and anybody reads.

A plain folder of append-only files, and no database: readers on other machines see it through a shared file
system and may not write there, and a collector may be killed at any byte. Each segment covers an hour. Its
first snapshot is whole, each later one is told as changes to an earlier one of the same segment (`base_of`),
so that a few small frames are all that it takes to have any of them.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from jobmon_tui.errors import SnapshotError
from jobmon_tui.feeds.store_lanes import Dictionary
from jobmon_tui.feeds.store_reader import StoreReader
from jobmon_tui.feeds.store_readings import ReadingFrames
from jobmon_tui.feeds.store_segment import (
    READINGS,
    SNAPSHOT,
    SUFFIX,
    Frame,
    SegmentFile,
    base_of,
    chain_of,
    file_head,
    frame_bytes,
    index_bytes,
    segment_paths,
    segment_start,
)
from jobmon_tui.feeds.store_segment_reader import SegmentReader
from jobmon_tui.feeds.store_snapshot import EMPTY, no_collections, pack_snapshot, with_shared_records
from jobmon_tui.model.snapshot import Snapshot, Usage
from jobmon_tui.model.wire_write import usage_document

__all__ = ["SEGMENT_SECONDS", "StoreReader", "StoreWriter"]

SEGMENT_SECONDS = 3600.0
"""What a segment covers. All of it depends on its first frame, and it is removed as a whole."""
READINGS_EVERY = 85.0
"""Seconds between two frames of readings at the least: charts of hours need no more."""
SMALLEST_SHARE = 8
"""Where the bytes are bounded, a segment takes one part in so many at the most."""


class StoreWriter:
    """Appends snapshots to a store; there must be one writer of a folder at a time.

    What a writer that was killed left half-written is cut off, and its segment continued.

    Args:
        folder: Made as soon as something is appended.
        mode: The permissions of the files; the folder's follow from them.
        most_bytes: What all segments together may take, the oldest are removed for it; ``None``: no bound.
    """

    def __init__(self, folder: Path, *, mode: int = 0o644, most_bytes: int | None = None) -> None:
        self.folder = folder
        self._mode = mode
        self._most_bytes = most_bytes
        self._segment: _OpenSegment | None = None
        self._is_fresh = True
        self._closed_sizes: dict[Path, int] = {}

    def append(self, snapshot: Snapshot) -> None:
        """Add a snapshot. One of the same instant as the last is left out.

        Raises:
            OSError: It could not be written; the store is as it was before.
        """
        with no_collections():
            self._append(snapshot)
        self._bound()

    def _append(self, snapshot: Snapshot) -> None:
        segment = self._segment
        if self._is_fresh:
            segment = self._segment = self._continued(snapshot.timestamp)
            self._is_fresh = False
        if segment is not None and (
            not segment.is_there() or not segment.takes(snapshot, self._segment_bytes)
        ):
            self._end_segment()
            segment = None
        if segment is not None and snapshot.timestamp == segment.last_time:
            return
        if segment is None:
            self._segment = _OpenSegment.begun(self.folder, snapshot, self._mode)
            self._look_at_sizes()
        else:
            segment.append(snapshot)

    def prune(self, before: float) -> None:
        """Remove the segments whose last snapshot is older than that (Unix seconds).

        Raises:
            OSError: One could not be removed.
        """
        for path in segment_paths(self.folder):
            # Nothing in a segment is older than its name, but for a clock that was set back.
            if segment_start(path) >= before or (self._segment is not None and path == self._segment.path):
                continue
            file = SegmentFile(path)
            try:
                file.scan()
                last = max((frame.time for frame in file.frames), default=segment_start(path))
            except FileNotFoundError:
                continue
            except SnapshotError:
                last = segment_start(path) + SEGMENT_SECONDS
            if last < before:
                path.unlink(missing_ok=True)
                self._closed_sizes.pop(path, None)

    def close(self) -> None:
        """End the segment in order. It is continued by the next writer, if that comes soon enough."""
        self._end_segment()
        self._is_fresh = True

    @property
    def bytes_per_snapshot(self) -> float:
        """What each takes in the segment that is being written; 0 before there is one."""
        return 0.0 if self._segment is None else self._segment.size / self._segment.count

    @property
    def _segment_bytes(self) -> float:
        return float("inf") if self._most_bytes is None else self._most_bytes / SMALLEST_SHARE

    def _end_segment(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            # An index only saves time.
            with suppress(OSError):
                segment.end()
            segment.close()

    def _continued(self, time: float) -> _OpenSegment | None:
        """The newest segment, if it may be gone on with."""
        paths = segment_paths(self.folder)
        if not paths or not 0 <= time - segment_start(paths[-1]) < SEGMENT_SECONDS:
            return None
        try:
            segment = _OpenSegment.continued(paths[-1])
        except (SnapshotError, FileNotFoundError):
            # Left as it is: of a damaged segment others may still read what is whole.
            return None
        if segment is not None:
            self._look_at_sizes()
        return segment

    def _look_at_sizes(self) -> None:
        self._closed_sizes = {}
        for path in segment_paths(self.folder):
            if self._segment is None or path != self._segment.path:
                with suppress(FileNotFoundError):
                    self._closed_sizes[path] = path.stat().st_size

    def _bound(self) -> None:
        if self._most_bytes is None or self._segment is None:
            return
        while self._closed_sizes and sum(self._closed_sizes.values()) + self._segment.size > self._most_bytes:
            oldest = min(self._closed_sizes, key=segment_start)
            oldest.unlink(missing_ok=True)
            del self._closed_sizes[oldest]


class _OpenSegment:
    """The segment that is being written.

    Args:
        path: The file.
        handle: The file, opened for writing.
    """

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle
        self.size = 0
        self._frames: list[Frame] = []
        self._states: dict[int, Snapshot] = {}
        """The snapshots, by number, that later ones may be told as changes to."""
        self._number = 0
        self._dictionary = Dictionary()
        self._readings = ReadingFrames()
        self._readings_at = float("-inf")
        self._n_readings = 0
        self._usage: list[tuple[float, Usage]] = []
        self._start = segment_start(path)

    @classmethod
    def begun(cls, folder: Path, snapshot: Snapshot, mode: int) -> _OpenSegment:
        """A new segment with its first snapshot.

        Raises:
            OSError: It could not be written, and is not there.
        """
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            folder.chmod(mode | (mode & 0o444) >> 2)
        number = int(max(0.0, snapshot.timestamp))
        while True:
            path = folder / f"{number}{SUFFIX}"
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
                break
            except FileExistsError:
                number += 1
        segment = cls(path, handle)
        try:
            # Whatever the process's own mask takes away: others are meant to read it.
            os.fchmod(handle, mode)
            segment.append(snapshot)
        except BaseException:
            segment.close()
            path.unlink(missing_ok=True)
            raise
        return segment

    @classmethod
    def continued(cls, path: Path) -> _OpenSegment | None:
        """A segment that another writer left, without what is not whole at its end.

        Returns:
            ``None`` where it is not fit to be continued.

        Raises:
            FileNotFoundError, SnapshotError: It cannot be read.
            OSError: It cannot be written.
        """
        reader = SegmentReader(path)
        reader.scan()
        file = reader.file
        if file.is_damaged or not file.frames:
            return None
        segment = cls(path, os.open(path, os.O_RDWR | os.O_CLOEXEC))
        try:
            snapshots = [frame for frame in file.frames if frame.kind == SNAPSHOT]
            segment._number = len(snapshots)
            for number in chain_of(segment._number - 1):
                segment._states[number] = reader.snapshot(number)
            segment._dictionary = reader.dictionary
            readings = [frame for frame in file.frames if frame.kind == READINGS]
            for frame, _ in reader.each_reading(segment._readings):
                segment._readings_at = frame.time
            segment._n_readings = len(readings)
            segment._usage = list(reader.usage().items())
            segment._frames = list(file.frames)
            segment.size = file.end
            os.ftruncate(segment._handle, segment.size)
        except BaseException:
            segment.close()
            raise
        return segment

    @property
    def last_time(self) -> float:
        """When the newest snapshot in it was taken, in Unix seconds."""
        return self._states[self._number - 1].timestamp

    @property
    def count(self) -> int:
        """How many snapshots are in it."""
        return self._number

    def is_there(self) -> bool:
        """Whether the file still is the one that others find under its name."""
        try:
            there, here = self.path.stat(), os.fstat(self._handle)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def takes(self, snapshot: Snapshot, most_bytes: float) -> bool:
        """Whether a snapshot belongs into this segment, and not into a new one."""
        return 0 <= snapshot.timestamp - self._start < SEGMENT_SECONDS and self.size < most_bytes

    def append(self, snapshot: Snapshot) -> None:
        """Add a snapshot, and readings if it is time for some.

        Raises:
            OSError: It could not be written; the file is as it was before.
        """
        number, time = self._number, snapshot.timestamp
        if number:
            snapshot = with_shared_records(snapshot, self._states[number - 1])
        before = self._states[base_of(number)] if number else EMPTY
        data, text = pack_snapshot(snapshot, before, self._dictionary)
        parts = [] if self.size else [file_head()]
        size = self.size + sum(map(len, parts))
        frames = []
        parts.append(frame_bytes(SNAPSHOT, number, time, data))
        frames.append(Frame.written(parts[-1], size))
        readings = self._readings
        if not 0 <= time - self._readings_at < READINGS_EVERY:
            readings = self._readings.copy()
            parts.append(frame_bytes(READINGS, self._n_readings, time, readings.pack(snapshot)))
            frames.append(Frame.written(parts[-1], frames[-1].end))
        self._write(b"".join(parts))
        self._frames += frames
        self._number += 1
        if not number:
            self._dictionary = Dictionary(text)
        if readings is not self._readings:
            self._readings, self._readings_at = readings, time
            self._n_readings += 1
            if snapshot.usage is not None:
                self._usage.append((time, snapshot.usage))
        kept = {one: self._states[one] for one in chain_of(number) if one != number}
        self._states = kept | {number: snapshot}

    def end(self) -> None:
        """Write the index, and have everything on the disk.

        Raises:
            OSError: It could not be written.
        """
        usage = [[time, usage_document(one)] for time, one in self._usage]
        self._write(index_bytes(self._frames, self.size, self.last_time, usage))
        os.fsync(self._handle)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._handle)

    def _write(self, data: bytes) -> None:
        """Put all of it at the end of the file, or nothing."""
        place, left = self.size, memoryview(data)
        try:
            while left:
                written = os.pwrite(self._handle, left, place)
                place, left = place + written, left[written:]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._handle, self.size)
            raise
        self.size = place
