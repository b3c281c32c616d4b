# SPDX-License-Identifier: Apache-2.0
"""Edits of a log by somebody who may write its files and cannot sign; what each must be found as says ``tampering``."""

import random
import re
from collections.abc import Callable, Sequence

import msgspec

from tests.referee.tampering import PART_SEQ, Held, Lines, leaf

Edit = Callable[[random.Random, Held], None]


def _place(chance: random.Random, some: list[Lines]) -> tuple[Lines, int] | None:
    """Return a file and the place of a line in it, any line of all files being as likely."""
    n_lines = sum(map(len, some))
    place = chance.randrange(n_lines) if n_lines else -1
    for lines in some:
        if 0 <= place < len(lines):
            return lines, place
        place -= len(lines)
    return None


def _bend(chance: random.Random, line: bytes) -> bytes:
    """Return a line with one bit, or a stretch of it, changed; its line feed may be hit."""
    start = chance.randrange(len(line))
    if chance.random() < 0.5:
        return line[:start] + bytes((line[start] ^ (1 << chance.randrange(8)),)) + line[start + 1 :]
    return line[:start] + chance.randbytes(chance.randrange(6)) + line[start + chance.randrange(6) :]


def bend_line(chance: random.Random, log: Held) -> None:
    """Change bytes of a line."""
    if found := _place(chance, log.lines):
        found[0][found[1]] = _bend(chance, found[0][found[1]])


def edit_entry(chance: random.Random, log: Held) -> None:
    """Change what an entry says, in good JSON."""
    if found := _place(chance, log.lines):
        lines, place = found
        try:
            entry = msgspec.json.decode(lines[place])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if isinstance(entry, dict):
            entry["at_us"] = chance.randrange(1 << 50)
            lines[place] = msgspec.json.encode(entry) + b"\n"


def delete_lines(chance: random.Random, log: Held) -> None:
    """Take entries out."""
    if found := _place(chance, log.lines):
        del found[0][found[1] : found[1] + chance.randint(1, 3)]


def duplicate_line(chance: random.Random, log: Held) -> None:
    """Tell an entry twice, anywhere."""
    if (found := _place(chance, log.lines)) and (target := _place(chance, log.lines)):
        target[0].insert(target[1], found[0][found[1]])


def insert_line(chance: random.Random, log: Held) -> None:
    """Put an entry in that names the place and the hash that belong there."""
    if found := _place(chance, log.lines):
        lines, place = found
        forged = lines[place].replace(b'"at_us":17', b'"at_us":16', 1)
        lines.insert(place, forged)


def swap_lines(chance: random.Random, log: Held) -> None:
    """Let two entries change places."""
    if (one := _place(chance, log.lines)) and (other := _place(chance, log.lines)):
        one[0][one[1]], other[0][other[1]] = other[0][other[1]], one[0][one[1]]


def move_line(chance: random.Random, log: Held) -> None:
    """Put an entry into another place, often in another segment."""
    if found := _place(chance, log.lines):
        line = found[0].pop(found[1])
        if target := _place(chance, log.lines):
            target[0].insert(target[1], line)


def move_over_edge(chance: random.Random, log: Held) -> None:
    """Let the last line of a segment be the first of the next, with its part or without."""
    number = chance.randrange(max(1, len(log.lines) - 1))
    if chance.random() < 0.5:
        log.seals.clear()
    if number + 1 >= len(log.lines) or not log.lines[number] or not log.lines[number][-1].endswith(b"\n"):
        return
    line = log.lines[number].pop()
    log.lines[number + 1].insert(0, line)
    parts = log.parts[number]
    its = PART_SEQ.match(parts[-1]) if parts else None
    is_its = its is not None and b'"seq":%s,' % its[1] in line
    if is_its and chance.random() < 0.7:
        log.parts[number + 1].insert(0, parts.pop())


def cut(chance: random.Random, log: Held) -> None:
    """Cut the log off behind a line, or inside one."""
    found = _place(chance, log.lines)
    if found is None:
        return
    number = next(number for number, lines in enumerate(log.lines) if lines is found[0])
    kept = found[0][: found[1]]
    if chance.random() < 0.5:
        kept.append(found[0][found[1]][: chance.randrange(len(found[0][found[1]]))])
    log.lines[number:] = [[line for line in kept if line]]
    log.parts[number + 1 :] = []


def lose_segment(chance: random.Random, log: Held) -> None:
    """Take a segment out; those behind it move up."""
    number = chance.randrange(len(log.lines))
    if len(log.lines) > 1:
        del log.lines[number], log.parts[number : number + 1]


def swap_segments(chance: random.Random, log: Held) -> None:
    """Let two segments change places, with their parts."""
    one, other = chance.randrange(len(log.lines)), chance.randrange(len(log.lines))
    if max(one, other) < len(log.parts):
        log.lines[one], log.lines[other] = log.lines[other], log.lines[one]
        log.parts[one], log.parts[other] = log.parts[other], log.parts[one]


def write_anew(chance: random.Random, log: Held) -> None:
    """Change an entry and make every hash behind it right again, in all segments."""
    found = _place(chance, log.lines)
    if found is None or not found[0][found[1]].endswith(b"\n"):
        return
    found[0][found[1]] = found[0][found[1]].replace(b'"at_us":17', b'"at_us":16', 1)
    before: bytes | None = None
    for lines in log.lines:
        for place, line in enumerate(lines):
            if before is not None:
                lines[place] = re.sub(rb'"prev":"[0-9a-f]{64}"', b'"prev":"%s"' % before, line, count=1)
            before = leaf(lines[place]).encode()


def leave_torn(chance: random.Random, log: Held) -> None:
    """Put the beginning of a line behind the last: allowed."""
    if log.lines[-1] and log.lines[-1][-1].endswith(b"\n"):
        log.lines[-1].append(log.lines[-1][-1][: chance.randrange(1, len(log.lines[-1][-1]) - 1)])


def bend_part(chance: random.Random, log: Held) -> None:
    """Change bytes of a part, its salt or its number."""
    if found := _place(chance, log.parts):
        found[0][found[1]] = _bend(chance, found[0][found[1]])


def swap_parts(chance: random.Random, log: Held) -> None:
    """Let two parts change places, with their numbers or without."""
    if (one := _place(chance, log.parts)) and (other := _place(chance, log.parts)):
        first, second = one[0][one[1]], other[0][other[1]]
        if chance.random() < 0.5 and (a := PART_SEQ.match(first)) and (b := PART_SEQ.match(second)):
            first, second = b[0] + first[a.end() :], a[0] + second[b.end() :]
            first, second = second, first
        one[0][one[1]], other[0][other[1]] = second, first


def duplicate_part(chance: random.Random, log: Held) -> None:
    """Tell a part twice, or in another segment."""
    if (found := _place(chance, log.parts)) and (target := _place(chance, log.parts)):
        target[0].insert(target[1], found[0][found[1]])


def move_part(chance: random.Random, log: Held) -> None:
    """Put a part into another place."""
    if found := _place(chance, log.parts):
        part = found[0].pop(found[1])
        if target := _place(chance, log.parts):
            target[0].insert(target[1], part)


def delete_parts(chance: random.Random, log: Held) -> None:
    """Take parts out: allowed."""
    if found := _place(chance, log.parts):
        del found[0][found[1] : found[1] + chance.randint(1, 4)]


def bend_checkpoint(chance: random.Random, log: Held) -> None:
    """Change bytes of the checkpoint."""
    log.checkpoint = _bend(chance, log.checkpoint)


def bend_key(chance: random.Random, log: Held) -> None:
    """Change bytes of the public key."""
    log.key = _bend(chance, log.key)


def bend_seal(chance: random.Random, log: Held) -> None:
    """Change bytes of a seal, or put it in the place of another."""
    if log.seals:
        number, other = chance.choice(list(log.seals)), chance.choice(list(log.seals))
        log.seals[number] = _bend(chance, log.seals[number]) if number == other else log.seals[other]


def lose_seals(chance: random.Random, log: Held) -> None:
    """Take seals out, one or all: allowed."""
    for number in list(log.seals):
        if chance.random() < 0.6:
            del log.seals[number]


EDITS: tuple[Edit, ...] = (
    bend_line, bend_line, edit_entry, edit_entry, delete_lines, duplicate_line, insert_line, swap_lines, move_line,
    move_over_edge, cut, lose_segment, swap_segments, write_anew, leave_torn, bend_part, bend_part, swap_parts,
    duplicate_part, move_part, delete_parts, bend_checkpoint, bend_key, bend_seal, lose_seals,
)  # fmt: skip


def edited(chance: random.Random, before: Held, older: Sequence[bytes]) -> tuple[Held, str]:
    """Return the log after one to four edits, and which they were.

    Args:
        older: Checkpoints of the log that may be put in the place of its newest.
    """
    after, names = before.copy(), []
    for _ in range(chance.choice((1, 1, 2, 2, 3, 4))):
        if older and chance.random() < 0.04:
            after.checkpoint = chance.choice(older)
            names.append("older checkpoint")
            continue
        edit = chance.choice(EDITS)
        edit(chance, after)
        after.lines = [_resplit(lines) for lines in after.lines]
        after.parts = [_resplit(parts) for parts in after.parts]
        names.append(edit.__name__)
    return after, " + ".join(names)


def _resplit(lines: Lines) -> Lines:
    """Return lines as a reader will find them: what lost or got a line feed is cut anew."""
    whole = b"".join(lines)
    pieces = whole.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
