"""The collector: asks a backend for everyone, at a steady pace, and records what it says."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.base import Backfill
from jobmon_tui.feeds.collector_status import LONGEST_NAME, CollectorStatus
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.feeds.pace import ClockWatch, Pace
from jobmon_tui.feeds.recorder import Recorder
from jobmon_tui.feeds.spool_folder import in_words
from jobmon_tui.feeds.troubles import Troubles
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.model.text import printable
from jobmon_tui.model.times import age_text

if TYPE_CHECKING:
    from jobmon_tui.feeds.write_back import WriteBack

logger = logging.getLogger(__name__)

BACKEND = "backend"
SPOOL = "spool"
STORE = "store"
SOURCE = "source "
"""What stands before a source's name where it is in trouble."""
WRITE_BACK = "write-back"
PACE = "pace"

_PATIENCE = 3600.0
"""Seconds for which nothing is removed after the clock was set forward: by a clock that is wrong, everything
is old, and whoever set it may set it right."""


class Collector:
    """Runs cycle after cycle. Whatever fails in one is told once, and tried again in the next.

    Args:
        feed: The backend.
        recorder: Writes the spool.
        interval: Seconds from the beginning of one cycle to that of the next.
        write_back: Writes to a time-series store, if one is configured.
        after_cycle: Called after each cycle, in its thread.
        clock: Tells the time, in Unix seconds.
        monotonic: A clock that nobody sets, in seconds.
        wait: Waits for some seconds; returns early, and whether to stop.
    """

    def __init__(
        self,
        feed: LiveFeed,
        recorder: Recorder,
        interval: float,
        *,
        write_back: WriteBack | None = None,
        after_cycle: Callable[[Collector], None] | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self.status = CollectorStatus(interval=interval, started=clock())
        self.troubles = Troubles()
        self._feed = feed
        self._recorder = recorder
        self._interval = interval
        self._write_back = write_back
        self._after_cycle = after_cycle
        self._clock = clock
        self._monotonic = monotonic
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._is_open = False
        self._busy_since: float | None = None
        self._watch = ClockWatch()
        self._prune_from = 0.0

    # -- from any thread -----------------------------------------------------------------------------------

    def stop(self) -> None:
        """End `run` soon, also while a cycle waits for an answer that never comes. From any thread."""
        self._stopping.set()
        self._feed.close()
        if self._write_back is not None:
            self._write_back.close()

    @property
    def busy_for(self) -> float:
        """For how many seconds the cycle under way has been; 0 between two."""
        since = self._busy_since
        return 0.0 if since is None else self._monotonic() - since

    # -- the loop ------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run cycles until `stop` is called.

        Raises:
            SpoolInUseError: Another collector writes to the spool.
        """
        pace = Pace(self._interval, self._monotonic())
        while not self._stopping.is_set():
            self.cycle()
            seconds, missed = pace.next(self._monotonic())
            self._count_missed(missed)
            if self._wait(seconds):
                return

    def once(self, patience: float) -> bool:
        """Run one cycle, and wait so many seconds for what is written back to a time-series store.

        Returns:
            Whether everything was written.

        Raises:
            SpoolInUseError: Another collector writes to the spool.
        """
        good = self.cycle()
        if self._write_back is None:
            return good
        self._write_back.settle(patience)
        failure = self._write_back.failure
        if failure is not None:
            self._complain(WRITE_BACK, failure.message, failure.hint)
        return good and failure is None

    def cycle(self) -> bool:
        """Take a snapshot and record it.

        Returns:
            Whether there was one and all of it was written.

        Raises:
            SpoolInUseError: Another collector writes to the spool.
        """
        self._busy_since = self._monotonic()
        try:
            good = self._cycle()
        finally:
            self._busy_since = None
        if self._after_cycle is not None:
            self._after_cycle(self)
        return good

    def close(self) -> None:
        """Leave the last word of how it did, and let go of the spool. After `run`, in the same thread."""
        self._recorder.close(self._document(ended=True))
        self._feed.close()

    # -- one cycle -----------------------------------------------------------------------------------------

    def _cycle(self) -> bool:
        status, began, cpu = self.status, self._monotonic(), time.process_time()
        prune = self._look_at_clock()
        # Before anything is asked: of two collectors only one may ask.
        can_write = self._prepare()
        taken = self._take()
        if taken is None and self._stopping.is_set():
            return False
        status.cycles += 1
        asked = self._monotonic()
        files = store = False
        if taken is None:
            status.failed_cycles += 1
        elif can_write:
            files, store = self._write_files(*taken, prune), self._write_store(taken[0], prune)
        status.unwritten_cycles += taken is not None and not files
        now = self._monotonic()
        status.write_seconds, status.cycle_seconds = now - asked, now - began
        status.longest_seconds = max(status.longest_seconds, status.cycle_seconds)
        status.cpu_seconds = time.process_time() - cpu
        if taken is not None:
            self._back_to_store(taken[0])
        return self._write_status(can_write, files) and store

    def _look_at_clock(self) -> bool:
        """Whether what is old by the clock may be removed."""
        jump = self._watch.jump(self._clock(), self._monotonic())
        if jump:
            way = "forward" if jump > 0 else "back"
            logger.warning("the clock was set %s by %s", way, age_text(abs(jump)))
            if jump > 0:
                self._prune_from = self._monotonic() + _PATIENCE
        return self._monotonic() >= self._prune_from

    def _prepare(self) -> bool:
        try:
            self._recorder.prepare()
        except OSError as error:
            self._complain(SPOOL, *self._said_of_writing(error))
            return False
        return True

    def _take(self) -> tuple[Snapshot, Backfill] | None:
        """Ask the backend; ``None`` where it failed."""
        try:
            if not self._is_open:
                self._feed.open()
                self._is_open = True
            snapshot = self._feed.latest()
            backfill = self._feed.backfill()
            snapshot = self._recorder.take_in(snapshot)
        except Exception as error:
            # What is no JobmonError nobody foresaw, but it must not end all cycles to come.
            if not self._stopping.is_set():
                self._complain(BACKEND, *_said_of(error))
            return None
        self.troubles.over(BACKEND, self._clock())
        self._count_sources(snapshot)
        return snapshot, backfill

    def _count_sources(self, snapshot: Snapshot) -> None:
        status, now = self.status, self._clock()
        status.count_sources(snapshot.sources)
        status.nodes = len(snapshot.nodes)
        status.jobs = sum(job.task_count for job in snapshot.jobs.values())
        failing = {
            f"{SOURCE}{printable(one.name, LONGEST_NAME)}": one for one in snapshot.sources if not one.ok
        }
        for what, source in failing.items():
            self._complain(what, source.error or "failed", source.hint)
        self.troubles.only(SOURCE, failing, now)

    def _write_files(self, snapshot: Snapshot, backfill: Backfill, prune: bool) -> bool:
        recorder = self._recorder
        try:
            recorder.write(snapshot, backfill, prune=prune)
        except Exception as error:
            # A full disk; or what a site's backend put into a snapshot is no JSON.
            self._complain(SPOOL, *self._said_of_writing(error))
            return False
        finally:
            self.status.files, self.status.snapshots = recorder.sizes, recorder.snapshots
        self.status.newest = snapshot.timestamp
        return True

    def _write_store(self, snapshot: Snapshot, prune: bool) -> bool:
        try:
            self._recorder.write_store(snapshot, prune=prune)
        except Exception as error:
            self._complain(STORE, *self._said_of_writing(error))
            return False
        self.troubles.over(STORE, self._clock())
        return True

    def _back_to_store(self, snapshot: Snapshot) -> None:
        """Have statistics written back: by the backend in its own way, and by us where that is configured."""
        wrong: JobmonError | None = None
        try:
            self._feed.write_back()
        except JobmonError as error:
            wrong = error
        if self._write_back is not None:
            self._write_back.offer(snapshot, self.status)
            wrong = wrong or self._write_back.failure
        if wrong is None:
            self.troubles.over(WRITE_BACK, self._clock())
        elif not self._stopping.is_set():
            self._complain(WRITE_BACK, wrong.message, wrong.hint)

    def _write_status(self, can_write: bool, files: bool) -> bool:
        """Write how it does; returns whether everything in the spool was written."""
        if not can_write:
            return False
        try:
            self._recorder.write_status(self._document(is_written=files))
        except Exception as error:
            self._complain(SPOOL, *self._said_of_writing(error))
            return False
        if files:
            self.troubles.over(SPOOL, self._clock())
        return files

    def _count_missed(self, missed: int) -> None:
        self.status.missed += missed
        if missed:
            message = (
                f"cycles take longer than the {self._interval:g} s between two of them; some are left out"
            )
            self.troubles.tell(PACE, self._clock(), message, "See how long each source takes: jobmon doctor.")
        elif self.status.cycle_seconds < self._interval / 2:
            self.troubles.over(PACE, self._clock())

    def _complain(self, what: str, message: str, hint: str = "", fault: Exception | None = None) -> None:
        now = self._clock()
        self.troubles.tell(what, now, message, hint, fault)
        self.status.failed(now, f"{what}: {message}")

    def _said_of_writing(self, error: Exception) -> tuple[str, str, Exception | None]:
        if isinstance(error, OSError):
            return in_words(error, self._recorder.folder.path), "It is tried again each time.", None
        return _said_of(error)

    def _document(self, *, is_written: bool = False, ended: bool = False) -> bytes:
        current = dict(self.troubles.current)
        if is_written:
            # If what says so can be read, the spool is well again.
            current.pop(SPOOL, None)
        return self.status.document(self._clock(), current, ended)


def _said_of(error: Exception) -> tuple[str, str, Exception | None]:
    """What an error says, what to do about it, and the error itself if nobody foresaw it."""
    if isinstance(error, JobmonError):
        return error.message, error.hint, None
    return f"{type(error).__name__}: {error}", "A fault of jobmon's or of the backend.", error
