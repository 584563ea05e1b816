"""A source of measurements that does what a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from jobmon_tui.errors import SourceError
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.sources.readings import NodeReading, ReadingsAnswer

NOW = 1_790_000_000.0


def answer(**loads: float) -> ReadingsAnswer:
    """An answer in which each node has a load average."""
    return ReadingsAnswer(
        taken_at=NOW,
        nodes={name: NodeReading(load=load) for name, load in loads.items()},
        calls=1,
    )


class FakeSource:
    """Gives its answers in turn, the last one for ever; raises what is an exception, calls what is callable.

    Args:
        name: As shown to users.
        answers: Anything; `HANG` blocks until the test lets go.
    """

    HANG = object()

    def __init__(self, name: str, *answers: Any) -> None:
        self.name = name
        self.answers = list(answers) or [answer()]
        self.asked: list[tuple[list[str], list[str]]] = []
        self.charted: list[SeriesRequest] = []
        self.begun = threading.Event()
        self.finished = threading.Event()
        self.let_go = threading.Event()
        self.ends_when_closed = True
        self.is_closed = False
        self.before: Callable[[], object] = lambda: None
        self.after_hanging: Any = SourceError("ended")
        self.series_of: Callable[[Sequence[SeriesRequest]], Sequence[Series | None]] = lambda requests: (
            [None] * len(requests)
        )

    def load(self, hosts: Sequence[str], job_ids: Sequence[str]) -> ReadingsAnswer:
        self.asked.append((list(hosts), list(job_ids)))
        self.begun.set()
        self.before()
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if said is self.HANG:
            self.hang()
            said = self.after_hanging
        self.finished.set()
        if isinstance(said, BaseException):
            raise said
        result: ReadingsAnswer = said() if callable(said) else said
        return result

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        self.charted.extend(requests)
        return self.series_of(requests)

    def hang(self) -> None:
        """Block until the test lets go; not for ever, so that a broken test ends."""
        self.let_go.wait(30)

    def close(self) -> None:
        self.is_closed = True
        if self.ends_when_closed:
            self.let_go.set()
