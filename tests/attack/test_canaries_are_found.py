# SPDX-License-Identifier: Apache-2.0
"""Attack on our own search: a value that must not be written is written, and the session must fail."""

import base64
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Insert

from gateway.store.engine import Store
from gateway.store.schema import meta, person_key
from tests.conftest import libpq_url, run_on_server
from tests.fakes.canaries import all_canaries, canary
from tests.fakes.canary_search import canaries_below, canaries_in_output, write_out
from tests.fakes.seeded import files_below, findings, mail, phone, written_out

ROOT = Path(__file__).parents[2]
VALUE = canary(7, "religion")


@pytest.fixture
def apart() -> Iterator[Path]:
    """A folder outside of what the session is searched for, since canaries are written to it."""
    with tempfile.TemporaryDirectory(prefix="canaries-") as name:
        yield Path(name)


@pytest.mark.parametrize(
    "content",
    [VALUE.encode(), VALUE.upper().encode(), VALUE.encode("utf-16-le"), base64.b64encode(b"x" + VALUE.encode()), VALUE.encode().hex().encode()],
    ids=["plain", "upper case", "utf-16", "base64", "hex"],
)  # fmt: skip
def test_a_canary_in_a_file_is_found_in_any_spelling(apart: Path, content: bytes) -> None:
    """The file is named, the value is not."""
    (apart / "state").mkdir()
    (apart / "state" / "gateway.db-wal").write_bytes(b"\x00" * 99 + content + b"\x00")
    found = canaries_below(apart)
    assert found
    assert all("gateway.db-wal" in sentence and VALUE not in sentence for sentence in found)


def test_the_sample_store_alone_may_hold_canaries(apart: Path) -> None:
    """Its file and its WAL are passed over; a file beside them is not."""
    for name in ("store.db", "store.db-wal"):
        (apart / name).write_text(VALUE)
    assert canaries_below(apart) == []
    (apart / "restore.db").write_text(VALUE)
    assert len(canaries_below(apart)) == 1


def test_a_canary_in_output_is_found() -> None:
    """What a test printed, and what the code under it logged."""
    report = pytest.TestReport("test_x", ("", 0, ""), {}, "passed", None, "call", [("Captured stdout call", VALUE)])
    quiet = pytest.TestReport("test_y", ("", 0, ""), {}, "passed", None, "call", [("Captured stdout call", "ok")])
    [sentence] = canaries_in_output([quiet, report])
    assert "test_x" in sentence


def test_a_canary_in_a_row_is_found(apart: Path) -> None:
    """Rows of PostgreSQL are searched as text, bytes too."""
    if "GATEWAY_TEST_POSTGRES" not in os.environ:
        pytest.skip("set GATEWAY_TEST_POSTGRES")
    name = f"gateway_canary_{os.getpid()}"
    run_on_server(f'CREATE DATABASE "{name}"')
    try:
        with psycopg.connect(libpq_url(name), autocommit=True) as connection:
            connection.execute("CREATE TABLE told (plain text, raw bytea)")
            connection.execute("INSERT INTO told VALUES (%s, %s)", (VALUE, canary(8, "religion").encode()))
        write_out(libpq_url(name), apart / "postgres.txt")
    finally:
        run_on_server(f'DROP DATABASE "{name}" WITH (FORCE)')
    assert len(canaries_below(apart)) == 2


@pytest.mark.parametrize(
    "row",
    [
        meta.insert().values(key="told", value=f"to {mail(7)}"),
        person_key.insert().values(number=1, wrapped=phone(7).encode(), created_us=0),
    ],
    ids=["text in the main base", "bytes in the base of keys"],
)
async def test_a_value_of_a_person_in_a_table_is_found(store: Store, place: str, apart: Path, row: Insert) -> None:
    """Of either base, on both engines, in a write-ahead log as well; and nothing was found before."""
    folder = [] if "://" in place else [Path(place)]
    written_out(apart, place, apart)
    assert findings(files_below(apart, *folder)) == []
    async with (store.main if row.table is meta else store.keys).begin() as connection:
        await connection.execute(row)
    written_out(apart, place, apart)
    assert findings(files_below(apart, *folder))


def test_a_value_of_a_person_in_what_was_said_is_found(apart: Path) -> None:
    """In remarks, a refusal, a scrape, a certificate: each in a file of its own, and none of them passes for another."""
    names = ("printed.txt", "refused.txt", "metrics.txt", "erased.md", "received.bin")
    for number, one in enumerate(names):
        (apart / one).write_text(f"of {mail(number).upper()}")
    found = findings(files_below(apart))
    assert {one for one in names if not [sentence for sentence in found if one in sentence]} == set()
    assert not [sentence for sentence in found if "kanarie" in sentence.lower()]


@pytest.mark.parametrize(("written", "status"), [(VALUE, 1), ("nothing", 0)], ids=["a canary", "nothing"])
def test_a_session_that_wrote_a_canary_fails(apart: Path, written: str, status: int) -> None:
    """Though each of its tests passed; the file is named at the end."""
    (apart / "conftest.py").write_text("from tests.conftest import *\nfrom tests.conftest import _reports\n")
    (apart / "test_leak.py").write_text(
        f"def test_a_leak(tmp_path):\n    (tmp_path / 'leak.txt').write_text({written!r})\n"
    )
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={apart / 'base'}")
    done = subprocess.run(
        [*command, f"--rootdir={apart}", "-c", os.devnull, "--import-mode=importlib", str(apart / "test_leak.py")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == status
    assert ("leak.txt" in done.stdout) == (status == 1)
    assert VALUE not in done.stdout


def test_canaries_are_told_apart() -> None:
    """Each is of its own field and person, and long enough not to be found by chance."""
    assert len(set(all_canaries())) == len(all_canaries()) == 300
    assert min(map(len, all_canaries())) >= 24
