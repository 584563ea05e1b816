"""One cluster while it is looked at: its feed, and the threads that ask it for present and past."""

from __future__ import annotations

from collections.abc import Callable

from textual.message import Message

from jobmon_tui.analysis.warnings import Thresholds
from jobmon_tui.feeds.base import Feed
from jobmon_tui.tui.chart_source import ChartSource
from jobmon_tui.tui.messages import FromFeed
from jobmon_tui.tui.past_reader import PastReader
from jobmon_tui.tui.poller import Poller


class Watched:
    """A feed with everything that lives as long as it is looked at.

    Args:
        feed: Opened and closed from here.
        post: Takes a message from any thread (the app's ``post_message``).
        interval: Seconds between two polls.
        thresholds: From where on something counts as wasted.
        group_key: Tells by what the app groups nodes now.
    """

    def __init__(
        self,
        feed: Feed,
        post: Callable[[Message], object],
        interval: float,
        thresholds: Thresholds,
        group_key: Callable[[], str],
    ) -> None:
        self._post = post
        self.feed = feed
        self.poller = Poller(feed, self._post_as_own, interval, thresholds)
        self.poller.group_key = group_key()
        self.chart_source = ChartSource(feed, self.poller.seen)
        self.past = PastReader(feed, self._post_as_own, thresholds, group_key)

    def start(self) -> None:
        """Begin to poll."""
        self.poller.start()

    def stop(self) -> None:
        """Let go of the feed at once: calls under way are ended, not waited for."""
        self.past.stop()
        self.poller.stop()

    def _post_as_own(self, message: Message) -> object:
        if isinstance(message, FromFeed):
            message.origin = self
        return self._post(message)
