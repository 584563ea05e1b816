"""A source of measurements that is read in a process of its own once the cluster is large.

A million cores take seconds to read. A thread that does so takes turns with the one that draws: each key
waits for it, now and then for a twentieth of a second. And the memory that it took stays with jobmon. In
another process neither happens; what arrives from there is plain values, a few hundred nodes at a time. A
small cluster is read where jobmon runs, which costs less than another Python.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.sources.child_process import ChildProcess, ReadExactly
from jobmon_tui.sources.readings import ReadingsAnswer, ReadingsSource
from jobmon_tui.sources.readings_wire import answer_from, series_from

T = TypeVar("T")
COMMAND = (sys.executable, "-P", "-m", "jobmon_tui.sources.readings_child")
"""``-P``: nothing is imported from where jobmon happens to be started."""
MOST_NODES = 250
"""Of a cluster that is read here."""
MOST_CORES = 10_000
"""Of a cluster that is read here."""
GRACE = 5.0
"""Seconds beyond a source's own time limit after which its process is ended."""


class ReadingsProcess:
    """A source, here or in a process of its own; once there, it stays there.

    Args:
        make: Makes the source; it must survive `pickle`. Secrets have no place in it, only where they are.
        longest: Seconds that the source gives itself for one answer at the most.
        most_nodes: Nodes from which on it is read in a process of its own.
        most_cores: Cores in an answer from which on the next one is.
        command: The program of that process.

    Raises:
        UsageError: An option of the source makes no sense.
    """

    def __init__(
        self,
        make: Callable[[], ReadingsSource],
        longest: float,
        *,
        most_nodes: int = MOST_NODES,
        most_cores: int = MOST_CORES,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.here = make()
        """The source, as it is asked in this process."""
        self.name = self.here.name
        self.is_apart = False
        """Whether it is read in a process of its own."""
        self._most_nodes = most_nodes
        self._most_cores = most_cores
        self._child = ChildProcess(
            self.name,
            command,
            longest + GRACE,
            greeting=pickle.dumps(make),
            slow_hint="The process that reads it hung and was ended; the next cycle starts another one.",
            died_hint="The next cycle starts another one. Did the system run out of memory?",
            closed=f"{self.name} was closed",
        )

    def load(self, hosts: Sequence[str], job_ids: Sequence[str]) -> ReadingsAnswer:
        """Read everything once.

        Raises:
            SourceError: Nothing could be had.
        """
        self.is_apart = self.is_apart or len(hosts) > self._most_nodes
        if self.is_apart:
            return self._ask(answer_from, "load", list(hosts), list(job_ids))
        answer = self.here.load(hosts, job_ids)
        self.is_apart = self._is_large(answer)
        return answer

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What was measured over a time, for charts.

        Raises:
            SourceError: Nothing could be had.
        """
        if self.is_apart:
            return self._ask(series_from, "series", list(requests))
        return self.here.series(requests)

    def close(self) -> None:
        """End a request under way at once, from whichever thread; later calls raise SourceError."""
        self.here.close()
        self._child.close()

    def _ask(self, read: Callable[[ReadExactly], T], name: str, *arguments: Any) -> T:
        return self._child.ask(pickle.dumps((name, arguments)), read)

    def _is_large(self, answer: ReadingsAnswer) -> bool:
        cores = sum(len(node.cpu.cores) for node in answer.nodes.values() if node.cpu is not None)
        return len(answer.nodes) > self._most_nodes or cores > self._most_cores
