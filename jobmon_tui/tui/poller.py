"""The thread that asks the feed for snapshots and hands finished pictures to the app.

Single-flight: the next poll is timed when the last one has ended. After a failure it waits longer each time,
with jitter, so that a hundred open jobmons do not all come back at the same instant. When the feed is slow,
the interval stretches: jobmon never keeps the controller busy for more than a tenth of the time.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from textual.message import Message

from jobmon_tui.analysis.groups import Grouper
from jobmon_tui.analysis.live_use import WarningWindow, warned_in_words
from jobmon_tui.analysis.merge import with_jobs_of_user
from jobmon_tui.analysis.warnings import DEFAULT_THRESHOLDS, Thresholds
from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.seen import Seen
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.tui.collection import no_collection, put_out_of_sight
from jobmon_tui.tui.messages import PictureReady, PollFailed, PollState
from jobmon_tui.tui.picture import Failure, Picture, picture_of
from jobmon_tui.tui.trends import seen_trends

LARGEST_SHARE = 0.1
"""The most of the time that jobmon lets its feed be busy for it."""
LONGEST_STRETCH = 60.0
"""Seconds that the interval is stretched to at the most: one slow answer must not leave the picture old."""
LONGEST_BACK_OFF = 60.0
"""Seconds between attempts, at the most, while the feed fails."""
LARGEST_SHARE_REMEMBERING = 0.05
"""The most of the time that keeping readings for charts may take."""
MISSED_POLLS = 4
"""After so many intervals without a picture, charts have a gap."""
WHOLE_EVERY = 6
"""While only one user's jobs are looked at, one poll in so many asks for the whole cluster."""

_log = logging.getLogger(__name__)


class Poller:
    """Polls one feed from a thread of its own.

    Args:
        feed: Where snapshots come from.
        post: Takes a message from any thread (the app's ``post_message``).
        interval: Seconds from the end of one poll to the start of the next.
        thresholds: From where on something counts as wasted.
    """

    def __init__(
        self,
        feed: Feed,
        post: Callable[[Message], object],
        interval: float,
        thresholds: Thresholds = DEFAULT_THRESHOLDS,
    ) -> None:
        self._feed = feed
        self._post = post
        self._interval = interval
        self._change = threading.Condition()
        self._due = 0.0
        self._paused = False
        self._stopped = False
        self._polling = False
        self._failures = 0
        self._failing_since = 0.0
        self._last_seconds = 0.0
        self._last: Picture | None = None
        self._window = WarningWindow(thresholds)
        self.seen = Seen()
        """What there was to be seen since the start, for charts; any thread may ask it."""
        self._part: Snapshot | None = None
        self._remember_at = self._remember_every = 0.0
        self._whole: Snapshot | None = None
        self._partial_polls = 0
        self._only_user: str | None = None
        self._grouper = Grouper()
        self.group_key = "kind"
        """What the app groups nodes by now; set from the UI thread, read at the next poll."""
        # A daemon: quitting must not wait for a call that hangs.
        self._thread = threading.Thread(target=self._run, name="jobmon-poller", daemon=True)

    @property
    def interval(self) -> float:
        """Seconds between two polls, as asked for."""
        return self._interval

    @property
    def pace(self) -> float:
        """Seconds between two polls, as kept: longer than asked for while the feed is slow."""
        stretched = min(LONGEST_STRETCH, self._last_seconds * (1 / LARGEST_SHARE - 1))
        return max(self._interval, stretched)

    @property
    def is_idle(self) -> bool:
        """Whether it waits for the next poll to be due (or is paused)."""
        return not self._polling and time.monotonic() < self._due

    def start(self) -> None:
        """Begin with the first poll at once."""
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for a poll that is under way."""
        with self._change:
            self._stopped = True
            self._change.notify_all()
        self._feed.close()

    def set_only_user(self, user: str | None) -> None:
        """Say that only this user's jobs are looked at, or (with ``None``) that everything is.

        Most polls then ask for no more than that; every `WHOLE_EVERY`-th asks for everything. Coming back to
        everything asks for it at once if it is not fresh.
        """
        with self._change:
            before, self._only_user = self._only_user, user
            if user != before and self._partial_polls:
                self._due = 0.0
                self._change.notify_all()

    def poll_now(self) -> None:
        """Make the next poll due at once, for everything; while one is under way this does nothing."""
        with self._change:
            self._partial_polls = WHOLE_EVERY
            if not self._polling:
                self._due = 0.0
                self._change.notify_all()

    def set_interval(self, seconds: float) -> None:
        """Change the interval; the next poll comes that long from now at the latest."""
        with self._change:
            self._interval = seconds
            self._due = min(self._due, time.monotonic() + self.pace)
            self._change.notify_all()
        self._post(PollState(polling=self._polling, pace=self.pace))

    def set_paused(self, paused: bool) -> None:
        """Stop polling, or go on (with a poll at once)."""
        with self._change:
            self._paused = paused
            if not paused:
                self._due = 0.0
            self._change.notify_all()

    def _run(self) -> None:
        opened = False
        while self._wait_until_due():
            self._post(PollState(polling=True, pace=self.pace))
            try:
                if not opened:
                    self._feed.open()
                    opened = True
                message = self._poll()
            except JobmonError as error:
                message = self._failed(error.message, error.hint)
            except Exception as error:
                if not self._stopped:
                    _log.exception("the poll failed")
                message = self._failed(
                    f"jobmon itself failed: {type(error).__name__}: {error}",
                    "please report it, with the log named by `jobmon doctor`",
                )
            self._polled(message)

    def _wait_until_due(self) -> bool:
        while True:
            with self._change:
                if self._stopped:
                    return False
                left = self._due - time.monotonic()
                if left <= 0 and not (self._paused and self._due > 0):
                    self._polling = True
                    return True
                listens = self._listens
                if listens:
                    left = min(left, self._feed.news_every or left)
                self._change.wait(None if self._paused else left)
            if listens and self._feed.has_news():
                with self._change:
                    self._due = 0.0

    @property
    def _listens(self) -> bool:
        """Whether to look for news before the next poll is due; after a failure the back-off holds."""
        tells = self._feed.news_every is not None
        return tells and not self._paused and not self._failures and self._last is not None

    def _poll(self) -> Message | None:
        started = time.monotonic()
        snapshot = self._latest_without_collection()
        self._last_seconds = time.monotonic() - started
        self._failures = 0
        last = self._last
        if last is not None and snapshot is last.snapshot:
            return PictureReady(last)
        self._remember(snapshot)
        picture = picture_of(
            snapshot,
            self._grouper,
            self.group_key,
            number=last.number + 1 if last else 1,
            seconds=self._last_seconds,
            trends=seen_trends(self.seen, snapshot.timestamp),
            warned=warned_in_words(snapshot, self._window.add(snapshot)),
        )
        self._last = picture
        return PictureReady(picture)

    def _remember(self, snapshot: Snapshot) -> None:
        """Keep what charts need of it; of a huge cluster less often, so that it costs little of the time."""
        started = time.monotonic()
        if started < self._remember_at:
            return
        self.seen.add(snapshot, MISSED_POLLS * max(self.pace, self._remember_every), self._part)
        self._remember_every = (time.monotonic() - started) / LARGEST_SHARE_REMEMBERING
        self._remember_at = started + self._remember_every

    def _latest_without_collection(self) -> Snapshot:
        with no_collection():
            snapshot = self._latest()
            put_out_of_sight(snapshot)
        return snapshot

    def _latest(self) -> Snapshot:
        user = self._only_user
        if user is None or self._whole is None or self._partial_polls + 1 >= WHOLE_EVERY:
            user = None
        self._feed.only_user = user
        snapshot = self._feed.latest()
        if user is None or snapshot.only_user != user or self._whole is None:
            self._whole, self._partial_polls, self._part = snapshot, 0, None
            return snapshot
        self._partial_polls, self._part = self._partial_polls + 1, snapshot
        self._whole = with_jobs_of_user(self._whole, snapshot)
        return self._whole

    def _failed(self, message: str, hint: str) -> Message:
        if self._failures == 0:
            self._failing_since = time.time()
        self._failures += 1
        return PollFailed(
            Failure(message=message, hint=hint, since=self._failing_since, retry_at=time.time())
        )

    def _polled(self, message: Message | None) -> None:
        delay = self.pace
        if self._failures:
            back_off = min(LONGEST_BACK_OFF, min(self._interval, 5.0) * 2 ** min(self._failures - 1, 10))
            delay = back_off * random.uniform(0.8, 1.2)
        if isinstance(message, PollFailed):
            failure = message.failure
            message = PollFailed(
                Failure(
                    message=failure.message,
                    hint=failure.hint,
                    since=failure.since,
                    retry_at=time.time() + delay,
                )
            )
        with self._change:
            self._polling = False
            self._due = time.monotonic() + delay
        if self._stopped:
            return
        if message is not None:
            self._post(message)
        self._post(PollState(polling=False, pace=self.pace))
