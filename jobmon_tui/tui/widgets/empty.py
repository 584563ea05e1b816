"""The page that stands where a picture will be: waiting, or what failed and what to do."""

from __future__ import annotations

import time

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Middle
from textual.widgets import Static

from jobmon_tui.model.text import printable
from jobmon_tui.model.times import age_text, clock_text
from jobmon_tui.tui.picture import Failure
from jobmon_tui.tui.theme import palette


class EmptyPage(Middle):
    """Says in words why there is no picture yet."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._failure: Failure | None = None
        self._since = time.time()

    def compose(self) -> ComposeResult:
        """One block of text in the middle."""
        yield Static(id="empty-text")

    def on_mount(self) -> None:
        """The waiting time counts up."""
        self._show()
        self.set_interval(1.0, self._tick)

    def show_failure(self, failure: Failure | None) -> None:
        """Tell what failed, or that jobmon waits."""
        self._failure = failure
        self._show()

    def _tick(self) -> None:
        if self.display:
            self._show()

    def _show(self) -> None:
        self.query_one("#empty-text", Static).update(self._text())

    def _text(self) -> Text:
        colours = palette(self)
        now = time.time()
        failure = self._failure
        if failure is None:
            text = Text("Waiting for the first answer", style=colours.plain, justify="center")
            if now - self._since >= 2:
                text.append(f"\n{age_text(now - self._since)}", style=colours.dim)
            return text
        text = Text("There is no picture of the cluster\n\n", style=colours.strong, justify="center")
        text.append(f"{printable(failure.message, 600)}\n", style=colours.trouble)
        if failure.hint:
            text.append(f"{printable(failure.hint, 600)}\n", style=colours.plain)
        text.append(
            f"\nsince {clock_text(failure.since, now)} ({age_text(now - failure.since)})", style=colours.dim
        )
        if failure.retry_at is not None:
            left = failure.retry_at - now
            text.append(f", next try in {left:.0f} s" if left >= 1 else ", trying now", style=colours.dim)
        text.append("\n\nr tries now   q quits", style=colours.dim)
        return text
