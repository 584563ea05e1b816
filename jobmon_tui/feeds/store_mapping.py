"""A mapping that stays as it was stored until somebody looks into it.

A step of the time machine reads what thousands of jobs do on each file system, and shows that of one of them.
The others are only what the next snapshot is told as changes to: for that they need not be put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any


class StoredMapping(Mapping[str, Any]):
    """A mapping made of its shape and its numbers.

    Args:
        shape: See `store_fields`.
        numbers: As many as the shape has places for.
        join: Makes the mapping of both.
    """

    __slots__ = ("_join", "_made", "numbers", "shape")

    def __init__(
        self,
        shape: Any,
        numbers: Sequence[int | float],
        join: Callable[[Any, Sequence[int | float]], Mapping[str, Any]],
    ) -> None:
        self.shape = shape
        self.numbers = numbers
        self._join = join
        self._made: Mapping[str, Any] | None = None

    def _whole(self) -> Mapping[str, Any]:
        # Two threads may do this at once: what they make is equal, and one of it stays.
        if self._made is None:
            self._made = self._join(self.shape, self.numbers)
        return self._made

    def __getitem__(self, key: str) -> Any:
        return self._whole()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def __contains__(self, key: object) -> bool:
        return key in self._whole()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StoredMapping):
            return self._whole() == other._whole()
        return self._whole() == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._whole())
