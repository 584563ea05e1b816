"""The options of a backend that go by a section of the configuration: given as that, or as a plain table."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from jobmon_tui.config_values import WrongValueError, convert, keys_of
from jobmon_tui.errors import UsageError

Section = TypeVar("Section")


def section_from(option: str, value: object, kind: type[Section]) -> Section:
    """What an option says, as a section of the configuration.

    Args:
        option: The option's name, for what is told when it makes no sense.
        value: The section itself, a table with some of its keys, or ``None`` for its defaults.
        kind: The section's class.

    Raises:
        UsageError: It is no table, has a key that the section does not know, or a value that cannot stand
            there; the value is not repeated.
    """
    if isinstance(value, kind):
        return value
    if value is None:
        return kind()
    keys = keys_of(cast(Any, kind))
    if not isinstance(value, Mapping):
        raise UsageError(f"option {option!r} must be a table", f"Its keys: {', '.join(keys)}.")
    values: dict[str, Any] = {}
    for name, given in value.items():
        if name not in keys:
            close = difflib.get_close_matches(str(name), keys, n=1)
            meant = f"Did you mean {close[0]!r}? " if close else ""
            raise UsageError(f"option {option!r} has no key {name!r}", f"{meant}It has: {', '.join(keys)}.")
        try:
            values[name] = convert(given, keys[name], Path.cwd())
        except WrongValueError as error:
            path = ".".join((option, str(name), *error.below))
            raise UsageError(f"option {path} {error.complaint}") from None
    return kind(**values)


def yes_or_no_from(option: str, value: object) -> bool:
    """What an option says that is either on or off.

    Raises:
        UsageError: It is neither ``True`` nor ``False``: the text "no" would count as a yes.
    """
    if not isinstance(value, bool):
        raise UsageError(f"option {option!r} must be true or false, not {str(value)[:40]!r}")
    return value


def seconds_from(option: str, value: object) -> float:
    """What an option says that is a time, in seconds.

    Raises:
        UsageError: It is not a number above 0.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise UsageError(f"option {option!r} must be a number of seconds above 0, not {str(value)[:40]!r}")
    return float(value)
