"""``jobmon record``: snapshots into one file, to attach to a ticket or to look at again elsewhere."""

from __future__ import annotations

import sys
import time
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from jobmon_tui.cli.ending import Ending, ended_by_signals
from jobmon_tui.errors import JobmonError, UsageError
from jobmon_tui.model.text import printable

if TYPE_CHECKING:
    from jobmon_tui.analysis.anonymise import Anonymiser
    from jobmon_tui.feeds.base import Backfill, Feed
    from jobmon_tui.feeds.recording_writer import RecordingWriter
    from jobmon_tui.model.snapshot import Snapshot

MEGABYTES = 100
"""How large a recording may grow unless something else is said."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of a recording beside those that choose the source."""
    from jobmon_tui.cli.arguments import _seconds, _some, _whole

    parser.add_argument("file", type=_some("a file"), metavar="FILE", help="where to; - is standard output")
    group = parser.add_argument_group("what is recorded")
    group.add_argument("--for", dest="span", metavar="TIME", help="how long: 90s, 10m, 1h30m (until Ctrl-C)")
    # What stands before the command's name holds unless it is said again behind it.
    group.add_argument(
        "--interval", type=_seconds, default=SUPPRESS, metavar="SECONDS", help="seconds between two snapshots"
    )
    group.add_argument(
        "--count", type=_whole("snapshots", 1, 1_000_000), metavar="N", help="end after N of them"
    )
    group.add_argument(
        "--from", dest="begin", metavar="TIME", help="what was recorded since then: -2h, 14:30, ..."
    )
    group.add_argument("--to", dest="end", metavar="TIME", help="and until then (now)")
    group.add_argument(
        "--anonymise", action="store_true", help="replace the names of people and of their work, consistently"
    )
    group.add_argument(
        "--anonymise-nodes", action="store_true", help="the same, and those of nodes and partitions as well"
    )
    group.add_argument(
        "--max-size", type=_megabytes, default=MEGABYTES, metavar="MB", help="end at this size (%(default)s)"
    )
    group.add_argument("--force", action="store_true", help="replace a file that is there already")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to record."""

    begin: float | None
    """Unix seconds, to record what is past; ``None`` for the present."""
    end: float | None
    """Unix seconds; only with a beginning."""
    span: float | None
    """For how many seconds, of the present."""
    interval: float | None
    """Seconds between two snapshots; ``None``: as they come."""
    most: int | None
    """Snapshots at the most."""


def run(arguments: Namespace) -> int:
    """Record until the time is up, there are enough snapshots, or somebody ends it.

    Returns:
        The exit status: being ended after a snapshot was recorded is success.

    Raises:
        JobmonError: There is nothing to record, or it cannot be written.
    """
    from jobmon_tui.cli.feeds import choose_feed, chosen_user
    from jobmon_tui.cli.settings import load_settings
    from jobmon_tui.feeds.one_user import OneUserFeed
    from jobmon_tui.feeds.recording_writer import RecordingWriter

    plan = read_plan(arguments, time.time())
    writer = RecordingWriter(
        None if arguments.file == "-" else Path(arguments.file).expanduser(),
        overwrite=arguments.force,
        largest=int(arguments.max_size * 1_000_000),
    )
    if writer.is_terminal:
        raise UsageError("a recording is no text for a terminal", "Name a file, or send the output on.")
    config = load_settings(arguments)
    feed, notice = choose_feed(arguments, config)
    user = chosen_user(arguments)
    if user is not None:
        feed = OneUserFeed(feed, user)
    if notice:
        print(f"jobmon: {notice}", file=sys.stderr)
    interval = plan.interval or (None if plan.begin is not None else config.watch.interval or feed.interval)
    with ended_by_signals() as ending:
        recorder = Recorder(feed, writer, _anonymiser(arguments), ending, interval)
        try:
            feed.open()
            recorder.record(plan)
        except KeyboardInterrupt:
            if not recorder.count:
                raise
        finally:
            ending.is_over = True
            feed.close()
            recorder.finish()
    return 0


def read_plan(arguments: Namespace, now: float) -> Plan:
    """What the options ask for.

    Args:
        arguments: The command line.
        now: Unix seconds.

    Raises:
        UsageError: They contradict each other, or say no time.
    """
    from jobmon_tui.analysis.instants import InstantError, parse_span
    from jobmon_tui.cli.instants import instant_option

    span = None
    if arguments.span is not None:
        try:
            span = parse_span(arguments.span)
        except InstantError as error:
            raise UsageError(f"--for: {error.message}", error.hint) from None
        if arguments.end is not None:
            raise UsageError("--for and --to cannot be had at once", "Choose one of them.")
    if arguments.begin is None:
        if arguments.end is not None:
            raise UsageError("--to needs --from", "Say from when on, for example --from -2h.")
        return Plan(None, None, span, arguments.interval, arguments.count)
    begin = instant_option("--from", arguments.begin, now)
    end = now if arguments.end is None else instant_option("--to", arguments.end, now)
    if span is not None:
        end = begin + span
    if end < begin:
        raise UsageError("--to is before --from", "Nothing was recorded between them.")
    return Plan(begin, end, None, arguments.interval, arguments.count)


class Recorder:
    """Takes snapshots from a feed and writes them.

    Args:
        feed: Where they come from, open.
        writer: Where they go.
        anonymiser: What replaces names; ``None`` to keep them.
        ending: Tells when somebody wants it to end.
        interval: Seconds between two snapshots; ``None`` for all that there are.
    """

    def __init__(
        self,
        feed: Feed,
        writer: RecordingWriter,
        anonymiser: Anonymiser | None,
        ending: Ending,
        interval: float | None,
    ) -> None:
        self.count = 0
        """Snapshots that were written."""
        self._feed = feed
        self._writer = writer
        self._anonymiser = anonymiser
        self._ending = ending
        self._interval = interval
        self._newest: float | None = None
        self._complaint = ""
        self._tells = sys.stderr is not None and sys.stderr.isatty()

    def record(self, plan: Plan) -> None:
        """Record what is asked for.

        Raises:
            KeyboardInterrupt: Somebody ended it.
            JobmonError: There was nothing to record, it cannot be written, or it grew too large.
        """
        snapshots = self._present(plan) if plan.begin is None else self._past(plan)
        for snapshot, backfill in snapshots:
            self._write(snapshot, backfill)
            if self.count == plan.most:
                return

    def finish(self) -> None:
        """Close the file, and tell what is in it."""
        if self._tells and self.count:
            self._say(f"Recorded {self._so_far()} in {self._writer.name}.\n")
        self._writer.close()

    def _present(self, plan: Plan) -> Iterator[tuple[Snapshot, Backfill]]:
        assert self._interval is not None
        began = time.monotonic()
        until = began + plan.span if plan.span is not None else None
        for turn in count(1):
            snapshot = self._latest()
            if snapshot is not None:
                yield snapshot, self._backfill()
            # A snapshot that takes longer than the interval is followed by the next one that is due.
            due = began + max(turn, -(-(time.monotonic() - began) // self._interval)) * self._interval
            if until is not None and due > until:
                return
            self._tell(until)
            self._ending.wait(due - time.monotonic())

    def _latest(self) -> Snapshot | None:
        """The newest snapshot; ``None`` where there is none or it was there before."""
        try:
            snapshot = self._feed.latest()
        except JobmonError as error:
            if not self.count:
                raise
            if error.message != self._complaint:
                self._complaint = error.message
                self._say(f"No snapshot now: {printable(error.message)}\n", always=True)
            return None
        self._complaint = ""
        if snapshot.timestamp == self._newest:
            return None
        self._newest = snapshot.timestamp
        return snapshot

    def _backfill(self) -> Backfill:
        try:
            return self._feed.backfill()
        except JobmonError:
            # The reader calculates it from the snapshot, as well as that goes.
            return {}

    def _past(self, plan: Plan) -> Iterator[tuple[Snapshot, Backfill]]:
        assert plan.begin is not None
        assert plan.end is not None
        timeline = self._feed.timeline()
        if not timeline:
            raise UsageError(
                f"{printable(self._feed.title)} knows the present only",
                "--from needs recorded snapshots: --spool FOLDER.",
            )
        wanted = list(_thinned(timeline, plan.begin, plan.end, self._interval or 0))
        if not wanted:
            from jobmon_tui.model.times import stamp_text

            raise JobmonError(
                "nothing was recorded at that time",
                f"There are snapshots from {stamp_text(timeline[0])} to {stamp_text(timeline[-1])}.",
            )
        for place, instant in enumerate(wanted):
            self._say(f"{place} of {len(wanted)} snapshots; Ctrl-C ends it")
            try:
                snapshot = self._feed.at(instant)
            except JobmonError as error:
                self._say(f"Left out: {printable(error.message)}\n", always=True)
                continue
            if abs(snapshot.timestamp - instant) >= 1:
                # A feed may show a neighbour in place of what it cannot read: that one comes by itself.
                why = next((one.error for one in snapshot.sources if one.error), "it cannot be read")
                self._say(f"Left out: {printable(why)}\n", always=True)
                continue
            if snapshot.timestamp != self._newest:
                self._newest = snapshot.timestamp
                yield snapshot, {}

    def _write(self, snapshot: Snapshot, backfill: Backfill) -> None:
        from jobmon_tui.analysis.usage import core_usage
        from jobmon_tui.feeds.recording_file import header_member, snapshot_members

        if self._anonymiser is not None:
            snapshot, backfill = self._anonymiser.snapshot(snapshot), self._anonymiser.backfill(backfill)
        lines = snapshot_members(snapshot, snapshot.usage or core_usage(snapshot), backfill)
        if not self.count:
            said: dict[str, object] = {"interval": self._interval, "anonymised": self._anonymiser is not None}
            if self._anonymiser is None:
                said["title"] = self._feed.title
            lines = header_member(snapshot.timestamp, said) + lines
        with self._ending.put_off():
            self._writer.append(lines)
            self.count += 1

    def _so_far(self) -> str:
        size = self._writer.bytes
        amount = f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
        return f"{self.count} snapshot{'s' if self.count != 1 else ''}, {amount},"

    def _tell(self, until: float | None) -> None:
        from jobmon_tui.model.times import age_text

        left = f" {age_text(until - time.monotonic())} to go;" if until is not None else ""
        self._say(f"{self._so_far()}{left} Ctrl-C ends it")

    def _say(self, text: str, always: bool = False) -> None:
        """Put a line in the place of the last one; where nobody watches, only what must be told."""
        if self._tells:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        elif always:
            print(f"jobmon: {text}", end="", file=sys.stderr, flush=True)


def _thinned(timeline: tuple[float, ...], begin: float, end: float, interval: float) -> Iterator[float]:
    """The instants of that time, each at least so many seconds after the one before."""
    last: float | None = None
    for instant in timeline:
        if begin <= instant <= end and (last is None or instant - last >= interval):
            last = instant
            yield instant


def _anonymiser(arguments: Namespace) -> Anonymiser | None:
    if not (arguments.anonymise or arguments.anonymise_nodes):
        return None
    import secrets

    from jobmon_tui.analysis.anonymise import Anonymiser

    # A new one each time, and written nowhere: it could be used to try names out.
    return Anonymiser(secrets.token_bytes(32), hide_nodes=arguments.anonymise_nodes)


def _megabytes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 1e6:
        raise ArgumentTypeError(f"must be from 0.01 to 1000000 (MB), not {printable(text, 40)!r}")
    return value
