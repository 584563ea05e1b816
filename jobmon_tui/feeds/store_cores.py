"""The CPU use of nodes, core by core: by far the most of what a snapshot measures.

The five times of a core sum up to about 100, so the last one is told by what the sum is short of; and what
cores did a moment ago says nearly what they do now. What is left is mostly zeros.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from jobmon_tui.feeds.store_numbers import added, subtracted
from jobmon_tui.model.measures import CoreUse

_WIDTHS = {"B": 1, "H": 2, "d": 8}


def pack_cores(
    uses: Sequence[CoreUse | None], before: Sequence[CoreUse | None], put: Callable[[bytes], None]
) -> list[Any]:
    """Hand the lanes of some nodes' cores to ``put``.

    Floats that are no tenths are rounded to tenths of a per cent: no kernel counts time more finely over the
    seconds between two readings.

    Args:
        uses: Node by node.
        before: The same nodes' cores in an earlier snapshot.
        put: Takes a lane.

    Returns:
        What `unpack_cores` must be told, as JSON.
    """
    kept = [None if use is None else _rounded(use).kept for use in uses]
    earlier = [None if use is None else _rounded(use).kept for use in before]
    shapes = [None if one is None else [one[0], len(one[1]), one[2]] for one in kept]
    shapes_before = [None if one is None else [one[0], len(one[1]), one[2]] for one in earlier]
    for code, width in _WIDTHS.items():
        mine = [place for place, one in enumerate(kept) if one is not None and one[0] == code]
        if mine:
            data = b"".join(kept[place][1] for place in mine)  # type: ignore[index]
            _put_lanes(data, _known(mine, kept, earlier), width, put)
    return ["same"] if shapes == shapes_before else _folded(shapes)


def unpack_cores(
    recipe: list[Any], before: Sequence[CoreUse | None], take: Callable[[], bytes]
) -> list[CoreUse | None]:
    """The cores that were packed; the arguments are as for `store_numbers.unpack_numbers`."""
    earlier = [None if use is None else _rounded(use).kept for use in before]
    if recipe == ["same"]:
        shapes: list[Any] = [None if one is None else (one[0], len(one[1]), one[2]) for one in earlier]
    else:
        shapes = _unfolded(recipe)
    if len(shapes) != len(before):
        raise ValueError("nodes are missing")
    found: list[CoreUse | None] = [None] * len(shapes)
    for code, width in _WIDTHS.items():
        mine = [place for place, one in enumerate(shapes) if one is not None and one[0] == code]
        if not mine:
            continue
        wanted = [None if one is None else (one[0], bytes(one[1])) for one in shapes]
        data = _taken_lanes(_known(mine, wanted, earlier), width, take)
        begin = 0
        for place in mine:
            _, length, unknown = shapes[place]
            found[place] = CoreUse.restored(code, data[begin : begin + length], unknown)
            begin += length
    return found


def _rounded(use: CoreUse) -> CoreUse:
    code, numbers, unknown = use.kept
    if code != "d":
        return use
    values = array("d", numbers)
    if not all(0 <= value <= 6500 for value in values):
        return use
    tenths = [round(value * 10) / 10 for value in values]
    code, numbers, _ = CoreUse([tenths[at : at + 5] for at in range(0, len(tenths), 5)]).kept
    return CoreUse.restored(code, numbers, unknown)


def _known(mine: Sequence[int], kept: Sequence[Any], earlier: Sequence[Any]) -> bytes:
    """What is known beforehand of the numbers of these nodes, as many bytes."""
    parts = []
    for place in mine:
        one, other = kept[place], earlier[place]
        alike = other is not None and other[0] == one[0] and len(other[1]) == len(one[1])
        parts.append(other[1] if alike else bytes(len(one[1])))
    return b"".join(parts)


def _put_lanes(data: bytes, before: bytes, width: int, put: Callable[[bytes], None]) -> None:
    if width == 8:
        put(data)
        return
    data, before = _little(data, width), _little(before, width)
    columns = [
        subtracted(one, other, width)
        for one, other in zip(_columns(data, width), _columns(before, width), strict=True)
    ]
    for column in columns[:4]:
        columns[4] = added(columns[4], column, width)
    for column in columns:
        for place in range(width):
            put(column[place::width])


def _taken_lanes(before: bytes, width: int, take: Callable[[], bytes]) -> bytes:
    if width == 8:
        data = take()
        if len(data) != len(before):
            raise ValueError("cores are missing")
        return data
    count = len(before) // 5
    columns = []
    for _ in range(5):
        lanes = [take() for _ in range(width)]
        if any(len(lane) * width != count for lane in lanes):
            raise ValueError("cores are missing")
        woven = bytearray(count)
        for place, lane in enumerate(lanes):
            woven[place::width] = lane
        columns.append(bytes(woven))
    for column in columns[:4]:
        columns[4] = subtracted(columns[4], column, width)
    whole = bytearray(len(before))
    for kind, (column, earlier) in enumerate(
        zip(columns, _columns(_little(before, width), width), strict=True)
    ):
        column = added(column, earlier, width)
        for place in range(width):
            whole[kind * width + place :: 5 * width] = column[place::width]
    return _little(bytes(whole), width)


def _columns(data: bytes, width: int) -> list[bytes]:
    """The user times of all cores, their nice times, and so on."""
    if width == 1:
        return [data[kind::5] for kind in range(5)]
    numbers = array("H", data)
    return [numbers[kind::5].tobytes() for kind in range(5)]


def _little(data: bytes, width: int) -> bytes:
    """With the low bytes first, or back from there."""
    if sys.byteorder == "little" or width == 1:
        return data
    numbers = array("H", data)
    numbers.byteswap()
    return numbers.tobytes()


def _folded(shapes: list[Any]) -> list[Any]:
    """Nodes of one kind stand together mostly: each shape once, with how often it follows itself."""
    runs: list[Any] = []
    for shape in shapes:
        if runs and runs[-1][0] == shape:
            runs[-1][1] += 1
        else:
            runs.append([shape, 1])
    return runs


def _unfolded(runs: list[Any]) -> list[Any]:
    found: list[Any] = []
    for shape, times in runs:
        if type(times) is not int or not 0 < times < 1 << 24:
            raise ValueError("no number of nodes")
        if shape is not None:
            code, length, unknown = shape
            width = 5 * _WIDTHS[code]
            if type(length) is not int or not 0 <= length < 1 << 24 or length % width:
                raise ValueError("no number of cores")
            if any(type(core) is not int or not 0 <= core < length // width for core in unknown):
                raise ValueError("no number of a core")
        found.extend([shape] * times)
    return found
