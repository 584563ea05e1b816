"""Apps without a terminal that count what they would write to one, and what painting costs the UI thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from textual._compositor import CompositorUpdate
from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.widget import Widget

import jobmon_tui.tui.app
from jobmon_tui.feeds.base import Feed
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.tui import textual_compat
from jobmon_tui.tui.app import JobmonApp
from jobmon_tui.tui.options import WatchOptions
from jobmon_tui.tui.theme import DEFAULT_THEME, THEMES

SIZE = (200, 50)
"""Columns and lines of the screen that the budget is for."""


class Cost(NamedTuple):
    """What a change of the picture cost."""

    cpu: float
    """Milliseconds of the UI thread, from the call to the last frame, writing it in escape codes included."""
    all_cpu: float
    """Milliseconds of all threads."""
    bytes: int
    frames: int


class Counting(App[None]):
    """Counts frames and bytes as the terminal would get them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._bytes = 0
        self._frames = 0
        self._painted = (0.0, 0.0)
        self._painted_at = 0.0

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate) and not self._batch_count:
            self._bytes += len(renderable.render_segments(self.console).encode())
            self._frames += 1
            self._note()
        super()._display(screen, renderable)

    def _note(self) -> None:
        self._painted = (time.thread_time(), time.process_time())
        self._painted_at = time.monotonic()

    async def cost(self, change: Callable[[], object], quiet: float = 0.15) -> Cost:
        """Change something and wait until nothing more is painted for that many seconds."""
        self._bytes = self._frames = 0
        self._note()
        begin = self._painted
        change()
        self._note()
        while time.monotonic() - self._painted_at < quiet:
            await asyncio.sleep(0.02)
        ui, everything = ((self._painted[place] - begin[place]) * 1000 for place in (0, 1))
        return Cost(ui, everything, self._bytes, self._frames)


class Canvas(Counting):
    """One widget that fills the screen."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DEFAULT_THEME
        self._widget = widget

    def on_mount(self) -> None:
        """Write as jobmon does."""
        textual_compat.install()

    def compose(self) -> ComposeResult:
        """The widget alone."""
        yield self._widget


class CountingJobmon(Counting, JobmonApp):
    """The whole app."""

    CSS_PATH = str(Path(jobmon_tui.tui.app.__file__).with_name("jobmon.tcss"))


class StepFeed(Feed):
    """Gives one snapshot until it is told to go on to another."""

    title = "bench"
    interval = 86_400.0

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def latest(self) -> Snapshot:
        """The present one."""
        return self.snapshot


def counting_jobmon(feed: StepFeed, **options: Any) -> CountingJobmon:
    """The whole app, with a clock that stands still so that the age costs nothing."""
    return CountingJobmon(feed, WatchOptions(**options), clock=lambda: feed.snapshot.timestamp)
