"""Nodes sorted into groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.groups import GROUPINGS, Grouper, group_nodes, stem
from jobmon_tui.analysis.index import SnapshotIndex, index_snapshot
from jobmon_tui.model.snapshot import Node, Snapshot, Used


def index_of(nodes: Iterable[Node]) -> SnapshotIndex:
    return index_snapshot(Snapshot(timestamp=0, nodes={node.name: node for node in nodes}))


def john(number: int, **more: object) -> Node:
    facts: dict[str, object] = {"n_cpus": 36, "n_gpus": 2, "gpu_model": "p100", "memory_total": 191_000}
    return Node(name=f"john{number}", **(facts | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("john41", "john"),
        ("gpu-a-003", "gpu-a"),
        ("c1-0-3", "c"),
        ("login", "login"),
        ("007", "007"),
        ("", ""),
    ],
)
def test_stem(name: str, expected: str) -> None:
    assert stem(name) == expected


def test_nodes_of_a_kind_stand_together() -> None:
    nodes = [john(number) for number in (10, 2, 1)] + [
        Node(name="bryan1", n_cpus=36, n_gpus=0, memory_total=386_000),
        Node(name="bryan2", n_cpus=36, n_gpus=0, memory_total=386_000),
    ]
    bryan, johns = group_nodes(index_of(nodes))
    assert (bryan.title, bryan.detail, bryan.nodes) == ("bryan", "36 cores, 377 GiB", ("bryan1", "bryan2"))
    assert (johns.title, johns.detail) == ("john", "36 cores, 2 p100, 187 GiB")
    assert johns.nodes == ("john1", "john2", "john10")


def test_a_little_less_memory_is_the_same_kind_and_much_more_is_not() -> None:
    nodes = [
        john(1),
        john(2, memory_total=188_000),
        john(3, memory_total=770_000),
        john(4, memory_total=None),
    ]
    small, large = group_nodes(index_of(nodes))
    assert small.nodes == ("john1", "john2", "john4")
    assert (large.nodes, large.detail) == (("john3",), "36 cores, 2 p100, 752 GiB")


def test_memory_may_be_known_from_measuring_only() -> None:
    (group,) = group_nodes(index_of([Node(name="a1", memory=Used(1, 64 * 1024))]))
    assert group.detail == "64 GiB"


def test_many_nodes_with_names_of_their_own_are_put_together() -> None:
    planets = ("venus", "mars", "saturn", "pluto", "ceres")
    nodes = [Node(name=name, n_cpus=8) for name in planets]
    (group,) = group_nodes(index_of(nodes))
    assert group.title == "others"
    assert set(group.nodes) == set(planets)


def test_overlapping_partitions_show_each_node_once() -> None:
    nodes = [
        Node(name="a1", partitions=("all", "fast")),
        Node(name="a2", partitions=("fast", "all")),
        Node(name="a3", partitions=("all",)),
        Node(name="a4"),
    ]
    groups = group_nodes(index_of(nodes), "partition")
    assert [(one.title, one.detail, one.nodes) for one in groups] == [
        ("all", "", ("a3",)),
        ("all", "and fast", ("a1", "a2")),
        ("no partition", "", ("a4",)),
    ]


def test_features() -> None:
    nodes = [
        Node(name="a1", features=("ib", "avx")),
        Node(name="a2", features=("avx", "ib")),
        Node(name="a3"),
    ]
    groups = group_nodes(index_of(nodes), "features")
    assert [(one.title, one.nodes) for one in groups] == [("avx", ("a1", "a2")), ("no features", ("a3",))]


def test_no_nodes_no_groups() -> None:
    assert all(group_nodes(index_of([]), by) == () for by in GROUPINGS)


names = st.text(alphabet="ab1-2", min_size=1, max_size=5)
nodes = st.builds(
    Node,
    name=names,
    n_cpus=st.none() | st.integers(0, 3),
    memory_total=st.none() | st.integers(0, 10**6),
    partitions=st.lists(st.sampled_from("xyz"), unique=True).map(tuple),
)


@pytest.mark.slow
@given(st.lists(nodes, max_size=30), st.sampled_from(list(GROUPINGS)))
def test_every_node_is_in_exactly_one_group(some: list[Node], by: str) -> None:
    index = index_of(some)
    grouped = [name for group in group_nodes(index, by) for name in group.nodes]
    assert sorted(grouped) == sorted(index.snapshot.nodes)


def test_the_same_nodes_give_the_very_same_groups() -> None:
    grouper = Grouper()
    first = grouper.groups(index_of([john(1), john(2)]))
    assert grouper.groups(index_of([john(1, state="DOWN"), john(2, cpus_allocated=3)])) is first
    assert grouper.groups(index_of([john(2), john(1)])) is first
    assert grouper.groups(index_of([john(1)])) is not first
    assert grouper.groups(index_of([john(1)]), "partition")[0].title == "no partition"


def test_a_changed_fact_regroups() -> None:
    grouper = Grouper()
    nodes = [john(1), john(2)]
    assert len(grouper.groups(index_of(nodes))) == 1
    assert len(grouper.groups(index_of([nodes[0], replace(nodes[1], n_cpus=64)]))) == 2
