# SPDX-License-Identifier: Apache-2.0
"""The members of a loyalty programme, as the stores that are not ours hold them: 57 people, each with a canary."""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from tests.fakes.canaries import canary

N_MEMBERS = 57
COLUMNS: Mapping[str, str] = {
    "id": "text primary key",
    "name": "text",
    "email": "text",
    "birth_date": "text",
    "country": "text",
    "tier": "text",
    "points": "integer",
    "remarks": "text",
}
COUNTRIES, TIERS = ("DE", "FR", "NL", "PT"), ("bronze", "gold", "silver")

Member = Mapping[str, str | int]


def _member(number: int) -> Member:
    return {
        "id": f"m-{number:03}",
        "name": f'Ada, the {number}th ("Lo")',
        "email": f"ada.{number:03}@members.example",
        "birth_date": f"{1950 + number % 45}-0{1 + number % 9}-{10 + number % 18}",
        "country": COUNTRIES[number % 4],
        "tier": TIERS[number % 3],
        "points": number * 37 % 101,
        "remarks": f"wrote {canary(number, 'health_note')} by mail",
    }


MEMBERS = tuple(_member(number) for number in range(1, N_MEMBERS + 1))


def as_sqlite(path: Path) -> None:
    """Write the members into a SQLite file."""
    with sqlite3.connect(path) as connection:
        connection.execute(f"create table members ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
        marks = ", ".join(f":{name}" for name in COLUMNS)
        connection.executemany(f"insert into members values ({marks})", MEMBERS)  # noqa: S608 - columns of ours
    connection.close()


def as_json(path: Path) -> None:
    """Write the members into a file of json-server."""
    path.write_text(json.dumps({"members": MEMBERS}), "utf-8")
