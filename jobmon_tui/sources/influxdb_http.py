"""One HTTP request at a time, ended in time and from any thread, with an answer that cannot fill the memory.

Time-outs of HTTP libraries count from one piece of an answer to the next, so a server that trickles holds
them for ever. Here the work is done by a thread of its own; whoever waits for it leaves at the deadline (or
when `Exchange.close` is called), which also shuts the connection down, so that the thread ends.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from http.client import HTTPException
from typing import Any, TypeVar

from jobmon_tui.errors import SourceError

MOST_BYTES = 512 * 1024 * 1024
"""Bytes of one answer; a million cores, each with a line of its own, are about 350 MB."""
MOST_LINE = 32 * 1024 * 1024
"""Bytes of one line of an answer: so much may have to be held at once."""
MOST_COMPLAINT = 2000
"""Bytes of a refusal that are read."""
CHUNK = 256 * 1024
LEAST_SPEED = 8 * 1024**2
"""Bytes a second: the time limit of an answer grows by a second for every so many that have arrived."""

Answer = TypeVar("Answer")

HINTS = {
    401: "check the user and password, or the token, of InfluxDB",
    403: "that user or token may not read this database or bucket",
    404: "check the address, the database or bucket, and the dialect (influxql or flux)",
}


def longest_answer(timeout: float) -> float:
    """Seconds that a request can take at the most, given its time-out."""
    return timeout + MOST_BYTES / LEAST_SPEED


class Exchange:
    """Runs one request after the other.

    Args:
        url: Where the server is, for messages.
        timeout: Seconds after which a request is ended. A long answer has a second more for each 8 MiB that
            have arrived: one that flows is not cut off for being long, one that trickles ends in time.
        most_bytes: Size after which an answer is refused.
    """

    def __init__(self, url: str, timeout: float, most_bytes: int = MOST_BYTES) -> None:
        self.url = url
        self.timeout = timeout
        self._most_bytes = most_bytes
        self._changed = threading.Condition()
        self._sockets: list[socket.socket] = []
        self._worker: threading.Thread | None = None
        self._deadline = 0.0
        self._is_closed = False
        self.hidden: tuple[str, ...] = ()
        """What must never be in a message, even if the server repeats it."""

    def run(self, work: Callable[[], Answer]) -> Answer:
        """Let a thread do the work, and wait for it no longer than the time-out.

        Raises:
            SourceError: The work raised it or anything else that goes wrong with a network, it took too long,
                or `close` was called.
        """
        outcome: list[Answer] = []
        failure: list[BaseException] = []
        done = threading.Event()

        def perform() -> None:
            try:
                outcome.append(work())
            except BaseException as error:
                failure.append(error)
            done.set()
            with self._changed:
                self._changed.notify_all()

        with self._changed:
            self._refuse_if_closed()
            self._deadline = time.monotonic() + self.timeout
            self._worker = threading.Thread(target=perform, name="jobmon-influxdb", daemon=True)
            self._worker.start()
            while not (done.is_set() or self._is_closed):
                left = self._deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            # Ending the connection ends the work, too, and some answers look whole when they are cut off.
            in_time = done.is_set()
            self._end()
            self._refuse_if_closed()
        if not in_time or (failure and time.monotonic() > self._deadline):
            raise self._too_slow()
        if failure:
            raise self._in_words(failure[0]) from None
        return outcome[0]

    def close(self) -> None:
        """End the request under way, from whichever thread; later ones raise SourceError."""
        with self._changed:
            self._is_closed = True
            self._end()
            self._changed.notify_all()

    def lines(self, response: Any) -> Iterator[bytes]:
        """The lines of an answer as they arrive, without their ends.

        Args:
            response: urllib3's, of which nothing has been read.

        Raises:
            SourceError: It is too large, or compressed though that was not asked for.
        """
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise SourceError(f"InfluxDB at {self.url} sends compressed what was not asked for so")
        return self._split(response.stream(CHUNK, decode_content=False))

    def _split(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        size = 0
        rest: list[bytes] = []
        held = 0
        for chunk in chunks:
            size += len(chunk)
            held += len(chunk)
            self._deadline += len(chunk) / LEAST_SPEED
            if size > self._most_bytes or held > MOST_LINE + CHUNK:
                raise SourceError(
                    f"InfluxDB at {self.url} sends more than {self._most_bytes / 1024**2:g} MiB",
                    "narrow the window, or check whether it is InfluxDB at all",
                )
            first, *others = chunk.split(b"\n")
            rest.append(first)
            if others:
                yield b"".join(rest)
                *whole, last = others
                for line in whole:
                    self.check()
                    yield line
                rest, held = [last], len(last)
        yield b"".join(rest)

    def check(self) -> None:
        """Stop the work of a thread that nobody waits for any more.

        Raises:
            SourceError: Nobody does.
        """
        if threading.current_thread() is not self._worker:
            raise SourceError("nobody waits for this answer any more")

    def guard(self, manager: Any) -> None:
        """Have a pool manager of urllib3 make connections that we can end, and refuse refusals unread."""
        from urllib3.connection import HTTPConnection, HTTPSConnection
        from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

        exchange = self

        class PlainConnection(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                exchange._hold(self.sock)

            def getresponse(self) -> Any:
                return exchange._accepted(super().getresponse())

        class SecureConnection(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                exchange._hold(self.sock)

            def getresponse(self) -> Any:
                return exchange._accepted(super().getresponse())

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = PlainConnection

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = SecureConnection

        manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    def _hold(self, connection: socket.socket) -> None:
        with self._changed:
            self.check()
            self._sockets.append(connection)

    def _end(self) -> None:
        self._worker = None
        for connection in self._sockets:
            # The plain one of a socket, also where it is encrypted: that of TLS would say goodbye first.
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        self._sockets.clear()

    def _accepted(self, response: Any) -> Any:
        if 200 <= response.status < 300:
            return response
        hint = HINTS.get(response.status, "")
        raise SourceError(f"InfluxDB at {self.url} refuses: {self._complaint(response)}", hint)

    def _complaint(self, response: Any) -> str:
        import json

        try:
            words = response.read(MOST_COMPLAINT, decode_content=False)
            # Where it was read already, as when points are written by influxdb-client, it stands there.
            words = words or getattr(response, "data", b"")[:MOST_COMPLAINT]
            said = words.decode("utf-8", "replace")
        except Exception:  # Whatever is wrong with its words, its number is known.
            said = ""
        try:
            parts = json.loads(said)
            said = str(parts.get("message") or parts.get("error") or "")
        except (ValueError, AttributeError):
            said = ""
        for secret in self.hidden:
            said = said.replace(secret, "***")
        return f"{response.status} {said or response.reason or ''}".strip()[:300]

    def _in_words(self, error: BaseException) -> Exception:
        if isinstance(error, SourceError):
            return error
        name = type(error).__name__
        if "Timeout" in name:
            return self._too_slow()
        is_of_urllib3 = type(error).__module__.startswith("urllib3")
        if is_of_urllib3 or isinstance(error, (OSError, HTTPException, ValueError)):
            said = "".join(character for character in _root(error) if character.isprintable())[:200]
            return SourceError(
                f"InfluxDB at {self.url} cannot be read: {said or name}",
                "check that it runs and that its address is right",
            )
        if isinstance(error, Exception):
            return error
        return SourceError(f"InfluxDB at {self.url} was not read to the end: {name}")

    def _too_slow(self) -> SourceError:
        return SourceError(
            f"InfluxDB at {self.url} did not answer within {self.timeout:g} s",
            "it is slow or gone: check it, narrow the window, or raise the time-out",
        )

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise SourceError("InfluxDB was not asked: jobmon stops reading it")


def _root(error: BaseException) -> str:
    """What the innermost error says: those around it repeat addresses and objects."""
    seen = 0
    while seen < 10:
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException):
            break
        error = inner
        seen += 1
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
