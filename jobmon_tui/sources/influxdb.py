"""Measurements from InfluxDB: what telegraf, Slurm's profiling plug-in and Lustre's servers store there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from jobmon_tui.errors import UsageError
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.sources.influxdb_charts import Line, lines
from jobmon_tui.sources.influxdb_flux import Flux
from jobmon_tui.sources.influxdb_http import MOST_BYTES, Exchange
from jobmon_tui.sources.influxdb_influxql import InfluxQL
from jobmon_tui.sources.influxdb_jobs import JobReader
from jobmon_tui.sources.influxdb_schema import InfluxSchema
from jobmon_tui.sources.influxdb_select import Dialect, Row, Selection
from jobmon_tui.sources.influxdb_telegraf import NodeReader
from jobmon_tui.sources.readings import ReadingsAnswer
from jobmon_tui.sources.secrets import SecretPlace

MOST_CHARTS = 60
"""More are never on one screen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxOptions:
    """How to reach an InfluxDB and what is in it."""

    url: str = "http://localhost:8086"
    """Where it answers, without user and password."""
    dialect: Literal["influxql", "flux"] = "influxql"
    """``influxql`` is spoken by 1.x, 2.x with a mapping of databases, and 3.x; ``flux`` by 2.x."""
    database: str = "telegraf"
    """For influxql."""
    retention_policy: str = ""
    """For influxql; empty for the database's default."""
    org: str = ""
    """For flux: the organisation."""
    bucket: str = "telegraf"
    """For flux."""
    user: str = ""
    """For influxql, with a password; empty to use a token, or nothing."""
    password: SecretPlace = field(default_factory=SecretPlace)
    """Where the user's password is kept."""
    token: SecretPlace = field(default_factory=SecretPlace)
    """Where a token is kept."""
    ca_file: Path | None = None
    """Certificates to trust instead of the usual ones."""
    schema: InfluxSchema = field(default_factory=InfluxSchema)
    """What measurements, tags and fields are called."""
    window: float = 120.0
    """Seconds: a node's older points do not count. Two of its reports must lie within."""
    job_window: float = 180.0
    """Seconds: a job's older points do not count. Slurm's plug-in stores in batches, half a minute late."""
    interval: float = 10.0
    """Seconds between two reports of a node; charts are not finer than twice that."""
    job_interval: float = 30.0
    """Seconds between two reports on a job."""
    timeout: float = 10.0
    """Seconds after which a request is ended."""
    most_bytes: int = MOST_BYTES
    """Bytes after which an answer is refused."""


def connect(options: InfluxOptions) -> tuple[Exchange, Dialect]:
    """What runs requests to an InfluxDB, and what words them. Nothing is sent yet.

    Raises:
        UsageError: The options make no sense.
    """
    exchange = Exchange(_checked_url(options.url), options.timeout, options.most_bytes)
    if options.dialect == "flux":
        return exchange, Flux(
            exchange,
            org=options.org,
            bucket=options.bucket,
            token=options.token,
            ca_file=options.ca_file,
        )
    if options.dialect != "influxql":
        raise UsageError(f"InfluxDB has no dialect {options.dialect!r}", "choose influxql or flux")
    return exchange, InfluxQL(
        exchange,
        database=options.database,
        retention_policy=options.retention_policy,
        user=options.user,
        password=options.password,
        token=options.token,
        ca_file=options.ca_file,
    )


class InfluxSource:
    """Reads from one InfluxDB: one request a cycle, one for all charts.

    A node's and a job's names in the answer are those of the store. A job array's tasks have there the id of
    their own that Slurm gives each (its ``%A``), not ``123_7``.

    Args:
        options: How to reach it and what is in it.

    Raises:
        UsageError: The options make no sense.
    """

    name = "influxdb"

    def __init__(self, options: InfluxOptions) -> None:
        self._options = options
        self._exchange, self._dialect = connect(options)

    def load(self, hosts: Sequence[str], job_ids: Sequence[str]) -> ReadingsAnswer:
        """Read the newest points of everything, in one request whatever the size of the cluster.

        Args:
            hosts: Not needed: whatever reported within the window is in the answer.
            job_ids: Not needed either.

        Raises:
            SourceError: Nothing could be had.
        """
        started = time.monotonic()
        taken_at = time.time()
        nodes = NodeReader(self._options.schema, self._options.window)
        jobs = JobReader(self._options.schema, self._options.job_window)
        parts = [*nodes.parts(), *jobs.parts()]
        takers = [take for _, take in parts]

        def take(index: int, row: Row) -> None:
            takers[index](row)

        selections = [selection for selection, _ in parts]
        said = self._dialect.ask(selections, take)
        node_readings, job_readings = nodes.readings(), jobs.readings()
        problems = _problems(selections, said.errors)
        if not (node_readings or job_readings or problems):
            problems = (f"nothing was stored in InfluxDB within the last {self._options.window:g} s",)
        return ReadingsAnswer(
            taken_at=taken_at,
            version=said.version,
            nodes=node_readings,
            jobs=job_readings,
            calls=1,
            seconds=time.monotonic() - started,
            problems=problems,
        )

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What was stored over a time, thinned out by the server, all in one request.

        A job's ``cpu_user`` is all of its CPU time, in % of one core, added up over its tasks.

        Raises:
            SourceError: Nothing could be had, or more charts are wanted than fit on a screen.
        """
        options = self._options
        if len(requests) > MOST_CHARTS:
            raise UsageError(f"{len(requests)} charts at a time are too many for one request")
        alternatives = [
            lines(request, options.schema, options.interval, options.job_interval) for request in requests
        ]
        drawn: list[Line] = [line for several in alternatives for line in several]
        if drawn:
            self._dialect.ask([line.selection() for line in drawn], lambda index, row: drawn[index].take(row))
        return [_first(several) for several in alternatives]

    def close(self) -> None:
        """End a request under way at once, from whichever thread; later calls raise SourceError."""
        self._exchange.close()


def _first(several: Sequence[Line]) -> Series | None:
    for line in several:
        series = line.series()
        if series is not None:
            return series
    return None


def _problems(selections: Sequence[Selection], errors: Mapping[int, str]) -> tuple[str, ...]:
    by_error: dict[str, list[str]] = {}
    for index, error in errors.items():
        if 0 <= index < len(selections):
            by_error.setdefault(error, []).append(selections[index].measurement)
    return tuple(f"InfluxDB on {', '.join(names)}: {error}" for error, names in by_error.items())


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_usable = False
    # Messages show the address, so nothing secret may be in it; nor is it shown before that is known.
    if is_usable and (parts.username is not None or parts.query or parts.fragment):
        raise UsageError(
            "the address of InfluxDB holds a user, a password or a query",
            "leave it to http://host:port, and name a file or an environment variable for the password",
        )
    if not is_usable:
        raise UsageError("the address of InfluxDB is none", "write it like http://host:8086")
    return url.rstrip("/")
