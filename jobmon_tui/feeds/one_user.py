"""Any feed with the jobs of one user only, for feeds that cannot ask for less themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from jobmon_tui.feeds.base import Backfill, Feed
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot, Usage


class OneUserFeed(Feed):
    """Another feed's snapshots without the jobs of other users.

    Args:
        feed: Where the snapshots come from.
        user: Whose jobs are kept.
    """

    def __init__(self, feed: Feed, user: str) -> None:
        self._feed = feed
        self._user = user
        self._keep_up()

    def open(self) -> None:
        """Open the other feed."""
        self._feed.open()
        self._keep_up()

    def latest(self) -> Snapshot:
        """The newest snapshot, with this user's jobs."""
        snapshot = self._feed.latest()
        self._keep_up()
        return self._only_theirs(snapshot)

    def has_news(self) -> bool:
        """Whether the other feed has news."""
        return self._feed.has_news()

    def at(self, time: float) -> Snapshot:
        """The snapshot nearest to that instant, with this user's jobs."""
        return self._only_theirs(self._feed.at(time))

    def timeline(self) -> tuple[float, ...]:
        """The instants that the other feed can show."""
        return self._feed.timeline()

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        """The snapshots of that window, with this user's jobs."""
        return tuple(self._only_theirs(snapshot) for snapshot in self._feed.window(time, seconds))

    def history(self) -> Mapping[float, Usage]:
        """Used and available cores of the whole cluster, as the other feed has them."""
        return self._feed.history()

    def backfill(self) -> Backfill:
        """Free slots, as the other feed has them."""
        return self._feed.backfill()

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What was measured over a time, as the other feed has it."""
        return self._feed.series(requests)

    def close(self) -> None:
        """Close the other feed."""
        self._feed.close()

    def _keep_up(self) -> None:
        """A feed may find out only by and by what it is and how often somebody writes."""
        feed = self._feed
        self.title, self.kind = feed.title, feed.kind
        self.interval, self.news_every = feed.interval, feed.news_every
        self.written_every, self.slurm_environment = feed.written_every, feed.slurm_environment

    def _only_theirs(self, snapshot: Snapshot) -> Snapshot:
        jobs = {job_id: job for job_id, job in snapshot.jobs.items() if job.username == self._user}
        return replace(snapshot, jobs=jobs, only_user=self._user)
