"""Snapshots to measure with: the demo cluster's, and some that differ from another in a known share."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from jobmon_tui.backends.demo import DemoBackend
from jobmon_tui.model.snapshot import CoreUse, CpuTimes, CpuUse, Node, Snapshot

BEGIN = 1_790_000_000.0
"""When the demo's snapshots begin, in Unix seconds; always the same, so that the figures compare."""


def demo_snapshots(nodes: int, jobs: int, *, step: float = 10.0) -> Iterator[Snapshot]:
    """Snapshots of a demo cluster, one after the other.

    Args:
        nodes: How many nodes it has.
        jobs: About how many jobs it has.
        step: Seconds from one to the next.
    """
    now = [BEGIN]
    backend = DemoBackend(nodes=nodes, jobs=jobs, clock=lambda: now[0])
    while True:
        yield backend.cycle()
        now[0] += step


def with_changed_nodes(snapshot: Snapshot, share: float, seed: int) -> Snapshot:
    """The same snapshot, but for the CPU use of that share of its nodes."""
    chance = random.Random(seed)
    chosen = set(chance.sample(sorted(snapshot.nodes), round(share * len(snapshot.nodes))))
    nodes = {
        name: _busy(node, chance.uniform(0, 100)) if name in chosen else node
        for name, node in snapshot.nodes.items()
    }
    return replace(snapshot, nodes=nodes)


def _busy(node: Node, percent: float) -> Node:
    times = CpuTimes(user=percent, nice=0.0, system=0.0, wait=0.0, idle=100 - percent)
    return replace(node, cpu=CpuUse(times, CoreUse([times] * (node.n_cpus or 1))))
