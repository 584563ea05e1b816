"""What scontrol prints of nodes, partitions, reservations and the configuration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.sources.slurm.scontrol import (
    read_configuration,
    read_nodes,
    read_partitions,
    read_reservations,
    whole,
)

NOON = 1_795_348_800.0
"""2026-11-22T12:00:00 in UTC."""


def node_line(name: str = "n1", tail: str = "", **changed: str) -> str:
    """One node as ``scontrol -d -o show node`` prints it."""
    fields = {
        "NodeName": name,
        "Arch": "x86_64",
        "CoresPerSocket": "8 ",
        "CPUAlloc": "5",
        "CPUEfctv": "32",
        "CPUTot": "32",
        "CPULoad": "4.25",
        "AvailableFeatures": "big,fast",
        "ActiveFeatures": "fast",
        "Gres": "gpu:tesla:4(S:0-1)",
        "GresDrain": "N/A",
        "GresUsed": "gpu:tesla:3(IDX:0,2-3)",
        "Version": "23.02.1",
        "OS": "Linux 6.1.0 #1 SMP @0 ",
        "RealMemory": "128000",
        "AllocMem": "6000",
        "FreeMem": "90000",
        "Sockets": "2",
        "Boards": "1",
        "State": "MIXED",
        "ThreadsPerCore": "2",
        "Weight": "7",
        "Partitions": "day,night ",
        "BootTime": "2026-11-22T12:00:00",
        "AllocTRES": "cpu=5,mem=6000M",
    }
    return " ".join(f"{key}={value}" for key, value in (fields | changed).items()) + tail + "\n"


def test_reads_everything_that_slurm_says_of_a_node() -> None:
    (node,) = read_nodes(node_line())
    assert (node.name, node.up, node.state, node.flags) == ("n1", True, "MIXED", ())
    assert (node.n_cpus, node.cpus_allocated, node.cpu_load) == (32, 5, 4.25)
    assert (node.sockets, node.cores_per_socket, node.threads_per_core) == (2, 8, 2)
    assert (node.memory_total, node.memory_allocated, node.memory_free) == (128000, 6000, 90000)
    assert (node.gres, node.gpu_model, node.n_gpus) == ("gpu:tesla:4(S:0-1)", "tesla", 4)
    assert (node.gpus_allocated, node.n_gpus_allocated) == ((0, 2, 3), 3)
    assert (node.features, node.partitions, node.weight) == (("fast",), ("day", "night"), 7)
    assert (node.boot_time, node.slurm_version) == (NOON, "23.02.1")
    assert (node.reason, node.reason_user, node.reason_time) == (None, None, None)


def test_what_slurm_does_not_know_is_unknown_and_not_zero() -> None:
    (node,) = read_nodes(
        node_line(
            CPULoad="N/A", FreeMem="N/A", BootTime="None", Gres="(null)", GresUsed="gpu:0", Partitions=""
        )
    )
    assert (node.cpu_load, node.memory_free, node.boot_time, node.gres) == (None, None, None, None)
    assert (node.n_gpus, node.n_gpus_allocated, node.partitions) == (0, 0, ())


def test_gpus_without_files_are_counted_but_not_named() -> None:
    (node,) = read_nodes(node_line(GresUsed="gpu:tesla:1(CNT:1)"))
    assert (node.gpus_allocated, node.n_gpus_allocated) == (None, 1)


def test_where_slurm_does_not_print_the_gpus_in_use_they_are_unknown() -> None:
    line = node_line().replace(" GresUsed=gpu:tesla:3(IDX:0,2-3)", "")
    (node,) = read_nodes(line)
    assert (node.gpus_allocated, node.n_gpus_allocated) == (None, None)


def test_sockets_of_one_board_are_multiplied() -> None:
    (whole_node,) = read_nodes(node_line(Sockets="2", Boards="2", CPUTot="32"))
    (one_board,) = read_nodes(node_line(Sockets="2", Boards="2", CPUTot="64"))
    assert (whole_node.sockets, one_board.sockets) == (2, 4)


@pytest.mark.parametrize(
    ("tail", "reason", "user", "time"),
    [
        (" Reason=bad fan, ticket 9 [root@2026-11-22T12:00:00]", "bad fan, ticket 9", "root", NOON),
        (" Reason=x y [z] [adm.in@2026-11-22T12:00:00]", "x y [z]", "adm.in", NOON),
        (" Reason=Not responding [slurm@Unknown]", "Not responding", "slurm", None),
        (" Reason=one [ops@2026-11-22T12:00:00]        two State=IDLE", "one two State=IDLE", "ops", NOON),
        (" Reason=no signature", "no signature", None, None),
        (" Reason=bad [ops@2026-11-22T12:00:00] Comment=State=DOWN Extra=x", "bad", "ops", NOON),
        (" Comment=loud State=DOWN CPUTot=1", None, None, None),
    ],
)
def test_reasons_and_comments_are_free_text(
    tail: str, reason: str | None, user: str | None, time: float | None
) -> None:
    (node,) = read_nodes(node_line(tail=tail))
    assert (node.reason, node.reason_user, node.reason_time) == (reason, user, time)
    assert (node.state, node.n_cpus) == ("MIXED", 32)


def test_a_reason_with_a_line_break_stays_with_its_node() -> None:
    text = node_line("n1", tail=" Reason=first\nsecond [root@2026-11-22T12:00:00]") + node_line("n2")
    one, two = read_nodes(text)
    assert (one.reason, two.name, two.reason) == ("first second", "n2", None)


@pytest.mark.parametrize("kept", [30, 200, -1])
def test_a_list_of_nodes_that_is_cut_short_is_refused(kept: int) -> None:
    with pytest.raises(ValueError, match="cut short"):
        read_nodes((node_line("n1") + node_line("n2"))[:-1][:kept])


def test_a_node_that_is_cut_at_a_line_break_is_refused() -> None:
    with pytest.raises(ValueError, match="node n2 is cut short"):
        read_nodes(node_line("n1") + "NodeName=n2 Arch=x86_64\n")


def test_partitions() -> None:
    text = (
        "PartitionName=day AllowGroups=ALL Default=YES MaxNodes=UNLIMITED MaxTime=7-00:00:00 Nodes=c[1-8],g1"
        " PriorityTier=10 State=UP TotalCPUs=144 TotalNodes=9 JobDefaults=(null)\n\n"
        "PartitionName=none Default=NO MaxNodes=4 MaxTime=UNLIMITED Nodes=(null) State=DRAIN TotalCPUs=0"
        " TotalNodes=0\n"
    )
    day, none = read_partitions(text)
    assert (day.name, day.state, day.nodes, day.is_default) == ("day", "UP", "c[1-8],g1", True)
    assert (day.max_time, day.max_nodes, day.priority_tier) == (10080, None, 10)
    assert (day.n_cpus, day.n_nodes) == (144, 9)
    assert (none.state, none.nodes, none.is_default, none.max_time, none.max_nodes) == (
        "DRAIN",
        "",
        False,
        None,
        4,
    )


def test_reservations() -> None:
    text = (
        "ReservationName=service StartTime=2026-11-22T12:00:00 EndTime=2026-11-22T13:00:00 Duration=01:00:00"
        " Nodes=c[1-2] NodeCnt=2 CoreCnt=32 Features=(null) PartitionName=(null) Flags=MAINT,SPEC_NODES"
        " TRES=cpu=32 Users=root,ops Groups=(null) Accounts=(null) State=ACTIVE"
        " Comment=Users=nobody Nodes=c9\n"
    )
    (one,) = read_reservations(text)
    assert (one.name, one.start_time, one.end_time) == ("service", NOON, NOON + 3600)
    assert (one.nodes, one.n_cpus, one.partition) == ("c[1-2]", 32, None)
    assert (one.users, one.accounts, one.flags) == (("root", "ops"), (), ("MAINT", "SPEC_NODES"))
    assert one.is_maintenance


@pytest.mark.parametrize("text", ["", "No reservations in the system\n", "No partitions in the system\n"])
def test_no_record_is_an_empty_list(text: str) -> None:
    assert read_reservations(text) == ()
    assert read_partitions(text) == ()
    assert read_nodes(text) == ()


def test_settings() -> None:
    text = "Configuration data as of today\nClusterName             = big one\nSLURM_VERSION = 22.05.8\nX=\n"
    assert read_configuration(text) == {"ClusterName": "big one", "SLURM_VERSION": "22.05.8", "X": ""}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("17", 17),
        ("2-4", 2),
        ("UNLIMITED", None),
        ("", None),
        ("-3", None),
        ("4K", None),
        (None, None),
    ],
)
def test_whole_numbers(text: str | None, number: int | None) -> None:
    assert whole(text) == number


@given(st.text(max_size=80))
def test_any_reason_is_kept_away_from_the_fields(reason: str) -> None:
    # Slurm itself breaks a reason at its line breaks; a line that begins like a node would be one.
    safe = reason.replace("NodeName=", "")
    (node,) = read_nodes(node_line(tail=f" Reason={safe} [root@2026-11-22T12:00:00]"))
    assert (node.name, node.state, node.n_cpus, node.weight) == ("n1", "MIXED", 32, 7)
