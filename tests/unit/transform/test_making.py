# SPDX-License-Identifier: Apache-2.0
"""Columns of surrogates: what single values get, null and missing as they are, and a memory that is bounded."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from gateway.domain.catalog import AtRest, FieldSpec, FieldType, Form, SurrogateKind
from gateway.domain.names import JoinDomain
from gateway.transform.at_rest import Stored
from gateway.transform.inner import Cell, Linked
from gateway.transform.making import MEMO
from gateway.transform.normalise import SPELLINGS
from gateway.transform.surrogates import Surrogates
from gateway.transform.vaulted import stored_text
from tests.fakes.plans import spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

EMAIL = spec("email", form=Form.EMAIL)


def surrogates(keys: FakeSurrogateKeys | None = None) -> Surrogates:
    """Return surrogates of one scope."""
    return Surrogates(keys or FakeSurrogateKeys(), key_class="mail", recipient="own")


def id_of(field: FieldSpec, value: str, of: Surrogates) -> str:
    """Return the surrogate of a value that has one."""
    found = of.of(field, value)
    assert found is not None
    return found


def sealed(value: str, form: Form, domain: str) -> str:
    """Return what a store holds of a value at rest."""
    return str(Stored(FakeSurrogateKeys(), JoinDomain(domain)).sealed(SPELLINGS[form], value))


FIELDS = [
    spec(name, form=form, surrogate=surrogate, at_rest=at_rest, join_domain=name)
    for name, form in (("phone", Form.PHONE), ("email", Form.EMAIL), ("text", Form.TEXT))
    for surrogate, at_rest in (
        (SurrogateKind.SIV, None),
        (SurrogateKind.HMAC, None),
        (SurrogateKind.SIV, AtRest.SIV),
        (SurrogateKind.SIV, AtRest.VAULT),
    )
]
AT_REST = [sealed("+491511234567", Form.PHONE, "phone"), sealed("a@b.cd", Form.EMAIL, "email")]
CELLS: list[Cell | Linked] = [
    *(None, UNSET, "", " ", "a@b.cd", "A@B.CD", "x" * 2000, "名", "(415) 555-2671", "+4915112345678", "13912345678"),
    *("+14155552671", "004915112345678", "+490151123", "+999123456789", Linked(7), Linked(8)),
    *(*AT_REST, AT_REST[0].upper(), AT_REST[0][:-1], AT_REST[0][:-1] + " ", AT_REST[0].replace("as1", "as9")),
    *(AT_REST[0][:10] + "  " + AT_REST[0][12:], "as1_" + "0" * 96, "as1_" + "0" * 97, "as1_" + "g" * 96, "as1_"),
    *(stored_text(bytes(16)), stored_text(bytes(16)).upper(), "av2_" + "0" * 32, "av1_" + " 0" * 16, "av1_" + "0" * 31),
]
ROWS = st.lists(st.tuples(st.sampled_from(CELLS), st.sampled_from([None, "US", "DE", "CN"])), max_size=12)


@given(st.sampled_from(FIELDS), ROWS, ROWS)
def test_a_column_gives_what_each_value_gets_by_itself(
    field: FieldSpec, rows: list[tuple[Cell | Linked, str | None]], others: list[tuple[Cell | Linked, str | None]]
) -> None:
    """Whatever stands beside it, and whatever was met before."""
    maker = surrogates().maker(field)
    for each in (rows, others, rows):
        found = maker.column([cell for cell, _ in each], [country for _, country in each])
        alone = (surrogates().maker(field) for _ in each)
        assert found == [
            cell if cell is None or isinstance(cell, UnsetType) else one.of(cell, country)
            for one, (cell, country) in zip(alone, each, strict=True)
        ]


def test_a_column_keeps_null_and_missing() -> None:
    """And gives the others what single values get."""
    made = surrogates()
    column = made.maker(EMAIL).column(["a@b.cd", None, UNSET, "a@b.cd"], ())
    assert column == [id_of(EMAIL, "a@b.cd", made), None, UNSET, id_of(EMAIL, "a@b.cd", made)]


def test_a_column_of_phones_reads_each_with_its_own_country() -> None:
    """The same digits in two countries are two numbers."""
    field = spec("phone", form=Form.PHONE)
    made = surrogates()
    us, de = made.maker(field).column(["(415) 555-2671"] * 2, ["US", "DE"])
    assert made.inner(field, str(us)) == "+14155552671"
    assert us != de


def test_decimals_are_told_apart_by_their_digits_whatever_came_first() -> None:
    """1.0 and 1.00 are equal as numbers; what is remembered of one must not answer for the other."""
    field = spec("amount", FieldType.DECIMAL)
    one, other = Decimal("1.0"), Decimal("1.00")
    forwards = surrogates().maker(field).column([one, other], ())
    backwards = surrogates().maker(field).column([other, one], ())
    assert forwards == backwards[::-1]


def test_what_is_remembered_is_bounded() -> None:
    """The memory of a field is emptied when it is full."""
    maker = surrogates().maker(spec("id", FieldType.INTEGER, surrogate=SurrogateKind.HMAC))
    maker.column(list(range(MEMO + 1)), ())
    maker.column([1], ())
    assert len(maker._memo) == 1
