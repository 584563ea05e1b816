"""``jobmon`` and ``jobmon wall``: open the app on this terminal."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from jobmon_tui.cli.feeds import choose_feed, chosen_user
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
    filter_text = _filter_text(arguments.filter, user)
    _check_terminal()
    feed, notice = choose_feed(arguments)
    _check_theme(arguments.theme)
    options = WatchOptions(
        # Whoever asks for one user's jobs wants to see jobs.
        view=arguments.view or ("jobs" if user else VIEWS[0]),
        filter=filter_text,
        interval=arguments.interval,
        theme=arguments.theme,
        wall=arguments.command == "wall",
        wall_seconds=getattr(arguments, "page_seconds", 20.0),
        notice=notice,
    )
    from jobmon_tui.tui.app import run_app

    return run_app(feed, options)


def _filter_text(text: str | None, user: str | None) -> str:
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


def _check_theme(name: str | None) -> None:
    if name is None:
        return
    from jobmon_tui.tui.theme import THEMES

    names = [theme.name for theme in THEMES]
    if name not in names:
        raise UsageError(f"--theme: there is no theme {name!r}", f"There are: {', '.join(names)}.")
