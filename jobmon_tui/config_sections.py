"""The sections of the configuration: every key there is, with its type, its default and what it means.

The text under a key is its documentation: ``jobmon config --defaults`` prints it. A key whose default is
``None`` is not set; an empty string in a file unsets what a file of lower rank has set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from jobmon_tui.config_collect import CollectSettings
from jobmon_tui.config_feeds import FeedSettings, ServeSettings
from jobmon_tui.config_measuring import (
    NOTHING,
    GangliaSettings,
    InfluxSettings,
    NodeSettings,
    PrometheusSettings,
)
from jobmon_tui.config_rules import Between, Example

Percent = Annotated[float, Between(0, 100)]
Amount = Annotated[float, Between(0, 1e9)]


@dataclass(frozen=True, kw_only=True)
class ColumnSettings:
    """The columns of each table, by their keys, in any order; empty: as jobmon chooses.

    For all keys there are, write a wrong one: the error lists them."""

    jobs: Annotated[tuple[str, ...], Example(["id", "name", "user", "cores", "elapsed"])] = ()
    """Of the job list."""
    queue: Annotated[tuple[str, ...], Example(["id", "user", "cores", "reason"])] = ()
    """Of the queue."""
    nodes: Annotated[tuple[str, ...], Example(["name", "state", "cpu", "memory"])] = ()
    """Of the node list."""
    users: Annotated[tuple[str, ...], Example(["user", "cores", "share"])] = ()
    """Of the users."""
    partitions: Annotated[tuple[str, ...], Example(["partition", "cores", "busy"])] = ()
    """Of the partitions."""
    reservations: Annotated[tuple[str, ...], Example(["reservation", "start", "end"])] = ()
    """Of the reservations."""


@dataclass(frozen=True, kw_only=True)
class WatchSettings:
    """How the app opens.

    What is changed in the app is remembered. It outranks the site's file, but not your own.
    """

    interval: Annotated[float | None, Between(0.5, 86_400), Example(10)] = None
    """Seconds between two refreshes; not set: as the source of the data suggests."""
    theme: Annotated[str | None, Example("jobmon-light")] = None
    """The colours: jobmon-dark, jobmon-light, jobmon-colour-blind-dark, jobmon-colour-blind-light, ..."""
    view: Annotated[str | None, Example("jobs")] = None
    """The view that is opened: cluster, jobs, nodes or queue; not set: the cluster."""
    filter: Annotated[str, Example("state:running")] = ""
    """The job filter to start with, as typed after /."""
    columns: ColumnSettings = ColumnSettings()
    """The columns of each table."""


@dataclass(frozen=True, kw_only=True)
class BackendSettings:
    """Which backend brings the data: Slurm's own, or your site's."""

    name: Annotated[str | None, Example("mysite")] = None
    """Its name, package.module:Class, or the whole path of a file; not set: slurm, or demo without Slurm."""
    path: Annotated[tuple[Path, ...], Example(["/opt/site/backends"])] = ()
    """Folders in which backend_NAME.py is looked for first."""
    options: Annotated[Mapping[str, object], Example({"gmetad": "head2:8651"})] = field(
        default_factory=lambda: NOTHING
    )
    """Passed to the backend as it is made. They go with the name: where another backend is named in a file of
    higher rank or on the command line, it does not get them."""


@dataclass(frozen=True, kw_only=True)
class SlurmSettings:
    """How Slurm is asked."""

    prefer: Literal["auto", "commands", "pyslurm"] = "auto"
    """By its commands, by pyslurm, or (auto) by pyslurm where it works and by the commands elsewhere."""
    timeout: Annotated[float, Between(1, 3600)] = 30.0
    """Seconds after which a command of Slurm's that does not answer is ended."""
    conf: Annotated[Path | None, Example("/etc/slurm-nt/slurm.conf")] = None
    """The slurm.conf of the cluster to be asked (as SLURM_CONF); not set: this machine's own."""
    cluster: Annotated[str | None, Example("nt")] = None
    """The name of the cluster to be asked (as squeue -M), where Slurm's database knows several; the commands
    alone can ask it."""
    own_use: bool = True
    """Whether Slurm is asked, once a minute by sstat, what your own running jobs use; only of those that
    nothing measures."""


@dataclass(frozen=True, kw_only=True)
class HistorySettings:
    """What the app keeps of what it has seen, on your own disk, for the time machine and for charts.

    It is for a cluster that nothing records; a collector's spool has its own."""

    on: bool = True
    """Whether anything is kept."""
    keep: Annotated[float, Between(0.1, 720)] = 24.0
    """For how long, in hours."""
    most_bytes: Annotated[int, Between(1_000_000, 1_000_000_000_000)] = 200_000_000
    """How much of the disk it may take, in bytes."""


@dataclass(frozen=True, kw_only=True)
class ThresholdSettings:
    """From where on something counts as wasted."""

    warn_swap: Percent = 100.0
    """Swap in use above this, in %."""
    warn_util: Percent = 80.0
    """CPU use (user, nice and system) below this, in %."""
    warn_sys: Percent = 30.0
    """System time above this, in %."""
    warn_wait: Percent = 5.0
    """Time waiting for input and output above this, in %."""
    warn_mem: Percent = 70.0
    """Memory used below this, in % of a large request."""
    base_mem: Amount = 2048.0
    """Memory that each core may ask for without using it, in MiB."""
    base_mem_single: Amount = 4096.0
    """The same for the first core, in MiB."""
    warn_gpu_util: Percent = 30.0
    """GPU utilisation below this, in %."""
    grace_time: Amount = 5.0
    """How long a job may take to get going, in minutes."""
    warning_window: Annotated[float, Between(1, 86_400)] = 600.0
    """How far back warnings over time look, in seconds."""
    warning_fraction: Annotated[float, Between(0, 1)] = 0.5
    """In more than this part of those snapshots a warning must be raised to hold."""
    terrible_threshold: Amount = 1000.0
    """A user whose badness is above this stands out."""


@dataclass(frozen=True, kw_only=True)
class ObserveSettings:
    """How one of your own jobs is observed on its node (o in its drill-down)."""

    via: Literal["srun", "ssh"] = "srun"
    """By a small step of the job (srun --overlap), or by ssh where users may log in to their jobs' nodes."""
    ssh_host: Annotated[str, Example("{node}.cluster.example.org")] = "{node}"
    """What ssh calls a node; {node} is Slurm's name of it."""
    ssh_arguments: Annotated[tuple[str, ...], Example(["-o", "ProxyJump=login1"])] = ()
    """More arguments for ssh. It never asks for a password: keys or host-based logins must do."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set for one cluster."""

    watch: WatchSettings = WatchSettings()
    feed: FeedSettings = field(default_factory=FeedSettings)
    serve: ServeSettings = field(default_factory=ServeSettings)
    backend: BackendSettings = field(default_factory=BackendSettings)
    slurm: SlurmSettings = SlurmSettings()
    ganglia: GangliaSettings = field(default_factory=GangliaSettings)
    influxdb: InfluxSettings = field(default_factory=InfluxSettings)
    prometheus: PrometheusSettings = field(default_factory=PrometheusSettings)
    nodes: NodeSettings = field(default_factory=NodeSettings)
    history: HistorySettings = HistorySettings()
    thresholds: ThresholdSettings = ThresholdSettings()
    collect: CollectSettings = field(default_factory=CollectSettings)
    observe: ObserveSettings = ObserveSettings()
