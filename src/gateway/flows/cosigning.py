# SPDX-License-Identifier: Apache-2.0
"""Getting a log's checkpoints co-signed: what is sent to a witness, and what its answers mean.

RULES

1. A witness gets the newest checkpoint with the proof that it contains the last one that this witness co-signed. How
   far it is, it says itself; what we remember of it only saves a question.
2. A signature counts only after it was checked with the witness's key. The note that is kept has the log's signature
   and those of the witnesses.
3. A witness that knows more than we have, or does not accept our proof, says that one of two histories is not ours.
   That is told loudly and never mended here: nothing of the log is changed to please a witness.
4. Silence stops nothing; the next turn asks again.
"""

import asyncio
import logging
import re
from base64 import b64encode
from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from gateway.domain.errors import WitnessSilent
from gateway.record.format.checkpoint import (
    Checkpoint,
    CheckpointInvalid,
    Signature,
    VerifierKey,
    open_checkpoint,
    parse_note,
)
from gateway.record.format.cosign import cosigned, told_signatures, with_signatures

SIZE_TYPE = "text/x.tlog.size"
MOST_TRIES = 4
"""The first may rest on an old size, and others may submit at the same time; each try learns the size anew."""
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n\Z", re.ASCII)

_log = logging.getLogger("gateway.witnesses")


class Under(Protocol):
    """A checkpoint whose signature by its log was found right."""

    @property
    def state(self) -> Checkpoint:
        """Return what it states."""

    @property
    def note(self) -> str:
        """Return it as it is signed."""


class Log(Protocol):
    """One log of ours. Each call reads files, and raises ``LogDamaged`` where they do not hold together."""

    def newest(self) -> Under:
        """Return its newest checkpoint."""

    def witnessed(self) -> Under | None:
        """Return the newest that was co-signed, if any was."""

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Return the proof that it contains itself at a smaller size."""

    def keep_witnessed(self, note: str) -> None:
        """Keep a co-signed note, unless a longer one is kept."""


class Answered(Protocol):
    """What a witness answered."""

    @property
    def status(self) -> int:
        """Return the status of HTTP."""

    @property
    def content_type(self) -> str:
        """Return the type of the body."""

    @property
    def body(self) -> str:
        """Return the body."""


class Witness(Protocol):
    """A witness that can be asked; a call raises ``WitnessSilent`` if there is no answer."""

    @property
    def key(self) -> VerifierKey:
        """Return the key by which it signs."""

    async def add_checkpoint(self, request: bytes) -> Answered:
        """Ask for a cosignature."""

    async def newest(self, origin: str) -> Answered:
        """Ask for the last checkpoint that it co-signed of a log."""


class Outcome(StrEnum):
    """What came of asking one witness about one log."""

    COSIGNED = "cosigned"
    CURRENT = "current"
    """It has co-signed the newest checkpoint already."""
    SILENT = "silent"
    REFUSED = "refused"
    """It does not know the log or its key, or its answer cannot be used."""
    CONTRADICTED = "contradicted"
    """It has co-signed another history of this log than ours."""


class Told(msgspec.Struct, frozen=True):
    """What came of it, and why if it is not well, in a sentence."""

    outcome: Outcome
    sentence: str = ""


class _Tried(msgspec.Struct, frozen=True):
    told: Told
    lines: tuple[Signature, ...] = ()


class Cosigning:
    """Gets checkpoints co-signed, and remembers how far each witness is."""

    def __init__(self, witnesses: Sequence[Witness]) -> None:
        """Begin without knowing how far they are."""
        self._witnesses = tuple(witnesses)
        self._known: dict[tuple[str, str], int] = {}
        self._told: dict[tuple[str, str], Told] = {}

    @property
    def told(self) -> dict[tuple[str, str], Told]:
        """Return what came of the last time, by the names of log and witness."""
        return self._told

    async def submit(self, log: Log) -> tuple[Told, ...]:
        """Get the newest checkpoint of a log co-signed by every witness; what came of it, in their order.

        Raises:
            LogDamaged: The log does not hold together.
        """
        newest, held = await asyncio.to_thread(lambda: (log.newest(), log.witnessed()))
        origin = newest.state.origin
        if held is not None:
            self._remember(origin, held)
        tried = await asyncio.gather(*(self._one(one, log, newest) for one in self._witnesses))
        lines = [line for one in tried for line in one.lines]
        if lines:
            base = held.note if held is not None and held.state == newest.state else newest.note
            await asyncio.to_thread(log.keep_witnessed, with_signatures(base, lines))
        for witness, one in zip(self._witnesses, tried, strict=True):
            self._note(origin, witness.key.name, one.told)
        return tuple(one.told for one in tried)

    def _remember(self, origin: str, held: Under) -> None:
        """Take from what is kept how far a witness is, where nothing newer is known."""
        for witness in self._witnesses:
            try:
                is_signed = bool(cosigned(parse_note(held.note), (witness.key,)))
            except CheckpointInvalid:
                continue
            if is_signed:
                place = (origin, witness.key.name)
                self._known[place] = max(held.state.size, self._known.get(place, 0))

    async def _one(self, witness: Witness, log: Log, under: Under) -> _Tried:
        state, place = under.state, (under.state.origin, witness.key.name)
        before = self._told.get(place)
        if self._known.get(place) == state.size and before is not None and before.outcome in _WELL:
            return _Tried(Told(Outcome.CURRENT))
        for _ in range(MOST_TRIES):
            known = self._known.get(place, 0)
            if known > state.size:
                return await self._behind(witness, log, state, known)
            proof = await asyncio.to_thread(log.consistency, known, state.size)
            try:
                answer = await witness.add_checkpoint(request_text(known, proof, under.note))
            except WitnessSilent as error:
                return _Tried(Told(Outcome.SILENT, str(error)))
            tried = self._judged(witness, under, known, answer)
            if tried is not None:
                return tried
        return _Tried(Told(Outcome.SILENT, f"the witness {witness.key.name} moves on faster than it can be asked"))

    async def _behind(self, witness: Witness, log: Log, state: Checkpoint, known: int) -> _Tried:
        """Tell a log that is behind from one whose other process submitted a newer checkpoint just now."""
        newest = await asyncio.to_thread(log.newest)
        if newest.state.size >= known:
            return _Tried(Told(Outcome.CURRENT))
        # Told without a proof: it is said now, and asked again at the next turn, so that no slip stands for ever.
        self._known.pop((state.origin, witness.key.name), None)
        return _Tried(Told(Outcome.CONTRADICTED, (
            f"the witness {witness.key.name} co-signed {known} entries of {state.origin}, which has {newest.state.size}: "
            "the log was cut off or put back to an older copy"
        )))  # fmt: skip

    def _judged(self, witness: Witness, under: Under, known: int, answer: Answered) -> _Tried | None:
        """Return what an answer means; ``None`` to try again from the size that it told."""
        state, name = under.state, witness.key.name
        if answer.status == 200:
            return self._signed(witness, under, answer)
        if answer.status == 409 and answer.content_type == SIZE_TYPE and (size := _SIZE.match(answer.body)):
            told = int(size[1])
            if told == known == state.size and told:
                return _contradicted(name, state, "has co-signed another root at the same size")
            self._known[state.origin, name] = told
            return None
        if answer.status == 422:
            return _contradicted(
                name, state, f"does not find the {known} entries that it co-signed in the {state.size}"
            )
        if answer.status >= 500:
            return _Tried(Told(Outcome.SILENT, f"the witness {name} cannot answer now ({answer.status})"))
        why = {404: "does not know the log: `gateway log witness add` there", 403: "knows the log by another key"}
        return _Tried(
            Told(Outcome.REFUSED, f"the witness {name} {why.get(answer.status, f'answered {answer.status}')}")
        )

    def _signed(self, witness: Witness, under: Under, answer: Answered) -> _Tried:
        name = witness.key.name
        try:
            lines = tuple(
                one for one in told_signatures(answer.body) if (one.name, one.key_id) == (name, witness.key.key_id)
            )
            found = cosigned(parse_note(with_signatures(under.note, lines)), (witness.key,))
        except CheckpointInvalid as error:
            return _Tried(Told(Outcome.REFUSED, f"the witness {name} answered with no right signature: {error}"))
        if not found:
            return _Tried(Told(Outcome.REFUSED, f"the witness {name} answered without a signature of its key"))
        self._known[under.state.origin, name] = under.state.size
        return _Tried(Told(Outcome.COSIGNED), lines)

    def _note(self, origin: str, name: str, told: Told) -> None:
        """Remember what came of it, and say it when it changes."""
        before = self._told.get((origin, name))
        self._told[origin, name] = told
        if told.sentence and (before is None or before.outcome is not told.outcome):
            level = logging.ERROR if told.outcome is Outcome.CONTRADICTED else logging.WARNING
            _log.log(level, "%s: %s", origin, told.sentence)
        elif before is not None and before.sentence and not told.sentence:
            _log.info("%s: the witness %s co-signs", origin, name)


_WELL = (Outcome.COSIGNED, Outcome.CURRENT)


def request_text(known: int, proof: Sequence[bytes], note: str) -> bytes:
    """Return what a witness is asked, as C2SP tlog-witness writes it."""
    lines = [f"old {known}", *(b64encode(one).decode() for one in proof), ""]
    return ("".join(f"{line}\n" for line in lines) + note).encode()


async def newest_of(witness: Witness, origin: str, key: VerifierKey) -> str | None:
    """Return the note that a witness last co-signed of a log, found right by both keys; ``None`` if there is none.

    Raises:
        WitnessSilent: It does not answer, or not as a witness that signs.
    """
    answer = await witness.newest(origin)
    if answer.status == 404:
        return None
    try:
        if answer.status == 200:
            open_checkpoint(answer.body, key)
            if cosigned(parse_note(answer.body), (witness.key,)):
                return answer.body
    except CheckpointInvalid:
        pass
    raise WitnessSilent(f"the witness {witness.key.name} has no right answer about {origin}")


def _contradicted(name: str, state: Checkpoint, why: str) -> _Tried:
    return _Tried(Told(Outcome.CONTRADICTED, f"the witness {name} {why} of {state.origin}: this is another history"))
