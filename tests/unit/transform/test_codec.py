# SPDX-License-Identifier: Apache-2.0
"""A plan as the way in which rows are read and written."""

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import msgspec
import pytest

import gateway.transform
from gateway.domain.catalog import FieldType, Form, SurrogateKind
from gateway.domain.errors import KeyUnavailable, StoreMisbehaved
from gateway.domain.names import FieldName
from gateway.domain.treatment import NOTHING, Treatment
from gateway.domain.viewplan import AgeRule, Row, RowEffect, ViewPlan
from gateway.transform.codec import Codec, compile_codec
from gateway.transform.rows import WITHHELD
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

ID = spec("id", FieldType.INTEGER)
EMAIL = spec("email", form=Form.EMAIL)
BORN = spec("birth_date", FieldType.DATE, Form.DATE)
AMOUNT = spec("amount", FieldType.DECIMAL)


def codec(of: ViewPlan, keys: FakeSurrogateKeys | None = None) -> Codec:
    """Return the codec of a plan."""
    return compile_codec(of, keys or FakeSurrogateKeys())


def left(of: ViewPlan, *rows: str, row_class: int = 0) -> list[str]:
    """Return what leaves of rows in one class."""
    made = codec(of)
    batch = made.decode(f"[{','.join(rows)}]".encode())
    return [line.decode() for line in made.encode(batch, [row_class] * len(batch))]


def mail_plan(treatment: Treatment, **more: Any) -> ViewPlan:
    """Return a plan that reveals id and treats the mail address."""
    return plan((ID, CHAINS["word"], REVEALED), (EMAIL, CHAINS["email"], treatment), **more)


@pytest.mark.parametrize(
    ("treatment", "shown"),
    [
        (REVEALED, '{"id":1,"email":"anna@example.com"}'),
        (Treatment(2, link=True), '{"id":1,"email":"a***@example.com"}'),
        (Treatment(1, link=False), '{"id":1,"email":"***@example.com"}'),
        (NOTHING, '{"id":1}'),
    ],
)
def test_a_field_leaves_as_treated(treatment: Treatment, shown: str) -> None:
    """And the key is absent where nothing may leave."""
    assert left(mail_plan(treatment), '{"email":"anna@example.com","id":1}') == [shown]


def test_a_surrogate_leaves_and_resolves_to_what_it_stands_for() -> None:
    """Only in the field and scope it was made for."""
    made = codec(mail_plan(SURROGATE))
    batch = made.decode(b'[{"id":1,"email":"Anna@example.com"}]')
    surrogate = json.loads(made.encode(batch, [0])[0])["email"]
    assert made.resolve(FieldName("email"), surrogate) == "anna@example.com"
    assert made.resolve(FieldName("id"), surrogate) is None
    assert made.resolve(FieldName("other"), surrogate) is None


def test_missing_stays_missing_and_null_stays_null() -> None:
    """At every treatment."""
    for treatment in (REVEALED, Treatment(1, link=True), SURROGATE):
        assert left(mail_plan(treatment), "{}", '{"id":null,"email":null}') == ["{}", '{"id":null,"email":null}']


@pytest.mark.parametrize(
    "number",
    [
        "1.10",
        "0.10",
        "12345678901234567890",
        "-0.0",
        "1E+5",
        "1E-7",
        "123456789012345678901234567890.123456789",
        "0",
        "-12.50",
    ],
)
def test_numbers_keep_all_their_digits(number: str) -> None:
    """1.10 stays 1.10."""
    assert left(plan((AMOUNT, CHAINS["word"], REVEALED)), f'{{"amount":{number}}}') == [f'{{"amount":{number}}}']


@pytest.mark.parametrize("number", ["0", "-7", "9007199254740993", "18446744073709551616", "1" * 4000])
def test_integers_keep_all_their_digits(number: str) -> None:
    """Beyond 2**53 and beyond 64 bits too."""
    assert left(plan((ID, CHAINS["word"], REVEALED)), f'{{"id":{number}}}') == [f'{{"id":{number}}}']


@pytest.mark.parametrize(
    ("type_", "value"),
    [(FieldType.TEXT, value) for value in ("1", "1.5", "true", "[]", "{}", '["x"]', '{"x":"y"}', '"\\ud800"')]
    + [(FieldType.INTEGER, value) for value in ('"1"', "1.0", "1e3", "true", "[1]", "{}", "9" * 5000)]
    + [
        (FieldType.DECIMAL, value)
        for value in (
            '"NaN"',
            '"sNaN"',
            '"-Infinity"',
            '"x"',
            "1e1000",
            "1e-1000",
            '"1e999999999"',
            "true",
            "9" * 5000,
            "{}",
        )
    ]
    + [(FieldType.BOOLEAN, value) for value in ("1", "0", '"true"', "[]")]
    + [(FieldType.DATE, value) for value in ("19840506", "[]")],
)
def test_a_row_of_another_kind_is_malformed_and_its_neighbours_are_not(type_: FieldType, value: str) -> None:
    """It is counted, whatever the treatment of the field."""
    for treatment in (REVEALED, SURROGATE):
        made = codec(plan((spec("f", type_), CHAINS["word"], treatment), (spec("n"), CHAINS["word"], REVEALED)))
        batch = made.decode(f'[{{"n":"a"}},{{"f":{value},"n":"b"}},{{"n":"c"}}]'.encode())
        assert (len(batch), batch.malformed) == (2, 1)
        assert made.encode(batch, [0, 0]) == [b'{"n":"a"}', b'{"n":"c"}']


def test_rows_that_are_no_objects_are_malformed() -> None:
    """As the splitter leaves null for what it could not take."""
    batch = codec(mail_plan(REVEALED)).decode(b'[null,{"id":1},5]')
    assert (len(batch), batch.malformed) == (1, 2)


def test_what_is_no_array_is_the_stores_fault() -> None:
    """The splitter never hands such a text over; if it did, nothing would leave."""
    with pytest.raises(StoreMisbehaved):
        codec(mail_plan(REVEALED)).decode(b'{"id":1}')


def test_a_decimal_sent_as_text_is_a_decimal() -> None:
    """Many stores send them so, to keep the digits; it leaves as a number."""
    assert left(plan((AMOUNT, CHAINS["word"], REVEALED)), '{"amount":"1506.50"}') == ['{"amount":1506.50}']


def test_only_what_may_leave_is_in_out() -> None:
    """In has what row rules need besides."""
    of = plan(
        (ID, CHAINS["word"], NOTHING),
        (EMAIL, CHAINS["email"], SURROGATE),
        (BORN, CHAINS["date"], NOTHING),
        subject="id",
        birth_date="birth_date",
    )
    made = codec(of)
    assert [field.encode_name for field in msgspec.structs.fields(made.Out)] == ["email"]
    assert [field.encode_name for field in msgspec.structs.fields(made.In)] == ["email", "id", "birth_date"]


def test_facts_of_rows_are_read_even_where_the_fields_do_not_leave() -> None:
    """A blank subject is none; a country is two letters or unknown."""
    country = spec("country")
    of = plan(
        (ID, CHAINS["word"], NOTHING),
        (BORN, CHAINS["date"], NOTHING),
        (country, CHAINS["word"], NOTHING),
        (EMAIL, CHAINS["email"], REVEALED),
        subject="id",
        birth_date="birth_date",
        region="country",
    )
    made = codec(of)
    batch = made.decode(
        b'[{"id":7,"birth_date":"1984-05-06","country":"de"},{"id":null,"country":"Germany","birth_date":" "},{}]'
    )
    nothing = Row(subject=None, birth_date=None, country=None)
    assert made.rows(batch) == [Row(subject="7", birth_date="1984-05-06", country="DE"), nothing, nothing]
    assert made.encode(batch, [0] * 3) == [b"{}"] * 3


def test_rows_about_nobody_have_no_facts() -> None:
    """Where the collection declares none of them."""
    made = codec(mail_plan(REVEALED))
    assert made.rows(made.decode(b'[{"id":1}]')) == [Row(subject=None, birth_date=None, country=None)]


def test_phones_are_read_with_the_country_of_the_row() -> None:
    """So one person's phone is equal in two stores."""
    phone, country = spec("phone", form=Form.PHONE, surrogate=SurrogateKind.HMAC), spec("country")
    of = plan((phone, CHAINS["phone"], SURROGATE), (country, CHAINS["word"], NOTHING), region="country")
    one, other, third = left(
        of,
        '{"phone":"(415) 555-2671","country":"US"}',
        '{"phone":"+14155552671"}',
        '{"phone":"(415) 555-2671","country":"DE"}',
    )
    assert one == other != third


def test_classes_blank_and_unlink_by_the_same_minimum() -> None:
    """Each bit takes away; both together take both."""
    young = AgeRule(red_line="a", under_years=18, effect=RowEffect.UNLINK)
    child = AgeRule(red_line="b", under_years=14, effect=RowEffect.BLANK, fields=(FieldName("id"),))
    of = plan((ID, CHAINS["word"], REVEALED), (EMAIL, CHAINS["email"], SURROGATE), rules=(young, child))
    row = '{"id":1,"email":"a@b.cd"}'
    kept = {row_class: set(json.loads(left(of, row, row_class=row_class)[0])) for row_class in range(4)}
    assert kept == {0b00: {"id", "email"}, 0b01: {"id"}, 0b10: {"email"}, 0b11: set()}


def test_rows_of_several_classes_stay_in_order_and_withheld_ones_are_left_out() -> None:
    """Whatever the order in which classes are encoded."""
    rule = AgeRule(red_line="a", under_years=18, effect=RowEffect.BLANK, fields=(FieldName("email"),))
    made = codec(mail_plan(REVEALED, rules=(rule,)))
    batch = made.decode(b",".join(b'{"id":%d,"email":"x"}' % n for n in range(5)).join((b"[", b"]")))
    lines = made.encode(batch, [0, 1, WITHHELD, 1, 0])
    assert lines == [b'{"id":0,"email":"x"}', b'{"id":1}', b'{"id":3}', b'{"id":4,"email":"x"}']
    assert made.encode(batch, [WITHHELD] * 5) == []


def test_rows_may_be_spelled_from_their_columns() -> None:
    """In the order of the collection, from what may leave and nothing else, also where a class takes a field away."""
    made = codec(
        plan(
            (ID, CHAINS["word"], NOTHING),
            (spec("a.b"), CHAINS["text"], REVEALED),
            (EMAIL, CHAINS["email"], Treatment(2, link=True)),
            subject="id",
            rules=[AgeRule(red_line="r", under_years=18, effect=RowEffect.BLANK, fields=(FieldName("a.b"),))],
            birth_date="email",
        )
    )
    batch = made.decode(
        b'[{"id":1,"email":"anna@x.org","a":{"b":"x"}},{"id":2,"a":null},{"id":3,"a":{},"email":null},{"id":4,"a":{"b":"y"}}]'
    )
    told = made.encode(
        batch, [0, 0, 0, 1], lambda columns, _: [repr(row).encode() for row in zip(*columns, strict=True)]
    )
    assert made.leaving == ("a.b", "email")
    assert [own.name for own in made.read] == ["a.b", "email", "id"]
    assert told == [b"('x', 'a***@x.org')", b"(UNSET, UNSET)", b"(UNSET, None)", b"(UNSET, UNSET)"]


@pytest.mark.parametrize("classes", [[], [0, 0], [1], [-2], [99]])
def test_rows_without_a_known_class_are_not_encoded(classes: Sequence[int]) -> None:
    """A verdict that does not fit stops the block."""
    made = codec(mail_plan(REVEALED))
    with pytest.raises(ValueError, match="class"):
        made.encode(made.decode(b'[{"id":1}]'), classes)


def test_no_row_leaves_when_a_surrogate_key_is_gone() -> None:
    """Neither with the value nor without it."""
    keys = FakeSurrogateKeys()
    made = codec(mail_plan(SURROGATE), keys)
    batch = made.decode(b'[{"id":1,"email":"a@b.cd"}]')
    made.encode(batch, [0])
    keys.shred(1)
    with pytest.raises(KeyUnavailable):
        made.encode(batch, [0])


def test_a_rotated_key_is_used_from_the_next_block_on() -> None:
    """Without a new codec."""
    keys = FakeSurrogateKeys()
    made = codec(mail_plan(SURROGATE), keys)
    batch = made.decode(b'[{"email":"a@b.cd"}]')
    assert made.encode(batch, [0])[0].startswith(b'{"email":"sv1_')
    keys.rotate()
    assert made.encode(batch, [0])[0].startswith(b'{"email":"sv2_')


def test_fields_inside_objects_are_treated_like_any_other() -> None:
    """An object of which nothing leaves is absent; a null object stays null."""
    city, street = spec("home.city"), spec("home.street", form=Form.ADDRESS)
    of = plan(
        (ID, CHAINS["word"], REVEALED),
        (city, CHAINS["text"], Treatment(1, link=True)),
        (street, CHAINS["address"], NOTHING),
    )
    assert left(
        of, '{"id":1,"home":{"city":"Berlin","street":"x"}}', '{"id":2,"home":null}', '{"id":3}', '{"home":{}}'
    ) == [
        '{"id":1,"home":{"city":"B***"}}',
        '{"id":2,"home":null}',
        '{"id":3}',
        '{"home":{}}',
    ]


def test_a_plan_that_contradicts_its_collection_has_no_codec() -> None:
    """A field that does not exist, a level that its chain has not."""
    for broken in (
        plan((ID, CHAINS["word"], Treatment(5, link=True))),
        plan((ID, CHAINS["word"], REVEALED), subject="other"),
    ):
        with pytest.raises(ValueError, match=r"no (level|field)"):
            codec(broken)


def kinds_in(type_: Any) -> Iterator[Any]:
    """Yield every type inside a type."""
    if isinstance(type_, UnionType):
        for inside in get_args(type_):
            yield from kinds_in(inside)
    elif isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        for field in msgspec.structs.fields(type_):
            yield from kinds_in(field.type)
    else:
        yield type_


def test_the_made_types_hold_scalars_of_json_alone() -> None:
    """No Raw, no Any, no object, no dict, no list, no float."""
    fields = [(spec(f"f{n}.{kind}", kind), CHAINS["word"], REVEALED) for n, kind in enumerate(FieldType)]
    made = codec(plan(*fields, (spec("s", FieldType.INTEGER), CHAINS["word"], SURROGATE)))
    allowed = {str, int, bool, Decimal, type(None), msgspec.UnsetType}
    assert set(kinds_in(made.In)) == set(kinds_in(made.Out)) == allowed


def test_no_module_here_names_a_type_that_lets_bytes_through() -> None:
    """A ``Raw`` field once released a nested object unchanged."""
    sources = [path.read_text() for path in Path(gateway.transform.__path__[0]).glob("*.py")]
    assert len(sources) > 10
    for word in (
        r"\bRaw\b",
        r"\bAny\b",
        r"type=dict",
        r"\bdict \|",
        r"omit_defaults",
        r"Decoder\(\)",
        r"import json\b",
    ):
        assert not [text for text in sources if re.search(word, text)]


def test_only_out_is_ever_encoded() -> None:
    """One place encodes rows, and it is handed what ``Out`` was built of."""
    source = (Path(gateway.transform.__path__[0]) / "codec.py").read_text()
    assert source.count("_encoder.encode") == 1
    assert re.search(r"Run\(list\(self\._out\.build\(.*\)\), self\._encoder\.encode\)", source)


@pytest.mark.parametrize("classes", [[0, 0, 0], [0, WITHHELD, 0], [WITHHELD, 1, 1], [0, 1, 0], [WITHHELD] * 3])
def test_a_run_has_the_rows_that_are_encoded_one_by_one(classes: list[int]) -> None:
    """Of whatever classes they are."""
    rule = AgeRule(red_line="a", under_years=16, effect=RowEffect.BLANK, fields=(FieldName("email"),))
    views = ((EMAIL, CHAINS["word"], REVEALED), (spec("n"), CHAINS["word"], REVEALED))
    made = codec(plan(*views, rules=(rule,)))
    batch = made.decode(b'[{"email":"a","n":"1"},{"email":"b","n":null},{"n":"3"}]')
    run = made.run(batch, classes)
    assert (run if isinstance(run, list) else run.each()) == made.encode(batch, classes)
    with pytest.raises(ValueError, match="3 rows and 2 classes"):
        made.run(batch, [0, 0])
