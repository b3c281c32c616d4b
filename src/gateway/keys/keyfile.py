# SPDX-License-Identifier: Apache-2.0
"""``keyring.json`` as bytes: what each version of a key is wrapped as, and how the file is replaced.

Format 1 has keys that are wrapped under the key-encryption key (KEK). Format 2 is the file while the KEK
is changed: its keys are wrapped under a random *bridge*, and the bridge twice, under the KEK before and
under the one to come, so either of them opens everything and can add to it.
"""

from enum import StrEnum
from pathlib import Path

import msgspec

from gateway.domain.errors import SettingsError
from gateway.keys.files import put_in_place, write_private

PLAIN, BRIDGED = 1, 2


class KeyState(StrEnum):
    """What a version of a key may still be used for."""

    ACTIVE = "active"
    RETIRED = "retired"
    SHREDDED = "shredded"


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of a key as the file holds it; ``wrapped`` is null once it is shredded."""

    label: str
    version: int
    state: KeyState
    created_us: int
    wrapped: bytes | None


class KeyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file, in the order in which its keys were made.

    Attributes:
        bridge: Of format 2, the bridge wrapped under the KEK before, and under the one to come.
    """

    format: int = PLAIN
    keys: tuple[KeyEntry, ...] = ()
    bridge: tuple[bytes, bytes] | msgspec.UnsetType = msgspec.UNSET


def read(path: Path) -> KeyFile:
    """Return what the file holds.

    Raises:
        SettingsError: It is missing or no keyring.
    """
    try:
        file = msgspec.json.decode(path.read_bytes(), type=KeyFile)
    except OSError as error:
        raise SettingsError(f"the keyring {path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        # From None: what a decoder says of a place is told, what stands there is not.
        raise SettingsError(f"the keyring {path} cannot be read: {_told(error)}") from None
    if file.format not in (PLAIN, BRIDGED):
        raise SettingsError(f"the keyring {path} has format {file.format}; this program reads {PLAIN} and {BRIDGED}")
    if (file.format == BRIDGED) != (file.bridge is not msgspec.UNSET):
        raise SettingsError(f"the keyring {path} cannot be read: its format is not that of its content")
    return file


def write(path: Path, file: KeyFile) -> None:
    """Replace the file in one step, then overwrite what it was; readers hold the lock, so none sees that."""
    fresh = path.with_suffix(".new")
    write_private(fresh, msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n")
    put_in_place(fresh, path)


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, msgspec.MsgspecError) else "it is no text"
