"""Everything about one instant in one plain object, for scripts: what ``jobmon report --format json`` prints.

Its keys and types are stable: keys may be added, never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobmon_tui.analysis.queue import QueueTotals, queue_totals
from jobmon_tui.analysis.usage import JobUsage, core_usage, total_usage, usage_by_node
from jobmon_tui.analysis.warnings import (
    DEFAULT_THRESHOLDS,
    Thresholds,
    Warnings,
    badness,
    instant_warnings,
    is_terrible,
    warned_jobs,
    window_warnings,
)
from jobmon_tui.model.snapshot import BackfillSlot, Job, Node, Snapshot, SourceStatus


def build_report(
    snapshot: Snapshot,
    window: Iterable[Snapshot],
    *,
    source: str,
    backfill: Mapping[str, Mapping[int, BackfillSlot]],
    now: float,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> dict[str, Any]:
    """Put the report together.

    Args:
        snapshot: The instant that it is about.
        window: The snapshots of the minutes before, for warnings over time.
        source: Where they come from: ``spool``, ``slurm``, ``demo``.
        backfill: Free slots by partition and cores.
        now: Unix seconds; the age of the sources is counted from there.
        thresholds: What counts as wasted.
    """
    instant = instant_warnings(snapshot, thresholds)
    held = window_warnings(snapshot, window, thresholds)
    warned = warned_jobs(snapshot, held)
    cores = snapshot.usage or core_usage(snapshot)
    running = [job for job in snapshot.jobs.values() if job.is_running]
    return {
        "timestamp": snapshot.timestamp,
        "source": source,
        "cluster": snapshot.cluster,
        "cores": {"available": cores.available, "running": cores.running},
        "gpus": {
            "available": _available_gpus(snapshot, running),
            "running": sum(job.n_gpus for job in running),
        },
        "queue": _queue(queue_totals(snapshot, cores.available)),
        "users": _users(snapshot, running, held, warned, thresholds),
        "jobs": {
            key: _job(job, snapshot, instant, held, job.job_id in warned)
            for key, job in _by_report_id(snapshot.jobs)
        },
        "nodes": {name: _node(node, instant, held) for name, node in snapshot.nodes.items()},
        "backfill": {
            partition: {
                str(size): {"count": slot.count, "tMin": slot.shortest, "tMax": slot.longest}
                for size, slot in slots.items()
            }
            for partition, slots in backfill.items()
        },
        "sources": [_source(one, now) for one in snapshot.sources],
    }


def _available_gpus(snapshot: Snapshot, running: Iterable[Job]) -> int:
    """GPUs of the counted nodes, and of bonus nodes while a job runs on them: as cores are counted."""
    in_use = {host for job in running for host in job.layout}
    return sum(node.n_gpus or 0 for node in snapshot.nodes.values() if node.is_counted or node.name in in_use)


def _queue(totals: QueueTotals) -> dict[str, Any]:
    return {
        "jobs": totals.total.jobs,
        "cpu_hours": totals.total.cpu_hours,
        "machine_hours": totals.total.machine_hours,
        "users": {
            name: {"jobs": one.jobs, "cpu_hours": one.cpu_hours, "machine_hours": one.machine_hours}
            for name, one in totals.users.items()
        },
    }


def _users(
    snapshot: Snapshot,
    running: Iterable[Job],
    held: Warnings,
    warned: frozenset[str],
    thresholds: Thresholds,
) -> dict[str, Any]:
    """Who runs something, and whoever is warned for what just ended; most cores first."""
    scores = badness(snapshot, held)
    names = {snapshot.jobs[job_id].username for job_id in warned}
    sums: dict[str, list[int]] = {name: [0, 0, 0] for name in sorted(names)}
    for job in running:
        cores, gpus, jobs = sums.get(job.username, (0, 0, 0))
        sums[job.username] = [cores + job.n_cpus, gpus + job.n_gpus, jobs + 1]
    return {
        name: {
            "cores": cores,
            "gpus": gpus,
            "jobs": jobs,
            "badness": scores.get(name, 0),
            "warned": name in names,
            "terrible": is_terrible(scores.get(name, 0), thresholds),
        }
        for name, (cores, gpus, jobs) in sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))
    }


def _by_report_id(jobs: Mapping[str, Job]) -> Iterable[tuple[str, Job]]:
    """Jobs by their ids; the record of an array's pending tasks by the array's."""
    for job in jobs.values():
        is_array = job.array_id is not None and job.array_tasks is not None and job.array_id not in jobs
        yield (job.array_id if is_array and job.array_id else job.job_id), job


def _job(job: Job, snapshot: Snapshot, instant: Warnings, held: Warnings, warned: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": job.name,
        "username": job.username,
        "state": job.state,
        "partition": job.partition,
        "reason": job.reason,
        "nCpus": job.n_cpus,
        "nGpus": job.n_gpus,
        "layout": {host: list(cores) for host, cores in job.layout.items()},
        "gpuLayout": {host: list(gpus) for host, gpus in job.gpu_layout.items()},
        "timeLimit": job.time_limit,
        "runTime": job.run_time,
        "startTime": job.start_time or 0,
        "memReq": job.memory_request,
        "memMax": job.memory_max,
        "warned": warned,
    }
    if job.array_tasks is not None or job.task_count != 1:
        entry["tasks"] = job.task_count
    if job.is_running:
        by_node = usage_by_node(job, snapshot)
        usage = total_usage(job, by_node)
        entry["usage"] = _usage(usage)
        # Figures of what nobody measured are 0 by convention; this tells them from measured idleness.
        entry["reported"] = {"cores": usage.cores_reported, "gpus": usage.gpus_reported}
        entry["node_usage"] = {host: _usage(one) for host, one in by_node.items()}
        entry["warnings"] = {
            "instant": instant.jobs.get(job.job_id, {}),
            "window": held.jobs.get(job.job_id, {}),
        }
    return entry


def _usage(usage: JobUsage) -> dict[str, Any]:
    return {
        "cpu": {"user": usage.user, "system": usage.system, "wait": usage.wait, "idle": usage.idle},
        "mem": {"used": usage.memory_used, "max": usage.memory_max, "total": usage.memory_total},
        "infiniband": {"bytes_in": usage.bytes_in, "bytes_out": usage.bytes_out},
        "lustre": {"read": usage.read, "write": usage.write},
        "gpu": {
            "total": usage.gpu,
            "memory": {"used": usage.gpu_memory_used, "total": usage.gpu_memory_total},
        },
    }


def _node(node: Node, instant: Warnings, held: Warnings) -> dict[str, Any]:
    return {
        "state": node.state,
        "up": node.up,
        "nCpus": node.n_cpus,
        "nGpus": node.n_gpus,
        "warnings": {"instant": instant.nodes.get(node.name, {}), "window": held.nodes.get(node.name, {})},
        "flags": list(node.flags),
        "reason": node.reason,
    }


def _source(source: SourceStatus, now: float) -> dict[str, Any]:
    return {
        "name": source.name,
        "ok": source.ok,
        "age": None if source.read_at is None else now - source.read_at,
        "error": source.error,
    }
