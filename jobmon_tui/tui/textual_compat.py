"""What must be reached into Textual for: writing less to the terminal, and all of it at the size that it has.

Seven shortcomings of Textual 8.2 are made up for. Three cost most of the bytes of a picture of small cells:

- A region that is refreshed is cropped only on its right: everything from the left edge of its widget is
  written again, once for each region of a line (`ChopsUpdate.render_segments`, "TODO: crop to x extents").
- Every segment is written with all of its colours and a reset behind it, also where its neighbour has the
  same background.
- The whole screen is painted again whenever another widget gets the focus (`Screen.focused` is a reactive
  that repaints), though the two widgets concerned refresh themselves.

Two cost time and memory:

- Frames are made whether or not the terminal takes them. Up to thirty wait in a queue, then the whole app
  waits; on a slow line a key is answered many seconds later (`WriterThread`).
- A widget that paints line by line remembers each region that was ever refreshed (`Widget._dirty_regions`,
  which only `Widget.render` empties), so that a display nobody touches grows for weeks.

Two leave most of a terminal blank whose size changes twice in short order, until it changes once more:

- The size is asked for in the handler of a signal. A second signal may interrupt the handler of the first
  between asking and telling: the older size is then told last, and stays (`LinuxDriver`, `send_size_event`).
- A screen tells itself, behind all that waits, of each size that it is laid out for. While it is busy, that
  takes the place of a newer size which waits just before it (`Screen._refresh_layout`).

`install` puts writers in their place that crop on both sides, leave out what the terminal shows already (see
`shadow`) and write only the colours that change; lets the focus move without a repaint of the screen; leaves
frames out while others wait; lets go of the regions; and goes by the size that the terminal has, whichever
was told. It does so only with the versions of Textual that
this was compared with, screen for screen; with any other version nothing is touched, `crops_left` says so,
and widgets then ask for one region a line at most.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual import _compositor as compositor
from textual import events
from textual.app import App
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.strip import SGR_STYLES, Strip
from textual.widget import Widget

from jobmon_tui.tui.shadow import Shadow

TESTED = frozenset(f"8.2.{patch}" for patch in range(9))
"""The versions of Textual whose compositor is known to be the one that this module takes the place of."""

MOST_WAITING = 3
"""Pieces of output that may wait for the terminal; a frame is three: its beginning, itself, its end."""

_RESET = "\x1b[0m"
_originals: list[tuple[type, str, Any]] = []
"""What was replaced: its class, its name and what it was."""


def textual_version() -> str:
    """The installed version of Textual."""
    from textual import __version__

    return __version__


def install() -> bool:
    """Let Textual write less, if this version of Textual is one that was tested. May be called again.

    Returns:
        Whether the writers are in place.
    """
    if _originals:
        return True
    if textual_version() not in TESTED:
        return False
    _repaint_on_focus(False)
    for kind, name, replacement in (
        (compositor.ChopsUpdate, "render_segments", _write_chops),
        (compositor.LayoutUpdate, "render_segments", _write_layout),
        (Screen, "_on_timer_update", _update_unless_behind),
        (App, "_check_resize", _forget_and_resize),
        (Screen, "_screen_resized", _resize_to_app),
        (Widget, "_exchange_repaint_regions", _exchange_and_forget),
    ):
        _originals.append((kind, name, getattr(kind, name)))
        setattr(kind, name, replacement)
    return True


def uninstall() -> None:
    """Give Textual its own ways back."""
    _repaint_on_focus(True)
    for kind, name, original in _originals:
        setattr(kind, name, original)
    _originals.clear()
    _shadows.clear()


def crops_left() -> bool:
    """Whether a small region costs only its own cells; if not, ask for one region a line at most."""
    return bool(_originals)


def _repaint_on_focus(repaint: bool) -> None:
    Screen.__dict__["focused"]._repaint = repaint


def _original(kind: type, name: str) -> Any:
    return next(found for owner, which, found in _originals if owner is kind and which == name)


def _update_unless_behind(self: Screen[Any]) -> None:
    """Paint what has changed, or leave it for the next turn while the terminal still takes earlier frames."""
    if pieces_waiting(self.app) <= MOST_WAITING:
        _original(Screen, "_on_timer_update")(self)


def pieces_waiting(app: App[Any]) -> int:
    """Pieces of output that the terminal has not taken yet; 0 where that cannot be told."""
    writer = getattr(app._driver, "_writer_thread", None)
    return writer._queue.qsize() if writer is not None else 0


def forget_screen(app: App[Any]) -> None:
    """Take nothing for granted of what the terminal shows: the next frame is written whole."""
    shadow = _shadows.get(app.console)
    if shadow is not None:
        shadow.forget_all()


def _forget_and_resize(self: App[Any]) -> None:
    """A terminal that was given another size, be it only for a moment, may have lost anything."""
    forget_screen(self)
    event = self._resize_event
    if event is not None:
        event = self._resize_event = _at_present_size(self, event)
    _original(App, "_check_resize")(self)
    if event is not None and self.screen_stack and event.size == self.screen._compositor.size:
        # No layout follows from the size that it has already.
        self.screen.refresh()


def _at_present_size(app: App[Any], told: events.Resize) -> events.Resize:
    """What was told of the terminal's size, or what it is by now if that is another."""
    driver: Any = app._driver
    # Only the driver that is told by signals can be wrong: a terminal that tells its size keeps the order.
    if getattr(driver, "_in_band_window_resize", True):
        return told
    size = Size(*driver._get_terminal_size())
    if size == told.size:
        return told
    app._size = size
    return events.Resize(size, size)


def _resize_to_app(self: Screen[Any], _told: Size) -> None:
    """Lay the screen out for the size that the terminal has, which the one told may not be any more."""
    _original(Screen, "_screen_resized")(self, self.app.size)


def _exchange_and_forget(self: Widget) -> Collection[Region]:
    """The regions to paint; of a widget that paints line by line, nothing else is remembered of them."""
    regions: Collection[Region] = _original(Widget, "_exchange_repaint_regions")(self)
    if type(self).render_line is not Widget.render_line:
        self._dirty_regions.clear()
    return regions


class _Look(NamedTuple):
    """A style as three parts of an escape sequence; empty where the terminal's own is meant."""

    attributes: str
    foreground: str
    background: str


_PLAIN_LOOK = _Look("", "", "")


@lru_cache(maxsize=16384)
def _look(style: Style, system: ColorSystem) -> _Look:
    attributes = style._attributes & style._set_attributes
    numbers = [SGR_STYLES[bit] for bit in range(attributes.bit_length()) if attributes & (1 << bit)]
    foreground, background = style.color, style.bgcolor
    return _Look(
        ";".join(numbers),
        ";".join(foreground.downgrade(system).get_ansi_codes()) if foreground else "",
        ";".join(background.downgrade(system).get_ansi_codes(foreground=False)) if background else "",
    )


_shadows: WeakKeyDictionary[Console, Shadow] = WeakKeyDictionary()
"""What the terminal of each console shows, since its whole screen was last written."""


class _Writer:
    """Collects what goes to the terminal and knows where its cursor stands and which colours are on.

    Args:
        console: Tells which colours the terminal has.
        skip: Whether to leave out what the terminal shows already.
    """

    def __init__(self, console: Console, *, skip: bool) -> None:
        self._shadow = _shadows.get(console)
        self._skip = skip
        self._system = console._color_system or ColorSystem.TRUECOLOR
        self._out: list[str] = []
        self._current = _PLAIN_LOOK
        self._place: tuple[int, int] | None = None

    def put(self, x: int, y: int, text: str, style: Style | None) -> None:
        """Have text in that style at that cell (0-based)."""
        look = _look(style, self._system) if style is not None else _PLAIN_LOOK
        link = style._link if style is not None else None
        is_plain = _is_plain(text)
        shadow = self._shadow
        if shadow is not None and (link or not is_plain):
            # Who knows how many cells the terminal gives it, and what becomes of a link.
            shadow.forget(x, y, cell_len(text))
        elif shadow is not None and self._skip:
            for start, part in shadow.changes(x, y, text, look):
                self._write(start, y, part, look)
            return
        elif shadow is not None:
            shadow.put(x, y, text, look)
        if link and style is not None:
            text = f"\x1b]8;id={style._link_id};{link}\x1b\\{text}\x1b]8;;\x1b\\"
        self._write(x, y, text, look)
        if link or not is_plain:
            # Terminals disagree on how wide some characters are: behind those, say again where to write.
            self._place = None

    def _write(self, x: int, y: int, text: str, look: _Look) -> None:
        out = self._out
        if self._place != (x, y):
            out.append(f"\x1b[{y + 1};{x + 1}H")
        if look is not self._current and look != self._current:
            out.append(self._change(look))
            self._current = look
        out.append(text)
        self._place = (x + len(text), y)

    def _change(self, look: _Look) -> str:
        """The escape sequence from the current look to that one."""
        current = self._current
        if look.attributes != current.attributes:
            codes = [part for part in look if part]
            return f"\x1b[0;{';'.join(codes)}m" if codes else _RESET
        codes = []
        if look.foreground != current.foreground:
            codes.append(look.foreground or "39")
        if look.background != current.background:
            codes.append(look.background or "49")
        return f"\x1b[{';'.join(codes)}m"

    def text(self) -> str:
        """Everything, with the terminal's own colours restored at the end."""
        if self._current != _PLAIN_LOOK:
            self._out.append(_RESET)
            self._current = _PLAIN_LOOK
        return "".join(self._out)


@lru_cache(maxsize=8192)
def _is_plain(text: str) -> bool:
    """Whether each of its characters takes one cell everywhere."""
    return text.isascii() or (
        len(text) == cell_len(text) and all(cell_len(character) == 1 for character in text)
    )


def _write_chops(self: compositor.ChopsUpdate, console: Console) -> str:
    writer = _Writer(console, skip=True)
    for y, spans in _spans_by_line(self.spans):
        for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
            if strip is not None:
                inside = [(max(x, x1), min(end, x2)) for x1, x2 in spans if x1 < end and x2 > x]
                if inside:
                    _put_spans(writer, strip, x, y, inside)
    return writer.text()


def _write_layout(self: compositor.LayoutUpdate, console: Console) -> str:
    # The whole screen, as after a change of its size: nothing of what it showed before counts.
    _shadows.pop(console, None)
    if self.region.offset == (0, 0):
        _shadows[console] = Shadow(*self.region.size)
    writer = _Writer(console, skip=False)
    for y, line in enumerate(self.strips, self.region.y):
        x = self.region.x
        for strip in line:
            for text, style, control in strip:
                if control or not text:
                    continue
                writer.put(x, y, text, style)
                x += cell_len(text)
    return writer.text()


def _spans_by_line(
    spans: Iterable[tuple[int, int, int]],
) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """The spans of each line; they come sorted and do not overlap."""
    lines: dict[int, list[tuple[int, int]]] = {}
    for y, x1, x2 in spans:
        lines.setdefault(y, []).append((x1, x2))
    return iter(lines.items())


def _put_spans(writer: _Writer, strip: Strip, x: int, y: int, spans: list[tuple[int, int]]) -> None:
    """Write the parts of one strip that lie in the spans: one walk over its segments, however many."""
    remaining = iter(spans)
    start, stop = next(remaining)
    for text, style, control in strip:
        if control or not text:
            continue
        end = x + cell_len(text)
        while start < end:
            if stop > x:
                left, piece = (x, text) if start <= x and stop >= end else _piece(text, x, start, stop)
                if piece:
                    writer.put(left, y, piece, style)
            if stop > end:
                break
            span = next(remaining, None)
            if span is None:
                return
            start, stop = span
        x = end


def _piece(text: str, x: int, start: int, stop: int) -> tuple[int, str]:
    """The part of a text at cell ``x`` that lies between two cells, and where it begins.

    A wide character across an edge is taken whole: half of it cannot be written.
    """
    if _is_plain(text):
        first = max(0, start - x)
        return x + first, text[first : stop - x]
    first, last, begin = len(text), len(text), x
    before = x
    for place in range(len(text)):
        after = x + cell_len(text[: place + 1])
        if after > start and first == len(text):
            first, begin = place, before
        if before >= stop and after > before:
            last = place
            break
        before = after
    return begin, text[first:last]
