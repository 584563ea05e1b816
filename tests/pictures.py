"""Turning what an app shows into text, and waiting until it shows what was asked for."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

from textual.pilot import Pilot

from jobmon_tui.tui.app import JobmonApp


def screen_text(app: JobmonApp) -> str:
    """The characters on the screen, line by line, without trailing blanks."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip()[:width] for strip in lines[:height])


async def eventually(pilot: Pilot[None], holds: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait until something holds, letting the app work; fails with the screen's text."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            app = pilot.app
            assert isinstance(app, JobmonApp)
            raise AssertionError(f"it never came to hold; the screen:\n{screen_text(app)}")
        await pilot.pause()
        await asyncio.sleep(0.01)


def shows(app: JobmonApp, pattern: str) -> Callable[[], bool]:
    """Whether the screen shows a text that the pattern matches (across one line)."""
    compiled = re.compile(pattern)
    return lambda: compiled.search(screen_text(app)) is not None
