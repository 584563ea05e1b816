"""What is chosen from a list by typing a part of its name: a place, a user, a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from jobmon_tui.analysis.filter import JobFilter
from jobmon_tui.analysis.filter_terms import quote
from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.tui.picture import Picture
from jobmon_tui.tui.screens.base import Place
from jobmon_tui.tui.screens.jump import jump_matches, user_matches
from jobmon_tui.tui.screens.picker import Match, Picker
from jobmon_tui.tui.switching import cluster_matches

if TYPE_CHECKING:
    from jobmon_tui.tui.app import JobmonApp


class Choosing(Screen[None]):
    """A screen with places to go to and a filter."""

    filter: JobFilter
    """Which jobs are listed."""

    @property
    def jobmon(self) -> JobmonApp:
        """The app, typed."""
        return cast("JobmonApp", self.app)

    @property
    def picture(self) -> Picture | None:
        """The newest picture, if there is one."""
        return self.jobmon.picture

    def go(self, place: Place, *, remember: bool = True) -> None:
        """Show another place; the present one can be come back to."""
        raise NotImplementedError

    def set_filter(self, text: str) -> None:
        """Filter jobs by what was typed."""
        raise NotImplementedError

    def set_filter_field(self, field: str, value: str) -> None:
        """Filter by one field and nothing else."""
        self.set_filter(f"{field}:{quote(value)}")

    def action_jump(self) -> None:
        """Go anywhere by name."""
        self.app.push_screen(Picker("Jump to", self._matching(jump_matches)), self._jump_to)

    def _jump_to(self, match: Match | None) -> None:
        if match is None:
            return
        if match.kind == "view":
            self.go(Place(match.value))
        elif match.kind == "user":
            self.set_filter_field("user", match.value)
            self.go(Place("jobs"))
        else:
            self.go(Place(match.kind.partition(" ")[0], match.value))

    def action_pick_user(self) -> None:
        """Pick a user by typing a part of the name."""
        self.app.push_screen(Picker("Show the jobs of", self._matching(user_matches)), self._user_picked)

    def _matching(
        self, kind: Callable[[SnapshotIndex], Callable[[str], Sequence[Match]]]
    ) -> Callable[[str], Sequence[Match] | None]:
        """What can be picked from the picture, once there is one."""
        return lambda text: kind(self.picture.index)(text) if self.picture is not None else None

    def _user_picked(self, match: Match | None) -> None:
        if match is not None:
            self.set_filter(self.filter.with_user(match.value or None).text)

    def action_pick_cluster(self) -> None:
        """Pick another cluster by typing a part of its name."""
        app = self.jobmon
        matches = partial(cluster_matches, app.options.clusters, app.cluster)
        self.app.push_screen(Picker("Show the cluster", matches), self._cluster_picked)

    def _cluster_picked(self, match: Match | None) -> None:
        if match is not None:
            self.jobmon.choose_cluster(match.value)
