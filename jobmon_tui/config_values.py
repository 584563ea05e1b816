"""What the keys of a section may hold, and turning what a TOML file says into that."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from jobmon_tui.config_lines import KeyPath
from jobmon_tui.config_rules import Example, Rule

_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    list: "a list",
    dict: "a table",
}


class WrongValueError(Exception):
    """A value that cannot stand where it stands.

    Args:
        complaint: What is wrong, without the value: it may be a secret in the wrong place.
        below: The keys within the value that lead to the culprit.
    """

    def __init__(self, complaint: str, below: KeyPath = ()) -> None:
        super().__init__(complaint)
        self.complaint = complaint
        self.below = below


@dataclass(frozen=True, slots=True)
class Key:
    """What a key of a section may hold."""

    hint: Any
    """Its type, without ``None`` and without what is beside it in the annotation."""
    default: Any
    rules: tuple[Rule, ...] = ()
    example: Any = None
    """In the types of TOML; ``None`` where there is none."""

    @property
    def section(self) -> type | None:
        """The class of the table that it heads; ``None`` where it is a value."""
        return self.hint if is_dataclass(self.hint) and isinstance(self.hint, type) else None


@lru_cache(maxsize=64)
def keys_of(section: type) -> Mapping[str, Key]:
    """The keys that a section can have, in their order."""
    hints = get_type_hints(section, include_extras=True)
    defaults: dict[str, Any] = {}
    for one in fields(section):
        defaults[one.name] = one.default_factory() if one.default_factory is not MISSING else one.default
    return {name: _key(hints[name], default) for name, default in defaults.items()}


def _key(annotation: Any, default: Any) -> Key:
    hint: Any = annotation
    notes: list[Any] = []
    if get_origin(annotation) is Annotated:
        hint, *notes = get_args(annotation)
    # What is of the module typing (a Literal) or None makes a union of another kind.
    if isinstance(hint, types.UnionType) or get_origin(hint) is Union:
        hint = next(part for part in get_args(hint) if part is not types.NoneType)
    rules = tuple(note for note in notes if isinstance(note, Rule))
    examples = [note.value for note in notes if isinstance(note, Example)]
    return Key(hint, default, rules, examples[0] if examples else None)


def convert(value: Any, key: Key, folder: Path) -> Any:
    """Turn a value of TOML into what a key holds.

    Args:
        value: As `tomllib` returns it.
        key: What is wanted.
        folder: What a relative path is relative to.

    Raises:
        WrongValueError: It cannot be.
    """
    if key.default is None and value == "":
        return None
    converted = _as(value, key.hint, folder)
    for rule in key.rules:
        complaint = rule.complaint(converted)
        if complaint:
            raise WrongValueError(complaint)
    return converted


def _as(value: Any, hint: Any, folder: Path) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is object:
        return value
    if origin is Literal:
        if value not in arguments:
            raise WrongValueError(f"must be one of {', '.join(map(repr, arguments))}")
        return value
    if origin is tuple:
        return tuple(_elements(_checked(value, list), arguments[0], folder))
    if origin is Mapping:
        return types.MappingProxyType(_entries(_checked(value, dict), arguments[1], folder))
    if is_dataclass(hint) and isinstance(hint, type):
        return _record(_checked(value, dict), hint, folder)
    if hint is Path:
        return _path(_checked(value, str), folder)
    return _checked(value, hint)


def _checked(value: Any, kind: type) -> Any:
    # True is an int to Python, and 1 is as good a number of seconds as 1.0.
    if type(value) is kind:
        return value
    if kind is float and type(value) is int and abs(value) < 2**53:
        return float(value)
    is_what = _KINDS.get(type(value), "a date or time")
    raise WrongValueError(f"must be {_KINDS[kind]}, not {is_what}")


def _elements(values: Iterable[Any], hint: Any, folder: Path) -> Iterable[Any]:
    for place, value in enumerate(values, 1):
        try:
            if value == "":
                raise WrongValueError("must not be empty")
            yield _as(value, hint, folder)
        except WrongValueError as error:
            raise WrongValueError(f"{error.complaint} (element {place})") from None


def _entries(table: Mapping[str, Any], hint: Any, folder: Path) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name, value in table.items():
        try:
            entries[name] = _as(value, hint, folder)
        except WrongValueError as error:
            raise WrongValueError(error.complaint, (name, *error.below)) from None
    return entries


def _record(table: Mapping[str, Any], kind: type, folder: Path) -> Any:
    """A small table all of whose keys belong together."""
    keys = keys_of(kind)
    wanted = " and ".join(keys)
    for name in table:
        if name not in keys:
            raise WrongValueError(f"must hold {wanted}, nothing else", (name,))
    values: dict[str, Any] = {}
    for name, key in keys.items():
        if name not in table:
            raise WrongValueError(f"must hold {wanted}")
        try:
            values[name] = convert(table[name], key, folder)
        except WrongValueError as error:
            raise WrongValueError(error.complaint, (name, *error.below)) from None
    return kind(**values)


def _path(text: str, folder: Path) -> Path:
    if "\0" in text:
        raise WrongValueError("must be a path, which has no NUL character")
    if not text:
        raise WrongValueError("must not be empty")
    try:
        return folder / Path(text).expanduser()
    except RuntimeError:
        raise WrongValueError("begins with ~, but whose home that is nobody knows") from None
