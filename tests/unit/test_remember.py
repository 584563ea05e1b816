"""What survives a restart, and what does not hinder one."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobmon_tui.paths import user_state_folder
from jobmon_tui.tui.remember import FILE, Remembered


def test_what_was_saved_comes_back() -> None:
    Remembered(theme="dark", interval=5.0, columns={"jobs": ["id"]}, sorting={"jobs": ["id", True]}).save()
    assert Remembered.load() == Remembered(
        theme="dark", interval=5.0, columns={"jobs": ["id"]}, sorting={"jobs": ["id", True]}
    )


@pytest.mark.parametrize(
    "content", ["", "[]", "{", "null", '{"theme": 3, "interval": "x", "new": 1}', "\x00\xff"]
)
def test_a_broken_file_costs_only_what_it_held(content: str) -> None:
    folder = user_state_folder()
    folder.mkdir(parents=True)
    (folder / FILE).write_text(content, encoding="utf-8")
    assert Remembered.load() == Remembered()


def test_a_part_that_is_whole_is_kept() -> None:
    folder = user_state_folder()
    folder.mkdir(parents=True)
    (folder / FILE).write_text('{"theme": "t", "interval": []}', encoding="utf-8")
    assert Remembered.load() == Remembered(theme="t")


def test_a_home_that_cannot_be_written_is_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr("jobmon_tui.tui.remember.user_state_folder", lambda: blocked / "below")
    Remembered(theme="t").save()
    assert Remembered.load() == Remembered()


def test_saving_leaves_nothing_else_behind() -> None:
    for number in range(5):
        Remembered(interval=float(number)).save()
    assert [path.name for path in user_state_folder().iterdir()] == [FILE]
