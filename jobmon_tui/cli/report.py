"""``jobmon report``: one instant in words, as a table for a spreadsheet, or as JSON for scripts."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from jobmon_tui.errors import JobmonError, UsageError
from jobmon_tui.model.text import printable

if TYPE_CHECKING:
    from jobmon_tui.feeds.base import Backfill, Feed
    from jobmon_tui.model.snapshot import Snapshot

FORMATS = ("text", "json", "csv")
TABLES = ("jobs", "users", "nodes")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the report beside those that choose the source."""
    parser.add_argument(
        "--at",
        metavar="TIME",
        help="the recorded snapshot nearest to TIME: 14:30, -2h, 'yesterday 23:00', 2026-11-23T02:15",
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="text", help="how to print it (default: %(default)s)"
    )
    parser.add_argument(
        "--table", choices=TABLES, default="jobs", help="which table csv prints (default: %(default)s)"
    )
    parser.add_argument(
        "--limit",
        type=_row_limit,
        default=20,
        metavar="ROWS",
        help="rows of each table in text, 0 for all (default: %(default)s)",
    )


def run(arguments: Namespace) -> int:
    """Print the report that the arguments ask for.

    Raises:
        JobmonError: There is no snapshot to report on, or an argument makes no sense.
    """
    import gc

    # All that is read here lives until the end: the collector would only walk through it again and again.
    collects = gc.isenabled()
    gc.disable()
    try:
        report = _load(arguments)
        if arguments.format == "json":
            _print_json(report, sys.stdout)
        elif arguments.format == "csv":
            from jobmon_tui.cli.report_csv import print_csv

            print_csv(report, arguments.table, sys.stdout)
        else:
            from jobmon_tui.cli.report_text import print_text

            print_text(report, sys.stdout, arguments.limit)
    finally:
        if collects:
            gc.enable()
    return 0


def _row_limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        raise ArgumentTypeError(f"{printable(text, 40)!r} is no number of rows")
    return int(text)


def _load(arguments: Namespace) -> dict[str, Any]:
    import time

    from jobmon_tui.analysis.report import build_report
    from jobmon_tui.cli.feeds import choose_feed, chosen_user, source_name
    from jobmon_tui.cli.instants import instant_option
    from jobmon_tui.cli.settings import load_settings, thresholds_of
    from jobmon_tui.feeds.one_user import OneUserFeed

    now = time.time()
    instant = None if arguments.at is None else instant_option("--at", arguments.at, now)
    config = load_settings(arguments)
    thresholds = thresholds_of(config)
    chosen, notice = choose_feed(arguments, config)
    user = chosen_user(arguments)
    feed = chosen if user is None else OneUserFeed(chosen, user)
    if notice:
        print(f"jobmon: {notice}", file=sys.stderr)
    try:
        feed.open()
        if instant is not None and feed.kind == "live" and not feed.timeline():
            raise UsageError(
                f"{printable(feed.title)} knows the present only",
                "--at needs recorded snapshots: --spool FOLDER or --url URL.",
            )
        snapshot = feed.latest() if instant is None else feed.at(instant)
        return build_report(
            snapshot,
            feed.window(snapshot.timestamp, thresholds.warning_window),
            source=source_name(chosen, arguments, config),
            thresholds=thresholds,
            backfill=_backfill(feed, snapshot, instant is not None),
            now=now if instant is None else snapshot.timestamp,
        )
    finally:
        feed.close()


def _backfill(feed: Feed, snapshot: Snapshot, is_past: bool) -> Backfill:
    """What the feed says of the present; else what the snapshot itself tells."""
    from jobmon_tui.analysis.backfill import calculate_backfill

    if not is_past:
        try:
            said = feed.backfill()
        except JobmonError as error:
            print(f"jobmon: {printable(error.message)}", file=sys.stderr)
        else:
            if said:
                return said
    return calculate_backfill(snapshot)


def _print_json(report: Mapping[str, Any], output: TextIO) -> None:
    import json

    try:
        text = json.dumps(report, allow_nan=False)
    except ValueError:
        from jobmon_tui.model.wire import without_nan

        text = json.dumps(without_nan(report), allow_nan=False)
    output.write(text + "\n")
