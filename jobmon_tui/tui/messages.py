"""What the threads tell the app. Threads post these and touch nothing else."""

from __future__ import annotations

from typing import Any

from textual.message import Message

from jobmon_tui.analysis.timeline import Timeline
from jobmon_tui.tui.picture import Failure, Picture


class FromFeed(Message):
    """Something that a feed brought."""

    origin: object = None
    """Whose it is (a `Watched`): after a change to another cluster, what the old one still says is void."""


class PictureReady(FromFeed):
    """A new picture. A newer one replaces it while it waits: a slow terminal gets the newest only."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture

    def can_replace(self, message: Message) -> bool:
        """Only the newest picture is worth drawing."""
        return isinstance(message, PictureReady)


class PollFailed(FromFeed):
    """The feed failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure


class PollState(FromFeed):
    """A poll began or ended, or its pace changed: the status line shows it."""

    def __init__(self, *, polling: bool, pace: float) -> None:
        super().__init__()
        self.polling = polling
        self.pace = pace

    def can_replace(self, message: Message) -> bool:
        """Only the last state counts."""
        return isinstance(message, PollState)


class TimelineRead(FromFeed):
    """Which instants the feed can show."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self.timeline = timeline


class PastReady(FromFeed):
    """A picture of the past. It may come twice: at once, and again with what took longer to find out."""

    def __init__(self, picture: Picture, asked: float) -> None:
        super().__init__()
        self.picture = picture
        self.asked = asked
        """The instant that was asked for, in Unix seconds."""


class PastFailed(FromFeed):
    """An instant, or the timeline, could not be read."""

    def __init__(self, message: str, hint: str, asked: float | None) -> None:
        super().__init__()
        self.message = message
        self.hint = hint
        self.asked = asked
        """The instant that was asked for, in Unix seconds; ``None``: the timeline."""


class DeskDone(Message):
    """Something that was worked out away from the UI thread."""

    def __init__(self, topic: str, result: Any) -> None:
        super().__init__()
        self.topic = topic
        self.result = result
