"""One attribute of some records, told as what it is now given what it was before."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain, compress
from operator import is_not, ne
from typing import Any

from jobmon_tui.feeds.store_fields import NUMBER, Kind, Shape
from jobmon_tui.feeds.store_lanes import LaneReader, LaneWriter
from jobmon_tui.feeds.store_numbers import pack_numbers, unpack_numbers

Parts = tuple[list[Shape], list[Sequence[Any]]]
"""The shapes of some values, and the numbers of each."""


def pack_column(kind: Kind, values: list[Any], before: list[Any], lanes: LaneWriter) -> list[Any]:
    """Tell the values of one attribute.

    Args:
        kind: The attribute's.
        values: Row by row.
        before: What the same rows had before.
        lanes: Take what is told.

    Returns:
        What `unpack_column` must be told besides, as JSON.
    """
    if not kind.has_numbers:
        return [lanes.put_values([kind.split(value)[0] for value in values])]
    shapes, numbers = _parted(kind, values)
    shapes_before, expected = _parted(kind, before)
    differ = list(compress(range(len(shapes)), map(ne, shapes, shapes_before)))
    told: Any = []
    if differ:
        told = [
            len(differ),
            pack_numbers(differ, (), lanes.put),
            lanes.put_values([shapes[at] for at in differ]),
        ]
    for at in differ:
        expected[at] = (0,) * len(numbers[at])
    flat, flat_expected = list(chain.from_iterable(numbers)), list(chain.from_iterable(expected))
    width = kind.width if len(flat) == kind.width * len(numbers) else 1
    return [
        told,
        [
            pack_numbers(flat[at::width], flat_expected[at::width], lanes.put, rounded=kind.rounded)
            for at in range(width)
        ],
    ]


def unpack_column(kind: Kind, recipe: list[Any], before: list[Any], lanes: LaneReader) -> list[Any]:
    """The values that were packed.

    Raises:
        ValueError, TypeError, ...: It is no such recipe, or these are not the lanes it goes with.
    """
    if not kind.has_numbers:
        shapes = lanes.take_values(recipe[0], len(before), kind.shape)
        return shapes if kind.is_plain else [kind.join(shape, ()) for shape in shapes]
    told, numbers_told = recipe
    shapes, expected = _parted(kind, before)
    if told:
        n_differ, places, shapes_told = told
        differ = list(map(int, unpack_numbers(places, (), n_differ, lanes.take)))
        for at, shape in zip(differ, lanes.take_values(shapes_told, n_differ, kind.shape), strict=True):
            shapes[at] = shape
            expected[at] = (0,) * kind.count(shape)
    counts = list(map(len, expected))
    flat_expected = list(chain.from_iterable(expected))
    total, width = len(flat_expected), len(numbers_told)
    flat: list[Any] = [0] * total
    for at, one in enumerate(numbers_told):
        count = len(range(at, total, width))
        flat[at::width] = unpack_numbers(
            one, flat_expected[at::width], count, lanes.take, rounded=kind.rounded
        )
    if kind is NUMBER:
        known = iter(flat)
        return [next(known) if shape else None for shape in shapes]
    ends = accumulate(counts)
    return [
        kind.join(shape, flat[end - count : end])
        for shape, count, end in zip(shapes, counts, ends, strict=True)
    ]


def _parted(kind: Kind, values: list[Any]) -> Parts:
    if kind is NUMBER:
        # Most attributes are single numbers, and a queue is long.
        shapes = list(map(int, map(is_not, values, [None] * len(values))))
        return shapes, [(value,) if value is not None else () for value in values]
    parts = list(map(kind.split, values))
    return [shape for shape, _ in parts], [numbers for _, numbers in parts]
