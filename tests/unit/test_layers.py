"""The shape of the code: who imports whom, what is loaded when, how long a file may get."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "jobmon_tui"
HEAVY = {"textual", "rich", "requests", "influxdb_client", "pyslurm", "numpy", "zstandard"}
"""Packages that cost a quarter of a second or more to import."""
LONGEST_FILE = 450
"""Lines; the aim is 400."""


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.slow
def test_import_contracts_hold() -> None:
    linted = run_python(
        "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache', '--no-logo'])"
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "0 broken" in linted.stdout


@pytest.mark.parametrize(
    "module",
    ["jobmon_tui.cli", "jobmon_tui.model.snapshot", "jobmon_tui.feeds.http", "jobmon_tui.feeds.fallback"],
)
def test_import_stays_light(module: str) -> None:
    imported = run_python(f"import {module}, sys; print(*sys.modules)")
    assert imported.returncode == 0, imported.stderr
    loaded = {name.partition(".")[0] for name in imported.stdout.split()}
    assert "jobmon_tui" in loaded
    assert not loaded & HEAVY


def test_no_file_has_grown_too_long() -> None:
    lengths = {
        str(path.relative_to(REPOSITORY)): path.read_text(encoding="utf-8").count("\n")
        for path in PACKAGE.rglob("*.py")
    }
    assert lengths, "found no code at all"
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_module_is_named_for_want_of_an_idea() -> None:
    vague = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert [str(path) for path in PACKAGE.rglob("*.py") if path.stem in vague] == []


@pytest.mark.slow
def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(REPOSITORY))
        for path in PACKAGE.rglob("*.py")
        if path.read_text(encoding="utf-8").strip()
        and ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert silent == []
