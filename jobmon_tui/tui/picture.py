"""What the threads hand to the app: a finished picture, or a failure in words. Both are immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobmon_tui.analysis.groups import Grouper, NodeGroup
from jobmon_tui.analysis.index import SnapshotIndex, index_snapshot
from jobmon_tui.analysis.live_use import JobCpu
from jobmon_tui.model.snapshot import NOTHING, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A snapshot made ready for drawing."""

    index: SnapshotIndex
    number: int
    """Counts up from 1 with each new picture of the present; 0 for one of the past."""
    seconds: float
    """How long the feed needed for it."""
    group_key: str = "kind"
    """What `groups` goes by."""
    groups: tuple[NodeGroup, ...] = ()
    """The nodes in groups, for the map; the very same object while the nodes stay the same."""
    cpu: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    """Job id to how busy its cores are, in %, where they are measured."""
    trends: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """Job id to a small chart of how busy its cores were in the last half hour, for lists."""
    warned: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """Job ids, node and user names to what has been wrong for a while, in a few words."""

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


def picture_of(
    snapshot: Snapshot,
    grouper: Grouper,
    group_key: str,
    *,
    number: int = 0,
    seconds: float = 0.0,
    trends: Mapping[str, str] = NOTHING,
    warned: Mapping[str, str] = NOTHING,
) -> Picture:
    """Make a snapshot ready for drawing; for threads, since it goes through all nodes and jobs once."""
    index = index_snapshot(snapshot)
    return Picture(
        index=index,
        number=number,
        seconds=seconds,
        group_key=group_key,
        groups=grouper.groups(index, group_key),
        cpu=JobCpu(snapshot),
        trends=trends,
        warned=warned,
    )


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
