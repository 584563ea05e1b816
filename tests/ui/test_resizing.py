"""A terminal whose size changes while jobmon starts, or faster than jobmon can follow."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.bench.terminal import JOBMON, PtyTerminal, Screen

pytestmark = pytest.mark.slow

SIZE = (80, 24)
TINY = (40, 10)
DEMO = ("--demo", "--interval", "86400")

# The size is read at once, and told late: what happens by itself on a busy machine, where the handler of a
# signal is begun and then waits for its turn.
SLOW_TO_TELL = f"""
import runpy, shutil, sys, time
read = shutil.get_terminal_size
def read_and_wait(*arguments):
    size = read(*arguments)
    time.sleep(0.3)
    return size
shutil.get_terminal_size = read_and_wait
sys.argv = ["jobmon", *{DEMO!r}]
runpy.run_module("jobmon_tui", run_name="__main__", alter_sys=True)
"""


def is_whole(screen: Screen) -> bool:
    """Whether the whole of the cluster is there: header, panes with all their frames, keys."""
    lines = screen.lines()
    return (
        len(lines) == SIZE[1]
        and " running " in lines[1]
        and lines[2].startswith("╭─  Nodes ")
        and lines[-2] == f"╰{'─' * (SIZE[0] - 2)}╯"
        and "filter" in lines[-1]
        and all(len(line) == SIZE[0] for line in lines[2:-1])
    )


def resized_twice(command: Sequence[str], home: Path, first: float, second: float, wait: str = "") -> None:
    """Start, make the terminal tiny, give it its size back; in the end all must be there.

    Args:
        command: What to start.
        home: The folder for its files.
        first: Seconds until the terminal shrinks: from the first output on, or from when ``wait`` is seen.
        second: Seconds from then on until it has its size back.
        wait: A pattern of what must be on the screen before.
    """
    with PtyTerminal(command, *SIZE, home=home) as terminal:
        if wait:
            terminal.wait_for_text(wait)
        else:
            terminal.wait_for(lambda _: terminal.count)
        time.sleep(first)
        terminal.resize(*TINY)
        time.sleep(second)
        terminal.resize(*SIZE)
        terminal.wait_for(is_whole)
        terminal.wait_quiet(0.4)
        assert is_whole(terminal.screen), terminal.screen.text()


@pytest.mark.parametrize(
    ("first", "second"), [(0.0, 0.003), (0.1, 0.1), (0.3, 0.003), (0.5, 0.1), (0.8, 0.003)]
)
def test_a_terminal_resized_during_the_start_shows_everything(
    isolated: Path, first: float, second: float
) -> None:
    resized_twice([*JOBMON, *DEMO], isolated, first, second)


@pytest.mark.parametrize("second", [0.05, 0.15])
def test_the_last_of_two_sizes_counts_although_it_is_told_first(isolated: Path, second: float) -> None:
    # The second signal comes while the first is handled, and is handled before the first goes on.
    resized_twice([sys.executable, "-c", SLOW_TO_TELL], isolated, 0.2, second, wait=r"\d running")
