"""What the command line asks of the app. Knows no Textual, so that parsing arguments stays quick."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobmon_tui.analysis.warnings import Thresholds
    from jobmon_tui.config_sections import ObserveSettings
    from jobmon_tui.feeds.clusters import ClusterChoice

VIEWS = ("cluster", "jobs", "nodes", "queue")
"""The views that can be opened by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """How to open the app."""

    view: str = "cluster"
    """One of `VIEWS`."""
    filter: str = ""
    """The job filter to start with, as typed after ``/``."""
    interval: float | None = None
    """Seconds between two refreshes; ``None``: what was used last, else what the feed suggests."""
    theme: str | None = None
    """A theme's name; ``None``: what was used last."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Table to the keys of its columns; an absent one has those chosen last, else its own."""
    thresholds: Thresholds | None = None
    """From where on something counts as wasted; ``None``: the usual."""
    observe: ObserveSettings | None = None
    """How a job is observed on its node; ``None``: by a step of it."""
    wall: bool = False
    """Show the wall display: no cursor, no input, pages that take turns."""
    wall_seconds: float = 20.0
    """How long a page of the wall display stays."""
    timeline_open: bool = False
    """Show the timeline of what was recorded from the start."""
    clusters: tuple[ClusterChoice, ...] = ()
    """All clusters that can be changed among; empty where there is only one."""
    notice: str = ""
    """Something to tell the user once at the start, e.g. why the demo is shown."""


def own_name() -> str:
    """The name of whoever runs jobmon; empty where the machine does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
