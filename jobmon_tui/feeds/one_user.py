"""Any feed with the jobs of one user only, for feeds that cannot ask for less themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jobmon_tui.feeds.base import Backfill, Feed
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot


class OneUserFeed(Feed):
    """Another feed's snapshots without the jobs of other users.

    Args:
        feed: Where the snapshots come from.
        user: Whose jobs are kept.
    """

    def __init__(self, feed: Feed, user: str) -> None:
        self._feed = feed
        self._user = user
        self.title = feed.title
        self.kind = feed.kind
        self.interval = feed.interval

    def open(self) -> None:
        """Open the other feed."""
        self._feed.open()

    def latest(self) -> Snapshot:
        """The newest snapshot, with this user's jobs."""
        return self._only_theirs(self._feed.latest())

    def at(self, time: float) -> Snapshot:
        """The snapshot nearest to that instant, with this user's jobs."""
        return self._only_theirs(self._feed.at(time))

    def timeline(self) -> tuple[float, ...]:
        """The instants that the other feed can show."""
        return self._feed.timeline()

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        """The snapshots of that window, with this user's jobs."""
        return tuple(self._only_theirs(snapshot) for snapshot in self._feed.window(time, seconds))

    def backfill(self) -> Backfill:
        """Free slots, as the other feed has them."""
        return self._feed.backfill()

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What was measured over a time, as the other feed has it."""
        return self._feed.series(requests)

    def close(self) -> None:
        """Close the other feed."""
        self._feed.close()

    def _only_theirs(self, snapshot: Snapshot) -> Snapshot:
        jobs = {job_id: job for job_id, job in snapshot.jobs.items() if job.username == self._user}
        return replace(snapshot, jobs=jobs, only_user=self._user)
