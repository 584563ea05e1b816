"""From the options that say where the cluster comes from to the feed that brings it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobmon_tui.cli.settings import DEFAULTS, setting_error
from jobmon_tui.config import Config
from jobmon_tui.errors import UsageError

if TYPE_CHECKING:
    from jobmon_tui.config_sections import SlurmSettings
    from jobmon_tui.feeds.base import Feed
    from jobmon_tui.sources.slurm.answer import SlurmSource

ASKING_SLURM = {"slurm": "source", "measured": "slurm", "ozstar": "slurm"}
"""Our backends that ask Slurm, and the argument by which they are told how."""
SECTIONS = ("ganglia", "influxdb", "prometheus", "nodes")
"""Sections of the configuration that are offered to every backend, as arguments of the same names."""
DEMO_NOTICE = "No Slurm on this machine: this is the built-in demo cluster"


def choose_feed(
    arguments: Namespace, config: Config = DEFAULTS, *, watching: bool = False
) -> tuple[Feed, str]:
    """The feed that is asked for, not opened yet, and what to tell the user about the choice.

    Args:
        arguments: The command line.
        config: What holds where the command line says nothing.
        watching: Whether somebody goes on looking: a spool is then followed, and what a live feed brings is
            kept on the user's disk.

    Raises:
        UsageError: The options contradict each other, or name something that does not exist.
        PluginError: The site's backend cannot be loaded.
    """
    _check(arguments, config)
    spool = _given(arguments, "spool")
    if spool is not None:
        return _spool(Path(spool), following=watching), ""
    from jobmon_tui.backends.loading import load_backend
    from jobmon_tui.feeds.live import LiveFeed

    name, notice = choose_backend(arguments, config)
    options = backend_options(name, config)
    if name == "demo":
        options |= demo_options(arguments)
    folders = backend_paths(arguments, config)
    sections = {section: getattr(config, section) for section in SECTIONS}
    feed = LiveFeed(load_backend(name, folders=folders, options=options, offered=sections))
    # The demo knows its past by itself.
    return _remembered(feed, name, config) if watching and name != "demo" else feed, notice


def choose_backend(arguments: Namespace, config: Config = DEFAULTS) -> tuple[str, str]:
    """The name of the backend that is asked for, and what to tell the user about the choice."""
    name = _given(arguments, "backend")
    if name is not None:
        return str(name), ""
    if _given(arguments, "demo") or demo_options(arguments):
        return "demo", ""
    if config.backend.name is not None:
        return config.backend.name, ""
    from jobmon_tui.sources.slurm.choose import slurm_is_here

    if not slurm_is_here():
        return "demo", DEMO_NOTICE
    return ("measured" if _is_measured(config) else "slurm"), ""


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


def backend_options(name: str, config: Config) -> dict[str, object]:
    """What the configuration has for the constructor of the backend of that name, besides its sections.

    Raises:
        UsageError: Slurm cannot be asked as configured.
    """
    own = config.backend.options if name == config.backend.name else {}
    options: dict[str, object] = {}
    if name in ASKING_SLURM and config.slurm != DEFAULTS.slurm:
        options[ASKING_SLURM[name]] = _slurm_source(config.slurm)
    return options | dict(own)


def _is_measured(config: Config) -> bool:
    """Whether anything is configured that Slurm alone does not tell."""
    measuring = config.ganglia.addresses or config.influxdb.url or config.prometheus.url
    return bool(measuring) or config.nodes != DEFAULTS.nodes


def _slurm_source(settings: SlurmSettings) -> SlurmSource:
    """Slurm, asked as the configuration says."""
    from jobmon_tui.sources.slurm.choose import ChosenSlurm, has_commands, has_pyslurm
    from jobmon_tui.sources.slurm.commands import SlurmCommands

    commands = SlurmCommands(timeout=settings.timeout) if has_commands() else None
    if settings.prefer == "commands":
        return ChosenSlurm(None, commands)
    if not has_pyslurm():
        if settings.prefer == "pyslurm":
            raise UsageError("slurm.prefer is pyslurm, which is not installed", "See: jobmon doctor")
        return ChosenSlurm(None, commands)
    from jobmon_tui.sources.slurm.pyslurm_layouts import CommandLayouts
    from jobmon_tui.sources.slurm.pyslurm_source import PyslurmSource

    pyslurm = PyslurmSource(layouts=CommandLayouts() if commands is not None else None)
    return ChosenSlurm(pyslurm, None if settings.prefer == "pyslurm" else commands)


def backend_paths(arguments: Namespace, config: Config = DEFAULTS) -> tuple[Path, ...]:
    """The folders named by ``--backend-path``, in their order, then those of the configuration.

    Raises:
        UsageError: One of them is not a folder.
    """
    folders = tuple(Path(folder).expanduser() for folder in _given(arguments, "backend_path") or ())
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"--backend-path: there is no folder {folder}")
    for folder in config.backend.path:
        if not folder.is_dir():
            raise setting_error(config, "backend.path", f"names no folder: {folder}")
    return (*folders, *config.backend.path)


def demo_options(arguments: Namespace) -> dict[str, object]:
    """What was asked of the demo cluster, as its constructor's keyword arguments."""
    asked = {option: _given(arguments, f"demo_{option}") for option in ("nodes", "jobs", "seed")}
    return {option: value for option, value in asked.items() if value is not None}


def _spool(place: Path, *, following: bool) -> Feed:
    from jobmon_tui.feeds.spool import SpoolFeed

    place = place.expanduser()
    if not place.exists():
        raise UsageError(
            f"--spool: there is no folder {place}", "Name the folder that a collector writes to."
        )
    return SpoolFeed(place, following=following)


def _remembered(feed: Feed, backend: str, config: Config) -> Feed:
    """A live feed that keeps what it brings, if the user has not said otherwise."""
    from jobmon_tui.feeds.remembered import RememberedFeed
    from jobmon_tui.paths import user_cache_folder

    settings = config.history
    if not settings.on:
        return feed
    return RememberedFeed(
        feed,
        user_cache_folder() / "history",
        backend,
        keep=settings.keep * 3600,
        most_bytes=settings.most_bytes,
    )


def _check(arguments: Namespace, config: Config) -> None:
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
    if _given(arguments, "backend_path") and backend is None and config.backend.name is None:
        raise UsageError("--backend-path needs --backend NAME", "Files there are named backend_NAME.py.")
    if _given(arguments, "mine") and _given(arguments, "user") is not None:
        raise UsageError("--mine and --user cannot be had at once", "Choose one of them.")


def _given(arguments: Namespace, option: str) -> Any:
    return getattr(arguments, option, None)
