# SPDX-License-Identifier: Apache-2.0
"""Attack: a witness, or whoever stands between, lies to the gateway: it may be silent, and do no more harm than that."""

from pathlib import Path

import pytest
from typing_extensions import override

from gateway.flows.cosigning import SIZE_TYPE, Cosigning, Outcome
from gateway.flows.witnessing import Answer
from gateway.record.format.checkpoint import Checkpoint, parse_note, signed
from gateway.record.format.cosign import cosigned
from gateway.record.proof.proving import Prover
from gateway.record.proof.verify import verify_log
from gateway.record.proof.witness_folder import WitnessFolder
from tests.fakes.log import NAME, key_of, opened, verifier_key, written
from tests.fakes.witness import AT_S, NearWitness, asked, made

MANY = 63


class Greedy(NearWitness):
    """A witness that signs again and again, at another time each."""

    held: WitnessFolder
    n_lines = MANY
    at_s = AT_S

    @override
    async def add_checkpoint(self, request: bytes) -> Answer:
        """Answer with as many right signatures as a note can hold."""
        text = parse_note(request.decode().partition("\n\n")[2]).text
        self.at_s += self.n_lines
        lines = (self.held.cosign(text, self.at_s + n) for n in range(self.n_lines))
        return Answer(200, "".join(lines))


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    written(tmp_path / "log" / "door-0", 10)
    return tmp_path / "log" / "door-0"


async def outcomes(cosigning: Cosigning, slot: Path) -> list[Outcome]:
    return [one.outcome for one in await cosigning.submit(Prover(slot))]


async def test_a_size_that_was_made_up_once_does_not_end_co_signing(slot: Path, tmp_path: Path) -> None:
    """It is told as a contradiction while it lasts, and asked about again."""
    witness = NearWitness(made(tmp_path / "witness", NAME))
    cosigning = Cosigning([witness])
    witness.instead = Answer(409, "999999999999999999\n", SIZE_TYPE)
    assert await outcomes(cosigning, slot) == [Outcome.CONTRADICTED]
    assert await outcomes(cosigning, slot) == [Outcome.CONTRADICTED]

    witness.instead = None
    assert await outcomes(cosigning, slot) == [Outcome.COSIGNED]
    written(slot, 4)
    assert await outcomes(cosigning, slot) == [Outcome.COSIGNED]


async def test_signatures_without_end_leave_room_for_those_of_others(slot: Path, tmp_path: Path) -> None:
    """Of each witness the newest is kept."""
    held = made(tmp_path / "greedy", NAME, name="greedy.example/1")
    greedy, honest = Greedy(held), NearWitness(made(tmp_path / "witness", NAME))
    greedy.held = held

    assert await outcomes(Cosigning([greedy, honest]), slot) == [Outcome.COSIGNED, Outcome.COSIGNED]
    note = parse_note((slot / "witnessed").read_text())
    assert len(note.signatures) == 3
    assert {one.name for one in cosigned(note, (greedy.key, honest.key))} == {greedy.key.name, honest.key.name}
    assert verify_log(slot, witnesses=[honest.key.text()]).problems == ()


async def test_a_log_that_stands_still_is_co_signed_however_often_it_is_asked_for(slot: Path, tmp_path: Path) -> None:
    """As after a hundred starts without a new entry."""
    held = made(tmp_path / "witness", NAME)
    witness = Greedy(held)
    witness.held, witness.n_lines = held, 1
    for _ in range(100):
        assert await outcomes(Cosigning([witness]), slot) == [Outcome.COSIGNED]
    assert len(parse_note((slot / "witnessed").read_text()).signatures) == 2


async def test_no_answer_of_a_witness_alone_keeps_a_log_from_opening(slot: Path, tmp_path: Path) -> None:
    """Whatever it says of sizes and roots, it cannot sign for the log."""
    held = made(tmp_path / "witness", NAME)
    witness = NearWitness(held)
    longer = signed(Checkpoint(origin=NAME, size=10**6, root=b"\1" * 32), key_of("thief"))
    lies = [
        Answer(409, f"{10**6}\n", SIZE_TYPE),
        Answer(409, "10\n", SIZE_TYPE),
        Answer(422, "no\n"),
        Answer(200, held.cosign(parse_note(longer).text, AT_S)),
        Answer(200, longer + held.cosign(parse_note(longer).text, AT_S)),
    ]
    for witness.instead in lies:
        await Cosigning([witness]).submit(Prover(slot))
        opened(slot).close(None)
    assert verify_log(slot).problems == ()


def test_evidence_against_one_log_leaves_room_for_that_against_another(slot: Path, tmp_path: Path) -> None:
    """Whoever holds one log's key can contradict itself without end."""
    other = "demo/node-1/door-1"
    witness = NearWitness(held := made(tmp_path / "witness", NAME, other))
    assert witness._rule.add_checkpoint(asked(slot, 0)).status == 200
    for n in range(200):
        held.accuse(NAME, signed(Checkpoint(origin=NAME, size=10, root=n.to_bytes(32, "big")), key_of(NAME)))
    held.accuse(other, signed(Checkpoint(origin=other, size=10, root=b"\1" * 32), key_of(other)))

    found = {one.key.name: one.n_evidence for one in held.known()}
    assert found == {NAME: 64, other: 1}
    assert verifier_key(other) != verifier_key()
