"""What one cell of the cluster picture can show of a node: its readings, and the conditions told by a glyph.

A table of data: the picture, its legend, the key that goes to the next reading and the help all follow it.
A reading never falls back to another one: where nothing measures the CPU, the CPU reading is unknown, and
what Slurm handed out stands as a reading of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jobmon_tui.analysis import flow_readings as flow
from jobmon_tui.analysis.index import SnapshotIndex, is_down, is_drained, is_unknown
from jobmon_tui.model.snapshot import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way of colouring the nodes."""

    key: str
    """Its name in settings and on the command line: ``cpu``."""
    title: str
    """As shown over the picture: ``CPU in use``."""
    unit: str
    """What 100 % of the scale are, for the help: ``% of all cores``."""
    fraction: Callable[[Node], float | None]
    """From 0 (empty) to 1 (full); above 1 the node is overcommitted; ``None`` when unknown."""
    text: Callable[[Node], str]
    """The reading in words, with units, for one node."""
    low: str = "idle"
    """What the low end of the scale means."""
    high: str = "busy"
    """What the high end of the scale means."""
    applies: Callable[[Node], bool] = lambda _node: True
    """Whether the node can have such a reading at all: a node without GPUs has no GPU use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a node's cell shows instead of a reading."""

    key: str
    """``drained``; also what the legend calls it."""
    glyph: str
    """One cell wide in every terminal and every locale (no character of ambiguous width)."""
    ascii: str
    """What stands for it where only ASCII can be shown."""
    role: str
    """The name of its style in the palette."""


CONDITIONS = (
    Condition(key="down", glyph="✕", ascii="x", role="trouble"),
    Condition(key="drained", glyph="◌", ascii="d", role="warning"),
    Condition(key="draining", glyph="◍", ascii="D", role="warning"),
    Condition(key="maintenance", glyph="▚", ascii="m", role="dim"),
    Condition(key="reserved", glyph="◊", ascii="r", role="primary"),
    Condition(key="planned", glyph="▹", ascii=">", role="dim"),
    Condition(key="powered off", glyph="~", ascii="~", role="dim"),
    Condition(key="unknown", glyph="?", ascii="?", role="dim"),
    Condition(key="none", glyph="-", ascii="-", role="faint"),
)
"""The conditions with a glyph of their own, in the order of the legend. The last two speak of the reading:
nobody knows it, or the node has nothing to read (no GPUs)."""

GLYPHS = {one.key: one for one in CONDITIONS}
"""The same by key."""

_POWERED_OFF = frozenset({"POWERED_DOWN", "POWERING_DOWN", "POWER_DOWN", "POWERING_UP"})
_IN_USE = frozenset({"ALLOCATED", "MIXED"})


def condition(node: Node) -> str:
    """What state the node is in, in one word (or two) for people.

    Returns:
        The key of one of `CONDITIONS`, or ``completing``, ``in use``, ``idle``, or ``up`` where it answers
        and no scheduler says more. ``reserved`` and ``planned`` are said only of nodes without jobs.
    """
    if not node.flags and node.state in _IN_USE:
        return "in use"  # Most nodes at most times: asked for ten thousand of them at every refresh.
    if is_down(node):
        return "down"
    in_use = node.state in _IN_USE or bool(node.cpus_allocated)
    completing = "COMPLETING" in node.flags or node.state == "COMPLETING"
    if is_drained(node):
        return "draining" if in_use or completing else "drained"
    if "MAINTENANCE" in node.flags or "MAINT" in node.flags:
        return "maintenance"
    if not _POWERED_OFF.isdisjoint(node.flags):
        return "powered off"
    if is_unknown(node):
        return "unknown"
    if completing:
        return "completing"
    if in_use:
        return "in use"
    if "RESERVED" in node.flags or node.state == "RESERVED":
        return "reserved"
    if "PLANNED" in node.flags:
        return "planned"
    return "idle" if node.state is not None else "up"


def shown(node: Node, reading: Reading) -> float | str:
    """What the node's cell shows: the reading as a fraction, or the key of the condition that replaces it.

    A condition that concerns whoever looks for a place to run replaces the reading; an unknown state does not
    where the reading itself is known.
    """
    word = condition(node)
    if word in GLYPHS and word != "unknown":
        return word
    if not reading.applies(node):
        return "none"
    fraction = reading.fraction(node)
    return "unknown" if fraction is None else fraction


def _ratio(part: float | None, whole: float | None) -> float | None:
    if part is None or not whole or whole < 0:
        return None
    return max(0.0, part / whole)


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} %"


def gib(mebibytes: float) -> str:
    """An amount of memory in GiB, without its unit: ``5.5``, ``192``."""
    gibibytes = mebibytes / 1024
    return f"{gibibytes:.1f}" if gibibytes < 10 else f"{gibibytes:.0f}"


def _amount(used: float | None, total: float | None, what: str) -> str:
    if used is None or total is None:
        return f"{what} unknown"
    return f"{gib(used)} of {gib(total)} GiB {what}"


def _cpu_fraction(node: Node) -> float | None:
    return node.cpu.total.busy / 100 if node.cpu and node.cpu.total else None


def _cpu_text(node: Node) -> str:
    if node.cpu is None or node.cpu.total is None:
        return "CPU unknown"
    total = node.cpu.total
    parts = [
        f"{value:.0f} {name}"
        for name, value in (("system", total.system), ("wait", total.wait))
        if value >= 1
    ]
    return f"{total.busy:.0f} % busy" + (f" ({', '.join(parts)})" if parts else "")


def _allocated_fraction(node: Node) -> float | None:
    return _ratio(node.cpus_allocated, node.n_cpus)


def _allocated_text(node: Node) -> str:
    if node.cpus_allocated is None or node.n_cpus is None:
        return "allocation unknown"
    return f"{node.cpus_allocated} of {node.n_cpus} cores allocated"


def _memory_fraction(node: Node) -> float | None:
    return _ratio(node.memory.used, node.memory.total) if node.memory else None


def _memory_text(node: Node) -> str:
    used, total = node.memory or (None, None)
    return _amount(used, total, "memory used")


def _memory_allocated_fraction(node: Node) -> float | None:
    return _ratio(node.memory_allocated, node.memory_total)


def _memory_allocated_text(node: Node) -> str:
    return _amount(node.memory_allocated, node.memory_total, "memory allocated")


def has_gpus(node: Node) -> bool:
    """Whether the scheduler or a measurement says that the node has GPUs."""
    return bool(node.n_gpus) or bool(node.gpus)


def _gpu_fraction(node: Node) -> float | None:
    known = [gpu.utilisation for gpu in node.gpus or () if gpu.utilisation is not None]
    return sum(known) / len(known) / 100 if known else None


def _gpu_text(node: Node) -> str:
    if not has_gpus(node):
        return "no GPUs"
    known = [gpu.utilisation for gpu in node.gpus or () if gpu.utilisation is not None]
    return "GPU " + ", ".join(f"{use:.0f}" for use in known) + " % busy" if known else "GPU use unknown"


def _gpus_held(node: Node) -> int | None:
    if node.n_gpus_allocated is not None:
        return node.n_gpus_allocated
    return None if node.gpus_allocated is None else len(node.gpus_allocated)


def _gpu_allocated_fraction(node: Node) -> float | None:
    return _ratio(_gpus_held(node), node.n_gpus)


def _gpu_allocated_text(node: Node) -> str:
    if not has_gpus(node):
        return "no GPUs"
    held = _gpus_held(node)
    if held is None or node.n_gpus is None:
        return "GPU allocation unknown"
    return f"{held} of {node.n_gpus} {'GPU' if node.n_gpus == 1 else 'GPUs'} allocated"


def _load_fraction(node: Node) -> float | None:
    return _ratio(node.cpu_load, node.n_cpus)


def _load_text(node: Node) -> str:
    return "load unknown" if node.cpu_load is None else f"load {node.cpu_load:.1f}"


def _wait_fraction(node: Node) -> float | None:
    return node.cpu.total.wait / 100 if node.cpu and node.cpu.total else None


def _wait_text(node: Node) -> str:
    return f"{_percent(node.cpu.total.wait if node.cpu and node.cpu.total else None)} waiting for I/O"


def _swap_fraction(node: Node) -> float | None:
    return _ratio(node.swap.total - node.swap.free, node.swap.total) if node.swap else None


def _swap_text(node: Node) -> str:
    free, total = node.swap or (None, None)
    return _amount(None if free is None or total is None else total - free, total, "swap used")


def _disk_fraction(node: Node) -> float | None:
    return _ratio(node.disk.total - node.disk.free, node.disk.total) if node.disk else None


def _disk_text(node: Node) -> str:
    if node.disk is None:
        return "local disk unknown"
    return f"{node.disk.total - node.disk.free:.0f} of {node.disk.total:.0f} GiB local disk used"


def _state_fraction(node: Node) -> float | None:
    known = {"IDLE": 0.0, "RESERVED": 0.0, "PLANNED": 0.0, "MIXED": 0.5, "ALLOCATED": 1.0, "COMPLETING": 0.5}
    return known.get(node.state or "")


READINGS: tuple[Reading, ...] = (
    Reading(key="cpu", title="CPU in use", unit="% of all cores", fraction=_cpu_fraction, text=_cpu_text),
    Reading(
        key="allocated",
        title="Cores allocated",
        unit="% of all cores",
        fraction=_allocated_fraction,
        text=_allocated_text,
        low="free",
        high="full",
    ),
    Reading(
        key="memory",
        title="Memory in use",
        unit="% of the memory",
        fraction=_memory_fraction,
        text=_memory_text,
        low="empty",
        high="full",
    ),
    Reading(
        key="memory-allocated",
        title="Memory allocated",
        unit="% of the memory",
        fraction=_memory_allocated_fraction,
        text=_memory_allocated_text,
        low="free",
        high="full",
    ),
    Reading(
        key="gpu",
        title="GPUs in use",
        unit="mean % of its GPUs",
        fraction=_gpu_fraction,
        text=_gpu_text,
        applies=has_gpus,
    ),
    Reading(
        key="gpu-allocated",
        title="GPUs allocated",
        unit="% of its GPUs",
        fraction=_gpu_allocated_fraction,
        text=_gpu_allocated_text,
        low="free",
        high="full",
        applies=has_gpus,
    ),
    Reading(
        key="load",
        title="Load per core",
        unit="runnable processes per core",
        fraction=_load_fraction,
        text=_load_text,
        high="1 a core",
    ),
    Reading(
        key="wait",
        title="Waiting for I/O",
        unit="% of all cores",
        fraction=_wait_fraction,
        text=_wait_text,
        low="none",
        high="all",
    ),
    Reading(
        key="swap",
        title="Swap in use",
        unit="% of the swap space",
        fraction=_swap_fraction,
        text=_swap_text,
        low="none",
        high="full",
    ),
    Reading(
        key="disk",
        title="Local disk in use",
        unit="% of the local disk",
        fraction=_disk_fraction,
        text=_disk_text,
        low="empty",
        high="full",
    ),
    Reading(
        key="gpu-memory",
        title="GPU memory in use",
        unit="% of the GPUs' memory",
        fraction=flow.gpu_memory_fraction,
        text=flow.gpu_memory_text,
        low="empty",
        high="full",
        applies=has_gpus,
    ),
    *(
        Reading(
            key=key,
            title=title,
            unit="logarithmic",
            fraction=fraction,
            text=text,
            low="10 kB/s",
            high="10 GB/s",
        )
        for key, title, fraction, text in (
            ("network", "Network traffic", flow.network_fraction, flow.network_text),
            ("lustre", "Lustre traffic", flow.lustre_fraction, flow.lustre_text),
            ("jobfs", "Job disk traffic", flow.jobfs_fraction, flow.jobfs_text),
        )
    ),
    Reading(
        key="temperature",
        title="Temperature",
        unit="degrees Celsius",
        fraction=flow.temperature_fraction,
        text=flow.temperature_text,
        low=f"{flow.COOL:.0f} °C",
        high=f"{flow.HOT:.0f} °C",
    ),
    Reading(
        key="power",
        title="Power",
        unit="watts",
        fraction=flow.power_fraction,
        text=flow.power_text,
        low="0 W",
        high=f"{flow.FULL_POWER:.0f} W",
    ),
    Reading(
        key="state",
        title="State",
        unit="idle, mixed or allocated",
        fraction=_state_fraction,
        text=condition,
        high="allocated",
    ),
)
"""In the order in which the key goes through them; the first one that has data is shown first."""


def available_readings(index: SnapshotIndex) -> tuple[Reading, ...]:
    """The readings that at least one node of the snapshot has; all of them where there are none at all."""
    nodes = index.snapshot.nodes.values()
    found = tuple(
        one for one in READINGS if any(one.applies(node) and one.fraction(node) is not None for node in nodes)
    )
    return found or READINGS


def next_reading(index: SnapshotIndex, current: Reading) -> Reading:
    """The reading after ``current`` among those that have data, round and round."""
    available = available_readings(index)
    order = READINGS.index(current) if current in READINGS else -1
    later = [one for one in available if READINGS.index(one) > order]
    return later[0] if later else available[0]
