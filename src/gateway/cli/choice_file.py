# SPDX-License-Identifier: Apache-2.0
"""A file of choices: CSV with the columns of ``COLUMNS``, plain or compressed, read twice and never held whole.

The first reading measures it and finds every bad line; only then does the second hand out rows. Sentences
about bad lines name the column and what was expected, never what stood there: it may be a person.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TextIO

import msgspec

from gateway.cli.desk.desk import Stop
from gateway.cli.desk.moments import EXPECTED, moment_us
from gateway.domain.choice import ChoiceState
from gateway.domain.names import IdentityKind, PurposeKey, is_under

COLUMNS = ("identity_kind", "identity", "purpose", "state", "at")
LONGEST_VALUE = 1_000
MOST_BAD_KEPT = 1_000
CHUNK_BYTES = 1 << 20


class Importable(msgspec.Struct, frozen=True, kw_only=True):
    """What rows of a file may say.

    Attributes:
        kinds: Identities by which datasets know people.
        purposes: Declared purposes; a row may name one or a key above one.
        now_us: No choice was made after this.
        skip_bad: Bad lines are passed over in the second reading.
    """

    kinds: frozenset[IdentityKind]
    purposes: frozenset[PurposeKey]
    now_us: int
    skip_bad: bool = False


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One choice as a line of the file states it."""

    line: int
    kind: IdentityKind
    value: str
    purpose: PurposeKey
    state: ChoiceState
    at_us: int


class Bad(msgspec.Struct, frozen=True):
    """A line that cannot be imported, and why, without a word of what it holds."""

    line: int
    sentence: str


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A file as the first reading found it.

    Attributes:
        bad: The first thousand bad lines.
        digest: SHA-256 of the file's bytes, hexadecimal.
    """

    n_rows: int
    n_bad: int
    bad: tuple[Bad, ...]
    digest: str


def measured(file: Path, known: Importable) -> Measure:
    """Read the file once and return what it holds.

    Raises:
        Stop: It is no such file at all.
    """
    n_rows, n_bad, bad = 0, 0, list[Bad]()
    for found in _lines(file, known):
        if isinstance(found, Row):
            n_rows += 1
            continue
        n_bad += 1
        if len(bad) < MOST_BAD_KEPT:
            bad.append(found)
    return Measure(n_rows=n_rows, n_bad=n_bad, bad=tuple(bad), digest=_digest(file))


def batches(file: Path, known: Importable, size: int) -> Iterator[list[Row]]:
    """Read the file again and yield its good rows, ``size`` at a time and the rest."""
    rows: list[Row] = []
    for found in _lines(file, known):
        if isinstance(found, Bad):
            if not known.skip_bad:
                raise Stop(f"{file}:{found.line}: the file was changed while it was imported")
            continue
        rows.append(found)
        if len(rows) >= size:
            yield rows
            rows = []
    if rows:
        yield rows


def _lines(file: Path, known: Importable) -> Iterator[Row | Bad]:
    with _opened(file) as text:
        reader = csv.reader(text, strict=True)
        try:
            header = next(reader, [])
            if tuple(header) != COLUMNS:
                raise Stop(f"{file}:1: the first line must be {','.join(COLUMNS)}")
            judge = _Judge(known)
            for cells in reader:
                if cells:
                    yield judge.row(reader.line_num, cells)
        except csv.Error as error:
            raise Stop(f"{file}:{reader.line_num}: {error}") from None
        except UnicodeDecodeError:
            raise Stop(f"{file}:{reader.line_num + 1}: is not UTF-8") from None
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise Stop(f"{file} is not a whole gzip file") from None


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    with file.open("rb") as raw:
        whole = gzip.GzipFile(fileobj=raw) if file.suffix == ".gz" else raw
        with io.TextIOWrapper(whole, encoding="utf-8-sig", newline="") as text:
            yield text


class _Judge:
    """Judges rows, remembering which words are known: files repeat a few purposes many times."""

    def __init__(self, known: Importable) -> None:
        self._known = known
        self._purposes: dict[str, bool] = {}
        self._states = {state.value: state for state in ChoiceState}

    def row(self, line: int, cells: list[str]) -> Row | Bad:
        """Return the row, or the first thing that is wrong with it."""
        if len(cells) != len(COLUMNS):
            return Bad(line, f"has {len(cells)} columns, expected {len(COLUMNS)}")
        kind, value, purpose, state, at = cells
        if kind not in self._known.kinds:
            return Bad(line, f"identity_kind must be one of {', '.join(sorted(self._known.kinds))}")
        if not value.strip() or len(value) > LONGEST_VALUE:
            return Bad(line, f"identity must have 1 to {LONGEST_VALUE} characters")
        if not self._is_purpose(purpose):
            return Bad(line, "purpose must be a declared purpose or a key above one")
        if state not in self._states:
            return Bad(line, f"state must be one of {', '.join(self._states)}")
        at_us = moment_us(at)
        if at_us is None:
            return Bad(line, f"at must be {EXPECTED}")
        if at_us > self._known.now_us:
            return Bad(line, "at lies in the future")
        return Row(
            line=line,
            kind=IdentityKind(kind),
            value=value,
            purpose=PurposeKey(purpose),
            state=self._states[state],
            at_us=at_us,
        )

    def _is_purpose(self, word: str) -> bool:
        if word not in self._purposes and len(self._purposes) < MOST_BAD_KEPT:
            self._purposes[word] = any(is_under(key, word) for key in self._known.purposes)
        return self._purposes.get(word, False)


def _digest(file: Path) -> str:
    hashed = sha256()
    with file.open("rb") as raw:
        while chunk := raw.read(CHUNK_BYTES):
            hashed.update(chunk)
    return hashed.hexdigest()
