"""One node at an instant: who holds what on it, what that does to its readings, what Slurm says of it."""

from __future__ import annotations

from collections.abc import Sequence

from jobmon_tui.backends.simulation import behaviour
from jobmon_tui.backends.simulation.chance import fraction
from jobmon_tui.backends.simulation.hardware import Machine
from jobmon_tui.backends.simulation.outages import Trouble
from jobmon_tui.backends.simulation.plans import Plan
from jobmon_tui.model.snapshot import (
    CoreUse,
    CpuTimes,
    CpuUse,
    Free,
    Gpu,
    Node,
    ReadWrite,
    Traffic,
    Used,
)

SLURM_VERSION = "23.11.10"
_IDLE = bytes((0, 0, 0, 0, 100, 0, 0, 0, 0, 100, 1, 0, 0, 0, 99, 0, 0, 0, 0, 100, 0, 0, 1, 0, 99))
"""Five cores that nobody uses: the operating system ticks on."""
_MESSAGE = 2_048
_WEEK = 7 * 86400


class Host:
    """What the cluster knows of one machine at its instant.

    Args:
        machine: The machine.
        partitions: The partitions it belongs to.
    """

    __slots__ = (
        "_idle_cores",
        "cpus",
        "machine",
        "memory",
        "n_gpus",
        "partitions",
        "planned",
        "plans",
        "record",
        "sampled",
        "shift",
        "troubles",
        "window_flags",
    )

    def __init__(self, machine: Machine, partitions: tuple[str, ...]) -> None:
        self.machine = machine
        self.partitions = partitions
        self.plans: dict[Plan, int] = {}
        """The jobs that hold something here, with the node's place among each job's nodes."""
        self.cpus = 0
        self.n_gpus = 0
        self.memory = 0
        self.troubles: list[Trouble] = []
        self.planned = False
        self.window_flags: tuple[str, ...] = ()
        self.shift = fraction(machine.index, 77)
        self.sampled = 0.0
        self.record: Node | None = None
        cores = machine.kind.n_cpus
        self._idle_cores = (_IDLE * (cores // 5 + 1))[: cores * 5]

    def take(self, plan: Plan, place: int) -> None:
        """A job starts here, on its ``place``-th node."""
        _, cores, gpus = plan.placements[place]
        self.plans[plan] = place
        self.cpus += len(cores)
        self.n_gpus += len(gpus)
        self.memory += plan.order.memory
        self.record = None

    def release(self, plan: Plan) -> None:
        """A job lets go of what it held here."""
        _, cores, gpus = plan.placements[self.plans.pop(plan)]
        self.cpus -= len(cores)
        self.n_gpus -= len(gpus)
        self.memory -= plan.order.memory
        self.record = None

    @property
    def is_down(self) -> bool:
        """Whether it failed."""
        return any(trouble.is_down for trouble in self.troubles)

    def at(self, time: float) -> Node:
        """The node's record at that instant (Unix seconds); the same object as long as nothing changed."""
        sample = behaviour.last_sample(time, self.shift)
        if self.record is None or sample != self.sampled:
            self.sampled = sample
            self.record = self._describe(sample)
        return self.record

    def _describe(self, time: float) -> Node:
        machine, kind = self.machine, self.machine.kind
        trouble = min(self.troubles, key=lambda one: (not one.is_down, one.start), default=None)
        state, flags = self._state()
        # In a fixed order, so that sums do not depend on who came here first.
        running = sorted(
            ((plan, place) for plan, place in self.plans.items() if plan.phase == "RUNNING"),
            key=lambda one: (one[0].number, one[0].task),
        )
        used = self._memory_used(running, time)
        down = state == "DOWN"
        measured = machine.measured and not down
        cpu = self._cpu(running, time) if measured else None
        gpus = self._gpus(running, time) if measured and kind.n_gpus else None
        return Node(
            name=machine.name,
            up=not down,
            n_cpus=kind.n_cpus,
            n_gpus=kind.n_gpus,
            cpu=cpu,
            memory=Used(used, float(kind.memory_installed)) if measured else None,
            swap=self._swap(running, time) if measured else None,
            disk=machine.disk if measured else None,
            gpus=gpus,
            infiniband=self._infiniband(running, time) if measured else None,
            lustre=self._lustre(running, time) if measured else None,
            jobfs=self._jobfs(running, time) if measured else None,
            temperature=None if cpu is None else self._temperature(cpu, gpus or ()),
            power=None if cpu is None else self._power(cpu, gpus or ()),
            state=state,
            flags=flags,
            reason=trouble.reason if trouble else None,
            reason_user=trouble.reason_user if trouble else None,
            reason_time=trouble.start if trouble else None,
            sockets=kind.sockets,
            cores_per_socket=kind.cores_per_socket,
            threads_per_core=kind.threads_per_core,
            cpus_allocated=self.cpus,
            cpu_load=None if down else self._load(running, cpu),
            memory_total=kind.memory,
            memory_allocated=self.memory,
            memory_free=None if down else int((kind.memory_installed - used) * (0.35 + 0.3 * self.shift)),
            gres=kind.gres,
            gpu_model=kind.gpu_model,
            gpus_allocated=self._gpus_allocated() if kind.n_gpus else None,
            n_gpus_allocated=self.n_gpus if kind.n_gpus else None,
            features=kind.features,
            partitions=self.partitions,
            weight=kind.weight,
            boot_time=(time - self.shift * 6 * _WEEK) // (6 * _WEEK) * 6 * _WEEK
            + self.shift * 6 * _WEEK // 1,
            slurm_version=SLURM_VERSION,
        )

    def _gpus_allocated(self) -> tuple[int, ...]:
        return tuple(sorted(gpu for plan, place in self.plans.items() for gpu in plan.placements[place].gpus))

    def _state(self) -> tuple[str, tuple[str, ...]]:
        flags = list(self.window_flags)
        if any(not trouble.is_down for trouble in self.troubles):
            flags.append("DRAIN")
        if any(plan.phase == "COMPLETING" for plan in self.plans):
            flags.append("COMPLETING")
        if self.is_down:
            return "DOWN", (*flags, "NOT_RESPONDING")
        if self.planned and not flags and self.cpus < self.machine.kind.n_cpus:
            flags.append("PLANNED")
        if not self.cpus:
            return "IDLE", tuple(flags)
        return "ALLOCATED" if self.cpus == self.machine.kind.n_cpus else "MIXED", tuple(flags)

    def _cpu(self, running: list[tuple[Plan, int]], time: float) -> CpuUse:
        cores = bytearray(self._idle_cores)
        for plan, place in running:
            pattern = behaviour.core_pattern(*behaviour.cpu_load(plan, time))
            left = behaviour.busy_cores(plan)
            for first, number in stretches(plan)[place]:
                number = min(number, left)
                cores[first * 5 : (first + number) * 5] = behaviour.spread(pattern, number)
                left -= number
                if not left:
                    break
        count = len(cores) // 5
        total = CpuTimes(*(round(sum(cores[part::5]) / count, 1) for part in range(5)))
        return CpuUse(total, CoreUse.packed(bytes(cores)))

    def _memory_used(self, running: list[tuple[Plan, int]], time: float) -> float:
        kind = self.machine.kind
        system = kind.memory_installed * (0.012 + 0.008 * self.shift)
        jobs = sum(
            min(behaviour.memory_used(plan, place, time), plan.order.memory) for plan, place in running
        )
        return float(int(min(system + jobs, kind.memory_installed * 0.985)))

    def _swap(self, running: list[tuple[Plan, int]], time: float) -> Free:
        total = self.machine.kind.swap
        pushed = sum(behaviour.swap_used(plan, time) for plan, _ in running)
        return Free(float(int(max(total * 0.02, total * (0.998 - 0.02 * self.shift) - pushed))), float(total))

    def _gpus(self, running: list[tuple[Plan, int]], time: float) -> tuple[Gpu, ...]:
        kind = self.machine.kind
        gpus = [Gpu(f"gpu{index}", 0.0, Used(3.0, float(kind.gpu_memory))) for index in range(kind.n_gpus)]
        for plan, place in running:
            for index, reading in zip(
                plan.placements[place].gpus,
                behaviour.gpu_readings(plan, place, time, kind.gpu_memory),
                strict=True,
            ):
                gpus[index] = reading
        return tuple(gpus)

    def _temperature(self, cpu: CpuUse, gpus: Sequence[Gpu]) -> float:
        """Of whatever is hottest; some nodes stand in warmer air than others."""
        busy = cpu.total.busy if cpu.total is not None else 0.0
        hottest = max((gpu.utilisation or 0.0 for gpu in gpus), default=0.0)
        return float(round(32 + 8 * self.shift + max(0.36 * busy, 0.42 * hottest)))

    def _power(self, cpu: CpuUse, gpus: Sequence[Gpu]) -> float:
        busy = cpu.total.busy / 100 if cpu.total is not None else 0.0
        accelerators = sum(45 + 2.1 * (gpu.utilisation or 0.0) for gpu in gpus)
        return float(round(110 + 4.2 * busy * self.machine.kind.n_cpus + accelerators))

    def _infiniband(self, running: list[tuple[Plan, int]], time: float) -> Traffic:
        ripple = behaviour.wave(self.shift, time)
        received = 40_000 * (1 + 0.5 * ripple)
        sent = received * 0.8
        for plan, _ in running:
            read, written = behaviour.lustre_traffic(plan, time)
            talk = 0.0
            if len(plan.placements) > 1:
                talk = 9e8 * (0.7 + 0.3 * behaviour.wave(plan.shift, time))
            received += read + talk
            sent += written + talk
        return Traffic(*(float(int(x)) for x in (received, sent, received / _MESSAGE, sent / _MESSAGE)))

    def _lustre(self, running: list[tuple[Plan, int]], time: float) -> ReadWrite:
        traffic = [behaviour.lustre_traffic(plan, time) for plan, _ in running]
        return ReadWrite(sum(read for read, _ in traffic), sum(write for _, write in traffic))

    def _jobfs(self, running: list[tuple[Plan, int]], time: float) -> ReadWrite:
        ripple = 1 + 0.4 * behaviour.wave(1 - self.shift, time)
        amount = sum(plan.order.user.habit.jobfs * min(8, behaviour.busy_cores(plan)) for plan, _ in running)
        return ReadWrite(float(int(amount * ripple * 4e5)), float(int(amount * ripple * 6e5 + 2e3)))

    def _load(self, running: list[tuple[Plan, int]], cpu: CpuUse | None) -> float:
        if cpu is not None and cpu.total is not None:
            return round(
                (cpu.total.busy + cpu.total.wait) / 100 * self.machine.kind.n_cpus + self.shift / 5, 2
            )
        return round(sum(plan.order.cores for plan, _ in running) + self.shift / 5, 2)


def stretches(plan: Plan) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The job's cores on each of its nodes as (first, number) of neighbours; worked out once for each job."""
    if not plan.runs:
        plan.runs = tuple(_neighbours(cores) for _, cores, _ in plan.placements)
    return plan.runs


def _neighbours(cores: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    if cores[-1] - cores[0] == len(cores) - 1:
        return ((cores[0], len(cores)),)
    found: list[tuple[int, int]] = []
    first = previous = cores[0]
    for core in cores[1:]:
        if core != previous + 1:
            found.append((first, previous - first + 1))
            first = core
        previous = core
    found.append((first, previous - first + 1))
    return tuple(found)
