# SPDX-License-Identifier: Apache-2.0
"""Checking a proof with nothing but the proof and keys: no log, no installation, no network; no I/O.

1. The checkpoint is signed with the log's key. Without a key from elsewhere, the one in the proof is used, and that is
   told: it shows that the proof holds together, not whose it is.
2. The entry's line has the leaf from which the proof climbs to the checkpoint's root.
3. The line says of itself that it is in this log at this place.
4. A part that comes with it has the digest that the line holds.
5. Every witness that the reader trusts has co-signed the checkpoint.
"""

from collections.abc import Sequence

import msgspec

from gateway.record.format.bundle import Extra, Proof
from gateway.record.format.checkpoint import (
    Checkpoint,
    CheckpointInvalid,
    VerifierKey,
    open_checkpoint,
    parse_note,
    parse_verifier_key,
)
from gateway.record.format.cosign import Cosigned, cosigned, parse_witness_key
from gateway.record.format.merkle import leaf_hash
from gateway.record.format.parts import PartInvalid, StoredPart, parse_part
from gateway.record.format.proofs import is_included


class _Named(msgspec.Struct, frozen=True):
    """What a line says of itself, whatever kind of entry it holds."""

    log: str
    seq: int
    at_us: int
    part: str | None = None


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a proof.

    Attributes:
        problems: What is wrong, in sentences; nothing of the rest counts unless it is empty.
        notes: What the reader has to know of a proof that holds.
        state: The checkpoint, if its signature is right.
        line: The entry's line.
        part: The entry's part, if it came with the proof.
        at_us: When the entry was made, as it says.
        witnesses: Who co-signed the checkpoint, of those that are trusted or named in the proof.
        is_key_ours: The log's key came from the reader, not from the proof.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    state: Checkpoint | None
    line: bytes
    part: StoredPart | None
    at_us: int
    witnesses: tuple[Cosigned, ...]
    is_key_ours: bool

    @property
    def is_right(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problems


def check_proof(
    proof: Proof, *, key: VerifierKey | None = None, witnesses: Sequence[VerifierKey] = (), line: bytes | None = None
) -> Checked:
    """Check a proof.

    Args:
        proof: As it was read.
        key: The log's, from elsewhere.
        witnesses: Keys of witnesses that the reader trusts; each must have co-signed.
        line: The entry, where it does not come with the proof.
    """
    check = _Check(proof, (proof.extra or Extra(line="")).line.encode() if line is None else line)
    check.read_line()
    state = check.read_checkpoint(key)
    if state is not None:
        check.climb(state)
    part = check.read_part()
    found = check.read_cosignatures(witnesses)
    return Checked(
        problems=tuple(check.problems),
        notes=tuple(check.notes),
        state=state,
        line=check.line,
        part=part,
        at_us=0 if check.named is None else check.named.at_us,
        witnesses=found,
        is_key_ours=key is not None,
    )


class _Check:
    """One proof while it is checked."""

    def __init__(self, proof: Proof, line: bytes) -> None:
        self._proof, self.line = proof, line
        self._extra = proof.extra or Extra(line="")
        self.named: _Named | None = None
        self.problems: list[str] = []
        self.notes: list[str] = []

    def read_line(self) -> None:
        """Read what the line says of itself."""
        if not self.line:
            self.problems.append("the entry itself is not in the proof: give it with --line FILE")
            return
        try:
            self.named = msgspec.json.decode(self.line, type=_Named)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.problems.append("the line is no entry of a log")

    def read_checkpoint(self, key: VerifierKey | None) -> Checkpoint | None:
        """Return the checkpoint, if the log's signature under it is right."""
        try:
            trusted = key or parse_verifier_key(self._extra.log)
        except CheckpointInvalid:
            self.problems.append("the proof does not hold the log's key: give it with --key")
            return None
        if key is None:
            told = f"the log's key is taken from the proof itself ({trusted.text()})"
            self.notes.append(f"{told}: it proves nothing before you compare it with one that you got elsewhere")
        try:
            return open_checkpoint(self._proof.note, trusted)
        except CheckpointInvalid as error:
            self.problems.append(str(error))
            return None

    def climb(self, state: Checkpoint) -> None:
        """Hold the line against the root."""
        index = self._proof.index
        if not is_included(leaf_hash(self.line), index, state.size, self._proof.hashes, state.root):
            self.problems.append(
                f"this entry is not at place {index} under the checkpoint: it or the proof was changed"
            )
        if self.named is not None and (self.named.log, self.named.seq) != (state.origin, index):
            self.problems.append("the entry says that it has another place")

    def read_part(self) -> StoredPart | None:
        """Return the part that came with the entry, if it is the one that the entry names."""
        if not self._extra.part:
            return None
        try:
            stored = parse_part(self._extra.part.encode())
        except PartInvalid as error:
            self.problems.append(str(error))
            return None
        if self.named is None or stored.own_digest != self.named.part or stored.seq != self.named.seq:
            self.problems.append("the part is not the one that the entry names")
            return None
        return stored

    def read_cosignatures(self, trusted: Sequence[VerifierKey]) -> tuple[Cosigned, ...]:
        """Return who co-signed: all that are trusted must have; without any, those that the proof itself names."""
        try:
            note = parse_note(self._proof.note)
            found = cosigned(note, trusted or tuple(map(parse_witness_key, self._extra.witnesses)))
        except CheckpointInvalid as error:
            self.problems.append(str(error))
            return ()
        signed = {one.name for one in found}
        self.problems += [f"the witness {key.name} has not co-signed this" for key in trusted if key.name not in signed]
        if found and not trusted:
            self.notes.append(
                "the witnesses' keys are taken from the proof itself: compare them too, or give --witness"
            )
        if not found and not trusted:
            self.notes.append(
                "no witness co-signed this: whoever holds the log's key could show others another history"
            )
        return found
