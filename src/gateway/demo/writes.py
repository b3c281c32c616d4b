# SPDX-License-Identifier: Apache-2.0
"""What a caller of the sample store writes: records made, changed and deleted in its SQLite file.

As naive as its reading: every column can be written by whoever asks. A record has an entity tag, which
``If-Match`` asks for; an ``Idempotency-Key`` that was seen before is answered as it was then. What a
record does not name is null; a change by merge patch leaves it as it is (RFC 7396).
"""

import secrets
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from gateway.demo.tables import Kind, Table

MOST_KEYS = 10_000
"""Idempotency keys remembered, newest first; they are forgotten when the store ends."""

KINDS: Mapping[Kind, tuple[type, ...]] = {Kind.TEXT: (str,), Kind.INTEGER: (int,), Kind.CENTS: (int, float)}


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a write.

    Attributes:
        record: JSON of the record as it is now; empty where there is none.
        sentence: Why it was refused.
    """

    status: int
    record: bytes = b""
    sentence: str = ""


def tag_of(record: bytes) -> str:
    """Return the entity tag of a record."""
    return f'"{sha256(record).hexdigest()[:16]}"'


class Writer:
    """The one connection that writes; one call at a time."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._answered: OrderedDict[str, Done] = OrderedDict()

    def close(self) -> None:
        """Close the connection if it was opened."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def create(self, table: Table, said: object, *, key: str | None = None) -> Done:
        """Make a record; one without an id gets one."""
        return self._once(key, lambda: self._created(table, [said]))

    def create_many(self, table: Table, said: object, *, key: str | None = None) -> Done:
        """Make all records of a list, or none."""
        if not isinstance(said, list):
            return Done(status=400, sentence="the body is not a list")
        return self._once(key, lambda: msgspec.structs.replace(self._created(table, said), record=b""))

    def change(self, table: Table, record_id: str, said: object, *, match: str | None, key: str | None = None) -> Done:
        """Change what a merge patch names."""
        return self._once(key, lambda: self._changed(table, record_id, said, match))

    def delete(self, table: Table, record_id: str, *, match: str | None) -> Done:
        """Take a record away."""
        with self._lock:
            found = self._missing(table, record_id, match)
            if found is None:
                self._run(f"DELETE FROM {table.name} WHERE id = ?", (record_id,))  # noqa: S608 - names of ours
            return found or Done(status=204)

    def _once(self, key: str | None, write: Callable[[], Done]) -> Done:
        with self._lock:
            if key is not None and key in self._answered:
                return self._answered[key]
            done = write()
            if key is not None and done.status < 400:
                self._answered[key] = done
                if len(self._answered) > MOST_KEYS:
                    self._answered.popitem(last=False)
            return done

    def _created(self, table: Table, said: Iterable[object]) -> Done:
        records = [{"id": f"{table.name[0]}-{secrets.token_hex(6)}"} | _named(one) for one in said]
        wrong = next((wrong for record in records if (wrong := _wrong(table, record))), None)
        if wrong is not None:
            return Done(status=422, sentence=wrong)
        try:
            self._run("BEGIN IMMEDIATE")
            for record in records:
                names = ", ".join(f'"{name}"' for name in record)
                marks = ", ".join("?" * len(record))
                self._run(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", tuple(record.values()))  # noqa: S608 - declared names
            self._run("COMMIT")
        except sqlite3.IntegrityError:
            self._run("ROLLBACK")
            return Done(status=409, sentence="there is such a record already")
        return Done(status=201, record=self._record(table, records[0]["id"]) if records else b"")

    def _changed(self, table: Table, record_id: str, said: object, match: str | None) -> Done:
        record = _named(said)
        wrong = _wrong(table, record) or ("id cannot be changed" if record.get("id", record_id) != record_id else "")
        if wrong:
            return Done(status=422, sentence=wrong)
        missing = self._missing(table, record_id, match)
        if missing is not None:
            return missing
        if record:
            terms = ", ".join(f'"{name}" = ?' for name in record)
            self._run(f"UPDATE {table.name} SET {terms} WHERE id = ?", (*record.values(), record_id))  # noqa: S608 - declared names
        return Done(status=200, record=self._record(table, record_id))

    def _missing(self, table: Table, record_id: str, match: str | None) -> Done | None:
        """Return why a record cannot be written to, if so."""
        record = self._record(table, record_id)
        if not record:
            return Done(status=404, sentence="there is no such record")
        if match is not None and match not in ("*", tag_of(record)):
            return Done(status=412, sentence="the record is another by now")
        return None

    def _record(self, table: Table, record_id: str) -> bytes:
        row = self._run(f"SELECT json FROM {table.name} WHERE id = ?", (record_id,)).fetchone()  # noqa: S608 - names of ours
        return row[0].encode() if row else b""

    def _run(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        return self._connection.execute(sql, values)


def _named(said: object) -> dict[str, Any]:
    return said if isinstance(said, dict) else {"": said}


def _wrong(table: Table, record: Mapping[str, Any]) -> str:
    """Return what is wrong with the members of a record; nothing if it is all right."""
    columns = {column.name: column for column in table.columns}
    for name, value in record.items():
        if name not in columns:
            return "the record has a member that is not known"
        kinds = KINDS[columns[name].kind]
        if value is None and name == "id":
            return "a record has an id"
        if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
            return f"{name} is not of its kind"
    return ""
