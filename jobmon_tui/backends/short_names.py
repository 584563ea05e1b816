"""User names cut short for public displays: users know themselves, strangers learn little."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

LEAST = 3
"""Characters that are left of a name at least."""


def shorten_names(names: Iterable[str], least: int = LEAST) -> dict[str, str]:
    """The shortest beginning of each name that no other name begins with.

    A name that another one begins with (``ann`` beside ``anna``) has no such beginning; it stays whole.

    Args:
        names: All names that there are.
        least: Characters that are kept at least, as far as a name has them.
    """
    ordered = sorted(set(names))
    short: dict[str, str] = {}
    for place, name in enumerate(ordered):
        # Names that share a beginning stand together, so the longest shared one is with a neighbour.
        neighbours = ordered[max(0, place - 1) : place] + ordered[place + 1 : place + 2]
        shared = max((_shared(name, other) for other in neighbours), default=0)
        short[name] = name[: max(least, shared + 1, 1)]
    return short


def _shared(one: str, other: str) -> int:
    """How many characters two names begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
