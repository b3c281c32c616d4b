# SPDX-License-Identifier: Apache-2.0
"""What counts as a password that guessers try early, with the list that is shipped."""

import gzip
from importlib.resources import files

import pytest

from gateway.identify.blocklist import Blocklist


@pytest.fixture(scope="module")
def shipped() -> Blocklist:
    """The list of the package, in an installation called Northwind Marketing."""
    return Blocklist.shipped(local=("Northwind Marketing",))


@pytest.mark.parametrize(
    "password",
    [
        "1qaz2wsx3edc4rfv",
        "q1w2e3r4t5y6u7i8o9p0",
        "manchesterunited",
        "123456789123456789",
        "passwordpassword",
        "PASSWORDpassword",
        "P@ssw0rdP@ssw0rd",
        "passwordpassword1234567890",
        "letmeinletmeinletmein",
        "qwertyuiopasdfgh",
        "poiuytrewqlkjhgf",
        "aaaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "123456789012345",
        "dragonmonkey1234",
        "iloveyouforever2024",
        "Summer2024Summer2024",
        "sunshine princess football",
        "tigerwinterpurple",
        "qwerty123456789!",
        "welcome1welcome1welcome1",
        "йцукенгшщзфывапр",
    ],
)
def test_common_pieces_joined_repeated_or_padded_are_common(shipped: Blocklist, password: str) -> None:
    """Fifteen characters made of what everyone tries first are what everyone tries next."""
    assert shipped.is_common(password)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "correcthorsebatterystaple",
        "blue paper lantern river",
        "my dog eats 3 apples",
        "aB3$dE6&gH9(jK2)",
        "kd83jf02ls94mx7",
        "张伟我爱北京天安门一二三四五六",
        "the heron stood in the reeds all morning",
    ],
)
def test_phrases_and_random_passwords_are_not_common(shipped: Blocklist, password: str) -> None:
    """Good passwords pass whatever kinds of characters they have, spaces and Chinese included."""
    assert not shipped.is_common(password)


@pytest.mark.parametrize(
    "password",
    ["alice.miller2024!!!", "AliceMiller-alice", "Northwind2024!!!", "northwindmarketing1", "N0rthw1nd N0rthw1nd"],
)
def test_the_names_of_the_account_and_the_installation_do_not_help(shipped: Blocklist, password: str) -> None:
    """A name with trivial padding is the first guess of who knows the name."""
    assert shipped.is_common(password, names=("alice.miller",))


def test_a_name_counts_only_for_its_own_account(shipped: Blocklist) -> None:
    """Another account's name is a word like any other."""
    password = "Zsuzsanna Kovacsovics"
    assert shipped.is_common(password, names=("zsuzsanna.kovacsovics",))
    assert not shipped.is_common(password, names=("alice.miller",))


def test_every_entry_of_the_list_that_is_long_enough_is_common(shipped: Blocklist) -> None:
    """A listed password is refused however it is built."""
    packed = (files("gateway.identify") / "common_passwords.txt.gz").read_bytes()
    listed = [line for line in gzip.decompress(packed).decode().splitlines() if not line.startswith("# ")]
    assert len(listed) == 40_012
    assert [entry for entry in listed if 15 <= len(entry) <= 24 and not shipped.is_common(entry)] == []


def test_the_longest_password_is_judged_in_little_time(shipped: Blocklist) -> None:
    """A thousand repeated characters cost two pieces, found without trying every row of them."""
    assert shipped.bits("ab" * 512) < 20


def test_the_list_says_where_it_comes_from() -> None:
    """Source and licence stand in the file itself and in the notice beside it."""
    folder = files("gateway.identify")
    head = gzip.decompress((folder / "common_passwords.txt.gz").read_bytes())[:600].decode()
    notice = (folder / "NOTICE.md").read_text(encoding="utf-8")
    for word in ("zxcvbn 4.5.0", "Django", "MIT", "5.2.19"):
        assert word in head
        assert word in notice
