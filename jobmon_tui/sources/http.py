"""Asking an HTTP server: bounded in time and size, ended from any thread, failures in words.

This module loads requests, which takes a while: import it when there is something to ask, not before.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import requests
from urllib3 import disable_warnings
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.http_line import Line

T = TypeVar("T")

CHUNK = 64 * 1024
"""Bytes that are read and decoded at a time: decoding more would hold up the drawing thread."""
MOST_COMPLAINT = 16 * 1024
"""Bytes of a refusal that are read for the reason."""
CREDENTIALS = "check the token, or the user and password, and the file that they are read from"


class ServerError(SourceError):
    """The server as a whole cannot be used; other questions would fail alike."""


class TooSlowError(SourceError):
    """An answer did not arrive within its time."""


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
    """

    def __init__(self, title: str, address: str, verify: bool | str, most_bytes: int) -> None:
        self._title = title
        self._address = address.rstrip("/")
        self._verify = verify
        self._most_bytes = most_bytes
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._line: Line | None = None
        self._exchange: _Exchange[Any] | None = None
        self._is_closed = False
        if verify is False:
            # It would be printed across the screen, for what the user has chosen.
            disable_warnings(InsecureRequestWarning)

    def ask(
        self,
        path: str,
        fields: Mapping[str, str] | None,
        authorization: str | None,
        seconds: float,
        read: Callable[[Iterator[bytes]], T],
    ) -> T:
        """Ask a question and read its answer.

        Args:
            path: What is asked: ``/api/v1/query``.
            fields: Sent as a form (POST); ``None``: it is a plain GET.
            authorization: The header of that name.
            seconds: The time for everything: its turn, connection, question and answer.
            read: Makes something of the pieces of the answer, in another thread.

        Raises:
            ServerError: The server is out of reach, refuses the credentials, or `close` was called.
            TooSlowError: The time is up.
            SourceError: It answered with an error, or with too much.
        """
        deadline = time.monotonic() + seconds
        if not self._turn.acquire(timeout=seconds):
            raise self._too_slow(seconds)
        try:
            return self._ask(path, fields, authorization, max(deadline - time.monotonic(), 0.001), read)
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the question under way, from whichever thread; later ones raise ServerError."""
        with self._lock:
            self._is_closed = True
            line, exchange = self._line, self._exchange
        if line is not None:
            line.cut()
        if exchange is not None:
            exchange.over.set()

    def _ask(
        self,
        path: str,
        fields: Mapping[str, str] | None,
        authorization: str | None,
        seconds: float,
        read: Callable[[Iterator[bytes]], T],
    ) -> T:
        with self._lock:
            self._refuse_if_closed()
            line = self._line = self._line or Line(self._verify)
            exchange: _Exchange[T] = _Exchange(line)
            self._exchange = exchange

        def work() -> None:
            try:
                # Not within `read`, which knows nothing of what may go wrong with a connection.
                with self._opened(line, path, fields, authorization, seconds) as response:
                    exchange.answer = read(self._pieces(response))
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
            raise self._too_slow(seconds)
        if exchange.error is not None:
            raise self._explained(exchange.error, seconds) from None
        return exchange.answer  # type: ignore[return-value]

    @contextmanager
    def _opened(
        self,
        line: Line,
        path: str,
        fields: Mapping[str, str] | None,
        authorization: str | None,
        seconds: float,
    ) -> Iterator[requests.Response]:
        headers = {"Accept-Encoding": "identity", "Accept": "application/json"}
        if authorization is not None:
            headers["Authorization"] = authorization
        with line.session.request(
            "GET" if fields is None else "POST",
            self._address + path,
            data=None if fields is None else dict(fields),
            headers=headers,
            timeout=seconds,
            stream=True,
            allow_redirects=False,
        ) as response:
            if response.status_code != 200:
                raise self._refusal(response)
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise SourceError(f"{self._title} answers in a compressed form that was not asked for")
            yield response

    def _pieces(self, response: requests.Response) -> Iterator[bytes]:
        size = 0
        for piece in response.raw.stream(CHUNK, decode_content=False):
            size += len(piece)
            if size > self._most_bytes:
                most = f"{self._most_bytes / 1024**2:.3g} MiB"
                raise SourceError(
                    f"{self._title} answers with more than {most}", "ask for less, or raise the limit"
                )
            yield piece

    def _refusal(self, response: requests.Response) -> SourceError:
        status = f"{response.status_code} {response.reason or ''}".strip()[:100]
        if response.status_code in (401, 403):
            return ServerError(f"{self._title} refuses access ({status})", CREDENTIALS)
        if 300 <= response.status_code < 400:
            where = response.headers.get("Location", "nowhere")[:200]
            return ServerError(f"{self._title} points elsewhere: {where}", "set its address to that one")
        said = b""
        for piece in response.raw.stream(1024, decode_content=False):
            said += piece
            if len(said) >= MOST_COMPLAINT:
                break
        reason = _reason(said[:MOST_COMPLAINT])
        return SourceError(f"{self._title} answers {status}" + (f": {reason}" if reason else ""))

    def _hang_up(self, line: Line) -> None:
        line.cut()
        with self._lock:
            if self._line is line:
                self._line = None

    def _explained(self, error: BaseException, seconds: float) -> SourceError:
        if isinstance(error, SourceError):
            return error
        name = self._title
        if isinstance(error, requests.exceptions.SSLError):
            return ServerError(
                f"no safe connection to {name}: {_root(error)}", "check its certificate and ca_file"
            )
        if isinstance(error, requests.exceptions.Timeout):
            return self._too_slow(seconds)
        if isinstance(error, (requests.exceptions.InvalidHeader, UnicodeEncodeError)):
            # Its own words would quote the token.
            return ServerError(
                f"the credentials for {name} cannot be sent: they hold odd characters", CREDENTIALS
            )
        if isinstance(error, (requests.exceptions.ConnectionError, requests.exceptions.InvalidURL)):
            return ServerError(f"{name} cannot be reached: {_root(error)}", f"check {self._address}")
        if isinstance(error, (requests.exceptions.RequestException, HTTPError, OSError)):
            return SourceError(f"the answer of {name} broke off: {_root(error)}")
        return SourceError(f"{name} answers nonsense: {type(error).__name__}")

    def _too_slow(self, seconds: float) -> TooSlowError:
        return TooSlowError(
            f"{self._title} did not answer within {seconds:.3g} s", "it is slow or hangs: see its own logs"
        )

    def _check_open(self) -> None:
        with self._lock:
            self._refuse_if_closed()

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise ServerError(f"{self._title} was not asked to the end: jobmon stops asking it")


def _root(error: BaseException) -> str:
    """What is at the bottom of an exception that wraps others, in one short line."""
    seen = 0
    while seen < 10:
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = error.__cause__ or error.__context__
        if inner is None:
            break
        error, seen = inner, seen + 1
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(words).split())[:200]


def _reason(said: bytes) -> str:
    """What the server says went wrong: the ``error`` of its JSON, else the first line of its text."""
    try:
        document = json.loads(said)
    except (ValueError, RecursionError):
        lines = said.decode("utf-8", "replace").split("\n")
        return "" if lines[0].lstrip().startswith("<") else lines[0].strip()[:300]
    error = document.get("error") if isinstance(document, dict) else None
    return " ".join(str(error).split())[:300] if error else ""
