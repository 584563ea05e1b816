"""The machines dealt out to cells: a few neighbouring nodes with one style of work, each planned on its own.

A cell's time is cut into blocks. Nothing runs across the border of two blocks, so that what happens in a
block follows from its number alone; the cells' borders lie at different instants, so that nobody sees them.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobmon_tui.backends.simulation.chance import fraction
from jobmon_tui.backends.simulation.hardware import CPU, Machine

HOUR = 3600.0
RUNNING_SHARE = 0.34
"""The share of all job records that should be running jobs."""
_BLOCK = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """A style of work. Times in seconds."""

    name: str
    block: float
    """How long a block is."""
    run_time: float
    """The median run time of a job."""
    spread: float
    """Of the logarithm of run times."""
    shortest: float
    longest: float
    campaigns: int
    """How many groups of jobs alike compete for the cell."""
    pause: float
    """The chance that the scheduler leaves a gap for some minutes when a job ends."""


SHARED = Flavour(
    name="shared",
    block=5 * HOUR,
    run_time=1.1 * HOUR,
    spread=0.95,
    shortest=80,
    longest=4.6 * HOUR,
    campaigns=5,
    pause=0.09,
)
CAPPED = Flavour(
    name="capped",
    block=9 * HOUR,
    run_time=1.2 * HOUR,
    spread=0.7,
    shortest=300,
    longest=8 * HOUR,
    campaigns=3,
    pause=0.0,
)
WIDE = Flavour(
    name="wide",
    block=26 * HOUR,
    run_time=2.2 * HOUR,
    spread=0.9,
    shortest=240,
    longest=22 * HOUR,
    campaigns=3,
    pause=0.05,
)
LONG = Flavour(
    name="long",
    block=130 * HOUR,
    run_time=30 * HOUR,
    spread=0.6,
    shortest=5 * HOUR,
    longest=110 * HOUR,
    campaigns=3,
    pause=0.0,
)
DEBUG = Flavour(
    name="debug",
    block=6 * HOUR,
    run_time=0.22 * HOUR,
    spread=0.7,
    shortest=40,
    longest=0.98 * HOUR,
    campaigns=4,
    pause=0.0,
)
WORKSHOP = Flavour(
    name="workshop",
    block=12 * HOUR,
    run_time=0.5 * HOUR,
    spread=0.6,
    shortest=120,
    longest=3 * HOUR,
    campaigns=2,
    pause=0.6,
)


_USUAL = {
    ("shared", "milan"): 21.0,
    ("shared", "gina"): 7.2,
    ("long", "milan"): 8.5,
    ("wide", "milan"): 1.0,
    ("wide", "gina"): 1.0,
    ("wide", "knl"): 1.0,
    ("workshop", "milan"): 9.0,
}
"""Job records per node (per cell for the widest), by style and kind of node."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A few neighbouring nodes of one kind that are planned together."""

    index: int
    flavour: Flavour
    partition: str
    machines: tuple[Machine, ...]
    phase: float
    """When its block 0 begins, in Unix seconds."""

    @property
    def usual_jobs(self) -> float:
        """About how many jobs it has, running and planned, as measured."""
        on_node = _USUAL.get((self.flavour.name, self.machines[0].kind.prefix), 2.5)
        return on_node if self.flavour is WIDE and len(self.machines) > 4 else on_node * len(self.machines)

    @property
    def may_fail(self) -> bool:
        """Whether its nodes fail, drain and are maintained; the small special cells are left in peace."""
        return self.flavour.name in ("shared", "wide", "long")

    def block_at(self, time: float) -> int:
        """The number of the block that holds at that instant (Unix seconds)."""
        return int((time - self.phase) // self.flavour.block)

    def block_start(self, number: int) -> float:
        """When that block begins, in Unix seconds."""
        return float(int(self.phase + number * self.flavour.block))


def deal(machines: tuple[Machine, ...], jobs: int, seed: int) -> tuple[Cell, ...]:
    """Deal the machines out to cells.

    Args:
        machines: All machines.
        jobs: About how many job records there should be: few of them means wide jobs, many means small ones.
        seed: Decides where the cells' blocks begin.
    """
    wanted = max(1.0, jobs * RUNNING_SHARE) / len(machines)
    # Running jobs per node, as measured: shared cells hold about 11, long ones 5, wide ones 0.5.
    shared = min(0.86, max(0.02 * wanted, (wanted - 0.9) / 10.0))
    long = min(0.10, 0.05 * wanted)
    width = 4 if wanted >= 0.6 else min(64, max(4, round(2.5 / wanted)))
    cells: list[Cell] = []

    def add(flavour: Flavour, partition: str, nodes: tuple[Machine, ...]) -> None:
        phase = fraction(seed, _BLOCK, len(cells)) * flavour.block
        cells.append(Cell(len(cells), flavour, partition, nodes, phase))

    due = {"shared": 0.5, "long": 0.1}
    for group in _by_kind(machines):
        kind, rest = group[0].kind, group
        for flavour, number, least in (
            (DEBUG, 2, 16),
            (WORKSHOP, 3, 24),
            (CAPPED, 4, 32),
        ):
            if kind is CPU and len(group) >= least:
                add(flavour, "debug" if flavour is DEBUG else kind.partition, rest[-number:])
                rest = rest[:-number]
        while rest:
            flavour = WIDE
            size = width
            if due["shared"] >= 0:
                flavour, size = SHARED, 4
            elif due["long"] >= 0:
                flavour, size = LONG, 4
            taken, rest = rest[:size], rest[size:]
            if flavour is WIDE and len(taken) == 1:
                flavour = SHARED
            due["shared"] += len(taken) * (shared - (flavour is SHARED))
            due["long"] += len(taken) * (long - (flavour is LONG))
            add(flavour, kind.partition, taken)
    return tuple(cells)


def _by_kind(machines: tuple[Machine, ...]) -> list[tuple[Machine, ...]]:
    groups: dict[str, list[Machine]] = {}
    for machine in machines:
        groups.setdefault(machine.kind.prefix, []).append(machine)
    return [tuple(group) for group in groups.values()]
