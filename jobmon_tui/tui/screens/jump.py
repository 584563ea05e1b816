"""What can be jumped to: views, jobs, nodes and users, by a part of their name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.tui.options import VIEWS
from jobmon_tui.tui.screens.picker import MOST_MATCHES, Match


def jump_matches(index: SnapshotIndex) -> Callable[[str], Sequence[Match]]:
    """Matches among everything of a snapshot: those that begin with the text before those that hold it."""

    def matches(text: str) -> Sequence[Match]:
        wanted = text.strip().lower()
        views = [Match(view, view.capitalize(), "view") for view in VIEWS]
        if not wanted:
            return views
        return list(islice(_best_first(wanted, views, index), MOST_MATCHES))

    return matches


def user_matches(index: SnapshotIndex) -> Callable[[str], Sequence[Match]]:
    """Matches among the users of a snapshot, those with most cores first; nothing typed offers everyone."""
    everyone = Match("", "everyone")

    def matches(text: str) -> Sequence[Match]:
        wanted = text.strip().lower()
        users = [
            Match(user.name, user.name, f"{user.cores} cores, {user.running} running, {user.pending} pending")
            for user in index.users
            if wanted in user.name.lower()
        ]
        users.sort(key=lambda match: not match.value.lower().startswith(wanted))
        return users if wanted else [everyone, *users]

    return matches


def _best_first(wanted: str, views: Sequence[Match], index: SnapshotIndex) -> Iterator[Match]:
    jobs, nodes = index.snapshot.jobs, index.snapshot.nodes
    yield from (match for match in views if match.value.startswith(wanted))
    if wanted in jobs:
        yield _job(index, wanted)
    for begins in (True, False):
        for user in index.users:
            if _fits(user.name, wanted, begins):
                yield Match(user.name, user.name, "user")
        for node in nodes:
            if _fits(node, wanted, begins):
                yield Match(node, node, "node")
        for job_id in jobs:
            if job_id != wanted and _fits(job_id, wanted, begins):
                yield _job(index, job_id)
    for job in jobs.values():
        if wanted in job.name.lower():
            yield _job(index, job.job_id)


def _fits(name: str, wanted: str, begins: bool) -> bool:
    lower = name.lower()
    return lower.startswith(wanted) if begins else wanted in lower and not lower.startswith(wanted)


def _job(index: SnapshotIndex, job_id: str) -> Match:
    job = index.snapshot.jobs[job_id]
    return Match(job_id, job_id, f"job {job.name} of {job.username}, {job.state.lower()}")
