# SPDX-License-Identifier: Apache-2.0
"""What witnesses co-signed only moves on, and a log that is behind it, or another, is not opened."""

import shutil
import threading
from pathlib import Path

import pytest

from gateway.domain.errors import LogDamaged
from gateway.record.format.checkpoint import CheckpointInvalid, VerifierKey, parse_note, parse_verifier_key
from gateway.record.format.cosign import cosignature, with_signatures
from gateway.record.format.witnessed import keep_witnessed, read_witnessed
from gateway.record.proof.verify import verify_log, verify_logs
from tests.fakes.log import NAME, checkpoint_of, key_of, opened, verifier_key, written
from tests.fakes.witness import WITNESS, made

KEY = parse_verifier_key(verifier_key())


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    written(tmp_path / "log" / "door-0", 10)
    return tmp_path / "log" / "door-0"


def cosigned_note(slot: Path, at_s: int = 7) -> str:
    note = checkpoint_of(slot)
    return with_signatures(note, [cosignature(parse_note(note).text, WITNESS, key_of(WITNESS), at_s)])


def test_the_longer_one_stays(slot: Path) -> None:
    """Whoever comes last; of the same length the newer one."""
    short = cosigned_note(slot)
    written(slot, 5)
    long, later = cosigned_note(slot), cosigned_note(slot, 9)

    assert keep_witnessed(slot, KEY, long)
    assert not keep_witnessed(slot, KEY, short)
    assert keep_witnessed(slot, KEY, later)
    assert not keep_witnessed(slot, KEY, later)
    found = read_witnessed(slot, KEY)
    assert found is not None
    assert (found[0].size, found[1]) == (15, later)


def test_several_that_keep_at_once_end_with_the_longest(slot: Path) -> None:
    """As doors and worker may."""
    notes = [cosigned_note(slot)]
    for _ in range(15):
        written(slot, 2)
        notes.append(cosigned_note(slot))
    threads = [threading.Thread(target=keep_witnessed, args=(slot, KEY, note)) for note in (*notes[::2], *notes[1::2])]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    found = read_witnessed(slot, KEY)
    assert found is not None
    assert found[1] == notes[-1]


def test_another_logs_checkpoint_is_not_kept(slot: Path) -> None:
    """Nor one that is signed with another key."""
    with pytest.raises(CheckpointInvalid):
        keep_witnessed(slot, VerifierKey(NAME, key_of("other").public_key), cosigned_note(slot))


def test_a_log_that_was_cut_off_is_not_opened(slot: Path, tmp_path: Path) -> None:
    """Though its own checkpoint and all its siblings are as old as it is."""
    shutil.copytree(slot, tmp_path / "copy")
    written(slot, 10)
    keep_witnessed(tmp_path / "copy", KEY, cosigned_note(slot))
    shutil.rmtree(slot)
    (tmp_path / "copy").rename(slot)

    with pytest.raises(LogDamaged, match=r"has 10 entries, its witnesses co-signed 20: .*put back"):
        opened(slot)
    assert verify_log(slot).problems == (
        "the log has 10 entries, the co-signed checkpoint 20: it was shortened or rolled back",
    )


def test_a_log_that_was_lost_is_not_made_anew(slot: Path, tmp_path: Path) -> None:
    """As long as somebody remembers it."""
    note = cosigned_note(slot)
    shutil.rmtree(slot)
    slot.mkdir()
    keep_witnessed(slot, KEY, note)

    with pytest.raises(LogDamaged, match="has 0 entries, its witnesses co-signed 10"):
        opened(slot)


def test_another_history_is_not_gone_on_with(slot: Path, tmp_path: Path) -> None:
    """Longer than what was co-signed, and signed with the log's own key."""
    note = cosigned_note(slot)
    shutil.rmtree(slot)
    written(slot, 30)
    keep_witnessed(slot, KEY, note)

    with pytest.raises(LogDamaged, match="differs from the 10 entries that its witnesses co-signed"):
        opened(slot)
    assert "its history was changed" in verify_log(slot).problems[0]


def test_what_is_no_checkpoint_of_the_log_is_damage(slot: Path) -> None:
    """No crash leaves it behind."""
    (slot / "witnessed").write_text("hello")

    with pytest.raises(LogDamaged, match="it was changed"):
        opened(slot)
    assert verify_log(slot).problems == ("the file witnessed is no co-signed checkpoint of this log",)


def test_a_log_that_agrees_is_opened_and_verified_by_its_witness(slot: Path, tmp_path: Path) -> None:
    """A witness that is trusted and has not co-signed is named."""
    held = made(tmp_path / "witness", NAME)
    note = checkpoint_of(slot)
    line = cosignature(parse_note(note).text, WITNESS, held._signer, 7)
    keep_witnessed(slot, KEY, with_signatures(note, [line]))
    written(slot, 4)
    stranger = made(tmp_path / "stranger", name="witness.example/2").key.text()

    verdict = verify_logs(slot.parent, witnesses=[held.key.text()])
    assert verdict.is_right
    assert verdict.logs[0].sentence().startswith("door-0: ok: signed 14, co-signed 10, tail 0;")
    assert verify_log(slot, witnesses=[stranger]).problems == (
        "the witness witness.example/2 has not co-signed the log",
    )
    assert not verify_log(slot, witnesses=["nonsense"]).is_right
