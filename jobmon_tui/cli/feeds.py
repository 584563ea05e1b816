"""From the options that say where the cluster comes from to the feed that brings it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobmon_tui.errors import UsageError

if TYPE_CHECKING:
    from jobmon_tui.feeds.base import Feed

DEMO_NOTICE = "No Slurm on this machine: this is the built-in demo cluster"


def choose_feed(arguments: Namespace) -> tuple[Feed, str]:
    """The feed that the options ask for, not opened yet, and what to tell the user about the choice.

    Raises:
        UsageError: The options contradict each other, or name something that does not exist.
        PluginError: The site's backend cannot be loaded.
    """
    _check(arguments)
    spool = _given(arguments, "spool")
    if spool is not None:
        return _recorded(Path(spool)), ""
    from jobmon_tui.backends.loading import load_backend
    from jobmon_tui.feeds.live import LiveFeed

    name, notice = choose_backend(arguments)
    options = demo_options(arguments) if name == "demo" else {}
    return LiveFeed(load_backend(name, folders=backend_paths(arguments), options=options)), notice


def choose_backend(arguments: Namespace) -> tuple[str, str]:
    """The name of the backend that the options ask for, and what to tell the user about the choice."""
    name = _given(arguments, "backend")
    if name is not None:
        return str(name), ""
    if _given(arguments, "demo") or demo_options(arguments):
        return "demo", ""
    from jobmon_tui.sources.slurm.choose import slurm_is_here

    return ("slurm", "") if slurm_is_here() else ("demo", DEMO_NOTICE)


def chosen_user(arguments: Namespace) -> str | None:
    """Whose jobs alone are wanted; ``None`` for everyone's.

    Raises:
        UsageError: Nobody knows who is asking.
    """
    if not _given(arguments, "mine"):
        user: str | None = _given(arguments, "user")
        return user
    import os
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise UsageError(
            f"--mine: user id {os.geteuid()} has no name on this machine", "Say --user NAME instead."
        ) from None


def backend_paths(arguments: Namespace) -> tuple[Path, ...]:
    """The folders named by ``--backend-path``, in their order.

    Raises:
        UsageError: One of them is not a folder.
    """
    folders = tuple(Path(folder).expanduser() for folder in _given(arguments, "backend_path") or ())
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"--backend-path: there is no folder {folder}")
    return folders


def demo_options(arguments: Namespace) -> dict[str, object]:
    """What was asked of the demo cluster, as its constructor's keyword arguments."""
    asked = {option: _given(arguments, f"demo_{option}") for option in ("nodes", "jobs", "seed")}
    return {option: value for option, value in asked.items() if value is not None}


def _recorded(place: Path) -> Feed:
    from jobmon_tui.feeds.spool import SpoolFeed

    place = place.expanduser()
    if not place.exists():
        raise UsageError(
            f"--spool: there is no folder {place}", "Name the folder that a collector writes to."
        )
    return SpoolFeed(place)


def _check(arguments: Namespace) -> None:
    backend = _given(arguments, "backend")
    wants_demo = _given(arguments, "demo") or demo_options(arguments)
    named = [
        option
        for option, given in (
            ("--spool", _given(arguments, "spool") is not None),
            ("--backend", backend is not None and not (backend == "demo" and wants_demo)),
            ("--demo", bool(wants_demo)),
        )
        if given
    ]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} cannot be had at once", "Choose one of them.")
    if _given(arguments, "backend_path") and backend is None:
        raise UsageError("--backend-path needs --backend NAME", "Files there are named backend_NAME.py.")
    if _given(arguments, "mine") and _given(arguments, "user") is not None:
        raise UsageError("--mine and --user cannot be had at once", "Choose one of them.")


def _given(arguments: Namespace, option: str) -> Any:
    return getattr(arguments, option, None)
