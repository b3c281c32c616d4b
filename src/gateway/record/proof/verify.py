# SPDX-License-Identifier: Apache-2.0
"""The verifier: reads a log directory, alone and offline, and says what of it is proven and what is wrong.

For each log, if it consists of plain files:
1. The key: ``log.pub``, or the key that the caller trusts; they must be the same.
2. The chain: every line in its place, under its predecessor's hash; torn is at most the last line.
3. Every opening names the log's key.
4. The parts: those that are there have the digest that their entry holds. Absent ones were deleted,
   which retention and erasure may do, and are counted. One that another was put in the place of, so an entry
   says, is not there any more.
5. The checkpoint: signed with the key, the log at least as long, the same root, and no longer tail
   behind it than the log's own rule allows. The seals of segments, and what a seal says of moved ones. Of
   segments that are not here an entry has to say that they were moved.
6. What others hold: the checkpoint that the caller expects, the one that witnesses co-signed, and every
   checkpoint that another log beside it has entered, must lie within the log.

It hashes the bytes as they are stored and never writes a line anew to compare it. A log may grow
while it is read: a line is durable before the checkpoint over it, so lines are read first. An opening
after a crash puts the last segment anew in the place of the old one; what was found wrong while that
happened was read half from the one and half from the other, so everything is read once more.
"""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from gateway.record.format.checkpoint import (
    CheckpointInvalid,
    VerifierKey,
    notes_of,
    open_checkpoint,
    parse_verifier_key,
)
from gateway.record.format.layout import PUBLIC_KEY, slot_of, slots, unfit
from gateway.record.proof.examination import Examination
from gateway.record.proof.outsiders import Outsiders, check_outsiders, trusted_outsiders
from gateway.record.proof.put_back import check_put_back
from gateway.record.proof.seal_check import check_moved, check_seals, is_told_moved

MOST_READINGS = 5
NOBODY = Outsiders()
V = TypeVar("V", "LogVerdict", "Verdict")


class LogVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one log.

    Attributes:
        origin: Name of the log; empty where not even its key could be read.
        n_signed: Entries under the newest checkpoint.
        n_tail: Entries after it, in sequence but not signed yet.
        first_bad: Place of the first entry that is wrong, where one can be named.
        problems: What is wrong, in sentences; empty if nothing is.
        notes: What is odd and allowed: a torn last line, parts ahead of their entries.
        n_parts / n_parts_missing: Parts that were found right, and those that were deleted.
        n_witnessed: Entries under the newest checkpoint that witnesses co-signed; 0 where none did.
    """

    slot: str
    origin: str
    n_signed: int
    n_tail: int
    first_bad: int | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    n_parts: int
    n_parts_missing: int
    n_witnessed: int = 0

    @property
    def is_right(self) -> bool:
        """Tell whether nothing is wrong with the log."""
        return not self.problems

    def sentence(self) -> str:
        """Return the verdict in one line."""
        state = "ok" if self.is_right else "WRONG"
        parts = f"parts {self.n_parts}, deleted {self.n_parts_missing}"
        seen = f", co-signed {self.n_witnessed}" if self.n_witnessed else ""
        return f"{self.slot}: {state}: signed {self.n_signed}{seen}, tail {self.n_tail}; {parts}"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of all logs of a directory.

    Attributes:
        problems: What is wrong with no log that is there, such as one that is lost.
    """

    logs: tuple[LogVerdict, ...]
    problems: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Tell whether nothing is wrong with any log."""
        return not self.problems and all(log.is_right for log in self.logs)


def verify_logs(
    logs: Path,
    *,
    keys: Sequence[str] = (),
    expect: str | None = None,
    witnesses: Sequence[str] = (),
    stamp_roots: bytes | None = None,
) -> Verdict:
    """Verify every log under ``STATE/log``, each by itself and against what the others saw of it.

    Args:
        logs: The directory, or a copy of it.
        keys: Verifier keys that the caller trusts; a log of such a name must have that key.
        expect: A checkpoint that the caller holds, or several in one text; each one's log must contain it.
        witnesses: Keys of witnesses that the caller trusts; each must have co-signed every log.
        stamp_roots: Certificates of time authorities, PEM; every log's newest stamp must rest on them.
    """
    outsiders = trusted_outsiders(witnesses, stamp_roots)
    return _of_whole_files(lambda: _verify_logs(logs, keys, _held(expect), outsiders), logs, "*/")


def _verify_logs(logs: Path, keys: Sequence[str], held: Sequence[str], outsiders: Outsiders) -> Verdict:
    trusted, problems = _trusted(keys)
    problems += outsiders.problems
    examined = [_examined(logs / slot, trusted, held, outsiders) for slot in slots(logs)]
    if not examined:
        problems.append("there is no log here")
    for one in examined:
        if one.key is not None and slot_of(one.key.name) != one.directory.name:
            one.blame(f"the log lies in a directory of another name: {slot_of(one.key.name)} is its slot")
    known = {one.key.name: one for one in examined if one.key is not None}
    problems += _missing(known, trusted, held)
    amendments = set().union(*(one.amendments for one in examined))
    archived = set().union(*(one.archived for one in examined))
    are_all_here = not any(one.n_moved and is_told_moved(one, archived) for one in examined)
    firsts = {one.key.name: one.chain.leaves.first for one in examined if one.key is not None and one.chain is not None}
    forgotten = {name: one.forgotten for name, one in known.items()}
    for one in examined:
        problems += _check_seen(one, known)
        one.check_amended(amendments, firsts, is_all=True)
        check_put_back(one, amendments, forgotten)
        check_moved(one, archived, is_all=are_all_here)
    return Verdict(logs=tuple(map(_verdict, examined)), problems=tuple(dict.fromkeys(problems)))


def verify_log(
    directory: Path,
    *,
    key: str | None = None,
    expect: str | None = None,
    witnesses: Sequence[str] = (),
    stamp_roots: bytes | None = None,
) -> LogVerdict:
    """Verify one log by itself.

    Args:
        directory: ``STATE/log/<slot>``, or a copy of it.
        key: The verifier key that the caller trusts in place of ``log.pub``.
        expect: A checkpoint that the caller holds, or several of it in one text; the log must contain them.
        witnesses: Keys of witnesses that the caller trusts; each must have co-signed the log.
        stamp_roots: Certificates of time authorities, PEM; the log's newest stamp must rest on them.
    """
    outsiders = trusted_outsiders(witnesses, stamp_roots)
    return _of_whole_files(lambda: _verify_log(directory, key, _held(expect), outsiders), directory, "")


def _of_whole_files(verify: Callable[[], V], folder: Path, below: str) -> V:
    """Return a verdict that is right, or during which no file was put in another's place."""
    for _ in range(MOST_READINGS - 1):
        before = _files(folder, below)
        verdict = verify()
        if verdict.is_right or before.items() <= _files(folder, below).items():
            return verdict
    return verify()


def _files(folder: Path, below: str) -> dict[Path, int]:
    """Return which files hold lines and parts now."""
    found = {}
    for path in (*folder.glob(f"{below}*.ndjson"), *folder.glob(f"{below}parts/*.ndjson")):
        with contextlib.suppress(FileNotFoundError):
            found[path] = path.stat().st_ino
    return found


def _verify_log(directory: Path, key: str | None, held: Sequence[str], outsiders: Outsiders) -> LogVerdict:
    trusted, problems = _trusted(() if key is None else (key,))
    problems += outsiders.problems
    one = _examined(directory, trusted, held, outsiders)
    problems += _missing({} if one.key is None else {one.key.name: one}, trusted, held)
    for problem in problems:
        one.blame(problem)
    one.check_amended(one.amendments, {}, is_all=False)
    check_put_back(one, one.amendments, {} if one.key is None else {one.key.name: one.forgotten})
    check_moved(one, one.archived, is_all=False)
    return _verdict(one)


def _trusted(keys: Sequence[str]) -> tuple[dict[str, VerifierKey], list[str]]:
    """Return the keys by the names of their logs, and what is wrong with any."""
    trusted, problems = {}, []
    for text in keys:
        try:
            key = parse_verifier_key(text.strip())
        except CheckpointInvalid as error:
            problems.append(f"a key to trust: {error}")
            continue
        trusted[key.name] = key
    return trusted, problems


def _examined(
    directory: Path, trusted: dict[str, VerifierKey], held: Sequence[str], outsiders: Outsiders
) -> Examination:
    """Return the examination of one log, with everything done that needs no other log."""
    one = Examination(directory)
    for wrong in unfit(directory):
        one.blame(wrong)
    if one.problems:
        return one
    try:
        written = parse_verifier_key((directory / PUBLIC_KEY).read_bytes().decode().removesuffix("\n"))
    except (OSError, UnicodeDecodeError, CheckpointInvalid):
        one.blame("log.pub is missing or is not a verifier key")
        return one
    one.key = trusted.get(written.name, written)
    if one.key != written:
        one.blame("log.pub does not hold the key to trust")
    one.read()
    one.check_checkpoint()
    check_seals(one)
    for note in held:
        if _origin(note) == one.key.name:
            _check_expected(one, one.key, note)
    check_outsiders(one, one.key, outsiders)
    return one


def _check_expected(one: Examination, key: VerifierKey, expect: str) -> None:
    try:
        expected = open_checkpoint(expect, key)
    except CheckpointInvalid as error:
        one.blame(f"the expected checkpoint does not fit the log: {error}")
        return
    one.check_contains(expected, "the expected checkpoint")


def _held(expect: str | None) -> tuple[str, ...]:
    # A text without a note holds nothing that a log could contain, and is not passed over.
    return () if expect is None else notes_of(expect) or (expect,)


def _origin(note: str) -> str:
    return note.split("\n", 1)[0]


def _missing(known: dict[str, Examination], trusted: dict[str, VerifierKey], held: Sequence[str]) -> list[str]:
    """Name the logs that the caller knows of and that are not there."""
    names = dict.fromkeys((*trusted, *map(_origin, held)))
    return [f"the log {name} is missing" for name in names if name not in known]


def _check_seen(witness: Examination, known: dict[str, Examination]) -> list[str]:
    """Hold what one log saw of the others against them; name those that are not there."""
    problems = []
    for origin, sightings in tuple(witness.sightings.items()):
        other = known.get(origin)
        if other is None:
            problems.append(f"the log {origin} is missing; {witness.directory.name} saw it")
        else:
            other.check_seen(sightings, witness.directory.name)
    return problems


def _verdict(one: Examination) -> LogVerdict:
    one.finish()
    n_entries = len(one.chain.leaves) if one.chain is not None else 0
    n_signed = 0 if one.checkpoint is None else one.checkpoint.size
    return LogVerdict(
        slot=one.directory.name,
        origin="" if one.key is None else one.key.name,
        n_signed=n_signed,
        n_tail=max(0, n_entries - n_signed),
        first_bad=one.first_bad,
        problems=tuple(one.problems),
        notes=tuple(one.notes),
        n_parts=one.n_parts,
        n_parts_missing=one.n_parts_missing,
        n_witnessed=one.n_witnessed,
    )
