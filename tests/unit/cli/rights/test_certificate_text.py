# SPDX-License-Identifier: Apache-2.0
"""A certificate in words says what its statement says, in both languages, and promises nothing more."""

import msgspec
import pytest

from gateway.cli.rights.certificate_text import certificate_text
from gateway.keys.signing import SigningKey
from gateway.record.format.certificate import Statement, certified, parse_certificate
from tests.unit.record.format.test_certificate import STATEMENT

SIGNER = SigningKey(b"k" * 32)


def text(statement: Statement = STATEMENT) -> str:
    return certificate_text(certified(statement, SIGNER, "c2sp.org/tlog-proof@v1\n"))


def test_both_languages_tell_all_of_it() -> None:
    """Number, times, fields by kind, what stays elsewhere, and how it is checked."""
    en, zh, _ = text().split("\n---\n", 2)
    for part in (en, zh):
        for said in (
            "41",
            "1970-01-01",
            "`crm.customers.phone`",
            "`crm.customers.name`",
            "demo/node-1/cli",
            "`crm.customer_id`",
        ):
            assert said in part
        assert "prove-unreadable" in part
    assert "through the gateway any more" in en
    assert "删除" in zh


def test_the_certificate_is_in_it_to_the_byte() -> None:
    """With its proof as `gateway log prove` finds it."""
    whole = text()
    assert parse_certificate(whole) == certified(STATEMENT, SIGNER, "c2sp.org/tlog-proof@v1\n")
    assert "\nc2sp.org/tlog-proof@v1\n" in whole
    assert text() == whole


def test_what_is_not_so_is_not_said() -> None:
    """Nobody who cannot be known again is said to be kept away."""
    none = msgspec.structs.replace(STATEMENT, known_again_by=0, merged=(), in_vault=(), stores=(), identities=())
    told = text(none)
    assert "an import could bring them back" in told
    assert "Nobody can bring this person back" not in told
    assert "It also had" not in told


def test_who_is_known_by_identities_alone_is_not_said_to_be_kept_away() -> None:
    """An import under another identity would bring them back, and both languages say so."""
    by_id = msgspec.structs.replace(STATEMENT, known_again_by=2, known_by=(("identity", 2),))
    told = text(by_id)
    assert "would not be recognised" in told
    assert "将无法识别" in told
    assert "2 × `identity`" in told
    assert "Nobody can bring this person back" not in told
    assert "would not be recognised" not in text()


def test_a_key_that_is_not_overwritten_yet_is_told() -> None:
    """In both languages; and where it is, that what may linger elsewhere is not."""
    owed = text(msgspec.structs.replace(STATEMENT, overwritten=False))
    assert "**not yet overwritten**" in owed
    assert "**尚未**" in owed
    assert "not yet overwritten" not in text()
    assert "write-ahead log" in text()


@pytest.mark.parametrize("word", ["anonym", "guarantee", "tamper-proof", "certified erased", "匿名化"])
def test_no_word_says_more_than_is_so(word: str) -> None:
    """A number that stands for nobody is in the log still."""
    assert word not in text().lower()
