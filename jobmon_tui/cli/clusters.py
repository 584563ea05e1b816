"""From a configuration with several clusters to what the app can choose among."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING

from jobmon_tui.cli.feeds import choose_feed, slurm_surroundings
from jobmon_tui.cli.settings import load_settings, of_cluster, thresholds_of
from jobmon_tui.errors import JobmonError

if TYPE_CHECKING:
    from jobmon_tui.config import Config
    from jobmon_tui.feeds.base import Feed
    from jobmon_tui.feeds.clusters import ClusterChoice

TOP = "this cluster"
"""What the cluster at the top is called until it has told its name."""
_SOURCES = ("demo", "demo_nodes", "demo_jobs", "demo_seed", "backend", "backend_path", "spool", "url", "live")
"""Options that say where the shown cluster comes from; no other cluster comes from there."""


def cluster_choices(arguments: Namespace) -> tuple[ClusterChoice, ...]:
    """The cluster at the top of the configuration and all that have a name, none of them asked yet.

    Args:
        arguments: The command line; where it names a source, that is the source of the cluster shown.

    Returns:
        Nothing where there is only one.

    Raises:
        ConfigError: A file cannot be used.
        UsageError: The command line names a cluster that does not exist.
    """
    top = load_settings(Namespace(**{**vars(arguments), "cluster": None}))
    shown = getattr(arguments, "cluster", None)
    of_cluster(top, shown)
    if not top.clusters:
        return ()
    return tuple(
        _choice(arguments, of_cluster(top, name), is_shown=name == shown) for name in (None, *top.clusters)
    )


def _choice(arguments: Namespace, config: Config, *, is_shown: bool) -> ClusterChoice:
    from jobmon_tui.feeds.clusters import ClusterChoice

    own = Namespace(**{**vars(arguments), "cluster": config.cluster})
    if not is_shown:
        for option in _SOURCES:
            setattr(own, option, None)
    return ClusterChoice(
        name=config.cluster or "",
        title=config.cluster or TOP,
        open=partial(_feed, own, config),
        watch=partial(_feed, own, config, watching=True),
        is_shown=is_shown,
        interval=config.watch.interval,
        thresholds=thresholds_of(config),
    )


def _feed(arguments: Namespace, config: Config, *, watching: bool = False) -> Feed:
    feed, notice = choose_feed(arguments, config, watching=watching)
    if notice:
        # It is the demo, for want of Slurm: one invented cluster among real ones would be taken for real.
        feed.close()
        raise JobmonError("there is no Slurm on this machine", "Name a backend for the cluster at the top.")
    feed.slurm_environment = slurm_surroundings(config)
    return feed
