# SPDX-License-Identifier: Apache-2.0
"""The bridge over which a key-encryption key (KEK) is changed: a random key that two KEKs open.

While a change is under way every key of the keyring is wrapped under the bridge, and the bridge under the
KEK before (place 0) and the one to come (place 1). KEKs wrap and unwrap and are never given away for that.
"""

from collections.abc import Iterable

import msgspec

from gateway.domain.errors import KeyUnavailable
from gateway.keys.envelope import is_equal, new_key
from gateway.keys.key import unwrapped, wrap_label
from gateway.keys.keyfile import BRIDGED, KeyEntry, KeyFile
from gateway.keys.providers import HeldKek, Kek

Bridge = tuple[bytes, bytes]
LABEL = "#bridge#"
"""With the place behind it, what each wrapping is bound to; no label of a key begins so."""
NOT_OPENED = "a key-encryption key does not open what it wrapped"


def made(before: Kek, to_come: Kek) -> tuple[HeldKek, Bridge]:
    """Return a new bridge, and it wrapped under both.

    Raises:
        KeyUnavailable: One of them does not open what it wrapped.
    """
    secret = new_key()
    bridge = (before.wrap(secret, f"{LABEL}0"), to_come.wrap(secret, f"{LABEL}1"))
    if any(held(bridge, kek, (place,)) is None for place, kek in enumerate((before, to_come))):
        raise KeyUnavailable(NOT_OPENED)
    return HeldKek(secret), bridge


def held(bridge: Bridge, kek: Kek, places: tuple[int, ...] = (0, 1)) -> HeldKek | None:
    """Return the bridge if a KEK opens it at one of these places."""
    for place in places:
        try:
            return HeldKek(kek.unwrap(bridge[place], f"{LABEL}{place}"))
        except KeyUnavailable:
            continue
    return None


def wrapped_anew(entries: Iterable[KeyEntry], under: Kek, kek: Kek) -> list[KeyEntry]:
    """Return entries whose keys are wrapped under another holder; each is opened once for trial.

    Raises:
        KeyUnavailable: One cannot be opened, before or afterwards.
    """
    return [_wrapped_anew(entry, under, kek) if entry.wrapped is not None else entry for entry in entries]


def _wrapped_anew(entry: KeyEntry, under: Kek, kek: Kek) -> KeyEntry:
    secret, label = unwrapped(under, entry), wrap_label(entry.label, entry.version)
    wrapped = kek.wrap(secret, label)
    if not is_equal(kek.unwrap(wrapped, label), secret):
        raise KeyUnavailable(NOT_OPENED)
    return msgspec.structs.replace(entry, wrapped=wrapped)


def file_of(entries: Iterable[KeyEntry], bridge: Bridge | None) -> KeyFile:
    """Return the file with these entries, of the format that belongs to them."""
    if bridge is None:
        return KeyFile(keys=tuple(entries))
    return KeyFile(format=BRIDGED, keys=tuple(entries), bridge=bridge)
