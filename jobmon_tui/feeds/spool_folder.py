"""Writing the files of a spool: each is whole at every moment, or not there.

A file is written under a temporary name, flushed to the disk and only then given its name, so that a reader
finds the old one or the new one and never a part of either, whatever ends the writer in between.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from jobmon_tui.feeds.spool_files import NEWEST

logger = logging.getLogger(__name__)

_NUMBERED = re.compile(r"data([0-9]{1,12})\.json\.gz", re.ASCII)
_LEFT_BEHIND = re.compile(r"\.(?:[a-z]+[0-9]{0,12}\.json(?:\.gz)?\.tmp|job-memory-\w+)", re.ASCII)
"""What a collector that was killed may have left: our own temporary names, and those of the jobs' memory."""
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EACCES)
"""How a file system says that a file cannot have two names on it."""
_REMOVING = "removing"
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF)
_WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOTDIR: "it is no folder",
    errno.ESTALE: "the file system went away under it",
    errno.EIO: "the disk fails",
}


class SpoolFolder:
    """The folder and its files. One process at a time; see `spool_lock`.

    Args:
        path: The folder.
        mode: Of the files that are written, whatever the umask; a folder that is made can also be entered by
            whoever may read them.
        owner: The user id that files are given to; ``None``: whoever writes.
        group: The group id of the files; ``None``: as it comes.
    """

    def __init__(
        self, path: Path, *, mode: int = 0o644, owner: int | None = None, group: int | None = None
    ) -> None:
        self.path = path
        self.mode = mode
        self._owner = -1 if owner is None else owner
        self._group = -1 if group is None else group
        self._refused: set[str] = set()

    def make(self) -> tuple[int, int]:
        """Make sure that the folder is there. One that is missing is made if its parent is there: without it,
        a file system is not mounted, and what is written would end up under it.

        Returns:
            What tells this folder from another one of the same name.

        Raises:
            OSError: It is not there and cannot be made, or is no folder.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self.path.mkdir()
            number = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                self._hand_over(number, self.mode | (self.mode & 0o444) >> 2)
                status = os.fstat(number)
            finally:
                os.close(number)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.path))
        return status.st_dev, status.st_ino

    def clear_left_behind(self) -> list[str]:
        """Remove the temporary files of a collector that was killed; returns their names."""
        removed = []
        with os.scandir(self.path) as entries:
            names = [entry.name for entry in entries if _LEFT_BEHIND.fullmatch(entry.name)]
        for name in sorted(names):
            with suppress(OSError):
                (self.path / name).unlink()
                removed.append(name)
        return removed

    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all. It outlives a crash once `sync` was called.

        Raises:
            OSError: It could not be written; the one that was there is as it was.
        """
        self._temporary(name, data).replace(self.path / name)

    def write_snapshot(self, data: bytes, number: int | None) -> None:
        """Write the newest snapshot, and the same under a number (Unix seconds) if there is one.

        Raises:
            OSError: One of them could not be written; what was there is as it was.
        """
        newest = self._temporary(NEWEST, data)
        if number is None:
            newest.replace(self.path / NEWEST)
            return
        name = f"data{number}.json.gz"
        # The same file under two names: half the room on the disk, and half the time.
        numbered = self._second_name(newest, name)
        newest.replace(self.path / NEWEST)
        if numbered is None:
            numbered = self._temporary(name, data)
        numbered.replace(self.path / name)

    def has_number(self, number: int) -> bool:
        """Whether there is a snapshot of that number."""
        return os.path.lexists(self.path / f"data{number}.json.gz")

    def remove_older(self, than: float) -> int:
        """Remove the numbered snapshots of before that time (Unix seconds); returns how many stay."""
        left = 0
        with os.scandir(self.path) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            numbered = _NUMBERED.fullmatch(name)
            if numbered is None:
                continue
            if int(numbered[1]) >= than or not self._remove(name):
                left += 1
        return left

    def _remove(self, name: str) -> bool:
        """Remove a file. One that cannot be must not keep the newest snapshot from being written."""
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            if _REMOVING not in self._refused:
                self._refused.add(_REMOVING)
                logger.warning("old snapshots in %s cannot be removed: %s", self.path, error.strerror)
            return False
        return True

    def sync(self) -> None:
        """Flush the names that were given, so that they outlive a crash.

        Raises:
            OSError: The disk fails.
        """
        number = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(number)
        except OSError as error:
            # Some file systems cannot flush a folder, and need not.
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(number)

    def _temporary(self, name: str, data: bytes) -> Path:
        """Write data under a temporary name and flush it."""
        path = self.path / f".{name}.tmp"
        with suppress(FileNotFoundError):
            path.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        number = os.open(path, flags, 0o600)
        try:
            with os.fdopen(number, "wb", buffering=0) as file:
                self._hand_over(number, self.mode)
                rest = memoryview(data)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(number)
        except BaseException:
            # On a full disk, what was written of it stands in the way of everything else.
            with suppress(OSError):
                path.unlink()
            raise
        return path

    def _second_name(self, path: Path, name: str) -> Path | None:
        """Give a file a second, temporary name; ``None`` where the file system knows no such thing."""
        other = self.path / f".{name}.tmp"
        with suppress(FileNotFoundError):
            other.unlink()
        try:
            os.link(path, other)
        except OSError as error:
            if error.errno in _NO_LINKS:
                return None
            raise
        return other

    def _hand_over(self, number: int, mode: int) -> None:
        """Set the mode and, where that is permitted, the owner of an open file."""
        if (self._owner, self._group) != (-1, -1):
            try:
                os.fchown(number, self._owner, self._group)
            except OSError as error:
                self._refuse("the owner", error)
        try:
            os.fchmod(number, mode)
        except OSError as error:
            # Network file systems of other worlds have no modes.
            self._refuse("the mode", error)

    def _refuse(self, what: str, error: OSError) -> None:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            raise error
        if what not in self._refused:
            self._refused.add(what)
            logger.warning("%s of files in %s cannot be set: %s", what, self.path, error.strerror)


def in_words(error: OSError, folder: Path) -> str:
    """What keeps a file in that folder from being written."""
    if error.errno == errno.ENOENT:
        missing = folder if folder.parent.is_dir() else folder.parent
        return f"{folder} cannot be written: {missing} does not exist"
    reason = _WORDS.get(error.errno or 0) or error.strerror or str(error)
    return f"{folder} cannot be written: {reason}"
