"""The scheduler of one cell: from a block's number alone, which job holds which cores from when to when."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from jobmon_tui.backends.simulation import orders
from jobmon_tui.backends.simulation.cells import Cell
from jobmon_tui.backends.simulation.chance import stream
from jobmon_tui.backends.simulation.numbering import TICK, Numbering
from jobmon_tui.backends.simulation.orders import Campaign
from jobmon_tui.backends.simulation.outages import Outages
from jobmon_tui.backends.simulation.people import CAPPED_SHARE, DEBUG_JOBS_PER_USER
from jobmon_tui.backends.simulation.plans import TASK_OF_ARRAY, ArrayPlan, Order, Outcome, Placement, Plan

LOOKAHEAD = 2 * 3600.0
"""No job waits longer for its start than this many seconds, so nothing further ahead needs planning."""
STARTS_AT_ONCE = 3
"""How many jobs the scheduler starts in one pass over a cell."""
PATIENCE = 1200.0
"""Seconds after which the job at the head of the queue is not overtaken any more."""
_SCHEDULE = 21
_FREE_GPU_CORES = 4
_NODE_FAIL = Outcome("NODE_FAIL", "1:0", "NodeDown")


class Desk:
    """What the blocks of all cells share.

    Args:
        seed: Decides everything.
        outages: When nodes are out of service.
        numbering: Gives out job ids.
        announce: Called with each new job or array, at the latest `LOOKAHEAD` before it starts.
    """

    def __init__(
        self,
        seed: int,
        outages: Outages,
        numbering: Numbering,
        announce: Callable[[Plan | ArrayPlan], None],
    ) -> None:
        self.seed = seed
        self.outages = outages
        self.numbering = numbering
        self.announce = announce


class Block:
    """One block of one cell, planned in the order of time and only as far as somebody needs it.

    Args:
        desk: What all blocks share.
        cell: Whose block it is.
        number: Which block.
    """

    def __init__(self, desk: Desk, cell: Cell, number: int) -> None:
        self.cell = cell
        self.number = number
        self.start = cell.block_start(number)
        self.end = cell.block_start(number + 1)
        self.troubles = desk.outages.troubles(cell, self.start, self.end)
        self._desk = desk
        self._random = stream(desk.seed, _SCHEDULE, cell.index, number)
        self._closures = desk.outages.closures(cell, self.start, self.end)
        machines = cell.machines
        self._cores = [list(range(machine.kind.n_cpus)) for machine in machines]
        self._gpus = [list(range(machine.kind.n_gpus)) for machine in machines]
        self._memory = [machine.kind.memory for machine in machines]
        self._troubles = [
            [trouble for trouble in self.troubles if trouble.machine == index]
            for index in range(len(machines))
        ]
        self._held = 0
        self._most_held = 0.0
        if cell.flavour.name in ("capped", "workshop"):
            self._most_held = CAPPED_SHARE * sum(machine.kind.n_cpus for machine in machines)
        self._most_of_user = DEBUG_JOBS_PER_USER if cell.flavour.name == "debug" else 0
        self._running: dict[str, int] = {}
        self._campaigns: list[Campaign] = []
        self._stuck_since = self.start
        self._submitted: dict[int, int] = {}
        self._sequence = 0
        self._soon = float("inf")
        # Releases carry their plan, passes of the scheduler carry nothing.
        self._events: list[tuple[float, int, Plan | None]] = []
        self._push(self.start + self._random.uniform(0, 45), None)
        for trouble in self.troubles:
            self._push(max(trouble.end, self.start) + self._random.uniform(2, 40), None)
        for _, reopened in self._closures:
            self._push(reopened + self._random.uniform(5, 60), None)

    @property
    def next_event(self) -> float:
        """When it has something to do next, in Unix seconds; its own end when it has nothing left to do."""
        return self._events[0][0] if self._events else self.end

    def plan_until(self, horizon: float) -> None:
        """Plan everything that starts before that instant (Unix seconds)."""
        events = self._events
        while events and events[0][0] < horizon:
            time, _, plan = heappop(events)
            if plan is None:
                if time >= self._soon:
                    self._soon = float("inf")
                if time < self.end - 120:
                    self._pass(time)
            else:
                self._release(plan)
                self._after_release(time)

    def _push(self, time: float, plan: Plan | None) -> None:
        self._sequence += 1
        heappush(self._events, (time, self._sequence, plan))

    def _call_scheduler(self, time: float) -> None:
        if time < self._soon:
            self._soon = time
            self._push(time, None)

    def _after_release(self, time: float) -> None:
        if self._random.random() < self.cell.flavour.pause:
            self._call_scheduler(time + self._random.uniform(120, 900))
        else:
            self._call_scheduler(time + self._random.uniform(2, 30))

    def _release(self, plan: Plan) -> None:
        first = self.cell.machines[0].index
        for machine, cores, gpus in plan.placements:
            place = machine.index - first
            free = self._cores[place]
            free.extend(cores)
            free.sort()
            if gpus:
                self._gpus[place].extend(gpus)
                self._gpus[place].sort()
            self._memory[place] += plan.order.memory
        self._held -= plan.order.cores * len(plan.placements)
        self._running[plan.order.user.name] -= 1
        for campaign in self._campaigns:
            if campaign.array is not None and campaign.array is plan.array:
                campaign.running -= 1

    def _pass(self, time: float) -> None:
        """One pass of the scheduler: the campaigns in order, each as far as it fits."""
        open_until = self._open_until(time)
        if open_until - time < 120:
            return
        campaigns = self._campaigns
        started, position = 0, 0
        roomiest = max(map(len, self._cores))
        while started < STARTS_AT_ONCE:
            if position == len(campaigns):
                if position >= self.cell.flavour.campaigns:
                    break
                campaigns.append(self._new_campaign(time))
            campaign = campaigns[position]
            if campaign.order.cores <= roomiest and self._start(campaign, time, open_until):
                started += 1
                roomiest = max(map(len, self._cores))
                if position == 0:
                    self._stuck_since = time
                if campaign.left == 0:
                    del campaigns[position]
                continue
            if position == 0 and time - self._stuck_since > PATIENCE and not campaign.is_at_its_limit:
                # Nobody overtakes any longer: the nodes run empty for it, up to a point.
                if time - self._stuck_since > 1.6 * PATIENCE:
                    del campaigns[0]
                    self._stuck_since = time
                    continue
                break
            position += 1
        if started == STARTS_AT_ONCE:
            self._call_scheduler(time + self._random.uniform(3, 40))
        else:
            self._call_scheduler(time + self._random.uniform(900, 1800))

    def _open_until(self, time: float) -> float:
        for begins, ends in self._closures:
            if begins <= time < ends:
                return time
            if time < begins:
                return min(begins, self.end)
        return self.end

    def _new_campaign(self, time: float) -> Campaign:
        wanted = orders.what_is_missing(self.cell, self._campaigns)
        workshop = self._desk.outages.workshop(time).name
        return orders.new_campaign(self._random, self.cell, self._running, wanted, workshop)

    def _may_run(self, campaign: Campaign) -> bool:
        order = campaign.order
        if campaign.together and campaign.running >= campaign.together:
            return False
        if self._most_held and self._held + order.cores * order.n_nodes > self._most_held:
            return False
        most = self._most_of_user
        return not most or self._running.get(order.user.name, 0) < most

    def _start(self, campaign: Campaign, time: float, open_until: float) -> bool:
        """Start one job of the campaign, if it fits."""
        if not self._may_run(campaign):
            return False
        places = self._places(campaign.order, time)
        if places is None:
            return False
        time = float(int(time))
        limit, run_time, outcome = orders.fate(self._random, campaign, self.cell.flavour)
        end = time + run_time
        if open_until < self.end and time + limit * 60 > open_until:
            # Like the real one, the scheduler starts nothing that might run into a maintenance window.
            if campaign.array_wanted:
                return False
            limit = int((open_until - time) // 60)
            end = min(end, time + limit * 60)
        # A block's last jobs end one by one before its border.
        end = float(
            int(min(end, self.end - 30 - self._random.random() ** 2 * min(900, self.end - time - 60)))
        )
        for place in places:
            for trouble in self._troubles[place]:
                if trouble.is_down and time < trouble.start < end:
                    end, outcome = trouble.start, _NODE_FAIL
        if outcome.state == "TIMEOUT" and end < time + limit * 60:
            outcome = orders.COMPLETED
        elif end >= time + limit * 60:
            end, outcome = time + limit * 60, orders.TIMEOUT
        submission = self._submit(campaign, time)
        if end <= time or submission is None:
            return False
        plan = self._book(campaign, places, time, end, limit, outcome, submission)
        self._push(plan.release, plan)
        self._desk.announce(plan)
        return True

    def _places(self, order: Order, time: float) -> list[int] | None:
        """The first nodes on which the order fits now."""
        found: list[int] = []
        for place, cores in enumerate(self._cores):
            if len(cores) < order.cores or self._memory[place] < order.memory:
                continue
            gpus = len(self._gpus[place])
            if gpus < order.gpus:
                continue
            if not order.gpus and gpus and len(cores) - order.cores < gpus * _FREE_GPU_CORES:
                # Jobs without GPUs leave a few cores to those who need the GPUs beside them.
                continue
            if any(trouble.start <= time < trouble.end for trouble in self._troubles[place]):
                continue
            found.append(place)
            if len(found) == order.n_nodes:
                return found
        return None

    def _book(
        self,
        campaign: Campaign,
        places: list[int],
        time: float,
        end: float,
        limit: int,
        outcome: Outcome,
        submission: tuple[int, float],
    ) -> Plan:
        placements = tuple(self._take(place, campaign.order) for place in places)
        order = campaign.order_with(limit)
        self._held += order.cores * order.n_nodes
        self._running[order.user.name] = self._running.get(order.user.name, 0) + 1
        number, submit = submission
        array, task = None, TASK_OF_ARRAY
        if campaign.array_wanted:
            array = campaign.array
            if array is None:
                array = campaign.open_array(number, submit, time, self.end, self._reason())
                self._desk.announce(array)
            task = array.tasks - campaign.left
            campaign.running += 1
        campaign.left -= 1
        lingers = 0 if outcome is _NODE_FAIL else int(self._random.expovariate(0.25))
        return Plan(
            number=number,
            order=order,
            placements=placements,
            submit=submit,
            start=time,
            end=end,
            release=min(end + lingers, self.end - 1),
            outcome=outcome,
            shift=self._random.random(),
            waits_for=self._reason(),
            array=array,
            task=task,
        )

    def _reason(self) -> str:
        flavour = self.cell.flavour.name
        return {"debug": "QOSMaxJobsPerUserLimit", "capped": "AssocGrpCpuLimit"}.get(flavour, "Priority")

    def _take(self, place: int, order: Order) -> Placement:
        cores, gpus = self._cores[place], self._gpus[place]
        taken, taken_gpus = tuple(cores[: order.cores]), tuple(gpus[: order.gpus])
        del cores[: order.cores]
        del gpus[: order.gpus]
        self._memory[place] -= order.memory
        return Placement(self.cell.machines[place], taken, taken_gpus)

    def _submit(self, campaign: Campaign, start: float) -> tuple[int, float] | None:
        """The id and the time of submission of a campaign's next job that starts then, if an id is left."""
        if campaign.array is not None:
            return campaign.array.number, campaign.array.submit
        earliest = int((start - LOOKAHEAD) // TICK) + 1
        latest = int((start - 1) // TICK)
        tick = campaign.tick
        if tick is None or tick < earliest:
            share = 0.06 if self.cell.flavour.name in ("debug", "workshop") else 1.0
            wait = LOOKAHEAD * share * (0.01 + 0.97 * self._random.random() ** 1.4)
            tick = int((start - wait) // TICK)
        quota = self._desk.numbering.quota
        while tick > earliest and self._submitted.get(tick, 0) >= quota:
            tick -= 1
        while tick < latest and self._submitted.get(tick, 0) >= quota:
            tick += 1
        tick = max(earliest, min(latest, tick))
        count = self._submitted.get(tick, 0)
        if count >= quota:
            return None
        self._submitted[tick] = count + 1
        campaign.tick = tick
        number = self._desk.numbering.of_cell(self.cell.index, self.number, tick, count)
        # Jobs that are sent off in one go carry nearly the same second.
        submit = tick * TICK + (self.cell.index * 7 + count) % int(TICK)
        return number, float(min(submit, start - 1))
