"""What is wasted or in trouble: at one instant, and over the last minutes.

The rules and their scores are those that users of the web-based jobmon know. What nothing measures raises no
warning: a gap in the monitoring is not the user's fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor
from typing import TypeVar

from jobmon_tui.analysis.usage import gpu_at
from jobmon_tui.model.snapshot import CpuTimes, Job, Node, Snapshot

Place = TypeVar("Place")

Scores = dict[str, float]
"""Warning (``cpuUtil``, ``cpuSys``, ``cpuWait``, ``memUtil``, ``gpuUtil``, ``swapUse``) to its score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From where on something counts as wasted."""

    warn_swap: float = 100
    """Swap in use above this, in %."""
    warn_util: float = 80
    """CPU use (user, nice and system) below this, in %."""
    warn_sys: float = 30
    """System time above this, in %."""
    warn_wait: float = 5
    """Time waiting for input and output above this, in %."""
    warn_mem: float = 70
    """Memory used below this, in % of a large request."""
    base_mem: float = 2048
    """Memory that each core may ask for without using it, in MiB."""
    base_mem_single: float = 4096
    """The same for the first core, in MiB."""
    warn_gpu_util: float = 30
    """GPU utilisation below this, in %."""
    grace_time: float = 5
    """How long a job may take to get going, in minutes."""
    warning_window: float = 600
    """How far back warnings over time look, in seconds."""
    warning_fraction: float = 0.5
    """In more than this part of those snapshots a warning must be raised to hold."""
    terrible_threshold: float = 1000
    """A user whose badness is above this stands out."""


DEFAULT_THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True)
class Warnings:
    """Warnings that are raised, with their scores; what is not raised is absent."""

    nodes: Mapping[str, Scores] = field(default_factory=dict)
    """Node to its own warnings."""
    jobs: Mapping[str, Mapping[str, Scores]] = field(default_factory=dict)
    """Job id to node to the job's warnings there."""


def instant_warnings(snapshot: Snapshot, thresholds: Thresholds = DEFAULT_THRESHOLDS) -> Warnings:
    """The warnings of one snapshot."""
    nodes: dict[str, Scores] = {}
    for node in snapshot.nodes.values():
        if node.swap is not None and node.swap.total > 0:
            percent = 100 * ((node.swap.total - node.swap.free) / node.swap.total)
            if percent > thresholds.warn_swap:
                nodes[node.name] = {"swapUse": percent}
    jobs: dict[str, dict[str, Scores]] = {}
    for job in snapshot.jobs.values():
        if job.is_running and job.run_time > thresholds.grace_time:
            scores = _job_warnings(job, snapshot.nodes, thresholds)
            if scores:
                jobs[job.job_id] = scores
    return Warnings(nodes, jobs)


def window_warnings(
    snapshot: Snapshot, window: Iterable[Snapshot], thresholds: Thresholds = DEFAULT_THRESHOLDS
) -> Warnings:
    """The warnings that held over the minutes before a snapshot.

    Args:
        snapshot: The shown one; it counts as part of the window whether or not it is in there.
        window: Snapshots around it; those too old or newer than it are passed over.
        thresholds: What counts.
    """
    known = {
        one.timestamp: one
        for one in window
        if 0 <= snapshot.timestamp - one.timestamp < thresholds.warning_window
    }
    known.setdefault(snapshot.timestamp, snapshot)
    return over_time([instant_warnings(one, thresholds) for one in known.values()], thresholds)


def over_time(instants: Sequence[Warnings], thresholds: Thresholds = DEFAULT_THRESHOLDS) -> Warnings:
    """The warnings raised in more than the set fraction of the instants.

    A warning's score is the mean over all instants, rounded down; only scores above 0 are kept.
    """
    least = floor(thresholds.warning_fraction * len(instants))
    nodes: dict[str, Scores] = {}
    for host, raised in _gather(one.nodes.items() for one in instants).items():
        held = _held(raised, least, len(instants))
        if held:
            nodes[host] = held
    places = (
        (((job_id, host), scores) for job_id, hosts in one.jobs.items() for host, scores in hosts.items())
        for one in instants
    )
    jobs: dict[str, dict[str, Scores]] = {}
    for (job_id, host), raised in _gather(places).items():
        held = _held(raised, least, len(instants))
        if held:
            jobs.setdefault(job_id, {})[host] = held
    return Warnings(nodes, jobs)


def warned_jobs(snapshot: Snapshot, warnings: Warnings) -> frozenset[str]:
    """The jobs of the snapshot that are warned, or that run on a node that is."""
    return frozenset(
        job.job_id
        for job in snapshot.jobs.values()
        if job.job_id in warnings.jobs
        or (job.is_running and any(host in warnings.nodes for host in job.layout))
    )


def warned_users(snapshot: Snapshot, warnings: Warnings) -> frozenset[str]:
    """The users of whom a job in the snapshot is warned."""
    return frozenset(snapshot.jobs[job_id].username for job_id in warned_jobs(snapshot, warnings))


def badness(snapshot: Snapshot, warnings: Warnings) -> dict[str, float]:
    """User to the sum of their jobs' scores, plus the node's own scores for each job on a node.

    Users without any are absent.
    """
    sums: dict[str, float] = {}
    for job in snapshot.jobs.values():
        own = sum(sum(scores.values()) for scores in warnings.jobs.get(job.job_id, {}).values())
        if warnings.nodes and job.is_running:
            own += sum(sum(warnings.nodes[host].values()) for host in job.layout if host in warnings.nodes)
        if own:
            sums[job.username] = sums.get(job.username, 0) + own
    return sums


def is_terrible(user_badness: float, thresholds: Thresholds = DEFAULT_THRESHOLDS) -> bool:
    """Whether a user's badness makes them stand out."""
    return user_badness > thresholds.terrible_threshold


def memory_criterion(job: Job, thresholds: Thresholds = DEFAULT_THRESHOLDS) -> float | None:
    """The use, in MiB on a node, below which a job asked for too much memory; ``None`` if it is unknown."""
    if not job.layout or not job.memory_request or job.memory_request < 0:
        return None
    cores = len(job.layout[list(job.layout)[-1]])
    asked = job.memory_request
    free = thresholds.base_mem * (cores - 1) + thresholds.base_mem_single
    large = max(0.0, (asked - free) / asked)
    return (asked - free) * (1 - large) + large * (thresholds.warn_mem / 100) * asked


def _job_warnings(job: Job, nodes: Mapping[str, Node], thresholds: Thresholds) -> dict[str, Scores]:
    found: dict[str, Scores] = {}
    whole_node = False
    for host, held in job.layout.items():
        node = nodes.get(host)
        cores = node.cpu.cores if node is not None and node.cpu is not None else ()
        whole_node = whole_node or len(held) >= len(cores)
        scores = _cpu_warnings(job, cores, held, thresholds) if held else {}
        if scores:
            found[host] = scores
    criterion = memory_criterion(job, thresholds)
    if criterion is not None and job.memory_max is not None and job.memory_max < criterion and not whole_node:
        for host in job.memory:
            found.setdefault(host, {})["memUtil"] = (criterion - job.memory_max) / 1024
    if job.n_gpus > 0:
        for host, held in job.gpu_layout.items():
            mean = _gpu_mean(nodes.get(host), held) if host in job.layout else None
            if mean is not None and mean < thresholds.warn_gpu_util:
                found.setdefault(host, {})["gpuUtil"] = thresholds.warn_gpu_util - mean
    return found


def _cpu_warnings(
    job: Job, cores: Sequence[CpuTimes | None], held: Sequence[int], thresholds: Thresholds
) -> Scores:
    """The CPU warnings of a job on one node.

    Args:
        job: The job.
        cores: The node's cores, as far as it reported them.
        held: The indices of the job's own.
        thresholds: What counts.
    """
    n = len(held)
    busy = system = wait = 0.0
    for index in held:
        core = cores[index] if index < len(cores) else None
        if core is None:
            busy += 100
        else:
            busy += core.user + core.system + core.nice
            system += core.system
            wait += core.wait
    scores: Scores = {}
    # A single core that feeds a GPU is not expected to be busy.
    if not (n == 1 and job.n_gpus > 0):
        if busy / n < thresholds.warn_util:
            scores["cpuUtil"] = n * thresholds.warn_util - busy
        if system / n > thresholds.warn_sys:
            scores["cpuSys"] = system - n * thresholds.warn_sys
    if wait / n > thresholds.warn_wait:
        scores["cpuWait"] = wait - n * thresholds.warn_wait
    return scores


def _gpu_mean(node: Node | None, held: Sequence[int]) -> float | None:
    """Mean utilisation of those GPUs; ``None`` unless each of them is measured."""
    if node is None or not held:
        return None
    total = 0.0
    for index in held:
        gpu = gpu_at(node, index)
        if gpu is None or gpu.utilisation is None:
            return None
        total += gpu.utilisation
    return total / len(held)


def _gather(instants: Iterable[Iterable[tuple[Place, Scores]]]) -> dict[Place, dict[str, list[float]]]:
    """By place and by warning, the scores of the instants in which it was raised."""
    raised: dict[Place, dict[str, list[float]]] = {}
    for places in instants:
        for place, scores in places:
            for warning, score in scores.items():
                raised.setdefault(place, {}).setdefault(warning, []).append(score)
    return raised


def _held(raised: Mapping[str, Sequence[float]], least: int, instants: int) -> Scores:
    held = {
        warning: floor(sum(scores) / instants) for warning, scores in raised.items() if len(scores) > least
    }
    return {warning: score for warning, score in held.items() if score > 0}
