# SPDX-License-Identifier: Apache-2.0
"""Qualifiers on the command line, ``account:… since:24h``, as a query of the log.

A query is itself entered in the log, so nothing but keys, identifiers and times is taken: a word that
could be anything else stops the command.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from gateway.cli.desk import finding, moments
from gateway.cli.desk.desk import Stop
from gateway.domain.entry import Entry
from gateway.domain.log_query import DECISIONS, LogQuery

QUALIFIERS = (
    "principal", "account", "client", "session", "place", "purpose", "dataset", "store", "reference", "decision",
    "kind", "reason", "person", "since", "until",
)  # fmt: skip
"""``principal`` is ``account`` by another name, ``store`` the dataset above a store's collections."""

HELP = " ".join(f"{one}:" for one in QUALIFIERS)

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,199}\Z", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}\Z", re.ASCII)
"""What is no account: it is entered as it was typed, so nothing that could be an address of mail is taken."""
_REFERENCE = re.compile(r"[!-~](?:[ -~]{0,126}[!-~])?\Z", re.ASCII)
"""As callers may state one in ``Data-Reference``."""
_FIELDS = {"principal": "account", "store": "dataset", "since": "since_us", "until": "until_us"}
_PATTERNS = {"reference": _REFERENCE, "account": _IDENTIFIER, "principal": _IDENTIFIER}
_TIMES = frozenset({"since_us", "until_us"})
_PERSONAL = frozenset({"person", "place"})
KINDS = tuple(sorted(str(one.__struct_config__.tag) for one in get_args(Entry)))
"""What ``kind:`` can be followed by."""


def query_of(words: Sequence[str], now_us: int) -> LogQuery:
    """Return the query that qualifiers make.

    Args:
        words: ``qualifier:value`` each; one of a kind, but ``decision:`` also once as an identifier.
        now_us: What ``since:24h`` counts back from.
    """
    asked: dict[str, Any] = {}
    for word in words:
        name, colon, value = word.partition(":")
        if not colon or name not in QUALIFIERS:
            raise Stop(f"a search is made of {', '.join(f'{each}:' for each in QUALIFIERS)} with a value behind each")
        field = "call" if name == "decision" and value not in DECISIONS else _FIELDS.get(name, name)
        if field in asked:
            raise Stop(f"{name}: stands twice")
        asked[field] = _value(name, value, now_us)
    if "since_us" in asked and asked.get("until_us", math.inf) <= asked["since_us"]:
        raise Stop("until: must be later than since:")
    return LogQuery(**asked)


def spelled(query: LogQuery) -> str:
    """Return a query as it is entered in the log: only what it asks, in one spelling.

    An address and the number of a person stand as a star: the core of an entry stays for ever, and whoever was looked
    for is in its part.
    """
    asked = {name: value for name, value in msgspec.structs.asdict(query).items() if value is not None}
    return " ".join(f"{name}:{'*' if name in _PERSONAL else value}" for name, value in asked.items())


def is_anything(query: LogQuery) -> bool:
    """Tell whether a query asks for entries of any kind and anybody, at most of a time."""
    return all(value is None for name, value in msgspec.structs.asdict(query).items() if name not in _TIMES)


def _value(name: str, value: str, now_us: int) -> str | int:
    if name in ("since", "until"):
        return moments.since_us(value, f"{name}:", now_us)
    if name == "person":
        if not value.isascii() or not value.isdigit() or int(value) >= 1 << 32:
            raise Stop("person: is the number of a person; `gateway choice show` tells it, or use --identity")
        return int(value)
    if name == "kind" and value not in KINDS:
        raise Stop(f"kind: is followed by one of {', '.join(KINDS)}")
    if name == "place":
        return finding.address(value, "place:")
    if name == "decision" and value not in DECISIONS and value.isalpha():
        raise Stop(f"decision: is followed by {', '.join(DECISIONS)}, or by a Decision-Id")
    if not _PATTERNS.get(name, _KEY).match(value):
        raise Stop(f"{name}: is followed by a key or an identifier")
    return value
