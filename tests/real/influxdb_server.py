"""A private InfluxDB 1.x on this machine, at a free port of 127.0.0.1, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from requests.auth import HTTPBasicAuth

CONFIGURATION = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
dir = "{folder}/meta"
logging-enabled = false
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
index-version = "inmem"
query-log-enabled = false
[monitor]
store-enabled = false
[subscriber]
enabled = false
[http]
bind-address = "127.0.0.1:{port}"
auth-enabled = {auth}
log-enabled = false
[continuous_queries]
enabled = false
"""
STARTING = 20.0
"""Seconds within which it must answer."""


class InfluxError(Exception):
    """The server did not do what it was asked for."""


def why_unavailable() -> str | None:
    """Why no InfluxDB can be started on this machine, or ``None`` if one can."""
    if shutil.which("influxd") is None:
        return "InfluxDB is not installed here: no influxd (apt-get install influxdb)"
    return None


class InfluxServer:
    """Starts influxd when entered; leaves no process and no file when left.

    Args:
        user: Name of an administrator; with it, the server asks everyone who they are.
        password: That user's.
    """

    url: str
    """Where it answers; set while it runs."""

    def __init__(self, user: str = "", password: str = "") -> None:
        self._user = user
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="jobmon-influx-"))
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        self.port, rpc_port = _free_port(), _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        configuration = self.folder / "influxdb.conf"
        configuration.write_text(
            CONFIGURATION.format(
                folder=self.folder,
                port=self.port,
                rpc_port=rpc_port,
                auth="true" if self._user else "false",
            )
        )
        command = ["influxd", "run", "-config", str(configuration)]
        if shutil.which("setpriv"):
            command = ["setpriv", "--pdeathsig", "KILL", *command]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
                start_new_session=True,
            )
        self._wait_until_it_answers()
        if self._user:
            self.query(f"CREATE USER \"{self._user}\" WITH PASSWORD '{self._password}' WITH ALL PRIVILEGES")

    def _wait_until_it_answers(self) -> None:
        last = time.monotonic() + STARTING
        while True:
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > last:
                raise InfluxError(f"influxd did not start: {(self.folder / 'log').read_text()[-2000:]}")
            try:
                requests.get(f"{self.url}/ping", timeout=1)
                return
            except requests.RequestException:
                time.sleep(0.05)

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create(self, database: str) -> None:
        """Create a database."""
        self.query(f'CREATE DATABASE "{database}"')

    def databases(self) -> list[str]:
        """The names of all databases."""
        return [name for (name,) in self.query("SHOW DATABASES")["series"][0]["values"]]

    def query(self, text: str, database: str = "") -> dict[str, Any]:
        """Send one statement of InfluxQL and return its result.

        Raises:
            InfluxError: It was refused.
        """
        answer = requests.post(
            f"{self.url}/query", params={"db": database}, data={"q": text}, auth=self._credentials, timeout=10
        ).json()
        if "error" in answer or "error" in answer["results"][0]:
            raise InfluxError(str(answer))
        result: dict[str, Any] = answer["results"][0]
        return result

    def write(self, database: str, lines: Iterable[str]) -> None:
        """Store points in line protocol, with times in seconds.

        Raises:
            InfluxError: They were refused.
        """
        answer = requests.post(
            f"{self.url}/write",
            params={"db": database, "precision": "s"},
            data="\n".join(lines).encode(),
            auth=self._credentials,
            timeout=60,
        )
        if answer.status_code != 204:
            raise InfluxError(answer.text)

    @property
    def _credentials(self) -> HTTPBasicAuth | None:
        # As bytes: requests would write text in Latin-1, and InfluxDB reads UTF-8.
        return HTTPBasicAuth(self._user.encode(), self._password.encode()) if self._user else None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
