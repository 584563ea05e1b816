"""What the frames of one segment of a store mean: snapshots, readings and core usage."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from jobmon_tui.analysis.series import Known
from jobmon_tui.errors import SnapshotError
from jobmon_tui.feeds.courtesy import give_way
from jobmon_tui.feeds.store_lanes import Dictionary
from jobmon_tui.feeds.store_readings import ReadingFrames, SubjectFrames, usage_in
from jobmon_tui.feeds.store_segment import READINGS, SNAPSHOT, Frame, SegmentFile, base_of
from jobmon_tui.feeds.store_snapshot import EMPTY, unpack_snapshot
from jobmon_tui.model.snapshot import Snapshot, Usage
from jobmon_tui.model.wire_values import usage_of

Subject = tuple[tuple[float, Known], ...]
"""What one node or job did: times in Unix seconds, and its readings."""
Answer = TypeVar("Answer")
States = TypeVar("States", ReadingFrames, SubjectFrames)


class SegmentReader:
    """One segment of a store.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.file = SegmentFile(path)
        self._snapshots: dict[int, Frame] = {}
        self._dictionary: Dictionary | None = None

    def scan(self) -> bool:
        """Take in what was appended; see `SegmentFile.scan`."""
        if not self.file.scan():
            return False
        self._snapshots = {frame.number: frame for frame in self.file.frames if frame.kind == SNAPSHOT}
        return True

    @property
    def snapshots(self) -> Mapping[int, Frame]:
        """The frames of snapshots, by number."""
        return self._snapshots

    @property
    def dictionary(self) -> Dictionary:
        """The texts of the first snapshot; there once any snapshot was read."""
        return self._dictionary or Dictionary()

    def forget_dictionary(self) -> None:
        """Let go of what can be read again."""
        self._dictionary = None

    def snapshot(self, number: int, known: Mapping[int, Snapshot] | None = None) -> Snapshot:
        """One snapshot.

        Args:
            number: Which one.
            known: Those that need not be read again.

        Raises:
            FileNotFoundError: The segment was removed.
            SnapshotError: It is damaged, or one is that it depends on.
        """
        known = known or {}
        chain = [number]
        while chain[-1] and base_of(chain[-1]) not in known:
            chain.append(base_of(chain[-1]))
        if self._dictionary is None and chain[-1]:
            self.snapshot(0)
        before = known[base_of(chain[-1])] if chain[-1] else EMPTY
        frames = [self._frame(one) for one in reversed(chain)]
        for frame, data in zip(frames, self.file.read(frames), strict=True):
            if isinstance(data, SnapshotError):
                raise data
            before = self._unpacked(frame, data, before)
        return before

    def _frame(self, number: int) -> Frame:
        frame = self._snapshots.get(number)
        if frame is None:
            raise SnapshotError(
                f"{self.file.origin}: a part is missing that others depend on", "It was damaged there."
            )
        return frame

    def _unpacked(self, frame: Frame, data: bytes, before: Snapshot) -> Snapshot:
        dictionary = self.dictionary if frame.number else Dictionary()
        snapshot, text = self._understood(
            frame, lambda: unpack_snapshot(data, before, dictionary, self.file.origin)
        )
        if not frame.number:
            self._dictionary = Dictionary(text)
        return snapshot

    def _understood(self, frame: Frame, read: Callable[[], Answer]) -> Answer:
        """What ``read`` makes of a frame; whatever fails in it says that the frame makes no sense."""
        import zstandard

        try:
            return read()
        except SnapshotError:
            raise
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            MemoryError,
            RecursionError,
            TypeError,
            ValueError,
            struct.error,
            zstandard.ZstdError,
        ) as error:
            raise self.file.damaged(frame) from error

    def each_reading(self, states: States) -> Iterator[tuple[Frame, States]]:
        """Go through the frames of readings in their order, up to the first that is damaged.

        Args:
            states: Brought to each frame in turn.
        """
        frames = [frame for frame in self.file.frames if frame.kind == READINGS]
        for number, (frame, data) in enumerate(zip(frames, self.file.read(frames), strict=False)):
            # Each is told as changes to the one before.
            if isinstance(data, SnapshotError) or frame.number != number:
                return
            give_way()
            try:
                self._understood(frame, partial(states.read, data))
            except SnapshotError:
                return
            yield frame, states

    def subject(self, kind: str, name: str) -> Subject:
        """Everything that was read of one node or job in this segment."""
        return tuple(
            (frame.time, states.readings()) for frame, states in self.each_reading(SubjectFrames(kind, name))
        )

    def subjects(self, wanted: Sequence[tuple[str, str]], start: float, end: float) -> list[Subject]:
        """What was read of many nodes and jobs within a time, in one go through the frames.

        Args:
            wanted: Kind and name of each.
            start: Unix seconds.
            end: Unix seconds.
        """
        found: list[list[tuple[float, Known]]] = [[] for _ in wanted]
        for frame, states in self.each_reading(ReadingFrames()):
            if frame.time > end:
                break
            if frame.time >= start:
                give_way()
                for mine, (kind, name) in zip(found, wanted, strict=True):
                    mine.append((frame.time, states.readings(kind, name)))
        return list(map(tuple, found))

    def usage(self) -> dict[float, Usage]:
        """Core usage by Unix time."""
        listed = self.file.index_usage
        if isinstance(listed, list):
            return {
                float(one[0]): usage
                for one in listed
                if isinstance(one, list) and len(one) == 2 and (usage := usage_of(one[1])) is not None
            }
        frames = [frame for frame in self.file.frames if frame.kind == READINGS]
        found: dict[float, Usage] = {}
        for frame, data in zip(frames, self.file.read(frames), strict=True):
            if not isinstance(data, SnapshotError):
                usage = self._understood(frame, lambda data=data: usage_in(data))  # type: ignore[misc]
                if usage is not None:
                    found[frame.time] = usage
        return found
