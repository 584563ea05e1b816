"""Running one of Slurm's commands: bounded in time and size, stopped from any thread, failures in words."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import NamedTuple

from jobmon_tui.errors import SourceError

MOST_BYTES = 512 * 1024 * 1024
"""More than any cluster's queue: what prints more is ended, so that memory stays bounded."""
CHUNK = 256 * 1024
MOST_COMPLAINT = 64 * 1024
"""Bytes of a command's complaints that are kept."""
PATIENCE = 0.5
"""Seconds between two looks at whether the command was ended from another thread."""

HINTS = (
    (
        "contact slurm controller",
        "check `scontrol ping`: slurmctld is down, restarting or out of reach",
    ),
    ("connect failure", "check `scontrol ping`: slurmctld is down, restarting or out of reach"),
    ("timed out", "slurmctld is slow: check `scontrol ping` and `sdiag`, or raise the time-out"),
    ("invalid user", "no user of that name is known on this machine"),
    ("munge", "munge on this machine does not work: check `munge -n | unmunge`"),
    ("authentication", "munge on this machine does not work: check `munge -n | unmunge`"),
    ("configuration source", "this machine is no Slurm client: check SLURM_CONF and /etc/slurm/slurm.conf"),
    ("slurm.conf", "this machine is no Slurm client: check SLURM_CONF and /etc/slurm/slurm.conf"),
    ("incompatible versions", "the commands and slurmctld are of different Slurm versions"),
    ("access/permission denied", "Slurm does not let you see this"),
)
"""What a complaint contains (in lower case), and what to do about it."""


class Output(NamedTuple):
    """What a command printed."""

    printed: bytes
    seconds: float
    """How long it took."""

    @property
    def text(self) -> str:
        """What it printed as text; bytes that are no UTF-8 become ``�``."""
        return self.printed.decode("utf-8", "replace")


def slurm_environment(base: Mapping[str, str]) -> dict[str, str]:
    """The environment in which Slurm's commands print what can be read back.

    The user's own formats are dropped. Times are printed in UTC, so that the hour that exists twice in autumn
    is no riddle; lists of array tasks are printed whole.

    Args:
        base: The environment to start from.
    """
    kept = {name: value for name, value in base.items() if not name.startswith(("SQUEUE_", "SCONTROL_"))}
    kept.update(LC_ALL="C", TZ="UTC", SLURM_TIME_FORMAT="standard", SLURM_BITSTR_LEN="0")
    return kept


class Runner:
    """Runs one command at a time.

    Args:
        environment: The whole environment of the commands.
        timeout: Seconds after which a command is ended.
        most_bytes: Bytes after which a command is ended.
    """

    def __init__(self, environment: Mapping[str, str], timeout: float, most_bytes: int = MOST_BYTES) -> None:
        self._environment = dict(environment)
        self._timeout = timeout
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def run(self, command: Sequence[str]) -> Output:
        """Run a command to its end.

        Raises:
            SourceError: It is missing, fails, prints too much, does not end in time, or `close` was called.
        """
        name = command[0]
        started = time.monotonic()
        process = self._start(command)
        try:
            printed, complaint = self._read(process, name, started + self._timeout)
            status = self._wait(process, name, started + self._timeout)
        finally:
            self._end(process)
        self._check_open(name)
        if status != 0 or (not printed and _has_error(complaint)):
            raise _failure(name, status, complaint)
        return Output(printed, time.monotonic() - started)

    def close(self) -> None:
        """End the command under way, from whichever thread; later ones raise SourceError."""
        with self._lock:
            self._is_closed = True
            process = self._running
        if process is not None:
            _kill(process)

    def _start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        name = command[0]
        with self._lock:
            self._refuse_if_closed(name)
            try:
                # A session of its own: whatever the command starts ends with it, and no Ctrl-C reaches it.
                self._running = process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=self._environment,
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise SourceError(
                    f"{name} is not installed here, or not in PATH",
                    "run jobmon where Slurm's commands work, or load the module that provides them",
                ) from None
            except OSError as error:
                raise SourceError(f"{name} cannot be started: {error.strerror or error}") from error
        return process

    def _read(self, process: subprocess.Popen[bytes], name: str, deadline: float) -> tuple[bytes, bytes]:
        chunks: list[bytes] = []
        complaint = b""
        size = 0
        assert process.stdout is not None
        assert process.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise self._too_slow(name)
                for key, _ in selector.select(min(left, PATIENCE)):
                    chunk = os.read(key.fd, CHUNK)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is process.stderr:
                        complaint = (complaint + chunk)[-MOST_COMPLAINT:]
                    else:
                        chunks.append(chunk)
                        size += len(chunk)
                self._check_open(name)
                if size > self._most_bytes:
                    raise SourceError(f"{name} printed more than {self._most_bytes // 1024**2} MiB")
        return b"".join(chunks), complaint

    def _wait(self, process: subprocess.Popen[bytes], name: str, deadline: float) -> int:
        try:
            return process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise self._too_slow(name) from None

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        _kill(process)
        process.wait()
        with self._lock:
            self._running = None
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def _too_slow(self, name: str) -> SourceError:
        return SourceError(
            f"{name} did not answer within {self._timeout:g} s",
            "slurmctld is slow or gone: check `scontrol ping` and `sdiag`, or raise the time-out",
        )

    def _check_open(self, name: str) -> None:
        with self._lock:
            self._refuse_if_closed(name)

    def _refuse_if_closed(self, name: str) -> None:
        if self._is_closed:
            raise SourceError(f"{name} was not run to its end: jobmon stops asking Slurm")


def _kill(process: subprocess.Popen[bytes]) -> None:
    # As long as nobody waited for it, its number belongs to it and to what it started, even after its end.
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _has_error(complaint: bytes) -> bool:
    """Whether a command that printed nothing complains of an error, not merely of something odd."""
    lines = complaint.decode("utf-8", "replace").lower().splitlines()
    return any(line.strip() and "warning" not in line and "debug" not in line for line in lines)


def _failure(name: str, status: int, complaint: bytes) -> SourceError:
    lines = [line.strip() for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        reason = f"was ended by signal {-status}" if status < 0 else f"failed with exit status {status}"
        return SourceError(f"{name} {reason} and said nothing")
    last = lines[-1][:500]
    said = "\n".join(lines).lower()
    hint = next((hint for sign, hint in HINTS if sign in said), "")
    return SourceError(last if last.startswith(name) else f"{name}: {last}", hint)
