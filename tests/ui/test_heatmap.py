"""The picture of the cluster: painting, cursor, refreshes, any size, any names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.groups import Grouper, NodeGroup, group_nodes
from jobmon_tui.analysis.index import index_snapshot
from jobmon_tui.analysis.readings import READINGS, Reading
from jobmon_tui.model.snapshot import CoreUse, CpuTimes, CpuUse, Job, Node, Snapshot
from jobmon_tui.tui import textual_compat
from jobmon_tui.tui.widgets.heatmap import Heatmap
from jobmon_tui.tui.widgets.heatmap_layout import arrange
from jobmon_tui.tui.widgets.heatmap_legend import HeatmapLegend
from tests.ui.painting import PaintingApp

CPU = READINGS[0]
GPU = next(one for one in READINGS if one.key == "gpu")


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    textual_compat.install()
    yield
    textual_compat.uninstall()


def node(name: str, busy: float | None = 50.0, **more: Any) -> Node:
    facts: dict[str, Any] = {"state": "MIXED", "n_cpus": 8, "n_gpus": 0}
    use = None if busy is None else CpuUse(CpuTimes(busy, 0, 0, 0, 100 - busy), CoreUse([]))
    return Node(name=name, cpu=use, **(facts | more))


def cluster(*nodes: Node, jobs: Iterable[Job] = ()) -> Snapshot:
    return Snapshot(
        timestamp=0, nodes={one.name: one for one in nodes}, jobs={job.job_id: job for job in jobs}
    )


class MapApp(PaintingApp):
    """The picture with its legend, and the messages it sends."""

    def __init__(self, width: int, height: int, **options: Any) -> None:
        self.legend = HeatmapLegend()
        self.map = Heatmap(legend=self.legend, **options)
        super().__init__(lambda: [self.map, self.legend], width, height)
        self.grouper = Grouper()
        self.said: list[tuple[str, str]] = []

    def show(
        self, snapshot: Snapshot, reading: Reading = CPU, highlighted: frozenset[str] | None = None
    ) -> None:
        index = index_snapshot(snapshot)
        self.map.show(index, self.grouper.groups(index), reading, highlighted)

    def on_heatmap_moved(self, message: Heatmap.Moved) -> None:
        self.said.append(("moved", message.node))

    def on_heatmap_opened(self, message: Heatmap.Opened) -> None:
        self.said.append(("opened", message.node))


async def painted(app: MapApp, pilot: Any) -> list[str]:
    app.screen.refresh()
    await pilot.pause()
    return app.terminal.text()


@pytest.mark.slow
async def test_before_the_first_data_and_without_nodes() -> None:
    app = MapApp(40, 7)
    async with app.run_test(size=(40, 7)) as pilot:
        assert "waiting for the first data" in "".join(await painted(app, pilot))
        app.show(cluster())
        await pilot.pause()
        assert "no nodes" in "".join(await painted(app, pilot))
        await pilot.press("right", "down", "end", "pagedown", "enter")
        assert app.said == []
        assert app.map.cursor_node is None


async def test_glyphs_tell_readings_and_conditions_apart_without_colour() -> None:
    app = MapApp(80, 6)
    async with app.run_test(size=(80, 6)) as pilot:
        app.show(
            cluster(
                node("n1", 0),
                node("n2", 100),
                node("n3", None),
                node("n4", state="DOWN"),
                node("n5", state="IDLE", flags=("DRAIN",)),
                node("n6", flags=("DRAIN",)),
                node("n7", flags=("MAINTENANCE",)),
            )
        )
        first, *_, legend = await painted(app, pilot)
        assert " ".join(first.split()) == "n n1 ▁▁▁ n2 ▇▇▇ n3 ? n4 ✕ n5 ◌ n6 ◍ n7 ▚ 7"
        assert legend.startswith("idle ▁▁▂▃▄▅▆▆▇ busy   ✕ down   ◌ drained")
        assert legend.endswith("n1  8 cores  0 % busy")


async def test_ascii_only() -> None:
    app = MapApp(60, 5, ascii_only=True)
    app.legend.ascii_only = True
    async with app.run_test(size=(60, 5)) as pilot:
        app.show(cluster(node("n1", 0), node("n2", 100), node("n3", state="DOWN")))
        lines = await painted(app, pilot)
        assert all(line.isascii() for line in lines)
        assert lines[0].split() == ["n", "n1", "000", "n2", "888", "n3", "x", "3"]


async def test_a_node_without_gpus_is_not_an_unknown_one() -> None:
    app = MapApp(60, 5)
    async with app.run_test(size=(60, 5)) as pilot:
        app.show(cluster(node("a1", n_gpus=0), node("b1", n_gpus=2)), GPU)
        lines = await painted(app, pilot)
        assert [line.split()[2] for line in lines[:2]] == ["-", "?"]


async def test_an_overcommitted_node_stands_out() -> None:
    load = next(one for one in READINGS if one.key == "load")
    app = MapApp(60, 5)
    async with app.run_test(size=(60, 5)) as pilot:
        app.show(cluster(node("a1", cpu_load=8.0), node("a2", cpu_load=80.0)), load)
        assert (await painted(app, pilot))[0].split() == ["a", "a1", "▇▇▇", "a2", "▲", "2"]


@pytest.mark.slow
async def test_keys_move_the_cursor_and_open() -> None:
    app = MapApp(30, 8)
    async with app.run_test(size=(30, 8)) as pilot:
        app.show(cluster(*(node(f"n{number}") for number in range(1, 101))))
        await pilot.pause()
        app.map.focus()
        app.said.clear()
        width = app.map._layout.lines[0].nodes
        await pilot.press("right", "l", "left", "down", "k", "end", "home", "j", "h", "enter")
        place = [2, 3, 2, 2 + width, 2, 100, 1, 1 + width, width]
        assert app.said == [("moved", f"n{number}") for number in place] + [("opened", f"n{width}")]


async def test_the_cursor_stays_in_sight() -> None:
    app = MapApp(20, 5)
    async with app.run_test(size=(20, 5)) as pilot:
        app.show(cluster(*(node(f"n{number}") for number in range(500))))
        await pilot.pause()
        app.map.focus()
        await pilot.press("end")
        assert app.map.scroll_offset.y == len(app.map._layout.lines) - 4
        await pilot.press("pageup")
        assert app.map.scroll_offset.y < len(app.map._layout.lines) - 4
        await pilot.press("home")
        assert app.map.scroll_offset.y == 0
        assert app.terminal.cells() == app.repainted().cells()


@pytest.mark.slow
async def test_a_click_moves_and_a_double_click_opens() -> None:
    app = MapApp(60, 5)
    async with app.run_test(size=(60, 5)) as pilot:
        app.show(cluster(*(node(f"n{number}") for number in range(1, 5))))
        await pilot.pause()
        app.said.clear()
        layout = app.map._layout
        await pilot.click(Heatmap, offset=(layout.column_of(2) + 1, 0))
        assert app.said == [("moved", "n3")]
        await pilot.double_click(Heatmap, offset=(layout.column_of(3) + 1, 0))
        assert app.said[-2:] == [("moved", "n4"), ("opened", "n4")]
        await pilot.click(Heatmap, offset=(0, 0))
        await pilot.click(Heatmap, offset=(5, 3))
        assert app.map.cursor_node == "n4"


async def test_select_puts_the_cursor_without_a_message() -> None:
    app = MapApp(60, 5)
    async with app.run_test(size=(60, 5)) as pilot:
        app.show(cluster(node("n1"), node("n2")))
        await pilot.pause()
        app.said.clear()
        app.map.select("n2")
        app.map.select("nowhere")
        await pilot.pause()
        assert app.map.cursor_node == "n2"
        assert app.said == []
        assert "n2  8 cores" in app.terminal.text()[-1]


async def test_cursor_and_scroll_survive_refreshes_and_other_nodes() -> None:
    nodes = [node(f"n{number}") for number in range(500)]
    app = MapApp(20, 6)
    async with app.run_test(size=(20, 6)) as pilot:
        app.show(cluster(*nodes))
        await pilot.pause()
        app.map.select("n321")
        top = app.map.scroll_offset.y
        assert top > 0
        app.said.clear()
        app.show(cluster(*(replace(one, state="DOWN") for one in nodes)))
        await pilot.pause()
        assert (app.map.cursor_node, app.map.scroll_offset.y) == ("n321", top)
        app.show(cluster(*nodes[:-1], node("n1000"), node("n1001")))
        await pilot.pause()
        assert (app.map.cursor_node, app.map.scroll_offset.y) == ("n321", top)
        assert app.said == []
        app.show(cluster(*(one for one in nodes if one.name != "n321")))
        await pilot.pause()
        assert app.map.cursor_node == "n322", "the node that stands in its place now"
        assert app.said == [("moved", "n322")]
        app.show(cluster(*nodes[:3]))
        await pilot.pause()
        assert app.map.cursor_node == "n2"
        assert app.terminal.cells() == app.repainted().cells()


@pytest.mark.slow
async def test_cursor_survives_another_size() -> None:
    app = MapApp(20, 6)
    async with app.run_test(size=(20, 6)) as pilot:
        app.show(cluster(*(node(f"n{number}") for number in range(300))))
        await pilot.pause()
        app.map.select("n250")
        for width, height in ((60, 20), (8, 4), (200, 50), (1, 2), (3, 3), (20, 6)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
            assert app.map.cursor_node == "n250"
        line = app.map._layout.line_of[250]
        assert 0 <= line - app.map.scroll_offset.y < 5


async def test_the_wall_has_no_cursor() -> None:
    app = MapApp(60, 5, interactive=False)
    async with app.run_test(size=(60, 5)) as pilot:
        app.show(cluster(node("n1"), node("n2")))
        await pilot.pause()
        assert not app.map.focusable
        app.map.action_move(1)
        await pilot.click(Heatmap, offset=(12, 0))
        assert app.map.cursor_node is None
        assert app.said == []


@pytest.mark.slow
async def test_only_what_changed_is_painted() -> None:
    nodes = [node(f"n{number}", 10) for number in range(600)]
    app = MapApp(80, 20)
    async with app.run_test(size=(80, 20)) as pilot:
        app.show(cluster(*nodes))
        await pilot.pause()
        await pilot.pause()
        app.terminal.forget()
        app.show(cluster(*nodes))
        await pilot.pause()
        assert app.terminal.bytes == 0, "nothing changed"
        app.show(cluster(*nodes[:-1], replace(nodes[-1], name="n599", cpu=node("x", 90).cpu)))
        await pilot.pause()
        assert 0 < app.terminal.bytes < 60, "one cell changed"
        assert app.terminal.cells() == app.repainted().cells()


@pytest.mark.slow
@pytest.mark.parametrize("ours", [True, False])
async def test_partial_painting_equals_a_full_repaint(ours: bool) -> None:
    if not ours:
        textual_compat.uninstall()
    app = MapApp(100, 12)
    nodes = [node(f"{stem}{number}", number % 100) for stem in ("a", "b") for number in range(150)]
    async with app.run_test(size=(100, 12)) as pilot:
        app.show(cluster(*nodes))
        await pilot.pause()
        app.map.focus()
        for turn in range(6):
            nodes = [
                replace(one, cpu=node("x", (place * turn) % 97).cpu) if place % 7 == turn else one
                for place, one in enumerate(nodes)
            ]
            highlighted = frozenset(one.name for one in nodes[::turn]) if turn > 3 else None
            app.show(cluster(*nodes), CPU if turn != 2 else GPU, highlighted)
            await pilot.press("right", "down")
        await pilot.pause()
        assert app.terminal.cells() == app.repainted().cells()


async def test_the_focus_costs_a_cell_and_is_told() -> None:
    app = MapApp(80, 20)
    async with app.run_test(size=(80, 20)) as pilot:
        app.show(cluster(*(node(f"n{number}", 10) for number in range(600))))
        app.screen.set_focus(None)
        await pilot.pause()
        await pilot.pause()
        for focused in (True, False):
            app.terminal.forget()
            app.map.focus() if focused else app.screen.set_focus(None)
            await pilot.pause()
            await pilot.pause()
            assert 0 < app.terminal.bytes < 400
            assert app.map.has_focus is focused
            assert app.screen.has_pseudo_class("focus-within") is focused
            assert app.terminal.cells() == app.repainted().cells()


async def test_highlighted_nodes_stand_out() -> None:
    app = MapApp(60, 5)
    async with app.run_test(size=(60, 5)) as pilot:
        app.show(cluster(node("n1", 90), node("n2", 90), node("n3", 90)), CPU, frozenset({"n2"}))
        await painted(app, pilot)
        colours = [app.terminal.cells()[0][app.map._layout.column_of(place) + 4][1] for place in (1, 2)]
        assert colours[0] != colours[1]


async def test_another_theme_and_the_focus_repaint() -> None:
    app = MapApp(60, 5)
    async with app.run_test(size=(60, 5)) as pilot:
        app.show(cluster(node("n1", 90), node("n2", 90)))
        dark = (await painted(app, pilot), app.terminal.cells())[1]
        app.theme = "jobmon-light"
        await pilot.pause()
        assert app.terminal.cells() != dark
        assert app.terminal.cells() == app.repainted().cells()
        app.map.focus()
        await pilot.pause()
        focused = app.terminal.cells()
        app.screen.set_focus(None)
        await pilot.pause()
        assert app.terminal.cells() != focused
        assert app.terminal.cells() == app.repainted().cells()


HOSTILE = (
    "[red]evil[/red]7",
    "模拟节点12",
    "\x1b[31mred\x1b[0m3",
    "a\nb4",
    "‮evil5",
    "e\u0301\u0301\u03016",
    "x" * 5000,
    "",
    "[/]",
)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(120, 20), (50, 10), (12, 6)])
async def test_hostile_names_are_only_names(size: tuple[int, int]) -> None:
    app = MapApp(*size)
    jobs = [
        Job(job_id="\x1b]0;x", name="", username="\x1b[2J模", state="RUNNING", n_cpus=1, layout={name: (0,)})
        for name in HOSTILE
    ]
    async with app.run_test(size=size) as pilot:
        app.show(cluster(*(node(name, reason="\x1b[5m", flags=("DRAIN",)) for name in HOSTILE), jobs=jobs))
        await pilot.pause()
        app.map.focus()
        for _ in HOSTILE:
            await pilot.press("right")
        written = "".join(app.terminal.written)
        assert "\x1b[31m" not in written
        assert "\x1b[2J" not in written
        assert "\x1b[5m" not in written
        assert "‮" not in written
        assert app.terminal.cells() == app.repainted().cells()


async def test_legend_says_who_is_on_the_node_and_why_it_is_out() -> None:
    jobs = [
        Job(job_id=str(number), name="x", username=user, state="RUNNING", n_cpus=2, layout={"n1": cores})
        for number, (user, cores) in enumerate({"asr": (0, 1), "jor": (2,), "rse": (3, 4, 5)}.items())
    ]
    app = MapApp(100, 5)
    async with app.run_test(size=(100, 5)) as pilot:
        out = node("n2", state="DOWN", reason="bad DIMM")
        app.show(cluster(node("n1"), out, jobs=jobs))
        await pilot.pause()
        assert app.terminal.text()[-1].endswith("n1  8 cores  50 % busy  rse 3, asr 2, jor 1")
        app.map.select("n2")
        await pilot.pause()
        assert app.terminal.text()[-1].endswith("n2  8 cores  down: bad DIMM")


def groups_of(*sizes: int) -> tuple[NodeGroup, ...]:
    snapshot = cluster(*(node(f"{chr(97 + i)}{n}") for i, size in enumerate(sizes) for n in range(size)))
    return group_nodes(index_snapshot(snapshot))


@pytest.mark.slow
@given(st.lists(st.integers(1, 90), max_size=5), st.integers(0, 130), st.integers(0, 40))
def test_every_node_has_a_place_of_its_own(sizes: list[int], width: int, height: int) -> None:
    layout = arrange(groups_of(*sizes), width, height)
    assert len(layout.names) == sum(sizes)
    taken = {(layout.line_of[place], layout.column_of(place)) for place in range(len(layout.names))}
    assert len(taken) == len(layout.names)
    for place in range(len(layout.names)):
        assert layout.place_at(layout.column_of(place), layout.line_of[place]) == place
        for lines in (-40, -1, 1, 40):
            assert 0 <= layout.step(place, lines) < len(layout.names)
    if width > 30:
        last = max(
            (layout.column_of(place) + layout.shape.width for place in range(len(layout.names))), default=0
        )
        assert last + layout.count_width <= width


def test_cells_grow_with_the_room() -> None:
    shapes = [arrange(groups_of(60, 20), width, 14).shape.width for width in (20, 40, 80, 160)]
    assert shapes == sorted(shapes)
    assert shapes[0] < 4 < shapes[-1], "the widest carry labels"


def test_ten_thousand_nodes_are_arranged_in_a_moment() -> None:
    layout = arrange((NodeGroup(title="c", detail="", nodes=tuple(f"c{n}" for n in range(10_000))),), 198, 46)
    assert layout.shape.width == 1
    assert len(layout.lines) == -(-10_000 // layout.lines[0].nodes) == 54


def test_nodes_come_before_words_about_them() -> None:
    few, many = (
        (NodeGroup(title="c", detail="36 cores, 2 p100", nodes=tuple(f"c{n}" for n in range(total))),)
        for total in (50, 5000)
    )
    assert arrange(few, 120, 20).detail_beside > 0
    assert arrange(many, 120, 20).detail_beside == 0
