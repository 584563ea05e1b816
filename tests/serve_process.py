"""``jobmon serve`` as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self


class ServeProcess:
    """Serves while it is entered; ended by SIGTERM.

    Args:
        words: The command line behind ``jobmon serve``.
        environment: Variables besides those of this process.
    """

    def __init__(self, words: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._words = ["--listen", "127.0.0.1:0", *words]
        self._environment = {**os.environ, **(environment or {})}
        self.lines: list[str] = []
        self.url = ""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jobmon_tui", "serve", *self._words],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
        )
        is_up = threading.Event()

        def read() -> None:
            assert self.process.stderr is not None
            for line in self.process.stderr:
                self.lines.append(line.rstrip("\n"))
                if " at http://" in line:
                    self.url = line.split(" at ")[-1].strip()
                    is_up.set()
            is_up.set()

        self._reading = threading.Thread(target=read, daemon=True)
        self._reading.start()
        is_up.wait(30)
        if not self.url:
            self.process.kill()
            raise AssertionError(f"it does not serve: {self.lines}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        self._reading.join(5)
        assert self.process.stderr is not None
        self.process.stderr.close()
