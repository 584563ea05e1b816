"""What ``jobmon doctor`` finds about the feeds that are configured: each one, and whether it answers."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator
from urllib.parse import urlsplit

from jobmon_tui.cli.doctor import FAILED, OK, WARNING, Finding, size_of, source
from jobmon_tui.cli.feeds import feed_choices
from jobmon_tui.config import Config
from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.candidate import WHY_STALE, Choice
from jobmon_tui.model.times import age_text


def look_at_feeds(arguments: Namespace, config: Config) -> tuple[list[Finding], bool]:
    """Ask each configured feed for its newest snapshot (or none of them when offline).

    Returns:
        What was found, and whether jobmon can show a cluster.
    """
    try:
        choices = feed_choices(arguments, config)
    except JobmonError as error:
        return [Finding("jobmon shows", error.message, FAILED, error.hint)], False
    found: list[Finding] = [*_sent_openly(config)]
    shown = old = ""
    for choice in choices:
        if arguments.offline:
            found.append(Finding(choice.name, "not asked: --offline"))
            continue
        findings = list(_asked(choice))
        found += findings
        if findings[0].mark == OK:
            shown = shown or choice.name
        elif findings[0].mark == WARNING:
            old = old or f"{choice.name}, old as it is"
    if arguments.offline:
        shown = choices[0].name
    shown = shown or old
    if not shown:
        return [*found, Finding("jobmon shows", "nothing: none of them answers", FAILED)], False
    return [*found, Finding("jobmon shows", shown, OK)], True


def _asked(choice: Choice) -> Iterator[Finding]:
    """What one of them answers, and how its sources did."""
    began = time.monotonic()
    try:
        feed = choice.make()
        try:
            feed.open()
            snapshot = feed.latest()
        finally:
            feed.close()
    except JobmonError as error:
        yield Finding(choice.name, error.message, FAILED, error.hint)
        return
    age = time.time() - snapshot.timestamp
    seconds = time.monotonic() - began
    words = f"{size_of(snapshot)}, taken {age_text(age)} ago, in {seconds:.2f} s"
    if choice.stale_after is not None and age > choice.stale_after:
        yield Finding(choice.name, f"{words}: too old", WARNING, WHY_STALE)
    else:
        yield Finding(choice.name, words, OK)
        yield from map(source, snapshot.sources)


def _sent_openly(config: Config) -> Iterator[Finding]:
    """Whether a secret would be sent so that everybody on the way can read it."""
    feed = config.feed
    if feed.url is None or not (feed.token_file or feed.password_file):
        return
    parts = urlsplit(feed.url)
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        hint = "Whoever listens on the way reads them: use https."
        yield Finding("feed.url", "sends its credentials without encryption", WARNING, hint)
