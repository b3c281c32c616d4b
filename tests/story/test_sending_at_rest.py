# SPDX-License-Identifier: Apache-2.0
"""Messages to people whose addresses no store holds: at rest there is a surrogate, and only the carrier gets the address."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.app.joins import SurrogateKeyring
from gateway.demo.people import Customer
from gateway.domain.catalog import Form
from gateway.domain.names import JoinDomain
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from gateway.transform.at_rest import Stored
from gateway.transform.identifying import identifiers_of
from gateway.transform.normalise import SPELLINGS
from gateway.transform.vaulted import spelled, stored_text
from tests.fakes.mail import MailApi, mail_api
from tests.fakes.sending import Sender, a_sender, message
from tests.story.conftest import CUSTOMER, World

DOMAIN = JoinDomain("addresses")
FIELD = "data_categories: [user.contact.email]\n            fides_meta: {data_type: string}\n            gateway: {identifies: yes"


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
async def api() -> AsyncIterator[MailApi]:
    """A mail API that takes what it is given."""
    async with mail_api() as api:
        yield api


@pytest.fixture(params=["siv", "vault"])
def kind(request: pytest.FixtureRequest) -> str:
    """What the store holds in an address's place."""
    return str(request.param)


@pytest.fixture
def settings(settings: Settings, api: MailApi, kind: str) -> Settings:
    """The settings of a story whose addresses are at rest, with a mail API beside the stores."""
    dataset = settings.policies_dir / "datasets" / "crm.yaml"
    text = dataset.read_text()
    assert FIELD in text
    dataset.write_text(text.replace(FIELD, f"{FIELD}, at_rest: {{domain: {DOMAIN}, kind: {kind}}}"))
    mailer = StoreSettings(base_url=f"http://127.0.0.1:{api.port}", read_s=5)
    return settings.model_copy(update={"stores": {**settings.stores, "mailer": mailer}})


async def at_rest(world: World, crowd: list[Customer], kind: str) -> list[str]:
    """Return what the store is to hold in the place of each address."""
    if kind == "siv":
        stored = Stored(SurrogateKeyring(world.rooms.keyring), DOMAIN)
        return [str(stored.sealed(SPELLINGS[Form.EMAIL], one.email)) for one in crowd]
    collection = world.rooms.policy.decider.rules.catalog.collections
    spec = collection["crm.customers"].field("email")  # type: ignore[index]
    assert spec is not None
    values = [str(spelled(spec, one.email)) for one in crowd]
    people = await world.rooms.people.numbers(CUSTOMER, [one.id for one in crowd])
    return [stored_text(token) for token in await world.rooms.vault.tokens(DOMAIN, values, people)]


@pytest.fixture
async def sender(world: World, store_file: Path, crowd: list[Customer], kind: str) -> Sender:
    """A service with a mandate, before a store without addresses."""
    held = await at_rest(world, crowd, kind)
    with closing(sqlite3.connect(store_file)) as store, store:
        store.executemany(
            "UPDATE customers SET email = ? WHERE id = ?", zip(held, (one.id for one in crowd), strict=True)
        )
    assert "@" not in str((await world.straight("/crm/customers?limit=5"))["items"][0]["email"])
    return await a_sender(world)


async def test_the_carrier_gets_addresses_that_no_store_holds(
    world: World, sender: Sender, api: MailApi, crowd: list[Customer]
) -> None:
    """And the sender gets neither the address nor what the store holds."""
    known = (await sender.surrogates())[:100]
    reply = await sender.send([message(address, f"r{n}") for n, (_, address) in enumerate(known)])
    assert reply.json == {"sent": 100, "rows": []}
    assert set(api.reached) <= {one.email.lower() for one in crowd}
    assert len(set(api.reached)) == 100
    heard = bytes(sender.received)
    assert not [to for to in api.reached if to.encode() in heard]
    assert b"as1_" not in heard
    assert b"av1_" not in heard


async def test_while_a_column_is_turned_over_an_address_is_found_in_whichever_form_it_lies(
    world: World, sender: Sender, api: MailApi, store_file: Path, crowd: list[Customer], kind: str
) -> None:
    """Rows in clear, under the key in force and, of ``siv``, under the one before; and each in another after the reading."""
    ids = [one.id for one in crowd]
    forms = [[one.email for one in crowd], await at_rest(world, crowd, kind)]
    if kind == "siv":
        world.rooms.keyring.rotate(f"at-rest/{DOMAIN}")
        forms.append(await at_rest(world, crowd, kind))
        assert forms[1] != forms[2]

    def lies(shift: int) -> None:
        """Let each row be in another form than its neighbour."""
        told = [(forms[(n + shift) % len(forms)][n], one) for n, one in enumerate(ids)]
        with closing(sqlite3.connect(store_file)) as store, store:
            store.executemany("UPDATE customers SET email = ? WHERE id = ?", told)

    lies(0)
    known = (await sender.surrogates())[:60]
    for shift in range(1, len(forms) + 1):
        lies(shift)
        reply = await sender.send([message(address, f"m{shift}-{n}") for n, (_, address) in enumerate(known)])
        assert reply.json == {"sent": 60, "rows": []}
    assert set(api.reached) <= {one.email.lower() for one in crowd}
    assert len(api.reached) == 60 * len(forms)
    assert len(set(api.reached)) == 60
    assert not [to for to in api.reached if to.encode() in bytes(sender.received)]


async def test_somebody_who_was_erased_gets_no_message(
    world: World, sender: Sender, api: MailApi, crowd: list[Customer]
) -> None:
    """The row in the store is there still; the tombstone knows it."""
    known = (await sender.surrogates())[:2]
    assert (await sender.send(message(known[0][1], "before"))).json["sent"] == 1
    person = next(one for one in crowd if one.email.lower() == api.reached[0])
    collection = world.rooms.policy.decider.rules.catalog.collections["crm.customers"]  # type: ignore[index]
    assert collection.subject is not None
    known_by = identifiers_of(collection, {collection.subject.field: person.id})
    await world.rooms.tombstones.set("t_1", world.rooms.tombstones.digests(known_by), world.rooms.clock())
    reply = await sender.send([message(address, f"e{n}") for n, (_, address) in enumerate(known)])
    assert reply.json == {"sent": 1, "rows": [{"row": 0, "cause": "erased"}]}
