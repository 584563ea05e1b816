"""Keeps every test away from the developer's own settings, cluster and terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

import tests.servers  # noqa: F401  (reads its variable before it is hidden from the tests)

# Textual reads this once, when it is imported.
os.environ["TEXTUAL_ANIMATIONS"] = "none"

OWN_PREFIXES = ("JOBMON_", "SLURM_", "SQUEUE_", "SINFO_", "SCONTROL_", "SBATCH_", "XDG_")
"""Variables that change what jobmon or Slurm's commands do."""
OWN_NAMES = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TMUX", "SSH_CONNECTION", "SSH_TTY")
"""Variables that describe the terminal that the tests happen to run in."""


SERVERS = "tests/real/"


class ServersTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process one test after the other, and one of them all that start real servers.

    They take seconds to start, and would be started in each process that has a test of them. The others
    meanwhile test what needs none. (xdist's own groups are not obeyed by every version of pytest.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return SERVERS if nodeid.startswith(SERVERS) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ServersTogether:
    """Share the tests as `ServersTogether` says, where several processes run them."""
    return ServersTogether(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Name each skipped test in the summary instead of counting those of a file."""
    config.option.fold_skipped = False


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder of the test's own, none of the developer's variables, and UTC as the time zone."""
    for name in list(os.environ):
        if name.startswith(OWN_PREFIXES) or name in OWN_NAMES:
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for variable, folder in (
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_STATE_HOME", ".local/state"),
        ("XDG_DATA_HOME", ".local/share"),
        ("XDG_CACHE_HOME", ".cache"),
        ("XDG_RUNTIME_DIR", ".run"),
    ):
        monkeypatch.setenv(variable, str(home / folder))
    monkeypatch.setenv("TERM", "xterm-256color")
    with monkeypatch.context() as zone:
        zone.setenv("TZ", "UTC")
        time.tzset()
        yield home
    time.tzset()


@pytest.fixture(autouse=True)
def calm_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """No blinking: a picture of the screen must not depend on when it was taken."""
    if "textual" in sys.modules:
        from textual.widgets import Input, TextArea

        for widget in (Input, TextArea):
            monkeypatch.setattr(widget.__dict__["cursor_blink"], "_default", False)
