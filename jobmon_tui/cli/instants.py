"""Instants on the command line: ``--at 14:30``, ``--from -2h --to now``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from jobmon_tui.errors import UsageError

OPTIONS = ("--at", "--from", "--to")
"""The options that take an instant."""

_LOOKS_BACK = re.compile(r"-[ 0-9]")


def instants_joined(argv: Sequence[str]) -> Iterator[str]:
    """The same with ``--at -2h`` as ``--at=-2h``: the parser takes what begins with - for an option."""
    words = iter(argv)
    for word in words:
        if word == "--":
            yield word
            yield from words
        elif word in OPTIONS:
            value = next(words, None)
            if value is None:
                yield word
            elif _LOOKS_BACK.match(value):
                yield f"{word}={value}"
            else:
                yield word
                yield value
        else:
            yield word


def instant_option(option: str, text: str, now: float) -> float:
    """Read an instant that an option names.

    Args:
        option: Its name, for messages.
        text: What was said.
        now: Unix seconds.

    Raises:
        UsageError: It is no instant.
    """
    from jobmon_tui.analysis.instants import InstantError, parse_instant

    try:
        return parse_instant(text, now)
    except InstantError as error:
        raise UsageError(f"{option}: {error.message}", error.hint) from None
