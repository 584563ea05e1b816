"""Invented names that take the place of real ones: the same for the same name, and not to be guessed back.

A name's number comes out of a keyed hash. Who does not have the key cannot try names out; who has none of the
recording's own can tell two people apart, and no more.
"""

from __future__ import annotations

import hmac
import re

LEAST_DIGITS = 4
"""Digits of an invented name's number."""

_LETTERS = re.compile(r"[0-9]+|\[[^][]*\]|,|[^0-9,\[]+|\[")


class Names:
    """A table of invented names, filled as real ones are met.

    Args:
        key: Secret; at least 16 random bytes. With the same key, names that are met in the same order become
            the same again.

    Raises:
        ValueError: The key is too short to be one.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise ValueError("a key needs at least 16 bytes")
        self._key = key
        self._given: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()

    def of(self, kind: str, name: str) -> str:
        """The invented name: ``user4821`` for a user. An empty name stays empty.

        Args:
            kind: What is named: ``user``, ``job``. The same string is another name in another kind.
            name: The real name.
        """
        if not name:
            return name
        given = self._given.get((kind, name))
        if given is None:
            given = self._given[kind, name] = self._invent(kind, name)
        return given

    def of_host(self, host: str) -> str:
        """The invented name of a host: other letters, the same numbers, so that it folds as it did.

        Args:
            host: A host's name, or many folded: ``c[001-004],g[1-2]-ib0``.
        """
        return "".join(
            part if part[0] in "0123456789,[" else self._letters(part) for part in _LETTERS.findall(host)
        )

    def _letters(self, part: str) -> str:
        given = self._given.get(("letters", part))
        if given is None:
            given = self._given["letters", part] = self._spell(part)
        return given

    def _invent(self, kind: str, name: str) -> str:
        for attempt in range(1_000_000):
            # A fuller table gets longer numbers, before looking for a free one takes long.
            digits = LEAST_DIGITS + attempt // 2
            invented = f"{kind}{self._number(kind, name, attempt) % 10**digits:0{digits}d}"
            if invented not in self._taken:
                self._taken.add(invented)
                return invented
        raise AssertionError("a million hashes of one name were all taken")

    def _spell(self, part: str) -> str:
        for attempt in range(1_000_000):
            number = self._number("letters", part, attempt)
            letters = ""
            for _ in range(2 + attempt // 8):
                number, consonant = divmod(number, 18)
                number, vowel = divmod(number, 5)
                letters += "bcdfghjklmnprstvwz"[consonant] + "aeiou"[vowel]
            if f"letters{letters}" not in self._taken:
                self._taken.add(f"letters{letters}")
                return letters
        raise AssertionError("a million hashes of one name were all taken")

    def _number(self, kind: str, name: str, attempt: int) -> int:
        said = f"{kind}\0{attempt}\0{name}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hmac.digest(self._key, said, "sha256")[:16], "big")
