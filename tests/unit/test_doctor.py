"""``jobmon doctor``: every line of what it finds, and its verdict."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from jobmon_tui import __version__
from jobmon_tui.cli import doctor, main


@pytest.fixture(autouse=True)
def modules_as_before() -> Iterator[None]:
    path = list(sys.path)
    yield
    sys.path[:] = path


@pytest.fixture(autouse=True)
def programs(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def site(folder: Path, body: str) -> list[str]:
    (folder / "backend_site.py").write_text(
        "from backend_base import BackendBase\nfrom jobmon_tui.model.snapshot import SourceStatus\n"
        f"from jobmon_tui.errors import SourceError\n\n\nclass Backend(BackendBase):\n{body}",
        encoding="utf-8",
    )
    return ["--backend", "site", "--backend-path", str(folder)]


GOOD = """\
    def hostnames(self):
        return ["n1", "n2"]

    def job_ids(self):
        return ["1", "2_[1-1500]"]

    def sources(self):
        return [
            SourceStatus(name="ganglia", version="3.7", calls=2, seconds=0.25),
            SourceStatus(name="lustre", ok=False, error="no \\x1b answer", hint="Ask the \\n admin."),
        ]
"""


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert err == ""
    return [" ".join(line.split()) for line in out.splitlines()]


def test_a_working_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *site(tmp_path, GOOD)]) == 0
    lines = lines_of(capsys)
    assert f"ok jobmon {__version__}" in lines
    assert f"ok site {tmp_path / 'backend_site.py'}" in lines
    assert f"ok backend files {tmp_path}" in lines
    assert "ok jobmon shows site: 2 nodes, 1,501 jobs" in lines
    assert "ok ganglia 3.7, 2 calls, 0.25 s" in lines
    assert "failed lustre no � answer" in lines
    assert "Ask the admin." in lines


def test_offline_asks_nothing(tmp_path: Path, programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = tmp_path / "asked"
    program(programs, "squeue", f"echo asked > '{asked}'")
    words = site(tmp_path, f"    def init(self):\n        open({str(asked)!r}, 'w').close()\n")
    assert main(["doctor", "--offline", *words]) == 0
    assert main(["doctor", "--offline"]) == 0
    lines = lines_of(capsys)
    assert "ok jobmon shows site (not asked: --offline)" in lines
    assert "ok jobmon shows slurm (not asked: --offline)" in lines
    assert f"ok squeue {programs / 'squeue'}" in lines
    assert not asked.exists()


def test_without_slurm_the_demo_is_no_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--offline"]) == 1
    lines = lines_of(capsys)
    assert "missing jobmon shows the demo cluster: no Slurm here" in lines
    assert "missing squeue not on the PATH" in lines
    assert "missing pyslurm not installed; Slurm's commands are used" in lines
    assert main(["doctor", "--offline", "--demo"]) == 0
    assert main(["doctor", "--demo", "--demo-nodes", "5", "--demo-jobs", "0"]) == 0
    assert any(line.startswith("ok jobmon shows demo:") for line in lines_of(capsys))


def test_slurm_that_does_not_answer(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("squeue", "scontrol"):
        program(programs, name, "echo 'Unable to contact slurm controller' >&2; exit 1")
    assert main(["doctor"]) == 1
    lines = lines_of(capsys)
    assert f"failed squeue {programs / 'squeue'} Unable to contact slurm controller" in lines
    assert any(line.startswith("failed jobmon shows") for line in lines)


def test_pyslurm_must_match_slurms_version(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("squeue", "scontrol"):
        program(programs, name, "echo slurm-wlm 22.05.8")
    found = {finding.what: finding for finding in doctor.slurm(ask=True)}
    assert (found["squeue"].mark, found["squeue"].found) == ("ok", f"{programs / 'squeue'} slurm-wlm 22.05.8")
    assert "one built for Slurm 22.05.8" in found["pyslurm"].hint


@pytest.mark.parametrize(
    ("source", "mark", "said"),
    [
        ("", "ok", "25.11.0"),
        ("raise ImportError('Slurm 25.11 expected')", "failed", "Slurm 25.11 expected"),
        ("import os; os.abort()", "failed", "ended by signal 6"),
    ],
)
def test_pyslurm_is_tried_in_a_process_of_its_own(
    source: str, mark: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyslurm.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("importlib.metadata.version", lambda name: "25.11.0")
    found = {finding.what: finding for finding in doctor.slurm(ask=True)}["pyslurm"]
    assert found.mark == mark
    assert said in found.found


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "    def init(self):\n        raise SourceError('no gmetad', 'start it')\n",
            "failed jobmon shows no gmetad",
        ),
        ("    def hostnames(self):\n        return 1 / 0\n", "in hostnames(): ZeroDivisionError"),
        ("    def __init__(self):\n        1 / 0\n", "in __init__(): ZeroDivisionError"),
    ],
)
def test_a_site_that_fails(body: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *site(tmp_path, body)]) == 1
    assert any(words in line for line in lines_of(capsys))


@pytest.mark.parametrize(
    "words", [["--backend", "no_such"], ["--spool", "no/such"], ["--backend-path", "no/such"]]
)
def test_options_that_name_nothing_are_a_finding(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--offline", *words]) == 1
    assert any(line.startswith("failed jobmon shows") for line in lines_of(capsys))


def test_a_spool_is_a_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--offline", "--spool", str(tmp_path)]) == 0
    assert main(["doctor", "--spool", str(tmp_path)]) == 1
    assert any("holds no snapshots" in line for line in lines_of(capsys))


@pytest.mark.parametrize(
    ("variables", "what", "mark", "said"),
    [
        ({"TERM": "dumb"}, "TERM", "missing", "dumb"),
        ({"TERM": "xterm-256color"}, "colours", "ok", "256"),
        ({"COLORTERM": "truecolor"}, "colours", "ok", "16 million (COLORTERM truecolor)"),
        ({"NO_COLOR": "1"}, "colours", "ok", "none: NO_COLOR is set"),
    ],
)
def test_terminal(
    variables: dict[str, str], what: str, mark: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLORTERM", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = {finding.what: finding for finding in doctor.terminal()}
    assert (found[what].mark, found[what].found) == (mark, said)


@pytest.mark.parametrize(("size", "mark"), [((80, 24), "ok"), ((79, 24), "missing"), ((200, 23), "missing")])
def test_size_of_the_terminal(size: tuple[int, int], mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size(size))
    found = {finding.what: finding for finding in doctor.terminal()}
    assert (found["size"].mark, found["size"].found) == (mark, f"{size[0]}x{size[1]}")


def test_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locale.getencoding", lambda: "ANSI_X3.4-1968")
    found = {finding.what: finding for finding in doctor.terminal()}
    assert (found["characters"].mark, found["characters"].found) == ("missing", "ascii")


def test_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    assert {finding.what: finding.mark for finding in doctor.versions()}["textual"] == "missing"
