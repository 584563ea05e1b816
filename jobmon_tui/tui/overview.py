"""Asking all clusters side by side, at a calm pace and only while somebody looks.

Each has a thread of its own: one that hangs keeps nobody else waiting, and is not asked again before it has
answered. What the app shows anyway is not asked for twice. Only sums are kept, no snapshots.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from textual.message import Message

from jobmon_tui.analysis.clusters import ClusterState, answered, failed
from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.clusters import ClusterChoice
from jobmon_tui.model.snapshot import Snapshot

PERIOD = 15.0
"""Seconds from the end of one question to the start of the next."""
LONGEST_BACK_OFF = 120.0
"""Seconds between attempts, at the most, while a cluster does not answer."""

_log = logging.getLogger(__name__)


class ClustersChanged(Message):
    """Something new is known of a cluster."""

    def can_replace(self, message: Message) -> bool:
        """Only the newest state counts, and that is asked for."""
        return isinstance(message, ClustersChanged)


class Overview:
    """What is known of every cluster.

    Args:
        choices: The clusters.
        me: The user whose jobs are counted by themselves.
        period: See `PERIOD`.
        clock: The time in Unix seconds.
    """

    def __init__(
        self,
        choices: Sequence[ClusterChoice],
        me: str,
        period: float = PERIOD,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._post: Callable[[Message], object] | None = None
        self._askers = [_Asker(choice, me, period, clock, self._changed) for choice in choices]

    @property
    def states(self) -> tuple[ClusterState, ...]:
        """What is known now, in the order of the configuration."""
        return tuple(asker.state for asker in self._askers)

    def look(self, post: Callable[[Message], object]) -> None:
        """Somebody looks: begin to ask, or go on.

        Args:
            post: Takes `ClustersChanged` from any thread.
        """
        self._post = post
        for asker in self._askers:
            asker.look(True)

    def look_away(self) -> None:
        """Nobody looks any more: no further question is asked."""
        self._post = None
        for asker in self._askers:
            asker.look(False)

    def ask_now(self) -> None:
        """Ask every cluster at once, but for those that are being asked."""
        for asker in self._askers:
            asker.ask_now()

    def shows(self, name: str) -> None:
        """Say which cluster the app shows."""
        for asker in self._askers:
            asker.update(is_shown=asker.choice.name == name)

    def told(self, name: str, snapshot: Snapshot, source: str) -> None:
        """Take in what the app knows of a cluster anyway; it is then not asked for a while.

        Args:
            name: As the configuration calls it.
            snapshot: All of it: one of one user's jobs only says nothing of the cluster.
            source: Where it came from.
        """
        for asker in self._askers:
            if asker.choice.name == name and snapshot.only_user is None:
                asker.told(snapshot, source)

    def close(self) -> None:
        """End, without waiting for questions under way."""
        self._post = None
        for asker in self._askers:
            asker.close()

    def _changed(self) -> None:
        post = self._post
        if post is not None:
            post(ClustersChanged())


class _Asker:
    """Asks one cluster."""

    def __init__(
        self,
        choice: ClusterChoice,
        me: str,
        period: float,
        clock: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self.choice = choice
        self.state = ClusterState(name=choice.name, title=choice.title, is_shown=choice.is_shown)
        self._me, self._period, self._clock, self._changed = me, period, clock, changed
        self._change = threading.Condition()
        self._is_looked_at = self._is_closed = False
        self._due = 0.0
        self._failures = 0
        self._feed: Feed | None = None
        self._thread: threading.Thread | None = None

    def look(self, is_looked_at: bool) -> None:
        with self._change:
            self._is_looked_at = is_looked_at
            if is_looked_at and self._thread is None and not self._is_closed:
                # A daemon: quitting must not wait for a call that hangs.
                self._thread = threading.Thread(
                    target=self._run, name=f"jobmon-cluster-{self.choice.name}", daemon=True
                )
                self._thread.start()
            self._change.notify_all()

    def ask_now(self) -> None:
        with self._change:
            self._due = 0.0
            self._change.notify_all()

    def update(self, is_shown: bool) -> None:
        with self._change:
            self.state = replace(self.state, is_shown=is_shown)
        self._changed()

    def told(self, snapshot: Snapshot, source: str) -> None:
        state = answered(self.state, snapshot, source, self._me)
        with self._change:
            self.state = replace(state, is_shown=self.state.is_shown)
            self._due = time.monotonic() + 2 * self._period
        self._changed()

    def close(self) -> None:
        with self._change:
            self._is_closed = True
            feed = self._feed
            self._change.notify_all()
        if feed is not None:
            feed.close()

    def _run(self) -> None:
        while self._wait_until_due():
            try:
                feed = self._opened()
                snapshot = feed.latest()
                state = answered(self.state, snapshot, feed.title, self._me)
                self._failures = 0
            except JobmonError as error:
                state = self._failed(error.message, error.hint)
            except Exception as error:
                _log.exception("asking the cluster %s failed", self.choice.name)
                state = self._failed(f"jobmon itself failed: {type(error).__name__}: {error}", "")
            with self._change:
                self.state = replace(state, is_shown=self.state.is_shown)
                back_off = self._period * 2 ** min(self._failures, 10)
                self._due = time.monotonic() + min(back_off, max(self._period, LONGEST_BACK_OFF))
            self._changed()
        self._let_go()

    def _wait_until_due(self) -> bool:
        with self._change:
            while not self._is_closed:
                left = self._due - time.monotonic()
                if self._is_looked_at and left <= 0:
                    return True
                self._change.wait(left if self._is_looked_at else None)
            return False

    def _opened(self) -> Feed:
        """The cluster's feed; one that did not open is made anew the next time.

        Raises:
            JobmonError: It cannot be made or opened.
        """
        if self._feed is None:
            feed = self.choice.open()
            with self._change:
                self._feed = feed
                is_closed = self._is_closed
            try:
                if is_closed:
                    raise JobmonError("jobmon is closing")
                feed.open()
            except BaseException:
                self._let_go()
                raise
        return self._feed

    def _let_go(self) -> None:
        with self._change:
            feed, self._feed = self._feed, None
        if feed is not None:
            feed.close()

    def _failed(self, message: str, hint: str) -> ClusterState:
        self._failures += 1
        return failed(self.state, message, hint, self._clock())
