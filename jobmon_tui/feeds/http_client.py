"""Fetching documents of jobmon's from a web service: our own server's, or an older installation's."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jobmon_tui.config_rules import Url
from jobmon_tui.errors import SourceError, UsageError
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.model.text import printable
from jobmon_tui.sources.secrets import SecretPlace, authorization

if TYPE_CHECKING:
    from jobmon_tui.sources.http import HttpServer, Reply

MOST_BYTES = 256 * 1024 * 1024
"""Bytes of one document, compressed or not: a cluster of 10,000 nodes and 50,000 jobs needs 100 MB."""
MOST_REDIRECTS = 4
PATIENCE = 10.0
"""Seconds that a connection may take, and that the server may be silent."""

NOWHERE = SecretPlace()
_PAGES = ("text/html", "application/xhtml+xml")
_LONGEST_ETAG = 256


class OtherPageError(SourceError):
    """There is an answer, but it is a page for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """Where the service is and how it is asked."""

    url: str
    """What stands before ``/data.py``; without user and password, which have options of their own."""
    user: str = ""
    """For basic authentication, together with a password."""
    password: SecretPlace = NOWHERE
    """Where the user's password is kept."""
    token: SecretPlace = NOWHERE
    """Where a bearer token is kept; it comes before user and password."""
    ca_file: Path | None = None
    """The certificate authorities to trust in place of the usual ones."""
    timeout: float = 20.0
    """Seconds for one document, everything included."""
    most_bytes: int = MOST_BYTES
    """Bytes of one document after which it is given up."""


class HttpClient:
    """Fetches documents; any thread may.

    Args:
        options: Where the service is and how it is asked.

    Raises:
        UsageError: The address is none.
    """

    def __init__(self, options: HttpOptions) -> None:
        self.options = options
        self.host = _host_of(options.url)
        """The server's name, for titles and messages."""
        self._known: dict[str, tuple[str | None, object]] = {}
        self._servers: dict[str, HttpServer] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def check(self) -> None:
        """Look at what is needed before anything can be asked.

        Raises:
            SourceError: A secret or the certificates cannot be read.
        """
        self._authorization()
        self._verify()

    def fetch(
        self, errand: str, path: str, *, etag: str | None = None, seconds: float | None = None
    ) -> Reply:
        """Fetch a document.

        Args:
            errand: What it is for. Each errand has a connection of its own, so that the present need not
                wait for the past.
            path: What is asked behind the address: ``/data.py?time=1600989635``.
            etag: What is known already.
            seconds: The time for it, if not that of the options.

        Raises:
            RefusedError: The server has it not, or does not give it away.
            OtherPageError: The answer is a page for people: of a proxy, a login, another service.
            SourceError: It could not be had; the message says why.
        """
        from jobmon_tui.sources.http import Question, Reply

        # Read anew each time, so that a renewed secret is taken up.
        question = Question(path=path, authorization=self._authorization(), etag=etag, accepts_gzip=True)
        reply = self._server(errand).fetch(question, seconds or self.options.timeout)
        if reply.body is not None and (reply.kind in _PAGES or reply.body[:64].lstrip().startswith(b"<")):
            raise OtherPageError(
                f"{self.host} answers with a web page in place of {path.partition('?')[0][1:]}",
                f"a proxy or a login page is in the way, or {self.options.url} is another service",
            )
        return Reply(reply.body, _safe_etag(reply.etag), reply.kind)

    def document(self, errand: str, path: str, *, seconds: float | None = None) -> object:
        """Fetch a document and parse it, unless it is as it was; arguments and errors as in `fetch`.

        Raises:
            SnapshotError: It is no JSON.
        """
        etag, known = self._known.get(path, (None, None))
        reply = self.fetch(errand, path, etag=etag, seconds=seconds)
        if reply.body is None:
            return known
        document = self._parsed(reply.body, path)
        # Those with a question mark are of one time only, and there is no end of them.
        if "?" not in path:
            self._known[path] = (reply.etag, document)
        return document

    def snapshot(self, body: bytes, path: str, *, with_queue: bool = True) -> Snapshot:
        """Read the snapshot in what `fetch` brought.

        Raises:
            SnapshotError: It is none.
        """
        return wire.snapshot_from_document(self._parsed(body, path), self.origin(path), with_queue=with_queue)

    def origin(self, path: str) -> str:
        """What a document is called in messages: the server and the document, nothing that is secret."""
        return f"{self.host}{path}"

    def close(self) -> None:
        """End what is under way, from whichever thread; later calls raise SourceError."""
        with self._lock:
            self._is_closed = True
            servers = list(self._servers.values())
        for server in servers:
            server.close()

    def _parsed(self, body: bytes, path: str) -> object:
        return wire.decode_json(body, self.origin(path), largest=self.options.most_bytes)

    def _server(self, errand: str) -> HttpServer:
        from jobmon_tui.sources.http import HttpServer

        options = self.options
        verify = self._verify()
        with self._lock:
            server = self._servers.get(errand)
            if server is None:
                server = self._servers[errand] = HttpServer(
                    self.host,
                    options.url,
                    verify,
                    options.most_bytes,
                    patience=min(PATIENCE, options.timeout),
                    most_redirects=MOST_REDIRECTS,
                    use_proxies=True,
                )
                if self._is_closed:
                    server.close()
            return server

    def _verify(self) -> bool | str:
        path = self.options.ca_file
        if path is None:
            return True
        import ssl

        try:
            ssl.create_default_context(cafile=str(path.expanduser()))
        except OSError as error:
            # An SSLError is an OSError, and tells of the file's content in OpenSSL's own terms.
            why = "holds no certificates" if isinstance(error, ssl.SSLError) else error.strerror
            raise SourceError(
                f"ca_file: {printable(path)}: {why}", "It takes certificates in PEM form, one or several."
            ) from None
        return str(path.expanduser())

    def _authorization(self) -> str | None:
        options = self.options
        return authorization(self.host, token=options.token, user=options.user, password=options.password)


def _host_of(url: str) -> str:
    complaint = Url().complaint(url)
    if not complaint:
        parts = urlsplit(url)
        if not parts.query and not parts.fragment:
            return str(parts.hostname)
        complaint = "must not hold a ? or #"
    raise UsageError(f"the url of the feed {complaint}", "Write it like https://jobs.example.org/jobmon")


def _safe_etag(etag: str | None) -> str | None:
    """An etag that may be sent back in a header as it is."""
    if etag is None or not 0 < len(etag) <= _LONGEST_ETAG:
        return None
    return etag if etag.isascii() and etag.isprintable() else None
