"""Several feeds as one: the best that answers is used, and a better one again as soon as it is back."""

from __future__ import annotations

import logging
import random
import threading
import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from jobmon_tui.errors import JobmonError, SourceError
from jobmon_tui.feeds.base import Backfill, Feed
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot, SourceStatus, Usage
from jobmon_tui.model.times import age_text

FIRST_PROBE = 5.0
"""Seconds after a failure until a feed is tried again; each further time twice as long."""
LONGEST_PROBE = 60.0
GRACE = 20.0
"""Seconds for which the feed in use may fail before another takes its place: a server that is started anew
must not send everybody to the controller at once."""
WHY_STALE = "see whether `jobmon collect` still runs there, and whether the clocks agree"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the feeds, made when it is needed."""

    name: str
    """What it is called in messages: ``spool /var/spool/jobmon``."""
    make: Callable[[], Feed]
    """Makes it, not opened; may raise JobmonError. What is heavy to load is loaded here or later."""
    stale_after: float | None = None
    """Seconds; if its newest snapshot is older, it counts as failed. ``None``: however old."""
    way: str = ""
    """How it comes by its snapshots, for scripts: ``spool``, ``url`` or ``live``."""


class _Trouble(Enum):
    NONE = 0
    STALE = 1
    FAILED = 2


@dataclass(slots=True)
class _State:
    """How one of the feeds is doing."""

    choice: Choice
    feed: Feed | None = None
    is_open: bool = False
    trouble: _Trouble = _Trouble.NONE
    error: str = ""
    hint: str = ""
    failing_since: float = 0.0
    """Unix seconds."""
    read_at: float | None = None
    """When its newest snapshot was taken, in Unix seconds."""
    failures: int = 0
    probe_at: float = 0.0
    """By the monotonic clock."""
    stale: Snapshot | None = None
    """Its newest snapshot, where that is too old."""
    is_back: bool = False
    """Whether a probe found it well again."""
    turn: threading.Lock = field(default_factory=threading.Lock)
    """Held while it is opened or asked for the present: by the poll, or by a probe."""

    @property
    def status(self) -> SourceStatus:
        return SourceStatus(
            name=self.choice.name,
            ok=False,
            read_at=self.read_at,
            error=self.error,
            hint=self.hint,
            failing_since=self.failing_since,
        )


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
        self._states = [_State(choice) for choice in choices]
        self._now = now
        self._grace = grace
        self._lock = threading.Lock()
        self._place: int | None = None
        self._past_way = ""
        self._is_closed = False
        self._answer: tuple[Snapshot, tuple[SourceStatus, ...], Snapshot] | None = None
        self.title = choices[0].name

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The feeds, the best first."""
        return tuple(state.choice for state in self._states)

    @property
    def way(self) -> str:
        """That of the choice in use, or of the one that was asked for the past; empty before either."""
        if self._place is not None:
            return self._states[self._place].choice.way
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
            if any(state.is_back for state in self._states[:place]):
                return True
            feed = self._states[place].feed
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
            feeds = [state.feed for state in self._states if state.feed is not None]
        for feed in feeds:
            feed.close()

    def _chosen(self) -> Snapshot:
        """Ask the feeds in their order, from the one in use or from a better one that is back."""
        with self._lock:
            backs = [place for place, state in enumerate(self._states) if state.is_back]
            for state in self._states:
                state.is_back = False
            first = min([*backs, self._place if self._place is not None else 0])
        failures: list[JobmonError] = []
        # Those that are better than the one in use come last: they are known to fail.
        for place in (*range(first, len(self._states)), *range(first)):
            state = self._states[place]
            if self._is_resting(place):
                failures.append(SourceError(state.error, state.hint))
                continue
            try:
                snapshot = self._asked(state)
            except JobmonError as error:
                self._check_open()
                if place == self._place and self._has_just_begun(state):
                    raise
                failures.append(error)
                continue
            self._use(place)
            return snapshot
        return self._least_stale(failures)

    def _has_just_begun(self, state: _State) -> bool:
        """Whether the feed in use is given a moment before others are asked."""
        return state.trouble is _Trouble.FAILED and self._now() - state.failing_since < self._grace

    def _is_resting(self, place: int) -> bool:
        """Whether a feed that failed need not be asked in this poll, since there is something to show."""
        if self._place is None or place == self._place or self._states[self._place].stale is None:
            return False
        state = self._states[place]
        return state.trouble is not _Trouble.NONE and clock.monotonic() < state.probe_at

    def _least_stale(self, failures: Sequence[JobmonError]) -> Snapshot:
        """An old snapshot is better than none."""
        stale = [
            (state.stale.timestamp, place)
            for place, state in enumerate(self._states)
            if state.stale is not None
        ]
        if not stale:
            with self._lock:
                self._place = None
            worst = failures[0]
            others = "; ".join(error.message for error in failures[1:])
            raise SourceError(worst.message + (f"; {others}" if others else ""), worst.hint)
        place = max(stale)[1]
        self._use(place)
        snapshot = self._states[place].stale
        assert snapshot is not None
        return snapshot

    def _use(self, place: int) -> None:
        state = self._states[place]
        feed = state.feed
        assert feed is not None
        with self._lock:
            if place != self._place:
                _log.info("snapshots come from %s", feed.title)
            self._place = place
        # Names that a feed gives itself may change with each snapshot.
        self.title, self.news_every = feed.title, feed.news_every
        self.kind = "live" if feed.kind == "recorded" else feed.kind
        self.interval = feed.interval

    def _asked(self, state: _State) -> Snapshot:
        """The newest snapshot of one feed, with a note of how it is doing.

        Raises:
            JobmonError: It fails, or has nothing fresh.
        """
        if not state.turn.acquire(blocking=False):
            raise SourceError(f"{state.choice.name} is being tried")
        try:
            snapshot = self._newest_of(state)
        except JobmonError as error:
            self._failed(state, _Trouble.FAILED, error)
            raise
        except Exception as error:
            _log.exception("%s failed", state.choice.name)
            words = SourceError(f"{state.choice.name}: {type(error).__name__}: {error}")
            self._failed(state, _Trouble.FAILED, words)
            raise words from error
        finally:
            state.turn.release()
        state.read_at = snapshot.timestamp
        limit = state.choice.stale_after
        age = self._now() - snapshot.timestamp
        if limit is not None and age > limit:
            why = f"its newest snapshot is older than {age_text(limit)}"
            self._failed(state, _Trouble.STALE, SourceError(why, WHY_STALE))
            state.stale = snapshot
            raise SourceError(f"{state.choice.name}: {why}", WHY_STALE)
        state.trouble, state.failures, state.stale = _Trouble.NONE, 0, None
        return snapshot

    def _newest_of(self, state: _State) -> Snapshot:
        feed = self._opened(state)
        feed.only_user = self.only_user
        return feed.latest()

    def _opened(self, state: _State) -> Feed:
        """One of the feeds, made and opened; its turn must be held."""
        if state.feed is None:
            self._check_open()
            made = state.choice.make()
            with self._lock:
                state.feed = made
            if self._is_closed:
                made.close()
        feed = state.feed
        if not state.is_open:
            feed.open()
            state.is_open = True
        return feed

    def _failed(self, state: _State, trouble: _Trouble, error: JobmonError) -> None:
        if state.trouble is _Trouble.NONE:
            state.failing_since = self._now()
        state.trouble, state.error, state.hint = trouble, error.message, error.hint
        if trouble is _Trouble.FAILED:
            state.stale = None
        state.failures += 1
        wait = min(LONGEST_PROBE, FIRST_PROBE * 2 ** min(state.failures - 1, 10))
        state.probe_at = clock.monotonic() + wait * random.uniform(0.8, 1.2)

    def _told(self) -> list[SourceStatus]:
        """What is wrong with the feeds that are better than the one in use, if it is old with all of them."""
        place = self._place
        assert place is not None
        is_fresh = self._states[place].trouble is _Trouble.NONE
        told = self._states[:place] if is_fresh else self._states
        return [state.status for state in told if state.trouble is not _Trouble.NONE]

    def _probe_better(self) -> None:
        """Have the better feeds tried whose time has come, in threads of their own."""
        with self._lock:
            place = self._place or 0
            if self._is_closed:
                return
        for state in self._states[:place]:
            if clock.monotonic() >= state.probe_at and not state.turn.locked():
                # Until this one has ended.
                state.probe_at = clock.monotonic() + LONGEST_PROBE
                name = f"jobmon probes {state.choice.name}"
                threading.Thread(target=self._probe, args=(state,), name=name, daemon=True).start()

    def _probe(self, state: _State) -> None:
        try:
            self._asked(state)
        except JobmonError:
            return
        with self._lock:
            state.is_back = True

    def _in_use(self) -> Feed:
        with self._lock:
            self._refuse_if_closed()
            feed = self._states[self._place].feed if self._place is not None else None
        if feed is None:
            raise SourceError("there is no snapshot yet")
        return feed

    def _of_the_past(self) -> Feed:
        """The feed in use if it knows the past, else the first that does, else the one in use."""
        if self._place is None:
            return self._first_with_past()
        used = self._in_use()
        with self._lock:
            others = [
                state.feed
                for state in self._states
                if state.feed is not None
                and state.is_open
                and state.feed is not used
                # One that does not answer would make everybody wait.
                and state.trouble is not _Trouble.FAILED
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
        for state in self._states:
            try:
                with state.turn:
                    feed = self._opened(state)
                self._past_way = state.choice.way
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
