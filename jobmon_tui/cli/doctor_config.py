"""What ``jobmon doctor`` finds about the configuration and the files that it names."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from jobmon_tui.cli.doctor import FAILED, MISSING, OK, WARNING, Finding
from jobmon_tui.cli.settings import check_settings
from jobmon_tui.config import Config, ConfigError, Setting
from jobmon_tui.config_text import value_text

_LONGEST_VALUE = 100


def configuration(config: Config) -> Iterator[Finding]:
    """The files that were looked for, every value that is not its default, and what is wrong with them."""
    for file in reversed(config.sources.files):
        if file.is_there:
            yield _config_file(f"{file.level} file", file.path)
        else:
            yield Finding(f"{file.level} file", f"{file.path} (not there)")
    for key, setting in config.sources.values.items():
        yield Finding(key, f"{_value(key, setting)}  ({setting.place})")
    for key, setting in config.sources.values.items():
        if key.endswith("_file") and isinstance(setting.value, Path):
            yield _secret_file(key, setting.value)
    yield from map(_wrong, check_settings(config))


def broken_configuration(error: ConfigError) -> Iterator[Finding]:
    """Everything that keeps the configuration from being used."""
    yield from map(_wrong, (error, *error.others))


def _wrong(error: ConfigError) -> Finding:
    return Finding("wrong", error.message, FAILED, error.hint)


def _config_file(what: str, path: Path) -> Finding:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return Finding(what, f"{path}: {error.strerror}", FAILED)
    if mode & stat.S_IWOTH:
        # Whoever may name a backend in it has jobmon run any code.
        hint = f"Whoever changes it decides what jobmon runs: chmod o-w {path}"
        return Finding(what, f"{path}: anybody may write to it", WARNING, hint)
    return Finding(what, str(path), OK)


def _secret_file(what: str, path: Path) -> Finding:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return Finding(what, f"{path} is not there", MISSING, "Write the secret into it, alone on one line.")
    except OSError as error:
        return Finding(what, f"{path}: {error.strerror}", FAILED)
    if not stat.S_ISREG(mode):
        return Finding(what, f"{path} is no file", FAILED)
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        return Finding(what, f"{path}: anybody may read it", WARNING, f"chmod o-rwx {path}")
    return Finding(what, f"{path}: kept from others", OK)


def _value(key: str, setting: Setting) -> str:
    if key.endswith("backend.options") and isinstance(setting.value, Mapping):
        # What doctor prints is sent to others, and a site's options may be secrets.
        return f"{{ {', '.join(setting.value)} }}"
    text = value_text("" if setting.value is None else setting.value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
