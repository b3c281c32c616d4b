# SPDX-License-Identifier: Apache-2.0
"""Virtual IDs: equal inside their scope, apart outside it, opened by nobody else."""

import re

import pytest

from gateway.domain.catalog import FieldSpec, FieldType, Form, SurrogateKind
from gateway.domain.errors import KeyUnavailable
from gateway.domain.names import JoinDomain
from gateway.transform.inner import Value
from gateway.transform.surrogates import Surrogates
from tests.fakes.plans import spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

EMAIL = spec("email", form=Form.EMAIL)
HASHED = spec("email", form=Form.EMAIL, surrogate=SurrogateKind.HMAC)


def surrogates(keys: FakeSurrogateKeys | None = None, key_class: str = "mail", recipient: str = "own") -> Surrogates:
    """Return surrogates of one scope."""
    return Surrogates(keys or FakeSurrogateKeys(), key_class=key_class, recipient=recipient)


def id_of(field: FieldSpec, value: Value, of: Surrogates | None = None) -> str:
    """Return the surrogate of a value that has one."""
    found = (of or surrogates()).of(field, value)
    assert found is not None
    return found


def test_equal_values_get_equal_surrogates_however_they_are_spelled() -> None:
    """Within one domain, class, recipient and version; a second process gives the same."""
    assert id_of(EMAIL, "Anna@EXAMPLE.com", surrogates()) == id_of(EMAIL, " anna@example.com", surrogates())


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
    bodies = [str(text).partition("_")[2] for text in made]
    pieces = [{body[n : n + 8] for n in range(len(body) - 7)} for body in bodies]
    assert all(not pieces[a] & pieces[b] for a in range(5) for b in range(a))


def test_scopes_that_read_alike_when_joined_are_apart() -> None:
    """Parts are framed: (ab, c) is not (a, bc)."""
    assert id_of(EMAIL, "x", surrogates(key_class="ab", recipient="c")) != surrogates(key_class="a", recipient="bc").of(
        EMAIL, "x"
    )


def test_a_surrogate_has_its_kind_and_version_in_front() -> None:
    """``sv1_`` can be opened by the gateway, ``sh1_`` by nobody."""
    assert re.fullmatch(r"sv1_[0-9a-f]{96}", id_of(EMAIL, "anna@example.com"))
    assert re.fullmatch(r"sh1_[0-9a-f]{48}", id_of(HASHED, "anna@example.com"))


@pytest.mark.parametrize("length", [1, 10, 20, 30])
def test_values_of_up_to_30_bytes_look_equally_long(length: int) -> None:
    """The inner form is filled up to 32 bytes."""
    assert len(id_of(spec("id"), "x" * length)) == len("sv1_") + 96


@pytest.mark.parametrize("value", ["x", "anna@example.com", "nobody", "x" * 31, "名" * 200, "\x00\x80\x00", "a\x80"])
def test_a_sealed_value_comes_back_normalised(value: str) -> None:
    """Raw values too, bytes that look like filling included."""
    made = surrogates()
    assert made.inner(EMAIL, id_of(EMAIL, value, made)) == value


def test_a_number_comes_back_as_its_digits() -> None:
    """Fields that identify by number are text inside."""
    field = spec("id", FieldType.INTEGER)
    made = surrogates()
    assert made.inner(field, id_of(field, 4711, made)) == "4711"


def test_a_truth_value_is_spelled_as_in_json() -> None:
    """So that a caller may compare it as it was read."""
    field = spec("flag", FieldType.BOOLEAN)
    made = surrogates()
    assert made.inner(field, id_of(field, True, made)) == "true"


def test_a_retired_version_still_opens_and_a_shredded_one_does_not() -> None:
    """New ones are made under the new version."""
    keys = FakeSurrogateKeys()
    made = surrogates(keys)
    old = id_of(EMAIL, "anna@example.com", made)
    keys.rotate()
    assert id_of(EMAIL, "anna@example.com", made).startswith("sv2_")
    assert made.inner(EMAIL, old) == "anna@example.com"
    keys.shred(1)
    assert made.inner(EMAIL, old) is None


def test_without_a_key_in_force_nothing_is_made() -> None:
    """It fails closed, also where values are still remembered."""
    keys = FakeSurrogateKeys()
    made = surrogates(keys)
    id_of(EMAIL, "anna@example.com", made)
    keys.shred(1)
    with pytest.raises(KeyUnavailable):
        id_of(EMAIL, "anna@example.com", made)


def test_a_surrogate_of_another_scope_is_not_recognised() -> None:
    """Another recipient's, class's or domain's."""
    foreign = [
        id_of(EMAIL, "x@example.com", surrogates(recipient="adnet")),
        id_of(EMAIL, "x@example.com", surrogates(key_class="sms")),
        id_of(spec("other"), "x@example.com", surrogates()),
        id_of(HASHED, "x@example.com", surrogates()),
    ]
    assert [surrogates().inner(EMAIL, text) for text in foreign] == [None] * 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sv1_",
        "sv1_aaaa",
        "sv0_" + "a" * 96,
        "sv01_" + "a" * 96,
        "sv2_" + "a" * 96,
        "sv1_" + "a" * 96,
        "sv1_" + "=" * 96,
        "sv9999999999_" + "a" * 96,
        "sv1_" + "a" * 5000,
        "anna@example.com",
        "sv1_" + "a" * 95,
        "sv\u0661_" + "a" * 96,
    ],
)
def test_what_is_no_surrogate_is_not_recognised(text: str) -> None:
    """One answer for all of it."""
    assert surrogates().inner(EMAIL, text) is None


def test_every_changed_character_makes_a_surrogate_unrecognised() -> None:
    """To the last digit."""
    made = surrogates()
    text = id_of(spec("id"), "x" * 40, made)
    turned = [text[:n] + ("1" if text[n] == "0" else "0") + text[n + 1 :] for n in range(4, len(text))]
    assert {made.inner(spec("id"), changed) for changed in turned} == {None}


def test_another_spelling_of_the_same_bytes_is_not_recognised() -> None:
    """Capital digits are for whoever traces a list; of a caller only our spelling counts."""
    text = id_of(EMAIL, "anna@example.com")
    assert text.upper() != text
    assert [surrogates().inner(EMAIL, other) for other in (text.upper(), text[:4] + text[4:].upper())] == [None, None]


@pytest.mark.parametrize("field", [EMAIL, HASHED])
def test_a_surrogate_tells_its_scope_to_whoever_has_the_key(field: FieldSpec) -> None:
    """Of either kind, whatever it stands for; a changed digit, and any other scope, is not ours."""
    text, domain = id_of(field, "anna@example.com"), field.join_domain
    assert surrogates().is_ours(domain, text)
    others = [surrogates(recipient="adnet"), surrogates(key_class="sms")]
    assert not any(other.is_ours(domain, text) for other in others)
    assert not surrogates().is_ours(JoinDomain("other"), text)
    turned = [text[:n] + ("1" if text[n] == "0" else "0") + text[n + 1 :] for n in range(4, len(text))]
    assert not any(surrogates().is_ours(domain, one) for one in turned)


def test_a_very_long_value_is_digested_instead_of_sealed() -> None:
    """It stays equal to itself, and cannot be opened."""
    made = surrogates()
    long = id_of(EMAIL, "x" * 5000, made)
    assert long.startswith("sh1_")
    assert long == id_of(EMAIL, "x" * 5000, made) != id_of(EMAIL, "x" * 5001, made)
    assert made.inner(EMAIL, long) is None


def test_a_raw_value_never_meets_a_normalised_one() -> None:
    """Their namespaces are apart even where their bytes are the same."""
    raw, normalised = spec("p", form=Form.PHONE, join_domain="p"), spec("p", form=Form.TEXT, join_domain="p")
    assert surrogates().of(raw, "123") != surrogates().of(normalised, "123")
