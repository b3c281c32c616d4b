# SPDX-License-Identifier: Apache-2.0
"""What makes outgoing surrogates: one key a scope, and many forms at a time as if each came alone."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.transform.inner import MOST_SEALED_BYTES, filled
from gateway.transform.outgoing import CHECK_BYTES, DIGEST_BYTES, SHAPE, checker, digesting, sealing, siv_of
from tests.fakes.surrogate_keys import FakeSurrogateKeys

KEY = FakeSurrogateKeys().current("surrogate/people")
OWN, OTHERS = ("mail", "own"), ("mail", "adnet")
FORMS = st.lists(st.binary(min_size=1, max_size=MOST_SEALED_BYTES + 40), max_size=6)


@given(FORMS)
def test_many_forms_give_what_each_gives_alone(forms: list[bytes]) -> None:
    """Of either kind, those that are too long to be sealed among them."""
    for make in (sealing(KEY, OWN), digesting(KEY, OWN)):
        assert make(forms) == [make([form])[0] for form in forms]


@given(st.binary(min_size=1, max_size=MOST_SEALED_BYTES))
def test_what_is_sealed_is_the_filled_form_under_the_key_of_its_scope(form: bytes) -> None:
    """And opens under no other."""
    shape = SHAPE.fullmatch(sealing(KEY, OWN)([form])[0])
    assert shape is not None
    assert shape.group(1, 2) == ("v", "1")
    assert siv_of(KEY, OWN).open(bytes.fromhex(shape[3])) == filled(form)
    assert siv_of(KEY, OTHERS).open_each([bytes.fromhex(shape[3])]) == [None]


@given(st.binary(min_size=1, max_size=2 * MOST_SEALED_BYTES))
def test_a_digest_has_its_check_behind_it(form: bytes) -> None:
    """By which whoever has the key, and nobody else, tells the scope."""
    shape = SHAPE.fullmatch(digesting(KEY, OWN)([form])[0])
    assert shape is not None
    assert shape[1] == "h"
    raw = bytes.fromhex(shape[3])
    assert len(raw) == DIGEST_BYTES + CHECK_BYTES
    assert checker(KEY, OWN)(raw[:DIGEST_BYTES]) == raw[DIGEST_BYTES:]
    assert checker(KEY, OTHERS)(raw[:DIGEST_BYTES]) != raw[DIGEST_BYTES:]
