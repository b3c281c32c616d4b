# SPDX-License-Identifier: Apache-2.0
"""A night's messages: a service without a human sends to everybody by surrogates, while much changes around it.

Before each call some of its people object, withdraw, turn out to be minors, are erased, leave the store or come to share
their address with somebody who agreed to nothing; some calls go under a mandate for one country. Who may be reached is
computed apart, from the store's file and the test's own list of choices. What a real mail server, or a mail API, got is
held against that, row by row and call by call, and every byte that the service received is looked through.
"""

import asyncio
import base64
import re
import sqlite3
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

import pytest

from gateway.demo.people import Customer, people
from gateway.demo.tables import make
from gateway.domain.choice import ChoiceState
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from gateway.transform.identifying import identifiers_of
from tests.fakes.certificates import Authority
from tests.fakes.mail import mail_api, mail_box
from tests.fakes.sending import Sender, a_mandate, a_sender, message
from tests.referee.numbers import MESSAGES
from tests.referee.report import ROWS
from tests.story.conftest import EMAIL, TODAY, Reply, World, settings, store_port, world

__all__ = ["settings", "store_port", "world"]

pytestmark = [pytest.mark.alone, pytest.mark.referee]

N_MESSAGES = MESSAGES.of(referee=True)
N_TRIED = N_MESSAGES * 5 // 4
"""So many are handed in that so many can be sent, whatever changes meanwhile."""
N_PEOPLE = N_MESSAGES * 2 + 200
"""Enough of any number: two in three or so agreed and are of age."""
AT_ONCE = 400
"""Messages of a call, beside those that are none."""
MOST_TRIES = 60
NARROW_EVERY = 10
"""One call of so many goes under the mandate for one country."""
OF_AGE = 18
AT_SIGN = re.compile(rb"[\w.+-]+(?:@|%40|\\u0040|&#64;|&commat;)[\w.-]+", re.IGNORECASE)
WORD = re.compile(rb"[A-Za-z0-9._+/=-]{6,}")


class Carrier(Protocol):
    """What the messages come to: a mail server or a mail API."""

    port: int

    @property
    def reached(self) -> list[str]:
        """Return the addresses of all messages, in order."""


class Ledger:
    """Who may be written to, computed apart: from the store's file, and from every choice that was made."""

    def __init__(self, crowd: Sequence[Customer], store_file: Path) -> None:
        """Begin with what everybody chose before."""
        self._file = store_file
        self._chosen = {one.id: [(str(c.purpose), c.state, c.at_us) for c in one.choices] for one in crowd}
        self.erased = set[str]()

    def choose(self, person: str, state: ChoiceState) -> None:
        """Note a choice that is newer than all others."""
        self._chosen.setdefault(person, []).append((EMAIL, state, 2**62))

    def causes(self, country: str | None) -> dict[str, str]:
        """Return for each address of the store why nobody may be written to there; empty for one that may be."""
        found: dict[str, set[str]] = {}
        with closing(sqlite3.connect(self._file)) as store:
            for person, mail, born, lives in store.execute("SELECT id, email, birth_date, country FROM customers"):
                found.setdefault(mail.lower(), set()).add(self._cause(person, born, lives, country))
        return {mail: next(iter(sorted(causes - {""})), "") for mail, causes in found.items()}

    def _cause(self, person: str, born: str | None, lives: str, country: str | None) -> str:
        if country is not None and lives != country:
            return "not-recognised"
        if person in self.erased:
            return "erased"
        about = [one for one in self._chosen.get(person, []) if one[0] == EMAIL or EMAIL.startswith(one[0] + ".")]
        latest = max(about, key=lambda one: (one[2], one[1] is not ChoiceState.GIVEN), default=None)
        if latest is None or latest[1] is not ChoiceState.GIVEN:
            return "choice"
        return "" if born is not None and _years(date.fromisoformat(born)) >= OF_AGE else "age"


def _years(born: date) -> int:
    now = datetime.now(UTC).date()
    return now.year - born.year - ((now.month, now.day) < (born.month, born.day))


@pytest.fixture(scope="session")
def crowd() -> list[Customer]:
    """People enough that so many of them agreed and are of age."""
    return list(people(None, N_PEOPLE, today=TODAY))


@pytest.fixture
def store_file(crowd: list[Customer], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a sample store with these people, which a test may write to."""
    path = tmp_path_factory.mktemp("sample-store") / "store.db"
    make(path, crowd)
    return path


@pytest.fixture(params=["http", "smtp"])
async def carrier(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Carrier]:
    """A mail API, or a mail server over TLS, that takes what it is given."""
    if request.param == "http":
        async with mail_api() as api:
            yield api
        return
    authority, context = Authority("mail authority"), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "mail-ca.pem").write_bytes(authority.pem)
    context.load_cert_chain(authority.issue("127.0.0.1").file(tmp_path / "mail-own.pem"))
    async with mail_box(tls_context=context, require_starttls=True) as box:
        yield box


@pytest.fixture(name="settings")
def with_mailer(settings: Settings, carrier: Carrier, tmp_path: Path) -> Settings:
    """The settings of a story, with the carrier beside the stores."""
    mailer = StoreSettings(base_url=f"http://127.0.0.1:{carrier.port}", read_s=30)
    if (tmp_path / "mail-ca.pem").exists():
        mailer = StoreSettings(
            base_url=f"smtp://127.0.0.1:{carrier.port}", kind="smtp", tls="starttls", sender="news@trading.example",
            ca_file=tmp_path / "mail-ca.pem", read_s=30,
        )  # fmt: skip
    return settings.model_copy(update={"stores": {**settings.stores, "mailer": mailer}})


async def patiently(ask: Callable[[], Awaitable[Reply]]) -> Reply:
    """Return an answer; a gateway that says that it is busy, of which nothing was done, is asked again."""
    reply = await ask()
    for _ in range(MOST_TRIES):
        if reply.status != 503:
            break
        await asyncio.sleep(1)
        reply = await ask()
    return reply


async def surrogates(sender: Sender) -> list[str]:
    """Return the surrogates of the addresses of so many people, page by page, in the order of the store."""
    found: list[str] = []
    for offset in range(0, N_PEOPLE, 1_000):
        path = f"/crm/customers?limit=1000&offset={offset}&fields=email"
        page = await patiently(lambda path=path: sender.read(path))  # type: ignore[misc]
        found += [row["email"] for row in page.json["items"]]
        if len(found) >= N_TRIED:
            return found[:N_TRIED]
    raise AssertionError(f"only {len(found)} people may be written to")


async def sent(sender: Sender, messages: Sequence[dict[str, str]]) -> dict[str, str]:
    """Send as a service does that means to be done by morning, and return by key why some went to nobody.

    What certainly did not go, because the gateway was busy or the call was stopped, is sent again. So is all of a call
    whose answer does not come: its keys tell what it came to, once it is over.
    """
    causes, left, is_again = dict[str, str](), list(messages), False
    for _ in range(MOST_TRIES):
        try:
            reply = await patiently(lambda some=left: sender.send(some))  # type: ignore[misc]
        except TimeoutError:
            is_again = True
            continue
        assert reply.status == 200, reply.body
        told = {left[row["row"]]["id"]: row["cause"] for row in reply.json["rows"]}
        assert reply.json["sent"] == len(left) - len(told)
        waits = {"stopped", "unknown"} if is_again else {"stopped"}
        known = waits | {"sent-before"} if is_again else waits
        causes |= {key: cause for key, cause in told.items() if cause not in known}
        left = [one for one in left if told.get(one["id"]) in waits]
        if not left:
            return causes
        await asyncio.sleep(1)
    raise AssertionError(f"{len(left)} messages are left after {MOST_TRIES} tries")


async def unsettle(world: World, ledger: Ledger, store_file: Path, some: Sequence[Customer], n: int) -> None:
    """Let things change for a few of the people of the next call."""
    left = iter(some)
    for state in (ChoiceState.OBJECTED,) * 5 + (ChoiceState.WITHDRAWN,) * 2:
        one = next(left)
        await world.choose(one.id, EMAIL, state)
        ledger.choose(one.id, state)
    await erase(world, ledger, [next(left).id for _ in range(2)], n)
    minor, unknown, gone, shared = (next(left) for _ in range(4))
    with closing(sqlite3.connect(store_file)) as store, store:
        store.execute("UPDATE customers SET birth_date = ? WHERE id = ?", (f"{TODAY.year - 10}-01-01", minor.id))
        store.execute("UPDATE customers SET birth_date = NULL WHERE id = ?", (unknown.id,))
        store.execute("DELETE FROM customers WHERE id = ?", (gone.id,))
        _add(store, shared.id, f"c-family-{n}")


def _add(store: sqlite3.Connection, person: str, other: str) -> None:
    """Add somebody who is as a person, but for the id."""
    found = store.execute("SELECT * FROM customers WHERE id = ?", (person,))
    row = dict(zip((name for name, *_ in found.description), found.fetchone(), strict=True)) | {"id": other}
    # What the store makes of the other columns itself.
    del row["json"]
    names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
    store.execute(f"INSERT INTO customers ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608 - no input


async def erase(world: World, ledger: Ledger, ids: Sequence[str], n: int) -> None:
    """Let the gateway know people as erased whose rows the store has still."""
    found = world.rooms.policy.decider.rules.catalog.collections
    collection = next(one for name, one in found.items() if name == "crm.customers")
    assert collection.subject is not None
    for place, one in enumerate(ids):
        known_by = identifiers_of(collection, {collection.subject.field: one})
        tombstones = world.rooms.tombstones
        await tombstones.set(f"t_{n}_{place}", tombstones.digests(known_by), world.rooms.clock())
        ledger.erased.add(one)


def in_any_form(addresses: Iterable[str]) -> set[bytes]:
    """Return addresses, and what stands left of the ``@``, as they could stand in a text: plain, in hex, in base64."""
    found = set[bytes]()
    for one in addresses:
        for said in (one, one.lower(), one.partition("@")[0].lower()):
            raw = said.encode()
            found |= {raw, raw.hex().encode(), base64.b64encode(raw), base64.urlsafe_b64encode(raw).rstrip(b"=")}
    return found


async def test_a_night_of_messages_reaches_exactly_the_permitted_people(
    world: World, carrier: Carrier, crowd: list[Customer], store_file: Path, request: pytest.FixtureRequest
) -> None:
    """Once each, call by call; why each of the others was left out; and the sender never saw an address."""
    sender, ledger = await a_sender(world), Ledger(crowd, store_file)
    wide, narrow = sender.mandate, await a_mandate(world, conditions=(("country", "DE"),))
    causes = ledger.causes(None)
    permitted = [one for one in crowd if causes[one.email.lower()] == ""]
    known = await surrogates(sender)
    assert len(permitted) >= len(known)
    told, began_s, n_before = Counter[str](), time.monotonic(), 0
    for n, first in enumerate(range(0, N_TRIED, AT_ONCE)):
        some = permitted[first : min(first + AT_ONCE, N_TRIED)]
        if len(some) > 20:
            await unsettle(world, ledger, store_file, some, n)
        sender.mandate, country = (narrow, "DE") if n % NARROW_EVERY == 3 else (wide, None)
        messages = [message(address, f"n{first + m}") for m, address in enumerate(known[first : first + len(some)])]
        none = [some[-1].email, "sv1_" + "0" * 96, "sh1_" + "1" * 48]
        messages += [message(address, f"none-{n}-{m}") for m, address in enumerate(none)]
        causes = ledger.causes(country)
        wanted = {one.email.lower(): causes.get(one.email.lower(), "not-recognised") for one in some}
        expected = {f"n{first + m}": cause for m, cause in enumerate(wanted.values()) if cause}
        expected |= {f"none-{n}-{m}": "not-recognised" for m in range(len(none))}
        assert await sent(sender, messages) == expected
        reached = carrier.reached[n_before:]
        n_before += len(reached)
        assert Counter(reached) == Counter(mail for mail, cause in wanted.items() if not cause)
        told.update(expected.values())
    took_s = time.monotonic() - began_s
    assert n_before >= N_MESSAGES
    assert {"choice", "age", "erased", "not-recognised"} == set(told)
    heard = bytes(sender.received)
    assert not AT_SIGN.search(heard)
    secret = in_any_form(one.email for one in crowd)
    assert not secret & set(WORD.findall(heard.lower()))
    assert not secret & set(WORD.findall(heard))
    log = b"".join(path.read_bytes() for path in sorted(world.state.glob("log/**/*")) if path.is_file())
    assert not secret & {found.lower() for found in AT_SIGN.findall(log)}
    assert world.verdict().is_right
    left_out = ", ".join(f"{cause} {n}" for cause, n in sorted(told.items()))
    summary = f"{n_before} reached once, as computed apart; {left_out}; {len(heard)} bytes heard, 0 addresses"
    ROWS.append((f"{N_MESSAGES} messages, {request.node.callspec.id}", f"{summary}; {took_s:.0f} s"))
