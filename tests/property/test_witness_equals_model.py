# SPDX-License-Identifier: Apache-2.0
"""Over any sequence of growing, forking, rolling back and asking, a witness co-signs one history that only grows."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.flows.cosigning import request_text
from gateway.record.format.checkpoint import Checkpoint, parse_checkpoint, parse_note, signed
from gateway.record.format.merkle import Leaves, leaf_hash
from gateway.record.format.proofs import consistency_proof
from tests.fakes.log import NAME, key_of
from tests.fakes.witness import made, witnessing

SIGNER = key_of(NAME)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("grow", "fork", "ask honestly", "ask from a stale size", "ask with another proof")),
        st.integers(0, 40),
        st.integers(0, 40),
    ),
    min_size=5,
    max_size=40,
)


class Histories:
    """One log whose operator writes as many histories as it likes, all under the log's own key."""

    def __init__(self) -> None:
        self.lines: list[bytes] = [b"0"]
        self.n_made = 0

    def grow(self, n: int) -> None:
        """Go on with the history of the moment."""
        self.lines += [f"{self.n_made}:{place}".encode() for place in range(n)]
        self.n_made += 1

    def fork(self, at: int) -> None:
        """Go back to some place, and on from there with other lines; or stay rolled back."""
        del self.lines[1 + at % len(self.lines) :]

    def request(self, old: int, proof_from: int) -> tuple[bytes, Checkpoint, Leaves]:
        """Return what a witness is asked, with the proof from some size."""
        leaves = Leaves(map(leaf_hash, self.lines))
        size = len(leaves)
        state = Checkpoint(origin=NAME, size=size, root=leaves.root(0, size))
        proof = consistency_proof(leaves, proof_from, size) if 0 < proof_from <= size else []
        return request_text(old, proof, signed(state, SIGNER)), state, leaves


def run(folder: Path, steps: list[tuple[str, int, int]]) -> int:
    """Take the steps, hold each answer against what must come of it, and return how often something was co-signed."""
    held, histories, n_signed = made(folder, NAME), Histories(), 0
    rule = witnessing(held)
    known = 0, Leaves().root(0, 0)
    for step, first, second in steps:
        if step == "grow":
            histories.grow(first)
            continue
        if step == "fork":
            histories.fork(first)
            continue
        old = second if step == "ask from a stale size" else known[0]
        proof_from = first if step == "ask with another proof" else old
        body, state, leaves = histories.request(old, proof_from)
        status = rule.add_checkpoint(body).status
        is_contained = state.size >= known[0] and leaves.root(0, known[0]) == known[1]
        if status == 200:
            assert old == known[0]
            assert is_contained
            known, n_signed = (state.size, state.root), n_signed + 1
        elif step == "ask honestly":
            assert not is_contained
        note = held.newest(NAME)
        kept = None if note is None else parse_checkpoint(parse_note(note).text)
        assert (kept.size, kept.root) == known if kept is not None else known[0] == 0
    return n_signed


@given(steps=STEPS)
@settings(max_examples=50, deadline=None)
def test_a_witness_co_signs_one_history(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    """Whatever is asked in between."""
    run(tmp_path_factory.mktemp("w") / "witness", steps)


@pytest.mark.referee
@given(steps=STEPS)
@settings(max_examples=1000, deadline=None)
def test_a_witness_co_signs_one_history_over_many_runs(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    """A thousand sequences."""
    run(tmp_path_factory.mktemp("w") / "witness", steps)
