# SPDX-License-Identifier: Apache-2.0
"""Codes against the published vectors of RFC 4226 appendix D and RFC 6238 appendix B (SHA-1)."""

import pytest

from gateway.identify.totp import code_at, matching_step, step_at

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("time_s", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_rfc_6238_appendix_b(time_s: int, code: str) -> None:
    """Eight digits as published, and their last six as people type them."""
    step = step_at(time_s * 1_000_000)
    assert code_at(SECRET, step, digits=8) == code
    assert matching_step(SECRET, code[-6:], time_s * 1_000_000) == step


@pytest.mark.parametrize(
    ("counter", "code"),
    [
        (0, "755224"),
        (1, "287082"),
        (2, "359152"),
        (3, "969429"),
        (4, "338314"),
        (5, "254676"),
        (6, "287922"),
        (7, "162583"),
        (8, "399871"),
        (9, "520489"),
    ],
)
def test_codes_are_those_of_rfc_4226_appendix_d(counter: int, code: str) -> None:
    """A step is the counter of HOTP."""
    assert code_at(SECRET, counter) == code
