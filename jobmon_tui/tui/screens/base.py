"""What the views share: how they are told of new pictures, and where the user is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from textual.containers import Container
from textual.widget import Widget

from jobmon_tui.analysis.listing import Listing

if TYPE_CHECKING:
    from jobmon_tui.tui.screens.main import MainScreen


@dataclass(frozen=True, slots=True)
class Place:
    """Where the user is: a view and, in a drill-down, what it shows."""

    view: str
    subject: str = ""
    """The job id or node name that a drill-down shows."""


class View(Container):
    """One view of the main screen. Hidden views do no work; they catch up when they are shown."""

    title = ""
    """As the bottom line shows it."""

    def __init__(self, name: str) -> None:
        super().__init__(id=f"view-{name}", classes="view")
        self.view_name = name
        self._stale = True

    @property
    def main(self) -> MainScreen:
        """The screen that holds the state that all views share."""
        return cast("MainScreen", self.screen)

    def enter(self, place: Place) -> None:
        """The user comes here: show that subject."""

    def focus_first(self) -> None:
        """Put the focus where the user most likely wants it."""
        for widget in self.query(Widget):
            if widget.focusable:
                self.focus_now(widget)
                return

    def focus_now(self, widget: Widget) -> None:
        """Give a widget the focus at once.

        ``Widget.focus`` does it when all that waits is done, and may take it away from what a key typed
        meanwhile has opened.
        """
        self.screen.set_focus(widget)

    def update_view(self) -> None:
        """Show the present picture, filter and selection. Called only while the view is visible."""

    def desk_done(self, topic: str, result: Any) -> None:
        """Something that this view asked of the desk; topics begin with the view's name."""

    def filter_counted(self, listing: Listing | None) -> None:
        """A list of this view knows how many the filter lets through; told while the view is shown."""
        if self.main.place.view == self.view_name:
            self.main.filter_counted(listing)

    def yankable(self) -> tuple[str, ...]:
        """What ``y`` copies here: job ids or node names."""
        return ()

    def subject(self) -> Place | None:
        """The job or node that the cursor is on."""
        return None
