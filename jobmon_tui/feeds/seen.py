"""What jobmon has seen since it was opened, for charts where no store keeps the past.

Each snapshot leaves one frame: reading by reading, the values of all nodes and jobs as half-precision numbers
(a relative error of 0.05 %), two bytes each. The frames together stay below a fixed size: the further back,
the further apart they come to lie, so that the last half hour is fine-grained and the last day still there.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from jobmon_tui.analysis.series import Known, job_readings, node_readings, unit_of
from jobmon_tui.feeds.reading_columns import ReadingColumn, by_reading, scale_of
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot

MOST_FRAMES = 1200
"""Frames that are kept at the most."""
MOST_BYTES = 12_000_000
"""Bytes that all frames together may take."""
REMEMBERED = 900.0
"""Seconds for which a job that is gone is still known."""
NEAR = 60.0
"""Seconds that count as the present when frames are thinned out."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """One instant."""

    time: float
    follows: bool
    """Whether the frame before it is of the same stretch: nothing was missed between them."""
    partial: bool
    """Whether only some were looked at: what is absent is then not known to be unmeasured."""
    columns: Mapping[str, Mapping[str, ReadingColumn]]
    """``node`` or ``job``, and reading, to the column."""
    bytes: int


class _Slots:
    """Numbers for names, used again when a name has been gone for a while."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}
        self.since: list[float] = []
        """From when on the slot is its present name's, in Unix seconds."""
        self._last: list[float] = []
        self._free: list[int] = []

    @property
    def size(self) -> int:
        return len(self.since)

    def take(self, name: str, time: float) -> int:
        slot = self.of.get(name)
        if slot is None:
            if self._free:
                slot = self._free.pop()
                self.since[slot] = time
            else:
                slot = len(self.since)
                self.since.append(time)
                self._last.append(time)
            self.of[name] = slot
        self._last[slot] = time
        return slot

    def forget(self, before: float) -> None:
        """Let go of names that were not seen since then."""
        gone = [name for name, slot in self.of.items() if self._last[slot] < before]
        for name in gone:
            self._free.append(self.of.pop(name))


class Seen:
    """The readings of every node and running job in the snapshots so far; any thread may ask.

    Args:
        most_frames: See `MOST_FRAMES`.
        most_bytes: See `MOST_BYTES`.
    """

    def __init__(self, most_frames: int = MOST_FRAMES, most_bytes: int = MOST_BYTES) -> None:
        self._most_frames, self._most_bytes = most_frames, most_bytes
        self._frames: list[_Frame] = []
        self._slots = {"node": _Slots(), "job": _Slots()}
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """What the frames take."""
        return sum(frame.bytes for frame in self._frames)

    @property
    def times(self) -> tuple[float, ...]:
        """When the frames were taken, in Unix seconds, oldest first."""
        with self._lock:
            return tuple(frame.time for frame in self._frames)

    @property
    def jobs(self) -> tuple[str, ...]:
        """The ids of the jobs that anything was seen of."""
        with self._lock:
            return tuple(self._slots["job"].of)

    @property
    def began(self) -> float | None:
        """When the first frame was taken, in Unix seconds."""
        frames = self._frames
        return frames[0].time if frames else None

    def add(self, snapshot: Snapshot, longest_pause: float, part: Snapshot | None = None) -> None:
        """Take a snapshot in. One that is not newer than the last takes the place of those after it.

        Args:
            snapshot: The whole cluster.
            longest_pause: Seconds; after a longer time without a snapshot there is a gap.
            part: What of the snapshot is new, where the rest is older.
        """
        time = snapshot.timestamp
        new = part or snapshot
        nodes = {name: node_readings(node) for name, node in new.nodes.items()}
        jobs = {
            job_id: job_readings(job, snapshot.nodes)
            for job_id in new.jobs
            if (job := snapshot.jobs.get(job_id)) is not None and job.is_running
        }
        with self._lock:
            while self._frames and self._frames[-1].time >= time:
                self._frames.pop()
            columns = {"node": self._columns("node", nodes, time), "job": self._columns("job", jobs, time)}
            size = sum(column.bytes for table in columns.values() for column in table.values())
            follows = bool(self._frames) and time - self._frames[-1].time <= longest_pause
            self._frames.append(_Frame(time, follows, part is not None, columns, size))
            self._slots["job"].forget(time - REMEMBERED)
            self._slots["node"].forget(time - 86400)
            self._thin_out(time)

    def _columns(self, kind: str, known: Mapping[str, Known], time: float) -> dict[str, ReadingColumn]:
        slots = self._slots[kind]
        places = {name: slots.take(name, time) for name, readings in known.items() if readings}
        return {
            reading: ReadingColumn(*column, slots.size)
            for reading, column in by_reading(known, places).items()
        }

    def _thin_out(self, now: float) -> None:
        """Drop the frames that are missed least: those that lie closest to others for their age."""
        frames = self._frames
        size = sum(frame.bytes for frame in frames)
        while len(frames) > 3 and (len(frames) > self._most_frames or size > self._most_bytes):
            place = min(
                range(1, len(frames) - 1),
                key=lambda at: (frames[at + 1].time - frames[at - 1].time) / (now - frames[at].time + NEAR),
            )
            dropped = frames.pop(place)
            size -= dropped.bytes
            following = frames[place]
            if following.follows and not dropped.follows:
                frames[place] = replace(following, follows=False)

    def series(self, requests: Iterable[SeriesRequest]) -> list[Series | None]:
        """What was seen of each request; ``None`` where that reading was never seen then."""
        requests = list(requests)
        with self._lock:
            frames = list(self._frames)
            found = [
                (self._slots[request.kind].of.get(request.name), self._since(request.kind, request.name))
                for request in requests
            ]
        return [
            None if slot is None else _series(frames, request, slot, since)
            for request, (slot, since) in zip(requests, found, strict=True)
        ]

    def _since(self, kind: str, name: str) -> float:
        slots = self._slots[kind]
        slot = slots.of.get(name)
        return math.inf if slot is None else slots.since[slot]

    def recent(self, seconds: float, most: int) -> Seen:
        """A small copy of the last frames, at most so many, evenly spread; later frames do not change it."""
        part = Seen()
        with self._lock:
            newest = self._frames[-1].time if self._frames else 0.0
            frames = [frame for frame in self._frames if frame.time >= newest - seconds]
            step = max(1, math.ceil(len(frames) / most))
            first = (len(frames) - 1) % step
            part._frames = [
                replace(
                    frames[at], follows=all(one.follows for one in frames[max(0, at - step + 1) : at + 1])
                )
                for at in range(first, len(frames), step)
            ]
            # Names still come and go in these: they are looked up under the same lock.
            part._slots, part._lock = self._slots, self._lock
        return part


def _series(frames: Sequence[_Frame], request: SeriesRequest, slot: int, since: float) -> Series | None:
    unit = unit_of(request.reading)
    begin = max(since, request.start)
    first = max(0, bisect_left(frames, begin, key=lambda frame: frame.time))
    if first and frames[first - 1].time >= since:
        first -= 1  # What was measured just before holds into the beginning.
    times: list[float] = []
    values: list[float | None] = []
    known = False
    for frame in frames[first:]:
        if frame.time > request.end:
            break
        column = frame.columns[request.kind].get(request.reading)
        value = column.value(slot) if column is not None else None
        if value is None and frame.partial:
            continue
        if times and not frame.follows:
            times.append(times[-1] + 1e-3)
            values.append(None)
        times.append(frame.time)
        values.append(None if value is None else value / scale_of(request.reading))
        known = known or value is not None
    return Series(times=tuple(times), values=tuple(values), unit=unit) if known else None
