"""The kept past along the bottom of the screen: how full the cluster was, and which instant is shown.

One column is a part of the kept time. The columns' height is the share of all cores in use (below, in the
accent's colour, the filtered user's); where nothing was recorded a column is empty, which nothing else is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from jobmon_tui.analysis.axes import time_ticks
from jobmon_tui.analysis.diff import ENDED, STARTED, SUBMITTED, Comparison
from jobmon_tui.analysis.timeline import Share
from jobmon_tui.model.snapshot import Usage
from jobmon_tui.model.text import printable
from jobmon_tui.model.times import age_text, clock_text, stamp_text
from jobmon_tui.tui.paint import ASCII_LEVELS, LEVELS, Run, runs_width, shorten
from jobmon_tui.tui.theme import Palette
from jobmon_tui.tui.time_machine import TimeMachine
from jobmon_tui.tui.widgets.bars import grouped
from jobmon_tui.tui.widgets.chart_canvas import glyphs_for
from jobmon_tui.tui.widgets.lines import Lines

_MARGIN = 1
"""Columns left and right of the picture."""
_LEAST_WORDS = 12
"""Columns from which on a part of the headline is shown cut rather than left out."""
_CELLS_PER_TICK = 14
"""Columns that a time below the picture has at least."""


class TimelineBar(Lines, can_focus=True):
    """The timeline, and the keys that move in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "earlier", id="time.back", tooltip="One snapshot earlier"),
        Binding("right,l", "step(1)", "later", id="time.forward", tooltip="One snapshot later"),
        Binding("shift+left", "jump(-600)", "10 min", id="time.back_10", tooltip="10 minutes earlier"),
        Binding("shift+right", "jump(600)", show=False, id="time.forward_10", tooltip="10 minutes later"),
        Binding(
            "left_square_bracket",
            "jump(-3600)",
            "hour",
            key_display="[",
            id="time.back_hour",
            tooltip="An hour earlier",
        ),
        Binding(
            "right_square_bracket",
            "jump(3600)",
            show=False,
            key_display="]",
            id="time.forward_hour",
            tooltip="An hour later",
        ),
        Binding("g", "ask", "go to", id="time.ask", tooltip="Type a time: 14:30, -2h, yesterday 23:00"),
        Binding("p", "play", "play", id="time.play", tooltip="Play forward, or stop"),
        Binding("plus", "speed(1)", show=False, key_display="+", id="time.faster", tooltip="Play faster"),
        Binding("minus", "speed(-1)", show=False, key_display="-", id="time.slower", tooltip="Play slower"),
        Binding(
            "equals_sign",
            "mark",
            "compare",
            key_display="=",
            id="time.mark",
            tooltip="Mark this instant, to see what changed; again: take it off",
        ),
        Binding("home", "first", show=False, id="time.first", tooltip="The oldest snapshot"),
        Binding("end", "last", show=False, id="time.last", tooltip="The newest snapshot"),
        Binding("escape,t", "live", "live", key_display="esc", id="time.live", tooltip="Back to the present"),
    ]

    class Wanted(Message):
        """The user wants something of the time machine; the screen does it."""

        def __init__(self, what: str, amount: float = 0.0) -> None:
            super().__init__()
            self.what = what
            """``step``, ``jump``, ``to``, ``first``, ``last``, ``ask``, ``play``, ``speed``, ``mark`` or
            ``live``."""
            self.amount = amount
            """Snapshots, seconds, or an instant in Unix seconds."""

    def __init__(self, machine: TimeMachine, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.machine = machine
        self.now = 0.0
        """The present, in Unix seconds."""
        self.user: str | None = None
        """Whose cores stand out."""
        self.comparison: Comparison | None = None
        self._glyphs = glyphs_for()
        self._known: tuple[object, ...] = ()
        self._shares: list[Share | None] = []
        self._recorded: list[bool] = []
        self._times = ""
        """The line below the columns."""
        self._drawn: tuple[object, list[list[Run]]] = (None, [])
        """The picture without the cursor, and what it was made of: a step moves nothing but the cursor."""

    def _want(self, what: str, amount: float = 0.0) -> None:
        self.post_message(self.Wanted(what, amount))

    def action_step(self, count: int) -> None:
        """So many snapshots later or earlier."""
        self._want("step", count)

    def action_jump(self, seconds: float) -> None:
        """So many seconds later or earlier."""
        self._want("jump", seconds)

    def action_ask(self) -> None:
        """Type a time."""
        self._want("ask")

    def action_play(self) -> None:
        """Play, or stop."""
        self._want("play")

    def action_speed(self, step: int) -> None:
        """Play faster or slower."""
        self._want("speed", step)

    def action_mark(self) -> None:
        """Mark the instant that is shown."""
        self._want("mark")

    def action_first(self) -> None:
        """To the oldest snapshot."""
        self._want("first")

    def action_last(self) -> None:
        """To the newest snapshot."""
        self._want("last")

    def action_live(self) -> None:
        """Back to the present."""
        self._want("live")

    def on_click(self, event: events.Click) -> None:
        """Go where the mouse points."""
        start, end = self._range
        columns = self._columns
        if self.machine.timeline and columns > 0 and event.y >= 1:
            place = min(columns - 1, max(0, event.x - _MARGIN))
            self._want("to", start + (place + 0.5) * (end - start) / columns)

    # Painting.

    @property
    def _columns(self) -> int:
        return max(0, self.size.width - 2 * _MARGIN)

    @property
    def _range(self) -> tuple[float, float]:
        """What is drawn, in Unix seconds: everything that is kept."""
        timeline = self.machine.timeline
        if not timeline:
            return 0.0, 0.0
        # A single instant, too, needs some width.
        return timeline.first, max(timeline.last, timeline.first + 60.0)

    def paint(self, width: int, colours: Palette) -> Sequence[Iterable[Run]]:
        """What is shown above, the picture below it, the hours at the bottom."""
        rows = max(1, self.size.height - 2)
        if not self.machine.timeline:
            return [self._headline(width, colours), *self._nothing(rows, colours), []]
        self._look_up()
        return [self._headline(width, colours), *self._picture(rows, colours), [(self._times, colours.dim)]]

    def _nothing(self, rows: int, colours: Palette) -> list[list[Run]]:
        machine = self.machine
        if not machine.is_read and not machine.problem:
            words = ["reading what is kept of the past ..."]
        elif machine.problem:
            words = [printable(machine.problem, 300)]
        else:
            words = [
                "Nothing is kept of the past yet.",
                "A collector keeps it for everyone: see `jobmon collect --help`.",
            ]
        lines = [[(f"   {shorten(text, self.size.width - 4)}", colours.dim)] for text in words[:rows]]
        return lines + [[] for _ in range(rows - len(lines))]

    def _look_up(self) -> None:
        """Work out the columns, unless they are those of the last time."""
        start, end = self._range
        timeline, columns = self.machine.timeline, self._columns
        known = (timeline, columns, self.user)
        if self._known and self._known[0] is timeline and self._known[1:] == known[1:]:
            return
        self._known = known
        self._shares = timeline.shares(start, end, columns, self.user)
        self._recorded = timeline.recorded(start, end, columns)
        self._times = self._hours()
        self._drawn = (None, [])

    def _headline(self, width: int, colours: Palette) -> list[Run]:
        """The instant; then, as far as there is room, what went wrong, the comparison, the rest."""
        line: list[Run] = [(" ", colours.plain)]
        for pieces in (
            self._instant(colours),
            self._problem(colours),
            self._compared(colours),
            self._playing(colours),
            self._use(colours),
        ):
            room = width - runs_width(line) - 1
            for text, style in pieces:
                # Half a word tells nothing.
                if room > _LEAST_WORDS or runs_width([(text, style)]) <= room:
                    line.append((shorten(text, room), style))
                    room = width - runs_width(line) - 1
            if pieces:
                line.append(("   ", colours.plain))
        return line

    def _problem(self, colours: Palette) -> list[Run]:
        machine = self.machine
        # Where there is no timeline, it stands in its place.
        is_said = machine.problem and machine.timeline
        return [(printable(machine.problem, 300), colours.trouble)] if is_said else []

    def _instant(self, colours: Palette) -> list[Run]:
        machine = self.machine
        if machine.asked is None:
            return [("live", colours.good + Style(bold=True)), ("  ← goes back in time", colours.dim)]
        ago = age_text(self.now - machine.asked)
        pieces: list[Run] = [
            (stamp_text(machine.asked), colours.warning + Style(bold=True)),
            (f"  {ago} ago", colours.plain),
        ]
        if machine.is_waiting:
            pieces.append(("  reading ...", colours.dim))
        return pieces

    def _usage(self) -> Usage | None:
        """The cores in use at the instant: as its picture has them or, before it is there, the history."""
        machine = self.machine
        if machine.asked is None:
            return None
        index = None if machine.shown is None else machine.shown.index
        is_there = not machine.is_waiting and not machine.problem
        if index is None or index.totals.cores_available is None or not is_there:
            return machine.timeline.usage_at(machine.asked)
        cores = {user.name: user.cores for user in index.users if user.name == self.user}
        return Usage(available=index.totals.cores_available, running=index.totals.cores_used, users=cores)

    def _use(self, colours: Palette) -> list[Run]:
        usage = self._usage()
        if usage is None:
            return []
        text = f"{grouped(usage.running)} of {grouped(usage.available)} cores in use"
        if self.user is None:
            return [(text, colours.dim)]
        theirs = usage.users.get(self.user, 0)
        return [(text, colours.dim), (f", {printable(self.user, 16)} {grouped(theirs)}", colours.accent)]

    def _playing(self, colours: Palette) -> list[Run]:
        machine = self.machine
        if not machine.is_playing:
            return []
        return [(f"playing {age_text(machine.speed)} a second", colours.accent), ("  + -", colours.dim)]

    def _compared(self, colours: Palette) -> list[Run]:
        marked = self.machine.marked
        if marked is None:
            return []
        when = clock_text(marked.snapshot.timestamp, self.now)
        pieces: list[Run] = [(f"= {when}", colours.primary + Style(bold=True))]
        change = self.comparison
        if change is None or change.marked == change.shown:
            return [*pieces, ("  marked: go elsewhere to see what changed", colours.dim)]
        words = [f"{count} {what}" for what in (STARTED, ENDED, SUBMITTED) if (count := change.count(what))]
        words.append(f"{change.cores:+,} cores in use")
        if change.nodes:
            words.append(f"{len(change.nodes)} nodes changed")
        return [
            *pieces,
            (f"  {'until' if change.is_backwards else 'since'} then {', '.join(words)}", colours.plain),
        ]

    def _picture(self, rows: int, colours: Palette) -> list[list[Run]]:
        """The columns from the top row down; the shown instant's has the cursor's background."""
        lines = [list(line) for line in self._without_cursor(rows, colours)]
        cursor = colours.cursor if self.has_focus else colours.cursor_blurred
        # Where both are in one column, the cursor is what counts.
        under = {self._column(self._marked_at): colours.marked, self._column(self.machine.asked): cursor}
        for place, look in under.items():
            for line in lines if 0 <= place < len(self._shares) else ():
                text, style = line[place + 1]
                line[place + 1] = (text, style + look)
        return lines

    def _without_cursor(self, rows: int, colours: Palette) -> list[list[Run]]:
        made_of = (rows, colours, self._glyphs)
        if self._drawn[0] != made_of:
            levels = ASCII_LEVELS if self._glyphs == "ascii" else LEVELS
            lines: list[list[Run]] = []
            for row in range(rows - 1, -1, -1):
                cells = [
                    self._cell(share, recorded, row, rows, levels, colours)
                    for share, recorded in zip(self._shares, self._recorded, strict=True)
                ]
                lines.append([(" " * _MARGIN, colours.plain), *cells])
            self._drawn = (made_of, lines)
        return self._drawn[1]

    def _cell(
        self, share: Share | None, recorded: bool, row: int, rows: int, levels: str, colours: Palette
    ) -> Run:
        if share is None:
            # Something was kept, but not how full it was.
            return (levels[0], colours.faint) if recorded and row == 0 else (" ", colours.plain)
        steps = len(levels)
        filled = max(1, round(min(1.0, share.used) * rows * steps)) - row * steps
        theirs = round(min(1.0, share.theirs) * rows * steps) - row * steps
        if self.user is not None and theirs > 0:
            # A cell has one foreground: what lies above theirs shows as its background, if it fills the rest.
            behind = Style(bgcolor=colours.faint.color) if filled >= steps > theirs else Style()
            return levels[min(steps, theirs) - 1], colours.accent + behind
        look = colours.faint if self.user is not None else colours.used
        # Blanks look like that, too: one run of a line instead of one for each column.
        return levels[min(steps, filled) - 1] if filled > 0 else " ", look

    @property
    def _marked_at(self) -> float | None:
        marked = self.machine.marked
        return None if marked is None else marked.snapshot.timestamp

    def _column(self, time: float | None) -> int:
        """The column of an instant; -1 for none."""
        start, end = self._range
        if time is None or end <= start or not self._columns:
            return -1
        return max(0, min(self._columns - 1, int((time - start) * self._columns / (end - start))))

    def _hours(self) -> str:
        """Round times below the columns in which they lie."""
        start, end = self._range
        mark = "'" if self._glyphs == "ascii" else "╵"
        text = ""
        for tick in time_ticks(start, end, max(1, self._columns // _CELLS_PER_TICK)):
            place = self._column(tick.time)
            written = f"{mark}{tick.text}"
            if place >= len(text):
                # Near the edge there may be room for nothing but the mark.
                fits = place + len(written) <= self._columns
                text = text.ljust(place) + (f"{written} " if fits else mark)
        return " " * _MARGIN + text
