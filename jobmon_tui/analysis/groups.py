"""Sorting the nodes of a cluster into groups that belong together, for the picture of the cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.model.hostlist import natural_key
from jobmon_tui.model.snapshot import Node

SAME_MEMORY = 1.15
"""Nodes whose memory differs by less than this factor are of one kind: what Slurm may hand out varies by the
few GiB that a kernel or an administrator keeps back."""
LONE_KINDS = 3
"""When more names than that stand alone, lone nodes are put together by what they have, whatever they are
called."""

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGroup:
    """Nodes shown together."""

    title: str
    """What they are called: ``john``."""
    detail: str
    """What they are, most telling first, parted by commas: ``36 cores, 2 p100``; may be empty."""
    nodes: tuple[str, ...]
    """Their names, in natural order."""


def stem(name: str) -> str:
    """What a node's name says of its kind: all before the first digit, without what joins them."""
    found = _DIGITS.split(name, maxsplit=1)[0].rstrip("-_.")
    return found or name


def group_by_kind(nodes: Iterable[Node]) -> tuple[NodeGroup, ...]:
    """Nodes that are called alike and have the same cores, GPUs and (nearly) the same memory."""
    families: dict[tuple[str, int | None, int | None, str | None], list[Node]] = {}
    for node in nodes:
        kind = (stem(node.name), node.n_cpus, node.n_gpus, node.gpu_model)
        families.setdefault(kind, []).append(node)
    kinds: list[tuple[str, list[Node]]] = []
    for (title, *_), family in families.items():
        kinds.extend((title, alike) for alike in _split_by_memory(family))
    lone = [alike[0] for _, alike in kinds if len(alike) == 1]
    if len(lone) > LONE_KINDS:
        kinds = [one for one in kinds if len(one[1]) > 1] + _merge_lone(lone)
    groups = [_group(title, _kind_detail(alike), alike) for title, alike in kinds]
    return tuple(sorted(groups, key=lambda group: (natural_key(group.title), natural_key(group.nodes[0]))))


def group_by_partition(nodes: Iterable[Node]) -> tuple[NodeGroup, ...]:
    """Nodes that are in the same partitions; each node is in one group, also where partitions overlap."""
    return _group_by_set(nodes, lambda node: node.partitions, "no partition")


def group_by_features(nodes: Iterable[Node]) -> tuple[NodeGroup, ...]:
    """Nodes that have the same features."""
    return _group_by_set(nodes, lambda node: node.features, "no features")


GROUPINGS: dict[str, Callable[[Iterable[Node]], tuple[NodeGroup, ...]]] = {
    "kind": group_by_kind,
    "partition": group_by_partition,
    "features": group_by_features,
}
"""By key, in the order in which the key goes through them."""


def group_nodes(index: SnapshotIndex, by: str = "kind") -> tuple[NodeGroup, ...]:
    """Every node of the snapshot in exactly one group.

    Args:
        index: The snapshot.
        by: A key of `GROUPINGS`.

    Raises:
        KeyError: There is no such grouping.
    """
    return GROUPINGS[by](index.snapshot.nodes.values())


class Grouper:
    """Groups the nodes of one snapshot after the other; the same nodes give the very same groups.

    Sorting ten thousand nodes costs more than looking whether they are still the same, and who draws the
    groups can tell by identity that nothing has to be arranged anew.
    """

    def __init__(self) -> None:
        self._facts: list[Hashable] | None = None
        self._by = ""
        self._groups: tuple[NodeGroup, ...] = ()

    def groups(self, index: SnapshotIndex, by: str = "kind") -> tuple[NodeGroup, ...]:
        """The groups of that snapshot; see `group_nodes`."""
        facts: list[Hashable] = [
            (
                node.name,
                node.n_cpus,
                node.n_gpus,
                node.gpu_model,
                _memory(node),
                node.partitions,
                node.features,
            )
            for node in index.snapshot.nodes.values()
        ]
        if facts != self._facts or by != self._by:
            groups = group_nodes(index, by)
            # Equal facts in another order, or a fact that this grouping does not look at.
            if groups != self._groups:
                self._groups = groups
            self._facts, self._by = facts, by
        return self._groups


def _memory(node: Node) -> float | None:
    """The node's memory in MiB: what Slurm may hand out, else what was measured."""
    if node.memory_total:
        return node.memory_total
    return node.memory.total if node.memory else None


def _split_by_memory(family: list[Node]) -> list[list[Node]]:
    """Nodes of the same cores and GPUs, apart where their memory differs; unknown goes with the smallest."""
    kinds: list[list[Node]] = []
    smallest = 0.0
    for node in sorted(family, key=lambda node: (_memory(node) or 0, natural_key(node.name))):
        memory = _memory(node) or 0
        if not kinds or (smallest and memory > smallest * SAME_MEMORY):
            kinds.append([])
            smallest = memory
        smallest = smallest or memory
        kinds[-1].append(node)
    return kinds


def _merge_lone(lone: list[Node]) -> list[tuple[str, list[Node]]]:
    """Nodes that nothing else is called like: together by cores and GPUs, titled by the first of them."""
    alike: dict[tuple[int | None, int | None, str | None], list[Node]] = {}
    for node in lone:
        alike.setdefault((node.n_cpus, node.n_gpus, node.gpu_model), []).append(node)
    return [(stem(nodes[0].name) if len(nodes) == 1 else "others", nodes) for nodes in alike.values()]


def _kind_detail(nodes: list[Node]) -> str:
    node = nodes[0]
    parts = []
    if node.n_cpus is not None:
        parts.append(f"{node.n_cpus} cores")
    if node.n_gpus:
        parts.append(f"{node.n_gpus} {node.gpu_model or 'gpu'}")
    memory = [known for known in map(_memory, nodes) if known]
    if memory:
        parts.append(f"{min(memory) / 1024:.0f} GiB")
    return ", ".join(parts)


def _group_by_set(
    nodes: Iterable[Node], names: Callable[[Node], tuple[str, ...]], without: str
) -> tuple[NodeGroup, ...]:
    sets: dict[tuple[str, ...], list[Node]] = {}
    for node in nodes:
        sets.setdefault(tuple(sorted(names(node), key=natural_key)), []).append(node)
    ordered = sorted(sets.items(), key=lambda item: (not item[0], [natural_key(name) for name in item[0]]))
    return tuple(_group(key[0] if key else without, _rest(key[1:]), alike) for key, alike in ordered)


def _rest(names: tuple[str, ...]) -> str:
    return "and " + ", ".join(names) if names else ""


def _group(title: str, detail: str, nodes: list[Node]) -> NodeGroup:
    return NodeGroup(
        title=title, detail=detail, nodes=tuple(sorted((node.name for node in nodes), key=natural_key))
    )
