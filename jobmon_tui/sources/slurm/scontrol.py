"""Reading what ``scontrol -o show`` prints of nodes, partitions, reservations and the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from sys import intern

from jobmon_tui.model.snapshot import Node, Partition, Reservation
from jobmon_tui.model.units import parse_duration, parse_utc
from jobmon_tui.sources.slurm.gres import gpu_count, gpus_of
from jobmon_tui.sources.slurm.states import is_up, split_state

ABSENT = frozenset({"", "(null)", "N/A", "n/a", "NONE", "None", "UNLIMITED", "INFINITE"})
"""The words that Slurm writes where there is nothing."""

_SETTING = re.compile(r"^(?P<name>\w+)\s*=\s*(?P<value>.*?)\s*$", re.MULTILINE)
_SIGNATURE = re.compile(r" ?\[(?P<user>[^\[\]@]*)@(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|Unknown)\]")
_AFTER_REASON = re.compile(r" (?:Comment|Extra|InstanceId|InstanceType|Topology)=")


def read_nodes(text: str) -> tuple[Node, ...]:
    """The nodes of ``scontrol -d -o show node``.

    Raises:
        ValueError: A record does not look like a node; the answer is cut short or no answer.
    """
    if text and not text.endswith("\n"):
        raise ValueError("the list of nodes is cut short")
    return tuple(_node(record) for record in _records(text, "NodeName="))


def read_partitions(text: str) -> tuple[Partition, ...]:
    """The partitions of ``scontrol -o show partition``."""
    return tuple(_partition(_fields(record)) for record in _records(text, "PartitionName="))


def read_reservations(text: str) -> tuple[Reservation, ...]:
    """The reservations of ``scontrol -o show reservation``."""
    records = _records(text, "ReservationName=")
    # The comment comes last and is free text.
    return tuple(_reservation(_fields(record.partition(" Comment=")[0])) for record in records)


def read_configuration(text: str) -> dict[str, str]:
    """The settings of ``scontrol show config``."""
    return {match["name"]: match["value"] for match in _SETTING.finditer(text)}


def _records(text: str, beginning: str) -> Iterator[str]:
    """Each record's line. One that begins otherwise goes on with the one before: free text has newlines."""
    record: list[str] = []
    position = 0
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end]
        position = end + 1
        if line.startswith(beginning):
            if record:
                yield " ".join(record)
            record = [line]
        elif record and line.strip():
            record.append(line.strip())
    if record:
        yield " ".join(record)


def _fields(line: str) -> dict[str, str]:
    return dict([token.split("=", 1) for token in line.split(" ") if "=" in token])


def _node(record: str) -> Node:
    head, _, tail = record.partition(" Reason=")
    # Free text follows: none of it may pose as a field.
    values = _fields(head.partition(" Comment=")[0].partition(" Extra=")[0])
    if "State" not in values or "ThreadsPerCore" not in values:
        raise ValueError(f"the record of node {values.get('NodeName', '?')[:60]} is cut short")
    get = values.get
    n_cpus, allocated = whole(get("CPUTot")), whole(get("CPUAlloc"))
    cores, threads = whole(get("CoresPerSocket")), whole(get("ThreadsPerCore"))
    state, flags = split_state(values["State"], allocated, n_cpus)
    gres = known(get("Gres"))
    in_use, n_in_use = _gpus_in_use(known(get("GresUsed")), gpu_count(gres))
    reason, reason_user, reason_time = _reason(tail)
    return Node(
        name=intern(values["NodeName"]),
        up=is_up(state, flags),
        n_cpus=n_cpus,
        n_gpus=gpu_count(gres),
        state=state,
        flags=flags,
        reason=reason,
        reason_user=reason_user,
        reason_time=reason_time,
        sockets=_sockets(whole(get("Sockets")), whole(get("Boards")), cores, threads, n_cpus),
        cores_per_socket=cores,
        threads_per_core=threads,
        cpus_allocated=allocated,
        cpu_load=_number(get("CPULoad")),
        memory_total=whole(get("RealMemory")),
        memory_allocated=whole(get("AllocMem")),
        memory_free=whole(get("FreeMem")),
        gres=gres,
        gpu_model=",".join(dict.fromkeys(one.model for one in gpus_of(gres) if one.model)) or None,
        gpus_allocated=in_use,
        n_gpus_allocated=n_in_use,
        features=names(get("ActiveFeatures") or get("AvailableFeatures")),
        partitions=names(get("Partitions")),
        weight=whole(get("Weight")),
        boot_time=parse_utc(get("BootTime", "")),
        slurm_version=intern(get("Version", "")) or None,
    )


def _gpus_in_use(used: str | None, total: int) -> tuple[tuple[int, ...] | None, int | None]:
    """Which GPUs jobs hold and how many; ``None`` where Slurm does not say."""
    if used is None:
        return ((), 0) if total == 0 else (None, None)
    gpus = gpus_of(used)
    number = sum(one.amount for one in gpus)
    which = [one.indices for one in gpus]
    if None in which:
        return None, number
    return tuple(sorted({index for indices in which for index in indices or ()})), number


def _sockets(
    sockets: int | None, boards: int | None, cores: int | None, threads: int | None, n_cpus: int | None
) -> int | None:
    """Sockets of the whole node: Slurm's versions differ in whether they print those of one board."""
    if None in (sockets, boards, cores, threads, n_cpus) or sockets is None or boards is None:
        return sockets
    per_socket = (cores or 0) * (threads or 0)
    return sockets * boards if boards > 1 and sockets * boards * per_socket == n_cpus else sockets


def _reason(tail: str) -> tuple[str | None, str | None, float | None]:
    """The reason, who set it and when, from ``bad DIMM [root@2026-11-22T14:07:13]  second line``."""
    signature = _SIGNATURE.search(tail)
    if signature is None:
        return _AFTER_REASON.split(tail)[0].strip() or None, None, None
    rest = _AFTER_REASON.split(tail[signature.end() :])[0].strip()
    reason = f"{tail[: signature.start()].strip()} {rest}".strip()
    return reason or None, signature["user"] or None, parse_utc(signature["time"])


def _partition(values: dict[str, str]) -> Partition:
    get = values.get
    return Partition(
        name=values["PartitionName"],
        state=known(get("State")),
        nodes=known(get("Nodes")) or "",
        is_default=get("Default") == "YES",
        max_time=parse_duration(get("MaxTime", "")),
        max_nodes=whole(get("MaxNodes")),
        priority_tier=whole(get("PriorityTier")),
        n_cpus=whole(get("TotalCPUs")),
        n_nodes=whole(get("TotalNodes")),
    )


def _reservation(values: dict[str, str]) -> Reservation:
    get = values.get
    return Reservation(
        name=values["ReservationName"],
        start_time=parse_utc(get("StartTime", "")),
        end_time=parse_utc(get("EndTime", "")),
        nodes=known(get("Nodes")) or "",
        users=names(get("Users")),
        accounts=names(get("Accounts")),
        flags=names(get("Flags")),
        partition=known(get("PartitionName")),
        n_cpus=whole(get("CoreCnt")),
    )


def known(text: str | None) -> str | None:
    """A text that says something."""
    return None if text is None or text in ABSENT else text


def names(text: str | None) -> tuple[str, ...]:
    """A list with commas."""
    return tuple(intern(name) for name in text.split(",") if name) if text and text not in ABSENT else ()


@lru_cache(maxsize=16384)
def whole(text: str | None) -> int | None:
    """A whole number; ``None`` where it is none. Of a range (``2-4``) the smaller one."""
    if text is None:
        return None
    if not text.isdecimal():
        text = text.partition("-")[0]
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text and text not in ABSENT else None
    except ValueError:
        return None
