"""How a collector does, as it counts it itself and as others read it in ``collector.json`` of its spool."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobmon_tui import __version__
from jobmon_tui.errors import SnapshotError
from jobmon_tui.feeds.troubles import Trouble
from jobmon_tui.model.snapshot import SourceStatus
from jobmon_tui.model.text import printable
from jobmon_tui.model.wire import decode_json

STATUS = "collector.json"
LARGEST = 1 << 20
"""Bytes of that file; a longer one is none."""

_MOST_SOURCES = 200
"""Sources that are counted apart."""
LONGEST_NAME = 120
"""Characters of a source's name that are kept."""
_LONGEST_ERROR = 500


@dataclass(slots=True)
class SourceTally:
    """How one source did over all cycles."""

    seconds: float = 0.0
    """How long its calls of the last cycle took."""
    calls: int = 0
    """In the last cycle."""
    errors: int = 0
    """Cycles in which it failed."""
    error: str | None = None
    """What is wrong with it now."""
    read_at: float | None = None
    """When its newest good answer was taken, in Unix seconds."""


@dataclass(slots=True)
class CollectorStatus:
    """What the collector counts of itself since it started. Times are Unix seconds, durations seconds."""

    interval: float
    started: float
    cycles: int = 0
    failed_cycles: int = 0
    """Of them, those that brought no snapshot."""
    unwritten_cycles: int = 0
    """Of them, those whose snapshot could not be written."""
    missed: int = 0
    """Cycles that were left out because the one before took too long."""
    cycle_seconds: float = 0.0
    """How long the last cycle took, without what is written back to InfluxDB."""
    longest_seconds: float = 0.0
    """The longest of all."""
    cpu_seconds: float = 0.0
    """CPU time of the last cycle in this process."""
    write_seconds: float = 0.0
    """How much of the last cycle was writing."""
    newest: float | None = None
    """When the newest snapshot that was written was taken."""
    snapshots: int = 0
    """Numbered snapshots in the spool."""
    jobs: int = 0
    """Tasks in the newest snapshot."""
    nodes: int = 0
    """Nodes in the newest snapshot."""
    last_failure: str | None = None
    last_failure_time: float | None = None
    files: dict[str, int] = field(default_factory=dict)
    """Bytes of each file when it was last written."""
    sources: dict[str, SourceTally] = field(default_factory=dict)

    def count_sources(self, statuses: Iterable[SourceStatus]) -> None:
        """Take in how each source did in a cycle."""
        for status in statuses:
            name = printable(status.name, LONGEST_NAME)
            tally = self.sources.get(name)
            if tally is None:
                if len(self.sources) >= _MOST_SOURCES:
                    continue
                tally = self.sources[name] = SourceTally()
            tally.seconds, tally.calls = status.seconds, status.calls
            tally.error = None if status.ok else printable(status.error or "failed", _LONGEST_ERROR)
            tally.errors += not status.ok
            tally.read_at = status.read_at

    def failed(self, time: float, message: str) -> None:
        """Remember the last thing that went wrong."""
        self.last_failure, self.last_failure_time = printable(message, _LONGEST_ERROR), time

    def document(self, now: float, troubles: Mapping[str, Trouble], ended: bool) -> bytes:
        """The JSON of ``collector.json``, without anything that a cycle leaves unsaid.

        Args:
            now: Unix seconds.
            troubles: What is wrong at present.
            ended: Whether this is the last word of a collector that was told to stop.
        """
        document = {
            "format": 1,
            "version": __version__,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": round(self.started),
            "updated": round(now, 3),
            "ended": ended,
            "interval": self.interval,
            "cycles": self.cycles,
            "failedCycles": self.failed_cycles,
            "unwrittenCycles": self.unwritten_cycles,
            "missedCycles": self.missed,
            "cycleSeconds": round(self.cycle_seconds, 4),
            "longestSeconds": round(self.longest_seconds, 4),
            "cpuSeconds": round(self.cpu_seconds, 4),
            "writeSeconds": round(self.write_seconds, 4),
            "newest": self.newest,
            "snapshots": self.snapshots,
            "nodes": self.nodes,
            "jobs": self.jobs,
            "lastFailure": self.last_failure,
            "lastFailureTime": self.last_failure_time,
            "files": self.files,
            "sources": {
                name: {
                    "seconds": round(tally.seconds, 4),
                    "calls": tally.calls,
                    "errors": tally.errors,
                    "error": tally.error,
                    "readAt": tally.read_at,
                }
                for name, tally in self.sources.items()
            },
            "troubles": {
                what: {"message": trouble.message, "hint": trouble.hint, "since": round(trouble.since)}
                for what, trouble in troubles.items()
            },
        }
        return json.dumps(document, indent=1).encode() + b"\n"


def read_status(folder: Path) -> dict[str, Any] | None:
    """What the collector of a spool last said of itself; ``None`` where it said nothing.

    Raises:
        SnapshotError: The file cannot be read, or it is another one.
    """
    path = folder / STATUS
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SnapshotError(f"{path}: cannot be read: {error.strerror}") from error
    document = decode_json(data, str(path), largest=LARGEST)
    if not isinstance(document, dict) or document.get("format") != 1:
        raise SnapshotError(f"{path}: is not what this version of jobmon writes")
    return document
