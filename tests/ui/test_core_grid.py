"""The cores, GPUs and memory of one node, and who holds them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from jobmon_tui.analysis.index import SnapshotIndex, index_snapshot
from jobmon_tui.model.snapshot import CoreUse, CpuTimes, CpuUse, Gpu, Job, Node, Snapshot, Used
from jobmon_tui.tui import textual_compat
from jobmon_tui.tui.theme import THEMES, palette_of
from jobmon_tui.tui.widgets.core_grid import CoreGrid
from jobmon_tui.tui.widgets.core_painter import Mode, NodePainter, wrapped
from jobmon_tui.tui.widgets.core_rows import BEYOND, MOST_CPUS, cpu_count, even_step, holders_of, rows_of
from tests.ui.painting import PaintingApp

COLOURS = palette_of(THEMES[0])
GIB = 1024


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    textual_compat.install()
    yield
    textual_compat.uninstall()


def job(job_id: str, *cores: int, username: str = "asr", name: str = "train", **more: Any) -> Job:
    return Job(
        job_id=job_id,
        name=name,
        username=username,
        state="RUNNING",
        n_cpus=len(cores),
        layout={"n1": cores},
        **more,
    )


def snapshot(node: Node, *jobs: Job, **more: Any) -> SnapshotIndex:
    return index_snapshot(
        Snapshot(timestamp=0, nodes={node.name: node}, jobs={one.job_id: one for one in jobs}, **more)
    )


def node(**more: Any) -> Node:
    facts: dict[str, Any] = {
        "n_cpus": 8,
        "sockets": 2,
        "cores_per_socket": 4,
        "threads_per_core": 1,
        "state": "MIXED",
    }
    return Node(name="n1", **(facts | more))


def drawn(
    index: SnapshotIndex, job_id: str | None = None, width: int = 80, mode: Mode = "holder", **more: Any
) -> list[str]:
    """What the grid draws, as text without the blanks at line ends."""
    painter = NodePainter(
        index,
        index.snapshot.nodes["n1"],
        job_id,
        width=width,
        colours=COLOURS,
        base=Style(bgcolor="#101418"),
        **more,
    )
    lines = painter.cores(mode) + painter.gpus() + painter.memory() + painter.legend(mode)
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_own_others_and_free_cores_differ_without_colour() -> None:
    index = snapshot(node(cpus_allocated=5), job("7", 0, 1), job("8", 2, 4, 5, username="jor", name="sweep"))
    assert drawn(index, "7") == [
        "8 cores, 2 its own, 3 others', 3 free",
        "socket 0 ████a ·",
        "socket 1 a a · ·",
        "██ 7  asr  train             2 cores  a  8  jor  sweep             3 cores",
    ]
    assert drawn(index)[:3] == ["8 cores, 5 allocated, 3 free", "socket 0 a a b ·", "socket 1 b b · ·"]


def test_narrow_labels_and_cells() -> None:
    index = snapshot(node(cpus_allocated=5), job("7", 0, 1), job("8", 2, 4, 5))
    assert drawn(index, "7", width=20) == [
        "8 cores, 2 its own",
        "3 others', 3 free",
        "s0  ██a·",
        "s1  aa··",
        "██ 7  asr… 2 cores",
        "a  8  asr… 3 cores",
    ]


def test_which_cores_are_held_may_be_unknown() -> None:
    index = snapshot(node(cpus_allocated=6))
    assert drawn(index, width=41) == [
        "6 of 8 cores allocated",
        "which ones is not known",
        "cores    " + "█" * 24 + "─" * 8,
    ]


def test_cores_that_nobody_placed_are_not_called_free() -> None:
    index = snapshot(node(cpus_allocated=6), job("7", 0, 1))
    lines = drawn(index, "7")
    assert lines[0] == "8 cores, 2 its own, 0 others', 4 more allocated, which ones is not known"
    assert lines[1] == "socket 0 ████? ?"


def test_without_the_scheduler_unheld_cores_are_free_only_if_all_jobs_are_known() -> None:
    bare = node(cpus_allocated=None)
    assert drawn(snapshot(bare, job("7", 0)), "7")[1] == "socket 0 ██· · ·"
    assert drawn(snapshot(bare, job("7", 0), only_user="asr"), "7")[1] == "socket 0 ██? ? ?"


def test_threads_of_a_core_stand_below_each_other() -> None:
    knl = node(n_cpus=272, sockets=1, cores_per_socket=68, threads_per_core=4, cpus_allocated=40)
    lines = drawn(snapshot(knl, job("7", *range(40))), "7", width=100)
    assert lines[0] == "272 threads of 68 cores, 40 its own, 0 others', 232 free"
    assert lines[1:5] == ["socket 0 " + "█" * 10 + "·" * 58] + [" " * 9 + "█" * 10 + "·" * 58] * 3


def test_where_slurm_hands_out_cores_their_threads_do_not_count() -> None:
    rows = rows_of(node(threads_per_core=2), 8, 80)
    assert [row.cpus for row in rows] == [(0, 1, 2, 3), (4, 5, 6, 7)]


def test_sockets_that_do_not_add_up_are_ignored() -> None:
    assert [row.cpus for row in rows_of(node(n_cpus=5), 5, 80)] == [(0, 1, 2, 3, 4)]
    assert rows_of(Node(name="n1"), 0, 80) == []


sizes = st.tuples(st.integers(1, 4), st.integers(1, 70), st.integers(1, 4), st.integers(1, 100))


@given(sizes)
def test_every_cpu_stands_in_one_row(size: tuple[int, int, int, int]) -> None:
    sockets, cores, threads, across = size
    one = node(sockets=sockets, cores_per_socket=cores, threads_per_core=threads)
    rows = rows_of(one, sockets * cores * threads, across)
    assert sorted(cpu for row in rows for cpu in row.cpus) == list(range(sockets * cores * threads))
    assert all(len(row.cpus) <= across for row in rows)


@given(st.integers(0, 300), st.integers(1, 100))
def test_lines_are_about_equally_long(total: int, across: int) -> None:
    step = even_step(total, across)
    assert 1 <= step <= across
    assert -(-total // step) == -(-total // min(across, total or 1))


def test_more_jobs_than_letters() -> None:
    many = node(n_cpus=60, sockets=1, cores_per_socket=60, cpus_allocated=60)
    index = snapshot(many, *(job(str(1000 + core), core) for core in range(60)))
    holders = holders_of(index, many, "1000")
    assert list(holders.letters.values())[50:54] == ["Y", "Z", BEYOND, BEYOND]
    lines = drawn(index, "1000", width=140)
    assert any(line.endswith("+  7 more jobs") for line in lines)


def test_how_many_cores_where_the_scheduler_is_silent() -> None:
    silent = Node(name="n1", cpu=CpuUse(None, CoreUse([None] * 6)))
    assert cpu_count(silent, {}) == 6
    assert cpu_count(silent, {9: "7"}) == 10
    assert cpu_count(silent, {10**12: "7"}) == cpu_count(node(n_cpus=10**12), {}) == MOST_CPUS
    assert drawn(snapshot(Node(name="n1"))) == ["cores unknown"]


def test_gpus() -> None:
    both = node(n_gpus=3, n_gpus_allocated=2, gpus=(Gpu("gpu0", 97, None), Gpu("gpu1", None, None)))
    index = snapshot(
        both, job("7", 0, gpu_layout={"n1": (0,)}), job("8", 1, gpu_layout={"n1": (1,)}), only_user=None
    )
    line = next(one for one in drawn(index, "7") if one.startswith("gpus"))
    assert line == "gpus     0 ██  97 %  1 a         2 ·"


def test_gpus_that_are_held_by_nobody_knows_whom() -> None:
    lines = drawn(snapshot(node(n_gpus=2, n_gpus_allocated=1)))
    assert lines[-2:] == ["gpus     0 ?         1 ?", "1 of 2 GPUs allocated, which ones is not known"]
    assert drawn(snapshot(node(n_gpus=2, gpus_allocated=(1,))))[-1] == "gpus     0 ·         1 ?"


def test_memory_asked_allocated_and_used() -> None:
    one = node(memory_total=100 * GIB, memory_allocated=50 * GIB, memory=Used(30 * GIB, 100 * GIB))
    mine = job("7", 0, memory_layout={"n1": 20 * GIB}, memory={"n1": 5.5 * GIB})
    lines = drawn(snapshot(one, mine), "7", width=65)
    assert "memory   " + "█" * 4 + "▅" * 6 + "─" * 10 + "  own 20, allocated 50 of 100 GiB" in lines
    assert "used     " + "█" + "▅" * 5 + "─" * 14 + "  own 5.5, in use 30 GiB" in lines


def test_what_is_not_measured_is_not_drawn() -> None:
    assert [line.split()[0] for line in drawn(snapshot(node(memory_total=100)))] == ["8", "socket", "socket"]
    asked = job("7", 0, memory_request=GIB)
    lines = drawn(snapshot(node(memory_total=4 * GIB), asked), "7")
    assert any(line.endswith("own 1.0 of 4.0 GiB") for line in lines)


def test_use_of_each_core() -> None:
    times = [
        CpuTimes(100, 0, 0, 0, 0),
        CpuTimes(0, 50, 0, 0, 50),
        CpuTimes(0, 0, 60, 0, 40),
        CpuTimes(5, 0, 0, 80, 15),
        CpuTimes(0, 0, 0, 0, 100),
        None,
    ]
    index = snapshot(node(cpu=CpuUse(None, CoreUse(times)), cpus_allocated=1), job("7", 0))
    lines = drawn(index, "7", mode="use")
    assert lines[1:5] == ["socket 0 ██· · ·", "  use    ▇▇▄▄s w", "socket 1 · · · ·", "  use    ▁▁? ? ?"]
    assert lines[-1] == "▇ user   s system   w waits for I/O   ▁ idle"


def test_use_that_nothing_measures() -> None:
    assert "Nothing measures what each core does." in drawn(snapshot(node()), mode="use")


def test_ascii_only() -> None:
    one = node(n_gpus=1, memory_total=GIB, memory_allocated=512, cpus_allocated=2)
    index = snapshot(one, job("7", 0), job("8", 1))
    assert all(line.isascii() for line in drawn(index, "7", ascii_only=True))


def test_phrases_wrap() -> None:
    assert wrapped(["8 cores", "2 its own", "6 free"], 18) == ["8 cores, 2 its own", "6 free"]
    assert wrapped(["a" * 30], 5) == ["aaaa…"]


words = st.text(max_size=20)


@given(words, words, words, st.integers(20, 130), st.sampled_from(["holder", "use"]))
def test_no_name_breaks_a_line(job_id: str, username: str, name: str, width: int, mode: Mode) -> None:
    one = node(n_gpus=4, memory_total=9 * GIB, memory_allocated=2 * GIB, memory=Used(1, 9 * GIB))
    index = snapshot(one, job("7", 0), job(job_id or "x", 1, 2, username=username, name=name))
    for line in drawn(index, "7", width=width, mode=mode):
        assert not any(unicodedata.category(character)[0] == "C" for character in line)
        assert cell_len(line) <= width


async def test_it_is_as_tall_as_it_needs_at_any_width() -> None:
    grid = CoreGrid()
    app = PaintingApp(lambda: [grid], 100, 40)
    index = snapshot(node(cpus_allocated=5), job("7", 0, 1), job("8", 2, 4, 5))
    async with app.run_test(size=(100, 40)) as pilot:
        grid.show(index, "n1", "7")
        await pilot.pause()
        assert grid.size.height == 5
        for width in (60, 20, 100):
            await pilot.resize_terminal(width, 40)
            await pilot.pause()
            assert grid.size.height == len(grid._lines(width))


async def test_only_changes_are_painted() -> None:
    grid = CoreGrid()
    app = PaintingApp(lambda: [grid], 100, 12)
    jobs = job("7", 0, 1), job("8", 2, 4, 5)
    async with app.run_test(size=(100, 12)) as pilot:
        grid.show(snapshot(node(cpus_allocated=5, n_gpus=1, gpus=(Gpu("0", 10, None),)), *jobs), "n1", "7")
        await pilot.pause()
        await pilot.pause()
        app.terminal.forget()
        grid.show(snapshot(node(cpus_allocated=5, n_gpus=1, gpus=(Gpu("0", 10, None),)), *jobs), "n1", "7")
        await pilot.pause()
        assert app.terminal.bytes == 0
        grid.show(snapshot(node(cpus_allocated=5, n_gpus=1, gpus=(Gpu("0", 90, None),)), *jobs), "n1", "7")
        await pilot.pause()
        assert 0 < app.terminal.bytes < 80
        assert app.terminal.cells() == app.repainted().cells()
        grid.show(snapshot(node(cpus_allocated=5), *jobs), "n1", "8", "use")
        await pilot.pause()
        assert app.terminal.cells() == app.repainted().cells()
        app.theme = "jobmon-light"
        await pilot.pause()
        assert app.terminal.cells() == app.repainted().cells()


async def test_no_data_and_a_node_that_is_gone() -> None:
    grid = CoreGrid()
    app = PaintingApp(lambda: [grid], 50, 5)
    async with app.run_test(size=(50, 5)) as pilot:
        await pilot.pause()
        assert app.repainted().text()[0] == "waiting for the first data"
        grid.show(snapshot(node()), "\x1b[2Jgone")
        await pilot.pause()
        assert app.repainted().text()[0] == "�[2Jgone is not here"


async def test_it_may_be_shown_before_it_is_mounted() -> None:
    grid = CoreGrid()
    grid.show(snapshot(node(cpus_allocated=0)), "n1")
    app = PaintingApp(lambda: [grid], 50, 5)
    async with app.run_test(size=(50, 5)) as pilot:
        await pilot.pause()
        assert app.repainted().text()[0] == "8 cores, 0 allocated, 8 free"


async def test_shown_again_after_it_was_hidden_it_shows_the_new_job() -> None:
    grid = CoreGrid()
    app = PaintingApp(lambda: [grid], 60, 8)
    index = snapshot(node(cpus_allocated=5), job("7", 0, 1), job("8", 2, 4, 5))
    async with app.run_test(size=(60, 8)) as pilot:
        grid.show(index, "n1", "7")
        await pilot.pause()
        grid.display = False
        await pilot.pause()
        grid.display = True
        grid.show(index, "n1", "8")
        await pilot.pause()
        assert app.repainted().text()[0] == "8 cores, 3 its own, 2 others', 3 free"
