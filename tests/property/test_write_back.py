# SPDX-License-Identifier: Apache-2.0
"""Read, change one permitted field, write: every other stored value stays to the byte, whatever of it was seen."""

import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.domain.catalog import AtRest, BodyKind, FieldSpec, FieldType, Form
from gateway.domain.inquiry import Written
from gateway.domain.names import FieldName
from gateway.domain.treatment import Treatment
from gateway.flows.access import ports
from gateway.flows.access.keeping import Keeping
from gateway.flows.access.vaulting import Holding
from gateway.transform.codec import Codec, compile_codec
from gateway.transform.inner import inner_form
from gateway.transform.normalise import SPELLINGS
from gateway.transform.writing import body_of, judged
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys
from tests.fakes.writing import route, write

TEXTS = {
    Form.TEXT: st.sampled_from(["gold", "  gold  card ", "ré", "re\u0301", "a\tb", "x" * 300, "", "0", "null"]),
    Form.PHONE: st.sampled_from(
        ["+4930901820", "030 901820", "030/901820", "0049 30 901820", "+49 (30) 90-18-20", "13812345678", "x7"]
    ),
    Form.EMAIL: st.sampled_from(
        ["Eve@Example.ORG", "eve@example.org ", "e.v.e+x@EXAMPLE.org", "no mail", "ü@bücher.de"]
    ),
    Form.NAME: st.sampled_from(["Eve  Adler", "Anne-Marie O'Neill", " 张三", "Ida"]),
    Form.NATIONAL_ID: st.sampled_from(["110105 19491231 002x", "E-123.456/78", "e12345678"]),
    Form.DATE: st.sampled_from(["1984-05-06", "1984-05-06T00:00:00Z", "not yet"]),
}
LEVELS = {"link": SURROGATE, "reveal": REVEALED}


class Field(msgspec.Struct, frozen=True):
    """A field as it is declared, what may be seen of it, and what a row holds."""

    spec: FieldSpec
    view: str
    text: object
    sealed_under: int
    """Version of the key that a field at rest is sealed under; 0 where it was not turned over yet."""


@st.composite
def fields(draw: st.DrawFn, name: str) -> Field:
    """Draw a field."""
    form = draw(st.sampled_from(list(TEXTS)))
    view = draw(st.sampled_from(list(LEVELS)))
    if form is Form.TEXT and view == "link" and draw(st.booleans()):
        money = draw(st.sampled_from(["1.50", "1.5", "0", "-7", "12345678901234567890.10"]))
        own = spec(name, FieldType.DECIMAL, form)
        return Field(own, view, Decimal(money), 0)
    at_rest = draw(st.sampled_from([None, AtRest.SIV]))
    domain = draw(st.sampled_from([None, f"shared.{form}"]))
    own = spec(name, FieldType.TEXT, form, join_domain=domain, at_rest=at_rest)
    value = draw(st.one_of(TEXTS[form], TEXTS[form], st.none()))
    return Field(own, view, value, draw(st.integers(0, 2)) if at_rest else 0)


def row_of(drawn: list[Field], keys: FakeSurrogateKeys, codec: Codec, country: str | None) -> dict[str, object]:
    """Return the row as the store holds it."""
    row: dict[str, object] = {"id": "p1", "country": country, "city": "Ulm", "unseen": " as it is "}
    for one in drawn:
        value = one.text
        if one.sealed_under and isinstance(value, str):
            form = inner_form(SPELLINGS[one.spec.form], value, country)
            stored = codec._surrogates.stored(one.spec)
            assert stored is not None
            value = stored.every(form, 1)[2 - one.sealed_under]
        row[one.spec.name] = value
    return row


def encoded(row: object) -> bytes:
    """Return a row as JSON with all digits of its numbers."""
    return msgspec.json.Encoder(decimal_format="number").encode(row)


@settings(max_examples=300, deadline=None)
@given(
    drawn=st.integers(1, 5).flatmap(lambda n: st.tuples(*(fields(f"f{place}") for place in range(n)))).map(list),
    country=st.sampled_from([None, "DE", "de", "CN", "XX"]),
    kind=st.sampled_from([BodyKind.FIELDS, BodyKind.MERGE_PATCH, BodyKind.RECORD]),
    dropped=st.sets(st.integers(0, 4)),
)
def test_what_is_not_changed_stays(drawn: list[Field], country: str | None, kind: BodyKind, dropped: set[int]) -> None:
    """At rest or not, sealed under either key or not yet, seen in clear or as a surrogate; by patch or as a whole."""
    keys = FakeSurrogateKeys()
    keys.rotate()
    views: list[tuple[FieldSpec, object, Treatment]] = [
        (one.spec, CHAINS["text" if one.spec.type is FieldType.TEXT else "money"], LEVELS[one.view]) for one in drawn
    ]
    plain = [(spec(name), CHAINS["word"], REVEALED) for name in ("city", "country")]
    view = plan(*plain, *views, region="country")  # type: ignore[arg-type]
    codec = compile_codec(view, keys)
    before = row_of(drawn, keys, codec, country)
    batch = codec.decode(b"[" + encoded(before) + b"]")
    (told,) = codec.encode(batch, [0])
    read = {
        name: value
        for place, (name, value) in enumerate(json.loads(told, parse_float=Decimal).items())
        if place not in dropped or name == "city"
    }
    said = Written(tuple((FieldName(name), "Bonn" if name == "city" else value) for name, value in read.items()))
    asked = write(route("PUT", "update", kind), of="p1")
    asked = msgspec.structs.replace(asked, written=(said,))
    holding = Holding(codec, ports.NoVault())
    found = judged([said], view, holding.resolve, holding.held)
    # What looks like a mask is refused, whoever spelled it so; nothing is written then.
    assume(not (found.unrevealed or found.invalid or found.unpermitted))

    keeping = Keeping(asked, codec)
    if keeping.needs_record():
        keeping.see(batch, codec.rows(batch)[0])
    call = ports.StoreCall(
        store=asked.route.store, method="PUT", path="/p1", query=(), decision_id=asked.decision_id,
        shape=asked.route.answer, body=body_of(found.records, kind),
    )  # fmt: skip
    body = keeping.left(call, found.records[0]).body
    assert body is not None

    # Equal to the byte: texts as texts, numbers with all their digits.
    after = json.loads(encoded(before), parse_float=str, parse_int=str) | json.loads(
        body, parse_float=str, parse_int=str
    )
    expected = json.loads(encoded(before | {"city": "Bonn"}), parse_float=str, parse_int=str)
    assert after == expected


@pytest.mark.parametrize("kind", [BodyKind.MERGE_PATCH, BodyKind.RECORD])
def test_what_is_changed_is_changed(kind: BodyKind) -> None:
    """A value of another meaning is sealed under the key in force, also by the surrogate of somebody else's."""
    keys = FakeSurrogateKeys()
    own = spec("phone", form=Form.PHONE, at_rest=AtRest.SIV)
    view = plan((own, CHAINS["word"], REVEALED))
    codec = compile_codec(view, keys)
    old = codec.held(own.name, "+4930901820")
    other = codec._surrogates.of(own, "+4930901821")
    keys.rotate()
    batch = codec.decode(encoded([{"phone": old}]))
    for value in ("+4930901821", other):
        said = Written(((own.name, value),))
        asked = msgspec.structs.replace(write(route("PUT", "update", kind), of="p1"), written=(said,))
        keeping = Keeping(asked, codec)
        assert keeping.needs_record()
        keeping.see(batch, codec.rows(batch)[0])
        found = judged([said], view, codec.resolve, codec.held)
        call = ports.StoreCall(
            store=asked.route.store, method="PUT", path="/p1", query=(), decision_id=asked.decision_id,
            shape=asked.route.answer, body=body_of(found.records, kind),
        )  # fmt: skip
        assert keeping.left(call, found.records[0]) is call
        assert json.loads(call.body or b"")["phone"] == codec.held(own.name, "+4930901821")
