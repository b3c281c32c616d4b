# SPDX-License-Identifier: Apache-2.0
"""The keyring of an installation, and who holds the key that its keys are wrapped under."""

from gateway.app.clock import now_us
from gateway.keys.keyring import Keyring
from gateway.keys.providers import FileKek, HeldKek
from gateway.settings.loading import Settings


def open_keyring(settings: Settings) -> Keyring:
    """Return the keyring of an installation.

    Raises:
        SettingsError: The key-encryption key is missing or open to others.
    """
    return Keyring(settings.state / "keys", kek_of(settings), now_us)


def kek_of(settings: Settings) -> HeldKek:
    """Return the holder of an installation's key-encryption key.

    Raises:
        SettingsError: It is missing or open to others.
    """
    if settings.kek is not None:
        return HeldKek.from_text(settings.kek.get_secret_value(), "GATEWAY_KEK")
    return FileKek(settings.state / "keys" / "kek")


def make_keyring(settings: Settings) -> Keyring:
    """Return the keyring of a new installation, with a new key-encryption key unless one was given."""
    folder = settings.state / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.kek is None and not (folder / "kek").exists():
        FileKek.create(folder / "kek")
    return open_keyring(settings)
