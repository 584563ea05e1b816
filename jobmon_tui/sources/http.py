"""Asking an HTTP server: bounded in time and size, ended from any thread, failures in words.

This module loads requests, which takes a while: import it when there is something to ask, not before.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from urllib3 import disable_warnings
from urllib3.exceptions import InsecureRequestWarning

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.http_line import Line
from jobmon_tui.sources.http_words import (
    RefusedError,
    ServerError,
    TooSlowError,
    explained,
    refusal,
    too_slow,
    without_credentials,
)

__all__ = ["HttpServer", "Question", "RefusedError", "Reply", "ServerError", "TooSlowError"]

T = TypeVar("T")

CHUNK = 64 * 1024
"""Bytes that are read and decoded at a time: decoding more would hold up the drawing thread."""

_REDIRECTS = (301, 302, 303, 307, 308)
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked."""

    path: str
    """Behind the server's address, with its query: ``/api/v1/query``."""
    fields: Mapping[str, str] | None = None
    """Sent as a form (POST); ``None``: it is a plain GET."""
    authorization: str | None = None
    """The header of that name."""
    etag: str | None = None
    """What is known already: the answer may be that it is still so."""
    accepts_gzip: bool = False
    """Whether the answer may come compressed."""

    @property
    def headers(self) -> dict[str, str]:
        """Those that are sent, without the authorization."""
        headers = {
            "Accept-Encoding": "gzip" if self.accepts_gzip else "identity",
            "Accept": "application/json",
        }
        if self.etag is not None:
            headers["If-None-Match"] = self.etag
        return headers


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    body: bytes | None
    """Uncompressed; ``None``: what the etag stands for is still so."""
    etag: str | None
    kind: str
    """Its media type without parameters, in lower case: ``application/json``; empty where it is not said."""


class _Exchange(Generic[T]):
    """One question on its way, in a thread of its own."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.over = threading.Event()
        self.answer: T | None = None
        self.error: BaseException | None = None


class HttpServer:
    """Asks one server one question at a time; further threads wait for their turn.

    Args:
        title: The server in a user's words: ``Prometheus``.
        address: Its address, without credentials, with the path (if any) in front of the questions' paths.
        verify: Whether to check its certificate; or the file with the authorities to check it by.
        most_bytes: Bytes of one answer after which it is given up.
        patience: Seconds that a connection may take, and that it may be silent; by default the whole time.
        most_redirects: How often it may send on to another address; never from https to http.
        use_proxies: Whether to go through the proxies that the environment names.
    """

    def __init__(
        self,
        title: str,
        address: str,
        verify: bool | str,
        most_bytes: int,
        *,
        patience: float | None = None,
        most_redirects: int = 0,
        use_proxies: bool = False,
    ) -> None:
        self._title = title
        self._address = address.rstrip("/")
        self._verify = verify
        self._most_bytes = most_bytes
        self._patience = patience
        self._most_redirects = most_redirects
        self._use_proxies = use_proxies
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._line: Line | None = None
        self._exchange: _Exchange[Any] | None = None
        self._is_closed = False
        if verify is False:
            # It would be printed across the screen, for what the user has chosen.
            disable_warnings(InsecureRequestWarning)

    def ask(self, question: Question, seconds: float, read: Callable[[Iterator[bytes]], T]) -> T:
        """Ask a question and read its answer.

        Args:
            question: What is asked.
            seconds: The time for everything: its turn, connection, question and answer.
            read: Makes something of the pieces of the answer, in another thread.

        Raises:
            ServerError: The server is out of reach, refuses the credentials, or `close` was called.
            TooSlowError: The time is up.
            SourceError: It answered with an error, or with too much.
        """
        return self._in_turn(question, seconds, lambda response: read(self._pieces(response, question)))

    def fetch(self, question: Question, seconds: float) -> Reply:
        """Ask a question and bring the whole answer; arguments and errors as in `ask`."""

        def read(response: requests.Response) -> Reply:
            body = None
            if response.status_code == 304:
                # Nothing is left on the connection, so that it can be used again.
                response.raw.drain_conn()
            else:
                body = b"".join(self._pieces(response, question))
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            return Reply(body, response.headers.get("ETag"), kind)

        return self._in_turn(question, seconds, read)

    def close(self) -> None:
        """End the question under way, from whichever thread; later ones raise ServerError."""
        with self._lock:
            self._is_closed = True
            line, exchange = self._line, self._exchange
        if line is not None:
            line.cut()
        if exchange is not None:
            exchange.over.set()

    def _in_turn(self, question: Question, seconds: float, read: Callable[[requests.Response], T]) -> T:
        deadline = time.monotonic() + seconds
        if not self._turn.acquire(timeout=seconds):
            raise too_slow(self._title, seconds)
        try:
            return self._exchanged(question, max(deadline - time.monotonic(), 0.001), read)
        finally:
            self._turn.release()

    def _exchanged(self, question: Question, seconds: float, read: Callable[[requests.Response], T]) -> T:
        with self._lock:
            self._refuse_if_closed()
            line = self._line = self._line or Line(self._verify, self._use_proxies)
            exchange: _Exchange[T] = _Exchange(line)
            self._exchange = exchange

        def work() -> None:
            try:
                with closing(self._accepted(line, question, seconds)) as response:
                    exchange.answer = read(response)
            except BaseException as error:
                exchange.error = error
            exchange.over.set()

        # The thread is left to itself when the time is up: nothing can stop one that looks up a name.
        threading.Thread(target=work, name=f"{self._title} question", daemon=True).start()
        in_time = exchange.over.wait(seconds)
        if not in_time or exchange.error is not None:
            self._hang_up(line)
        self._check_open()
        if not in_time:
            raise too_slow(self._title, seconds)
        if exchange.error is not None:
            limit = min(seconds, self._patience or seconds)
            raise explained(self._title, self._address, exchange.error, limit) from None
        return exchange.answer  # type: ignore[return-value]

    def _accepted(self, line: Line, question: Question, seconds: float) -> requests.Response:
        """The answer, if it is one that can be read; it is still to be read and closed.

        Raises:
            SourceError: The server refuses, or sends on to where nobody should go.
        """
        url, authorization = self._address + question.path, question.authorization
        limit = min(seconds, self._patience or seconds)
        for further in range(self._most_redirects, -1, -1):
            headers = question.headers
            if authorization is not None:
                headers["Authorization"] = authorization
            response = line.session.request(
                "GET" if question.fields is None else "POST",
                url,
                data=None if question.fields is None else dict(question.fields),
                headers=headers,
                timeout=limit,
                stream=True,
                allow_redirects=False,
                proxies=line.proxies(url),
            )
            if response.status_code == 200 or (question.etag and response.status_code == 304):
                return response
            with response:
                if response.status_code not in _REDIRECTS or not further:
                    secret = (question.authorization or "").rpartition(" ")[2]
                    raise refusal(self._title, response, secret)
                before, url = url, self._further(url, response.headers.get("Location", ""))
            if line.session.should_strip_auth(before, url):  # type: ignore[no-untyped-call]
                authorization = None
        raise AssertionError("the last round returns or raises")

    def _further(self, url: str, location: str) -> str:
        """Where a redirection leads, if one may go there."""
        try:
            found = urljoin(url, location)
            parts = urlsplit(found)
        except ValueError:
            raise ServerError(f"{self._title} points to an address that is none") from None
        shown = without_credentials(found)[:200]
        is_downgrade = url.startswith("https:") and parts.scheme != "https"
        if parts.scheme not in ("http", "https") or not parts.hostname or is_downgrade:
            raise ServerError(
                f"{self._title} points elsewhere, from {urlsplit(url).scheme} to {shown}",
                "nobody should follow that: set its address to the right one",
            )
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def _pieces(self, response: requests.Response, question: Question) -> Iterator[bytes]:
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        pieces = self._bounded(response.raw.stream(CHUNK, decode_content=False))
        if coding in ("gzip", "x-gzip") and question.accepts_gzip:
            return self._bounded(self._decompressed(pieces))
        if coding != "identity":
            raise SourceError(f"{self._title} answers in a compressed form that was not asked for")
        return pieces

    def _bounded(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        size = 0
        for piece in pieces:
            size += len(piece)
            if size > self._most_bytes:
                most = f"{self._most_bytes / 1024**2:.3g} MiB"
                raise SourceError(
                    f"{self._title} answers with more than {most}", "ask for less, or raise the limit"
                )
            yield piece

    def _decompressed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(_GZIP)
        try:
            for piece in pieces:
                rest = piece
                # What comes behind the end is no business of ours.
                while rest and not unpacker.eof:
                    # A few bytes can stand for gigabytes: never unpack more than a piece at a time.
                    yield unpacker.decompress(rest, CHUNK)
                    rest = unpacker.unconsumed_tail
            while unpacked := unpacker.decompress(b"", CHUNK):
                yield unpacked
        except zlib.error as error:
            raise SourceError(f"{self._title} sends damaged gzip data: {error}") from None
        if not unpacker.eof:
            raise SourceError(f"the answer of {self._title} broke off: its gzip data end too early")

    def _hang_up(self, line: Line) -> None:
        line.cut()
        with self._lock:
            if self._line is line:
                self._line = None

    def _check_open(self) -> None:
        with self._lock:
            self._refuse_if_closed()

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise ServerError(f"{self._title} was not asked to the end: jobmon stops asking it")
