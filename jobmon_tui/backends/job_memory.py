"""The most memory that each job was ever seen to use on one node, kept across restarts of jobmon."""

from __future__ import annotations

import json
import logging
import re
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from jobmon_tui.model.snapshot import Job
from jobmon_tui.paths import user_state_folder

MOST_JOBS = 100_000
"""Jobs that are remembered at most; of more, those seen last."""
FORGET_AFTER = 3600.0
"""Seconds for which a job that no longer runs is remembered."""
SAVE_EVERY = 60.0
"""Seconds between two writes, at least."""
LARGEST_FILE = 32 * 2**20
"""Bytes; a longer file is none of ours."""
SAME_START = 60.0
"""Seconds by which two accounts of one start may differ. A job that was requeued starts later than that."""

_FORMAT = 1

logger = logging.getLogger(__name__)


class _Peak(NamedTuple):
    start: float
    """When the job started, in Unix seconds; 0: unknown. An id with another start is another run."""
    most: float
    """MiB on one node."""
    seen: float
    """When it was last seen to run, in Unix seconds."""


class JobMemory:
    """Remembers, from cycle to cycle, the highest memory use of each running job.

    Several jobmons of one user share the file: what another one wrote is taken in before each write.

    Args:
        path: The file, or ``None`` to remember nothing beyond this run.
        makes_folder: Whether the file's folder is made where it is missing.
    """

    def __init__(self, path: Path | None, *, makes_folder: bool = True) -> None:
        self._path = path
        self._makes_folder = makes_folder
        self._peaks = _read(path) if path is not None else {}
        self._lock = threading.Lock()
        self._now = 0.0
        self._saved_at: float | None = None
        self._changed = False
        self._complained = False

    def highest(self, job: Job) -> float | None:
        """The most that a job was seen to use on one node, in MiB; ``None`` if it never was."""
        peak = self._peaks.get(job.job_id)
        return peak.most if peak is not None and _same_run(peak.start, job.start_time or 0) else None

    def note(self, jobs: Iterable[Job], now: float, *, everyone: bool = True) -> None:
        """Take in what a cycle measured, and write it down from time to time.

        Args:
            jobs: The running jobs, with their memory in use or the highest that a source knows of, if any.
            now: Unix seconds.
            everyone: Whether these are all running jobs: only then may those that are absent be forgotten.
        """
        with self._lock:
            self._now = now
            self._take_in(jobs, now)
            if not everyone:
                return
            self._peaks = _bounded(self._peaks, now)
            if self._saved_at is None or not 0 <= now - self._saved_at < SAVE_EVERY:
                self._save()

    def save(self) -> None:
        """Write it down, whole or not at all; a folder that cannot be written costs only the memory.

        May be called from any thread.
        """
        with self._lock:
            self._save()

    def _take_in(self, jobs: Iterable[Job], now: float) -> None:
        for job in jobs:
            known = [*job.memory.values(), *([] if job.memory_max is None else [job.memory_max])]
            before = self.highest(job)
            if before is not None:
                known.append(before)
            if known:
                self._peaks[job.job_id] = _Peak(job.start_time or 0, max(known), now)
                self._changed = True

    def _save(self) -> None:
        if self._path is None or not self._changed:
            return
        self._saved_at = self._now
        together = _bounded(_highest_of_both(_read(self._path), self._peaks), self._now)
        document = {"format": _FORMAT, "jobs": together}
        temporary: Path | None = None
        try:
            if self._makes_folder:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=self._path.parent, prefix=".job-memory-", delete=False
            ) as file:
                temporary = Path(file.name)
                json.dump(document, file, separators=(",", ":"))
            temporary.replace(self._path)
            self._changed = False
        except OSError as error:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
            if not self._complained:
                self._complained = True
                logger.warning("cannot keep the jobs' highest memory in %s: %s", self._path, error)


def memory_file(cluster: str | None) -> Path:
    """Where a cluster's jobs are remembered; clusters number their jobs alike, so each has its own file."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", cluster or "cluster")[:64]
    return user_state_folder() / f"job-memory-{name}.json"


def _same_run(start: float, other: float) -> bool:
    return not start or not other or abs(start - other) <= SAME_START


def _highest_of_both(one: dict[str, _Peak], other: dict[str, _Peak]) -> dict[str, _Peak]:
    together = dict(one)
    for job_id, peak in other.items():
        known = together.get(job_id)
        if known is None or (not _same_run(known.start, peak.start) and peak.seen >= known.seen):
            together[job_id] = peak
        elif _same_run(known.start, peak.start):
            together[job_id] = _Peak(
                peak.start or known.start, max(known.most, peak.most), max(known.seen, peak.seen)
            )
    return together


def _bounded(peaks: dict[str, _Peak], now: float) -> dict[str, _Peak]:
    kept = {job_id: peak for job_id, peak in peaks.items() if abs(now - peak.seen) <= FORGET_AFTER}
    if len(kept) <= MOST_JOBS:
        return kept
    newest = sorted(kept, key=lambda job_id: kept[job_id].seen, reverse=True)[:MOST_JOBS]
    return {job_id: kept[job_id] for job_id in newest}


def _read(path: Path) -> dict[str, _Peak]:
    """What a file holds; one that is missing, broken or of another format holds nothing."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ValueError("it is too large")
        document = json.loads(content)
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise ValueError("it is of another format")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        logger.warning("cannot use %s, begin anew: %s", path, error)
        return {}
    jobs = document.get("jobs")
    entries = jobs.items() if isinstance(jobs, dict) else ()
    return {job_id: _Peak(*map(float, entry)) for job_id, entry in entries if _is_peak(entry)}


def _is_peak(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == len(_Peak._fields)
        and all(type(number) in (int, float) and 0 <= number < 1e18 for number in entry)
    )
