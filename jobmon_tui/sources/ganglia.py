"""Ganglia: what gmond or gmetad last heard from each node, as XML over TCP."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from jobmon_tui.errors import SourceError, UsageError
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.sources.ganglia_metrics import DEFAULT_METRICS, MetricMap, Recogniser
from jobmon_tui.sources.ganglia_xml import RefusedError, TreeReader, newer
from jobmon_tui.sources.readings import NodeReading, ReadingsAnswer

INTERACTIVE_PORTS = (8652,)
"""Where gmetad waits for a line that names the part of the tree that is wanted."""
MOST_BYTES = 4 * 1024**3
"""Of one answer. 10,000 nodes of 128 cores are 2.3 GB; of it, one host at a time is kept."""
LEAST_SPEED = 100 * 1024**2
"""Bytes a second: the time limit of an answer grows by a second for every so many that have arrived."""
_PIECE = 64 * 1024  # Small enough that parsing one never holds up the drawing thread.
_PATIENCE = 0.2  # Seconds beyond the time limit for a thread to notice it.
_NO_SITES: Mapping[str, MetricMap] = MappingProxyType({})


def longest_answer(timeout: float) -> float:
    """Seconds that a load can take at the most, given its time-out."""
    return timeout + MOST_BYTES / LEAST_SPEED


class GangliaSource:
    """Reads gmond or gmetad at one or several addresses, all at the same time, and merges what they say.

    A host that several of them know is taken from where it was heard of last. Of the past Ganglia tells
    nothing.

    Args:
        addresses: Host and port of each: 8649 is gmond's, 8651 gmetad's, 8652 gmetad's interactive one.
        metrics: Which metric is which reading. Put a site's own names before the usual ones:
            ``{"my_gpu(\\d)": "gpu_utilisation", **DEFAULT_METRICS}``.
        metrics_by_host: Regular expressions for whole (unshortened) host names, each to metrics that count
            before those above on these hosts, such as another network interface or disk.
        timeout: Seconds for everything together, and for any wait for the next piece of an answer. A long
            answer has a second more for each 100 MiB that have arrived: one that flows is not cut off for
            being long, one that trickles ends after these seconds.
        dead_after: Seconds without a report after which a host's readings are unknown.
        clock: The present, in Unix seconds.
        shorten_hosts: Leave out the domain where host names are unambiguous without.
        interactive_ports: Ports at which the whole tree must be asked for.
        most_bytes: The longest answer that is taken from one address.

    Raises:
        UsageError: There is no address, or the metrics make no sense.
    """

    name = "ganglia"

    def __init__(
        self,
        addresses: Sequence[tuple[str, int]],
        *,
        metrics: MetricMap = DEFAULT_METRICS,
        metrics_by_host: Mapping[str, MetricMap] = _NO_SITES,
        timeout: float = 10.0,
        dead_after: float = 60.0,
        clock: Callable[[], float] = time.time,
        shorten_hosts: bool = True,
        interactive_ports: Collection[int] = INTERACTIVE_PORTS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        if not addresses:
            raise UsageError("Ganglia has no address", "Name the host and port of a gmond or gmetad.")
        # Twice the same would be twice the work.
        self._addresses = tuple(dict.fromkeys((host, int(port)) for host, port in addresses))
        self._recognisers = _Recognisers(metrics, metrics_by_host)
        self._timeout = timeout
        self._dead_after = dead_after
        self._clock = clock
        self._shorten_hosts = shorten_hosts
        self._interactive_ports = frozenset(interactive_ports)
        self._most_bytes = most_bytes
        self._progress = threading.Condition()
        self._requests: list[_Request] = []
        self._closed = False

    def load(self, hosts: Sequence[str], job_ids: Sequence[str]) -> ReadingsAnswer:
        """Read all hosts that Ganglia knows, with one request to each address.

        Raises:
            SourceError: None of the addresses gave an answer.
        """
        started = time.monotonic()
        requests = self._start(started + self._timeout)
        with self._progress:
            # Each ends by itself in time, except in a look-up of a name, which nothing can interrupt.
            while not self._closed and (waited_for := [one for one in requests if not one.is_done]):
                left = max(one.deadline for one in waited_for) + _PATIENCE - time.monotonic()
                if left <= 0:
                    break
                self._progress.wait(left)
            # What has been read is ours alone now; a thread that still runs is remembered.
            self._requests = [request for request in requests if not request.is_done]
        if self._closed:
            raise SourceError("Ganglia was closed")
        trees = [tree for request in requests if (tree := request.tree) is not None]
        failures = [request.failure() for request in requests if request.tree is None]
        if not trees:
            raise failures[0] if len(failures) == 1 else _together(failures)
        nodes = merge([tree.hosts for tree in trees])
        return ReadingsAnswer(
            taken_at=self._clock(),
            version=trees[0].version,
            nodes=shorten(nodes) if self._shorten_hosts else nodes,
            calls=len(requests),
            seconds=time.monotonic() - started,
            problems=tuple(failure.message for failure in failures),
        )

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """Nothing for each: gmond and gmetad tell the present only."""
        if self._closed:
            raise SourceError("Ganglia was closed")
        return [None] * len(requests)

    def close(self) -> None:
        """End the requests under way at once."""
        with self._progress:
            self._closed = True
            requests = list(self._requests)
            self._progress.notify_all()
        for request in requests:
            request.close()

    def _start(self, deadline: float) -> list[_Request]:
        with self._progress:
            if self._closed:
                raise SourceError("Ganglia was closed")
            # A look-up of a name cannot be interrupted; do not let a second one pile up behind it.
            stuck = {request.address: request for request in self._requests if not request.is_done}
            self._requests = [
                stuck.get(address)
                or _Request(
                    address,
                    asks=address[1] in self._interactive_ports,
                    deadline=deadline,
                    timeout=self._timeout,
                    most_bytes=self._most_bytes,
                    tree=TreeReader(self._recognisers.of, self._dead_after),
                    progress=self._progress,
                )
                for address in self._addresses
            ]
            for request in self._requests:
                if request.address not in stuck:
                    request.start()
            return list(self._requests)


class _Recognisers:
    """What tells the meaning of metrics, host by host."""

    def __init__(self, metrics: MetricMap, by_host: Mapping[str, MetricMap]) -> None:
        self._usual = Recogniser(metrics)
        self._special: list[tuple[re.Pattern[str], Recogniser]] = []
        for pattern, special in by_host.items():
            try:
                compiled = re.compile(pattern)
            except re.error as error:
                raise UsageError(f"Ganglia host {pattern!r} is no regular expression: {error}") from error
            self._special.append((compiled, Recogniser({**special, **metrics})))

    def of(self, host: str) -> Recogniser:
        """What applies to that host."""
        if self._special:
            for pattern, recogniser in self._special:
                if pattern.fullmatch(host):
                    return recogniser
        return self._usual


class _Request(threading.Thread):
    """One answer of one address, read in a thread of its own so that a slow address holds up no other."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        asks: bool,
        deadline: float,
        timeout: float,
        most_bytes: int,
        tree: TreeReader,
        progress: threading.Condition,
    ) -> None:
        super().__init__(name="ganglia {}:{}".format(*address), daemon=True)
        self.address = address
        self.is_done = False
        self.deadline = deadline
        """When it ends at the latest, as `time.monotonic` tells; later, the more has arrived."""
        self._timeout = timeout
        self._progress = progress
        self._asks = asks
        self._most_bytes = most_bytes
        self._reader = tree
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._closed = False
        self._error: SourceError | None = None
        self._is_whole = False

    @property
    def tree(self) -> TreeReader | None:
        """The whole answer, if it has come and was good."""
        return self._reader if self._is_whole else None

    def failure(self) -> SourceError:
        """Why there is no answer."""
        return self._error or self._too_late()

    def run(self) -> None:
        """Read it; whatever happens is kept for whoever started us."""
        try:
            self._read()
            self._is_whole = True
        except RefusedError as error:
            self._error = SourceError(f"{self._where}: {error.message}", error.hint)
        except SourceError as error:
            self._error = error
        except TimeoutError:
            self._error = self._too_late()
        except (OSError, UnicodeError) as error:
            self._error = SourceError(
                f"{self._where} cannot be read: {getattr(error, 'strerror', None) or error}",
                "Does a gmond or gmetad listen there, and does it trust this machine (trusted_hosts, acl)?",
            )
        except Exception as error:
            self._error = SourceError(f"{self._where} cannot be read: {type(error).__name__}: {error}")
        finally:
            with self._progress:
                self.is_done = True
                self._progress.notify_all()

    def close(self) -> None:
        """End it at once."""
        with self._lock:
            self._closed = True
            if self._socket is not None:
                _shut(self._socket)

    @property
    def _where(self) -> str:
        host, port = self.address
        return f"Ganglia at {host}:{port}"

    def _too_late(self) -> SourceError:
        return SourceError(
            f"{self._where} did not finish its answer in time",
            "Is it overloaded? The time limit is an option of the source.",
        )

    def _read(self) -> None:
        connection = self._connect()
        try:
            if self._asks:
                connection.sendall(b"/\n")
            size = 0
            while piece := self._receive(connection):
                size += len(piece)
                self.deadline += len(piece) / LEAST_SPEED
                if size > self._most_bytes:
                    raise SourceError(
                        f"{self._where}: its answer is longer than {self._most_bytes / 1024**2:,.0f} MiB",
                        "Ask for less, or allow for more.",
                    )
                self._reader.feed(piece)
        finally:
            connection.close()
        if size == 0:
            raise SourceError(
                f"{self._where} closed the connection without an answer",
                "gmond (acl) and gmetad (trusted_hosts) do so with machines that they do not trust.",
            )
        self._reader.finish()

    def _receive(self, connection: socket.socket) -> bytes:
        connection.settimeout(min(self._timeout, self._seconds_left()))
        piece = connection.recv(_PIECE)
        self._seconds_left()
        return piece

    def _seconds_left(self) -> float:
        left = self.deadline - time.monotonic()
        if self._closed:
            raise SourceError("Ganglia was closed")
        if left <= 0:
            raise self._too_late()
        return left

    def _connect(self) -> socket.socket:
        host, port = self.address
        last: OSError | None = None
        for family, kind, protocol, _, target in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            connection = socket.socket(family, kind, protocol)
            with self._lock:
                self._socket = connection
            try:
                connection.settimeout(self._seconds_left())
                connection.connect(target)
            except OSError as error:
                connection.close()
                last = error
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        raise last or OSError("the name has no address")


def merge(trees: Sequence[Mapping[str, NodeReading]]) -> dict[str, NodeReading]:
    """Of each host, the reading that was reported last."""
    merged: dict[str, NodeReading] = {}
    for tree in trees:
        for host, reading in tree.items():
            merged[host] = newer(merged.get(host), reading)
    return merged


def shorten(nodes: Mapping[str, NodeReading]) -> dict[str, NodeReading]:
    """Leave out the domains of host names, except where two hosts would then be called the same.

    One that some gmond spells without a domain is the same as the only one that another spells with it.
    """
    domains: dict[str, set[str]] = {}
    for name in nodes:
        label, _, domain = name.partition(".")
        domains.setdefault(label, set()).add(domain)
    shortened: dict[str, NodeReading] = {}
    for name, reading in nodes.items():
        label = name.partition(".")[0]
        # Ganglia falls back to an IP address for a host that it cannot name.
        is_ambiguous = len(domains[label] - {""}) > 1 or not label or label.isdecimal()
        key = name if is_ambiguous else label
        shortened[key] = newer(shortened.get(key), reading)
    return shortened


def _together(failures: Sequence[SourceError]) -> SourceError:
    return SourceError("; ".join(failure.message for failure in failures), failures[0].hint)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # Not connected yet, or no longer.
        connection.shutdown(socket.SHUT_RDWR)
