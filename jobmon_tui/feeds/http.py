"""Snapshots that a web service offers: ``jobmon serve``, or an existing installation's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from jobmon_tui.errors import SourceError
from jobmon_tui.feeds.base import Backfill, Feed
from jobmon_tui.feeds.http_client import HttpClient, HttpOptions
from jobmon_tui.feeds.http_past import HttpPast
from jobmon_tui.model import wire
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot, Usage

USUAL_PACE = 30.0
"""Seconds between two snapshots of a collector, until it is seen."""


class HttpFeed(Feed):
    """The snapshots of a web service.

    The newest one is asked for with what is known of it already, so that a server which knows ETags sends
    nothing twice; from one that does not, the same bytes give the same snapshot without being read again.

    Args:
        options: Where the service is and how it is asked.

    Raises:
        UsageError: The address is none.
    """

    kind = "live"
    written_every = USUAL_PACE

    def __init__(self, options: HttpOptions) -> None:
        self._client = HttpClient(options)
        self._past = HttpPast(self._client)
        self._newest: Snapshot | None = None
        self._etag: str | None = None
        self._digest = b""
        self.title = f"http {self._client.host}"

    def open(self) -> None:
        """Load what is heavy to load, and look at secrets and certificates; asks nothing yet.

        Raises:
            SourceError: A secret or the certificates cannot be read.
        """
        import jobmon_tui.sources.http  # noqa: F401

        self._client.check()

    def latest(self) -> Snapshot:
        """The newest snapshot: the same object as long as the server has no other.

        Raises:
            SnapshotError: The answer is no snapshot, or one of a version that cannot be read.
            SourceError: It could not be had; the message says why.
        """
        path = "/data.py"
        reply = self._client.fetch("present", path, etag=self._etag)
        if reply.body is None:
            if self._newest is None:
                raise SourceError(f"{self._client.host} says that nothing has changed, but nothing was known")
            return self._newest
        digest = hashlib.blake2b(reply.body).digest()
        if self._newest is None or digest != self._digest:
            self._etag = None
            self._newest = self._client.snapshot(reply.body, path)
            self._digest = digest
            self._past.note(self._newest)
            self.written_every = self._past.step or USUAL_PACE
        self._etag = reply.etag
        return self._newest

    def backfill(self) -> Backfill:
        """Free slots, as the collector there calculated them; empty where the service does not tell.

        Raises:
            SnapshotError: The answer is no such document.
            SourceError: It could not be had; the message says why.
        """
        from jobmon_tui.sources.http import RefusedError

        path = "/backfill.py"
        try:
            document = self._client.document("present", path)
        except RefusedError as error:
            if error.status == 404:
                return {}
            raise
        return wire.backfill_from_document(document, self._client.origin(path))

    def at(self, time: float) -> Snapshot:
        """The snapshot nearest to that instant, of those that the service has.

        Raises:
            SnapshotError: The answer is no snapshot.
            SourceError: It could not be had; the message says why.
        """
        return self._past.at(time)

    def timeline(self) -> tuple[float, ...]:
        """The instants that the service has snapshots of, asked for now and then.

        Raises:
            JobmonError: It was never answered; the message says why.
        """
        return self._past.timeline()

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        """The snapshots of that time without pending jobs, oldest first; of very many, some evenly spread.

        Raises:
            JobmonError: None of them could be had; the message says why.
        """
        return self._past.window(time, seconds)

    def history(self) -> Mapping[float, Usage]:
        """Core usage by Unix time, as the collector there kept it, asked for now and then.

        Raises:
            JobmonError: It was never answered; the message says why.
        """
        return self._past.history()

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What our own server has stored; of an older installation, what a few of its snapshots tell.

        Raises:
            JobmonError: It could not be had; the message says why.
        """
        return self._past.series(requests)

    def close(self) -> None:
        """End what is under way; later calls raise SourceError."""
        self._client.close()
