# SPDX-License-Identifier: Apache-2.0
"""The body of a reveal: exactly three members, 1 to 10,000 texts, and no other word in any refusal."""

import json

import pytest

from gateway.domain.decision import Deny, Reason
from gateway.domain.revealed import MOST_CHARACTERS, MOST_SURROGATES, REVEAL_PATH, route_of
from gateway.doors.http.revealing import MOST_BYTES, asked_of

GOOD = {"dataset": "crm.people", "field": "phone", "surrogates": ["sv1_00", "sv1_01"]}


def body(**changes: object) -> bytes:
    """Return a body with some members changed; one that is ``None`` is left out."""
    return json.dumps({name: value for name, value in {**GOOD, **changes}.items() if value is not None}).encode()


def test_what_is_asked_is_read_in_its_order() -> None:
    """Twice the same counts twice."""
    assert asked_of(body()) == ("crm.people", "phone", ("sv1_00", "sv1_01"))
    found = asked_of(body(surrogates=["b", "a", "b"]))
    assert not isinstance(found, Deny)
    assert found[2] == ("b", "a", "b")


@pytest.mark.parametrize("changes", [
    {"dataset": None}, {"field": None}, {"surrogates": None}, {"dataset": 1}, {"field": ""}, {"surrogates": "sv1_00"},
    {"surrogates": []}, {"surrogates": ["sv1_00", 1]}, {"surrogates": ["x" * (MOST_CHARACTERS + 1)]}, {"more": "x"},
])  # fmt: skip
def test_any_other_body_is_refused_by_the_names_of_members_alone(changes: dict[str, object]) -> None:
    """What the caller wrote is in no refusal."""
    found = asked_of(body(**changes))
    assert isinstance(found, Deny)
    assert found.reason is Reason.BODY_INVALID
    assert set(found.fields) <= set(GOOD)


@pytest.mark.parametrize("raw", [b"", b"[]", b'"x"', b'{"dataset":"a","dataset":"b"}', b'{"surrogates":[[["x"]]]}'])
def test_what_is_no_object_of_strict_json_is_malformed(raw: bytes) -> None:
    """As everywhere."""
    found = asked_of(raw)
    assert isinstance(found, Deny)
    assert found.reason is Reason.MALFORMED


def test_ten_thousand_are_read_and_one_more_is_refused() -> None:
    """Within the bytes that are read."""
    texts = [f"sv1_{place:0160x}" for place in range(MOST_SURROGATES)]
    raw = body(surrogates=texts)
    assert len(raw) < MOST_BYTES
    assert not isinstance(asked_of(raw), Deny)
    assert isinstance(asked_of(body(surrogates=[*texts, "sv1_00"])), Deny)


def test_the_route_belongs_to_no_store() -> None:
    """It is the gateway's own."""
    assert (route_of("crm.people").store, route_of("crm.people").template) == ("gateway", REVEAL_PATH)  # type: ignore[arg-type]
