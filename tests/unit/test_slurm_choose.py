"""Which way of asking Slurm is taken."""

from __future__ import annotations

import importlib.util
import shutil
from importlib.machinery import ModuleSpec

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.slurm import choose
from jobmon_tui.sources.slurm.answer import Problem, SlurmAnswer
from jobmon_tui.sources.slurm.choose import RETRY_AFTER, ChosenSlurm, choose_slurm, slurm_is_here


class Source:
    """A source that answers or fails as told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.error: SourceError | None = None
        self.asked: list[str | None] = []
        self.is_closed = False

    def load(self, only_user: str | None = None) -> SlurmAnswer:
        self.asked.append(only_user)
        if self.error is not None:
            raise self.error
        return SlurmAnswer(taken_at=1.0, version=self.name, problems=(Problem(what="own", error="own"),))

    def close(self) -> None:
        self.is_closed = True


class Clock:
    """Stands still until told."""

    now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def pyslurm() -> Source:
    return Source("slurm (pyslurm)")


@pytest.fixture
def commands() -> Source:
    return Source("slurm (commands)")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chosen(pyslurm: Source, commands: Source, clock: Clock) -> ChosenSlurm:
    return ChosenSlurm(pyslurm, commands, clock)


def test_pyslurm_is_preferred(chosen: ChosenSlurm, commands: Source) -> None:
    assert chosen.load("ada").version == "slurm (pyslurm)"
    assert chosen.name == "slurm (pyslurm)"
    assert commands.asked == []


def test_when_pyslurm_fails_the_commands_answer_and_say_so(
    chosen: ChosenSlurm, pyslurm: Source, commands: Source
) -> None:
    chosen.load()
    pyslurm.error = SourceError("pyslurm has a cold", "keep it warm")
    answer = chosen.load("ada")
    assert (answer.version, chosen.name, commands.asked) == ("slurm (commands)", "slurm (commands)", ["ada"])
    own, problem = answer.problems
    assert own.what == "own"
    assert (problem.what, problem.error) == ("pyslurm", "pyslurm has a cold")
    assert problem.hint.startswith("keep it warm; Slurm's commands are used instead")


def test_pyslurm_is_tried_again_after_some_minutes(
    chosen: ChosenSlurm, pyslurm: Source, clock: Clock
) -> None:
    pyslurm.error = SourceError("no")
    chosen.load()
    clock.now += RETRY_AFTER - 1
    assert chosen.load().problems[-1].what == "pyslurm"
    assert len(pyslurm.asked) == 1
    clock.now += 1
    pyslurm.error = None
    answer = chosen.load()
    assert len(pyslurm.asked) == 2
    assert (chosen.name, [one.what for one in answer.problems]) == ("slurm (pyslurm)", ["own"])


def test_when_both_failed_pyslurm_is_not_blamed_for_long(
    chosen: ChosenSlurm, pyslurm: Source, commands: Source
) -> None:
    pyslurm.error, commands.error = SourceError("down"), SourceError("down too")
    with pytest.raises(SourceError, match="down too"):
        chosen.load()
    pyslurm.error = commands.error = None
    assert chosen.load().version == "slurm (commands)"
    assert chosen.load().version == "slurm (pyslurm)"


def test_pyslurm_alone_is_asked_every_time(pyslurm: Source) -> None:
    alone = ChosenSlurm(pyslurm, None)
    pyslurm.error = SourceError("no")
    for _ in range(2):
        with pytest.raises(SourceError, match=r"^no$"):
            alone.load()
    assert len(pyslurm.asked) == 2


def test_the_commands_alone_are_no_problem(commands: Source) -> None:
    alone = ChosenSlurm(None, commands)
    assert [one.what for one in alone.load().problems] == ["own"]
    assert alone.name == "slurm (commands)"


def test_neither_is_an_error_with_a_hint() -> None:
    with pytest.raises(SourceError, match="neither") as caught:
        ChosenSlurm(None, None).load()
    assert "squeue" in caught.value.hint


def test_commands_that_were_not_there_are_looked_for_again(commands: Source) -> None:
    found: list[Source] = []
    chosen = ChosenSlurm(None, None, find_commands=lambda: found[0] if found else None)
    with pytest.raises(SourceError, match="neither"):
        chosen.load()
    found.append(commands)
    assert chosen.load("ada").version == "slurm (commands)"
    assert (chosen.name, commands.asked) == ("slurm (commands)", ["ada"])
    chosen.close()
    assert commands.is_closed


def test_closing_closes_both(chosen: ChosenSlurm, pyslurm: Source, commands: Source) -> None:
    chosen.close()
    assert pyslurm.is_closed
    assert commands.is_closed


@pytest.mark.parametrize("has_commands", [True, False])
@pytest.mark.parametrize("has_pyslurm", [True, False])
def test_what_is_on_the_machine_decides(
    monkeypatch: pytest.MonkeyPatch, has_commands: bool, has_pyslurm: bool
) -> None:
    spec = ModuleSpec("pyslurm", None) if has_pyslurm else None
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if has_commands else None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    assert slurm_is_here() is (has_commands or has_pyslurm)
    made = choose_slurm()
    expected = "slurm (pyslurm)" if has_pyslurm else "slurm (commands)" if has_commands else "slurm"
    assert made.name == expected
    made.close()


def test_a_broken_pyslurm_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ValueError(f"{name}.__spec__ is None")

    monkeypatch.setattr(importlib.util, "find_spec", broken)
    assert choose.has_pyslurm() is False
