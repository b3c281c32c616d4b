# SPDX-License-Identifier: Apache-2.0
"""Written values, one by one: what is resolved, what is refused and as what, and the body that is made of them."""

from decimal import Decimal

import pytest

from gateway.domain.catalog import BodyKind, FieldSpec, FieldType, Form, SurrogateKind
from gateway.domain.inquiry import Scalar, Written
from gateway.domain.names import FieldName
from gateway.domain.treatment import Chain, Treatment
from gateway.domain.viewplan import ViewPlan
from gateway.transform.codec import compile_codec
from gateway.transform.surrogates import Surrogates
from gateway.transform.writing import MOST_NAMED, Judged, body_of, is_made_up, is_of_kind, judged
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

KEYS = FakeSurrogateKeys()
MASKED = Treatment(1, link=False)
EMAIL = spec("email", form=Form.EMAIL)


def record(**values: Scalar) -> Written:
    """Return a record; a double underscore is a dot."""
    return Written(tuple((FieldName(name.replace("__", ".")), value) for name, value in values.items()))


def names(*told: str) -> tuple[FieldName, ...]:
    """Return names of fields."""
    return tuple(map(FieldName, told))


def written(view: ViewPlan, *records: Written, indexed: bool = False) -> Judged:
    """Judge records under a view."""
    return judged(records, view, compile_codec(view, KEYS).resolve, indexed=indexed)


def one(own: FieldSpec, chain: Chain, treatment: Treatment, value: Scalar) -> Judged:
    """Judge one value of one field."""
    return written(plan((own, chain, treatment)), Written(((own.name, value),)))


def surrogate(of: FieldSpec, value: str, *, key_class: str = "test", recipient: str = "own") -> str:
    """Return the surrogate of a value for a class and recipient."""
    found = Surrogates(KEYS, key_class=key_class, recipient=recipient).of(of, value)
    assert found is not None
    return found


def test_a_clear_value_passes_where_it_would_be_revealed() -> None:
    """As it was written, and it is told which way it came."""
    found = one(EMAIL, CHAINS["email"], REVEALED, "Anna.Berg@Example.com")
    assert found == Judged(records=(record(email="Anna.Berg@Example.com"),), clear=names("email"), surrogate=())


@pytest.mark.parametrize("treatment", [SURROGATE, MASKED, Treatment(0, link=False)])
@pytest.mark.parametrize("value", ["anna@example.com", None])
def test_a_clear_value_is_not_permitted_anywhere_else(treatment: Treatment, value: str | None) -> None:
    """Null too: it takes away what was there."""
    assert one(EMAIL, CHAINS["email"], treatment, value).unpermitted == ("email",)


@pytest.mark.parametrize("treatment", [SURROGATE, REVEALED, Treatment(1, link=True)])
def test_a_surrogate_of_the_callers_own_class_resolves_to_its_normalised_value(treatment: Treatment) -> None:
    """The store gets what it stands for."""
    found = one(EMAIL, CHAINS["email"], treatment, surrogate(EMAIL, "Anna.Berg@EXAMPLE.com"))
    assert found == Judged(records=(record(email="anna.berg@example.com"),), clear=(), surrogate=names("email"))


def test_a_surrogate_is_not_permitted_without_the_link() -> None:
    """A mask is no link."""
    assert one(EMAIL, CHAINS["email"], MASKED, surrogate(EMAIL, "a@b.org")).unpermitted == ("email",)


def test_a_surrogate_of_anybody_else_is_unrevealed() -> None:
    """Another recipient, another purpose class, another field, a changed one, one that nobody can reverse, one in a text."""
    hmac = spec("email", surrogate=SurrogateKind.HMAC)
    own = surrogate(EMAIL, "a@b.org")
    foreign = [
        surrogate(EMAIL, "a@b.org", recipient="adnet"),
        surrogate(EMAIL, "a@b.org", key_class="other"),
        surrogate(spec("phone"), "a@b.org"),
        own[:-1] + ("A" if own[-1] != "A" else "B"),
        own.replace("sv1_", "sv2_"),
        surrogate(hmac, "a@b.org"),
        f"see {own} there",
        f" {own}",
    ]
    for text in foreign:
        found = one(EMAIL, CHAINS["email"], REVEALED, text)
        assert (found.unrevealed, found.records) == (("email",), (record(email=None),)), text


def test_what_a_surrogate_stands_for_is_of_the_fields_own_kind() -> None:
    """Numbers and truth values come back as such; what is not of the kind is unrevealed."""
    kinds: list[tuple[FieldType, str, Scalar]] = [
        (FieldType.INTEGER, "34", 34),
        (FieldType.DECIMAL, "19.90", Decimal("19.90")),
        (FieldType.DECIMAL, "20", 20),
        (FieldType.BOOLEAN, "true", True),
        (FieldType.DATE, "1984-05-06", "1984-05-06"),
    ]
    for kind, text, value in kinds:
        own = spec("x", kind)
        assert one(own, CHAINS["word"], SURROGATE, surrogate(own, text)).records == (record(x=value),)
        assert one(own, CHAINS["word"], SURROGATE, surrogate(own, "neither")).unrevealed == ("x",)


@pytest.mark.parametrize(
    ("chain", "kind", "text"),
    [
        ("text", FieldType.TEXT, "J***"),
        ("text", FieldType.TEXT, "'=SUM(A1)"),
        ("free", FieldType.FREE_TEXT, "wishes:\n'- quiet\n'- late"),
        ("name", FieldType.TEXT, "A. B."),
        ("name", FieldType.TEXT, " A.  B. "),
        ("name", FieldType.TEXT, "张*"),
        ("email", FieldType.TEXT, "***@example.com"),
        ("phone", FieldType.TEXT, "138****5678"),
        ("national_id", FieldType.TEXT, "110****X"),
        ("address", FieldType.TEXT, "***, Berlin"),
        ("word", FieldType.TEXT, "a***@example.com"),
        ("free", FieldType.FREE_TEXT, "Call [phone] back"),
        ("free", FieldType.FREE_TEXT, "wrote from [email]"),
        ("date", FieldType.DATE, "1984"),
        ("date", FieldType.DATE, "1984-05"),
        ("date", FieldType.DATE, "1980-1989"),
        ("timestamp", FieldType.TIMESTAMP, "2025-11-03"),
        ("number", FieldType.INTEGER, "30-39"),
        ("number", FieldType.INTEGER, "1000-1999"),
        ("money", FieldType.DECIMAL, "-1000..-1"),
    ],
)
def test_what_a_view_writes_is_made_up(chain: str, kind: FieldType, text: str) -> None:
    """In whatever chain a band of a number or date was cut."""
    rungs = CHAINS.get(chain, CHAINS["text"])
    own = spec("x", kind)
    assert is_made_up(own, rungs, text)
    assert one(own, rungs, REVEALED, text).unrevealed == ("x",)


@pytest.mark.parametrize(
    ("chain", "kind", "value"),
    [
        ("name", FieldType.TEXT, "Anna Berg"),
        ("name", FieldType.TEXT, "张三"),
        ("name", FieldType.TEXT, "J. R. Tolkien"),
        ("email", FieldType.TEXT, "a@example.org"),
        ("phone", FieldType.TEXT, "+4915123456789"),
        ("address", FieldType.TEXT, "Hauptstr. 5, 10115 Berlin"),
        ("free", FieldType.FREE_TEXT, "Called **twice** on [Monday]: sv1 is no surrogate"),
        ("date", FieldType.DATE, "1984-05-06"),
        ("timestamp", FieldType.DATE, "1984-05-06"),
        ("timestamp", FieldType.TIMESTAMP, "2025-11-03T08:15:00Z"),
        ("timestamp", FieldType.TIMESTAMP, "2016-12-31T23:59:60Z"),
        ("number", FieldType.INTEGER, 34),
        ("money", FieldType.DECIMAL, Decimal("19.90")),
        ("word", FieldType.BOOLEAN, False),
        ("word", FieldType.TEXT, ""),
        ("date", FieldType.DATE, None),
    ],
)
def test_what_people_write_passes(chain: str, kind: FieldType, value: Scalar) -> None:
    """Unchanged."""
    found = one(spec("x", kind), CHAINS.get(chain, CHAINS["text"]), REVEALED, value)
    assert found == Judged(records=(record(x=value),), clear=names("x"), surrogate=())


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (FieldType.TEXT, [1, True, Decimal(1)]),
        (FieldType.FREE_TEXT, [1]),
        (FieldType.BOOLEAN, [0, "true"]),
        (FieldType.INTEGER, [True, "1", Decimal("1.0"), 2**63, -(2**63) - 1]),
        (FieldType.DECIMAL, [False, "1.5", Decimal("NaN"), 2**70]),
        (FieldType.DATE, [1984, "1984-13-01", "1984-05-06T00:00:00", "06.05.1984", "1984-5-6", ""]),
        (FieldType.TIMESTAMP, [0, "yesterday", "2025-02-30T08:15", "2025-11-03T25:00Z", "2025-11-03T08:15 +01:00"]),
    ],
)
def test_a_value_of_another_kind_is_invalid(kind: FieldType, wrong: list[Scalar]) -> None:
    """Exactly the declared kind; a date is one of the calendar."""
    for value in wrong:
        assert not is_of_kind(kind, value)
        assert one(spec("x", kind), CHAINS["word"], REVEALED, value).invalid == ("x",), value


def test_all_that_is_wrong_is_told_at_once_with_its_place() -> None:
    """With the record's index where there are many; a few dozen places at most, and never a value."""
    view = plan((EMAIL, CHAINS["email"], REVEALED), (spec("n", FieldType.INTEGER), CHAINS["number"], REVEALED))
    found = written(view, record(email="***", n="x"), record(n=1), record(other=1), indexed=True)
    assert (found.unrevealed, found.invalid) == (("[0].email",), ("[0].n", "[2].other"))
    many = written(view, *[record(n="x")] * (MOST_NAMED + 1), indexed=True)
    assert len(many.invalid) == MOST_NAMED
    assert "x" not in repr(found).replace("indexed", "")


def test_a_record_without_a_field_is_none() -> None:
    """Of one record the body is named, of many the record."""
    view = plan((EMAIL, CHAINS["email"], REVEALED))
    assert written(view, record()).invalid == ("body",)
    assert written(view, record(email="a@b.org"), record(), indexed=True).invalid == ("[1]",)


def test_dotted_names_are_nested_again_and_digits_are_kept() -> None:
    """Null stays; no number becomes a float."""
    whole = record(address__city="Ulm", address__geo__lat=Decimal("48.40"), address__zip=None, n=9007199254740993)
    expected = b'{"address":{"city":"Ulm","geo":{"lat":48.40},"zip":null},"n":9007199254740993}'
    assert body_of([whole], BodyKind.MERGE_PATCH) == expected
    assert body_of([whole], BodyKind.RECORDS) == b"[" + expected + b"]"
