"""Several clusters asked side by side, and the lines and sums made of their answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from jobmon_tui.analysis.cells import Context, fit_columns
from jobmon_tui.analysis.clusters import (
    CLUSTER_COLUMNS,
    ClusterState,
    answered,
    cluster_listing,
    failed,
    state_cell,
)
from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.clusters import ClusterChoice
from jobmon_tui.model.snapshot import Job, Node, Snapshot
from jobmon_tui.tui.overview import ClustersChanged, Overview

DOWN = JobmonError("slurmctld is down", "see whether `scontrol ping` answers")


def snapshot(name: str, nodes: int = 2, timestamp: float = 1000.0) -> Snapshot:
    made = [
        Node(name=f"c{number}", up=True, n_cpus=8, state="IDLE", memory_total=1000, memory_allocated=100)
        for number in range(nodes)
    ]
    made.append(Node(name="d", up=True, n_cpus=8, state="IDLE", flags=("DRAIN",)))
    jobs = [
        Job(job_id="1", name="j", username="ann", state="RUNNING", n_cpus=4, layout={"c0": (0, 1, 2, 3)}),
        Job(job_id="2_[1-9]", name="j", username="ann", state="PENDING", n_cpus=1, task_count=9),
        Job(job_id="3", name="j", username="bob", state="RUNNING", n_cpus=1, layout={"c1": (0,)}),
    ]
    return Snapshot(
        timestamp=timestamp,
        cluster=name,
        nodes={node.name: node for node in made},
        jobs={job.job_id: job for job in jobs},
    )


class ScriptedFeed(Feed):
    """Answers what it is told to; may be made to hang until it is closed."""

    def __init__(self, *script: Snapshot | JobmonError, opens: bool = True) -> None:
        self.title = "scripted"
        self.script = list(script)
        self.calls = 0
        self.opens = opens
        self.hangs = False
        self.closed = threading.Event()
        self.at_once = 0
        self.most_at_once = 0

    def open(self) -> None:
        if not self.opens:
            raise DOWN

    def latest(self) -> Snapshot:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.calls += 1
            if self.hangs:
                self.closed.wait(30)
                raise JobmonError("closed")
            said = self.script[0] if len(self.script) == 1 else self.script.pop(0)
            if isinstance(said, JobmonError):
                raise said
            return said
        finally:
            self.at_once -= 1

    def close(self) -> None:
        self.closed.set()


def choice(name: str, make: Callable[[], Feed], is_shown: bool = False) -> ClusterChoice:
    return ClusterChoice(name=name, title=name or "here", open=make, is_shown=is_shown)


def wait_until(met: Callable[[], bool]) -> None:
    for _ in range(2000):
        if met():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come to that")


def ignore(_: object) -> None:
    """Takes a message and does nothing."""


# The askers


def test_each_is_asked_and_one_that_fails_or_hangs_costs_only_itself() -> None:
    good, bad, hanging = ScriptedFeed(snapshot("west")), ScriptedFeed(DOWN), ScriptedFeed()
    hanging.hangs = True
    overview = Overview(
        [
            choice("", lambda: good, is_shown=True),
            choice("bad", lambda: bad),
            choice("slow", lambda: hanging),
        ],
        "ann",
        period=0.01,
        clock=lambda: 1234.0,
    )
    told: list[object] = []
    overview.look(told.append)
    wait_until(lambda: good.calls > 3 and bool(overview.states[1].error) and hanging.calls == 1)
    top, failing, slow = overview.states
    assert (top.title, top.source, top.is_shown, top.error) == ("west", "scripted", True, "")
    assert (top.my_running, top.my_pending) == (1, 9)
    assert top.totals is not None
    assert (top.totals.cores_used, top.totals.running, top.totals.pending) == (5, 2, 9)
    assert (failing.error, failing.hint, failing.failing_since) == (DOWN.message, DOWN.hint, 1234.0)
    assert failing.totals is None
    assert (slow.totals, slow.error) == (None, "")
    assert told
    assert all(isinstance(one, ClustersChanged) for one in told)
    assert good.most_at_once == 1
    overview.close()
    assert hanging.closed.is_set()
    wait_until(good.closed.is_set)


def test_nothing_is_asked_while_nobody_looks() -> None:
    feed = ScriptedFeed(snapshot("west"))
    made = []

    def make() -> Feed:
        made.append(feed)
        return feed

    overview = Overview([choice("a", make)], "ann", period=0.01)
    assert overview.states[0].totals is None
    overview.ask_now()
    assert not made
    overview.look(ignore)
    wait_until(lambda: feed.calls > 1)
    overview.look_away()
    wait_until(lambda: not feed.at_once)
    calls = feed.calls
    # At most the question that was about to be asked.
    time.sleep(0.1)
    assert feed.calls <= calls + 1
    overview.look(ignore)
    wait_until(lambda: feed.calls > calls + 1)
    assert len(made) == 1
    overview.close()


def test_one_that_comes_back_is_shown_again_with_what_was_known_in_between() -> None:
    feed = ScriptedFeed(snapshot("west"), DOWN, snapshot("west", nodes=5))
    overview = Overview([choice("a", lambda: feed)], "ann", period=0.01, clock=lambda: 50.0)
    seen: list[ClusterState] = []
    overview.look(lambda _: seen.append(overview.states[0]))
    wait_until(lambda: any(state.totals is not None and state.totals.nodes == 6 for state in seen))
    overview.close()
    during = next(state for state in seen if state.error)
    assert during.totals is not None
    assert (during.totals.nodes, during.failing_since) == (3, 50.0)
    assert seen[-1].failing_since is None


def test_a_feed_that_cannot_be_made_or_opened_is_made_anew() -> None:
    good, closed = ScriptedFeed(snapshot("west")), ScriptedFeed(opens=False)
    script: list[Feed | JobmonError] = [JobmonError("no such backend"), closed, good]

    def make() -> Feed:
        made = script.pop(0)
        if isinstance(made, JobmonError):
            raise made
        return made

    overview = Overview([choice("a", make)], "ann", period=0.005)
    overview.look(ignore)
    wait_until(lambda: overview.states[0].totals is not None)
    assert closed.closed.is_set()
    overview.close()


def test_a_fault_in_a_feed_is_told_and_does_not_end_the_thread() -> None:
    class Broken(ScriptedFeed):
        def latest(self) -> Snapshot:
            self.calls += 1
            if self.calls == 1:
                raise ZeroDivisionError("oops")
            return snapshot("west")

    feed = Broken()
    overview = Overview([choice("a", lambda: feed)], "ann", period=0.01)
    seen: list[str] = []
    overview.look(lambda _: seen.append(overview.states[0].error))
    wait_until(lambda: overview.states[0].totals is not None)
    overview.close()
    assert any("ZeroDivisionError: oops" in error for error in seen)


def test_what_the_app_shows_anyway_is_not_asked_for() -> None:
    feed = ScriptedFeed(snapshot("west"))
    overview = Overview([choice("a", lambda: feed), choice("b", lambda: feed)], "ann", period=100)
    overview.told("a", snapshot("east"), "the app's own")
    overview.told("b", replace(snapshot("east"), only_user="ann"), "one user's")
    overview.look(ignore)
    wait_until(lambda: feed.calls == 1)
    first, second = overview.states
    # Whoever has a name in the configuration keeps it, whatever Slurm calls the cluster.
    assert (first.title, first.source) == ("a", "the app's own")
    wait_until(lambda: overview.states[1].source == "scripted")
    assert second.name == "b"
    overview.shows("b")
    assert [state.is_shown for state in overview.states] == [False, True]
    overview.ask_now()
    wait_until(lambda: feed.calls == 3)
    overview.close()


# The lines


def states() -> list[ClusterState]:
    top = answered(ClusterState(name="", title="here", is_shown=True), snapshot("west"), "slurm", "ann")
    other = answered(ClusterState(name="nt", title="nt"), snapshot("nt", nodes=4), "slurm", "cyd")
    silent = failed(ClusterState(name="old", title="old"), "no answer", "", 940.0)
    return [top, other, silent]


def cells(listing_key: str, now: float = 1010.0) -> dict[str, str]:
    listing = cluster_listing(states())
    row = listing.rows[listing.position[listing_key]]
    context = Context(now=now)
    return {column.key: column.cell(row, context).text for column in CLUSTER_COLUMNS}


def test_a_line_says_what_a_cluster_has() -> None:
    line = cells("")
    assert line["cluster"] == "west*"
    assert line["state"] == "10 s ago"
    assert line["cores"] == "5/ 24"
    assert (line["running"], line["pending"], line["mine"], line["my_wait"]) == ("2", "9", "1", "9")
    assert (line["up"], line["drained"], line["down"]) == ("2", "1", "0")
    assert (cells("nt")["mine"], cells("nt")["up"]) == ("0", "4")


def test_what_fails_is_said_in_the_line() -> None:
    line = cells("old")
    assert line["state"] == "no answer 70 s"
    assert line["cores"] == line["running"] == line["mine"] == "–"


def test_the_last_line_sums_those_that_are_known() -> None:
    line = cells(" all")
    assert line["cluster"] == "all 2"
    assert (line["cores"], line["running"], line["pending"], line["mine"]) == ("10/ 64", "4", "18", "1")
    assert (line["state"], line["up"]) == ("", "6")
    assert len(cluster_listing(states()[1:]).rows) == 2


def test_age_and_trouble_stand_out() -> None:
    top, _, silent = states()
    assert state_cell(top, 1010).role == "good"
    assert state_cell(top, 2000).role == "warning"
    assert state_cell(silent, 2000).role == "trouble"
    assert state_cell(ClusterState(name="x", title="x"), 2000).text == "asked..."


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_columns_fit_any_width(width: int) -> None:
    layout = fit_columns(CLUSTER_COLUMNS, width)
    assert [column.key for column, _ in layout][:2] == ["cluster", "state"]
    assert "cores" in [column.key for column, _ in layout]
    assert sum(cells_ for _, cells_ in layout) + len(layout) - 1 <= width
