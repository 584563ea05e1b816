"""What every feed of snapshots offers, wherever its snapshots come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import NOTHING, BackfillSlot, Snapshot, Usage

Backfill = Mapping[str, Mapping[int, BackfillSlot]]
"""Partition to cores to the slots of that size."""


class Feed(ABC):
    """Where snapshots come from. Live, past, remote and demo differ only here.

    `open`, `latest` and `backfill` are called from one worker thread at a time and may block. What looks at
    the past (`at`, `timeline`, `window`, `history`, `series`) may be called from other threads meanwhile, and
    so may `has_news`, which never blocks for long. `close` may be called from another thread at any time and
    makes a blocked call return soon (by raising).
    """

    title: str = ""
    """As shown in the header: ``slurm (commands)``, ``spool /var/spool/jobmon``, ``demo``."""
    kind: str = "live"
    """``live``, ``recorded`` or ``demo``."""
    interval: float = 10.0
    """Seconds between two snapshots when nobody asks for another pace."""
    news_every: float | None = None
    """Seconds after which it is worth asking `has_news` again; ``None`` where it cannot tell."""
    written_every: float | None = None
    """Seconds between two snapshots of somebody else who makes them, as far as they are known: the newest is
    that old at times. ``None`` where `latest` makes a new one itself."""

    only_user: str | None = None
    """Set it to have `latest` ask for this user's jobs only, where that costs the outside world less. A
    snapshot that was made so says it in its own ``only_user`` and may lack everything but those jobs."""
    slurm_environment: Mapping[str, str] | None = None
    """The environment in which Slurm's own commands reach the cluster; ``None``: this process's own."""

    def open(self) -> None:
        """Connect, or load what is heavy to load. Called once, in the worker, before anything else.

        Raises:
            JobmonError: It cannot work at all; the message says why.
        """

    @abstractmethod
    def latest(self) -> Snapshot:
        """The newest snapshot there is.

        Raises:
            JobmonError: There is none to be had now; the message says why. May be tried again.
        """

    def has_news(self) -> bool:
        """Whether `latest` would bring another snapshot than it did last; costs the outside world nothing."""
        return False

    def at(self, time: float) -> Snapshot:
        """The snapshot nearest to that instant (Unix seconds). A live feed has only the present.

        Raises:
            JobmonError: There is none.
        """
        return self.latest()

    def timeline(self) -> tuple[float, ...]:
        """The instants (Unix seconds, ascending) that `at` can show; empty for a live feed."""
        return ()

    def window(self, time: float, seconds: float) -> tuple[Snapshot, ...]:
        """The snapshots that are less than ``seconds`` older than ``time`` and not newer, oldest first."""
        return ()

    def history(self) -> Mapping[float, Usage]:
        """Used and available cores by Unix seconds, oldest first, as far back as anybody kept them.

        Raises:
            JobmonError: It could not be had; the message says why. May be tried again.
        """
        return NOTHING

    def backfill(self) -> Backfill:
        """Free slots by partition and number of cores; empty where nobody calculates them."""
        return {}

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What was measured over a time, for charts: one for each request, ``None`` where nobody keeps it.

        Raises:
            JobmonError: It could not be had; the message says why. May be tried again.
        """
        return (None,) * len(requests)

    def close(self) -> None:
        """Let go of everything at once; never blocks for long."""
