"""Secrets come from files and the environment, and are shown by nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.secrets import MOST_BYTES, SecretPlace


def test_file_without_the_space_around(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("  s3cret wörd \n\n")
    assert SecretPlace(file=path).read("token") == "s3cret wörd"


def test_a_renewed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    place = SecretPlace(file=path)
    assert place.read("token") == "old"
    path.write_text("new")
    assert place.read("token") == "new"


def test_file_in_the_home_folder(isolated: Path) -> None:
    (isolated / "token").write_text("mine")
    assert SecretPlace(file=Path("~/token")).read("token") == "mine"


def test_variable_and_file_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.write_text("of the file")
    monkeypatch.setenv("MY_TOKEN", "of the variable")
    assert SecretPlace(variable="MY_TOKEN").read("token") == "of the variable"
    assert SecretPlace(variable="MY_TOKEN", file=path).read("token") == "of the file"


def test_no_place_and_no_variable() -> None:
    assert SecretPlace().read("token") is None
    assert SecretPlace(variable="NOT_SET_BY_ANYONE").read("token") is None
    assert not SecretPlace()
    assert SecretPlace(variable="NOT_SET_BY_ANYONE")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b"one\ntwo", "more than one line"),
        (b"one\r\nX-Forged: yes", "more than one line"),
        (b"esc\x1b[31m", "more than one line"),
        (b"\xff\xfe", "holds no text"),
        (b"x" * (MOST_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_secret_is_refused_and_not_shown(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=words) as caught:
        SecretPlace(file=path).read("token of InfluxDB")
    assert str(path) in caught.value.message
    assert "two" not in caught.value.message
    assert "Forged" not in caught.value.message


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        SecretPlace(file=tmp_path / "missing").read("token")
    with pytest.raises(SourceError, match="cannot be read: Is a directory"):
        SecretPlace(file=tmp_path).read("token")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="no ordinary file"):
        SecretPlace(file=tmp_path / "pipe").read("token")
