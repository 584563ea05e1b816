"""The report: its keys and types, and how it is printed."""

from __future__ import annotations

import csv
import io
import json
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobmon_tui.analysis.report import build_report
from jobmon_tui.analysis.warnings import Thresholds
from jobmon_tui.cli import main
from jobmon_tui.cli import report as command
from jobmon_tui.cli.arguments import parse_arguments
from jobmon_tui.cli.instants import instant_option
from jobmon_tui.cli.report_csv import COLUMNS, csv_cell, print_csv
from jobmon_tui.cli.report_text import print_text
from jobmon_tui.errors import JobmonError, SnapshotError
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import (
    BackfillSlot,
    CoreUse,
    CpuUse,
    Free,
    Gpu,
    Job,
    Node,
    ReadWrite,
    Reservation,
    Snapshot,
    SourceStatus,
    Traffic,
    Usage,
    Used,
)

HOSTILE = "=cmd|'/c calc'!A1\x1b[2J\n\u202e"

RUNNING = Job(
    job_id="12_7",
    name="banks.sh",
    username="ann",
    state="RUNNING",
    n_cpus=2,
    n_gpus=1,
    layout={"c1": (0, 1)},
    gpu_layout={"c1": (1,)},
    time_limit=2880,
    run_time=502,
    start_time=500,
    memory={"c1": 700},
    memory_max=835,
    memory_request=4096,
    partition="milan",
    array_id="12",
)
ARRAY = Job(
    job_id="12_[8-99]",
    name="banks.sh",
    username="ann",
    state="PENDING",
    n_cpus=2,
    time_limit=30,
    partition="milan",
    reason="Priority",
    array_id="12",
    array_tasks="8-99",
    task_count=92,
)
C1 = Node(
    name="c1",
    up=True,
    n_cpus=4,
    n_gpus=2,
    state="MIXED",
    cpu=CpuUse(None, CoreUse([(10, 5, 1, 2, 82), (30, 1, 3, 4, 62), None])),
    memory=Used(3000, 64000),
    swap=Free(-20, 100),
    infiniband=Traffic(11, 12, 13, 14),
    lustre=ReadWrite(21, 22),
    gpus=(Gpu("gpu0", 0, None), Gpu("gpu1", 50, Used(100, 1000))),
)
SHOWN = Snapshot(
    timestamp=1000,
    cluster="ozone",
    nodes={
        "c1": C1,
        "b1": Node(name="b1", is_counted=False, n_cpus=8, n_gpus=4, flags=("DRAIN",), reason="fan"),
    },
    jobs={job.job_id: job for job in (RUNNING, ARRAY)},
    sources=(
        SourceStatus(name="slurm (commands)", read_at=997),
        SourceStatus(name="ganglia", ok=False, error="timed out"),
    ),
)


def build(snapshot: Snapshot = SHOWN, *window: Snapshot, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"source": "spool", "backfill": {}, "now": 1000.0, "thresholds": Thresholds()}
    return build_report(snapshot, window, **{**given, **changes})


def test_the_whole_report() -> None:
    slots = {"milan": {16: BackfillSlot(count=1, shortest=5.5, longest=None)}}
    usage = {
        "cpu": {"user": 23.0, "system": 2.0, "wait": 3.0, "idle": 72.0},
        "mem": {"used": 700, "max": 835, "total": 64000},
        "infiniband": {"bytes_in": 11, "bytes_out": 12},
        "lustre": {"read": 21, "write": 22},
        "gpu": {"total": 50.0, "memory": {"used": 100.0, "total": 1000.0}},
    }
    # 160 - (16 + 34); the GPU is busy enough, and the memory request is within what is free.
    held = {"c1": {"cpuUtil": 110}}
    assert build(backfill=slots) == {
        "timestamp": 1000,
        "source": "spool",
        "cluster": "ozone",
        "cores": {"available": 4, "running": 2},
        "gpus": {"available": 2, "running": 1},
        "queue": {
            "jobs": 92,
            "cpu_hours": 92.0,
            "machine_hours": 23.0,
            "users": {"ann": {"jobs": 92, "cpu_hours": 92.0, "machine_hours": 23.0}},
        },
        "users": {
            "ann": {
                "cores": 2,
                "gpus": 1,
                "jobs": 1,
                "badness": 110 + 120,
                "warned": True,
                "terrible": False,
            }
        },
        "jobs": {
            "12_7": {
                "name": "banks.sh",
                "username": "ann",
                "state": "RUNNING",
                "partition": "milan",
                "reason": None,
                "nCpus": 2,
                "nGpus": 1,
                "layout": {"c1": [0, 1]},
                "gpuLayout": {"c1": [1]},
                "timeLimit": 2880,
                "runTime": 502,
                "startTime": 500,
                "memReq": 4096,
                "memMax": 835,
                "usage": usage,
                "node_usage": {"c1": usage},
                "reported": {"cores": 2, "gpus": 1},
                "warnings": {"instant": held, "window": held},
                "warned": True,
            },
            "12": {
                "name": "banks.sh",
                "username": "ann",
                "state": "PENDING",
                "partition": "milan",
                "reason": "Priority",
                "nCpus": 2,
                "nGpus": 0,
                "layout": {},
                "gpuLayout": {},
                "timeLimit": 30,
                "runTime": 0,
                "startTime": 0,
                "memReq": None,
                "memMax": None,
                "warned": False,
                "tasks": 92,
            },
        },
        "nodes": {
            "c1": {
                "state": "MIXED",
                "up": True,
                "nCpus": 4,
                "nGpus": 2,
                "warnings": {"instant": {"swapUse": 120.0}, "window": {"swapUse": 120}},
                "flags": [],
                "reason": None,
            },
            "b1": {
                "state": None,
                "up": None,
                "nCpus": 8,
                "nGpus": 4,
                "warnings": {"instant": {}, "window": {}},
                "flags": ["DRAIN"],
                "reason": "fan",
            },
        },
        "backfill": {"milan": {"16": {"count": 1, "tMin": 5.5, "tMax": None}}},
        "sources": [
            {"name": "slurm (commands)", "ok": True, "age": 3.0, "error": None},
            {"name": "ganglia", "ok": False, "age": None, "error": "timed out"},
        ],
    }


def test_window_warnings_look_at_the_minutes_before() -> None:
    calm = replace(SHOWN, timestamp=700, jobs={})
    report = build(SHOWN, calm)
    assert report["jobs"]["12_7"]["warnings"] == {"instant": {"c1": {"cpuUtil": 110.0}}, "window": {}}
    # The node swapped in both of them.
    assert report["nodes"]["c1"]["warnings"]["window"] == {"swapUse": 120}
    assert report["users"]["ann"]["badness"] == 120


def test_cores_are_those_that_the_backend_counted() -> None:
    counted = replace(SHOWN, usage=Usage(available=6116, running=4690, users={}))
    report = build(counted)
    assert report["cores"] == {"available": 6116, "running": 4690}
    assert report["queue"]["machine_hours"] == pytest.approx(92 / 6116)


def test_bonus_nodes_count_while_a_job_runs_there() -> None:
    wide = replace(RUNNING, layout={"c1": (0,), "b1": (0,)})
    report = build(replace(SHOWN, jobs={"12_7": wide}))
    assert report["cores"]["available"] == 12
    assert report["gpus"]["available"] == 6


def test_a_user_whose_job_ended_a_moment_ago_is_still_warned() -> None:
    ended = replace(RUNNING, state="COMPLETED")
    before = [replace(SHOWN, timestamp=time) for time in (900, 950)]
    report = build(replace(SHOWN, jobs={"12_7": ended}), *before)
    assert report["jobs"]["12_7"]["warned"] is True
    assert not {"usage", "node_usage", "warnings"} & set(report["jobs"]["12_7"])
    # 110 in two of three.
    assert report["users"]["ann"] == {
        "cores": 0,
        "gpus": 0,
        "jobs": 0,
        "badness": 73,
        "warned": True,
        "terrible": False,
    }


def test_a_job_without_readings_has_null_where_nothing_says_zero() -> None:
    lost = replace(RUNNING, layout={"gone": (0,)}, memory={}, memory_max=None, time_limit=None)
    entry = build(replace(SHOWN, jobs={"12_7": lost}))["jobs"]["12_7"]
    assert entry["usage"] == {
        "cpu": {"user": None, "system": None, "wait": None, "idle": None},
        "mem": {"used": None, "max": None, "total": None},
        "infiniband": {"bytes_in": 0, "bytes_out": 0},
        "lustre": {"read": 0, "write": 0},
        "gpu": {"total": 0.0, "memory": {"used": 0.0, "total": 0.0}},
    }
    assert (entry["node_usage"], entry["timeLimit"]) == ({}, None)


def test_an_empty_snapshot_is_reported() -> None:
    report = build(Snapshot(timestamp=1))
    assert report["cores"] == {"available": 0, "running": 0}
    assert report["queue"] == {"jobs": 0, "cpu_hours": 0, "machine_hours": None, "users": {}}
    assert (report["users"], report["jobs"], report["nodes"], report["sources"]) == ({}, {}, {}, [])


# The command


def arguments(spool: Path | None, *options: str) -> Namespace:
    parser = ArgumentParser()
    parser.add_argument("--spool")
    command.add_arguments(parser)
    return parser.parse_args([*(["--spool", str(spool)] if spool else []), *options])


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    for time in (700, 1000):
        (tmp_path / f"data{time}.json.gz").write_bytes(wire.encode(replace(SHOWN, timestamp=time)))
    (tmp_path / "data.json.gz").write_bytes(wire.encode(SHOWN))
    slots = {"milan": {2: BackfillSlot(count=3, shortest=None, longest=None)}}
    (tmp_path / "backfill.json.gz").write_bytes(wire.encode_json(wire.backfill_document(slots)))
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], spool: Path, *options: str) -> str:
    assert command.run(arguments(spool, *options)) == 0
    return capsys.readouterr().out


def test_json_is_one_object(spool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads(printed(capsys, spool, "--format", "json"))
    assert report["source"] == "spool"
    assert report["timestamp"] == 1000
    assert report["backfill"] == {"milan": {"2": {"count": 3, "tMin": None, "tMax": None}}}
    assert report["jobs"]["12_7"]["warnings"]["window"] == {"c1": {"cpuUtil": 110}}


def test_json_holds_names_as_they_are_in_plain_ascii(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = replace(SHOWN, jobs={"7": replace(RUNNING, job_id="7", name=HOSTILE)})
    (tmp_path / "data.json.gz").write_bytes(wire.encode(odd))
    text = printed(capsys, tmp_path, "--format", "json")
    assert text.isascii()
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert json.loads(text)["jobs"]["7"]["name"] == HOSTILE


def test_at_an_instant_the_past_is_reported(spool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = json.loads(printed(capsys, spool, "--format", "json"))
    past = json.loads(printed(capsys, spool, "--format", "json", "--at", "00701"))
    assert past["timestamp"] == 700
    # What the collector calculated is of the present.
    assert past["backfill"] == {}
    assert past["sources"][0]["age"] == 700 - 997
    assert now["sources"][0]["age"] > 10**9


def test_a_past_of_a_planned_cluster_has_slots_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    free = Node(name="c9", up=True, state="IDLE", n_cpus=6, partitions=("milan",))
    maintenance = Reservation(name="m", nodes="c9", start_time=1060, end_time=2000)
    planned = replace(SHOWN, nodes={"c9": free}, reservations=(maintenance,))
    (tmp_path / "data1000.json.gz").write_bytes(wire.encode(planned))
    report = json.loads(printed(capsys, tmp_path, "--format", "json", "--at", "01000"))
    assert report["backfill"] == {"milan": {"6": {"count": 1, "tMin": 60, "tMax": 60}}}


def test_a_damaged_backfill_file_costs_only_itself(spool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (spool / "backfill.json.gz").write_bytes(b"?")
    assert command.run(arguments(spool, "--format", "json")) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["backfill"] == {}
    assert "backfill.json.gz" in output.err


def test_a_damaged_snapshot_is_an_error(spool: Path) -> None:
    (spool / "data.json.gz").write_bytes(b"?")
    with pytest.raises(SnapshotError, match=r"data\.json\.gz"):
        command.run(arguments(spool))


def test_text_tells_what_matters(spool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, spool)
    lines = text.splitlines()
    assert lines[0].startswith("ozone  1970-01-01 ")
    assert lines[1] == "cores 2/4 (50 %)  gpus 1/2 (50 %)  nodes 2"
    assert lines[2] == "jobs 1 running, 92 waiting for 92 core-hours (23.0 h of the whole machine)"
    assert lines[4] == "source ganglia: never read, FAILED: timed out"
    (ann,) = [line.split() for line in lines if line.startswith("  ann ")]
    assert ann == ["ann", "2", "1", "1", "230", "warned"]
    (job,) = [line.split() for line in lines if line.startswith("  12_7 ")]
    assert job == (
        [
            "12_7",
            "ann",
            "banks.sh",
            "2",
            "1",
            "502/2,880",
            "25",
            "50",
            "0.8/4.0",
            "cpuUtil",
            "110",
            "on",
            "c1",
        ]
    )
    assert [line.split() for line in lines if line.startswith("  b1 ")] == [
        ["b1", "?+DRAIN", "unknown,", "fan"]
    ]
    assert "\x1b" not in text


def test_text_cannot_control_the_terminal() -> None:
    job = replace(RUNNING, job_id=HOSTILE, name=HOSTILE, username=HOSTILE, layout={HOSTILE: (0,)})
    node = Node(name=HOSTILE, up=False, state=HOSTILE, reason=HOSTILE, flags=(HOSTILE,), swap=Free(-5, 1))
    odd = Snapshot(
        timestamp=1,
        cluster=HOSTILE,
        nodes={HOSTILE: node},
        jobs={HOSTILE: job},
        sources=(SourceStatus(name=HOSTILE, ok=False, error=HOSTILE),),
    )
    report = build(odd, source=HOSTILE)
    output = io.StringIO()
    print_text(report, output, 0)
    for table in COLUMNS:
        print_csv(report, table, output)
    assert not {"\x1b", "\u202e"} & set(output.getvalue())
    assert "cmd" in output.getvalue()


def test_tables_are_cut_at_the_limit_and_say_so() -> None:
    jobs = {str(number): replace(RUNNING, job_id=str(number)) for number in range(30)}
    report = build(replace(SHOWN, jobs=jobs))
    short, whole = io.StringIO(), io.StringIO()
    print_text(report, short, 5)
    print_text(report, whole, 0)
    assert "Running jobs (5 of 30)" in short.getvalue()
    assert short.getvalue().count("banks.sh") == 5
    assert whole.getvalue().count("banks.sh") == 30


def test_an_empty_report_prints() -> None:
    output = io.StringIO()
    print_text(build(Snapshot(timestamp=1)), output, 20)
    assert "cores 0/0" in output.getvalue()
    assert "Users" not in output.getvalue()


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_is_a_table_of_jobs(spool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running, array = read_csv(printed(capsys, spool, "--format", "csv"))
    assert running["job"] == "12_7"
    assert running["cpu_user_percent"] == "23.0"
    assert running["gpu_percent"] == "50.0"
    assert running["warnings"] == "cpuUtil 110 on c1"
    assert (running["warned"], array["warned"]) == ("true", "false")
    assert (array["job"], array["tasks"], array["cpu_user_percent"], array["start_time"]) == (
        "12",
        "92",
        "",
        "",
    )


def test_csv_has_the_other_tables_too(spool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ann,) = read_csv(printed(capsys, spool, "--format", "csv", "--table", "users"))
    assert ann == {
        "username": "ann",
        "cores": "2",
        "gpus": "1",
        "jobs": "1",
        "badness": "230",
        "warned": "true",
    }
    nodes = read_csv(printed(capsys, spool, "--format", "csv", "--table", "nodes"))
    assert [(node["node"], node["state"], node["flags"]) for node in nodes] == [
        ("c1", "MIXED", ""),
        ("b1", "", "DRAIN"),
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", " =", "\t="])
def test_no_cell_becomes_a_formula(start: str) -> None:
    assert str(csv_cell(f"{start}1+1")).startswith("'")


@pytest.mark.parametrize(
    ("value", "cell"),
    [(None, ""), (True, "true"), (False, "false"), (-5, -5), (2.5, 2.5), ("a=b", "a=b"), ("", "")],
)
def test_other_cells_stay_what_they_are(value: object, cell: object) -> None:
    assert csv_cell(value) == cell


# Arguments


@pytest.mark.parametrize(
    ("text", "expected"), [("--at=-2h", -7200), ("--at -2h", -7200), ("--at 14:30", None), ("--at now", 0)]
)
def test_an_instant_is_said_as_in_the_time_machine(text: str, expected: float | None) -> None:
    said = parse_arguments(["report", *text.split(" ", 1)]).at
    assert expected is None or instant_option("--at", said, 1e9) - 1e9 == expected


@pytest.mark.parametrize("text", ["", "noon", "25:00", "-5", "1430"])
def test_an_instant_that_is_none_is_refused_with_the_option_and_a_hint(
    text: str, spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--spool", str(spool), "--at", text]) == 2
    said = capsys.readouterr().err
    assert "--at: " in said
    assert "is no time" in said
    assert said.count("\n") == 2


@pytest.mark.parametrize("limit", ["-1", "x", "1.5", ""])
def test_a_limit_is_a_number_of_rows(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(None, "--limit", limit)
    assert "number of rows" in capsys.readouterr().err


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JobmonError, match="absent"):
        command.run(arguments(tmp_path / "absent"))


def test_the_garbage_collector_is_left_as_it_was(spool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import gc

    assert gc.isenabled()
    printed(capsys, spool)
    assert gc.isenabled()
