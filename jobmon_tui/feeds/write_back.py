"""What a collector writes back to a time-series store: what jobs make of what they hold, and how it does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from jobmon_tui.analysis.usage import gpu_at
from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.collector_status import CollectorStatus
from jobmon_tui.model.snapshot import Job, Snapshot
from jobmon_tui.sources.influxdb_write import line


class PointWriter(Protocol):
    """Where points go."""

    def write(self, lines: list[str]) -> None:
        """Store points in line protocol; raises JobmonError."""

    def close(self) -> None:
        """Give up at once, from whichever thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """What the measurements are called."""

    job: str = "jobmon_job"
    collector: str = "jobmon_collector"
    source: str = "jobmon_source"


class WriteBack:
    """Writes in a thread of its own, so that a store that is slow or gone keeps no cycle waiting.

    Args:
        writer: Where points go.
        names: What the measurements are called.
    """

    def __init__(self, writer: PointWriter, names: Measurements = Measurements()) -> None:
        self._writer = writer
        self._names = names
        self._thread: threading.Thread | None = None
        self.failure: JobmonError | None = None
        """Why the last points were not stored; ``None`` when they were."""

    def offer(self, snapshot: Snapshot, status: CollectorStatus) -> None:
        """Write what belongs to one cycle; left out while that of an earlier one is still on its way."""
        if self._thread is not None and self._thread.is_alive():
            return
        lines = [*job_lines(snapshot, self._names), *collector_lines(snapshot, status, self._names)]
        self._thread = threading.Thread(
            target=self._send, args=(lines,), name="jobmon-write-back", daemon=True
        )
        self._thread.start()

    def settle(self, seconds: float | None = None) -> None:
        """Wait until what was offered is stored or has failed, no longer than that."""
        if self._thread is not None:
            self._thread.join(seconds)

    def close(self) -> None:
        """Give up what is on its way."""
        self._writer.close()

    def _send(self, lines: list[str]) -> None:
        try:
            self._writer.write(lines)
        except JobmonError as error:
            self.failure = error
        except Exception as error:  # A fault of ours must be told as well, and cost nothing else.
            self.failure = JobmonError(f"{type(error).__name__}: {error}")
        else:
            self.failure = None


def job_lines(snapshot: Snapshot, names: Measurements) -> Iterator[str]:
    """A point for each running job of which anything was measured."""
    for job in snapshot.jobs.values():
        if not job.is_running:
            continue
        measured: dict[str, float | int | None] = {
            "cpu": mean_cpu(job, snapshot),
            "gpu": mean_gpu(job, snapshot),
            "memory": sum(map(float, job.memory.values())) if job.memory else None,
            "memory_max": None if job.memory_max is None else float(job.memory_max),
        }
        if any(value is not None for value in measured.values()):
            tags = {"cluster": snapshot.cluster, "job": job.job_id, "user": job.username}
            point = line(
                names.job, tags, measured | {"cores": job.n_cpus, "gpus": job.n_gpus}, snapshot.timestamp
            )
            if point is not None:
                yield point


def collector_lines(snapshot: Snapshot, status: CollectorStatus, names: Measurements) -> Iterator[str]:
    """A point for the cycle that made the snapshot, and one for each of its sources."""
    tags = {"cluster": snapshot.cluster, "host": socket.gethostname()}
    numbers: dict[str, float | int | None] = {
        "cycle_seconds": status.cycle_seconds,
        "cpu_seconds": status.cpu_seconds,
        "write_seconds": status.write_seconds,
        "cycles": status.cycles,
        "failed_cycles": status.failed_cycles,
        "unwritten_cycles": status.unwritten_cycles,
        "missed_cycles": status.missed,
        "bytes": sum(status.files.values()),
        "snapshots": status.snapshots,
        "nodes": status.nodes,
        "jobs": status.jobs,
    }
    yield from filter(None, [line(names.collector, tags, numbers, snapshot.timestamp)])
    for name, tally in status.sources.items():
        of_source = {
            "seconds": float(tally.seconds),
            "calls": tally.calls,
            "errors": tally.errors,
            "ok": int(tally.error is None),
        }
        yield from filter(None, [line(names.source, tags | {"source": name}, of_source, snapshot.timestamp)])


def mean_cpu(job: Job, snapshot: Snapshot) -> float | None:
    """User, nice and system time of a job's cores, mean over those that are known, in % of a core."""
    busy, count = 0.0, 0
    for host, cores in job.layout.items():
        node = snapshot.nodes.get(host)
        if node is not None and node.cpu is not None:
            known, sums = node.cpu.cores.summed(cores)
            busy, count = busy + sums.busy, count + known
    return busy / count if count else None


def mean_gpu(job: Job, snapshot: Snapshot) -> float | None:
    """Utilisation of a job's GPUs, mean over those that are known, in %."""
    known = []
    for host, indices in job.gpu_layout.items():
        node = snapshot.nodes.get(host)
        for index in indices if node is not None and node.gpus else ():
            assert node is not None
            gpu = gpu_at(node, index)
            if gpu is not None and gpu.utilisation is not None:
                known.append(gpu.utilisation)
    return sum(known) / len(known) if known else None
