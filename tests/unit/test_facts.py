"""What a drill-down says of a job or node."""

from __future__ import annotations

from jobmon_tui.analysis.facts import Fact, job_facts, node_facts
from jobmon_tui.analysis.index import SnapshotIndex, index_snapshot
from jobmon_tui.model.snapshot import Job, Node, Reservation, Snapshot

NOW = 1_790_000_000.0


def index_of(*things: Job | Node, reservations: tuple[Reservation, ...] = ()) -> SnapshotIndex:
    return index_snapshot(
        Snapshot(
            timestamp=NOW,
            jobs={one.job_id: one for one in things if isinstance(one, Job)},
            nodes={one.name: one for one in things if isinstance(one, Node)},
            reservations=reservations,
        )
    )


def said(facts: tuple[Fact, ...]) -> dict[str, str]:
    return {fact.label: fact.text for fact in facts if fact.text}


def test_a_running_job() -> None:
    job = Job(
        job_id="7",
        name="train",
        username="ada",
        state="RUNNING",
        n_cpus=32,
        n_gpus=4,
        n_nodes=2,
        nodes="g[1-2]",
        run_time=117,
        time_limit=120,
        start_time=NOW - 7020,
        end_time=NOW + 180,
        submit_time=NOW - 9000,
        eligible_time=NOW - 9000,
        memory_request=65536,
        stdout="/home/ada/7.out",
    )
    facts = job_facts(job, index_of(job))
    lines = said(facts)
    assert lines["holds"] == "32 cores and 4 GPUs on 2 nodes"
    assert lines["has run"] == "1:57 of 2:00"
    assert lines["memory"] == "64 GiB on each node asked for"
    assert lines["output"] == "/home/ada/7.out"
    assert lines["ends"].endswith("(in 3 min)")
    assert "eligible" not in lines
    assert "memory max" not in lines
    assert next(fact for fact in facts if fact.label == "left").role == "warning"
    assert Fact("Why it waits", "", "primary") not in facts


def test_a_pending_job_says_why_it_waits() -> None:
    job = Job(
        job_id="8_[1-5%2]",
        name="sweep",
        username="bob",
        state="PENDING",
        n_cpus=1,
        array_id="8",
        priority=4,
        array_tasks="1-5%2",
        task_count=5,
        reason="Priority",
        partition="main",
        start_time=NOW + 3600,
    )
    facts = job_facts(job, index_of(job))
    lines = said(facts)
    assert lines["tasks"] == "5 of array 8: 1-5%2"
    assert lines["asked for"] == "1 core"
    assert lines["time limit"] == "unlimited"
    assert lines["starts"].endswith("(in 60 min)")
    assert Fact("Why it waits", "", "primary") in facts
    assert lines["why"]


def test_an_ended_job_shows_how_it_failed() -> None:
    job = Job(
        job_id="9", name="x", username="u", state="FAILED", n_cpus=1, exit_code="1:0", end_time=NOW - 30
    )
    facts = job_facts(job, index_of(job))
    assert said(facts)["exit code"] == "1:0"
    assert said(facts)["ended"].endswith("(30 s ago)")
    assert next(fact for fact in facts if fact.label == "state").role == "trouble"


def test_a_drained_node_says_why_who_and_since_when() -> None:
    node = Node(
        name="c8",
        state="IDLE",
        flags=("DRAIN",),
        reason="bad DIMM",
        reason_user="root",
        reason_time=NOW - 60,
        n_cpus=16,
        cpus_allocated=0,
        sockets=2,
        cores_per_socket=4,
        threads_per_core=2,
        memory_total=64000,
        memory_allocated=1024,
        cpu_load=0.5,
    )
    facts = node_facts(node, index_of(node))
    lines = said(facts)
    assert lines["state"] == "drained  (IDLE+DRAIN)"
    assert lines["reason"] == "bad DIMM"
    assert any(fact.text.startswith("by root ") for fact in facts)
    assert lines["cores"] == "0 of 16 allocated"
    assert any(fact.text == "2 sockets x 4 cores x 2 threads" for fact in facts)
    assert lines["load"] == "0.50"
    assert "GPUs" not in lines


def test_reservations_of_a_node() -> None:
    node = Node(name="c7", state="IDLE")
    maintenance = Reservation(
        name="service", start_time=NOW + 3600, end_time=NOW + 7200, nodes="c[6-8]", flags=("MAINT",)
    )
    course = Reservation(name="course", start_time=NOW - 60, end_time=None, nodes="c7", users=("ada", "bob"))
    elsewhere = Reservation(name="other", nodes="g1")
    hostile = Reservation(name="odd", nodes="c[1-99999999999]")
    facts = node_facts(node, index_of(node, reservations=(maintenance, course, elsewhere, hostile)))
    lines = said(facts)
    assert lines["service"].endswith("maintenance")
    assert lines["course"].endswith("to open end  ada, bob")
    assert "other" not in lines
    assert next(fact for fact in facts if fact.label == "course").role == "warning"


def test_a_node_of_which_nothing_is_known_still_has_its_name_and_state() -> None:
    node = Node(name="x")
    assert said(node_facts(node, index_of(node))) == {"name": "x", "state": "unknown"}
