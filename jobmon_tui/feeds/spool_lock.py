"""Never two collectors on one spool: a lock that the kernel takes back from whoever dies."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobmon_tui.errors import JobmonError
from jobmon_tui.model.text import printable
from jobmon_tui.model.times import stamp_text

LOCK = "collector.lock"
"""The file in the spool that is locked, unless another one is named."""

_TRIES = 5
_BETWEEN_TRIES = 0.1
"""Seconds. Whoever looks with `holder_of` holds the lock for an instant, too; a collector stays."""
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_MOST_SAID = 1000
"""Bytes that are read of what a holder says of itself."""


class SpoolInUseError(JobmonError):
    """Another collector writes to the spool, or nothing could keep one away."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A collector that holds a lock, as far as it says."""

    process: int | None = None
    host: str = ""
    since: float | None = None
    """Unix seconds."""

    def __str__(self) -> str:
        if self.process is None:
            return "it does not say which process it is"
        since = "" if self.since is None else f", since {stamp_text(self.since)}"
        return f"process {self.process} on {printable(self.host, 80) or 'an unknown host'}{since}"


class SpoolLock:
    """The lock of one spool.

    Args:
        path: The file that is locked. It stays behind, empty of meaning: what counts is the lock on it.
        folder: The spool, for messages.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self._path = path
        self._folder = folder
        self._number: int | None = None
        self._has_said = False

    def hold(self) -> None:
        """Take the lock; where it is held already, make sure that it still is the one that others see.

        A folder that was deleted and made again has another file of that name.

        Raises:
            SpoolInUseError: Another collector has it, or there are no locks here.
            OSError: The file cannot be opened.
        """
        while not self.is_held:
            self.release()
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._number = os.open(self._path, flags, 0o644)
            try:
                self._take()
            except BaseException:
                self.release()
                raise
        self._say_who()

    def release(self) -> None:
        """Let others have it."""
        if self._number is not None:
            os.close(self._number)
            self._number = None
            self._has_said = False

    @property
    def is_held(self) -> bool:
        """Whether it is held, and is still the one that others see."""
        if self._number is None:
            return False
        try:
            seen = self._path.stat()
        except OSError:
            return False
        held = os.fstat(self._number)
        return (seen.st_dev, seen.st_ino) == (held.st_dev, held.st_ino)

    def _take(self) -> None:
        assert self._number is not None
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_BETWEEN_TRIES)
            try:
                fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    raise SpoolInUseError(
                        f"{self._path} cannot be locked ({error.strerror}), so nothing would keep a second "
                        "collector away",
                        "Mount that file system with locks (Lustre: -o flock), or set collect.lock_file to a "
                        "file on a local disk.",
                    ) from None
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise
        raise SpoolInUseError(
            f"another collector writes to {self._folder}: {_said_in(self._number)}",
            "Stop that one first, or name another folder with --spool.",
        )

    def _say_who(self) -> None:
        """Write down who holds it, for the message that another one gets; a full disk costs only that."""
        if self._has_said or self._number is None:
            return
        who = {"pid": os.getpid(), "host": socket.gethostname(), "since": round(time.time())}
        with suppress(OSError):
            os.ftruncate(self._number, 0)
            os.pwrite(self._number, json.dumps(who).encode() + b"\n", 0)
            # Everybody may look whether a collector runs.
            os.fchmod(self._number, 0o644)
        self._has_said = True


def lock_path(folder: Path, lock_file: Path | None = None) -> Path:
    """The file that is locked for a spool.

    Args:
        folder: The spool.
        lock_file: The one that is configured, if any.
    """
    return folder / LOCK if lock_file is None else lock_file


def holder_of(path: Path) -> Holder | None:
    """Who holds a lock; ``None`` where nobody does.

    Raises:
        OSError: The file is there and cannot be looked at, or there are no locks here.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        return _said_in(number)
    finally:
        os.close(number)
    return None


def _said_in(number: int) -> Holder:
    try:
        said = json.loads(os.pread(number, _MOST_SAID, 0))
        process, host, since = said.get("pid"), said.get("host"), said.get("since")
    except (OSError, ValueError, AttributeError, RecursionError):
        return Holder()
    return Holder(
        process if type(process) is int else None,
        host if isinstance(host, str) else "",
        float(since) if type(since) in (int, float) else None,
    )
