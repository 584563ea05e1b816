"""What the jobs use: memory by Slurm's profiling plug-in, Lustre by its servers' statistics, local disk."""

from __future__ import annotations

import re

from jobmon_tui.model.measures import LustreRate
from jobmon_tui.sources.influxdb_counters import Counters
from jobmon_tui.sources.influxdb_schema import InfluxSchema
from jobmon_tui.sources.influxdb_select import Newest, Row
from jobmon_tui.sources.influxdb_telegraf import MIB, Part
from jobmon_tui.sources.readings import JobReading

_JOB = re.compile(r"([0-9]+(?:_[0-9]+)?)(?:\.\w+)?", re.ASCII)
"""A job's id, as it is or with a step behind it (``12.0``, ``12.batch``)."""
_TARGET = re.compile(r"(.+)-(OST|MDT)[0-9a-fA-F]+.*", re.ASCII | re.DOTALL)
"""``home-OST0001``: a file system and one of its targets."""
_SERVERS = {"ost": "oss", "oss": "oss", "obdfilter": "oss", "mdt": "mds", "mds": "mds"}
"""What a kind of server may be called."""


def job_of(tag: str) -> str | None:
    """The job that a tag names; ``None`` for what is no job's id."""
    match = _JOB.fullmatch(tag)
    return match[1] if match else None


def target_of(name: str, server: str = "") -> tuple[str, str] | None:
    """The file system and the kind of server (``mds`` or ``oss``); ``None`` where the kind is not told.

    Args:
        name: A file system or one of its targets.
        server: The kind of server, where a tag tells it.
    """
    match = _TARGET.fullmatch(name)
    filesystem = match[1] if match else name
    kind = _SERVERS.get(server.lower(), _SERVERS.get(match[2].lower()) if match else None)
    return (filesystem, kind) if filesystem and kind else None


class JobReader:
    """Turns rows into the readings of jobs.

    Args:
        schema: What things are called.
        window: How many seconds back a point may be; Slurm's plug-in stores in batches, half a minute late.
    """

    def __init__(self, schema: InfluxSchema, window: float) -> None:
        self._schema = schema
        self._window = window
        self._tasks: dict[tuple[str, str], dict[frozenset[tuple[str, str]], tuple[float, float]]] = {}
        self._disk: dict[tuple[str, str], tuple[float, float]] = {}
        self._lustre = Counters()

    def parts(self) -> list[Part]:
        """What to ask for; measurements that the site does not keep are left out."""
        profiling, disk, lustre = self._schema.profiling, self._schema.job_disk, self._schema.lustre
        parts = [
            (self._newest(profiling.memory_measurement, (profiling.value,), 1), self._take_memory),
            (self._newest(disk.use_measurement, (disk.use,), 1), self._take_disk),
            (
                self._newest(
                    lustre.job_measurement, (lustre.job_read, lustre.job_write, *lustre.job_operations), 2
                ),
                self._take_lustre,
            ),
        ]
        return [part for part in parts if part[0].measurement]

    def _newest(self, measurement: str, fields: tuple[str, ...], points: int) -> Newest:
        return Newest(measurement=measurement, fields=fields, tags=None, points=points, window=self._window)

    def _take_memory(self, row: Row) -> None:
        names = self._schema.profiling
        job, host = job_of(row.tags.get(names.job_tag, "")), row.tags.get(names.host_tag, "")
        value = row.values.get(names.value)
        if job and host and value is not None:
            tasks = self._tasks.setdefault((job, host), {})
            task = frozenset(row.tags.items())
            tasks[task] = max(tasks.get(task, (0.0, 0.0)), (row.time, value))

    def _take_disk(self, row: Row) -> None:
        names = self._schema.job_disk
        job, host = job_of(row.tags.get(names.use_job_tag, "")), row.tags.get(names.use_host_tag, "")
        value = row.values.get(names.use)
        if job and host and value is not None:
            mib = value * names.use_bytes_each / MIB
            self._disk[job, host] = max(self._disk.get((job, host), (0.0, 0.0)), (row.time, mib))

    def _take_lustre(self, row: Row) -> None:
        names = self._schema.lustre
        job = job_of(row.tags.get(names.job_tag, ""))
        server = row.tags.get(names.server_tag, "") if names.server_tag else ""
        target = target_of(row.tags.get(names.filesystem_tag, ""), server)
        if job and target:
            self._lustre.put((job, *target), row)

    def readings(self) -> dict[str, JobReading]:
        """What is known of each job, once every row was taken."""
        memory: dict[str, dict[str, float]] = {}
        for (job, host), tasks in self._tasks.items():
            memory.setdefault(job, {})[host] = sum(kib for _, kib in tasks.values()) / 1024
        disk: dict[str, dict[str, float]] = {}
        for (job, host), (_, mib) in self._disk.items():
            disk.setdefault(job, {})[host] = mib
        lustre = self._lustre_rates()
        return {
            job: JobReading(memory=memory.get(job, {}), jobfs=disk.get(job, {}), lustre=lustre.get(job, {}))
            for job in dict.fromkeys((*memory, *disk, *lustre))
        }

    def _lustre_rates(self) -> dict[str, dict[str, dict[str, LustreRate]]]:
        names = self._schema.lustre
        jobs: dict[str, dict[str, dict[str, LustreRate]]] = {}
        for owner in self._lustre.owners():
            job, filesystem, server = owner
            rate = LustreRate(
                self._lustre.rate(owner, names.job_read),
                self._lustre.rate(owner, names.job_write),
                self._lustre.rate(owner, *names.job_operations),
            )
            if any(part is not None for part in rate):
                jobs.setdefault(job, {}).setdefault(filesystem, {})[server] = rate
        return jobs
