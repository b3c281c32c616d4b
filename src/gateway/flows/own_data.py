# SPDX-License-Identifier: Apache-2.0
"""Questions of the gateway's own data, as the access flow asks a store: names and values in, rows in JSON out.

By then the call is decided: who asks, for what, which fields may leave, and that the filters may be used.
What is left is what the words mean. What means nothing here is refused by its name and never passed over.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec

from gateway.domain.approval import Approval
from gateway.domain.entry import Entry
from gateway.domain.errors import QuestionRefused
from gateway.domain.log_facets import FACETS, LogCount, unknown_facets
from gateway.domain.log_query import DECISIONS, LogPlace, LogQuery, LogRow
from gateway.domain.own_data import is_person_number

MOST_ROWS = 1_000
"""Entries in a page; however a dataset bounds its limit, no more are read at once."""

KINDS = tuple(sorted(str(one.__struct_config__.tag) for one in get_args(Entry)))
"""Kinds of entries that can be asked for."""

Pairs = Sequence[tuple[str, str]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_CALL = re.compile(r"[0-9a-f]{32}\Z", re.ASCII)
_PLACE = re.compile(r"(\d{1,17})\.(\d{1,18})\.([A-Za-z0-9._-]{1,100})\Z", re.ASCII)
_fields = msgspec.json.Decoder(dict[str, tuple[str, ...]])
_MOMENT = "The value must be a day such as 2027-01-31 or a moment such as 2027-01-31T18:00:00Z."
_TEXTS = ("account", "client", "session", "place", "purpose", "dataset", "reference", "reason")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a call asks of the log.

    Attributes:
        after: Where the page before ended.
        facets: What is counted by.
    """

    query: LogQuery
    limit: int = 100
    after: LogPlace | None = None
    newest_first: bool = True
    facets: tuple[str, ...] = FACETS


def asked_of(pairs: Pairs) -> Asked:
    """Return what names and values ask.

    Raises:
        QuestionRefused: One of them means nothing here.
    """
    query: dict[str, object] = {}
    beside: dict[str, object] = {}
    for name, text in pairs:
        if name in _QUERY:
            field, read = _QUERY[name]
            if field in query:
                raise QuestionRefused(name, "The same is said twice; leave one out.")
            query[field] = read(name, text)
        elif name in _BESIDE:
            beside_field, read = _BESIDE[name]
            beside[beside_field] = read(name, text)
        else:
            raise QuestionRefused(name, "The log cannot be asked for this.")
    return Asked(query=LogQuery(**query), **beside)  # type: ignore[arg-type]


def moment_us(text: str) -> int | None:
    """Return UTC microseconds; a day means its beginning. ``None`` if the text is no moment, or has no zone."""
    try:
        moment = datetime.fromisoformat(text + "T00:00:00+00:00" if _DAY.match(text) else text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else (moment - _EPOCH) // timedelta(microseconds=1)


def told_moment(at_us: int) -> str:
    """Return a moment as RFC 3339 with microseconds, in UTC."""
    return (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def told_entry(row: LogRow, person: int | None = None) -> dict[str, object]:
    """Return an entry as a row of ``gateway.access_log``; what it does not say is left out.

    Args:
        row: What the index says of it.
        person: Who was asked for: the one person whom such a row names.
    """
    told: dict[str, object] = {
        "at": told_moment(row.at_us),
        "log": row.slot,
        "seq": row.seq,
        "kind": row.kind,
        "decision_id": row.call,
        "account": row.account,
        "client": row.client,
        "recipient": row.recipient,
        "session": row.session,
        "place": row.place,
        "purpose": row.purpose,
        "reference": row.reference,
        "dataset": row.dataset,
        "operation": row.operation,
        "decision": row.decision,
        "reason": row.reason,
        "fields": told_fields(row.fields),
        "rows": row.rows,
        "bytes": row.bytes,
        "people": row.people,
        "person": person,
    }
    return {name: value for name, value in told.items() if value not in ("", None)}


def told_approval(approval: Approval) -> dict[str, object]:
    """Return what waits for a second person as a row of ``gateway.approvals``; no surrogate is in it."""
    bound = approval.bound
    return {
        "id": approval.id,
        "account": bound.account,
        "client": bound.client,
        "recipient": bound.recipient,
        "purpose": bound.purpose,
        "reference": bound.reference,
        "dataset": bound.dataset,
        "field": bound.field,
        "surrogates": approval.surrogates,
        "asked": told_moment(approval.asked_us),
        "until": told_moment(approval.until_us),
    }


def told_fields(fields: str) -> str:
    """Return fields by word of treatment in one line: ``reveal id city; mask email``."""
    return "; ".join(" ".join((word, *names)) for word, names in _fields.decode(fields).items())


def told_place(place: LogPlace) -> str:
    """Return a place as the word on where a list goes on."""
    return f"{place.at_us}.{place.seq}.{place.slot}"


def told_count(count: LogCount, *, at_least: bool = False) -> dict[str, object]:
    """Return a count as a row of ``gateway.access_log_counts``.

    Args:
        count: What was counted.
        at_least: Older entries were not counted.
    """
    told: dict[str, object] = msgspec.structs.asdict(count)
    return {**told, "at_least": True} if at_least else told


def _text(_name: str, text: str) -> str:
    return text


def _moment(name: str, text: str) -> int:
    found = moment_us(text)
    if found is None:
        raise QuestionRefused(name, _MOMENT)
    return found


def _person(name: str, text: str) -> int:
    if not is_person_number(text):
        raise QuestionRefused(name, "The value must be the number of a person.")
    return int(text)


def _call(name: str, text: str) -> str:
    if not _CALL.match(text):
        raise QuestionRefused(name, "The value must be a decision's identifier: 32 hexadecimal digits.")
    return text


def _one_of(words: Sequence[str]) -> Callable[[str, str], str]:
    def read(name: str, text: str) -> str:
        if text not in words:
            raise QuestionRefused(name, f"The value must be one of {', '.join(words)}.")
        return text

    return read


def _limit(_name: str, text: str) -> int:
    # A number it is: the declared parameter was bound by the door.
    return min(int(text), MOST_ROWS)


def _after(name: str, text: str) -> LogPlace:
    found = _PLACE.match(text)
    if found is None:
        raise QuestionRefused(name, "The list cannot go on there.")
    return LogPlace(int(found[1]), found[3], int(found[2]))


def _newest_first(name: str, text: str) -> bool:
    if text not in ("at", "-at"):
        raise QuestionRefused(name, "Sort by at, or by -at for the newest first.")
    return text == "-at"


def _facets(name: str, text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown_facets(names):
        raise QuestionRefused(name, f"Count by {', '.join(FACETS)}.")
    return names


_QUERY: Mapping[str, tuple[str, Callable[[str, str], Any]]] = {
    **{name: (name, _text) for name in _TEXTS},
    "principal": ("account", _text),
    "decision_id": ("call", _call),
    "decision": ("decision", _one_of(DECISIONS)),
    "kind": ("kind", _one_of(KINDS)),
    "since": ("since_us", _moment),
    "until": ("until_us", _moment),
    "person": ("person", _person),
}

_BESIDE: Mapping[str, tuple[str, Callable[[str, str], Any]]] = {
    "limit": ("limit", _limit),
    "cursor": ("after", _after),
    "sort": ("newest_first", _newest_first),
    "facet": ("facets", _facets),
}
