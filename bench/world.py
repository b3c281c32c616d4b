# SPDX-License-Identifier: Apache-2.0
"""The installation that the bench measures: one dataset of 8 fields, of which 2 leave as surrogates and 1 not at all.

The rules are the shipped ones with this dataset, purpose and role in place of the sample's. State and log
lie in a folder of the caller's choice: on a disk, or in memory.
"""

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path

from bench.processes import SERVER_CORES, Running, program, python
from gateway.app.installation import open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.domain.names import IdentityKind
from gateway.settings.loading import Settings

PURPOSE = "analytics.reporting.campaign_insights"
ROLE = "bench"
BY = "local:bench"
PATH = "/bench/customers"
EXPORT = "/bench/export"
"""As many rows as the store was told, in one answer."""
N_PEOPLE = 10_000
"""People of the store, all of them met before: fewer than the values that are remembered for a surrogate (16,384)."""

DATASET = """
dataset:
  - fides_key: bench
    name: What the bench reads
    collections:
      - name: customers
        gateway:
          subject: {identity: bench.customer_id, field: id}
          row: {region: country}
          routes:
            - method: GET
              path: /bench/customers
              operation: read
              answer: {kind: array}
              parameters:
                limit: {use: limit, most: 1000, default: 50}
            - method: GET
              path: /bench/export
              operation: read
              answer: {kind: array}
        fields:
          - {name: id, data_categories: [user.unique_id], gateway: {type: text, identifies: yes, surrogate: hmac}}
          - {name: email, data_categories: [user.contact.email], gateway: {type: text, identifies: yes, surrogate: hmac}}
          - {name: name, data_categories: [user.name], gateway: {type: text, identifies: yes}}
          - {name: country, data_categories: [user.contact.address.country], gateway: {type: text}}
          - {name: tier, data_categories: [user.behavior], gateway: {type: text}}
          - {name: points, data_categories: [user.behavior], gateway: {type: integer}}
          - {name: channel, data_categories: [user.behavior], gateway: {type: text}}
          - {name: visits, data_categories: [user.behavior], gateway: {type: integer}}
"""

PURPOSES = """
purposes:
  - key: analytics.reporting.campaign_insights
    title: {en: Learn from figures how campaigns do.}
    ground: legitimate_interests
    owner: marketing
    operations: [read]
    categories:
      - {category: user.unique_id, rung: drop, link: yes}
      - {category: user.contact.email, rung: drop, link: yes}
      - {category: user.contact.address.country, rung: reveal, link: yes}
      - {category: user.behavior, rung: reveal, link: yes}
"""

GRANTS = """# p, role, dataset, category, purpose, operation, rung, link, allow|deny, from, until
p, bench, bench, user.unique_id, analytics, read, drop, yes, allow, ,
p, bench, bench, user.contact.email, analytics, read, drop, yes, allow, ,
p, bench, bench, user.contact.address.country, analytics, read, reveal, yes, allow, ,
p, bench, bench, user.behavior, analytics, read, reveal, yes, allow, ,
"""


def identity(number: int) -> str:
    """Return the id of one of the store's people."""
    return f"c{number:08d}"


def more_grants(n: int) -> str:
    """Return so many lines of grants that speak of other roles and purposes, as a large organisation has."""
    lines = (
        f"p, team-{place}, bench, user.behavior, {_USES[place % len(_USES)]}, read, reveal, yes, allow, ,"
        for place in range(n)
    )
    return "\n".join(lines) + "\n" if n else ""


_USES = ("analytics", "analytics.reporting", PURPOSE)


def made(folder: Path, store_port: int, *, n_grants: int = 4) -> Settings:
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
    put_rules(settings, n_grants)
    return settings


def put_rules(settings: Settings, n_grants: int) -> None:
    """Write the rules of the bench over those that are shipped."""
    policies = settings.policies_dir
    for old in (*policies.glob("datasets/*.yaml"), *policies.glob("tests/*.yaml")):
        old.unlink()
    (policies / "datasets" / "bench.yaml").write_text(DATASET, encoding="utf-8")
    (policies / "purposes.yaml").write_text(PURPOSES, encoding="utf-8")
    (policies / "grants.csv").write_text(GRANTS + more_grants(n_grants - 4), encoding="utf-8")


async def _enrolled(settings: Settings) -> None:
    async with open_installation(settings, "cli") as rooms:
        # Whoever is met for the first time costs a transaction; what is measured is the life after that.
        await rooms.people.numbers(IdentityKind("bench.customer_id"), [identity(n) for n in range(N_PEOPLE)])
        await enrol_at_once(rooms, ROLE, "correct horse battery bench", roles=(ROLE,), recipient="own", by=BY)


async def _headers(settings: Settings) -> dict[str, str]:
    async with open_installation(settings, "cli") as rooms:
        bearer = await issue_locally(rooms, ROLE, signed_in_ago_us=0, by=BY)
    assert bearer is not None
    return {"Authorization": f"Bearer {bearer}", "Data-Purpose": PURPOSE, "Data-Reference": "bench"}


def enrol(settings: Settings) -> None:
    """Make the account of the bench, and let every person of the store have a number."""
    asyncio.run(_enrolled(settings))


def headers(settings: Settings) -> dict[str, str]:
    """Return the headers of the call, with a bearer that lasts five minutes."""
    return asyncio.run(_headers(settings))


def gateway(state: Path, *options: str, cores: str = SERVER_CORES) -> AbstractContextManager[Running]:
    """Run the gateway over an installation."""
    return program(python("-m", "gateway", "serve", "--state", str(state), *options), cores=cores)
