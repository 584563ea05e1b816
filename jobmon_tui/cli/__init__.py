"""The command line: ``jobmon``, ``jobmon wall``, ``jobmon report``, ``jobmon doctor``, ``jobmon config``.

Each command is imported when it is asked for, so that ``jobmon --help`` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Whatever happens, the user gets words and never a traceback.

    Args:
        argv: The arguments after the program's name; by default the process's own.

    Returns:
        The exit status: 0 done, 1 failed, 2 asked wrongly, 70 a fault of jobmon's, 130 interrupted.
    """
    from jobmon_tui.cli import failures

    try:
        status = _run(sys.argv[1:] if argv is None else list(argv))
        failures.flush_output()
    except BaseException as error:
        return failures.report_failure(error)
    return status


def _run(argv: Sequence[str]) -> int:
    from jobmon_tui.cli.arguments import parse_arguments

    arguments = parse_arguments(argv)
    from jobmon_tui.cli import failures

    failures.relax_encoding()
    if arguments.command == "config" or (arguments.command == "doctor" and arguments.offline):
        # Has to answer at once, and loads nothing that logs: the log is left out.
        return _command(arguments)
    with failures.logged_to_file():
        return _command(arguments)


def _command(arguments: Namespace) -> int:
    if arguments.command == "doctor":
        from jobmon_tui.cli import doctor

        return doctor.run(arguments)
    if arguments.command == "report":
        from jobmon_tui.cli import report

        return report.run(arguments)
    if arguments.command == "record":
        from jobmon_tui.cli import record

        return record.run(arguments)
    if arguments.command == "replay":
        from jobmon_tui.cli import replay

        return replay.run(arguments)
    if arguments.command == "config":
        from jobmon_tui.cli import config

        return config.run(arguments)
    from jobmon_tui.cli import watch

    return watch.run(arguments)
