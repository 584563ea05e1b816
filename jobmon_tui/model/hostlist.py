"""Slurm's short form of many host names: ``c[001-004,007],g[1-2]-ib0`` and back."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product
from typing import NamedTuple

MOST_HOSTS = 200_000
"""More hosts than any cluster has: a list that stands for more is nonsense, and is not expanded."""
LONGEST_NUMBER = 18
"""Digits of a number in a host name; with more it is treated as letters."""

_ABSENT = frozenset({"", "(null)", "N/A", "None", "None assigned"})
_NUMBER = re.compile(r"([0-9]+)")
_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?\Z")


class _Range(NamedTuple):
    first: int
    last: int
    width: int


_Part = str | tuple[_Range, ...]
"""A host expression is a sequence of plain texts and of brackets, which are ranges."""


def expand(text: str | None, limit: int = MOST_HOSTS) -> tuple[str, ...]:
    """The host names that a list stands for, in its own order.

    Args:
        text: ``c[001-008],g[1,3-5]-ib0``, ``r[1-2]n[01-03]``; ``None``, ``""`` or ``(null)`` are no hosts.
        limit: The most hosts that it may stand for.

    Raises:
        ValueError: It is no host list (brackets that do not match, a range that runs backwards), or it stands
            for more hosts than the limit.
    """
    if text is None or text in _ABSENT:
        return ()
    if "[" in text or "]" in text:
        return _expand_brackets(text, limit)
    names = text.split(",")
    if len(names) > limit:
        raise ValueError(f"a list of {len(names)} hosts is longer than {limit}")
    return tuple(sys.intern(name) for name in map(str.strip, names) if name)


def count(text: str | None) -> int:
    """How many hosts a list stands for, without making their names.

    Raises:
        ValueError: It is no host list.
    """
    if text is None or text in _ABSENT:
        return 0
    return sum(_size(parts) for parts in _parse(text))


def fold(names: Iterable[str]) -> str:
    """The short form of host names, sorted naturally, each once: ``c[001-003,007],login1``.

    One number of each name is folded: the one in which most of the other names differ.
    """
    kept = sorted({name for name in names if name}, key=natural_key)
    groups = Counter(place for name in kept for place, _ in _places(name))
    folded: dict[str | tuple[str, str], list[str]] = {}
    for name in kept:
        places = list(_places(name))
        if places:
            # Of equally good numbers the last one counts: it is the node, the ones before it are racks.
            place, digits = max(reversed(places), key=lambda one: groups[one[0]])
            folded.setdefault(place, []).append(digits)
        else:
            folded[name] = []
    return ",".join(
        place if isinstance(place, str) else _fold_group(place, numbers) for place, numbers in folded.items()
    )


def natural_key(name: str) -> tuple[tuple[str, int, str], ...]:
    """A key that sorts ``c2`` before ``c10``, whatever the name is made of."""
    parts = _NUMBER.split(name)
    key = []
    for text, digits in zip(parts[::2], [*parts[1::2], ""], strict=True):
        # The number's length stands before its digits, so that no number is too long to be compared.
        number = digits.lstrip("0")
        key.append((text, len(number) if digits else -1, number))
    return (*key, (name, -1, ""))


@lru_cache(maxsize=4096)
def _expand_brackets(text: str, limit: int) -> tuple[str, ...]:
    hosts: list[str] = []
    for parts in _parse(text):
        if len(hosts) + _size(parts) > limit:
            raise ValueError(f"the host list {_short(text)} stands for more than {limit} hosts")
        choices = [(part,) if isinstance(part, str) else tuple(_numbers(part)) for part in parts]
        hosts.extend(sys.intern("".join(choice)) for choice in product(*choices))
    return tuple(hosts)


def _parse(text: str) -> Iterator[list[_Part]]:
    """The expressions between the commas outside brackets, each as its parts."""
    parts: list[_Part] = []
    position = 0
    for match in re.finditer(r"\[([^][]*)\]|,", text):
        plain = text[position : match.start()].strip()
        if "[" in plain or "]" in plain:
            break
        if plain:
            parts.append(plain)
        position = match.end()
        if match[1] is not None:
            parts.append(_ranges(match[1], text))
        elif parts:
            yield parts
            parts = []
    rest = text[position:].strip()
    if "[" in rest or "]" in rest:
        raise ValueError(f"the brackets of the host list {_short(text)} do not match")
    if rest:
        parts.append(rest)
    if parts:
        yield parts


def _ranges(inside: str, text: str) -> tuple[_Range, ...]:
    ranges = []
    for part in inside.split(","):
        match = _RANGE.match(part.strip())
        if match is None or max(len(match[1]), len(match[2] or "")) > LONGEST_NUMBER:
            raise ValueError(f"the host list {_short(text)} has a range that is none: {_short(part)}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"the host list {_short(text)} has a range that runs backwards: {_short(part)}")
        ranges.append(_Range(first, last, len(match[1])))
    return tuple(ranges)


def _size(parts: list[_Part]) -> int:
    size = 1
    for part in parts:
        if not isinstance(part, str):
            size *= sum(last - first + 1 for first, last, _ in part)
    return size


def _numbers(ranges: tuple[_Range, ...]) -> Iterator[str]:
    for first, last, width in ranges:
        for number in range(first, last + 1):
            yield f"{number:0{width}d}"


def _places(name: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Each number of a name, as what stands before and after it, and its digits."""
    if "," in name or "[" in name or "]" in name:
        return
    for match in _NUMBER.finditer(name):
        if len(match[0]) <= LONGEST_NUMBER:
            yield (name[: match.start()], name[match.end() :]), match[0]


def _fold_group(place: tuple[str, str], numbers: list[str]) -> str:
    before, after = place
    if len(numbers) == 1:
        return f"{before}{numbers[0]}{after}"
    padded = {len(digits) for digits in numbers if digits[0] == "0" and len(digits) > 1}
    by_width: dict[int, list[int]] = {}
    for digits in numbers:
        by_width.setdefault(len(digits) if len(digits) in padded else 0, []).append(int(digits))
    ranges: list[str] = []
    for width, found in sorted(by_width.items()):
        for first, last in _runs(sorted(found)):
            start = f"{first:0{width}d}"
            ranges.append(start if first == last else f"{start}-{last:0{width}d}")
    return f"{before}[{','.join(ranges)}]{after}"


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
