# SPDX-License-Identifier: Apache-2.0
"""A key in memory does not print, and a wrapped one opens under its own label, version and KEK alone."""

import pytest

from gateway.domain.errors import KeyUnavailable
from gateway.keys.key import Key, unwrapped, wrap_label
from gateway.keys.keyfile import KeyEntry, KeyState
from gateway.keys.providers import HeldKek

KEK = HeldKek(bytes(range(32)))


def test_a_key_shows_its_label_and_version() -> None:
    """And nothing of its bytes."""
    assert repr(Key("totp", 3, b"canary" * 6)) == "<Key totp version 3>"
    assert "canary" not in repr(Key("totp", 3, b"canary" * 6).secret)


def test_a_wrapped_key_opens_in_its_place_alone() -> None:
    """Another version, another label, another KEK, or none."""
    entry = KeyEntry(
        label="a", version=1, state=KeyState.ACTIVE, created_us=0, wrapped=KEK.wrap(b"s" * 32, wrap_label("a", 1))
    )
    assert unwrapped(KEK, entry) == b"s" * 32
    for wrong in (
        KeyEntry(label="a", version=2, state=KeyState.ACTIVE, created_us=0, wrapped=entry.wrapped),
        KeyEntry(label="b", version=1, state=KeyState.ACTIVE, created_us=0, wrapped=entry.wrapped),
        KeyEntry(label="a", version=1, state=KeyState.SHREDDED, created_us=0, wrapped=None),
    ):
        with pytest.raises(KeyUnavailable, match="key"):
            unwrapped(KEK, wrong)
    with pytest.raises(KeyUnavailable, match="not the one that the keyring is wrapped under"):
        unwrapped(HeldKek(bytes(32)), entry)
