# SPDX-License-Identifier: Apache-2.0
"""Cosignatures: a witness states that a checkpoint is the longest it has seen of a log, and when; no I/O.

A cosignature is one more signature line under the log's own. Its bytes are the time (seconds since 1970, 8 bytes,
big-endian) and an Ed25519 signature over two lines, ``cosignature/v1`` and ``time <seconds>``, and the text of the
checkpoint. The key's id is made with another byte than a log's, so the one cannot pass for the other.

Source: C2SP tlog-cosignature (Ed25519), signed-note.
"""

from collections.abc import Iterable, Sequence

import msgspec

from gateway.keys.signing import SIGNATURE_BYTES, is_signed_by
from gateway.record.format.checkpoint import (
    COSIGNATURE,
    CheckpointInvalid,
    Signature,
    SignedNote,
    Signer,
    VerifierKey,
    parse_note,
    parse_signature,
    parse_verifier_key,
)

TIME_BYTES = 8
LATEST_S = (1 << 63) - 1


class Cosigned(msgspec.Struct, frozen=True):
    """Who co-signed a checkpoint, and when, in seconds since 1970."""

    name: str
    at_s: int


def parse_witness_key(text: str) -> VerifierKey:
    """Read the key of a witness, ``name+id+base64``.

    Raises:
        CheckpointInvalid: It is no such key, or a log's.
    """
    return parse_verifier_key(text, COSIGNATURE)


def witness_key(name: str, public_key: bytes) -> VerifierKey:
    """Return the key of a witness under its name."""
    return VerifierKey(name, public_key, COSIGNATURE)


def cosignature(text: str, name: str, signer: Signer, at_s: int) -> Signature:
    """Return a witness's signature line under the text of a checkpoint.

    Args:
        text: Of the note, with its last line feed.
        name: The witness's.
        signer: The witness's key.
        at_s: Seconds since 1970.
    """
    key = witness_key(name, signer.public_key)
    return Signature(name, key.key_id, at_s.to_bytes(TIME_BYTES, "big") + signer.sign(_message(text, at_s)))


def cosigned(note: SignedNote, keys: Iterable[VerifierKey]) -> tuple[Cosigned, ...]:
    """Return which of these witnesses co-signed a note, each with its newest time; lines of others are passed over.

    Raises:
        CheckpointInvalid: A line of one of these keys is not right.
    """
    found = []
    for key in keys:
        times_s = [_time_s(note.text, key, one) for one in note.signatures if _is_of(one, key)]
        if times_s:
            found.append(Cosigned(key.name, max(times_s)))
    return tuple(found)


def with_signatures(note: str, lines: Sequence[Signature]) -> str:
    """Return a note with signature lines of witnesses; of each of these the newest alone stays in it.

    A note has room for so many lines, and one witness that signs again and again must not take the room of others.
    """
    opened = parse_note(note)
    newest: dict[tuple[str, bytes], Signature] = {}
    mine = {(one.name, one.key_id) for one in lines}
    for one in (*opened.signatures, *lines):
        place = (one.name, one.key_id)
        if place in mine and (place not in newest or one.signature[:TIME_BYTES] > newest[place].signature[:TIME_BYTES]):
            newest[place] = one
    kept = [one for one in opened.signatures if newest.get((one.name, one.key_id), one) == one]
    kept += [one for one in newest.values() if one not in kept]
    return f"{opened.text}\n{''.join(dict.fromkeys(one.line() for one in kept))}"


def told_signatures(text: str) -> tuple[Signature, ...]:
    """Return the signature lines that a witness answers with.

    Raises:
        CheckpointInvalid: The answer is none.
    """
    if not text.endswith("\n"):
        raise CheckpointInvalid("signature lines end in a line feed")
    return tuple(map(parse_signature, text[:-1].split("\n")))


def _is_of(one: Signature, key: VerifierKey) -> bool:
    return (one.name, one.key_id) == (key.name, key.key_id)


def _time_s(text: str, key: VerifierKey, one: Signature) -> int:
    """Return the time of a cosignature that was found right."""
    at_s = int.from_bytes(one.signature[:TIME_BYTES], "big")
    is_whole = len(one.signature) == TIME_BYTES + SIGNATURE_BYTES and at_s <= LATEST_S
    if not is_whole or not is_signed_by(key.public_key, one.signature[TIME_BYTES:], _message(text, at_s)):
        raise CheckpointInvalid(f"the cosignature of {key.name} is wrong")
    return at_s


def _message(text: str, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()
