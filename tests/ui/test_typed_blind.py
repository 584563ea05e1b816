"""Keys that come faster than jobmon can show what they do: each reaches what the one before it opened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bench.terminal import JOBMON, PtyTerminal

SIZE = (120, 40)

FILTER = ("/user:x", r"filter user:x ")
# With some to be busy with before.
PICK = (f"{'j' * 20}{'k' * 20}uqzh\r", r"filter user:qzhang ")
JUMP = (":gina003\r", r"─  Node gina003 ")
ALL = ("2/state:run\rjj:queue\r", r" filter state:run (.|\n)*─  Pending jobs ")
TYPED = (FILTER, PICK, JUMP, ALL)
"""What is typed in one go, and what is then to be seen."""

OpenTerminal = Callable[[], PtyTerminal]


@pytest.fixture
def open_terminal(isolated: Path) -> Iterator[OpenTerminal]:
    """Opens jobmon's demo in a terminal and waits for nothing but its first output."""
    with ExitStack() as terminals:

        def open_it() -> PtyTerminal:
            terminal = PtyTerminal([*JOBMON, "--demo", "--interval", "86400"], *SIZE, home=isolated)
            terminals.enter_context(terminal)
            terminal.wait_for(lambda _: terminal.count)
            return terminal

        yield open_it


def typed(terminal: PtyTerminal, keys: str, pieces: int, pause: float) -> None:
    """Send keys in so many pieces, as alike as can be, with a pause between them."""
    length = -(-len(keys) // pieces)
    for start in range(0, len(keys), length):
        terminal.send(keys[start : start + length])
        time.sleep(pause)


@pytest.mark.slow
@pytest.mark.parametrize(("keys", "shows"), TYPED)
def test_keys_typed_blind_before_the_first_picture(
    open_terminal: OpenTerminal, keys: str, shows: str
) -> None:
    terminal = open_terminal()
    terminal.send(keys)
    terminal.wait_for_text(shows)


@pytest.mark.slow
def test_keys_typed_blind_in_any_pieces(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    terminal.wait_for_text(r"\d running")
    for pieces, pause in ((1, 0), (2, 0.001), (3, 0.005), (100, 0), (100, 0.002)):
        for keys, shows in TYPED:
            typed(terminal, keys, pieces, pause)
            terminal.wait_for_text(shows)
            # The filter closed and off, and back to the start: all in one go too.
            terminal.send("\r" if keys == FILTER[0] else "", "1/")
            terminal.wait_for_text("Clear the filter")
            # An escape with a key right behind it would be another key to any terminal.
            terminal.send("escape")
            terminal.wait_for(lambda screen: "Clear the filter" not in screen.text())
            terminal.wait_for(
                lambda screen: "─  Users " in screen.text() and " filter " not in screen.lines()[1]
            )
