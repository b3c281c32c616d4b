# SPDX-License-Identifier: Apache-2.0
"""Canary scanner: does any of these values occur anywhere in these files, in any spelling?

A needle is found as it is, in other letter case, in base64 and base64url at all three offsets, in
hexadecimal, in UTF-16 of both byte orders; each of these also percent-encoded or escaped as JSON does,
wholly or in part, twice over, and inside gzip members, cut or damaged ones too. Under base64 and
hexadecimal the letter case is the needle's own, all lower or all upper. Names of files count as content.
It shares no code with the gateway, and never prints a value: needles go by their line.

    python tests/referee/canary.py --needles FILE PATH…    exit 0 nothing, 1 found, 2 not all could be read

How it is fast: an aligned window of 8 bytes at every 4th byte of the haystack is looked up in a set, in C,
by ``set.intersection`` over a memoryview. Every spelling of a needle puts four neighbouring windows into
the set, of which one must fall on such a place. So a spelling must have 11 bytes. Measured on one core
with 10,000 needles: 500 MB of log lines in 10 s, of random bytes in 14 s, of escaped rows full of mails
that resemble the needles in 62 s, after 2 s of preparation.
"""

import argparse
import base64
import errno
import json
import mmap
import os
import re
import sys
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

CHUNK = 1 << 20
READ_WHOLE = 256 << 20
"""Up to this length a file is read; a longer one is mapped."""
WINDOW = 8
STRIDE = 4
SHORTEST = WINDOW + STRIDE - 1
WIDEST_ESCAPE = 18
"""Bytes that one byte can take: ``\\uXXXX``, each of its six percent-encoded."""
NESTED_ESCAPES = 2
NESTED_GZIP = 8
MOST_UNPACKED = 1 << 30
FEW = 32
"""Up to so many windows are searched for one by one; 1 MiB takes 0.2 ms each, and going through it 10 ms."""
GAP = b"\xff" * WINDOW
"""Stands where bytes were left out; no spelling of anything has it."""
SEXTETS = {
    byte: value
    for extra in (b"+/", b"-_")
    for value, byte in enumerate(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + extra)
}
GZIP_MAGIC = b"\x1f\x8b\x08"

Haystack = bytes | mmap.mmap


class Unreadable(Exception):
    """Something could not be looked through to its end, so nothing can be said of it."""


@dataclass(frozen=True)
class Finding:
    """A needle that occurs, by its number, and where; never its value.

    Attributes:
        where: File, and the gzip members inside of which it is.
        offset: Of its first byte there; of the escapes that hold it, where it is escaped.
    """

    where: str
    offset: int
    needle: int
    spelling: str

    def sentence(self) -> str:
        """Return what a person reads."""
        return f"needle {self.needle} as {self.spelling} in {self.where} at byte {self.offset}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One spelling of one needle.

    Attributes:
        folded: The bytes with ASCII letters in lower case, as they are compared first.
        key: Equal for two patterns of a needle that find the same.
        proof: Given a piece, start and end, decides whether bytes that are equal when folded are
            really the spelling.
    """

    needle: int
    spelling: str
    folded: bytes
    key: tuple[object, ...]
    proof: Callable[[bytes, int, int], bool]


class Scanner:
    """Looks for all spellings of some needles."""

    def __init__(self, needles: Iterable[tuple[int, str]]) -> None:
        """Prepare the windows.

        Args:
            needles: Number and value of each.

        Raises:
            ValueError: A needle is shorter than 11 bytes of UTF-8; finding it would prove nothing.
        """
        numbered = list(needles)
        common = Counter(window for _, value in numbered for window in _windows(value.lower().encode()))
        self._patterns: list[Pattern] = []
        self._index: dict[int, tuple[tuple[int, int], ...]] = {}
        for number, value in numbered:
            self._add(number, value, common)
        self._window_set = frozenset(self._index)
        longest = max((len(value.encode()) for _, value in numbered), default=0)
        self._reach = WIDEST_ESCAPE * longest
        """The most bytes that a needle can take, in any spelling and however escaped."""

    def _add(self, number: int, value: str, common: "Counter[bytes]") -> None:
        folded = value.lower().encode()
        if len(value.encode()) < SHORTEST:
            raise ValueError(f"needle {number} is shorter than {SHORTEST} bytes; it would be found by chance")
        rarest = _rarest(folded, common)
        for pattern in _patterns(number, value):
            # The same part of the value is rare in every spelling of it.
            anchor = rarest * (len(pattern.folded) - SHORTEST) // max(len(folded) - SHORTEST, 1)
            for offset in range(anchor, anchor + STRIDE):
                window = int.from_bytes(pattern.folded[offset : offset + WINDOW], sys.byteorder)
                self._index[window] = (*self._index.get(window, ()), (len(self._patterns), offset))
            self._patterns.append(pattern)

    def scan(self, haystack: Haystack, where: str = "bytes", depth: int = 0) -> Iterator[Finding]:
        """Yield what is found in the bytes and in the gzip members inside of them.

        Raises:
            Unreadable: A gzip member unpacks to over 1 GiB, or members are nested over 8 deep.
        """
        for start in range(0, len(haystack), CHUNK):
            piece = haystack[start : start + CHUNK + self._reach]
            seen: set[tuple[int, int]] = set()
            for offset, needle, spelling in self._in_views(piece, "", NESTED_ESCAPES):
                if offset < CHUNK and (offset, needle) not in seen:
                    seen.add((offset, needle))
                    yield Finding(where, start + offset, needle, spelling)
        at = haystack.find(GZIP_MAGIC)
        while at >= 0:
            unpacked = _unpacked(haystack, at)
            if unpacked and depth == NESTED_GZIP:
                raise Unreadable(f"gzip members are inside of each other, over {NESTED_GZIP} deep")
            yield from self.scan(unpacked, f"{where} > gzip at byte {at}", depth + 1)
            at = haystack.find(GZIP_MAGIC, at + 1)

    def scan_paths(self, paths: Iterable[Path], unread: Callable[[str], None]) -> Iterator[Finding]:
        """Yield what is found in files, in directories with all below, and in the names of entries.

        Args:
            paths: Symbolic links are followed here, but not below.
            unread: Told, in a sentence, of each entry that could not be looked through.
        """
        for path in paths:
            for entry in _entries(path, unread):
                names = list(self.scan(os.fsencode(entry.name), f"the name of an entry of {entry.parent}"))
                yield from names
                # A name that is a needle is not printed either.
                shown = f"{entry.parent}/(an entry with a needle in its name)" if names else str(entry)
                if entry.is_file() and (entry == path or not entry.is_symlink()):
                    yield from self._scan_file(entry, shown, unread)

    def _scan_file(self, path: Path, shown: str, unread: Callable[[str], None]) -> Iterator[Finding]:
        try:
            with path.open("rb") as file:
                told = os.fstat(file.fileno())
                if told.st_blocks * 512 < told.st_size // 2:
                    for begin, end in _written(file.fileno(), told.st_size):
                        yield from self.scan(os.pread(file.fileno(), end - begin, begin), f"{shown} from byte {begin}")
                    return
                if told.st_size <= READ_WHOLE:
                    # A mapped file that a process of a failed test makes shorter meanwhile would end this one.
                    yield from self.scan(file.read(), shown)
                    return
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    yield from self.scan(content, shown)
        except OSError as error:
            unread(f"{shown}: {error.strerror}")
        except Unreadable as error:
            unread(f"{shown}: {error}")

    def _in_views(self, piece: bytes, spelled: str, n_escapes: int) -> Iterator[tuple[int, int, str]]:
        """Yield offset, needle and spelling of what is in a piece, as it is and with its escapes undone."""
        for offset, pattern in self._in_piece(piece):
            yield offset, pattern.needle, spelled + pattern.spelling
        for escape in ESCAPES:
            # The first look, for one byte, is twenty times as fast as the second.
            if n_escapes and escape.start in piece and escape.runs.search(piece):
                view = View(piece, escape, self._reach)
                for offset, needle, spelling in self._in_views(view.content, f"{spelled}{escape.name} ", n_escapes - 1):
                    yield view.origin(offset), needle, spelling

    def _in_piece(self, piece: bytes) -> Iterator[tuple[int, Pattern]]:
        folded = piece.lower()
        for shift in range(0, WINDOW, STRIDE):
            n_windows = (len(folded) - shift) // WINDOW
            if n_windows <= 0:
                continue
            windows = memoryview(folded)[shift : shift + n_windows * WINDOW].cast("Q")
            met = self._window_set.intersection(windows)
            places = _few(folded, met, shift) if len(met) <= FEW else _many(windows, met, shift)
            for place, window in places:
                yield from self._at(piece, folded, place, window)

    def _at(self, piece: bytes, folded: bytes, place: int, window: int) -> Iterator[tuple[int, Pattern]]:
        for number, offset in self._index[window]:
            pattern, start = self._patterns[number], place - offset
            end = start + len(pattern.folded)
            if start >= 0 and folded.startswith(pattern.folded, start) and pattern.proof(piece, start, end):
                yield start, pattern


def _written(file: int, n_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield where a file with holes has bytes: a file of terabytes that was never written is read in no time."""
    end = 0
    while end < n_bytes:
        try:
            begin = os.lseek(file, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(file, begin, os.SEEK_HOLE)
        yield begin, end


def _entries(path: Path, unread: Callable[[str], None]) -> Iterator[Path]:
    """Yield a file, or all that is below a directory, in the order of names."""
    if not path.is_dir():
        yield path
        if not path.exists():
            unread(f"{path}: there is no such file")
        return
    for directory, directories, files in os.walk(path, onerror=lambda error: unread(f"{path}: {error.strerror}")):
        directories.sort()
        yield from (Path(directory, name) for name in sorted((*directories, *files)))


def _few(folded: bytes, met: frozenset[int], shift: int) -> Iterator[tuple[int, int]]:
    """Yield the aligned places of each window, by searching for it."""
    for window in met:
        wanted = window.to_bytes(WINDOW, sys.byteorder)
        place = folded.find(wanted)
        while place >= 0:
            if place % WINDOW == shift:
                yield place, window
            place = folded.find(wanted, place + 1)


def _many(windows: "memoryview[int]", met: frozenset[int], shift: int) -> Iterator[tuple[int, int]]:
    """Yield the aligned places of all windows, by going through all places."""
    for place, window in enumerate(windows):
        if window in met:
            yield shift + place * WINDOW, window


def _windows(text: bytes) -> set[bytes]:
    return {text[offset : offset + WINDOW] for offset in range(len(text) - WINDOW + 1)}


def _rarest(text: bytes, common: "Counter[bytes]") -> int:
    """Return where the four windows begin that the fewest other needles have, so that few places are looked at in vain."""
    starts = range(max(len(text) - SHORTEST, 0) + 1)
    return min(
        starts, key=lambda start: sum(common[text[offset : offset + WINDOW]] for offset in range(start, start + STRIDE))
    )


def _patterns(number: int, value: str) -> Iterator[Pattern]:
    """Yield each spelling of a needle once."""
    seen = set()
    for cased in dict.fromkeys((value, value.lower(), value.upper())):
        for pattern in (*_plain(number, cased), *_base64(number, cased.encode())):
            if pattern.key not in seen and len(pattern.folded) >= SHORTEST:
                seen.add(pattern.key)
                yield pattern


def _plain(number: int, value: str) -> Iterator[Pattern]:
    """Yield the spellings of which letter case does not count."""
    text = value.encode()
    spelled = [("text", text), ("text", text.replace(b" ", b"+")), ("hex", text.hex().encode())]
    for spelling, content in spelled:
        yield Pattern(number, spelling, content.lower(), (content.lower(),), _no_doubt)
    for spelling in ("utf-16-le", "utf-16-be"):
        folded = value.encode(spelling).lower()
        yield Pattern(number, spelling, folded, (spelling, folded), partial(_is_utf16, spelling, value.casefold()))


def _no_doubt(_piece: bytes, _start: int, _end: int) -> bool:
    return True


def _is_utf16(spelling: str, casefolded: str, piece: bytes, start: int, end: int) -> bool:
    """Tell apart characters whose bytes only look like one letter in two cases."""
    return piece[start:end].decode(spelling, "replace").casefold() == casefolded


def _base64(number: int, text: bytes) -> Iterator[Pattern]:
    """Yield what is common to every encoding of bytes that hold the text, for each offset modulo 3.

    Characters that take bits of the bytes around as well are not common; the proof looks at their share.
    """
    for lead in range(3):
        first, last = -(-8 * lead // 6), 8 * (lead + len(text)) // 6
        n_head_bits, n_tail_bits = 6 * first - 8 * lead, 8 * (lead + len(text)) - 6 * last
        masks = ((1 << n_head_bits) - 1, ((1 << n_tail_bits) - 1) << (6 - n_tail_bits))
        for spelling, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            whole = encode(bytes(lead) + text)
            exact = whole[first:last]
            edges = (_share(whole, first - 1, masks[0]), _share(whole, last, masks[1]))
            yield Pattern(
                number, spelling, exact.lower(), (exact, lead, edges), partial(_is_base64, exact, masks, edges)
            )


def _share(encoded: bytes, place: int, mask: int) -> int | None:
    """Return the bits that the character there has under the mask; ``None`` where there is no such character."""
    sextet = SEXTETS.get(encoded[place]) if 0 <= place < len(encoded) else None
    return None if sextet is None else sextet & mask


def _is_base64(
    exact: bytes, masks: tuple[int, int], edges: tuple[int | None, int | None], piece: bytes, start: int, end: int
) -> bool:
    """Compare exactly, and the shares of the characters around where there are such."""
    around = (_share(piece, start - 1, masks[0]), _share(piece, end, masks[1]))
    return piece[start:end] == exact and all(
        edge in (None, met) or met is None for edge, met in zip(edges, around, strict=True)
    )


def _undo_percent(run: bytes) -> bytes:
    return bytes.fromhex(run.replace(b"%", b"").decode())


@lru_cache(maxsize=1 << 16)
def _undo_json(run: bytes) -> bytes:
    text: str = json.loads(b'"' + run + b'"')
    return text.encode("utf-8", "replace")


@dataclass(frozen=True)
class Escape:
    """A way of escaping bytes.

    Attributes:
        start: With which each escape begins.
        runs: Matches one escape or more without a gap; begins with a fixed byte, so searching is fast.
    """

    name: str
    start: bytes
    runs: "re.Pattern[bytes]"
    undo: Callable[[bytes], bytes]


ESCAPES = (
    Escape("percent-encoded", b"%", re.compile(rb"%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*"), _undo_percent),
    Escape(
        "JSON-escaped",
        b"\\",
        re.compile(rb'\\(?:u[0-9A-Fa-f]{4}|["\\/bfnrt])(?:\\(?:u[0-9A-Fa-f]{4}|["\\/bfnrt]))*'),
        _undo_json,
    ),
)


class View:
    """What stands around the escapes of a piece, with the escapes undone, and the way back to the piece.

    Plain bytes further than ``reach`` from any escape are left out: what they hold is found without this.
    """

    def __init__(self, piece: bytes, escape: Escape, reach: int) -> None:
        """Undo every run of escapes."""
        self._parts: list[bytes] = []
        self._size = 0
        self._marks: list[tuple[int, int, bool]] = []
        end = 0
        for run in escape.runs.finditer(piece):
            self._add_plain(piece, end, run.start(), reach)
            self._add(escape.undo(run.group()), run.start(), is_run=True)
            end = run.end()
        self._add_plain(piece, end, len(piece), reach)
        self.content = b"".join(self._parts)

    def _add_plain(self, piece: bytes, start: int, end: int, reach: int) -> None:
        if end - start <= 2 * reach:
            self._add(piece[start:end], start)
        else:
            self._add(piece[start : start + reach], start)
            self._add(GAP, start + reach)
            self._add(piece[end - reach : end], end - reach)

    def _add(self, part: bytes, origin: int, *, is_run: bool = False) -> None:
        self._marks.append((self._size, origin, is_run))
        self._parts.append(part)
        self._size += len(part)

    def origin(self, offset: int) -> int:
        """Return the place in the piece: of the byte itself, or of the run of escapes that held it."""
        here, there, is_run = self._marks[bisect_right(self._marks, offset, key=lambda mark: mark[0]) - 1]
        return there if is_run else there + offset - here


def _unpacked(haystack: Haystack, start: int, step: int = 1 << 14) -> bytes:
    """Return what the gzip member there unpacks to, up to its end or its first damage."""
    parts: list[bytes] = []
    size = 0
    member = zlib.decompressobj(wbits=31)
    while start < len(haystack) and not member.eof:
        before = member.copy()
        try:
            parts.append(member.decompress(haystack[start : start + step]))
        except zlib.error:
            # What stands just before the damage counts too, so the last step is gone again byte by byte.
            parts += _bytewise(before, haystack[start : start + step])
            break
        start, size = start + step, size + len(parts[-1])
        if size > MOST_UNPACKED:
            raise Unreadable("a gzip member unpacks to over 1 GiB")
    return b"".join(parts)


def _bytewise(member: "zlib._Decompress", packed: bytes) -> Iterator[bytes]:
    for place in range(len(packed)):
        try:
            yield member.decompress(packed[place : place + 1])
        except zlib.error:
            return


def read_needles(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a UTF-8 file with their numbers from 1; empty lines are no needles."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [(number, line.removesuffix("\r")) for number, line in enumerate(lines, start=1) if line.strip()]


def main(arguments: list[str] | None = None) -> int:
    """Run the program and return its exit code."""
    parser = argparse.ArgumentParser(description="Say where values occur that must not, in any spelling.")
    parser.add_argument(
        "--needles", type=Path, required=True, help="UTF-8 file, one value a line, each of 11 bytes or more"
    )
    parser.add_argument("--most", type=int, default=100, help="findings to print; all are counted")
    parser.add_argument("paths", type=Path, nargs="+", help="files and directories")
    asked = parser.parse_args(arguments)
    try:
        scanner = Scanner(read_needles(asked.needles))
    except (OSError, ValueError) as error:
        parser.error(f"cannot use the needles: {error}")
    unread: list[str] = []
    n_found = 0
    for finding in scanner.scan_paths(asked.paths, unread.append):
        n_found += 1
        if n_found <= asked.most:
            sys.stdout.write(f"{finding.sentence()}\n")
    for sentence in unread:
        sys.stderr.write(f"not looked through: {sentence}\n")
    sys.stdout.write(f"{n_found} found\n")
    return 1 if n_found else 2 if unread else 0


if __name__ == "__main__":
    sys.exit(main())
