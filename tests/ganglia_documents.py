"""Documents as gmond and gmetad write them, and a server that sends them (or does worse)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

NOW = 1_700_000_000
"""Ganglia's clock in these documents, far from ours."""
HEAD = (
    '<?xml version="1.0" encoding="ISO-8859-1" standalone="yes"?>\n'
    "<!DOCTYPE GANGLIA_XML [\n"
    "<!ELEMENT GANGLIA_XML (GRID|CLUSTER|HOST)*>\n"
    "<!ATTLIST METRIC SOURCE (gmond) 'gmond'>\n"
    "]>\n"
)
Value = str | float
Talk = Callable[[socket.socket], None]


def metric(
    name: str, value: Value, unit: str = "", *, age: int = 5, silence: int = 60, type: str = "float"
) -> str:
    """One metric with its description."""
    return (
        f'<METRIC NAME="{name}" VAL="{value}" TYPE="{type}" UNITS="{unit}" TN="{age}" TMAX="{silence}"'
        ' DMAX="0" SLOPE="both" SOURCE="gmond">\n<EXTRA_DATA>\n<EXTRA_ELEMENT NAME="GROUP" VAL="some"/>\n'
        f'<EXTRA_ELEMENT NAME="TITLE" VAL="{name}"/>\n</EXTRA_DATA>\n</METRIC>\n'
    )


def host(
    name: str, metrics: str | Mapping[str, Value] = "", *, age: int = 5, reported: int | None = None
) -> str:
    """A host; metrics without a unit may be given by name."""
    if not isinstance(metrics, str):
        metrics = "".join(metric(key, value) for key, value in metrics.items())
    return (
        f'<HOST NAME="{name}" IP="10.0.0.1" TAGS="" REPORTED="{NOW - age if reported is None else reported}"'
        f' TN="{age}" TMAX="20" DMAX="86400" LOCATION="unspecified" GMOND_STARTED="0">\n{metrics}</HOST>\n'
    )


def cluster(*hosts: str, name: str = "cluster", time: int = NOW) -> str:
    """What one gmond knows."""
    return (
        f'<CLUSTER NAME="{name}" LOCALTIME="{time}" OWNER="" LATLONG="" URL="">\n{"".join(hosts)}</CLUSTER>\n'
    )


def document(*clusters: str, version: str = "3.7.2") -> bytes:
    """A whole answer of gmetad."""
    tree = f'<GRID NAME="grid" AUTHORITY="" LOCALTIME="{NOW}">\n{"".join(clusters)}</GRID>\n'
    text = f'{HEAD}<GANGLIA_XML VERSION="{version}" SOURCE="gmetad">\n{tree}</GANGLIA_XML>\n'
    return text.encode("latin-1")


def cores(times: Iterable[tuple[float, float, float, float, float]]) -> dict[str, Value]:
    """Per-core metrics, all kinds of each core."""
    kinds = ("user", "nice", "system", "wio", "idle")
    return {
        f"multicpu_{kind}{core}": value
        for core, values in enumerate(times)
        for kind, value in zip(kinds, values, strict=True)
    }


def sends(*pieces: bytes) -> Talk:
    """Behaviour of a server: send this and close."""

    def talk(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return talk


class Talker:
    """A server on a free port of 127.0.0.1 that does the same to each who connects."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self.address: tuple[str, int] = ("127.0.0.1", self._listener.getsockname()[1])
        self.met = threading.Semaphore(0)
        """Released once for each who connects."""
        self.ended = threading.Event()
        """Set when the test is over, for those who wait."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        for each in (self._listener, *self._connections):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            self.met.release()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            self._talk(connection)
