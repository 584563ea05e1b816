"""``jobmon`` and ``jobmon wall``: open the app on this terminal."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from dataclasses import asdict
from typing import Any

from jobmon_tui.cli.clusters import cluster_choices
from jobmon_tui.cli.feeds import choose_feed, chosen_user, slurm_surroundings
from jobmon_tui.cli.settings import (
    check_columns,
    check_filter,
    check_theme,
    check_view,
    load_settings,
    own_setting,
    thresholds_of,
)
from jobmon_tui.config import Config
from jobmon_tui.errors import UsageError
from jobmon_tui.tui.options import VIEWS, WatchOptions


def run(arguments: Namespace) -> int:
    """Open the app until the user quits.

    Returns:
        Its exit status.

    Raises:
        UsageError: There is no terminal, or an option makes no sense.
        JobmonError: The feed cannot be made.
    """
    user = chosen_user(arguments)
    config = load_settings(arguments)
    filter_text = _filter_text(arguments.filter, user, config)
    _check_terminal()
    for error in (*check_view(config), *check_columns(config)):
        raise error
    feed, notice = choose_feed(arguments, config, watching=True)
    feed.slurm_environment = slurm_surroundings(config)
    _check_theme(arguments.theme, config)
    options = WatchOptions(
        # Whoever asks for one user's jobs wants to see jobs.
        view=arguments.view or ("jobs" if user else config.watch.view or VIEWS[0]),
        filter=filter_text,
        interval=arguments.interval or _unless_remembered(config, "interval"),
        theme=arguments.theme or _unless_remembered(config, "theme"),
        columns=_columns(config),
        thresholds=thresholds_of(config),
        observe=config.observe,
        wall=arguments.command == "wall",
        wall_seconds=getattr(arguments, "page_seconds", 20.0),
        timeline_open=arguments.command == "replay",
        clusters=() if arguments.command == "replay" else cluster_choices(arguments),
        notice=notice,
    )
    from jobmon_tui.tui.app import run_app

    return run_app(feed, options)


def _unless_remembered(config: Config, name: str) -> Any:
    """What is configured of the app; of what the site sets for everyone, only what the user never changed.

    What was changed in the app is remembered and is the user's own wish as well, but an older one than what
    stands in a file of their own.
    """
    configured = getattr(config.watch, name)
    if configured is None or own_setting(config, f"watch.{name}"):
        return configured
    from jobmon_tui.tui.remember import Remembered

    return None if getattr(Remembered.load(), name) else configured


def _columns(config: Config) -> dict[str, tuple[str, ...]]:
    """The configured columns by table, under the same rule."""
    configured = {table: keys for table, keys in asdict(config.watch.columns).items() if keys}
    if not configured:
        return {}
    from jobmon_tui.tui.remember import Remembered

    remembered = Remembered.load().columns
    return {
        table: keys
        for table, keys in configured.items()
        if own_setting(config, f"watch.columns.{table}") or table not in remembered
    }


def _filter_text(text: str | None, user: str | None, config: Config) -> str:
    if text is None:
        for wrong in check_filter(config):
            raise wrong
        text = config.watch.filter
    if not text and user is None:
        return ""
    from jobmon_tui.analysis.filter import parse_filter
    from jobmon_tui.analysis.filter_terms import FilterError

    try:
        typed = parse_filter(text or "")
    except FilterError as error:
        raise UsageError(
            f"--filter: {error.message} (character {error.position + 1} of {text!r})", error.hint
        ) from error
    return typed.text if user is None else typed.with_user(user).text


def _check_terminal() -> None:
    # The picture goes to standard error, which is the terminal even where the output is piped; all three
    # must be one, or the keys or the picture go elsewhere.
    streams = {"input": sys.stdin, "output": sys.stdout, "error output": sys.stderr}
    for name, stream in streams.items():
        if stream is None or not stream.isatty():
            raise UsageError(
                "jobmon needs a terminal; for text use `jobmon report`", f"The {name} is not one."
            )
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError(
            "jobmon needs a terminal that can be drawn on; for text use `jobmon report`",
            "TERM says that this one cannot.",
        )


def _check_theme(name: str | None, config: Config) -> None:
    if name is None:
        for error in check_theme(config):
            raise error
        return
    from jobmon_tui.tui.theme import THEMES

    names = [theme.name for theme in THEMES]
    if name not in names:
        raise UsageError(f"--theme: there is no theme {name!r}", f"There are: {', '.join(names)}.")
