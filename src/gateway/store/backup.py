# SPDX-License-Identifier: Apache-2.0
"""Copies of a base in a file of their own: consistent, portable between engines, and known for ours.

RULES

1. A copy is taken in one transaction that only reads, while everybody else goes on.
2. The file begins with a header of ``HEADER_BYTES``: JSON, filled up with spaces, a line feed. Then come
   frames: a length of 4 bytes, big-endian, and as many bytes of zlib (RFC 1950) with ``[table, columns,
   rows]`` in MessagePack. Tables come in an order in which they can be put back.
3. The header names the length and SHA-256 of all frames and carries a digest of itself under a key of
   the installation, so a file that was changed, or that is somebody else's, is not put back.
4. The keys of people have a file of their own with an end: past it nobody puts them back, so what was
   shredded is gone for good once the last such file is. Its frames may be sealed under a key that is deleted then.
5. Files are new, of mode 600, and durable when the call returns.
"""

import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import URL, Connection, MetaData, NullPool, Table, create_engine, func, select

from gateway.domain.errors import SettingsError
from gateway.store import sqlite
from gateway.store.engine import place_of
from gateway.store.migrate import NOTED

FORMAT = 1
HEADER_BYTES = 8192
ROWS_A_FRAME = 2_000
MOST_FRAME_BYTES = 256 << 20

Digest = Callable[[bytes], str]
Turn = Callable[[bytes], bytes]
"""Seals a frame, or opens it again; what cannot be opened raises ``KeyUnavailable``."""


def as_it_is(frame: bytes) -> bytes:
    """Return a frame of a copy that is not sealed."""
    return frame


Progress = Callable[[int], None]


class BackupUnusable(SettingsError):
    """A file is no copy that can be put back here; the message says why."""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a copy says of itself.

    Attributes:
        base: ``main``, or ``keys`` with the keys of people.
        installation: First word of the names of its logs.
        revision: Of the tables.
        expires_us: After this it is not put back; ``None`` for no end.
        rows: Number of rows by table.
        places: By name of log, how many entries were certainly in the database.
        sealed: Label of the key under which frames are sealed; empty where they are not.
        n_bytes / sha256: Of all frames.
        mac: Digest of the header without it, under the installation's key.
    """

    format: int = FORMAT
    base: str
    installation: str
    revision: str
    created_us: int
    expires_us: int | None
    rows: dict[str, int]
    places: dict[str, int]
    sealed: str = ""
    n_bytes: int = 0
    sha256: str = ""
    mac: str = ""

    def unsigned(self) -> bytes:
        """Return the bytes that ``mac`` is a digest of."""
        return msgspec.json.encode(msgspec.structs.replace(self, mac=""))


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy is to say of itself besides what is found."""

    base: str
    installation: str
    created_us: int
    expires_us: int | None
    places: Mapping[str, int]
    sealed: str = ""


def dump(
    place: str | Path, wanted: Wanted, file: Path, digest: Digest, progress: Progress, seal: Turn = as_it_is
) -> Header:
    """Write a copy of a base and return its header.

    Args:
        place: Directory of the SQLite files, or URL, as ``open_store`` takes it.
        wanted: Which base, and until when its copy counts.
        file: Where to; it must not be there.
        digest: Of the header, under the installation's key.
        progress: Called with the number of rows that were written more.
        seal: Seals each frame, under the key that ``wanted`` names.

    Raises:
        OSError: The file is there, or cannot be written.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as out, _reading(place, wanted.base) as (connection, tables):
            out.write(b" " * HEADER_BYTES)
            header = _written(out, connection, tables, wanted, progress, seal)
            header = msgspec.structs.replace(header, mac=digest(header.unsigned()))
            out.seek(0)
            out.write(_padded(header))
            out.flush()
            os.fsync(descriptor)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return header


def header_of(file: Path, digest: Digest) -> Header:
    """Return the header of a copy that this installation made.

    Raises:
        BackupUnusable: It is none, of a newer format, or was changed.
    """
    with file.open("rb") as content:
        raw = content.read(HEADER_BYTES)
    try:
        header = msgspec.json.decode(raw, type=Header)
    except msgspec.MsgspecError:
        raise BackupUnusable(f"{file} is no backup of this program") from None
    if header.format != FORMAT:
        raise BackupUnusable(f"{file} has format {header.format}; this program reads {FORMAT}")
    if header.mac != digest(header.unsigned()):
        raise BackupUnusable(f"{file} was not made by this installation, or its header was changed")
    return header


def check_whole(file: Path, header: Header) -> None:
    """Make sure that the frames are those that the header speaks of.

    Raises:
        BackupUnusable: They are not.
    """
    found, length = sha256(), 0
    with file.open("rb") as content:
        content.seek(HEADER_BYTES)
        while chunk := content.read(1 << 20):
            found.update(chunk)
            length += len(chunk)
    if (length, found.hexdigest()) != (header.n_bytes, header.sha256):
        raise BackupUnusable(f"{file} is not whole, or was changed")


def frames(file: Path, unseal: Turn = as_it_is) -> Iterator[tuple[str, list[str], list[list[Any]]]]:
    """Yield table, columns and rows of each frame of a copy that was found whole.

    Raises:
        KeyUnavailable: It is sealed, and its key is gone.
    """
    with file.open("rb") as content:
        content.seek(HEADER_BYTES)
        while length := content.read(4):
            plain = zlib.decompress(unseal(content.read(int.from_bytes(length, "big"))), bufsize=1 << 16)
            yield msgspec.msgpack.decode(plain, type=tuple[str, list[str], list[list[Any]]])


class _reading:  # noqa: N801 - used as a function that is a context
    """A connection that reads one state of a base from first to last, and the tables that it finds."""

    def __init__(self, place: str | Path, base: str) -> None:
        self._url, self._schema = place_of(place, base)
        self._engine = create_engine(self._url, poolclass=NullPool, hide_parameters=True)
        if _is_sqlite(self._url):
            sqlite.prepare(self._engine, writes=False)

    def __enter__(self) -> tuple[Connection, list[Table]]:
        self._connection = self._engine.connect()
        if _is_sqlite(self._url):
            self._connection.exec_driver_sql("BEGIN")
        else:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            self._connection = self._connection.execution_options(**options)
        found = MetaData()
        found.reflect(self._connection, schema=self._schema)
        return self._connection, [table for table in found.sorted_tables if table.name != NOTED]

    def __exit__(self, *_: object) -> None:
        if _is_sqlite(self._url):
            self._connection.exec_driver_sql("ROLLBACK")
        self._connection.close()
        self._engine.dispose()


def _written(
    out: BinaryIO, connection: Connection, tables: list[Table], wanted: Wanted, progress: Progress, seal: Turn
) -> Header:
    """Write every frame and return the header without its own digest."""
    schema = tables[0].schema if tables else None
    noted = f'"{schema}".{NOTED}' if schema else NOTED
    revision = connection.exec_driver_sql(f"SELECT version_num FROM {noted}").scalar_one()  # noqa: S608 - our own names
    content, length, rows = sha256(), 0, {}
    for table in tables:
        name = str(table.name)
        rows[name] = 0
        for frame, n_rows in _frames_of(connection, table):
            turned = seal(frame)
            piece = len(turned).to_bytes(4, "big") + turned
            out.write(piece)
            content.update(piece)
            length += len(piece)
            rows[name] += n_rows
            progress(n_rows)
    return Header(
        base=wanted.base,
        installation=wanted.installation,
        revision=revision,
        created_us=wanted.created_us,
        expires_us=wanted.expires_us,
        rows=rows,
        places=dict(wanted.places),
        sealed=wanted.sealed,
        n_bytes=length,
        sha256=content.hexdigest(),
    )


def _frames_of(connection: Connection, table: Table) -> Iterator[tuple[bytes, int]]:
    name, columns = str(table.name), [str(column.name) for column in table.columns]
    query = select(table).order_by(*table.primary_key.columns)
    with connection.execute(query, execution_options={"yield_per": ROWS_A_FRAME}) as found:
        for rows in found.partitions():
            plain = msgspec.msgpack.encode((name, columns, [tuple(row) for row in rows]))
            if len(plain) > MOST_FRAME_BYTES:
                raise SettingsError(f"{ROWS_A_FRAME} rows of {table.name} are more than can be copied at once")
            yield zlib.compress(plain, 1), len(rows)


def n_rows(place: str | Path, base: str) -> int:
    """Return about how many rows a copy would have, for whoever waits."""
    with _reading(place, base) as (connection, tables):
        counts = (connection.execute(select(func.count()).select_from(table)) for table in tables)
        return sum(count.scalar_one() for count in counts)


def _padded(header: Header) -> bytes:
    plain = msgspec.json.encode(header)
    if len(plain) >= HEADER_BYTES:
        raise SettingsError("the header of the backup is too long: the installation has too many logs")
    return plain.ljust(HEADER_BYTES - 1) + b"\n"


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"
