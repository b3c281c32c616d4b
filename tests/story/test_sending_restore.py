# SPDX-License-Identifier: Apache-2.0
"""A backup is put back, and mandates, whom they reached, and what was sent are still so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.app.surrogates.mandating import mandates
from gateway.domain.mandate import Mandate
from gateway.domain.names import PurposeKey
from gateway.domain.principal import PrincipalKind
from gateway.flows.mandates import Heard, Person
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from tests.fakes.mail import MailApi, mail_api
from tests.fakes.sending import Sender, message, office, terms
from tests.story.conftest import EMAIL, World, fill, opened
from tests.story.test_restore import copied, put_back

MOST_PEOPLE = 8


@pytest.fixture
async def api() -> AsyncIterator[MailApi]:
    """A mail API that takes what it is given."""
    async with mail_api() as api:
        yield api


@pytest.fixture
def settings(settings: Settings, api: MailApi) -> Settings:
    """The settings of a story, with a mail API beside the stores."""
    mailer = StoreSettings(base_url=f"http://127.0.0.1:{api.port}", read_s=5)
    return settings.model_copy(update={"stores": {**settings.stores, "mailer": mailer}})


async def person(world: World, name: str) -> Person:
    """Return somebody who proved who they are."""
    who = (await office(world.rooms))[name]
    return Person(account=who, kind=PrincipalKind.PERSON, is_officer=name == "two", is_free=True)


async def test_after_a_restore_mandates_their_people_and_what_was_sent_are_as_before(
    settings: Settings, api: MailApi, store_port: int, crowd: list[object], tmp_path: Path
) -> None:
    """Approved stays approved, revoked revoked, spent spent; and no key is sent a second time."""
    wire = tmp_path / "wire.log"
    async with opened(settings, store_port, crowd, wire) as world:  # type: ignore[arg-type]
        await fill(world.rooms, crowd)  # type: ignore[arg-type]
        _, secret = await world.rooms.enrolment.add_client(
            "night-mailer",
            name="Night",
            roles=("mail-sender",),
            recipient="own",
            scopes=(PurposeKey(EMAIL),),
            by="local:test",
        )
        # Who comes after a copy is not known to it, and is out of force once it is put back.
        await office(world.rooms)
        files = await copied(world.rooms, tmp_path / "backup")
        one, other = [await in_force(world) for _ in range(2)]
        assert await mandates(world.rooms).revoke(other, await person(world, "one"), at="local:test") is Heard.TAKEN
        sender = Sender(world, "night-mailer", secret)
        sender.mandate = one
        known = [address for _, address in await sender.surrogates()]
        first = [message(address, f"k{n}") for n, address in enumerate(known[:5])]
        assert (await sender.send(first)).json["sent"] == 5
    await put_back(settings, files)
    async with opened(settings, store_port, crowd, wire) as world:  # type: ignore[arg-type]
        sender = Sender(world, "night-mailer", secret)
        sender.mandate = one
        again = await sender.send(first)
        assert again.json == {"sent": 0, "rows": [{"row": n, "cause": "unknown"} for n in range(5)]}
        over = [message(address, f"l{n}") for n, address in enumerate(known[5:9])]
        assert (await sender.send(over)).json["reason"] == "mandate-spent"
        assert (await sender.send(over[:3])).json["sent"] == 3
        assert len(api.taken) == len(set(api.reached)) == 8
        sender.mandate = other
        assert (await sender.send(over[3:])).json["reason"] == "mandate-not-in-force"


async def in_force(world: World) -> str:
    """Return a mandate that was asked for and approved in words of the log."""
    heard = mandates(world.rooms)
    asked = await heard.ask(terms(world, most_people=MOST_PEOPLE), await person(world, "asked"), at="local:test")
    assert isinstance(asked, Mandate)
    assert await heard.approve(asked.id, await person(world, "one"), at="local:test") is Heard.TAKEN
    assert await heard.approve(asked.id, await person(world, "two"), at="local:test") is Heard.IN_FORCE
    return asked.id
