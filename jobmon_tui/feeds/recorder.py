"""What a collector keeps of each snapshot: files in the spool, the history, the store, the jobs' memory."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from jobmon_tui.backends.job_memory import JobMemory
from jobmon_tui.errors import SnapshotError
from jobmon_tui.feeds.base import Backfill
from jobmon_tui.feeds.collector_status import STATUS
from jobmon_tui.feeds.spool_files import BACKFILL, HISTORY, NEWEST
from jobmon_tui.feeds.spool_folder import SpoolFolder, in_words
from jobmon_tui.feeds.spool_lock import SpoolLock
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import Snapshot, Usage

logger = logging.getLogger(__name__)

STORE = "store"
"""The folder of the compact store in the spool."""
JOB_MEMORY = "job-memory.json"

_TIMES = range(1, 10**12)
"""Times that can be the number of a file."""
_MOST_SECONDS_OFF = 60
"""How far the number of a snapshot may be from its time where another one has that number."""
_PRUNE_STORE_EVERY = 60.0
"""Seconds."""


class Store(Protocol):
    """The compact history; see `jobmon_tui.feeds.store`."""

    def append(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; raises OSError."""

    def prune(self, before: float) -> None:
        """Forget what is older than that Unix time."""

    def close(self) -> None:
        """Let go of its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What is kept, and for how long."""

    history_length: float = 86_400.0
    """Seconds of used cores in ``history.json.gz``."""
    delete_age: float = 86_400.0
    """Seconds after which a recorded snapshot is removed."""
    snapshot_files: bool = True
    """Whether each snapshot has a file of its own beside the newest."""
    most_array_tasks: int = wire.MOST_ARRAY_TASKS
    """Waiting tasks of arrays that are spelled out."""


class Recorder:
    """Writes a spool.

    Args:
        folder: Its files.
        lock: What keeps others from writing them, too.
        keeping: What is kept.
        open_store: Opens the compact store in a folder; ``None``: there is none.
        clock: Tells the time, in Unix seconds.
    """

    def __init__(
        self,
        folder: SpoolFolder,
        lock: SpoolLock,
        keeping: Keeping = Keeping(),
        *,
        open_store: Callable[[Path], Store] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self._lock = lock
        self._keeping = keeping
        self._open_store = open_store
        self._clock = clock
        self._identity: tuple[int, int] | None = None
        self._store: Store | None = None
        self._store_pruned_at: float | None = None
        self._memory: JobMemory | None = None
        self.history: dict[int, Usage] = {}
        """Used cores by Unix time, as far back as they are kept."""
        self._asked_and_given: tuple[int, int] | None = None
        self.sizes: dict[str, int] = {}
        """Bytes of each file when it was last written."""
        self.snapshots = 0
        """Numbered snapshots that are kept."""

    def prepare(self) -> None:
        """Make sure that the folder is there and is ours; take up what an earlier collector left in it.

        Raises:
            SpoolInUseError: Another collector has it.
            OSError: It cannot be written.
        """
        identity = self.folder.make()
        self._lock.hold()
        if identity == self._identity:
            return
        removed = self.folder.clear_left_behind()
        if removed:
            logger.info("removed what a collector that was killed had begun to write: %s", ", ".join(removed))
        self._close_store()
        self.history = self._recorded_history() | self.history
        if self._memory is None:
            # The folder may go away: what is written must not make its parents again.
            self._memory = JobMemory(self.folder.path / JOB_MEMORY, makes_folder=False)
        self._identity = identity

    def take_in(self, snapshot: Snapshot) -> Snapshot:
        """Remember of a snapshot what must not be lost even when nothing can be written.

        Returns:
            The snapshot as it is to be recorded: with the highest memory use that its jobs were ever seen to
            have, and with a whole second as its time, which no other snapshot in the spool has.
        """
        snapshot = self._with_own_second(self._with_highest_memory(snapshot))
        if snapshot.usage is not None:
            self.history[int(snapshot.timestamp)] = snapshot.usage
        return snapshot

    def write(self, snapshot: Snapshot, backfill: Backfill, *, prune: bool = True) -> None:
        """Write everything but the store, after `prepare` and `take_in`.

        Args:
            snapshot: What `take_in` gave back.
            backfill: Free slots.
            prune: Whether what is too old is removed: not while the clock may be wrong.

        Raises:
            OSError: The disk is full, the folder is gone, or the like. Every file is whole, old or new.
        """
        now = self._clock()
        if prune:
            oldest = now - self._keeping.history_length
            self.history = {second: usage for second, usage in self.history.items() if second >= oldest}
        # First, since it may be what makes room on a full disk.
        self.snapshots = self.folder.remove_older(now - self._keeping.delete_age if prune else 0)
        data = wire.encode(snapshot, expand_arrays=True, most_tasks=self._keeping.most_array_tasks)
        self.folder.write_snapshot(data, self._number(snapshot))
        self.sizes[NEWEST] = len(data)
        history = {float(second): self.history[second] for second in sorted(self.history)}
        self._write(HISTORY, wire.encode_json(wire.history_document(history)))
        self._write(BACKFILL, wire.encode_json(wire.backfill_document(backfill)))

    def write_store(self, snapshot: Snapshot, *, prune: bool = True) -> None:
        """Append to the store, if there is one.

        Raises:
            OSError, JobmonError: It failed; the store is opened anew the next time.
        """
        if self._open_store is None:
            return
        try:
            if self._store is None:
                self._store = self._open_store(self.folder.path / STORE)
            self._store.append(snapshot)
            now = self._clock()
            if prune and not (
                self._store_pruned_at is not None and 0 <= now - self._store_pruned_at < _PRUNE_STORE_EVERY
            ):
                self._store.prune(now - self._keeping.delete_age)
                self._store_pruned_at = now
        except BaseException:
            self._close_store()
            raise

    def write_status(self, status: bytes) -> None:
        """Write how the collector does, and flush the names of all that was written.

        Raises:
            OSError: It could not be written.
        """
        self._write(STATUS, status)
        self.folder.sync()

    def close(self, status: bytes) -> None:
        """Write down what is only remembered and the last status, and let go of the spool."""
        self._close_store()
        if self._lock.is_held:
            if self._memory is not None:
                self._memory.save()
            try:
                self.write_status(status)
            except OSError as error:
                logger.info("%s", in_words(error, self.folder.path))
        self._lock.release()

    def _write(self, name: str, data: bytes) -> None:
        self.folder.write(name, data)
        self.sizes[name] = len(data)

    def _with_highest_memory(self, snapshot: Snapshot) -> Snapshot:
        memory = self._memory
        if memory is None:
            return snapshot
        running = [job for job in snapshot.jobs.values() if job.is_running]
        memory.note(running, snapshot.timestamp, everyone=snapshot.only_user is None)
        raised = {
            job.job_id: replace(job, memory_max=highest)
            for job in running
            if (highest := memory.highest(job)) is not None and highest != job.memory_max
        }
        return replace(snapshot, jobs={**snapshot.jobs, **raised}) if raised else snapshot

    def _with_own_second(self, snapshot: Snapshot) -> Snapshot:
        """The same at a whole second under which nothing else stands.

        Where the clock was set back, other snapshots may have the seconds that come now; they stay, and each
        new one gets the next second that is free.
        """
        asked = int(snapshot.timestamp)
        if self._asked_and_given is not None and self._asked_and_given[0] == asked:
            # Several within a second are one: the newest of them stands for it.
            given = self._asked_and_given[1]
        else:
            seconds = range(asked, asked + _MOST_SECONDS_OFF)
            given = next((second for second in seconds if not self._is_taken(second)), asked)
        self._asked_and_given = asked, given
        return replace(snapshot, timestamp=float(given))

    def _is_taken(self, second: int) -> bool:
        return second in self.history or self.folder.has_number(second)

    def _number(self, snapshot: Snapshot) -> int | None:
        second = int(snapshot.timestamp)
        return second if self._keeping.snapshot_files and second in _TIMES else None

    def _recorded_history(self) -> dict[int, Usage]:
        path = self.folder.path / HISTORY
        try:
            history = wire.history_from_document(wire.read_json(path), str(path))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except SnapshotError as error:
            logger.warning("the history begins anew: %s", error)
            return {}
        return {int(second): usage for second, usage in history.items()}

    def _close_store(self) -> None:
        store, self._store = self._store, None
        self._store_pruned_at = None
        if store is not None:
            with suppress(OSError):
                store.close()
