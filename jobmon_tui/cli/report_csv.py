"""One table of the report for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from jobmon_tui.cli.report_text import warning_words
from jobmon_tui.model.text import printable

Row = tuple[str, Mapping[str, Any]]
"""The name of a job, a user or a node, and what the report says of it."""

Column = tuple[str, Callable[[Row], object]]
"""The head of a column, and what stands in it."""

_FORMULA = tuple("=+-@＝＋－＠")
"""What a spreadsheet takes for the start of a formula, wide forms included."""


def print_csv(report: Mapping[str, Any], table: str, output: TextIO) -> None:
    """Print one table with a line of heads.

    Args:
        report: What `build_report` gives.
        table: ``jobs``, ``users`` or ``nodes``.
        output: Where to.
    """
    columns = COLUMNS[table]
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow([head for head, _ in columns])
    writer.writerows([csv_cell(value(row)) for _, value in columns] for row in report[table].items())


def csv_cell(value: object) -> str | int | float:
    """One cell: unknown is empty, and no text from outside becomes a formula of whoever opens the table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    text = printable(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _name(head: str) -> Column:
    return head, lambda row: row[0]


def _key(head: str, key: str) -> Column:
    return head, lambda row: row[1][key]


def _usage(head: str, *path: str) -> Column:
    """A figure that only running jobs have."""

    def value(row: Row) -> object:
        found: Any = row[1].get("usage")
        for key in path:
            found = None if found is None else found[key]
        return found

    return head, value


def _cpu(head: str, kind: str) -> Column:
    """CPU use in %; empty where nobody measured any of the job's cores."""

    def value(row: Row) -> object:
        measured = "usage" in row[1] and row[1]["reported"]["cores"]
        return row[1]["usage"]["cpu"][kind] if measured else None

    return head, value


def _gpu_percent(row: Row) -> object:
    measured = "usage" in row[1] and row[1]["reported"]["gpus"]
    return row[1]["usage"]["gpu"]["total"] if measured else None


def _job_warnings(row: Row) -> str:
    return warning_words(row[1]["warnings"]["window"]) if "warnings" in row[1] else ""


COLUMNS: Mapping[str, Sequence[Column]] = {
    "jobs": (
        _name("job"),
        _key("name", "name"),
        _key("username", "username"),
        _key("state", "state"),
        _key("partition", "partition"),
        _key("reason", "reason"),
        ("tasks", lambda row: row[1].get("tasks", 1)),
        _key("cores", "nCpus"),
        _key("gpus", "nGpus"),
        ("nodes", lambda row: " ".join(row[1]["layout"])),
        _key("time_limit_minutes", "timeLimit"),
        _key("run_time_minutes", "runTime"),
        ("start_time", lambda row: row[1]["startTime"] or None),
        _key("memory_requested_mib", "memReq"),
        _key("memory_max_mib", "memMax"),
        _usage("memory_used_mib", "mem", "used"),
        _cpu("cpu_user_percent", "user"),
        _cpu("cpu_system_percent", "system"),
        _cpu("cpu_wait_percent", "wait"),
        ("gpu_percent", _gpu_percent),
        _key("warned", "warned"),
        ("warnings", _job_warnings),
    ),
    "users": (
        _name("username"),
        _key("cores", "cores"),
        _key("gpus", "gpus"),
        _key("jobs", "jobs"),
        _key("badness", "badness"),
        _key("warned", "warned"),
    ),
    "nodes": (
        _name("node"),
        _key("state", "state"),
        ("flags", lambda row: " ".join(row[1]["flags"])),
        _key("reason", "reason"),
        _key("up", "up"),
        _key("cores", "nCpus"),
        _key("gpus", "nGpus"),
        ("warnings", lambda row: warning_words({row[0]: row[1]["warnings"]["window"]})),
    ),
}
"""Each table's columns."""
