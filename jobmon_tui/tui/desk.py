"""The thread that works things out for the views: listings, groups, matches.

Sorting or filtering 50,000 rows takes tens of milliseconds, which the UI thread must not spend. A view asks
the desk; what was asked last on a topic is all that counts, so fast typing never builds up a queue.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

from textual.message import Message

from jobmon_tui.tui.messages import DeskDone

HEAD_START = 0.03
"""Seconds that what needs no sorting takes to be drawn."""

_log = logging.getLogger(__name__)


class Desk:
    """One thread that answers the newest question on each topic.

    Args:
        post: Takes a message from any thread (the app's ``post_message``).
    """

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post
        self._questions: dict[str, Callable[[], Any]] = {}
        self._change = threading.Condition()
        self._stopped = False
        self._working = False
        self._not_before = 0.0
        self._thread = threading.Thread(target=self._run, name="jobmon-desk", daemon=True)

    @property
    def is_idle(self) -> bool:
        """Whether every question has been answered."""
        with self._change:
            return not self._questions and not self._working

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        with self._change:
            self._stopped = True
            self._questions.clear()
            self._change.notify_all()

    def ask(self, topic: str, work: Callable[[], Any]) -> None:
        """Have something worked out; a `DeskDone` message with that topic brings the result.

        Args:
            topic: An earlier question on the same topic that is not begun yet is dropped.
            work: Takes no argument, touches no widget, and returns the result.
        """
        with self._change:
            self._questions.pop(topic, None)
            self._questions[topic] = work
            self._change.notify_all()

    def hold(self, seconds: float = HEAD_START) -> None:
        """Begin with nothing for so many seconds: what is drawn meanwhile is drawn in half of the time."""
        with self._change:
            self._not_before = monotonic() + seconds

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._stopped:
                    left = self._not_before - monotonic()
                    if self._questions and left <= 0:
                        break
                    self._change.wait(left if self._questions else None)
                if self._stopped:
                    return
                topic = next(iter(self._questions))
                work = self._questions.pop(topic)
                self._working = True
            try:
                result = work()
            except Exception:
                _log.exception("working out %s failed", topic)
            else:
                self._post(DeskDone(topic, result))
            with self._change:
                self._working = False
