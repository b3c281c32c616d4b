# SPDX-License-Identifier: Apache-2.0
"""Messages to phones, by the HTTP API of who carries them."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.demo.people import Customer
from gateway.domain.choice import ChoiceState
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from tests.fakes.mail import MailApi, mail_api
from tests.fakes.sending import Sender, a_mandate, a_sender
from tests.story.conftest import EMAIL, World

GRANT = "p, mail-sender, crm.customers, user.contact.email, marketing.communications.email, "


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store, whose phones are spelled as they are dialled from everywhere."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
async def api() -> AsyncIterator[MailApi]:
    """An API that takes what it is given."""
    async with mail_api() as api:
        yield api


@pytest.fixture
def settings(settings: Settings, api: MailApi) -> Settings:
    """The settings of a story, with a route that sends to phones in place of addresses."""
    dataset, grants = settings.policies_dir / "datasets" / "crm.yaml", settings.policies_dir / "grants.csv"
    text = dataset.read_text()
    for old, new in (("parameter: emails}", "parameter: phone}"), ("address: {to: email}", "address: {to: phone}")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    dataset.write_text(text)
    said = grants.read_text()
    mine = [line for line in said.splitlines() if line.startswith(GRANT)]
    assert mine
    phones = [line.replace("user.contact.email", "user.contact.phone_number") for line in mine]
    grants.write_text(said + "\n".join(phones) + "\n")
    purposes = settings.policies_dir / "purposes.yaml"
    own = "      - {category: user.contact.email, rung: reveal, link: yes}\n"
    assert purposes.read_text().count(own) == 1
    purposes.write_text(
        purposes.read_text().replace(own, own + own.replace("user.contact.email", "user.contact.phone_number"))
    )
    mailer = StoreSettings(base_url=f"http://127.0.0.1:{api.port}/sms", read_s=5)
    return settings.model_copy(update={"stores": {**settings.stores, "mailer": mailer}})


@pytest.fixture
async def sender(world: World) -> Sender:
    """A service with a mandate for phones."""
    sender = await a_sender(world)
    sender.mandate = await a_mandate(world, fields=("phone",))
    return sender


async def test_exactly_the_permitted_phones_are_reached(
    world: World, sender: Sender, api: MailApi, crowd: list[Customer], store_file: Path
) -> None:
    """By surrogates of phones; who objected is not, nor is a cell that holds two numbers, and no number is seen."""
    with closing(sqlite3.connect(store_file)) as store, store:
        # Each a number of its own, and none that a normal spelling has to be read for.
        of = {who: f"+49151{n:08d}" for n, (who,) in enumerate(store.execute("SELECT id FROM customers ORDER BY id"))}
        store.executemany("UPDATE customers SET phone = ? WHERE id = ?", [(phone, who) for who, phone in of.items()])
    reply = await sender.read("/crm/customers?limit=40&fields=id,phone")
    known = [row["phone"] for row in reply.json["items"]]
    messages = [
        {"id": f"sms-{n}", "to": phone, "subject": "-", "text": "Good evening."} for n, phone in enumerate(known)
    ]
    assert (await sender.send(messages[:20])).json == {"sent": 20, "rows": []}
    assert len(set(api.reached)) == 20
    assert set(api.reached) <= set(of.values())
    whose = {phone: who for who, phone in of.items()}
    objecting, double = (whose[api.reached[n]] for n in (0, 1))
    await world.choose(objecting, EMAIL, ChoiceState.OBJECTED)
    with closing(sqlite3.connect(store_file)) as store, store:
        store.execute("UPDATE customers SET phone = ? WHERE id = ?", (f"{of[double]},{of[objecting]}", double))
    api.taken.clear()
    again = [{**one, "id": "again-" + one["id"]} for one in messages[:20]]
    told = (await sender.send(again)).json
    assert told["sent"] == 18
    assert sorted(row["cause"] for row in told["rows"]) == ["choice", "not-recognised"]
    assert not {of[objecting], of[double]} & set(api.reached)
    # The cell that holds two has a surrogate of its own, and is the address of nobody.
    page = await sender.read("/crm/customers?limit=1000&fields=id,phone")
    fresh = {row["phone"] for row in page.json["items"]} - set(known)
    every = [{"id": f"all-{n}", "to": one, "subject": "-", "text": "x"} for n, one in enumerate(sorted(fresh))]
    causes = {row["cause"] for row in (await sender.send(every)).json["rows"]}
    assert causes == {"no-address"}
    heard = bytes(sender.received)
    assert not [phone for phone in of.values() if phone[1:].encode() in heard]
