"""Readings of nodes and jobs from a Prometheus server (or what speaks its HTTP API) and its exporters."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from jobmon_tui.errors import SourceError, UsageError
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.sources.prometheus_queries import Queries, Terms, also, literally, spellings
from jobmon_tui.sources.prometheus_readings import (
    BY_OTHER_EXPORTERS,
    JOB_READERS,
    NODE_READERS,
    WITHOUT_PORT,
    Hosts,
    fields_of,
    read_ages,
)
from jobmon_tui.sources.prometheus_rows import Sample, read_samples, read_version
from jobmon_tui.sources.prometheus_series import Range, chart_of, draw, range_of, read_range
from jobmon_tui.sources.readings import JobReading, NodeReading, ReadingsAnswer
from jobmon_tui.sources.secrets import SecretPlace, authorization

if TYPE_CHECKING:
    from jobmon_tui.sources.http import HttpServer

T = TypeVar("T")
NOWHERE = SecretPlace()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusOptions:
    """Where Prometheus is and what it measures."""

    address: str = "http://localhost:9090"
    """Without ``/api/v1``; without user and password, which have options of their own."""
    user: str = ""
    """For basic authentication, together with a password."""
    password: SecretPlace = NOWHERE
    """Where the user's password is kept."""
    token: SecretPlace = NOWHERE
    """Where a bearer token is kept; it comes before user and password."""
    verify_tls: bool = True
    """Whether to check the server's certificate."""
    ca_file: str = ""
    """The certificate authorities to check it by, instead of the usual ones."""
    timeout: float = 10.0
    """Seconds for one query."""
    time_limit: float = 20.0
    """Seconds for all queries of a cycle, or of a screen's charts, together."""
    most_bytes: int = 192 * 1024 * 1024
    """Bytes of one answer after which it is given up; a core is about 80."""
    host_label: str = "instance"
    """The label that names the node: ``instance``, ``nodename``, ``host``."""
    host_pattern: str = WITHOUT_PORT
    """A regular expression for that whole label; its group ``host`` is the node's name."""
    select: str = ""
    """Label matchers that every sample must meet: ``cluster="south"``."""
    window: float = 120.0
    """Seconds over which rates are taken: at least twice the scrape interval, better four times."""
    stale_after: float = 180.0
    """Seconds; what was measured longer ago is unknown."""


class PrometheusSource:
    """Reads nodes and jobs with one instant query for each reading: 16 in a cycle, however many nodes.

    The queries are those of `Queries` that are not empty, without ``job_cpu``, which only charts ask for; the
    first cycle asks for the server's version as well. Each is a POST to ``/api/v1/query``; one that fails
    costs its own reading. Charts take one range query for each node or job and query, not for each curve.

    Answers are decoded while they arrive, 64 KiB at a time. The cores of 2,000 nodes of 128 (20 MB) took
    0.6 s of CPU and 7 MiB of memory; those of 10,000 such nodes (97 MB) 3.1 s and 29 MiB. What Prometheus
    itself needs for that many rates was not measured: let a recording rule calculate them there, and raise
    ``timeout`` where this machine has other things to do.

    Args:
        options: Where it is and what it measures.
        queries: What to ask.

    Raises:
        UsageError: An option makes no sense.
    """

    name = "prometheus"

    def __init__(self, options: PrometheusOptions | None = None, queries: Queries | None = None) -> None:
        self._options = options or PrometheusOptions()
        self._queries = queries or Queries()
        self._pattern = _checked(self._options)
        self._terms = Terms(
            host=self._options.host_label,
            select=self._options.select,
            window=self._options.window,
            age=self._options.stale_after,
        )
        self._lock = Lock()
        self._server: HttpServer | None = None
        self._is_closed = False
        self._version: str | None = None
        self._spellings: Mapping[str, tuple[str, ...]] = {}

    def load(self, hosts: Sequence[str], job_ids: Sequence[str]) -> ReadingsAnswer:
        """Read everything once; jobs come under the ids that the exporters know them by.

        Args:
            hosts: The nodes that are wanted; all if there are none.
            job_ids: Not needed: one query fetches all jobs.

        Raises:
            SourceError: Nothing could be had.
        """
        cycle = _Cycle(self)
        naming = Hosts(self._options.host_label, self._pattern, hosts)
        cycle.ask("names", naming.learn)
        ages = cycle.ask("reported", _reading(read_ages, naming)) or {}
        nodes = {
            field: cycle.ask(field, _reading(read, naming)) or {} for field, read in NODE_READERS.items()
        }
        jobs = {
            field: cycle.ask(query, _reading(read, naming)) or {}
            for query, (field, read) in JOB_READERS.items()
        }
        cycle.check_worth()
        self._spellings = naming.spellings()
        self._read_version(cycle)
        cycle.problems.extend(self._misfits(naming, any(nodes.values()) or any(jobs.values())))
        return ReadingsAnswer(
            taken_at=cycle.taken_at,
            version=self._version or "",
            nodes=self._nodes(nodes, ages),
            jobs={job_id: JobReading(**fields) for job_id, fields in fields_of(jobs).items()},
            calls=cycle.calls,
            seconds=cycle.seconds,
            problems=tuple(cycle.problems),
        )

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What was measured over a time; ``None`` where that is not measured or its query failed.

        Raises:
            SourceError: Queries failed and nothing could be had.
        """
        cycle = _Cycle(self)
        answers: dict[Range, Mapping[int, Any]] = {}
        drawn: list[Series | None] = []
        for request in requests:
            chart = chart_of(request)
            asked = None if chart is None else range_of(request, chart)
            if chart is None or asked is None:
                drawn.append(None)
                continue
            if asked not in answers:
                answers[asked] = self._ask_range(cycle, asked) or {}
            drawn.append(draw(request, chart, asked, answers[asked]))
        cycle.check_worth()
        return drawn

    def close(self) -> None:
        """End a request under way at once, from whichever thread; later calls raise SourceError."""
        with self._lock:
            self._is_closed = True
            server = self._server
        if server is not None:
            server.close()

    def _misfits(self, hosts: Hosts, found_any: bool) -> Iterator[str]:
        if hosts.unwanted is not None:
            label = self._options.host_label
            yield f"no row is of a node that is wanted: {label} is {hosts.unwanted[:80]!r}"
        elif not found_any:
            yield "none of the metrics that the queries name is known there"

    def _nodes(
        self, readings: Mapping[str, Mapping[str, Any]], ages: Mapping[str, tuple[float, float]]
    ) -> dict[str, NodeReading]:
        nodes = {}
        by_node = fields_of(readings)
        for host in {**ages, **by_node}:
            fields = by_node.get(host, {})
            reported_at, age = ages.get(host, (None, 0.0))
            if age > self._options.stale_after:
                fields = {field: value for field, value in fields.items() if field in BY_OTHER_EXPORTERS}
            nodes[host] = NodeReading(reported_at=reported_at, **fields)
        return nodes

    def _ask_range(self, cycle: _Cycle, asked: Range) -> Mapping[int, Any] | None:
        terms = self._terms
        # A rate over less than a step would not see what happened between two points.
        terms = replace(terms, window=max(terms.window, asked.step))
        if asked.kind == "node":
            spelt = self._spellings.get(asked.name)
            patterns = map(literally, spelt) if spelt else (spellings(asked.name),)
            terms = replace(terms, select=also(terms.select, terms.host, patterns))
        else:
            terms = replace(terms, job=literally(asked.name))
        hosts = Hosts(terms.host, self._pattern, (asked.name,) if asked.kind == "node" else ())
        if asked.kind == "node" and asked.name in self._spellings:
            hosts.remember(asked.name, self._spellings[asked.name])
        times = {"start": f"{asked.start:.3f}", "end": f"{asked.times[-1]:.3f}", "step": f"{asked.step:g}"}
        return cycle.ask(asked.query, lambda samples: read_range(asked, samples, hosts), terms, times)

    def _read_version(self, cycle: _Cycle) -> None:
        if self._version is None:
            self._version = cycle.fetch_version()

    def _connected(self) -> HttpServer:
        from jobmon_tui.sources.http import HttpServer

        options = self._options
        verify = options.ca_file or True if options.verify_tls else False
        with self._lock:
            if self._server is None:
                self._server = HttpServer("Prometheus", options.address, verify, options.most_bytes)
                if self._is_closed:
                    self._server.close()
            return self._server

    def _authorization(self) -> str | None:
        options = self._options
        return authorization("Prometheus", token=options.token, user=options.user, password=options.password)


class _Cycle:
    """The queries that are asked one after the other within one time limit, and how they went."""

    def __init__(self, source: PrometheusSource) -> None:
        self.taken_at = time.time()
        self.calls = 0
        self.problems: list[str] = []
        self._source = source
        self._options = source._options
        self._server = source._connected()
        self._authorization = source._authorization()
        self._started = time.monotonic()
        self._failure: SourceError | None = None
        self._is_worth = False

    @property
    def seconds(self) -> float:
        """How long it takes so far."""
        return time.monotonic() - self._started

    def ask(
        self,
        name: str,
        read: Callable[[Iterator[Sample]], T],
        terms: Terms | None = None,
        times: Mapping[str, str] | None = None,
    ) -> T | None:
        """Ask one of the queries; ``None`` if it failed (which is noted) or there is none of that name."""
        query: str = getattr(self._source._queries, name)
        if not query.strip():
            return None
        text = (terms or self._source._terms).fill(query)
        path = "/api/v1/query_range" if times else "/api/v1/query"
        try:
            answer = self._send(
                path, {"query": text, **(times or {})}, lambda pieces: read(read_samples(pieces))
            )
        except SourceError as error:
            if self._is_hopeless(error):
                raise
            self._failure = self._failure or error
            self.problems.append(f"{name}: {error.message}")
            return None
        self._is_worth = True
        return answer

    def fetch_version(self) -> str | None:
        """What the server calls itself; ``None`` if it would not say in time."""
        try:
            return self._send("/api/v1/status/buildinfo", None, read_version)
        except SourceError as error:
            return None if self._is_hopeless(error) else ""

    def check_worth(self) -> None:
        """Raise the first failure if no query at all was answered."""
        if self._failure is not None and not self._is_worth:
            raise self._failure

    def _send(self, path: str, fields: Mapping[str, str] | None, read: Callable[[Iterator[bytes]], T]) -> T:
        left = self._options.time_limit - self.seconds
        if left <= 0:
            raise SourceError(f"not asked: the {self._options.time_limit:g} s for all queries are over")
        from jobmon_tui.sources.http import Question

        self.calls += 1
        question = Question(path=path, fields=fields, authorization=self._authorization)
        return self._server.ask(question, min(left, self._options.timeout), read)

    def _is_hopeless(self, error: SourceError) -> bool:
        from jobmon_tui.sources.http import ServerError, TooSlowError

        return isinstance(error, ServerError) or (isinstance(error, TooSlowError) and not self._is_worth)


def _reading(read: Callable[[Iterable[Sample], Hosts], T], hosts: Hosts) -> Callable[[Iterable[Sample]], T]:
    return lambda samples: read(samples, hosts)


def _checked(options: PrometheusOptions) -> re.Pattern[str]:
    try:
        address = urlsplit(options.address)
        address.port  # noqa: B018  (it is checked only when asked for)
    except ValueError:
        raise UsageError("the address of Prometheus is none") from None
    if address.username is not None or address.password is not None:
        raise UsageError(
            "the address of Prometheus must not contain a user or password",
            "set `user`, and keep the password in a file",
        )
    if address.scheme not in ("http", "https") or not address.hostname or address.query or address.fragment:
        raise UsageError(
            f"the address of Prometheus is {options.address!r}, which is none",
            "write it like http://prometheus.example.org:9090",
        )
    for option in ("timeout", "time_limit", "most_bytes", "window", "stale_after"):
        if not getattr(options, option) > 0:
            raise UsageError(f"Prometheus: {option} must be more than zero")
    try:
        pattern = re.compile(options.host_pattern)
    except re.error as error:
        raise UsageError(f"Prometheus: host_pattern is no regular expression: {error}") from None
    if "host" not in pattern.groupindex:
        raise UsageError("Prometheus: host_pattern has no group (?P<host>...)")
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", options.host_label):
        raise UsageError(f"Prometheus: {options.host_label!r} cannot be a label")
    return pattern
