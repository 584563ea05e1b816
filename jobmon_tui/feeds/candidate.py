"""One of several feeds that may be used: made when it is needed, and how it is doing."""

from __future__ import annotations

import logging
import random
import threading
import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from jobmon_tui.errors import JobmonError, SourceError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.model.snapshot import Snapshot, SourceStatus
from jobmon_tui.model.times import age_text

FIRST_PROBE = 5.0
"""Seconds after a failure until a feed is tried again; each further time twice as long."""
LONGEST_PROBE = 60.0
WHY_STALE = "see whether `jobmon collect` still runs there, and whether the clocks agree"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A feed that may be used."""

    name: str
    """What it is called in messages: ``spool /var/spool/jobmon``."""
    make: Callable[[], Feed]
    """Makes it, not opened; may raise JobmonError. What is heavy to load is loaded here or later."""
    stale_after: float | None = None
    """Seconds; if its newest snapshot is older, it counts as failed. ``None``: however old."""
    way: str = ""
    """How it comes by its snapshots, for scripts: ``spool``, ``url`` or ``live``."""


class Trouble(Enum):
    """What is wrong with a feed."""

    NONE = 0
    STALE = 1
    """Its newest snapshot is too old."""
    FAILED = 2


class Candidate:
    """A choice, the feed that was made of it, and how that is doing.

    Args:
        choice: What it is.
        now: Tells the time, in Unix seconds.
    """

    def __init__(self, choice: Choice, now: Callable[[], float]) -> None:
        self.choice = choice
        self.feed: Feed | None = None
        self.is_open = False
        self.trouble = Trouble.NONE
        self.failing_since = 0.0
        """Unix seconds."""
        self.probe_at = 0.0
        """When it is worth a try again, by the monotonic clock."""
        self.stale: Snapshot | None = None
        """Its newest snapshot, where that is too old."""
        self.is_probed = False
        """Whether a probe is under way."""
        self.is_back = False
        """Whether a probe found it well again."""
        self._now = now
        self._failure = JobmonError("")
        self._read_at: float | None = None
        self._failures = 0
        # Held while it is opened or asked for the present.
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def failure(self) -> JobmonError:
        """What it failed with the last time."""
        return self._failure

    @property
    def status(self) -> SourceStatus:
        """How it fails, for the user."""
        return SourceStatus(
            name=self.choice.name,
            ok=False,
            read_at=self._read_at,
            error=self._failure.message,
            hint=self._failure.hint,
            failing_since=self.failing_since,
        )

    def opened(self) -> Feed:
        """The feed, made and opened.

        Raises:
            JobmonError: It cannot be, or `close` was called.
        """
        with self._turn:
            return self._opened()

    def latest(self, only_user: str | None) -> Snapshot:
        """Its newest snapshot; how that went is noted.

        Args:
            only_user: See `Feed.only_user`.

        Raises:
            JobmonError: It fails, or has nothing fresh.
        """
        with self._turn:
            try:
                feed = self._opened()
                feed.only_user = only_user
                snapshot = feed.latest()
            except JobmonError as error:
                self._failed(Trouble.FAILED, error)
                raise
            except Exception as error:
                _log.exception("%s failed", self.choice.name)
                words = SourceError(f"{self.choice.name}: {type(error).__name__}: {error}")
                self._failed(Trouble.FAILED, words)
                raise words from error
            self._read_at = snapshot.timestamp
            limit = self.choice.stale_after
            if limit is not None and self._now() - snapshot.timestamp > limit:
                why = f"its newest snapshot is older than {age_text(limit)}"
                self._failed(Trouble.STALE, SourceError(why, WHY_STALE))
                self.stale = snapshot
                raise SourceError(f"{self.choice.name}: {why}", WHY_STALE)
            self.trouble, self._failures, self.stale = Trouble.NONE, 0, None
            return snapshot

    def close(self) -> None:
        """Close the feed, if one was made; a call under way raises soon."""
        with self._lock:
            self._is_closed = True
            feed = self.feed
        if feed is not None:
            feed.close()

    def _opened(self) -> Feed:
        if self.feed is None:
            self._refuse_if_closed()
            made = self.choice.make()
            with self._lock:
                self.feed = made
                is_closed = self._is_closed
            if is_closed:
                made.close()
        self._refuse_if_closed()
        if not self.is_open:
            self.feed.open()
            self.is_open = True
        return self.feed

    def _failed(self, trouble: Trouble, error: JobmonError) -> None:
        if self.trouble is Trouble.NONE:
            self.failing_since = self._now()
        self.trouble, self._failure = trouble, error
        if trouble is Trouble.FAILED:
            self.stale = None
        self._failures += 1
        wait = min(LONGEST_PROBE, FIRST_PROBE * 2 ** min(self._failures - 1, 10))
        self.probe_at = clock.monotonic() + wait * random.uniform(0.8, 1.2)

    def _refuse_if_closed(self) -> None:
        with self._lock:
            if self._is_closed:
                raise SourceError("the feed is closed")
