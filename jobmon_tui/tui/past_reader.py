"""The thread that reads instants of the past and makes pictures of them, neighbours ahead of time.

What was asked last is all that counts, so holding an arrow key never builds up a queue. A picture goes out as
soon as it can be drawn; what takes longer (warnings over time, small charts) follows in a second one.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
from time import monotonic
from typing import Literal, NamedTuple

from textual.message import Message

from jobmon_tui.analysis.groups import Grouper
from jobmon_tui.analysis.live_use import warned_in_words
from jobmon_tui.analysis.timeline import Timeline
from jobmon_tui.analysis.warnings import Thresholds, Warnings, instant_warnings, over_time
from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.courtesy import UnwantedError, ask_for_quiet, give_way, while_wanted
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.tui.collection import no_collection, put_out_of_sight
from jobmon_tui.tui.messages import PastFailed, PastReady, TimelineRead
from jobmon_tui.tui.picture import Picture, picture_of
from jobmon_tui.tui.trends import SPAN, Trends, trend_requests

MOST_RECORDS = 120_000
"""Nodes and jobs that the kept pictures may have together: about 100 MB."""
MOST_PICTURES = 12
"""Pictures that are kept at the most."""
MOST_TREND_JOBS = 2_000
"""Running jobs up to which small charts are drawn of the past: each costs the store a look."""
FIRST_TRENDS = 24
"""Readings that are asked for at once for small charts, before it is known how long that takes."""
TRENDS_SECONDS = 0.1
"""Seconds that asking for some of them should take: whoever goes on waits for so long."""
DRAWING = 0.1
"""Seconds that an instant that is known is given to be drawn, before anything else is read."""
_INSTANTS_KEPT = 200
"""Instants whose warnings are kept."""

_log = logging.getLogger(__name__)


class _Kept(NamedTuple):
    picture: Picture
    is_complete: bool
    """Whether warnings and small charts are there, too."""


class PastReader:
    """Reads one feed's past.

    Args:
        feed: Whose.
        post: Takes a message from any thread.
        thresholds: From where on something counts as wasted.
        group_key: Tells by what the app groups nodes now.
    """

    def __init__(
        self,
        feed: Feed,
        post: Callable[[Message], object],
        thresholds: Thresholds,
        group_key: Callable[[], str],
    ) -> None:
        self._feed = feed
        self._post = post
        self._thresholds = thresholds
        self._group_key = group_key
        self._grouper = Grouper()
        self._change = threading.Condition()
        self._wanted: float | None = None
        self._drawn_at = 0.0
        """Until when nothing is done that can wait, by the monotonic clock."""
        self._asked = 0
        """How many instants were asked for: what was begun for an earlier one is superseded."""
        self._chores: deque[tuple[Literal["ahead", "complete"], float]] = deque()
        self._timeline_wanted = False
        self._stopped = False
        self._working = False
        self._started = False
        self._pictures: OrderedDict[float, _Kept] = OrderedDict()
        self._instants: OrderedDict[float, dict[float, Warnings]] = OrderedDict()
        self._moments: tuple[float, ...] = ()
        self._history: Thread | None = None
        self._thread = threading.Thread(target=self._run, name="jobmon-past", daemon=True)

    @property
    def is_idle(self) -> bool:
        """Whether everything that was asked has been answered (reading ahead does not count)."""
        with self._change:
            completing = any(chore == "complete" for chore, _ in self._chores)
            reading = self._history is not None and self._history.is_alive()
            busy = self._timeline_wanted or self._working or completing or reading
            return self._wanted is None and not busy

    def ask_timeline(self) -> None:
        """Have the timeline read; a `TimelineRead` brings it."""
        with self._change:
            self._timeline_wanted = True
            self._wake()

    def ask(self, time: float, ahead: Sequence[float] = ()) -> Picture | None:
        """Have a picture made of an instant; a `PastReady` brings it, unless it is at hand.

        Args:
            time: The instant, in Unix seconds.
            ahead: Instants that may be asked for next, the likeliest first.

        Returns:
            The picture, where it has been made already.
        """
        kept = self._pictures.get(time)
        ask_for_quiet(DRAWING if kept is not None else 0.0)
        with self._change:
            self._wanted = time if kept is None else None
            self._asked += 1
            self._drawn_at = monotonic() + DRAWING
            # Whoever goes on in the same direction waits for the next instant, not for warnings of this one.
            chores: list[tuple[Literal["ahead", "complete"], float]] = [("ahead", one) for one in ahead]
            chores.insert(min(1, len(chores)), ("complete", time))
            self._chores = deque(chores)
            self._wake()
        return kept.picture if kept is not None else None

    def stop(self) -> None:
        """Read no more."""
        with self._change:
            self._stopped = True
            self._change.notify_all()

    def _wake(self) -> None:
        # Whoever never looks back needs no thread for it.
        if not self._started:
            self._started = True
            self._thread.start()
        self._change.notify_all()

    def _run(self) -> None:
        while (work := self._next()) is not None:
            try:
                work()
            finally:
                with self._change:
                    self._working = False

    def _next(self) -> Callable[[], None] | None:
        with self._change:
            while not self._stopped:
                if self._wanted is not None:
                    time, self._wanted = self._wanted, None
                    self._working = True
                    return lambda: self._show(time)
                if self._timeline_wanted:
                    self._timeline_wanted = False
                    self._working = True
                    return self._read_timeline
                rest = self._drawn_at - monotonic()
                if self._chores and rest > 0:
                    self._change.wait(rest)
                    continue
                if self._chores:
                    chore, moment = self._chores.popleft()
                    if chore == "ahead":
                        return lambda: self._read_ahead(moment)
                    self._working, asked = True, self._asked
                    return lambda: self._complete(moment, asked)
                self._change.wait()
            return None

    def _tell(self, message: Message) -> None:
        if not self._stopped:
            self._post(message)

    def _read_timeline(self) -> None:
        with self._telling_of_failure():
            is_first = not self._moments
            self._moments = tuple(self._feed.timeline())
            if is_first and self._moments:
                self._tell(TimelineRead(Timeline(self._moments, {})))
            # Whoever wants to move need not wait for what is drawn above the hours.
            if self._history is None or not self._history.is_alive():
                self._history = Thread(target=self._read_history, name="jobmon-history", daemon=True)
                self._history.start()

    def _read_history(self) -> None:
        with self._telling_of_failure():
            usage = dict(self._feed.history())
            self._tell(TimelineRead(Timeline(self._moments, usage)))

    @contextmanager
    def _telling_of_failure(self) -> Iterator[None]:
        try:
            yield
        except JobmonError as error:
            self._tell(PastFailed(error.message, error.hint, None))
        except Exception as error:
            _log.exception("reading the timeline failed")
            self._tell(PastFailed(f"the timeline could not be read: {type(error).__name__}", "", None))

    def _show(self, time: float) -> None:
        try:
            self._tell(PastReady(self._kept(time).picture, time))
            with self._change:
                self._drawn_at = monotonic() + DRAWING
        except JobmonError as error:
            self._tell(PastFailed(error.message, error.hint, time))
        except Exception as error:
            _log.exception("reading an instant of the past failed")
            self._tell(PastFailed(f"that instant could not be read: {type(error).__name__}", "", time))

    def _complete(self, time: float, asked: int) -> None:
        kept = self._pictures.get(time)
        if kept is None or kept.is_complete:
            return
        try:
            with while_wanted(lambda: asked == self._asked and not self._stopped):
                for picture, is_all in self._completed(kept.picture):
                    is_new = picture is not self._pictures[time].picture
                    self._pictures[time] = _Kept(picture, is_all)
                    if is_new:
                        self._tell(PastReady(picture, time))
        except UnwantedError:
            return
        except Exception:
            # The picture is there; what is missing of it is shown as unknown.
            _log.warning("what took longer to find out of an instant is missing", exc_info=True)

    def _read_ahead(self, time: float) -> None:
        try:
            # It goes on when another instant is asked for: a neighbour mostly, which this one helps to read.
            self._kept(time)
        except Exception:
            # Whoever goes there is told.
            _log.info("reading ahead failed", exc_info=True)

    def _kept(self, time: float) -> _Kept:
        kept = self._pictures.get(time)
        if kept is None:
            with no_collection():
                snapshot = self._feed.at(time)
                picture = picture_of(snapshot, self._grouper, self._group_key())
                put_out_of_sight(snapshot)
            kept = self._pictures[time] = _Kept(picture, False)
        self._pictures.move_to_end(time)
        records = len(kept.picture.snapshot.jobs) + len(kept.picture.snapshot.nodes)
        most = max(3, min(MOST_PICTURES, MOST_RECORDS // max(1, records)))
        while len(self._pictures) > most:
            self._pictures.popitem(last=False)
        return kept

    def _completed(self, picture: Picture) -> Iterator[tuple[Picture, bool]]:
        """The picture with its warnings, then with small charts, too; and whether that is all.

        Raises:
            UnwantedError: Another instant was asked for meanwhile.
        """
        snapshot = picture.snapshot
        picture = replace(picture, warned=warned_in_words(snapshot, self._warnings(snapshot)))
        running = [job.job_id for job in snapshot.jobs.values() if job.is_running and job.layout]
        if not running or len(running) > MOST_TREND_JOBS:
            yield picture, True
            return
        yield picture, False
        trends = self._trends(running, snapshot.timestamp)
        yield replace(picture, trends=trends) if trends else picture, True

    def _warnings(self, snapshot: Snapshot) -> Warnings:
        """The warnings that held over the minutes before that instant."""
        time, seconds = snapshot.timestamp, self._thresholds.warning_window
        known = {time: instant_warnings(snapshot, self._thresholds)}
        first = bisect_left(self._moments, time - seconds - 1)
        for moment in self._moments[first : bisect_left(self._moments, time)]:
            give_way()
            known.update(self._instant(moment))
        known = {one: raised for one, raised in known.items() if 0 <= time - one < seconds}
        return over_time([known[one] for one in sorted(known)], self._thresholds)

    def _instant(self, moment: float) -> dict[float, Warnings]:
        """What was raised at one of the timeline's instants, by the snapshot's own time."""
        found = self._instants.get(moment)
        if found is None:
            # A spool's file names are whole seconds, the snapshots in them need not be.
            with no_collection():
                snapshots = self._feed.window(moment + 0.999, 1.0)
            found = {one.timestamp: instant_warnings(one, self._thresholds) for one in snapshots}
            self._instants[moment] = found
            if len(self._instants) > _INSTANTS_KEPT:
                self._instants.popitem(last=False)
        return found

    def _trends(self, running: Sequence[str], now: float) -> Mapping[str, str]:
        requests = [request for job_id in running for request in trend_requests(job_id, now, SPAN)]
        known: dict[tuple[str, str], Series] = {}
        done, count = 0, FIRST_TRENDS
        while done < len(requests):
            give_way()
            part = requests[done : done + count]
            began = monotonic()
            for request, series in zip(part, self._feed.series(part), strict=True):
                if series is not None:
                    known[request.name, request.reading] = series
            done += count
            # A store answers many in the time of one; others take as long for each, and nothing ends them.
            quicker = TRENDS_SECONDS / max(monotonic() - began, 1e-3)
            count = max(2, int(count * min(4.0, quicker)))
        if not known:
            return {}

        def answer(asked: Iterable[SeriesRequest]) -> list[Series | None]:
            return [known.get((one.name, one.reading)) for one in asked]

        return Trends(answer, lambda: running, now)
