"""A process of its own for pyslurm, asked over pipes.

Three things that pyslurm does would otherwise happen to jobmon itself: without a usable slurm.conf libslurm
ends the process that imports it; a call holds Python's lock, so that the screen freezes for nine seconds when
the controller is down; and a pyslurm built for another Slurm may crash. Here they cost one reading.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.slurm.pyslurm_reader import PyslurmReading
from jobmon_tui.sources.slurm.pyslurm_wire import reading_from

LONGEST_READING = 60.0
"""Seconds after which an answer is not waited for any longer. A dead controller takes nine a call."""
COMMAND = (sys.executable, "-P", "-m", "jobmon_tui.sources.slurm.pyslurm_child")
"""``-P``: a file called pyslurm.py where jobmon happens to be started must not be run."""
WHOLE_TASK_LISTS = {"SLURM_BITSTR_LEN": "0"}
"""libslurm cuts an array's list of tasks at 64 characters otherwise, and with it their number."""
CLOSED = "Slurm is not asked any more: jobmon is closing"


class PyslurmProcess:
    """Starts the process at the first reading, and anew at the next one after it died.

    Args:
        command: What to start.
        longest: Seconds to wait for one answer.
        environment: What the process sees; this one's own environment by default.
    """

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        longest: float = LONGEST_READING,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = tuple(command)
        self._environment = environment
        self._longest = longest
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None
        self._is_closed = False

    def read(self, only_user: str | None = None) -> PyslurmReading:
        """Ask for everything, or for one user's jobs only.

        Raises:
            SourceError: pyslurm failed, its process died or did not answer in time, or all was closed.
        """
        with self._reading:
            process = self._running()
            try:
                return self._ask(process, only_user)
            finally:
                if process.poll() is not None:
                    _close_pipes(process)

    def _ask(self, process: subprocess.Popen[bytes], only_user: str | None) -> PyslurmReading:
        deadline = time.monotonic() + self._longest
        try:
            assert process.stdin is not None
            process.stdin.write(f"{only_user or ''}\n".encode())
            process.stdin.flush()
            return reading_from(lambda count: self._read_exactly(process, count, deadline))
        except SourceError:
            raise
        except OSError as error:
            raise self._died(process) from error
        except Exception as error:
            # Whatever came was no pickle of ours; the next piece would be none either.
            self._stop()
            raise SourceError(f"pyslurm's process answered nonsense: {error}") from error

    def close(self) -> None:
        """End the process, and with it a reading under way, from whichever thread."""
        self._is_closed = True
        process = self._stop()
        if process is not None and self._reading.acquire(blocking=False):
            # Nobody reads: else the reader closes them, lest it listens to whoever gets their numbers next.
            _close_pipes(process)
            self._reading.release()

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_closed:
                raise SourceError(CLOSED)
            if self._process is None:
                self._complaints = tempfile.TemporaryFile("a+b")  # noqa: SIM115
                try:
                    self._process = subprocess.Popen(
                        self._command,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=self._complaints,
                        start_new_session=True,
                        env={
                            **(os.environ if self._environment is None else self._environment),
                            **WHOLE_TASK_LISTS,
                        },
                    )
                except OSError as error:
                    raise SourceError(f"pyslurm's process cannot be started: {error}") from error
            elif self._complaints is not None:
                self._complaints.truncate(0)
            return self._process

    def _read_exactly(self, process: subprocess.Popen[bytes], count: int, deadline: float) -> bytes:
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        received = bytearray()
        while len(received) < count:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                self._stop()
                raise SourceError(
                    f"pyslurm did not answer within {self._longest:.0f} s",
                    "`scontrol ping` tells whether the controller answers",
                )
            part = os.read(descriptor, min(count - len(received), 1 << 20))
            if not part:
                raise self._died(process)
            received += part
        return bytes(received)

    def _died(self, process: subprocess.Popen[bytes]) -> SourceError:
        if self._is_closed:
            return SourceError(CLOSED)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
        last_words = self._last_words()
        self._stop()
        how = f"exit status {process.returncode}"
        if process.returncode is not None and process.returncode < 0:
            how = f"signal {-process.returncode}"
        return SourceError(
            f"pyslurm's process ended ({how}){': ' + last_words if last_words else ''}",
            "pyslurm must be built for the Slurm version of the site, and find its slurm.conf",
        )

    def _last_words(self) -> str:
        if self._complaints is None or self._complaints.closed:
            return ""
        size = self._complaints.seek(0, os.SEEK_END)
        self._complaints.seek(max(0, size - 4096))
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def _stop(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            process, self._process = self._process, None
            complaints, self._complaints = self._complaints, None
        if complaints is not None:
            complaints.close()
        if process is not None:
            process.kill()
            process.wait()
        return process


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
