"""Node readings without a natural full mark: what flows, how hot, how much power. Their scales are set here.

Traffic spans six orders of magnitude between an idle node and a full line, so its scale is logarithmic: equal
steps of the picture are equal factors.
"""

from __future__ import annotations

from math import log10

from jobmon_tui.model.measures import ReadWrite
from jobmon_tui.model.snapshot import Node
from jobmon_tui.model.units import format_bytes_rate, format_mib

QUIET_RATE, FULL_RATE = 1e4, 1e10
"""Bytes per second at the ends of the scale of traffic: 10 kB/s and 10 GB/s."""
COOL, HOT = 20.0, 95.0
"""Degrees Celsius at the ends of the scale."""
FULL_POWER = 1500.0
"""Watts at the upper end of the scale."""


def rate_fraction(rate: float) -> float:
    """Where a rate (bytes per second) stands on the logarithmic scale."""
    if rate <= QUIET_RATE:
        return 0.0
    return min(1.0, log10(rate / QUIET_RATE) / log10(FULL_RATE / QUIET_RATE))


def network_fraction(node: Node) -> float | None:
    """In and out together."""
    traffic = node.infiniband
    return rate_fraction(traffic.bytes_in + traffic.bytes_out) if traffic else None


def network_text(node: Node) -> str:
    """In and out, each with its unit."""
    if node.infiniband is None:
        return "network unknown"
    traffic = node.infiniband
    return f"network {format_bytes_rate(traffic.bytes_in)} in, {format_bytes_rate(traffic.bytes_out)} out"


def _both(flow: ReadWrite | None) -> float | None:
    return rate_fraction(flow.read + flow.write) if flow else None


def _words(flow: ReadWrite | None, what: str) -> str:
    if flow is None:
        return f"{what} unknown"
    return f"{what} {format_bytes_rate(flow.read)} read, {format_bytes_rate(flow.write)} written"


def lustre_fraction(node: Node) -> float | None:
    """Reading and writing together."""
    return _both(node.lustre)


def lustre_text(node: Node) -> str:
    """Reading and writing, each with its unit."""
    return _words(node.lustre, "Lustre")


def jobfs_fraction(node: Node) -> float | None:
    """Reading and writing together."""
    return _both(node.jobfs)


def jobfs_text(node: Node) -> str:
    """Reading and writing, each with its unit."""
    return _words(node.jobfs, "job disk")


def gpu_memory_fraction(node: Node) -> float | None:
    """Of all of its GPUs' memory together, as far as it is measured."""
    known = [gpu.memory for gpu in node.gpus or () if gpu.memory is not None and gpu.memory.total > 0]
    return sum(one.used for one in known) / sum(one.total for one in known) if known else None


def gpu_memory_text(node: Node) -> str:
    """Used of total, over all of its GPUs."""
    known = [gpu.memory for gpu in node.gpus or () if gpu.memory is not None]
    if not known:
        return "GPU memory unknown"
    used, total = sum(one.used for one in known), sum(one.total for one in known)
    return f"{format_mib(used)} of {format_mib(total)} GPU memory used"


def temperature_fraction(node: Node) -> float | None:
    """Between cool and hot."""
    if node.temperature is None:
        return None
    return min(1.0, max(0.0, (node.temperature - COOL) / (HOT - COOL)))


def temperature_text(node: Node) -> str:
    """The hottest that the node reports."""
    return "temperature unknown" if node.temperature is None else f"{node.temperature:.0f} °C at the hottest"


def power_fraction(node: Node) -> float | None:
    """Of what a large node draws."""
    return None if node.power is None else min(1.0, max(0.0, node.power / FULL_POWER))


def power_text(node: Node) -> str:
    """In watts."""
    return "power unknown" if node.power is None else f"{node.power:.0f} W"
