"""What the terminal shows already is not written again, and what it does not show is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.tui.shadow import GAP, Shadow

RED, BLUE = object(), object()
WIDTH = 40

Write = tuple[int, str, object]


def written(shadow: Shadow, x: int, text: str, look: object) -> list[tuple[int, str]]:
    return list(shadow.changes(x, 0, text, look))


def test_an_unknown_cell_is_written() -> None:
    assert written(Shadow(WIDTH, 1), 3, "  a", RED) == [(3, "  a")]


def test_what_is_there_is_not_written_again() -> None:
    shadow = Shadow(WIDTH, 1)
    shadow.put(0, 0, "abcdef", RED)
    assert written(shadow, 1, "bcd", RED) == []


def test_only_what_differs_is_written() -> None:
    shadow = Shadow(WIDTH, 1)
    shadow.put(0, 0, "a" * WIDTH, RED)
    changed = "a" * 5 + "xy" + "a" * (GAP + 1) + "z" + "a" * 3
    assert written(shadow, 0, changed, RED) == [(5, "xy"), (7 + GAP + 1, "z")]
    assert written(shadow, 0, changed, RED) == []


def test_near_differences_are_written_in_one_go() -> None:
    shadow = Shadow(WIDTH, 1)
    shadow.put(0, 0, "a" * WIDTH, RED)
    assert written(shadow, 0, "xaay", RED) == [(0, "xaay")]


def test_another_look_is_a_difference() -> None:
    shadow = Shadow(WIDTH, 1)
    shadow.put(0, 0, "abc", RED)
    shadow.put(1, 0, "b", BLUE)
    assert written(shadow, 0, "abc", RED) == [(1, "b")]


def test_what_was_forgotten_is_written_again() -> None:
    shadow = Shadow(WIDTH, 1)
    shadow.put(0, 0, "abc", RED)
    shadow.forget(2, 0, 900)
    shadow.forget(0, 7, 1)
    assert written(shadow, 0, "abc", RED) == [(2, "c")]


def test_outside_of_the_screen_everything_is_written() -> None:
    shadow = Shadow(4, 1)
    for _ in range(2):
        assert written(shadow, 2, "abc", RED) == [(2, "abc")]
        assert list(shadow.changes(0, 5, "abc", RED)) == [(0, "abc")]


writes = st.lists(
    st.tuples(
        st.integers(0, WIDTH - 1), st.text("ab ", min_size=1, max_size=WIDTH), st.sampled_from([RED, BLUE])
    ),
    max_size=12,
)


@given(writes)
def test_writing_only_changes_leaves_what_writing_everything_does(sequence: list[Write]) -> None:
    shadow = Shadow(WIDTH, 1)
    everything: dict[int, tuple[str, object]] = {}
    changes_only: dict[int, tuple[str, object]] = {}
    for x, whole, look in sequence:
        text = whole[: WIDTH - x]
        everything.update((x + place, (character, look)) for place, character in enumerate(text))
        for start, part in shadow.changes(x, 0, text, look):
            changes_only.update((start + place, (character, look)) for place, character in enumerate(part))
    assert changes_only == everything
