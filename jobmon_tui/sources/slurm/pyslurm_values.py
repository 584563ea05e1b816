"""Reading single values out of pyslurm's objects and dictionaries, without trusting any of them.

pyslurm computes an attribute when it is asked for and some of them raise for some jobs, so that every value
is read on its own; its older interface spells what is absent as 0, ``N/A``, ``UNLIMITED`` or Slurm's own
largest numbers. Whatever cannot be understood is ``None`` here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jobmon_tui.sources.slurm.gres import parse_indices, plain_gres

Converter = Callable[[Any], Any]

NO_VALUES = frozenset(
    kind - below for kind in (1 << 8, 1 << 16, 1 << 32, 1 << 64) for below in (1, 2) if kind > 256
)
"""Slurm's numbers for *infinite* and *not set*, at each width that it uses."""


def value_of(record: Any, name: str) -> Any:
    """One attribute of an object or one key of a dictionary; ``None`` where it is absent or raises."""
    try:
        return record.get(name) if isinstance(record, dict) else getattr(record, name, None)
    except Exception:
        return None


def fields_of(
    record: Any, table: Iterable[tuple[str, str, str, Converter]], *, is_old: bool
) -> dict[str, Any]:
    """Read the plain fields of a record by a table; a field that cannot be read is left out.

    Args:
        record: pyslurm's object, or a dictionary of its older interface.
        table: Our field's name, pyslurm's attribute, the older interface's key, and how to read the value.
        is_old: Whether to read by the older interface's key.
    """
    fields: dict[str, Any] = {}
    for field, new_name, old_name, convert in table:
        name = old_name if is_old else new_name
        value = convert(value_of(record, name)) if name else None
        if value is not None:
            fields[field] = value
    return fields


def whole(value: Any) -> int | None:
    """A number that is not one of Slurm's stand-ins for *infinite* or *not set*; 0 is a number."""
    if isinstance(value, str) and value.strip().isdecimal():
        # Not `int(value)`: what counts as blank differs between the two.
        value = int(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = int(value)
    except (OverflowError, ValueError):
        return None
    return None if number < 0 or number in NO_VALUES else number


def positive(value: Any) -> int | None:
    """A number above 0; where Slurm writes 0 for *not set*."""
    return whole(value) or None


def instant(value: Any) -> float | None:
    """Unix seconds; Slurm writes 0 for *not set*."""
    number = whole(value)
    return float(number) if number else None


def minutes(value: Any) -> float | None:
    """A time limit in minutes; ``None`` when unlimited."""
    number = whole(value)
    return None if number is None else float(number)


def text(value: Any) -> str | None:
    """A text that says something; a list becomes its parts joined by commas."""
    if isinstance(value, list | tuple):
        value = ",".join(str(part) for part in value)
    if not isinstance(value, str) or value in ("", "(null)", "N/A", "n/a"):
        return None
    return value


def words(value: Any) -> tuple[str, ...] | None:
    """A list of names, given as a list or as one text with commas."""
    if isinstance(value, str):
        value = [] if text(value) is None else value.split(",")
    if not isinstance(value, list | tuple | set | frozenset):
        return None
    return tuple(str(part) for part in value if part)


def indices(value: Any) -> tuple[int, ...]:
    """The numbers of ``0-3,8`` (or of a list), ascending; empty where that is not what it is."""
    if isinstance(value, str):
        return parse_indices(value) or ()
    if not isinstance(value, list | tuple):
        return ()
    return tuple(sorted({number for number in map(whole, value) if number is not None}))


def gres_text(gres: Any) -> str | None:
    """Generic resources as Slurm itself writes them: ``gpu:p100:2(IDX:0-1)``; ``None`` where there are none.

    Args:
        gres: ``{"gpu:p100": 2}`` (newer versions write ``gres/gpu:p100``), ``{"gpu:p100": {"count": "2",
            "indexes": "0-1"}}``, ``["gpu:p100:2(IDX:0-1)"]`` or ``"gres:gpu:p100:2,gres:shard:4"``.
    """
    if isinstance(gres, Mapping):
        return ",".join(f"{_bare(str(key))}:{_amount(amount)}" for key, amount in gres.items()) or None
    written = text(gres)
    return plain_gres(written) if written else None


def _bare(key: str) -> str:
    return key.removeprefix("gres/").removeprefix("gres:")


def _amount(amount: Any) -> str:
    if not isinstance(amount, Mapping):
        return str(amount)
    which = text(amount.get("indexes"))
    return f"{amount.get('count')}(IDX:{which})" if which else f"{amount.get('count')}"
