"""What a site's code prints goes to the log: on the screen it would tear the picture apart."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

logger = logging.getLogger(__name__)

_LONGEST_LINE = 2000


class _Diverted(io.TextIOBase):
    """Stands in for a standard stream: logs what one thread writes, passes on what the others write."""

    def __init__(self, original: TextIO | None) -> None:
        self._original = original
        self._thread = threading.get_ident()
        self._line = ""
        self._logging = False

    def write(self, text: str) -> int:
        # A log handler may itself write to a standard stream; that must not come back here.
        if self._logging or threading.get_ident() != self._thread:
            return self._original.write(text) if self._original is not None else len(text)
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._log(line)
        if len(self._line) > _LONGEST_LINE:
            self.finish()
        return len(text)

    def finish(self) -> None:
        """Log what was written without a line end."""
        line, self._line = self._line, ""
        self._log(line)

    def flush(self) -> None:
        if self._original is not None and threading.get_ident() != self._thread:
            self._original.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def _log(self, line: str) -> None:
        if line.strip():
            self._logging = True
            try:
                logger.info("printed: %s", line[:_LONGEST_LINE])
            finally:
                self._logging = False


@contextmanager
def printed_to_log() -> Iterator[None]:
    """Send what this thread prints to the log while the block runs; other threads are not touched."""
    before = sys.stdout, sys.stderr
    diverted = _Diverted(before[0]), _Diverted(before[1])
    sys.stdout, sys.stderr = diverted
    try:
        yield
    finally:
        # Another thread may have put its own stream there meanwhile; then it is not ours to take away.
        if sys.stdout is diverted[0]:
            sys.stdout = before[0]
        if sys.stderr is diverted[1]:
            sys.stderr = before[1]
        for stream in diverted:
            stream.finish()
