"""Watching one's own job from inside: a small script on one of its nodes that tells what the job uses.

It gets there as a step of the job (srun) or by ssh. Off unless the user asks for it. Nothing has to be
installed on the node, and nothing stays there.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from threading import Lock, Thread
from typing import Literal

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.slurm.job_number import checked_job, job_number
from jobmon_tui.sources.slurm.run import HINTS, Runner
from jobmon_tui.sources.slurm.sampler_frame import Frame, Observation, observe, read_frame
from jobmon_tui.sources.slurm.sampler_script import checked_node, sampler_command, sampler_environment
from jobmon_tui.sources.slurm.sampler_ssh import (
    NODE,
    checked_host,
    ssh_command,
    ssh_environment,
    ssh_script,
    why_ssh_ended,
)

MOST_BYTES = 8 * 1024 * 1024
"""Of one frame: ten times what a job of 4,000 processes on a node of 1,000 cores takes."""
MOST_COMPLAINT = 16 * 1024
CHUNK = 64 * 1024
PATIENCE = 30.0
"""Seconds without a frame after which the sampler is given up."""
FAREWELL = 5.0
"""Seconds that srun has to end its step before it is killed itself."""
TICK = 0.5
"""Seconds between two looks at the clock."""

NOISE = ("lacks support for cpu binding", "forcing job termination", "job step aborted")
"""Complaints of srun that are not why it failed, in lower case."""


class JobSampler:
    """Watches one job on one node, once.

    Args:
        environment: Where the settings of srun or ssh are taken from; by default that of this process.
        patience: Seconds without an answer after which it is given up.
        via: How to get to the node.
        ssh_host: What ssh calls a node, with ``{node}`` for Slurm's name of it.
        ssh_arguments: More of ssh's arguments.

    Raises:
        UsageError: There can be no such host.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        patience: float = PATIENCE,
        *,
        via: Literal["srun", "ssh"] = "srun",
        ssh_host: str = NODE,
        ssh_arguments: Sequence[str] = (),
    ) -> None:
        base = os.environ if environment is None else environment
        self._via = via
        self._ssh_host = checked_host(ssh_host)
        self._ssh_arguments = tuple(ssh_arguments)
        self._environment = ssh_environment(base) if via == "ssh" else sampler_environment(base)
        self._patience = patience
        self._runner = Runner(sampler_environment(base), patience)
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self._latest: Observation | None = None
        self._error: SourceError | None = None
        self._before: Frame | None = None
        self._thread: Thread | None = None

    def start(self, job_id: str, node: str, gpus: Collection[int] = ()) -> None:
        """Begin to watch; returns at once.

        Args:
            job_id: A running job of the user's own: ``12``, ``12_7``.
            node: One of its nodes.
            gpus: The indices of its GPUs there; a step of the job finds that out by itself.

        Raises:
            SourceError: There can be no such job or node.
        """
        self._thread = Thread(
            target=self._run,
            args=(checked_job(job_id), checked_node(node), tuple(gpus)),
            name="jobmon-sampler",
            daemon=True,
        )
        self._thread.start()

    def latest(self) -> Observation | None:
        """The newest that was seen; ``None`` while nothing has arrived.

        Raises:
            SourceError: It could not be started, or has ended.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            return self._latest

    def close(self) -> None:
        """End the step, from whichever thread and without waiting; later looks raise SourceError."""
        with self._lock:
            self._is_closed = True
            self._error = self._error or SourceError("the job is no longer observed")
            process = self._process
        self._runner.close()
        if process is not None:
            _end_step(process)

    def join(self, seconds: float) -> bool:
        """Wait until srun has ended; whether it has."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def _run(self, job_id: str, node: str, gpus: tuple[int, ...]) -> None:
        try:
            number = job_number(self._runner, job_id)
            if self._via == "ssh":
                process = self._start(ssh_command(node, self._ssh_host, self._ssh_arguments))
                _tell(process, ssh_script(number, node, gpus))
            else:
                process = self._start(sampler_command(number, node))
        except SourceError as error:
            self._fail(error)
            return
        complaint = b""
        try:
            complaint = self._read(process, node)
        except SourceError as error:
            self._fail(error)
        finally:
            _put_away(process)
        said = complaint.decode("utf-8", "replace")
        self._fail(why_ssh_ended(said, node) if self._via == "ssh" else _why_ended(said))

    def _fail(self, error: SourceError) -> None:
        """Keep the first thing that went wrong."""
        with self._lock:
            self._error = self._error or error

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_closed:
                raise SourceError("the job is no longer observed")
            try:
                # A session of its own: no Ctrl-C reaches it. If jobmon is killed, its input ends and so does
                # the script on the node.
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=self._environment,
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise SourceError(f"{command[0]} is not installed here, or not in PATH") from None
            except OSError as error:
                raise SourceError(f"{command[0]} cannot be started: {error.strerror or error}") from error
            return self._process

    def _read(self, process: subprocess.Popen[bytes], node: str) -> bytes:
        """Read until srun closes its output, or `close`; returns what srun complained of."""
        assert process.stdout is not None
        assert process.stderr is not None
        complaint = pending = b""
        last = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select(TICK):
                    chunk = os.read(key.fd, CHUNK)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is process.stderr:
                        complaint = (complaint + chunk)[-MOST_COMPLAINT:]
                    else:
                        pending, is_whole = self._take(pending + chunk, node)
                        last = time.monotonic() if is_whole else last
                if self._is_closed:
                    break
                if len(pending) > MOST_BYTES:
                    raise SourceError(f"what {node} sent is no measurement: it does not end")
                if time.monotonic() - last > self._patience:
                    raise SourceError(
                        f"{node} has sent nothing for {self._patience:g} s",
                        "the node or its network is slow; open the job again to try once more",
                    )
        return complaint

    def _take(self, data: bytes, node: str) -> tuple[bytes, bool]:
        """Take whole frames from the front; returns the rest and whether there was one."""
        is_whole = False
        while (end := data.find(b"\n@end\n")) >= 0:
            text = data[:end].decode("utf-8", "replace")
            data = data[end + len(b"\n@end\n") :]
            frame = read_frame(text[max(0, text.rfind("@begin\n")) :].split("\n")[1:])
            if frame is None:
                continue
            seen = observe(node, time.time(), self._before, frame)
            self._before, is_whole = frame, True
            with self._lock:
                self._latest = seen
        return data, is_whole


def _tell(process: subprocess.Popen[bytes], script: str) -> None:
    """Send the script; the input stays open, for its end would be that of the script."""
    assert process.stdin is not None
    # It fits into the pipe. Should ssh have ended already, its complaint tells more than this would.
    with suppress(OSError):
        process.stdin.write(script.encode())
        process.stdin.flush()


def _end_step(process: subprocess.Popen[bytes]) -> None:
    """Have srun end its step: it does so when told to terminate, and the script when its input ends."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)


def _put_away(process: subprocess.Popen[bytes]) -> None:
    """See to it that srun ends, by force if it must be, and let go of its pipes."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    if process.poll() is None:
        _end_step(process)
    try:
        process.wait(FAREWELL)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _why_ended(complaint: str) -> SourceError:
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    lines = [line for line in lines if not any(noise in line.lower() for noise in NOISE)]
    if not lines:
        return SourceError("the job is no longer observed: its step has ended")
    said = "\n".join(lines).lower()
    first = lines[0][:500]
    hint = next((hint for sign, hint in HINTS if sign in said), "")
    return SourceError(first if first.startswith(("srun", "slurm")) else f"srun: {first}", hint)
