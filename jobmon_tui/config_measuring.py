"""The sections about systems that measure nodes and jobs; see `config_sections`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from jobmon_tui.config_rules import Between, Example, Url

NOTHING: Mapping[str, Any] = MappingProxyType({})
Seconds = Annotated[float, Between(0.1, 3600)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GangliaSettings:
    """Ganglia: what gmond or gmetad report of the nodes."""

    addresses: Annotated[tuple[str, ...], Example(["gmetad.example.org:8651", "head2:8649"])] = ()
    """Where gmetad or gmond answer, as host:port; several are merged. Without any, Ganglia is not asked."""
    timeout: Seconds = 10.0
    """Seconds within which all of them must have answered."""
    dead_after: Annotated[float, Between(1, 86_400)] = 180.0
    """Seconds without a report after which a node counts as dead, and its readings as unknown."""
    metrics: Annotated[Mapping[str, str], Example({"mem_inuse": "memory_used"})] = field(
        default_factory=lambda: NOTHING
    )
    """Names of your own metrics, and which reading each of them is; they go on top of the usual ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxSettings:
    """InfluxDB: what telegraf and Slurm's profiling plug-in write there of nodes and jobs."""

    url: Annotated[str | None, Url(), Example("http://influxdb.example.org:8086")] = None
    """Where it answers. Without it, InfluxDB is not asked."""
    dialect: Literal["influxql", "flux"] = "influxql"
    """How it is asked: influxql (1.x, 3.x, and 2.x with a DBRP mapping), or flux (2.x)."""
    database: str = "telegraf"
    """The database of the nodes' measurements, for influxql."""
    org: Annotated[str | None, Example("physics")] = None
    """The organisation, for flux."""
    bucket: Annotated[str | None, Example("telegraf")] = None
    """The bucket of the nodes' measurements, for flux."""
    token_file: Annotated[Path | None, Example("/etc/jobmon/influxdb.token")] = None
    """A file that holds nothing but the token."""
    user: Annotated[str | None, Example("jobmon")] = None
    """Who asks, where there are passwords in place of tokens."""
    password_file: Annotated[Path | None, Example("/etc/jobmon/influxdb.password")] = None
    """A file that holds nothing but the user's password."""
    timeout: Seconds = 10.0
    """Seconds within which all queries of a cycle must have been answered."""
    window: Annotated[float, Between(1, 86_400)] = 120.0
    """Seconds to look back for the newest values: more than twice the interval at which nodes report."""
    names: Annotated[Mapping[str, str], Example({"cpu": "telegraf_cpu", "host": "hostname"})] = field(
        default_factory=lambda: NOTHING
    )
    """Measurements, tags and fields that are called otherwise at your site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusSettings:
    """Prometheus: what its exporters tell of nodes and jobs."""

    url: Annotated[str | None, Url(), Example("http://prometheus.example.org:9090")] = None
    """Where it answers. Without it, Prometheus is not asked."""
    token_file: Annotated[Path | None, Example("/etc/jobmon/prometheus.token")] = None
    """A file that holds nothing but the bearer token."""
    user: Annotated[str | None, Example("jobmon")] = None
    """Who asks, where there are passwords in place of tokens."""
    password_file: Annotated[Path | None, Example("/etc/jobmon/prometheus.password")] = None
    """A file that holds nothing but the user's password."""
    timeout: Seconds = 10.0
    """Seconds within which all queries of a cycle must have been answered."""
    host_label: str = "instance"
    """The label that names the node; a port behind the name is left out."""
    queries: Annotated[Mapping[str, str], Example({"power": "ipmi_dcmi_power_consumption_watts"})] = field(
        default_factory=lambda: NOTHING
    )
    """Readings, and the PromQL query that tells each of them in place of the usual one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """How many cores and threads some nodes have."""

    cores: Annotated[int, Between(1, 65_536)]
    """Physical cores of each node."""
    threads: Annotated[int, Between(1, 64)]
    """Hardware threads of each core."""


@dataclass(frozen=True, slots=True, kw_only=True)
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
