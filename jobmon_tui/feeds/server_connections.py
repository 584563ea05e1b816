"""The open connections of a server: how many there may be, and which goes when another comes."""

from __future__ import annotations

import socket
import threading
import time as clock
from collections import OrderedDict
from contextlib import suppress

ROOM_SECONDS = 1.0
"""Seconds that a newcomer waits for room."""


class Connections:
    """Knows which connections are open and which of them wait for a question; any thread may tell it.

    Args:
        most: How many may be open at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._idle: OrderedDict[socket.socket, None] = OrderedDict()
        """In the order in which they became idle."""
        self._is_closing = False

    @property
    def is_crowded(self) -> bool:
        """Whether it is better that nobody stays for another question."""
        return self._is_closing or len(self._open) > self._most / 2

    def admit(self, connection: socket.socket) -> bool:
        """Take a connection in; one that has been idle longest has to go if there is no room.

        Returns:
            Whether there is room, after a moment.
        """
        until = clock.monotonic() + ROOM_SECONDS
        with self._changed:
            while len(self._open) >= self._most:
                if self._idle:
                    _cut(self._idle.popitem(last=False)[0])
                if not self._changed.wait(max(0.0, until - clock.monotonic())):
                    return False
            if self._is_closing:
                return False
            self._open.add(connection)
            return True

    def mark_idle(self, connection: socket.socket) -> None:
        """It waits for a question, or for the rest of one."""
        with self._changed:
            if self._is_closing:
                _cut(connection)
            self._idle[connection] = None

    def mark_busy(self, connection: socket.socket) -> None:
        """Its question is whole and is being answered."""
        with self._changed:
            self._idle.pop(connection, None)

    def leave(self, connection: socket.socket) -> None:
        """It is over."""
        with self._changed:
            self._open.discard(connection)
            self._idle.pop(connection, None)
            self._changed.notify_all()

    def close_all(self, seconds: float) -> None:
        """Close those that are idle, and the others when they are answered, or after so many seconds."""
        with self._changed:
            self._is_closing = True
            for connection in self._idle:
                _cut(connection)
            self._changed.wait_for(lambda: not self._open, seconds)
            for connection in self._open:
                _cut(connection)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
