# SPDX-License-Identifier: Apache-2.0
"""A proof is read as it was written, also out of a text with words around it; what is no proof is refused."""

import pytest

from gateway.record.format.bundle import HEAD, Extra, Proof, ProofUnreadable, found_in, parse_proof
from gateway.record.format.checkpoint import Checkpoint, signed
from gateway.record.format.merkle import EMPTY_ROOT
from tests.fakes.log import NAME, key_of

NOTE = signed(Checkpoint(origin=NAME, size=0, root=EMPTY_ROOT), key_of(NAME))
PROOF = Proof(
    index=7,
    hashes=(b"\1" * 32, b"\2" * 32),
    note=NOTE,
    extra=Extra(line='{"log":"…"}', part='{"seq":7}', log="a+b", witnesses=("w",)),
)


def test_what_was_written_is_read() -> None:
    """With what a reader needs, and without."""
    bare = Proof(index=0, hashes=(), note=NOTE)

    assert parse_proof(PROOF.text()) == PROOF
    assert parse_proof(bare.text()) == bare


def test_a_proof_is_found_among_words() -> None:
    """Between two lines of three backquotes, to the byte."""
    words = f"# Receipt\n\nwords\n\n```text\n{PROOF.text()}```\n\nmore words\n"

    assert found_in(words) == PROOF.text()
    assert found_in(PROOF.text()) == PROOF.text()
    assert found_in("no proof") == "no proof"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        HEAD,
        f"{HEAD}\n\n{NOTE}",
        f"{HEAD}\nindex 01\n\n{NOTE}",
        f"{HEAD}\nindex 1\nextra e30=\n\n{NOTE}",
        f"{HEAD}\nextra e30=\nindex 1\n\n{NOTE}",
        f"{HEAD}\nextra bm8=\nindex 1\n\n{NOTE}",
        f"{HEAD}\nindex 1\nAAAA\n\n{NOTE}",
        f"{HEAD}\nindex 1\n\nno note\n",
        f"{HEAD}\nindex 1\n{'A' * 43}=\n" * 64 + f"\n{NOTE}",
        "x" * ((4 << 20) + 1),
    ],
)
def test_what_is_no_proof_is_refused(wrong: str) -> None:
    """With a sentence; extra of another program's is refused too, since it cannot be shown."""
    with pytest.raises(ProofUnreadable):
        parse_proof(wrong)
