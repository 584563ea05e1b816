"""What the threads tell the app. Threads post these and touch nothing else."""

from __future__ import annotations

from typing import Any

from textual.message import Message

from jobmon_tui.tui.picture import Failure, Picture


class PictureReady(Message):
    """A new picture. A newer one replaces it while it waits: a slow terminal gets the newest only."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture

    def can_replace(self, message: Message) -> bool:
        """Only the newest picture is worth drawing."""
        return isinstance(message, PictureReady)


class PollFailed(Message):
    """The feed failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure


class PollState(Message):
    """A poll began or ended, or its pace changed: the status line shows it."""

    def __init__(self, *, polling: bool, pace: float) -> None:
        super().__init__()
        self.polling = polling
        self.pace = pace

    def can_replace(self, message: Message) -> bool:
        """Only the last state counts."""
        return isinstance(message, PollState)


class DeskDone(Message):
    """Something that was worked out away from the UI thread."""

    def __init__(self, topic: str, result: Any) -> None:
        super().__init__()
        self.topic = topic
        self.result = result
