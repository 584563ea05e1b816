"""Naming several hosts at once in a site's options: Slurm's host lists, with wildcards."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from jobmon_tui.errors import UsageError
from jobmon_tui.model.hostlist import expand


class HostPatterns:
    """Which hosts an option is about. A host is meant by its full name, and by its name without the domain.

    Args:
        texts: Host lists such as ``john[1-110],bryan*``: Slurm's brackets, ``*`` for any characters and ``?``
            for one.

    Raises:
        UsageError: One of them is no host list.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        names: set[str] = set()
        patterns: list[str] = []
        self.texts = tuple(texts)
        for text in self.texts:
            try:
                parts = expand(text)
            except ValueError as error:
                raise UsageError(str(error), "Write hosts as in node[1-4],gpu*.") from None
            if not parts:
                raise UsageError(f"{text!r} names no host", "Write hosts as in node[1-4],gpu*.")
            for part in parts:
                if "*" in part or "?" in part:
                    patterns.append(part)
                else:
                    names.add(part)
        self._names = frozenset(names)
        self._patterns = tuple(patterns)

    def __bool__(self) -> bool:
        return bool(self.texts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HostPatterns) and self.texts == other.texts

    def __hash__(self) -> int:
        return hash(self.texts)

    def __repr__(self) -> str:
        return f"HostPatterns({list(self.texts)!r})"

    @property
    def expression(self) -> str:
        """A regular expression for whole host names that are meant, with or without their domain."""
        parts = [re.escape(name) for name in sorted(self._names)]
        parts += [re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".") for pattern in self._patterns]
        return f"(?:{'|'.join(parts)})(?:[.].*)?"

    @property
    def wildcards(self) -> tuple[str, ...]:
        """The same hosts by wildcards alone, each with and without a domain."""
        names = (*sorted(self._names), *self._patterns)
        return tuple(form for name in names for form in (name, f"{name}.*"))

    def matches(self, host: str) -> bool:
        """Whether a host is meant."""
        if not self.texts:
            return False
        return _matches(self._names, self._patterns, host)


@lru_cache(maxsize=65_536)
def _matches(names: frozenset[str], patterns: tuple[str, ...], host: str) -> bool:
    # Nodes are asked about in every cycle, and there may be ten thousand of them.
    for name in {host, host.partition(".")[0]}:
        if name in names or any(fnmatchcase(name, pattern) for pattern in patterns):
            return True
    return False


EVERY_HOST = HostPatterns(("*",))
"""All of them."""
NO_HOST = HostPatterns(())
"""None of them."""
