# SPDX-License-Identifier: Apache-2.0
"""A cosignature counts if it is right by the witness's key, and any byte of it that is changed makes the note wrong."""

import pytest

from gateway.record.format.checkpoint import Checkpoint, CheckpointInvalid, Signature, parse_note, signed
from gateway.record.format.cosign import Cosigned, cosignature, cosigned, told_signatures, with_signatures, witness_key
from gateway.record.format.merkle import EMPTY_ROOT
from tests.fakes.log import NAME, key_of

NOTE = signed(Checkpoint(origin=NAME, size=0, root=EMPTY_ROOT), key_of(NAME))
TEXT = parse_note(NOTE).text
FIRST, SECOND = witness_key("w/1", key_of("w/1").public_key), witness_key("w/2", key_of("w/2").public_key)


def line_of(name: str, at_s: int) -> Signature:
    return cosignature(TEXT, name, key_of(name), at_s)


def test_every_trusted_witness_is_told_with_its_newest_time() -> None:
    """A witness may sign again; lines of others are passed over."""
    note = with_signatures(NOTE, [line_of("w/1", 7), line_of("w/1", 9), line_of("w/2", 8), line_of("stranger", 99)])

    assert cosigned(parse_note(note), (FIRST, SECOND)) == (Cosigned("w/1", 9), Cosigned("w/2", 8))
    assert cosigned(parse_note(NOTE), (FIRST,)) == ()


def test_a_line_is_not_written_twice() -> None:
    """However often it is told."""
    line = line_of("w/1", 7)
    once = with_signatures(NOTE, [line, line])

    assert with_signatures(once, [line]) == once == NOTE + line.line()


@pytest.mark.parametrize("place", range(72))
def test_any_changed_byte_of_a_cosignature_makes_it_wrong(place: int) -> None:
    """Of the time as much as of the signature."""
    line = line_of("w/1", 7)
    content = bytearray(line.signature)
    content[place] ^= 1
    note = with_signatures(NOTE, [Signature(line.name, line.key_id, bytes(content))])

    with pytest.raises(CheckpointInvalid, match="the cosignature of w/1 is wrong"):
        cosigned(parse_note(note), (FIRST,))


def test_a_cosignature_of_another_length_is_wrong() -> None:
    """Also one that begins as a right one does."""
    line = line_of("w/1", 7)
    note = with_signatures(NOTE, [Signature(line.name, line.key_id, line.signature + b"\0")])

    with pytest.raises(CheckpointInvalid):
        cosigned(parse_note(note), (FIRST,))


def test_what_a_witness_answers_is_lines_with_line_feeds() -> None:
    """And nothing else."""
    line = line_of("w/1", 7)

    assert told_signatures(line.line()) == (line,)
    for wrong in ("", "\n", line.line()[:-1], "hello\n"):
        with pytest.raises(CheckpointInvalid):
            told_signatures(wrong)
