"""What the poller hands to the app: a finished picture, or a failure in words. Both are immutable."""

from __future__ import annotations

from dataclasses import dataclass

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A snapshot made ready for drawing."""

    index: SnapshotIndex
    number: int
    """Counts up from 1 with each new picture."""
    seconds: float
    """How long the feed needed for it."""

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot itself."""
        return self.index.snapshot

    @property
    def calls(self) -> int:
        """Calls made to outside systems for it."""
        return sum(source.calls for source in self.snapshot.sources)

    @property
    def call_seconds(self) -> float:
        """How long those calls took together."""
        return sum(source.seconds for source in self.snapshot.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The feed has no new snapshot, and why."""

    message: str
    """What failed, in one line, as it came (not yet made safe for a terminal)."""
    hint: str
    """What to do about it."""
    since: float
    """Unix seconds of the first failure in a row."""
    retry_at: float | None
    """Unix seconds of the next attempt; ``None`` where there is none."""
