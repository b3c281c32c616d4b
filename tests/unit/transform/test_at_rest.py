# SPDX-License-Identifier: Apache-2.0
"""What a store holds in a value's place: opened by key alone, equal for equal values of a domain, never what leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from gateway.domain.catalog import AtRest, Form
from gateway.domain.errors import KeyUnavailable
from gateway.domain.names import JoinDomain
from gateway.transform.at_rest import MEMO, Stored
from gateway.transform.inner import MOST_SEALED_BYTES, text_of
from gateway.transform.normalise import SPELLINGS
from gateway.transform.surrogates import Surrogates
from tests.fakes.plans import spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

PHONES = JoinDomain("phones")
PHONE = SPELLINGS[Form.PHONE]
TEXT = SPELLINGS[Form.TEXT]


def stored(keys: FakeSurrogateKeys | None = None, domain: JoinDomain = PHONES) -> Stored:
    """Return what seals and opens for one domain."""
    return Stored(keys or FakeSurrogateKeys(), domain)


def test_equal_values_are_equal_at_rest_however_they_are_spelled() -> None:
    """In every store and process of one domain."""
    assert stored().sealed(PHONE, "139 1234 5678", "CN") == stored().sealed(PHONE, "+8613912345678")


def test_two_domains_and_two_versions_never_meet() -> None:
    """Each has a key of its own."""
    rotated = FakeSurrogateKeys()
    rotated.rotate()
    found = {one.sealed(TEXT, "x") for one in (stored(), stored(domain=JoinDomain("mails")), stored(rotated))}
    assert len(found) == 3


@given(st.text(max_size=80))
def test_a_value_comes_back_normalised(value: str) -> None:
    """Whatever it is, in one namespace or the other."""
    made = stored()
    text = made.sealed(TEXT, value)
    assert text is not None
    assert text.startswith("as1_")
    assert made.column([text, text.upper()]) == [TEXT(value, None) or value] * 2


def test_what_was_not_turned_over_yet_is_what_it_is() -> None:
    """Null, missing and clear values stand in a column beside surrogates until a migration is done."""
    made = stored()
    text = made.sealed(TEXT, "x")
    assert made.column([text, None, UNSET, "clear", "as1_short"]) == ["x", None, UNSET, "clear", "as1_short"]


@given(st.lists(st.integers(0, 8), max_size=6))
def test_many_at_once_stand_for_what_each_does_alone(places: list[int]) -> None:
    """In whatever spelling and under whatever key, beside whatever else."""
    keys = FakeSurrogateKeys()
    old = str(stored(keys).sealed(TEXT, "x"))
    keys.rotate()
    new, long = str(stored(keys).sealed(TEXT, "x")), str(stored(keys).sealed(TEXT, "y" * 1000))
    changed = new[:-1] + ("1" if new[-1] == "0" else "0")
    texts = [new, old, long, changed, new.upper(), new[:9] + " " + new[10:], new + " ", "clear", "as2_" + "0" * 3002]
    wanted = [b"nx", b"nx", b"n" + b"y" * 1000, b"", b"nx", None, None, None, None]
    for some in (places, [place % 3 for place in places], [0] * len(places)):
        assert stored(keys).forms([texts[place] for place in some]) == [wanted[place] for place in some]
        assert [stored(keys).form(texts[place]) for place in some] == [wanted[place] for place in some]


def test_what_opens_under_no_key_stands_for_nothing() -> None:
    """A changed digit, another domain's, a version that was shredded: null, and nothing is said of why."""
    keys = FakeSurrogateKeys()
    made = stored(keys)
    text = str(made.sealed(TEXT, "x"))
    turned = [text[:n] + ("1" if text[n] == "0" else "0") + text[n + 1 :] for n in range(4, len(text))]
    assert set(made.column(turned)) == {None}
    assert stored(domain=JoinDomain("mails")).column([text]) == [None]
    keys.shred(1)
    assert stored(keys).column([text]) == [None]


def test_a_rotated_key_still_opens_and_seals_nothing_new() -> None:
    """What a store holds keeps standing for its value while the column is turned over."""
    keys = FakeSurrogateKeys()
    made = stored(keys)
    old = made.sealed(TEXT, "x")
    keys.rotate()
    new = made.sealed(TEXT, "x")
    assert str(new).startswith("as2_")
    assert made.column([old, new]) == ["x", "x"]


def test_without_a_key_in_force_nothing_is_sealed() -> None:
    """It fails closed."""
    keys = FakeSurrogateKeys()
    made = stored(keys)
    made.sealed(TEXT, "x")
    keys.shred(1)
    with pytest.raises(KeyUnavailable):
        made.sealed(TEXT, "x")


def test_what_was_read_a_moment_ago_stands_for_nothing_once_its_key_is_shredded() -> None:
    """What is remembered does not outlive its key; under a key that comes back it is read again."""
    keys = FakeSurrogateKeys()
    made = stored(keys)
    text = made.sealed(TEXT, "x")
    assert text is not None
    assert made.column([text]) == ["x"]
    keys.rotate()
    keys.shred(1)
    assert made.form(text) == b""
    assert made.column([text]) == [None]


def test_a_value_that_is_too_long_is_not_sealed() -> None:
    """A digest in its place could not be opened, and the value would be lost."""
    assert stored().sealed(TEXT, "x" * MOST_SEALED_BYTES) is None
    assert stored().sealed(TEXT, "x" * (MOST_SEALED_BYTES - 1)) is not None


def test_what_is_remembered_is_bounded() -> None:
    """The memory is emptied when it is full."""
    made = stored()
    for n in range(MEMO + 1):
        made.form(f"as1_{n:096x}")
    assert len(made._forms) == 1


def test_outgoing_surrogates_are_the_same_before_and_after_a_column_is_turned_over() -> None:
    """They are made of the value itself, so lists that somebody keeps stay comparable; and rotation changes nothing."""
    keys = FakeSurrogateKeys()
    clear = spec("phone", form=Form.PHONE, join_domain="phones")
    held = spec("phone", form=Form.PHONE, join_domain="phones", at_rest=AtRest.SIV)
    outgoing = Surrogates(keys, key_class="mail", recipient="own")
    before = outgoing.of(clear, "139 1234 5678", "CN")
    text = stored(keys).sealed(PHONE, "139 1234 5678", "CN")
    assert text is not None
    assert outgoing.maker(held).column([text, "139 1234 5678", None], ["CN", "CN", None]) == [before, before, None]
    assert text != before


def test_a_surrogate_at_rest_that_stands_for_nothing_leaves_as_null() -> None:
    """No outgoing surrogate is made of a text that nobody can read."""
    outgoing = Surrogates(FakeSurrogateKeys(), key_class="mail", recipient="own")
    held = spec("phone", form=Form.PHONE, join_domain="phones", at_rest=AtRest.SIV)
    text = stored(domain=JoinDomain("mails")).sealed(PHONE, "139 1234 5678")
    assert outgoing.maker(held).column([text], [None]) == [None]
    assert text_of(b"nx") == "x"
