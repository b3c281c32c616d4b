# SPDX-License-Identifier: Apache-2.0
"""A witness: it co-signs a log's checkpoint only if that contains the last one it co-signed, and remembers it first.

RULES

1. Each log is known by its name and key; nothing is learnt from who asks. A checkpoint without a right signature of
   that key changes nothing.
2. What was asked is checked against what is kept, and what is kept is replaced, in one step: two that ask at the
   same time come one after the other.
3. The new checkpoint is durable before its cosignature is told. So whatever ends the witness, it never co-signs
   anything behind what it has told.
4. A signed checkpoint that contradicts the one kept is evidence against the log and is kept too.

Source: C2SP tlog-witness (add-checkpoint and its status codes), tlog-cosignature. That the newest checkpoint can be
asked for is our own: the protocol leaves that open.
"""

import re
import threading
from collections.abc import Callable
from typing import Protocol

import msgspec

from gateway.record.format.checkpoint import (
    Checkpoint,
    CheckpointInvalid,
    VerifierKey,
    from_base64,
    open_checkpoint,
    parse_checkpoint,
    parse_note,
)
from gateway.record.format.merkle import EMPTY_ROOT, HASH_BYTES
from gateway.record.format.proofs import is_consistent

MOST_PROOF_LINES = 63
MOST_BODY_BYTES = 64 << 10
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})\Z", re.ASCII)


class Folder(Protocol):
    """What a witness keeps; each call returns when what it says is durable."""

    def key_of(self, origin: str) -> VerifierKey | None:
        """Return the key of a log that the witness knows."""

    def newest(self, origin: str) -> str | None:
        """Return the note of the last checkpoint that was co-signed of a log."""

    def keep(self, origin: str, note: str) -> None:
        """Put a note in the place of the last one.

        Raises:
            OSError: The disk refuses; what was kept is kept still.
        """

    def accuse(self, origin: str, note: str) -> None:
        """Keep a signed checkpoint that contradicts what was co-signed."""


Cosign = Callable[[str], str]
"""Returns the witness's signature line under a checkpoint's text, with its line feed."""


class Answer(msgspec.Struct, frozen=True):
    """What is answered, in the words of HTTP."""

    status: int
    body: str
    content_type: str = TEXT_TYPE


class _Asked(msgspec.Struct, frozen=True):
    """A request that could be read; nothing of it is checked."""

    old: int
    proof: tuple[bytes, ...]
    note: str


class _Refused(Exception):
    """The request is answered with this."""

    def __init__(self, status: int, body: str, content_type: str = TEXT_TYPE) -> None:
        super().__init__(body)
        self.answer = Answer(status, body, content_type)


class Witnessing:
    """The witness; may be asked by several threads."""

    def __init__(self, folder: Folder, cosign: Cosign) -> None:
        """Keep what it remembers with and signs with."""
        self._folder, self._cosign = folder, cosign
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a request to co-sign.

        Returns:
            200 with the cosignature; 400 for what cannot be read; 403 without a right signature; 404 for a log
            that is not known; 409 with the size that is kept if the request rests on another, or the roots differ at
            the same size; 422 if the proof does not show what it should; 503 if nothing can be remembered now.
        """
        try:
            asked = _read(body)
            state, key = self._trusted(asked.note)
            with self._lock:
                return self._cosigned(asked, state, key)
        except _Refused as refused:
            return refused.answer
        except OSError:
            return Answer(503, "the witness cannot remember anything now\n")

    def newest(self, origin: str) -> Answer:
        """Answer with the newest checkpoint that was co-signed of a log, with its signatures; 404 if there is none."""
        note = None if self._folder.key_of(origin) is None else self._folder.newest(origin)
        return Answer(404, "no checkpoint of such a log\n") if note is None else Answer(200, note)

    def _trusted(self, note: str) -> tuple[Checkpoint, VerifierKey]:
        try:
            origin = parse_checkpoint(parse_note(note).text).origin
        except CheckpointInvalid as error:
            raise _Refused(400, f"{error}\n") from None
        key = self._folder.key_of(origin)
        if key is None:
            raise _Refused(404, "this log is not known here\n")
        try:
            return open_checkpoint(note, key), key
        except CheckpointInvalid as error:
            raise _Refused(403, f"{error}\n") from None

    def _cosigned(self, asked: _Asked, state: Checkpoint, key: VerifierKey) -> Answer:
        if asked.old > state.size:
            raise _Refused(400, "the old size is above the size of the checkpoint\n")
        held = self._folder.newest(state.origin)
        known = _EMPTY if held is None else _kept(held, key)
        if asked.old != known.size:
            raise _Refused(409, f"{known.size}\n", SIZE_TYPE)
        if state.size == known.size and state.root != known.root:
            self._folder.accuse(state.origin, asked.note)
            raise _Refused(409, f"{known.size}\n", SIZE_TYPE)
        if not is_consistent(known.size, known.root, state.size, state.root, asked.proof):
            raise _Refused(422, "the proof does not show that the log contains its older checkpoint\n")
        line = self._cosign(state.text())
        self._folder.keep(state.origin, _with_log_signature(asked.note, key) + line)
        return Answer(200, line)


_EMPTY = Checkpoint(origin="", size=0, root=EMPTY_ROOT)


def _kept(note: str, key: VerifierKey) -> Checkpoint:
    try:
        return open_checkpoint(note, key)
    except CheckpointInvalid:
        # Never begun anew in silence: that would be what a witness is there to keep from happening.
        raise _Refused(503, "what is kept of this log cannot be read\n") from None


def _read(body: bytes) -> _Asked:
    """Read a request: the old size, the proof, an empty line, the checkpoint."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise _Refused(400, "the request is not UTF-8\n") from None
    head, gap, note = text.partition("\n\n")
    first, *proof = head.split("\n")
    old = _OLD.match(first)
    if old is None or not gap or len(proof) > MOST_PROOF_LINES:
        raise _Refused(400, "expected `old <size>`, at most 63 lines of proof, an empty line and a checkpoint\n")
    try:
        hashes = tuple(map(from_base64, proof))
    except CheckpointInvalid:
        raise _Refused(400, "a line of the proof is not base64\n") from None
    if any(len(one) != HASH_BYTES for one in hashes):
        raise _Refused(400, f"a line of the proof has {HASH_BYTES} bytes\n")
    return _Asked(int(old[1]), hashes, note)


def _with_log_signature(note: str, key: VerifierKey) -> str:
    """Return a note with the log's own signatures alone: nobody else's word is kept or handed on."""
    opened = parse_note(note)
    ours = [one.line() for one in opened.signatures if (one.name, one.key_id) == (key.name, key.key_id)]
    return f"{opened.text}\n{''.join(dict.fromkeys(ours))}"
