"""What a job depends on, in words: ``afterok:3(unfulfilled)`` is *job 3 ends successfully*."""

from __future__ import annotations

import re

ONE_AND_MANY = {
    "after": ("has started", "have started"),
    "afterany": ("has ended", "have ended"),
    "afterok": ("ends successfully", "end successfully"),
    "afternotok": ("fails", "fail"),
    "aftercorr": ("ends successfully in the same task", "end successfully in the same task"),
    "afterburstbuffer": ("has written its burst buffer back", "have written their burst buffers back"),
}
"""Slurm's kind of dependency to what one job, or several, must do."""

_JOB = re.compile(r"(?P<id>\d+)(?P<task>_(?:\d+|\*))?(?:\+(?P<minutes>\d+))?(?:\((?P<status>[^)]*)\))?\Z")


def dependency_words(text: str) -> str:
    """What must happen first, to stand after *until*; empty where the text is no dependency of Slurm's.

    Args:
        text: ``afterok:3(unfulfilled),afterany:4:5``; a ``?`` in place of the comma means *or*.
    """
    joint, separator = (" or ", "?") if "?" in text else (" and ", ",")
    parts = [_part_words(part.strip()) for part in text.split(separator) if part.strip()]
    return joint.join(parts) if all(parts) else ""


def _part_words(part: str) -> str:
    kind, _, rest = part.partition(":")
    if kind.partition("(")[0] == "singleton":
        return "no other job of that name and owner is left"
    if kind not in ONE_AND_MANY:
        return ""
    matches = [_JOB.match(job) for job in rest.split(":") if job]
    if not matches or None in matches:
        return ""
    names = [_name(match) for match in matches if match]
    one, many = ONE_AND_MANY[kind]
    is_several = len(names) > 1 or "all tasks" in names[0]
    noun = "" if "all tasks" in names[0] else "jobs " if len(names) > 1 else "job "
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    words = f"{noun}{listed} {many if is_several else one}"
    delays = [int(match["minutes"]) for match in matches if match and match["minutes"]]
    if delays:
        words += f" {max(delays)} min ago"
    if any(match["status"] == "failed" for match in matches if match):
        words += " (which did not happen)"
    return words


def _name(match: re.Match[str]) -> str:
    if match["task"] == "_*":
        return f"all tasks of array {match['id']}"
    return f"{match['id']}{match['task'] or ''}"
