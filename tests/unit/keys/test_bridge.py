# SPDX-License-Identifier: Apache-2.0
"""The bridge: both KEKs open it, each in its place, and a KEK that does not open what it wraps begins no change."""

import pytest
from typing_extensions import override

from gateway.domain.errors import KeyUnavailable
from gateway.keys.bridge import file_of, held, made, wrapped_anew
from gateway.keys.key import unwrapped, wrap_label
from gateway.keys.keyfile import BRIDGED, PLAIN, KeyEntry, KeyState
from gateway.keys.providers import HeldKek

OLD, NEW, OTHER = (HeldKek(bytes([n]) * 32) for n in range(3))


class Forgetful(HeldKek):
    """Wraps, and opens nothing; a service whose key was made for wrapping alone."""

    @override
    def unwrap(self, wrapped: bytes, label: str) -> bytes:
        raise KeyUnavailable("no")


def entry(kek: HeldKek, secret: bytes = b"s" * 32, label: str = "totp") -> KeyEntry:
    """Return a key under a KEK."""
    wrapped = kek.wrap(secret, wrap_label(label, 1))
    return KeyEntry(label=label, version=1, state=KeyState.ACTIVE, created_us=0, wrapped=wrapped)


def test_both_keks_open_the_bridge_and_no_other() -> None:
    """And each tells by its place which one it is."""
    one, bridge = made(OLD, NEW)
    wrapped = one.wrap(b"k" * 32, "x#1")

    for kek, place, elsewhere in ((OLD, 0, 1), (NEW, 1, 0)):
        found = held(bridge, kek)
        assert found is not None
        assert found.unwrap(wrapped, "x#1") == b"k" * 32
        assert held(bridge, kek, (place,)) is not None
        assert held(bridge, kek, (elsewhere,)) is None
    assert held(bridge, OTHER) is None
    assert held((bridge[1], bridge[0]), OLD) is None


def test_a_kek_that_opens_nothing_begins_no_change() -> None:
    """Found out before anything is written."""
    for before, to_come in ((OLD, Forgetful(bytes(32))), (Forgetful(bytes(32)), NEW)):
        with pytest.raises(KeyUnavailable, match="does not open"):
            made(before, to_come)
    with pytest.raises(KeyUnavailable):
        wrapped_anew([entry(OLD)], OLD, Forgetful(bytes(32)))


def test_keys_are_wrapped_anew_and_those_that_are_shredded_stay_so() -> None:
    """The same secrets, under the other holder alone."""
    gone = KeyEntry(label="bearer", version=1, state=KeyState.SHREDDED, created_us=0, wrapped=None)
    fresh, still_gone = wrapped_anew([entry(OLD), gone], OLD, NEW)

    assert unwrapped(NEW, fresh) == b"s" * 32
    assert still_gone == gone
    with pytest.raises(KeyUnavailable):
        unwrapped(OLD, fresh)
    with pytest.raises(KeyUnavailable):
        wrapped_anew([entry(OLD)], OTHER, NEW)


def test_the_file_has_the_format_of_its_content() -> None:
    """So that a version that knows no bridge says so, and does not lose it."""
    _, bridge = made(OLD, NEW)
    assert file_of([], None).format == PLAIN
    assert (file_of([], bridge).format, file_of([], bridge).bridge) == (BRIDGED, bridge)
