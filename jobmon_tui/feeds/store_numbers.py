"""Lists of numbers as few bytes: whole numbers of some fraction, told as differences to numbers known before.

What comes out are *lanes*, strings of bytes that are alike among themselves (all low bytes, all high bytes),
since those are what a general compressor makes little of. Reading gives the very numbers back, with their
types, but for those that the caller allows to be rounded.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import compress, repeat
from math import copysign
from operator import add, mul, not_, sub
from struct import pack, unpack
from typing import Any

Number = int | float
Prediction = Sequence[Number]
"""What each number is expected to be, near enough for the difference to be small; empty: nothing known."""

_SCALES = (1, 10, 100, 60, 1000, 1024, 1048576)
"""What real readings are fractions of: decimals, minutes told in seconds, MiB told in KiB or bytes."""
_EXACT = 1 << 53
"""Whole numbers below this are exact as floats."""
_WIDTHS = ((1 << 8, "B"), (1 << 16, "H"), (1 << 32, "I"), (1 << 64, "Q"))
_TYPES: dict[type, int] = {int: 0, float: 1}


def pack_numbers(
    values: Sequence[Number], prediction: Prediction, put: Callable[[bytes], None], *, rounded: bool = False
) -> list[Any]:
    """Hand the lanes of some numbers to ``put``.

    Args:
        values: The numbers: whole ones of 64 bits at the most, and floats of any value.
        prediction: As many numbers, or none.
        put: Takes a lane.
        rounded: Whether floats that are no plain fractions may lose what is behind their seventh digit.

    Returns:
        What `unpack_numbers` must be told, as JSON.
    """
    if rounded:
        prediction = _rounded(prediction)
    kinds = set(map(type, values))
    if kinds - _TYPES.keys():
        values = [one if type(one) in _TYPES else float(one) for one in values]
        kinds = set(map(type, values))
    if len(kinds) > 1:
        marks = bytes(map(_TYPES.__getitem__, map(type, values)))
        put(marks)
        return ["mixed", *(_pack_part(values, prediction, marks, kind, put, rounded) for kind in (0, 1))]
    if not values:
        return []
    if int in kinds:
        return _pack_whole(values, prediction, put)  # type: ignore[arg-type]
    return _pack_floats(values, prediction, put, rounded)


def unpack_numbers(
    recipe: list[Any],
    prediction: Prediction,
    count: int,
    take: Callable[[], bytes],
    *,
    rounded: bool = False,
) -> list[Number]:
    """The numbers that were packed.

    Args:
        recipe: What `pack_numbers` returned.
        prediction: The same that they were packed with.
        count: How many there are.
        take: Gives the lanes, in the order in which they were put.
        rounded: As it was when they were packed.

    Raises:
        ValueError, IndexError, TypeError, ...: It is no such recipe, or the lanes are others.
    """
    if not recipe:
        if count:
            raise ValueError("numbers are missing")
        return []
    if rounded:
        prediction = _rounded(prediction)
    kind = recipe[0]
    if kind == "mixed":
        marks = take()
        if len(marks) != count:
            raise ValueError("numbers are missing")
        parts = []
        for mark in (0, 1):
            there = [one == mark for one in marks]
            part = list(compress(prediction, there)) if prediction else ()
            parts.append(iter(unpack_numbers(recipe[1 + mark], part, sum(there), take)))
        return [next(parts[mark]) for mark in marks]
    if kind == "written":
        written: list[Number] = recipe[1]
        if len(written) != count or any(type(one) is not int for one in written):
            raise ValueError("numbers are missing")
        return written
    if kind == "double":
        return _unlaced(count, "d", take)
    if kind == "single":
        return list(unpack(f"<{count}f", _woven(4, count, take)))
    whole = _unpack_whole(recipe, prediction, count, take)
    if kind == "whole":
        return whole
    scale = recipe[0]
    if type(scale) is not int or scale < 1:
        raise ValueError(f"no recipe for numbers: {kind!r}")
    return list(map(float, whole)) if scale == 1 else [value / scale for value in whole]


def _rounded(prediction: Prediction) -> Prediction:
    """To seven digits: the writer knows the numbers before in full, and the reader as they were kept."""
    try:
        return unpack(f"<{len(prediction)}f", pack(f"<{len(prediction)}f", *prediction))
    except OverflowError:
        return [0] * len(prediction)


def _pack_part(
    values: Sequence[Number],
    prediction: Prediction,
    marks: bytes,
    kind: int,
    put: Callable[[bytes], None],
    rounded: bool,
) -> list[Any]:
    there = [mark == kind for mark in marks]
    part = list(compress(prediction, there)) if prediction else ()
    return pack_numbers(list(compress(values, there)), part, put, rounded=rounded)


def _pack_floats(
    values: Sequence[float], prediction: Prediction, put: Callable[[bytes], None], rounded: bool
) -> list[Any]:
    for scale in _SCALES:
        found = _whole_of(values, scale)
        if found is not None and max(found) - min(found) < _EXACT:
            return [scale, *_pack_whole(found, _expected(prediction, scale), put)[1:]]
    if rounded and all(-3e38 < value < 3e38 for value in values):
        _weave(pack(f"<{len(values)}f", *values), 4, put)
        return ["single"]
    _weave(pack(f"<{len(values)}d", *values), 8, put)
    return ["double"]


def _whole_of(values: Sequence[float], scale: int) -> list[int] | None:
    """The numbers times the scale, where dividing gives back exactly what they were."""
    if scale == 1:
        if not all(map(float.is_integer, values)):
            return None
        whole = list(map(int, values))
        is_exact = -_EXACT < min(whole) <= max(whole) < _EXACT
        return whole if is_exact and not _has_minus_zero(values, whole) else None
    for part in (values[:8], values):
        try:
            whole = [round(value * scale) for value in part]
        except (ValueError, OverflowError):
            return None
        if any(
            one / scale != value or not -_EXACT < one < _EXACT for one, value in zip(whole, part, strict=True)
        ):
            return None
    return None if _has_minus_zero(values, whole) else whole


def _has_minus_zero(values: Sequence[float], whole: Sequence[int]) -> bool:
    """Minus zero is equal to zero, and is kept all the same."""
    return any(copysign(1.0, zero) < 0 for zero in compress(values, map(not_, whole)))


def _nearest(value: Number, scale: int) -> int:
    try:
        return round(value * scale)
    except (ValueError, OverflowError):
        return 0


def _pack_whole(values: Sequence[int], prediction: Prediction, put: Callable[[bytes], None]) -> list[Any]:
    if prediction:
        prediction = _expected(prediction, 1)
        differences = list(map(sub, values, prediction))
        # The bits say roughly what each takes.
        if sum(map(int.bit_length, differences)) < sum(map(int.bit_length, values)):
            values = differences
        else:
            prediction = ()
    least = min(values)
    most = max(values) - least
    for bound, code in _WIDTHS:
        if most < bound:
            kept = _little(array(code, map((-least).__add__, values)))
            _weave(kept.tobytes(), kept.itemsize, put)
            return ["whole", int(bool(prediction)), least, kept.itemsize]
    if prediction:
        return _pack_whole(list(map(add, values, prediction)), (), put)
    return ["written", list(values)]


def _unpack_whole(
    recipe: list[Any], prediction: Prediction, count: int, take: Callable[[], bytes]
) -> list[Number]:
    _, differs, least, width = recipe
    code = {1: "B", 2: "H", 4: "I", 8: "Q"}[width]
    values: list[int] = _unlaced(count, code, take)
    if least:
        values = list(map(least.__add__, values))
    if not differs:
        return values  # type: ignore[return-value]
    if len(prediction) != count:
        raise ValueError("the numbers before them are missing")
    scale = recipe[0] if type(recipe[0]) is int else 1
    return list(map(add, values, _expected(prediction, scale)))


def _expected(prediction: Prediction, scale: int) -> list[int]:
    """The whole numbers nearest to what is expected times the scale."""
    kinds = set(map(type, prediction))
    if scale == 1 and kinds == {int}:
        return list(map(int, prediction))
    # Mostly they are whole already, and long lists of them must not be gone through one by one.
    if scale == 1 and kinds == {float} and all(map(float.is_integer, prediction)):
        return list(map(int, prediction))
    with suppress(ValueError, OverflowError):
        return list(map(round, map(mul, prediction, repeat(scale))))
    return [_nearest(one, scale) for one in prediction]


def _weave(data: bytes, width: int, put: Callable[[bytes], None]) -> None:
    """All first bytes, all second bytes, ..."""
    if width == 1:
        put(data)
    else:
        for place in range(width):
            put(data[place::width])


def _woven(width: int, count: int, take: Callable[[], bytes]) -> bytes:
    lanes = [take() for _ in range(width)]
    # Looked at before as much memory is taken as somebody says that there are numbers.
    if any(len(lane) != count for lane in lanes):
        raise ValueError("numbers are missing")
    if width == 1:
        return lanes[0]
    data = bytearray(width * count)
    for place, lane in enumerate(lanes):
        data[place::width] = lane
    return bytes(data)


def _unlaced(count: int, code: str, take: Callable[[], bytes]) -> list[Any]:
    found = array(code)
    found.frombytes(_woven(found.itemsize, count, take))
    return _little(found).tolist()


def _little(numbers: array[Any]) -> array[Any]:
    """What is kept has its low bytes first, on every machine."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


# Bytes, taken as numbers modulo 256 (or pairs of them modulo 65536), all at once: a large cluster has a
# million cores, and Python's long integers go through them a hundred times quicker than a loop does.


@lru_cache(maxsize=8)
def _tops(length: int, width: int) -> tuple[int, int]:
    """The highest bit of each number, and all the others."""
    tops = int.from_bytes((b"\x00" * (width - 1) + b"\x80") * (length // width), "little")
    return tops, tops ^ ((1 << 8 * length) - 1)


def added(one: bytes, other: bytes, width: int = 1) -> bytes:
    """Each number of one plus that of the other, both of the same length."""
    length = len(one)
    x, y = int.from_bytes(one, "little"), int.from_bytes(other, "little")
    return lanes_added(x, y, length, width).to_bytes(length, "little")


def subtracted(one: bytes, other: bytes, width: int = 1) -> bytes:
    """Each number of one less that of the other, both of the same length."""
    length = len(one)
    x, y = int.from_bytes(one, "little"), int.from_bytes(other, "little")
    return lanes_subtracted(x, y, length, width).to_bytes(length, "little")


def lanes_added(one: int, other: int, length: int, width: int) -> int:
    """`added`, for those who hold on to the long integers: half of the time goes into making them."""
    tops, rest = _tops(length, width)
    return ((one & rest) + (other & rest)) ^ ((one ^ other) & tops)


def lanes_subtracted(one: int, other: int, length: int, width: int) -> int:
    """`subtracted`, likewise."""
    tops, rest = _tops(length, width)
    return ((one | tops) - (other & rest)) ^ ((one ^ other ^ tops) & tops)
