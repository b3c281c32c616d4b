# SPDX-License-Identifier: Apache-2.0
"""Seals of segments that have none: those of a log of an older version, and where a crash came in between.

Where every earlier segment has its seal, nothing but the newest of them is read.
"""

from pathlib import Path

from gateway.domain.errors import LogDamaged
from gateway.record.format.chain import Chain
from gateway.record.format.checkpoint import CheckpointInvalid, Signer, VerifierKey
from gateway.record.format.files import Files, replace_file
from gateway.record.format.layout import segment_path, segments
from gateway.record.format.merkle import Tree
from gateway.record.format.seal import FOLDER, Begin, begin_of_log, read_seal, seal_name, seal_of


def begin_of_next(directory: Path, key: VerifierKey, signer: Signer, files: Files) -> Begin:
    """Return where the segment begins that a log goes on with, sealing those before it that have no seal.

    Raises:
        LogDamaged: A seal is wrong.
        OSError: A seal cannot be written.
    """
    newest = max(segments(directory), default=0)
    try:
        if (directory / seal_name(newest)).exists():
            return read_seal(directory, newest, key).next()
        if newest == 0:
            return Begin()
        if (directory / seal_name(newest - 1)).exists():
            return read_seal(directory, newest - 1, key).next()
        return _sealed_anew(directory, key, signer, files, newest)
    except CheckpointInvalid as error:
        raise LogDamaged(str(error)) from error


def _sealed_anew(directory: Path, key: VerifierKey, signer: Signer, files: Files, newest: int) -> Begin:
    """Read all of the log, seal every segment but the newest, and return where that begins."""
    begin = begin_of_log(directory, key)
    chain = Chain(directory, key.name, begin.waypoint() if begin.number else None)
    tree, prev = Tree.over(begin.first, begin.peaks), begin.prev
    (directory / FOLDER).mkdir(mode=0o700, exist_ok=True)
    for _ in chain.read():
        if chain.segment != begin.number:
            begin = _sealed(directory, key.name, begin, tree, prev, signer, files, chain.segment)
        prev = chain.prev
        tree.append(bytes.fromhex(prev))
    if begin.number != newest:
        begin = _sealed(directory, key.name, begin, tree, prev, signer, files, newest)
    files.sync_directory(directory)
    return begin


def _sealed(
    directory: Path, name: str, begin: Begin, tree: Tree, last: str, signer: Signer, files: Files, following: int
) -> Begin:
    if not (directory / seal_name(begin.number)).exists():
        lines = segment_path(directory, begin.number)
        seal = seal_of(lines, name, begin, tree, last)
        replace_file(files, directory / seal_name(begin.number), seal.note(signer).encode())
        lines.chmod(0o400)
    return Begin(following, tree.size, last, tree.peaks)
