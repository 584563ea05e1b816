"""Changing to another cluster: its feed is made away from the UI thread."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.clusters import ClusterChoice
from jobmon_tui.tui.screens.picker import Match

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MadeFeed:
    """The feed of a cluster that was chosen, or why it cannot be had."""

    choice: ClusterChoice
    feed: Feed | None
    problem: str = ""
    """As it came (not yet made safe for a terminal)."""


def made_feed(choice: ClusterChoice) -> MadeFeed:
    """Make a cluster's feed; loads its backend, so it is for a thread."""
    try:
        return MadeFeed(choice, (choice.watch or choice.open)())
    except JobmonError as error:
        return MadeFeed(choice, None, f"{error.message} {error.hint}".rstrip())
    except Exception as error:
        _log.exception("the feed of cluster %s could not be made", choice.name)
        return MadeFeed(choice, None, f"jobmon itself failed: {type(error).__name__}: {error}")


def cluster_matches(choices: Sequence[ClusterChoice], shown: str, text: str) -> list[Match]:
    """The clusters whose name holds what was typed, those that begin with it first.

    Args:
        choices: All clusters.
        shown: The name of the one that is shown.
        text: What was typed.
    """
    wanted = text.strip().lower()
    found = [choice for choice in choices if wanted in choice.title.lower()]
    found.sort(key=lambda choice: not choice.title.lower().startswith(wanted))
    return [
        Match(choice.name, choice.title, "shown now" if choice.name == shown else "cluster")
        for choice in found
    ]
