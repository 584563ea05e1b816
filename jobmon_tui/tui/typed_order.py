"""What is typed, one key after the other: each is looked at once what the one before it did has been done.

Textual gives a key to the widget that has the focus when the key comes. From there it wanders up to the app,
from queue to queue, and only then is the action run that it is bound to. Of several keys that come in one go,
as they do over a slow line, all would be given to the widget that has the focus now, although the first of
them opens the line that the others are meant for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from textual.app import App
from textual.events import Key, Paste
from textual.message_pump import MessagePump
from textual.widget import Widget
from textual.widgets import Input

QUIET_ROUNDS = 2
"""So many times a message must wander up the way of a key, with the focus staying where it is, until what the
key did counts as done: a line that is closed says so to its own widget first, and that to the screen."""
LONGEST_WAIT = 2.0
"""Seconds after which the next key is given out all the same: nothing that goes wrong may keep the keys."""
DECIDES_WITHIN = 1.0
"""Seconds that a key waits for a screen to close that has all it needs but an answer from outside."""
LOOKS_EVERY = 0.05
"""Seconds between two looks whether it has closed."""
AT_ONCE = "ctrl+c"
"""The key that waits for nothing."""
MOVES = frozenset(
    modifier + key
    for modifier in ("", "shift+")
    for key in ("left", "right", "up", "down", "pageup", "pagedown")
)
"""Keys that move something and open nothing: those that follow each other need not wait. A held key comes
thirty times a second."""


class Undecided:
    """A screen that may have been told all it asks for, and closes once it can tell what comes of it.

    What is typed meanwhile is meant for what comes after.
    """

    is_undecided = False
    """Whether it only waits for an answer from outside."""

    def give_up(self) -> None:
        """Close with nothing: the user does something else."""
        raise NotImplementedError


class TypedOrder:
    """Holds keys and pasted text back while those before them are still under way.

    Args:
        app: The app that they are for.
        give_out: The app's own way of giving them to the widget that has the focus.
    """

    def __init__(self, app: App[Any], give_out: Callable[[Key | Paste], Awaitable[None]]) -> None:
        self._app = app
        self._give_out = give_out
        self._waiting: deque[Key | Paste] = deque()
        self._under_way: Key | Paste | None = None
        """What was given out last, until all that it does is done."""
        self._typing_in: Input | None = None
        """The line that it is text for."""
        self._limit: asyncio.TimerHandle | None = None
        self._held_until: float | None = None
        """When a screen has to have decided that keys wait for, in the event loop's seconds."""
        self._target: Widget | None = None
        """Where it went, or the present round began."""
        self._round = 0
        """The number of the present round; 0 while there is none."""
        self._rounds = 0
        self._quiet = 0

    async def take(self, event: Key | Paste) -> None:
        """A key was pressed, or text pasted: give it out at once, or after those before it."""
        is_quit = isinstance(event, Key) and event.key == AT_ONCE
        goes_on = not self._waiting and (self._goes_on_typing(event) or self._goes_on_moving(event))
        is_next = self._under_way is None and not self._waiting and self._undecided(event) is None
        if is_quit or is_next or goes_on:
            await self._give(event)
            return
        self._waiting.append(event)
        if self._round:
            return
        if self._under_way is None:
            self._hold()
        else:
            self._begin_round()

    def came_back(self, event: Key) -> None:
        """A key is back at the app, and what it is bound to was run; that may have more to follow."""
        if event is self._under_way:
            # A round that began before it was back has seen nothing of that.
            self._target, self._quiet = self._focused, 0
            self._begin_round()

    @property
    def _focused(self) -> Widget:
        return self._app.focused or self._app.screen

    def _line_for(self, event: Key | Paste) -> Input | None:
        """The line that has the focus, if this is text: it takes text in the order in which it gets it."""
        focused = self._focused
        is_text = isinstance(event, Paste) or event.is_printable
        return focused if isinstance(focused, Input) and is_text else None

    def _goes_on_typing(self, event: Key | Paste) -> bool:
        return self._typing_in is not None and self._line_for(event) is self._typing_in

    def _goes_on_moving(self, event: Key | Paste) -> bool:
        before = self._under_way
        return (
            isinstance(event, Key) and event.key in MOVES and isinstance(before, Key) and before.key in MOVES
        )

    def _undecided(self, event: Key | Paste) -> Undecided | None:
        """The screen that this has to wait for; the key that closes it does not."""
        screen = self._app.screen
        is_for_it = isinstance(event, Key) and event.key == "escape"
        return screen if isinstance(screen, Undecided) and screen.is_undecided and not is_for_it else None

    def _hold(self) -> None:
        """Keep what waits until the screen has closed, and have it closed in the end."""
        loop = asyncio.get_running_loop()
        if self._held_until is None:
            self._held_until = loop.time() + DECIDES_WITHIN
            loop.call_later(LOOKS_EVERY, self._look_again)

    def _look_again(self) -> None:
        loop = asyncio.get_running_loop()
        screen = self._undecided(self._waiting[0]) if self._waiting else None
        if screen is not None and self._held_until is not None and loop.time() < self._held_until:
            loop.call_later(LOOKS_EVERY, self._look_again)
            return
        self._held_until = None
        if self._under_way is not None:
            return
        if screen is not None:
            screen.give_up()
        # What it comes to may open something, as any key may.
        self._target, self._quiet = self._focused, 0
        self._begin_round()

    async def _give(self, event: Key | Paste) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = asyncio.get_running_loop().call_later(LONGEST_WAIT, self._give_up)
        self._under_way, self._typing_in = event, self._line_for(event)
        self._target, self._round, self._quiet = self._focused, 0, 0
        await self._give_out(event)
        if not event.is_forwarded or self._waiting:
            self._begin_round()

    def _begin_round(self) -> None:
        """Send a message the way that a key goes, behind all that waits there."""
        target = self._target or self._focused
        self._rounds += 1
        self._round = self._rounds
        self._pass_on(self._round, target.ancestors_with_self)

    def _pass_on(self, number: int, way: Sequence[MessagePump]) -> None:
        # A widget that is being removed takes no messages any more; the next one does.
        for place, node in enumerate(way, 1):
            after = self._round_done if node is self._app else self._pass_on
            if node.call_later(after, number, way[place:]):
                return

    async def _round_done(self, number: int, _way: object) -> None:
        if number != self._round:
            return
        focused = self._focused
        self._quiet = self._quiet + 1 if focused is self._target else 0
        self._target = focused
        if self._quiet < QUIET_ROUNDS:
            self._begin_round()
        else:
            await self._next()

    def _give_up(self) -> None:
        self._round = 0
        self._app.call_later(self._next)

    async def _next(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self._under_way = self._typing_in = None
        self._round = 0
        if self._waiting and self._undecided(self._waiting[0]) is not None:
            self._hold()
        elif self._waiting:
            await self._give(self._waiting.popleft())
        while self._waiting and self._goes_on_typing(self._waiting[0]):
            await self._give(self._waiting.popleft())
