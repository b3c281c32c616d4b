# SPDX-License-Identifier: Apache-2.0
"""What others vouched for, held against a log under examination: witnesses that co-signed it, authorities that stamped it.

What lies beside the log must be of this log, and within it. Whose signatures it takes is the caller's to say: without
a key of a witness, or certificates of an authority, only what the log itself signed is looked at.
"""

from collections.abc import Sequence

import msgspec

from gateway.domain.errors import LogDamaged
from gateway.keys.stamps import StampInvalid, stamped_us
from gateway.record.format.checkpoint import CheckpointInvalid, VerifierKey, open_checkpoint, parse_note
from gateway.record.format.cosign import cosigned, parse_witness_key
from gateway.record.format.stamps import newest_stamp
from gateway.record.format.witnessed import read_witnessed
from gateway.record.proof.examination import Examination


class Outsiders(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the caller trusts.

    Attributes:
        witnesses: Each must have co-signed every log.
        roots_pem: Certificates of time authorities; the newest stamp of every log must rest on them.
        problems: What was wrong with what the caller gave.
    """

    witnesses: tuple[VerifierKey, ...] = ()
    roots_pem: bytes | None = None
    problems: tuple[str, ...] = ()


def trusted_outsiders(witnesses: Sequence[str], roots_pem: bytes | None) -> Outsiders:
    """Return whom a caller trusts, by the texts of keys."""
    found, problems = [], []
    for text in witnesses:
        try:
            found.append(parse_witness_key(text.strip()))
        except CheckpointInvalid as error:
            problems.append(f"a witness to trust: {error}")
    return Outsiders(witnesses=tuple(found), roots_pem=roots_pem, problems=tuple(problems))


def check_outsiders(one: Examination, key: VerifierKey, trusted: Outsiders) -> None:
    """Blame the log for everything that others vouched for and that does not fit it."""
    _check_witnessed(one, key, trusted.witnesses)
    _check_stamped(one, key, trusted.roots_pem)


def _check_witnessed(one: Examination, key: VerifierKey, trusted: Sequence[VerifierKey]) -> None:
    try:
        held = read_witnessed(one.directory, key)
        found = () if held is None else cosigned(parse_note(held[1]), trusted)
    except (LogDamaged, CheckpointInvalid, OSError):
        one.blame("the file witnessed is no co-signed checkpoint of this log")
        return
    if held is not None:
        one.check_contains(held[0], "the co-signed checkpoint")
        one.n_witnessed = held[0].size if len(parse_note(held[1]).signatures) > 1 else 0
    signed = {each.name for each in found}
    for each in trusted:
        if each.name not in signed:
            one.blame(f"the witness {each.name} has not co-signed the log")


def _check_stamped(one: Examination, key: VerifierKey, roots_pem: bytes | None) -> None:
    """Hold the log against its newest stamp: what that covers contains what the older ones do."""
    try:
        stamp = newest_stamp(one.directory, key)
        if stamp is None:
            if roots_pem is not None:
                one.blame("no time authority has stamped the log")
            return
        state = open_checkpoint(stamp.note.decode(), key)
        if one.chain is not None and state.size >= one.chain.leaves.first:
            one.check_contains(state, "the stamped checkpoint")
        if roots_pem is None:
            one.notes.append(f"a time stamp over {stamp.size} entries is here; --tsa-ca FILE checks it")
            return
        at_us = stamped_us(stamp.note, stamp.answer, roots_pem)
        one.notes.append(f"{stamp.size} entries were stamped at {at_us // 1_000_000} seconds since 1970")
    except (CheckpointInvalid, StampInvalid, OSError) as error:
        one.blame(f"the newest time stamp does not fit the log: {error}")
