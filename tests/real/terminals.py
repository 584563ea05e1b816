"""A program on a pseudo-terminal, and what a terminal emulator makes of what it writes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import pyte

_PRIVATE = 5
"""Bits by which pyte shifts the numbers of a terminal's private modes."""
LEFT_BEHIND = {1000, 1002, 1003, 1004, 1006, 1015, 1049, 2004}
"""Private modes that a program must have turned off when it ends: mouse, focus, second screen, pasting."""
CURSOR = 25
"""The private mode in which the cursor is seen."""


class Terminal:
    """Runs a program on a terminal of its own; whatever still runs when left is ended.

    Args:
        command: The program and its arguments.
        environment: Its whole environment.
        size: Columns and lines.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], size: tuple[int, int] = (120, 40)
    ) -> None:
        columns, lines = size
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._settings: list[Any] = termios.tcgetattr(self._slave)
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""
        """Everything that it wrote."""
        self._process = subprocess.Popen(
            command,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=environment,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)
        os.close(self._slave)

    @property
    def text(self) -> str:
        """What the terminal shows."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def sees(self, pattern: str, seconds: float = 15.0) -> None:
        """Wait until the terminal shows what the pattern matches (across one line)."""
        self._wait_for(lambda: re.search(pattern, self.text), f"{pattern!r} never came", seconds)

    def no_longer_sees(self, pattern: str, seconds: float = 15.0) -> None:
        """Wait until the terminal shows nothing that the pattern matches."""
        self._wait_for(lambda: not re.search(pattern, self.text), f"{pattern!r} never went", seconds)

    def press(self, keys: str) -> None:
        """Send keys as a terminal does."""
        os.write(self._master, keys.encode())

    def ends(self, seconds: float) -> int:
        """Wait until the program has ended; its exit status."""
        self._wait_for(lambda: self._process.poll() is not None, "it did not end", seconds)
        while self._read(0.05):
            pass
        return int(self._process.returncode)

    def assert_restored(self) -> None:
        """That the terminal is as the program found it."""
        assert termios.tcgetattr(self._slave) == self._settings
        on = {mode >> _PRIVATE for mode in self._screen.mode}
        assert on & LEFT_BEHIND == set()
        assert CURSOR in on

    def _wait_for(self, holds: Callable[[], object], complaint: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{complaint}; the terminal:\n{self.text}"
            self._read(0.01)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        piece = os.read(self._master, 65536)
        self.written += piece
        self._stream.feed(piece)
        return True
