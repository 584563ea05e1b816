"""From a TOML document to the keys that it sets, and what is wrong with those it cannot set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jobmon_tui.config_file import ConfigError, Document
from jobmon_tui.config_lines import KeyPath
from jobmon_tui.config_sections import Settings
from jobmon_tui.config_text import key_text, value_text
from jobmon_tui.config_values import Key, WrongValueError, convert, keys_of

Level = Literal["site", "user", "named"]
"""Whose file it is; ``named``: that of ``--config`` or the variable."""

CLUSTERS = "clusters"
"""The table that holds one with all sections for each further cluster."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key was set."""

    path: Path
    line: int
    level: Level

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a key was set to, and where."""

    value: Any
    place: Place


def read_settings(document: Document, level: Level) -> tuple[dict[KeyPath, Setting], list[ConfigError]]:
    """The keys that a document sets, with their values checked, and everything that is wrong with it."""
    reader = _Reader(document, level)
    reader.read_top()
    return reader.settings, reader.errors


class _Reader:
    def __init__(self, document: Document, level: Level) -> None:
        self.settings: dict[KeyPath, Setting] = {}
        self.errors: list[ConfigError] = []
        self._document = document
        self._level = level
        self._folder = document.path.absolute().parent

    def read_top(self) -> None:
        """Read the whole document."""
        tables = dict(self._document.tables)
        clusters = tables.pop(CLUSTERS, {})
        self._read_table(tables, Settings, ())
        if not isinstance(clusters, dict):
            self._complain((CLUSTERS,), f"{CLUSTERS} must hold a table for each cluster: [clusters.NAME]")
            return
        for name, cluster in clusters.items():
            path = (CLUSTERS, name)
            if not isinstance(cluster, dict):
                self._complain(path, f"{key_text(path)} must be a table: [{key_text(path)}]")
                continue
            # A cluster without a key of its own is one all the same.
            self._set(path, None)
            self._read_table(cluster, Settings, path)

    def _read_table(self, table: dict[str, Any], section: type, above: KeyPath) -> None:
        keys = keys_of(section)
        for name, value in table.items():
            path = (*above, name)
            key = keys.get(name)
            if key is None:
                self._complain(path, *_unknown(path, value, keys))
            elif key.section is None:
                self._read_value(path, value, key)
            elif isinstance(value, dict):
                self._read_table(value, key.section, path)
            else:
                self._complain(
                    path, f"{key_text(path)} must be a table", f"Begin it with [{key_text(path)}]."
                )

    def _read_value(self, path: KeyPath, value: Any, key: Key) -> None:
        try:
            self._set(path, convert(value, key, self._folder))
        except WrongValueError as error:
            example = key.example if key.default in (None, (), "") or not key.default else key.default
            hint = f"For example: {path[-1]} = {value_text(example)}" if example is not None else ""
            self._complain(
                (*path, *error.below), f"{key_text((*path, *error.below))} {error.complaint}", hint
            )

    def _set(self, path: KeyPath, value: Any) -> None:
        place = Place(self._document.path, self._document.line_of(path), self._level)
        self.settings[path] = Setting(value, place)

    def _complain(self, path: KeyPath, complaint: str, hint: str = "") -> None:
        self.errors.append(self._document.error(path, complaint, hint))


def _unknown(path: KeyPath, value: Any, keys: Iterable[str]) -> tuple[str, str]:
    """The complaint about a key that does not exist, and what may have been meant."""
    *above, name = path
    at_top = not above or (len(above) == 2 and above[0] == CLUSTERS)
    header = f"[{key_text(tuple(above))}]"
    if at_top and isinstance(value, dict):
        complaint = f"there is no section [{key_text(path)}]"
    elif at_top:
        complaint = f"{key_text((name,))} stands in no section"
    else:
        complaint = f"{header} has no key {key_text((name,))}"
    known = [*keys, CLUSTERS] if not above else list(keys)
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return complaint, f"Did you mean {close[0]}?"
    homes = [] if isinstance(value, dict) else _sections_with(name)
    if homes:
        return complaint, f"It belongs in {' or '.join(homes)}."
    return complaint, f"There are: {', '.join(known)}."


def _sections_with(name: str) -> list[str]:
    return [
        f"[{title}]"
        for title, section in keys_of(Settings).items()
        if section.section is not None and name in keys_of(section.section)
    ]
