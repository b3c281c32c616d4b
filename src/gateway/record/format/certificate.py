# SPDX-License-Identifier: Apache-2.0
"""A certificate of an erasure: a statement under the signature of the log that holds the entry, and its proof; no I/O.

RULES

1. What is signed begins with a line that no checkpoint begins with, so a certificate is none, and the other way round.
   It is the statement as JSON in one spelling: members in their order, no blanks.
2. What people read is made of the statement, and so can be made again and compared.
3. The proof is a C2SP tlog-proof of the entry. It is not signed here: it proves itself.
"""

from base64 import b64encode
from typing import Literal

import msgspec

from gateway.keys.signing import is_signed_by
from gateway.record.format.checkpoint import (
    CheckpointInvalid,
    Signer,
    VerifierKey,
    from_base64,
    parse_verifier_key,
)

HEAD = b"gateway certificate of erasure v1\n"
MOST_BYTES = 1 << 22


class CertificateInvalid(ValueError):
    """A text is no certificate, or not one that is right; the message says in which way."""


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is certified.

    Attributes:
        log / entry: Name of the log, and the place of the entry that says that the person was erased.
        person: Number of the person; ``merged`` are those that were merged into it.
        identities: How many identities were made unreadable, by kind.
        vault_copies: Copies of the vault that were deleted when the certificate was made.
        known_again_by: How many ways there are to know the person again at an import.
        known_by: Of how many identifiers they were made, by form; never the identifiers.
        overwritten: The wrapped key was overwritten in the files of the database by the time the certificate was made.
        backups_until_us: When the last copy of the keys of people ends that may hold the person's key.
        in_vault / siv / hmac: Fields whose outgoing surrogates and values at rest are of that kind, by the rules.
        stores: Datasets whose records may name the person still: erasing there is a matter of its own.
    """

    format: Literal["gateway-erasure/1"] = "gateway-erasure/1"
    installation: str
    log: str
    entry: int
    person: int
    merged: tuple[int, ...]
    erased_us: int
    made_us: int
    identities: tuple[tuple[str, int], ...]
    vault_copies: int
    known_again_by: int
    known_by: tuple[tuple[str, int], ...]
    overwritten: bool
    backups_until_us: int
    in_vault: tuple[str, ...]
    siv: tuple[str, ...]
    hmac: tuple[str, ...]
    stores: tuple[str, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return every number of the person."""
        return (self.person, *self.merged)

    @property
    def is_known_by_more(self) -> bool:
        """Tell whether the person is known again where they come under an id that no store had for them."""
        return self.known_again_by > dict(self.known_by).get("identity", 0)

    def signed_bytes(self) -> bytes:
        """Return what is signed."""
        return HEAD + msgspec.json.encode(self)


class Certificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statement with its signature.

    Attributes:
        signature: Ed25519, base64.
        key: Verifier key of the log, as the certificate states it; believed only if it came from elsewhere too.
        proof: C2SP tlog-proof of the entry.
    """

    statement: Statement
    signature: str
    key: str
    proof: str


def certified(statement: Statement, signer: Signer, proof: str) -> Certificate:
    """Return a statement under the signature of its log."""
    key = VerifierKey(statement.log, signer.public_key)
    signature = b64encode(signer.sign(statement.signed_bytes())).decode()
    return Certificate(statement=statement, signature=signature, key=key.text(), proof=proof)


def parse_certificate(text: str) -> Certificate:
    """Read a certificate, as JSON or inside the words that people read.

    Raises:
        CertificateInvalid: It is none.
    """
    if len(text) > MOST_BYTES:
        raise CertificateInvalid(f"a certificate has at most {MOST_BYTES} bytes")
    _, fence, inside = text.rpartition("\n```json\n")
    found = inside.partition("\n```")[0] if fence else text
    try:
        return msgspec.json.decode(found.encode("utf-8", "replace"), type=Certificate)
    except msgspec.MsgspecError:
        raise CertificateInvalid("this is no certificate of an erasure") from None


def check_signature(certificate: Certificate, key: VerifierKey | None = None) -> None:
    """Make sure that a certificate is signed with the key of its log.

    Args:
        certificate: As it was read.
        key: The log's, from elsewhere; without it the one that the certificate states is used.

    Raises:
        CertificateInvalid: It is not.
    """
    try:
        stated = parse_verifier_key(certificate.key)
        signature = from_base64(certificate.signature)
    except CheckpointInvalid as error:
        raise CertificateInvalid(f"the certificate is malformed: {error}") from None
    if stated.name != certificate.statement.log:
        raise CertificateInvalid("the key of the certificate is another log's")
    if key is not None and (key.name, key.public_key) != (stated.name, stated.public_key):
        raise CertificateInvalid("the certificate is signed with another key than the log's")
    if not is_signed_by(stated.public_key, signature, certificate.statement.signed_bytes()):
        raise CertificateInvalid("the signature of the certificate is wrong")
