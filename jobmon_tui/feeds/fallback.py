"""Several feeds as one: the best that answers is used, and a better one again as soon as it is back."""

from __future__ import annotations

import logging
import threading
import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from jobmon_tui.errors import JobmonError, SourceError
from jobmon_tui.feeds.base import Backfill, Feed
from jobmon_tui.feeds.candidate import Candidate, Choice, Trouble
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot, SourceStatus, Usage

GRACE = 20.0
"""Seconds for which the feed in use may fail before another takes its place: a server that is started anew
must not send everybody to the controller at once."""
PAST_KNOWN = 5.0
"""Seconds for which the feed that knows the past is not looked for again: each step would look into all."""

_log = logging.getLogger(__name__)


class FallbackFeed(Feed):
    """The first feed that answers with something fresh; what keeps better ones from it is told.

    The poll asks the feed in use only. While a better one fails, a thread of its own tries it now and then,
    less and less often, so that no poll waits for it.

    Args:
        choices: The best first; at least one.
        now: Tells the time, in Unix seconds.
        grace: Seconds; see `GRACE`.
    """

    kind = "live"

    def __init__(
        self, choices: Sequence[Choice], *, now: Callable[[], float] = clock.time, grace: float = GRACE
    ) -> None:
        self._candidates = [Candidate(choice, now) for choice in choices]
        self._now = now
        self._grace = grace
        self._lock = threading.Lock()
        self._place: int | None = None
        self._past_way = ""
        self._known_past: tuple[Feed, Feed, float] | None = None
        self._is_closed = False
        self._answer: tuple[Snapshot, tuple[SourceStatus, ...], Snapshot] | None = None
        self.title = choices[0].name

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The feeds, the best first."""
        return tuple(one.choice for one in self._candidates)

    @property
    def way(self) -> str:
        """That of the choice in use, or of the one that was asked for the past; empty before either."""
        if self._place is not None:
            return self._candidates[self._place].choice.way
        return self._past_way

    def latest(self) -> Snapshot:
        """The newest snapshot of the best feed that answers; its sources tell what is wrong with better ones.

        Raises:
            JobmonError: None of them answers, or the one in use has just begun to fail.
        """
        snapshot = self._chosen()
        statuses = tuple(self._told())
        self._probe_better()
        if not statuses:
            return snapshot
        if self._answer is None or self._answer[0] is not snapshot or self._answer[1] != statuses:
            told = replace(snapshot, sources=(*snapshot.sources, *statuses))
            self._answer = (snapshot, statuses, told)
        return self._answer[2]

    def has_news(self) -> bool:
        """Whether the feed in use has news, or a better one is back."""
        with self._lock:
            place = self._place or 0
            if any(one.is_back for one in self._candidates[:place]):
                return True
            feed = self._candidates[place].feed
        return feed is not None and feed.has_news()

    def at(self, time: float) -> Snapshot:
        """See `Feed.at`."""
        return self._of_the_past().at(time)

    def timeline(self) -> tuple[float, ...]:
        """See `Feed.timeline`; that of the feed in use, or else of the first that has one."""
        return self._of_the_past().timeline()

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        """See `Feed.window`."""
        return self._of_the_past().window(time, seconds)

    def history(self) -> Mapping[float, Usage]:
        """See `Feed.history`."""
        return self._of_the_past().history()

    def backfill(self) -> Backfill:
        """See `Feed.backfill`; what the feed in use has."""
        return self._in_use().backfill()

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """See `Feed.series`; what the feed in use has."""
        return self._in_use().series(requests)

    def close(self) -> None:
        """Close every feed that was made."""
        with self._lock:
            self._is_closed = True
        for one in self._candidates:
            one.close()

    def _chosen(self) -> Snapshot:
        """Ask the feeds in their order, from the one in use or from a better one that is back."""
        with self._lock:
            backs = [place for place, one in enumerate(self._candidates) if one.is_back]
            for one in self._candidates:
                one.is_back = False
            first = min([*backs, self._place if self._place is not None else 0])
        failures: list[JobmonError] = []
        # Those that are better than the one in use come last: they are known to fail.
        for place in (*range(first, len(self._candidates)), *range(first)):
            one = self._candidates[place]
            if self._is_resting(place):
                failures.append(one.failure)
                continue
            try:
                if one.is_probed:
                    raise SourceError(f"{one.choice.name} is being tried")
                snapshot: Snapshot = one.latest(self.only_user)
            except JobmonError as error:
                self._check_open()
                if place == self._place and self._has_just_begun(one):
                    raise
                failures.append(error)
                continue
            self._use(place)
            return snapshot
        return self._least_stale(failures)

    def _has_just_begun(self, one: Candidate) -> bool:
        """Whether the feed in use is given a moment before others are asked."""
        return one.trouble is Trouble.FAILED and self._now() - one.failing_since < self._grace

    def _is_resting(self, place: int) -> bool:
        """Whether a feed that failed need not be asked in this poll, since there is something to show."""
        if self._place is None or place == self._place or self._candidates[self._place].stale is None:
            return False
        one = self._candidates[place]
        return one.trouble is not Trouble.NONE and clock.monotonic() < one.probe_at

    def _least_stale(self, failures: Sequence[JobmonError]) -> Snapshot:
        """An old snapshot is better than none."""
        stale = [
            (one.stale.timestamp, place)
            for place, one in enumerate(self._candidates)
            if one.stale is not None
        ]
        if not stale:
            with self._lock:
                self._place = None
            worst = failures[0]
            others = "; ".join(error.message for error in failures[1:])
            raise SourceError(worst.message + (f"; {others}" if others else ""), worst.hint)
        place = max(stale)[1]
        self._use(place)
        snapshot = self._candidates[place].stale
        assert snapshot is not None
        return snapshot

    def _use(self, place: int) -> None:
        one = self._candidates[place]
        feed = one.feed
        assert feed is not None
        with self._lock:
            if place != self._place:
                _log.info("snapshots come from %s", feed.title)
            self._place = place
        # Names that a feed gives itself may change with each snapshot.
        self.title, self.news_every = feed.title, feed.news_every
        self.kind = "live" if feed.kind == "recorded" else feed.kind
        self.interval, self.written_every = feed.interval, feed.written_every

    def _told(self) -> list[SourceStatus]:
        """What is wrong with the feeds that are better than the one in use, if it is old with all of them."""
        place = self._place
        assert place is not None
        is_fresh = self._candidates[place].trouble is Trouble.NONE
        told = self._candidates[:place] if is_fresh else self._candidates
        return [one.status for one in told if one.trouble is not Trouble.NONE]

    def _probe_better(self) -> None:
        """Have the better feeds tried whose time has come, in threads of their own."""
        with self._lock:
            place = self._place or 0
            if self._is_closed:
                return
        for one in self._candidates[:place]:
            if clock.monotonic() >= one.probe_at and not one.is_probed and not one.is_back:
                one.is_probed = True
                name = f"jobmon probes {one.choice.name}"
                threading.Thread(target=self._probe, args=(one,), name=name, daemon=True).start()

    def _probe(self, one: Candidate) -> None:
        try:
            one.latest(self.only_user)
            is_back = True
        except JobmonError:
            is_back = False
        with self._lock:
            one.is_back, one.is_probed = is_back, False

    def _in_use(self) -> Feed:
        with self._lock:
            self._refuse_if_closed()
            feed = self._candidates[self._place].feed if self._place is not None else None
        if feed is None:
            raise SourceError("there is no snapshot yet")
        return feed

    def _of_the_past(self) -> Feed:
        """The feed in use if it knows the past, else the first that does, else the one in use."""
        if self._place is None:
            return self._first_with_past()
        used = self._in_use()
        known = self._known_past
        if known is not None and known[0] is used and clock.monotonic() < known[2]:
            return known[1]
        found = self._with_past(used)
        self._known_past = (used, found, clock.monotonic() + PAST_KNOWN)
        return found

    def _with_past(self, used: Feed) -> Feed:
        with self._lock:
            others = [
                one.feed
                for one in self._candidates
                if one.feed is not None
                and one.is_open
                and one.feed is not used
                # One that does not answer would make everybody wait.
                and one.trouble is not Trouble.FAILED
            ]
        for feed in (used, *others):
            try:
                if feed.timeline():
                    return feed
            except JobmonError:
                continue
        return used

    def _first_with_past(self) -> Feed:
        """The first feed that knows the past, where the present was not asked for yet."""
        failures: list[JobmonError] = []
        feed: Feed | None = None
        for one in self._candidates:
            try:
                feed = one.opened()
                self._past_way = one.choice.way
                if feed.timeline():
                    return feed
            except JobmonError as error:
                failures.append(error)
        if feed is None:
            raise failures[0]
        return feed

    def _check_open(self) -> None:
        with self._lock:
            self._refuse_if_closed()

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise SourceError("the feed is closed")
