"""What the panes of all views are made of: a framed table, its columns, its sorting, its listing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypedDict, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.css.scalar import Unit
from textual.widget import Widget

from jobmon_tui.analysis.cells import Column, Context, ListingRow, columns_of
from jobmon_tui.analysis.change_columns import CHANGE_COLUMN
from jobmon_tui.analysis.columns import DEFAULT_JOB_COLUMNS, JOB_COLUMNS
from jobmon_tui.analysis.diff import Comparison
from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.analysis.listing import (
    Listing,
)
from jobmon_tui.analysis.node_columns import DEFAULT_NODE_COLUMNS, NODE_COLUMNS
from jobmon_tui.analysis.summary_columns import PARTITION_COLUMNS, RESERVATION_COLUMNS, USER_COLUMNS
from jobmon_tui.errors import UsageError
from jobmon_tui.model.text import printable
from jobmon_tui.model.times import clock_text
from jobmon_tui.tui.screens.columns import ColumnChooser
from jobmon_tui.tui.screens.picker import Match, Picker
from jobmon_tui.tui.theme import palette
from jobmon_tui.tui.widgets.table import Table

if TYPE_CHECKING:
    from jobmon_tui.tui.app import JobmonApp


FRAME = 2
"""Lines that a pane's frame takes."""


@dataclass(frozen=True, slots=True)
class TableKind:
    """What sort of table a pane holds; its name is what columns and sorting are remembered under."""

    name: str
    columns: tuple[Column, ...]
    default_columns: tuple[str, ...]
    sort_key: str
    reverse: bool


def _all(columns: tuple[Column, ...]) -> tuple[str, ...]:
    return tuple(column.key for column in columns)


_USER_COLUMNS = ("user", "alert", "cores", "share", "gpus", "running", "pending")
_QUEUE_COLUMNS = ("id", "name", "user", "partition", "cores", "gpus", "line", "start", "reason")

JOBS = TableKind("jobs", JOB_COLUMNS, DEFAULT_JOB_COLUMNS, "elapsed", True)
QUEUE = TableKind("queue", JOB_COLUMNS, _QUEUE_COLUMNS, "line", False)
NODES = TableKind("nodes", NODE_COLUMNS, DEFAULT_NODE_COLUMNS, "name", False)
USERS = TableKind("users", USER_COLUMNS, _USER_COLUMNS, "cores", True)
PARTITIONS = TableKind("partitions", PARTITION_COLUMNS, _all(PARTITION_COLUMNS), "partition", False)
RESERVATIONS = TableKind("reservations", RESERVATION_COLUMNS, _all(RESERVATION_COLUMNS), "start", False)


def set_height(widget: Widget, lines: int) -> None:
    """Make a widget so many lines high; asks for a new layout only where that changes it."""
    present = widget.styles.height
    if present is None or present.unit is not Unit.CELLS or present.value != lines:
        widget.styles.height = lines


class Order(TypedDict):
    """How a listing is sorted: the arguments that all listings share."""

    columns: tuple[Column, ...]
    sort_key: str
    reverse: bool
    context: Context


class Listed(NamedTuple):
    """What the desk worked out, with what it was asked for: columns may have been changed meanwhile."""

    listing: Listing
    columns: tuple[Column, ...]
    sorting: tuple[str, bool]
    context: Context


def titled(widget: Widget, title: str, detail: str = "") -> None:
    """Put a title (and what it says about the content) on a pane's frame, free of markup."""
    colours = palette(widget)
    text = Text(f" {printable(title, 60)} ")
    if detail:
        text.append(f"─ {printable(detail, 80)} ", style=colours.dim)
    if getattr(widget, "shown_title", None) != text:
        widget.shown_title = text  # type: ignore[attr-defined]
        widget.border_title = text


class TablePane(Vertical):
    """A framed table that knows its columns and sorting, and has its listing worked out by the desk.

    Args:
        topic: What the desk's answers for it are called: the view's name, a colon, and a word of its own.
        kind: What sort of table it is.
        empty_text: What an empty table says.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "pick_sort", "sort", id="filter.sort", tooltip="Sort by another column"),
        Binding("S", "reverse", show=False, id="filter.reverse", tooltip="Sort the other way round"),
        Binding(
            "less_than_sign,comma",
            "sort_beside(-1)",
            show=False,
            key_display="<",
            id="filter.sort_left",
            tooltip="Sort by the column to the left",
        ),
        Binding(
            "greater_than_sign,full_stop",
            "sort_beside(1)",
            show=False,
            key_display=">",
            id="filter.sort_right",
            tooltip="Sort by the column to the right",
        ),
        Binding(
            "c", "choose_columns", "columns", show=False, id="table.columns", tooltip="Choose the columns"
        ),
    ]

    def __init__(self, topic: str, kind: TableKind, *, id: str, empty_text: str = "") -> None:
        super().__init__(id=id, classes="pane")
        self.topic = topic
        self.kind = kind
        self._empty_text = empty_text
        self.listing: Listing | None = None

    @property
    def jobmon(self) -> JobmonApp:
        """The app, typed."""
        return cast("JobmonApp", self.app)

    @property
    def table(self) -> Table:
        """The table itself."""
        return self.query_one(Table)

    @property
    def comparison(self) -> Comparison | None:
        """What it shows the changes of, where two instants are compared; ``None`` in panes that never do."""
        return None

    @property
    def cursor_key(self) -> str | None:
        """The key of the row that the cursor is on."""
        return self.table.cursor_key

    @property
    def row(self) -> ListingRow | None:
        """The row that the cursor is on."""
        key = self.cursor_key
        if self.listing is None or key is None or key not in self.listing.position:
            return None
        return self.listing.rows[self.listing.position[key]]

    def compose(self) -> ComposeResult:
        """Nothing but the table."""
        yield Table(empty_text=self._empty_text)

    # Columns and sorting, as remembered.

    @property
    def columns(self) -> tuple[Column, ...]:
        """The chosen columns."""
        keys = self.jobmon.columns.get(self.kind.name) or self.kind.default_columns
        try:
            columns = columns_of(self.kind.columns, keys)
        except UsageError:
            # Remembered by another version of jobmon.
            columns = columns_of(self.kind.columns, self.kind.default_columns)
        return columns if self.comparison is None else (CHANGE_COLUMN, *columns)

    @property
    def sorting(self) -> tuple[str, bool]:
        """The column that it is sorted by, and whether the largest comes first."""
        known = {column.key for column in (*self.kind.columns, *self.columns)}
        match self.jobmon.remembered.sorting.get(self.kind.name):
            case [str(key), bool(reverse)] if key in known:
                return key, reverse
        return self.kind.sort_key, self.kind.reverse

    def _sort_by(self, key: str, reverse: bool) -> None:
        self.jobmon.remembered.sorting[self.kind.name] = [key, reverse]
        self.jobmon.remembered.save()
        self.ask()

    def _sort_by_column(self, key: str) -> None:
        """By that column as it is best seen; the same column again: the other way round."""
        present, reverse = self.sorting
        column = next((one for one in self.columns if one.key == key), None)
        if column is not None:
            self._sort_by(key, not reverse if key == present else column.falls)

    def on_table_header_clicked(self, event: Table.HeaderClicked) -> None:
        """A click on a column's title sorts by it."""
        event.stop()
        self._sort_by_column(event.column_key)

    def action_reverse(self) -> None:
        """Sort the other way round."""
        key, reverse = self.sorting
        self._sort_by(key, not reverse)

    def action_sort_beside(self, step: int) -> None:
        """Sort by the neighbour of the column that it is sorted by."""
        keys = [column.key for column in self.columns]
        present = self.sorting[0]
        place = (keys.index(present) + step) % len(keys) if present in keys else 0
        self._sort_by_column(keys[place])

    def action_pick_sort(self) -> None:
        """Pick the column to sort by from a list."""
        matches = [
            Match(column.key, f"{column.title or column.key}: {column.description}")
            for column in self.columns
        ]

        def search(text: str) -> Sequence[Match]:
            return [match for match in matches if text.lower() in match.label.lower()]

        self.app.push_screen(Picker("Sort by", search), self._sort_picked)

    def _sort_picked(self, match: Match | None) -> None:
        if match is not None:
            self._sort_by_column(match.value)

    def action_choose_columns(self) -> None:
        """Tick the columns to show."""
        shown = [column.key for column in self.columns]
        self.app.push_screen(ColumnChooser(self.kind.columns, shown), self._columns_chosen)

    def _columns_chosen(self, chosen: tuple[str, ...] | None) -> None:
        if chosen:
            self.jobmon.columns[self.kind.name] = list(chosen)
            self.jobmon.remembered.columns[self.kind.name] = list(chosen)
            self.jobmon.remembered.save()
            self.ask()

    # Listing.

    def context(self, index: SnapshotIndex) -> Context:
        """What cells are drawn with."""
        return Context(now=index.snapshot.timestamp, index=index, me=self.jobmon.own_name)

    @property
    def sorted_by(self) -> str:
        """What it is sorted by, in words."""
        key, reverse = self.sorting
        column = next((one for one in (*self.kind.columns, *self.columns) if one.key == key), None)
        return f"by {column.title or column.key} {'▾' if reverse else '▴'}" if column else ""

    @property
    def detail(self) -> str:
        """What stands behind its title: its order and, while instants are compared, that it lists changes."""
        comparison, picture = self.comparison, self.jobmon.picture
        if comparison is None or picture is None:
            return self.sorted_by
        then = clock_text(comparison.marked, picture.snapshot.timestamp)
        return f"what changed {'until' if comparison.is_backwards else 'since'} {then}, {self.sorted_by}"

    def work(self, index: SnapshotIndex, order: Order) -> Callable[[], Listing]:
        """The work for the desk; it runs in another thread, so it holds values only, no widget."""
        raise NotImplementedError

    def ask(self) -> None:
        """Have the listing worked out anew."""
        picture = self.jobmon.picture
        if picture is None:
            return
        index, columns, sorting = picture.index, self.columns, self.sorting
        comparison = self.comparison
        context = Context(
            now=index.snapshot.timestamp,
            index=index,
            cpu=picture.cpu,
            trends=picture.trends,
            warned=picture.warned,
            changes={} if comparison is None else {**comparison.jobs, **comparison.nodes},
            me=self.jobmon.own_name,
        )
        order = Order(
            columns=(*self.kind.columns, CHANGE_COLUMN),
            sort_key=sorting[0],
            reverse=sorting[1],
            context=context,
        )
        work = self.work(index, order)
        self.jobmon.desk.ask(self.topic, lambda: Listed(work(), columns, sorting, context))

    def desk_done(self, result: Listed) -> None:
        """Show what the desk worked out."""
        self.listing = result.listing
        sort_key, reverse = result.sorting
        self.table.show(
            result.listing, result.columns, sort_key=sort_key, reverse=reverse, context=result.context
        )
