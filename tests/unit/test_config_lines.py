"""Finding the lines of keys: against documents whose lines are known because the test wrote them."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobmon_tui.config_lines import key_lines, longest_key

DOCUMENT = '''\
# [not.a.table]
top = "x = 1"   # y = 2

[watch]
interval = 10
"quoted key" = """
interval = 3
[backend]
""\\"
"""
'single' = \'\'\'
a = "b"\'\'\'
list = [
    "[a]",  # b = 1
    { first = 1, second = { third = 2 } },
    { fourth = [1, 2] },
]
after = 1.5

[ nodes . "a.b" ]
date = 1979-05-27T07:32:00Z

[[many]]
one = 1
[[many]]
two.three = 2
empty = {}
last = [[], [{}]]
'''


def test_every_kind_of_key() -> None:
    tomllib.loads(DOCUMENT)
    assert dict(key_lines(DOCUMENT)) == {
        ("top",): 2,
        ("watch",): 4,
        ("watch", "interval"): 5,
        ("watch", "quoted key"): 6,
        ("watch", "single"): 11,
        ("watch", "list"): 13,
        ("watch", "list", "first"): 15,
        ("watch", "list", "second"): 15,
        ("watch", "list", "second", "third"): 15,
        ("watch", "list", "fourth"): 16,
        ("watch", "after"): 18,
        ("nodes",): 20,
        ("nodes", "a.b"): 20,
        ("nodes", "a.b", "date"): 21,
        ("many",): 23,
        ("many", "one"): 24,
        ("many", "two"): 26,
        ("many", "two", "three"): 26,
        ("many", "empty"): 27,
        ("many", "last"): 28,
    }


@pytest.mark.parametrize(
    ("text", "parts", "line"),
    [
        ("", 0, 1),
        ("a = 1", 1, 1),
        ("a = 1\n[b.c]\nd.e.f = 2", 3, 3),
        ("a = '1.2.3.4'\n", 1, 1),
        ('a = ["10.0.0.1:8649", "10.0.0.2:8649"]', 1, 1),
        ("x\n\"a\" . b.'c'.d", 4, 2),
        ("..=..[[", 0, 1),
        ("." * 10_000, 0, 1),
    ],
)
def test_the_longest_key_of_anything(text: str, parts: int, line: int) -> None:
    if parts:
        assert longest_key(text) == (parts, line)
    else:
        assert longest_key(text)[0] == 0


_names = st.text(max_size=6)
_scalars = (
    st.integers(-(2**40), 2**40).map(str)
    | st.booleans().map(lambda value: str(value).lower())
    | st.text(max_size=12).map(lambda text: quoted(text))
    | st.text(max_size=12).map(lambda text: f'"""\n{quoted(text)[1:-1]}"""')
    | st.sampled_from(["1.5e3", "1979-05-27", "[ ]", "{ }", "''' ] } = # '''", "'#'", "inf"])
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3).map(
        lambda values: "[\n" + ",\n # x = 1\n".join(values) + "\n]"
    ),
    max_leaves=5,
)
_tables = st.dictionaries(_names, st.dictionaries(_names, _values, max_size=4), max_size=4)


def quoted(text: str) -> str:
    simple = all(ord(one) < 0xD800 and one != "\x7f" for one in text)
    return json.dumps(text) if simple else '"?"'


@pytest.mark.slow
@settings(max_examples=150)
@given(_tables)
def test_keys_are_found_whatever_stands_between_them(tables: dict[str, dict[str, str]]) -> None:
    tables = {
        quoted(name): {quoted(key): value for key, value in one.items()} for name, one in tables.items()
    }
    lines: list[str] = []
    expected: dict[tuple[str, ...], int] = {}

    def meant(name: str) -> str:
        return str(json.loads(name))

    for name, table in tables.items():
        lines.append(f"[{name}]")
        expected[(meant(name),)] = len(lines)
        for key, value in table.items():
            expected[(meant(name), meant(key))] = len(lines) + 1
            lines.extend(f"{key} = {value}".split("\n"))
    text = "\n".join(lines)
    document: dict[str, Any] = tomllib.loads(text)
    assert {(name, key) for name, table in document.items() for key in table} <= set(expected)
    assert dict(key_lines(text)) == expected
