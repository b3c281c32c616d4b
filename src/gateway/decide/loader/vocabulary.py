# SPDX-License-Identifier: Apache-2.0
"""The words that rules may use: fideslang's categories, uses and subjects, and our own ``local.*``.

The tables are package data and as fixed as code; reading them is part of loading this package, not of
deciding. Source: fideslang 3.1.4, Ethyca, Inc., CC BY 4.0 (see the head of each table).
"""

import csv
from functools import cache
from importlib.resources import files

import msgspec

from gateway.decide.loader.grammar.problems import Problems, Said, quoted, suggestion
from gateway.domain.names import is_key

LOCAL = "local."
"""Categories of an installation's own live under this top key alone."""


class Vocabulary(msgspec.Struct, frozen=True):
    """Keys of the taxonomy."""

    categories: frozenset[str]
    uses: frozenset[str]
    subjects: frozenset[str]


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary that this version ships."""
    return Vocabulary(_keys("categories"), _keys("uses"), _keys("subjects"))


def _keys(table: str) -> frozenset[str]:
    text = files("gateway.decide").joinpath("vocabulary", f"{table}.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(row["key"] for row in rows)


def check_category(said: Said, problems: Problems) -> str:
    """Return the category, telling a problem if the vocabulary does not have it."""
    known = vocabulary().categories
    if said.text and said.text not in known and not is_local(said.text):
        message = f"unknown category {quoted(said.text)}{suggestion(said.text, sorted(known))}"
        problems.tell(said.place, f"{message} (categories of your own start with `{LOCAL}`)")
    return said.text


def is_local(category: str) -> bool:
    """Tell whether the category is one of the installation's own."""
    return category.startswith(LOCAL) and is_key(category)


def check_use(said: Said, problems: Problems) -> str:
    """Return the purpose, telling a problem if it is no data use of the vocabulary."""
    known = vocabulary().uses
    if said.text and said.text not in known:
        problems.tell(said.place, f"unknown purpose {quoted(said.text)}{suggestion(said.text, sorted(known))}")
    return said.text
