"""Writing keys and values as TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def key_text(path: tuple[str, ...]) -> str:
    """A key as it is written: ``clusters."my site".watch.interval``."""
    return ".".join(part if _BARE.fullmatch(part) else _quoted(part) for part in path)


def value_text(value: Any) -> str:
    """A value as it is written on one line; read again, it is the same.

    Raises:
        TypeError: TOML has nothing for it.
    """
    if is_dataclass(value) and not isinstance(value, type):
        value = {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # Whole numbers without a fraction, as people write them; both are read as numbers.
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, str | Path):
        return _quoted(str(value))
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key_text((str(key),))} = {value_text(one)}" for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, date | time):
        return value.isoformat()
    raise TypeError(f"TOML cannot say {type(value).__name__}")


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's; what else cannot be printed is escaped for the sake of whoever prints it.
    return "".join(map(_printable, json.dumps(text, ensure_ascii=False)))


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
