# SPDX-License-Identifier: Apache-2.0
"""A proof in one text: that an entry is in a log, under a checkpoint with the signatures of log and witnesses; no I/O.

The form is C2SP tlog-proof@v1, so others' programs can read it. What it takes to check a proof with nothing else at
hand stands in its ``extra`` line, as JSON: the entry's line as it is stored, its part if that is handed out, and
the keys of the log and its witnesses. None of that is believed: the line must have the leaf that the proof is
about, and a key counts only as far as the reader got it elsewhere.

Source: C2SP tlog-proof.
"""

import re
from base64 import b64encode

import msgspec

from gateway.record.format.checkpoint import CheckpointInvalid, from_base64, parse_note
from gateway.record.format.merkle import HASH_BYTES

HEAD = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63
MOST_BYTES = 1 << 22
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})\Z", re.ASCII)


class ProofUnreadable(ValueError):
    """A text is no proof; the message says in which way."""


class Extra(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a reader needs beside the proof; nothing in it is authenticated.

    Attributes:
        line: The entry's line without its line feed; the leaf is made from it.
        part: The line of its part, where that may be handed out.
        log: Verifier key of the log.
        witnesses: Verifier keys of witnesses.
    """

    line: str
    part: str = ""
    log: str = ""
    witnesses: tuple[str, ...] = ()


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A proof, nothing of it checked yet.

    Attributes:
        index: Place of the entry, counted from 0.
        hashes: From the leaf's sibling upwards, 32 bytes each.
        note: The signed checkpoint, as it was.
        extra: ``None`` where the proof has none.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: str
    extra: Extra | None = None

    def text(self) -> str:
        """Return the proof as it is kept and sent."""
        extra = [] if self.extra is None else [f"extra {b64encode(msgspec.json.encode(self.extra)).decode()}"]
        hashes = [b64encode(one).decode() for one in self.hashes]
        return "".join(f"{line}\n" for line in (HEAD, *extra, f"index {self.index}", *hashes, "")) + self.note


def parse_proof(text: str) -> Proof:
    """Read a proof.

    Raises:
        ProofUnreadable: It is none.
    """
    if len(text) > MOST_BYTES:
        raise ProofUnreadable(f"a proof has at most {MOST_BYTES} bytes")
    head, gap, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    if first != HEAD or not gap:
        raise ProofUnreadable(f"a proof begins with the line {HEAD} and has an empty line before its checkpoint")
    try:
        extra = _extra(lines.pop(0)[len("extra ") :]) if lines and lines[0].startswith("extra ") else None
        index = _INDEX.match(lines.pop(0)) if lines else None
        if index is None:
            raise ProofUnreadable("a proof has a line `index` with a plain decimal number")
        hashes = tuple(map(from_base64, lines))
        parse_note(note)
    except CheckpointInvalid as error:
        raise ProofUnreadable(f"the proof is malformed: {error}") from None
    if len(hashes) > MOST_HASHES or any(len(one) != HASH_BYTES for one in hashes):
        raise ProofUnreadable(f"a proof has at most {MOST_HASHES} hashes, of {HASH_BYTES} bytes each")
    return Proof(index=int(index[1]), hashes=hashes, note=note, extra=extra)


def found_in(text: str) -> str:
    """Return the proof inside a text that has words around it, such as a receipt; the text itself if it has none.

    In such a text it stands between two lines that begin with three backquotes.
    """
    place = text.find(f"\n{HEAD}\n")
    if place < 0:
        return text
    inside = text[place + 1 :]
    end = inside.find("\n```")
    return inside if end < 0 else inside[: end + 1]


def _extra(encoded: str) -> Extra:
    try:
        return msgspec.json.decode(from_base64(encoded), type=Extra)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ProofUnreadable("the extra line of the proof is not what this program writes") from None
