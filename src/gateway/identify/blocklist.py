# SPDX-License-Identifier: Apache-2.0
"""Whether a password is one that guessers try early: judged as a whole, never by which kinds of characters it has.

A password of 15 characters is seldom in a list of common ones; what people do is join, repeat and pad short
common ones. So the password is taken apart into the cheapest row of pieces that a guesser would know:

1. an entry of the list of common passwords, also with digits and signs in place of letters;
2. a word of this place: the account's name, the installation's name;
3. a run along a row of the keyboard, the digits or the alphabet;
4. something that the password already contains further to the left;
5. a year, or any single character.

Each piece costs the bits that naming it takes, and a password under ``MIN_BITS`` is common. Three common words
are, and so is any repetition, run or padding of one or two; four words that are not all among the first pass.

Source of the idea: D. Wheeler, zxcvbn: low-budget password strength estimation, USENIX Security 2016. Source of
the demand: NIST SP 800-63B-4 section 3.1.1.2 (compare the entire password). Source of the list: NOTICE.md.
"""

import gzip
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from importlib.resources import files
from math import log2
from typing import Final

MIN_BITS: Final = 36.0
"""Above what three of the 2,000 most common passwords in a row reach (33 bits)."""
LONGEST_ENTRY: Final = 24
"""Longer entries of the list are runs and repetitions of shorter ones, which the other pieces find."""
REPEAT_BITS: Final = 2.0
RUN_BITS: Final = 5.0
YEAR_BITS: Final = 6.0
LEET_BITS: Final = 1.0
LOCAL_BITS: Final = 1.0

_LEET: Final = tuple(str.maketrans("013457@$!", letters) for letters in ("oleastasi", "oieastasi"))
"""Digits and signs that stand for letters; ``1`` stands for two of them."""
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiopü",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "!@#$%^&*()_+",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
)
_WALKS: Final = tuple(row for run in _RUNS for row in (run, run[::-1]))


class Blocklist:
    """The list of common passwords, and the judgement that rests on it."""

    def __init__(self, entries: Iterable[str] | None, *, local: Iterable[str] = ()) -> None:
        """Take the entries, the most frequent first, and the words of this installation.

        Args:
            entries: None is the list that comes with the package.
            local: What the installation is called.
        """
        self._entries = entries
        self._local = tuple(local)

    @classmethod
    def shipped(cls, *, local: Iterable[str] = ()) -> "Blocklist":
        """Return the list that comes with the package; it is read when a password is first judged."""
        return cls(None, local=local)

    def is_common(self, password: str, *, names: Iterable[str] = ()) -> bool:
        """Tell whether a guesser comes to this password early.

        Args:
            password: After normalisation, whole.
            names: What the account is called; words of these count as known.
        """
        return self.bits(password, names=names) < MIN_BITS

    def bits(self, password: str, *, names: Iterable[str] = ()) -> float:
        """Return the cost of the cheapest row of pieces; what is above ``MIN_BITS`` is a lower bound."""
        text = password.casefold()
        local = frozenset(_words((*self._local, *names)))
        cheapest = [0.0] + [float("inf")] * len(text)
        for start in range(len(text)):
            for end, cost in self._pieces(text, start, local):
                cheapest[end] = min(cheapest[end], cheapest[start] + cost)
        return cheapest[-1]

    @cached_property
    def _bits(self) -> Mapping[str, float]:
        return _shipped_bits() if self._entries is None else _bits_of(self._entries)

    def _pieces(self, text: str, start: int, local: frozenset[str]) -> Iterable[tuple[int, float]]:
        """Yield the end and the cost of every piece that begins at ``start``."""
        yield start + 1, _character_bits(text[start])
        repeated = _longest_repeat(text, start)
        if repeated:
            yield start + repeated, REPEAT_BITS
        run = _longest_run(text, start)
        if run >= 3:
            yield start + run, RUN_BITS
        if _is_year(text[start : start + 4]):
            yield start + 4, YEAR_BITS
        for end in range(start + 3, min(len(text), start + LONGEST_ENTRY) + 1):
            cost = self._known_bits(text[start:end], local)
            if cost is not None:
                yield end, cost

    def _known_bits(self, piece: str, local: frozenset[str]) -> float | None:
        """Return the bits of a word, as it stands or with letters for its digits and signs."""
        spellings = {piece: 0.0}
        for letters in _LEET:
            spellings.setdefault(piece.translate(letters), LEET_BITS)
        costs = [
            (LOCAL_BITS if spelling in local else self._bits[spelling]) + extra
            for spelling, extra in spellings.items()
            if spelling in local or spelling in self._bits
        ]
        return min(costs, default=None)


def _bits_of(entries: Iterable[str]) -> Mapping[str, float]:
    return {entry: log2(rank + 2) for rank, entry in enumerate(entries) if len(entry) <= LONGEST_ENTRY}


@cache
def _shipped_bits() -> Mapping[str, float]:
    """Read what comes with the package: 40 ms, once for a process."""
    return _bits_of(_shipped())


def _shipped() -> Iterator[str]:
    packed = (files("gateway.identify") / "common_passwords.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").splitlines()
    yield from (line for line in lines if not line.startswith("# "))


def _words(names: Iterable[str]) -> Iterable[str]:
    """Yield each name, and each run of letters and digits in it, from 3 characters on."""
    for name in names:
        folded = name.casefold()
        apart = "".join(character if character.isalnum() else " " for character in folded).split()
        yield from (word[:LONGEST_ENTRY] for word in (folded, "".join(apart), *apart) if len(word) >= 3)


def _character_bits(character: str) -> float:
    if not character.isascii():
        return 8.0
    if character.isdigit():
        return log2(10)
    return log2(26) if character.isalpha() else log2(33)


def _longest_repeat(text: str, start: int) -> int:
    """Return how much of what begins at ``start`` was already seen; 0 for fewer than two characters.

    What was seen may reach into what repeats it, so one repeated character is one repetition.
    """
    low, high = 0, len(text) - start
    while low < high:
        middle = (low + high + 1) // 2
        if text.find(text[start : start + middle], 0, start + middle - 1) >= 0:
            low = middle
        else:
            high = middle - 1
    return low if low >= 2 else 0


def _longest_run(text: str, start: int) -> int:
    """Return the length of the longest stretch from ``start`` that lies on one walk."""
    length = 0
    for walk in _WALKS:
        while start + length < len(text) and text[start : start + length + 1] in walk:
            length += 1
    return length


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isascii() and text.isdigit() and "1930" <= text <= "2049"
