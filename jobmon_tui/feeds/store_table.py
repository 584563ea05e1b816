"""A table of records (the nodes or the jobs of a snapshot), told as changes to that of an earlier snapshot.

Column by column, only the rows whose value changed are written. What did not change is, after reading, the
very same object as in the earlier snapshot, so that several snapshots in memory take little more than one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain, compress, repeat
from operator import attrgetter, is_not, itemgetter, ne, sub
from typing import Any

from jobmon_tui.feeds.courtesy import give_way
from jobmon_tui.feeds.store_column import pack_column, unpack_column
from jobmon_tui.feeds.store_cores import pack_cores, unpack_cores
from jobmon_tui.feeds.store_fields import CPU_TOTAL, JOB_KINDS, NODE_KINDS, Kind
from jobmon_tui.feeds.store_lanes import LaneReader, LaneWriter
from jobmon_tui.feeds.store_numbers import pack_numbers, unpack_numbers
from jobmon_tui.model.records import exhaust
from jobmon_tui.model.snapshot import CoreUse, CpuUse, Job, Node

Records = Mapping[str, Any]

_NEW = -1
_MOST_ROWS = 1 << 24


class Table:
    """One class of records.

    Args:
        blank: A record of which nothing is known: what a new row is told as changes to.
        key: The attribute by which a snapshot knows it.
        kinds: Its attributes.
        cores: The attribute that holds cores, if there is one.
    """

    def __init__(self, blank: Any, key: str, kinds: Mapping[str, Kind], cores: str = "") -> None:
        self._class = type(blank)
        self._blank = blank
        self._key = key
        self._kinds = kinds
        self._cores = cores
        names = (*kinds, cores) if cores else tuple(kinds)
        self._getters = {name: attrgetter(name) for name in names}
        self._setters = {name: getattr(self._class, name).__set__ for name in names}

    # -- writing -------------------------------------------------------------------------------------------

    def pack(self, records: Records, before: Records, lanes: LaneWriter) -> list[Any]:
        """Tell some records as changes. Those that are the very object that was there before cost least.

        Returns:
            What `unpack` must be told, as JSON; the rest went to the lanes.
        """
        rows = list(records.values())
        keys = list(records)
        known = {key: place for place, key in enumerate(before)}
        source = [known.get(key, _NEW) for key in keys]
        aligned = self._aligned(list(before.values()), source)
        # Lanes are read in the order in which they were put.
        source_recipe = _pack_source(source, len(before), lanes)
        others = list(compress(range(len(rows)), map(is_not, rows, aligned)))
        new, old = [rows[place] for place in others], [aligned[place] for place in others]
        columns: list[Any] = []
        rowsets = _RowSets(len(rows))
        for name, kind in self._kinds.items():
            getter = self._getters[name]
            values, values_before = list(map(getter, new)), list(map(getter, old))
            if values != values_before:
                changed = list(compress(others, map(ne, values, values_before)))
                told, places = rowsets.pack(changed, lanes, may_widen=kind.has_numbers)
                column = pack_column(
                    kind, [getter(rows[at]) for at in places], [getter(aligned[at]) for at in places], lanes
                )
                columns.append([name, told, *column])
        own_keys = [] if keys == list(map(attrgetter(self._key), rows)) else keys
        recipe: list[Any] = [len(rows), source_recipe, columns, own_keys]
        if self._cores:
            recipe.append(self._pack_cpu(rows, aligned, others, rowsets, lanes))
        return recipe

    def _pack_cpu(
        self, rows: list[Any], aligned: list[Any], others: list[int], rowsets: _RowSets, lanes: LaneWriter
    ) -> list[Any]:
        getter = self._getters[self._cores]
        changed = [place for place in others if getter(rows[place]) != getter(aligned[place])]
        if not changed:
            return []
        told, places = rowsets.pack(changed, lanes, may_widen=False)
        new, old = [getter(rows[place]) for place in places], [getter(aligned[place]) for place in places]
        total = pack_column(CPU_TOTAL, new, old, lanes)
        return [told, total, pack_cores(list(map(_cores_of, new)), list(map(_cores_of, old)), lanes.put)]

    # -- reading -------------------------------------------------------------------------------------------

    def unpack(self, recipe: list[Any], before: Records, lanes: LaneReader) -> dict[str, Any]:
        """The records that were packed.

        Raises:
            ValueError, TypeError, ...: It is no such recipe, or these are not the lanes it goes with.
        """
        count, source_recipe, column_recipes, own_keys, *cores = recipe
        if type(count) is not int or not 0 <= count < _MOST_ROWS:
            raise ValueError("no number of rows")
        source = _unpack_source(source_recipe, len(before), count, lanes)
        rows = self._aligned(list(before.values()), source)
        rowsets = _RowSets(count)
        columns: dict[str, tuple[Sequence[int], list[Any]]] = {}
        for name, told, *column in column_recipes:
            give_way()
            places = rowsets.unpack(told, lanes)
            earlier = list(map(self._getters[name], map(rows.__getitem__, places)))
            columns[name] = places, unpack_column(self._kinds[name], column, earlier, lanes)
        if cores and cores[0]:
            columns[self._cores] = self._unpack_cpu(cores[0], rows, rowsets, lanes)
        self._change(rows, columns)
        keys = own_keys or list(map(attrgetter(self._key), rows))
        return dict(zip(keys, rows, strict=True))

    def _unpack_cpu(
        self, recipe: list[Any], rows: list[Any], rowsets: _RowSets, lanes: LaneReader
    ) -> tuple[list[int], list[CpuUse | None]]:
        told, total_recipe, cores_recipe = recipe
        places = rowsets.unpack(told, lanes)
        earlier = list(map(self._getters[self._cores], map(rows.__getitem__, places)))
        totals = unpack_column(CPU_TOTAL, total_recipe, earlier, lanes)
        cores = unpack_cores(cores_recipe, list(map(_cores_of, earlier)), lanes.take)
        return places, [
            None if use is None else CpuUse(total, use) for total, use in zip(totals, cores, strict=True)
        ]

    def _aligned(self, records: list[Any], source: Sequence[int]) -> list[Any]:
        """Earlier records in the order of the new rows, blank where there was none."""
        if not source:
            return []
        # -1, a new row, is the last place.
        records.append(self._blank)
        if len(source) == 1:
            return [records[source[0]]]
        return list(itemgetter(*source)(records))

    def _change(self, rows: list[Any], columns: Mapping[str, tuple[Sequence[int], list[Any]]]) -> None:
        """Put new records where something changed; the earlier ones stay as they are."""
        blank = (place for place, row in enumerate(rows) if row is self._blank)
        changed = sorted(set(chain(blank, *(places for places, _ in columns.values()))))
        if not changed:
            return
        old = [rows[place] for place in changed]
        are_new = all(record is self._blank for record in old)
        new = list(map(object.__new__, repeat(self._class, len(old))))
        for name, setter in self._setters.items():
            places, values = columns.get(name, ((), ()))
            if len(places) == len(old):
                exhaust(map(setter, new, values))
            elif are_new:
                exhaust(map(setter, new, repeat(self._getters[name](self._blank))))
            else:
                exhaust(map(setter, new, map(self._getters[name], old)))
        for place, record in zip(changed, new, strict=True):
            rows[place] = record
        for name, (places, values) in columns.items():
            if len(places) < len(old):
                exhaust(map(self._setters[name], map(rows.__getitem__, places), values))


class _RowSets:
    """The sets of rows that columns change in: often the same ones, and then told by number only."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._known: list[list[int]] = []

    def pack(self, changed: list[int], lanes: LaneWriter, *, may_widen: bool) -> tuple[Any, list[int]]:
        """What tells the rows, and the rows; more of them where that is the cheaper way to tell."""
        if len(changed) == self._count:
            return "all", changed
        wanted = set(changed)
        for number, rows in enumerate(self._known):
            if rows == changed:
                return number, rows
            if may_widen and len(changed) * 4 > len(rows) and wanted.issubset(rows):
                return number, rows
        self._known.append(changed)
        return [len(changed), pack_numbers(_gaps(changed), (), lanes.put)], changed

    def unpack(self, recipe: Any, lanes: LaneReader) -> list[int]:
        if recipe == "all":
            return list(range(self._count))
        if type(recipe) is int:
            return self._known[recipe]
        count, gaps = recipe
        rows = _summed(unpack_numbers(gaps, (), count, lanes.take))
        if rows and (min(rows) < 0 or max(rows) >= self._count or len(set(rows)) != len(rows)):
            raise ValueError("no such row")
        self._known.append(rows)
        return rows


def _pack_source(source: Sequence[int], before: int, lanes: LaneWriter) -> Any:
    """Where each row stood before."""
    if len(source) == before and list(source) == list(range(before)):
        return "same"
    new = [place for place, one in enumerate(source) if one == _NEW]
    kept = [one for one in source if one != _NEW]
    return [len(new), pack_numbers(_gaps(new), (), lanes.put), pack_numbers(_gaps(kept), (), lanes.put)]


def _unpack_source(recipe: Any, before: int, count: int, lanes: LaneReader) -> list[int]:
    if recipe == "same":
        if before != count:
            raise ValueError("rows are missing")
        return list(range(count))
    n_new, gaps, steps = recipe
    new = _summed(unpack_numbers(gaps, (), n_new, lanes.take))
    kept = _summed(unpack_numbers(steps, (), count - n_new, lanes.take))
    source: list[int] = []
    taken = 0
    for place in new:
        until = taken + place - len(source)
        source += kept[taken:until]
        source.append(_NEW)
        taken = until
    source += kept[taken:]
    if len(source) != count or (kept and (max(kept) >= before or min(kept) < 0)):
        raise ValueError("no such row")
    return source


def _gaps(places: Sequence[int]) -> list[int]:
    """How far each is from the one before it."""
    return list(map(sub, places, chain((_NEW,), places)))


def _summed(gaps: Iterable[Any]) -> list[int]:
    """What `_gaps` was told."""
    return list(accumulate(gaps, initial=_NEW))[1:]


def _cores_of(cpu: CpuUse | None) -> CoreUse | None:
    return None if cpu is None else cpu.cores


NODES = Table(Node(name=""), "name", NODE_KINDS, "cpu")
JOBS = Table(Job(job_id="", name="", username="", state="", n_cpus=0), "job_id", JOB_KINDS)
