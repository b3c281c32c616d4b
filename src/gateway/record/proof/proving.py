# SPDX-License-Identifier: Apache-2.0
"""Proofs of a log's entries, made for whoever asks: from the kept hashes, and held against the signed checkpoint.

An entry is proved under the newest checkpoint that witnesses co-signed, if that covers it, else under the log's own
newest. What an entry says is looked at nowhere here.
"""

import threading
from pathlib import Path

import msgspec

from gateway.domain.errors import LogDamaged, LogUnavailable
from gateway.record.format.bundle import Proof
from gateway.record.format.checkpoint import (
    Checkpoint,
    CheckpointInvalid,
    VerifierKey,
    open_checkpoint,
    parse_verifier_key,
)
from gateway.record.format.layout import CHECKPOINT, PUBLIC_KEY, LineFile, parts_path, segment_path, segments
from gateway.record.format.parts import PartInvalid, parse_part
from gateway.record.format.proofs import consistency_proof, inclusion_proof, is_consistent, is_included
from gateway.record.format.witnessed import WITNESSED, keep_witnessed
from gateway.record.proof.hashes import Hashes
from gateway.record.reading.reader import segment_of


class NoSuchEntry(ValueError):
    """No signed checkpoint reaches so far."""


class Under(msgspec.Struct, frozen=True):
    """A checkpoint whose signature by the log was found right, and its note."""

    state: Checkpoint
    note: str


class Prover:
    """Makes proofs of one log; may be asked by several threads."""

    def __init__(self, directory: Path) -> None:
        """Take ``STATE/log/<slot>``, or a copy of it."""
        self._directory = directory
        self._hashes = Hashes(directory)
        self._lock = threading.Lock()

    def key(self) -> VerifierKey:
        """Return the log's key, as the log itself states it.

        Raises:
            LogDamaged: There is none.
        """
        try:
            return parse_verifier_key((self._directory / PUBLIC_KEY).read_text("utf-8").removesuffix("\n"))
        except (OSError, UnicodeDecodeError, CheckpointInvalid):
            raise LogDamaged("log.pub is missing or is no verifier key; run `gateway log verify`") from None

    def newest(self) -> Under:
        """Return the newest checkpoint of the log.

        Raises:
            LogDamaged: There is none, or it is not right.
        """
        found = self._under(CHECKPOINT)
        if found is None:
            raise LogDamaged("the checkpoint of the log is missing; run `gateway log verify`")
        return found

    def witnessed(self) -> Under | None:
        """Return the newest checkpoint that witnesses co-signed, if any did; their signatures are not checked here.

        Raises:
            LogDamaged: It is not a checkpoint of this log.
        """
        return self._under(WITNESSED)

    def inclusion(self, index: int) -> Proof:
        """Return the proof of an entry, without its line.

        Raises:
            NoSuchEntry: No checkpoint covers it.
            LogDamaged: The log does not fit its checkpoint.
        """
        under = self.witnessed()
        if under is None or index >= under.state.size:
            under = self.newest()
        if not 0 <= index < under.state.size:
            raise NoSuchEntry(f"no signed checkpoint covers entry {index}; the newest is over {under.state.size}")
        with self._lock:
            hashes = self._included(index, under.state) or self._included(index, under.state, anew=True)
        if hashes is None:
            raise LogDamaged("the log does not fit its checkpoint; run `gateway log verify`")
        return Proof(index=index, hashes=tuple(hashes), note=under.note)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Return the proof that the log at a size contains the log at a smaller one; empty from size 0.

        Raises:
            NoSuchEntry: The sizes are out of order, or no checkpoint reaches so far.
            LogDamaged: The log does not fit its checkpoint.
        """
        newest = self.newest().state
        if not 0 <= first <= second <= newest.size:
            raise NoSuchEntry(
                f"no signed checkpoint reaches from {first} to {second}; the newest is over {newest.size}"
            )
        with self._lock:
            for anew in (False, True):
                if anew:
                    self._hashes.forget()
                self._hashes.reach(newest.size)
                if self._hashes.root(0, newest.size) != newest.root:
                    continue
                proof = consistency_proof(self._hashes, first, second) if first else []
                roots = self._hashes.root(0, first), self._hashes.root(0, second)
                if is_consistent(first, roots[0], second, roots[1], proof):
                    return proof
        raise LogDamaged("the log does not fit its checkpoint; run `gateway log verify`")

    def root(self, size: int) -> bytes:
        """Return the root over the first entries, which the newest checkpoint covers.

        Raises:
            LogDamaged: The log does not reach so far.
        """
        with self._lock:
            self._hashes.reach(size)
            return self._hashes.root(0, size)

    def keep(self) -> bool:
        """Write the hashes up to the newest checkpoint, where they fit it; tell whether they are written.

        Raises:
            LogDamaged: The log does not fit its checkpoint.
        """
        state = self.newest().state
        with self._lock:
            for anew in (False, True):
                if anew:
                    self._hashes.forget()
                self._hashes.reach(state.size)
                # Somebody may have asked for more meanwhile; only what a checkpoint covers is kept.
                if len(self._hashes) == state.size and self._hashes.root(0, state.size) == state.root:
                    return self._hashes.keep()
                if len(self._hashes) > state.size:
                    return False
        raise LogDamaged("the log does not fit its checkpoint; run `gateway log verify`")

    def keep_witnessed(self, note: str) -> None:
        """Keep a co-signed checkpoint, unless a longer one is kept.

        Raises:
            LogDamaged: What is kept is not a checkpoint of this log.
            LogUnavailable: The disk refuses.
        """
        try:
            keep_witnessed(self._directory, self.key(), note)
        except OSError as error:
            raise LogUnavailable(f"the co-signed checkpoint could not be written: {error.strerror}") from error

    def line(self, index: int) -> bytes | None:
        """Return an entry's line as it is stored, without its line feed; ``None`` if the log does not reach so far."""
        number = segment_of(self._directory, index)
        first: int | None = None
        for place, line in enumerate(LineFile(segment_path(self._directory, number)).lines()):
            if first is None:
                first = int(msgspec.json.decode(line)["seq"])
            if first + place == index:
                return line
        return None

    def part(self, index: int) -> bytes | None:
        """Return the line of an entry's part, if it is still there."""
        for line in LineFile(parts_path(self._directory, segment_of(self._directory, index))).lines():
            try:
                stored = parse_part(line)
                if stored.seq == index:
                    # One from which people were taken out cannot be shown to be what the entry names.
                    return None if stored.amended else line
            except PartInvalid:
                return None
        return None

    def places_of(self, call: str) -> list[int]:
        """Return the places of all entries of a call, in order."""
        sought, found = b'"call":"%s"' % call.encode(), list[int]()
        for number in segments(self._directory):
            lines = LineFile(segment_path(self._directory, number)).lines()
            # Inside a text of an entry its quotes would be escaped.
            found += [int(msgspec.json.decode(line)["seq"]) for line in lines if sought in line]
        return found

    def _included(self, index: int, state: Checkpoint, *, anew: bool = False) -> list[bytes] | None:
        if anew:
            self._hashes.forget()
        self._hashes.reach(state.size)
        hashes = inclusion_proof(self._hashes, index, state.size)
        return hashes if is_included(self._hashes.leaf(index), index, state.size, hashes, state.root) else None

    def _under(self, name: str) -> Under | None:
        try:
            note = (self._directory / name).read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            raise LogDamaged(f"the file {name} of the log cannot be read; run `gateway log verify`") from None
        try:
            return Under(open_checkpoint(note, self.key()), note)
        except CheckpointInvalid as error:
            raise LogDamaged(f"{name} of the log is not right: {error}; run `gateway log verify`") from None
