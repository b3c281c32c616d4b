# SPDX-License-Identifier: Apache-2.0
"""Making one sink of a log equal to the other, from files.

A file is copied as a whole and put in place as a whole, so a copying that is broken off leaves nothing half.
What a seal covers on both sides is not read again; ``gateway log verify --dir`` reads all of it.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from gateway.record.format.files import Files, copy_whole
from gateway.record.format.layout import CHECKPOINT, CHUNK_BYTES, PUBLIC_KEY, parts_path, segment_path, segments
from gateway.record.format.seal import seal_name, seals
from gateway.record.writing.rewriting import parts_held
from gateway.record.writing.sink import Sink

PAIRED = "paired"
"""In both sinks, once they were equal: a disk that is not mounted does not have it."""


def take_lost(source: Path, sink: Sink, refuse: Callable[[Path, Path], None]) -> None:
    """Take a sink that was lost, if it is back and may be made equal.

    Args:
        source: The whole sink's directory.
        sink: What is to be made equal.
        refuse: Raises ``OSError`` where the lost one holds what must not be written over.

    Raises:
        OSError: It is away still, or is not the disk that was lost.
    """
    sink.retake()
    if (source / PAIRED).exists() and not (sink.directory / PAIRED).exists():
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    refuse(source, sink.directory)


def copy_closed(source: Path, sink: Sink, below: int, *, with_parts: bool) -> None:
    """Make the segments below a number the same.

    Args:
        source: The whole sink's directory.
        sink: What is made equal.
        below: Number of the first segment that may still grow.
        with_parts: Also delete what parts were deleted meanwhile; else only parts of lines that are copied.
    """
    target = sink.directory
    for number in (one for one in segments(source) if one < below):
        if not _has_same_seal(source, target, number):
            _copy_if_other(sink.files, segment_path(source, number), segment_path(target, number))
            _copy_parts(source, sink, number)
        elif with_parts:
            _copy_parts(source, sink, number)
    for number in seals(source):
        if number < below and not is_same(source / seal_name(number), target / seal_name(number)):
            sink.put(seal_name(number), (source / seal_name(number)).read_bytes())
            sink.protect(number)


def copy_rest(source: Path, sink: Sink, number: int) -> None:
    """Make the open segment and what is beside the segments the same; nothing may be written meanwhile."""
    sink.forget()
    target = sink.directory
    for later in segments(target):
        if later > number or (later == number and not segment_path(source, number).exists()):
            sink.remove(segment_path(target, later).name)
            sink.remove(f"parts/{parts_path(target, later).name}")
    for later in seals(target):
        if later >= number and not (source / seal_name(later)).exists():
            sink.remove(seal_name(later))
    copy_closed(source, sink, number + 1, with_parts=False)
    _copy_parts_of_other_length(source, sink)
    if segment_path(source, number).exists():
        _copy_parts(source, sink, number)
    for name in (PUBLIC_KEY, CHECKPOINT):
        if (source / name).exists():
            _copy_if_other(sink.files, source / name, target / name)


def _copy_parts_of_other_length(source: Path, sink: Sink) -> None:
    """Take parts over that changed in the whole sink while they were copied from there; to change them changes lengths."""
    for number in segments(source):
        ours, theirs = parts_path(source, number), parts_path(sink.directory, number)
        if ours.exists() and theirs.exists() and ours.stat().st_size != theirs.stat().st_size:
            _copy_parts(source, sink, number)


def _copy_parts(source: Path, sink: Sink, number: int) -> None:
    with parts_held(sink.directory):
        _copy_if_other(sink.files, parts_path(source, number), parts_path(sink.directory, number))


def is_same(one: Path, other: Path) -> bool:
    """Tell whether two files are there and hold the same."""
    try:
        if one.stat().st_size != other.stat().st_size:
            return False
        with one.open("rb") as left, other.open("rb") as right:
            while chunk := left.read(CHUNK_BYTES):
                if chunk != right.read(CHUNK_BYTES):
                    return False
    except FileNotFoundError:
        return False
    return True


def _has_same_seal(source: Path, target: Path, number: int) -> bool:
    lines, name = segment_path(source, number), seal_name(number)
    held = segment_path(target, number)
    is_here = lines.exists() and held.exists() and lines.stat().st_size == held.stat().st_size
    return is_here and is_same(source / name, target / name)


def _copy_if_other(files: Files, source: Path, target: Path) -> None:
    if not source.exists() or is_same(source, target):
        return
    copy_whole(files, source, target)
