# SPDX-License-Identifier: Apache-2.0
"""How long a reveal of 10,000 surrogates takes over a real socket, with everything that a call does, on SQLite.

One field says whom a row is about, one is of a vault; each person has one of both. Each call is measured from the
first byte sent to the last byte read: sign-in, decision, opening, people, choices, budgets, a durable entry, answer. The
processor time that the gateway's processes used is told beside it: what a machine does that does nothing else.

With ``--timing``, instead: Welch's t between the times that kinds of surrogates take that are nobody's, each opened by
itself: made for another purpose, changed in one digit, drawn by chance, of a version that there is not. Below 4.5 there is
nothing to be told (threats-and-scorecard.md, attack 20).

    python -m bench.reveal [--json] [--rounds N] [--surrogates N] [--folder DIRECTORY] [--timing]
"""

import argparse
import asyncio
import http.client
import json
import random
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import world
from gateway.app.installation import Rooms, open_installation
from gateway.app.joins import SurrogateKeyring
from gateway.app.keyring import make_keyring
from gateway.app.making import enrol_at_once, make_installation
from gateway.domain.catalog import FieldSpec, FieldType, Form, SurrogateKind
from gateway.domain.names import CategoryKey, FieldName, IdentityKind, JoinDomain
from gateway.domain.treatment import ChainName
from gateway.keys import envelope
from gateway.settings.loading import Settings
from gateway.store.vault import Vault
from gateway.transform.inner import NORMAL, TOKEN, filled
from gateway.transform.normalise import SPELLINGS
from gateway.transform.opening import Opening
from gateway.transform.outgoing import label_of, siv_of

PURPOSE = world.PURPOSE
_TURNED = str.maketrans("0f", "f0")
VAULT = JoinDomain("bench.phones")
IDS = JoinDomain("bench.ids")

DATASET = """
dataset:
  - fides_key: bench
    name: What the bench reveals
    collections:
      - name: customers
        gateway:
          subject: {identity: bench.customer_id, field: id}
          routes:
            - {method: GET, path: /bench/customers, operation: read, answer: {kind: array}}
        fields:
          - {name: id, data_categories: [user.unique_id], gateway: {type: text, identifies: yes, join_domain: bench.ids}}
          - name: phone
            data_categories: [user.contact.phone_number]
            gateway: {type: text, identifies: yes, at_rest: {domain: bench.phones, kind: vault}}
"""
PURPOSES = """
purposes:
  - key: analytics.reporting.campaign_insights
    title: {en: What the bench is for.}
    ground: legitimate_interests
    owner: bench
    operations: [read, reveal]
    reveal: {second_person_above: 1000000000}
    budgets:
      - {people: 1000000, hours: 24}
      - {rows: 1000000000, hours: 24}
    categories:
      - {category: user, rung: reveal, link: yes}
"""
GRANTS = """
p, bench, bench, user, analytics, read, drop, yes, allow, ,
p, bench, bench, user, analytics, reveal, reveal, yes, allow, ,
"""


def made(folder: Path) -> Settings:
    """Return the settings of an installation with the rules of this bench; its store is never asked."""
    content = {
        "installation": "bench",
        "listen": {"port": 0},
        "stores": {"bench": {"base_url": "http://127.0.0.1:9"}},
        "passwords": {"memory_kib": 64, "time_cost": 1},
        "log": {"least_free_bytes": 0, "least_free_percent": 0},
    }
    settings = make_installation(folder, content)
    world.put_rules(settings, 4)
    for name, text in {"datasets/bench.yaml": DATASET, "purposes.yaml": PURPOSES, "grants.csv": GRANTS}.items():
        (settings.policies_dir / name).write_text(text, encoding="utf-8")
    return settings


async def filled_up(settings: Settings, n: int) -> dict[str, list[str]]:
    """Let there be so many people with a phone each, and return the surrogates of both fields."""
    async with open_installation(settings, "cli") as rooms:
        await enrol_at_once(
            rooms, world.ROLE, "correct horse battery bench", roles=(world.ROLE,), recipient="own", by=world.BY
        )
        ids = [world.identity(place) for place in range(n)]
        people = await rooms.people.numbers(IdentityKind("bench.customer_id"), ids)
        phones = [SPELLINGS[Form.PHONE](f"+49151{place:08d}", None) or "" for place in range(n)]
        tokens = await Vault(rooms.store, rooms.keyring, envelope).tokens(VAULT, phones, people)
        return {
            "id": _outgoing(rooms, IDS, [NORMAL + one.encode() for one in ids]),
            "phone": _outgoing(rooms, VAULT, [TOKEN + one for one in tokens]),
        }


def _outgoing(rooms: Rooms, domain: JoinDomain, forms: Sequence[bytes]) -> list[str]:
    key = SurrogateKeyring(rooms.keyring).current(label_of(domain))
    siv = siv_of(key, (PURPOSE, "own"))
    return [f"sv{key.version}_{siv.seal(filled(form)).hex()}" for form in forms]


def once(port: int, headers: dict[str, str], field: str, surrogates: Sequence[str]) -> tuple[float, int]:
    """Return the milliseconds of one reveal, and how many values came back."""
    body = json.dumps({"dataset": "bench.customers", "field": field, "surrogates": list(surrogates)})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        started_s = time.perf_counter()
        connection.request("POST", "/-/surrogates/reveal", body, {**headers, "Content-Type": "application/json"})
        answer = connection.getresponse()
        raw = answer.read()
        took_ms = (time.perf_counter() - started_s) * 1_000
    finally:
        connection.close()
    if answer.status != 200:
        raise SystemExit(f"{answer.status}: {raw[:500]!r}")
    return took_ms, sum("value" in one for one in json.loads(raw)["values"])


def figures(folder: Path, n: int, rounds: int) -> dict[str, float]:
    """Measure and return milliseconds by name: the median, and the first call of a fresh process."""
    settings, found = made(folder / "state"), dict[str, float]()
    shown = asyncio.run(filled_up(settings, n))
    headers = world.headers(settings)
    strangers = ["sv1_" + f"{place:096x}" for place in range(n)]
    with world.gateway(settings.state) as running:
        for field, texts in shown.items():
            took = [once(running.port, headers, field, texts)]
            before_s = running.cpu_s()
            took += [once(running.port, headers, field, texts) for _ in range(rounds)]
            used_ms = (running.cpu_s() - before_s) * 1_000 / rounds
            if any(n_values != n for _, n_values in took):
                raise SystemExit(f"not all values of {field} came back")
            found[f"{n} of {field}, first call, ms"] = took[0][0]
            found[f"{n} of {field}, ms"] = statistics.median(ms for ms, _ in took[1:])
            found[f"{n} of {field}, processor ms"] = used_ms
        took = [once(running.port, headers, "id", strangers) for _ in range(rounds)]
        found[f"{n} that are nobody's, ms"] = statistics.median(ms for ms, _ in took)
    return found


def timings(folder: Path, pairs: int) -> dict[str, float]:
    """Return Welch's t of each kind of miss against those that were made for another purpose."""
    settings = made(folder / "state")
    settings_keys = SurrogateKeyring(make_keyring(settings))
    key = settings_keys.current(label_of(IDS))
    spec = FieldSpec(
        name=FieldName("id"), type=FieldType.TEXT, categories=(CategoryKey("user"),), chain=ChainName("text"),
        form=Form.TEXT, surrogate=SurrogateKind.SIV, join_domain=IDS,
    )  # fmt: skip
    opening, own, other = (
        Opening(settings_keys, spec, (PURPOSE, "own")),
        siv_of(key, (PURPOSE, "own")),
        siv_of(key, ("x", "own")),
    )
    kinds: dict[str, Callable[[int], str]] = {
        "of another purpose": lambda n: "sv1_" + other.seal(filled(b"n%d" % n)).hex(),
        "changed": lambda n: "sv1_" + own.seal(filled(b"n%d" % n)).hex().translate(_TURNED),
        "by chance": lambda _n: "sv1_" + secrets.token_hex(48),
        "of no version": lambda _n: "sv7_" + secrets.token_hex(48),
    }
    texts = {kind: [[make(place)] for place in range(pairs)] for kind, make in kinds.items()}
    took: dict[str, list[int]] = {kind: [] for kind in kinds}
    for place in range(pairs):
        for kind in random.sample(list(kinds), len(kinds)):
            one = texts[kind][place]
            started = time.perf_counter_ns()
            opening.forms(one)
            took[kind].append(time.perf_counter_ns() - started)
    base = _middle(took.pop("of another purpose"))
    return {f"t of those {kind}": _welch(_middle(each), base) for kind, each in took.items()}


def _middle(took: list[int]) -> list[int]:
    """Return the times without the slowest twentieth, which the machine was busy in."""
    return sorted(took)[: len(took) * 19 // 20]


def _welch(one: list[int], other: list[int]) -> float:
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return float((statistics.fmean(one) - statistics.fmean(other)) / spread**0.5)


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--surrogates", type=int, default=10_000)
    options.add_argument("--folder", type=Path, default=None, help="where the installation is made; on a disk")
    options.add_argument("--timing", action="store_true", help="tell kinds of misses apart by their time")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        of = Path(folder)
        found = timings(of, 50_000) if chosen.timing else figures(of, chosen.surrogates, chosen.rounds)
    if chosen.json:
        json.dump({name: round(figure, 1) for name, figure in found.items()}, sys.stdout, indent=2)
        print()
        return
    for name, figure in found.items():
        print(f"{name:<44} {figure:>10,.1f}")


if __name__ == "__main__":
    main()
