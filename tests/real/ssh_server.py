"""A private sshd on this machine: its own configuration, keys and port, in a folder of its own.

Nothing in it is a stand-in but that all nodes are this machine. It needs root, as sshd does.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

PROGRAMS = ("/usr/sbin/sshd", "ssh", "ssh-keygen")
SEPARATION = Path("/run/sshd")
"""An empty folder that sshd insists on; whoever starts it elsewhere makes it."""


def why_unavailable() -> str | None:
    """Why no sshd can be started on this machine, or ``None`` if one can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"sshd is not installed here: no {', '.join(missing)} (apt-get install openssh-server)"
    if os.geteuid() != 0:
        return "a private sshd can only be started by root"
    return None


class SshServer:
    """Starts an sshd that lets root in with one key; leaves no process when left.

    Args:
        folder: An empty folder for all that belongs to it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "log"
        """What it says."""

    def __enter__(self) -> Self:
        folder = self._folder
        folder.chmod(0o700)
        for key in ("host_key", "user_key", "other_key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", str(folder / key)],
                check=True,
            )
        (folder / "authorized_keys").write_text((folder / "user_key.pub").read_text())
        self.start()
        (folder / "known_hosts").write_text(
            f"[127.0.0.1]:{self.port} {(folder / 'host_key.pub').read_text()}"
        )
        (folder / "no_hosts").touch()
        (folder / "wrong_hosts").write_text(
            f"[127.0.0.1]:{self.port} {(folder / 'other_key.pub').read_text()}"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *more: str, greeting: str = "") -> None:
        """Start it; anew with other settings if it runs.

        Args:
            more: Lines for its configuration.
            greeting: What it says to everyone before the login.
        """
        self.stop()
        SEPARATION.mkdir(mode=0o755, exist_ok=True)
        if not hasattr(self, "port"):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                self.port = int(listener.getsockname()[1])
        banner = self._folder / "banner"
        banner.write_text(greeting)
        (self._folder / "sshd_config").write_text(
            "\n".join(
                (
                    f"Port {self.port}",
                    "ListenAddress 127.0.0.1",
                    f"HostKey {self._folder}/host_key",
                    f"AuthorizedKeysFile {self._folder}/authorized_keys",
                    "PidFile none",
                    "StrictModes no",
                    "PermitRootLogin yes",
                    "UsePAM no",
                    "PasswordAuthentication yes",
                    f"Banner {banner if greeting else 'none'}",
                    *more,
                    "",
                )
            )
        )
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["/usr/sbin/sshd", "-D", "-e", "-f", str(self._folder / "sshd_config")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError(f"sshd did not start: {self.log.read_text()}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        """End it; the sessions that it has opened go on."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def arguments(self, *, key: str = "user_key", hosts: str = "known_hosts") -> tuple[str, ...]:
        """What ssh needs to get in, and nothing of whoever runs the tests.

        Args:
            key: ``user_key``, or ``other_key``, which is not let in.
            hosts: ``known_hosts``, ``no_hosts``, or ``wrong_hosts``, where the key is another one.
        """
        return (
            "-F",
            "none",
            "-p",
            str(self.port),
            "-i",
            str(self._folder / key),
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "IdentityAgent=none",
            "-o",
            f"UserKnownHostsFile={self._folder / hosts}",
            "-o",
            "GlobalKnownHostsFile=none",
        )
