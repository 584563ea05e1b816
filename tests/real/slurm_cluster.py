"""A private Slurm cluster on this machine: its own munge, controller and nodes, in a folder of its own.

Nothing in it is a stand-in: munged, slurmctld and one slurmd per node are Slurm's own, at free ports of
127.0.0.1. Nodes only pose as large ones (``SlurmdParameters=config_overrides``); their GPUs are empty files.

It needs root (jobs of several users are submitted by ``sbatch --uid``), no systemd, no cgroups. By hand::

    python -m tests.real.slurm_cluster --populate

prints what to export, so that jobmon or Slurm's commands can be pointed at it, and waits for Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tests.real.slurm_configuration import CGROUPS, CONTROLLERS, NODES, lay_out, lay_out_confined

if TYPE_CHECKING:
    from tests.real.slurm_population import Population

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
"""What must be installed: Debian's munge, slurmctld, slurmd and slurm-client."""
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
USERS = ("games", "news", "man", "backup", "www-data")
"""Users that every Debian has, to own the jobs."""
MARKER = "JOBMON_TEST_CLUSTER"
"""In the environment of everything that belongs to a cluster, so that none of it can be left behind."""
ATTEMPTS = 3
"""How often a start is tried: another program may take a port between our choice and its use."""


class ClusterError(Exception):
    """The cluster did not do what it was asked for; the message ends with what its logs say."""


def why_unavailable() -> str | None:
    """Why no cluster can be started on this machine, or ``None`` if one can."""
    missing = [name for name in PROGRAMS if _program(name) is None]
    if missing:
        return f"Slurm is not installed here: no {', '.join(missing)} (apt-get install slurm-wlm munge)"
    if os.geteuid() != 0:
        return "a private Slurm with jobs of several users can only be started by root"
    return None


def why_unconfinable() -> str | None:
    """Why jobs cannot be confined to their cores on this machine, or ``None`` if they can."""
    if (os.cpu_count() or 1) < 2:
        return "a job can only be confined to some of the cores where there are several"
    missing = [name for name in CONTROLLERS if not os.access(CGROUPS / name / "cgroup.procs", os.W_OK)]
    if missing:
        return f"no control groups of version 1 that may be written: {', '.join(missing)}"
    return None


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join(SYSTEM_FOLDERS))


class SlurmCluster:
    """Starts a cluster when entered and leaves no process and no file when left.

    Args:
        keep: Do not delete the folder (with its logs) at the end.
        profile_to: Host and port of an InfluxDB that Slurm's profiling plug-in shall write to.
        profile_database: The database there.
        confined: One node that is this machine, with jobs confined to their cores and memory by control
            groups, in place of the many that only pose as nodes.
    """

    folder: Path
    """Everything that belongs to the cluster; set while it runs."""

    def __init__(
        self,
        *,
        keep: bool = False,
        profile_to: str = "",
        profile_database: str = "",
        confined: bool = False,
    ) -> None:
        self._keep = keep
        self._is_confined = confined
        self.nodes: tuple[str, ...] = (f"confined{os.getpid()}",) if confined else NODES
        """The names of its nodes."""
        self._profile_to = profile_to
        self._profile_database = profile_database
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.population: Population | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to talk to this cluster and no other."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        folders = os.environ.get("PATH", "").split(os.pathsep)
        folders += [folder for folder in SYSTEM_FOLDERS if folder not in folders]
        return inherited | {"SLURM_CONF": str(self.configuration), "PATH": os.pathsep.join(folders)}

    @property
    def configuration(self) -> Path:
        """The cluster's ``slurm.conf``."""
        return self.folder / "slurm.conf"

    # -- starting and stopping -----------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything and wait until each node is idle.

        Raises:
            ClusterError: It did not come up in any of the attempts; the message ends with the newest logs.
        """
        for attempt in range(1, ATTEMPTS + 1):
            self.folder = Path(tempfile.mkdtemp(prefix="jobmon-slurm-"))
            try:
                self._start_once()
            except ClusterError:
                self.stop()
                if attempt == ATTEMPTS:
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                return

    def _start_once(self) -> None:
        if self._is_confined:
            lay_out_confined(self.folder, self.nodes[0], os.cpu_count() or 1)
        else:
            lay_out(self.folder)
        if self._profile_to:
            self._set_up_profiling()
        self._start_munge()
        self.start_controller(wait=False)
        for node in self.nodes:
            self._start_daemon(f"slurmd-{node}", "slurmd", "-D", "-N", node)
        idle = dict.fromkeys(self.nodes, "idle")
        self.wait_until(lambda: self.node_states() == idle, "all nodes are idle")

    def _set_up_profiling(self) -> None:
        with self.configuration.open("a") as configuration:
            configuration.write("AcctGatherProfileType=acct_gather_profile/influxdb\n")
        (self.folder / "acct_gather.conf").write_text(
            f"ProfileInfluxDBHost={self._profile_to}\n"
            f"ProfileInfluxDBDatabase={self._profile_database}\n"
            "ProfileInfluxDBDefault=ALL\n"
            "ProfileInfluxDBRTPolicy=autogen\n"
        )

    def _start_munge(self) -> None:
        munge = self.folder / "munge"
        key = munge / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self._start_daemon(
            "munged",
            "munged",
            "--foreground",
            "--force",
            f"--key-file={key}",
            f"--socket={munge}/socket",
            f"--pid-file={munge}/pid",
            f"--log-file={munge}/log",
            f"--seed-file={munge}/seed",
        )
        self.wait_until((munge / "socket").exists, "munged listens")

    def _start_daemon(self, name: str, program: str, *arguments: str) -> None:
        """Start a server that dies with us: setpriv has the kernel end it should we be killed."""
        path = _program(program)
        if path is None:
            raise ClusterError(f"{program} is not installed")
        command = [path, *arguments]
        keeper = _program("setpriv")
        if keeper is not None:
            command = [keeper, "--pdeathsig", "KILL", *command]
        with (self.folder / "log" / name).open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                command,
                env=self.environment | {MARKER: str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # A Ctrl-C in the terminal is ours to handle.
            )

    def stop(self) -> None:
        """End every process and delete every file of the cluster; works in whatever state it is."""
        for process in self._daemons.values():
            process.kill()
        for process in self._daemons.values():
            process.wait()
        self._daemons.clear()
        deadline = time.monotonic() + 10
        while (strays := list(self._strays())) and time.monotonic() < deadline:
            for pid in strays:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        if self._is_confined:
            self._remove_groups()
        if not self._keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _remove_groups(self) -> None:
        """Control groups outlive a slurmstepd that was killed; ours are called by our node's name."""
        for controller in CONTROLLERS:
            root = CGROUPS / controller / f"slurm_{self.nodes[0]}"
            deadline = time.monotonic() + 5
            # A group is busy until the kernel has buried the last of its processes.
            while root.exists() and time.monotonic() < deadline:
                for folder, _, _ in os.walk(root, topdown=False):
                    with suppress(OSError):
                        Path(folder).rmdir()
                time.sleep(0.02)

    def _strays(self) -> Iterator[int]:
        """Processes that carry our marker: a slurmstepd outlives its slurmd, a job its slurmstepd."""
        marker = f"{MARKER}={self.folder}".encode()
        configuration = f"SLURM_CONF={self.configuration}".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                variables = (entry / "environ").read_bytes().split(b"\0")
                is_job = configuration in variables and any(
                    variable.startswith(b"SLURM_JOB_ID=") for variable in variables
                )
                if marker in variables or is_job:
                    yield int(entry.name)

    # -- the controller ------------------------------------------------------------------------------------

    def start_controller(self, *, wait: bool = True) -> None:
        """Start slurmctld, again with the state it saved if it ran before.

        Args:
            wait: Wait until it answers and has heard from every node.
        """
        self._start_daemon("slurmctld", "slurmctld", "-D")
        if wait:
            self.wait_until(
                lambda: not any(state.endswith("*") for state in self.node_states().values()),
                "the controller answers and knows its nodes",
            )

    def stop_controller(self) -> None:
        """End slurmctld in an orderly way, as ``systemctl stop`` does, and wait for its end."""
        process = self._daemons["slurmctld"]
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def suspend_controller(self) -> None:
        """Let slurmctld hang: it accepts connections (the kernel does) and answers none."""
        self._daemons["slurmctld"].send_signal(signal.SIGSTOP)

    def resume_controller(self) -> None:
        """Let a hanging slurmctld go on."""
        self._daemons["slurmctld"].send_signal(signal.SIGCONT)

    def _is_running(self, daemon: str) -> bool:
        return self._daemons[daemon].poll() is None

    # -- asking and telling --------------------------------------------------------------------------------

    def run(self, *command: str, deadline: float = 30) -> str:
        """Run one of Slurm's commands against this cluster and return what it printed.

        Args:
            command: The command and its arguments.
            deadline: Seconds after which it is killed.

        Raises:
            ClusterError: It failed or took too long.
        """
        try:
            done = subprocess.run(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=deadline,
                cwd=self.folder / "work",
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"{' '.join(command)} took more than {deadline} s") from error
        if done.returncode != 0:
            complaint = done.stderr.decode(errors="replace").strip()
            raise ClusterError(f"{' '.join(command)} failed: {complaint}")
        return done.stdout.decode(errors="replace")

    def submit(self, user: str, *arguments: str, script: str = "sleep 3000") -> str:
        """Submit a batch job of a user (one of `USERS`, or any other of this machine).

        Args:
            user: Whose job it is.
            arguments: More of sbatch's arguments.
            script: What the job runs, in sh.

        Returns:
            The job's id; that of the array if it is one.
        """
        printed = self.run(
            "sbatch",
            "--parsable",
            f"--uid={user}",
            f"--chdir={self.folder}/work",
            "--output=/dev/null",
            *arguments,
            f"--wrap={script}",
        )
        return printed.strip().partition(";")[0]

    def node_states(self) -> dict[str, str]:
        """Node by node what sinfo calls it (``idle``, ``mixed*``, ...); empty while nobody answers."""
        try:
            printed = self.run("sinfo", "-h", "-a", "-N", "-o", "%N %T", deadline=5)
        except ClusterError:
            return {}
        return dict(line.split() for line in printed.splitlines())

    def job_states(self) -> dict[str, tuple[str, str]]:
        """Job by job (``5``, ``6_1``, ``6_[2-9%2]``) its state and reason, as squeue has them."""
        lines = self.run("squeue", "-h", "-a", "-o", "%i|%T|%r").splitlines()
        return {job_id: (state, reason) for job_id, state, reason in (line.split("|", 2) for line in lines)}

    def drain(self, node: str, reason: str = "tested by hand") -> None:
        """Let a node take no more jobs."""
        self.run("scontrol", "update", f"NodeName={node}", "State=DRAIN", f"Reason={reason}")

    def down(self, node: str, reason: str = "no power") -> None:
        """Call a node down; its jobs are requeued or end."""
        self.run("scontrol", "update", f"NodeName={node}", "State=DOWN", f"Reason={reason}")

    def restore(self, node: str) -> None:
        """Bring a drained or down node back."""
        self.run("scontrol", "update", f"NodeName={node}", "State=RESUME")

    def reservation(self, name: str, **settings: str) -> None:
        """Make a reservation, e.g. ``Nodes="x001", StartTime="now", Duration="60", Users="root"``."""
        details = (f"{key}={value}" for key, value in settings.items())
        self.run("scontrol", "create", "reservation", f"ReservationName={name}", *details)

    def cancel_all(self) -> None:
        """Cancel every job and wait until the queue is empty."""

        def job_ids() -> list[str]:
            return sorted(set(self.run("squeue", "-h", "-a", "-o", "%A").split()))

        if remaining := job_ids():
            self.run("scancel", *remaining)
        self.wait_until(lambda: not job_ids(), "the queue is empty")

    def populate(self) -> Population:
        """Bring about every state that jobs, nodes and reservations can be in (see `slurm_population`)."""
        from tests.real.slurm_population import populate

        self.population = populate(self)
        return self.population

    # -- waiting -------------------------------------------------------------------------------------------

    def wait_until(self, condition: Callable[[], bool], what: str, deadline: float = 30) -> None:
        """Ask over and over until something holds.

        Args:
            condition: What shall hold.
            what: The same in words, for the error.
            deadline: Seconds after which it is given up.

        Raises:
            ClusterError: It did not hold in time, or one of the servers died meanwhile.
        """
        last = time.monotonic() + deadline
        while not condition():
            dead = [name for name in self._daemons if not self._is_running(name)]
            if dead:
                raise ClusterError(f"{', '.join(dead)} died before this held: {what}\n{self.logs()}")
            if time.monotonic() > last:
                raise ClusterError(f"did not hold within {deadline} s: {what}\n{self.logs()}")
            time.sleep(0.05)

    def logs(self, lines: int = 15) -> str:
        """The end of each server's log; those of nodes only where they complain."""
        parts = []
        for path in sorted((self.folder / "log").glob("*")):
            text = path.read_text(errors="replace").splitlines()
            if path.name.startswith("slurmd-"):
                text = [line for line in text if re.search("error|fatal", line)]
            if text:
                parts.append(f"--- {path.name}\n" + "\n".join(text[-lines:]))
        return "\n".join(parts)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let a hang-up and a plain kill do what Ctrl-C does, even where the shell has Ctrl-C ignored."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    kept = {number: signal.signal(number, interrupt) for number in ending}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def main(arguments: Sequence[str] | None = None) -> None:
    """Start a cluster for as long as nobody presses Ctrl-C."""
    parser = argparse.ArgumentParser(description="Start a private Slurm cluster to try jobmon on.")
    parser.add_argument("--populate", action="store_true", help="give it jobs and reservations of every kind")
    parser.add_argument("--keep", action="store_true", help="keep its folder, with the logs, at the end")
    options = parser.parse_args(arguments)
    if reason := why_unavailable():
        raise SystemExit(reason)
    with _ended_by_signals(), suppress(KeyboardInterrupt), SlurmCluster(keep=options.keep) as cluster:
        if options.populate:
            cluster.populate()
        print(f"export SLURM_CONF={cluster.configuration}", flush=True)
        print("# Ctrl-C ends it", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
