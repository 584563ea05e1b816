"""What a filter's terms mean: fields declared as data, compiled into quick predicates.

Text compares without regard to case. A reading that is unknown satisfies no comparison.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from jobmon_tui.analysis.filter_terms import FilterError, Term, Value
from jobmon_tui.model.units import parse_duration, parse_memory

Row = TypeVar("Row")
Predicate = Callable[[Any, Any], bool]
"""Of a row and of what is known around it (the time for jobs, the index for nodes)."""

MEMORY_EXAMPLE = "64G"
DURATION_EXAMPLE = "30m, 2h, 1d or 1-12:00"

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ":": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,15})?\Z", re.ASCII)
_PARTS = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?[smhdw])+\Z", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])", re.ASCII)
_MINUTES = {"s": 1 / 60, "m": 1.0, "h": 60.0, "d": 1440.0, "w": 10080.0}
_FORGET_AFTER = 4096
"""Different texts of one field whose answers are remembered."""


def number(text: str) -> float | None:
    """A plain number, or ``None``."""
    return float(text) if _NUMBER.match(text) else None


def mebibytes(text: str) -> float | None:
    """``64G``, ``512``, ``1.5TiB`` in MiB (powers of 1024, MiB where no unit is given), or ``None``."""
    return parse_memory(text.upper())


def minutes(text: str) -> float | None:
    """``30m``, ``1d12h``, ``unlimited`` or as Slurm writes it (``1-12:00``), in minutes, or ``None``."""
    lower = text.lower()
    if lower in ("unlimited", "infinite"):
        return float("inf")
    if _PARTS.match(lower):
        return sum(float(amount) * _MINUTES[unit] for amount, unit in _PART.findall(lower))
    return parse_duration(text)


class Memo(dict[str, bool]):
    """Remembers the answers of a test of text: 50,000 jobs have few users, states and partitions.

    Args:
        test: Asked once for each text.
    """

    __slots__ = ("_test",)

    def __init__(self, test: Callable[[str], bool]) -> None:
        super().__init__()
        self._test = test

    def __missing__(self, text: str) -> bool:
        if len(self) >= _FORGET_AFTER:
            self.clear()
        answer = self[text] = self._test(text)
        return answer


def text_test(values: Sequence[Value], *, contains: bool) -> Callable[[str], bool]:
    """Whether a text is (or contains, where asked) any of the values."""
    exact: set[str] = set()
    parts: list[str] = []
    patterns: list[re.Pattern[str]] = []
    for value in values:
        if value.is_glob:
            patterns.append(value.glob())
        elif contains and value.text:
            parts.append(value.text.casefold())
        else:
            exact.add(value.text.casefold())

    def test(text: str) -> bool:
        folded = text.casefold()
        return (
            folded in exact
            or any(part in folded for part in parts)
            or any(pattern.fullmatch(folded) for pattern in patterns)
        )

    return test


@dataclass(frozen=True, kw_only=True)
class Field(Generic[Row]):
    """Something that a filter may ask of a row."""

    names: tuple[str, ...]
    """Its name, then what else it answers to."""
    description: str
    """For the help screen."""
    example: str
    value_is: str = "a text"
    """What its value is, with an article: ``a user name``."""

    def predicate(self, term: Term) -> Predicate:
        """The test that a term of this field stands for, without its sign.

        Raises:
            FilterError: The operator or a value makes no sense for it.
        """
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class TextField(Field[Row]):
    """A field of text."""

    read: Callable[[Row], str | None]
    contains: bool = False
    """Whether ``:`` looks for a part of the text; ``=`` always means the whole."""

    def predicate(self, term: Term) -> Predicate:  # noqa: D102
        _refuse_order(term)
        remembered = Memo(text_test(term.values, contains=self.contains and term.operator == ":"))
        read = self.read
        if term.operator == "!=":
            return lambda row, _: not remembered[read(row) or ""]
        return lambda row, _: remembered[read(row) or ""]


@dataclass(frozen=True, kw_only=True)
class WordsField(Field[Row]):
    """A field of several texts, of which any may match."""

    read: Callable[[Row, Any], Iterable[str]]

    def predicate(self, term: Term) -> Predicate:  # noqa: D102
        _refuse_order(term)
        remembered = Memo(text_test(term.values, contains=False))
        read = self.read
        if term.operator == "!=":
            return lambda row, context: not any(remembered[word] for word in read(row, context))
        return lambda row, context: any(remembered[word] for word in read(row, context))


@dataclass(frozen=True, kw_only=True)
class NumberField(Field[Row]):
    """A field of numbers, in the unit that ``parse`` returns."""

    read: Callable[[Row, Any], float | None]
    parse: Callable[[str], float | None] = number
    value_is: str = "a number"

    def predicate(self, term: Term) -> Predicate:  # noqa: D102
        wanted = [self._parsed(term, value) for value in term.values]
        compare, read = _COMPARE[term.operator], self.read
        if len(wanted) > 1 and term.operator not in (":", "=", "!="):
            position = term.values[1].position
            raise FilterError(f"expected one value only after {term.head}", position, ("a blank",))
        every = all if term.operator == "!=" else any
        only = wanted[0]

        def holds(row: Row, context: object) -> bool:
            value = read(row, context)
            return value is not None and compare(value, only)

        def any_holds(row: Row, context: object) -> bool:
            value = read(row, context)
            return value is not None and every(compare(value, one) for one in wanted)

        return holds if len(wanted) == 1 else any_holds

    def _parsed(self, term: Term, value: Value) -> float:
        parsed = self.parse(value.text)
        if parsed is None:
            message = f"expected {self.value_is} after {term.head}"
            raise FilterError(message, value.position, (self.value_is,))
        return parsed


@dataclass(frozen=True, kw_only=True)
class StateField(Field[Row]):
    """A field of states: known words, abbreviations and names for several states at once."""

    read: Callable[[Row], Iterable[str]]
    """The state and whatever else counts as one, in upper case."""
    known: Sequence[str]
    """Every state there may be."""
    short: Mapping[str, str]
    """Slurm's abbreviations."""
    groups: Mapping[str, frozenset[str]]
    """Names for several states."""
    value_is: str = "a state"

    def predicate(self, term: Term) -> Predicate:  # noqa: D102
        _refuse_order(term)
        wanted = frozenset[str]().union(*(self._states(value) for value in term.values))
        patterns = [value.glob() for value in term.values if value.is_glob]
        remembered = Memo(
            lambda state: state in wanted or any(one.fullmatch(state.casefold()) for one in patterns)
        )
        read = self.read
        if term.operator == "!=":
            return lambda row, _: not any(remembered[state] for state in read(row))
        return lambda row, _: any(remembered[state] for state in read(row))

    def _states(self, value: Value) -> frozenset[str]:
        if value.is_glob:
            return frozenset()
        word = value.text.upper().replace("-", "_")
        if word.lower() in self.groups:
            return self.groups[word.lower()]
        if word in self.short:
            return frozenset({self.short[word]})
        states = frozenset(state for state in self.known if word and state.startswith(word))
        if not states:
            names = [*(state.lower() for state in self.known), *self.groups]
            raise FilterError(
                f'there is no state "{value.text}"',
                value.position,
                ("a state",),
                _did_you_mean(value.text.lower(), names),
            )
        return states


def field_named(fields: Iterable[Field[Row]], term: Term) -> Field[Row]:
    """The field that a term asks for.

    Raises:
        FilterError: There is no such field, or no value follows it.
    """
    by_name = {name: field for field in fields for name in field.names}
    found = by_name.get(term.field)
    if found is None:
        hint = _did_you_mean(term.field, list(by_name)) or "quote a text that has a : or = in it"
        position = term.start + term.is_negated
        raise FilterError(f'there is no field "{term.field}"', position, ("a field",), hint)
    if not term.values:
        message = f"expected {found.value_is} after {term.head}"
        raise FilterError(message, term.end, (found.value_is,), f"for example {found.example}")
    return found


def compile_field_term(fields: Iterable[Field[Row]], term: Term) -> Predicate:
    """The test that a term with a field stands for.

    Raises:
        FilterError: It makes no sense.
    """
    predicate = field_named(fields, term).predicate(term)
    if term.is_negated:
        return lambda row, context: not predicate(row, context)
    return predicate


def compile_words(terms: Iterable[Term], haystack: Callable[[Any], str]) -> Predicate | None:
    """One test for all free words, so that the text to look at is put together once for each row.

    Args:
        terms: Free words only.
        haystack: All text of a row in folded case, its parts on lines of their own.
    """
    inside: list[str] = []
    absent: list[str] = []
    patterns: list[tuple[re.Pattern[str], bool]] = []
    for term in terms:
        value = term.values[0]
        if value.is_glob:
            patterns.append((value.glob(r"[^\n]"), not term.is_negated))
        elif term.is_negated:
            absent.append(value.text.casefold())
        else:
            inside.append(value.text.casefold())
    if not (inside or absent or patterns):
        return None
    if len(inside) == 1 and not absent and not patterns:
        word = inside[0]
        return lambda row, _: word in haystack(row)

    def predicate(row: object, _: object) -> bool:
        text = haystack(row)
        for word in inside:
            if word not in text:
                return False
        for word in absent:
            if word in text:
                return False
        return all((pattern.search(text) is not None) is wanted for pattern, wanted in patterns)

    return predicate


def both(predicates: Sequence[Predicate]) -> Predicate:
    """One test for all of them."""
    if not predicates:
        return lambda _row, _context: True
    if len(predicates) == 1:
        return predicates[0]

    def predicate(row: object, context: object) -> bool:
        for one in predicates:  # noqa: SIM110 (all() would cost 50,000 generators)
            if not one(row, context):
                return False
        return True

    return predicate


def _refuse_order(term: Term) -> None:
    if term.operator not in (":", "=", "!="):
        position = term.values[0].position
        raise FilterError(f"expected : or = after {term.field}", position, (":", "=", "!="))


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else ""
