"""Finding the line on which a key of a TOML file stands, which Python's own reader does not tell.

The text has been read by `tomllib` before, so it is known to be valid: all that is left is to tell keys from
strings, comments and values.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

KeyPath = tuple[str, ...]
"""The keys from the top of a document down to one."""

_TOKEN = re.compile(
    r"""
      (?P<long>\"{3} (?:[^\\]|\\.)*? \"{3,5} | '{3} .*? '{3,5})
    | (?P<quoted>"(?:[^"\\\n]|\\.)*" | '[^'\n]*')
    | (?P<comment>\#[^\n]*)
    | (?P<newline>\n)
    | (?P<mark>[\[\]{}=,.])
    | (?P<bare>[^\s"'\#\[\]{}=,.]+)
    """,
    re.VERBOSE | re.DOTALL,
)


def key_lines(text: str) -> Mapping[KeyPath, int]:
    """The line, counted from 1, on which each key of a valid TOML document first occurs.

    The elements of a list have no keys of their own: a table in a list goes by the list's path.
    """
    lines: dict[KeyPath, int] = {}
    for path, line in _keys(text):
        for depth in range(1, len(path) + 1):
            lines.setdefault(path[:depth], line)
    return lines


def longest_key(text: str) -> tuple[int, int]:
    """How many parts the longest dotted key has, and its line. The text may be anything."""
    longest, at_line = 0, 1
    parts, joined = 0, False
    for kind, word, line in _tokens(text):
        if kind in ("bare", "quoted"):
            parts = parts + 1 if joined else 1
            joined = False
            if parts > longest:
                longest, at_line = parts, line
        else:
            joined = word == "."
    return longest, at_line


def _keys(text: str) -> Iterator[tuple[KeyPath, int]]:
    """The path of each table's header and of each value, with its line, from top to bottom."""
    reads_key = True
    key: list[str] = []
    table: KeyPath = ()
    value: KeyPath = ()
    # The brackets that are open in the value: for an inline table the path of its value, for a list None.
    inside: list[KeyPath | None] = []
    for kind, word, line in _tokens(text):
        if kind == "newline":
            if not inside:
                reads_key, key = True, []
        elif kind in ("bare", "quoted"):
            if reads_key:
                key.append(_name(kind, word))
        elif word == "=":
            value = (*((inside[-1] or ()) if inside else table), *key)
            yield value, line
            reads_key = False
        elif word == "]" and reads_key:
            table = tuple(key)
            yield table, line
        elif word == "[" and not reads_key:
            inside.append(None)
        elif word == "{":
            inside.append(value)
            reads_key, key = True, []
        elif word in "]}" and inside:
            value = inside.pop() or value
            reads_key = False
        elif word == "," and inside[-1] is not None:
            reads_key, key = True, []


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Everything but blanks and comments: what it is, how it is written, and the line it begins on."""
    line = 1
    for token in _TOKEN.finditer(text):
        kind, word = token.lastgroup or "", token.group()
        if kind != "comment":
            yield kind, word, line
        line += word.count("\n")


def _name(kind: str, word: str) -> str:
    """A part of a key as it is meant."""
    if kind == "bare":
        return word
    meant: str = tomllib.loads(f"key = {word}")["key"]
    return meant
