"""Several sources of measurements asked at the same time, so that none can hold up or spoil the others.

Each source has a thread while it is asked, and is asked one thing at a time: one that hangs keeps its one
call and gets no other. A cycle waits for all of them together, up to a fixed limit. What comes too late for
it stands for the next cycle. A source that fails is still asked in every cycle, but hardly waited for, so
that it slows nothing down until it is back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jobmon_tui.backends.faults import PLUGIN_FAILURES, describe
from jobmon_tui.backends.host_names import HostNames
from jobmon_tui.errors import JobmonError, SourceError
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import SourceStatus
from jobmon_tui.sources.readings import JobReading, NodeReading, ReadingsAnswer, ReadingsSource

LIMIT = 12.0
"""Seconds that a cycle waits for all sources together: a little more than each of them gives itself."""
SHORT_LIMIT = 0.25
"""Seconds that a cycle waits for a source that failed the last time."""
STALE_AFTER = 120.0
"""Seconds after which the last good readings of a failing source are unknown."""

logger = logging.getLogger(__name__)


class _Call:
    """One call to a source, in a thread of its own."""

    def __init__(self, function: Callable[[], Any], name: str, change: threading.Condition) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self.started = time.monotonic()
        self.ended: float | None = None
        self.is_done = False
        self._function = function
        self._change = change
        # A daemon: jobmon must be able to end while a call hangs.
        threading.Thread(target=self._run, name=f"jobmon-{name}", daemon=True).start()

    def _run(self) -> None:
        try:
            self.result = self._function()
        except PLUGIN_FAILURES as error:
            self.error = error
        self.ended = time.monotonic()
        with self._change:
            self.is_done = True
            self._change.notify_all()

    @property
    def seconds(self) -> float:
        """How long it took, or takes already."""
        return (time.monotonic() if self.ended is None else self.ended) - self.started


@dataclass(slots=True)
class _Kept:
    """What is kept of one source from cycle to cycle."""

    source: ReadingsSource
    loading: _Call | None = None
    charting: _Call | None = None
    answer: ReadingsAnswer | None = None
    """The last good one."""
    calls: int = 0
    seconds: float = 0.0
    error: str | None = None
    """What is wrong, in one line; ``None`` while nothing is."""
    hint: str = ""
    failing_since: float | None = None
    partly_since: float | None = None
    """Since when a part of its answers is missing, in Unix seconds."""

    @property
    def is_free(self) -> bool:
        """Whether it can be asked something."""
        return not any(call is not None and not call.is_done for call in (self.loading, self.charting))


class SideBySide:
    """The sources of one backend.

    Args:
        sources: In the order of their rank.
        limit: Seconds that `load` and `series` take at most.
        stale_after: Seconds for which the last good readings of a failing source stand.
        clock: Tells the time, in Unix seconds.
    """

    def __init__(
        self,
        sources: Iterable[ReadingsSource],
        *,
        limit: float = LIMIT,
        stale_after: float = STALE_AFTER,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kept = [_Kept(source) for source in sources]
        self._limit = limit
        self._stale_after = stale_after
        self._clock = clock
        self._change = threading.Condition()
        self._closed = False

    def load(self, hosts: Sequence[str], job_ids: Sequence[str]) -> None:
        """Ask every source that is not still busy, and wait for their answers, up to the limit.

        Never fails because a source does: see `answers` and `statuses`.

        Raises:
            SourceError: It is closed.
        """
        begun: list[_Kept] = []
        for kept in self._kept:
            kept.calls, kept.seconds = 0, 0.0
            self._take_in(kept)
            if kept.is_free:
                load = _bound(kept.source.load, hosts, job_ids)
                kept.loading = _Call(load, kept.source.name, self._change)
                begun.append(kept)
        self._wait_for([kept.loading for kept in begun if kept.error is None], self._limit)
        self._wait_for([kept.loading for kept in begun], min(SHORT_LIMIT, self._limit))
        for kept in self._kept:
            self._take_in(kept)
            if kept.error is None or not any(kept is one for one in begun):
                self._complain_of_silence(kept)

    def answers(self) -> list[ReadingsAnswer]:
        """The newest good answer of each source, in the order of their rank; without those that are stale."""
        return [
            kept.answer
            for kept in self._kept
            if kept.answer is not None and (kept.error is None or not self._is_stale(kept.answer))
        ]

    def statuses(self) -> tuple[SourceStatus, ...]:
        """How each source did, followed by one more for a source of which only parts could be had."""
        statuses: list[SourceStatus] = []
        for kept in self._kept:
            answer = kept.answer
            statuses.append(
                SourceStatus(
                    name=kept.source.name,
                    ok=kept.error is None,
                    version=answer.version if answer else "",
                    calls=kept.calls,
                    seconds=kept.seconds,
                    read_at=answer.taken_at if answer else None,
                    error=kept.error,
                    hint=self._hint(kept),
                    failing_since=kept.failing_since,
                )
            )
            if answer is not None and answer.problems and kept.error is None:
                statuses.append(_partly(kept, answer))
        return tuple(statuses)

    def series(self, requests: Sequence[SeriesRequest]) -> list[Series | None]:
        """Ask the sources in the order of their rank; the next ones for what the ones before do not keep.

        Raises:
            SourceError: A source failed and no other one knew anything.
        """
        found: list[Series | None] = [None] * len(requests)
        failure: SourceError | None = None
        deadline = time.monotonic() + self._limit
        for kept in self._kept:
            missing = [place for place, series in enumerate(found) if series is None]
            left = deadline - time.monotonic()
            if not missing or left <= 0:
                break
            try:
                answers = self._series_of(kept, [requests[place] for place in missing], left)
            except SourceError as error:
                failure = failure or error
                continue
            for place, series in zip(missing, answers, strict=True):
                found[place] = series
        if failure is not None and not any(found):
            raise failure
        return found

    def close(self) -> None:
        """End all calls under way, from whichever thread."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        for kept in self._kept:
            try:
                kept.source.close()
            except PLUGIN_FAILURES:
                logger.warning("close() of %s failed", kept.source.name, exc_info=True)

    def _wait_for(self, calls: Sequence[_Call | None], seconds: float) -> None:
        with self._change:
            self._change.wait_for(
                lambda: self._closed or all(call is None or call.is_done for call in calls), seconds
            )
            if self._closed:
                raise SourceError("the sources are closed")

    def _take_in(self, kept: _Kept) -> None:
        """Note what a load that has ended came to."""
        call = kept.loading
        if call is None or not call.is_done:
            return
        kept.loading = None
        kept.seconds += call.seconds
        error: BaseException | None = call.error
        if error is None and not _is_sound(call.result):
            error = SourceError("it did not answer with readings")
        if error is not None:
            kept.calls += 1
            self._fail(kept, describe(error), error.hint if isinstance(error, JobmonError) else "")
            return
        answer: ReadingsAnswer = call.result
        kept.answer = answer
        kept.calls += answer.calls
        if answer.problems:
            kept.partly_since = kept.partly_since or self._clock()
        else:
            kept.partly_since = None
        if call.seconds > self._limit:
            self._fail(kept, f"it answers after {call.seconds:.1f} s and is waited for {self._limit:g} s")
        else:
            kept.error, kept.hint, kept.failing_since = None, "", None

    def _complain_of_silence(self, kept: _Kept) -> None:
        busy = [call for call in (kept.loading, kept.charting) if call is not None and not call.is_done]
        seconds = max((call.seconds for call in busy), default=0.0)
        if busy:
            self._fail(kept, f"it has not answered for {seconds:.{0 if seconds > 10 else 1}f} s")

    def _fail(self, kept: _Kept, error: str, hint: str = "") -> None:
        kept.error, kept.hint = error, hint
        if kept.failing_since is None:
            kept.failing_since = self._clock()
            logger.warning("%s: %s", kept.source.name, error)

    def _is_stale(self, answer: ReadingsAnswer) -> bool:
        return self._clock() - answer.taken_at > self._stale_after

    def _hint(self, kept: _Kept) -> str:
        if kept.error is None:
            return ""
        if kept.answer is None or self._is_stale(kept.answer):
            stands = "What it measures is unknown."
        else:
            stands = f"Its last readings stand until they are {self._stale_after:g} s old."
        return f"{kept.hint} {stands}".strip()

    def _series_of(
        self, kept: _Kept, requests: Sequence[SeriesRequest], seconds: float
    ) -> Sequence[Series | None]:
        if not kept.is_free:
            raise SourceError(f"{kept.source.name} has not answered yet")
        ask = _bound(kept.source.series, _as_spelled(requests, kept.answer))
        call = kept.charting = _Call(ask, kept.source.name, self._change)
        self._wait_for([call], seconds)
        if not call.is_done:
            raise SourceError(f"{kept.source.name} did not answer within {seconds:.0f} s")
        kept.charting = None
        if call.error is not None:
            hint = call.error.hint if isinstance(call.error, JobmonError) else ""
            raise SourceError(f"{kept.source.name}: {describe(call.error)}", hint)
        answers = call.result
        if not isinstance(answers, Sequence) or len(answers) != len(requests):
            raise SourceError(f"{kept.source.name} did not answer with one series for each request")
        return answers


def _bound(function: Callable[..., Any], *arguments: object) -> Callable[[], Any]:
    return lambda: function(*arguments)


def _is_sound(answer: object) -> bool:
    """Whether an answer is made of readings: a site's own source may be wrong about that."""
    if not isinstance(answer, ReadingsAnswer):
        return False
    parts: tuple[tuple[Any, type], ...] = ((answer.nodes, NodeReading), (answer.jobs, JobReading))
    return all(
        isinstance(readings, Mapping) and all(isinstance(one, kind) for one in readings.values())
        for readings, kind in parts
    )


def _as_spelled(requests: Sequence[SeriesRequest], answer: ReadingsAnswer | None) -> list[SeriesRequest]:
    """The requests with the nodes' names as the source spells them, as far as its last answer shows that."""
    hosts = answer.nodes if answer is not None else {}
    if all(request.kind != "node" or request.name in hosts for request in requests):
        return list(requests)
    spelled = HostNames(hosts)
    return [
        replace(request, name=spelled.find(request.name) or request.name)
        if request.kind == "node"
        else request
        for request in requests
    ]


def _partly(kept: _Kept, answer: ReadingsAnswer) -> SourceStatus:
    more = len(answer.problems) - 1
    return SourceStatus(
        name=f"{kept.source.name}: in part",
        ok=False,
        error=answer.problems[0] + (f" (and {more} more)" if more else ""),
        hint="Those readings are unknown; the rest is good.",
        failing_since=kept.partly_since,
    )
