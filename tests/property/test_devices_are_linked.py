# SPDX-License-Identifier: Apache-2.0
"""Devices are one where their person lets them be, within one purpose class and recipient, and nowhere else."""

import json
from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.catalog import AtRest, FieldSpec, Linking, SurrogateKind
from gateway.domain.names import PurposeKey
from gateway.domain.viewplan import LinkRule
from gateway.transform.codec import Codec, compile_codec
from tests.fakes.plans import SURROGATE, chain, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

PEOPLE = st.integers(0, 3)
ROWS = st.lists(st.tuples(PEOPLE, st.sampled_from(["d1", "d2", "d3", None])), min_size=1, max_size=12)
KEYS = FakeSurrogateKeys()


def device(name: str, kind: SurrogateKind, at_rest: AtRest | None = None) -> FieldSpec:
    """Return a field that links devices."""
    made = spec(name, surrogate=kind, join_domain="devices", at_rest=at_rest)
    return msgspec.structs.replace(made, links=Linking.DEVICE)


def codec(kind: SurrogateKind, key_class: str = "a", recipient: str = "own", at_rest: AtRest | None = None) -> Codec:
    """Return the codec of a view in which a cookie and a phone leave as surrogates that may link."""
    fields = [device("cookie", kind, at_rest), device("phone.id", kind)]
    made = plan(
        (spec("who"), chain(), SURROGATE),
        *((one, chain(), SURROGATE) for one in fields),
        subject="who",
        key_class=key_class,
        recipient=recipient,
    )
    rule = LinkRule(
        purpose=PurposeKey("p"), needs_consent=True, honours_objection=True, fields=tuple(one.name for one in fields)
    )
    return compile_codec(msgspec.structs.replace(made, link_rule=rule), KEYS)


def left(
    of: Codec, rows: Sequence[tuple[int, str | None]], people: Sequence[int | None]
) -> list[dict[str, str | None]]:
    """Return the rows as they leave, by cookie and phone; each person's phone is another than their cookie."""
    sent = [
        {"who": f"person {who}", "cookie": value, "phone": {"id": None if value is None else value + "p"}}
        for who, value in rows
    ]
    batch = of.linked(of.decode(json.dumps(sent).encode()), people)
    told = [json.loads(one) for one in of.encode(batch, [0] * len(batch))]
    return [{"cookie": one["cookie"], "phone": one["phone"]["id"], "who": one["who"]} for one in told]


@given(ROWS, st.sets(PEOPLE), st.sampled_from(list(SurrogateKind)))
@settings(deadline=None, max_examples=80)
def test_devices_are_equal_where_their_person_is_and_only_there(
    rows: list[tuple[int, str | None]], linking: set[int], kind: SurrogateKind
) -> None:
    """Of people who let them be linked, over fields and rows; of others each device is its own."""
    people = [1_000 + who if who in linking else None for who, _ in rows]
    told = left(codec(kind), rows, people)
    cells = [
        ((f"person {who}" if who in linking else f"value {value}{'p' * (field == 'phone')}"), one[field])
        for (who, value), one in zip(rows, told, strict=True)
        for field in ("cookie", "phone")
        if value is not None
    ]
    for mine, shown in cells:
        for other, also in cells:
            assert (shown == also) == (mine == other)
    assert all(
        one["cookie"] is one["phone"] is None for (_, value), one in zip(rows, told, strict=True) if value is None
    )
    assert {one["who"] for one in told}.isdisjoint({shown for _, shown in cells})


@given(st.tuples(PEOPLE, st.just("d1")), st.sampled_from(list(SurrogateKind)))
@settings(deadline=None, max_examples=20)
def test_nothing_is_equal_across_classes_or_recipients(row: tuple[int, str], kind: SurrogateKind) -> None:
    """Linked or apart."""
    for people in ([7], [None]):
        found = [
            left(codec(kind, key_class, recipient), [row], people)[0]["cookie"]
            for key_class in ("a", "b")
            for recipient in ("own", "partner")
        ]
        assert len(set(found)) == 4


def test_a_surrogate_that_links_opens_to_nobodys_value() -> None:
    """It cannot be asked for, written back or revealed; one that is apart can."""
    of = codec(SurrogateKind.SIV)
    linked, apart = (left(of, [(1, "d1")], people)[0] for people in ([1], [None]))
    for name, field in (("cookie", "cookie"), ("phone.id", "phone")):
        text = linked[field]
        assert text is not None
        assert of.resolve(of.leaving[1] if name == "cookie" else of.leaving[2], text) is None
        assert of.forms(of.leaving[1] if name == "cookie" else of.leaving[2], [text]) == [b""]
    told = apart["cookie"]
    assert told is not None
    assert of.resolve(of.leaving[1], told) == "d1"


def test_a_device_at_rest_links_and_stays_apart_alike() -> None:
    """What a store holds in its place changes nothing of what leaves."""
    clear, at_rest = codec(SurrogateKind.SIV), codec(SurrogateKind.SIV, at_rest=AtRest.SIV)
    held = at_rest.held(at_rest.leaving[1], "d1")
    for people in ([5], [None]):
        assert left(at_rest, [(1, held)], people)[0]["cookie"] == left(clear, [(1, "d1")], people)[0]["cookie"]


def test_a_number_of_a_person_is_no_value_of_a_field() -> None:
    """A device that is called as the number is another than the person's; and so is one of numbers."""
    of = codec(SurrogateKind.SIV)
    (linked,) = left(of, [(1, "5")], [5])
    (apart,) = left(of, [(1, "5")], [None])
    assert linked["cookie"] != apart["cookie"]
