"""The screen that holds the views, and the state they share: filter, selection, reading, place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import ContentSwitcher, Static

from jobmon_tui.analysis.filter import FilterError, parse_filter
from jobmon_tui.analysis.listing import Listing
from jobmon_tui.model.hostlist import natural_key
from jobmon_tui.model.text import printable
from jobmon_tui.tui.keys import CLUSTERS_VIEW, MAIN_BINDINGS, TOP_VIEWS
from jobmon_tui.tui.picture import Failure, Picture
from jobmon_tui.tui.screens.base import Place, View
from jobmon_tui.tui.screens.choosing import Choosing
from jobmon_tui.tui.screens.cluster import ClusterView
from jobmon_tui.tui.screens.clusters import ClustersView
from jobmon_tui.tui.screens.help import HelpScreen
from jobmon_tui.tui.screens.job import JobView
from jobmon_tui.tui.screens.jobs import JobsView
from jobmon_tui.tui.screens.list_panes import JobsPane
from jobmon_tui.tui.screens.node import NodeView
from jobmon_tui.tui.screens.nodes import NodesView
from jobmon_tui.tui.screens.queue import QueueView
from jobmon_tui.tui.screens.timeline import TimelinePane
from jobmon_tui.tui.widgets.empty import EmptyPage
from jobmon_tui.tui.widgets.filter_line import FilterLine
from jobmon_tui.tui.widgets.key_line import KeyLine
from jobmon_tui.tui.widgets.status import FailureBanner, FilterState, StatusHeader
from jobmon_tui.tui.widgets.table import Table

VIEWS: dict[str, type[View]] = {
    "cluster": ClusterView,
    "jobs": JobsView,
    "nodes": NodesView,
    "queue": QueueView,
    "clusters": ClustersView,
    "job": JobView,
    "node": NodeView,
}
SMALLEST = (60, 20)
"""Columns and lines below which nothing useful can be drawn."""

_LONGEST_HISTORY = 50


class MainScreen(Choosing):
    """Header, one view, bottom line."""

    BINDINGS: ClassVar[list[BindingType]] = MAIN_BINDINGS

    def __init__(self, *, view: str, filter_text: str) -> None:
        super().__init__()
        self.place = Place(view)
        self._history: list[Place] = []
        self._heading_for: Place | None = None
        """Where the user wanted to go last; its view may still have to be made."""
        self.filter = parse_filter("")
        self._start_filter = filter_text
        self.room = "wide"
        """``narrow``, ``middle`` or ``wide``: what the width allows."""
        self.marked: frozenset[str] = frozenset()
        self.chart_range = 0
        """Which of the ranges of time the charts of drill-downs show."""
        self.cores_in_use = True
        """Whether the drill-downs show what each core does, where that is measured."""

    @property
    def _top_views(self) -> tuple[tuple[str, str, str], ...]:
        """The views that digits open; of several clusters only where there are some."""
        return TOP_VIEWS if self.jobmon.overview is None else (CLUSTERS_VIEW, *TOP_VIEWS)

    def compose(self) -> ComposeResult:
        """Everything there is; views that are not shown cost nothing."""
        yield StatusHeader(id="header")
        yield FailureBanner(id="banner")
        with ContentSwitcher(initial="no-picture", id="views"):
            yield EmptyPage(id="no-picture")
            yield VIEWS[self.place.view](self.place.view)
        yield TimelinePane(id="timeline")
        yield FilterLine(id="filter-line")
        yield KeyLine(self._top_views, id="keys")
        with Vertical(id="too-small"):
            yield Static(id="too-small-text")

    def on_mount(self) -> None:
        """Hide what is not needed yet."""
        self.query_one(FailureBanner).display = False
        self.query_one(FilterLine).display = False
        self.set_filter(self._start_filter)
        self._place_changed()

    def on_resize(self) -> None:
        """Give the views the arrangement for the width; below a certain size, say so instead."""
        columns, lines = self.app.size
        self.room = "narrow" if columns < 100 else "middle" if columns < 120 else "wide"
        for room in ("narrow", "middle", "wide"):
            self.set_class(room == self.room, room)
        self.set_class(columns >= 160, "huge")
        self.set_class(lines < 34, "low")
        small = columns < SMALLEST[0] or lines < SMALLEST[1]
        cover = self.query_one("#too-small")
        cover.display = small
        if small:
            self.query_one("#too-small-text", Static).update(
                f"jobmon needs {SMALLEST[0]}x{SMALLEST[1]}; this terminal is {columns}x{lines}."
            )

    # What the app tells.

    def picture_ready(self, picture: Picture) -> None:
        """A new picture has come."""
        first = self.query_one(ContentSwitcher).current == "no-picture"
        self._show_status()
        self._show_view()
        if first:
            self.call_after_refresh(self._mount_others)
            if self.jobmon.options.timeline_open and not self.timeline.is_open:
                self.timeline.open()

    async def _mount_others(self, then: Callable[[], None] | None = None) -> None:
        """Make the views that are not shown yet, behind the first picture: it need not wait for them."""
        switcher = self.query_one(ContentSwitcher)
        others = [make(name) for name, make in VIEWS.items() if not switcher.query(f"#view-{name}")]
        for view in others:
            view.display = False
        if others:
            await switcher.mount(*others)
        if then is not None:
            then()

    def failure_changed(self, failure: Failure | None) -> None:
        """The feed fails, or works again: the picture turns grey, or bright."""
        self._show_staleness()
        self.query_one(EmptyPage).show_failure(failure)
        self._show_status()

    def desk_done(self, topic: str, result: Any) -> None:
        """Hand a result to the view that asked for it."""
        name = topic.partition(":")[0]
        self.query_one(f"#view-{name}", View).desk_done(topic, result)

    def status_changed(self) -> None:
        """Pace, pause or polling changed."""
        self._show_status()

    def theme_changed(self) -> None:
        """Every painted widget takes its styles from the theme."""
        for widget in self.query("*"):
            widget.notify_style_update()
            widget.refresh()

    def _show_status(self) -> None:
        self.jobmon.show_status(self.query_one(StatusHeader), self.query_one(FailureBanner))

    # Time.

    @property
    def timeline(self) -> TimelinePane:
        """The time machine's pane."""
        return self.query_one(TimelinePane)

    def action_time_machine(self) -> None:
        """Open the timeline, and let the keys move in it."""
        self.timeline.open()

    def action_live(self) -> None:
        """Close the timeline and come back to the present."""
        self.timeline.close()

    def time_passed(self) -> None:
        """There is something new on the timeline, or another instant is shown."""
        self.timeline.time_passed()

    def show_time(self) -> None:
        """The header follows the time machine; the past has frames of its own colour."""
        self.set_class(self.jobmon.time_machine.shows_past, "past")
        self._show_staleness()
        self._show_status()

    def _show_staleness(self) -> None:
        """A picture that should be newer is grey; one of the past is as old as it should be."""
        app = self.jobmon
        is_stale = app.failure is not None and self.picture is not None and not app.time_machine.shows_past
        self.query_one("#views").set_class(is_stale, "stale")

    def comparison_changed(self) -> None:
        """It has been worked out what changed since the marked instant."""
        self.timeline.show_time()
        if self.picture is not None:
            self.view.update_view()

    # Where the user is.

    @property
    def view(self) -> View:
        """The view that is shown (or will be, once there is a picture)."""
        return self.query_one(f"#view-{self.place.view}", View)

    def go(self, place: Place, *, remember: bool = True) -> None:
        """Show another place; the present one can be come back to."""
        self._heading_for = place
        if place == self.place:
            return
        if not self.query(f"#view-{place.view}"):
            self.call_later(self._mount_others, partial(self._go_on, place, remember))
            return
        if remember:
            self._history = [*self._history[-_LONGEST_HISTORY:], self.place]
        self.place = place
        self._place_changed()

    def _go_on(self, place: Place, remember: bool) -> None:
        """Its view has been made; whoever has gone elsewhere meanwhile stays there."""
        if self._heading_for == place:
            self.go(place, remember=remember)

    def action_open_view(self, name: str) -> None:
        """Open one of the top views."""
        self.go(Place(name))

    def action_last_place(self) -> None:
        """Back to where the user was before."""
        if self._history:
            self.go(self._history.pop(), remember=False)

    def action_out(self) -> None:
        """Out of a drill-down; at the top, take marks and then the filter off."""
        if self.place.view in ("job", "node"):
            self.go_out()
        elif self.marked:
            self.clear_marks()
        elif self.filter.text:
            self.set_filter("")
        elif self.timeline.is_open:
            self.timeline.close()

    def open_row(self, pane: JobsPane) -> None:
        """Open the job under the cursor of a list; a folded array unfolds."""
        row = pane.row
        if row is None:
            return
        if row.kind == "array":
            pane.action_fold()
        else:
            self.go(Place("job", row.item.job_id))

    def action_open_node(self) -> None:
        """Open the node of the job under the cursor (of several, the first)."""
        place = self.view.subject()
        picture = self.picture
        if place is None or picture is None:
            return
        if place.view == "job":
            job = picture.snapshot.jobs.get(place.subject)
            hosts = sorted(job.layout, key=natural_key) if job else []
            if not hosts:
                self.app.notify("It holds no node.", timeout=3)
                return
            place = Place("node", hosts[0])
        self.go(place)

    def go_out(self) -> None:
        """Leave a drill-down for what was open before it."""
        while self._history:
            place = self._history.pop()
            if place != self.place:
                self.go(place, remember=False)
                return
        self.go(Place("cluster"), remember=False)

    def action_quit_or_out(self) -> None:
        """Quit at the top, go back inside."""
        if self.place.view in ("job", "node"):
            self.go_out()
        else:
            self.app.exit()

    def _tell_what_is_needed(self) -> None:
        """The job list of one user needs no picture of the cluster: Slurm is asked for less."""
        shows_jobs_only = self.place.view == "jobs" and self.jobmon.time_machine.marked is None
        user = self.filter.user if shows_jobs_only else None
        self.jobmon.poller.set_only_user(user)

    def _place_changed(self) -> None:
        self._tell_what_is_needed()
        keys = self.query_one(KeyLine)
        keys.view = self.place.view
        switcher = self.query_one(ContentSwitcher)
        if self.picture is None and self.place.view != "clusters":
            switcher.current = "no-picture"
            return
        view = self.view
        switcher.current = view.id
        view.enter(self.place)
        view.update_view()
        if not self.query_one(FilterLine).display:
            # With the first picture, that is: who types a filter already goes on with it.
            view.focus_first()
        keys.repaint()

    def picture_gone(self) -> None:
        """There is nothing to show any more; the page says why."""
        self._place_changed()

    def cluster_changed(self) -> None:
        """Another cluster is looked at: nothing of the old one is left to see or to come back to."""
        self.clear_marks()
        self._history.clear()
        self.place = Place("cluster")
        self.query_one("#views").remove_class("stale")
        self.query_one(EmptyPage).show_failure(None)
        self._place_changed()
        self.timeline.cluster_changed()

    def on_clusters_view_chosen(self, event: ClustersView.Chosen) -> None:
        """A line of the overview was opened."""
        event.stop()
        if event.name == self.jobmon.cluster:
            self.go(Place("cluster"))
        else:
            self.jobmon.choose_cluster(event.name)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is for several clusters is not there for one."""
        if action == "pick_cluster" or (action, parameters) == ("open_view", ("clusters",)):
            return self.jobmon.overview is not None
        return True

    def _show_view(self) -> None:
        switcher = self.query_one(ContentSwitcher)
        if switcher.current == "no-picture":
            self._place_changed()
        else:
            self.view.update_view()

    # The filter.

    def set_filter(self, text: str) -> None:
        """Filter jobs by what was typed. One that does not parse is shown as such and changes nothing."""
        header = self.query_one(StatusHeader)
        try:
            self.filter = parse_filter(text)
        except FilterError as error:
            header.filter = FilterState(text=text, error=error.message)
            self.query_one(FilterLine).show_error(error)
        else:
            header.filter = FilterState(text=text)
            self._tell_what_is_needed()
            self.query_one(FilterLine).show_error(None)
            if self.picture is not None:
                self.view.update_view()
                self.time_passed()
        header.repaint()

    def filter_counted(self, listing: Listing | None) -> None:
        """The listing that is looked at knows how many jobs or nodes the filter lets through."""
        header = self.query_one(StatusHeader)
        if listing is not None and header.filter.text and not header.filter.error:
            header.filter = FilterState(text=header.filter.text, shown=listing.shown, total=listing.total)
            header.repaint()

    def action_filter(self) -> None:
        """Open the line to type a filter in."""
        line = self.query_one(FilterLine)
        line.open(self.query_one(StatusHeader).filter.text)

    def on_filter_line_typed(self, event: FilterLine.Typed) -> None:
        """Filter at every key press."""
        self.set_filter(event.text)

    def on_filter_line_closed(self, event: FilterLine.Closed) -> None:
        """Enter keeps the filter, escape takes it off; the focus goes back to the view."""
        self.set_filter(self.filter.text if event.keep else "")
        self.query_one(FilterLine).display = False
        self.view.focus_first()

    def action_mine(self) -> None:
        """Only the jobs of whoever runs jobmon; again: everyone's."""
        mine = self.jobmon.own_name
        self.set_filter(self.filter.with_user(None if self.filter.user == mine else mine).text)

    # Jumping, readings, yanking, help.

    def action_next_reading(self) -> None:
        """Colour nodes by the next reading that this snapshot has."""
        self.jobmon.next_reading()
        self.view.update_view()

    def action_next_group(self) -> None:
        """Group nodes by the next property."""
        self.jobmon.next_group()
        self.view.update_view()

    def on_table_marked(self, event: Table.Marked) -> None:
        """Rows were marked, or marks taken off."""
        event.stop()
        self.marked = event.keys

    def clear_marks(self) -> None:
        """Take all marks off."""
        for table in self.query(Table):
            table.clear_marks()
        self.marked = frozenset()

    def action_yank(self) -> None:
        """Copy what is marked, or what the cursor is on, to the clipboard of the user's own terminal."""
        things: Sequence[str] = sorted(self.marked) or self.view.yankable()
        if not things:
            return
        text = " ".join(things)
        self.app.copy_to_clipboard(text)
        self.app.notify(printable(text, 200), title="Copied", timeout=3, markup=False)

    def action_redraw(self) -> None:
        """Draw everything anew: another program may have written over the terminal."""
        self.jobmon.redraw()

    def action_help(self) -> None:
        """All keys that work here."""
        self.app.push_screen(HelpScreen(self.active_bindings.values()))

    def commands(self) -> Iterable[SystemCommand]:
        """What the command palette offers besides the app's own."""
        for _, title, name in self._top_views:
            yield SystemCommand(f"View: {title}", "Open this view", partial(self.action_open_view, name))
        yield SystemCommand("Next reading", "Colour the nodes by another reading", self.action_next_reading)
        yield SystemCommand("Next grouping", "Group the nodes differently", self.action_next_group)
        yield SystemCommand("Only my jobs", "Filter by my own user name", self.action_mine)
