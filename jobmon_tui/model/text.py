"""Making text from outside safe for a terminal: the one place where it is done.

Job names, user names, reasons, host names and error messages come from other people. They may hold terminal
escapes, newlines, bidirectional overrides, zero-width and combining characters, or megabytes of anything.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LONGEST = 4096
"""Characters of one string that are looked at; what is beyond is cut with an ellipsis."""

_PLAIN = re.compile(r"[ -~]*\Z")
_BLANK = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")


def printable(text: object, longest: int = LONGEST) -> str:
    """Turn anything from outside into one line that cannot control a terminal.

    White space that breaks lines becomes one blank; every control, format (bidirectional, zero-width),
    surrogate, private and unassigned character becomes ``�``; combining characters that would pile up on one
    cell are kept to one; what is longer than ``longest`` is cut and ends in ``…``.

    Args:
        text: The text; anything else is turned into a string first.
        longest: The most characters to return.
    """
    string = text if isinstance(text, str) else str(text)
    if len(string) > longest:
        string = string[: longest - 1] + "…"
    if _PLAIN.match(string):
        return string
    return _clean(string)


@lru_cache(maxsize=4096)
def _clean(string: str) -> str:
    kept: list[str] = []
    combining = False
    for character in unicodedata.normalize("NFC", _BLANK.sub(" ", string)):
        if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
            # Variation selectors: terminals disagree on how wide they make what they follow.
            continue
        category = unicodedata.category(character)
        if category in ("Mn", "Me"):
            if combining or not kept:
                continue
            combining = True
            kept.append(character)
            continue
        combining = False
        kept.append("�" if category[0] == "C" else character)
    return "".join(kept)
