"""``jobmon doctor``: what is here, what works, what is missing and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from jobmon_tui import __version__, paths
from jobmon_tui.cli.feeds import backend_paths, choose_backend, choose_feed, has_choice
from jobmon_tui.cli.settings import DEFAULTS, load_settings
from jobmon_tui.config import Config, ConfigError
from jobmon_tui.errors import JobmonError
from jobmon_tui.model.text import printable

if TYPE_CHECKING:
    from jobmon_tui.model.snapshot import Snapshot, SourceStatus

OK = "ok"
MISSING = "missing"
FAILED = "failed"
WARNING = "warning"

_PATIENCE = 10.0
"""Seconds after which a program that does not answer is left alone."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of what was found."""

    what: str
    found: str
    mark: str = ""
    """`OK`, `MISSING`, `FAILED` or `WARNING`; empty for what is neither good nor bad."""
    hint: str = ""
    """What to do about it."""


def run(arguments: Namespace) -> int:
    """Look, and print what was found.

    Returns:
        0 when jobmon can show a cluster, 1 otherwise.
    """
    from jobmon_tui.cli.doctor_config import broken_configuration, configuration

    _print("jobmon", versions())
    _print("Terminal", terminal())
    config: Config | None = None
    try:
        config = load_settings(arguments)
    except ConfigError as error:
        _print("Configuration", broken_configuration(error))
    else:
        _print("Configuration", configuration(config))
    _print("Folders", folders(arguments, config or DEFAULTS))
    _print("Backends", backends(arguments, config or DEFAULTS))
    _print("Slurm", slurm(ask=not arguments.offline))
    if config is None:
        _print("Cluster", [Finding("jobmon shows", "nothing: its configuration is wrong", FAILED)])
        return 1
    spool = config.collect.spool if arguments.spool is None else Path(arguments.spool).expanduser()
    if spool is not None:
        from jobmon_tui.cli.doctor_collector import collector

        _print("Collector", collector(spool, config.collect.lock_file))
    cluster, works = look_at_cluster(arguments, config)
    _print("Cluster", cluster)
    return 0 if works else 1


def versions() -> Iterator[Finding]:
    """jobmon and what it is built on."""
    yield Finding("jobmon", __version__, OK)
    yield Finding("python", f"{platform.python_version()} ({sys.executable})", OK)
    for package in ("textual", "platformdirs"):
        try:
            yield Finding(package, metadata.version(package), OK)
        except metadata.PackageNotFoundError:
            yield Finding(package, "not installed", MISSING, f"pip install {package}")


def terminal() -> Iterator[Finding]:
    """Whether the app can be drawn here, and how well."""
    kind = os.environ.get("TERM", "")
    if kind in ("", "dumb"):
        yield Finding(
            "TERM", kind or "not set", MISSING, "The app needs a terminal; `jobmon report` does not."
        )
    else:
        yield Finding("TERM", kind, OK)
    colours = os.environ.get("COLORTERM", "")
    yield Finding("colours", _colours(kind, colours), OK)
    try:
        size = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1)
    except (OSError, ValueError):
        yield Finding("size", "unknown: the output does not go to a terminal")
    else:
        enough = size.columns >= 80 and size.lines >= 24
        hint = "" if enough else "Make it 80x24 or larger to see everything."
        yield Finding("size", f"{size.columns}x{size.lines}", OK if enough else MISSING, hint)
    encoding = _encoding()
    if encoding == "utf-8":
        yield Finding("characters", "utf-8", OK)
    else:
        yield Finding("characters", encoding, MISSING, "Choose a UTF-8 locale: export LC_ALL=C.UTF-8")


def folders(arguments: Namespace, config: Config = DEFAULTS) -> Iterator[Finding]:
    """Where jobmon looks for what is its own."""
    yield _folder("settings", paths.user_config_folder())
    yield _folder("state and log", paths.user_state_folder())
    for folder in (*(arguments.backend_path or ()), *config.backend.path, *paths.backend_folders()):
        yield _folder("backend files", Path(folder).expanduser())


def backends(arguments: Namespace, config: Config = DEFAULTS) -> Iterator[Finding]:
    """Every backend that can be chosen by name, and where it comes from. Imports none of them."""
    from jobmon_tui.backends.finding import available_backends

    given = tuple(Path(folder).expanduser() for folder in arguments.backend_path or ())
    for name, origin in sorted(available_backends((*given, *config.backend.path)).items()):
        yield Finding(name, origin, OK)


def slurm(ask: bool) -> Iterator[Finding]:
    """Slurm's commands and pyslurm.

    Args:
        ask: Whether programs may be run to see whether they work.
    """
    version = ""
    for command in ("squeue", "scontrol"):
        path = shutil.which(command)
        if path is None:
            yield Finding(command, "not on the PATH", MISSING, "Install Slurm's client commands.")
            continue
        said, works = _output_of([path, "--version"]) if ask else ("", True)
        version = said.rpartition(" ")[2] if works and said else version
        yield Finding(command, f"{path} {said}".strip(), OK if works else FAILED)
    yield _pyslurm(ask, version)


def look_at_cluster(arguments: Namespace, config: Config = DEFAULTS) -> tuple[list[Finding], bool]:
    """Take one snapshot of what `jobmon` would show with these options (only load it when offline).

    Returns:
        What was found, and whether jobmon can show a cluster.
    """
    if has_choice(arguments, config):
        from jobmon_tui.cli.doctor_feeds import look_at_feeds

        return look_at_feeds(arguments, config)
    try:
        backend_paths(arguments, config)
        is_elsewhere = arguments.spool is not None or arguments.url is not None
        name, notice = ("", "") if is_elsewhere else choose_backend(arguments, config)
        if notice:
            hint = "Run it where squeue works, or name a --spool, a --url, a --backend or --demo."
            return [Finding("jobmon shows", "the demo cluster: no Slurm here", MISSING, hint)], False
        if arguments.offline and name in ("slurm", "demo"):
            return [Finding("jobmon shows", f"{name} (not asked: --offline)", OK)], True
        feed, _ = choose_feed(arguments, config)
        try:
            if arguments.offline:
                return [Finding("jobmon shows", f"{feed.title} (not asked: --offline)", OK)], True
            feed.open()
            snapshot = feed.latest()
        finally:
            feed.close()
    except JobmonError as error:
        return [Finding("jobmon shows", error.message, FAILED, error.hint)], False
    found = [Finding("jobmon shows", f"{feed.title}: {size_of(snapshot)}", OK)]
    return [*found, *map(source, snapshot.sources)], True


def size_of(snapshot: Snapshot) -> str:
    """How much there is in a snapshot, in a few words."""
    tasks = sum(job.task_count for job in snapshot.jobs.values())
    cluster = f"{snapshot.cluster}, " if snapshot.cluster else ""
    return f"{cluster}{len(snapshot.nodes):,} nodes, {tasks:,} jobs"


def source(status: SourceStatus) -> Finding:
    """How one source of a snapshot did."""
    facts = [status.version] if status.version else []
    if status.calls:
        facts.append(f"{status.calls} calls")
    facts.append(f"{status.seconds:.2f} s")
    if status.ok:
        return Finding(status.name, ", ".join(facts), OK)
    return Finding(status.name, status.error or "failed", FAILED, status.hint)


def _pyslurm(ask: bool, slurm_version: str) -> Finding:
    match = (
        f"one built for Slurm {slurm_version}" if slurm_version else "one built for this site's Slurm version"
    )
    get = f"Optional, and quicker for large clusters: {match}, in the same Python as jobmon."
    try:
        version = metadata.version("pyslurm")
    except metadata.PackageNotFoundError:
        return Finding("pyslurm", "not installed; Slurm's commands are used", MISSING, get)
    if not ask:
        return Finding("pyslurm", f"{version} (not tried: --offline)", OK)
    # In a process of its own: built for another Slurm, it may take the whole process down.
    said, works = _output_of([sys.executable, "-c", "import pyslurm"])
    if works:
        return Finding("pyslurm", version, OK)
    return Finding("pyslurm", f"{version} does not load: {said}", FAILED, get)


def _output_of(command: list[str]) -> tuple[str, bool]:
    """The last line that a program prints, and whether it ended well."""
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_PATIENCE:.0f} s", False
    except OSError as error:
        return error.strerror or str(error), False
    lines = (done.stdout + done.stderr).decode("utf-8", "replace").strip().splitlines()
    if done.returncode < 0:
        lines.append(f"ended by signal {-done.returncode}")
    return (lines[-1] if lines else ""), done.returncode == 0


def _colours(kind: str, colours: str) -> str:
    if os.environ.get("NO_COLOR"):
        return "none: NO_COLOR is set"
    if colours in ("truecolor", "24bit"):
        return f"16 million (COLORTERM {colours})"
    return "256" if "256" in kind else "few; if the terminal can do more: export COLORTERM=truecolor"


def _encoding() -> str:
    import codecs
    import locale

    try:
        return codecs.lookup(locale.getencoding()).name
    except LookupError:
        return locale.getencoding()


def _folder(what: str, path: Path) -> Finding:
    try:
        exists = path.is_dir()
    except OSError as error:
        return Finding(what, f"{path}: {error.strerror}", FAILED)
    return Finding(what, str(path) if exists else f"{path} (not there)", OK if exists else "")


def _print(title: str, findings: Iterable[Finding]) -> None:
    found = list(findings)
    print(title)
    width = max((len(one.what) for one in found), default=0)
    for one in found:
        print(f"  {one.mark:<7}  {printable(one.what):<{width}}  {printable(one.found)}".rstrip())
        if one.hint:
            print(f"  {'':<7}  {'':<{width}}  {printable(one.hint)}")
    print()
