"""A worked example of a site's own backend: Slurm, Ganglia and InfluxDB of one cluster, put together.

To make one for your site, copy this file to ``backend_mysite.py`` in ``/etc/jobmon/backends`` (or, to try
it, in ``~/.config/jobmon/backends``), name the class ``Backend``, change what is different at your site, and
start ``jobmon --backend mysite``. Nothing else of jobmon needs to be touched.

Everything that can be said in the configuration is best said there, where no Python is needed::

    [backend]
    name = "ozstar"
    options = {short_user_names = true}

    [nodes]
    reported = ["john[1-110]", "bryan*", "dtn1"]
    counted = ["john*", "bryan*"]
    column_ordered = ["john*"]
    threaded = {"bryan*" = {cores = 32, threads = 2}}
    network_interface = {"*" = "ib0"}
    jobfs_device = {"*" = "sdb"}

    [ganglia]
    addresses = ["head1:8651", "head2:8651"]

    [influxdb]
    url = "http://metrics:8086"
    token_file = "/etc/jobmon/influxdb.token"

What is left for Python is what a site concludes from all this. A cycle goes like so, and each step can be
overridden:

1. ``pre_update()`` asks Slurm, then all sources of measurements at the same time;
2. ``reported_nodes()`` says which nodes are shown, which of them count, and which are up;
3. ``scheduler_cpu_use()`` brings a node's cores into the order in which Slurm numbers them;
4. ``reported_jobs()`` has the last word on the jobs.

Beyond these, every method of the contract in ``base.py`` can be overridden for one reading: with a method
``mem(self, name)``, say, that returns ``{"used": ..., "total": ...}`` in MiB, all memory readings are yours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from jobmon_tui.backends.measured import MeasuredBackend, Table
from jobmon_tui.backends.merge_readings import up_by_readings
from jobmon_tui.backends.short_names import shorten_names
from jobmon_tui.backends.side_by_side import LIMIT, STALE_AFTER
from jobmon_tui.backends.site_options import seconds_from, yes_or_no_from
from jobmon_tui.config_measuring import GangliaSettings, InfluxSettings, NodeSettings
from jobmon_tui.model.snapshot import Job, Node, Reservation
from jobmon_tui.sources.readings import ReadingsAnswer, ReadingsSource
from jobmon_tui.sources.slurm.answer import SlurmSource


class OzstarBackend(MeasuredBackend):
    """Slurm, Ganglia and InfluxDB of one cluster, shown as its site wants them shown.

    Args:
        slurm: Who asks Slurm, if not the usual ways.
        readings: Who measures, if not Ganglia and InfluxDB.
        ganglia: What the section ``[ganglia]`` of the configuration says.
        influxdb: What the section ``[influxdb]`` says.
        nodes: What the section ``[nodes]`` says.
        short_user_names: Whether user names are cut to their shortest unique beginnings, and paths and
            commands left out: for a display that everybody can see.
        node_up_by_readings: Whether a node is up when it reports, rather than when Slurm says so. Slurm
            believes in a node for minutes after it froze.
        dead_after: Seconds without a report after which a node is down.
        time_limit: Seconds that a cycle waits for Ganglia and InfluxDB together.
        stale_after: Seconds for which the last readings stand after one of them failed.
        keep_job_memory: Whether the highest memory use of each job survives a restart of jobmon.
        own_use: Whether Slurm is asked what the user's own running jobs use, as far as nothing measures it.

    Raises:
        UsageError: An option makes no sense.
    """

    def __init__(
        self,
        slurm: SlurmSource | None = None,
        readings: Sequence[ReadingsSource] | None = None,
        *,
        ganglia: GangliaSettings | Table | None = None,
        influxdb: InfluxSettings | Table | None = None,
        nodes: NodeSettings | Table | None = None,
        short_user_names: bool = False,
        node_up_by_readings: bool = True,
        dead_after: float = 180.0,
        time_limit: float = LIMIT,
        stale_after: float = STALE_AFTER,
        keep_job_memory: bool = True,
        own_use: bool = True,
    ) -> None:
        super().__init__(
            slurm,
            readings,
            ganglia=ganglia,
            influxdb=influxdb,
            nodes=nodes,
            time_limit=time_limit,
            stale_after=stale_after,
            keep_job_memory=keep_job_memory,
            own_use=own_use,
        )
        self._is_public = yes_or_no_from("short_user_names", short_user_names)
        self._up_by_readings = yes_or_no_from("node_up_by_readings", node_up_by_readings)
        self._dead_after = seconds_from("dead_after", dead_after)

    def reported_nodes(self, nodes: Sequence[Node], answers: Sequence[ReadingsAnswer]) -> Iterable[Node]:
        """The nodes that ``[nodes]`` names, each up or down by whether it reports."""
        shown = super().reported_nodes(nodes, answers)
        if self._up_by_readings:
            shown = up_by_readings(shown, answers, self.names, self._dead_after)
        if self._is_public:
            shown = (replace(node, reason_user=None) for node in shown)
        return shown

    def reported_jobs(self, jobs: Sequence[Job]) -> Iterable[Job]:
        """All jobs; on a public display, without what gives away whose they are."""
        if not self._is_public:
            return jobs
        short = shorten_names(job.username for job in jobs)
        if self.only_user is not None:
            # Whoever asks for one user's jobs knows that name, and finds the jobs by it.
            short[self.only_user] = self.only_user
        return [_for_everybody(job, short[job.username]) for job in jobs]

    def reservations(self) -> Iterable[Reservation]:
        """All reservations; on a public display, without the names of those they are for."""
        reservations = super().reservations()
        if not self._is_public:
            return reservations
        return [replace(reservation, users=(), accounts=()) for reservation in reservations]


def _for_everybody(job: Job, username: str) -> Job:
    """A job as a public display shows it. Paths begin with somebody's home folder, so they go, too."""
    return replace(job, username=username, work_dir=None, stdout=None, stderr=None, command=None)
