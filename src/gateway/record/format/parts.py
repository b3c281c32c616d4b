# SPDX-License-Identifier: Apache-2.0
"""Parts: what belongs to an entry and may be deleted; one line each, beside the segment.

A line is ``{"seq":12,"salt":"<32 hex digits>","part":{…}}`` in exactly this spelling, so the bytes of
the part stand in it as they were hashed: a verifier cuts them out and never writes them anew. The
entry's core holds SHA-256(salt, part). Lines are in the order of their entries.

A part from which people were taken out stands in the place of the one that it was, and says so:
``{"seq":12,"salt":"…","was":"<64 hex digits>","amended":"demo/node1/cli:7","part":{…}}``. ``was`` is the digest that
the core holds, and the entry that is named there holds the digest of what stands here now. Whether it does is
for ``verify`` to see; readers hand the part out as that of its entry.
"""

import contextlib
import re
import secrets
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from gateway.domain.entry import Part
from gateway.domain.errors import LogDamaged
from gateway.record.format.layout import LineFile, parts_path

SALT_BYTES = 16
_LINE = re.compile(
    rb'\{"seq":(0|[1-9][0-9]{0,18}),"salt":"([0-9a-f]{32})",'
    rb'(?:"was":"([0-9a-f]{64})","amended":"([A-Za-z0-9._/-]{1,200}:(?:0|[1-9][0-9]{0,18}))",)?"part":(\{.*\})\}\Z',
    re.DOTALL,
)
_decoder = msgspec.json.Decoder(Part)


class PartInvalid(ValueError):
    """A stored part is malformed or does not belong where it stands."""


class StoredPart(msgspec.Struct, frozen=True):
    """A part as it lies on disk: of which entry, its salt, and its exact bytes.

    Attributes:
        was: Digest of the part in whose place this one stands, as the entry's core holds it; empty if it is that part.
        amended: Log and place of the entry that says so, ``demo/node1/cli:7``.
    """

    seq: int
    salt: bytes
    content: bytes
    was: str = ""
    amended: str = ""

    @property
    def digest(self) -> str:
        """The digest that the entry's core has to hold, hexadecimal."""
        return self.was or self.own_digest

    @property
    def own_digest(self) -> str:
        """SHA-256(salt, part), hexadecimal, of what stands here."""
        return sha256(self.salt + self.content).hexdigest()

    def line(self) -> bytes:
        """Return the line for the parts file, with its line feed."""
        before = b'"was":"%s","amended":"%s",' % (self.was.encode(), self.amended.encode()) if self.was else b""
        return b'{"seq":%d,"salt":"%s",%s"part":%s}\n' % (self.seq, self.salt.hex().encode(), before, self.content)

    def part(self) -> Part:
        """Return the part as a value."""
        return _decoder.decode(self.content)


def new_salts(n: int) -> list[bytes]:
    """Return so many times 128 random bits: a deleted part cannot be guessed back from its digest."""
    drawn = secrets.token_bytes(n * SALT_BYTES)
    return [drawn[start : start + SALT_BYTES] for start in range(0, len(drawn), SALT_BYTES)]


def parse_part(line: bytes) -> StoredPart:
    """Read a line of a parts file, without its line feed.

    Raises:
        PartInvalid: It is not in the one spelling.
    """
    found = _LINE.match(line)
    if found is None:
        raise PartInvalid("a line of the parts is malformed")
    seq, salt, was, amended, content = found.groups()
    return StoredPart(int(seq), bytes.fromhex(salt.decode()), content, (was or b"").decode(), (amended or b"").decode())


def kept_parts(path: Path, size: int) -> bytes:
    """Return the lines of a parts file up to the last that belongs to an entry of a log of that size."""
    file, kept, content = LineFile(path), 0, path.read_bytes() if path.exists() else b""
    for line in file.lines():
        # A malformed line is kept: it is for `verify` to name, not for an opening to hide.
        seq = -1
        with contextlib.suppress(PartInvalid):
            seq = parse_part(line).seq
        if seq < size:
            kept = file.offset
    return content[:kept]


class PartsCursor:
    """Walks the parts of a slot beside its entries, in their order; may be behind a growing file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._segment = -1
        self._file = LineFile(Path())
        self._lines: Iterator[bytes] = iter(())
        self._held: StoredPart | None = None
        self._before = -1
        self._is_spent = False

    def take(self, seq: int, segment: int, *, is_named: bool) -> StoredPart | None:
        """Return the part of an entry, or ``None`` if it was deleted or the entry has none.

        Entries must be asked for in order, each once; ``is_named`` if the entry says that it has one.

        Raises:
            PartInvalid: A malformed line, a line out of order, or a part of no entry of its segment.
        """
        while segment > self._segment:
            self._turn_to(self._segment + 1)
        if is_named and self._held is None:
            self._catch_up()
        held = self._peek()
        if held is None or held.seq > seq:
            return None
        if held.seq < seq:
            raise PartInvalid(f"a part names entry {held.seq}, which it cannot belong to")
        self._held = None
        return held

    def ahead(self) -> int:
        """Return how many parts lie beyond the last entry that was asked for, and read past them."""
        n_parts = 0
        self._catch_up()
        while self._peek() is not None:
            self._held = None
            n_parts += 1
        return n_parts

    @property
    def rest(self) -> bytes:
        """Bytes of a torn last line."""
        return self._file.rest

    def _turn_to(self, segment: int) -> None:
        if self._segment >= 0 and (self._peek() is not None or self._file.rest):
            raise PartInvalid(f"the parts of segment {self._segment} go beyond its entries")
        self._segment = segment
        self._file = LineFile(parts_path(self._directory, segment))
        self._lines = self._file.lines()
        self._is_spent = False

    def _peek(self) -> StoredPart | None:
        if self._held is None:
            try:
                line = next(self._lines, None)
            except LogDamaged as error:
                raise PartInvalid(str(error)) from error
            if line is None:
                self._is_spent = True
                return None
            self._held = parse_part(line)
            if self._held.seq <= self._before:
                raise PartInvalid(f"the part of entry {self._held.seq} is out of order")
            self._before = self._held.seq
        return self._held

    def _catch_up(self) -> None:
        """Read on where the end was seen and the file has grown since: a part is durable before its entry."""
        if self._is_spent and self._file.has_grown():
            self._lines = self._file.lines()
            self._is_spent = False
