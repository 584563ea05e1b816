"""jobmon in a real pseudo-terminal: what is then on the screen, how much was written, how it is left."""

from __future__ import annotations

import base64
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bench.terminal import JOBMON, Cell, PtyTerminal, Screen

pytestmark = pytest.mark.slow

COLUMNS, LINES = 200, 50
STILL = ("--interval", "86400")
"""One picture, and none after it."""
MOST_BYTES = 40 * 1024
"""What another page or another view may write at 200x50."""
REST_SECONDS, REST_BYTES = 6, 512
"""What may be written each second while nothing changes but the age of the picture."""

OpenTerminal = Callable[..., PtyTerminal]


@pytest.fixture
def open_terminal(isolated: Path) -> Iterator[OpenTerminal]:
    """Opens jobmon's demo in a terminal and waits until its jobs are shown."""
    with ExitStack() as terminals:

        def open_it(
            *arguments: str, size: tuple[int, int] = (COLUMNS, LINES), wait: str = r"\d running"
        ) -> PtyTerminal:
            terminal = PtyTerminal([*JOBMON, "--demo", *arguments], *size, home=isolated)
            terminals.enter_context(terminal)
            terminal.wait_for_text(wait)
            terminal.wait_quiet(0.4)
            return terminal

        yield open_it


def without_age(cells: list[list[Cell]]) -> list[list[Cell]]:
    """All cells but those of the picture's age, which goes on by itself."""
    first = "".join(cell[0] for cell in cells[0])
    age = re.search(r"\S+ \S+ ago", first)
    assert age is not None, first
    return [[*cells[0][: age.start() - 6], *cells[0][age.end() :]], *cells[1:]]


def painted_anew(terminal: PtyTerminal) -> Screen:
    """What a fresh terminal shows after the whole screen was painted once."""
    before = len(terminal.chunks)
    # Being told its size makes an app paint everything, and everything must be in what it then writes.
    terminal.resize(*terminal.size)
    terminal.wait_for(lambda _: len(terminal.chunks) > before)
    terminal.wait_quiet(0.4)
    fresh = Screen(*terminal.size)
    fresh.feed(terminal.raw(before))
    return fresh


def test_many_small_paints_leave_what_painting_everything_shows(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal("--interval", "0.5")
    keys = (
        "down", "down", "x", "pagedown", "j", "k", "x", "up", "S", "f", "m", "g", "tab", "down", "down",
        "tab", "l", "j", "2", "pagedown", "down", "s", "escape", "3", "down", "5", "tab", "down", "1",
    )  # fmt: skip
    for key in keys:
        if key == "escape":
            terminal.wait_for_text("Sort by")
        terminal.send(key)
        if key == "escape":
            # What comes with it in one read, as on a busy machine, makes another key of it.
            terminal.wait_for(lambda screen: "Sort by" not in screen.text())
        time.sleep(0.07)
    terminal.wait_for(lambda screen: "Users" in screen.text())
    terminal.send("/")
    terminal.wait_for_text("Clear the filter")
    for key in (*"state:run", "enter"):
        terminal.send(key)
        time.sleep(0.07)
    terminal.wait_for_text(r"filter state:run +[\d,]+/")
    terminal.send("pagedown", "down", " ")
    terminal.wait_for_text("PAUSED")
    terminal.wait_quiet(0.4)
    shown = terminal.screen.cells()
    fresh = painted_anew(terminal)
    assert "larkspur" in fresh.text()
    assert without_age(fresh.cells()) == without_age(shown)


def test_q_quits_and_gives_the_terminal_back(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    assert terminal.private_mode(1049) is True
    assert terminal.private_mode(25) is False
    terminal.send("q")
    assert terminal.wait_end() == 0
    for mode, state in (
        (1049, False),
        (25, True),
        (1000, False),
        (1003, False),
        (1006, False),
        (2004, False),
    ):
        assert terminal.private_mode(mode) is state, f"mode {mode} was left otherwise"


def test_without_a_terminal_it_says_so_in_two_lines(isolated: Path) -> None:
    ended = subprocess.run(
        [*JOBMON, "--demo"], capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=20, check=False
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "needs a terminal" in ended.stderr.splitlines()[0]
    assert "jobmon report" in ended.stderr
    assert len(ended.stderr.splitlines()) <= 2


def test_a_terminal_that_cannot_be_drawn_on_gets_words(isolated: Path) -> None:
    with PtyTerminal([*JOBMON, "--demo"], 80, 24, home=isolated, environment={"TERM": "dumb"}) as terminal:
        assert terminal.wait_end() == 2
        assert b"\x1b" not in terminal.raw()
        assert "needs a terminal" in terminal.screen.text()


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (59, 20)])
def test_tiny_terminals_are_told_and_survived(open_terminal: OpenTerminal, size: tuple[int, int]) -> None:
    terminal = open_terminal(size=(80, 24))
    before = len(terminal.chunks)
    terminal.resize(*size)
    terminal.wait_for(lambda screen: len(terminal.chunks) > before and "running" not in screen.text())
    terminal.wait_quiet(0.4)
    assert "running" not in terminal.screen.text()
    for key in ("down", "2", "pagedown", "1"):
        terminal.send(key)
    terminal.wait_quiet(0.4)
    terminal.resize(80, 24)
    terminal.wait_for_text(r"\d running")
    terminal.send("q")
    assert terminal.wait_end() == 0


def test_a_picture_that_stays_writes_next_to_nothing(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(*STILL)
    before = terminal.count
    time.sleep(REST_SECONDS)
    assert terminal.count - before <= REST_BYTES * REST_SECONDS


VIEWS = {"2": r"─  Job \d", "3": "─  Node ", "5": "─  Partitions ", "1": "─  Users "}
"""Keys, and what the views show that they open."""


@pytest.mark.parametrize("key", VIEWS)
def test_another_view_writes_no_more_than_a_screen(open_terminal: OpenTerminal, key: str) -> None:
    terminal = open_terminal(*STILL)
    if key == "1":
        terminal.send("2")
        terminal.wait_for_text(VIEWS["2"])
        terminal.wait_quiet(0.6)
    before = terminal.count
    terminal.send(key)
    terminal.wait_for_text(VIEWS[key])
    terminal.wait_quiet(0.6)
    assert terminal.count - before <= MOST_BYTES


def test_another_page_writes_no_more_than_a_screen(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal("--view", "jobs", *STILL)
    before = terminal.count
    terminal.send("pagedown")
    terminal.wait_for(lambda _: terminal.count > before)
    terminal.wait_quiet(0.4)
    assert terminal.count - before <= MOST_BYTES


def test_yank_reaches_the_clipboard_of_the_users_own_terminal(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal("--view", "jobs", *STILL)
    before = len(terminal.chunks)
    terminal.send("x", "x")
    terminal.wait_for(lambda screen: screen.column(2).count("*") == 2)
    terminal.send("y")
    terminal.wait_for_text("Copied")
    sequence = re.search(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)(?:\x07|\x1b\\)", terminal.raw(before))
    assert sequence is not None
    yanked = base64.b64decode(sequence[1], validate=True).decode().split()
    numbers = {re.split("[_[]", one)[0] for one in yanked}
    lines = [line for line in terminal.screen.lines() if line[2:3] == "*"]
    assert len(lines) == len(numbers) == 2
    assert all(any(number in line for line in lines) for number in numbers), (numbers, lines)
