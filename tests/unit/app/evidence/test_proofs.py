# SPDX-License-Identifier: Apache-2.0
"""Strangers get checkpoints and proofs of the logs that there are, and nothing of an entry."""

from base64 import b64decode
from pathlib import Path

import pytest

from gateway.app.evidence.proofs import LogProofs
from gateway.record.format.bundle import parse_proof
from gateway.record.format.proofs import is_consistent
from gateway.record.proof.proving import Prover
from tests.fakes.log import checkpoint_of, written


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    written(tmp_path / "log" / "door-0", 10)
    return tmp_path / "log"


async def test_a_proof_has_hashes_alone(logs: Path) -> None:
    """No line, no part, no key."""
    text = await LogProofs(logs).proof("door-0", 3)

    assert text is not None
    proof = parse_proof(text)
    assert (proof.extra, proof.note) == (None, checkpoint_of(logs / "door-0"))


async def test_a_consistency_proof_is_lines_of_base64(logs: Path) -> None:
    """In the order of RFC 6962; nothing is needed from nothing."""
    told, prover = await LogProofs(logs).consistency("door-0", 3, 9), Prover(logs / "door-0")

    assert told is not None
    assert is_consistent(3, prover.root(3), 9, prover.root(9), [b64decode(one) for one in told.splitlines()])
    assert await LogProofs(logs).consistency("door-0", 0, 9) == ""


async def test_what_there_is_not_is_none(logs: Path) -> None:
    """A slot, a place, sizes; a name is never a path."""
    proofs = LogProofs(logs)
    assert await proofs.checkpoint("door-0") == checkpoint_of(logs / "door-0")
    for slot in ("door-1", "..", ".", "../log/door-0", ""):
        assert await proofs.checkpoint(slot) is None
        assert await proofs.proof(slot, 0) is None
        assert await proofs.consistency(slot, 0, 0) is None
    assert await proofs.proof("door-0", 10) is None
    assert await proofs.consistency("door-0", 9, 11) is None
