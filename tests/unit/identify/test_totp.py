# SPDX-License-Identifier: Apache-2.0
"""Codes: their one spelling, the window, and what is told to who enrols."""

from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.identify.totp import (
    base32,
    code_at,
    digits_of,
    matching_step,
    new_recovery_codes,
    new_secret,
    provisioning_uri,
    recovery_digest,
    skew_steps,
    step_at,
)

SECRET = bytes(range(20))
NOW_US = 1_750_000_000_000_000
NOW = step_at(NOW_US)


def test_a_secret_has_160_random_bits() -> None:
    """As long as the hash that it keys, and never the same."""
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {20}


@pytest.mark.parametrize("offset", [-1, 0])
def test_codes_of_this_step_and_the_one_before_match(offset: int) -> None:
    """The step that is named is the code's own, not the present one."""
    assert matching_step(SECRET, code_at(SECRET, NOW + offset), NOW_US) == NOW + offset


@pytest.mark.parametrize("offset", [-20, -3, -2, 1, 2, 20])
def test_codes_of_other_steps_do_not_match(offset: int) -> None:
    """Neither older ones nor any from the future."""
    assert matching_step(SECRET, code_at(SECRET, NOW + offset), NOW_US) is None


def test_a_strict_window_takes_this_step_alone() -> None:
    """Thirty seconds are then the whole life of a code."""
    assert matching_step(SECRET, code_at(SECRET, NOW - 1), NOW_US, window=(0,)) is None
    assert matching_step(SECRET, code_at(SECRET, NOW), NOW_US, window=(0,)) == NOW


def test_the_first_step_of_time_has_none_before_it() -> None:
    """A clock at zero compares one step and does not fail."""
    assert matching_step(SECRET, code_at(SECRET, 0), 0) == 0


@pytest.mark.parametrize("spelled", ["123456", "123 456", "123-456", " 1 2 3 4 5 6 ", "1-2-3-4-5-6"])
def test_spaces_and_hyphens_do_not_count(spelled: str) -> None:
    """Apps show codes in groups and people type what they see."""
    assert digits_of(spelled) == "123456"


@pytest.mark.parametrize(
    "spelled",
    [
        "",
        "12345",
        "1234567",
        "12345a",
        "+12345",
        "1_2345",
        "0x1234",
        "123456\n",
        "\t123456",
        "123\u00a0456",
        "123\u2009456",
        "\u200b123456",
        "123456\0",
        "１２３４５６",
        "١٢٣٤٥٦",
        "१२३४५६",
        "𝟏𝟐𝟑𝟒𝟓𝟔",
        "①②③④⑤⑥",
        "123‐456",
        "1" * 100,
        " " * 58 + "123456" + " ",
    ],
)
def test_anything_but_six_ascii_digits_is_no_code(spelled: str) -> None:
    """Digits of other scripts, other spaces and other hyphens are wrong, not translated."""
    assert digits_of(spelled) is None


@pytest.mark.parametrize("skew", [-10, -2, 1, 10])
def test_a_clock_that_is_off_is_named_by_its_steps(skew: int) -> None:
    """Within ten steps the person who enrols learns what to repair."""
    assert skew_steps(SECRET, code_at(SECRET, NOW + skew), NOW_US) == skew


def test_a_code_from_further_away_is_only_wrong() -> None:
    """Beyond ten steps nothing is told."""
    assert skew_steps(SECRET, code_at(SECRET, NOW + 11), NOW_US) is None


def test_the_address_for_apps_names_issuer_account_and_secret() -> None:
    """As authenticator apps read it, with the defaults left out."""
    uri = urlsplit(provisioning_uri(SECRET, name="ana@example.org", issuer="Northwind Gateway"))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Northwind%20Gateway:ana%40example.org")
    assert parse_qs(uri.query) == {"secret": [base32(SECRET)], "issuer": ["Northwind Gateway"]}


def test_recovery_codes_are_ten_of_120_bits() -> None:
    """Each has 24 characters of base 32, in groups, and its own digest."""
    codes = new_recovery_codes()
    assert [len(code.replace("-", "")) for code in codes] == [24] * 10
    assert len({recovery_digest(code) for code in codes}) == 10


def test_a_recovery_code_is_found_in_any_case_and_grouping() -> None:
    """People copy it from paper."""
    code = new_recovery_codes()[0]
    assert recovery_digest(code.lower().replace("-", " ")) == recovery_digest(code)


@pytest.mark.parametrize("text", ["", "123456", "A" * 23, "A" * 25, "1" * 24, "ß" * 24, "A" * 23 + "\n"])
def test_other_texts_are_no_recovery_code(text: str) -> None:
    """They are not even looked up."""
    assert recovery_digest(text) is None
