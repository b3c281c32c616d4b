# SPDX-License-Identifier: Apache-2.0
"""Addresses that a store may hold in another spelling than the one by which everybody who has them is found."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from tests.fakes.mail import MailApi, mail_api
from tests.fakes.sending import a_sender, message
from tests.story.conftest import World

FIELD = "data_categories: [user.contact.email]\n            fides_meta: {data_type: string}\n            gateway: {identifies: yes"
SPELLED = "              spelled: normalised\n"


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
async def api() -> AsyncIterator[MailApi]:
    """An API that takes what it is given."""
    async with mail_api() as api:
        yield api


@pytest.fixture(params=[True, False], ids=["said", "not-said"])
def is_said(request: pytest.FixtureRequest) -> bool:
    """Whether the route says that the store holds normal spellings."""
    return bool(request.param)


@pytest.fixture
def settings(settings: Settings, api: MailApi, is_said: bool) -> Settings:
    """The settings of a story whose addresses are to be at rest, and lie in clear still."""
    dataset = settings.policies_dir / "datasets" / "crm.yaml"
    text = dataset.read_text()
    assert (text.count(FIELD), text.count(SPELLED)) == (1, 1)
    text = text.replace(FIELD, f"{FIELD}, at_rest: {{domain: addresses, kind: siv}}")
    dataset.write_text(text if is_said else text.replace(SPELLED, ""))
    mailer = StoreSettings(base_url=f"http://127.0.0.1:{api.port}", read_s=5)
    return settings.model_copy(update={"stores": {**settings.stores, "mailer": mailer}})


async def test_while_a_column_is_mixed_nothing_goes_that_may_be_spelled_otherwise(
    world: World, api: MailApi, is_said: bool
) -> None:
    """A row in clear could hold the address of somebody who objected in any spelling; only the route's word rules it out."""
    sender = await a_sender(world)
    known = (await sender.surrogates())[:5]
    reply = await sender.send([message(address, f"k{n}") for n, (_, address) in enumerate(known)])
    if is_said:
        assert reply.json == {"sent": 5, "rows": []}
        return
    assert reply.json == {"sent": 0, "rows": [{"row": n, "cause": "spelling"} for n in range(5)]}
    assert not api.taken


@pytest.mark.parametrize("is_said", [True], indirect=True)
async def test_what_comes_back_spelled_otherwise_is_told_and_left_out(
    world: World, api: MailApi, store_file: Path
) -> None:
    """A store that compares without regard to case shows that the word of the route is wrong: nobody knows who else has it."""
    sender = await a_sender(world)
    known = await sender.surrogates()
    assert (await sender.send(message(known[0][1], "before"))).json["sent"] == 1
    with closing(sqlite3.connect(store_file)) as store, store:
        (made,) = store.execute("SELECT sql FROM sqlite_master WHERE name = 'customers'").fetchone()
        assert made.count('"email" TEXT') == 1
        folded = made.replace('"email" TEXT', '"email" TEXT COLLATE NOCASE')
        store.execute("PRAGMA writable_schema = ON")
        store.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'customers'", (folded,))
        (version,) = store.execute("PRAGMA schema_version").fetchone()
        store.execute(f"PRAGMA schema_version = {version + 1}")
    with closing(sqlite3.connect(store_file)) as store, store:
        store.execute("REINDEX")
        store.execute("UPDATE customers SET email = upper(email) WHERE email = ?", (api.reached[0],))
    told = await sender.send([message(known[0][1], "after"), message(known[1][1], "other")])
    assert told.json == {"sent": 1, "rows": [{"row": 0, "cause": "spelling"}]}
    assert len(api.taken) == 2
