"""The filter of nodes: the language of the job filter with the fields of nodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from jobmon_tui.analysis.filter_fields import (
    MEMORY_EXAMPLE,
    Field,
    NumberField,
    Predicate,
    StateField,
    TextField,
    WordsField,
    both,
    compile_field_term,
    compile_words,
    mebibytes,
)
from jobmon_tui.analysis.filter_terms import Term, parse_terms
from jobmon_tui.analysis.index import SnapshotIndex, is_down, is_drained, is_unknown
from jobmon_tui.model.snapshot import Node

_STATES = (
    "ALLOCATED",
    "BLOCKED",
    "CLOUD",
    "COMPLETING",
    "DOWN",
    "DRAIN",
    "DYNAMIC_NORM",
    "ERROR",
    "FAIL",
    "FUTURE",
    "IDLE",
    "INVALID_REG",
    "MAINTENANCE",
    "MIXED",
    "NOT_RESPONDING",
    "PLANNED",
    "POWERED_DOWN",
    "POWERING_DOWN",
    "POWERING_UP",
    "REBOOT_ISSUED",
    "REBOOT_REQUESTED",
    "RESERVED",
    "UNKNOWN",
)
_SHORT_STATES = {"MIX": "MIXED", "ALLOC": "ALLOCATED", "MAINT": "MAINTENANCE", "RESV": "RESERVED"}
_STATE_GROUPS = {
    "drained": frozenset({"DRAIN"}),
    "draining": frozenset({"DRAIN"}),
    "up": frozenset({"UP"}),
    "out": frozenset({"DOWN", "DRAIN", "UNKNOWN"}),
}


def node_states(node: Node) -> tuple[str, ...]:
    """Slurm's base state and flags of a node, and DOWN, DRAIN, UNKNOWN or UP by what they come to."""
    states = (node.state, *node.flags) if node.state else node.flags
    if is_down(node):
        return (*states, "DOWN")
    if is_drained(node):
        return (*states, "DRAIN")
    return (*states, "UNKNOWN" if is_unknown(node) else "UP")


def node_memory(node: Node) -> float | None:
    """The memory of a node in MiB: what Slurm may hand out, or what was measured."""
    if node.memory_total is not None:
        return node.memory_total
    return node.memory.total if node.memory else None


def free_cores(node: Node) -> int | None:
    """Cores that no job holds and a job could get: none on a node that is out of service."""
    if node.n_cpus is None or node.cpus_allocated is None:
        return None
    return 0 if is_down(node) or is_drained(node) else max(0, node.n_cpus - node.cpus_allocated)


def _users(node: Node, index: SnapshotIndex | None) -> Iterable[str]:
    return {index.snapshot.jobs[job].username for job in _jobs(node, index)} if index else ()


def _jobs(node: Node, index: SnapshotIndex | None) -> Iterable[str]:
    return index.jobs_on_node.get(node.name, ()) if index else ()


def _job_ids(node: Node, index: SnapshotIndex | None) -> Iterable[str]:
    """The jobs there with the arrays that they are tasks of."""
    for job_id in _jobs(node, index):
        yield job_id
        array = index.snapshot.jobs[job_id].array_id if index else None
        if array:
            yield array


_count = partial(NumberField[Node], example="36, >=32")

NODE_FIELDS: tuple[Field[Node], ...] = (
    TextField(
        names=("node", "name", "host"),
        description="its name",
        value_is="a node name",
        example="john4*",
        read=lambda node: node.name,
    ),
    StateField(
        names=("state", "status"),
        description="Slurm's state or one of its flags, or the beginning of one; up, down, drained, out",
        example="idle, mixed, drained, out",
        read=node_states,
        known=_STATES,
        short=_SHORT_STATES,
        groups=_STATE_GROUPS,
    ),
    WordsField(
        names=("partition", "queue"),
        description="a partition that it belongs to",
        value_is="a partition",
        example="gpu",
        read=lambda node, _: node.partitions or ("",),
    ),
    WordsField(
        names=("feature", "features", "constraint"),
        description="a feature that it has",
        value_is="a node feature",
        example="skylake",
        read=lambda node, _: node.features or ("",),
    ),
    TextField(
        names=("reason",),
        description="a part of why it was taken out of service",
        value_is="a reason",
        example="disk",
        contains=True,
        read=lambda node: node.reason,
    ),
    _count(names=("cores", "core", "cpus", "cpu"), description="its cores", read=lambda node, _: node.n_cpus),
    _count(names=("gpus", "gpu"), description="its GPUs", read=lambda node, _: node.n_gpus),
    _count(names=("free",), description="cores that a job could get", read=lambda node, _: free_cores(node)),
    _count(names=("load",), description="its load average", read=lambda node, _: node.cpu_load),
    NumberField(
        names=("mem", "memory"),
        description="its memory",
        value_is="an amount of memory",
        example=f">={MEMORY_EXAMPLE}",
        parse=mebibytes,
        read=lambda node, _: node_memory(node),
    ),
    _count(
        names=("jobs",),
        description="how many jobs hold something there",
        read=lambda node, index: len(index.jobs_on_node.get(node.name, ())) if index else None,
    ),
    WordsField(
        names=("user",),
        description="a user who holds something there",
        value_is="a user name",
        example="asr",
        read=_users,
    ),
    WordsField(
        names=("job", "id", "array"),
        description="a job that holds something there; the id of an array means any of its tasks",
        value_is="a job id",
        example="14225036",
        read=_job_ids,
    ),
)
"""Everything that a node filter may ask for."""


@dataclass(frozen=True, slots=True)
class NodeFilter:
    """A filter of nodes. Falsy while it lets everything through."""

    text: str = ""
    """As typed."""
    terms: tuple[Term, ...] = ()
    _predicate: Predicate = field(default=both(()), repr=False, compare=False)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def matches(self, node: Node, index: SnapshotIndex | None = None) -> bool:
        """Whether it lets a node through.

        Args:
            node: The node.
            index: The snapshot that it is from; without it nobody holds anything there.
        """
        return self._predicate(node, index)


def parse_node_filter(text: str) -> NodeFilter:
    """Understand a filter of nodes as typed.

    Free words look into name, state, partitions, features and reason.

    Raises:
        FilterError: It cannot be understood; says where and what could stand there.
    """
    terms = parse_terms(text)
    words = compile_words((term for term in terms if not term.field), _haystack)
    predicates = [compile_field_term(NODE_FIELDS, term) for term in terms if term.field]
    return NodeFilter(text, terms, both(predicates if words is None else [*predicates, words]))


def _haystack(node: Node) -> str:
    parts = (node.name, *node_states(node), *node.partitions, *node.features, node.reason or "")
    return "\n".join(parts).casefold()
