# SPDX-License-Identifier: Apache-2.0
"""Sealing: what opens it, what does not, and that keys do not print."""

import copy
import pickle

import pytest

from gateway.domain.errors import KeyUnavailable
from gateway.keys.envelope import (
    OVERHEAD_BYTES,
    Secret,
    derive,
    is_equal,
    keyed_digest,
    new_key,
    open_sealed,
    opener,
    seal,
    siv_open,
    siv_seal,
)

KEY = bytes(range(32))


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 5000])
def test_what_was_sealed_opens_again(length: int) -> None:
    """Any length, at a constant price in bytes."""
    plaintext = b"p" * length
    sealed = seal(KEY, plaintext, b"row 1")

    assert open_sealed(KEY, sealed, b"row 1") == plaintext
    assert len(sealed) == length + OVERHEAD_BYTES


def test_sealing_twice_gives_two_different_results() -> None:
    """Equal values must not be told equal."""
    assert seal(KEY, b"same") != seal(KEY, b"same")


def test_one_opener_opens_many_messages() -> None:
    """Each under a key of its own, derived from its nonce."""
    opened, texts = opener(KEY), [b"", b"one", b"x" * 1000]
    sealed = [seal(KEY, text, b"row %d" % n) for n, text in enumerate(texts)]
    assert [opened(one, b"row %d" % n) for n, one in enumerate(sealed)] == texts
    with pytest.raises(KeyUnavailable):
        opened(sealed[0], b"row 1")


def test_another_row_or_key_does_not_open_it() -> None:
    """The associated bytes bind a value to its place."""
    sealed = seal(KEY, b"value", b"row 1")

    for key, associated in ((KEY, b"row 2"), (KEY, b""), (bytes(32), b"row 1")):
        with pytest.raises(KeyUnavailable):
            open_sealed(key, sealed, associated)


def test_any_changed_bit_or_cut_is_found() -> None:
    """In the format byte, the nonce, the text and the tag."""
    sealed = seal(KEY, b"value")
    spoiled = [bytes((*sealed[:n], sealed[n] ^ 1, *sealed[n + 1 :])) for n in range(len(sealed))]

    for wrong in [*spoiled, *(sealed[:n] for n in range(len(sealed))), sealed + b"\x00"]:
        with pytest.raises(KeyUnavailable):
            open_sealed(KEY, wrong)


def test_siv_gives_equal_output_for_equal_input_only() -> None:
    """Another value, another list of associated strings or another key gives another output."""
    key = new_key() + new_key()
    one = siv_seal(key, b"value", b"ab", b"c")

    assert one == siv_seal(key, b"value", b"ab", b"c")
    others = [siv_seal(key, b"valuf", b"ab", b"c"), siv_seal(key, b"value", b"a", b"bc"), siv_seal(key, b"value")]
    assert one not in others
    assert siv_open(key, one, b"ab", b"c") == b"value"


def test_siv_opens_nothing_that_was_changed() -> None:
    """A guessed surrogate stands for nobody, whatever its length."""
    key = new_key()
    sealed = siv_seal(key, b"value")

    for wrong in (b"", b"x", sealed[:-1], sealed + b"x", bytes(len(sealed))):
        with pytest.raises(KeyUnavailable):
            siv_open(key, wrong)


def test_digests_tell_where_parts_end() -> None:
    """No two different lists of parts have one digest."""
    assert keyed_digest(KEY, b"ab", b"c") != keyed_digest(KEY, b"a", b"bc")
    assert keyed_digest(KEY, b"ab", b"") != keyed_digest(KEY, b"ab")
    assert is_equal(keyed_digest(KEY, b"ab"), keyed_digest(KEY, b"ab"))


def test_derived_keys_differ_by_use() -> None:
    """And by key; the length does not change the beginning."""
    assert derive(KEY, b"one") != derive(KEY, b"two")
    assert derive(KEY, b"one") != derive(bytes(32), b"one")
    assert derive(KEY, b"one", 64)[:32] == derive(KEY, b"one")


def test_hkdf_refuses_more_than_it_can_give() -> None:
    """RFC 5869 ends at 255 blocks."""
    assert len(derive(KEY, b"", 8160)) == 8160
    with pytest.raises(ValueError, match="8160"):
        derive(KEY, b"", 8161)


def test_a_secret_does_not_print() -> None:
    """Neither by repr, str, format nor inside of something that is printed."""
    secret = Secret(b"canary-of-a-key")

    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", str([secret]), str({"k": secret})):
        assert "canary" not in text


def test_a_secret_is_not_pickled_or_copied() -> None:
    """So it does not reach another process or a cache by accident."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(new_key(), protocol)
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy(new_key())
