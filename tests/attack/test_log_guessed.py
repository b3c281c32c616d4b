# SPDX-License-Identifier: Apache-2.0
"""Attack: an outsider with hashes alone, such as proofs hold, tries out what an entry may say until its hash comes out.

Proofs of inclusion show the leaf hashes of neighbours, and so the ``prev`` of the entry that is guessed. All else of a
line without a part can be few words and a time.
"""

from pathlib import Path

import msgspec

from gateway.domain.entry import Line, Looked
from gateway.keys.signing import SigningKey
from gateway.record.format.checkpoint import Checkpoint, signed
from gateway.record.format.merkle import Tree, leaf_hash
from gateway.record.proof.proving import Prover
from gateway.record.proof.verify import verify_log
from tests.fakes.log import NAME, START_US, enter, key_of, lines, opened, part, put_lines, release, written

LOOK = Looked(by="local:root", what="log", query="account:a_1", rows=3)


def _log(directory: Path, key: SigningKey) -> None:
    log = opened(directory, NAME, key=key, clock=lambda: START_US)
    enter(log, LOOK, None, START_US)
    log.close(START_US)


def test_who_knows_all_words_of_an_entry_without_a_part_does_not_find_its_hash(tmp_path: Path) -> None:
    """The proof for its neighbour holds the leaf; the right guess at time and words makes another."""
    slot = tmp_path / "door-0"
    _log(slot, key_of(NAME))
    shown = Prover(slot).inclusion(0).hashes[0]
    opening = lines(slot)[0].removesuffix(b"\n")

    guess = Line(log=NAME, seq=1, prev=leaf_hash(opening).hex(), at_us=START_US, body=LOOK)

    assert shown == leaf_hash(lines(slot)[1].removesuffix(b"\n"))
    assert leaf_hash(msgspec.json.encode(guess)) != shown


def test_two_logs_of_the_same_entries_have_no_hash_in_common(tmp_path: Path) -> None:
    """With a part or without one, every line holds 128 random bits of its own or a digest over them."""
    for name in ("one", "other"):
        written(tmp_path / name, 9)
    one, other = (lines(tmp_path / name) for name in ("one", "other"))

    found = [msgspec.json.decode(line, type=Line) for line in (*one, *other)]

    assert {line.salt is None for line in found} == {True, False}
    assert all((line.salt is None) != (line.part is None) for line in found)
    secrets = [line.salt or line.part for line in found]
    assert len(set(secrets)) == len(secrets) == 18
    assert all(len(line.salt or "x" * 32) == 32 for line in found)


def test_a_log_that_was_begun_before_lines_had_salts_still_verifies_and_goes_on(tmp_path: Path) -> None:
    """What is in it is not read otherwise."""
    slot = tmp_path / "door-0"
    log = opened(slot)
    enter(log, release("d1"), part(1))
    log.close(START_US)
    bare, prev, tree = [], "0" * 64, Tree()
    for line in lines(slot):
        body = msgspec.json.decode(line)
        body.pop("salt", None)
        raw = msgspec.json.encode({**body, "prev": prev})
        prev = leaf_hash(raw).hex()
        tree.append(leaf_hash(raw))
        bare.append(raw + b"\n")
    put_lines(slot, bare)
    (slot / "checkpoint").write_text(signed(Checkpoint(origin=NAME, size=tree.size, root=tree.root()), key_of(NAME)))

    again = opened(slot)
    enter(again, LOOK)
    again.close(START_US)

    assert verify_log(slot).is_right
    assert [msgspec.json.decode(line, type=Line).salt is None for line in lines(slot)] == [True] * 3 + [False] * 3
