# SPDX-License-Identifier: Apache-2.0
"""A write as the store gets it: made from the judged values, and the record that it answers with.

Path and query are made as for a read. The body is made anew from the judged values. A condition goes on
only where the route honours it. An idempotency key goes on as another that is bound to account, client,
purpose and path: the store sees one caller, the gateway, and would answer one client's call with what it
told another that counts alike (draft-ietf-httpapi-idempotency-key-header).
"""

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from gateway.domain.catalog import BodyKind, Honoured
from gateway.domain.decision import Deny, Permit, Reason, Use
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.inquiry import Inquiry, Written
from gateway.domain.names import FieldName
from gateway.flows.access.asking import Resolve, as_it_is, store_call
from gateway.flows.access.ports.state import IdempotencyKeys
from gateway.flows.access.ports.stores import StoreAnswer, StoreCall
from gateway.transform.writing import Judged, body_of

MERGE_PATCH = "application/merge-patch+json"


def write_call(
    inquiry: Inquiry,
    permit: Permit,
    values: Judged,
    resolve: Resolve,
    keys: IdempotencyKeys,
    held: Resolve = as_it_is,
) -> StoreCall | Deny:
    """Return what to send to the store, or why it cannot be sent."""
    asked = store_call(inquiry, permit, resolve, held)
    if isinstance(asked, Deny):
        return asked
    contradicted = _contradicted(values.records, addressed(permit, resolve, held))
    if contradicted:
        return Deny(reason=Reason.BODY_INVALID, fields=contradicted, title=_TWO_RECORDS)
    headers = _headers(inquiry, asked.path, keys)
    if isinstance(headers, Deny):
        return headers
    body = inquiry.route.body
    return msgspec.structs.replace(
        asked,
        body=body_of(values.records, body.kind) if body is not None and values.records else None,
        content_type=MERGE_PATCH if body is not None and body.kind is BodyKind.MERGE_PATCH else "application/json",
        headers=headers,
        writes=True,
    )


_TWO_RECORDS = "Path and body name two different records."


def addressed(permit: Permit, resolve: Resolve, held: Resolve = as_it_is) -> dict[FieldName, str]:
    """Return by field what the path says of the record, as the store holds it."""
    found: dict[FieldName, str] = {}
    for use in permit.filters:
        text = use.filter.value
        value = (resolve if use.use is Use.SURROGATE else held)(use.filter.field, text)
        if use.filter.in_path and value is not None:
            found[use.filter.field] = value
    return found


def _contradicted(records: Sequence[Written], path: Mapping[FieldName, str]) -> tuple[str, ...]:
    """Return the fields of which the body says something else than the path does."""
    return tuple(
        dict.fromkeys(
            name
            for record in records
            for name, value in record.values
            if name in path and (isinstance(value, bool) or str(value) != path[name])
        )
    )


def _headers(inquiry: Inquiry, path: str, keys: IdempotencyKeys) -> tuple[tuple[str, str], ...] | Deny:
    honoured = {str(header) for header in inquiry.route.honours}
    refused = tuple(name for name, _ in inquiry.conditions if name not in honoured)
    if refused:
        return Deny(reason=Reason.HEADER_NOT_SUPPORTED, fields=refused)
    whose = (inquiry.principal.account, inquiry.principal.client, inquiry.purpose or "", path)
    return tuple(
        (name, keys.for_store(value, whose) if name == Honoured.IDEMPOTENCY_KEY else value)
        for name, value in inquiry.conditions
    )


class Record:
    """The record that a store answers a write with, of which the first piece is known; read from the start each time.

    It is one record and was declared so: the splitter refuses what is longer than a row may be.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        """Keep the pieces."""
        self._pieces = tuple(pieces)
        self.absent, self.status, self.etag = False, 200, None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the pieces."""
        for piece in self._pieces:
            yield piece


MOST_BYTES = (1 << 20) + 4096
"""A row has 1 MiB at most, and a little white space around it."""


async def record_of(answer: StoreAnswer) -> Record | None:
    """Return the record that an answer holds; ``None`` if its body is empty.

    Raises:
        StoreMisbehaved: The body breaks off, or is longer than a record can be.
        StoreUnreachable: The store went silent.
    """
    pieces, n_bytes = list[bytes](), 0
    async for chunk in answer.chunks():
        pieces.append(chunk)
        n_bytes += len(chunk)
        if n_bytes > MOST_BYTES:
            raise StoreMisbehaved("the store answered a write with more than a record")
    return Record(pieces) if n_bytes else None
