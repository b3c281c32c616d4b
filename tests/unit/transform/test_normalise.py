# SPDX-License-Identifier: Apache-2.0
"""One spelling for each value, and a namespace apart for what has none."""

import random

import pytest
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from gateway.domain.catalog import Form
from gateway.transform import normalise
from gateway.transform.normalise import known_country, normal


@pytest.mark.parametrize(
    ("form", "text", "spelling"),
    [
        (Form.TEXT, "abc123", "abc123"),
        (Form.TEXT, "  a \t b\u3000c ", "a b c"),
        (Form.NAME, "Ame\u0301lie", "Am\u00e9lie"),
        (Form.ADDRESS, "Street 1\n Town", "Street 1 Town"),
        (Form.EMAIL, "Anna@EXAMPLE.com", "anna@example.com"),
        (Form.EMAIL, " anna@Exämple.de ", "anna@xn--exmple-cua.de"),
        (Form.EMAIL, "anna@straße.de", "anna@xn--strae-oqa.de"),
        (Form.NATIONAL_ID, "11010519491231002x", "11010519491231002X"),
        (Form.NATIONAL_ID, "110105 19491231 002X", "11010519491231002X"),
        (Form.NATIONAL_ID, "e-123.456/78", "E12345678"),
        (Form.DATE, "1984-05-06", "1984-05-06"),
        (Form.DATE, "1984-05-06T00:00:00Z", "1984-05-06"),
    ],
)
def test_spellings_of_one_value_meet(form: Form, text: str, spelling: str) -> None:
    """In the namespace of normalised values."""
    assert normal(form, text) == ("n", spelling)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Form.TEXT, ""),
        (Form.TEXT, "   "),
        (Form.EMAIL, "nobody"),
        (Form.EMAIL, "a@b@c.de"),
        (Form.EMAIL, "a b@c.de"),
        (Form.EMAIL, "anna@localhost"),
        (Form.EMAIL, "anna@exa_mple.de"),
        (Form.EMAIL, "ä" * 65 + "@c.de"),
        (Form.PHONE, "030 1234567"),
        (Form.PHONE, "+49****23"),
        (Form.PHONE, "1-800-FLOWERS"),
        (Form.PHONE, "+999 1234567"),
        (Form.PHONE, "+9991234567"),
        (Form.PHONE, "+1 41"),
        (Form.PHONE, "+1 415 555 2671 ext 5"),
        (Form.PHONE, "9" * 200),
        (Form.NATIONAL_ID, "110105194912310021"),
        (Form.NATIONAL_ID, "110****X"),
        (Form.DATE, "1984-05-06T12:00:00Z"),
        (Form.DATE, "06.05.1984"),
    ],
)
def test_what_has_no_spelling_goes_through_raw_unchanged(form: Form, text: str) -> None:
    """It is never refused and never bent into something else."""
    assert normal(form, text) == ("raw", text)


@pytest.mark.parametrize(
    ("text", "country", "spelling"),
    [
        ("13812345678", None, "+8613812345678"),
        ("13812345678", "CN", "+8613812345678"),
        ("+86 138 1234 5678", None, "+8613812345678"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("0151 23456789", "DE", "+4915123456789"),
        ("0049 151 23456789", None, "+4915123456789"),
        ("+49 (0)151 23456789", None, "+4915123456789"),
        ("+4915123456789", "US", "+4915123456789"),
    ],
)
def test_a_phone_is_read_with_the_country_of_its_row(text: str, country: str | None, spelling: str) -> None:
    """Without one, only what names its country, and Chinese mobiles."""
    assert normal(Form.PHONE, text, country) == ("n", spelling)


def test_the_short_cut_for_phones_agrees_with_the_library() -> None:
    """Over 5,000 random numbers with a country code it says yes only to what is its own E.164."""
    rng = random.Random(7)
    codes = sorted(COUNTRY_CODE_TO_REGION_CODE)
    numbers = [f"+{rng.choice(codes)}{rng.randrange(10**5, 10**11)}" for _ in range(5_000)]
    short = [number for number in numbers if len(number) <= 16 and normalise.is_e164(number)]
    assert len(short) > 1_000
    assert [normalise._e164(number, None) for number in short] == short


def test_a_country_code_that_nobody_has_has_no_lengths() -> None:
    """So no number under it is its own spelling."""
    assert normalise._numbering("999") is None
    assert not any(normalise.is_e164("+999" + "1" * length) for length in range(4, 13))


@pytest.mark.parametrize(
    ("text", "country"), [("de", "DE"), (" CN ", "CN"), ("Germany", None), (49, None), (None, None)]
)
def test_a_country_is_two_letters_or_unknown(text: object, country: str | None) -> None:
    """Names of countries are not guessed at."""
    assert known_country(text) == country
