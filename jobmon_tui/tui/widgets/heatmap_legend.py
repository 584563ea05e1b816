"""The line below the picture of the cluster: what the glyphs mean, and which node the cursor is on."""

from __future__ import annotations

from textual.strip import Strip
from textual.widget import Widget

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.analysis.readings import READINGS, Condition, Reading, condition
from jobmon_tui.model.snapshot import Node
from jobmon_tui.tui.paint import (
    Run,
    cells,
    changed_regions,
    runs_width,
    shorten,
    strip_of,
)
from jobmon_tui.tui.theme import HEAT_STEPS, Palette, palette
from jobmon_tui.tui.widgets.heatmap_cells import ASCII_HEAT, HEAT

MOST_USERS = 4
"""Users of the node that are named; the others are counted."""


def users_of(index: SnapshotIndex, node_name: str) -> list[tuple[str, int]]:
    """Who holds how many cores of that node, most first."""
    cores: dict[str, int] = {}
    for job_id in index.jobs_on_node.get(node_name, ()):
        job = index.snapshot.jobs[job_id]
        cores[job.username] = cores.get(job.username, 0) + len(job.layout.get(node_name, ()))
    return sorted(cores.items(), key=lambda item: (-item[1], item[0]))


class HeatmapLegend(Widget):
    """One line (or two, where it is given the room).

    Args:
        ascii_only: Draw with ASCII characters only.
        id: The widget's id.
        classes: The widget's classes.
    """

    DEFAULT_CSS = """
    HeatmapLegend {
        height: 1;
        width: 1fr;
    }
    """

    def __init__(
        self, *, ascii_only: bool = False, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.ascii_only = ascii_only
        self._index: SnapshotIndex | None = None
        self._reading: Reading = READINGS[0]
        self._conditions: tuple[Condition, ...] = ()
        self._node: str | None = None
        self._strips: list[Strip] = []

    def show(
        self,
        index: SnapshotIndex,
        reading: Reading,
        conditions: tuple[Condition, ...],
        node: str | None,
    ) -> None:
        """Tell what the picture shows.

        Args:
            index: The snapshot.
            reading: What fills the cells.
            conditions: Those whose glyphs are in sight.
            node: The node to tell about, ``None`` for none.
        """
        self._index, self._reading, self._conditions, self._node = index, reading, conditions, node
        if not self.is_mounted or not self.size.width:
            return
        old, self._strips = self._strips, self._paint()
        if regions := changed_regions(old, self._strips):
            self.refresh(*regions)

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._strips = []

    def on_resize(self) -> None:
        """Another width gives room for other words."""
        self._strips = []
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        if not self._strips:
            self._strips = self._paint()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def _paint(self) -> list[Strip]:
        colours = palette(self)
        width, height = self.size
        node = self._node_runs(colours)
        if height > 1:
            return [
                strip_of(self._cut(runs, width), self.rich_style)
                for runs in (self._scale_runs(width, colours), node)
            ] + [strip_of([], self.rich_style)] * (height - 2)
        node = self._cut(node, width)
        scale = self._scale_runs(width - runs_width(node) - 2 if node else width, colours)
        space = width - runs_width(scale) - runs_width(node)
        return [strip_of([*scale, (" " * space, colours.plain), *node], self.rich_style)]

    @staticmethod
    def _cut(runs: list[Run], width: int) -> list[Run]:
        """As many runs as fit; the one that does not is shortened."""
        kept: list[Run] = []
        for text, style in runs:
            text = shorten(text, width) if cells(text) > width else text
            if text:
                kept.append((text, style))
            width -= cells(text)
        return kept

    def _scale_runs(self, width: int, colours: Palette) -> list[Run]:
        """The scale and the conditions, as many as there is room for; the gravest come first."""
        levels = ASCII_HEAT if self.ascii_only else HEAT
        runs: list[Run] = [(f"{self._reading.low} ", colours.dim)]
        runs += [(levels[step], colours.heat[step]) for step in range(HEAT_STEPS)]
        runs.append((f" {self._reading.high}", colours.dim))
        if runs_width(runs) > width:
            return []
        for one in self._conditions:
            more = [
                ("   " + (one.ascii if self.ascii_only else one.glyph), colours.role(one.role)),
                (f" {one.key}", colours.dim),
            ]
            if runs_width(runs) + runs_width(more) > width:
                break
            runs += more
        return runs

    def _node_runs(self, colours: Palette) -> list[Run]:
        """What there is to say of the node under the cursor."""
        if self._index is None or self._node is None:
            return []
        name = shorten(self._node, 32)
        node = self._index.snapshot.nodes.get(self._node)
        if node is None:
            return [(name, colours.strong), ("  is gone", colours.dim)]
        runs: list[Run] = [(name, colours.strong)]
        if node.n_cpus is not None:
            runs.append((f"  {node.n_cpus} cores", colours.dim))
        return [*runs, *self._word_runs(node, colours), *self._user_runs(colours)]

    def _word_runs(self, node: Node, colours: Palette) -> list[Run]:
        word = condition(node)
        runs: list[Run] = []
        if word in ("down", "drained", "draining", "maintenance", "reserved", "planned", "powered off"):
            runs.append((f"  {word}", colours.trouble if word == "down" else colours.warning))
        if word in ("down", "drained", "draining") and node.reason:
            runs.append((f": {shorten(node.reason, 40)}", colours.dim))
        if word != "down" and self._reading.key != "state":
            runs.append((f"  {self._reading.text(node)}", colours.plain))
        return runs

    def _user_runs(self, colours: Palette) -> list[Run]:
        if self._index is None or self._node is None:
            return []
        users = users_of(self._index, self._node)
        words = [f"{shorten(name, 16)} {cores}" for name, cores in users[:MOST_USERS]]
        if len(users) > MOST_USERS:
            words.append(f"{len(users) - MOST_USERS} more")
        return [(f"  {', '.join(words)}", colours.dim)] if words else []
