"""The documents that ``jobmon serve`` offers, made from any feed; of a spool, the files' own bytes.

Nothing that is asked ever becomes a path: a document has one of six names, and a file one of three, or one
that is made of an instant of the feed's own timeline.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
import time as clock
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.feeds.spool_files import BACKFILL, HISTORY, NEWEST
from jobmon_tui.model import wire
from jobmon_tui.model.series import SeriesRequest
from jobmon_tui.model.snapshot import Snapshot, Usage
from jobmon_tui.model.text import printable
from jobmon_tui.model.wire_past import series_document, timeline_document

MOST_KEPT = 64 * 1024 * 1024
"""Bytes of documents, compressed, that are kept to be sent again."""
MOST_READINGS = 64
"""Readings in one question for series."""
LONGEST_NAME = 256
MOST_POINTS = 5000
CHUNK = 64 * 1024

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)
_GZIP = 16 + zlib.MAX_WBITS
_MAGIC = b"\x1f\x8b"

Query = Mapping[str, Sequence[str]]
_Version = tuple[int, int, int]


class NoSuchDocumentError(JobmonError):
    """Nothing of that name is offered."""


class QuestionError(JobmonError):
    """What is asked for makes no sense."""


@dataclass(frozen=True)
class Document:
    """JSON as it is kept and sent."""

    packed: bytes
    """Compressed with gzip."""

    @cached_property
    def digest(self) -> str:
        """What tells its content from any other."""
        return hashlib.blake2b(self.packed, digest_size=16).hexdigest()

    @cached_property
    def plain_size(self) -> int:
        """Bytes that it unpacks to; counted without keeping them.

        Raises:
            SnapshotError: It is damaged.
        """
        return sum(map(len, self.pieces()))

    def pieces(self) -> Iterator[bytes]:
        """What it unpacks to, piece by piece.

        Raises:
            SnapshotError: It is damaged.
        """
        unpacker = zlib.decompressobj(_GZIP)
        rest = self.packed
        try:
            while rest and not unpacker.eof:
                if piece := unpacker.decompress(rest, CHUNK):
                    yield piece
                rest = unpacker.unconsumed_tail
            while piece := unpacker.decompress(b"", CHUNK):
                yield piece
        except zlib.error:
            raise SnapshotError("a document of the spool is damaged") from None
        if not unpacker.eof:
            raise SnapshotError("a document of the spool ends too early")


class Documents:
    """Makes documents of a feed's snapshots; any thread may ask.

    The feed is asked by one at a time, and one that asks the outside world no more often than its interval.

    Args:
        feed: Opened; whoever opened it closes it.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        # A folder that is not there yet may come.
        self._folder = feed.folder if isinstance(feed, SpoolFeed) and not feed.folder.is_file() else None
        # A folder costs nothing to look into; anything else may cost somebody something.
        self._pace = 0.0 if isinstance(feed, SpoolFeed) else feed.interval
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._kept: OrderedDict[object, Document] = OrderedDict()
        self._present: tuple[Snapshot, Document] | None = None
        self._usage: tuple[Document | None, Mapping[float, Usage]] | None = None
        self._due: dict[str, float] = {}
        self._last: dict[str, Document | JobmonError] = {}
        self._offered: Mapping[str, Callable[[Query], Document]] = {
            "/data.py": self._data,
            "/history.py": self._history,
            "/backfill.py": self._backfill,
            "/timeline.py": self._timeline,
            "/series.py": self._series,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The paths of all documents."""
        return tuple(self._offered)

    def answer(self, path: str, query: Query) -> Document:
        """The document of that path.

        Args:
            path: As in the address: ``/data.py``.
            query: What stood behind the question mark, name to values.

        Raises:
            NoSuchDocumentError: There is none.
            QuestionError: The query makes no sense.
            JobmonError: It cannot be had now.
        """
        make = self._offered.get(path)
        if make is None:
            raise NoSuchDocumentError("there is no such document")
        return make(query)

    def _data(self, query: Query) -> Document:
        time = _number(query, "time")
        if time is not None:
            return self._at(time)
        if self._folder is not None and (document := self._file(self._folder / NEWEST)) is not None:
            return document
        return self._paced("data", self._newest)

    def _newest(self) -> Document:
        snapshot = self._feed.latest()
        if self._present is None or self._present[0] is not snapshot:
            self._present = snapshot, Document(wire.encode(snapshot))
        return self._present[1]

    def _at(self, time: float) -> Document:
        with self._turn:
            times = self._feed.timeline()
        if not times:
            # A feed without a past would ask the outside world each time.
            return self._data({})
        with self._turn:
            nearest = min(times, key=lambda one: abs(one - time))
            if time <= times[-1] or self._folder is None:
                if self._folder is not None and nearest == int(nearest):
                    document = self._file(self._folder / f"data{int(nearest)}.json.gz")
                    if document is not None:
                        return document
                return self._made(("at", nearest), lambda: wire.encode(self._feed.at(nearest)))
            # Behind the last numbered file there may be the newest one.
            snapshot = self._feed.at(time)
            return self._made(("at", snapshot.timestamp), lambda: wire.encode(snapshot))

    def _history(self, query: Query) -> Document:
        first, last = _number(query, "from"), _number(query, "to")
        path = None if self._folder is None else self._folder / HISTORY
        if first is None and last is None and path is not None and (document := self._file(path)) is not None:
            return document
        with self._turn:
            # Each reader asks for what is new to them: it must not be read again for each of them.
            file = None if path is None else self._file(path)
            if file is None or self._usage is None or self._usage[0] is not file:
                self._usage = file, self._feed.history()
            known = self._usage[1]
        usage = {
            time: one
            for time, one in known.items()
            if (first is None or time >= first) and (last is None or time <= last)
        }
        return Document(wire.encode_json(wire.history_document(usage)))

    def _backfill(self, query: Query) -> Document:
        if self._folder is not None and (document := self._file(self._folder / BACKFILL)) is not None:
            return document

        def make() -> Document:
            slots = self._feed.backfill()
            return Document(
                wire.encode_json(wire.backfill_document({name: dict(one) for name, one in slots.items()}))
            )

        return self._paced("backfill", make)

    def _timeline(self, query: Query) -> Document:
        first, last = _number(query, "from"), _number(query, "to")
        with self._turn:
            times = self._feed.timeline()
        chosen = [
            time for time in times if (first is None or time >= first) and (last is None or time <= last)
        ]
        return Document(wire.encode_json(timeline_document(chosen)))

    def _series(self, query: Query) -> Document:
        requests = _series_requests(query)
        with self._turn:
            series = self._feed.series(requests)
        return Document(wire.encode_json(series_document(series)))

    def _paced(self, name: str, make: Callable[[], Document]) -> Document:
        """What was made a moment ago (or how that failed), or made anew when it is time."""
        with self._turn:
            last = self._last.get(name)
            if last is None or clock.monotonic() >= self._due[name]:
                try:
                    last = make()
                except JobmonError as error:
                    last = error
                self._last[name] = last
                self._due[name] = clock.monotonic() + self._pace
        if isinstance(last, JobmonError):
            raise last
        return last

    def _made(self, key: object, encode: Callable[[], bytes]) -> Document:
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
        return self._keep(key, Document(encode()))

    def _keep(self, key: object, document: Document) -> Document:
        with self._lock:
            self._kept[key] = document
            while len(self._kept) > 1 and sum(len(one.packed) for one in self._kept.values()) > MOST_KEPT:
                self._kept.popitem(last=False)
        return document

    def _file(self, path: Path) -> Document | None:
        """A file's content, from memory if it is as it was; ``None`` where there is no such file.

        Raises:
            SnapshotError: It cannot be read.
        """
        try:
            # Not to wait for ever on a pipe that somebody put there.
            number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(number, "rb") as file:
                status = os.fstat(number)
                if not stat.S_ISREG(status.st_mode):
                    raise SnapshotError(f"{printable(path)}: not a file")
                version: _Version = (status.st_mtime_ns, status.st_size, status.st_ino)
                with self._lock:
                    known = self._kept.get((path, version))
                    if known is not None:
                        self._kept.move_to_end((path, version))
                        return known
                content = file.read(wire.LARGEST_DOCUMENT + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SnapshotError(f"{printable(path)}: cannot be read: {error.strerror}") from error
        if len(content) > wire.LARGEST_DOCUMENT:
            raise SnapshotError(f"{printable(path)}: too large")
        if content[:2] != _MAGIC:
            import gzip

            content = gzip.compress(content, compresslevel=6, mtime=0)
        with self._lock:
            # Only the newest version of a file will be asked for again.
            for key in [one for one in self._kept if isinstance(one, tuple) and one[0] == path]:
                del self._kept[key]
        return self._keep((path, version), Document(content))


def _number(query: Query, name: str) -> float | None:
    """A number of the query; ``None`` where it is not given.

    Raises:
        QuestionError: It is none.
    """
    values = query.get(name, ())
    if not values or values == [""]:
        return None
    if len(values) > 1 or not _NUMBER.fullmatch(values[0]):
        raise QuestionError(f"{name} must be a time in Unix seconds")
    return float(values[0])


def _series_requests(query: Query) -> list[SeriesRequest]:
    kinds, names, readings = query.get("kind", ()), query.get("name", ()), query.get("reading", ())
    start, end = _number(query, "start"), _number(query, "end")
    points = _number(query, "points")
    if len(kinds) != 1 or kinds[0] not in ("node", "job") or len(names) != 1 or start is None or end is None:
        raise QuestionError("series needs kind (node or job), name, reading, start and end")
    if not 0 < len(readings) <= MOST_READINGS or any(len(one) > LONGEST_NAME for one in (*names, *readings)):
        raise QuestionError(f"series takes 1 to {MOST_READINGS} readings")
    kind: Literal["node", "job"] = "node" if kinds[0] == "node" else "job"
    return [
        SeriesRequest(
            kind=kind,
            name=names[0],
            reading=reading,
            start=start,
            end=end,
            points=max(2, min(MOST_POINTS, int(points or 500))),
        )
        for reading in readings
    ]
