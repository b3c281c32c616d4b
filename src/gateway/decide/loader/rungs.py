# SPDX-License-Identifier: Apache-2.0
"""The words of treatments in rule files: families, and the rungs of the declared chains."""

from collections.abc import Iterable, Mapping

from gateway.decide.loader.grammar.problems import Place, Problems, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader
from gateway.domain.treatment import DROP, Chain, ChainName, Family, Rung

CEILINGS = tuple(family.value for family in Family if family is not Family.SURROGATE)
"""Families that can be a ceiling. A surrogate has no rung of its own: it is ``drop`` with link."""


def known_rungs(chains: Iterable[Chain]) -> frozenset[str]:
    """Return the families that can be a ceiling and every rung of the chains."""
    return frozenset(CEILINGS) | {str(rung) for chain in chains for rung in chain.rungs}


def check_rung(word: str, place: Place, chains: Mapping[ChainName, Chain], problems: Problems) -> Rung:
    """Return the word as a rung, telling a problem if no chain has it and it is no family."""
    known = known_rungs(chains.values())
    if word == Family.SURROGATE:
        problems.tell(place, "`surrogate` is no rung: write `drop` with link `yes`")
    elif word and chains and word not in known:
        problems.tell(place, f"unknown rung {quoted(word)}{suggestion(word, sorted(known))}")
    return Rung(word)


def read_rung(reader: Reader, key: str, chains: Mapping[ChainName, Chain], *, default: str | None = None) -> Rung:
    """Return the rung under a key."""
    word = reader.text(key, default=default)
    return check_rung(word, reader.place(key), chains, reader.problems)


def is_nothing(rung: str | None, *, link: bool) -> bool:
    """Tell whether a ceiling lets nothing leave."""
    return rung == DROP and not link
