# SPDX-License-Identifier: Apache-2.0
"""A copy is consistent, whole, closed to others and known for ours."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, insert, update

from gateway.store import backup
from gateway.store.backup import (
    HEADER_BYTES,
    BackupUnusable,
    Header,
    Wanted,
    check_whole,
    dump,
    frames,
    header_of,
    n_rows,
)
from gateway.store.engine import Store, place_of
from gateway.store.schema import account, person_key, version

Damage = Callable[[bytes], bytes]


def digest(content: bytes) -> str:
    """Stand for the installation's key."""
    return sha256(b"ours" + content).hexdigest()


def wanted(base: str = "main", expires_us: int | None = None) -> Wanted:
    """Return what a copy is to say of itself."""
    return Wanted(base=base, installation="i", created_us=5, expires_us=expires_us, places={"i/n/cli": 3})


async def add(store: Store, n: int, first: int = 0) -> None:
    """Add accounts."""
    rows = [
        {"id": f"a_{place}", "name": f"n{place}", "kind": "person", "roles": "[]", "recipient": "own", "created_us": 1}
        for place in range(first, first + n)
    ]
    async with store.begin() as connection:
        await connection.execute(insert(account), rows)


def copied(place: str, tmp_path: Path, base: str = "main") -> tuple[Path, Header]:
    """Take a copy."""
    file = tmp_path / f"{base}.gwb"
    return file, dump(place, wanted(base), file, digest, lambda _n: None)


async def test_a_copy_says_what_it_holds(store: Store, place: str, tmp_path: Path) -> None:
    """Rows by table, revision, places in the logs; the keys of people are in a copy of their own."""
    await add(store, 3)
    async with store.keys.begin() as connection:
        await connection.execute(insert(person_key).values(number=4, wrapped=b"\0\xff", created_us=1))
    main, _ = copied(place, tmp_path)
    keys, _ = copied(place, tmp_path, "keys")

    header, of_keys = header_of(main, digest), header_of(keys, digest)
    assert (header.rows["account"], header.places, header.base) == (3, {"i/n/cli": 3}, "main")
    assert "person_key" not in header.rows
    assert of_keys.rows == {"person_key": 1}
    assert list(frames(keys)) == [("person_key", ["number", "wrapped", "created_us"], [[4, b"\0\xff", 1]])]
    assert main.stat().st_mode & 0o777 == 0o600
    assert n_rows(place, "keys") == 1


async def test_a_copy_is_of_one_moment(
    store: Store, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed while it is taken is not in it, in no table, and nobody waits for it."""
    await add(store, 5)
    monkeypatch.setattr(backup, "ROWS_A_FRAME", 2)
    url, _ = place_of(place, "main")
    engine = create_engine(url, poolclass=NullPool)
    told: list[int] = []

    def meanwhile(n: int) -> None:
        told.append(n)
        with engine.begin() as connection:
            later = {"kind": "person", "roles": "[]", "recipient": "own", "created_us": 1}
            connection.execute(insert(account).values(id=f"a_later{len(told)}", name=f"later{len(told)}", **later))
            connection.execute(update(version).values(value=version.c.value + 1))

    header = dump(place, wanted(), tmp_path / "main.gwb", digest, meanwhile)

    assert header.rows["account"] == 5
    held = {name: rows for name, _, rows in frames(tmp_path / "main.gwb")}
    assert {value for _, value in held["version"]} == {0}
    assert len(told) > 5, "there was something to wait for"


async def test_no_file_is_overwritten_and_none_is_left_half(store: Store, place: str, tmp_path: Path) -> None:
    """Neither by a second copy nor by one that fails."""
    del store
    file, _ = copied(place, tmp_path)
    content = file.read_bytes()
    with pytest.raises(FileExistsError):
        copied(place, tmp_path)
    assert file.read_bytes() == content

    def fail(_n: int) -> None:
        raise RuntimeError("the disk went away")

    with pytest.raises(RuntimeError):
        dump(place, wanted(), tmp_path / "other.gwb", digest, fail)
    assert not (tmp_path / "other.gwb").exists()


DAMAGES: dict[str, tuple[Damage, str]] = {
    "no backup": (lambda _raw: b"SQLite format 3\0" * 1000, "no backup of this program"),
    "empty": (lambda _raw: b"", "no backup of this program"),
    "newer": (lambda raw: raw.replace(b'"format":1', b'"format":9', 1), "format 9"),
    "longer life": (
        lambda raw: raw.replace(b'"expires_us":null', b'"expires_us":9000'[:17].ljust(17), 1),
        "not made by",
    ),
    "other rows": (lambda raw: raw.replace(b'"created_us":5', b'"created_us":6', 1), "not made by"),
    "changed": (lambda raw: raw[:-1] + bytes((raw[-1] ^ 1,)), "not whole"),
    "cut": (lambda raw: raw[:-1], "not whole"),
    "longer": (lambda raw: raw + b"\0", "not whole"),
    "headless": (lambda raw: raw[HEADER_BYTES:], "no backup of this program"),
}


@pytest.mark.parametrize("name", DAMAGES)
async def test_a_copy_that_was_changed_is_not_used(store: Store, place: str, tmp_path: Path, name: str) -> None:
    """Header or rows; nor one of another installation."""
    await add(store, 3)
    file, _ = copied(place, tmp_path)
    change, sentence = DAMAGES[name]
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(BackupUnusable, match=sentence):
        check_whole(file, header_of(file, digest))


async def test_a_copy_of_another_installation_is_not_used(store: Store, place: str, tmp_path: Path) -> None:
    """Its digest is under another key."""
    del store
    file, _ = copied(place, tmp_path)
    with pytest.raises(BackupUnusable, match="not made by this installation"):
        header_of(file, lambda content: sha256(b"theirs" + content).hexdigest())
