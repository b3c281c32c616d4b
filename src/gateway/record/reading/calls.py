# SPDX-License-Identifier: Apache-2.0
"""Reads straight through logs for the first entries of permitted calls, and for the rules that came into force.

Other lines are passed over without being decoded, and parts are not read: nothing here is about people. Nothing
here proves a log; that is ``verify``.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.domain.entry import Intent, Line, Release, RulesInForce
from gateway.domain.errors import LogDamaged
from gateway.record.format.layout import LineFile, segment_path, segments

_decoder = msgspec.json.Decoder(Line)
_FACTS, _RULES = b'"facts":{', b'"kind":"rules-in-force"'

Told = Release | Intent | RulesInForce


class CallLine(msgspec.Struct, frozen=True):
    """An entry that was looked for.

    Attributes:
        read: Bytes of lines that were read since the one before.
    """

    at_us: int
    body: Told | None
    read: int


def size_bytes(directory: Path) -> int:
    """Return how many bytes of lines a slot has."""
    return sum(segment_path(directory, number).stat().st_size for number in segments(directory))


def first_seq(directory: Path) -> int:
    """Return the place of the first entry of a slot that is here; 0 for a log without entries.

    Raises:
        LogDamaged: It cannot be read.
    """
    for number in segments(directory) if directory.is_dir() else []:
        raw = next(LineFile(segment_path(directory, number)).lines(), None)
        return 0 if raw is None else _line(raw, directory.name).seq
    return 0


def call_lines(directory: Path, every_bytes: int = 1 << 20) -> Iterator[CallLine]:
    """Yield releases and intents that hold facts, and rules that came into force, in their order.

    Args:
        directory: ``STATE/log/<slot>``.
        every_bytes: After so many bytes without one, an entry without a body is yielded, so that a bar can move.

    Raises:
        LogDamaged: Such an entry cannot be read.
    """
    read = 0
    for number in segments(directory):
        for raw in LineFile(segment_path(directory, number)).lines():
            read += len(raw) + 1
            found = _line(raw, directory.name) if _FACTS in raw or _RULES in raw else None
            body = None if found is None else found.body
            told = body if isinstance(body, Told) else None
            if told is not None or read >= every_bytes:
                yield CallLine(0 if found is None else found.at_us, told, read)
                read = 0
    if read:
        yield CallLine(0, None, read)


def _line(raw: bytes, slot: str) -> Line:
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogDamaged(f"an entry of {slot} cannot be read; run `gateway log verify`") from error
