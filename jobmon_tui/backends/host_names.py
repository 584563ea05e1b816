"""One node under several names: the scheduler says ``john1``, a monitor ``john1.hpc.example.org``."""

from __future__ import annotations

from collections.abc import Iterable


class HostNames:
    """Finds the scheduler's name of a host that somebody else names.

    A host is found by the very name; else by its name without the domain, unless two nodes share that. Case
    does not matter, as it does not in the domain name system.

    Args:
        names: The scheduler's names of all nodes.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._exact: dict[str, str] = {}
        self._short: dict[str, str | None] = {}
        for name in names:
            self._exact.setdefault(name.lower(), name)
            short = short_name(name)
            self._short[short] = None if short in self._short else name

    def find(self, host: str) -> str | None:
        """The scheduler's name; ``None`` if it knows no such node."""
        return self._exact.get(host.lower()) or self._short.get(short_name(host))


def short_name(host: str) -> str:
    """A host's name without its domain, in small letters; an address stays whole."""
    first = host.partition(".")[0].lower()
    return host.lower() if first.isdigit() or not first else first
