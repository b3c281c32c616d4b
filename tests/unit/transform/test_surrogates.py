# SPDX-License-Identifier: Apache-2.0
"""Virtual IDs: equal inside their scope, apart outside it, opened by nobody else."""

import re
from base64 import urlsafe_b64decode
from decimal import Decimal

import pytest
from msgspec import UNSET

from gateway.domain.catalog import FieldSpec, FieldType, Form, SurrogateKind
from gateway.domain.errors import KeyUnavailable
from gateway.transform.surrogates import MEMO, Surrogates
from tests.fakes.plans import spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

EMAIL = spec("email", form=Form.EMAIL)
HASHED = spec("email", form=Form.EMAIL, surrogate=SurrogateKind.HMAC)


def surrogates(keys: FakeSurrogateKeys | None = None, key_class: str = "mail", recipient: str = "own") -> Surrogates:
    """Return surrogates of one scope."""
    return Surrogates(keys or FakeSurrogateKeys(), key_class=key_class, recipient=recipient)


def test_equal_values_get_equal_surrogates_however_they_are_spelled() -> None:
    """Within one domain, class, recipient and version; a second process gives the same."""
    assert surrogates().of(EMAIL, "Anna@EXAMPLE.com") == surrogates().of(EMAIL, " anna@example.com")


def test_two_fields_of_one_join_domain_meet() -> None:
    """That is what a join domain is for."""
    one, other = spec("a", join_domain="people"), spec("b", join_domain="people")
    assert surrogates().of(one, "x1") == surrogates().of(other, "x1")


@pytest.mark.parametrize("field", [EMAIL, HASHED])
def test_nothing_meets_across_class_recipient_domain_or_version(field: FieldSpec) -> None:
    """Five scopes of one value give five surrogates, which share no stretch of 8 characters."""
    rotated = FakeSurrogateKeys()
    rotated.rotate()
    other_domain = spec("email", form=Form.EMAIL, surrogate=field.surrogate, join_domain="other")
    made = [
        surrogates().of(field, "anna@example.com"),
        surrogates(key_class="sms").of(field, "anna@example.com"),
        surrogates(recipient="adnet").of(field, "anna@example.com"),
        surrogates().of(other_domain, "anna@example.com"),
        surrogates(rotated).of(field, "anna@example.com"),
    ]
    bodies = [text.partition("_")[2] for text in made]
    pieces = [{body[n : n + 8] for n in range(len(body) - 7)} for body in bodies]
    assert all(not pieces[a] & pieces[b] for a in range(5) for b in range(a))


def test_scopes_that_read_alike_when_joined_are_apart() -> None:
    """Parts are framed: (ab, c) is not (a, bc)."""
    assert surrogates(key_class="ab", recipient="c").of(EMAIL, "x") != surrogates(key_class="a", recipient="bc").of(
        EMAIL, "x"
    )


def test_a_surrogate_has_its_kind_and_version_in_front() -> None:
    """``sv1_`` can be opened by the gateway, ``sh1_`` by nobody."""
    assert re.fullmatch(r"sv1_[A-Za-z0-9_-]{64}", surrogates().of(EMAIL, "anna@example.com"))
    assert re.fullmatch(r"sh1_[A-Za-z0-9_-]{22}", surrogates().of(HASHED, "anna@example.com"))


@pytest.mark.parametrize("length", [1, 10, 20, 30])
def test_values_of_up_to_30_bytes_look_equally_long(length: int) -> None:
    """The inner form is filled up to 32 bytes."""
    assert len(surrogates().of(spec("id"), "x" * length)) == len("sv1_") + 64


@pytest.mark.parametrize("value", ["x", "anna@example.com", "nobody", "x" * 31, "名" * 200, "\x00\x80\x00", "a\x80"])
def test_a_sealed_value_comes_back_normalised(value: str) -> None:
    """Raw values too, bytes that look like filling included."""
    made = surrogates()
    assert made.inner(EMAIL, made.of(EMAIL, value)) == value


def test_a_number_comes_back_as_its_digits() -> None:
    """Fields that identify by number are text inside."""
    field = spec("id", FieldType.INTEGER)
    made = surrogates()
    assert made.inner(field, made.of(field, 4711)) == "4711"


def test_a_truth_value_is_spelled_as_in_json() -> None:
    """So that a caller may compare it as it was read."""
    field = spec("flag", FieldType.BOOLEAN)
    made = surrogates()
    assert made.inner(field, made.of(field, True)) == "true"


def test_a_retired_version_still_opens_and_a_shredded_one_does_not() -> None:
    """New ones are made under the new version."""
    keys = FakeSurrogateKeys()
    made = surrogates(keys)
    old = made.of(EMAIL, "anna@example.com")
    keys.rotate()
    assert made.of(EMAIL, "anna@example.com").startswith("sv2_")
    assert made.inner(EMAIL, old) == "anna@example.com"
    keys.shred(1)
    assert made.inner(EMAIL, old) is None


def test_without_a_key_in_force_nothing_is_made() -> None:
    """It fails closed, also where values are still remembered."""
    keys = FakeSurrogateKeys()
    made = surrogates(keys)
    made.of(EMAIL, "anna@example.com")
    keys.shred(1)
    with pytest.raises(KeyUnavailable):
        made.of(EMAIL, "anna@example.com")


def test_a_surrogate_of_another_scope_is_not_recognised() -> None:
    """Another recipient's, class's or domain's."""
    foreign = [
        surrogates(recipient="adnet").of(EMAIL, "x@example.com"),
        surrogates(key_class="sms").of(EMAIL, "x@example.com"),
        surrogates().of(spec("other"), "x@example.com"),
        surrogates().of(HASHED, "x@example.com"),
    ]
    assert [surrogates().inner(EMAIL, text) for text in foreign] == [None] * 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sv1_",
        "sv1_AAAA",
        "sv0_" + "A" * 64,
        "sv01_" + "A" * 64,
        "sv2_" + "A" * 64,
        "sv1_" + "A" * 64,
        "sv1_" + "=" * 64,
        "sv9999999999_" + "A" * 64,
        "sv1_" + "A" * 5000,
        "anna@example.com",
        "sv1_" + "A" * 45,
        "sv\u0661_" + "A" * 64,
    ],
)
def test_what_is_no_surrogate_is_not_recognised(text: str) -> None:
    """One answer for all of it."""
    assert surrogates().inner(EMAIL, text) is None


def test_every_changed_character_makes_a_surrogate_unrecognised() -> None:
    """Unused bits at the end count as well."""
    made = surrogates()
    text = made.of(spec("id"), "x" * 40)
    turned = [text[:n] + ("B" if text[n] == "A" else "A") + text[n + 1 :] for n in range(4, len(text))]
    assert {made.inner(spec("id"), changed) for changed in turned} == {None}


def test_another_spelling_of_the_same_bytes_is_not_recognised() -> None:
    """Base64 has unused bits where the bytes do not come in threes; only our spelling counts."""
    made = surrogates()
    text = made.of(spec("id"), "x" * 40)
    assert len(text) - 4 == 107
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = text[:-1] + alphabet[alphabet.index(text[-1]) + 1]
    assert urlsafe_b64decode(other[4:] + "=") == urlsafe_b64decode(text[4:] + "=")
    assert made.inner(spec("id"), other) is None


def test_a_very_long_value_is_digested_instead_of_sealed() -> None:
    """It stays equal to itself, and cannot be opened."""
    made = surrogates()
    long = made.of(EMAIL, "x" * 5000)
    assert long.startswith("sh1_")
    assert long == made.of(EMAIL, "x" * 5000) != made.of(EMAIL, "x" * 5001)
    assert made.inner(EMAIL, long) is None


def test_a_raw_value_never_meets_a_normalised_one() -> None:
    """Their namespaces are apart even where their bytes are the same."""
    raw, normalised = spec("p", form=Form.PHONE, join_domain="p"), spec("p", form=Form.TEXT, join_domain="p")
    assert surrogates().of(raw, "123") != surrogates().of(normalised, "123")


def test_a_column_keeps_null_and_missing() -> None:
    """And gives the others what single values get."""
    made = surrogates()
    column = made.maker(EMAIL).column(["a@b.cd", None, UNSET, "a@b.cd"], ())
    assert column == [made.of(EMAIL, "a@b.cd"), None, UNSET, made.of(EMAIL, "a@b.cd")]


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
