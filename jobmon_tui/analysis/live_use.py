"""What lists show of jobs besides Slurm's word: measured CPU use, and what was wasted for a while."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from jobmon_tui.analysis.usage import job_usage
from jobmon_tui.analysis.warnings import DEFAULT_THRESHOLDS, Thresholds, Warnings, instant_warnings, over_time
from jobmon_tui.model.snapshot import Snapshot

WORDS = {
    "gpuUtil": "GPUs idle",
    "cpuUtil": "cores idle",
    "memUtil": "asked too much memory",
    "cpuWait": "waits for I/O",
    "cpuSys": "busy in the system",
    "swapUse": "node swaps",
}
"""Warnings in words, the one to be told first on top."""


class JobCpu(Mapping[str, float]):
    """Job id to how busy the cores that it holds are, in %; worked out when asked for.

    A job is absent where none of its cores is measured, nor Slurm counted for it: unknown is not idle.

    Args:
        snapshot: The snapshot to look at.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._known: dict[str, float | None] = {}

    def __getitem__(self, job_id: str) -> float:
        if job_id not in self._known:
            self._known[job_id] = self._busy(job_id)
        busy = self._known[job_id]
        if busy is None:
            raise KeyError(job_id)
        return busy

    def __iter__(self) -> Iterator[str]:
        return (job_id for job_id in self._snapshot.jobs if self.get(job_id) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _busy(self, job_id: str) -> float | None:
        job = self._snapshot.jobs.get(job_id)
        if job is None or not job.is_running:
            return None
        if not job.layout:
            return job.cpu_used
        use = job_usage(job, self._snapshot)
        if not use.cores_reported or use.user is None or use.system is None:
            return job.cpu_used
        return use.user + use.system


class WarningWindow:
    """The warnings of the last minutes, so that a short lull raises none.

    Args:
        thresholds: What counts, and how long the window is.
    """

    def __init__(self, thresholds: Thresholds = DEFAULT_THRESHOLDS) -> None:
        self._thresholds = thresholds
        self._instants: deque[tuple[float, Warnings]] = deque()

    def add(self, snapshot: Snapshot) -> Warnings:
        """Take a newer snapshot in; returns the warnings that held over the window."""
        if self._instants and snapshot.timestamp < self._instants[-1][0]:
            self._instants.clear()
        self._instants.append((snapshot.timestamp, instant_warnings(snapshot, self._thresholds)))
        while snapshot.timestamp - self._instants[0][0] >= self._thresholds.warning_window:
            self._instants.popleft()
        return over_time([warnings for _, warnings in self._instants], self._thresholds)


def warned_in_words(snapshot: Snapshot, warnings: Warnings) -> dict[str, str]:
    """Job ids, node names and user names to what is wrong, in a few words."""
    words: dict[str, str] = {}
    for node, raised in warnings.nodes.items():
        words[node] = _words(raised)
    for job_id, by_node in warnings.jobs.items():
        job = snapshot.jobs.get(job_id)
        if job is None:
            continue
        words[job_id] = _words({name for raised in by_node.values() for name in raised})
        words.setdefault(job.username, words[job_id])
    return words


def _words(raised: Mapping[str, float] | set[str]) -> str:
    return ", ".join(word for name, word in WORDS.items() if name in raised)
