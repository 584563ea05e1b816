"""When nodes are out of service: failures, drains, maintenance windows, reserved weeks; all known by date."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from jobmon_tui.backends.simulation.cells import Cell
from jobmon_tui.backends.simulation.chance import fraction, mix, stream

MINUTE = 60.0
HOUR = 3600.0
DAY = 86400.0

MAINTENANCE_START = 14 * HOUR
"""Of each day's window, in seconds since midnight UTC."""
MAINTENANCE_LENGTH = 2 * HOUR
WEEK = 7 * DAY
WORKSHOP_GAP = 6 * HOUR
"""At the end of each week in which the workshop's nodes are nobody's."""
WORKSHOP = "workshop"
"""The name of each week's reservation. Always the same: whoever waited through the gap still asks for it."""

_DOWN, _DRAIN = 31, 32
_DRAIN_REASONS = (
    "bad DIMM, ticket {ticket}",
    "gpu fell off the bus, ticket {ticket}",
    "ib link flapping, ticket {ticket}",
    "replace fan 3",
    "local disk full",
    "epilog error",
    "firmware update, ticket {ticket}",
    "ECC errors on socket 1, ticket {ticket}",
)
_ADMINS = ("root", "marit", "tobias", "root", "marit")


class Trouble(NamedTuple):
    """One node out of service for a while."""

    machine: int
    """The node's index in its cell."""
    start: float
    """Unix seconds."""
    end: float
    """Unix seconds."""
    is_down: bool
    """Whether it failed (its jobs die); otherwise it drains (its jobs finish)."""
    reason: str
    reason_user: str


class Window(NamedTuple):
    """A time in which a group of nodes belongs to a reservation."""

    name: str
    start: float
    """Unix seconds."""
    end: float
    """Unix seconds."""


class Outages:
    """The calendar of everything that takes nodes out of service.

    Args:
        seed: Decides what happens when.
        cells: All cells of the cluster.
    """

    def __init__(self, seed: int, cells: tuple[Cell, ...]) -> None:
        self._seed = seed
        self._regular = [cell for cell in cells if cell.may_fail]
        nodes = sum(len(cell.machines) for cell in self._regular)
        self._failing = max(1, round(nodes * 0.012)) if nodes >= 8 else 0
        self._draining = max(1, round(nodes * 0.025)) if nodes >= 8 else 0
        self._place = {cell.index: place for place, cell in enumerate(self._regular)}
        self.racks = min(14, len(self._regular)) if len(self._regular) >= 4 else 0

    def troubles(self, cell: Cell, start: float, end: float) -> list[Trouble]:
        """What befalls the nodes of one cell in that time (Unix seconds), in order of beginning."""
        place = self._place.get(cell.index)
        if place is None:
            return []
        found = [*self._strikes(_DOWN, self._failing, place, start, end)]
        found += self._strikes(_DRAIN, self._draining, place, start, end)
        found.sort(key=lambda trouble: trouble.start)
        return found

    def _strikes(self, kind: int, groups: int, place: int, start: float, end: float) -> Iterator[Trouble]:
        """The cells are dealt out to groups; in each group one node at a time is in trouble."""
        if not groups:
            return
        group = place % groups
        members = (len(self._regular) - group + groups - 1) // groups
        if not members:
            return
        period = 30 * HOUR if kind == _DRAIN else 7 * HOUR if group % 2 else 50 * MINUTE
        phase = fraction(self._seed, kind, group) * period
        first, last = int((start - phase) // period), int((end - phase) // period)
        for slot in range(first, last + 1):
            if mix(self._seed, kind, group, slot) % members != place // groups:
                continue
            luck = stream(self._seed, kind, group, slot, 1)
            begins = float(int(phase + slot * period + luck.uniform(0.0, 0.1) * period))
            ends = float(int(phase + (slot + 1) * period - luck.uniform(0.02, 0.3) * period))
            machine = luck.randrange(len(self._regular[place].machines))
            if begins < end and ends > start:
                yield _trouble(kind, machine, begins, ends, luck.random(), luck.randrange(1000, 9999))

    def rack(self, cell: Cell) -> int | None:
        """Which of the maintenance groups the cell belongs to."""
        place = self._place.get(cell.index)
        return None if place is None or not self.racks else place % self.racks

    def maintenance(self, start: float, end: float) -> Iterator[tuple[int, Window]]:
        """Each rack number with its window, for the windows that touch that time (Unix seconds)."""
        if not self.racks:
            return
        first = int((start - MAINTENANCE_START - MAINTENANCE_LENGTH) // DAY)
        for day in range(first, int((end - MAINTENANCE_START) // DAY) + 1):
            begins = day * DAY + MAINTENANCE_START
            if begins < end and begins + MAINTENANCE_LENGTH > start:
                rack = day % self.racks
                yield rack, Window(f"maint_rack{rack + 1:02d}", begins, begins + MAINTENANCE_LENGTH)

    def workshop(self, time: float) -> Window:
        """The week of workshop around that instant, or the coming one in the gap between two."""
        phase = fraction(self._seed, 33) * WEEK
        week = int((time - phase) // WEEK)
        if time - phase - week * WEEK >= WEEK - WORKSHOP_GAP:
            week += 1
        begins = float(int(phase + week * WEEK))
        return Window(WORKSHOP, begins, begins + WEEK - WORKSHOP_GAP)

    def closures(self, cell: Cell, start: float, end: float) -> list[tuple[float, float]]:
        """When nobody may compute on the cell at all, in that time (Unix seconds), in order."""
        if cell.flavour.name == "workshop":
            gaps = []
            window = self.workshop(start - WEEK)
            while window.end < end:
                following = self.workshop(window.end + WORKSHOP_GAP + 1)
                gaps.append((window.end, following.start))
                window = following
            return [gap for gap in gaps if gap[1] > start]
        rack = self.rack(cell)
        return [(window.start, window.end) for r, window in self.maintenance(start, end) if r == rack]


def _trouble(kind: int, machine: int, begins: float, ends: float, luck: float, ticket: int) -> Trouble:
    if kind == _DOWN:
        return Trouble(machine, begins, ends, True, "Not responding", "slurm")
    reason = _DRAIN_REASONS[int(luck * len(_DRAIN_REASONS))].format(ticket=ticket)
    return Trouble(machine, begins, ends, False, reason, _ADMINS[ticket % len(_ADMINS)])
