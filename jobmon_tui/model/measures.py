"""What can be measured of a node or job, as small immutable values with their units."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple


class CpuTimes(NamedTuple):
    """What one core (or the mean core of a node) spent its time on, in % of one core; sums to about 100."""

    user: float
    nice: float
    system: float
    wait: float
    idle: float

    @property
    def busy(self) -> float:
        """User, nice and system together, in %."""
        return self.user + self.nice + self.system


class CoreUse(Sequence["CpuTimes | None"]):
    """The readings of a node's cores, in the scheduler's own numbering; a core may be unknown (``None``).

    A large cluster has a million cores, so the readings of a node stand in one array of five numbers a core
    instead of an object each. Whole percentages (what most collectors report) take one byte, those with one
    decimal (Ganglia's) two.

    Args:
        cores: Core by core, its times or ``None``.
    """

    __slots__ = ("_numbers", "_unknown")

    def __init__(self, cores: Sequence[Sequence[float] | None]) -> None:
        flat: list[float] = []
        unknown: list[int] = []
        for index, core in enumerate(cores):
            if core is None:
                unknown.append(index)
                flat.extend((0, 0, 0, 0, 0))
            else:
                user, nice, system, wait, idle = core
                flat.extend((user, nice, system, wait, idle))
        whole = all(0 <= value <= 255 and value == int(value) for value in flat)
        self._numbers: bytes | array[float] | array[int] = (
            bytes([int(value) for value in flat]) if whole else _tenths(flat) or array("d", flat)
        )
        self._unknown = frozenset(unknown)

    @classmethod
    def packed(cls, numbers: bytes) -> CoreUse:
        """Take whole percentages as they are, five bytes a core, all known: no look at each core.

        Raises:
            ValueError: It is not five numbers a core.
        """
        if len(numbers) % 5:
            raise ValueError(f"{len(numbers)} numbers are not five a core")
        use = cls.__new__(cls)
        use._numbers = numbers
        use._unknown = frozenset()
        return use

    @classmethod
    def of_tenths(cls, tenths: array[int]) -> CoreUse:
        """Take percentages times ten as they are, five a core, all known: no look at each core.

        Args:
            tenths: Of the type ``H``.

        Raises:
            ValueError: It is not five numbers a core, or of another type.
        """
        if tenths.typecode != "H" or len(tenths) % 5:
            raise ValueError(f"{len(tenths)} numbers of type {tenths.typecode} are not five tenths a core")
        use = cls.__new__(cls)
        use._numbers = tenths
        use._unknown = frozenset()
        return use

    @property
    def whole(self) -> bytes | None:
        """The five whole percentages of each core, one after the other, if that is what is known of all."""
        return self._numbers if isinstance(self._numbers, bytes) and not self._unknown else None

    @property
    def kept(self) -> tuple[str, bytes, tuple[int, ...]]:
        """Everything as it is kept, for `restored`.

        Returns:
            The kind of number (``B``: whole percentages of one byte, ``H``: tenths of a per cent of two,
            ``d``: floats of eight), the five numbers of each core in this machine's byte order, and the
            unknown cores in ascending order, whose numbers are zeros.
        """
        numbers = self._numbers
        code = numbers.typecode if isinstance(numbers, array) else "B"
        return code, bytes(numbers), tuple(sorted(self._unknown))

    @classmethod
    def restored(cls, code: str, numbers: bytes, unknown: Sequence[int]) -> CoreUse:
        """What `kept` told of.

        Raises:
            ValueError: It is not five numbers of that kind a core.
        """
        if code == "B":
            use = cls.packed(numbers)
        elif code in ("H", "d"):
            use = cls.__new__(cls)
            use._numbers = array(code, numbers)
            if len(use._numbers) % 5:
                raise ValueError(f"{len(use._numbers)} numbers are not five a core")
        else:
            raise ValueError(f"no kind of number: {code!r}")
        use._unknown = frozenset(unknown)
        return use

    def rearranged(self, places: Sequence[int | None]) -> CoreUse:
        """The same readings in another order.

        Args:
            places: For each core of the result, where it stands in this one; a core whose place is ``None``
                or beyond the end is unknown.
        """
        present = len(self)
        known = [place for place in places if place is not None]
        numbers = self._numbers
        if (
            self._unknown
            or len(known) < len(places)
            or min(known, default=0) < 0
            or max(known, default=-1) >= present
        ):
            return CoreUse(
                [self[place] if place is not None and 0 <= place < present else None for place in places]
            )
        # No look at each number: a large cluster has a million cores.
        if isinstance(numbers, bytes):
            return CoreUse.packed(b"".join([numbers[5 * place : 5 * place + 5] for place in known]))
        use = CoreUse.__new__(CoreUse)
        use._unknown = frozenset()
        picked: array[Any] = numbers[:0]
        for place in known:
            picked.extend(numbers[5 * place : 5 * place + 5])
        use._numbers = picked
        return use

    def summed(self, cores: Sequence[int]) -> tuple[int, CpuTimes]:
        """How many of some cores are known, and the sums of what those spent their time on.

        Args:
            cores: Different indices, as a job's layout has them; those beyond the end are unknown.
        """
        numbers, unknown = self._numbers, self._unknown
        first, last = min(cores, default=-1), max(cores, default=-1)
        if first >= 0 and not unknown and last - first + 1 == len(cores) == len(set(cores)):
            # Neighbours, as most jobs have them: a large cluster has too many cores to look at each.
            part = numbers[5 * first : 5 * last + 5]
            count, sums = len(part) // 5, [sum(part[kind::5]) for kind in range(5)]
        else:
            known = [5 * core for core in cores if 0 <= core < len(self) and core not in unknown]
            count, sums = len(known), [sum(numbers[place + kind] for place in known) for kind in range(5)]
        # The sums of tenths are exact; so is the one division.
        return count, CpuTimes(*([total / 10 for total in sums] if _are_tenths(numbers) else sums))

    def __len__(self) -> int:
        return len(self._numbers) // 5

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index in self._unknown:
            return None
        return CpuTimes(*_numbers(self._numbers[index * 5 : index * 5 + 5]))

    def __iter__(self) -> Iterator[CpuTimes | None]:
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CoreUse):
            return NotImplemented
        return self._unknown == other._unknown and _numbers(self._numbers) == _numbers(other._numbers)

    def __hash__(self) -> int:
        return hash((tuple(_numbers(self._numbers)), self._unknown))

    def __repr__(self) -> str:
        return f"CoreUse({list(self)!r})"


def _tenths(numbers: list[float]) -> array[int] | None:
    """The numbers times ten, where that and one division give back exactly what they were."""
    try:
        tenths = array("H", [int(number * 10 + 0.5) for number in numbers])
    except (OverflowError, ValueError):
        return None
    return tenths if _numbers(tenths) == numbers else None


def _numbers(kept: bytes | array[float] | array[int]) -> list[float]:
    return [tenths / 10 for tenths in kept] if _are_tenths(kept) else list(kept)


def _are_tenths(kept: bytes | array[float] | array[int]) -> bool:
    return isinstance(kept, array) and kept.typecode == "H"


class CpuUse(NamedTuple):
    """What a node's cores do: the mean over the node, and each core. Either may be unknown."""

    total: CpuTimes | None
    cores: CoreUse


class Used(NamedTuple):
    """An amount in use out of a total, in MiB."""

    used: float
    total: float


class Free(NamedTuple):
    """A free amount out of a total: MiB for swap, GiB for disk."""

    free: float
    total: float


class Traffic(NamedTuple):
    """What passes a network interface, per second. Not everybody counts packets."""

    bytes_in: float
    bytes_out: float
    packets_in: float | None
    packets_out: float | None


class ReadWrite(NamedTuple):
    """What is read from and written to a file system or disk, in bytes per second."""

    read: float
    write: float


class LustreRate(NamedTuple):
    """What a job asks of one kind of Lustre server, per second; a part that is not measured is ``None``."""

    read_bytes: float | None
    write_bytes: float | None
    iops: float | None


class Gpu(NamedTuple):
    """One GPU of a node."""

    name: str
    """As the source names it: ``gpu0``, ..."""
    utilisation: float | None
    """In %."""
    memory: Used | None
    """In MiB."""
