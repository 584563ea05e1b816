"""Writing a recording so that, however it ends, the file holds every snapshot that was taken until then."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from jobmon_tui.errors import JobmonError, UsageError
from jobmon_tui.model.text import printable


class RecordingFullError(JobmonError):
    """The recording has grown as large as it may."""


class RecordingWriter:
    """Appends lines to a recording. What is in the file is whole lines, always.

    The file is made with the first line: a recording that never gets anything leaves nothing behind, and
    replaces nothing.

    Args:
        path: The file; ``None`` for standard output.
        overwrite: Whether a file that is there may be replaced.
        largest: The most bytes that it may have.

    Raises:
        UsageError: The file is there already, or cannot be made at that place.
    """

    def __init__(self, path: Path | None, *, overwrite: bool = False, largest: int) -> None:
        self.bytes = 0
        """Written so far."""
        self._path = path
        self._overwrite = overwrite
        self._largest = largest
        self._descriptor: int | None = None
        self._is_file = False
        self.name = "standard output" if path is None else printable(path)
        if path is not None:
            self._check(path)

    @property
    def is_terminal(self) -> bool:
        """Whether it would be written on somebody's screen."""
        return self._path is None and os.isatty(1)

    def append(self, lines: bytes) -> None:
        """Write lines, all of them or none.

        Raises:
            RecordingFullError: They would make it too large.
            JobmonError: They cannot be written; what was there before is still good.
            BrokenPipeError: Nobody reads standard output any more.
        """
        if self.bytes + len(lines) > self._largest:
            raise RecordingFullError(
                f"{self.name} would grow beyond the {self._largest / 1e6:,g} MB that it may have",
                "What was recorded before is whole. --max-size MB allows for more.",
            )
        try:
            if self._descriptor is None:
                self._open()
            self._write(lines)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise JobmonError(
                f"cannot write {self.name}: {error.strerror}",
                "What was recorded before is whole." if self.bytes else "",
            ) from error
        self.bytes += len(lines)

    def close(self) -> None:
        """Let go of the file, with everything on the disk."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None or self._path is None:
            return
        try:
            if self._is_file:
                os.fsync(descriptor)
        except OSError as error:
            raise JobmonError(f"cannot write {self.name}: {error.strerror}") from error
        finally:
            os.close(descriptor)

    def _check(self, path: Path) -> None:
        if path.is_dir():
            raise UsageError(f"{self.name} is a folder", "Name a file in it.")
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder {printable(path.parent)}", "Make it first.")
        if path.exists() and not self._overwrite:
            raise self._exists()

    def _exists(self) -> UsageError:
        return UsageError(f"{self.name} is there already", "Name another file, or say --force to replace it.")

    def _open(self) -> None:
        if self._path is None:
            self._descriptor = 1
            return
        way = os.O_TRUNC if self._overwrite else os.O_EXCL
        try:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | way, 0o644)
        except FileExistsError:
            raise self._exists() from None
        self._is_file = stat.S_ISREG(os.fstat(self._descriptor).st_mode)

    def _write(self, lines: bytes) -> None:
        assert self._descriptor is not None
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except BaseException:
            if self._is_file:
                os.ftruncate(self._descriptor, self.bytes)
                os.lseek(self._descriptor, self.bytes, os.SEEK_SET)
            raise
