# SPDX-License-Identifier: Apache-2.0
"""Claims about the words that sample people are made of."""

import string

import pytest

from gateway.demo import words
from gateway.demo.words import Language


def test_mail_goes_to_domains_that_are_reserved_for_examples() -> None:
    """RFC 2606 keeps exactly these three from being anybody's."""
    assert set(words.MAIL_DOMAINS) == {"example.com", "example.org", "example.net"}


@pytest.mark.parametrize("language", [words.ENGLISH, words.CHINESE], ids=["en", "zh"])
def test_a_remark_tells_something_if_and_only_if_it_says_so(language: Language) -> None:
    """Telling remarks have a place for a value; plain ones have none."""
    telling = (*language.telling_notes, *language.telling_contact_notes, *language.telling_order_notes)
    plain = (
        *language.notes,
        *language.contact_notes,
        *language.order_notes,
        *language.health_notes,
        *language.religions,
    )

    assert all(_places(sentence) for sentence in telling)
    assert not any(_places(sentence) for sentence in plain)
    assert {place for sentence in language.telling_notes for place in _places(sentence)} == {
        "phone",
        "spoken",
        "email",
        "id",
        "card",
    }


def test_some_chinese_family_names_have_two_characters() -> None:
    """Compound surnames are in the list, so masks of names must know them."""
    assert {family for family, _ in words.CHINESE_FAMILIES if len(family) == 2} == {"欧阳", "司马", "诸葛", "上官"}


def _places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
