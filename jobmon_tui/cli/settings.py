"""The configuration as the commands use it: loaded, and checked against what only the app knows."""

from __future__ import annotations

import difflib
import os
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from jobmon_tui import paths
from jobmon_tui.config import Config, ConfigError, load_config
from jobmon_tui.errors import UsageError

if TYPE_CHECKING:
    from jobmon_tui.analysis.warnings import Thresholds

DEFAULTS = Config()
"""What holds where nothing is configured."""


def load_settings(arguments: Namespace) -> Config:
    """The configuration that holds for a command with these options, of the cluster that they name.

    Raises:
        ConfigError: A file cannot be used.
        UsageError: There is no such cluster.
    """
    named = getattr(arguments, "config", None)
    config = load_config(
        os.environ,
        paths.user_config_folder(),
        paths.SITE_FOLDER,
        Path(named) if named is not None else None,
    )
    return of_cluster(config, getattr(arguments, "cluster", None))


def of_cluster(config: Config, name: str | None) -> Config:
    """The configuration that holds for a cluster; for ``None`` that at the top.

    Raises:
        UsageError: There is no such cluster.
    """
    if name is None:
        return config
    if name not in config.clusters:
        hint = _there_are(name, config.clusters) if config.clusters else "No cluster is configured by a name."
        raise UsageError(f"there is no cluster {name!r} in the configuration", hint)
    return config.of_cluster(name)


def thresholds_of(config: Config) -> Thresholds:
    """From where on something counts as wasted."""
    from jobmon_tui.analysis.warnings import Thresholds

    return Thresholds(**asdict(config.thresholds))


def own_setting(config: Config, key: str) -> bool:
    """Whether the user has set a key themselves, rather than the site for everyone."""
    setting = config.sources.values.get(key)
    return setting is not None and setting.place.level != "site"


def setting_error(config: Config, key: str, complaint: str, hint: str = "") -> ConfigError:
    """An error that names where a key was set."""
    setting = config.sources.values.get(key)
    where = f"{setting.place}: " if setting is not None else ""
    return ConfigError(f"{where}{key} {complaint}", hint)


def check_settings(config: Config) -> Iterator[ConfigError]:
    """What is wrong with values whose meaning the configuration itself does not know."""
    yield from check_theme(config)
    yield from check_view(config)
    yield from check_filter(config)
    yield from check_columns(config)
    yield from check_backend(config)


def check_theme(config: Config) -> Iterator[ConfigError]:
    """Whether there is such a theme."""
    name = config.watch.theme
    if name is not None:
        from jobmon_tui.tui.theme import THEMES

        names = [theme.name for theme in THEMES]
        if name not in names:
            yield setting_error(config, "watch.theme", f"names no theme: {name!r}", _there_are(name, names))


def check_view(config: Config) -> Iterator[ConfigError]:
    """Whether there is such a view."""
    from jobmon_tui.tui.options import VIEWS

    view = config.watch.view
    if view is not None and view not in VIEWS:
        yield setting_error(config, "watch.view", f"names no view: {view!r}", _there_are(view, VIEWS))


def check_filter(config: Config) -> Iterator[ConfigError]:
    """Whether the filter can be understood."""
    if config.watch.filter:
        from jobmon_tui.analysis.filter import parse_filter
        from jobmon_tui.analysis.filter_terms import FilterError

        try:
            parse_filter(config.watch.filter)
        except FilterError as error:
            complaint = f"is no filter: {error.message} (character {error.position + 1})"
            yield setting_error(config, "watch.filter", complaint, error.hint)


def check_columns(config: Config) -> Iterator[ConfigError]:
    """Whether the tables have such columns."""
    chosen = {table: keys for table, keys in asdict(config.watch.columns).items() if keys}
    if not chosen:
        return
    from jobmon_tui.analysis.columns import JOB_COLUMNS
    from jobmon_tui.analysis.node_columns import NODE_COLUMNS
    from jobmon_tui.analysis.summary_columns import PARTITION_COLUMNS, RESERVATION_COLUMNS, USER_COLUMNS

    tables = {
        "jobs": JOB_COLUMNS,
        "queue": JOB_COLUMNS,
        "nodes": NODE_COLUMNS,
        "users": USER_COLUMNS,
        "partitions": PARTITION_COLUMNS,
        "reservations": RESERVATION_COLUMNS,
    }
    for table, keys in chosen.items():
        known = [column.key for column in tables[table]]
        for key in keys:
            if key not in known:
                complaint = f"names no column: {key!r}"
                yield setting_error(config, f"watch.columns.{table}", complaint, _there_are(key, known))


def check_backend(config: Config) -> Iterator[ConfigError]:
    """Whether options are meant for somebody, and folders are there."""
    if config.backend.options and config.backend.name is None:
        yield setting_error(config, "backend.options", "are for no backend", "Set backend.name beside them.")
    for folder in config.backend.path:
        if not os.path.isdir(folder):  # noqa: PTH112  (answers no, rather than fails, for whatever it cannot see)
            yield setting_error(config, "backend.path", f"names no folder: {folder}")


def _there_are(name: str, names: Iterable[str]) -> str:
    known = list(names)
    close = difflib.get_close_matches(name, known, n=1)
    meant = f"Did you mean {close[0]}? " if close else ""
    return f"{meant}There are: {', '.join(known)}."
