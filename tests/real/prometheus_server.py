"""A private Prometheus on this machine, with a real node_exporter and exporters whose numbers are known.

Prometheus and node_exporter are Debian's, at free ports of 127.0.0.1, with everything in a temporary folder.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

PROGRAMS = ("prometheus", "prometheus-node-exporter")
ATTEMPTS = 3
"""How often a start is tried: another program may take a port between our choice and its use."""
PATIENCE = 30.0
"""Seconds for a program to start, or for numbers to appear."""


class ServerError(Exception):
    """A program did not start; the message ends with what it printed."""


def why_unavailable() -> str | None:
    """Why no Prometheus can be started on this machine, or ``None`` if one can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"no {', '.join(missing)} here (apt-get install prometheus prometheus-node-exporter)"
    return None


def wait_for(what: str, is_so: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: It was not in time.
    """
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {patience:g} s: {what}")
        time.sleep(0.1)


class Target(NamedTuple):
    """One exporter that Prometheus scrapes."""

    instance: str
    """What its samples say of where they come from: ``ash1:9100``."""
    address: str
    """Where it really is: ``127.0.0.1:41234``."""
    path: str = "/metrics"


class Exporter:
    """Answers scrapes with whatever text the pages give at that moment.

    Args:
        pages: Path to what is measured; may be changed at any time.
    """

    def __init__(self, pages: Mapping[str, Callable[[], str]]) -> None:
        self.pages = dict(pages)
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = exporter.pages.get(self.path)
                text = b"" if page is None else page().encode()
                self.send_response(404 if page is None else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Program:
    """A server program that runs between entering and leaving."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="jobmon-prometheus-"))
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it listens: ``127.0.0.1:41234``."""
        return f"127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        """How to start it at its port."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether it answers."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._start()
            except (ServerError, TimeoutError):
                self._stop()
                if attempt == ATTEMPTS:
                    self._delete()
                    raise
            else:
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._delete()

    def stop(self) -> None:
        """End the program, as a crash would."""
        self._stop()

    def _start(self) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        log = self.folder / "log"
        with log.open("wb") as printed:
            process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=printed, stderr=printed, cwd=self.folder
            )
        self._process = process

        def is_up() -> bool:
            if process.poll() is not None:
                raise ServerError(log.read_text(errors="replace")[-2000:])
            return self.is_ready()

        wait_for(f"{self.command()[0]} does not answer", is_up)

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _delete(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class NodeExporter(_Program):
    """Debian's node_exporter, which measures this machine."""

    def command(self) -> Sequence[str]:
        """How to start it at its port."""
        return ["prometheus-node-exporter", f"--web.listen-address={self.address}"]

    def is_ready(self) -> bool:
        """Whether it answers."""
        return _answers(f"http://{self.address}/")


class PrometheusServer(_Program):
    """Debian's Prometheus, scraping each second.

    Args:
        targets: What it scrapes.
        web: Its web configuration (TLS, users), in JSON; it is then only checked to listen.
    """

    def __init__(self, targets: Sequence[Target], web: Mapping[str, object] | None = None) -> None:
        super().__init__()
        jobs = [
            {
                "job_name": f"exporter{number}",
                "metrics_path": target.path,
                "static_configs": [{"targets": [target.address], "labels": {"instance": target.instance}}],
            }
            for number, target in enumerate(targets)
        ]
        interval = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        # JSON is YAML.
        (self.folder / "prometheus.yml").write_text(json.dumps({"global": interval, "scrape_configs": jobs}))
        self._has_web = web is not None
        (self.folder / "web.yml").write_text(json.dumps(web or {}))

    def command(self) -> Sequence[str]:
        """How to start it at its port."""
        return [
            "prometheus",
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.config.file={self.folder / 'web.yml'}",
            f"--web.listen-address={self.address}",
            "--log.level=warn",
        ]

    def is_ready(self) -> bool:
        """Whether it answers."""
        if not self._has_web:
            return _answers(f"http://{self.address}/-/ready")
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
