"""Node states as Slurm's versions write them: ``IDLE+DRAIN+NOT_RESPONDING``, ``MIXED*``, ``DRAINED~``."""

from __future__ import annotations

from functools import lru_cache
from sys import intern

SUFFIXES = {
    "*": "NOT_RESPONDING",
    "~": "POWERED_DOWN",
    "#": "POWERING_UP",
    "!": "POWER_DOWN",
    "%": "POWERING_DOWN",
    "$": "MAINTENANCE",
    "@": "REBOOT_REQUESTED",
    "^": "REBOOT_ISSUED",
    "-": "PLANNED",
}
"""What the signs after a state mean."""
BASES = frozenset({"IDLE", "ALLOCATED", "MIXED", "DOWN", "UNKNOWN", "FUTURE", "ERROR"})
"""States that are no flags."""
RENAMED = {
    "DRAINED": "DRAIN",
    "DRAINING": "DRAIN",
    "FAILING": "FAIL",
    "MAINT": "MAINTENANCE",
    "REBOOT": "REBOOT_REQUESTED",
    "POWER": "POWERED_DOWN",
    "POWER_SAVING": "POWERED_DOWN",
    "INVAL": "INVALID_REG",
    "RESV": "RESERVED",
    "COMP": "COMPLETING",
}
"""What older versions, and states that join a base with a flag, mean as a flag."""
SILENT = frozenset({"NOT_RESPONDING", "POWERED_DOWN", "POWERING_DOWN", "POWERING_UP"})
"""Flags of nodes that do not answer."""


@lru_cache(maxsize=4096)
def split_state(
    text: str, cpus_allocated: int | None = None, n_cpus: int | None = None
) -> tuple[str, tuple[str, ...]]:
    """A node's base state and its flags.

    Older versions print a flag in place of the base state (``DRAINED``, ``MAINT``); then the base state is
    told from how many of its CPUs are allocated.

    Args:
        text: The state as printed.
        cpus_allocated: CPUs that jobs hold.
        n_cpus: CPUs of the node.
    """
    base = ""
    flags: dict[str, None] = {}
    for position, word in enumerate(text.upper().split("+")):
        name = word.rstrip("*~#!%$@^-")
        if position == 0 and name in BASES:
            base = name
        elif name:
            flags[intern(RENAMED.get(name, name))] = None
        for sign in word[len(name) :]:
            flags[intern(SUFFIXES[sign])] = None
    if not base and flags:
        if not cpus_allocated:
            base = "IDLE"
        else:
            base = "ALLOCATED" if n_cpus is not None and cpus_allocated >= n_cpus else "MIXED"
    return intern(base or "UNKNOWN"), tuple(flags)


def is_up(state: str, flags: tuple[str, ...]) -> bool:
    """Whether a node in that state answers; a drained one does."""
    return state not in ("DOWN", "UNKNOWN", "FUTURE", "ERROR") and SILENT.isdisjoint(flags)
