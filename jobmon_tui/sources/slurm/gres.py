"""Generic resources as Slurm writes them: ``gpu:p100:2(IDX:0-1)``, ``gres/gpu=2``, ``gpu:v100:4(S:0-1)``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

HIGHEST_INDEX = 65_535
"""Beyond any node's CPUs and GPUs: an index above it is nonsense."""

_OUTSIDE_BRACKETS = re.compile(r",(?![^(]*\))")
_ENTRY = re.compile(
    r"(?:gres[:/])?(?P<name>[^:=(,/]+)(?::(?P<type>[^:=(,]*[^:=(,0-9][^:=(,]*))?(?::no_consume)?"
    r"(?:[:=](?P<count>[0-9]{1,12})(?P<unit>[KMGTP]?))?(?P<detail>(?:\([^)]*\))*)\Z"
)
_INDICES = re.compile(r"IDX:([0-9,-]+)")
_COUNT = re.compile(r"CNT:([0-9]{1,9})")
_INDEX_RANGE = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?\Z")


class Gres(NamedTuple):
    """One generic resource of a node, or asked for by a job."""

    name: str
    """``gpu``, ``shard``, ..."""
    model: str | None
    """Its type: ``p100``."""
    amount: int
    """How many, of one node."""
    indices: tuple[int, ...] | None
    """Which ones; ``None`` where Slurm gives only their number."""


@lru_cache(maxsize=4096)
def parse_gres(text: str) -> tuple[Gres, ...]:
    """The generic resources in any form that Slurm's commands print; what cannot be read is left out."""
    found = []
    for part in _OUTSIDE_BRACKETS.split(text):
        match = _ENTRY.match(part.strip())
        if match is None or match["name"] in ("(null)", "N"):
            continue
        indices = _INDICES.search(match["detail"])
        told = _COUNT.search(match["detail"])
        which = parse_indices(indices[1]) if indices else None
        if told:
            count = int(told[1])
        elif match["count"]:
            count = int(match["count"]) * 1024 ** " KMGTP".index(match["unit"] or " ")
        else:
            count = len(which) if which is not None else 1
        if count == 0:
            which = ()
        found.append(Gres(match["name"], match["type"], count, which))
    return tuple(found)


def gpus_of(text: str | None) -> tuple[Gres, ...]:
    """The GPUs among generic resources."""
    return tuple(one for one in parse_gres(text) if one.name == "gpu") if text else ()


def gpu_count(text: str | None) -> int:
    """How many GPUs there are among generic resources."""
    return sum(one.amount for one in gpus_of(text))


def gpus_in_tres(tres: dict[str, float]) -> int | None:
    """The GPUs among trackable resources; ``None`` where AccountingStorageTRES does not name them.

    A site may track all GPUs together, each type, or both: ``gres/gpu=2,gres/gpu:p100=2`` are two.
    """
    if "gres/gpu" in tres:
        return int(tres["gres/gpu"])
    typed = [amount for name, amount in tres.items() if name.startswith("gres/gpu:")]
    return int(sum(typed)) if typed else None


def plain_gres(text: str) -> str | None:
    """Generic resources without the prefix that Slurm's versions write differently: ``gpu:p100:2``."""
    if text in ("", "N/A", "(null)"):
        return None
    return re.sub(r"(?:^|(?<=,))gres[:/]", "", text)


@lru_cache(maxsize=8192)
def parse_indices(text: str) -> tuple[int, ...] | None:
    """The numbers of ``0-3,8``, ascending; ``None`` where it is no such list. Equal lists are one object."""
    found: set[int] = set()
    for part in text.split(","):
        match = _INDEX_RANGE.match(part)
        if match is None:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last <= HIGHEST_INDEX:
            return None
        found.update(range(first, last + 1))
    return tuple(sorted(found))
