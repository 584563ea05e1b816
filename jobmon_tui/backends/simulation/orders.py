"""What people ask the scheduler for: groups of jobs alike, how long each really runs, and how it ends."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random

from jobmon_tui.backends.simulation.cells import Cell, Flavour
from jobmon_tui.backends.simulation.people import GIB, User, Work, who_suits
from jobmon_tui.backends.simulation.plans import ArrayPlan, Order, Outcome

COMPLETED = Outcome("COMPLETED", "0:0", "None")
TIMEOUT = Outcome("TIMEOUT", "0:15", "TimeLimit")
CANCELLED = Outcome("CANCELLED", "0:15", "None")
OUT_OF_MEMORY = Outcome("OUT_OF_MEMORY", "0:125", "OutOfMemory")
FAILURES = (
    Outcome("FAILED", "1:0", "NonZeroExitCode"),
    Outcome("FAILED", "2:0", "NonZeroExitCode"),
    Outcome("FAILED", "139:0", "NonZeroExitCode"),
)

LIMITS = (15, 30, 60, 120, 180, 240, 360, 480, 720, 1440, 2160, 2880, 4320, 5760, 7200, 10080)
"""Time limits that people ask for, in minutes."""
MAX_TIME = {"milan": 10080, "gpu": 7200, "knl": 7200, "debug": 60}
"""The partitions' longest time limits, in minutes."""

_MISJUDGED = 0.06
_suits = lru_cache(maxsize=64)(who_suits)


class Campaign:
    """Jobs alike that somebody sends off together: single jobs, or the tasks of one array.

    Args:
        order: What each of them asks for.
        run_time: How long they run in the middle, in seconds.
        count: How many there are.
        together: How many may run at once; 0: no limit.
        array_wanted: Whether they are one array.
    """

    __slots__ = ("array", "array_wanted", "left", "order", "run_time", "running", "tick", "together")

    def __init__(self, order: Order, run_time: float, count: int, together: int, array_wanted: bool) -> None:
        self.order = order
        self.run_time = run_time
        self.left = count
        self.together = together
        self.array_wanted = array_wanted
        self.array: ArrayPlan | None = None
        self.running = 0
        self.tick: int | None = None

    @property
    def is_at_its_limit(self) -> bool:
        """Whether as many of its tasks run as may."""
        return bool(self.together) and self.running >= self.together

    def order_with(self, limit: int) -> Order:
        """The order, with that time limit in minutes."""
        order = self.order
        if limit == order.limit:
            return order
        return Order(
            order.user,
            order.work,
            order.n_nodes,
            order.cores,
            order.gpus,
            order.memory,
            limit,
            order.partition,
            order.reservation,
            order.qos,
        )

    def open_array(
        self, number: int, submit: float, first_start: float, closes: float, waits_for: str
    ) -> ArrayPlan:
        """Give the campaign's jobs an array to be tasks of."""
        self.array = ArrayPlan(
            number, self.order, self.left, self.together, submit, first_start, closes, waits_for
        )
        return self.array


def what_is_missing(cell: Cell, campaigns: Sequence[Campaign]) -> str:
    """What a cell's mixture of work lacks: ``array``, ``gpu``, ``cpu``, or nothing in particular."""
    if cell.flavour.name not in ("shared", "long"):
        return ""
    if cell.machines[0].kind.n_gpus:
        # Without both kinds, either the GPUs or the cores beside them would stay empty.
        if not any(campaign.order.gpus for campaign in campaigns):
            return "gpu"
        if all(campaign.order.gpus for campaign in campaigns):
            return "cpu"
    elif cell.index % 3 == 0 and not any(campaign.array_wanted for campaign in campaigns):
        return "array"
    return ""


def new_campaign(
    random: Random, cell: Cell, running: Mapping[str, int], wanted: str, workshop: str
) -> Campaign:
    """Somebody sends off a group of jobs that suits the cell.

    Args:
        random: Decides who and what.
        cell: Where it is to run.
        running: How many jobs each user has there.
        wanted: What kind of work is wanted (see `what_is_missing`), if anybody there has such work.
        workshop: The name of the reservation on the workshop's nodes.
    """
    user, work = _somebody(random, cell, running, wanted)
    run_time = cell.flavour.run_time * work.pace * random.lognormvariate(0.0, cell.flavour.spread)
    run_time = min(max(run_time, cell.flavour.shortest), cell.flavour.longest)
    flavour = cell.flavour.name
    order = sized_order(random, user, work, cell, ask_for_time(random, user, run_time, cell.partition))
    if flavour == "debug":
        order.qos = "debug"
    elif flavour == "workshop":
        order.reservation = workshop
    if work.array:
        tasks = random.randrange(30, 400)
        together = random.randrange(6, 28) if random.random() < 0.8 else 0
        return Campaign(order, run_time, tasks, together, True)
    count = 1 + min(14, int(random.expovariate(0.35))) if flavour in ("shared", "capped", "workshop") else 1
    return Campaign(order, run_time, count, 0, False)


def _somebody(random: Random, cell: Cell, running: Mapping[str, int], wanted: str) -> tuple[User, Work]:
    pairs, weights = _suits(cell.flavour.name, cell.machines[0].kind.prefix, wanted)
    if not pairs:
        pairs, weights = _suits(cell.flavour.name, cell.machines[0].kind.prefix)
    if cell.flavour.name == "debug":
        fewest = min(running.get(user.name, 0) for user, _ in pairs)
        return random.choice([pair for pair in pairs if running.get(pair[0].name, 0) == fewest])
    return random.choices(pairs, weights)[0]


def sized_order(random: Random, user: User, work: Work, cell: Cell, limit: int) -> Order:
    """One user's order for such work, of a size that the cell's nodes can hold.

    Args:
        random: Decides the size.
        user: Who orders.
        work: What it is for.
        cell: Where it is to run.
        limit: Time limit in minutes.
    """
    kind = cell.machines[0].kind
    size = len(cell.machines)
    cores = min(random.choice(work.cores) or kind.n_cpus, kind.n_cpus)
    memory = cores * work.memory * user.habit.greed
    memory = max(GIB, int(min(memory, kind.memory * 0.96)) // GIB * GIB)
    nodes = random.choice(work.nodes)
    if nodes > 1 or size > 4:
        nodes = max(1, min(size, nodes * size // 4))
    return Order(user, work, nodes, cores, min(work.gpus, kind.n_gpus), memory, limit, cell.partition)


def ask_for_time(random: Random, user: User, run_time: float, partition: str) -> int:
    """The time limit in minutes that the user asks for, for jobs that run so many seconds."""
    factor = 0.8 if random.random() < _MISJUDGED else user.habit.patience * random.lognormvariate(0.0, 0.3)
    place = bisect_left(LIMITS, run_time / 60 * factor)
    return min(LIMITS[min(place, len(LIMITS) - 1)], MAX_TIME[partition])


def fate(random: Random, campaign: Campaign, flavour: Flavour) -> tuple[int, float, Outcome]:
    """What becomes of the campaign's next job: its time limit (minutes), run time (seconds) and end."""
    order = campaign.order
    run_time = min(
        max(campaign.run_time * random.lognormvariate(0.0, 0.28), flavour.shortest), flavour.longest
    )
    luck = random.random() / order.user.habit.fails
    outcome = COMPLETED
    if luck < 0.045:
        outcome = FAILURES[int(luck * 1000) % len(FAILURES)]
        run_time *= max(0.02, luck / 0.045)
    elif luck < 0.08:
        outcome = CANCELLED
        run_time *= (luck - 0.045) / 0.035
    elif luck < 0.095 and order.user.habit.memory > 0.4:
        outcome = OUT_OF_MEMORY
        run_time *= 0.3 + 0.7 * (luck - 0.08) / 0.015
    run_time = max(run_time, 12.0)
    if run_time >= order.limit * 60:
        return order.limit, order.limit * 60.0, TIMEOUT
    return order.limit, run_time, outcome
