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
class Example:
    """What may stand there: shown where there is no default, and where a value is refused."""

    value: Any


Rule = Between | Url
"""What can refuse a value."""
