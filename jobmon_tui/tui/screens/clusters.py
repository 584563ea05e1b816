"""All clusters of the configuration on one page: one line each, what it has, or what failed since when."""

from __future__ import annotations

import time
from typing import Protocol, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from jobmon_tui.analysis.cells import Context
from jobmon_tui.analysis.clusters import CLUSTER_COLUMNS, ClusterState, cluster_listing
from jobmon_tui.model.text import printable
from jobmon_tui.model.times import clock_text
from jobmon_tui.tui.overview import ClustersChanged, Overview
from jobmon_tui.tui.screens.base import View
from jobmon_tui.tui.screens.panes import titled
from jobmon_tui.tui.theme import palette
from jobmon_tui.tui.widgets.table import Table


class _App(Protocol):
    """What the app has for this view."""

    overview: Overview | None
    """Asks the clusters; ``None`` where there is only one."""


class ClustersView(View):
    """The clusters, and below them what is to say of the one under the cursor."""

    DEFAULT_CSS = """
    #clusters-list { height: 1fr; }
    #clusters-line { height: auto; max-height: 4; }
    """

    class Chosen(Message):
        """A cluster was chosen, to be shown by the other views."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name
            """As the configuration calls it; empty for the one at the top."""

    @property
    def overview(self) -> Overview | None:
        """What is known of the clusters."""
        return cast("_App", self.app).overview

    def compose(self) -> ComposeResult:
        """The table, and a line on the row under its cursor."""
        with Vertical(id="clusters-list", classes="pane"):
            yield Table(
                empty_text="There is only one cluster: see `jobmon config --defaults`.", id="clusters-table"
            )
        yield Static(id="clusters-line")

    def on_mount(self) -> None:
        """Ages count up while this is on the screen."""
        self.set_interval(1.0, self._tick)

    def on_show(self) -> None:
        """Somebody looks."""
        if self.overview is not None:
            self.overview.look(self.post_message)
        self.refresh_clusters()

    def on_hide(self) -> None:
        """Nobody looks any more."""
        if self.overview is not None:
            self.overview.look_away()

    def on_clusters_changed(self, event: ClustersChanged) -> None:
        """Something new is known."""
        event.stop()
        self.refresh_clusters()

    def focus_first(self) -> None:
        """The table."""
        self.focus_now(self.query_one(Table))

    def update_view(self) -> None:
        """A new picture of the cluster that the other views show."""
        self.refresh_clusters()

    def refresh_clusters(self) -> None:
        """Show what is known now."""
        states = self.overview.states if self.overview is not None else ()
        table = self.query_one(Table)
        table.show(cluster_listing(states), CLUSTER_COLUMNS, context=Context(now=self._now()))
        silent = sum(1 for state in states if state.error)
        told = f"{silent} of {len(states)} without an answer" if silent else ""
        titled(self.query_one("#clusters-list"), "Clusters", told)
        self._tell()

    def on_table_moved(self, event: Table.Moved) -> None:
        """What is to say of the cluster under the cursor."""
        event.stop()
        self._tell()

    def on_table_opened(self, event: Table.Opened) -> None:
        """That cluster shall be shown."""
        event.stop()
        state: ClusterState = event.row.item
        if not state.is_sum:
            self.post_message(self.Chosen(state.name))

    def _tick(self) -> None:
        if self.is_on_screen and self.display:
            self.refresh_clusters()

    def _now(self) -> float:
        clock = getattr(self.app, "clock", time.time)
        now: float = clock()
        return now

    def _tell(self) -> None:
        row = self.query_one(Table).cursor_row
        self.query_one("#clusters-line", Static).update(Text() if row is None else self._words(row.item))

    def _words(self, state: ClusterState) -> Text:
        colours, now = palette(self), self._now()
        text = Text(f" {printable(state.title, 40)}  ", style=colours.accent)
        if state.error:
            since = f", since {clock_text(state.failing_since, now)}" if state.failing_since else ""
            text.append(f"{printable(state.error, 400)}{since}", style=colours.trouble)
            text.append(f"\n {printable(state.hint, 400)}" if state.hint else "", style=colours.plain)
            if state.taken_at is not None:
                text.append(f"\n What is shown is of {clock_text(state.taken_at, now)}.", style=colours.dim)
        elif state.is_sum:
            text.append("what is unknown of a cluster is left out", style=colours.dim)
        elif state.taken_at is None:
            text.append("is being asked for the first time", style=colours.dim)
        else:
            text.append(
                f"{printable(state.source, 80)}; enter shows it in the other views", style=colours.plain
            )
        return text
