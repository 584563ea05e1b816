"""Draws the cores, GPUs and memory of one node as runs, line by line; the core grid shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich.style import Style

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.analysis.readings import gib
from jobmon_tui.model.snapshot import CpuTimes, Node
from jobmon_tui.model.text import printable
from jobmon_tui.tui.paint import Run, cells, fit, runs_width, shorten
from jobmon_tui.tui.theme import HEAT_STEPS, JOB_SHADES, Palette
from jobmon_tui.tui.widgets.bars import bar, stacked_bar
from jobmon_tui.tui.widgets.core_rows import (
    BEYOND,
    CoreRow,
    cpu_count,
    holders_of,
    own_memory,
    rows_of,
)
from jobmon_tui.tui.widgets.heatmap_cells import ASCII_HEAT, HEAT

Mode = Literal["holder", "use"]
"""``holder`` says who holds each core, ``use`` adds what each core does."""
Line = list[Run]

OWN = "█"
"""A core of the job that is looked at."""
OTHERS = "▅"
"""What others have, in bars: lower, so that it can be told from one's own without colour."""
FREE = "·"
"""A core that nobody holds."""
NARROW = 40
"""Below this width labels are short and cells are single."""
SHORTEST_BAR = 10
"""A bar with fewer cells than that gets a line of its own."""
LEGEND_ENTRY = 38
"""Columns of one entry of the legend; there are as many beside each other as fit."""
NOTICEABLE = 10.0
"""% of a core from which on system time or waiting can be what it mainly does."""
MEMORY_WORDS = 34
"""Room kept for the amounts beside a bar, so that the bars of all lines end below each other."""


class NodePainter:
    """Draws one node once: the parts of the picture share who holds what, the colours and the width.

    Args:
        index: The snapshot.
        node: One of its nodes.
        job_id: The job whose part stands out; ``None`` for none.
        width: Columns there are.
        colours: The palette.
        base: The widget's own style; its background is the colour of the letters on coloured bands.
        ascii_only: Draw with ASCII characters only.
    """

    def __init__(
        self,
        index: SnapshotIndex,
        node: Node,
        job_id: str | None,
        *,
        width: int,
        colours: Palette,
        base: Style,
        ascii_only: bool = False,
    ) -> None:
        self.index, self.node, self.job_id = index, node, job_id
        self.job = index.snapshot.jobs.get(job_id) if job_id is not None else None
        self.colours, self.width = colours, width
        self.on_shade = base.bgcolor
        self.holders = holders = holders_of(index, node, job_id)
        self.ascii_only = ascii_only
        self.own = "#" if ascii_only else OWN
        self.others = "=" if ascii_only else OTHERS
        self.free = "." if ascii_only else FREE
        self.levels = ASCII_HEAT if ascii_only else HEAT
        self.label_width = 9 if width >= NARROW else 4
        self.cpus = cpu_count(node, holders.cores)

    def label(self, text: str) -> Run:
        """What stands at the left of a line."""
        return (fit(text[: self.label_width - 1], self.label_width), self.colours.dim)

    # Cores

    def cores(self, mode: Mode) -> list[Line]:
        """The sum in words, then the cores socket by socket."""
        lines = [[(line, self.colours.plain)] for line in wrapped(self._summary(), self.width)]
        if self.cpus <= 0:
            return lines
        if self.holders.unplaced and not self.holders.cores and mode == "holder":
            fraction = (self.node.cpus_allocated or 0) / self.cpus
            room = self.width - self.label_width
            track = bar(fraction, room, self.colours.primary, self.colours.faint, ascii_only=self.ascii_only)
            return [*lines, [self.label("cores"), *track]]
        room = max(1, self.width - self.label_width)
        widest = max(len(row.cpus) for row in rows_of(self.node, self.cpus, self.cpus))
        # Single cells where that saves a wrapped line; else double ones, which are nearly square.
        cell = 1 if self.width < NARROW or widest <= room < 2 * widest else 2
        measured = mode == "use" and self.node.cpu is not None and len(self.node.cpu.cores) > 0
        for row in rows_of(self.node, self.cpus, max(1, room // cell)):
            lines.append([self._row_label(row), *self._holder_cells(row, cell)])
            if measured:
                lines.append([self.label("  use"), *self._use_cells(row, cell)])
        if mode == "use" and not measured:
            lines.append([(shorten("Nothing measures what each core does.", self.width), self.colours.dim)])
        return lines

    def _summary(self) -> list[str]:
        total = self.cpus if self.cpus else None
        own = sum(1 for holder in self.holders.cores.values() if holder == self.job_id)
        held = len(self.holders.cores)
        if total is None:
            return ["cores unknown"]
        if self.holders.unplaced and not held:
            return [f"{self.node.cpus_allocated} of {total} cores allocated", "which ones is not known"]
        others = held - own
        threads = self.node.threads_per_core or 1
        physical = (self.node.sockets or 0) * (self.node.cores_per_socket or 0)
        words = [
            f"{total} threads of {physical} cores"
            if threads * physical == total > physical
            else f"{total} cores"
        ]
        if self.job is not None:
            words.append(f"{own} its own")
            words.append(f"{others} others'")
        else:
            words.append(f"{others} allocated")
        if self.holders.is_complete:
            words.append(f"{max(0, total - held)} free")
        elif self.holders.unplaced:
            words += [f"{self.holders.unplaced} more allocated", "which ones is not known"]
        else:
            words.append("the rest not known")
        return words

    def _row_label(self, row: CoreRow) -> Run:
        if row.part:
            return self.label("")
        long = self.width >= NARROW
        return self.label(f"socket {row.socket}" if long else f"s{row.socket}")

    def _holder_cells(self, row: CoreRow, cell: int) -> list[Run]:
        return [self._holder_cell(self.holders.of_core(cpu), cell) for cpu in row.cpus]

    def _holder_cell(self, holder: str, cell: int) -> Run:
        if holder == "free":
            return (self.free.ljust(cell), self.colours.faint)
        if holder == "unknown":
            return ("?".ljust(cell), self.colours.dim)
        if holder == self.job_id:
            return (self.own * cell, self.colours.accent)
        return (self.holders.letters.get(holder, BEYOND).ljust(cell), self._shade(holder))

    def _shade(self, job_id: str) -> Style:
        """The job's colour behind its letter: a band of it can be seen, the letter can be read."""
        place = list(self.holders.letters).index(job_id) if job_id in self.holders.letters else 0
        shade = self.colours.jobs[place % JOB_SHADES]
        return Style(color=self.on_shade, bgcolor=shade.color)

    def _use_cells(self, row: CoreRow, cell: int) -> list[Run]:
        readings = self.node.cpu.cores if self.node.cpu else ()
        drawn = []
        for cpu in row.cpus:
            glyph, style = self._use(readings[cpu] if cpu < len(readings) else None)
            drawn.append((glyph * cell if glyph in self.levels else glyph.ljust(cell), style))
        return drawn

    def _use(self, times: CpuTimes | None) -> Run:
        """A block as high as the core is busy; a letter where it is busy with other things than the job."""
        if times is None:
            return ("?", self.colours.dim)
        user = times.user + times.nice
        if times.wait >= NOTICEABLE and times.wait > max(user, times.system):
            return ("w", self.colours.wait)
        if times.system >= NOTICEABLE and times.system > user:
            return ("s", self.colours.system)
        step = min(HEAT_STEPS - 1, max(0, int(times.busy / 100 * HEAT_STEPS)))
        return (self.levels[step], self.colours.user if step else self.colours.idle)

    # GPUs

    def gpus(self) -> list[Line]:
        """One piece for each GPU: its number, who holds it, how busy it is."""
        count = self.node.n_gpus or len(self.node.gpus or ())
        if not count:
            return []
        held = self.node.n_gpus_allocated
        if held is None and self.node.gpus_allocated is not None:
            held = len(self.node.gpus_allocated)
        known = set(self.holders.gpus) | set(self.node.gpus_allocated or ())
        pieces = [self._gpu(number, known, held) for number in range(count)]
        lines = self._flow(self.label("gpus" if self.width >= NARROW else "gpu"), pieces)
        if held is not None and held > len(known):
            words = [f"{held} of {count} GPUs allocated", "which ones is not known"]
            lines += [[(line, self.colours.dim)] for line in wrapped(words, self.width)]
        return lines

    def _gpu(self, number: int, known: set[int], held: int | None) -> Line:
        holder = self.holders.gpus.get(number)
        if holder is None and number in known:
            holder = "unknown"
        elif holder is None:
            holder = "free" if held is None or held <= len(known) else "unknown"
        gpus = self.node.gpus or ()
        use = gpus[number].utilisation if number < len(gpus) else None
        percent = "     " if use is None else f"{use:3.0f} %"
        return [
            (f"{number} ", self.colours.dim),
            self._holder_cell(holder, 2),
            (f" {percent}  ", self.colours.gpu if use else self.colours.dim),
        ]

    def _flow(self, label: Run, pieces: Sequence[Line]) -> list[Line]:
        """Pieces one after the other, in as many lines as that takes."""
        lines: list[Line] = [[label]]
        for piece in pieces:
            if len(lines[-1]) > 1 and runs_width(lines[-1]) + runs_width(piece) > self.width:
                lines.append([self.label("")])
            lines[-1].extend(piece)
        return lines

    # Memory

    def memory(self) -> list[Line]:
        """What is allocated out of all there is, and below it what is really used."""
        total = self.node.memory_total or (self.node.memory.total if self.node.memory else None)
        if not total:
            return []
        return self._memory_allocated(total) + self._memory_used(total)

    def _memory_allocated(self, total: float) -> list[Line]:
        own, allocated = own_memory(self.job, self.node), self.node.memory_allocated
        if own is None and allocated is None:
            return []
        others = max(0.0, (allocated or 0) - (own or 0))
        parts = [(own or 0.0, self.colours.accent, self.own), (others, self.colours.memory, self.others)]
        words = [] if own is None else [f"own {gib(own)}"]
        if allocated is not None:
            words.append(f"allocated {gib(allocated)}")
        return self._bar_lines("memory", parts, total, f"{', '.join(words)} of {gib(total)} GiB")

    def _memory_used(self, total: float) -> list[Line]:
        own = self.job.memory.get(self.node.name) if self.job is not None else None
        used = self.node.memory.used if self.node.memory else None
        if own is None and used is None:
            return []
        others = max(0.0, (used or 0) - (own or 0))
        parts = [(own or 0.0, self.colours.accent, self.own), (others, self.colours.memory, self.others)]
        words = [] if own is None else [f"own {gib(own)}"]
        if used is not None:
            words.append(f"in use {gib(used)}")
        return self._bar_lines("used", parts, total, f"{', '.join(words)} GiB")

    def _bar_lines(
        self, title: str, parts: Sequence[tuple[float, Style, str]], total: float, words: str
    ) -> list[Line]:
        room = self.width - self.label_width
        beside = room - MEMORY_WORDS - 2
        shares = [(amount / total, style, glyph) for amount, style, glyph in parts]
        label = self.label(title)
        text = shorten(words, MEMORY_WORDS)
        if beside >= SHORTEST_BAR:
            track = self._track(shares, beside)
            return [[label, *track, (f"  {text}", self.colours.plain)]]
        track = self._track(shares, room)
        below = [[self.label(""), (line, self.colours.plain)] for line in wrapped(words.split(", "), room)]
        return [[label, *track], *below]

    def _track(self, shares: Sequence[tuple[float, Style, str]], width: int) -> list[Run]:
        return stacked_bar(shares, max(0, width), self.colours.faint, ascii_only=self.ascii_only)

    # Legend

    def legend(self, mode: Mode) -> list[Line]:
        """Glyph by glyph who that is, in as many columns as fit."""
        width = min(self.width, LEGEND_ENTRY)
        named = [one for one, letter in self.holders.letters.items() if letter != BEYOND]
        beyond = len(self.holders.letters) - len(named)
        if self.job is not None:
            named.insert(0, self.job.job_id)
        jobs = [self.index.snapshot.jobs[one] for one in named]
        id_width = min(width // 3, max((cells(printable(job.job_id)) for job in jobs), default=0))
        user_width = min(width // 4, max((cells(printable(job.username)) for job in jobs), default=0))
        entries = [self._entry(one, width, id_width, user_width) for one in named]
        if beyond:
            entries.append([(fit(f"{BEYOND}  {beyond} more jobs", width), self.colours.dim)])
        columns = max(1, self.width // LEGEND_ENTRY)
        depth = -(-len(entries) // columns)
        lines = [[run for entry in entries[row::depth] for run in entry] for row in range(depth)]
        if mode == "use" and self.node.cpu is not None:
            lines.append(self._use_legend())
        return lines

    def _entry(self, job_id: str, width: int, id_width: int, user_width: int) -> Line:
        job = self.index.snapshot.jobs[job_id]
        cores = len(job.layout.get(self.node.name, ()))
        amount = f"{cores} {'core' if cores == 1 else 'cores'}  "
        head = self._holder_cell(job_id, 2)
        room = width - 3 - len(amount)
        words = f"{fit(job.job_id, id_width)}  {fit(job.username, user_width)}  {shorten(job.name, width)}"
        style = self.colours.strong if job_id == self.job_id else self.colours.plain
        if room < 6:
            return [head, (" " + fit(words, max(0, width - 3)), style)]
        return [head, (" " + fit(words, room - 1) + " ", style), (amount, self.colours.dim)]

    def _use_legend(self) -> Line:
        runs: Line = []
        for glyph, style, words in (
            (self.levels[-1], self.colours.user, "user"),
            ("s", self.colours.system, "system"),
            ("w", self.colours.wait, "waits for I/O"),
            (self.levels[0], self.colours.idle, "idle"),
        ):
            piece = [(glyph, style), (f" {words}   ", self.colours.dim)]
            if runs_width(runs) + runs_width(piece) <= self.width:
                runs += piece
        return runs


def wrapped(words: Sequence[str], width: int) -> list[str]:
    """Phrases joined by commas, in as many lines as they need."""
    lines: list[str] = []
    for phrase in words:
        longer = f"{lines[-1]}, {phrase}" if lines else phrase
        if lines and cells(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(shorten(phrase, width))
    return lines
