"""The section about the collector; see `config_sections`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from jobmon_tui.config_rules import Between, Example, FileMode, Url

Age = Annotated[float, Between(60, 366 * 86_400)]


@dataclass(frozen=True, kw_only=True)
class WriteBackSettings:
    """What the collector writes to InfluxDB: of each running job its mean CPU and GPU use and its highest
    memory use, and how the collector itself does.

    What is not set is as in [influxdb], except that a secret for one server is never sent to another.
    """

    write: bool = False
    """Whether anything is written."""
    url: Annotated[str | None, Url(), Example("http://influxdb.example.org:8086")] = None
    """Where InfluxDB answers."""
    dialect: Annotated[Literal["influxql", "flux"] | None, Example("influxql")] = None
    """How it is written to: influxql (/write of 1.x) or flux (2.x)."""
    database: Annotated[str | None, Example("jobmon")] = None
    """The database, for influxql."""
    retention_policy: Annotated[str | None, Example("year")] = None
    """The retention policy, for influxql; not set: the database's own."""
    org: Annotated[str | None, Example("physics")] = None
    """The organisation, for flux."""
    bucket: Annotated[str | None, Example("jobmon")] = None
    """The bucket, for flux."""
    token_file: Annotated[Path | None, Example("/etc/jobmon/influxdb-write.token")] = None
    """A file that holds nothing but a token that may write."""
    user: Annotated[str | None, Example("jobmon")] = None
    """Who writes, for influxql where there are passwords in place of tokens."""
    password_file: Annotated[Path | None, Example("/etc/jobmon/influxdb-write.password")] = None
    """A file that holds nothing but that user's password."""
    job_measurement: str = "jobmon_job"
    """The measurement for jobs: tags job, user and cluster."""
    collector_measurement: str = "jobmon_collector"
    """The measurement for the collector's cycles: tags host and cluster."""
    source_measurement: str = "jobmon_source"
    """The measurement for each source: tags host, cluster and source."""


@dataclass(frozen=True, kw_only=True)
class CollectSettings:
    """The collector: where `jobmon collect` writes for everyone, how often, and what it keeps."""

    spool: Annotated[Path | None, Example("/var/spool/jobmon")] = None
    """The folder that it writes; `jobmon doctor` looks after it."""
    update_interval: Annotated[float, Between(0.1, 86_400)] = 30.0
    """Seconds from one snapshot to the next. A cycle that takes longer leaves out those that it missed."""
    history_length: Age = 86_400.0
    """How far back the history of used cores goes, in seconds."""
    history_delete_age: Age = 86_400.0
    """Seconds after which a recorded snapshot is removed."""
    snapshot_files: bool = True
    """Whether each snapshot is also kept in a file of its own (data<time>.json.gz), as web front ends read
    it. The newest is always there, in data.json.gz."""
    store: bool = True
    """Whether each snapshot is kept in the compact store, from which jobmon reads the past."""
    most_array_tasks: Annotated[int, Between(0, 1_000_000)] = 10_000
    """Waiting tasks of job arrays that are spelled out for web front ends, all together; an array that does
    not fit any more is one entry. With 0 none is."""
    mode: Annotated[str, FileMode()] = "0644"
    """The mode of the files, whatever the umask."""
    owner: Annotated[str | None, Example("jobmon")] = None
    """Whose the files are; not set: whose the collector is. Only root may give files away."""
    group: Annotated[str | None, Example("hpc")] = None
    """The group of the files."""
    lock_file: Annotated[Path | None, Example("/run/lock/jobmon-collect.lock")] = None
    """What is locked against a second collector; not set: collector.lock in the spool. Name a file on a local
    disk where the spool's file system has no locks."""
    influxdb: WriteBackSettings = field(default_factory=WriteBackSettings)
    """What is written to InfluxDB."""
