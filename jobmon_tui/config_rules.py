"""What a value of the configuration must be beyond its type, written beside it in its annotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Between:
    """A number must lie within these bounds, themselves included."""

    least: float
    most: float

    def complaint(self, value: Any) -> str:
        """What is wrong with a number; empty when nothing is."""
        if self.least <= value <= self.most:
            return ""
        return f"must be from {self.least:g} to {self.most:g}"


@dataclass(frozen=True, slots=True)
class Url:
    """A string must be the address of a web service, without anybody's name or password in it."""

    def complaint(self, value: Any) -> str:
        """What is wrong with an address, without repeating it; empty when nothing is."""
        from urllib.parse import urlsplit

        try:
            parts = urlsplit(value)
            parts.port  # noqa: B018  (reading it is what checks it)
        except ValueError:
            # The error would repeat a part of the address, which may be a password in the wrong place.
            return "is no address of a web service"
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "must begin with http:// or https:// and a host name"
        if parts.username is not None or parts.password is not None:
            return "must not hold a user or password; there are keys for them"
        if any(character.isspace() or not character.isprintable() for character in value):
            return "must not hold blanks or control characters"
        return ""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Each string must be a host and its port."""

    def complaint(self, value: Any) -> str:
        """What is wrong with the addresses; empty when nothing is."""
        for place, address in enumerate(value, 1):
            try:
                split_address(address)
            except ValueError:
                return f"must be written as host:port (element {place})"
        return ""


@dataclass(frozen=True, slots=True)
class Listen:
    """A string must be an address of this machine and a port."""

    def complaint(self, value: Any) -> str:
        """What is wrong with the address; empty when nothing is."""
        try:
            split_address(value, least_port=0)
        except ValueError:
            return "must be written as address:port"
        return ""


def split_address(address: str, least_port: int = 1) -> tuple[str, int]:
    """A host and its port: ``head2:8649``, ``[2001:db8::1]:8651``.

    Args:
        address: Both, with a colon between them.
        least_port: 0 where it may be any port that is free.

    Raises:
        ValueError: It is not both.
    """
    host, _, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("an address of version 6 stands in brackets")
    if not host or not host.isprintable() or " " in host:
        raise ValueError("there is no host")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and least_port <= int(port) < 65_536):
        raise ValueError("there is no port")
    return host, int(port)


@dataclass(frozen=True, slots=True)
class FileMode:
    """A string must be the mode of a file that its owner can read and write."""

    def complaint(self, value: Any) -> str:
        """What is wrong with a mode; empty when nothing is."""
        digits = value.removeprefix("0o")
        if not 3 <= len(digits) <= 4 or any(digit not in "01234567" for digit in digits):
            return "must be a mode in octal digits, as for chmod"
        mode = int(digits, 8)
        if mode & 0o600 != 0o600:
            return "must let the owner read and write"
        if mode & ~0o666:
            return "must only say who may read and write: 0600 to 0666"
        return ""


@dataclass(frozen=True, slots=True)
class Example:
    """What may stand there: shown where there is no default, and where a value is refused."""

    value: Any


Rule = Between | Url | Addresses | Listen | FileMode
"""What can refuse a value."""
