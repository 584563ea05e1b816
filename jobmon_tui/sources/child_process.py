"""A process of our own that is asked over pipes: what happens in it happens to it alone.

What holds Python's lock there, eats memory there or ends the process there costs one answer here.
"""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from select import PIPE_BUF
from typing import IO, TypeVar

from jobmon_tui.errors import SourceError

T = TypeVar("T")
ReadExactly = Callable[[int], bytes]
"""Gives that many bytes of what the process answers, or raises SourceError."""

READ_AT_ONCE = 1 << 20


class ChildProcess:
    """Starts a program at the first question, and anew at the next one after it died.

    It reads questions from its standard input and answers on its standard output, for ever, and must end when
    its input does. Other sessions' signals do not reach it: it has a session of its own.

    Args:
        title: Who is asked, in a user's words: ``pyslurm``.
        command: The program.
        longest: Seconds to wait for one answer.
        greeting: What every new process is told before its first question.
        base: Its environment; ``None``: this process's own.
        environment: What is changed in that.
        slow_hint: What to do when it does not answer in time.
        died_hint: What to do when it dies.
        closed: What is said to those who ask after `close`.
    """

    def __init__(
        self,
        title: str,
        command: Sequence[str],
        longest: float,
        *,
        greeting: bytes = b"",
        base: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        slow_hint: str = "",
        died_hint: str = "",
        closed: str = "",
    ) -> None:
        self._title = title
        self._command = tuple(command)
        self._longest = longest
        self._greeting = greeting
        self._base = base
        self._environment = dict(environment or {})
        self._slow_hint = slow_hint
        self._died_hint = died_hint
        self._closed = closed or f"{title} is not asked any more: jobmon is closing"
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None
        self._is_greeted = False
        self._is_closed = False

    def ask(self, question: bytes, read: Callable[[ReadExactly], T]) -> T:
        """Ask, and have the answer read as it arrives.

        Args:
            question: What the program is told.
            read: Makes something of the answer; all of it, and no more, must be read.

        Raises:
            SourceError: `read` raised it; or the process died, did not answer in time or answered nonsense;
                or all was closed.
        """
        with self._asking:
            process = self._running()
            try:
                return self._ask(process, question, read)
            finally:
                if process.poll() is not None:
                    _close_pipes(process)

    def close(self) -> None:
        """End the process, and with it a question under way, from whichever thread."""
        self._is_closed = True
        process = self._stop()
        if process is not None and self._asking.acquire(blocking=False):
            # Nobody reads: else the reader closes them, lest it listens to whoever gets their numbers next.
            _close_pipes(process)
            self._asking.release()

    def _ask(self, process: subprocess.Popen[bytes], question: bytes, read: Callable[[ReadExactly], T]) -> T:
        deadline = time.monotonic() + self._longest
        try:
            self._send(process, question, deadline)
            return read(lambda count: self._read_exactly(process, count, deadline))
        except SourceError:
            raise
        except OSError as error:
            raise self._died(process) from error
        except Exception as error:
            # Whatever came was no answer of ours; the next piece would be none either.
            self._stop()
            raise SourceError(f"{self._title}'s process answered nonsense: {error}") from error

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_closed:
                raise SourceError(self._closed)
            if self._process is None:
                self._process = self._started()
            elif self._complaints is not None:
                self._complaints.truncate(0)
            return self._process

    def _started(self) -> subprocess.Popen[bytes]:
        self._complaints = tempfile.TemporaryFile("a+b")  # noqa: SIM115
        try:
            process = subprocess.Popen(
                self._command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                start_new_session=True,
                env={**(os.environ if self._base is None else self._base), **self._environment},
            )
        except OSError as error:
            raise SourceError(f"{self._title}'s process cannot be started: {error}") from error
        self._is_greeted = not self._greeting
        return process

    def _send(self, process: subprocess.Popen[bytes], question: bytes, deadline: float) -> None:
        assert process.stdin is not None
        descriptor = process.stdin.fileno()
        if not self._is_greeted:
            question, self._is_greeted = self._greeting + question, True
        for start in range(0, len(question), PIPE_BUF):
            # So much never blocks once anything can be written: a process that hangs reads nothing.
            _, ready, _ = select.select([], [descriptor], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise self._too_slow()
            os.write(descriptor, question[start : start + PIPE_BUF])

    def _read_exactly(self, process: subprocess.Popen[bytes], count: int, deadline: float) -> bytes:
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        received = bytearray()
        while len(received) < count:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise self._too_slow()
            part = os.read(descriptor, min(count - len(received), READ_AT_ONCE))
            if not part:
                raise self._died(process)
            received += part
        return bytes(received)

    def _too_slow(self) -> SourceError:
        self._stop()
        return SourceError(f"{self._title} did not answer within {self._longest:.0f} s", self._slow_hint)

    def _died(self, process: subprocess.Popen[bytes]) -> SourceError:
        if self._is_closed:
            return SourceError(self._closed)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
        last_words = self._last_words()
        self._stop()
        how = f"exit status {process.returncode}"
        if process.returncode is not None and process.returncode < 0:
            how = f"signal {-process.returncode}"
        return SourceError(
            f"{self._title}'s process ended ({how}){': ' + last_words if last_words else ''}", self._died_hint
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
