# SPDX-License-Identifier: Apache-2.0
"""The end of the first certificate that ends is what counts."""

import datetime as dt

from gateway.keys.certificates import ends_us
from tests.fakes.certificates import Authority


def test_of_several_certificates_the_first_that_ends_counts() -> None:
    """With a key between them, in either order."""
    authority = Authority("authority.test")
    end = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    issued = authority.issue("store.test", end=end)
    expected = round(end.timestamp() * 1_000_000)
    assert ends_us(issued.certificate + issued.key + authority.pem) == expected
    assert ends_us(authority.pem + issued.certificate) == expected


def test_what_holds_no_certificate_has_no_end() -> None:
    """A key alone, nothing, something else."""
    key = Authority("authority.test").issue("store.test").key
    assert [ends_us(one) for one in (key, b"", b"-----BEGIN CERTIFICATE-----\nx\n")] == [None] * 3
