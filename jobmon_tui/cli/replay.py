"""``jobmon replay``: the app on what was recorded, with its timeline."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from jobmon_tui.cli import watch
from jobmon_tui.errors import UsageError
from jobmon_tui.model.text import printable

OTHER_SOURCES = (
    *("demo", "demo_nodes", "demo_jobs", "demo_seed"),
    *("backend", "backend_path", "spool", "url", "live"),
)
"""Options that name another source than what was recorded."""


def run(arguments: Namespace) -> int:
    """Open the app on a recording, a snapshot or a folder of them.

    Returns:
        Its exit status.

    Raises:
        UsageError: There is nothing at that place, or another source is named as well.
        JobmonError: It cannot be read.
    """
    for option in OTHER_SOURCES:
        if getattr(arguments, option, None):
            name = f"--{option.replace('_', '-')}"
            raise UsageError(f"{name} and a recording cannot be had at once", "Choose one of them.")
    place = Path(arguments.place).expanduser()
    if not place.exists():
        raise UsageError(
            f"there is no file or folder {printable(place)}",
            "Name what `jobmon record` or a collector wrote.",
        )
    arguments.spool = str(place)
    return watch.run(arguments)
