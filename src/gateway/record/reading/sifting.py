# SPDX-License-Identifier: Apache-2.0
"""Finding the few entries that hold one of some texts, by their bytes: no other line is decoded.

For questions about single decisions, where no index is at hand. Every slot is read once.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gateway.domain.entry import Line
from gateway.record.format.layout import segment_path, segments, slots
from gateway.record.reading.past_calls import line_of

TURN_BYTES = 1 << 20
"""Looked through at a time, after which whoever waits is told."""


def sifted(logs: Path, texts: Sequence[bytes], tell: Callable[[int], None] = lambda _n: None) -> Iterator[Line]:
    """Yield the entries of all slots under ``STATE/log`` that hold one of the texts, slot by slot, each in its order.

    Args:
        logs: ``STATE/log``.
        texts: As they stand in a line.
        tell: Told how many bytes were read since it was last told.

    Raises:
        LogDamaged: An entry that holds one cannot be read.
    """
    for slot in slots(logs):
        for number in segments(logs / slot):
            for raw in _holding(segment_path(logs / slot, number), texts, tell):
                yield line_of(raw)


def _holding(path: Path, texts: Sequence[bytes], tell: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the whole lines of a file that hold one of the texts; a torn last line is none."""
    rest = b""
    with path.open("rb") as file:
        while chunk := file.read(TURN_BYTES):
            block = rest + chunk
            end = block.rfind(b"\n") + 1
            whole, rest = block[:end], block[end:]
            # Most blocks hold none of them, and looking through one costs a tenth of taking it apart.
            if any(text in whole for text in texts):
                yield from (raw for raw in whole.split(b"\n") if any(text in raw for text in texts))
            tell(len(chunk))


def n_bytes_of(logs: Path) -> int:
    """Return how many bytes of lines there are."""
    return sum(
        segment_path(logs / slot, number).stat().st_size for slot in slots(logs) for number in segments(logs / slot)
    )
