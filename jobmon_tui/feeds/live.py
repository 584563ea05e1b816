"""The present: a feed that runs a backend's cycle each time it is asked."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from jobmon_tui.backends import shapes
from jobmon_tui.backends.base import BackendBase, workings_of
from jobmon_tui.backends.faults import PLUGIN_FAILURES, Guard, call_or_fail
from jobmon_tui.backends.output import printed_to_log
from jobmon_tui.errors import SourceError
from jobmon_tui.feeds.base import Backfill, Feed
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot, SourceStatus, Usage

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
MOST_IN_WINDOW = 12
"""Snapshots of a window at the most, where each has to be worked out."""


class LiveFeed(Feed):
    """A backend as a feed.

    Args:
        backend: Constructed, not started; the feed starts and closes it.
    """

    def __init__(self, backend: BackendBase) -> None:
        self._backend = backend
        self._workings = workings_of(backend)
        self._guard = Guard()
        self._lock = threading.Lock()
        self._closed = False
        self._backfill_failure: tuple[SourceStatus, ...] = ()
        self.title = str(backend.title or type(backend).__name__)
        self.kind = backend.kind if backend.kind in ("live", "recorded", "demo") else "live"
        self.interval = _seconds(backend.default_interval)

    def open(self) -> None:
        """Start the backend.

        Raises:
            PluginError: Its ``init()`` failed.
            JobmonError: It said itself why it cannot work.
        """
        self._check_open()
        with printed_to_log():
            self._workings.demand("init", lambda answer: answer)
        self.title = str(self._backend.title or self.title)

    def latest(self) -> Snapshot:
        """Run a cycle.

        Raises:
            PluginError: The backend failed to load, or cannot say which nodes and jobs there are.
            JobmonError: It said itself what is wrong.
        """
        self._check_open()
        self._backend.only_user = self.only_user
        snapshot = self._workings.demand("cycle", _snapshot)
        # A backend may change what it talks to: pyslurm at one time, the commands at another.
        self.title = str(self._backend.title or self.title)
        # A backend that makes its snapshots itself must still be able to say where there is room.
        self._workings.snapshot = snapshot
        if self._backfill_failure:
            return replace(snapshot, sources=snapshot.sources + self._backfill_failure)
        return snapshot

    def backfill(self) -> Backfill:
        """Free slots after the newest cycle. A failure leaves them empty; the next snapshot tells of it."""
        workings = self._workings
        self._guard.begin()
        with printed_to_log():
            calculate = workings.method("calculate_backfill")
            slots = self._guard.call(calculate, files=workings.files, read=shapes.backfill)
        now = workings.snapshot.timestamp if workings.snapshot else 0.0
        self._backfill_failure = self._guard.statuses(now)
        return slots or {}

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What the backend knows of a time, if it has a method ``series``; else nothing.

        Raises:
            PluginError: That method failed, or did not answer with one series for each request.
            JobmonError: It said itself what is wrong.
        """
        own = getattr(self._backend, "series", None)
        if not callable(own):
            return super().series(requests)

        def read(answer: object) -> Sequence[Series | None]:
            series = tuple(answer) if isinstance(answer, list | tuple) else ()
            if len(series) != len(requests) or not all(isinstance(one, Series | None) for one in series):
                raise shapes.ShapeError(f"a list of {len(requests)} series", answer)
            return series

        with printed_to_log():
            return call_or_fail(own, requests, files=self._workings.files, read=read)

    def write_back(self) -> None:
        """Have the backend store statistics of the newest cycle, if it has a method ``write_influx``.

        Raises:
            PluginError: That method failed.
            JobmonError: It said itself what is wrong.
        """
        if self._workings.overrides("write_influx") is not None:
            with printed_to_log():
                self._workings.demand("write_influx", lambda answer: answer)

    def at(self, time: float) -> Snapshot:
        """The past, if the backend has a method ``at``; else the present.

        Raises:
            PluginError: That method failed.
            JobmonError: It said itself what is wrong.
        """
        own = getattr(self._backend, "at", None)
        return self._own(own, _snapshot, time) if callable(own) else self.latest()

    def timeline(self) -> tuple[float, ...]:
        """The instants of which the backend knows by itself, if it has a method ``timeline``.

        Raises:
            PluginError: That method failed.
        """
        own = getattr(self._backend, "timeline", None)
        return self._own(own, _instants) if callable(own) else ()

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        """Snapshots of the past, if the backend knows it by itself: a few, evenly spread up to the last."""
        times = [one for one in self.timeline() if time - seconds < one <= time]
        step = max(1, -(-len(times) // MOST_IN_WINDOW))
        return tuple(self.at(one) for one in times[(len(times) - 1) % step :: step])

    def history(self) -> Mapping[float, Usage]:
        """Core usage of the past, if the backend has a method ``history``.

        Raises:
            PluginError: That method failed.
        """
        own = getattr(self._backend, "history", None)
        return self._own(own, _usage_by_time) if callable(own) else super().history()

    def _own(self, method: Callable[..., Any], read: Callable[[object], Answer], *arguments: Any) -> Answer:
        self._check_open()
        with printed_to_log():
            return call_or_fail(method, *arguments, files=self._workings.files, read=read)

    def close(self) -> None:
        """Let go of the backend; a cycle under way raises soon. Does nothing the second time."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            with printed_to_log():
                self._workings.method("close")()
        except PLUGIN_FAILURES:
            logger.warning("close() of %s failed", self.title, exc_info=True)

    def _check_open(self) -> None:
        if self._closed:
            raise SourceError(f"{self.title} is closed")


def _snapshot(answer: object) -> Snapshot:
    if not isinstance(answer, Snapshot):
        raise shapes.ShapeError("a Snapshot", answer)
    return answer


def _instants(answer: object) -> tuple[float, ...]:
    times = tuple(map(shapes.number, answer)) if isinstance(answer, list | tuple) else None
    if times is None or None in times:
        raise shapes.ShapeError("a list of times", answer)
    return tuple(sorted(float(time) for time in times if time is not None))


def _usage_by_time(answer: object) -> Mapping[float, Usage]:
    if not isinstance(answer, Mapping) or not all(isinstance(one, Usage) for one in answer.values()):
        raise shapes.ShapeError("a mapping of times to core usage", answer)
    return dict(sorted(answer.items()))


def _seconds(value: Any) -> float:
    """A backend's own pace, or ours where it states none that makes sense."""
    try:
        seconds = shapes.number(value)
    except shapes.ShapeError:
        return BackendBase.default_interval
    return float(seconds) if seconds > 0 else BackendBase.default_interval
