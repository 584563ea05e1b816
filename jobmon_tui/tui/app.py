"""The application: it owns the feed's threads, the newest picture, and the screen that shows it."""

from __future__ import annotations

import asyncio
import gc
import getpass
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Event, Key, Paste
from textual.screen import Screen

from jobmon_tui.analysis.groups import GROUPINGS, Grouper, NodeGroup
from jobmon_tui.analysis.readings import Reading, available_readings
from jobmon_tui.analysis.warnings import DEFAULT_THRESHOLDS
from jobmon_tui.feeds.base import Feed
from jobmon_tui.tui import textual_compat
from jobmon_tui.tui.chart_source import ChartSource
from jobmon_tui.tui.desk import Desk
from jobmon_tui.tui.messages import DeskDone, PictureReady, PollFailed, PollState
from jobmon_tui.tui.options import WatchOptions
from jobmon_tui.tui.picture import Failure, Picture
from jobmon_tui.tui.poller import Poller
from jobmon_tui.tui.remember import Remembered
from jobmon_tui.tui.screens.main import MainScreen
from jobmon_tui.tui.screens.wall import WallScreen
from jobmon_tui.tui.theme import DEFAULT_THEME, THEMES
from jobmon_tui.tui.typed_order import TypedOrder
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
        self.feed = feed
        self.clock = clock
        self.options = options or WatchOptions()
        self.remembered = Remembered.load()
        self.columns = self.remembered.columns | {
            table: list(keys) for table, keys in self.options.columns.items()
        }
        """Table to the keys of the columns that it has now."""
        self.picture: Picture | None = None
        self.failure: Failure | None = None
        self.paused = False
        self.reading_key = ""
        self.own_name = own_name()
        interval = self.options.interval or self.remembered.interval or feed.interval
        self.poller = Poller(feed, self.post_message, interval, self.options.thresholds or DEFAULT_THRESHOLDS)
        self.poller.group_key = self.group_key
        self.desk = Desk(self.post_message)
        # A store of measurements may take seconds to answer: lists must not wait for it.
        self.series_desk = Desk(self.post_message)
        self.chart_source = ChartSource(feed, self.poller.seen)
        self._grouper = Grouper()
        self._typed = TypedOrder(self, super().on_event)
        self._watch: MainScreen | WallScreen | None = None

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
        self.poller.start()
        if self.options.notice:
            self.notify(self.options.notice, timeout=8, markup=False)

    def redraw(self) -> None:
        """Draw the whole screen, whatever the terminal is thought to show."""
        textual_compat.forget_screen(self)
        self.screen.refresh()

    def on_unmount(self) -> None:
        """Leave at once: calls under way are ended, not waited for."""
        self.poller.stop()
        self.desk.stop()
        self.series_desk.stop()

    # What the threads tell.

    @property
    def _watching(self) -> MainScreen | WallScreen | None:
        """The screen to tell; none while the app shuts down, when its widgets go one by one."""
        return self._watch if self.is_running else None

    def on_picture_ready(self, message: PictureReady) -> None:
        """A new picture: everything before it is past, failures too."""
        failed = self.failure is not None
        self.failure = None
        watch = self._watching
        if watch is None:
            return
        if message.picture is not self.picture:
            self.picture = message.picture
            with self.batch_update():
                watch.picture_ready(message.picture)
        if failed:
            watch.failure_changed(None)

    def on_poll_failed(self, message: PollFailed) -> None:
        """The last picture stays, and the user is told."""
        self.failure = message.failure
        if watch := self._watching:
            watch.failure_changed(message.failure)

    def on_poll_state(self, message: PollState) -> None:
        """Pace or polling changed."""
        if watch := self._watching:
            watch.status_changed()

    def on_desk_done(self, message: DeskDone) -> None:
        """A view gets what it asked for."""
        if watch := self._watching:
            watch.desk_done(message.topic, message.result)

    def _print_error_renderables(self) -> None:
        """Textual would print a traceback on the user's terminal here; `run_app` raises it instead."""

    # What keys do to the whole app.

    async def on_event(self, event: Event) -> None:
        """What is typed waits for what was typed before it; see `typed_order`."""
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            await self._typed.take(event)
        else:
            await super().on_event(event)

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
        header.title_text, header.kind = self.feed.title, self.feed.kind
        header.pace, header.interval, header.paused = self.poller.pace, self.poller.interval, self.paused
        header.repaint()
        banner.failure, banner.picture = self.failure, self.picture
        height = banner.wanted_height
        if banner.display != bool(height) or banner.shown_height != height:
            banner.shown_height = height
            banner.styles.height = height
            banner.display = bool(height)
        banner.repaint()

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
                while not (self.desk.is_idle and self.series_desk.is_idle):
                    await asyncio.sleep(0.01)


def own_name() -> str:
    """The name of whoever runs jobmon; empty where the machine does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


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
