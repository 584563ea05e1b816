"""The application: it owns the feed's threads, the newest picture, and the screen that shows it."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Event, Key, Paste
from textual.screen import Screen

from jobmon_tui.analysis.diff import Comparison, compare
from jobmon_tui.analysis.groups import GROUPINGS, Grouper, NodeGroup
from jobmon_tui.analysis.readings import Reading, available_readings
from jobmon_tui.analysis.warnings import DEFAULT_THRESHOLDS, Thresholds
from jobmon_tui.feeds.base import Feed
from jobmon_tui.model.text import printable
from jobmon_tui.tui import textual_compat
from jobmon_tui.tui.chart_source import ChartSource
from jobmon_tui.tui.desk import Desk
from jobmon_tui.tui.messages import (
    DeskDone,
    PastFailed,
    PastReady,
    PictureReady,
    PollFailed,
    PollState,
    TimelineRead,
)
from jobmon_tui.tui.options import WatchOptions, own_name
from jobmon_tui.tui.overview import Overview
from jobmon_tui.tui.paced import Paced
from jobmon_tui.tui.picture import Failure, Picture
from jobmon_tui.tui.poller import Poller
from jobmon_tui.tui.remember import Remembered
from jobmon_tui.tui.screens.main import MainScreen
from jobmon_tui.tui.screens.wall import WallScreen
from jobmon_tui.tui.switching import MadeFeed, made_feed
from jobmon_tui.tui.theme import DEFAULT_THEME, THEMES
from jobmon_tui.tui.time_machine import TimeMachine
from jobmon_tui.tui.typed_order import TypedOrder
from jobmon_tui.tui.watched import Watched
from jobmon_tui.tui.widgets.status import FailureBanner, StatusHeader

PACES = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Intervals, in seconds, that the keys for slower and faster go through."""


class JobmonApp(App[None]):
    """jobmon on a terminal.

    Args:
        feed: Where snapshots come from; the app opens and closes it.
        options: What the command line asked for.
        clock: Tells the time, in Unix seconds, that ages are counted from.
    """

    CSS_PATH = "jobmon.tcss"
    TITLE = "jobmon"
    ESCAPE_TO_MINIMIZE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+c", "quit", "quit", show=False, priority=True, id="app.quit_now", tooltip="Quit at once"
        ),
    ]

    def __init__(
        self, feed: Feed, options: WatchOptions | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__()
        self.clock = clock
        self.options = options or WatchOptions()
        self.remembered = Remembered.load()
        self.columns = self.remembered.columns | {
            table: list(keys) for table, keys in self.options.columns.items()
        }
        """Table to the keys of the columns that it has now."""
        self.present: Picture | None = None
        """The newest picture, shown or not."""
        self.failure: Failure | None = None
        self.comparison: Comparison | None = None
        """What changed from the marked instant to the one that is shown, once it has been worked out."""
        self.paused = False
        self.reading_key = ""
        self.own_name = own_name()
        thresholds = self.options.thresholds or DEFAULT_THRESHOLDS
        self.watched = self._watch_feed(feed, self.options.interval, thresholds)
        self._past_views = Paced(self, self._show_past)
        clusters = self.options.clusters
        self.cluster = next((choice.name for choice in clusters if choice.is_shown), "")
        """The cluster that is shown, as the configuration calls it; empty for the one at its top."""
        self.overview = Overview(clusters, self.own_name, clock=clock) if clusters else None
        self.time_machine = TimeMachine(lambda: self.watched.past, clock, self._past_views.ask)
        self.desk = Desk(self.post_message)
        # A store of measurements may take seconds to answer: lists must not wait for it.
        self.series_desk = Desk(self.post_message)
        self._grouper = Grouper()
        self._typed = TypedOrder(self, super().on_event)
        self._watch: MainScreen | WallScreen | None = None

    def _watch_feed(self, feed: Feed, interval: float | None, thresholds: Thresholds) -> Watched:
        pace = interval or self.remembered.interval or feed.interval
        return Watched(feed, self.post_message, pace, thresholds, lambda: self.group_key)

    @property
    def feed(self) -> Feed:
        """Where snapshots come from now."""
        return self.watched.feed

    @property
    def poller(self) -> Poller:
        """What polls that feed."""
        return self.watched.poller

    @property
    def chart_source(self) -> ChartSource:
        """Where charts get their measurements from."""
        return self.watched.chart_source

    @property
    def picture(self) -> Picture | None:
        """The picture that is shown: the newest one, or one of the past."""
        return self.time_machine.shown or self.present

    def on_mount(self) -> None:
        """Show the first screen, then begin to poll."""
        textual_compat.install()
        for theme in THEMES:
            self.register_theme(theme)
        wanted = self.options.theme or self.remembered.theme or DEFAULT_THEME
        self.theme = wanted if wanted in self.available_themes else DEFAULT_THEME
        self.animation_level = "none"
        if self.options.wall:
            self._watch = WallScreen(self.options.wall_seconds)
        else:
            self._watch = MainScreen(view=self.options.view, filter_text=self.options.filter)
        self.push_screen(self._watch)
        self.theme_changed_signal.subscribe(self, self._theme_changed)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        self.desk.start()
        self.series_desk.start()
        self.watched.start()
        if self.options.notice:
            self.notify(self.options.notice, timeout=8, markup=False)

    def redraw(self) -> None:
        """Draw the whole screen, whatever the terminal is thought to show."""
        textual_compat.forget_screen(self)
        self.screen.refresh()

    def on_unmount(self) -> None:
        """Leave at once: calls under way are ended, not waited for."""
        self.watched.stop()
        if self.overview is not None:
            self.overview.close()
        self.desk.stop()
        self.series_desk.stop()

    # What the threads tell.

    @property
    def _watching(self) -> MainScreen | WallScreen | None:
        """The screen to tell; none while the app shuts down, when its widgets go one by one."""
        return self._watch if self.is_running else None

    def on_picture_ready(self, message: PictureReady) -> None:
        """A new picture: everything before it is past, failures too."""
        watch = self._watching
        if watch is None or message.origin is not self.watched:
            return
        failed = self.failure is not None
        self.failure = None
        if message.picture is not self.present:
            self.present = message.picture
            if self.overview is not None:
                self.overview.told(self.cluster, message.picture.snapshot, self.feed.title)
            if self.time_machine.shown is None:
                self._show_picture(message.picture)
            watch.time_passed()
        if failed:
            watch.failure_changed(None)

    def on_poll_failed(self, message: PollFailed) -> None:
        """The last picture stays, and the user is told."""
        watch = self._watching
        if watch is not None and message.origin is self.watched:
            self.failure = message.failure
            watch.failure_changed(message.failure)

    def on_poll_state(self, message: PollState) -> None:
        """Pace or polling changed."""
        if watch := self._watching:
            watch.status_changed()

    def on_timeline_read(self, message: TimelineRead) -> None:
        """It is known which instants there are."""
        watch = self._watching
        if watch is not None and message.origin is self.watched:
            was_known = bool(self.time_machine.timeline)
            self.time_machine.timeline_read(message.timeline)
            watch.time_passed()
            if self.picture is not None and not was_known:
                # Charts of everything that is kept waited for it.
                self._show_picture(self.picture)

    def on_past_ready(self, message: PastReady) -> None:
        """A picture of the past, if the user has not returned meanwhile."""
        watch = self._watching
        if watch is None or message.origin is not self.watched:
            return
        if self.time_machine.arrived(message.picture, message.asked):
            self._past_views.ask()
            watch.time_passed()

    def _show_past(self) -> None:
        """The views show the instant that is shown by then; header and timeline were quicker."""
        if self.time_machine.shown is not None:
            # The map and the header are on the screen before lists are sorted.
            self.desk.hold()
            self._show_picture(self.time_machine.shown)

    def on_past_failed(self, message: PastFailed) -> None:
        """An instant or the timeline could not be read: the picture stays, and the timeline says why."""
        watch = self._watching
        if watch is not None and message.origin is self.watched:
            self.time_machine.failed(f"{message.message} {message.hint}".rstrip(), message.asked)
            watch.time_passed()

    def _show_picture(self, picture: Picture) -> None:
        if watch := self._watching:
            self._compare()
            with self.batch_update():
                watch.picture_ready(picture)

    def choose_cluster(self, name: str) -> None:
        """Show another cluster of the configuration.

        Args:
            name: As the configuration calls it; empty for the one at its top.
        """
        choice = next((one for one in self.options.clusters if one.name == name), None)
        if choice is not None and name != self.cluster:
            # Whoever waits for another list must not wait for a backend to be loaded.
            self.series_desk.ask("cluster", partial(made_feed, choice))

    def _show_cluster(self, made: MadeFeed) -> None:
        """Another cluster's feed is made: nothing of the old one stays on the screen."""
        if made.feed is None:
            self.notify(printable(made.problem, 400), title=made.choice.title, severity="error", markup=False)
            return
        self.watched.stop()
        self.watched = self._watch_feed(made.feed, made.choice.interval, made.choice.thresholds)
        self.cluster = made.choice.name
        self.present = self.failure = self.comparison = None
        self.time_machine = TimeMachine(lambda: self.watched.past, self.clock, self._past_views.ask)
        if self.overview is not None:
            self.overview.shows(self.cluster)
        if isinstance(self._watch, MainScreen):
            self._watch.cluster_changed()
        self.watched.poller.set_paused(self.paused)
        self.watched.start()

    def show_present(self) -> None:
        """Leave the past."""
        self.time_machine.to_present()
        if self.present is not None:
            self._show_picture(self.present)
        elif isinstance(self._watch, MainScreen):
            # It never answered: only its past was there to be seen.
            self._watch.picture_gone()

    def mark_instant(self) -> None:
        """Mark the instant that is shown, to compare others with it, or take the mark off."""
        self.time_machine.toggle_mark(self.present)
        self._compare()

    def _compare(self) -> None:
        """Have it worked out what changed since the marked instant."""
        marked, picture = self.time_machine.marked, self.picture
        if marked is None or picture is None or marked is picture:
            self.comparison = None
            return
        before, after = marked.index, picture.index
        self.desk.ask("compare", lambda: compare(before, after))

    def on_desk_done(self, message: DeskDone) -> None:
        """A view gets what it asked for."""
        watch = self._watching
        if watch is not None and isinstance(message.result, Comparison):
            # It may have been asked for before the mark was taken off.
            self.comparison = message.result if self.time_machine.marked is not None else None
            watch.comparison_changed()
        elif isinstance(message.result, MadeFeed):
            self._show_cluster(message.result)
        elif watch is not None:
            watch.desk_done(message.topic, message.result)

    def _print_error_renderables(self) -> None:
        """Textual would print a traceback on the user's terminal here; `run_app` raises it instead."""

    # What keys do to the whole app.

    async def on_event(self, event: Event) -> None:
        """What is typed waits for what was typed before it; see `typed_order`."""
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            await self._typed.take(event)
            return
        await super().on_event(event)
        if isinstance(event, Key):
            self._typed.came_back(event)

    def action_refresh_now(self) -> None:
        """Poll now."""
        self.poller.poll_now()

    def action_toggle_pause(self) -> None:
        """Stop polling, or go on."""
        self.paused = not self.paused
        self.poller.set_paused(self.paused)
        if watch := self._watching:
            watch.status_changed()

    def action_pace(self, step: int) -> None:
        """Poll less often (1) or more often (-1)."""
        now = self.poller.interval
        slower = [pace for pace in PACES if pace > now] or [PACES[-1]]
        faster = [pace for pace in PACES if pace < now] or [PACES[0]]
        interval = slower[0] if step > 0 else faster[-1]
        self.poller.set_interval(interval)
        self.remembered.interval = interval
        self.remembered.save()
        self.notify(f"One refresh in {interval:.0f} s", timeout=2)

    def action_next_theme(self) -> None:
        """Go through jobmon's own themes."""
        names = [theme.name for theme in THEMES]
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(place + 1) % len(names)]

    def _theme_changed(self, theme: object) -> None:
        self.remembered.theme = self.theme
        self.remembered.save()
        if watch := self._watching:
            watch.theme_changed()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The command palette: what has no key, and the themes one by one."""
        yield SystemCommand("Quit", "Leave jobmon", self.exit)
        yield SystemCommand("Refresh now", "Ask for a new picture at once", self.action_refresh_now)
        yield SystemCommand("Pause or go on", "Keep the picture as it is", self.action_toggle_pause)
        for name in self.available_themes:
            yield SystemCommand(f"Theme: {name}", "Change the colours", partial(self._set_theme, name))
        if isinstance(self._watch, MainScreen):
            yield from self._watch.commands()

    def _set_theme(self, name: str) -> None:
        self.theme = name

    # What the screens share.

    def show_status(self, header: StatusHeader, banner: FailureBanner) -> None:
        """Bring the lines at the top of a screen up to date."""
        header.clock = banner.clock = self.clock
        header.picture, header.failure = self.picture, self.failure
        header.instant, header.is_waiting = self.time_machine.instant, self.time_machine.is_waiting
        header.title_text, header.kind = self.feed.title, self.feed.kind
        header.pace, header.interval, header.paused = self.poller.pace, self.poller.interval, self.paused
        header.written_every = self.feed.written_every or 0.0
        header.repaint()
        banner.show(self.failure, self.picture)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The node readings that the newest picture has."""
        return available_readings(self.picture.index) if self.picture else ()

    @property
    def reading(self) -> Reading:
        """The reading that nodes are coloured by: the chosen one while the picture has it."""
        readings = self.readings
        chosen = [reading for reading in readings if reading.key == self.reading_key]
        return (chosen or list(readings))[0]

    def next_reading(self) -> None:
        """Choose the next reading that the picture has."""
        keys = [reading.key for reading in self.readings]
        if keys:
            self.reading_key = keys[(keys.index(self.reading.key) + 1) % len(keys)]

    @property
    def group_key(self) -> str:
        """What nodes are grouped by."""
        chosen = self.remembered.group
        return chosen if chosen in GROUPINGS else next(iter(GROUPINGS))

    def next_group(self) -> None:
        """Group nodes by the next property, and remember it."""
        keys = list(GROUPINGS)
        self.remembered.group = keys[(keys.index(self.group_key) + 1) % len(keys)]
        self.remembered.save()
        self.poller.group_key = self.group_key

    @property
    def groups(self) -> tuple[NodeGroup, ...]:
        """The nodes of the newest picture in groups; made here only if the grouping has just been changed."""
        picture = self.picture
        if picture is None:
            return ()
        if picture.group_key == self.group_key:
            return picture.groups
        return self._grouper.groups(picture.index, self.group_key)

    async def settled(self, seconds: float = 10.0) -> None:
        """Wait until a picture is shown and all is worked out; for tests and screenshots."""
        async with asyncio.timeout(seconds):
            while self.picture is None and self.failure is None:
                await asyncio.sleep(0.01)
            for _ in range(2):
                await asyncio.sleep(0.02)
                while not (self.desk.is_idle and self.series_desk.is_idle and self.watched.past.is_idle):
                    await asyncio.sleep(0.01)


def run_app(feed: Feed, options: WatchOptions) -> int:
    """Open jobmon on this terminal until the user quits.

    Returns:
        The exit status of the process.

    Raises:
        Exception: Whatever ended the app against its will, once the terminal is restored.
    """
    # The threads that read and sort give way to the one that draws a thousand times a second.
    sys.setswitchinterval(0.001)
    app = JobmonApp(feed, options)
    app.run()
    # Python would otherwise look through everything once more on its way out, for a fifth of a second.
    gc.freeze()
    if app._exception is not None:
        raise app._exception
    return app.return_code or 0
