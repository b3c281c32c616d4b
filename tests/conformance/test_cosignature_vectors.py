# SPDX-License-Identifier: Apache-2.0
"""Cosignatures, witnesses' keys and proofs that others published.

Source: C2SP tlog-cosignature (its worked example, for which no key is published), tlog-proof, tlog-witness; the tests of
transparency-dev/formats (keys and a cosignature with its time).
"""

from base64 import b64decode, b64encode
from hashlib import sha256

import pytest

from gateway.keys.signing import SigningKey
from gateway.record.format.bundle import Proof, ProofUnreadable, parse_proof
from gateway.record.format.checkpoint import CheckpointInvalid, VerifierKey, parse_note, parse_verifier_key
from gateway.record.format.cosign import cosignature, cosigned, parse_witness_key, witness_key

NOTE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""
WITNESS_KEYS = (
    "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
)
SIGNERS = (
    (
        "Wit1+55ee4561+AVhZSmQj9+SoL+p/nN0Hh76xXmF7QcHfytUrI1XfSClk",
        "AeadRiG7XM4XiieCHzD8lxysXMwcViy5nYsoXURWGrlE",
    ),
    (
        "Wit2+85ecc407+AWVbwFJte9wMQIPSnEnj4KibeO6vSIOEDUTDp3o63c2x",
        "AfPTvxw5eUcqSgivo2vaiC7JPOMUZ/9baHPSDrWqgdGm",
    ),
    (
        "Wit3+d3ed3be7+ASb6Uz1+fxAcXkMvDd7nGa3FjDce7LxIKmbbTCT0MpVn",
        "AR2Kg8k6ccBr5QXz5SHtnkOS4UGQGEQaWi6Gfr6Mm3X5",
    ),
)
HASHES = tuple(sha256(f"hash{n}".encode()).digest() for n in (1, 2))


def test_the_worked_example_has_its_key_id_and_time_where_ours_are() -> None:
    """4 bytes of the key's id, 8 of the time, 64 of the signature; the time is the one that its message shows."""
    line = parse_note(NOTE).signatures[1]

    assert (line.name, line.key_id.hex(), len(line.signature)) == ("witness.example.com/w1", "8d66cf3f", 72)
    assert int.from_bytes(line.signature[:8], "big") == 1_679_315_147


def test_the_message_is_the_one_that_the_specification_shows() -> None:
    """Two lines, then the text of the checkpoint: signed by hand and by us, byte for byte."""
    signer = SigningKey(b64decode(SIGNERS[0][1])[1:])
    text = parse_note(NOTE).text
    message = f"cosignature/v1\ntime 1679315147\n{text}"

    line = cosignature(text, "Wit1", signer, 1_679_315_147)

    assert line.signature == (1_679_315_147).to_bytes(8, "big") + signer.sign(message.encode())


def test_a_witness_key_is_read_and_written_as_it_was() -> None:
    """Type 0x04; the id is made with it, and is not the id of the same key as a log's."""
    key = parse_witness_key(WITNESS_KEYS[1])

    assert (key.name, key.key_id.hex(), key.text()) == ("remora.n621.de", "da77ade7", WITNESS_KEYS[1])
    with pytest.raises(CheckpointInvalid):
        parse_verifier_key(WITNESS_KEYS[1])
    with pytest.raises(CheckpointInvalid):
        parse_witness_key(WITNESS_KEYS[0])


@pytest.mark.parametrize(("public", "private"), SIGNERS)
def test_a_published_signer_cosigns_under_its_published_key(public: str, private: str) -> None:
    """The same key under both types: what it co-signs is right by the one and no signature by the other."""
    log_key, signer = parse_verifier_key(public), SigningKey(b64decode(private)[1:])
    note = parse_note(NOTE)
    line = cosignature(note.text, log_key.name, signer, 1_727_964_367)
    signed = parse_note(f"{note.text}\n{line.line()}")

    assert signer.public_key == log_key.public_key
    assert cosigned(signed, (witness_key(log_key.name, signer.public_key),))[0].at_s == 1_727_964_367
    assert cosigned(signed, (VerifierKey(log_key.name, signer.public_key),)) == ()


def test_the_time_of_a_published_cosignature_is_read() -> None:
    """As transparency-dev/formats reads it."""
    blob = b64decode(
        "ZGhGuQAAAABm/qTPeyKXD+R2rzyQsxPiP8mXum7qq/iF0u4vanlqJyocWODBt97w9uL+8qT7S5gxEHWWOworDcFiEBYJXORmnFBOBA=="
    )

    assert int.from_bytes(blob[4:12], "big") == 1_727_964_367


def test_a_proof_is_written_as_others_write_it() -> None:
    """Head, index, hashes, empty line, checkpoint to the byte."""
    first, second = (b64encode(one).decode() for one in HASHES)
    proof = Proof(index=5, hashes=HASHES, note=NOTE)

    assert proof.text() == f"c2sp.org/tlog-proof@v1\nindex 5\n{first}\n{second}\n\n{NOTE}"
    assert parse_proof(proof.text()) == proof
    assert parse_proof(f"c2sp.org/tlog-proof@v1\nindex 0\n\n{NOTE}").hashes == ()


@pytest.mark.parametrize(
    "wrong",
    [
        "wrong-header\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\nextra !!notbase64!!\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\n\n\n",
        "c2sp.org/tlog-proof@v1\nindex notanumber\n\n",
        "c2sp.org/tlog-proof@v1\nindex -5\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!\n\n",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{b64encode(bytes(64)).decode()}\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + "a" * (65 << 10) + "\n\n",
    ],
)
def test_what_others_refuse_to_read_is_refused(wrong: str) -> None:
    """Their own malformed proofs, before the same checkpoint."""
    with pytest.raises(ProofUnreadable):
        parse_proof(wrong + NOTE)
