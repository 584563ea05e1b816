"""What ``jobmon doctor`` finds about the collector of a spool."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jobmon_tui.cli.doctor import FAILED, MISSING, OK, WARNING, Finding
from jobmon_tui.errors import JobmonError
from jobmon_tui.feeds.collector_status import read_status
from jobmon_tui.feeds.spool_folder import NEWEST
from jobmon_tui.feeds.spool_lock import holder_of, lock_path
from jobmon_tui.model.times import age_text, stamp_text

_LATE = 3
"""Intervals after which the newest snapshot is late."""


def collector(spool: Path, lock_file: Path | None = None) -> Iterator[Finding]:
    """Whether a collector runs, how old what it wrote is, and how it says that it does."""
    now = time.time()
    if not spool.is_dir():
        hint = "Start a collector: jobmon collect --spool, or see jobmon collect --systemd-unit."
        yield Finding("spool", f"{spool} is not there", MISSING, hint)
        return
    yield Finding("spool", str(spool), OK)
    status: Mapping[str, Any] = {}
    try:
        status = read_status(spool) or {}
    except JobmonError as error:
        yield Finding("collector.json", error.message, FAILED, error.hint)
    running = _running(lock_path(spool, lock_file), status, now)
    if status or running.mark == OK:
        yield running
    yield _newest(spool / NEWEST, status, now)
    if status:
        # What one that is gone said of itself is no longer wrong.
        failed = FAILED if running.mark != MISSING else ""
        yield from _figures(status)
        yield from _sources(status, failed)
        yield from _troubles(status, failed)


def _running(lock: Path, status: Mapping[str, Any], now: float) -> Finding:
    try:
        holder = holder_of(lock)
    except OSError as error:
        return Finding("running", f"unknown: {lock} cannot be looked at: {error.strerror}", WARNING)
    if holder is not None:
        return Finding("running", str(holder), OK)
    said = "no"
    updated = _number(status, "updated")
    if updated is not None:
        how = "was told to stop" if status.get("ended") is True else "was killed or lost its machine"
        said = f"no: the last one {how}, {age_text(now - updated)} ago"
    return Finding("running", said, MISSING, "Start it: jobmon collect --spool DIR, or its systemd unit.")


def _newest(path: Path, status: Mapping[str, Any], now: float) -> Finding:
    try:
        age = now - path.stat().st_mtime
    except FileNotFoundError:
        return Finding("newest snapshot", "none", MISSING)
    except OSError as error:
        return Finding("newest snapshot", f"{path}: {error.strerror}", FAILED)
    interval = _number(status, "interval")
    found = f"{age_text(age)} old"
    if interval is not None:
        found += f", one every {interval:g} s"
        if age > _LATE * interval:
            return Finding("newest snapshot", found, WARNING)
    return Finding("newest snapshot", found, OK)


def _figures(status: Mapping[str, Any]) -> Iterator[Finding]:
    cycles, failed, unwritten, missed = (
        int(_number(status, key) or 0)
        for key in ("cycles", "failedCycles", "unwrittenCycles", "missedCycles")
    )
    started, updated = _number(status, "started"), _number(status, "updated")
    since = "" if started is None or updated is None else f" in {age_text(updated - started)}"
    mark = WARNING if failed or unwritten or missed else OK
    parts = [
        f"{count:,} {words}"
        for count, words in ((failed, "failed"), (unwritten, "not written"), (missed, "left out"))
        if count
    ]
    yield Finding("cycles", ", ".join([f"{cycles:,}{since}", *parts]), mark)
    times = [
        f"{seconds:.2f} s{words}"
        for key, words in (
            ("cycleSeconds", ""),
            ("cpuSeconds", " of them on the CPU"),
            ("writeSeconds", " writing"),
            ("longestSeconds", " the longest of all"),
        )
        if (seconds := _number(status, key)) is not None
    ]
    yield Finding("last cycle", ", ".join(times))
    files = status.get("files")
    sizes = [
        f"{name} {_size(size)}"
        for name, size in (files.items() if isinstance(files, dict) else ())
        if isinstance(size, int)
    ]
    snapshots = int(_number(status, "snapshots") or 0)
    yield Finding("files", ", ".join([*sizes, f"{snapshots:,} snapshots of before"]))


def _sources(status: Mapping[str, Any], failed: str) -> Iterator[Finding]:
    for name, source in _tables(status, "sources"):
        seconds, errors = _number(source, "seconds") or 0.0, int(_number(source, "errors") or 0)
        facts = f"{int(_number(source, 'calls') or 0)} calls, {seconds:.2f} s, {errors:,} errors"
        error = source.get("error")
        if error is None:
            yield Finding(f"source {name}", facts, OK)
        else:
            yield Finding(f"source {name}", f"{facts}: {error}", failed)


def _troubles(status: Mapping[str, Any], failed: str) -> Iterator[Finding]:
    for what, trouble in _tables(status, "troubles"):
        if what.startswith("source "):
            continue
        since = _number(trouble, "since")
        ago = "" if since is None else f", since {stamp_text(since)}"
        yield Finding(what, f"{trouble.get('message')}{ago}", failed, str(trouble.get("hint") or ""))
    failure, failed_at = status.get("lastFailure"), _number(status, "lastFailureTime")
    if failure is not None and failed_at is not None:
        yield Finding("last failure", f"{stamp_text(failed_at)}: {failure}")


def _tables(status: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    table = status.get(key)
    for name, value in table.items() if isinstance(table, dict) else ():
        if isinstance(value, dict):
            yield str(name), value


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 999_500 else f"{size / 1e3:.1f} kB"


def _number(table: Mapping[str, Any], key: str) -> float | None:
    value: Any = table.get(key)
    return float(value) if type(value) in (int, float) and abs(value) < 1e15 else None
