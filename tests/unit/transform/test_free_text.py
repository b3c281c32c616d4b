# SPDX-License-Identifier: Apache-2.0
"""Values inside free text that must not leave with it."""

from time import process_time

import pytest

from gateway.transform.free_text import mask_free_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Call 138 1234 5678 or anna@example.com.", "Call [phone] or [email]"),
        ("tel +49 (151) 234-567 89!", "tel [phone]!"),
        ("ID 11010519491231002X.", "ID [id]."),
        ("ID 110105194912310029", "ID [number]"),
        ("card 4111 1111 1111 1111, thanks", "card [card], thanks"),
        ("账号6222021234567890123谢谢", "账号[number]谢谢"),
        ("邮箱zhang@qq.com，谢谢", "[email]，谢谢"),
        ("full-width １３８１２３４５６７８ and ａ＠ｂ.ｃ", "full-width [phone] and [email]"),
        ("split 13\u200b81\u200b2345678", "split [phone]"),
        ("Called 2024-05-06, order 123456", "Called 2024-05-06, order 123456"),
        ("at 5 @ noon, x@ and @y", "at 5 @ noon, x@ and @y"),
        ("2024-05-06 13812345678 2024-05-07", "2024-05-06 [phone] 2024-05-07"),
        ("", ""),
    ],
)
def test_addresses_and_long_numbers_are_hidden_and_dates_are_not(text: str, shown: str) -> None:
    """The rest of the text stays as it is."""
    assert mask_free_text(text) == shown


@pytest.mark.parametrize(
    "text", ["a" * 500_000 + "@", "1 " * 250_000, "1-" * 3 + "x" * 500_000, "@" * 500_000, "1" * 500_000]
)
def test_no_text_takes_long(text: str) -> None:
    """Half a megabyte, built to make a pattern go back and forth, costs less than two seconds of CPU."""
    start = process_time()
    mask_free_text(text)
    assert process_time() - start < 2
