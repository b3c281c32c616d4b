# SPDX-License-Identifier: Apache-2.0
"""A witness co-signs what continues its last checkpoint, and answers everything else with the status of the protocol."""

import errno
import threading
from pathlib import Path

import pytest

from gateway.flows.cosigning import request_text
from gateway.flows.witnessing import MOST_PROOF_LINES, Answer, Witnessing
from gateway.record.format.checkpoint import Checkpoint, parse_note, parse_verifier_key, signed
from gateway.record.format.cosign import cosigned, with_signatures
from gateway.record.format.merkle import EMPTY_ROOT, Leaves, leaf_hash
from gateway.record.format.proofs import consistency_proof
from gateway.record.proof.proving import Prover
from gateway.record.proof.witness_folder import WitnessFolder
from tests.fakes.log import NAME, FaultyDisk, checkpoint_of, key_of, verifier_key, written
from tests.fakes.witness import AT_S, asked, made, witnessing


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    written(tmp_path / "log" / "door-0", 10)
    return tmp_path / "log" / "door-0"


@pytest.fixture
def held(tmp_path: Path) -> WitnessFolder:
    return made(tmp_path / "witness", NAME)


def size_of(held: WitnessFolder) -> int:
    note = held.newest(NAME)
    return 0 if note is None else int(note.split("\n")[1])


def test_the_first_checkpoint_is_co_signed_and_remembered(slot: Path, held: WitnessFolder) -> None:
    """The answer is the signature line alone; the newest can be asked for, with all signatures."""
    rule = witnessing(held)
    answer = rule.add_checkpoint(asked(slot, 0))
    note = checkpoint_of(slot) + answer.body

    assert answer.status == 200
    assert cosigned(parse_note(note), (held.key,))[0].at_s == AT_S
    assert rule.newest(NAME) == Answer(200, note)


def test_a_longer_log_is_co_signed_and_the_same_one_again(slot: Path, held: WitnessFolder) -> None:
    """With a proof from what was co-signed; nothing is to be shown of what did not change."""
    rule = witnessing(held)
    assert rule.add_checkpoint(asked(slot, 0)).status == 200
    written(slot, 7)

    assert rule.add_checkpoint(asked(slot, 10)).status == 200
    assert rule.add_checkpoint(asked(slot, 17)).status == 200
    assert size_of(held) == 17


def test_a_stale_old_size_is_told_the_known_one(slot: Path, held: WitnessFolder) -> None:
    """409 with the size in its own type, also before anything was co-signed."""
    rule = witnessing(held)

    assert rule.add_checkpoint(asked(slot, 3)) == Answer(409, "0\n", "text/x.tlog.size")
    rule.add_checkpoint(asked(slot, 0))
    written(slot, 5)
    assert rule.add_checkpoint(asked(slot, 4)) == Answer(409, "10\n", "text/x.tlog.size")
    assert rule.add_checkpoint(asked(slot, 0)) == Answer(409, "10\n", "text/x.tlog.size")
    assert size_of(held) == 10


def test_an_old_size_above_the_checkpoint_is_malformed(slot: Path, held: WitnessFolder) -> None:
    """400, as the protocol says."""
    body = request_text(11, [], checkpoint_of(slot))

    assert witnessing(held).add_checkpoint(body).status == 400


def test_a_wrong_proof_is_refused(slot: Path, held: WitnessFolder) -> None:
    """422: one hash too few, too many, another one, one where none belongs."""
    rule = witnessing(held)
    rule.add_checkpoint(asked(slot, 0))
    written(slot, 7)
    prover = Prover(slot)
    right, note = prover.consistency(10, 17), checkpoint_of(slot)

    for wrong in (right[:-1], [*right, right[0]], right[::-1], []):
        assert rule.add_checkpoint(request_text(10, wrong, note)).status == 422
    assert size_of(held) == 10


def test_a_proof_from_nothing_must_be_empty(slot: Path, held: WitnessFolder) -> None:
    """422 and nothing is remembered."""
    body = request_text(0, [b"\0" * 32], checkpoint_of(slot))

    assert witnessing(held).add_checkpoint(body).status == 422
    assert held.newest(NAME) is None


def test_an_empty_log_has_the_empty_root(tmp_path: Path, held: WitnessFolder) -> None:
    """Another root over nothing is another history."""
    empty = signed(Checkpoint(origin=NAME, size=0, root=EMPTY_ROOT), key_of(NAME))
    wrong = signed(Checkpoint(origin=NAME, size=0, root=b"\1" * 32), key_of(NAME))

    assert witnessing(held).add_checkpoint(request_text(0, [], wrong)).status == 409
    assert witnessing(held).add_checkpoint(request_text(0, [], empty)).status == 200


def test_a_log_that_is_not_known_is_not_found(slot: Path, tmp_path: Path) -> None:
    """404 for its checkpoints and for its newest."""
    rule = witnessing(made(tmp_path / "other", "demo/node-1/door-1"))

    assert rule.add_checkpoint(asked(slot, 0)).status == 404
    assert rule.newest(NAME).status == 404
    assert rule.newest("demo/node-1/door-1").status == 404


def test_a_wrong_signature_is_forbidden(slot: Path, held: WitnessFolder) -> None:
    """403: another key under the name, a signature of another text, none of the log's."""
    rule = witnessing(held)
    state = Checkpoint(origin=NAME, size=10, root=b"\1" * 32)
    thief = signed(state, key_of("thief"))
    note = checkpoint_of(slot)
    moved = note.replace("\n10\n", "\n11\n")
    alone = f"{parse_note(note).text}\n{held.cosign(parse_note(note).text, 7)}"

    for wrong in (thief, moved, alone):
        assert rule.add_checkpoint(request_text(0, [], wrong)).status == 403
    assert held.newest(NAME) is None


def test_a_fork_is_refused_and_kept_as_evidence(slot: Path, held: WitnessFolder, tmp_path: Path) -> None:
    """409 at the same size, 422 at a longer one; both under the log's own right signature."""
    rule = witnessing(held)
    rule.add_checkpoint(asked(slot, 0))
    fork = tmp_path / "fork" / "door-0"
    written(fork, 10)

    assert rule.add_checkpoint(asked(fork, 10)).status == 409
    (known,) = held.known()
    assert known.n_evidence == 1
    written(fork, 5)
    assert rule.add_checkpoint(asked(fork, 10)).status == 422
    assert size_of(held) == 10
    assert rule.newest(NAME).body.startswith(checkpoint_of(slot))


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"old 0\n",
        b"old 00\n\n",
        b"old -1\n\n",
        b"old  0\n\n",
        b"Old 0\n\n",
        b"old 0\r\n\r\n",
        b"\xff",
        b"old 0\nnot base64\n\n",
        b"old 0\nAAAA\n\n",
        b"old 0\n" + b"A" * 43 + b"=\n" * (MOST_PROOF_LINES + 1) + b"\n",
        b"old 0\n" + (b"A" * 43 + b"=\n") * (MOST_PROOF_LINES + 1) + b"\n",
        b"old 99999999999999999999\n\n",
    ],
)
def test_what_cannot_be_read_is_malformed(slot: Path, held: WitnessFolder, wrong: bytes) -> None:
    """400, with or without a right checkpoint behind it."""
    rule = witnessing(held)

    assert rule.add_checkpoint(wrong).status == 400
    assert rule.add_checkpoint(wrong + checkpoint_of(slot).encode()).status == 400


def test_no_flipped_bit_of_a_request_is_co_signed(slot: Path, held: WitnessFolder) -> None:
    """Every one of them: 400, 403, 404, 409 or 422, and what was co-signed stays. Signatures of others may be flipped."""
    rule = witnessing(held)
    rule.add_checkpoint(asked(slot, 0))
    written(slot, 7)
    body, before = asked(slot, 10), held.newest(NAME)
    statuses = set()
    for place in range(len(body)):
        for bit in range(8):
            flipped = bytearray(body)
            flipped[place] ^= 1 << bit
            statuses.add(rule.add_checkpoint(bytes(flipped)).status)
    assert statuses == {400, 403, 404, 409, 422}
    assert held.newest(NAME) == before
    assert rule.add_checkpoint(body).status == 200


def test_only_the_logs_own_signature_is_kept_beside_ours(slot: Path, held: WitnessFolder) -> None:
    """Nobody else's word is handed on."""
    note = checkpoint_of(slot)
    stranger = parse_note(note).signatures[0]
    more = with_signatures(note, []) + f"— stranger {stranger.line().split()[-1]}\n"
    rule = witnessing(held)
    answer = rule.add_checkpoint(request_text(0, [], more))

    assert answer.status == 200
    assert rule.newest(NAME).body == note + answer.body


def test_a_disk_that_refuses_keeps_everything_as_it_was(slot: Path, held: WitnessFolder, tmp_path: Path) -> None:
    """503 and no signature: what was not remembered is not told."""
    disk = FaultyDisk()
    faulty = WitnessFolder(tmp_path / "witness", disk)
    rule = Witnessing(faulty, lambda text: faulty.cosign(text, AT_S))
    for operation in ("open_fresh", "write", "sync", "rename"):
        disk.fail = {operation: errno.EIO}
        assert rule.add_checkpoint(asked(slot, 0)) == Answer(503, "the witness cannot remember anything now\n")
        assert held.newest(NAME) is None
    disk.fail = {}
    assert rule.add_checkpoint(asked(slot, 0)).status == 200


def test_what_is_kept_and_cannot_be_read_is_never_begun_anew(slot: Path, held: WitnessFolder) -> None:
    """503: a witness that forgets is none."""
    rule = witnessing(held)
    rule.add_checkpoint(asked(slot, 0))
    held.keep(NAME, "spoilt")

    assert rule.add_checkpoint(asked(slot, 0)).status == 503
    assert rule.add_checkpoint(asked(slot, 10)).status == 503


def test_a_key_that_is_another_logs_is_never_taken(slot: Path, held: WitnessFolder) -> None:
    """The checkpoint names the log; a known key under another name does not help it."""
    held.add(parse_verifier_key(verifier_key("demo/node-1/door-1", key_of(NAME))))
    note = signed(Checkpoint(origin="demo/node-1/door-1", size=0, root=EMPTY_ROOT), key_of("thief"))

    assert witnessing(held).add_checkpoint(request_text(0, [], note)).status == 403


def test_many_that_ask_at_once_come_one_after_the_other(held: WitnessFolder) -> None:
    """Checked and remembered in one step: the longest that was signed is what is kept (the race in C2SP tlog-witness)."""
    leaves, rule, signed_sizes = Leaves(leaf_hash(b"%d" % n) for n in range(400)), witnessing(held), list[int]()

    def ask(start: int) -> None:
        for size in range(start, 400, 8):
            known = size_of(held)
            if known > size:
                return
            state = Checkpoint(origin=NAME, size=size, root=leaves.root(0, size))
            proof = consistency_proof(leaves, known, size) if known else []
            if rule.add_checkpoint(request_text(known, proof, signed(state, key_of(NAME)))).status == 200:
                signed_sizes.append(size)

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(1, 9)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(signed_sizes) > 8
    assert size_of(held) == max(signed_sizes)
