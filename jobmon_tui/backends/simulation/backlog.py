"""The long tail of the queue: jobs that wait for days, each for a reason of its own, and give up in the end.

The backlog is a fixed number of places. Each holds one job after the other, all for the same time, so that
what a place holds at an instant follows from that instant alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from math import ceil
from random import Random
from typing import Any

from jobmon_tui.backends.simulation import orders
from jobmon_tui.backends.simulation.cells import Cell
from jobmon_tui.backends.simulation.chance import fraction, stream
from jobmon_tui.backends.simulation.numbering import TICK, Numbering
from jobmon_tui.backends.simulation.people import CAPPED_ACCOUNT, USERS, User, who_suits
from jobmon_tui.backends.simulation.plans import Order
from jobmon_tui.backends.simulation.records import PURGED_AFTER, common, renewed
from jobmon_tui.model.snapshot import Job

STAY = 30 * 3600.0
"""Seconds that a job of the backlog stays at most."""
DEPENDENCY, HELD, BEGIN_TIME, USER_LIMIT, GROUP_LIMIT, NODE_MISSING, TOO_LONG = (
    "Dependency",
    "JobHeldUser",
    "BeginTime",
    "QOSMaxJobsPerUserLimit",
    "AssocGrpCpuLimit",
    "ReqNodeNotAvail, Reserved for maintenance",
    "PartitionTimeLimit",
)
PRIORITY = "Priority"
_SPECIAL = (PRIORITY, DEPENDENCY, HELD, BEGIN_TIME, USER_LIMIT, GROUP_LIMIT, NODE_MISSING, TOO_LONG)
_ROUND = 40
"""In so many places each special reason turns up once; the others wait for their priority."""
_BACKLOG = 51


def places_in_tick(places: int) -> int:
    """How many job ids a backlog of so many places may need in one tick."""
    return ceil(places * TICK / STAY) + 1


class Backlog:
    """What waits in the backlog at the instant that it was last advanced to.

    Args:
        seed: Decides who waits for what.
        places: How many jobs wait at a time.
        cells: All cells of the cluster.
        numbering: Gives out job ids.
        maintained_nodes: The folded nodes of the maintenance that is under way or next at some Unix time.
    """

    def __init__(
        self,
        seed: int,
        places: int,
        cells: tuple[Cell, ...],
        numbering: Numbering,
        maintained_nodes: Callable[[float], str],
    ) -> None:
        self._seed = seed
        self._maintained_nodes = maintained_nodes
        self._places = places
        self._numbering = numbering
        self._cells = [cell for cell in cells if cell.may_fail] or list(cells)
        self._suits = {
            (cell.flavour.name, cell.machines[0].kind.prefix): who_suits(
                cell.flavour.name, cell.machines[0].kind.prefix
            )
            for cell in self._cells
        }
        self._event = 0
        self._leaving: list[tuple[float, int]] = []
        self._gone: list[tuple[float, int]] = []
        self.records: dict[int, Job] = {}
        """What is shown, by the event that brought it."""
        self._blocked: set[int] = set()

    def begin(self, time: float) -> None:
        """Fill every place as it is at that instant (Unix seconds)."""
        self.records.clear()
        self._blocked.clear()
        self._gone.clear()
        self._leaving.clear()
        if not self._places:
            return
        self._event = int(time * self._places / STAY)
        first = int((time - PURGED_AFTER) * self._places / STAY) - self._places
        for event in range(first, self._event + 1):
            self._bring(event, time)
        heapify(self._leaving)
        self._leave(time)

    def advance(self, time: float) -> None:
        """Let come and go what comes and goes until that instant (Unix seconds)."""
        if not self._places:
            return
        latest = int(time * self._places / STAY)
        for event in range(self._event + 1, latest + 1):
            self._bring(event, time)
        self._event = latest
        self._leave(time)

    def _arrival(self, event: int) -> float:
        return float(int(event * STAY / self._places))

    def _departure(self, event: int) -> float:
        stays = self._arrival(event + self._places)
        place = event % self._places
        if place % _ROUND == 1 and place > 0:
            # A job that depends on another waits no longer than that one does.
            return self._arrival(event - 1 + self._places)
        if place % _ROUND < len(_SPECIAL) or fraction(self._seed, _BACKLOG, event, 1) > 0.15:
            return stays
        arrives = self._arrival(event)
        return float(int(arrives + (stays - arrives) * fraction(self._seed, _BACKLOG, event, 2)))

    def _bring(self, event: int, time: float) -> None:
        departure = self._departure(event)
        if departure + PURGED_AFTER <= time:
            return
        self.records[event] = self._job(event)
        heappush(self._leaving, (departure, event))

    def _leave(self, time: float) -> None:
        while self._leaving and self._leaving[0][0] <= time:
            departure, event = heappop(self._leaving)
            if event in self._blocked:
                # It keeps the nodes that it named last, whether or not anybody looked at it then.
                self._name_nodes(event, self._maintained_nodes(departure))
                self._blocked.remove(event)
            heappush(self._gone, (departure + PURGED_AFTER, event))
            self.records[event] = renewed(
                self.records[event],
                state="CANCELLED",
                reason="None",
                end_time=departure,
                exit_code="0:0",
            )
        while self._gone and self._gone[0][0] <= time:
            del self.records[heappop(self._gone)[1]]
        nodes = self._maintained_nodes(time)
        for event in self._blocked:
            self._name_nodes(event, nodes)

    def _name_nodes(self, event: int, nodes: str) -> None:
        if self.records[event].requested_nodes != nodes:
            self.records[event] = renewed(self.records[event], requested_nodes=nodes)

    def _number(self, event: int) -> int:
        return self._numbering.of_backlog(int(self._arrival(event) // TICK), event)

    def _job(self, event: int) -> Job:
        random = stream(self._seed, _BACKLOG, event)
        place = event % self._places
        kind = place % _ROUND
        reason = _SPECIAL[kind] if kind < len(_SPECIAL) else PRIORITY
        if reason == TOO_LONG and place > 3 * _ROUND:
            reason = PRIORITY
        order = self._order(random, reason)
        submit = self._arrival(event)
        changes: dict[str, Any] = {"priority": random.randrange(20, 900), "eligible_time": submit}
        if reason == DEPENDENCY:
            changes["dependency"] = f"afterok:{self._number(event - 1)}(unfulfilled)"
        elif reason == HELD:
            changes["priority"] = 0
            if random.random() < 0.2:
                reason = "JobHeldAdmin"
        elif reason == BEGIN_TIME:
            hour = 3600
            begins = (submit + STAY + random.uniform(1, 20) * hour) // hour * hour
            changes |= {"eligible_time": begins, "start_time": begins}
        elif reason == NODE_MISSING:
            self._blocked.add(event)
        elif (
            reason == PRIORITY and order.partition == "milan" and order.cores <= 32 and random.random() < 0.15
        ):
            order.partition = "milan,gpu"
        number = self._number(event)
        suffix = ""
        # What others depend on is a single job, so that its id can be named.
        if order.work.array and kind > 1:
            tasks = random.randrange(20, 500)
            numbers = f"0-{tasks - 1}"
            if random.random() < 0.2:
                step = random.choice((2, 5, 10))
                numbers = f"0-{(tasks - 1) * step}:{step}"
            numbers += f"%{random.randrange(4, 40)}" if random.random() < 0.7 else ""
            suffix = f"_[{numbers}]"
            changes |= {"array_id": str(number), "array_tasks": numbers, "task_count": tasks}
        return Job(
            **common(order, number, suffix), state="PENDING", reason=reason, submit_time=submit, **changes
        )

    def _order(self, random: Random, reason: str) -> Order:
        cell = random.choice(self._cells)
        limit = random.choice((120, 240, 480, 720, 1440, 2880, 2880, 4320))
        if reason == GROUP_LIMIT:
            users = [user for user in USERS if user.account == CAPPED_ACCOUNT]
            return self._order_of(random, users, self._cells[0], limit)
        if reason == USER_LIMIT:
            users = [user for user in USERS if user.account == "support"]
            order = self._order_of(random, users, self._cells[0], random.choice((30, 60)))
            order.partition = order.qos = "debug"
            order.n_nodes = 1
            return order
        pairs, weights = self._suits[cell.flavour.name, cell.machines[0].kind.prefix]
        if reason == NODE_MISSING:
            limit = 7200
        user, work = random.choices(pairs, weights)[0]
        if reason == TOO_LONG:
            limit = orders.MAX_TIME[cell.partition] * 2
        return orders.sized_order(random, user, work, cell, limit)

    def _order_of(self, random: Random, users: Sequence[User], cell: Cell, limit: int) -> Order:
        user = random.choice(users)
        return orders.sized_order(random, user, random.choice(user.works), cell, limit)
