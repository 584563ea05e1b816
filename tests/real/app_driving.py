"""The app on a real Slurm, driven as people drive it: keys in, pictures out."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from textual import events
from textual.pilot import Pilot

from jobmon_tui.backends.slurm import SlurmBackend
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.sources.slurm.answer import SlurmSource
from jobmon_tui.tui.app import JobmonApp
from jobmon_tui.tui.options import WatchOptions
from jobmon_tui.tui.screens.main import MainScreen
from jobmon_tui.tui.widgets.core_grid import CoreGrid
from jobmon_tui.tui.widgets.core_painter import OWN
from tests.pictures import screen_text
from tests.real.slurm_cluster import SlurmCluster

NEVER = 3600.0
"""An interval within which no test polls a second time by itself."""
INSTANT = 1.0
"""Seconds that quitting may take on a busy machine with two cores."""


class Driver:
    """Somebody in front of the app.

    Args:
        pilot: Of the app that runs.
    """

    def __init__(self, pilot: Pilot[None]) -> None:
        self.pilot = pilot
        self.quit_at: float | None = None
        """When q was pressed for the last time."""

    @property
    def app(self) -> JobmonApp:
        """The app."""
        return cast(JobmonApp, self.pilot.app)

    @property
    def main(self) -> MainScreen:
        """The screen that holds the views, whatever lies over it."""
        return next(screen for screen in self.app.screen_stack if isinstance(screen, MainScreen))

    @property
    def text(self) -> str:
        """What the screen shows."""
        return screen_text(self.app)

    @property
    def words(self) -> str:
        """What the screen shows without frames, each run of blanks as one: sentences may be wrapped."""
        return " ".join(re.sub(r"[╭╮╰╯│─]", " ", self.text).split())

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that the picture was made of."""
        assert self.app.picture is not None
        return self.app.picture.snapshot

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other, waiting for the app in between."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type as quick fingers do, without waiting for the app."""
        for character in text:
            self.app.post_message(events.Key("space" if character == " " else character, character))
        await self.pilot.pause()

    async def until(self, holds: Callable[[], object], seconds: float = 15.0) -> None:
        """Wait until something holds; fails with the screen's text."""
        deadline = time.monotonic() + seconds
        # Pilot.pause() would wait until nothing in this process works any more: for long, while it polls.
        while not holds():
            assert time.monotonic() < deadline, f"it never came to hold; the screen:\n{self.text}"
            await asyncio.sleep(0.01)

    async def sees(self, pattern: str, seconds: float = 15.0) -> re.Match[str]:
        """Wait until the screen shows what the pattern matches (across one line)."""
        await self.until(lambda: re.search(pattern, self.text), seconds)
        found = re.search(pattern, self.text)
        assert found is not None
        return found

    async def no_longer_sees(self, pattern: str, seconds: float = 15.0) -> None:
        """Wait until the screen shows nothing that the pattern matches."""
        await self.until(lambda: not re.search(pattern, self.text), seconds)

    async def polls(self) -> Snapshot:
        """Have the cluster asked once more and wait for the picture."""
        before = self.app.picture
        await self.press("r")
        await self.until(lambda: self.app.picture is not before)
        await self.app.settled()
        return self.snapshot

    async def filters(self, text: str) -> tuple[int, int]:
        """Type a filter in place of the one there is, on a view of jobs.

        Returns:
            How many jobs it lets through, and of how many, as the app says.
        """
        await self.press("slash", "ctrl+u")
        await self.type(text)
        await self.press("enter")
        counted = await self.sees(rf"filter {re.escape(text)}  ([\d,]+)/([\d,]+)")
        await self.app.settled()
        return int(counted[1]), int(counted[2])

    def rows(self, states: str = "RUNNING|PENDING") -> list[str]:
        """The ids of the jobs that are listed in one of these states, from above."""
        return re.findall(rf"^│.? +([\d_\[\]%-]+) .* (?:{states}) ", self.text, re.MULTILINE)

    async def opens(self, kind: str, name: str) -> str:
        """Jump to a job or node by its name, and wait until it is there.

        Args:
            kind: ``Job`` or ``Node``.
            name: The job's id or the node's name.

        Returns:
            The screen's words.
        """
        await self.press("colon")
        await self.type(name)
        await self.press("enter")
        await self.sees(rf"─ +{kind} {re.escape(name)} ")
        await self.app.settled()
        return self.words

    async def key_to_screen(self, key: str, pattern: str) -> float:
        """Press a key; the seconds until the screen shows what the pattern matches."""
        assert not re.search(pattern, self.text), "it is there already"
        started = time.monotonic()
        self.app.simulate_key(key)
        await self.sees(pattern)
        return time.monotonic() - started

    async def quits(self) -> None:
        """Press q at the top of the app and wait for its end; `opened` sees to it that this was quick."""
        self.quit_at = time.monotonic()
        self.app.simulate_key("q")
        while self.app.is_running:
            assert time.monotonic() - self.quit_at < 15, self.text
            await asyncio.sleep(0.01)


@asynccontextmanager
async def opened(
    size: tuple[int, int] = (160, 45),
    *,
    source: SlurmSource | None = None,
    interval: float = NEVER,
    with_picture: bool = True,
) -> AsyncIterator[Driver]:
    """The app on the Slurm that this process's environment points at.

    Args:
        size: Columns and lines of the terminal.
        source: How Slurm is asked; by default the way that jobmon chooses by itself.
        interval: Seconds between two polls.
        with_picture: Wait until there is a first picture.
    """
    app = JobmonApp(LiveFeed(SlurmBackend(source)), WatchOptions(interval=interval))
    async with app.run_test(size=size) as pilot:
        driver = Driver(pilot)
        if with_picture:
            await driver.until(lambda: app.picture is not None)
            await app.settled()
            await pilot.pause()
        yield driver
    if driver.quit_at is not None:
        assert time.monotonic() - driver.quit_at < INSTANT, "quitting took too long"


def program() -> str:
    """jobmon as its users start it."""
    return str(Path(sys.executable).with_name("jobmon"))


def environment_on(cluster: SlurmCluster) -> dict[str, str]:
    """The environment of jobmon as a program of its own, which is to look at that cluster."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("XDG_", "TERM", "HOME"))}
    return cluster.environment | kept


def assert_harmless(text: str) -> None:
    """That nothing in a text could control a terminal."""
    wrong = {character for character in text if unicodedata.category(character)[0] == "C"} - {"\n"}
    assert not wrong, f"{sorted(map(ascii, wrong))} on the screen"


def drawn_cores(grid: CoreGrid, cores_per_socket: int) -> tuple[int, ...]:
    """The cores that a core grid draws as the job's own, found by where they stand.

    Args:
        grid: The grid of a node that has one thread for each core, wide enough for a socket in a line.
        cores_per_socket: How many of its cells stand in one line.
    """
    own: list[int] = []
    for line in _lines(grid):
        if match := re.match(r"socket (\d+) (.*)", line):
            cells = match[2].ljust(2 * cores_per_socket)
            first = int(match[1]) * cores_per_socket
            own += [first + place for place in range(cores_per_socket) if cells[2 * place] == OWN]
    return tuple(own)


def drawn_gpus(grid: CoreGrid) -> tuple[int, ...]:
    """The GPUs that a core grid draws as the job's own."""
    line = next((line for line in _lines(grid) if line.startswith("gpus ")), "")
    return tuple(int(number) for number, mark in re.findall(r"(\d+) (\S)", line) if mark == OWN)


def _lines(grid: CoreGrid) -> list[str]:
    return [grid.render_line(y).text.rstrip() for y in range(grid.size.height)]
