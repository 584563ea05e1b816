"""The past as a web service has it: the instants that there are, their snapshots, and charts of them."""

from __future__ import annotations

import threading
import time as clock
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from jobmon_tui.analysis.downsample import usual_step
from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.feeds.http_client import HttpClient, OtherPageError
from jobmon_tui.feeds.sampling import Sampler
from jobmon_tui.model import wire
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot, Usage
from jobmon_tui.model.wire_past import series_from_document, timeline_from_document

REFRESH = 60.0
"""Seconds after which our own server is asked again which instants there are."""
REFRESH_OLDER = 300.0
"""The same for an older installation, which sends everything each time. What was seen since is added."""
AFTER_FAILURE = 10.0
"""Seconds for which a service that did not tell its instants is left in peace."""
MOST_IN_WINDOW = 24
"""Snapshots that are fetched for one window at the most: ten minutes at an older installation's pace."""
WINDOW_SECONDS = 40.0
"""Seconds that fetching a window may take; it then has what came, the newest first."""
WHOLE_KEPT = 6
"""Snapshots kept with their queue: a few steps back and forth in the time machine."""
SLIM_KEPT = 48
"""Snapshots kept without their queue, for warnings."""
MOST_NOTED = 2880
"""Instants that are remembered from the present: a day at a usual pace."""
PACE_OF = 12
"""The newest instants that tell how often somebody writes there."""
MOST_READINGS = 50
"""Readings that are asked for at once: an address has its limits."""
_NOT_OFFERED = (400, 404, 405, 410, 501)


class HttpPast:
    """What a web service knows of the past; any thread may ask.

    Args:
        client: Fetches its documents.
    """

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        # One of these is held while the service is asked, so that two who want the same ask once.
        self._turn = threading.Lock()
        self._turn_of_times = threading.Lock()
        self._whole: OrderedDict[float, Snapshot] = OrderedDict()
        self._slim: OrderedDict[float, Snapshot] = OrderedDict()
        self._newest: Snapshot | None = None
        self._noted: OrderedDict[float, Usage | None] = OrderedDict()
        self._is_own: bool | None = None
        self._times: tuple[float, ...] | None = None
        self._times_due = 0.0
        self._failure: JobmonError | None = None
        self._history: Mapping[float, Usage] | None = None
        self._history_due = 0.0
        self._history_failure: JobmonError | None = None
        self._sampler = Sampler(lambda moment: self._fetched(moment, with_queue=False, keep=False))

    def note(self, snapshot: Snapshot) -> None:
        """Take note of what was the newest snapshot a moment ago."""
        with self._lock:
            self._newest = snapshot
            self._noted[snapshot.timestamp] = snapshot.usage
            if len(self._noted) > MOST_NOTED:
                self._noted.popitem(last=False)

    @property
    def step(self) -> float:
        """Seconds between two of the newest instants that are known; asks nobody; 0 where it is not known."""
        return usual_step(self._known_times()[-PACE_OF:])

    def timeline(self) -> tuple[float, ...]:
        """See `Feed.timeline`."""
        with self._turn_of_times:
            if clock.monotonic() >= self._times_due:
                self._times_due = clock.monotonic() + AFTER_FAILURE
                try:
                    self._times, self._failure = self._asked_times(), None
                except JobmonError as error:
                    self._failure = error
                else:
                    self._times_due = clock.monotonic() + (REFRESH if self._is_own else REFRESH_OLDER)
            if self._times is None and self._failure is not None:
                raise self._failure
        return self._known_times()

    def history(self) -> Mapping[float, Usage]:
        """See `Feed.history`."""
        with self._turn_of_times:
            history = self._asked_history()
        last = max(history, default=0.0)
        with self._lock:
            noted = [
                (moment, usage)
                for moment, usage in sorted(self._noted.items())
                if usage is not None and moment >= last + 1
            ]
        return {**history, **dict(noted)}

    def at(self, time: float) -> Snapshot:
        """See `Feed.at`."""
        with self._lock:
            newest = self._newest
        if newest is not None and time >= newest.timestamp:
            return newest
        return self._fetched(self._nearest(time))

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        """See `Feed.window`."""
        # Names may be whole seconds where the times inside are not.
        moments = [one for one in self.timeline() if time - seconds - 1 < one <= time + 1]
        if len(moments) > MOST_IN_WINDOW:
            last = len(moments) - 1
            chosen = {round(place * last / (MOST_IN_WINDOW - 1)) for place in range(MOST_IN_WINDOW)}
            moments = [moments[place] for place in sorted(chosen)]
        until = clock.monotonic() + WINDOW_SECONDS
        found: dict[float, Snapshot] = {}
        for moment in reversed(moments):
            left = until - clock.monotonic()
            if left <= 0:
                break
            try:
                snapshot = self._fetched(moment, with_queue=False, seconds=left)
            except SnapshotError:
                continue
            except JobmonError:
                if not found:
                    raise
                break
            if 0 <= time - snapshot.timestamp < seconds:
                found.setdefault(snapshot.timestamp, snapshot)
        return tuple(found[moment] for moment in sorted(found))

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """See `Feed.series`."""
        times = self.timeline()
        if not self._is_own:
            return self._sampler.series(requests, times)
        found: dict[SeriesRequest, Series | None] = {}
        alike: dict[tuple[object, ...], list[SeriesRequest]] = {}
        for request in requests:
            key = (request.kind, request.name, request.start, request.end, request.points)
            alike.setdefault(key, []).append(request)
        for group in alike.values():
            for first in range(0, len(group), MOST_READINGS):
                part = group[first : first + MOST_READINGS]
                found.update(zip(part, self._asked_series(part), strict=True))
        return [found[request] for request in requests]

    def _asked_series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What our own server has of several readings of one thing at one time."""
        one = requests[0]
        fields = [
            ("kind", one.kind),
            ("name", one.name),
            ("start", _instant(one.start)),
            ("end", _instant(one.end)),
            ("points", str(one.points)),
            *(("reading", request.reading) for request in requests),
        ]
        document = self._client.document("charts", f"/series.py?{urlencode(fields)}")
        return series_from_document(document, self._client.origin("/series.py"), len(requests))

    def _asked_times(self) -> tuple[float, ...]:
        if self._is_own is not False:
            try:
                document = self._client.document("times", "/timeline.py")
                times = timeline_from_document(document, self._client.origin("/timeline.py"))
            except (OtherPageError, SnapshotError):
                if self._is_own:
                    raise
            except JobmonError as error:
                if self._is_own or getattr(error, "status", 0) not in _NOT_OFFERED:
                    raise
            else:
                self._is_own = True
                return times
            self._is_own = False
        return tuple(self._asked_history())

    def _asked_history(self) -> Mapping[float, Usage]:
        """The history as it was last told, or as it is told now if that was a while ago."""
        if clock.monotonic() < self._history_due:
            if self._history is not None:
                return self._history
            if self._history_failure is not None:
                raise self._history_failure
        known = self._history or {}
        last = max(known, default=None)
        path = "/history.py"
        # Our own server tells only what is new, if it is asked so.
        query = f"?from={_instant(last)}" if self._is_own and last is not None else ""
        try:
            document = self._client.document("times", path + query)
            told = wire.history_from_document(document, self._client.origin(path))
        except JobmonError as error:
            if getattr(error, "status", 0) == 404:
                told = {}
            elif self._history is None:
                self._history_failure, self._history_due = error, clock.monotonic() + AFTER_FAILURE
                raise
            else:
                told = dict(known)
        if query:
            oldest = self._times[0] if self._times else 0.0
            told = {moment: usage for moment, usage in {**known, **told}.items() if moment >= oldest}
        self._history = told
        self._history_due = clock.monotonic() + (REFRESH if self._is_own else REFRESH_OLDER)
        return told

    def _known_times(self) -> tuple[float, ...]:
        """The instants that are known without asking: those that were told, and those seen since."""
        with self._lock:
            times = self._times or ()
            # An older installation names its snapshots in whole seconds.
            after = times[-1] + 1 if times else 0.0
            return times + tuple(sorted(moment for moment in self._noted if moment >= after))

    def _nearest(self, time: float) -> float:
        """The instant that is nearest, as far as they are known; else the time itself."""
        times = self._known_times()
        place = bisect_left(times, time)
        near = times[max(0, place - 1) : place + 1]
        return min(near, key=lambda moment: abs(moment - time)) if near else time

    def _fetched(
        self, moment: float, *, with_queue: bool = True, keep: bool = True, seconds: float | None = None
    ) -> Snapshot:
        """The snapshot of an instant of the timeline, from memory or from the service.

        Raises:
            SnapshotError: The answer is no snapshot.
            JobmonError: It could not be had.
        """
        known = self._remembered(moment, with_queue)
        if known is not None:
            return known
        with self._turn:
            known = self._remembered(moment, with_queue)
            if known is not None:
                return known
            # Older installations read a whole number only.
            asked = _instant(moment) if self._is_own else str(round(moment))
            path = f"/data.py?time={asked}"
            body = self._client.fetch("past", path, seconds=seconds).body or b""
            snapshot = self._client.snapshot(body, path, with_queue=with_queue)
            if not keep:
                return snapshot
            with self._lock:
                kept, most = (self._whole, WHOLE_KEPT) if with_queue else (self._slim, SLIM_KEPT)
                kept[moment] = snapshot
                if len(kept) > most:
                    kept.popitem(last=False)
            return snapshot

    def _remembered(self, moment: float, with_queue: bool) -> Snapshot | None:
        with self._lock:
            if self._newest is not None and self._newest.timestamp == moment:
                return self._newest
            for kept in (self._whole,) if with_queue else (self._whole, self._slim):
                if moment in kept:
                    kept.move_to_end(moment)
                    return kept[moment]
        return None


def _instant(time: float) -> str:
    """Unix seconds as they are written in an address: as short as they can be."""
    return f"{time:.3f}".rstrip("0").rstrip(".")
