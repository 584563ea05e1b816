"""What a node's cell shows."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from jobmon_tui.analysis.index import SnapshotIndex, index_snapshot
from jobmon_tui.analysis.readings import (
    CONDITIONS,
    GLYPHS,
    READINGS,
    available_readings,
    condition,
    next_reading,
    shown,
)
from jobmon_tui.model.snapshot import CoreUse, CpuTimes, CpuUse, Free, Gpu, Node, Snapshot, Used

BY_KEY = {reading.key: reading for reading in READINGS}


def index_of(*nodes: Node) -> SnapshotIndex:
    return index_snapshot(Snapshot(timestamp=0, nodes={node.name: node for node in nodes}))


def busy(user: float, wait: float = 0.0) -> CpuUse:
    return CpuUse(CpuTimes(user, 0, 2, wait, 98 - user - wait), CoreUse([]))


@pytest.mark.parametrize(
    ("node", "word"),
    [
        (Node(name="a", state="ALLOCATED"), "in use"),
        (Node(name="a", state="IDLE"), "idle"),
        (Node(name="a", state="IDLE", cpus_allocated=3), "in use"),
        (Node(name="a", state="DOWN"), "down"),
        (Node(name="a", state="IDLE", flags=("NOT_RESPONDING",)), "down"),
        (Node(name="a", state="DOWN", flags=("DRAIN",)), "down"),
        (Node(name="a", state="IDLE", flags=("DRAIN",)), "drained"),
        (Node(name="a", state="MIXED", flags=("DRAIN",)), "draining"),
        (Node(name="a", state="IDLE", flags=("DRAIN", "COMPLETING")), "draining"),
        (Node(name="a", state="ALLOCATED", flags=("MAINTENANCE",)), "maintenance"),
        (Node(name="a", state="IDLE", flags=("POWERED_DOWN",)), "powered off"),
        (Node(name="a", state="IDLE", flags=("RESERVED",)), "reserved"),
        (Node(name="a", state="MIXED", flags=("RESERVED",)), "in use"),
        (Node(name="a", state="IDLE", flags=("PLANNED",)), "planned"),
        (Node(name="a", state="IDLE", flags=("COMPLETING",)), "completing"),
        (Node(name="a", state="UNKNOWN"), "unknown"),
        (Node(name="a"), "unknown"),
        (Node(name="a", up=True), "up"),
        (Node(name="a", up=False), "down"),
    ],
)
def test_condition_is_the_word_people_use(node: Node, word: str) -> None:
    assert condition(node) == word


def test_unknown_is_never_zero() -> None:
    nothing = Node(name="a", state="IDLE", n_gpus=2)
    for reading in READINGS:
        if reading.key != "state":
            assert reading.fraction(nothing) is None, reading.key
            assert shown(nothing, reading) == "unknown", reading.key
            assert reading.text(nothing)


def test_a_node_that_cannot_have_the_reading_is_not_unknown() -> None:
    assert shown(Node(name="a", state="IDLE", n_gpus=0), BY_KEY["gpu"]) == "none"
    assert shown(Node(name="a", state="IDLE", n_gpus=1), BY_KEY["gpu"]) == "unknown"


def test_a_reading_is_shown_where_only_the_state_is_unknown() -> None:
    assert shown(Node(name="a", state="UNKNOWN", cpu=busy(48)), BY_KEY["cpu"]) == pytest.approx(0.5)
    assert shown(Node(name="a", state="DOWN", cpu=busy(48)), BY_KEY["cpu"]) == "down"


@pytest.mark.parametrize(
    ("key", "node", "fraction", "text"),
    [
        ("cpu", Node(name="a", cpu=busy(90, 3)), 0.92, "92 % busy (2 system, 3 wait)"),
        ("allocated", Node(name="a", n_cpus=36, cpus_allocated=9), 0.25, "9 of 36 cores allocated"),
        ("memory", Node(name="a", memory=Used(2048, 8192)), 0.25, "2.0 of 8.0 GiB memory used"),
        (
            "memory-allocated",
            Node(name="a", memory_total=200 * 1024, memory_allocated=50 * 1024),
            0.25,
            "50 of 200 GiB memory allocated",
        ),
        (
            "gpu",
            Node(name="a", gpus=(Gpu("gpu0", 100, None), Gpu("gpu1", 0, None))),
            0.5,
            "GPU 100, 0 % busy",
        ),
        ("gpu", Node(name="a", gpus=(Gpu("gpu0", None, None), Gpu("gpu1", 30, None))), 0.3, "GPU 30 % busy"),
        ("gpu-allocated", Node(name="a", n_gpus=2, n_gpus_allocated=1), 0.5, "1 of 2 GPUs allocated"),
        ("gpu-allocated", Node(name="a", n_gpus=2, gpus_allocated=()), 0.0, "0 of 2 GPUs allocated"),
        ("load", Node(name="a", n_cpus=4, cpu_load=6.0), 1.5, "load 6.0"),
        ("wait", Node(name="a", cpu=busy(0, 40)), 0.4, "40 % waiting for I/O"),
        ("swap", Node(name="a", swap=Free(1024, 4096)), 0.75, "3.0 of 4.0 GiB swap used"),
        ("disk", Node(name="a", disk=Free(300, 400)), 0.25, "100 of 400 GiB local disk used"),
        ("state", Node(name="a", state="MIXED"), 0.5, "in use"),
    ],
)
def test_readings(key: str, node: Node, fraction: float, text: str) -> None:
    assert BY_KEY[key].fraction(node) == pytest.approx(fraction)
    assert BY_KEY[key].text(node) == text


def test_nothing_in_total_is_unknown_rather_than_full() -> None:
    assert BY_KEY["swap"].fraction(Node(name="a", swap=Free(0, 0))) is None
    assert BY_KEY["memory"].fraction(Node(name="a", memory=Used(0, 0))) is None
    assert BY_KEY["allocated"].fraction(Node(name="a", n_cpus=0, cpus_allocated=0)) is None


def test_only_readings_with_data_are_offered() -> None:
    slurm_alone = index_of(
        Node(name="a", state="IDLE", n_cpus=4, cpus_allocated=0, memory_total=100, memory_allocated=0)
    )
    assert [one.key for one in available_readings(slurm_alone)] == ["allocated", "memory-allocated", "state"]
    measured = index_of(Node(name="a", up=True, cpu=busy(3)))
    assert [one.key for one in available_readings(measured)] == ["cpu", "wait"]


def test_with_no_data_at_all_every_reading_is_offered() -> None:
    assert available_readings(index_of()) == READINGS


def test_the_next_reading_goes_round_those_with_data() -> None:
    index = index_of(Node(name="a", state="IDLE", n_cpus=4, cpus_allocated=0))
    seen = [BY_KEY["cpu"]]
    for _ in range(3):
        seen.append(next_reading(index, seen[-1]))
    assert [one.key for one in seen] == ["cpu", "allocated", "state", "allocated"]


def test_glyphs_differ_and_take_one_cell_everywhere() -> None:
    for one in CONDITIONS:
        assert cell_len(one.glyph) == 1
        assert unicodedata.east_asian_width(one.glyph) in ("N", "Na"), one.key
        assert one.ascii.isascii()
        assert len(one.ascii) == 1
    assert len({one.glyph for one in CONDITIONS}) == len({one.ascii for one in CONDITIONS}) == len(CONDITIONS)
    assert GLYPHS["down"].glyph == "✕"


amounts = st.none() | st.integers(0, 10**7)
nodes = st.builds(
    Node,
    name=st.just("n"),
    up=st.none() | st.booleans(),
    state=st.none() | st.sampled_from(["IDLE", "MIXED", "ALLOCATED", "DOWN", "UNKNOWN", "FUTURE", "?"]),
    flags=st.lists(st.sampled_from(["DRAIN", "MAINTENANCE", "RESERVED", "PLANNED", "X"])).map(tuple),
    n_cpus=amounts,
    cpus_allocated=amounts,
    memory_total=amounts,
    memory_allocated=amounts,
    n_gpus=amounts,
    n_gpus_allocated=amounts,
    cpu_load=st.none() | st.floats(0, 1e6),
    memory=st.none() | st.builds(Used, st.floats(0, 1e9), st.floats(0, 1e9)),
)


@given(nodes)
def test_every_node_shows_something_that_can_be_drawn(node: Node) -> None:
    for reading in READINGS:
        what = shown(node, reading)
        assert what in GLYPHS if isinstance(what, str) else what >= 0
        assert reading.text(node).isprintable()
