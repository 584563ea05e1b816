"""The two lines at the top of every view, and the line that says what failed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.style import Style

from jobmon_tui.analysis.index import ClusterTotals
from jobmon_tui.model.text import printable
from jobmon_tui.model.times import age_text, clock_text, stamp_text
from jobmon_tui.tui.picture import Failure, Picture
from jobmon_tui.tui.theme import Palette
from jobmon_tui.tui.widgets.lines import Lines, Piece, pieces_width

AMBER_AFTER = 2.5
"""Intervals after which the age of a live picture turns amber."""
RED_AFTER = 6.0
"""Intervals after which it turns red."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterState:
    """What the header says of the filter."""

    text: str = ""
    shown: int | None = None
    """Jobs that it lets through, once they are counted."""
    total: int | None = None
    error: str = ""


class StatusHeader(Lines):
    """Cluster, source, age, used-of-available bars, counts, cost of a cycle, and the filter."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.picture: Picture | None = None
        self.failure: Failure | None = None
        self.title_text = ""
        self.kind = "live"
        self.pace = 0.0
        self.interval = 0.0
        self.paused = False
        self.filter = FilterState()

    def on_mount(self) -> None:
        """Keep the age true."""
        self.set_interval(1.0, self.repaint)

    def paint(self, width: int, colours: Palette) -> Sequence[Iterable[Piece]]:
        """Identity and bars above; counts, cost and filter below."""
        return (self._first_line(width, colours), self._second_line(width, colours))

    def _first_line(self, width: int, colours: Palette) -> list[Piece]:
        left: list[Piece] = [(" ", colours.plain)]
        snapshot = self.picture.snapshot if self.picture else None
        cluster = printable(snapshot.cluster if snapshot and snapshot.cluster else "jobmon", 24)
        left += [(cluster, colours.strong), ("  ", colours.plain), self._badge(colours)]
        if width >= 100:
            left += [("  ", colours.plain), (printable(self.title_text, 32), colours.dim)]
        left += [("  ", colours.plain), *self._age(colours), ("  ", colours.plain)]
        if self.picture is None:
            return left
        bars = _bars(self.picture.index.totals, colours, width - pieces_width(left) - 1)
        return [*left, (" " * (width - pieces_width(left) - pieces_width(bars) - 1), colours.plain), *bars]

    def _badge(self, colours: Palette) -> Piece:
        if self.paused:
            return ("PAUSED", colours.warning + Style(bold=True))
        if self.kind == "recorded":
            return ("RECORDED", colours.accent + Style(bold=True))
        if self.failure is not None:
            return ("NO ANSWER", colours.trouble)
        return ("DEMO" if self.kind == "demo" else "LIVE", colours.good + Style(bold=True))

    def _age(self, colours: Palette) -> list[Piece]:
        if self.picture is None:
            return [("waiting for the first answer", colours.dim)]
        taken = self.picture.snapshot.timestamp
        if self.kind == "recorded":
            return [(stamp_text(taken), colours.dim)]
        age = max(0.0, time.time() - taken)
        pace = max(self.pace, self.interval, 1.0)
        style = colours.dim
        if age > RED_AFTER * pace or (self.failure and age > AMBER_AFTER * pace):
            style = colours.trouble
        elif age > AMBER_AFTER * pace:
            style = colours.warning
        return [(f"{age_text(age):>5} ago", style)]

    def _second_line(self, width: int, colours: Palette) -> list[Piece]:
        if self.picture is None:
            return []
        totals = self.picture.index.totals
        line: list[Piece] = [
            (f" {totals.running:,}", colours.strong),
            (" running ", colours.dim),
            (f" {totals.pending:,}", colours.strong),
            (" pending ", colours.dim),
        ]
        nodes: list[Piece] = [
            ("  nodes ", colours.dim),
            (f"{totals.nodes_up}", colours.strong),
            (" up", colours.dim),
        ]
        for count, word, style in (
            (totals.nodes_drained, "drained", colours.warning),
            (totals.nodes_down, "down", colours.trouble),
            (totals.nodes_unknown, "unknown", colours.dim),
        ):
            if count:
                nodes += [(f"  {count}", style), (f" {word}", colours.dim)]
        filtered = self._filter(colours)
        for extra in (nodes, self._cost(colours)):
            if pieces_width(line) + pieces_width(extra) + pieces_width(filtered) + 2 <= width:
                line += extra
        gap = width - pieces_width(line) - pieces_width(filtered) - 1
        return [*line, (" " * max(1, gap), colours.plain), *filtered]

    def _cost(self, colours: Palette) -> list[Piece]:
        picture = self.picture
        if picture is None or not picture.calls:
            return []
        text = f"   {picture.calls} calls, {picture.call_seconds:.1f} s a cycle"
        pieces: list[Piece] = [(text, colours.dim)]
        if self.pace > self.interval * 1.05:
            pieces.append((f", slowed to one in {self.pace:.0f} s", colours.warning))
        return pieces

    def _filter(self, colours: Palette) -> list[Piece]:
        state = self.filter
        if not state.text:
            return []
        text = printable(state.text, 60)
        pieces: list[Piece] = [("filter ", colours.dim), (text, colours.accent + Style(bold=True))]
        if state.error:
            pieces.append((" ✕", colours.trouble))
        elif state.shown is not None and state.total is not None:
            pieces.append((f"  {state.shown:,}/{state.total:,}", colours.dim))
        return pieces


def _bars(totals: ClusterTotals, colours: Palette, room: int) -> list[Piece]:
    """As many used-of-available bars as fit, the most important first, growing with the room."""
    wanted: list[tuple[str, float, float | None, str, Style]] = [
        ("cores", totals.cores_used, totals.cores_available, "count", colours.user),
        ("mem", totals.memory_used or 0, totals.memory_available, "share", colours.memory),
        ("gpus", totals.gpus_used, totals.gpus_available or None, "count", colours.gpu),
        ("nodes", totals.nodes_in_use, totals.nodes or None, "count", colours.primary),
    ]
    shown = [bar for bar in wanted if bar[2]]
    while shown:
        for bar_width in (16, 12, 8, 6, 4, 0):
            pieces: list[Piece] = []
            for title, used, available, form, style in shown:
                pieces += _bar(title, used, available or 1, form, bar_width, style, colours)
            if pieces_width(pieces) <= room:
                return pieces
        shown.pop()
    return []


def _bar(
    title: str, used: float, available: float, form: str, width: int, style: Style, colours: Palette
) -> list[Piece]:
    share = used / available
    pieces: list[Piece] = [(f"  {title} ", colours.dim)]
    if width:
        eighths = round(min(1.0, max(0.0, share)) * width * 8)
        if used and not eighths:
            eighths = 1
        full, rest = divmod(eighths, 8)
        bar = "█" * full + (_EIGHTHS[rest] if rest else "")
        pieces += [(bar, style), ("·" * (width - len(bar)), colours.faint), (" ", colours.plain)]
    if form == "count":
        digits = len(f"{available:.0f}")
        pieces.append((f"{used:>{digits}.0f}/{available:.0f}", colours.plain))
        pieces.append((f" {100 * share:3.0f} %", colours.dim))
    else:
        pieces.append((f"{100 * share:3.0f} %", colours.plain))
    return pieces


class FailureBanner(Lines):
    """What failed, since when, when it is tried again, and what to do. Hidden while all is well."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.failure: Failure | None = None
        self.picture: Picture | None = None

    def on_mount(self) -> None:
        """Count down to the next attempt."""
        self.set_interval(1.0, self._tick)

    def _tick(self) -> None:
        if self.display:
            self.repaint()

    def paint(self, width: int, colours: Palette) -> Sequence[Iterable[Piece]]:
        """Two lines: what failed, and what is shown meanwhile or can be done."""
        if self.failure is not None:
            return self._whole(self.failure, colours)
        return self._partial(colours)

    def _whole(self, failure: Failure, colours: Palette) -> Sequence[Iterable[Piece]]:
        now = time.time()
        when = f"  since {clock_text(failure.since, now)}, {age_text(now - failure.since)}"
        if failure.retry_at is not None:
            left = failure.retry_at - now
            when += f"; next try in {left:.0f} s" if left >= 1 else "; trying now"
        second: list[Piece] = [("   ", colours.plain)]
        if self.picture is not None:
            taken = self.picture.snapshot.timestamp
            second.append(
                (f"The picture is of {clock_text(taken, now)}, {age_text(now - taken)} ago. ", colours.plain)
            )
        second.append((printable(failure.hint), colours.dim))
        return (
            [
                (" ✕ ", colours.trouble),
                (printable(failure.message, 400), colours.trouble),
                (when, colours.dim),
            ],
            second,
        )

    def _partial(self, colours: Palette) -> Sequence[Iterable[Piece]]:
        """Some source failed and the rest is good: one line a source, two at the most."""
        if self.picture is None:
            return ()
        now = time.time()
        lines: list[list[Piece]] = []
        for source in self.picture.snapshot.sources:
            if source.ok:
                continue
            since = f"  since {clock_text(source.failing_since, now)}" if source.failing_since else ""
            lines.append(
                [
                    (" ! ", colours.warning),
                    (printable(f"{source.name}: {source.error or 'failed'}", 300), colours.warning),
                    (since, colours.dim),
                    (f"  {printable(source.hint, 200)}" if source.hint else "", colours.dim),
                ]
            )
        return lines[:2]

    @property
    def wanted_height(self) -> int:
        """Lines that there are to show now."""
        if self.failure is not None:
            return 2
        if self.picture is None:
            return 0
        return min(2, sum(not source.ok for source in self.picture.snapshot.sources))
