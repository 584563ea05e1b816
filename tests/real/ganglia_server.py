"""A private gmond and gmetad on this machine, into which metrics of any host are injected with gmetric.

Both are Ganglia's own, at free ports of 127.0.0.1, and write into a folder of their own only. By hand::

    python -m tests.real.ganglia_server

injects four hosts over and over, prints where jobmon can be pointed at, and waits for Ctrl-C.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PROGRAMS = ("gmond", "gmetad", "gmetric")
"""What must be installed: Debian's ganglia-monitor and gmetad."""
ATTEMPTS = 3
"""How often a start is tried: another program may take a port between our choice and its use."""
CLUSTER = "testbed"
_FOLDERS = os.pathsep.join(("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"))
_MODULES = (
    "cpu_module/modcpu.so",
    "disk_module/moddisk.so",
    "load_module/modload.so",
    "mem_module/modmem.so",
)
_OWN_METRICS = (
    *("cpu_user", "cpu_nice", "cpu_system", "cpu_wio", "cpu_idle", "load_one"),
    *("mem_total", "mem_free", "mem_buffers", "mem_cached", "swap_total", "swap_free"),
    *("disk_total", "disk_free"),
)

GMOND = """
globals {{
  daemonize = no
  setuid = no
  mute = {mute}
  deaf = no
  host_dmax = 0
  send_metadata_interval = 10
}}
cluster {{ name = "{cluster}" }}
udp_send_channel {{ host = 127.0.0.1 port = {port} }}
udp_recv_channel {{ bind = 127.0.0.1 port = {port} }}
tcp_accept_channel {{ bind = 127.0.0.1 port = {port} }}
modules {{
  module {{ name = "core_metrics" }}
{modules}
}}
{groups}
"""
GMETAD = """
data_source "{cluster}" 1 127.0.0.1:{gmond}
gridname "grid"
setuid off
xml_port {tree}
interactive_port {interactive}
rrd_rootdir "{folder}/rrds"
trusted_hosts 127.0.0.1
"""


class GangliaError(Exception):
    """A server did not come up; the message ends with what it said."""


def why_unavailable() -> str | None:
    """Why no Ganglia can be started on this machine, or ``None`` if one can."""
    missing = [name for name in PROGRAMS if _program(name) is None]
    if missing:
        return (
            f"Ganglia is not installed here: no {', '.join(missing)} (apt-get install ganglia-monitor gmetad)"
        )
    return None


def _program(name: str) -> str | None:
    return shutil.which(name, path=_FOLDERS)


class GangliaServer:
    """Starts gmond and gmetad when entered and leaves no process and no file when left.

    Args:
        own_metrics: Have gmond report this machine as well, through its own modules, each second.
    """

    folder: Path
    """Everything that belongs to the servers; set while they run."""
    gmond: tuple[str, int]
    """Address of gmond's tree."""
    gmetad: tuple[str, int]
    """Address of gmetad's tree."""
    interactive: tuple[str, int]
    """Address at which gmetad waits to be asked."""

    def __init__(self, *, own_metrics: bool = False) -> None:
        self._own_metrics = own_metrics
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        for attempt in range(1, ATTEMPTS + 1):
            self.folder = Path(tempfile.mkdtemp(prefix="jobmon-ganglia-"))
            try:
                self._start()
            except GangliaError:
                self.stop()
                if attempt == ATTEMPTS:
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def inject(self, host: str, metrics: Mapping[str, tuple[float | str, str]], address: str = "") -> None:
        """Send metrics of a host as if it had sent them.

        Args:
            host: Its name.
            metrics: Name to value and unit.
            address: Its IP address; by default one that no other name gets.
        """
        spoofed = f"{address or _address_of(host)}:{host}"
        for name, (value, unit) in metrics.items():
            kind = "string" if isinstance(value, str) else "double"
            subprocess.run(
                [
                    *(_program("gmetric") or "gmetric", "--conf", str(self.folder / "gmond.conf")),
                    *("--spoof", spoofed, "--name", name, "--value", str(value)),
                    *("--type", kind, "--units", unit),
                ],
                check=True,
                timeout=10,
            )

    def kill(self, name: str) -> None:
        """End ``gmond`` or ``gmetad`` at once."""
        process = self._daemons.pop(name)
        process.kill()
        process.wait()

    def freeze(self, name: str) -> None:
        """Stop ``gmond`` or ``gmetad`` so that it takes connections and never answers."""
        self._daemons[name].send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """End every process and delete every file; works in whatever state it is."""
        for name in list(self._daemons):
            self.kill(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        ports = _free_ports(3)
        self.gmond, self.gmetad, self.interactive = (("127.0.0.1", port) for port in ports)
        (self.folder / "rrds").mkdir()
        modules, groups = self._own() if self._own_metrics else ("", "")
        (self.folder / "gmond.conf").write_text(
            GMOND.format(
                cluster=CLUSTER,
                port=ports[0],
                mute="no" if self._own_metrics else "yes",
                modules=modules,
                groups=groups,
            )
        )
        (self.folder / "gmetad.conf").write_text(
            GMETAD.format(
                cluster=CLUSTER, gmond=ports[0], tree=ports[1], interactive=ports[2], folder=self.folder
            )
        )
        self._start_daemon("gmond", "--foreground")
        self._wait_for(self.gmond, "gmond")
        self._start_daemon("gmetad", "--debug=1")
        self._wait_for(self.gmetad, "gmetad")
        self._wait_for(self.interactive, "gmetad")

    def _own(self) -> tuple[str, str]:
        folder = next(iter(sorted(Path("/usr/lib").glob("**/ganglia/modcpu.so"))), Path()).parent
        modules = [*_MODULES, "multicpu_module/modmulticpu.so"]
        loaded = "\n".join(
            f'  module {{ name = "{name}" path = "{folder / file}" }}'
            for name, _, file in (module.partition("/") for module in modules)
        )
        metrics = [f'metric {{ name = "{name}" }}' for name in _OWN_METRICS]
        metrics.append('metric { name_match = "multicpu_([a-z]+)([0-9]+)" }')
        body = "\n  ".join(metrics)
        return loaded, f"collection_group {{\n  collect_every = 1\n  time_threshold = 1\n  {body}\n}}"

    def _start_daemon(self, name: str, *arguments: str) -> None:
        """Start a server that dies with us: setpriv has the kernel end it should we be killed."""
        command = [_program(name) or name, f"--conf={self.folder / name}.conf", *arguments]
        keeper = _program("setpriv")
        if keeper is not None:
            command = [keeper, "--pdeathsig", "KILL", *command]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # A Ctrl-C in the terminal is ours to handle.
            )

    def _wait_for(self, address: tuple[str, int], name: str) -> None:
        def listens() -> bool:
            if self._daemons[name].poll() is not None:
                raise GangliaError(f"{name} ended: {self._said(name)}")
            with suppress(OSError), socket.create_connection(address, timeout=1):
                return True
            return False

        wait_until(listens, f"{name} listens", lambda: self._said(name))

    def _said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]


def wait_until(
    condition: Callable[[], object], what: str, said: Callable[[], str] = str, seconds: float = 15
) -> None:
    """Wait until something is so.

    Raises:
        GangliaError: It did not become so in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise GangliaError(f"waited in vain until {what}; {said()}")
        time.sleep(0.05)


def _address_of(host: str) -> str:
    # Ganglia tells hosts apart by address; what the address is does not matter.
    number = zlib.crc32(host.encode())
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def core_metrics(times: Iterable[Iterable[float]]) -> dict[str, tuple[float | str, str]]:
    """Per-core metrics from the user, nice, system, wait and idle time of each core, in %."""
    kinds = ("user", "nice", "system", "wio", "idle")
    return {
        f"multicpu_{kind}{core}": (value, "%")
        for core, values in enumerate(times)
        for kind, value in zip(kinds, values, strict=True)
    }


def main() -> None:
    """Run until Ctrl-C, with four hosts whose load changes."""
    with GangliaServer() as server, suppress(KeyboardInterrupt):
        for name in ("gmond", "gmetad", "interactive"):
            print(f"{name}: {'{}:{}'.format(*getattr(server, name))}", flush=True)
        while True:
            for number in range(1, 5):
                busy = (time.time() / 3 + 20 * number) % 100
                cores = [(busy, 0, 100 - busy, 0, 0)] * 8 + [(0, 0, 0, 0, 100)] * 8
                server.inject(f"c00{number}", {"load_one": (busy / 12.5, ""), **core_metrics(cores)})
            time.sleep(5)


if __name__ == "__main__":
    main()
