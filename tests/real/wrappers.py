"""Slurm's commands with something in between: counted, slow, failing or missing."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest

SLURM_COMMANDS = ("squeue", "scontrol", "sinfo", "sacct", "sdiag", "sprio", "sacctmgr", "sstat", "sshare")


class Commands:
    """A folder that stands first in PATH for the rest of the test.

    Args:
        folder: Where the wrappers are written; made if it does not exist.
        monkeypatch: Puts PATH back after the test.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._log = folder / "calls.log"
        self._monkeypatch = monkeypatch
        self._original_path = os.environ["PATH"]
        monkeypatch.setenv("PATH", os.pathsep.join((str(folder), self._original_path)))

    def count(self) -> None:
        """Note each call of any of Slurm's commands, for `calls`."""
        for name in SLURM_COMMANDS:
            self._wrap(name, f"printf '%s\\0' {name}\" $*\" >> {shlex.quote(str(self._log))}")

    def calls(self) -> list[str]:
        """The calls noted since the last time this was asked: each command with its arguments."""
        if not self._log.exists():
            return []
        text = self._log.read_text()
        self._log.unlink()
        return text.split("\0")[:-1]

    def slow(self, name: str, seconds: float) -> None:
        """Let a command wait before it does what it always does."""
        self._wrap(name, f"sleep {seconds}")

    def failing(self, name: str, complaint: str, status: int = 1) -> None:
        """Let a command do nothing but complain."""
        self._wrap(name, f"printf '%s\\n' {shlex.quote(complaint)} >&2; exit {status}")

    def garbage(self, name: str, printed: bytes) -> None:
        """Let a command succeed and print these bytes."""
        (self._folder / f"{name}.printed").write_bytes(printed)
        self._wrap(name, f"cat {shlex.quote(str(self._folder / name))}.printed; exit 0")

    def mended(self, name: str) -> None:
        """Let a command do again what it always does."""
        (self._folder / name).unlink(missing_ok=True)

    def missing(self, *names: str) -> None:
        """Let commands not be installed: PATH becomes one folder with links to all the others."""
        present = self._folder.parent / "without"
        present.mkdir()
        for folder in self._original_path.split(os.pathsep):
            for program in Path(folder).glob("*") if folder else ():
                link = present / program.name
                if program.name not in names and not link.is_symlink():
                    link.symlink_to(program)
        self._monkeypatch.setenv("PATH", str(present))

    def _wrap(self, name: str, first: str) -> None:
        program = shutil.which(name, path=self._original_path)
        if program is None:
            return
        # In one step: whoever runs the command meanwhile gets the old one or the new one, never half of it.
        wrapper = self._folder / f"{name}.new"
        wrapper.write_text(f'#!/bin/sh\n{first}\nexec {shlex.quote(program)} "$@"\n')
        wrapper.chmod(0o755)
        wrapper.rename(self._folder / name)
