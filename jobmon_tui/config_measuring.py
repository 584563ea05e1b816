"""The sections about systems that measure nodes and jobs; see `config_sections`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from jobmon_tui.config_rules import Addresses, Between, Example, Url

NOTHING: Mapping[str, Any] = MappingProxyType({})
Seconds = Annotated[float, Between(0.1, 3600)]
Window = Annotated[float, Between(1, 86_400)]


@dataclass(frozen=True, kw_only=True)
class GangliaSettings:
    """Ganglia: what gmond or gmetad report of the nodes."""

    addresses: Annotated[
        tuple[str, ...], Addresses(), Example(["gmetad.example.org:8651", "head2:8649"])
    ] = ()
    """Where gmetad or gmond answer, as host:port; several are merged. Without any, Ganglia is not asked."""
    timeout: Seconds = 10.0
    """Seconds within which all of them must have answered."""
    dead_after: Window = 60.0
    """Seconds without a report after which a node's readings are unknown."""
    metrics: Annotated[Mapping[str, str], Example({r"mygpu_(\d+)": "gpu_utilisation"})] = field(
        default_factory=lambda: NOTHING
    )
    """Regular expressions for whole names of your own metrics, and which reading each is; looked at before
    the usual ones. A group in them is the number of the core or GPU."""


@dataclass(frozen=True, kw_only=True)
class InfluxSettings:
    """InfluxDB: what telegraf and Slurm's profiling plug-in write there of nodes and jobs."""

    url: Annotated[str | None, Url(), Example("http://influxdb.example.org:8086")] = None
    """Where it answers. Without it, InfluxDB is not asked."""
    dialect: Literal["influxql", "flux"] = "influxql"
    """How it is asked: influxql (1.x, 3.x, and 2.x with a mapping of databases), or flux (2.x)."""
    database: str = "telegraf"
    """The database, for influxql."""
    retention_policy: Annotated[str | None, Example("week")] = None
    """The retention policy, for influxql; not set: the database's own."""
    org: Annotated[str | None, Example("physics")] = None
    """The organisation, for flux."""
    bucket: str = "telegraf"
    """The bucket, for flux."""
    token_file: Annotated[Path | None, Example("/etc/jobmon/influxdb.token")] = None
    """A file that holds nothing but the token."""
    token_variable: str = "JOBMON_INFLUXDB_TOKEN"
    """The environment variable that holds the token where no file is named."""
    user: Annotated[str | None, Example("jobmon")] = None
    """Who asks, for influxql where there are passwords in place of tokens."""
    password_file: Annotated[Path | None, Example("/etc/jobmon/influxdb.password")] = None
    """A file that holds nothing but the user's password."""
    password_variable: str = "JOBMON_INFLUXDB_PASSWORD"
    """The environment variable that holds the password where no file is named."""
    ca_file: Annotated[Path | None, Example("/etc/ssl/our-ca.pem")] = None
    """The certificates to trust in place of the usual ones."""
    timeout: Seconds = 10.0
    """Seconds within which a request must have been answered."""
    window: Window = 120.0
    """Seconds: older points of a node do not count. Two of its reports must lie within."""
    job_window: Window = 180.0
    """Seconds: older points of a job do not count. Slurm's plug-in stores in batches, half a minute late."""
    interval: Window = 10.0
    """Seconds between two reports of a node; charts are not finer than twice that."""
    job_interval: Window = 30.0
    """Seconds between two reports on a job."""
    schema: Annotated[
        Mapping[str, object], Example({"host_tag": "hostname", "cpu": {"measurement": "our_cpu"}})
    ] = field(default_factory=lambda: NOTHING)
    """Measurements, tags and fields that are called otherwise at your site, by the names that
    jobmon_tui/sources/influxdb_schema.py explains."""


@dataclass(frozen=True, kw_only=True)
class PrometheusSettings:
    """Prometheus: what its exporters tell of nodes and jobs."""

    url: Annotated[str | None, Url(), Example("http://prometheus.example.org:9090")] = None
    """Where it answers. Without it, Prometheus is not asked."""
    token_file: Annotated[Path | None, Example("/etc/jobmon/prometheus.token")] = None
    """A file that holds nothing but the bearer token."""
    token_variable: str = "JOBMON_PROMETHEUS_TOKEN"
    """The environment variable that holds the token where no file is named."""
    user: Annotated[str | None, Example("jobmon")] = None
    """Who asks, where there are passwords in place of tokens."""
    password_file: Annotated[Path | None, Example("/etc/jobmon/prometheus.password")] = None
    """A file that holds nothing but the user's password."""
    password_variable: str = "JOBMON_PROMETHEUS_PASSWORD"
    """The environment variable that holds the password where no file is named."""
    ca_file: Annotated[Path | None, Example("/etc/ssl/our-ca.pem")] = None
    """The certificates to trust in place of the usual ones."""
    timeout: Seconds = 10.0
    """Seconds within which one query must have been answered."""
    time_limit: Seconds = 20.0
    """Seconds within which all queries of a cycle must have been."""
    host_label: str = "instance"
    """The label that names the node."""
    host_pattern: Annotated[str | None, Example(r"(?P<host>[^.:]+).*")] = None
    """A regular expression for that whole label, whose group host is the node's name; not set: a port behind
    the name is left out."""
    select: Annotated[str, Example('cluster="south"')] = ""
    """Label matchers that every sample must meet."""
    window: Window = 120.0
    """Seconds over which rates are taken: at least twice the scrape interval, better four times."""
    stale_after: Window = 180.0
    """Seconds; what was measured longer ago is unknown."""
    queries: Annotated[Mapping[str, str], Example({"power": "max by ($host) (our_watts{$select})"})] = field(
        default_factory=lambda: NOTHING
    )
    """Readings, and the PromQL query that tells each in place of the usual one, as
    jobmon_tui/sources/prometheus_queries.py explains; an empty one is not asked."""


@dataclass(frozen=True, kw_only=True)
class Threads:
    """How many cores and threads some nodes have."""

    cores: Annotated[int, Between(1, 65_536)]
    """Physical cores of each node."""
    threads: Annotated[int, Between(1, 64)]
    """Hardware threads of each core."""


@dataclass(frozen=True, kw_only=True)
class NodeSettings:
    """The nodes: which are shown, and how what they measure is to be read.

    Nodes are named as in Slurm (john[1-110],bryan*), with * for any characters and ? for one.
    """

    reported: Annotated[tuple[str, ...], Example(["john[1-110]", "bryan*"])] = ()
    """The nodes that are shown; empty: all that Slurm has."""
    counted: Annotated[tuple[str, ...], Example(["john*"])] = ()
    """Those whose cores count towards the total; of others only while a job runs there. Empty: all."""
    column_ordered: Annotated[tuple[str, ...], Example(["john*"])] = ()
    """Nodes whose system deals CPU numbers out to the sockets in turn (0, 2, 4, ... and 1, 3, 5, ...)."""
    threaded: Annotated[Mapping[str, Threads], Example({"milan*": {"cores": 64, "threads": 2}})] = field(
        default_factory=lambda: NOTHING
    )
    """Nodes with several hardware threads a core, where Slurm does not tell."""
    network_interface: Annotated[Mapping[str, str], Example({"john*": "ib0", "*": "eth0"})] = field(
        default_factory=lambda: NOTHING
    )
    """Nodes, and the network interface whose traffic counts; of several that match, the first."""
    jobfs_device: Annotated[Mapping[str, str], Example({"*": "sdb"})] = field(default_factory=lambda: NOTHING)
    """Nodes, and the disk that is their job disk; of several that match, the first."""
