"""What can stand where a web service of jobmon's is expected: byte by byte what a test wants."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import Job, Node, Snapshot, Usage

Talk = Callable[[socket.socket, bytes], None]
"""Answers one question, whose head it is given, on a connection."""


class WebStandIn:
    """Listens on a free port of 127.0.0.1 while it is entered, and keeps what was asked.

    Args:
        talk: Answers each question; raising OSError ends the connection.
        tls: The server's certificate; without it, it speaks in the open.
        host: What the address names it.
    """

    def __init__(self, talk: Talk, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._talk, self._tls, self._host = talk, tls, host
        self.questions: list[bytes] = []
        self.n_connections = 0
        self._connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, with their queries."""
        return [question.split(b" ", 2)[1].decode() for question in self.questions]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.n_connections += 1
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError):
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            with connection:
                while question := read_head(connection):
                    self.questions.append(question)
                    self._talk(connection, question)


def read_head(connection: socket.socket) -> bytes:
    """The head of the next question; empty when there is none."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            return b""
        head += piece
    return head


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An answer as HTTP has it."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode("latin-1") + body


def always(said: bytes) -> Talk:
    """Give the same answer to every question."""
    return lambda connection, _: connection.sendall(said)


def then_hang_up(said: bytes) -> Talk:
    """Say something and end the connection."""

    def talk(connection: socket.socket, _: bytes) -> None:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_RDWR)

    return talk


def hang(connection: socket.socket, _: bytes) -> None:
    """Say nothing until the other side gives up."""
    connection.recv(1)


def drip(first: bytes, byte: bytes = b" ") -> Talk:
    """Say something, and then a byte at a time without an end."""

    def talk(connection: socket.socket, _: bytes) -> None:
        connection.sendall(first)
        pause = threading.Event()
        while True:
            connection.sendall(byte)
            pause.wait(0.02)

    return talk


def by_path(**talks: Talk | bytes) -> Talk:
    """Answer ``data`` to ``/data.py?...`` and so on, and 404 to everything else."""

    def talk(connection: socket.socket, question: bytes) -> None:
        path = question.split(b" ", 2)[1].decode().partition("?")[0].rpartition("/")[2]
        found = talks.get(path.removesuffix(".py"), answer(b"nothing here", "404 Not Found"))
        if isinstance(found, bytes):
            connection.sendall(found)
        else:
            found(connection, question)

    return talk


def snapshot(timestamp: float = 1000.0, running: int = 2) -> Snapshot:
    """A small cluster with a job that runs and one that waits."""
    jobs = [
        Job(job_id="1", name="solve", username="ann", state="RUNNING", n_cpus=running, layout={"c1": (0, 1)}),
        Job(job_id="2", name="later", username="bob", state="PENDING", n_cpus=4),
    ]
    return Snapshot(
        timestamp=timestamp,
        nodes={"c1": Node(name="c1", up=True, n_cpus=4)},
        jobs={job.job_id: job for job in jobs},
        usage=Usage(available=4, running=running, users={"ann": running}),
    )


def plain(packed: bytes) -> bytes:
    """The JSON of a document."""
    return gzip.decompress(packed)


def encoded(timestamp: float = 1000.0) -> bytes:
    """The file of `snapshot`."""
    return wire.encode(snapshot(timestamp))
