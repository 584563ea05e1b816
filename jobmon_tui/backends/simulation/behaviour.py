"""What a job does to the cores, memory, GPUs and file systems it holds, at any instant of its life."""

from __future__ import annotations

from functools import lru_cache
from math import exp, sin

from jobmon_tui.backends.simulation.plans import Plan
from jobmon_tui.model.snapshot import NOTHING, Gpu, LustreRate, Used

MEGABYTE = 1e6
SAMPLE = 10.0
"""Seconds between two readings of the same thing."""
FILE_SYSTEM = "scratch"
_TURN = 6.283185307179586
_UNEVEN = (0, -1, 1, 0, -2, 1, 0, -1)
"""How neighbouring cores of a job differ, in %."""


def last_sample(time: float, shift: float) -> float:
    """When something that is read every `SAMPLE` seconds was read last before that instant (Unix seconds).

    Args:
        time: Unix seconds.
        shift: A number in [0, 1): not everything is read at the same moment.
    """
    offset = shift * SAMPLE
    return (time - offset) // SAMPLE * SAMPLE + offset


def wave(shift: float, time: float) -> float:
    """A smooth ripple between -1 and 1, different for each shift in [0, 1)."""
    fast = 70 + 160 * shift
    slow = 2400 - 1500 * shift
    return 0.55 * sin(_TURN * (time / fast + 7 * shift)) + 0.45 * sin(_TURN * (time / slow + 3 * shift))


def cpu_load(plan: Plan, time: float) -> tuple[int, int, int]:
    """User, system and wait time of each core that the job uses, in whole % of a core."""
    habit = plan.order.user.habit
    ripple = wave(plan.shift, time)
    if habit.bursts:
        burst = max(0.0, ripple - 0.35) * 1.4
        return int(habit.user + 80 * burst), 1, 0
    user = habit.user + habit.swing * ripple
    if time - plan.start < 40:
        # A job reads its input before it computes.
        user *= max(0.15, (time - plan.start) / 40)
    wait = max(0.0, habit.wait - 0.7 * habit.swing * ripple)
    system = max(0.0, habit.system * (1 + 0.25 * ripple))
    total = user + wait + system
    if total > 100:
        user -= total - 100
    return int(user), int(system), int(wait)


@lru_cache(maxsize=1 << 14)
def core_pattern(user: int, system: int, wait: int) -> bytes:
    """The five bytes of each of eight cores under that load; repeat it for more cores."""
    pattern = bytearray()
    for difference in _UNEVEN:
        on_core = max(0, min(user + difference, 100 - system - wait))
        pattern += bytes((on_core, 0, system, wait, 100 - on_core - system - wait))
    return bytes(pattern)


def spread(pattern: bytes, cores: int) -> bytes:
    """The pattern over so many cores."""
    return (pattern * (cores // 8 + 1))[: cores * 5]


def busy_cores(plan: Plan) -> int:
    """How many cores of each of its nodes the job really uses."""
    return plan.order.user.habit.busy_cores or plan.order.cores


def memory_used(plan: Plan, place: int, time: float) -> float:
    """What the job uses on its ``place``-th node, in MiB."""
    peak = _memory_grown(plan, time)
    on_node = wave((plan.shift + 0.37 * place) % 1.0, time)
    return float(int(peak * (0.975 - 0.006 * (place % 4) + 0.012 * on_node)))


def memory_peak(plan: Plan, time: float) -> float:
    """The most that the job used on one node until then, in MiB."""
    return float(int(_memory_grown(plan, time)))


def _memory_grown(plan: Plan, time: float) -> float:
    habit = plan.order.user.habit
    age = max(0.0, time - plan.start)
    share = habit.memory * (0.85 + 0.3 * plan.shift if habit.memory < 0.8 else 0.97 + 0.05 * plan.shift)
    return plan.order.memory * share * (1.0 - 0.92 * exp(-age / habit.growth))


def swap_used(plan: Plan, time: float) -> float:
    """What the job has pushed out to swap on each of its nodes, in MiB."""
    if plan.order.user.habit.memory < 1:
        return 0.0
    grown = _memory_grown(plan, time)
    return max(0.0, grown - 0.72 * plan.order.memory) * 0.8


def gpu_readings(plan: Plan, place: int, time: float, memory: int) -> list[Gpu]:
    """What the GPUs that the job holds on its ``place``-th node do; each has that much memory, in MiB."""
    habit = plan.order.user.habit
    readings = []
    for gpu in plan.placements[place].gpus:
        ripple = wave((plan.shift + 0.23 * gpu + 0.11 * place) % 1.0, time)
        swing = min(habit.swing * 1.5, habit.gpu, 100 - habit.gpu)
        use = habit.gpu + swing * ripple
        grown = 1.0 - exp(-max(0.0, time - plan.start) / 60.0)
        used = round(420 + memory * habit.gpu_memory * grown * (0.9 + 0.1 * plan.shift))
        readings.append(Gpu(f"gpu{gpu}", float(round(use * grown)), Used(float(used), float(memory))))
    return readings


def lustre_traffic(plan: Plan, time: float) -> tuple[float, float]:
    """What the job reads from and writes to the shared file system on each node, in bytes per second."""
    habit = plan.order.user.habit
    ripple = wave((plan.shift * 3) % 1.0, time)
    amount = habit.lustre * MEGABYTE * min(busy_cores(plan), 16) * (0.6 + 0.4 * ripple)
    return float(int(amount * 0.75)), float(int(amount * 0.25))


def lustre_of_job(plan: Plan, time: float) -> dict[str, dict[str, LustreRate]]:
    """What the whole job asks of the shared file system's servers."""
    read, write = lustre_traffic(plan, time)
    nodes = len(plan.placements)
    rates = LustreRate(read * nodes, write * nodes, float(int((read + write) * nodes / 262_144)))
    opens = float(int(nodes * (2 + plan.order.user.habit.lustre * 3)))
    return {FILE_SYSTEM: {"oss": rates, "mds": LustreRate(None, None, opens)}}


def jobfs_of_job(plan: Plan, time: float) -> dict[str, float]:
    """What the job keeps on its nodes' job disks: host to MiB."""
    if plan.order.user.habit.jobfs < 1:
        return dict.fromkeys((machine.name for machine, _, _ in plan.placements), 0.0)
    age = max(0.0, time - plan.start)
    used = float(int(jobfs_request(plan) * (0.2 + 0.5 * plan.shift) * (1.0 - exp(-age / 900.0))))
    return {machine.name: used for machine, _, _ in plan.placements}


def jobfs_request(plan: Plan) -> float:
    """Job disk requested on each node, in MiB."""
    return 100.0 if plan.order.user.habit.jobfs < 1 else 20_480.0


def memory_of_job(plan: Plan, time: float) -> dict[str, float]:
    """Measured memory in use: host to MiB, without the hosts that nobody measures."""
    found = {
        machine.name: memory_used(plan, place, time)
        for place, (machine, _, _) in enumerate(plan.placements)
        if machine.measured
    }
    return found or NOTHING  # type: ignore[return-value]
