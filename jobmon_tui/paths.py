"""Where jobmon's own files live, by the conventions of the platform (XDG on Linux)."""

from __future__ import annotations

from pathlib import Path

APPLICATION = "jobmon"
SITE_FOLDER = Path("/etc/jobmon")
"""What an administrator sets up for everyone on the machine."""


def user_config_folder() -> Path:
    """The user's own configuration: ``~/.config/jobmon``, or what XDG_CONFIG_HOME says."""
    from platformdirs import user_config_path

    return user_config_path(APPLICATION)


def user_state_folder() -> Path:
    """What jobmon remembers between runs: ``~/.local/state/jobmon``, or what XDG_STATE_HOME says."""
    from platformdirs import user_state_path

    return user_state_path(APPLICATION)


def user_cache_folder() -> Path:
    """What jobmon can do without: ``~/.cache/jobmon``, or what XDG_CACHE_HOME says."""
    from platformdirs import user_cache_path

    return user_cache_path(APPLICATION)


def backend_folders() -> tuple[Path, ...]:
    """The folders in which ``backend_<name>.py`` files are looked for, the user's own first."""
    return (user_config_folder() / "backends", SITE_FOLDER / "backends")
