# SPDX-License-Identifier: Apache-2.0
"""Notes and keys that others published.

Source: golang.org/x/mod/sumdb/note (its documented example key and note); C2SP signed-note and
tlog-checkpoint.
"""

from base64 import b64decode

import pytest

from gateway.keys.signing import SigningKey, is_signed_by
from gateway.record.format.checkpoint import (
    CheckpointInvalid,
    VerifierKey,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
)

VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
CHECKPOINT = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""


def test_the_published_key_is_read_and_written_as_it_was() -> None:
    """Name, id and key; the id is recomputed."""
    key = parse_verifier_key(VERIFIER)

    assert (key.name, key.key_id.hex(), key.text()) == ("PeterNeumann", "c74f20a3", VERIFIER)


def test_the_published_note_verifies() -> None:
    """The signature is over the text with its last line feed and without the empty line."""
    key, note = parse_verifier_key(VERIFIER), parse_note(f"{TEXT}\n{SIGNATURE}")
    (one,) = note.signatures

    assert (note.text, one.name, one.key_id) == (TEXT, key.name, key.key_id)
    assert is_signed_by(key.public_key, one.signature, note.text.encode())


def test_our_signature_of_the_published_text_is_the_published_one() -> None:
    """Ed25519 is deterministic, so it must come out byte for byte."""
    signer = SigningKey(PRIVATE)
    key = VerifierKey("PeterNeumann", signer.public_key)
    (published,) = parse_note(f"{TEXT}\n{SIGNATURE}").signatures

    assert key.text() == VERIFIER
    assert signer.sign(TEXT.encode()) == published.signature


def test_the_checkpoint_of_the_specification_is_read() -> None:
    """Origin, size and root, and the text comes out as it was."""
    note = parse_note(CHECKPOINT)
    state = parse_checkpoint(note.text)

    assert (state.origin, state.size) == ("example.com/behind-the-sofa", 20852163)
    assert state.text() == note.text


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+!!!!",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        VERIFIER + "\n",
        "",
    ],
)
def test_a_malformed_verifier_key_is_refused(text: str) -> None:
    """Wrong id, case, length, algorithm, name, alphabet."""
    with pytest.raises(CheckpointInvalid):
        parse_verifier_key(text)


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}{SIGNATURE}",
        f"{TEXT}\n{SIGNATURE}".removesuffix("\n"),
        f"{TEXT}\n{SIGNATURE}\n",
        f"{TEXT}\n{SIGNATURE}".replace("—", "-"),
        f"{TEXT}\n{SIGNATURE}".replace("x08go/Z", "x08go_Z"),
        f"{TEXT}\n{SIGNATURE}".replace("nAM=", "nAN="),
        f"{TEXT}\n{SIGNATURE}".replace("PeterNeumann", ""),
        f"{TEXT}\n{SIGNATURE}".replace("PeterNeumann", "Peter+Neumann"),
        f"{TEXT}\n— PeterNeumann x08goA==\n".replace("oA==", "\n"),
        f"{TEXT}\n— PeterNeumann x08gow==\n",
        f"{TEXT}\r\n\n{SIGNATURE}",
        f"{TEXT}\x00\n\n{SIGNATURE}",
        f"\n{SIGNATURE}",
        f"{TEXT}\n" + 65 * SIGNATURE,
    ],
)
def test_a_malformed_note_is_refused(note: str) -> None:
    """No text, no gap, no signature, wrong dash, stray bits, control characters, too many signatures."""
    with pytest.raises(CheckpointInvalid):
        parse_note(note)


def test_sixteen_signatures_are_borne() -> None:
    """Verifiers must accept at least so many."""
    assert len(parse_note(f"{TEXT}\n" + 16 * SIGNATURE).signatures) == 16


@pytest.mark.parametrize(
    "text",
    [
        "log\n1\n",
        "log\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "log\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "log\n１\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
        "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
        "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jx\n",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\nmore\n",
        "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    """Too few lines, another spelling of the size, a root of another length, an empty line."""
    with pytest.raises(CheckpointInvalid):
        parse_checkpoint(text)
