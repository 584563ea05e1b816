"""The picture of the cluster: one cell for each node, coloured and filled by a reading.

Painted line by line; a refresh repaints only the cells that changed. The height of a block says what its
colour says, and each condition has a glyph of its own, so that nothing depends on colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from jobmon_tui.analysis.groups import NodeGroup
from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.analysis.readings import READINGS, Reading
from jobmon_tui.tui.paint import Run, changed_spans, fit, one_span, runs_width, strip_of
from jobmon_tui.tui.theme import Palette, palette
from jobmon_tui.tui.widgets.heatmap_cells import QUIET, code_of, conditions_in, looks_of, title_runs
from jobmon_tui.tui.widgets.heatmap_layout import Layout, Line, arrange
from jobmon_tui.tui.widgets.heatmap_legend import HeatmapLegend


class NodeMessage(Message):
    """Something happened to a node of a picture."""

    def __init__(self, heatmap: Heatmap, node: str) -> None:
        super().__init__()
        self.heatmap = heatmap
        self.node = node
        """The node's name."""

    @property
    def control(self) -> Heatmap:
        """The picture it happened in."""
        return self.heatmap


class Heatmap(ScrollView, can_focus=True):
    """All nodes of a cluster, group by group.

    Args:
        legend: A legend that shall always tell what the picture shows and which node the cursor is on.
        interactive: Whether there is a cursor (a wall display has none).
        ascii_only: Draw with ASCII characters only.
        id: The widget's id.
        classes: The widget's classes.
    """

    DEFAULT_CSS = """
    Heatmap {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        width: 1fr;
        height: 1fr;
    }
    """
    GROUP: ClassVar = Binding.Group("node", compact=True)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "Previous node", show=False, id="nodes.left", group=GROUP),
        Binding("right,l", "move(1)", "Next node", show=False, id="nodes.right", group=GROUP),
        Binding("up,k", "step(-1)", "Node above", show=False, id="nodes.up", group=GROUP),
        Binding("down,j", "step(1)", "Node below", show=False, id="nodes.down", group=GROUP),
        Binding("home", "first", "First node", show=False, id="nodes.first", group=GROUP),
        Binding("end", "last", "Last node", show=False, id="nodes.last", group=GROUP),
        Binding("pageup", "page(-1)", "A page up", show=False, id="nodes.page_up", group=GROUP),
        Binding("pagedown", "page(1)", "A page down", show=False, id="nodes.page_down", group=GROUP),
        Binding(
            "enter", "open", "Open node", id="nodes.open", tooltip="Show the node under the cursor by itself"
        ),
    ]

    class Moved(NodeMessage):
        """The cursor stands on another node."""

    class Opened(NodeMessage):
        """The user wants to see that node by itself."""

    def __init__(
        self,
        *,
        legend: HeatmapLegend | None = None,
        interactive: bool = True,
        ascii_only: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.legend = legend
        self.interactive = interactive
        self.can_focus = interactive
        self.ascii_only = ascii_only
        self._index: SnapshotIndex | None = None
        self._groups: tuple[NodeGroup, ...] = ()
        self._reading: Reading = READINGS[0]
        self._highlighted: frozenset[str] | None = None
        self._layout: Layout = arrange((), 1, 1)
        self._arranged_for: tuple[int, int] = (0, 0)
        self._wanted: tuple[tuple[NodeGroup, ...], tuple[int, int], int] | None = None
        self._codes: dict[int, bytes] = {}
        self._loud_codes: dict[int, bytes] = {}
        self._looks: list[Run] = []
        self._place = -1
        self._cursor_name: str | None = None

    @property
    def cursor_node(self) -> str | None:
        """The name of the node under the cursor; ``None`` where there is no cursor or no node."""
        return self._cursor_name if self.interactive else None

    @property
    def reading(self) -> Reading:
        """What is shown."""
        return self._reading

    def show(
        self,
        index: SnapshotIndex,
        groups: tuple[NodeGroup, ...],
        reading: Reading,
        highlighted: frozenset[str] | None = None,
    ) -> None:
        """Show a snapshot; only what differs from the one before is painted.

        Args:
            index: The snapshot.
            groups: Its nodes in groups; the very same object (see `Grouper`) while they stay the same.
            reading: What fills and colours the cells.
            highlighted: The nodes to stand out, all others step back; ``None``: all alike.
        """
        first = self._index is None
        if index is not self._index or reading is not self._reading:
            self._loud_codes = {}
        self._index, self._reading, self._highlighted = index, reading, highlighted
        if first or (groups is not self._groups and groups != self._groups):
            self._groups = groups
            self._arrange()
        else:
            self._repaint_changes()
        self._tell_legend()

    def select(self, node_name: str) -> None:
        """Put the cursor on that node, if it is shown, without a message."""
        if node_name != self._cursor_name and node_name in self._layout.names:
            self._put_cursor(self._layout.names.index(node_name), tell=False)

    # Arranging

    def wanted_height(self, most: int) -> int:
        """Lines that the picture fills at its present width when it may have so many at the most."""
        key = (self.content_size.width, most)
        if self._wanted is None or self._wanted[0] is not self._groups or self._wanted[1] != key:
            lines = len(arrange(self._groups, *key).lines) if key[0] else most
            self._wanted = (self._groups, key, min(most, lines))
        return self._wanted[2]

    def _arrange(self) -> None:
        """Lay everything out anew: other nodes, or another size."""
        width, height = self.content_size
        before = self._place
        self._arranged_for = (width, height)
        self._layout = arrange(self._groups, width, height)
        self._codes.clear()
        self._loud_codes.clear()
        self._looks = []
        names = self._layout.names
        if self._cursor_name in names:
            self._place = names.index(self._cursor_name)
        elif names:
            # The node is gone: stay where it stood.
            self._place = min(max(0, before), len(names) - 1)
        else:
            self._place = -1
        name = names[self._place] if names else None
        moved = name != self._cursor_name
        self._cursor_name = name
        self.virtual_size = Size(width, len(self._layout.lines))
        self.refresh()
        if moved and name is not None and self.interactive:
            self.post_message(self.Moved(self, name))

    def on_resize(self) -> None:
        """Lay out for the new size; the cursor stays in sight."""
        if self.content_size != self._arranged_for:
            self._arrange()
            self._show_cursor()
            self._tell_legend()

    def notify_style_update(self) -> None:
        """Another theme, or the focus came or went."""
        super().notify_style_update()
        self._looks = []

    def focus(self, scroll_visible: bool = True) -> Self:
        """Take the focus, as every widget does, without asking for everything to be painted again."""

        def take() -> None:
            if self.is_attached:
                self.screen.set_focus(self, scroll_visible=scroll_visible)

        self.app.call_later(take)
        return self

    def on_focus(self, event: events.Focus) -> None:
        """The cursor lights up."""
        self._take_over(event, focused=True)

    def on_blur(self, event: events.Blur) -> None:
        """The cursor steps back."""
        self._take_over(event, focused=False)

    def _take_over(self, event: events.Event, *, focused: bool) -> None:
        """Do what every widget does then, but repaint the cursor instead of thousands of cells."""
        event.prevent_default()
        self.has_focus = focused
        if isinstance(self.parent, Widget):
            told = events.DescendantFocus(self) if focused else events.DescendantBlur(self)
            self.parent.post_message(told)
        self._repaint_cell(self._place)

    # Painting

    def _line_codes(self, number: int) -> bytes:
        """What each cell of that line shows."""
        line, highlighted = self._layout.lines[number], self._highlighted
        names = self._layout.names[line.start : line.start + line.nodes]
        loud = self._loud_codes.get(number)
        if loud is None:
            loud = self._loud_codes[number] = self._codes_of_nodes(names)
        if highlighted is None:
            return loud
        return bytes(
            code if name in highlighted else code | QUIET for name, code in zip(names, loud, strict=False)
        )

    def _codes_of_nodes(self, names: Sequence[str]) -> bytes:
        """What these nodes' cells show while none steps back: the same wherever the cursor is."""
        if self._index is None:
            return b""
        nodes, reading = self._index.snapshot.nodes, self._reading
        return bytes(code_of(nodes.get(name), reading) for name in names)

    def _codes_of(self, number: int) -> bytes:
        """The same, worked out once for each snapshot."""
        if number not in self._codes:
            self._codes[number] = self._line_codes(number)
        return self._codes[number]

    def _visible_lines(self) -> range:
        top = self.scroll_offset.y
        return range(top, min(len(self._layout.lines), top + self.content_size.height))

    def _repaint_changes(self) -> None:
        """Compare what the visible lines show with what they shall show, and repaint the difference."""
        old, self._codes = self._codes, {}
        top = self.scroll_offset.y
        shape = self._layout.shape
        regions: list[Region] = []
        for number in self._visible_lines():
            codes = self._codes_of(number)
            before = old.get(number)
            if before == codes:
                continue
            spans = [(0, len(codes))] if before is None else changed_spans(before, codes)
            regions.extend(
                Region(
                    self._layout.title_width + start * shape.width,
                    number - top,
                    (end - start) * shape.width,
                    1,
                )
                for start, end in one_span(spans)
            )
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        number = y + self.scroll_offset.y
        colours = palette(self)
        if not self._layout.lines:
            return strip_of(self._nothing(y, colours), self.rich_style)
        if number >= len(self._layout.lines):
            return Strip.blank(self.content_size.width, self.rich_style)
        line = self._layout.lines[number]
        if not line.nodes:
            return Strip.blank(self.content_size.width, self.rich_style)
        runs = title_runs(
            self._groups[line.group], line, self._layout, self._title_style(line, colours), colours
        )
        runs += self._cell_runs(line, self._codes_of(number), colours)
        if self._layout.count_width and line.part == 0:
            room = self._arranged_for[0] - runs_width(runs) - self.show_vertical_scrollbar
            count = str(len(self._groups[line.group].nodes))
            runs.append((fit(count, room, "right"), colours.dim))
        return strip_of(runs, self.rich_style)

    def _nothing(self, y: int, colours: Palette) -> list[Run]:
        width, height = self.content_size
        if y != height // 2:
            return []
        words = "waiting for the first data" if self._index is None else "no nodes"
        return [(fit(words, width, "centre"), colours.dim)]

    def _title_style(self, line: Line, colours: Palette) -> Style:
        """The title of the group that the cursor is in is lit."""
        here = self.has_focus and self.cursor_node is not None and self._cursor_group() == line.group
        return colours.accent if here else colours.plain

    def _cell_runs(self, line: Line, codes: bytes, colours: Palette) -> list[Run]:
        layout, shape = self._layout, self._layout.shape
        looks = self._looks_for(colours)
        cursor = self._place - line.start if self.interactive else -1
        runs: list[Run] = []
        for offset, code in enumerate(codes):
            glyph, style = looks[code]
            label = colours.faint if code & QUIET else colours.dim
            if offset == cursor:
                back = colours.cursor if self.has_focus else colours.cursor_blurred
                # The heat of a full block would hide the cursor's background: it takes the text's colour.
                style, label = colours.plain + back, colours.plain + back
            if shape.label:
                runs.append((fit(layout.labels[line.start + offset], shape.label, "right") + " ", label))
            if offset == cursor and shape.gap > 1:
                # On a wide gap the cursor would look like a part of the next cell.
                runs += [(glyph[: shape.block], style), (glyph[shape.block :], colours.plain)]
            else:
                runs.append((glyph, style))
        return runs

    def _looks_for(self, colours: Palette) -> list[Run]:
        if not self._looks:
            self._looks = looks_of(colours, self._layout.shape, ascii_only=self.ascii_only)
        return self._looks

    # The cursor

    def _cursor_group(self) -> int:
        return self._layout.lines[self._layout.line_of[self._place]].group

    def _put_cursor(self, place: int, *, tell: bool = True) -> None:
        if place == self._place or not self.interactive:
            return
        old, self._place = self._place, place
        self._cursor_name = self._layout.names[place]
        self._repaint_cell(old)
        self._repaint_cell(place)
        self._show_cursor()
        self._tell_legend()
        if tell:
            self.post_message(self.Moved(self, self._cursor_name))

    def _repaint_cell(self, place: int) -> None:
        """Repaint one cell, and the title of its group (which tells where the cursor is)."""
        layout = self._layout
        if not 0 <= place < len(layout.names):
            return
        number = layout.line_of[place]
        top = self.scroll_offset.y
        self.refresh(Region(layout.column_of(place), number - top, layout.shape.width, 1))
        if layout.title_width:
            first = number - layout.lines[number].part
            self.refresh(Region(0, first - top, layout.title_width, 1))

    def _show_cursor(self) -> None:
        """Scroll no further than needed for the cursor to be in sight."""
        if self._place < 0 or not self.interactive:
            return
        number, height = self._layout.line_of[self._place], self.content_size.height
        top = self.scroll_offset.y
        if number < top:
            self.scroll_to(y=number, animate=False)
        elif number >= top + height:
            self.scroll_to(y=number - height + 1, animate=False)

    def action_move(self, nodes: int) -> None:
        """Move the cursor by that many nodes."""
        if self._place >= 0:
            self._put_cursor(min(len(self._layout.names) - 1, max(0, self._place + nodes)))

    def action_step(self, lines: int) -> None:
        """Move the cursor by that many lines."""
        if self._place >= 0:
            self._put_cursor(self._layout.step(self._place, lines))

    def action_page(self, pages: int) -> None:
        """Move the cursor by that many screens of lines."""
        self.action_step(pages * max(1, self.content_size.height))

    def action_first(self) -> None:
        """Move the cursor to the first node."""
        self.action_move(-len(self._layout.names))

    def action_last(self) -> None:
        """Move the cursor to the last node."""
        self.action_move(len(self._layout.names))

    def action_open(self) -> None:
        """Ask for the node under the cursor to be shown by itself."""
        if self.cursor_node is not None:
            self.post_message(self.Opened(self, self.cursor_node))

    def on_click(self, event: events.Click) -> None:
        """One click moves the cursor, a second one opens the node."""
        offset = event.get_content_offset(self)
        if offset is None or not self.interactive:
            return
        place = self._layout.place_at(offset.x, offset.y + self.scroll_offset.y)
        if place is None:
            return
        event.stop()
        self._put_cursor(place)
        if event.chain == 2:
            self.action_open()

    def _tell_legend(self) -> None:
        if self.legend is None or self._index is None:
            return
        codes = {code for number in self._visible_lines() for code in self._codes_of(number)}
        self.legend.show(self._index, self._reading, conditions_in(codes), self.cursor_node)
