"""One job: all that is known of it, the cores, GPUs and memory it holds on its nodes, and what it uses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.timer import Timer
from textual.widgets import Static

from jobmon_tui.analysis.charts import job_charts
from jobmon_tui.analysis.facts import Fact, job_facts
from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.model.hostlist import natural_key
from jobmon_tui.model.snapshot import Job, Node
from jobmon_tui.model.text import printable
from jobmon_tui.tui import observing
from jobmon_tui.tui.observing import Counted, Observing
from jobmon_tui.tui.screens.base import Place
from jobmon_tui.tui.screens.drill import DrillView
from jobmon_tui.tui.screens.panes import FRAME, set_height, titled
from jobmon_tui.tui.theme import palette
from jobmon_tui.tui.widgets.charts_pane import ChartsPane
from jobmon_tui.tui.widgets.core_grid import CoreGrid
from jobmon_tui.tui.widgets.core_painter import Mode
from jobmon_tui.tui.widgets.fact_sheet import FactSheet

MOST_GRIDS = 8
"""Nodes whose cores are drawn at once; a job of hundreds of nodes is paged through."""


LOOK = 1.0
"""Seconds between two looks at what is observed."""
LEAST_GRIDS = 10
"""Lines that the pane of grids may have in any case, frame included."""


class JobDetail(VerticalScroll):
    """The nodes of one job, a page of them at a time, each with its core grid."""

    DEFAULT_CSS = """
    JobDetail .grid-name { text-style: bold; }
    JobDetail CoreGrid { margin-bottom: 1; }
    """

    def __init__(self, *, id: str | None = None, most: int = MOST_GRIDS) -> None:
        super().__init__(id=id, classes="detail")
        self._most = most
        self._page = 0
        self._job_id = ""
        self.hosts: tuple[str, ...] = ()
        self._named: tuple[str, ...] | None = None
        """The nodes whose names stand above their grids; nothing of that is set up before the first job."""

    def compose(self) -> ComposeResult:
        """A line on which nodes are shown, then so many names and grids, those not needed hidden."""
        yield Static(id="grids-note")
        for _ in range(self._most):
            yield Static(classes="grid-name")
            yield CoreGrid()

    def show(self, index: SnapshotIndex, job: Job, mode: Callable[[Node | None], Mode]) -> None:
        """Draw the job's nodes.

        Args:
            index: The snapshot.
            job: The job.
            mode: What the cores of a node show.
        """
        if job.job_id != self._job_id:
            self._job_id, self._page = job.job_id, 0
            self.scroll_home(animate=False)
        self.hosts = tuple(sorted(job.layout.keys() | job.gpu_layout.keys(), key=natural_key))
        self._page = min(self._page, max(0, (len(self.hosts) - 1) // self._most))
        first = self._page * self._most
        page = self.hosts[first : first + self._most]
        # The only node of a job is named by the pane's title.
        self._show_names(page if len(self.hosts) > 1 else ())
        for number, grid in enumerate(self.query(CoreGrid)):
            grid.display = number < len(page)
            if number < len(page):
                node = index.snapshot.nodes.get(page[number])
                grid.show(index, page[number], job.job_id, mode(node))
        self._show_note(job, first, len(page))

    @property
    def wanted_height(self) -> int:
        """Lines that it takes to show all of the page."""
        shown = [child for child in self.children if child.display]
        return max((child.virtual_region.bottom + child.styles.margin.bottom for child in shown), default=0)

    @property
    def first_host(self) -> str:
        """The first node that is shown; empty if there is none."""
        return self.hosts[self._page * self._most] if self.hosts else ""

    def turn(self, step: int) -> bool:
        """Show the next or previous page of nodes; whether there is one."""
        page = self._page + step
        if 0 <= page * self._most < len(self.hosts):
            self._page = page
            self.scroll_home(animate=False)
            return True
        return False

    def _show_names(self, hosts: tuple[str, ...]) -> None:
        if hosts == self._named:
            return
        self._named = hosts
        for number, name in enumerate(self.query(".grid-name").results(Static)):
            name.display = number < len(hosts)
            if number < len(hosts):
                name.update(Text(printable(hosts[number])))

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


class JobView(DrillView):
    """The drill-down of one job."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "o",
            "observe",
            "observe",
            id="picture.observe",
            tooltip="Observe it on its node (by a small step in the job, or ssh); again: end that",
        ),
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
        self._facts: tuple[Fact, ...] = ()
        self._observing = Observing()
        self._looking: Timer | None = None
        self._was_own = False

    def compose(self) -> ComposeResult:
        """What is known on the left, the nodes on the right, the charts below them."""
        with Horizontal(id="job-body"):
            with VerticalScroll(id="job-facts-pane", classes="pane detail"):
                yield FactSheet(id="job-facts")
            with Vertical(id="job-right"):
                with Vertical(id="job-grids-pane", classes="pane"):
                    yield JobDetail(id="job-grids")
                yield ChartsPane(id="job-charts")

    def enter(self, place: Place) -> None:
        """Show that job."""
        if place.subject != self._job_id:
            self._stop_observing()
            self._job_id, self._last = place.subject, None
            self.query_one("#job-facts-pane").scroll_home(animate=False)

    def focus_first(self) -> None:
        """The facts scroll."""
        self.focus_now(self.query_one("#job-facts-pane"))

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
        is_past = self.main.jobmon.time_machine.shows_past
        if job is None:
            unknown = "was not there at that instant" if is_past else "is not known to Slurm"
            self.query_one(FactSheet).show((Fact("job", f"{self._job_id} {unknown}", "warning"),))
            return
        self._last = job
        facts = job_facts(job, picture.index)
        if gone:
            note = (
                "It was not there at that instant; this is what was seen of it at another."
                if is_past
                else "It has left the queue; this is the last that was seen of it."
            )
            facts = (Fact("note", note, "warning"), *facts)
        self._facts = facts
        self._show_facts()
        grids = self.query_one(JobDetail)
        grids.show(picture.index, job, self.core_mode)
        count = len(grids.hosts)
        titled(
            self.query_one("#job-grids-pane"),
            "Its node" if count == 1 else f"Its {count} nodes" if count else "Nodes",
            grids.hosts[0] if count == 1 else "",
        )
        self._show_charts(job)
        if self._was_own != self._is_own:
            self._was_own = self._is_own
            self.refresh_bindings()
        self.call_after_refresh(self._share_height)

    def _show_charts(self, job: Job) -> None:
        """What it used over time; a job that waits has used nothing."""
        self.set_class(job.is_pending, "waiting")
        picture = self.main.picture
        if picture is None or job.is_pending:
            return
        began = job.start_time or picture.snapshot.timestamp - job.run_time * 60
        nodes = "its node" if len(job.layout) == 1 else "its nodes"
        note = f"Nobody measures {nodes}: only Slurm's word."
        self.ask_for_charts("job", job.job_id, job_charts(job), began, note)

    def _share_height(self) -> None:
        """The grids as tall as they need to be, half of the view at the most; the rest is for the charts."""
        pane = self.query_one("#job-grids-pane")
        if self.charts.display:
            most = max(LEAST_GRIDS, self.size.height // 2)
            set_height(pane, min(most, self.query_one(JobDetail).wanted_height + FRAME))
        else:
            pane.styles.height = "1fr"

    def on_resize(self) -> None:
        """There is more or less room for the charts."""
        if self.main.picture is not None:
            self.call_after_refresh(self.update_view)

    # Observing it.

    @property
    def _is_own(self) -> bool:
        """Whether a step can be started in it: it runs, here and now, and is the user's own."""
        job, app = self._last, self.main.jobmon
        return (
            job is not None
            and job.state == "RUNNING"
            and bool(job.layout)
            and job.username == app.own_name
            and app.feed.kind == "live"
            and not app.time_machine.shows_past
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only jobs of one's own can be observed: the key is not even shown for others."""
        if action == "observe":
            return self._is_own or bool(self._observing.node)
        return super().check_action(action, parameters)

    def action_observe(self) -> None:
        """Begin to observe it, or end that."""
        job, node = self._last, self.query_one(JobDetail).first_host
        if self._observing.node:
            self._stop_observing()
            self._show_facts()
        elif job is not None and node:
            environment = self.main.jobmon.feed.slurm_environment
            self._observing.start(job, node, self.main.jobmon.options.observe, environment)
            count = partial(observing.count, job.job_id, environment)
            self.main.jobmon.series_desk.ask(f"{self.view_name}:counted", count)
            self._looking = self.set_interval(LOOK, self._show_facts)
            self._show_facts()
            pane = self.query_one("#job-facts-pane")
            self.call_after_refresh(pane.scroll_end, animate=False)

    def desk_done(self, topic: str, result: Any) -> None:
        """Slurm has counted, or charts are filled."""
        if isinstance(result, Counted):
            # Its answer may come when nobody looks any more.
            self._observing.counted = result if self._observing.node else None
        else:
            super().desk_done(topic, result)

    def _stop_observing(self) -> None:
        self._observing.stop()
        if self._looking is not None:
            self._looking.stop()
            self._looking = None

    def _show_facts(self) -> None:
        """What Slurm knows and, below, what is observed."""
        if self._last is not None:
            observed = self._observing.facts(self._last, self.main.jobmon.clock())
            self.query_one(FactSheet).show((*self._facts, *observed))

    def on_hide(self) -> None:
        """The user has gone elsewhere: nothing of ours stays in the job."""
        self._stop_observing()

    def on_unmount(self) -> None:
        """The app ends."""
        self._stop_observing()

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
