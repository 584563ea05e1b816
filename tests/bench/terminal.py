"""A program in a pseudo-terminal: what it writes and when, what is then on the screen, and keys for it.

A thread of its own takes what the program writes, as a terminal would, and notes when it came. A terminal
emulator (pyte) reads it afterwards, so that its own slowness is in no figure.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import pyte

JOBMON = (sys.executable, "-m", "jobmon_tui")
KEYS = {
    "up": "\x1b[A",
    "down": "\x1b[B",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "backspace": "\x7f",
}
"""What a terminal sends for keys that are no character."""
SYNC_BEGIN = b"\x1b[?2026h"
"""Stands before each frame where the terminal has said that it understands it."""

SMALL_FRAME = 100
"""Bytes up to which a frame is no more than the clock's next second."""

_SYNC_QUESTION = b"\x1b[?2026$p"
_SYNC_ANSWER = b"\x1b[?2026;2$y"
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=?][0-9;]*(?:\$p|u)|\x1b\]52;[^\x07\x1b]*(?:\x07|\x1b\\)")
_UNFINISHED = re.compile(rb"\x1b(?:\[[^@-~]*|\][^\x07\x1b]*|)\Z")
_PRIVATE_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")

Cell = tuple[Any, ...]


class Chunk(NamedTuple):
    """Something that the program wrote."""

    time: float
    """When it came, by `time.monotonic`."""
    data: bytes


class Screen:
    """What a terminal shows after some output."""

    def __init__(self, columns: int, lines: int) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._held_back = b""

    def feed(self, data: bytes) -> None:
        """Take a piece of output, which may end in the middle of a sequence."""
        data = self._held_back + data
        unfinished = _UNFINISHED.search(data)
        cut = unfinished.start() if unfinished else len(data)
        self._held_back = data[cut:]
        self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", data[:cut]))

    def resize(self, columns: int, lines: int) -> None:
        """Give it another size."""
        self._screen.resize(lines, columns)

    def lines(self) -> list[str]:
        """The characters, line by line, without the blanks at their ends."""
        return [line.rstrip() for line in self._screen.display]

    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines())

    def column(self, x: int) -> str:
        """The characters of one column, from above."""
        screen = self._screen
        return "".join(screen.buffer[y][x].data for y in range(screen.lines))

    def cells(self) -> list[list[Cell]]:
        """Every cell with its character and its style."""
        screen = self._screen
        return [[tuple(screen.buffer[y][x]) for x in range(screen.columns)] for y in range(screen.lines)]


class PtyTerminal:
    """Runs a program in a pseudo-terminal until it is left.

    Args:
        command: The program and its arguments.
        columns: Of the terminal.
        lines: Of the terminal.
        home: The folder that the program takes for its user's home.
        environment: Variables beside the usual ones of a terminal; ``None`` takes one away.
        bytes_per_second: How fast the line to the terminal is; ``None``: as fast as this machine.
    """

    def __init__(
        self,
        command: Sequence[str],
        columns: int = 200,
        lines: int = 50,
        *,
        home: Path,
        environment: Mapping[str, str | None] | None = None,
        bytes_per_second: float | None = None,
    ) -> None:
        self.size = (columns, lines)
        self.chunks: list[Chunk] = []
        self._seen = 0
        self._rate = bytes_per_second
        self._screen = Screen(columns, lines)
        self._master, slave = os.openpty()
        self._set_size(columns, lines)
        # The shell opens the terminal as the first program of its session: it then is the one that resizes
        # and Ctrl-C are told to.
        opens = ("/bin/sh", "-c", 'exec "$@" <"$0" >"$0" 2>"$0"', os.ttyname(slave))
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*opens, *command], env=_environment(home, environment or {}), start_new_session=True
        )
        self._slave: int | None = slave
        self._ended = threading.Event()
        self._leave = threading.Event()
        self._reader = threading.Thread(target=self._read_all, name="pty-reader", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._leave.set()
        self._reader.join(2)
        for descriptor in (self._master, self._slave):
            if descriptor is not None:
                os.close(descriptor)

    def _read_all(self) -> None:
        step = 65536 if self._rate is None else max(1, int(self._rate / 50))
        while not self._leave.is_set():
            if not select.select([self._master], [], [], 0.05)[0]:
                if self.process.poll() is not None:
                    break
                continue
            try:
                data = os.read(self._master, step)
            except OSError:
                break
            if _SYNC_QUESTION in data:
                os.write(self._master, _SYNC_ANSWER)
            if self._rate is not None:
                # It is on the screen only when it has come over the line.
                time.sleep(len(data) / self._rate)
            self.chunks.append(Chunk(time.monotonic(), data))
        self._ended.set()

    # What the program does.

    @property
    def count(self) -> int:
        """Bytes written so far."""
        return sum(len(chunk.data) for chunk in self.chunks)

    def frames(self, since: int = 0) -> int:
        """Frames sent, counted from that chunk on; those that hold next to nothing do not count."""
        return sum(len(frame) > SMALL_FRAME for frame in self.raw(since).split(SYNC_BEGIN)[1:])

    def raw(self, since: int = 0) -> bytes:
        """What was written, from that chunk on."""
        return b"".join(chunk.data for chunk in self.chunks[since:])

    def private_mode(self, number: int) -> bool | None:
        """Whether a private mode of the terminal (1049: the other screen, 25: the cursor) was left on."""
        state: bool | None = None
        for match in _PRIVATE_MODE.finditer(self.raw()):
            if str(number).encode() in match[1].split(b";"):
                state = match[2] == b"h"
        return state

    @property
    def screen(self) -> Screen:
        """The screen after everything written so far."""
        while self._seen < len(self.chunks):
            self._screen.feed(self.chunks[self._seen].data)
            self._seen += 1
        return self._screen

    def screen_before(self, chunk: int) -> Screen:
        """Another screen with what was written up to that chunk."""
        screen = Screen(*self.size)
        for earlier in self.chunks[:chunk]:
            screen.feed(earlier.data)
        return screen

    def memory(self) -> float:
        """What the program holds of this machine's memory, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        match = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert match is not None
        return int(match[1]) * 1024 / 1e6

    def cpu(self, *, main_thread: bool = False) -> float:
        """CPU seconds that it has used, all of its threads together or its first one."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        which = [str(self.process.pid)] if main_thread else [task.name for task in tasks.iterdir()]
        return sum(float((tasks / task / "schedstat").read_text().split()[0]) for task in which) / 1e9

    # What is done to the program.

    def send(self, *keys: str) -> float:
        """Press keys, by their name in `KEYS` or as characters; returns when."""
        pressed = time.monotonic()
        os.write(self._master, "".join(KEYS.get(key, key) for key in keys).encode())
        return pressed

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size, or tell it the same once more."""
        self.screen.resize(columns, lines)
        self.size = (columns, lines)
        self._set_size(columns, lines)
        self.process.send_signal(signal.SIGWINCH)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    # Waiting.

    def wait_for(self, holds: Callable[[Screen], object], seconds: float = 20.0) -> float:
        """Wait until the screen shows what was asked for.

        Returns:
            When what made it hold was written, by `time.monotonic`.

        Raises:
            TimeoutError: It never did; with what the screen shows.
        """
        deadline = time.monotonic() + seconds
        if holds(self.screen):
            return self.chunks[self._seen - 1].time if self._seen else time.monotonic()
        while True:
            while self._seen < len(self.chunks):
                chunk = self.chunks[self._seen]
                self._seen += 1
                self._screen.feed(chunk.data)
                if holds(self._screen):
                    return chunk.time
            if time.monotonic() > deadline or self._ended.is_set():
                raise TimeoutError(f"the screen never came to show it:\n{self._screen.text()}")
            time.sleep(0.002)

    def wait_for_text(self, pattern: str, seconds: float = 20.0) -> float:
        """Wait until some line of the screen matches; see `wait_for`."""
        compiled = re.compile(pattern)
        return self.wait_for(lambda screen: compiled.search(screen.text()), seconds)

    def wait_quiet(self, quiet: float = 0.15, seconds: float = 10.0) -> None:
        """Wait until nothing was written for some time, or until the time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            last = self.chunks[-1].time if self.chunks else self.started
            if time.monotonic() - last >= quiet:
                return
            time.sleep(0.01)

    def wait_end(self, seconds: float = 10.0) -> int:
        """Wait for the program to end and for its last words; returns its exit status."""
        status = self.process.wait(seconds)
        self._ended.wait(2)
        return status


def _environment(home: Path, changes: Mapping[str, str | None]) -> dict[str, str]:
    """What a program in a terminal sees: nothing of the settings of whoever runs this."""
    kept = {
        name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV") if name in os.environ
    }
    made = {
        **kept,
        "HOME": str(home),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}
