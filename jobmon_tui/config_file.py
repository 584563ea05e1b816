"""Reading one configuration file into a TOML document, whatever lies at its path.

It may be anything: a folder, a pipe that never ends, a loop of links, a gigabyte, another encoding. Each of
these ends in one sentence that names the file.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from jobmon_tui.config_lines import KeyPath, key_lines, longest_key
from jobmon_tui.errors import UsageError

LARGEST = 256 * 1024
"""Bytes; what is larger is something else that got this name."""
LONGEST_KEY = 16
"""Parts of a dotted key. Python's reader takes minutes over thousands of them."""

_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)\Z")


class ConfigError(UsageError):
    """The configuration cannot be used as it stands.

    Args:
        message: What is wrong, with the file and, where it is known, the line.
        hint: What may have been meant.
        others: What else is wrong, as errors of their own.
    """

    def __init__(self, message: str, hint: str = "", others: tuple[ConfigError, ...] = ()) -> None:
        super().__init__(message, hint)
        self.others = others


@dataclass(frozen=True)
class Document:
    """A configuration file that was read."""

    path: Path
    text: str = field(repr=False)
    tables: dict[str, Any] = field(repr=False)
    """As `tomllib` returns them."""

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        return dict(key_lines(self.text))

    def line_of(self, key: KeyPath) -> int:
        """The line of a key, or of the nearest table above it that has one."""
        for depth in range(len(key), 0, -1):
            if key[:depth] in self._lines:
                return self._lines[key[:depth]]
        return 1

    def error(self, key: KeyPath, complaint: str, hint: str = "") -> ConfigError:
        """An error that names the file and the line of a key."""
        return ConfigError(f"{self.path}, line {self.line_of(key)}: {complaint}", hint)


def read_document(path: Path, must_exist: bool) -> Document | None:
    """Read a configuration file.

    Args:
        path: Where it is, or would be.
        must_exist: Whether it is an error that there is none.

    Returns:
        What it says; ``None`` where there is none.

    Raises:
        ConfigError: It cannot be read, or is no TOML.
    """
    text = _text_of(path, must_exist)
    if text is None:
        return None
    parts, line = longest_key(text)
    if parts > LONGEST_KEY:
        raise ConfigError(
            f"{path}, line {line}: a key of {parts} parts, where none has more than {LONGEST_KEY}"
        )
    try:
        return Document(path, text, tomllib.loads(text))
    except RecursionError:
        raise ConfigError(f"{path}: brackets within brackets, too deep to be read") from None
    except ValueError as error:
        raise _no_toml(path, text, str(error)) from None


def _text_of(path: Path, must_exist: bool) -> str | None:
    try:
        data = _bytes_of(path)
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise ConfigError(f"{path}: a link to something that is not there") from None
        if must_exist:
            raise ConfigError(f"there is no configuration file {path}") from None
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    if len(data) > LARGEST:
        raise ConfigError(f"{path}: larger than {LARGEST // 1024} KiB; this is no configuration of jobmon")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8", "Save the file in that encoding.") from None


def _bytes_of(path: Path) -> bytes:
    """The contents, up to a little more than is allowed.

    Raises:
        OSError: It cannot be read, or is not a file.
    """
    # Without O_NONBLOCK, opening a named pipe would wait for somebody to write to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        kind = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(kind):
            raise OSError(0, "it is a folder" if stat.S_ISDIR(kind) else "it is not a regular file")
    except OSError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        return file.read(LARGEST + 1)


def _no_toml(path: Path, text: str, complaint: str) -> ConfigError:
    place = _PLACE.search(complaint)
    what = complaint[: place.start()] if place else complaint
    line = place and (place["line"] or text.rstrip().count("\n") + 1)
    where = f", line {line}" if line else ""
    return ConfigError(
        f"{path}{where}: {what[:1].lower()}{what[1:]}",
        "`jobmon config --defaults` prints every key as it is written.",
    )
