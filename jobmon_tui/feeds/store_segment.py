"""One file of a store: frames one behind the other, appended and never changed.

A segment begins with its format's name and version. Each frame follows with a head that says how long it is,
of which time it is, and the checksums of both, so that a reader knows a whole frame from one that is being
written, that a killed writer left behind, or that a disk has damaged. Where a segment was ended in order, its
last frame is an index, found from the end of the file, so that nobody need go through the whole.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from struct import error as struct_error
from zlib import crc32

from jobmon_tui.errors import SnapshotError
from jobmon_tui.model.text import printable

SUFFIX = ".segment"
VERSION = 2
SNAPSHOT, READINGS, INDEX = 1, 2, 3
"""The kinds of frames; what a reader does not know it passes over."""
BLOCKS = (6, 30)
"""Snapshots that are told as changes to the first of them; those firsts, to the first of five such blocks."""
LARGEST_FRAME = 1 << 29
"""Bytes; what claims to be longer is damaged."""

_NAME = re.compile(r"([0-9]{1,12})\.segment", re.ASCII)
_FILE = Struct("<12sI")
_MAGIC = b"jobmon store"
_HEAD = Struct("<4sBxHIIdI")
_MARK = b"\xf5JF\xf4"
_FOOT = Struct("<4sIQ")
_FOOT_MARK = b"\xf5JX\xf4"
_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a frame stands."""

    kind: int
    number: int
    """Which one of its kind it is in the segment, from 0."""
    time: float
    """Unix seconds."""
    offset: int
    """Where its data begin."""
    length: int
    checksum: int

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.offset + self.length

    @classmethod
    def written(cls, data: bytes, offset: int) -> Frame:
        """Where a frame (head and data) stands that is written from that byte on."""
        _, kind, number, length, checksum, time, _ = _HEAD.unpack_from(data)
        return cls(kind, number, time, offset + _HEAD.size, length, checksum)


def segment_paths(folder: Path) -> list[Path]:
    """The segments in a folder, the oldest first; empty where there is no such folder.

    Raises:
        OSError: It cannot be read.
    """
    try:
        named = [(int(match[1]), entry) for entry in os.listdir(folder) if (match := _NAME.fullmatch(entry))]  # noqa: PTH208
    except FileNotFoundError:
        return []
    return [folder / name for _, name in sorted(named)]


def segment_start(path: Path) -> float:
    """The time in a segment's name, in Unix seconds: about that of its first frame."""
    return float(path.name.removesuffix(SUFFIX))


def base_of(number: int) -> int:
    """The snapshot as changes to which another of the same segment is told; the first one is whole.

    It is the first of its block, for that one the first of its five blocks, for that one the first of all:
    whoever has read one snapshot has all but itself that any other of its block needs, and never more than
    four are read to have one. Longer chains of smaller changes save some bytes and double the time of a jump.
    """
    return next((number - number % size for size in BLOCKS if number % size), 0)


def chain_of(number: int) -> list[int]:
    """The numbers of the snapshots that one needs to be read, itself included."""
    chain = [number]
    while number:
        number = base_of(number)
        chain.append(number)
    return chain


def file_head() -> bytes:
    """What a segment begins with."""
    return _FILE.pack(_MAGIC, VERSION)


def frame_bytes(kind: int, number: int, time: float, data: bytes) -> bytes:
    """A whole frame, head and data."""
    head = _HEAD.pack(_MARK, kind, number, len(data), crc32(data), time, 0)[:-4]
    return head + crc32(head).to_bytes(4, "little") + data


def index_bytes(frames: list[Frame], offset: int, time: float, usage: object) -> bytes:
    """The frame that ends a segment in order.

    Args:
        frames: Those before it.
        offset: Where it will begin.
        time: That of the last frame.
        usage: Core usage by time, as JSON.
    """
    listed = [[one.kind, one.number, one.time, one.offset, one.length, one.checksum] for one in frames]
    import zstandard

    text = json.dumps([listed, usage], separators=(",", ":")).encode()
    data = zstandard.ZstdCompressor(level=9).compress(text)
    return frame_bytes(INDEX, 0, time, data) + _FOOT.pack(_FOOT_MARK, crc32(data), offset)


class SegmentFile:
    """A segment as a reader knows it; it may still grow.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.origin = printable(path)
        self.frames: list[Frame] = []
        """The whole frames that are known, but for the index."""
        self.index_usage: object = None
        """The core usage in the index, as JSON, where the segment was ended in order."""
        self.is_damaged = False
        """Whether something between the frames is none."""
        self._version: tuple[int, int] = (0, 0)
        self._end = 0

    @property
    def end(self) -> int:
        """Where the known whole frames end."""
        return max(self._end, _FILE.size)

    def scan(self) -> bool:
        """Take in what was appended since the last time.

        Returns:
            Whether anything was.

        Raises:
            FileNotFoundError: It is not there any more.
            SnapshotError: It cannot be read, is no segment, or is one of a version that is not known.
        """
        with self._opened() as handle:
            status = os.fstat(handle)
            version = (status.st_ino, status.st_size)
            if version == self._version:
                return False
            if self._version[0] not in (0, status.st_ino):
                # Another file under the name of one that is gone.
                raise FileNotFoundError(self.path)
            if status.st_size < _FILE.size:
                # Its writer has not got as far as writing anything.
                return False
            if not self._end:
                self._check_head(os.pread(handle, _FILE.size, 0))
                self._end = _FILE.size
            self._version = version
            self.index_usage = None
            if not self.frames and self._read_index(handle, status.st_size):
                return True
            before = len(self.frames)
            self.frames.extend(self._found(handle, status.st_size))
            return len(self.frames) > before

    def read(self, frames: Iterable[Frame]) -> Iterator[bytes | SnapshotError]:
        """The data of some frames, one after the other; an error in place of those that are damaged.

        Raises:
            FileNotFoundError: It is not there any more.
            SnapshotError: It cannot be read.
        """
        with self._opened() as handle:
            for frame in frames:
                data = os.pread(handle, frame.length, frame.offset)
                is_good = len(data) == frame.length and crc32(data) == frame.checksum
                yield data if is_good else self.damaged(frame)

    def damaged(self, frame: Frame) -> SnapshotError:
        """What to say of a frame that is not what was written."""
        return SnapshotError(
            f"{self.origin}: damaged at byte {frame.offset:,}",
            "Other instants may be whole; try those nearby.",
        )

    @contextmanager
    def _opened(self) -> Iterator[int]:
        # Opened anew each time: a network file system looks at its server then, and a store of a month has
        # more segments than a process may have files.
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                yield handle
            finally:
                os.close(handle)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise SnapshotError(f"{self.origin}: cannot be read: {error.strerror}") from error

    def _check_head(self, head: bytes) -> None:
        magic, version = _FILE.unpack(head)
        if magic != _MAGIC:
            raise SnapshotError(
                f"{self.origin}: is no segment of a store", "It was damaged, or is something else."
            )
        if version != VERSION:
            raise SnapshotError(
                f"{self.origin}: cannot read a store of version {version}",
                f"Version {VERSION} can be read; another jobmon may read this one.",
            )

    def _read_index(self, handle: int, size: int) -> bool:
        """Whether the segment was ended in order; then everything of it is known."""
        import zstandard

        foot = os.pread(handle, _FOOT.size, max(0, size - _FOOT.size))
        try:
            mark, checksum, offset = _FOOT.unpack(foot)
            if mark != _FOOT_MARK or not _FILE.size <= offset < size:
                return False
            frame = self._frame_at(handle, offset, size)
            if frame is None or frame.kind != INDEX or frame.checksum != checksum:
                return False
            data = os.pread(handle, frame.length, frame.offset)
            if crc32(data) != checksum or zstandard.frame_content_size(data) > LARGEST_FRAME:
                return False
            listed, usage = json.loads(zstandard.ZstdDecompressor().decompress(data))
            frames = [Frame(*map(_number, one)) for one in listed]  # type: ignore[arg-type]
        except (struct_error, ValueError, TypeError, zstandard.ZstdError):
            return False
        # Should a writer go on, it takes the index away and writes on from there.
        self.frames, self.index_usage, self._end = frames, usage, offset
        return True

    def _found(self, handle: int, size: int) -> Iterator[Frame]:
        """The whole frames from the known end on. What is no frame is passed over up to the next one."""
        while self._end < size:
            frame = self._frame_at(handle, self._end, size)
            if frame is None or not self._is_whole(handle, frame, size):
                resumed = self._next_frame(handle, self._end + 1, size)
                if resumed is None:
                    # A frame that is being written, or that a killed writer left behind.
                    return
                self.is_damaged = True
                self._end = resumed
                continue
            if frame.kind == INDEX:
                return
            self._end = frame.end
            yield frame

    def _is_whole(self, handle: int, frame: Frame, size: int) -> bool:
        """The last frame of a file may have its length before it has its data, after a power cut."""
        if frame.end < size:
            return True
        data = os.pread(handle, frame.length, frame.offset)
        return len(data) == frame.length and crc32(data) == frame.checksum

    def _frame_at(self, handle: int, offset: int, size: int) -> Frame | None:
        head = os.pread(handle, _HEAD.size, offset)
        if len(head) < _HEAD.size:
            return None
        mark, kind, number, length, checksum, time, head_checksum = _HEAD.unpack(head)
        if mark != _MARK or crc32(head[:-4]) != head_checksum:
            return None
        frame = Frame(kind, number, time, offset + _HEAD.size, length, checksum)
        return frame if length <= LARGEST_FRAME and frame.end <= size and time == time else None

    def _next_frame(self, handle: int, begin: int, size: int) -> int | None:
        """Where the next whole frame begins."""
        while begin < size:
            part = os.pread(handle, _STEP + _HEAD.size, begin)
            place = part.find(_MARK)
            while 0 <= place < _STEP:
                frame = self._frame_at(handle, begin + place, size)
                if frame is not None and self._is_whole(handle, frame, size):
                    return begin + place
                place = part.find(_MARK, place + 1)
            begin += _STEP
        return None


def _number(value: object) -> int | float:
    if type(value) is int or type(value) is float:
        return value
    raise ValueError("an index holds numbers")
