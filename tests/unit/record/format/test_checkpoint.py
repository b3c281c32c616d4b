# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of our own: signed, read back, and refused when anything about them is not right."""

import pytest

from gateway.record.format.checkpoint import (
    Checkpoint,
    CheckpointInvalid,
    VerifierKey,
    notes_of,
    open_checkpoint,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
    signed,
)
from gateway.record.format.merkle import EMPTY_ROOT, leaf_hash
from tests.fakes.log import NAME, key_of

STATE = Checkpoint(origin=NAME, size=7, root=leaf_hash(b"x"))
SIGNER = key_of(NAME)
KEY = VerifierKey(NAME, SIGNER.public_key)


def test_a_signed_checkpoint_is_read_back() -> None:
    """Origin, size and root."""
    assert open_checkpoint(signed(STATE, SIGNER), KEY) == STATE


def test_an_empty_log_has_a_checkpoint() -> None:
    """Of size 0."""
    empty = Checkpoint(origin=NAME, size=0, root=EMPTY_ROOT)

    assert open_checkpoint(signed(empty, SIGNER), KEY) == empty


def test_extension_lines_are_signed_with_the_rest() -> None:
    """They are kept, and changing one breaks the signature."""
    extended = Checkpoint(origin=NAME, size=7, root=STATE.root, extensions=("more",))
    note = signed(extended, SIGNER)

    assert open_checkpoint(note, KEY) == extended
    with pytest.raises(CheckpointInvalid, match="signature"):
        open_checkpoint(note.replace("more", "less"), KEY)


def test_a_signature_of_an_unknown_key_is_passed_over() -> None:
    """A witness may sign as well, under its own name or even under the log's name with another key."""
    witness = signed(STATE, key_of("witness")).rpartition("\n\n")[2]

    assert open_checkpoint(signed(STATE, SIGNER) + witness, KEY) == STATE


def test_notes_that_stand_one_after_the_other_are_told_apart() -> None:
    """With an empty line between them or none, and with every signature each has; each to the byte."""
    co_signed = signed(STATE, SIGNER) + signed(STATE, key_of("witness")).rpartition("\n\n")[2]
    other = signed(Checkpoint(origin="other", size=0, root=EMPTY_ROOT), key_of("other"))

    assert notes_of(co_signed) == (co_signed,)
    assert notes_of(co_signed + other) == notes_of(f"\n{co_signed}\n\n{other}\n") == (co_signed, other)
    assert notes_of("no note\n") == ("no note\n",)


def test_a_signature_behind_an_empty_line_is_of_no_note() -> None:
    """What would not open alone does not open among others."""
    note = signed(STATE, SIGNER)
    one, stray = notes_of(note + "\n" + note.rpartition("\n\n")[2])

    assert one == note
    with pytest.raises(CheckpointInvalid):
        parse_note(stray)


def test_a_checkpoint_signed_by_unknown_keys_alone_is_refused() -> None:
    """The log's own signature must be there."""
    with pytest.raises(CheckpointInvalid, match="not signed with the log's key"):
        open_checkpoint(signed(STATE, key_of("witness")), KEY)


def test_a_second_signature_of_the_log_must_be_right_too() -> None:
    """One right signature does not cover for a wrong one."""
    other = signed(Checkpoint(origin=NAME, size=8, root=STATE.root), SIGNER).rpartition("\n\n")[2]

    with pytest.raises(CheckpointInvalid, match="signature"):
        open_checkpoint(signed(STATE, SIGNER) + other, KEY)


def test_a_checkpoint_of_another_log_is_refused() -> None:
    """Though the key may sign both."""
    other = Checkpoint(origin="demo/node-1/door-1", size=7, root=STATE.root)

    with pytest.raises(CheckpointInvalid, match="another log"):
        open_checkpoint(signed(other, SIGNER), KEY)


def test_every_changed_byte_of_a_checkpoint_is_found() -> None:
    """Each byte replaced by a neighbour."""
    note = signed(STATE, SIGNER).encode()
    for place in range(len(note)):
        bent = bytearray(note)
        bent[place] ^= 1
        with pytest.raises(CheckpointInvalid):
            open_checkpoint(bent.decode(errors="replace"), KEY)


def test_a_verifier_key_is_read_as_it_was_written() -> None:
    """And refused when it is not one, not Ed25519, or has another id."""
    assert parse_verifier_key(KEY.text()) == KEY
    for bent in ("", KEY.text().replace("+A", "+B", 1), KEY.text()[:-4], KEY.text().replace(NAME, "other")):
        with pytest.raises(CheckpointInvalid):
            parse_verifier_key(bent)


@pytest.mark.parametrize(
    "note",
    [
        "x",
        "x\n\n",
        "x\n\n- a eA==\n",
        "x\n\n— a eHh4eA==\n",
        "x\n\n— a !\n",
        "x\n\n" + 65 * "— a eHh4eHg=\n",
        "x\t\n\n— a eHh4eHg=\n",
    ],
)
def test_a_note_that_is_none_is_refused(note: str) -> None:
    """No text, no signature, another dash, no signature bytes, no base64, too many, control characters."""
    with pytest.raises(CheckpointInvalid):
        parse_note(note)


@pytest.mark.parametrize("text", ["a\n1\n", "a\n01\neA==\n", "a\n1\neA==\n"])
def test_a_checkpoint_that_is_none_is_refused(text: str) -> None:
    """Too few lines, a zero in front, a root that is no hash."""
    with pytest.raises(CheckpointInvalid):
        parse_checkpoint(text)
