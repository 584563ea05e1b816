"""Every core of one node: which are the job's own, which are others', which are free, and what they do."""

from __future__ import annotations

from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.tui.paint import changed_regions, shorten, strip_of
from jobmon_tui.tui.theme import palette
from jobmon_tui.tui.widgets.core_painter import Line, Mode, NodePainter


class CoreGrid(Widget):
    """The cores, GPUs and memory of one node, as tall as they need at the width there is.

    Args:
        ascii_only: Draw with ASCII characters only.
        id: The widget's id.
        classes: The widget's classes.
    """

    DEFAULT_CSS = """
    CoreGrid {
        width: 1fr;
        height: auto;
    }
    """

    def __init__(
        self, *, ascii_only: bool = False, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.ascii_only = ascii_only
        self._index: SnapshotIndex | None = None
        self._node_name = ""
        self._job_id: str | None = None
        self._mode: Mode = "holder"
        self._strips: list[Strip] = []
        self._painted_width = -1

    @property
    def mode(self) -> Mode:
        """Whether the cells say who holds the cores only, or also what these do."""
        return self._mode

    def show(
        self, index: SnapshotIndex, node_name: str, job_id: str | None = None, mode: Mode = "holder"
    ) -> None:
        """Show one node of a snapshot; only what differs from before is painted.

        Args:
            index: The snapshot.
            node_name: The node.
            job_id: The job whose cores stand out; ``None`` for none.
            mode: ``holder`` says who holds each core, ``use`` adds what each core does.
        """
        self._index, self._node_name, self._job_id, self._mode = index, node_name, job_id, mode
        if not self.is_mounted or not self.content_size.width:
            # Hidden: the lines it had are another node's.
            self._painted_width = -1
            self.refresh(layout=True)
            return
        old, self._strips = self._strips, self._paint(self.content_size.width)
        self._painted_width = self.content_size.width
        if len(old) != len(self._strips):
            self.refresh(layout=True)
        elif regions := changed_regions(old, self._strips):
            self.refresh(*regions)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are at that width."""
        return len(self._strips_for(width))

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._painted_width = -1

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        strips = self._strips_for(self.content_size.width)
        return strips[y] if y < len(strips) else Strip.blank(self.content_size.width, self.rich_style)

    def _strips_for(self, width: int) -> list[Strip]:
        if width != self._painted_width:
            self._strips = self._paint(width)
            self._painted_width = width
        return self._strips

    def _paint(self, width: int) -> list[Strip]:
        lines = self._lines(width)
        strips = [strip_of(line, self.rich_style) for line in lines]
        return [strip.adjust_cell_length(width, self.rich_style) for strip in strips]

    def _lines(self, width: int) -> list[Line]:
        colours = palette(self)
        if self._index is None:
            return [[("waiting for the first data", colours.dim)]]
        node = self._index.snapshot.nodes.get(self._node_name)
        if node is None:
            return [[(f"{shorten(self._node_name, width - 12)} is not here", colours.dim)]]
        painter = NodePainter(
            self._index,
            node,
            self._job_id,
            width=width,
            colours=colours,
            base=self.rich_style,
            ascii_only=self.ascii_only,
        )
        lines = painter.cores(self._mode) + painter.gpus() + painter.memory()
        legend = painter.legend(self._mode)
        return [*lines, [], *legend] if legend else lines
