"""One attribute of some records, told as what it is now given what it was before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, compress, islice, zip_longest
from operator import is_not, ne
from typing import Any

from jobmon_tui.feeds.store_fields import NUMBER, Kind, Shape
from jobmon_tui.feeds.store_lanes import LaneReader, LaneWriter
from jobmon_tui.feeds.store_numbers import pack_numbers, unpack_numbers

MOST_COLUMNS = 12
"""Places in a row that get a column of their own."""

_ABSENT = object()

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
    return [
        told,
        [
            pack_numbers(column, column_expected, lanes.put, rounded=kind.rounded)
            for column, column_expected in zip(_columns(numbers), _columns(expected), strict=True)
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
    columns = _columns(expected)
    if len(columns) != len(numbers_told):
        raise ValueError("numbers are missing")
    columns = [
        unpack_numbers(one, column, len(column), lanes.take, rounded=kind.rounded)
        for one, column in zip(numbers_told, columns, strict=True)
    ]
    if kind is NUMBER:
        known = iter(columns[0] if columns else ())
        return [next(known) if shape else None for shape in shapes]
    return list(map(kind.join, shapes, _rows(columns, list(map(len, expected)))))


def _columns(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """The first numbers of all rows, the second ones, and so on; then whatever rows have beyond that.

    What stands in the same place is of the same sort: the memory total of the first GPU, the bytes written.
    """
    longest = max(map(len, rows), default=0)
    if longest <= MOST_COLUMNS:
        if longest and min(map(len, rows)) == longest:
            return list(zip(*rows, strict=True))
        columns = zip_longest(*rows, fillvalue=_ABSENT)
        return [[one for one in column if one is not _ABSENT] for column in columns]
    beyond = list(chain.from_iterable(row[MOST_COLUMNS:] for row in rows))
    return [*_columns([row[:MOST_COLUMNS] for row in rows]), beyond]


def _rows(columns: Sequence[Sequence[Any]], counts: Sequence[int]) -> Iterable[Sequence[Any]]:
    """The rows again, of which it is known how many numbers each has."""
    if columns and len(columns) <= MOST_COLUMNS and len(columns[-1]) == len(counts):
        return zip(*columns, strict=True)
    known = [iter(column) for column in columns]
    first = {count: known[: min(count, MOST_COLUMNS)] for count in set(counts)}
    return (
        [*map(next, first[count]), *islice(known[MOST_COLUMNS], count - MOST_COLUMNS)]
        if count > MOST_COLUMNS
        else tuple(map(next, first[count]))
        for count in counts
    )


def _parted(kind: Kind, values: list[Any]) -> Parts:
    if kind is NUMBER:
        # Most attributes are single numbers, and a queue is long.
        shapes = list(map(int, map(is_not, values, [None] * len(values))))
        return shapes, [(value,) if value is not None else () for value in values]
    parts = list(map(kind.split, values))
    return [shape for shape, _ in parts], [numbers for _, numbers in parts]
