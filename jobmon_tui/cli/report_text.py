"""The report for people: a few lines on the cluster, then tables. Plain text, without colours or escapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from jobmon_tui.model.text import printable
from jobmon_tui.model.times import age_text, stamp_text

_WIDEST = 40
"""Cells of a name or a reason that are shown."""

Row = Sequence[str]


def print_text(report: Mapping[str, Any], output: TextIO, limit: int) -> None:
    """Print the report.

    Args:
        report: What `build_report` gives.
        output: Where to.
        limit: The most rows of each table; 0 for all.
    """
    lines = [*_cluster(report), *_sources(report)]
    lines += _section("Users", _USER_HEADS, list(_users(report)), limit)
    lines += _section("Running jobs", _JOB_HEADS, list(_jobs(report)), limit)
    lines += _section("Nodes with trouble", _NODE_HEADS, list(_nodes(report)), limit)
    output.write("\n".join(lines) + "\n")


def warning_words(by_place: Mapping[str, Mapping[str, float]]) -> str:
    """Scores by node in words: ``cpuUtil 11 on john41, memUtil 2 on john41``."""
    return ", ".join(
        f"{warning} {score:g} on {place}"
        for place, scores in by_place.items()
        for warning, score in scores.items()
    )


def _cluster(report: Mapping[str, Any]) -> Iterable[str]:
    cores, gpus, queue = report["cores"], report["gpus"], report["queue"]
    cluster = printable(report["cluster"] or "cluster")
    yield f"{cluster}  {stamp_text(report['timestamp'])}  {printable(report['source'])}"
    yield (
        f"cores {_part(cores['running'], cores['available'])}  "
        f"gpus {_part(gpus['running'], gpus['available'])}  nodes {len(report['nodes']):,}"
    )
    running = sum(1 for job in report["jobs"].values() if job["state"] == "RUNNING")
    waits = f"{queue['jobs']:,} waiting for {queue['cpu_hours']:,.0f} core-hours"
    if queue["machine_hours"] is not None:
        waits += f" ({queue['machine_hours']:,.1f} h of the whole machine)"
    yield f"jobs {running:,} running, {waits}"


def _sources(report: Mapping[str, Any]) -> Iterable[str]:
    for source in report["sources"]:
        age = "never read" if source["age"] is None else f"{age_text(source['age'])} ago"
        state = "ok" if source["ok"] else f"FAILED: {printable(source['error'] or 'no reason given')}"
        yield f"source {printable(source['name'])}: {age}, {state}"


_USER_HEADS = ("user", ">cores", ">gpus", ">jobs", ">badness", "")


def _users(report: Mapping[str, Any]) -> Iterable[Row]:
    for name, user in report["users"].items():
        yield (
            printable(name, _WIDEST),
            f"{user['cores']:,}",
            f"{user['gpus']:,}",
            f"{user['jobs']:,}",
            f"{user['badness']:,.0f}",
            "terrible" if user["terrible"] else "warned" if user["warned"] else "",
        )


_JOB_HEADS = (
    "job",
    "user",
    "name",
    ">cores",
    ">gpus",
    ">run/limit min",
    ">cpu %",
    ">gpu %",
    ">GiB max/asked",
    "",
)


def _jobs(report: Mapping[str, Any]) -> Iterable[Row]:
    """Running jobs: the warned ones first, then those with most cores."""
    running = [(key, job) for key, job in report["jobs"].items() if job["state"] == "RUNNING"]
    running.sort(key=lambda item: (not item[1]["warned"], -item[1]["nCpus"], item[0]))
    for key, job in running:
        cpu, memory = job["usage"]["cpu"], job["usage"]["mem"]
        reported = job["reported"]
        busy = cpu["user"] + cpu["system"] if reported["cores"] else None
        gpu = job["usage"]["gpu"]["total"] if reported["gpus"] else None
        limit = "unlimited" if job["timeLimit"] is None else f"{job['timeLimit']:,.0f}"
        yield (
            printable(key, _WIDEST),
            printable(job["username"], _WIDEST),
            printable(job["name"], 24),
            f"{job['nCpus']:,}",
            f"{job['nGpus']:,}" if job["nGpus"] else "-",
            f"{job['runTime']:,.0f}/{limit}",
            _whole(busy),
            _whole(gpu) if job["nGpus"] else "-",
            f"{_gib(memory['max'])}/{_gib(job['memReq'])}",
            printable(warning_words(job["warnings"]["window"]), 2 * _WIDEST),
        )


_NODE_HEADS = ("node", "state", "what")


def _nodes(report: Mapping[str, Any]) -> Iterable[Row]:
    """Nodes that are down, drained, have a reason or a warning; a node nobody knows the state of as well."""
    for name, node in report["nodes"].items():
        held = warning_words({name: node["warnings"]["window"]})
        flags = {"DRAIN", "FAIL", "NOT_RESPONDING"}.intersection(node["flags"])
        if node["up"] is not True or flags or node["reason"] or held:
            state = "+".join([node["state"] or "?", *node["flags"]])
            up = {False: "does not answer", None: "unknown"}.get(node["up"], "")
            what = ", ".join(part for part in (up, node["reason"], held) if part)
            yield printable(name, _WIDEST), printable(state, _WIDEST), printable(what, 2 * _WIDEST)


def _section(title: str, heads: Sequence[str], rows: Sequence[Row], limit: int) -> Iterable[str]:
    """A table with its title; a head that begins with ``>`` stands over numbers."""
    if not rows:
        return
    shown = rows[:limit] if limit else rows
    yield ""
    yield title if len(shown) == len(rows) else f"{title} ({len(shown):,} of {len(rows):,})"
    table = [tuple(head.removeprefix(">") for head in heads), *shown]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    for row in table:
        cells = (
            cell.rjust(width) if head.startswith(">") else cell.ljust(width)
            for cell, width, head in zip(row, widths, heads, strict=True)
        )
        yield f"  {'  '.join(cells)}".rstrip()


def _part(part: int, whole: int) -> str:
    return f"{part:,}/{whole:,}" + (f" ({100 * part / whole:.0f} %)" if whole else "")


def _whole(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"


def _gib(mebibytes: float | None) -> str:
    return "?" if mebibytes is None else f"{mebibytes / 1024:.1f}"
