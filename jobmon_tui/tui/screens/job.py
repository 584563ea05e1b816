"""One job: everything known of it, and on each of its nodes the cores, GPUs and memory it holds."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from jobmon_tui.analysis.facts import Fact, job_facts
from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.model.hostlist import natural_key
from jobmon_tui.model.snapshot import Job
from jobmon_tui.tui.screens.base import Place, View
from jobmon_tui.tui.screens.panes import titled
from jobmon_tui.tui.theme import palette
from jobmon_tui.tui.widgets.core_grid import CoreGrid
from jobmon_tui.tui.widgets.fact_sheet import FactSheet

MOST_GRIDS = 8
"""Nodes whose cores are drawn at once; a job of hundreds of nodes is paged through."""


class JobDetail(VerticalScroll):
    """The nodes of one job, a page of them at a time, each with its core grid."""

    def __init__(self, *, id: str | None = None, most: int = MOST_GRIDS) -> None:
        super().__init__(id=id, classes="detail")
        self._most = most
        self._page = 0
        self._job_id = ""
        self.hosts: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """A line on which nodes are shown, then a fixed number of grids, those not needed hidden."""
        yield Static(id="grids-note")
        for _ in range(self._most):
            yield CoreGrid()

    def show(self, index: SnapshotIndex, job: Job) -> None:
        """Draw the job's nodes."""
        if job.job_id != self._job_id:
            self._job_id, self._page = job.job_id, 0
            self.scroll_home(animate=False)
        self.hosts = tuple(sorted(job.layout.keys() | job.gpu_layout.keys(), key=natural_key))
        self._page = min(self._page, max(0, (len(self.hosts) - 1) // self._most))
        first = self._page * self._most
        page = self.hosts[first : first + self._most]
        for number, grid in enumerate(self.query(CoreGrid)):
            grid.display = number < len(page)
            if number < len(page):
                grid.show(index, page[number], job.job_id)
        self._show_note(job, first, len(page))

    def turn(self, step: int) -> bool:
        """Show the next or previous page of nodes; whether there is one."""
        page = self._page + step
        if 0 <= page * self._most < len(self.hosts):
            self._page = page
            self.scroll_home(animate=False)
            return True
        return False

    def _show_note(self, job: Job, first: int, shown: int) -> None:
        note = self.query_one("#grids-note", Static)
        text = ""
        if not self.hosts and job.is_pending:
            text = "It holds nothing yet."
        elif not self.hosts:
            text = (
                f"Which cores it holds on {job.nodes} is not known."
                if job.nodes
                else "It holds nothing any more."
            )
        elif len(self.hosts) > shown:
            text = f"nodes {first + 1} to {first + shown} of {len(self.hosts)}   ] next   [ previous"
        note.display = bool(text)
        note.update(Text(text, style=palette(self).dim))


class JobView(View):
    """The drill-down of one job."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "right_square_bracket",
            "turn(1)",
            show=False,
            id="picture.next_nodes",
            tooltip="Next nodes of the job",
        ),
        Binding(
            "left_square_bracket",
            "turn(-1)",
            show=False,
            id="picture.previous_nodes",
            tooltip="Previous nodes",
        ),
        Binding("j", "scroll(1)", show=False, id="move.scroll_down", tooltip="Scroll down"),
        Binding("k", "scroll(-1)", show=False, id="move.scroll_up", tooltip="Scroll up"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._job_id = ""
        self._last: Job | None = None

    def compose(self) -> ComposeResult:
        """What is known on the left, the nodes on the right."""
        with Horizontal(id="job-body"):
            with VerticalScroll(id="job-facts-pane", classes="pane detail"):
                yield FactSheet(id="job-facts")
            with Vertical(id="job-grids-pane", classes="pane"):
                yield JobDetail(id="job-grids")

    def enter(self, place: Place) -> None:
        """Show that job."""
        if place.subject != self._job_id:
            self._job_id, self._last = place.subject, None
            self.query_one("#job-facts-pane").scroll_home(animate=False)

    def focus_first(self) -> None:
        """The facts scroll."""
        self.query_one("#job-facts-pane").focus()

    def update_view(self) -> None:
        """The newest record of the job, or the last one there was when it is gone."""
        picture = self.main.picture
        if picture is None:
            return
        job = picture.snapshot.jobs.get(self._job_id)
        gone = job is None
        job = job or self._last
        pane = self.query_one("#job-facts-pane")
        titled(pane, f"Job {self._job_id}")
        if job is None:
            self.query_one(FactSheet).show((Fact("job", f"{self._job_id} is not known to Slurm", "warning"),))
            return
        self._last = job
        facts = job_facts(job, picture.index)
        if gone:
            facts = (
                Fact("note", "It has left the queue; this is the last that was seen of it.", "warning"),
                *facts,
            )
        self.query_one(FactSheet).show(facts)
        grids = self.query_one(JobDetail)
        grids.show(picture.index, job)
        count = len(grids.hosts)
        titled(
            self.query_one("#job-grids-pane"),
            "Its node" if count == 1 else f"Its {count} nodes" if count else "Nodes",
        )

    def action_turn(self, step: int) -> None:
        """Another page of its nodes."""
        if self.query_one(JobDetail).turn(step):
            self.update_view()

    def action_scroll(self, step: int) -> None:
        """Scroll what has the focus."""
        focused = self.screen.focused
        if isinstance(focused, VerticalScroll):
            focused.scroll_relative(y=step, animate=False)

    def yankable(self) -> tuple[str, ...]:
        """The job's id."""
        return (self._job_id,)

    def subject(self) -> Place | None:
        """Its node; of several, the first that is shown."""
        hosts = self.query_one(JobDetail).hosts
        return Place("node", hosts[0]) if hosts else Place("job", self._job_id)
