# SPDX-License-Identifier: Apache-2.0
"""A certificate is signed by its log to the byte, and is no checkpoint."""

import msgspec
import pytest

from gateway.keys.signing import SigningKey
from gateway.record.format.certificate import (
    MOST_BYTES,
    Certificate,
    CertificateInvalid,
    Statement,
    certified,
    check_signature,
    parse_certificate,
)
from gateway.record.format.checkpoint import Checkpoint, VerifierKey, signed

SIGNER = SigningKey(b"k" * 32)
LOG = "demo/node-1/cli"
STATEMENT = Statement(
    installation="demo",
    log=LOG,
    entry=7,
    person=41,
    merged=(5,),
    erased_us=1,
    made_us=2,
    identities=(("crm.customer_id", 1),),
    vault_copies=3,
    known_again_by=4,
    known_by=(("identity", 1), ("phone", 2)),
    overwritten=True,
    backups_until_us=5,
    in_vault=("crm.customers.phone",),
    siv=(),
    hmac=("crm.customers.name",),
    stores=("crm.customers",),
)


@pytest.fixture
def certificate() -> Certificate:
    """A right one."""
    return certified(STATEMENT, SIGNER, "proof\n")


def test_a_certificate_is_signed_with_the_key_of_its_log(certificate: Certificate) -> None:
    """With the key that it states, and with the same one from elsewhere."""
    check_signature(certificate)
    check_signature(certificate, VerifierKey(LOG, SIGNER.public_key))
    assert STATEMENT.numbers == (41, 5)


@pytest.mark.parametrize("name", [name for name in Statement.__struct_fields__ if name not in ("format", "log")])
def test_no_member_of_the_statement_can_be_changed(certificate: Certificate, name: str) -> None:
    """Every one of them is signed."""
    held = getattr(STATEMENT, name)
    other: object = held + 1 if isinstance(held, int) else held + "x" if isinstance(held, str) else (*held, held)
    changed = msgspec.structs.replace(STATEMENT, **{name: other})
    with pytest.raises(CertificateInvalid, match="signature"):
        check_signature(msgspec.structs.replace(certificate, statement=changed))


def test_a_key_of_another_log_or_another_key_is_refused(certificate: Certificate) -> None:
    """Whoever has a log of their own signs nothing for this one."""
    other = SigningKey(b"o" * 32)
    theirs = certified(msgspec.structs.replace(STATEMENT, log="other/n/cli"), other, "")
    with pytest.raises(CertificateInvalid, match="another log's"):
        check_signature(msgspec.structs.replace(certificate, key=theirs.key))
    with pytest.raises(CertificateInvalid, match="another key"):
        check_signature(certified(STATEMENT, other, ""), VerifierKey(LOG, SIGNER.public_key))
    with pytest.raises(CertificateInvalid, match="malformed"):
        check_signature(msgspec.structs.replace(certificate, signature="no base64"))


def test_a_checkpoint_and_a_certificate_never_stand_for_each_other(certificate: Certificate) -> None:
    """What is signed begins otherwise, so a signature of one is none of the other."""
    note = signed(Checkpoint(origin=LOG, size=7, root=b"r" * 32), SIGNER)
    line = note.rstrip("\n").rpartition(" ")[2]
    with pytest.raises(CertificateInvalid):
        check_signature(msgspec.structs.replace(certificate, signature=line))
    assert not STATEMENT.signed_bytes().startswith(LOG.encode())


def test_a_certificate_is_read_as_json_or_among_words(certificate: Certificate) -> None:
    """The last JSON of a page counts; anything else is none."""
    json = msgspec.json.encode(certificate).decode()
    assert parse_certificate(json) == certificate
    assert parse_certificate(f"# Words\n\n```json\n{{}}\n```\n\n```json\n{json}\n```\n") == certificate
    for text in ("", "{}", "# Words", json.replace('"person":41', '"person":41,"more":1'), "x" * (MOST_BYTES + 1)):
        with pytest.raises(CertificateInvalid):
            parse_certificate(text)
