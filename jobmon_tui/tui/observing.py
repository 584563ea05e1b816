"""Observing one of one's own jobs from inside, as long as its drill-down is open."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from jobmon_tui.analysis.facts import Fact
from jobmon_tui.errors import JobmonError, SourceError
from jobmon_tui.model.snapshot import Job
from jobmon_tui.model.units import UNKNOWN, format_duration_words, format_mib

if TYPE_CHECKING:
    from jobmon_tui.config_sections import ObserveSettings
    from jobmon_tui.sources.slurm.sampler_frame import Observation

MOST_CORES = 32
"""Cores that are told one by one."""


class Sampler(Protocol):
    """Watches one job on one node; no method blocks."""

    def start(self, job_id: str, node: str, gpus: Collection[int] = ()) -> None:
        """Begin to watch a job on a node where it holds those GPUs."""

    def latest(self) -> Observation | None:
        """The newest that was seen, if anything was yet; raises JobmonError once it has ended."""

    def close(self) -> None:
        """End it."""


def new_sampler(settings: ObserveSettings | None, environment: Mapping[str, str] | None = None) -> Sampler:
    """A sampler that runs a step in the job, or logs in to its node.

    Args:
        settings: How to get there; ``None``: by a step of the job.
        environment: In which Slurm's commands reach the job's cluster; by default that of this process.

    Raises:
        JobmonError: It cannot be done as configured, or Slurm's commands cannot reach that cluster.
    """
    from jobmon_tui.sources.slurm.sampler import JobSampler

    _check_reach(environment)
    if settings is None:
        return JobSampler(environment)
    return JobSampler(
        environment, via=settings.via, ssh_host=settings.ssh_host, ssh_arguments=settings.ssh_arguments
    )


def _check_reach(environment: Mapping[str, str] | None) -> None:
    """srun and sstat know no other clusters: the job of the same number here would be meant."""
    if environment is not None and environment.get("SLURM_CLUSTERS"):
        raise SourceError(
            f"jobs of cluster {environment['SLURM_CLUSTERS']} cannot be observed from here",
            "set slurm.conf of that cluster in place of slurm.cluster, or run jobmon there",
        )


class Counted(NamedTuple):
    """What Slurm counted of a job up to now, or why not."""

    job_id: str
    cpu_seconds: float | None = None
    """CPU time of all its steps."""
    memory_max: float | None = None
    """MiB that the largest of its tasks used at its largest."""
    problem: str = ""


def count(job_id: str, environment: Mapping[str, str] | None = None) -> Counted:
    """Ask Slurm what it counted of a running job; takes up to ten seconds.

    Args:
        job_id: The job.
        environment: In which sstat reaches the job's cluster; by default that of this process.
    """
    from jobmon_tui.sources.slurm.sstat import Sstat

    try:
        _check_reach(environment)
        steps = Sstat(environment).use(job_id)
    except JobmonError as error:
        return Counted(job_id, problem=error.message)
    seconds = [step.cpu_seconds for step in steps if step.cpu_seconds is not None]
    largest = [step.memory_max for step in steps if step.memory_max is not None]
    return Counted(job_id, sum(seconds) if seconds else None, max(largest, default=None))


class Observing:
    """Which job is being observed on which node; at most one."""

    def __init__(self) -> None:
        self.node = ""
        """Where; empty while nothing is observed."""
        self.counted: Counted | None = None
        """What Slurm counted of the job when that began, once it has answered."""
        self._via = ""
        self._sampler: Sampler | None = None
        self._refusal: JobmonError | None = None

    def start(
        self,
        job: Job,
        node: str,
        settings: ObserveSettings | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Begin to observe a job; what was observed before is not any more.

        Args:
            job: One of the user's own.
            node: One of its nodes.
            settings: How to get there; ``None``: by a step of the job.
            environment: In which Slurm's commands reach its cluster; by default that of this process.
        """
        self.stop()
        self.node = node
        self._via = "" if settings is None else settings.via
        try:
            self._sampler = new_sampler(settings, environment)
            self._sampler.start(job.job_id, node, job.gpu_layout.get(node, ()))
        except JobmonError as error:
            self._refusal = error

    def stop(self) -> None:
        """Let go; the step in the job ends."""
        if self._sampler is not None:
            self._sampler.close()
        self._sampler = self._refusal = self.counted = None
        self.node = ""

    def facts(self, job: Job, now: float) -> tuple[Fact, ...]:
        """What is observed, or why nothing is; none while nothing is asked for.

        Args:
            job: The job.
            now: Unix seconds, for the age of what was seen.
        """
        if not self.node:
            return ()
        return (*self._observed(job, now), *self._counted(job.job_id))

    def _counted(self, job_id: str) -> Iterator[Fact]:
        counted = self.counted
        if counted is None or counted.job_id != job_id:
            return
        yield Fact("Counted by Slurm when that began", "", "primary")
        if counted.problem:
            yield Fact("sstat", counted.problem, "warning")
            return
        cpu = counted.cpu_seconds
        yield Fact("CPU time", format_duration_words(None if cpu is None else cpu / 60))
        yield Fact("largest task", format_mib(counted.memory_max))

    def _observed(self, job: Job, now: float) -> tuple[Fact, ...]:
        heading = Fact(f"Observed on {self.node}", "", "primary")
        try:
            if self._refusal is not None:
                raise self._refusal
            seen = self._sampler.latest() if self._sampler is not None else None
        except JobmonError as error:
            hint = (Fact("", error.hint, "dim"),) if error.hint else ()
            return (heading, Fact("ended", error.message, "warning"), *hint)
        if seen is None:
            waits_for = "ssh connects..." if self._via == "ssh" else "the step starts..."
            return (heading, Fact("seen", waits_for, "dim"))
        return (heading, *_seen(seen, job, now))


def _seen(seen: Observation, job: Job, now: float) -> Iterator[Fact]:
    yield Fact("seen", f"{max(0.0, now - seen.taken_at):.0f} s ago", "dim")
    yield Fact("CPU", _cpu(seen.busy, len(job.layout.get(seen.node, ()))))
    if seen.cores:
        listed = [f"{core}: {percent:.0f} %" for core, percent in list(seen.cores.items())[:MOST_CORES]]
        more = len(seen.cores) - len(listed)
        yield Fact("each core", ", ".join((*listed, f"and {more} more") if more else listed))
    memory, allocated = format_mib(seen.memory), job.memory_layout.get(seen.node)
    yield Fact("memory", f"{memory} of {format_mib(allocated)}" if allocated else memory)
    for gpu in seen.gpus:
        use = UNKNOWN if gpu.utilisation is None else f"{gpu.utilisation:.0f} %"
        held = f", {format_mib(gpu.memory.used)} of {format_mib(gpu.memory.total)}" if gpu.memory else ""
        yield Fact(gpu.name, use + held)


def _cpu(busy: float | None, cores: int) -> str:
    if busy is None:
        return UNKNOWN
    kept = f"{busy:.1f} cores busy"
    return f"{100 * busy / cores:.0f} % ({kept} of {cores})" if cores else kept
