"""The time machine below every view: the timeline, and what its keys do to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Vertical

from jobmon_tui.tui.screens.instant import InstantPrompt
from jobmon_tui.tui.widgets.timeline import TimelineBar

if TYPE_CHECKING:
    from jobmon_tui.tui.app import JobmonApp
    from jobmon_tui.tui.screens.main import MainScreen

PLAY_PACE = 0.25
"""Seconds between two steps while the past is played."""


class TimelinePane(Vertical):
    """Hidden until it is opened; what it shows is the app's time machine."""

    @property
    def jobmon(self) -> JobmonApp:
        """The app, typed."""
        return cast("JobmonApp", self.app)

    @property
    def main(self) -> MainScreen:
        """The screen that it is part of."""
        return cast("MainScreen", self.screen)

    @property
    def bar(self) -> TimelineBar:
        """The timeline itself."""
        return self.query_one(TimelineBar)

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return bool(self.display)

    def compose(self) -> ComposeResult:
        """Nothing but the timeline."""
        yield TimelineBar(self.jobmon.time_machine)

    def on_mount(self) -> None:
        """Hidden, and ready to play."""
        self.display = False
        self.set_interval(PLAY_PACE, self._play)
        self.set_interval(1.0, self._tick)

    def open(self) -> None:
        """Show it, and let the keys move in it."""
        self.display = True
        self.jobmon.time_machine.read_timeline(again=True)
        self.screen.set_focus(self.bar)
        self.show_time()

    def close(self) -> None:
        """Hide it, and come back to the present."""
        if self.is_open:
            if self.bar.has_focus:
                self.main.view.focus_first()
            self.display = False
        if self.jobmon.time_machine.is_past:
            self.jobmon.show_present()
        self.show_time()

    def cluster_changed(self) -> None:
        """Another cluster has another past."""
        if self.is_open:
            self.jobmon.time_machine.read_timeline(again=True)
        self.show_time()

    def time_passed(self) -> None:
        """There is something new on the timeline, or another instant is shown."""
        if self.is_open:
            self.jobmon.time_machine.read_timeline()
            self.show_time()

    def show_time(self) -> None:
        """Everything that says which instant is shown follows the time machine."""
        bar = self.bar
        bar.machine = self.jobmon.time_machine
        bar.now, bar.user, bar.comparison = self.jobmon.clock(), self.main.filter.user, self.jobmon.comparison
        bar.repaint()
        self.main.show_time()

    def on_timeline_bar_wanted(self, event: TimelineBar.Wanted) -> None:
        """A key or a click on the timeline."""
        event.stop()
        machine, amount = self.jobmon.time_machine, event.amount
        match event.what:
            case "step":
                machine.step(int(amount))
            case "jump":
                machine.jump(amount)
            case "to":
                machine.to(amount)
            case "first":
                machine.to_first()
            case "last":
                machine.to_last()
            case "play":
                machine.toggle_playing()
            case "speed":
                machine.change_speed(int(amount))
            case "mark":
                self.jobmon.mark_instant()
                self.main.comparison_changed()
            case "ask" if machine.timeline or not machine.is_read:
                prompt = InstantPrompt(self.jobmon.clock(), machine.timeline)
                self.app.push_screen(prompt, self._typed)
            case "live":
                self.close()
        self.show_time()

    def _typed(self, time: float | None) -> None:
        if time is not None:
            self.jobmon.time_machine.to(time)
            self.show_time()

    def _tick(self) -> None:
        """How long ago the instant was is a second more."""
        if self.is_open:
            self.bar.now = self.jobmon.clock()
            self.bar.repaint()

    def _play(self) -> None:
        machine = self.jobmon.time_machine
        if machine.is_playing:
            machine.pass_time(PLAY_PACE)
            self.show_time()
