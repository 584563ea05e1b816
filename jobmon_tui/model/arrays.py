"""The tasks of a job array as Slurm writes them: ``0-9:3%2`` is tasks 0, 3, 6 and 9, two at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

HIGHEST_INDEX = 4_000_001
"""Slurm's own bound on MaxArraySize: an index beyond it is nonsense."""

_INDEX = re.compile(r"[0-9]{1,9}\Z")
_PART = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9})(?::([0-9]{1,9}))?)?\Z")
_CUT_RANGE = re.compile(r"([0-9]{1,9})-[0-9]*:?[0-9]*\Z")


@dataclass(frozen=True, slots=True)
class ArrayTasks:
    """Which tasks an expression stands for; a hundred thousand of them cost no more than one."""

    ranges: tuple[range, ...]
    """The tasks that are spelled out."""
    count: int
    """How many tasks it stands for; where the text is cut and nobody told the number, at least this many."""
    is_truncated: bool = False
    """Some of its tasks are not spelled out, or not so that they could be read."""
    limit: int | None = None
    """How many of them may run at the same time."""

    def indices(self) -> Iterator[int]:
        """The tasks that are spelled out, in the text's own order, each once."""
        for position, one in enumerate(self.ranges):
            earlier = [other for other in self.ranges[:position] if _overlap(one, other)]
            for index in one:
                if not any(index in other for other in earlier):
                    yield index

    def __contains__(self, index: object) -> bool:
        return any(index in one for one in self.ranges)

    def __iter__(self) -> Iterator[int]:
        return self.indices()


@lru_cache(maxsize=4096)
def parse_tasks(text: str, count: int | None = None) -> ArrayTasks:
    """Read the tasks of an array.

    Args:
        text: ``0-9:3%2``, ``1,3,5-9``; ``0-99,...`` where Slurm cut it.
        count: The true number of tasks where something else tells it; used where the text is cut.
    """
    expression, _, limit_text = text.strip().strip("[]").partition("%")
    limit = int(limit_text) if _INDEX.match(limit_text) else None
    ranges: list[range] = []
    is_truncated = False
    for part in filter(None, map(str.strip, expression.split(","))):
        found, is_whole = _read_part(part)
        is_truncated |= not is_whole
        if found:
            ranges.append(found)
    known = _count(ranges)
    if is_truncated and count is not None:
        known = max(known, count)
    return ArrayTasks(tuple(ranges), known, is_truncated, limit or None)


def _read_part(part: str) -> tuple[range | None, bool]:
    """One part between commas, and whether it says all that it stands for."""
    is_cut = "..." in part
    if is_cut:
        # Slurm cuts in the middle of a number: of ``20-2...`` only the 20 is certain, of ``20...`` nothing.
        match = _CUT_RANGE.match(part.partition("...")[0])
        first = int(match[1]) if match else HIGHEST_INDEX + 1
        return (range(first, first + 1) if first <= HIGHEST_INDEX else None), False
    match = _PART.match(part)
    if match is None:
        return None, False
    first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
    if not first <= last <= HIGHEST_INDEX or step == 0:
        return None, False
    return range(first, last + 1, step), True


def _count(ranges: list[range]) -> int:
    """How many different tasks these are; Slurm never lists one twice, but a hostile text may."""
    highest = -1
    for one in ranges:
        if one[0] <= highest:
            return len(set().union(*ranges))
        highest = one[-1]
    return sum(map(len, ranges))


def _overlap(one: range, other: range) -> bool:
    return one[0] <= other[-1] and other[0] <= one[-1]
