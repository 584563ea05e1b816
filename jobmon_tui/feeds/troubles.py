"""What is wrong at present, logged when it begins and when it is over, not each time it is met."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from jobmon_tui.model.text import printable
from jobmon_tui.model.times import age_text

logger = logging.getLogger(__name__)

_MOST = 200
"""Things that may be wrong at a time; what a site's code calls its troubles is not for us to bound."""
_MOST_MESSAGES = 20
"""Different messages about one thing that are logged; some have a number in them that never repeats."""
_LONGEST = 500


@dataclass(slots=True)
class Trouble:
    """One thing that is wrong."""

    message: str
    """What was said of it last."""
    hint: str
    since: float
    """Unix seconds."""
    said: set[str] = field(default_factory=set)
    """Every message that was logged since it began."""


class Troubles:
    """Keeps what is wrong, by the name of what it is wrong with."""

    def __init__(self) -> None:
        self._current: dict[str, Trouble] = {}

    @property
    def current(self) -> Mapping[str, Trouble]:
        """What is wrong now."""
        return MappingProxyType(self._current)

    def tell(
        self, what: str, now: float, message: str, hint: str = "", fault: BaseException | None = None
    ) -> None:
        """Note that something is wrong; logged the first time that this is said of it.

        Args:
            what: What it is wrong with: ``spool``, ``source ganglia``.
            now: Unix seconds.
            message: What is wrong, in a line.
            hint: What to do about it.
            fault: Logged with its traceback: nobody foresaw it.
        """
        message, hint = printable(message, _LONGEST), printable(hint, _LONGEST)
        trouble = self._current.get(what)
        if trouble is None:
            if len(self._current) >= _MOST:
                return
            trouble = self._current[what] = Trouble(message, hint, now)
        trouble.message, trouble.hint = message, hint
        if message not in trouble.said and len(trouble.said) < _MOST_MESSAGES:
            trouble.said.add(message)
            advice = f" ({hint})" if hint else ""
            logger.warning("%s: %s%s", what, message, advice, exc_info=fault)

    def over(self, what: str, now: float) -> None:
        """Note that it is well; logged if it was not."""
        trouble = self._current.pop(what, None)
        if trouble is not None:
            logger.info("%s: well again after %s", what, age_text(now - trouble.since))

    def only(self, beginning: str, wrong: Collection[str], now: float) -> None:
        """Note that of everything whose name begins so, nothing but these is wrong."""
        for what in [one for one in self._current if one.startswith(beginning) and one not in wrong]:
            self.over(what, now)
