"""Where in time the app is: the instant that is shown, how it moves, what it is compared with.

Lives on the UI thread and only does arithmetic; reading is the `PastReader`'s.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from jobmon_tui.analysis.timeline import Timeline
from jobmon_tui.tui.past_reader import PastReader
from jobmon_tui.tui.picture import Picture

SPEEDS = (30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Seconds of the cluster's time that pass in a second while the past is played."""
_USUAL_SPEED = SPEEDS.index(300.0)
TIMELINE_PACE = 20.0
"""Seconds after which the timeline is read again while it is looked at."""


class TimeMachine:
    """The instant that is shown: the present, or one of those that a feed has kept.

    Args:
        reader: Reads the past of the feed that is looked at now.
        clock: Tells the time, in Unix seconds.
        show: Has a picture drawn that is at hand; others come through `arrived`.
    """

    def __init__(
        self,
        reader: Callable[[], PastReader],
        clock: Callable[[], float],
        show: Callable[[], None] = lambda: None,
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._show = show
        self.timeline = Timeline()
        self.is_read = False
        """Whether the timeline has been read at all."""
        self.asked: float | None = None
        """The instant that was asked for, in Unix seconds; ``None`` in the present."""
        self.shown: Picture | None = None
        """The picture of the past that is shown; ``None`` in the present."""
        self.marked: Picture | None = None
        """What every other instant is compared with."""
        self.is_playing = False
        self.problem = ""
        """Why the instant that was asked for, or the timeline, could not be read."""
        self._arrived: float | None = None
        """The instant that the shown picture was asked by."""
        self._speed = _USUAL_SPEED
        self._play_time = 0.0
        self._read_at = 0.0
        self._early: list[Callable[[], None]] = []
        """What was asked for before it was known which instants there are."""

    @property
    def is_past(self) -> bool:
        """Whether an instant of the past is shown or asked for."""
        return self.asked is not None

    @property
    def is_waiting(self) -> bool:
        """Whether what was asked for is not there yet."""
        return self.asked is not None and not self.problem and self._arrived != self.asked

    @property
    def shows_past(self) -> bool:
        """Whether the past is shown, or about to be; the present stays where no past could be read."""
        return self.shown is not None or self.is_waiting

    @property
    def instant(self) -> float | None:
        """What is shown of the past, or about to be, in Unix seconds; ``None`` for the present."""
        return self.asked if self.shows_past else None

    @property
    def speed(self) -> float:
        """Seconds of the cluster's time that pass in a second of playing."""
        return SPEEDS[self._speed]

    # What the reader tells.

    def read_timeline(self, *, again: bool = False) -> None:
        """Have the timeline read, unless that was done a short while ago.

        Args:
            again: Have it read whenever it was.
        """
        now = self._clock()
        if again or not self.is_read or not 0 <= now - self._read_at < TIMELINE_PACE:
            self._read_at = now
            self._reader().ask_timeline()

    def timeline_read(self, timeline: Timeline) -> None:
        """The timeline has been read."""
        self.timeline, self.is_read = timeline, True
        if self.asked is None:
            self.problem = ""
        early, self._early = self._early, []
        for move in early:
            self._once_read(move)

    def arrived(self, picture: Picture, asked: float) -> bool:
        """A picture of the past has come; whether it is to be shown.

        One that was asked for before the last one is: whoever holds an arrow key sees that time passes.
        """
        is_late = asked != self.asked and self._arrived == self.asked
        if self.asked is None or is_late:
            return False
        self.shown, self._arrived = picture, asked
        if asked == self.asked:
            self.problem = ""
        return True

    def failed(self, message: str, asked: float | None) -> None:
        """An instant, or (with ``None``) the timeline, could not be read."""
        if asked is None:
            self.is_read = True
            self._early.clear()
        if asked is None or asked == self.asked:
            self.problem = message
            self.is_playing = False

    # Moving.

    def _once_read(self, move: Callable[[], None]) -> None:
        """Move now or, before it is known which instants there are, as soon as it is."""
        if not self.is_read:
            self._early.append(move)
        elif self.timeline:
            move()

    def to(self, time: float) -> None:
        """Go to the kept instant that is nearest to a time (Unix seconds)."""
        self._once_read(lambda: self._to(time))

    def _to(self, time: float) -> None:
        before = self.asked
        time = self.timeline.nearest(time)
        self.asked, self.problem = time, ""
        self._play_time = time
        back = before is not None and time < before
        around = [
            self.timeline.stepped(time, -1 if back else 1),
            self.timeline.stepped(time, 1 if back else -1),
        ]
        picture = self._reader().ask(time, [one for one in around if one != time])
        if picture is not None:
            self.shown, self._arrived = picture, time
            self._show()

    def step(self, count: int) -> None:
        """So many kept instants later or, below zero, earlier."""
        self._once_read(lambda: self._to(self.timeline.stepped(self._now, count)))

    def jump(self, seconds: float) -> None:
        """About so many seconds later or, below zero, earlier; at least to the next kept instant."""
        self._once_read(lambda: self._jump(seconds))

    def _jump(self, seconds: float) -> None:
        there = self.timeline.nearest(self._now + seconds)
        if (there - self._now) * seconds <= 0:
            there = self.timeline.stepped(self._now, 1 if seconds > 0 else -1)
        self._to(there)

    def to_first(self) -> None:
        """To the oldest instant that is kept."""
        self._once_read(lambda: self._to(self.timeline.first))

    def to_last(self) -> None:
        """To the newest instant that is kept; the present goes on from there."""
        self._once_read(lambda: self._to(self.timeline.last))

    def to_present(self) -> None:
        """Back to the present."""
        self.asked = self.shown = self._arrived = None
        self._early.clear()
        self.is_playing = False
        self.problem = ""

    @property
    def _now(self) -> float:
        """The instant that steps are counted from."""
        if self.asked is not None:
            return self.asked
        # The newest kept one shows what the present shows: the first step goes to the one before it.
        return self.timeline.last

    # Playing.

    def toggle_playing(self) -> None:
        """Play forward from here, or stop; at the end (and in the present) begin where everything does."""
        self._once_read(self._toggle_playing)

    def _toggle_playing(self) -> None:
        self.is_playing = not self.is_playing
        if self.is_playing and (self.asked is None or self.asked >= self.timeline.last):
            self._to(self.timeline.first)

    def change_speed(self, step: int) -> None:
        """Play faster (above zero) or slower."""
        self._speed = max(0, min(len(SPEEDS) - 1, self._speed + step))

    def pass_time(self, seconds: float) -> None:
        """Go on playing after so many seconds; while a picture is still being made, time stands still."""
        if not self.is_playing or self.asked is None or self.is_waiting:
            return
        play_time = self._play_time + seconds * self.speed
        times = self.timeline.times
        there = times[max(0, bisect_right(times, play_time) - 1)]
        if there > self.asked:
            self._to(there)
        self._play_time = play_time
        if play_time >= self.timeline.last:
            self.is_playing = False

    # Comparing.

    def toggle_mark(self, present: Picture | None) -> None:
        """Mark the instant that is shown; where it is the marked one, take the mark off.

        Args:
            present: The newest picture, which is marked where no other is shown.
        """
        picture = self.shown or present
        is_same = (
            self.marked is not None
            and picture is not None
            and picture.snapshot.timestamp == self.marked.snapshot.timestamp
        )
        self.marked = None if is_same else picture
