"""What can be said on the command line, and what is wrong with what was said."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from jobmon_tui import __version__
from jobmon_tui.cli.instants import instants_joined
from jobmon_tui.errors import UsageError
from jobmon_tui.tui.options import VIEWS

MOST_DEMO_NODES = 10_000
MOST_DEMO_JOBS = 50_000

_WATCH_EXAMPLES = """\
examples:
  jobmon                               this machine's Slurm cluster
  jobmon --mine                        only my own jobs, which asks less of Slurm
  jobmon --filter 'state:pending'      start with a filter
  jobmon --view queue --interval 30    open the queue, refresh every 30 seconds
  jobmon -M nt                         the cluster that the configuration calls nt
  jobmon --spool /var/spool/jobmon     what a collector recorded
  jobmon --url https://jobs.example.org/jobmon
  jobmon --demo --demo-nodes 2000      an invented cluster, to try things out
"""
_WALL_EXAMPLES = """\
examples:
  jobmon wall                          pages that take turns, for a display nobody touches
  jobmon wall --page-seconds 60        each page for a minute
  jobmon wall --demo                   how it looks, with an invented cluster
"""
_DOCTOR_EXAMPLES = """\
examples:
  jobmon doctor                        what is here, what works, what is missing
  jobmon doctor --offline              the same without asking Slurm anything
  jobmon doctor --backend mysite --backend-path ~/backends
"""
_CONFIG_EXAMPLES = """\
examples:
  jobmon config                        what is configured, and in which file
  jobmon config --check                everything that is wrong in those files
  jobmon config --defaults             every key that there is, as a file to begin with
  $EDITOR "$(jobmon config --path)"    change your own file
"""
_SERVE_EXAMPLES = """\
examples:
  jobmon serve                         the configured spool, at 127.0.0.1:8150
  jobmon serve --spool /var/spool/jobmon --listen 10.0.0.5:8150
  jobmon --url http://10.0.0.5:8150    how others look at it
"""
_COLLECT_EXAMPLES = """\
examples:
  jobmon collect --spool /var/spool/jobmon   a snapshot every 30 seconds, until it is told to stop
  jobmon collect --once --spool DIR          a single one; for cron
  jobmon collect --stdout                    print one, write nothing
  jobmon collect --systemd-unit              print a unit file for this installation
"""
_RECORD_EXAMPLES = """\
examples:
  jobmon record jobmon.jsonl.gz        a snapshot every few seconds until Ctrl-C
  jobmon record FILE --for 10m --anonymise
                                       ten minutes, for a ticket that strangers read
  jobmon record FILE --spool DIR --from 'yesterday 23:00' --for 2h
  jobmon replay FILE                   look at it again, anywhere
"""
_REPLAY_EXAMPLES = """\
examples:
  jobmon replay FILE                   what `jobmon record` wrote, or one snapshot
  jobmon replay /var/spool/jobmon      what a collector has left
"""
_REPORT_EXAMPLES = """\
examples:
  jobmon report                        the cluster as text
  jobmon report --format json          the same for scripts
  jobmon report --spool /var/spool/jobmon
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with what may have been meant, and leaves the exit to `main`."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"See: {self.prog} --help")


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Understand the command line. The namespace says in ``command`` which command it is.

    Raises:
        UsageError: It asks for something that does not exist or makes no sense.
        SystemExit: It asked for help or the version, which was printed.
    """
    argv = list(instants_joined(argv))
    parser, commands = _build(argv)
    _check_names(argv, [parser, *commands.values()])
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        chosen = commands.get(arguments.command, parser)
        raise UsageError(
            f"{chosen.prog} has no option {unknown[0]}",
            _meant(unknown[0], [chosen]) or f"See: {chosen.prog} --help",
        )
    if arguments.command is None:
        arguments.command = "watch"
    return arguments


def add_source_arguments(parser: argparse.ArgumentParser, default: object = None) -> None:
    """Add the options that say where snapshots come from.

    Args:
        parser: Takes the options.
        default: ``None``, or `argparse.SUPPRESS` for a command whose parent takes the same options: what
            stands before the command's name then holds unless it is said again behind it.
    """
    group = parser.add_argument_group("where the cluster comes from")

    def add(name: str, **settings: Any) -> None:
        group.add_argument(name, default=default, **settings)

    group.add_argument(
        "--demo",
        action="store_true",
        default=argparse.SUPPRESS if default is argparse.SUPPRESS else False,
        help="an invented cluster; the default where there is no Slurm",
    )
    add("--demo-nodes", type=_whole("nodes", 1, MOST_DEMO_NODES), metavar="N", help="its nodes (120)")
    add("--demo-jobs", type=_whole("jobs", 0, MOST_DEMO_JOBS), metavar="N", help="its jobs (1500)")
    add("--demo-seed", type=_whole("a seed", 0, 2**63), metavar="N", help="which invented cluster (1)")
    add("--backend", type=_some("a backend"), metavar="NAME", help="a site's backend; see `jobmon doctor`")
    add(
        "--backend-path",
        action="append",
        type=_some("a folder"),
        metavar="DIR",
        help="where to look for backend_NAME.py first; may be given again",
    )
    add("--spool", type=_some("a folder"), metavar="DIR", help="what a collector recorded in that folder")
    add("--url", type=_some("an address"), metavar="URL", help="what `jobmon serve` offers at that address")
    group.add_argument(
        "--live",
        action="store_true",
        default=argparse.SUPPRESS if default is argparse.SUPPRESS else False,
        help="ask Slurm itself, whatever spool or url is configured",
    )
    group.add_argument(
        "-M",
        "--cluster",
        default=default,
        type=_some("a cluster"),
        metavar="NAME",
        help="a cluster of the configuration: [clusters.NAME]",
    )
    add("--config", type=_some("a file"), metavar="FILE", help="a configuration file; see `jobmon config`")
    add("--user", type=_some("a user"), metavar="NAME", help="only this user's jobs")
    group.add_argument(
        "--mine",
        action="store_true",
        default=argparse.SUPPRESS if default is argparse.SUPPRESS else False,
        help="only your own jobs",
    )


def add_watch_arguments(parser: argparse.ArgumentParser, default: object = None) -> None:
    """Add the options that say how the app opens; ``default`` as in `add_source_arguments`."""
    group = parser.add_argument_group("how it opens")

    def add(name: str, **settings: Any) -> None:
        group.add_argument(name, default=default, **settings)

    add("--interval", type=_seconds, metavar="SECONDS", help="seconds between two refreshes")
    add("--filter", metavar="TEXT", help="start with this job filter, as typed after /")
    add("--view", choices=VIEWS, help="open this view: %(choices)s")
    add("--theme", type=_some("a theme"), metavar="NAME", help="colours: jobmon-dark, jobmon-light, ...")


def _build(argv: Sequence[str]) -> tuple[_Parser, dict[str, _Parser]]:
    parser = _parser(
        "jobmon", "What every job on a Slurm cluster does with what it asked for, live.", _WATCH_EXAMPLES
    )
    parser.add_argument("--version", action="version", version=f"jobmon {__version__}")
    add_source_arguments(parser)
    add_watch_arguments(parser)
    choices = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def add(name: str, help_line: str, description: str, examples: str) -> _Parser:
        command: _Parser = choices.add_parser(
            name,
            help=help_line,
            description=description,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            # A command may word an option that it shares with the others in its own way.
            conflict_handler="resolve",
        )
        add_source_arguments(command, argparse.SUPPRESS)
        commands[name] = command
        return command

    commands: dict[str, _Parser] = {}
    watch = add("watch", "the app (the default)", "Watch the cluster, full screen.", _WATCH_EXAMPLES)
    add_watch_arguments(watch, argparse.SUPPRESS)
    wall = add("wall", "a display nobody touches", "Show pages that take turns.", _WALL_EXAMPLES)
    add_watch_arguments(wall, argparse.SUPPRESS)
    wall.add_argument(
        "--page-seconds", type=_seconds, metavar="SECONDS", default=20.0, help="how long a page stays (20)"
    )
    report = add("report", "the cluster as text or JSON", "Print the cluster once.", _REPORT_EXAMPLES)
    if "report" in argv:
        from jobmon_tui.cli.report import add_arguments as add_report_arguments

        add_report_arguments(report)
    serve = add("serve", "offer snapshots over HTTP", "Offer snapshots, read-only.", _SERVE_EXAMPLES)
    serve.add_argument("--listen", type=_listen, metavar="ADDRESS:PORT", help="where (127.0.0.1:8150)")
    collect = add(
        "collect",
        "snapshots for everyone, as a service",
        "Record the cluster for everyone.",
        _COLLECT_EXAMPLES,
    )
    if "collect" in argv:
        from jobmon_tui.cli.collect import add_arguments as add_collect_arguments

        add_collect_arguments(collect)
    record = add("record", "snapshots into a file, for a ticket", "Record snapshots.", _RECORD_EXAMPLES)
    if "record" in argv:
        from jobmon_tui.cli.record import add_arguments as add_record_arguments

        add_record_arguments(record)
    replay = add("replay", "look at what was recorded", "Show what was recorded.", _REPLAY_EXAMPLES)
    replay.add_argument("place", type=_some("a file"), metavar="FILE|FOLDER", help="what was recorded")
    add_watch_arguments(replay, argparse.SUPPRESS)
    if "replay" in argv:
        from jobmon_tui.cli.replay import OTHER_SOURCES

        for action in replay._actions:
            if action.dest in OTHER_SOURCES:
                # Understood, so that it can be told why it makes no sense, but not offered.
                action.help = argparse.SUPPRESS
    doctor = add("doctor", "what works here and what is missing", "Look what jobmon finds.", _DOCTOR_EXAMPLES)
    config = add("config", "what is configured, what can be", "Look at the configuration.", _CONFIG_EXAMPLES)
    if "config" in argv:
        from jobmon_tui.cli.config import add_arguments as add_config_arguments

        add_config_arguments(config)
    doctor.add_argument("--offline", action="store_true", help="look only, ask no outside system")
    return parser, commands


def _parser(prog: str, description: str, examples: str) -> _Parser:
    return _Parser(
        prog=prog,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _check_names(argv: Sequence[str], parsers: Sequence[argparse.ArgumentParser]) -> None:
    """Find an option that no command has. The parser itself would take its value for a command's name.

    Raises:
        UsageError: There is one.
    """
    known = _option_names(parsers)
    for word in argv:
        if word == "--":
            return
        name = word.partition("=")[0]
        if word.startswith("--") and name not in known:
            raise UsageError(f"there is no option {name}", _meant(name, parsers) or "See: jobmon --help")


def _option_names(parsers: Sequence[argparse.ArgumentParser]) -> set[str]:
    return {option for parser in parsers for action in parser._actions for option in action.option_strings}


def _meant(unknown: str, parsers: Sequence[argparse.ArgumentParser]) -> str:
    """A guess at what an unknown option was meant to be; empty without one."""
    import difflib

    close = difflib.get_close_matches(
        unknown.partition("=")[0], sorted(_option_names(parsers)), n=1, cutoff=0.75
    )
    return f"Did you mean {close[0]}?" if close else ""


def _whole(what: str, least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"not a whole number: {text!r}") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be from {least} to {most} ({what}), not {value}")
        return value

    return read


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text!r}") from None
    if not (math.isfinite(value) and 0.5 <= value <= 86_400):
        raise argparse.ArgumentTypeError(f"must be from 0.5 seconds to a day (86400), not {text}")
    return value


def _listen(text: str) -> str:
    from jobmon_tui.config_rules import Listen

    complaint = Listen().complaint(text)
    if complaint:
        raise argparse.ArgumentTypeError(f"{complaint}, not {text!r}")
    return text


def _some(what: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text.strip():
            raise argparse.ArgumentTypeError(f"names nothing; it takes {what}")
        return text

    return read
