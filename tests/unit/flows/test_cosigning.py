# SPDX-License-Identifier: Apache-2.0
"""What a witness answers is checked before it counts, and what it contradicts is told and never mended."""

import logging
import shutil
from pathlib import Path

import pytest

from gateway.domain.errors import WitnessSilent
from gateway.flows.cosigning import Cosigning, Outcome, newest_of
from gateway.flows.witnessing import Answer
from gateway.record.format.checkpoint import parse_note, parse_verifier_key
from gateway.record.format.cosign import cosigned
from gateway.record.proof.proving import Prover
from gateway.record.proof.verify import verify_log
from tests.fakes.log import NAME, checkpoint_of, key_of, verifier_key, written
from tests.fakes.witness import NearWitness, asked, made

KEY = parse_verifier_key(verifier_key())


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    written(tmp_path / "log" / "door-0", 10)
    return tmp_path / "log" / "door-0"


@pytest.fixture
def witness(tmp_path: Path) -> NearWitness:
    return NearWitness(made(tmp_path / "witness", NAME))


async def outcomes(cosigning: Cosigning, slot: Path) -> list[Outcome]:
    return [one.outcome for one in await cosigning.submit(Prover(slot))]


async def test_a_new_log_is_co_signed_and_its_note_kept(slot: Path, witness: NearWitness) -> None:
    """What did not change is not sent again."""
    cosigning = Cosigning([witness])

    assert await outcomes(cosigning, slot) == [Outcome.COSIGNED]
    assert await outcomes(cosigning, slot) == [Outcome.CURRENT]
    assert len(witness.requests) == 1
    assert verify_log(slot, witnesses=[witness.key.text()]).n_witnessed == 10


async def test_a_log_that_grew_sends_its_proof_from_the_last_size(slot: Path, witness: NearWitness) -> None:
    """Also after a restart, when the kept note says how far the witness is."""
    await Cosigning([witness]).submit(Prover(slot))
    written(slot, 7)

    assert await outcomes(Cosigning([witness]), slot) == [Outcome.COSIGNED]
    assert [one.split(b"\n")[0] for one in witness.requests] == [b"old 0", b"old 10"]


async def test_a_lost_note_costs_one_question(slot: Path, witness: NearWitness) -> None:
    """The witness says how far it is."""
    await Cosigning([witness]).submit(Prover(slot))
    (slot / "witnessed").unlink()
    written(slot, 7)

    assert await outcomes(Cosigning([witness]), slot) == [Outcome.COSIGNED]
    assert [one.split(b"\n")[0] for one in witness.requests] == [b"old 0", b"old 0", b"old 10"]


async def test_several_witnesses_sign_the_same_note(slot: Path, witness: NearWitness, tmp_path: Path) -> None:
    """One that is silent keeps no other from it, and joins later."""
    second = NearWitness(made(tmp_path / "second", NAME, name="witness.example/2"))
    second.is_silent = True
    cosigning = Cosigning([witness, second])

    assert await outcomes(cosigning, slot) == [Outcome.COSIGNED, Outcome.SILENT]
    second.is_silent = False
    assert await outcomes(cosigning, slot) == [Outcome.CURRENT, Outcome.COSIGNED]
    signed = cosigned(parse_note((slot / "witnessed").read_text()), (witness.key, second.key))
    assert [one.name for one in signed] == ["witness.example/1", "witness.example/2"]


async def test_a_log_behind_its_witness_is_told_loudly(
    slot: Path, witness: NearWitness, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Put back as a whole, with what it kept: nothing is sent that a witness could be asked to forget."""
    await Cosigning([witness]).submit(Prover(slot))
    shutil.copytree(slot, tmp_path / "copy")
    written(slot, 10)
    await Cosigning([witness]).submit(Prover(slot))
    cosigning = Cosigning([witness])

    with caplog.at_level(logging.INFO, "gateway.witnesses"):
        (told,) = await cosigning.submit(Prover(tmp_path / "copy"))
        await cosigning.submit(Prover(tmp_path / "copy"))

    assert told.outcome is Outcome.CONTRADICTED
    assert "co-signed 20 entries of demo/node-1/door-0, which has 10" in told.sentence
    assert [one.levelno for one in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize("n_more", [0, 5])
async def test_another_history_is_told_loudly(slot: Path, witness: NearWitness, tmp_path: Path, n_more: int) -> None:
    """At the same size, and longer."""
    await Cosigning([witness]).submit(Prover(slot))
    fork = tmp_path / "fork" / "door-0"
    written(fork, 10)
    if n_more:
        written(fork, n_more)

    (told,) = await Cosigning([witness]).submit(Prover(fork))

    assert told.outcome is Outcome.CONTRADICTED
    assert "this is another history" in told.sentence
    assert not (fork / "witnessed").exists()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200, ""), Outcome.REFUSED),
        (Answer(200, "hello\n"), Outcome.REFUSED),
        (Answer(200, "— stranger AAAAAAAA\n"), Outcome.REFUSED),
        (Answer(403, ""), Outcome.REFUSED),
        (Answer(404, ""), Outcome.REFUSED),
        (Answer(400, ""), Outcome.REFUSED),
        (Answer(409, "5\n"), Outcome.REFUSED),
        (Answer(409, "x\n", "text/x.tlog.size"), Outcome.REFUSED),
        (Answer(409, "3\n", "text/x.tlog.size"), Outcome.SILENT),
        (Answer(409, "30\n", "text/x.tlog.size"), Outcome.CONTRADICTED),
        (Answer(500, ""), Outcome.SILENT),
        (Answer(301, ""), Outcome.REFUSED),
    ],
)
async def test_what_a_strange_witness_answers_is_not_believed(
    slot: Path, witness: NearWitness, answer: Answer, outcome: Outcome
) -> None:
    """Nothing is kept, and asking ends."""
    witness.instead = answer

    assert await outcomes(Cosigning([witness]), slot) == [outcome]
    assert not (slot / "witnessed").exists()
    assert len(witness.requests) <= 4


async def test_a_signature_over_another_checkpoint_does_not_count(slot: Path, witness: NearWitness) -> None:
    """A replayed answer, such as of an older size."""
    older = await witness.add_checkpoint(asked(slot, 0))
    written(slot, 5)
    witness.instead = older

    (told,) = await Cosigning([witness]).submit(Prover(slot))

    assert told.outcome is Outcome.REFUSED
    assert "no right signature" in told.sentence


async def test_trouble_that_ended_is_told_once(
    slot: Path, witness: NearWitness, caplog: pytest.LogCaptureFixture
) -> None:
    """And trouble that goes on as well."""
    cosigning = Cosigning([witness])
    witness.is_silent = True
    with caplog.at_level(logging.INFO, "gateway.witnesses"):
        for is_silent in (True, True, False, False):
            witness.is_silent = is_silent
            await cosigning.submit(Prover(slot))

    assert [one.levelno for one in caplog.records] == [logging.WARNING, logging.INFO]
    assert cosigning.told[NAME, "witness.example/1"].outcome is Outcome.CURRENT


async def test_what_a_witness_knows_is_believed_under_both_keys_alone(slot: Path, witness: NearWitness) -> None:
    """No answer about a log that it does not know; anything else is as good as silence."""
    assert await newest_of(witness, NAME, KEY) is None
    await Cosigning([witness]).submit(Prover(slot))

    assert await newest_of(witness, NAME, KEY) == (slot / "witnessed").read_text()
    for instead in (Answer(200, checkpoint_of(slot)), Answer(200, "x"), Answer(500, "")):
        witness.instead = instead
        with pytest.raises(WitnessSilent):
            await newest_of(witness, NAME, KEY)
    witness.instead = None
    with pytest.raises(WitnessSilent):
        await newest_of(witness, NAME, parse_verifier_key(verifier_key(NAME, key_of("thief"))))
