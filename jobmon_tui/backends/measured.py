"""The backend for a Slurm cluster whose nodes are measured: who holds what, and what is done with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from jobmon_tui.backends.host_names import HostNames
from jobmon_tui.backends.job_memory import JobMemory, memory_file
from jobmon_tui.backends.measuring import sources_from
from jobmon_tui.backends.merge_readings import measured_jobs, measured_nodes
from jobmon_tui.backends.node_rules import NodeRules
from jobmon_tui.backends.side_by_side import LIMIT, STALE_AFTER, SideBySide
from jobmon_tui.backends.site_options import seconds_from, section_from, yes_or_no_from
from jobmon_tui.backends.slurm import SlurmBackend
from jobmon_tui.config_measuring import GangliaSettings, InfluxSettings, NodeSettings, PrometheusSettings
from jobmon_tui.model.measures import CpuUse
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Job, Node, SourceStatus
from jobmon_tui.sources.readings import ReadingsAnswer, ReadingsSource
from jobmon_tui.sources.slurm.answer import SlurmSource

Table = Mapping[str, object]
"""A section of the configuration as a plain table."""


class MeasuredBackend(SlurmBackend):
    """Slurm's nodes and jobs, with what any number of sources measured of them.

    A cycle asks Slurm, then all sources side by side. It ends in time whatever they do: a source that fails
    or hangs costs its own readings only, and those it gave last stand for a while. Without Slurm's answer
    there is nothing to measure, so that failing fails the cycle.

    To fit it to a site, derive from it and override what differs: `reported_nodes`, `reported_jobs` or
    `scheduler_cpu_use`. The backend in ``ozstar.py`` does so.

    Args:
        slurm: Who asks Slurm; by default the best way that this machine has.
        readings: Who measures, the most trusted first: the others fill what it does not know. By default the
            systems that the next three options name, in that order.
        ganglia: As in the section ``[ganglia]`` of the configuration.
        influxdb: As in the section ``[influxdb]``.
        prometheus: As in the section ``[prometheus]``.
        nodes: As in the section ``[nodes]``.
        time_limit: Seconds that a cycle waits for all sources together.
        stale_after: Seconds for which a failing source's last readings stand.
        keep_job_memory: Whether the highest memory use of each job is kept in the state folder, for when
            jobmon starts again.
        own_use: Whether Slurm is asked now and then what the user's own running jobs use, as far as nothing
            measures it.

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
        prometheus: PrometheusSettings | Table | None = None,
        nodes: NodeSettings | Table | None = None,
        time_limit: float = LIMIT,
        stale_after: float = STALE_AFTER,
        keep_job_memory: bool = True,
        own_use: bool = True,
    ) -> None:
        super().__init__(slurm, own_use=own_use)
        self.rules = NodeRules(section_from("nodes", nodes, NodeSettings))
        if readings is None:
            readings = sources_from(
                section_from("ganglia", ganglia, GangliaSettings),
                section_from("influxdb", influxdb, InfluxSettings),
                section_from("prometheus", prometheus, PrometheusSettings),
                self.rules,
            )
        limit, stale = seconds_from("time_limit", time_limit), seconds_from("stale_after", stale_after)
        self._measuring = SideBySide(readings, limit=limit, stale_after=stale)
        self._keep_job_memory = yes_or_no_from("keep_job_memory", keep_job_memory)
        self._job_memory: JobMemory | None = None
        self._scheduled: tuple[Node, ...] = ()
        self._running: frozenset[str] = frozenset()
        self._numbers: dict[str, int] = {}
        self.names = HostNames(())
        """The nodes' names, for finding whom a source means."""
        self._measured_nodes: Sequence[Node] | None = None
        self._measured_jobs: Sequence[Job] = ()

    # -- what a site may see differently -------------------------------------------------------------------

    def reported_nodes(self, nodes: Sequence[Node], answers: Sequence[ReadingsAnswer]) -> Iterable[Node]:
        """The nodes that are shown, before they get their readings; here, as ``[nodes]`` says.

        Args:
            nodes: Slurm's.
            answers: What the sources measured, for a site that concludes something from it.
        """
        return self.rules.nodes(nodes)

    def reported_jobs(self, jobs: Sequence[Job]) -> Iterable[Job]:
        """The jobs that are shown, with their readings; here, all of them."""
        return jobs

    def scheduler_cpu_use(self, node: Node, cpu: CpuUse) -> CpuUse:
        """A node's CPU use with its cores in the scheduler's numbering; here, as ``[nodes]`` says.

        Args:
            node: What the scheduler says of it.
            cpu: Core by core as the source numbers them.
        """
        return self.rules.cores.cpu_use(node, cpu)

    # -- the cycle -----------------------------------------------------------------------------------------

    def pre_update(self) -> None:
        """Ask Slurm for everything, then every source, once.

        Raises:
            SourceError: Jobs or nodes cannot be had.
        """
        self._measured_nodes = None
        super().pre_update()
        slurm = self._answered()
        # A task of an array goes by its own number where Slurm's profiling or Lustre write of it.
        running = {str(job.number or job.job_id) for job in slurm.jobs if job.is_running}
        numbers = {job.job_id: job.number for job in slurm.jobs if job.number is not None}
        self._numbers = numbers if slurm.nodes else self._numbers | numbers
        if slurm.nodes:
            self._scheduled, self._running = slurm.nodes, frozenset(running)
            self.names = HostNames(node.name for node in slurm.nodes)
        # About one user's jobs Slurm tells no nodes: those it told last are measured anew.
        self._measuring.load([node.name for node in self._scheduled], sorted(running | self._running))
        answers = self._measuring.answers()
        shown = self.reported_nodes(self._scheduled, answers)
        self._measured_nodes = measured_nodes(shown, answers, self.names, self.scheduler_cpu_use)
        jobs = self.with_own_use(measured_jobs(slurm.jobs, answers, self.names))
        self._measured_jobs = list(self.reported_jobs(self._with_highest_memory(jobs)))

    def nodes(self) -> Iterable[Node]:
        """Every node; where only one user's jobs were asked for, as Slurm had them before that."""
        if self._measured_nodes is None:
            self.pre_update()
        return self._measured_nodes or ()

    def jobs(self) -> Iterable[Job]:
        """Every job, or those of ``only_user``."""
        if self._measured_nodes is None:
            self.pre_update()
        return self._measured_jobs

    def sources(self) -> Sequence[SourceStatus]:
        """Slurm and the parts of its answer that are missing, then each source of measurements."""
        return (*super().sources(), *self._measuring.statuses())

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What was measured over a time, from the first source that keeps it; ``None`` where none does.

        Raises:
            SourceError: A source failed and no other one knew anything.
        """
        return self._measuring.series([self._by_number(request) for request in requests])

    def close(self) -> None:
        """End all calls under way, from whichever thread, and write down the jobs' highest memory use."""
        super().close()
        self._measuring.close()
        if self._job_memory is not None:
            self._job_memory.save()

    def _by_number(self, request: SeriesRequest) -> SeriesRequest:
        """A request about a task of an array, under the number by which who measures it knows it."""
        number = self._numbers.get(request.name) if request.kind == "job" else None
        return request if number is None else replace(request, name=str(number))

    def _with_highest_memory(self, jobs: Sequence[Job]) -> list[Job]:
        slurm = self._answered()
        if self._job_memory is None:
            self._job_memory = JobMemory(memory_file(slurm.cluster) if self._keep_job_memory else None)
        memory = self._job_memory
        memory.note((job for job in jobs if job.is_running), slurm.taken_at, everyone=self.only_user is None)
        return [
            job if (highest := memory.highest(job)) is None else replace(job, memory_max=highest)
            for job in jobs
        ]
