# SPDX-License-Identifier: Apache-2.0
"""A proof is right with the keys that the reader trusts, and wrong as soon as anything in it is another."""

from pathlib import Path

import msgspec
import pytest

from gateway.record.format.bundle import Extra, Proof, parse_proof
from gateway.record.format.checkpoint import parse_note, parse_verifier_key
from gateway.record.format.cosign import with_signatures
from gateway.record.format.parts import parse_part
from gateway.record.proof.checking import check_proof
from gateway.record.proof.proving import Prover
from gateway.record.proof.witness_folder import WitnessFolder
from tests.fakes.log import NAME, key_of, verifier_key, written
from tests.fakes.witness import AT_S, WITNESS, made

KEY = parse_verifier_key(verifier_key())


@pytest.fixture
def held(tmp_path: Path) -> WitnessFolder:
    return made(tmp_path / "witness", NAME)


@pytest.fixture
def proof(tmp_path: Path, held: WitnessFolder) -> Proof:
    """The proof of an entry with a part, co-signed."""
    slot = tmp_path / "log" / "door-0"
    written(slot, 10)
    prover = Prover(slot)
    found = prover.inclusion(4)
    line = held.cosign(parse_note(found.note).text, AT_S)
    note = with_signatures(found.note, parse_note(found.note).signatures) + line
    extra = Extra(
        line=(prover.line(4) or b"").decode(),
        part=(prover.part(4) or b"").decode(),
        log=verifier_key(),
        witnesses=(held.key.text(),),
    )
    return msgspec.structs.replace(found, note=note, extra=extra)


def test_a_proof_holds_under_trusted_keys(proof: Proof, held: WitnessFolder) -> None:
    """And tells when it was co-signed."""
    checked = check_proof(proof, key=KEY, witnesses=(held.key,))

    assert (checked.problems, checked.notes) == ((), ())
    assert checked.state is not None
    assert (checked.state.size, checked.is_key_ours) == (10, True)
    assert [(one.name, one.at_s) for one in checked.witnesses] == [(WITNESS, AT_S)]
    assert checked.part == parse_part((proof.extra or Extra(line="")).part.encode())
    assert checked.at_us > 0


def test_keys_of_the_proof_itself_are_told_to_be_no_proof(proof: Proof) -> None:
    """It holds together, and the reader is told what to compare."""
    checked = check_proof(proof)

    assert checked.is_right
    assert not checked.is_key_ours
    assert "compare it with one that you got elsewhere" in checked.notes[0]
    assert "compare them too" in checked.notes[1]


def test_another_key_does_not_hold(proof: Proof, held: WitnessFolder) -> None:
    """Of the log, and of a witness that has not co-signed."""
    other = parse_verifier_key(verifier_key(NAME, key_of("thief")))
    stranger = msgspec.structs.replace(held.key, name="witness.example/2")

    assert check_proof(proof, key=other).problems == ("the checkpoint is not signed with the log's key",)
    assert check_proof(proof, key=KEY, witnesses=(stranger,)).problems == (
        "the witness witness.example/2 has not co-signed this",
    )


def test_a_proof_without_witness_says_so(proof: Proof) -> None:
    """Since one who holds the log's key could show two histories."""
    text, _, _ = proof.note.rpartition("— ")
    checked = check_proof(msgspec.structs.replace(proof, note=text), key=KEY)

    assert checked.is_right
    assert checked.notes == (
        "no witness co-signed this: whoever holds the log's key could show others another history",
    )


def changed_extra(proof: Proof, **changes: object) -> Proof:
    extra = proof.extra or Extra(line="")
    return msgspec.structs.replace(proof, extra=msgspec.structs.replace(extra, **changes))


def test_a_changed_entry_place_or_part_is_named(proof: Proof) -> None:
    """Each by its own sentence."""
    extra = proof.extra or Extra(line="")
    line = changed_extra(proof, line=extra.line.replace('"rows":3', '"rows":4'))
    place = msgspec.structs.replace(proof, index=5)
    part = changed_extra(proof, part=extra.part.replace("192.0.2.7", "192.0.2.8"))
    torn = changed_extra(proof, part="x")
    none = msgspec.structs.replace(proof, extra=None)

    assert "this entry is not at place 4" in check_proof(line, key=KEY).problems[0]
    assert "not at place 5" in check_proof(place, key=KEY).problems[0]
    assert check_proof(part, key=KEY).problems == ("the part is not the one that the entry names",)
    assert check_proof(torn, key=KEY).problems == ("a line of the parts is malformed",)
    assert "the entry itself is not in the proof" in check_proof(none, key=KEY).problems[0]
    assert "does not hold the log's key" in check_proof(none).problems[1]
    assert check_proof(none, key=KEY, line=extra.line.encode()).is_right
    assert "the line is no entry of a log" in check_proof(none, key=KEY, line=b"hello").problems


def test_a_line_that_tells_another_place_is_named(tmp_path: Path, held: WitnessFolder) -> None:
    """A log that signs lines of another log, or out of place, is caught by each of them."""
    slot = tmp_path / "log" / "door-0"
    written(slot, 3)
    found = Prover(slot).inclusion(1)
    line = (Prover(slot).line(1) or b"").replace(b'"seq":1', b'"seq":2')
    checked = check_proof(found, key=KEY, line=line)

    assert "the entry says that it has another place" in checked.problems


def test_every_changed_bit_of_a_proof_is_found(proof: Proof, held: WitnessFolder) -> None:
    """Whatever it makes of the text: unreadable, wrong, or never seen as right for another entry."""
    text = proof.text().encode()
    extra = proof.extra or Extra(line="")
    kept = {"line": extra.line, "part": extra.part}
    for place in range(len(text)):
        for bit in range(8):
            flipped = bytearray(text)
            flipped[place] ^= 1 << bit
            try:
                found = parse_proof(flipped.decode())
            except ValueError:
                continue
            checked = check_proof(found, key=KEY, witnesses=(held.key,))
            # The keys that a proof names are hints that nobody uses here; a flip in them changes nothing that counts.
            same = found.extra is not None and all(getattr(found.extra, name) == value for name, value in kept.items())
            assert not checked.is_right or (same and found.index == proof.index), (place, bit)
