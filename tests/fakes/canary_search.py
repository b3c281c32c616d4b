# SPDX-License-Identifier: Apache-2.0
"""The search for canaries in all that a test session wrote: temporary folders, logs, databases, output.

A canary may be in the sample store and nowhere else. What was sent is searched where a test kept it
(``wire.log``). A PostgreSQL database is written out as text before it is dropped.
"""

from collections.abc import Iterable
from pathlib import Path

import psycopg
import pytest

from tests.fakes.canaries import all_canaries
from tests.referee.canary import Scanner

SAMPLE_STORE = "store.db"
"""Beginning of the names of the files where canaries live; its WAL has the same."""
MARK = "cnry"
"""What every canary begins with, so that most output is passed over by one look."""


def canaries_below(folder: Path) -> list[str]:
    """Return where canaries occur in the files below a folder, and what could not be looked through."""
    scanner, found = Scanner(enumerate(all_canaries(), 1)), list[str]()
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    searched = [path for path in files if not path.name.startswith(SAMPLE_STORE)]
    found += [finding.sentence() for finding in scanner.scan_paths(searched, found.append)]
    return found


def canaries_in_output(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return where canaries occur in what tests and the code under them wrote to output and logging."""
    scanner, found = Scanner(enumerate(all_canaries(), 1)), list[str]()
    for report in reports:
        for name, content in report.sections:
            if MARK in content.lower():
                where = f"{name} of {report.nodeid}"
                found += [finding.sentence() for finding in scanner.scan(content.encode(), where)]
    return found


def write_out(url: str, target: Path) -> None:
    """Write all rows of a PostgreSQL database as text; bytes come out as hexadecimal."""
    with psycopg.connect(url) as connection, target.open("w", encoding="utf-8", errors="surrogateescape") as file:
        tables = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            for (row,) in connection.execute(f"SELECT one::text FROM {table} AS one".encode()):  # noqa: S608
                file.write(f"{table} {row}\n")
