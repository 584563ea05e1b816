"""Which backends there are: names and origins, without importing any of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from jobmon_tui import paths

GROUP = "jobmon_tui.backends"
"""The entry point group in which installed packages register backends."""
BUILT_IN: Mapping[str, str] = {
    "slurm": "jobmon_tui.backends.slurm:SlurmBackend",
    "measured": "jobmon_tui.backends.measured:MeasuredBackend",
    "ozstar": "jobmon_tui.backends.ozstar:OzstarBackend",
    "demo": "jobmon_tui.backends.demo:DemoBackend",
}
"""Our own, so that they are found without searching every installed package."""


def available_backends(folders: Sequence[Path] = ()) -> dict[str, str]:
    """The backends that can be loaded by name, and where each comes from. Imports none of them.

    Args:
        folders: Folders named on the command line.
    """
    found: dict[str, str] = {}
    for name, path in backend_files(folders):
        found.setdefault(name, str(path))
    for name, target in backend_entry_points():
        found.setdefault(name, target)
    for name, path in backend_files(paths.backend_folders()):
        found.setdefault(name, str(path))
    return found


def backend_files(folders: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """The backend files in these folders by name; a folder that is absent or may not be read has none."""
    for folder in folders:
        try:
            files = sorted(path for path in folder.iterdir() if path.suffix == ".py")
        except OSError:
            continue
        for path in files:
            name = path.stem.removeprefix("backend_")
            # Beside older files there often lies their own backend_base.py, which is no backend.
            if path.stem.startswith("backend_") and name not in ("", "base"):
                yield name, path


def backend_entry_points() -> Iterator[tuple[str, str]]:
    """Our own backends, then those of installed packages, as ``package.module:Class``."""
    from importlib.metadata import entry_points

    yield from BUILT_IN.items()
    for point in entry_points(group=GROUP):
        if point.name not in BUILT_IN:
            yield point.name, point.value
