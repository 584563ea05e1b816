"""The whole invented cluster at an instant: what has happened until then, and the queue as it stands."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any

from jobmon_tui.backends.simulation import queue, records
from jobmon_tui.backends.simulation.backlog import Backlog, places_in_tick
from jobmon_tui.backends.simulation.cells import Cell, deal
from jobmon_tui.backends.simulation.hardware import install
from jobmon_tui.backends.simulation.nodes import Host
from jobmon_tui.backends.simulation.numbering import Numbering
from jobmon_tui.backends.simulation.outages import DAY, Outages, Trouble
from jobmon_tui.backends.simulation.plans import ArrayPlan, Plan
from jobmon_tui.backends.simulation.records import PURGED_AFTER
from jobmon_tui.backends.simulation.schedule import Desk
from jobmon_tui.backends.simulation.timetable import Timetable
from jobmon_tui.model.snapshot import Job, Node, Partition, Reservation

LONGEST_STEP = 1800.0
"""Seconds of a jump in time beyond which starting anew is quicker than going through what happened."""
_TASKS_AT_MOST = 100_000


class Cluster:
    """An invented cluster; what it is like at an instant follows from that instant and the arguments alone.

    Args:
        nodes: How many nodes it has.
        jobs: About how many job records there are at a time.
        seed: Decides everything else.
    """

    def __init__(self, nodes: int, jobs: int, seed: int) -> None:
        self.seed = seed
        self.machines = install(nodes, seed)
        self.cells = deal(self.machines, jobs, seed)
        places = round(max(0.0, jobs - sum(cell.usual_jobs for cell in self.cells)))
        self.numbering = Numbering(len(self.cells), places_in_tick(places))
        self.outages = Outages(seed, self.cells)
        self.hosts = [Host(machine, ()) for machine in self.machines]
        for cell in self.cells:
            for machine in cell.machines:
                self.hosts[machine.index].partitions = (cell.partition,)
        self.backlog = Backlog(seed, places, self.cells, self.numbering, self._maintained_nodes)
        desk = Desk(seed, self.outages, self.numbering, self._hear)
        self._timetable = Timetable(desk, self.cells, self._hear_of_trouble)
        self._racks = {cell.index: self.outages.rack(cell) for cell in self.cells}
        self.time: float | None = None
        self._events: list[tuple[float, int, str, Any]] = []
        self._sequence = 0
        self._known_troubles: set[tuple[int, float, bool]] = set()
        self.running: dict[Plan, int] = {}
        self.waiting: dict[str, list[tuple[float, int, Plan | ArrayPlan]]] = {}
        """The planned jobs and arrays of each partition that wait, in the order in which they will start."""
        self.shown: dict[int, Job] = {}
        """The records of everything but the backlog, by their place in the listing."""
        self._heads: dict[Plan | ArrayPlan, queue.Forecast] = {}
        self._priority_tick = 0.0

    # -- time ----------------------------------------------------------------------------------------------

    def advance(self, time: float) -> None:
        """Bring everything to that instant (Unix seconds), forwards or backwards."""
        if self.time is None or not self.time <= time <= self.time + LONGEST_STEP:
            self._begin(time)
        else:
            self.time = time
            self._timetable.advance(time)
            self.backlog.advance(time)
        self._catch_up(time)
        self._mark_windows(time)
        self._refresh_queue(time)
        for plan in self.running:
            record = plan.record
            if record is None:
                record = records.running_job(plan, time)
            else:
                record = records.refreshed(record, plan, time)
            plan.record = record
            self.shown[_place(plan)] = record

    def _begin(self, time: float) -> None:
        self.time = time
        self._events.clear()
        self._known_troubles.clear()
        self.running.clear()
        self.waiting.clear()
        self.shown.clear()
        self._heads.clear()
        self._priority_tick = 0.0
        self.hosts = [Host(host.machine, host.partitions) for host in self.hosts]
        self._timetable.begin(time)
        self.backlog.begin(time)

    def _push(self, time: float, kind: str, subject: Any) -> None:
        self._sequence += 1
        heappush(self._events, (time, self._sequence, kind, subject))

    def _hear(self, planned: Plan | ArrayPlan) -> None:
        """The scheduler has planned something, at the latest when it is submitted."""
        now = self.time or 0.0
        if isinstance(planned, ArrayPlan):
            if planned.closes > now:
                self._push(planned.submit, "array submitted", planned)
                self._push(planned.closes, "array closed", planned)
        elif planned.end + PURGED_AFTER <= now:
            if planned.array:
                planned.array.started += 1
        elif planned.array or planned.start <= now:
            self._push(planned.start, "started", planned)
        else:
            self._push(planned.submit, "submitted", planned)

    def _hear_of_trouble(self, cell: Cell, trouble: Trouble) -> None:
        machine = cell.machines[trouble.machine].index
        key = (machine, trouble.start, trouble.is_down)
        if trouble.end > (self.time or 0.0) and key not in self._known_troubles:
            self._known_troubles.add(key)
            self._push(trouble.start, "trouble", (machine, trouble))
            self._push(trouble.end, "trouble over", (machine, trouble))

    def _catch_up(self, time: float) -> None:
        events = self._events
        happen: dict[str, Callable[[Any], None]] = {
            "submitted": self._submitted,
            "started": self._started,
            "ended": self._ended,
            "released": self._released,
            "purged": self._purged,
            "array submitted": self._array_submitted,
            "array closed": self._array_closed,
            "trouble": self._trouble,
            "trouble over": self._trouble_over,
        }
        while events and events[0][0] <= time:
            _, _, kind, subject = heappop(events)
            happen[kind](subject)

    # -- what happens --------------------------------------------------------------------------------------

    def _submitted(self, plan: Plan) -> None:
        plan.phase = "PENDING"
        self._enqueue(plan.start, plan)
        self._push(plan.start, "started", plan)

    def _started(self, plan: Plan) -> None:
        if plan.phase == "PENDING":
            self._dequeue(plan.start, plan)
        if plan.array:
            plan.array.started += 1
            self._array_changed(plan.array)
        plan.phase = "RUNNING"
        plan.record = None
        self.running[plan] = 0
        for place, (machine, _, _) in enumerate(plan.placements):
            self.hosts[machine.index].take(plan, place)
        self._push(plan.end, "ended", plan)

    def _ended(self, plan: Plan) -> None:
        plan.phase = "COMPLETING"
        del self.running[plan]
        record = plan.record or records.running_job(plan, plan.end)
        plan.record = records.completing_job(record, plan)
        self.shown[_place(plan)] = plan.record
        for machine, _, _ in plan.placements:
            self.hosts[machine.index].record = None
        self._push(plan.release, "released", plan)

    def _released(self, plan: Plan) -> None:
        plan.phase = plan.outcome.state
        for machine, _, _ in plan.placements:
            self.hosts[machine.index].release(plan)
        plan.record = records.ended_job(plan)
        self.shown[_place(plan)] = plan.record
        self._push(plan.end + PURGED_AFTER, "purged", plan)

    def _purged(self, plan: Plan) -> None:
        del self.shown[_place(plan)]

    def _array_submitted(self, array: ArrayPlan) -> None:
        array.submitted = True
        if array.started < array.tasks:
            self._enqueue(array.first_start, array)

    def _array_changed(self, array: ArrayPlan) -> None:
        """One more of its tasks has started."""
        if not array.submitted or array.closed:
            return
        if array.started == array.tasks:
            self._dequeue(array.first_start, array)
        else:
            array.record = None

    def _array_closed(self, array: ArrayPlan) -> None:
        array.closed = True
        if array.submitted and array.started < array.tasks:
            self._dequeue(array.first_start, array)

    def _trouble(self, subject: tuple[int, Trouble]) -> None:
        machine, trouble = subject
        self.hosts[machine].troubles.append(trouble)
        self.hosts[machine].record = None

    def _trouble_over(self, subject: tuple[int, Trouble]) -> None:
        machine, trouble = subject
        self.hosts[machine].troubles.remove(trouble)
        self.hosts[machine].record = None

    # -- the queue -----------------------------------------------------------------------------------------

    def _enqueue(self, start: float, item: Plan | ArrayPlan) -> None:
        insort(self.waiting.setdefault(item.order.partition, []), (start, item.number, item))

    def _dequeue(self, start: float, item: Plan | ArrayPlan) -> None:
        line = self.waiting[item.order.partition]
        del line[bisect_left(line, (start, item.number))]
        self.shown.pop(_place(item), None)
        item.record = None
        self._heads.pop(item, None)

    def _refresh_queue(self, time: float) -> None:
        """Give everything that waits a record with its priority, and the heads of the queue a forecast."""
        tick = queue.priority_tick(time)
        aged = tick != self._priority_tick
        self._priority_tick = tick
        for line in self.waiting.values():
            for start, _, item in line:
                if item.record is not None and not aged:
                    continue
                priority = queue.priority(start, tick, item)
                if isinstance(item, ArrayPlan):
                    item.record = records.array_job(item, priority)
                elif item.record is None:
                    item.record = records.pending_job(item, priority)
                else:
                    item.record = records.renewed(item.record, priority=priority)
                self.shown[_place(item)] = item.record
        self._refresh_heads(time)

    def _refresh_heads(self, time: float) -> None:
        forecasts: dict[Plan | ArrayPlan, queue.Forecast] = {}
        for line in self.waiting.values():
            forecasts.update(queue.forecast(line, self.hosts, time))
        for item in self._heads.keys() - forecasts.keys():
            self._show_forecast(item, queue.NO_FORECAST)
        for item, forecast in forecasts.items():
            if item.record is None or forecast != queue.shown_forecast(item.record):
                self._show_forecast(item, forecast)
        self._heads = forecasts
        planned = {
            machine.index for item in forecasts if isinstance(item, Plan) for machine, _, _ in item.placements
        }
        for host in self.hosts:
            if host.planned != (host.machine.index in planned):
                host.planned = not host.planned
                host.record = None

    def _show_forecast(self, item: Plan | ArrayPlan, forecast: queue.Forecast) -> None:
        if isinstance(item, ArrayPlan) and item.started:
            # Its record was made anew when its first task started.
            return
        if item.record is not None:
            item.record = records.renewed(
                item.record,
                reason=forecast.reason or item.waits_for,
                start_time=forecast.start,
                scheduled_nodes=forecast.nodes,
            )
            self.shown[_place(item)] = item.record

    # -- reservations --------------------------------------------------------------------------------------

    def _maintained_nodes(self, time: float) -> str:
        """Two nodes of the maintenance that is under way or next at that instant (Unix seconds), folded."""
        window = next(self.outages.maintenance(time, time + 2 * DAY), None)
        if window is None:
            return ""
        first = next(index for index, rack in self._racks.items() if rack == window[0])
        return records.fold(self.cells[first].machines[:2])

    def _mark_windows(self, time: float) -> None:
        active = {rack for rack, _ in self.outages.maintenance(time, time + 1e-6)}
        in_workshop = self.outages.workshop(time).start <= time
        for cell in self.cells:
            flags: tuple[str, ...] = ()
            if active and self._racks[cell.index] in active:
                flags = ("MAINTENANCE",)
            elif in_workshop and cell.flavour.name == "workshop":
                flags = ("RESERVED",)
            for machine in cell.machines:
                host = self.hosts[machine.index]
                if host.window_flags != flags:
                    host.window_flags = flags
                    host.record = None

    # -- what is shown -------------------------------------------------------------------------------------

    def nodes(self) -> Iterator[Node]:
        """Every node's record."""
        time = self.time or 0.0
        return (host.at(time) for host in self.hosts)

    def jobs(self) -> Iterator[Job]:
        """Every job's record, in the order of their ids."""
        yield from (self.shown[place] for place in sorted(self.shown))
        yield from self.backlog.records.values()

    def partitions(self) -> tuple[Partition, ...]:
        """The partitions."""
        return queue.partitions(self.cells)

    def reservations(self) -> tuple[Reservation, ...]:
        """The workshop's reservation, and the maintenance that is under way or comes next."""
        return queue.reservations(self.cells, self.outages, self._racks, self.time or 0.0)


def _place(item: Plan | ArrayPlan) -> int:
    """Where the record stands in a listing by id: an array's pending tasks before those that have started."""
    task = item.task if isinstance(item, Plan) and item.array else -1
    return item.number * _TASKS_AT_MOST + task + 1
