"""``jobmon serve``: the documents of a feed over HTTP/1.1, to be read by jobmon and by web front ends.

Small on purpose: two methods, six paths, no file that is named by whoever asks. Each connection has a thread
and a deadline for whatever it is doing, so that one which drips a byte a second is gone soon; when there are
too many, those that have been idle longest make room. This module loads http.server: import it late.
"""

from __future__ import annotations

import logging
import re
import socket
import threading
import time as clock
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from io import BufferedReader, RawIOBase
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from jobmon_tui import __version__
from jobmon_tui.errors import JobmonError, UsageError
from jobmon_tui.feeds.documents import Document, Documents, NoSuchDocumentError, QuestionError
from jobmon_tui.feeds.server_connections import Connections
from jobmon_tui.model.text import printable

FIRST_SECONDS = 10.0
"""Seconds within which a new connection must have asked something."""
IDLE_SECONDS = 60.0
"""Seconds for which a connection may stay open between two questions."""
HEAD_SECONDS = 10.0
"""Seconds within which a question must have arrived, from its first byte."""
MOST_HEAD = 16 * 1024
"""Bytes of a question."""
LONGEST_LINE = 8 * 1024
"""Bytes of its first line."""
MOST_FIELDS = 80
PARTING_SECONDS = 1.0
"""Seconds that whoever was refused has to notice."""
MOST_PARTING = 1024 * 1024
"""Bytes that are taken meanwhile."""
LEAST_RATE = 4 * 1024
"""Bytes a second at which an answer must be taken, on the average."""
STOP_SECONDS = 5.0
"""Seconds for which answers under way may go on when the server stops."""

_log = logging.getLogger(__name__)


class DocumentServer:
    """Serves documents until it is stopped.

    Args:
        documents: What is served.
        host: The address to listen at.
        port: The port; 0 for any that is free.
        most_connections: How many may be open at once.

    Raises:
        UsageError: It cannot listen there; the message says why.
    """

    def __init__(self, documents: Documents, host: str, port: int, most_connections: int = 256) -> None:
        self._connections = Connections(most_connections)
        try:
            self._listener = _Listener((host, port), self._connections, documents)
        except (OSError, OverflowError) as error:
            words = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"jobmon cannot listen at {host}:{port}: {words}",
                "Another program may listen there already, or the address is none of this machine's.",
            ) from None
        self._thread = threading.Thread(target=self._listener.serve_forever, name="jobmon-serve", daemon=True)
        bound = self._listener.server_address
        shown = f"[{bound[0]!s}]" if ":" in str(bound[0]) else str(bound[0])
        self.url = f"http://{shown}:{bound[1]}/"
        """Where it answers."""

    def start(self) -> None:
        """Begin to serve, in threads of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, let answers under way go on for a moment, and close all connections."""
        with suppress(OSError):
            # Wakes it at once, in place of its next look around.
            self._listener.socket.shutdown(socket.SHUT_RDWR)
        self._listener.shutdown()
        self._listener.server_close()
        self._connections.close_all(STOP_SECONDS)


class _Listener(ThreadingMixIn, TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], connections: Connections, documents: Documents) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.connections = connections
        self.documents = documents
        self.failures: dict[str, str] = {}
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.connections.admit(request):
            super().process_request(request, client_address)
            return
        with suppress(OSError):
            request.settimeout(0.1)
            request.sendall(
                b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n\r\n"
            )
        self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        self.connections.leave(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.exception("a connection failed in a way that was not foreseen")

    def tell(self, path: str, words: str) -> None:
        """Log that a document cannot be had (or, without words, that it can), once."""
        if self.failures.get(path, "") != words:
            self.failures[path] = words
            if words:
                _log.warning("%s cannot be served: %s", path, words)
            else:
                _log.info("%s is served again", path)


class _TooLargeError(OSError):
    """More has come than a question needs."""


class _Timed(RawIOBase):
    """What arrives on a socket, up to a deadline and a number of bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._until = 0.0
        self._left = 0

    def expect(self, seconds: float, most: int) -> None:
        """Let that many bytes come within that time."""
        self._until, self._left = clock.monotonic() + seconds, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._until - clock.monotonic()
        if left <= 0:
            raise TimeoutError
        if self._left <= 0:
            raise _TooLargeError
        self._connection.settimeout(left)
        count = self._connection.recv_into(buffer, min(len(buffer), self._left))
        self._left -= count
        return count


class _Handler(BaseHTTPRequestHandler):
    """One connection. The base class reads the head of a question; what it prints itself is left out."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._own = cast(_Listener, self.server)
        self._timed = _Timed(self.connection)
        self._asked = 0
        self.rfile = BufferedReader(self._timed, 4096)

    def handle_one_request(self) -> None:
        """Wait for a question and answer it."""
        connections = self._own.connections
        try:
            self._timed.expect(IDLE_SECONDS if self._asked else FIRST_SECONDS, MOST_HEAD)
            connections.mark_idle(self.connection)
            if not cast(BufferedReader, self.rfile).peek(1):
                self.close_connection = True
                return
            self._timed.expect(HEAD_SECONDS, MOST_HEAD)
            self.raw_requestline = self.rfile.readline(LONGEST_LINE + 1)
            if len(self.raw_requestline) > LONGEST_LINE:
                self.requestline, self.request_version, self.command = "", "HTTP/1.1", ""
                self.send_error(414)
                return
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            connections.mark_busy(self.connection)
            self._asked += 1
            if connections.is_crowded:
                self.close_connection = True
            self._answer()
        except _TooLargeError:
            with suppress(OSError):
                self.send_error(431)
        except OSError:
            # Too slow, or gone: there is nobody to tell.
            self.close_connection = True

    def version_string(self) -> str:
        """What the Server header says."""
        return f"jobmon/{__version__}"

    def log_message(self, format: str, *args: Any) -> None:
        """Keep each question out of the log: there is one every few seconds for each reader."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse in words. The base class calls this for what it cannot read, and then hangs up."""
        self.close_connection = True
        # Of a question that could not be read, the version was not either.
        self.request_version = "HTTP/1.1"
        words = message or self.responses.get(code, ("refused", ""))[0]
        self._send_text(code, printable(words, 200))
        self._part_gently()

    def _part_gently(self) -> None:
        """Take what is still coming: a connection closed on it would take the answer away, too."""
        self._own.connections.mark_idle(self.connection)
        self.connection.shutdown(socket.SHUT_WR)
        self._timed.expect(PARTING_SECONDS, MOST_PARTING)
        with suppress(OSError):
            while self._timed.read(MOST_HEAD):
                pass

    def _answer(self) -> None:
        if self.request_version == "HTTP/0.9" or self.command not in ("GET", "HEAD"):
            self.send_error(405, "only GET and HEAD are answered")
            return
        if self.headers.get("Transfer-Encoding") or self.headers.get("Content-Length", "0").strip() != "0":
            # What is not read would be taken for the next question.
            self.send_error(413, "a question has no body")
            return
        try:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError:
            self.send_error(400, "the address makes no sense")
            return
        if parts.path in ("", "/"):
            self._send_text(200, self._introduction())
            return
        self._send_document(parts.path, query)

    def _send_document(self, path: str, query: dict[str, list[str]]) -> None:
        try:
            document = self._own.documents.answer(path, query)
            packed = accepts_gzip(self.headers.get("Accept-Encoding", ""))
            size = len(document.packed) if packed else document.plain_size
        except NoSuchDocumentError as error:
            self._send_text(404, error.message)
            return
        except QuestionError as error:
            self._send_text(400, error.message)
            return
        except JobmonError as error:
            # Where the server keeps its files is nobody's business but its own log's.
            self._own.tell(path, error.message)
            self._send_text(503, f"{path[1:]} is not to be had now; the server's log says why", "10")
            return
        except Exception:
            _log.exception("%s failed", path)
            self._own.tell(path, "a fault of jobmon's, see above")
            self._send_text(500, "a fault of jobmon's; the server's log has more")
            return
        self._own.tell(path, "")
        self._send(document, packed, size)

    def _send(self, document: Document, packed: bool, size: int) -> None:
        # The two forms are not the same bytes, so they have not the same etag.
        etag = f'"{document.digest}-gzip"' if packed else f'"{document.digest}"'
        is_known = is_listed(etag, self.headers.get("If-None-Match", ""))
        self.send_response(304 if is_known else 200)
        self.send_header("ETag", etag)
        self.send_header("Vary", "Accept-Encoding")
        self.send_header("Cache-Control", "no-cache")
        if not is_known:
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Content-Length", str(size))
            if packed:
                self.send_header("Content-Encoding", "gzip")
        without_body = is_known or self.command == "HEAD"
        pieces = iter(()) if without_body else iter((document.packed,)) if packed else document.pieces()
        self._write(pieces, 0 if without_body else size)

    def _send_text(self, code: int, text: str, retry_after: str = "") -> None:
        body = f"{text}\n".encode("utf-8", "replace")
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Length", str(len(body)))
        if code == 405:
            self.send_header("Allow", "GET, HEAD")
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self._write(iter(() if self.command == "HEAD" else (body,)), len(body))

    def _write(self, pieces: Iterator[bytes], size: int) -> None:
        """Send the head that was prepared and what follows, in the time that a slow line needs."""
        if self.close_connection:
            self.send_header("Connection", "close")
        until = clock.monotonic() + FIRST_SECONDS + size / LEAST_RATE
        self.connection.settimeout(FIRST_SECONDS)
        self.end_headers()
        for piece in pieces:
            self.connection.settimeout(max(0.001, until - clock.monotonic()))
            # That is the time for the whole of it, not for each of its packets.
            self.connection.sendall(piece)

    def _introduction(self) -> str:
        documents = "\n".join(f"  {name}" for name in self._own.documents.names)
        return (
            f"This is jobmon {__version__}, serving snapshots of a Slurm cluster.\n\n"
            f"Documents, for jobmon --url and for web front ends:\n{documents}\n\n"
            "data.py takes ?time=, history.py and timeline.py take ?from= and ?to= (Unix seconds)."
        )


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header lets gzip come."""
    accepted: dict[str, bool] = {}
    for part in header.lower().split(","):
        coding, _, parameters = part.partition(";")
        accepted[coding.strip()] = not re.search(r"\bq\s*=\s*0(\.0*)?\s*(;|$)", parameters)
    return accepted.get("gzip", accepted.get("x-gzip", accepted.get("*", False)))


def is_listed(etag: str, header: str) -> bool:
    """Whether an If-None-Match header has this etag."""
    return header.strip() == "*" or etag in [one.strip().removeprefix("W/") for one in header.split(",")]
