"""The files of a spool folder: one whole snapshot each, as gzip-compressed JSON."""

from __future__ import annotations

import os
import re
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from jobmon_tui.analysis.series import Known, job_readings, node_readings
from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.feeds.reading_columns import ReadingColumn, by_reading, scale_of
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.model.text import printable

NEWEST = "data.json.gz"
HISTORY = "history.json.gz"
BACKFILL = "backfill.json.gz"

_RECORDED = re.compile(r"data([0-9]{1,12})\.json\.gz", re.ASCII)
_WHOLE_KEPT = 4
"""Snapshots kept with their queue: the newest, and a step back and forth in the time machine."""
_SLIM_KEPT = 48
"""Snapshots kept without their queue: the ten minutes that warnings look at, at a usual pace."""
_READINGS_KEPT = 180
"""Snapshots whose readings are kept for charts: three spans of `SAMPLES`."""
_MOST_NAMES = 200_000
SAMPLES = 60
"""Files that are read for one chart at the most."""

Version = tuple[int, int, int]
"""Changes whenever a file does."""
RecordedFile = tuple[float, Path]
"""The time in a file's name, in Unix seconds, and the file."""


class SpoolFiles:
    """The snapshot files in a folder, or a single one; any thread may ask.

    Args:
        folder: The folder, or the file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._whole: OrderedDict[Path, tuple[Version, Snapshot]] = OrderedDict()
        self._slim: OrderedDict[Path, tuple[Version, Snapshot]] = OrderedDict()
        self._readings: OrderedDict[Path, tuple[Version, _Readings]] = OrderedDict()
        self._slots: dict[tuple[str, str], int] = {}

    @property
    def is_single(self) -> bool:
        """Whether it is one file only."""
        return self.folder.is_file()

    @property
    def newest_path(self) -> Path:
        """Where the newest snapshot stands."""
        return self.folder if self.is_single else self.folder / NEWEST

    def listed(self) -> list[RecordedFile]:
        """The recorded snapshots, oldest first.

        Raises:
            JobmonError: There is no such folder, or it cannot be read.
        """
        if self.is_single:
            named = _RECORDED.fullmatch(self.folder.name)
            return [(float(named[1]), self.folder)] if named else []
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            raise JobmonError(
                f"{printable(self.folder)} does not exist",
                "Name the folder into which a collector writes, or one snapshot file.",
            ) from None
        except OSError as error:
            raise JobmonError(
                f"{printable(self.folder)} cannot be read: {error.strerror}",
                "Ask for permission to read it, or name another folder.",
            ) from error
        matches = (_RECORDED.fullmatch(name) for name in names)
        return sorted((float(match[1]), self.folder / match[0]) for match in matches if match)

    def newest(self) -> Snapshot | None:
        """The newest snapshot; ``None`` where there is none under that name.

        Raises:
            SnapshotError: It is damaged or cannot be read.
        """
        try:
            return self.read(self.newest_path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, path: Path, *, with_queue: bool = True) -> Snapshot:
        """A snapshot from memory if the file is as it was, else from the file.

        Raises:
            FileNotFoundError: It went away: collectors remove what is too old.
            SnapshotError: It is damaged or cannot be read.
        """
        version = version_of(path)
        kept, most = (self._whole, _WHOLE_KEPT) if with_queue else (self._slim, _SLIM_KEPT)
        with self._lock:
            for known in (self._whole, kept):
                found = known.get(path)
                if found is not None and found[0] == version:
                    known.move_to_end(path)
                    return found[1]
        snapshot = wire.read_snapshot(path, with_queue=with_queue)
        with self._lock:
            kept[path] = (version, snapshot)
            kept.move_to_end(path)
            while len(kept) > most:
                kept.popitem(last=False)
        return snapshot

    def subject(self, files: Sequence[RecordedFile], kind: str, name: str) -> list[tuple[float, Known]]:
        """What some files have of one node or job; those that are gone or damaged are left out."""
        found = []
        for time, path in files:
            with suppress(FileNotFoundError, SnapshotError):
                known = self._readings_in(path).of(self._slots.get((kind, name)), kind)
                found.append((time, known))
        return found

    def _readings_in(self, path: Path) -> _Readings:
        version = version_of(path)
        with self._lock:
            found = self._readings.get(path)
            if found is not None and found[0] == version:
                self._readings.move_to_end(path)
                return found[1]
        # Not through `read`: what is kept there is for what is looked at, and this goes through many.
        snapshot = wire.read_snapshot(path, with_queue=False)
        with self._lock:
            if len(self._slots) > _MOST_NAMES:
                self._slots.clear()
                self._readings.clear()
            readings = _Readings(snapshot, self._slots)
            self._readings[path] = (version, readings)
            while len(self._readings) > _READINGS_KEPT:
                self._readings.popitem(last=False)
        return readings


class _Readings:
    """The readings of a snapshot, in two bytes each.

    Args:
        snapshot: The snapshot.
        slots: Kind and name to a number; new ones are added.
    """

    def __init__(self, snapshot: Snapshot, slots: dict[tuple[str, str], int]) -> None:
        known: dict[str, dict[str, Known]] = {
            "node": {name: node_readings(node) for name, node in snapshot.nodes.items()},
            "job": {
                job_id: job_readings(job, snapshot.nodes)
                for job_id, job in snapshot.jobs.items()
                if job.is_running
            },
        }
        self._columns: dict[str, dict[str, ReadingColumn]] = {}
        for kind, of_kind in known.items():
            places = {name: slots.setdefault((kind, name), len(slots)) for name in of_kind}
            self._columns[kind] = {
                reading: ReadingColumn(*column, len(slots))
                for reading, column in by_reading(of_kind, places).items()
            }

    def of(self, slot: int | None, kind: str) -> Known:
        """What it has of a node or job."""
        if slot is None:
            return {}
        return {
            reading: value / scale_of(reading)
            for reading, column in self._columns[kind].items()
            if (value := column.value(slot)) is not None
        }


def version_of(path: Path) -> Version:
    """What changes whenever a file does.

    Raises:
        FileNotFoundError, NotADirectoryError: It is not there.
        SnapshotError: It may not be looked at.
    """
    try:
        # Opened and not only looked at: a network file system then asks its server what there is, instead of
        # telling for up to half a minute what there was. It may still find a file that was just replaced for
        # as long as names in a folder are kept (acdirmin, of NFS).
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(handle)
        finally:
            os.close(handle)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise SnapshotError(f"{printable(path)}: cannot be read: {error.strerror}") from error
    return status.st_mtime_ns, status.st_size, status.st_ino


def spread(
    files: Sequence[RecordedFile], start: float, end: float, most: int = SAMPLES
) -> list[RecordedFile]:
    """Some of the files of a span, evenly, and the one before it.

    Which ones does not depend on where exactly the span begins, so that a span that moves on finds most of
    them again.
    """
    first = max(0, bisect_left(files, (start, Path())) - 1)
    last = bisect_left(files, (end, Path("\U0010ffff")))
    inside = files[first:last]
    if len(inside) <= most:
        return list(inside)
    step = max((end - start) / most, 1e-3)
    chosen: dict[int, RecordedFile] = {}
    for file in inside:
        chosen.setdefault(int(file[0] // step), file)
    return list(chosen.values())
