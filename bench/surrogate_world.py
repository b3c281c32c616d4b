# SPDX-License-Identifier: Apache-2.0
"""The installation of the part ``surrogates``: rows of 8 fields, of which 7 leave, read with two surrogates or with none.

Every collection has the fields of ``bench.backend``, with a phone in place of the name; the one that says whom a row is about is read and does not leave,
and all its people have been met before. ``email`` and ``phone`` leave as surrogates of the collection's kind, or, in the
collections named ``plain-…``, as text that is what it is. Each collection has a route for each set of rows it reads.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from bench import world
from gateway.app.installation import open_installation
from gateway.app.making import enrol_at_once, make_installation
from gateway.domain.names import IdentityKind, JoinDomain
from gateway.settings.loading import Settings

KINDS: Mapping[str, str] = {
    "hmac": "surrogate: hmac",
    "siv": "surrogate: siv",
    "siv-at-rest": "at_rest: {{domain: bench.rest.{field}, kind: siv}}",
    "vault": "at_rest: {{domain: bench.vault.{field}, kind: vault}}",
}
"""By collection, how the two fields are declared."""
PLAIN = "plain"
SETS = ("warm", "cold", "new")
"""Of rows: values that were met a moment ago, values that never were, and values in clear that never were."""
MAILS, PHONES = JoinDomain("bench.rest.email"), JoinDomain("bench.rest.phone")

_COLLECTION = """
      - name: {name}
        gateway:
          subject: {{identity: bench.customer_id, field: id}}
          row: {{region: country}}
          routes:
{routes}
        fields:
          - {{name: id, data_categories: [user.unique_id], gateway: {{type: text, identifies: yes, surrogate: hmac}}}}
          - {{name: email, data_categories: [{mail}], gateway: {{type: text, {email}}}}}
          - {{name: phone, data_categories: [{number}], gateway: {{type: text, {phone}}}}}
          - {{name: country, data_categories: [user.contact.address.country], gateway: {{type: text}}}}
          - {{name: tier, data_categories: [user.behavior], gateway: {{type: text}}}}
          - {{name: points, data_categories: [user.behavior], gateway: {{type: integer}}}}
          - {{name: channel, data_categories: [user.behavior], gateway: {{type: text}}}}
          - {{name: visits, data_categories: [user.behavior], gateway: {{type: integer}}}}
"""
_ROUTE = """            - method: GET
              path: /bench/{name}/{rows}
              operation: read
              answer: {{kind: array}}
              parameters:
                limit: {{use: limit, most: 1000, default: 50}}"""

_PURPOSES = f"""
purposes:
  - key: {world.PURPOSE}
    title: {{en: What the bench is for.}}
    ground: legitimate_interests
    owner: bench
    operations: [read]
    categories:
      - {{category: user.contact.email, rung: drop, link: yes}}
      - {{category: user.contact.phone_number, rung: drop, link: yes}}
      - {{category: user.contact.address.country, rung: reveal, link: yes}}
      - {{category: user.behavior, rung: reveal, link: yes}}
"""
_GRANTS = """
p, bench, bench, user.contact.email, analytics, read, drop, yes, allow, ,
p, bench, bench, user.contact.phone_number, analytics, read, drop, yes, allow, ,
p, bench, bench, user.contact.address.country, analytics, read, reveal, yes, allow, ,
p, bench, bench, user.behavior, analytics, read, reveal, yes, allow, ,
"""


def plain_of(kind: str) -> str:
    """Return the collection that reads what one of a kind reads, and shows it."""
    return f"{PLAIN}-{kind}"


def _dataset() -> str:
    return "dataset:\n  - fides_key: bench\n    name: What the bench reads\n    collections:" + "".join(
        _collection(kind, shown=shown) for kind in KINDS for shown in (False, True)
    )


def _collection(kind: str, *, shown: bool) -> str:
    name = plain_of(kind) if shown else kind
    declared = {field: f"identifies: yes, {KINDS[kind].format(field=field)}" for field in ("email", "phone")}
    return _COLLECTION.format(
        name=name,
        routes="\n".join(_ROUTE.format(name=name, rows=rows) for rows in SETS),
        mail="user.behavior" if shown else "user.contact.email",
        number="user.behavior" if shown else "user.contact.phone_number",
        email="form: text" if shown else declared["email"],
        phone="form: text" if shown else declared["phone"],
    )


def made(folder: Path, store_port: int) -> Settings:
    """Make the installation before a store and return its settings."""
    settings = make_installation(
        folder,
        {
            "installation": "bench",
            "listen": {"port": 0},
            "stores": {"bench": {"base_url": f"http://127.0.0.1:{store_port}", "connections": 64}},
            "passwords": {"memory_kib": 64, "time_cost": 1},
            "log": {"least_free_bytes": 0, "least_free_percent": 0},
        },
    )
    world.put_rules(settings, 4)
    for name, text in {"datasets/bench.yaml": _dataset(), "purposes.yaml": _PURPOSES, "grants.csv": _GRANTS}.items():
        (settings.policies_dir / name).write_text(text, encoding="utf-8")
    return settings


def enrol(settings: Settings) -> None:
    """Make the account of the bench, and let every person of the store have a number."""
    asyncio.run(_enrolled(settings))


async def _enrolled(settings: Settings) -> None:
    async with open_installation(settings, "cli") as rooms:
        people = [world.identity(number) for number in range(world.N_PEOPLE)]
        await rooms.people.numbers(IdentityKind("bench.customer_id"), people)
        await enrol_at_once(
            rooms, world.ROLE, "correct horse battery bench", roles=(world.ROLE,), recipient="own", by=world.BY
        )
