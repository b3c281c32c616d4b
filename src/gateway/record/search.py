# SPDX-License-Identifier: Apache-2.0
"""Searching the log: what is asked of an entry, and the entries of the calls that answer it.

Only the first entry of a call holds its facts. A search by facts therefore reads twice: first for the
calls, then for all their entries.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from pyroaring import BitMap

from gateway.domain.entry import Entry, Facts, Part
from gateway.domain.names import is_under
from gateway.record.reader import Record, merged


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for; what is ``None`` is not asked.

    Attributes:
        call: Identifier of a decision.
        account: Whoever acted: by sign-in, by a call, or by a change.
        purpose / dataset: The key or any key below it.
        kind: Tag of the entry, such as ``release``.
        reason: Why a call was refused or ended.
        since_us / until_us: UTC microseconds; the second is exclusive.
        person: Number of a person who was in a block, a filter or a path. Entries whose part was
            deleted are not found.
    """

    call: str | None = None
    account: str | None = None
    client: str | None = None
    purpose: str | None = None
    dataset: str | None = None
    kind: str | None = None
    reason: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    person: int | None = None

    @property
    def asks_facts(self) -> bool:
        """Tell whether it asks for something that only the first entry of a call holds."""
        return any(one is not None for one in (self.account, self.client, self.purpose, self.dataset))


def search(directories: list[Path], query: Query, *, newest_first: bool = True) -> Iterator[Record]:
    """Yield the entries of some slots that answer the query.

    Raises:
        LogDamaged: An entry or a part cannot be read.
    """
    calls: frozenset[str] = frozenset()
    if query.asks_facts:
        calls = frozenset(
            call
            for record in merged(directories)
            if (call := call_of(record.line.body)) and _has_facts(record.line.body, query)
        )
    for record in merged(directories, newest_first=newest_first):
        if answers(record, query, calls):
            yield record


def answers(record: Record, query: Query, calls: frozenset[str] = frozenset()) -> bool:
    """Tell whether an entry answers a query; ``calls`` are those whose facts are known to answer it."""
    line = record.line
    return (
        (query.since_us is None or query.since_us <= line.at_us)
        and (query.until_us is None or line.at_us < query.until_us)
        and (query.kind is None or kind_of(line.body) == query.kind)
        and (query.call is None or call_of(line.body) == query.call)
        and (query.reason is None or query.reason in _reasons(line.body))
        and (not query.asks_facts or call_of(line.body) in calls or _has_facts(line.body, query))
        and (query.person is None or _is_met(record.part, query.person))
    )


def kind_of(body: Entry) -> str:
    """Return the tag of an entry."""
    return str(body.__struct_config__.tag)


def call_of(body: Entry) -> str | None:
    """Return the call that an entry belongs to, if it belongs to one."""
    call = getattr(body, "call", None)
    return None if call is None else str(call)


def _has_facts(body: Entry, query: Query) -> bool:
    facts = getattr(body, "facts", None)
    known = facts if isinstance(facts, Facts) else Facts()
    account = known.account or getattr(body, "account", "") or getattr(body, "by", "")
    client = known.client or getattr(body, "client", "")
    return (
        (query.account is None or account == query.account)
        and (query.client is None or client == query.client)
        and (query.purpose is None or is_under(known.purpose, query.purpose))
        and (query.dataset is None or is_under(known.dataset, query.dataset))
    )


def _reasons(body: Entry) -> tuple[str, ...]:
    counted = getattr(body, "reasons", None)
    return (*(counted or ()), getattr(body, "reason", None) or "")


def _is_met(part: Part | None, person: int) -> bool:
    if part is None:
        return False
    return person in part.met or (bool(part.people) and person in BitMap.deserialize(part.people))
