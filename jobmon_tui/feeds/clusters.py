"""The clusters that there are to choose among."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jobmon_tui.analysis.warnings import DEFAULT_THRESHOLDS, Thresholds
from jobmon_tui.feeds.base import Feed


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterChoice:
    """One cluster of the configuration."""

    name: str
    """As the configuration calls it; empty for the one at the top."""
    title: str
    """What to call it until it has told its own name."""
    open: Callable[[], Feed]
    """Makes its feed, which is not opened yet; raises JobmonError where it cannot be made."""
    watch: Callable[[], Feed] | None = None
    """The same for the app to go on looking at, where that is another feed: one that keeps what it brings."""
    is_shown: bool = False
    """Whether the app begins with it."""
    interval: float | None = None
    """Seconds between two refreshes; ``None``: as its feed suggests."""
    thresholds: Thresholds = DEFAULT_THRESHOLDS
    """From where on something counts as wasted there."""
