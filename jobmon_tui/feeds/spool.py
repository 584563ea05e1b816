"""Snapshots from a spool folder, as jobmon's own or an older collector writes it: the newest, and the past.

A spool may hold single files (one snapshot each, as API 15 has it), a compact history (`feeds.store`), or
both. Whoever reads cannot tell which of them an instant came from.
"""

from __future__ import annotations

import time as clocks
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from jobmon_tui.analysis.downsample import usual_step
from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.feeds.base import Backfill, Feed
from jobmon_tui.feeds.spool_files import (
    BACKFILL,
    HISTORY,
    RecordedFile,
    SpoolFiles,
    Version,
    spread,
    version_of,
)
from jobmon_tui.feeds.store_reader import StoreReader, series_of
from jobmon_tui.feeds.store_segment import segment_paths
from jobmon_tui.model import wire
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot, SourceStatus, Usage
from jobmon_tui.model.text import printable

STORE = "store"
"""The subfolder of the compact history."""
NEWS_EVERY = 0.5
LATE_AFTER = 3.0
"""Usual intervals of the collector after which it is late."""
LATE_AT_LEAST = 20.0
"""Seconds before which nothing is called late."""
_SAME = 1.0
"""Seconds: what a file's name and the time inside it may differ by."""
_NEIGHBOURS = 6
"""Snapshots that are tried in place of a damaged one."""
_PACE_OF = 12
"""The newest instants that tell how often the collector writes."""


class SpoolFeed(Feed):
    """The snapshots in a folder, or a single one in a file.

    Args:
        folder: The folder that a collector writes, or one snapshot file.
        following: Whether somebody still writes there, so that what is old is late. A single file is not.
        clock: Tells the time, in Unix seconds.
    """

    def __init__(
        self, folder: Path, *, following: bool = True, clock: Callable[[], float] = clocks.time
    ) -> None:
        self.title = f"spool {folder}"
        self.folder = folder
        self._files = SpoolFiles(folder)
        self._store = StoreReader(folder / STORE)
        self._clock = clock
        self._follows = following and not folder.is_file()
        if self._follows:
            self.kind, self.news_every = "live", NEWS_EVERY
        else:
            self.kind = "recorded"
        self._shown: tuple[Version | None, bool] = (None, False)
        """What `latest` brought last: the version of the newest file, and whether it was late."""
        self._told: tuple[Snapshot, tuple[SourceStatus, ...], Snapshot] | None = None
        """A snapshot, what was said of the spool beside it, and both together."""
        self._shown_time = 0.0

    def open(self) -> None:
        """Look whether the folder is there and can be listed, and how often somebody writes there."""
        self._files.listed()
        self._learn_pace()

    def latest(self) -> Snapshot:
        """The newest snapshot. A file that did not change since the last call is not read again.

        Where the collector is late, or a part of the history cannot be read, the sources say so.

        Raises:
            SnapshotError: The newest file is damaged; the message names it.
            JobmonError: There is no snapshot.
        """
        version = self._newest_version()
        snapshot = self._newest()
        is_late = self._is_late(snapshot.timestamp)
        if snapshot.timestamp != self._shown_time:
            self._learn_pace()
        self._shown, self._shown_time = (version, is_late), snapshot.timestamp
        return self._with_what_is_wrong(snapshot, is_late)

    def has_news(self) -> bool:
        """Whether a collector has written since `latest` was called, or has begun to be late."""
        if not self._follows:
            return False
        version, was_late = self._shown
        try:
            return self._newest_version() != version or (
                not was_late and bool(self._shown_time) and self._is_late(self._shown_time)
            )
        except JobmonError:
            # What is wrong is told by `latest`, at its own pace.
            return False

    def at(self, time: float) -> Snapshot:
        """The snapshot nearest to that instant (Unix seconds); the earlier of two that are as near.

        Where the nearest one is damaged, a neighbour takes its place and says so in its sources.

        Raises:
            SnapshotError: It is damaged, and so are its neighbours; the message names it.
            JobmonError: There is none.
        """
        files = self._files.listed()
        stored = self._stored_times()
        latest = max([*stored[-1:], *(moment for moment, _ in files[-1:])], default=None)
        if latest is None:
            return self._newest()
        if time > latest:
            # The newest snapshot may stand in the unnumbered file only.
            with suppress(SnapshotError):
                newest = self._files.newest()
                if newest is not None and abs(newest.timestamp - time) < time - latest:
                    return newest
        damaged: SnapshotError | None = None
        for moment, path in _nearest(stored, files, time):
            try:
                snapshot = self._store.read(moment) if path is None else self._files.read(path)
            except FileNotFoundError:
                continue
            except SnapshotError as error:
                damaged = damaged or error
                continue
            return snapshot if damaged is None else in_place_of(snapshot, damaged)
        if damaged is not None:
            raise damaged
        return self._newest()

    def timeline(self) -> tuple[float, ...]:
        """The instants of the compact history, and of those files that it does not have; oldest first."""
        stored = self._stored_times()
        return tuple(sorted([*stored, *(time for time, _ in self._only_files(stored))]))

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        """The snapshots less than ``seconds`` older than ``time`` and not newer, oldest first.

        They come without pending jobs: warnings over time, which they are for, do not look at the queue, and
        dozens of snapshots with it would fill the memory. Damaged ones are left out.
        """
        found: dict[float, Snapshot] = {}
        stored = self._stored_times()
        for moment in stored[bisect_right(stored, time - seconds) : bisect_right(stored, time)]:
            with suppress(SnapshotError):
                found[moment] = self._store.read(moment, with_queue=False)
        files = self._only_files(stored)
        # Names are whole seconds, the times inside need not be.
        first = bisect_left(files, time - seconds - _SAME, key=lambda file: file[0])
        last = bisect_right(files, time + _SAME, key=lambda file: file[0])
        paths = [path for _, path in files[first:last]]
        if self._files.is_single or not stored or stored[-1] < time:
            paths.append(self._files.newest_path)
        for path in paths:
            try:
                snapshot = self._files.read(path, with_queue=False)
            except (FileNotFoundError, NotADirectoryError, SnapshotError):
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
        """Core usage by Unix time, oldest first: what the collector wrote, and what the compact history has.

        Raises:
            SnapshotError: The collector's file is damaged, and there is no compact history.
        """
        path = self.folder / HISTORY
        stored: dict[float, Usage] = {}
        with suppress(SnapshotError):
            stored = self._store.history()
        written: dict[float, Usage] = {}
        try:
            written = wire.history_from_document(wire.read_json(path), str(path))
        except (FileNotFoundError, NotADirectoryError):
            pass
        except SnapshotError:
            if not stored:
                raise
        seconds = {round(time) for time in written} | {int(time) for time in written}
        missing = {time: usage for time, usage in stored.items() if int(time) not in seconds}
        return dict(sorted((written | missing).items()))

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What was measured over a time: from the compact history, and before it and without it from files.

        Of files, about `spool_files.SAMPLES` are read for a span, which must do.

        Raises:
            JobmonError: The folder cannot be read.
        """
        stored = self._stored_times()
        answers: list[Series | None] = [None] * len(requests)
        with suppress(SnapshotError):
            answers = self._store.series(requests)
        if stored and all(request.start >= stored[0] for request in requests):
            return answers
        files = [file for file in self._files.listed() if not stored or file[0] < stored[0] - _SAME]
        if not files:
            return answers
        return [
            _joined(self._from_files(files, request), answer)
            for request, answer in zip(requests, answers, strict=True)
        ]

    def _from_files(self, files: Sequence[RecordedFile], request: SeriesRequest) -> Series | None:
        chosen = spread(files, request.start, request.end)
        return series_of(self._files.subject(chosen, request.kind, request.name), request)

    def _newest(self) -> Snapshot:
        newest = self._files.newest()
        if newest is not None:
            return newest
        stored = self._stored_times()
        files = self._files.listed()
        if stored and (not files or stored[-1] >= files[-1][0]):
            return self._store.read(stored[-1])
        for _, path in reversed(files):
            with suppress(FileNotFoundError):
                return self._files.read(path)
        for problem in self._store.problems:
            raise problem
        raise JobmonError(
            f"{printable(self.folder)} holds no snapshots",
            "A collector writes them: start `jobmon collect` there, or name another folder.",
        )

    def _stored_times(self) -> tuple[float, ...]:
        """The instants of the compact history; none where it cannot be read: the files are still there."""
        with suppress(SnapshotError):
            return self._store.times()
        return ()

    def _only_files(self, stored: Sequence[float]) -> list[RecordedFile]:
        """The files whose instants the compact history does not have."""
        seconds = {int(time) for time in stored} | {round(time) for time in stored}
        return [file for file in self._files.listed() if file[0] not in seconds]

    def _newest_version(self) -> Version | None:
        """What changes when a collector has written; ``None`` where there is nothing."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return version_of(self._files.newest_path)
        with suppress(OSError):
            segments = segment_paths(self.folder / STORE)
            if segments:
                return version_of(segments[-1])
        return None

    def _learn_pace(self) -> None:
        """How often a collector writes is how old its newest snapshot may get."""
        step = usual_step(self.timeline()[-_PACE_OF:])
        if step > 0:
            self.interval = min(max(step, 1.0), 3600.0)
            self.written_every = self.interval if self._follows else None

    def _is_late(self, time: float) -> bool:
        return self._follows and self._clock() - time > max(LATE_AFTER * self.interval, LATE_AT_LEAST)

    def _with_what_is_wrong(self, snapshot: Snapshot, is_late: bool) -> Snapshot:
        """The snapshot with what the user must be told of the spool; the same one while nothing changes."""
        told = tuple(
            SourceStatus(name="spool", ok=False, error=error.message, hint=error.hint)
            for error in self._store.problems
        )
        if is_late:
            late = SourceStatus(
                name="collector",
                ok=False,
                error="has written nothing new",
                hint="Is `jobmon collect` running?",
                failing_since=snapshot.timestamp,
            )
            told = (late, *told)
        if not told:
            return snapshot
        if self._told is None or self._told[0] is not snapshot or self._told[1] != told:
            self._told = snapshot, told, replace(snapshot, sources=(*told, *snapshot.sources))
        return self._told[2]


def _nearest(
    stored: Sequence[float], files: Sequence[RecordedFile], time: float
) -> Iterator[tuple[float, Path | None]]:
    """A few instants around one, the nearest first, and their files where there is one."""
    seconds = {int(moment) for moment in stored}
    place = bisect_left(stored, time)
    found: list[tuple[float, float, Path | None]] = [
        (abs(moment - time), moment, None)
        for moment in stored[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS]
    ]
    place = bisect_left(files, time, key=lambda file: file[0])
    for moment, file in files[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS]:
        # What the compact history has as well is read from a file only if it is damaged there.
        later = _SAME if moment in seconds else 0.0
        found.append((abs(moment - time) + later, moment, file))
    found.sort(key=lambda one: one[:2])
    return ((moment, path) for _, moment, path in found[: 2 * _NEIGHBOURS])


def in_place_of(snapshot: Snapshot, damaged: SnapshotError) -> Snapshot:
    """A snapshot that is shown instead of a damaged one, and says so."""
    told = SourceStatus(
        name="spool", ok=False, error=damaged.message, hint="The nearest whole snapshot is shown instead."
    )
    return replace(snapshot, sources=(told, *snapshot.sources))


def _joined(earlier: Series | None, later: Series | None) -> Series | None:
    if earlier is None or later is None:
        return earlier or later
    points = [point for point in zip(earlier.times, earlier.values, strict=True) if point[0] < later.times[0]]
    points += zip(later.times, later.values, strict=True)
    times, values = zip(*points, strict=True)
    return Series(times=times, values=values, unit=later.unit)
