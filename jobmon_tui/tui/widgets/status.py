"""The two lines at the top of every view, and the line that says what failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.style import Style

from jobmon_tui.analysis.index import ClusterTotals
from jobmon_tui.model.text import printable
from jobmon_tui.model.times import age_text, clock_text, stamp_text
from jobmon_tui.tui.paint import Run, runs_width
from jobmon_tui.tui.picture import Failure, Picture
from jobmon_tui.tui.theme import Palette
from jobmon_tui.tui.widgets.bars import used_of_available
from jobmon_tui.tui.widgets.lines import Lines

AMBER_AFTER = 2.5
"""Intervals after which the age of a live picture turns amber."""
RED_AFTER = 6.0
"""Intervals after which it turns red."""

FROM_TEBIBYTES = 10 * 1024**2
"""MiB from which on memory is told in whole TiB; of less, too little would be left to see."""

_NARROWEST_BAR = 20
_WIDEST_BAR = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterState:
    """What the header says of the filter."""

    text: str = ""
    shown: int | None = None
    """Jobs (nodes, where those are listed) that it lets through, once they are counted."""
    total: int | None = None
    error: str = ""


class StatusHeader(Lines):
    """Cluster, source, age, used-of-available bars, counts, cost of a cycle, and the filter."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.clock: Callable[[], float] = time.time
        self.picture: Picture | None = None
        self.failure: Failure | None = None
        self.title_text = ""
        self.kind = "live"
        self.pace = 0.0
        self.interval = 0.0
        self.written_every = 0.0
        self.paused = False
        self.instant: float | None = None
        """The instant of the past that is looked at, in Unix seconds; ``None`` in the present."""
        self.is_waiting = False
        """Whether that instant is still being read."""
        self.filter = FilterState()

    def on_mount(self) -> None:
        """Keep the age true."""
        self.set_interval(1.0, self.repaint)

    def paint(self, width: int, colours: Palette) -> Sequence[Iterable[Run]]:
        """Identity and bars above; counts, cost and filter below."""
        return (self._first_line(width, colours), self._second_line(width, colours))

    def _first_line(self, width: int, colours: Palette) -> list[Run]:
        left: list[Run] = [(" ", colours.plain)]
        snapshot = self.picture.snapshot if self.picture else None
        cluster = printable(snapshot.cluster if snapshot and snapshot.cluster else "jobmon", 24)
        left += [(cluster, colours.strong), ("  ", colours.plain), self._badge(colours)]
        if width >= 100:
            left += [("  ", colours.plain), (printable(self.title_text, 32), colours.dim)]
        left += [("  ", colours.plain), *self._age(colours), ("  ", colours.plain)]
        if self.picture is None:
            return left
        bars = _bars(self.picture.index.totals, colours, width - runs_width(left) - 1)
        return [*left, (" " * (width - runs_width(left) - runs_width(bars) - 1), colours.plain), *bars]

    def _badge(self, colours: Palette) -> Run:
        if self.instant is not None:
            # Nobody must take what was for what is.
            return (" PAST ", colours.warning + Style(bold=True, reverse=True))
        if self.paused:
            return ("PAUSED", colours.warning + Style(bold=True))
        if self.kind == "recorded":
            return ("RECORDED", colours.accent + Style(bold=True))
        if self.failure is not None:
            return ("NO ANSWER", colours.trouble)
        return ("DEMO" if self.kind == "demo" else "LIVE", colours.good + Style(bold=True))

    def _age(self, colours: Palette) -> list[Run]:
        if self.picture is None:
            return [("waiting for the first answer", colours.dim)]
        taken = self.picture.snapshot.timestamp
        if self.instant is not None:
            if self.is_waiting:
                # What is shown meanwhile is of another instant.
                return [(stamp_text(self.instant), colours.warning), ("  reading ...", colours.dim)]
            ago = age_text(self.clock() - taken)
            return [(stamp_text(taken), colours.warning + Style(bold=True)), (f"  {ago} ago", colours.plain)]
        if self.kind == "recorded":
            return [(stamp_text(taken), colours.dim)]
        age = max(0.0, self.clock() - taken)
        pace = max(self.pace, self.interval, self.written_every, 1.0)
        style = colours.dim
        if age > RED_AFTER * pace or (self.failure and age > AMBER_AFTER * pace):
            style = colours.trouble
        elif age > AMBER_AFTER * pace:
            style = colours.warning
        return [(f"{age_text(age):>5} ago", style)]

    def _second_line(self, width: int, colours: Palette) -> list[Run]:
        if self.picture is None:
            return []
        totals = self.picture.index.totals
        line: list[Run] = [
            (f" {totals.running:,}", colours.strong),
            (" running ", colours.dim),
            (f" {totals.pending:,}", colours.strong),
            (" pending ", colours.dim),
        ]
        nodes: list[Run] = [
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
            if runs_width(line) + runs_width(extra) + runs_width(filtered) + 2 <= width:
                line += extra
        gap = width - runs_width(line) - runs_width(filtered) - 1
        return [*line, (" " * max(1, gap), colours.plain), *filtered]

    def _cost(self, colours: Palette) -> list[Run]:
        picture = self.picture
        if picture is None or not picture.calls:
            return []
        text = f"   {picture.calls} calls, {picture.call_seconds:.1f} s a cycle"
        pieces: list[Run] = [(text, colours.dim)]
        if self.pace > self.interval * 1.05:
            pieces.append((f", slowed to one in {self.pace:.0f} s", colours.warning))
        return pieces

    def _filter(self, colours: Palette) -> list[Run]:
        state = self.filter
        if not state.text:
            return []
        text = printable(state.text, 60)
        pieces: list[Run] = [("filter ", colours.dim), (text, colours.accent + Style(bold=True))]
        if state.error:
            pieces.append((" ✕", colours.trouble))
        elif state.shown is not None and state.total is not None:
            pieces.append((f"  {state.shown:,}/{state.total:,}", colours.dim))
        return pieces


def _bars(totals: ClusterTotals, colours: Palette, room: int) -> list[Run]:
    """As many used-of-available bars as fit, the most important first, growing with the room."""
    unit, size = ("TiB", 1024.0**2) if (totals.memory_available or 0) >= FROM_TEBIBYTES else ("GiB", 1024.0)
    wanted: list[tuple[str, float | None, float | None, Style, str]] = [
        ("cores", totals.cores_used, totals.cores_available, colours.user, ""),
        ("gpus", totals.gpus_used, totals.gpus_available, colours.gpu, ""),
        ("mem", _in(size, totals.memory_used), _in(size, totals.memory_available), colours.memory, unit),
        ("nodes", totals.nodes_in_use, totals.nodes, colours.primary, ""),
    ]
    shown = [bar for bar in wanted if bar[2]]
    while len(shown) > 1 and room < _NARROWEST_BAR * len(shown):
        shown.pop()
    if not shown or room < _NARROWEST_BAR:
        return []
    width = min(_WIDEST_BAR, room // len(shown))
    runs: list[Run] = []
    for title, used, available, style, unit in shown:
        runs.append(("  ", colours.plain))
        runs += used_of_available(title, used, available, width - 2, style, colours, unit=unit)
    return runs


def _in(size: float, mebibytes: float | None) -> float | None:
    return None if mebibytes is None else mebibytes / size


class FailureBanner(Lines):
    """What failed, since when, when it is tried again, and what to do. Hidden while all is well."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.clock: Callable[[], float] = time.time
        self.failure: Failure | None = None
        self.picture: Picture | None = None
        self._shown_height = 0

    def show(self, failure: Failure | None, picture: Picture | None) -> None:
        """Take as many lines as there is to tell, or none."""
        self.failure, self.picture = failure, picture
        height = self._wanted_height
        if self.display != bool(height) or self._shown_height != height:
            self._shown_height = height
            self.styles.height = height
            self.display = bool(height)
        self.repaint()

    def on_mount(self) -> None:
        """Count down to the next attempt."""
        self.set_interval(1.0, self._tick)

    def _tick(self) -> None:
        if self.display:
            self.repaint()

    def paint(self, width: int, colours: Palette) -> Sequence[Iterable[Run]]:
        """Two lines: what failed, and what is shown meanwhile or can be done."""
        if self.failure is not None:
            return self._whole(self.failure, colours)
        return self._partial(colours)

    def _whole(self, failure: Failure, colours: Palette) -> Sequence[Iterable[Run]]:
        now = self.clock()
        when = f"  since {clock_text(failure.since, now)}, {age_text(now - failure.since)}"
        if failure.retry_at is not None:
            left = failure.retry_at - now
            when += f"; next try in {left:.0f} s" if left >= 1 else "; trying now"
        second: list[Run] = [("   ", colours.plain)]
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

    def _partial(self, colours: Palette) -> Sequence[Iterable[Run]]:
        """Some source failed and the rest is good: one line a source, two at the most."""
        if self.picture is None:
            return ()
        now = self.clock()
        lines: list[list[Run]] = []
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
    def _wanted_height(self) -> int:
        """Lines that there are to show now."""
        if self.picture is None:
            return 0
        if self.failure is not None:
            return 2
        return min(2, sum(not source.ok for source in self.picture.snapshot.sources))
