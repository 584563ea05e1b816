"""How a filter is written: text to terms, with an error that points at the place.

``train user:asr -state:pending cores>=32 name:"my job"`` is a row of terms that must all hold. A term is a
free word or a field, an operator and values; a comma separates alternatives, ``-`` or ``!`` in front turns it
round, quotes keep blanks, commas and asterisks as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jobmon_tui.errors import JobmonError

_FIELD = re.compile(r"([A-Za-z_]+)(?:(:?(?:!=|==?)|:(?![<>]))|\s*:?(>=|<=|>|<)\s*)")
_BARE_WORD = re.compile(r"\S+")
_BARE_VALUE = re.compile(r"[^\s,]+")
_BLANK = re.compile(r"\s*")
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@/-]*\Z")
_GLOB = re.compile(r"[*?]")


class FilterError(JobmonError):
    """A filter that cannot be understood (yet: it may be half typed).

    Args:
        message: What is wrong, in one line.
        position: The offset of the character where it goes wrong; the length of the text at its end.
        expected: What could stand there, in words.
        hint: What to write instead.
    """

    def __init__(self, message: str, position: int, expected: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint)
        self.position = position
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a term, or a free word."""

    text: str
    """Without its quotes."""
    is_quoted: bool
    position: int
    """Where it begins in the filter."""

    @property
    def is_glob(self) -> bool:
        """Whether ``*`` and ``?`` in it stand for other characters."""
        return not self.is_quoted and _GLOB.search(self.text) is not None

    def glob(self, filler: str = ".") -> re.Pattern[str]:
        """It as a pattern for text in folded case.

        Args:
            filler: The pattern of one character that ``*`` and ``?`` may stand for.
        """
        parts = (
            {"*": f"{filler}*", "?": filler}.get(character, re.escape(character))
            for character in self.text.casefold()
        )
        return re.compile("".join(parts), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Term:
    """One condition."""

    is_negated: bool
    field: str
    """As typed, in lower case; empty for a free word."""
    operator: str
    """``:``, ``=``, ``!=``, ``>``, ``>=``, ``<`` or ``<=``; empty for a free word."""
    values: tuple[Value, ...]
    """Alternatives; at least one."""
    start: int
    end: int
    """Where it stands in the filter, with its sign."""

    @property
    def head(self) -> str:
        """The field with its operator, as typed (``user:``)."""
        return self.field + self.operator


def quote(value: str) -> str:
    """A value as it has to be written to mean just itself: quoted where it needs to be."""
    if _NEEDS_NO_QUOTES.match(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_terms(text: str) -> tuple[Term, ...]:
    """Cut a filter into its terms; knows no fields.

    Raises:
        FilterError: A quote is not closed, or nothing follows a sign, an operator or a comma.
    """
    terms: list[Term] = []
    position = _skip_blanks(text, 0)
    while position < len(text):
        term = _term(text, position)
        terms.append(term)
        position = _skip_blanks(text, term.end)
    return tuple(terms)


def _skip_blanks(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _term(text: str, start: int) -> Term:
    position = start
    is_negated = text[position] in "-!"
    if is_negated:
        position += 1
        if position == len(text) or text[position].isspace():
            message = f"expected a word or a field after {text[start]}"
            raise FilterError(message, position, ("a word", "a field"))
    match = _FIELD.match(text, position)
    if match is None:
        word, end = _value(text, position, _BARE_WORD)
        return Term(is_negated, "", "", (word,), start, end)
    operator = (match[2] or match[3]).removeprefix(":") or ":"
    values, end = _values(text, match.end())
    return Term(is_negated, match[1].lower(), "=" if operator == "==" else operator, values, start, end)


def _values(text: str, position: int) -> tuple[tuple[Value, ...], int]:
    """The alternatives from there on; none where the text ends or a blank follows."""
    values: list[Value] = []
    while position < len(text) and not text[position].isspace():
        if text[position] == ",":
            raise FilterError("expected a value before the comma", position, ("a value",))
        value, position = _value(text, position, _BARE_VALUE)
        values.append(value)
        if position == len(text) or text[position] != ",":
            break
        position += 1
        if position == len(text) or text[position].isspace():
            raise FilterError("expected another value after the comma", position, ("a value",))
    return tuple(values), position


def _value(text: str, position: int, bare: re.Pattern[str]) -> tuple[Value, int]:
    if text[position] in "\"'":
        return _quoted(text, position)
    match = bare.match(text, position)
    assert match is not None  # the caller saw something other than a blank
    return Value(match[0], False, position), match.end()


def _quoted(text: str, start: int) -> tuple[Value, int]:
    mark = text[start]
    characters: list[str] = []
    position = start + 1
    while position < len(text) and text[position] != mark:
        if text[position] == "\\" and text[position + 1 : position + 2] in ('"', "'", "\\"):
            position += 1
        characters.append(text[position])
        position += 1
    if position >= len(text):
        raise FilterError(f"expected a closing {mark}", len(text), (mark,))
    position += 1
    if position < len(text) and not text[position].isspace() and text[position] != ",":
        raise FilterError("expected a blank after the closing quote", position, ("a blank", "a comma"))
    return Value("".join(characters), True, start), position
