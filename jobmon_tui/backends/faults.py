"""What happens when a site's code fails: it costs one reading, is told once, and never ends the cycle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from jobmon_tui.backends.shapes import ShapeError
from jobmon_tui.errors import JobmonError, PluginError
from jobmon_tui.model.snapshot import SourceStatus

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

PLUGIN_FAILURES = (Exception, SystemExit)
"""What a site's code may raise without ending jobmon; a Ctrl-C still ends it."""
_CALLERS = frozenset((__file__, str(Path(__file__).with_name("loading.py"))))
"""Our files that call a site's code: an error whose last line is there arose in the call itself."""
_LONGEST_MESSAGE = 300
_NAMED_ITEMS = 3
HINT = "Correct the backend, or choose another one with --backend."


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a site's code something failed."""

    file: str
    line: int
    method: str

    def __str__(self) -> str:
        where = f"{self.file} line {self.line}" if self.line else self.file
        return f"{where}, in {self.method}()" if self.method else where


@dataclass(slots=True)
class _Failure:
    """What happened at one place in one cycle."""

    place: Place
    message: str
    items: list[str]
    count: int = 0


def describe(error: BaseException) -> str:
    """An exception in one line of bounded length, even one that cannot be turned into a string."""
    try:
        words = " ".join(str(error).split())
    except PLUGIN_FAILURES:
        words = "(it cannot say what)"
    if isinstance(error, JobmonError | ShapeError):
        described = words
    else:
        described = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return described if len(described) <= _LONGEST_MESSAGE else described[: _LONGEST_MESSAGE - 1] + "…"


def place_of(
    error: BaseException, files: Collection[str], function: Callable[..., object] | None = None
) -> Place:
    """Where an exception arose: the last line in one of these files, or the very last one if it is in none.

    Args:
        error: The exception.
        files: The files whose author is to be told.
        function: What was called, if it was a method of the contract: that name is told, rather than the name
            of whatever helper it called.
    """
    method = getattr(function, "__name__", "")
    if isinstance(error, SyntaxError) and error.filename:
        return Place(error.filename, error.lineno or 0, method)
    found = _last_frame(error.__traceback__, files) or _last_frame(error.__traceback__, None)
    if found is None or found[0] in _CALLERS:
        # It never got as far as the site's code: it takes other arguments than the contract gives.
        return _place_of_definition(function, files)
    file, line, name = found
    return Place(file, line, method or ("" if name.startswith("<") else name))


def call_or_fail(
    function: Callable[..., Any],
    *arguments: object,
    files: Collection[str],
    read: Callable[[Any], Result],
) -> Result:
    """What a method returns that a cycle cannot do without, as ``read`` understands it.

    Raises:
        PluginError: It failed or answered nonsense; names the file, the line and the method.
        JobmonError: It said itself what is wrong.
    """
    try:
        return read(function(*arguments))
    except JobmonError:
        raise
    except ShapeError as error:
        raise PluginError(f"{_place_of_definition(function, files)}: {describe(error)}", HINT) from error
    except PLUGIN_FAILURES as error:
        raise PluginError(f"{place_of(error, files, function)}: {describe(error)}", HINT) from error


class Guard:
    """Calls a site's methods so that one that fails costs one reading.

    Lives as long as its backend: it knows what was logged already and since when something fails.
    """

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], _Failure] = {}
        self._failing_since: dict[tuple[str, str], float] = {}
        self._logged: set[tuple[str, str]] = set()

    def begin(self) -> None:
        """Forget the failures of the last cycle, but not that they were logged."""
        self._failures = {}

    def call(
        self,
        function: Callable[..., object],
        *arguments: object,
        files: Collection[str],
        read: Callable[[Any], Result],
    ) -> Result | None:
        """What a method returns, as ``read`` understands it; ``None`` where it failed or answered nonsense.

        Args:
            function: The bound method.
            arguments: Its arguments; the first one names the node or job that the failure is about.
            files: The source files of the backend.
            read: Turns the answer into the model's type; raises `ShapeError`.
        """
        try:
            return read(function(*arguments))
        except ShapeError as error:
            self._note(_place_of_definition(function, files), error, arguments)
        except PLUGIN_FAILURES as error:
            self._note(place_of(error, files, function), error, arguments)
        return None

    def statuses(self, time: float) -> tuple[SourceStatus, ...]:
        """A status for each place that failed since `begin`.

        Args:
            time: Now, in Unix seconds.
        """
        self._failing_since = {key: self._failing_since.get(key, time) for key in self._failures}
        return tuple(
            SourceStatus(
                name=f"{Path(failure.place.file).name}: {failure.place.method}()",
                ok=False,
                error=f"{failure.place}: {failure.message}{_about(failure)}",
                hint="Those readings are unknown; the rest is good.",
                failing_since=self._failing_since[key],
            )
            for key, failure in self._failures.items()
        )

    def _note(self, place: Place, error: BaseException, arguments: tuple[object, ...]) -> None:
        # Keyed by place, not by message: messages tend to hold the node's name.
        key = (f"{place.file}:{place.line}", place.method)
        failure = self._failures.get(key)
        if failure is None:
            failure = self._failures[key] = _Failure(place, describe(error), [])
        failure.count += 1
        if len(failure.items) < _NAMED_ITEMS and arguments and isinstance(arguments[0], str):
            failure.items.append(arguments[0][:80])
        if key not in self._logged:
            self._logged.add(key)
            logger.warning("%s: %s", place, describe(error), exc_info=error)


def _about(failure: _Failure) -> str:
    if not failure.items:
        return ""
    names = ", ".join(failure.items) + (", ..." if failure.count > len(failure.items) else "")
    return f" (for {names})" if failure.count == 1 else f" (for {failure.count}: {names})"


def _last_frame(
    traceback: TracebackType | None, files: Collection[str] | None
) -> tuple[str, int, str] | None:
    found = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if files is None or code.co_filename in files:
            found = (code.co_filename, traceback.tb_lineno, code.co_name)
        traceback = traceback.tb_next
    return found


def _place_of_definition(function: Callable[..., object] | None, files: Collection[str]) -> Place:
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    name = getattr(function, "__name__", "")
    if code is None:
        return Place(next(iter(files), "the backend"), 0, name)
    return Place(code.co_filename, code.co_firstlineno, name)
