# SPDX-License-Identifier: Apache-2.0
"""A write as the store gets it: path, body, conditions, and the record that comes back."""

import msgspec
import pytest

from gateway.domain.catalog import BodyKind, Honoured
from gateway.domain.decision import Deny, FilterUse, Permit, Reason, Use
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import FieldName
from gateway.flows.access.ports.stores import StoreCall
from gateway.flows.access.sending import MOST_BYTES, addressed, record_of, write_call
from gateway.transform.writing import Judged
from tests.fakes.access import FakeIdempotencyKeys
from tests.fakes.plans import plan
from tests.fakes.writing import CREATE, CREATE_MANY, DELETE, PATCH, Answered, route, write

RESOLVED = {"sv1_known": "c1"}


def resolve(_: FieldName, text: str) -> str | None:
    """Know one surrogate."""
    return RESOLVED.get(text)


def sent(inquiry: Inquiry, use: Use = Use.CLEAR) -> StoreCall | Deny:
    """Return what is sent for a write whose values need no judging."""
    uses = tuple(FilterUse(filter=each, use=use) for each in inquiry.filters)
    values = Judged(records=inquiry.written, clear=(), surrogate=())
    return write_call(inquiry, Permit(plan=plan(), filters=uses), values, resolve, FakeIdempotencyKeys())


def called(inquiry: Inquiry, use: Use = Use.CLEAR) -> StoreCall:
    """Return the call that a write becomes."""
    found = sent(inquiry, use)
    assert isinstance(found, StoreCall)
    return found


def test_the_body_is_of_the_kind_that_the_route_declares() -> None:
    """One object, an array, a merge patch, or nothing."""
    fields = route("PATCH", "update", BodyKind.FIELDS)
    assert called(write(CREATE, {"name": "Ida"})).body == b'{"name":"Ida"}'
    assert called(write(CREATE_MANY, {"name": "Ida"})).body == b'[{"name":"Ida"}]'
    assert called(write(DELETE, of="c1")).body is None
    assert called(write(fields, {"name": None}, of="c1")).content_type == "application/json"
    patch = called(write(PATCH, {"name": None}, of="c1"))
    assert (patch.content_type, patch.body, patch.writes) == ("application/merge-patch+json", b'{"name":null}', True)


def test_a_surrogate_in_the_path_is_resolved() -> None:
    """The store hears of its own number; an unknown surrogate is refused."""
    assert called(write(PATCH, {"name": "x"}, of="sv1_known"), Use.SURROGATE).path == "/people/c1"
    unknown = sent(write(PATCH, {"name": "x"}, of="sv1_other"), Use.SURROGATE)
    assert unknown == Deny(reason=Reason.SURROGATE_NOT_RECOGNISED, fields=("id",))


def test_path_and_body_may_not_name_two_records() -> None:
    """The same number in both is one record."""
    assert called(write(PATCH, {"id": "c1"}, of="c1")).body == b'{"id":"c1"}'
    for other in ("c2", None, True):
        refused = sent(write(PATCH, {"id": other}, of="c1"))
        assert isinstance(refused, Deny)
        assert (refused.reason, refused.fields) == (Reason.BODY_INVALID, ("id",))


def test_the_path_says_whom_it_is_about_in_the_stores_words() -> None:
    """By field; a surrogate that is nobody's says nothing."""
    of = write(DELETE, of="sv1_known").filters
    known = Permit(plan=plan(), filters=(FilterUse(filter=of[0], use=Use.SURROGATE),))
    assert addressed(known, resolve) == {"id": "c1"}
    assert addressed(known, lambda _field, _text: None) == {}


def test_conditions_go_on_where_the_route_honours_them() -> None:
    """A condition of any other header is refused, not dropped."""
    match = write(PATCH, {"name": "x"}, of="c1", conditions=[("if-match", '"7"')])
    assert called(match).headers == (("if-match", '"7"'),)
    deaf = msgspec.structs.replace(match, route=msgspec.structs.replace(PATCH, honours=(Honoured.PREFER,)))
    assert sent(deaf) == Deny(reason=Reason.HEADER_NOT_SUPPORTED, fields=("if-match",))


def test_an_idempotency_key_is_bound_to_account_client_purpose_and_path() -> None:
    """Two clients that count from 1 do not answer for each other, nor do two records."""
    asked = write(PATCH, {"name": "x"}, of="c1", conditions=[("idempotency-key", "1")])
    assert called(asked).headers == (("idempotency-key", "a_1|gateway:login|marketing.mail|/people/c1|1"),)


async def test_a_record_is_read_whole_and_can_be_read_again() -> None:
    """An empty body is none."""
    record = await record_of(Answered(body=b'{"id":"c1"}'))
    assert record is not None
    for _ in range(2):
        assert b"".join([chunk async for chunk in record.chunks()]) == b'{"id":"c1"}'
    assert await record_of(Answered()) is None


async def test_a_record_longer_than_a_row_is_misbehaviour() -> None:
    """It is not kept in memory to find that out."""
    with pytest.raises(StoreMisbehaved):
        await record_of(Answered(body=bytes(2 * MOST_BYTES + 2)))
