"""The configuration: what an administrator sets for a site, and a user for themselves.

There is one TOML file at each level. What a higher one sets outranks the same key of a lower one, key by key;
a list or a table of names of your own is replaced as a whole. From the highest:

1. options on the command line (see `jobmon_tui.cli`);
2. the file named by ``--config``, else by the variable ``JOBMON_CONFIG``;
3. the user's own: ``~/.config/jobmon/config.toml``, or where XDG_CONFIG_HOME says;
4. the site's: ``/etc/jobmon/config.toml``;
5. the defaults, in `jobmon_tui.config_sections`.

Nothing else is read from anywhere: no secret stands in these files, only the paths of files that hold one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from jobmon_tui.config_file import ConfigError, read_document
from jobmon_tui.config_lines import KeyPath
from jobmon_tui.config_measuring import NOTHING
from jobmon_tui.config_reading import CLUSTERS, Level, Place, Setting, read_settings
from jobmon_tui.config_sections import Settings
from jobmon_tui.config_text import key_text
from jobmon_tui.config_values import keys_of

__all__ = ["Config", "ConfigError", "ConfigFile", "Place", "Setting", "Settings", "Sources", "load_config"]

FILE = "config.toml"
VARIABLE = "JOBMON_CONFIG"
OF_ONE_CLUSTER = frozenset(
    (("feed", "spool"), ("feed", "url"), ("collect", "spool"), ("collect", "lock_file"))
)
"""Keys that further clusters do not take over: there are the snapshots of one cluster and of no other."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file in which configuration is looked for."""

    level: Level
    """``named``: by ``--config`` or the variable; it must exist."""
    path: Path
    is_there: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a configuration came from."""

    files: tuple[ConfigFile, ...] = ()
    """All that were looked for, the highest rank last."""
    values: Mapping[str, Setting] = field(default_factory=lambda: NOTHING)
    """Each key that was set (``watch.interval``), to what and where; what is absent has its default."""


@dataclass(frozen=True, kw_only=True)
class Config(Settings):
    """The whole configuration."""

    clusters: Mapping[str, Settings] = field(default_factory=lambda: NOTHING)
    """Further clusters by name; what a cluster does not set is as at the top."""
    cluster: str | None = None
    """The further cluster whose settings these are; ``None``: those at the top."""
    sources: Sources = Sources()

    def of_cluster(self, name: str) -> Config:
        """The configuration that holds for one of the further clusters.

        Raises:
            KeyError: There is none of that name.
        """
        settings = self.clusters[name]
        prefix = f"{key_text((CLUSTERS, name))}."
        own: dict[KeyPath, Setting] = {}
        shared: dict[KeyPath, Setting] = {}
        for key, setting in self.sources.values.items():
            if key.startswith(prefix):
                own[tuple(key.removeprefix(prefix).split("."))] = setting
            elif (path := tuple(key.split("."))) not in OF_ONE_CLUSTER:
                shared[path] = setting
        values = {".".join(path): setting for path, setting in _laid_over(shared, own).items()}
        return replace(
            self,
            **{one.name: getattr(settings, one.name) for one in fields(Settings)},
            cluster=name,
            sources=replace(self.sources, values=values),
        )


def config_files(
    environment: Mapping[str, str], user_folder: Path, site_folder: Path, override: Path | None = None
) -> tuple[ConfigFile, ...]:
    """The files that make up the configuration, the highest rank last; looks at none of them."""
    files = [ConfigFile("site", site_folder / FILE), ConfigFile("user", user_folder / FILE)]
    named = override if override is not None else environment.get(VARIABLE)
    if named:
        files.append(ConfigFile("named", _expanded(Path(named))))
    return tuple(files)


def load_config(
    environment: Mapping[str, str], user_folder: Path, site_folder: Path, override: Path | None = None
) -> Config:
    """Read all files and put them together.

    Args:
        environment: The process's environment, for ``JOBMON_CONFIG``.
        user_folder: The folder of the user's own file.
        site_folder: The folder of the site's file.
        override: A file named on the command line, which takes the place of that variable's.

    Raises:
        ConfigError: A file cannot be read, has a key that does not exist, or a value that makes no sense.
            What else is wrong is in the error's ``others``.
    """
    files: list[ConfigFile] = []
    levels: list[dict[KeyPath, Setting]] = []
    errors: list[ConfigError] = []
    for file in config_files(environment, user_folder, site_folder, override):
        try:
            document = read_document(file.path, must_exist=file.level == "named")
        except ConfigError as error:
            errors.append(error)
            continue
        files.append(ConfigFile(file.level, file.path, document is not None))
        if document is not None:
            settings, wrong = read_settings(document, file.level)
            levels.append(settings)
            errors.extend(wrong)
    if errors:
        raise ConfigError(errors[0].message, errors[0].hint, tuple(errors[1:]))
    return _config(_merged(levels), tuple(files))


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def _merged(levels: list[dict[KeyPath, Setting]]) -> dict[KeyPath, Setting]:
    merged: dict[KeyPath, Setting] = {}
    for level in levels:
        merged = _laid_over(merged, level)
    return merged


def _laid_over(lower: Mapping[KeyPath, Setting], higher: Mapping[KeyPath, Setting]) -> dict[KeyPath, Setting]:
    kept = dict(lower)
    for path, setting in higher.items():
        if path[-2:] == ("backend", "name"):
            named_before = lower[path].value if path in lower else None
            if named_before != setting.value:
                # Options are meant for the backend that was named beside them.
                kept.pop((*path[:-1], "options"), None)
    return kept | dict(higher)


def _config(settings: Mapping[KeyPath, Setting], files: tuple[ConfigFile, ...]) -> Config:
    top = {path: setting for path, setting in settings.items() if path[0] != CLUSTERS}
    clusters: dict[str, dict[KeyPath, Setting]] = {}
    for path, setting in settings.items():
        if path[0] == CLUSTERS:
            clusters.setdefault(path[1], {})[path[2:]] = setting
    whole = _section(Settings, top)
    shared = {path: setting for path, setting in top.items() if path not in OF_ONE_CLUSTER}
    return Config(
        **{one.name: getattr(whole, one.name) for one in fields(Settings)},
        clusters={name: _section(Settings, _laid_over(shared, own)) for name, own in clusters.items()},
        sources=Sources(
            files,
            # A cluster's own table is no key.
            {
                key_text(path): setting
                for path, setting in settings.items()
                if path[0] != CLUSTERS or len(path) > 2
            },
        ),
    )


def _section(kind: type, settings: Mapping[KeyPath, Setting], above: KeyPath = ()) -> Any:
    values: dict[str, Any] = {}
    for name, key in keys_of(kind).items():
        path = (*above, name)
        if key.section is not None:
            values[name] = _section(key.section, settings, path)
        elif path in settings:
            values[name] = settings[path].value
    return kind(**values)
