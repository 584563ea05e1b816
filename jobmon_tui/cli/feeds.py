"""From the options that say where the cluster comes from to the feed that brings it."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobmon_tui.cli.settings import DEFAULTS, setting_error
from jobmon_tui.config import Config
from jobmon_tui.errors import UsageError

if TYPE_CHECKING:
    from jobmon_tui.config_feeds import FeedSettings
    from jobmon_tui.feeds.base import Feed
    from jobmon_tui.feeds.candidate import Choice
    from jobmon_tui.feeds.live import LiveFeed
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
    check_choice(arguments, config)
    spool, url = _given(arguments, "spool"), _given(arguments, "url")
    if spool is not None:
        is_replay = _given(arguments, "command") == "replay"
        return _recorded(Path(spool), following=watching and not is_replay), ""
    if url is not None:
        return http_feed(str(url), _without_secrets(config.feed, str(url))), ""
    if not has_choice(arguments, config):
        feed, notice = live_feed(arguments, config)
        name = choose_backend(arguments, config)[0]
        return (_remembered(feed, name, config) if watching else feed), notice
    from jobmon_tui.feeds.fallback import FallbackFeed

    return FallbackFeed(feed_choices(arguments, config)), ""


def has_choice(arguments: Namespace, config: Config = DEFAULTS) -> bool:
    """Whether a spool or a server is configured, and nothing else is asked for."""
    named = ("spool", "url", "live", "backend", "demo")
    if any(_given(arguments, option) for option in named) or demo_options(arguments):
        return False
    return config.feed.spool is not None or config.feed.url is not None


def feed_choices(arguments: Namespace, config: Config) -> list[Choice]:
    """The feeds that are configured, the preferred one first; none of them is made yet.

    Raises:
        UsageError: There is none.
    """
    from jobmon_tui.feeds.candidate import Choice
    from jobmon_tui.feeds.spool import SpoolFeed
    from jobmon_tui.sources.slurm.choose import slurm_is_here

    settings = config.feed
    choices = []
    for way in dict.fromkeys(settings.prefer):
        if way == "spool" and settings.spool is not None:
            make: Callable[[], Feed] = partial(SpoolFeed, settings.spool)
            choices.append(
                Choice(name=f"spool {settings.spool}", make=make, stale_after=settings.stale_after, way=way)
            )
        elif way == "url" and settings.url is not None:
            made = http_feed(settings.url, settings)
            choices.append(
                Choice(
                    name=made.title, make=partial(_itself, made), stale_after=settings.stale_after, way=way
                )
            )
        # Without Slurm there would be the demo, which nobody must take for their cluster.
        elif way == "live" and (config.backend.name is not None or slurm_is_here()):
            name = choose_backend(arguments, config)[0]
            choices.append(Choice(name=name, make=lambda: live_feed(arguments, config)[0], way=way))
    if not choices:
        raise setting_error(config, "feed.prefer", "leaves nothing to be shown", "Add spool, url or live.")
    return choices


def http_feed(url: str, settings: FeedSettings) -> Feed:
    """The feed of a web service, not opened.

    Raises:
        UsageError: The address is none.
    """
    from jobmon_tui.feeds.http import HttpFeed
    from jobmon_tui.feeds.http_client import HttpOptions
    from jobmon_tui.sources.secrets import SecretPlace

    return HttpFeed(
        HttpOptions(
            url=url,
            user=settings.user or "",
            password=SecretPlace(file=settings.password_file, variable=settings.password_variable),
            token=SecretPlace(file=settings.token_file, variable=settings.token_variable),
            ca_file=settings.ca_file,
            timeout=settings.timeout,
        )
    )


def _without_secrets(settings: FeedSettings, url: str) -> FeedSettings:
    """The settings for another address than the configured one, which gets no secret that is not its own."""
    from dataclasses import replace
    from urllib.parse import urlsplit

    with suppress(ValueError):
        if settings.url is None or urlsplit(url)[:2] == urlsplit(settings.url)[:2]:
            return settings
    return replace(
        settings, token_file=None, token_variable="", user=None, password_file=None, password_variable=""
    )


def source_name(feed: Feed, arguments: Namespace, config: Config) -> str:
    """How the snapshots came here, for scripts: ``spool``, ``http`` or the backend's name."""
    from jobmon_tui.feeds.fallback import FallbackFeed
    from jobmon_tui.feeds.http import HttpFeed

    way = feed.way if isinstance(feed, FallbackFeed) else ""
    if way == "url" or isinstance(feed, HttpFeed):
        return "http"
    if way == "spool" or feed.kind == "recorded":
        return "spool"
    return choose_backend(arguments, config)[0]


def _itself(feed: Feed) -> Feed:
    return feed


def live_feed(arguments: Namespace, config: Config = DEFAULTS) -> tuple[LiveFeed, str]:
    """The backend that is asked for, as a feed that is not opened yet, and what to tell of the choice.

    Raises:
        UsageError: The options name something that does not exist.
        PluginError: The site's backend cannot be loaded.
    """
    from jobmon_tui.backends.loading import load_backend
    from jobmon_tui.feeds.live import LiveFeed

    name, notice = choose_backend(arguments, config)
    options = backend_options(name, config)
    if name == "demo":
        options |= demo_options(arguments)
    folders = backend_paths(arguments, config)
    sections = {section: getattr(config, section) for section in SECTIONS}
    return LiveFeed(load_backend(name, folders=folders, options=options, offered=sections)), notice


def choose_backend(arguments: Namespace, config: Config = DEFAULTS) -> tuple[str, str]:
    """The name of the backend that is asked for, and what to tell the user about the choice.

    Raises:
        UsageError: A cluster was named, and nothing here can ask it.
    """
    name = _given(arguments, "backend")
    if name is not None:
        return str(name), ""
    if _given(arguments, "demo") or demo_options(arguments):
        return "demo", ""
    if config.backend.name is not None:
        return config.backend.name, ""
    from jobmon_tui.sources.slurm.choose import slurm_is_here

    if not slurm_is_here():
        if config.cluster is not None:
            # Nobody must take an invented cluster for the one that they named.
            raise UsageError(
                f"cluster {config.cluster} cannot be asked: there is no Slurm on this machine",
                "Name a backend, or feed.spool or feed.url, in its table of the configuration.",
            )
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
        options[ASKING_SLURM[name]] = _slurm_source(config)
        if not config.slurm.own_use:
            options["own_use"] = False
    return options | dict(own)


def _is_measured(config: Config) -> bool:
    """Whether anything is configured that Slurm alone does not tell."""
    measuring = config.ganglia.addresses or config.influxdb.url or config.prometheus.url
    return bool(measuring) or config.nodes != DEFAULTS.nodes


def _slurm_source(config: Config) -> SlurmSource:
    """Slurm, asked as the configuration says."""
    from jobmon_tui.sources.slurm.choose import ChosenSlurm, has_commands, has_pyslurm
    from jobmon_tui.sources.slurm.commands import SlurmCommands

    settings = config.slurm
    if settings.conf is not None and not os.access(settings.conf, os.R_OK):
        raise setting_error(config, "slurm.conf", f"names no file that can be read: {settings.conf}")
    environment = slurm_surroundings(config)
    commands = SlurmCommands(environment, timeout=settings.timeout) if has_commands() else None
    if settings.prefer == "commands":
        return ChosenSlurm(None, commands)
    if settings.cluster is not None:
        if settings.prefer == "pyslurm":
            raise setting_error(
                config,
                "slurm.cluster",
                "cannot be asked by pyslurm",
                'Set slurm.prefer to "commands" or "auto".',
            )
        return ChosenSlurm(None, commands)
    if not has_pyslurm():
        if settings.prefer == "pyslurm":
            raise UsageError("slurm.prefer is pyslurm, which is not installed", "See: jobmon doctor")
        return ChosenSlurm(None, commands)
    from jobmon_tui.sources.slurm.pyslurm_layouts import CommandLayouts
    from jobmon_tui.sources.slurm.pyslurm_process import PyslurmProcess
    from jobmon_tui.sources.slurm.pyslurm_source import PyslurmSource

    pyslurm = PyslurmSource(
        layouts=CommandLayouts(environment) if commands is not None else None,
        reader=PyslurmProcess(environment=environment),
    )
    return ChosenSlurm(pyslurm, None if settings.prefer == "pyslurm" else commands)


def slurm_surroundings(config: Config) -> dict[str, str] | None:
    """The environment in which Slurm is asked for the configured cluster; ``None``: the process's own."""
    conf, cluster = config.slurm.conf, config.slurm.cluster
    if conf is None and cluster is None:
        return None
    # Whatever the user's own commands ask is another cluster than this one.
    environment = {name: value for name, value in os.environ.items() if name != "SLURM_CLUSTERS"}
    if conf is not None:
        environment["SLURM_CONF"] = str(conf)
    if cluster is not None:
        environment["SLURM_CLUSTERS"] = cluster
    return environment


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


def _recorded(place: Path, *, following: bool) -> Feed:
    from jobmon_tui.feeds.recording import recorded_feed

    place = place.expanduser()
    if not place.exists():
        raise UsageError(
            f"--spool: there is no folder {place}", "Name the folder that a collector writes to."
        )
    return recorded_feed(place, following=following)


def _remembered(feed: LiveFeed, backend: str, config: Config) -> Feed:
    """A live feed that keeps what it brings, if the user has not said otherwise. The demo knows its past."""
    from jobmon_tui.feeds.remembered import RememberedFeed
    from jobmon_tui.paths import user_cache_folder

    settings = config.history
    if not settings.on or feed.kind == "demo":
        return feed
    return RememberedFeed(
        feed,
        user_cache_folder() / "history",
        backend,
        keep=settings.keep * 3600,
        most_bytes=settings.most_bytes,
    )


def check_choice(arguments: Namespace, config: Config) -> None:
    """Refuse options that contradict each other.

    Raises:
        UsageError: They do.
    """
    backend = _given(arguments, "backend")
    wants_demo = _given(arguments, "demo") or demo_options(arguments)
    named = [
        option
        for option, given in (
            ("--spool", _given(arguments, "spool") is not None),
            ("--url", _given(arguments, "url") is not None),
            ("--backend", backend is not None and not (backend == "demo" and wants_demo)),
            ("--demo", bool(wants_demo)),
        )
        if given
    ]
    if _given(arguments, "live") and named[:1] in (["--spool"], ["--url"]):
        named.append("--live")
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} cannot be had at once", "Choose one of them.")
    if _given(arguments, "backend_path") and backend is None and config.backend.name is None:
        raise UsageError("--backend-path needs --backend NAME", "Files there are named backend_NAME.py.")
    if _given(arguments, "mine") and _given(arguments, "user") is not None:
        raise UsageError("--mine and --user cannot be had at once", "Choose one of them.")


def _given(arguments: Namespace, option: str) -> Any:
    return getattr(arguments, option, None)
