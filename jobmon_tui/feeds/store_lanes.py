"""The bytes of one frame of a store: texts and lanes of numbers, compressed, each sort by itself.

Lanes of different sorts differ in which bytes are frequent, so the long ones are compressed one by one and
the short ones all together. Texts are compressed with the texts of the segment's first frame as a dictionary.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Sequence
from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import zstandard

LARGEST = 1 << 30
"""Bytes that a text or a lane may have."""
_LEVEL_OF_TEXT = 12
_LEVEL_OF_LANES = 12
_SHORT = 1200
"""Bytes up to which a lane is compressed with the other short ones."""
_CODES = ((1 << 8, "B"), (1 << 16, "H"), (1 << 32, "I"))
_LENGTHS = Struct("<II")
_SEPARATOR = "\n"


class Dictionary:
    """Texts that later texts will resemble.

    Args:
        text: The texts.
    """

    def __init__(self, text: bytes = b"") -> None:
        self._text = text

    @cached_property
    def writing(self) -> zstandard.ZstdCompressor:
        """Compresses with it."""
        import zstandard

        parameters = zstandard.ZstdCompressionParameters.from_level(
            _LEVEL_OF_TEXT,
            dict_size=len(self._text),
            write_content_size=True,
            write_checksum=False,
            write_dict_id=False,
        )
        if not self._text:
            return zstandard.ZstdCompressor(compression_params=parameters)
        known = zstandard.ZstdCompressionDict(self._text, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        known.precompute_compress(compression_params=parameters)
        return zstandard.ZstdCompressor(dict_data=known, compression_params=parameters)

    @cached_property
    def reading(self) -> zstandard.ZstdDecompressor:
        """Decompresses with it."""
        import zstandard

        if not self._text:
            return zstandard.ZstdDecompressor()
        known = zstandard.ZstdCompressionDict(self._text, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        return zstandard.ZstdDecompressor(dict_data=known)


class LaneWriter:
    """Collects the texts and lanes of one frame."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._lanes: list[bytes] = []

    def put(self, lane: bytes) -> None:
        """Add a lane."""
        self._lanes.append(lane)

    def put_values(self, values: Sequence[Any]) -> list[Any]:
        """Add values that are no numbers: JSON, with tuples for lists.

        Returns:
            What `LaneReader.take_values` must be told.
        """
        distinct = dict.fromkeys(values)
        if len(distinct) == 1:
            self._put_text(list(distinct))
            return ["same"]
        if 2 * len(distinct) > len(values):
            self._put_text(values)
            return ["each"]
        self._put_text(list(distinct))
        code = next(code for bound, code in _CODES if len(distinct) <= bound)
        places = {value: place for place, value in enumerate(distinct)}
        codes = array(code, map(places.__getitem__, values))
        for place in range(codes.itemsize):
            self.put(codes.tobytes()[place :: codes.itemsize])
        return ["coded", codes.itemsize]

    def _put_text(self, values: Any) -> None:
        self._texts.append(_dumped(values))

    def packed(self, recipe: Any, dictionary: Dictionary) -> tuple[bytes, bytes]:
        """Everything as bytes, and the text among it, of which a dictionary can be made."""
        import zstandard

        plain = zstandard.ZstdCompressor(level=_LEVEL_OF_LANES, write_content_size=True)
        lengths: list[int] = []
        short: list[bytes] = []
        long: list[bytes] = []
        for lane in self._lanes:
            lengths.append(len(lane))
            if len(lane) <= _SHORT:
                short.append(lane)
            else:
                packed = plain.compress(lane)
                lengths.append(len(packed))
                long.append(packed)
        head = _dumped([lengths, recipe])
        text = _SEPARATOR.join([head, *self._texts]).encode("utf-8", "surrogatepass")
        packed_text = dictionary.writing.compress(text)
        packed_short = plain.compress(b"".join(short))
        parts = [_LENGTHS.pack(len(packed_text), len(packed_short)), packed_text, packed_short, *long]
        return b"".join(parts), text


class LaneReader:
    """Gives back what was collected, in the same order.

    Args:
        data: What `LaneWriter.packed` gave.
        dictionary: The one that it was packed with.

    Raises:
        ValueError, zstandard.ZstdError, ...: It was damaged.
    """

    def __init__(self, data: bytes, dictionary: Dictionary) -> None:
        n_text, n_short = _LENGTHS.unpack_from(data)
        place = _LENGTHS.size
        self.text = _decompressed(dictionary.reading, data[place : place + n_text])
        place += n_text
        import zstandard

        self._plain = zstandard.ZstdDecompressor()
        short = _decompressed(self._plain, data[place : place + n_short])
        place += n_short
        texts = self.text.decode("utf-8", "surrogatepass").split(_SEPARATOR)
        texts.reverse()
        self._texts = texts
        lengths, self.recipe = json.loads(texts.pop())
        self._lanes = self._split(lengths, short, data, place)

    def _split(self, lengths: list[int], short: bytes, data: bytes, place: int) -> list[Callable[[], bytes]]:
        """What gives each lane, the last one first."""
        lanes: list[Callable[[], bytes]] = []
        at = 0
        known = iter(lengths)
        for length in known:
            if length <= _SHORT:
                lane = short[at : at + length]
                if len(lane) != length:
                    raise ValueError("lanes are missing")
                at += length
                lanes.append(lane.__bytes__)
            else:
                packed = next(known)
                lanes.append(_Packed(self._plain, data[place : place + packed], length))
                place += packed
        lanes.reverse()
        return lanes

    def take(self) -> bytes:
        """The next lane."""
        return self._lanes.pop()()

    def take_values(self, recipe: list[Any], count: int, checked: Callable[[Any], Any]) -> list[Any]:
        """The next values.

        Args:
            recipe: What `LaneWriter.put_values` returned.
            count: How many there are.
            checked: Turns the JSON of a value into the value, or raises ValueError.
        """
        values = list(map(checked, json.loads(self._texts.pop())))
        if recipe[0] == "same":
            return values * count
        if recipe[0] == "coded":
            width = recipe[1]
            codes = array({1: "B", 2: "H", 4: "I"}[width])
            lanes = [self.take() for _ in range(width)]
            if any(len(lane) != count for lane in lanes):
                raise ValueError("values are missing")
            data = bytearray(width * count)
            for place, lane in enumerate(lanes):
                data[place::width] = lane
            codes.frombytes(data)
            return list(map(values.__getitem__, codes))
        if len(values) != count:
            raise ValueError("values are missing")
        return values


class _Packed:
    """A long lane, decompressed when it is asked for."""

    def __init__(self, by: zstandard.ZstdDecompressor, data: bytes, length: int) -> None:
        self._by, self._data, self._length = by, data, length

    def __call__(self) -> bytes:
        lane = _decompressed(self._by, self._data)
        if len(lane) != self._length:
            raise ValueError("lanes are missing")
        return lane


def _dumped(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _decompressed(by: zstandard.ZstdDecompressor, data: bytes) -> bytes:
    import zstandard

    # A few kilobytes can stand for gigabytes.
    if zstandard.frame_content_size(data) > LARGEST:
        raise ValueError("more bytes than there can be")
    return by.decompress(data)
