"""``jobmon config``: what is configured, what can be, and whether it is right."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from jobmon_tui.cli.settings import check_settings, load_settings
from jobmon_tui.config import Config, ConfigError
from jobmon_tui.model.text import printable

WRONG = 2
"""The exit status when a file cannot be used."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options that say what is wanted."""
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument(
        "--defaults", action="store_true", help="print a file with every key, its meaning and its default"
    )
    wanted.add_argument("--path", action="store_true", help="print where your own file is, or would be")
    wanted.add_argument("--check", action="store_true", help="list everything that is wrong in the files")


def run(arguments: Namespace) -> int:
    """Print what is wanted: by default what is configured, and where.

    Returns:
        0, or `WRONG` when the check found something.

    Raises:
        ConfigError: A file cannot be used.
    """
    if arguments.defaults:
        from jobmon_tui.config_defaults import default_config

        print(default_config(), end="")
        return 0
    if arguments.path:
        from jobmon_tui.config import FILE
        from jobmon_tui.paths import user_config_folder

        print(user_config_folder() / FILE)
        return 0
    if arguments.check:
        return _check(arguments)
    _show(load_settings(arguments))
    return 0


def _check(arguments: Namespace) -> int:
    errors: list[ConfigError]
    try:
        config = load_settings(arguments)
        errors = list(check_settings(config))
        for name in config.clusters:
            said = {error.message for error in errors}
            own = check_settings(config.of_cluster(name))
            # What a cluster takes over from the top has been told.
            errors.extend(error for error in own if error.message not in said)
    except ConfigError as error:
        errors = [error, *error.others]
    else:
        if not errors:
            print(f"Nothing is wrong. {_files_read(config)}")
    for wrong in errors:
        print(f"jobmon: {printable(wrong.message)}", file=sys.stderr)
        if wrong.hint:
            print(f"        {printable(wrong.hint)}", file=sys.stderr)
    return WRONG if errors else 0


def _files_read(config: Config) -> str:
    read = [printable(file.path) for file in config.sources.files if file.is_there]
    return f"Read: {', '.join(read)}." if read else "There is no file; everything has its default."


def _show(config: Config) -> None:
    """What the files set, as one file that sets the same."""
    from jobmon_tui.config_text import value_text

    print("# Files, the highest rank first:")
    for file in reversed(config.sources.files):
        print(f"#   {printable(file.path)}{'' if file.is_there else ' (not there)'}")
    if not config.sources.values:
        print("# Nothing is set; every key has its default: jobmon config --defaults.")
    for key, setting in config.sources.values.items():
        value = value_text("" if setting.value is None else setting.value)
        print(f"\n# {printable(setting.place)}\n{key} = {value}")
