"""Text from outside can do nothing to a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from jobmon_tui.model.text import printable


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("plain text", "plain text"),
        ("two\nlines\r\nand\ttabs", "two lines and tabs"),
        ("\x1b[31mred\x07", "�[31mred�"),
        ("\u202egnp.exe", "�gnp.exe"),
        ("zero\u200bwidth", "zero�width"),
        ("漢字", "漢字"),
        ("n\u0303\u0303\u0303", "ñ\u0303"),
        ("\u0301start", "start"),
        ("\udc80", "�"),
        ("☎\ufe0f", "☎"),
        ("line\u2028separator", "line separator"),
    ],
)
def test_known_mischief(raw: str, safe: str) -> None:
    assert printable(raw) == safe


def test_what_is_too_long_is_cut() -> None:
    assert printable("x" * 10_000_000, 10) == "x" * 9 + "…"
    assert printable(12) == "12"


@given(st.text(max_size=200), st.integers(min_value=1, max_value=100))
def test_nothing_that_controls_a_terminal_is_left(raw: str, longest: int) -> None:
    safe = printable(raw, longest)
    assert len(safe) <= longest
    assert not any(unicodedata.category(character)[0] == "C" for character in safe)
    assert not set(safe) & set("\n\r\t\x0b\x0c\x85\u2028\u2029")
    assert cell_len(safe) <= 2 * longest


@given(st.text(max_size=100))
def test_what_is_safe_stays_as_it_is(raw: str) -> None:
    once = printable(raw)
    assert printable(once) == once
