"""Recorded snapshots from a spool folder, as jobmon's own or an older collector writes it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.feeds.base import Backfill, Feed
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import Snapshot, Usage
from jobmon_tui.model.text import printable

NEWEST = "data.json.gz"
HISTORY = "history.json.gz"
BACKFILL = "backfill.json.gz"

_RECORDED = re.compile(r"data([0-9]{1,12})\.json\.gz", re.ASCII)
_WHOLE_KEPT = 4
"""Snapshots kept with their queue: the newest, and a step back and forth in the time machine."""
_SLIM_KEPT = 48
"""Snapshots kept without their queue: the ten minutes that warnings look at, at a usual pace."""

_Version = tuple[int, int, int]


class SpoolFeed(Feed):
    """The snapshots in a folder, or a single one in a file.

    Args:
        folder: The folder that a collector writes, or one snapshot file.
    """

    kind = "recorded"

    def __init__(self, folder: Path) -> None:
        self.title = f"spool {folder}"
        self.folder = folder
        self._whole: OrderedDict[Path, tuple[_Version, Snapshot]] = OrderedDict()
        self._slim: OrderedDict[Path, tuple[_Version, Snapshot]] = OrderedDict()

    def open(self) -> None:
        """Look whether the folder is there and can be listed."""
        self._files()

    def latest(self) -> Snapshot:
        """The newest snapshot. A file that did not change since the last call is not read again.

        Raises:
            SnapshotError: The newest file is damaged; the message names it.
            JobmonError: There is no snapshot.
        """
        newest = self._newest_file()
        if newest is not None:
            return newest
        for _, path in reversed(self._files()):
            with suppress(FileNotFoundError):
                return self._read(path)
        raise JobmonError(
            f"{printable(self.folder)} holds no snapshots",
            "A collector writes them: start `jobmon collect` there, or name another folder.",
        )

    def at(self, time: float) -> Snapshot:
        """The snapshot nearest to that instant (Unix seconds); the earlier of two that are as near.

        Raises:
            SnapshotError: The nearest one is damaged; the message names it.
            JobmonError: There is none.
        """
        files = self._files()
        if files and time > files[-1][0]:
            # The newest snapshot may stand in the unnumbered file only.
            with suppress(SnapshotError):
                newest = self._newest_file()
                if newest is not None and abs(newest.timestamp - time) < time - files[-1][0]:
                    return newest
        for _, path in sorted(files, key=lambda file: abs(file[0] - time)):
            with suppress(FileNotFoundError):
                return self._read(path)
        return self.latest()

    def timeline(self) -> tuple[float, ...]:
        """The instants in the names of the files, oldest first."""
        return tuple(time for time, _ in self._files())

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        """The snapshots less than ``seconds`` older than ``time`` and not newer, oldest first.

        They come without pending jobs: warnings over time, which they are for, do not look at the queue, and
        dozens of snapshots with it would fill the memory. Damaged files are left out.
        """
        files = self._files()
        # Names are whole seconds, the times inside need not be.
        first = bisect_left(files, time - seconds - 1, key=lambda file: file[0])
        last = bisect_right(files, time + 1, key=lambda file: file[0])
        paths = [path for _, path in files[first:last]]
        paths.append(self.folder if self.folder.is_file() else self.folder / NEWEST)
        found: dict[float, Snapshot] = {}
        for path in paths:
            try:
                snapshot = self._read(path, with_queue=False)
            except (FileNotFoundError, SnapshotError):
                continue
            if 0 <= time - snapshot.timestamp < seconds:
                found.setdefault(snapshot.timestamp, snapshot)
        return tuple(found[moment] for moment in sorted(found))

    def backfill(self) -> Backfill:
        """What the collector last calculated; empty where it wrote nothing.

        Raises:
            SnapshotError: The file is damaged.
        """
        path = self.folder / BACKFILL
        try:
            return wire.backfill_from_document(wire.read_json(path), str(path))
        except (FileNotFoundError, NotADirectoryError):
            return {}

    def history(self) -> dict[float, Usage]:
        """Core usage by Unix time, oldest first; empty where the collector wrote none.

        Raises:
            SnapshotError: The file is damaged.
        """
        path = self.folder / HISTORY
        try:
            return wire.history_from_document(wire.read_json(path), str(path))
        except (FileNotFoundError, NotADirectoryError):
            return {}

    def _newest_file(self) -> Snapshot | None:
        path = self.folder if self.folder.is_file() else self.folder / NEWEST
        try:
            return self._read(path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _files(self) -> list[tuple[float, Path]]:
        """Time and path of the recorded snapshots, oldest first."""
        if self.folder.is_file():
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

    def _read(self, path: Path, *, with_queue: bool = True) -> Snapshot:
        """A snapshot from memory if the file is as it was, else from the file.

        Raises:
            FileNotFoundError: It went away: collectors remove what is too old.
            SnapshotError: It is damaged or cannot be read.
        """
        try:
            status = path.stat()
        except PermissionError as error:
            raise SnapshotError(f"{printable(path)}: cannot be read: {error.strerror}") from error
        version = (status.st_mtime_ns, status.st_size, status.st_ino)
        kept, most = (self._whole, _WHOLE_KEPT) if with_queue else (self._slim, _SLIM_KEPT)
        whole = self._whole.get(path)
        if whole is not None and whole[0] == version:
            return whole[1]
        found = kept.get(path)
        if found is None or found[0] != version:
            found = (version, wire.read_snapshot(path, with_queue=with_queue))
            kept[path] = found
        kept.move_to_end(path)
        if len(kept) > most:
            kept.popitem(last=False)
        return found[1]
