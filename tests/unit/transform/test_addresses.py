# SPDX-License-Identifier: Apache-2.0
"""One address is one mailbox or one phone."""

import pytest

from gateway.domain.catalog import Form
from gateway.transform.addresses import one_address

ONE = "anna@example.org"
TWO = "berta@example.org"


@pytest.mark.parametrize(
    ("form", "text", "address"),
    [
        (Form.EMAIL, ONE, ONE),
        (Form.EMAIL, "Anna+News@Example.org", "anna+news@example.org"),
        (Form.EMAIL, "m\u00fcller@m\u00fcller.example", "m\u00fcller@xn--mller-kva.example"),
        (Form.PHONE, "+4915112345678", "+4915112345678"),
    ],
)
def test_an_address_is_told_in_its_normal_spelling(form: Form, text: str, address: str) -> None:
    """Whoever carries the message gets the spelling by which everybody who has it was found."""
    assert one_address(form, text) == address


@pytest.mark.parametrize("how", ["{0}, {1}", "{0};{1}", "{0}\r\nBcc: {1}", "<{1}>{0}", "{0}>,<{1}", "{1} {0}", "x,{0}", "x;{0}", "<{0}", '"x"{0}', "x:{0};", "(x){0}", "\\{0}", "{0}\x00"])  # fmt: skip
def test_what_could_be_read_as_more_than_one_is_none(how: str) -> None:
    """A list, angle brackets, a group, a comment or a line break reaches nobody."""
    assert one_address(Form.EMAIL, how.format(ONE, TWO)) is None


@pytest.mark.parametrize("text", ["+4915112345678,+4915112345679", "+4915112345678;ext=1", "112", "call +4915112345678", "", "0151 12345678"])  # fmt: skip
def test_what_is_no_whole_number_is_no_phone(text: str) -> None:
    """Two numbers, a number that only one country can dial, and words are none."""
    assert one_address(Form.PHONE, text) is None


@pytest.mark.parametrize("form", [Form.TEXT, Form.NAME, Form.NATIONAL_ID, Form.DATE, Form.ADDRESS, None])
def test_a_field_of_another_kind_has_no_address(form: Form | None) -> None:
    """Only mailboxes and phones are written to."""
    assert one_address(form, ONE) is None
