"""``jobmon report``: one instant in words, as a table for a spreadsheet, or as JSON for scripts."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TextIO

from jobmon_tui.errors import JobmonError, UsageError
from jobmon_tui.model.text import printable

if TYPE_CHECKING:
    from jobmon_tui.feeds.base import Backfill, Feed
    from jobmon_tui.model.snapshot import Snapshot

FORMATS = ("text", "json", "csv")
TABLES = ("jobs", "users", "nodes")

_UNIX = re.compile(r"[0-9]{4,12}(\.[0-9]{1,9})?", re.ASCII)
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?", re.ASCII)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of the report beside those that choose the source."""
    parser.add_argument(
        "--at",
        metavar="TIME",
        help="the recorded snapshot nearest to TIME: Unix seconds, 2026-11-22T14:30 or 14:30",
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


def parse_instant(text: str, now: float) -> float:
    """Read an instant that a user wrote.

    Args:
        text: Unix seconds, an ISO date and time (in the user's own time zone unless it says another), or
            ``14:30``: the last time that the clock showed this.
        now: Unix seconds.

    Raises:
        UsageError: It is none of these.
    """
    text = text.strip()
    if _UNIX.fullmatch(text):
        return float(text)
    try:
        clock = _CLOCK.fullmatch(text)
        if clock is None:
            return datetime.fromisoformat(text).timestamp()
        hour, minute, second = (int(part or 0) for part in clock.groups())
        today = datetime.fromtimestamp(now)
        moment = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
        return (moment if moment <= today else moment - timedelta(days=1)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"{printable(text, 60)!r} is no time", "Write Unix seconds, 2026-11-22T14:30 or 14:30."
        ) from None


def _row_limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        raise ArgumentTypeError(f"{printable(text, 40)!r} is no number of rows")
    return int(text)


def _load(arguments: Namespace) -> dict[str, Any]:
    import time

    from jobmon_tui.analysis.report import build_report
    from jobmon_tui.cli.feeds import choose_feed, chosen_user, source_name
    from jobmon_tui.cli.settings import load_settings, thresholds_of
    from jobmon_tui.feeds.one_user import OneUserFeed

    now = time.time()
    instant = None if arguments.at is None else parse_instant(arguments.at, now)
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
