"""A live feed that keeps what it brings on the user's own disk: a past without a collector."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import threading
import time as clocks
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from zlib import crc32

from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.feeds.base import Backfill, Feed
from jobmon_tui.feeds.spool import in_place_of
from jobmon_tui.feeds.store import StoreReader, StoreWriter
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot, Usage

KEEP = 86_400.0
"""Seconds for which snapshots are kept."""
MOST_BYTES = 200_000_000
LARGEST_SHARE = 0.02
"""The most of the time that keeping may take: of a huge cluster fewer snapshots are kept."""
AFTER_FAILURE = 60.0
"""Seconds after which a disk that failed is tried again."""
PRUNED_EVERY = 600.0
LONGEST_FAREWELL = 0.3
"""Seconds that closing waits for what is being written."""
_NEIGHBOURS = 6

_log = logging.getLogger(__name__)


class RememberedFeed(Feed):
    """Another feed, and a history of its snapshots in a folder.

    Of two jobmons of one user, the first writes and both read.

    Args:
        feed: Where snapshots come from.
        folder: In which each cluster gets a folder of its own.
        backend: The name of what brings the snapshots: two kinds of pictures of one cluster are not mixed.
        keep: Seconds for which snapshots are kept.
        most_bytes: What the history of a cluster may take.
        clock: Seconds that only go forwards.
    """

    def __init__(
        self,
        feed: Feed,
        folder: Path,
        backend: str,
        *,
        keep: float = KEEP,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = clocks.monotonic,
    ) -> None:
        self._feed = feed
        self._folder = folder
        self._backend = backend
        self._keep = keep
        self._most_bytes = most_bytes
        self._clock = clock
        self._reader: StoreReader | None = None
        self._newest: Snapshot | None = None
        self._began = 0.0
        """When the first snapshot was brought, in Unix seconds."""
        self._waiting: Snapshot | None = None
        self._problem = ""
        self._stopped = False
        self._is_writing = False
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._take_over()

    @property
    def is_idle(self) -> bool:
        """Whether everything that will be kept has been written."""
        with self._change:
            return self._waiting is None and not self._is_writing

    def open(self) -> None:
        """Open the other feed."""
        self._feed.open()
        self._take_over()

    def latest(self) -> Snapshot:
        """The newest snapshot; it is written by another thread, and only if it is of the whole cluster."""
        self._feed.only_user = self.only_user
        snapshot = self._feed.latest()
        self._take_over()
        if snapshot.only_user is None:
            self._remember(snapshot)
        problem = self._problem
        return replace(snapshot, notes=(*snapshot.notes, problem)) if problem else snapshot

    def has_news(self) -> bool:
        """As the other feed says."""
        return self._feed.has_news()

    def at(self, time: float) -> Snapshot:
        """The kept snapshot nearest to that instant (Unix seconds), or the newest one.

        Where the nearest one is damaged, a neighbour takes its place and says so in its sources.

        Raises:
            JobmonError: None was kept yet, or all around are damaged.
        """
        if self._feed.timeline():
            return self._feed.at(time)
        reader, newest = self._reader, self._newest
        if reader is None or newest is None:
            return self._feed.at(time)
        times = self.timeline()
        place = bisect_left(times, time)
        near = times[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS]
        damaged: SnapshotError | None = None
        for one in sorted(near, key=lambda one: abs(one - time)):
            try:
                snapshot = newest if one == newest.timestamp else reader.read(one)
            except SnapshotError as error:
                damaged = damaged or error
                continue
            return snapshot if damaged is None else in_place_of(snapshot, damaged)
        raise damaged or JobmonError("No snapshot was kept yet")

    def timeline(self) -> tuple[float, ...]:
        """The instants that were kept, and the newest one."""
        own = self._feed.timeline()
        if own:
            return own
        times = self._times()
        newest = self._newest
        if newest is not None and (not times or newest.timestamp > times[-1]):
            return (*times, newest.timestamp)
        return times

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        """The kept snapshots less than ``seconds`` older than ``time`` and not newer; no pending jobs."""
        if self._feed.timeline():
            return self._feed.window(time, seconds)
        times, reader = self._times(), self._reader
        found = []
        for one in times[bisect_right(times, time - seconds) : bisect_right(times, time)]:
            with suppress(SnapshotError):
                if reader is not None:
                    found.append(reader.read(one, with_queue=False))
        return tuple(found)

    def history(self) -> Mapping[float, Usage]:
        """Core usage, as the other feed has it and as it was kept."""
        own = self._feed.history()
        kept: Mapping[float, Usage] = {}
        with suppress(SnapshotError):
            kept = self._reader.history() if self._reader is not None else {}
        return dict(sorted({**kept, **own}.items()))

    def backfill(self) -> Backfill:
        """As the other feed has it."""
        return self._feed.backfill()

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What the other feed has; of what it does not have, what was kept until this jobmon was opened.

        From then on whoever draws has seen more of it than is kept.
        """
        own = self._feed.series(requests)
        missing = [
            replace(request, end=min(request.end, self._began))
            for request, series in zip(requests, own, strict=True)
            if series is None
        ]
        if not missing or self._reader is None:
            return own
        with suppress(SnapshotError):
            kept = iter(self._reader.series(missing))
            return [next(kept) if series is None else series for series in own]
        return own

    def close(self) -> None:
        """Close the other feed, and stop writing."""
        with self._change:
            self._stopped = True
            self._change.notify_all()
        self._feed.close()
        if self._thread is not None:
            self._thread.join(LONGEST_FAREWELL)

    def _take_over(self) -> None:
        """What the other feed says of itself may change."""
        self.title, self.kind = self._feed.title, self._feed.kind
        self.interval, self.news_every = self._feed.interval, self._feed.news_every

    def _times(self) -> tuple[float, ...]:
        with suppress(SnapshotError):
            return self._reader.times() if self._reader is not None else ()
        return ()

    def _remember(self, snapshot: Snapshot) -> None:
        if self._reader is None:
            self._began = snapshot.timestamp
            folder = self._folder / folder_name(self._backend, snapshot.cluster)
            self._reader = StoreReader(folder)
            self._thread = threading.Thread(
                target=self._write, args=(folder,), name="jobmon-history", daemon=True
            )
            self._thread.start()
        with self._change:
            self._newest = self._waiting = snapshot
            self._change.notify_all()

    # -- in the thread that writes -------------------------------------------------------------------------

    def _write(self, folder: Path) -> None:
        # It runs with the priority of the rest: one that holds the interpreter's lock and is not let run by
        # the system would hold up the one that draws.
        keeper = _Keeper(folder, self._keep, self._most_bytes)
        due = 0.0
        while True:
            with self._change:
                self._is_writing = False
                while self._waiting is None and not self._stopped:
                    self._change.wait()
                if self._stopped:
                    break
                snapshot, self._waiting = self._waiting, None
                self._is_writing = True
            if snapshot is None or self._clock() < due:
                continue
            started = clocks.thread_time()
            self._problem = keeper.keep(snapshot)
            spent = clocks.thread_time() - started
            pause = max(spent / LARGEST_SHARE, keeper.least_pause)
            due = self._clock() + (AFTER_FAILURE if self._problem else pause)
        keeper.close()


class _Keeper:
    """The writing half: a store of which this process may or may not be the one writer.

    Args:
        folder: The store's.
        keep: Seconds for which snapshots are kept.
        most_bytes: What the store may take.
    """

    def __init__(self, folder: Path, keep: float, most_bytes: int) -> None:
        self._folder = folder
        self._keep = keep
        self._most_bytes = most_bytes
        self._writer: StoreWriter | None = None
        self._lock = -1
        self._pruned = float("-inf")
        self._told = ""

    @property
    def least_pause(self) -> float:
        """Seconds between two snapshots so that as many as are to be kept find room."""
        if self._writer is None:
            return 0.0
        # A little less, for what comes just before it is time.
        return 0.8 * self._keep * self._writer.bytes_per_snapshot / self._most_bytes

    def keep(self, snapshot: Snapshot) -> str:
        """Write a snapshot, unless another process does.

        Returns:
            What the user should know, as a sentence; empty where all is well.
        """
        try:
            if not self._is_ours():
                return ""
            if self._writer is None:
                self._writer = StoreWriter(self._folder, mode=0o600, most_bytes=self._most_bytes)
            self._writer.append(snapshot)
            if not 0 <= snapshot.timestamp - self._pruned < PRUNED_EVERY:
                self._writer.prune(snapshot.timestamp - self._keep)
                self._pruned = snapshot.timestamp
        except OSError as error:
            return self._failed(error, error.strerror or type(error).__name__)
        except Exception as error:
            return self._failed(error, type(error).__name__)
        self._told = ""
        return ""

    def close(self) -> None:
        """End the segment in order, and let another process write."""
        if self._writer is not None:
            self._writer.close()
        if self._lock >= 0:
            os.close(self._lock)

    def _failed(self, error: Exception, why: str) -> str:
        problem = f"The past is not kept on disk: {why}."
        if problem != self._told:
            _log.warning("%s: %s", self._folder, problem, exc_info=error)
            self._told = problem
        return problem

    def _is_ours(self) -> bool:
        """Whether this process is the one that writes; the lock goes when its process does."""
        if self._lock >= 0:
            return True
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError:
            os.close(handle)
            raise
        self._lock = handle
        return True


def folder_name(backend: str, cluster: str | None) -> str:
    """A name for the folder of a cluster, whatever characters are in what it is made of."""
    name = f"{backend}-{cluster or 'cluster'}"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name, flags=re.ASCII)[:60].lstrip(".")
    return plain if plain == name else f"{plain}-{crc32(name.encode('utf-8', 'surrogatepass')):08x}"
