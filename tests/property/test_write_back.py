# SPDX-License-Identifier: Apache-2.0
"""Read, change one permitted field, write: every other stored value stays to the byte, whatever of it was seen."""

import asyncio
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.domain.catalog import AtRest, BodyKind, FieldSpec, FieldType, Form
from gateway.domain.inquiry import Inquiry, Scalar, Written
from gateway.domain.names import DatasetName, FieldName
from gateway.domain.treatment import Treatment
from gateway.domain.turning import ColumnState, Turn
from gateway.flows.access.keeping import GoingBack, Keeping
from gateway.flows.access.ports.stores import StoreCall
from gateway.flows.access.vaulting import Holding, known_of
from gateway.transform.codec import compile_codec
from gateway.transform.inner import inner_form
from gateway.transform.normalise import SPELLINGS, known_country
from gateway.transform.vaulted import spelled, stored_text
from gateway.transform.writing import body_of, judged
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys
from tests.fakes.vault import FakeVault
from tests.fakes.writing import route, write
from tests.referee.numbers import WRITE_BACKS

TEXTS = {
    Form.TEXT: st.sampled_from(["gold", "  gold  card ", "ré", "re\u0301", "a\tb", "x" * 300, "", "0", "null", "1984"]),
    Form.PHONE: st.sampled_from(
        [
            *("+4930901820", "030 901820", "030/901820", "030 / 55 51 23", "0049 30 901820", "+49 (30) 90-18-20"),
            *("13812345678", "+8613812345678", "x7", ""),
        ]
    ),
    Form.EMAIL: st.sampled_from(
        ["Eve@Example.ORG", "eve@example.org ", "e.v.e+x@EXAMPLE.org", "no mail", "ü@bücher.de", ""]
    ),
    Form.NAME: st.sampled_from(["Eve  Adler", "Anne-Marie O'Neill", " 张三", "Ida"]),
    Form.ADDRESS: st.sampled_from(["Hauptstr. 5,  10115 Berlin", "北京市朝阳区建国路88号", "nowhere"]),
    Form.NATIONAL_ID: st.sampled_from(["110105 19491231 002x", "E-123.456/78", "e12345678"]),
    Form.DATE: st.sampled_from(["1984-05-06", "1984-05-06T00:00:00Z", "not yet"]),
}
KINDS: dict[FieldType, st.SearchStrategy[object]] = {
    FieldType.DATE: st.sampled_from(["1984-05-06", "2000-02-29"]),
    FieldType.TIMESTAMP: st.sampled_from(["1984-05-06T07:08:09Z", "2024-01-02T03:04:05.678+02:00"]),
    FieldType.INTEGER: st.sampled_from([0, 7, -45_211, 10**15]),
    FieldType.DECIMAL: st.sampled_from(list(map(Decimal, ["1.50", "1.5", "0", "-7", "12345678901234567890.10"]))),
    FieldType.BOOLEAN: st.booleans(),
    FieldType.FREE_TEXT: st.sampled_from(["called +49 30 901820 back", "all  well", "eve@example.org asked"]),
}
"""Of fields that are never at rest."""
CHAIN_OF = {
    Form.TEXT: "text", Form.NAME: "name", Form.EMAIL: "email", Form.PHONE: "phone", Form.ADDRESS: "address",
    Form.NATIONAL_ID: "national_id", Form.DATE: "date", FieldType.DATE: "date", FieldType.TIMESTAMP: "timestamp",
    FieldType.INTEGER: "number", FieldType.DECIMAL: "money", FieldType.BOOLEAN: "word", FieldType.FREE_TEXT: "text",
}  # fmt: skip
COUNTRIES = [None, "US", "FR", "DE", "CN", "de", "XX"]
BODIES = [BodyKind.FIELDS, BodyKind.MERGE_PATCH, BodyKind.RECORD]


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field as it is declared, what may be seen of it, and what a row holds.

    Attributes:
        chain: Name of its chain.
        read / write: How it is treated in the view for reading, and in the one for writing.
        turned: 0 where the row's value was not turned over yet; else the version of its key, of a vault either.
        turn: What is known of its column.
        said: The caller writes it back.
    """

    spec: FieldSpec
    chain: str
    read: Treatment
    write: Treatment
    value: object
    turned: int = 0
    turn: Turn = Turn.NONE
    said: bool = True


def field(form: Form, at_rest: AtRest | None, value: object, read: Treatment, **other: Any) -> Field:
    """Return a field of text that may be written in clear."""
    own = spec("f0", form=form, join_domain=f"shared.{form}.{at_rest is AtRest.VAULT}", at_rest=at_rest)
    return Field(spec=own, chain=CHAIN_OF[form], read=read, write=REVEALED, value=value, **other)


@st.composite
def fields(draw: st.DrawFn, name: str) -> Field:
    """Draw a field."""
    kind = draw(st.sampled_from([FieldType.TEXT] * 5 + list(KINDS)))
    form = draw(st.sampled_from(list(TEXTS))) if kind is FieldType.TEXT else Form.TEXT
    chain = CHAIN_OF[form if kind is FieldType.TEXT else kind]
    levels = st.integers(0, len(CHAINS[chain].rungs) - 1)
    at_rest = draw(st.sampled_from([None, *AtRest])) if kind is FieldType.TEXT else None
    domain = draw(st.sampled_from([None, f"shared.{form}.{kind}.{at_rest is AtRest.VAULT}"]))
    treatment = st.one_of(st.sampled_from([SURROGATE, REVEALED]), st.builds(Treatment, levels, link=st.booleans()))
    return Field(
        spec=spec(name, kind, form, join_domain=domain, at_rest=at_rest),
        chain=chain,
        read=draw(treatment),
        write=draw(st.one_of(st.just(REVEALED), treatment)),
        value=draw(st.one_of(TEXTS[form] if kind is FieldType.TEXT else KINDS[kind], st.none())),
        turned=draw(st.integers(0, 2)) if at_rest else 0,
        turn=draw(st.sampled_from(list(Turn))),
        said=draw(st.sampled_from([True, True, False])),
    )


class Columns:
    """What is known of the columns of some fields."""

    def __init__(self, drawn: Sequence[Field]) -> None:
        """Keep it."""
        self._turns = {one.spec.name: one.turn for one in drawn}

    def of(self, dataset: DatasetName, field: FieldName) -> ColumnState:
        """Return it."""
        del dataset
        return ColumnState(self._turns[field])


class House:
    """One row of a store, under a view for reading and one for writing."""

    def __init__(self, drawn: Sequence[Field], country: str | None) -> None:
        """Make the row as the store holds it."""
        self.keys, self.vault, self.drawn = FakeSurrogateKeys(), FakeVault(), drawn
        self.keys.rotate()
        plain = [(spec(name), CHAINS["word"], REVEALED) for name in ("city", "country")]
        self.shown = plan(*plain, *((one.spec, CHAINS[one.chain], one.read) for one in drawn), region="country")
        self.view = plan(*plain, *((one.spec, CHAINS[one.chain], one.write) for one in drawn), region="country")
        self.reads, self.writes = compile_codec(self.shown, self.keys), compile_codec(self.view, self.keys)
        self.row: dict[str, object] = {"id": "p1", "country": country, "city": "Ulm", "unseen": " as it is "}
        self.row |= {one.spec.name: self._held(one, country) for one in drawn}

    def _held(self, one: Field, country: str | None) -> object:
        """Return what the store holds of a field."""
        if not one.turned or not isinstance(one.value, str):
            return one.value
        country = known_country(country)
        if one.spec.at_rest is AtRest.VAULT:
            value = spelled(one.spec, one.value, country)
            return one.value if value is None else stored_text(self.vault.give(one.spec.join_domain, value))
        stored = self.reads._surrogates.stored(one.spec)
        assert stored is not None
        return stored.every(inner_form(SPELLINGS[one.spec.form], one.value, country), 1)[2 - one.turned]

    async def read(self) -> dict[str, Scalar]:
        """Return the row as the caller sees it."""
        batch = self.reads.decode(b"[" + encoded(self.row) + b"]")
        known = await known_of(self.vault, self.reads.wanted(batch, [0]), lambda _: None)
        (told,) = self.reads.encode(batch, [0], known=known)
        return dict(json.loads(told, parse_float=Decimal))

    async def written(self, said: dict[str, Scalar], kind: BodyKind) -> dict[str, object] | set[str]:
        """Write, and return the row as the store holds it then, or the places of what was refused."""
        body = Written(tuple((FieldName(name), value) for name, value in said.items()))
        asked = msgspec.structs.replace(write(route("PUT", "update", kind), of="p1"), written=(body,))
        holding = Holding(self.writes, self.vault)
        back = GoingBack(Columns(self.drawn), holding)
        found = await holding.made(lambda: judged([body], self.view, back.resolve, back.held))
        if refused := {*found.unrevealed, *found.invalid, *found.unpermitted}:
            return refused
        (record,) = await holding.kept(found.records, [None])
        keeping = Keeping(asked, self.writes, self.reads)
        if keeping.needs_record():
            array = b"[" + encoded(self.row) + b"]"
            batch = self.writes.decode(array)
            keeping.show(array)
            keeping.see(batch, self.writes.rows(batch)[0])
        await keeping.ask(self.vault, record)
        sent = keeping.left(call_of(asked, body_of([record], kind)), record).body or b""
        # Equal to the byte: texts as texts, numbers with all their digits.
        return spelled_out(encoded(self.row)) | spelled_out(sent)


def call_of(asked: Inquiry, body: bytes) -> StoreCall:
    """Return a write as it would be sent."""
    return StoreCall(
        store=asked.route.store, method="PUT", path="/p1", query=(), decision_id=asked.decision_id,
        shape=asked.route.answer, body=body,
    )  # fmt: skip


def encoded(row: object) -> bytes:
    """Return a row as JSON with all digits of its numbers."""
    return msgspec.json.Encoder(decimal_format="number").encode(row)


def spelled_out(record: bytes) -> dict[str, object]:
    """Return a record with its numbers as they are spelled."""
    return dict(json.loads(record, parse_float=str, parse_int=str))


async def stays(drawn: Sequence[Field], country: str | None, kind: BodyKind) -> None:
    """Read, change the city and write back; what is refused is left out then."""
    house = House(drawn, country)
    read = await house.read()
    unsaid = {one.spec.name for one in drawn if not one.said}
    said = {name: value for name, value in read.items() if name not in unsaid} | {"city": "Bonn"}
    after = await house.written(said, kind)
    if isinstance(after, set):
        said = {name: value for name, value in said.items() if name not in after}
        after = await house.written(said, kind)
    assert after == spelled_out(encoded(house.row | {"city": "Bonn"})), (house.row, said)


ROWS = st.integers(1, 5).flatmap(lambda n: st.tuples(*(fields(f"f{place}") for place in range(n))))


@settings(max_examples=WRITE_BACKS.of(referee=False), deadline=None)
@given(drawn=ROWS, country=st.sampled_from(COUNTRIES), kind=st.sampled_from(BODIES))
@example([field(Form.PHONE, AtRest.SIV, "0049 30 901820", SURROGATE)], "US", BodyKind.FIELDS)
@example([field(Form.PHONE, AtRest.SIV, "0049 30 901820", SURROGATE, turned=1)], "US", BodyKind.RECORD)
@example([field(Form.PHONE, AtRest.SIV, "13812345678", SURROGATE)], "FR", BodyKind.FIELDS)
@example([field(Form.PHONE, AtRest.SIV, "13812345678", SURROGATE, turned=2)], "FR", BodyKind.MERGE_PATCH)
@example([field(Form.PHONE, AtRest.VAULT, "030 / 55 51 23", SURROGATE)], "DE", BodyKind.MERGE_PATCH)
@example([field(Form.PHONE, AtRest.VAULT, "13812345678", SURROGATE)], "FR", BodyKind.FIELDS)
@example([field(Form.PHONE, AtRest.VAULT, "13812345678", REVEALED, turned=1, turn=Turn.BACK)], "FR", BodyKind.RECORD)
@example([field(Form.ADDRESS, None, "nowhere", Treatment(1, link=False))], None, BodyKind.MERGE_PATCH)
@example([field(Form.EMAIL, AtRest.SIV, "no mail", Treatment(1, link=True), turned=1)], "DE", BodyKind.FIELDS)
def test_what_is_not_changed_stays(drawn: Sequence[Field], country: str | None, kind: BodyKind) -> None:
    """At rest or not, turned over or not yet; seen in clear, less, or as a surrogate; by patch or as a whole."""
    asyncio.run(stays(drawn, country, kind))


@pytest.mark.referee
def test_what_is_not_changed_stays_in_many_rows() -> None:
    """The same over as many rows as are asked for."""

    @settings(max_examples=WRITE_BACKS.of(referee=True), deadline=None, suppress_health_check=list(HealthCheck))
    @given(drawn=ROWS, country=st.sampled_from(COUNTRIES), kind=st.sampled_from(BODIES))
    def stay(drawn: Sequence[Field], country: str | None, kind: BodyKind) -> None:
        asyncio.run(stays(drawn, country, kind))

    stay()


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
        call = call_of(asked, body_of(found.records, kind))
        assert keeping.left(call, found.records[0]) is call
        assert json.loads(call.body or b"")["phone"] == codec.held(own.name, "+4930901821")
