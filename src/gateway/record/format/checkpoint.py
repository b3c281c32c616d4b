# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: the size and root of a log under its own Ed25519 signature, as C2SP words them.

A checkpoint is a signed note: a text, an empty line, and signature lines that begin with an em dash.
The text has the origin (the log's name, which is also the key's name), the size and the root. Lines of
other signers, such as witnesses, may stand beside ours: those of unknown keys are passed over, those
of a known key must be right. Reading is strict: one spelling for every value.

Source: C2SP signed-note and tlog-checkpoint.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from hashlib import sha256
from typing import Protocol

import msgspec

from gateway.keys.signing import KEY_BYTES, is_signed_by
from gateway.record.format.merkle import HASH_BYTES

ED25519 = b"\x01"
COSIGNATURE = b"\x04"
"""Of witnesses: what they sign has a time, so that one of their keys cannot pass for a log's; see ``cosign``."""

SIGNED_BY = "— "
"""Begins each signature line."""

MOST_SIGNATURES = 64
MOST_BYTES = 1 << 20
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\Z", re.ASCII)
_VERIFIER_KEY = re.compile(r"([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)\Z")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_NAME = re.compile(r"[^+\s\x00-\x1f\x7f]+\Z")


class CheckpointInvalid(ValueError):
    """A checkpoint, a key or a signature is not what it must be; the message says in which way."""


class Signer(Protocol):
    """Whoever holds a log's private key."""

    @property
    def public_key(self) -> bytes:
        """Ed25519 public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes."""
        ...


class VerifierKey(msgspec.Struct, frozen=True):
    """A public key under the name of the log, or the witness, that it speaks for.

    Attributes:
        algorithm: One byte: ``ED25519`` of a log, ``COSIGNATURE`` of a witness.
    """

    name: str
    public_key: bytes
    algorithm: bytes = ED25519

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name, line feed, algorithm, key)."""
        return sha256(self.name.encode() + b"\n" + self.algorithm + self.public_key).digest()[:4]

    def text(self) -> str:
        """Return the key in one line, ``name+id+base64``, as people hand it to each other."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(self.algorithm + self.public_key).decode()}"


class Signature(msgspec.Struct, frozen=True):
    """One signature line: by whom, with which key, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """Return the line as it stands in a note, with its line feed."""
        return f"{SIGNED_BY}{self.name} {b64encode(self.key_id + self.signature).decode()}\n"


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a log states of itself.

    Attributes:
        origin: ``<installation>/<node>/<slot>``.
        size: Number of entries.
        root: RFC 6962 root over them, 32 bytes.
        extensions: Further lines of the text; they mean nothing here but are signed.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the text that is signed."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


class SignedNote(msgspec.Struct, frozen=True):
    """A text and the signatures under it, none of them checked yet."""

    text: str
    signatures: tuple[Signature, ...]


def signed(checkpoint: Checkpoint, signer: Signer) -> str:
    """Return the checkpoint as a note with the log's own signature."""
    key = VerifierKey(checkpoint.origin, signer.public_key)
    text = checkpoint.text()
    return f"{text}\n{Signature(key.name, key.key_id, signer.sign(text.encode())).line()}"


def notes_of(text: str) -> tuple[str, ...]:
    """Return the notes that stand in a text one after the other, none of them read yet.

    A note ends with its signature lines; empty lines before the next are not of it.
    """
    notes: list[list[str]] = [[]]
    is_signed = False
    for line in _LINE.findall(text):
        if is_signed and not line.startswith(SIGNED_BY):
            notes.append([])
        is_signed = line.startswith(SIGNED_BY)
        if notes[-1] or line != "\n":
            notes[-1].append(line)
    return tuple("".join(lines) for lines in notes if lines)


def parse_note(note: str) -> SignedNote:
    """Take a note apart.

    Raises:
        CheckpointInvalid: It is not a signed note.
    """
    if len(note) > MOST_BYTES or _CONTROL.search(note):
        raise CheckpointInvalid("the note is too long or has control characters")
    text, gap, tail = note.rpartition("\n\n")
    if not gap or not text or not tail.endswith("\n"):
        raise CheckpointInvalid("the note has no text, no empty line or no line feed at its end")
    lines = tail[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise CheckpointInvalid(f"the note has more than {MOST_SIGNATURES} signatures")
    return SignedNote(text + "\n", tuple(map(parse_signature, lines)))


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint's note.

    Raises:
        CheckpointInvalid: A line is missing, empty, or not in its one spelling.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise CheckpointInvalid("a checkpoint has at least three lines, none of them empty")
    origin, size, root, *extensions = lines
    if not _SIZE.match(size):
        raise CheckpointInvalid("the size of a checkpoint is a plain decimal number")
    digest = from_base64(root)
    if len(digest) != HASH_BYTES:
        raise CheckpointInvalid(f"the root of a checkpoint has {HASH_BYTES} bytes")
    return Checkpoint(origin=origin, size=int(size), root=digest, extensions=tuple(extensions))


def open_checkpoint(note: str, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint of a note after its signature by the log's key was found right.

    Raises:
        CheckpointInvalid: The note is malformed, is of another log, or does not carry that signature.
    """
    opened = parse_note(note)
    checkpoint = parse_checkpoint(opened.text)
    if checkpoint.origin != key.name:
        raise CheckpointInvalid("the checkpoint is of another log")
    ours = [one for one in opened.signatures if (one.name, one.key_id) == (key.name, key.key_id)]
    if not ours:
        raise CheckpointInvalid("the checkpoint is not signed with the log's key")
    if not all(is_signed_by(key.public_key, one.signature, opened.text.encode()) for one in ours):
        raise CheckpointInvalid("the signature of the checkpoint is wrong")
    return checkpoint


def parse_verifier_key(text: str, algorithm: bytes = ED25519) -> VerifierKey:
    """Read a key as ``VerifierKey.text`` writes it; of a witness if its algorithm is asked for.

    Raises:
        CheckpointInvalid: It is not such a key, its algorithm is another one, or its id is wrong.
    """
    found = _VERIFIER_KEY.match(text)
    if found is None:
        raise CheckpointInvalid("a verifier key is written name+id+base64")
    name, key_id, encoded = found.groups()
    content = from_base64(encoded)
    if content[:1] != algorithm or len(content) != 1 + KEY_BYTES:
        whose = "an Ed25519 key" if algorithm == ED25519 else "a key of a witness (Ed25519, cosignature/v1)"
        raise CheckpointInvalid(f"the verifier key is not {whose}")
    key = VerifierKey(name, content[1:], algorithm)
    if key.key_id.hex() != key_id:
        raise CheckpointInvalid("the id of the verifier key does not fit the key")
    return key


def parse_signature(line: str) -> Signature:
    """Read one signature line, without its line feed.

    Raises:
        CheckpointInvalid: It is none.
    """
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != "—" or not _NAME.match(name):
        raise CheckpointInvalid("a signature line is an em dash, a name and base64")
    content = from_base64(encoded)
    if len(content) <= 4:
        raise CheckpointInvalid("a signature line has a key id and a signature")
    return Signature(name, content[:4], content[4:])


def from_base64(text: str) -> bytes:
    """Decode base64 in its one spelling: no spaces, full padding, no stray bits.

    Raises:
        CheckpointInvalid: It is spelled otherwise.
    """
    try:
        content = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise CheckpointInvalid("not base64") from None
    if b64encode(content).decode() != text:
        raise CheckpointInvalid("base64 with stray bits")
    return content
