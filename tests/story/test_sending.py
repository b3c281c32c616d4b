# SPDX-License-Identifier: Apache-2.0
"""Messages to people whom the sender never sees: who is reached, what is told, and what the log holds."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pyroaring import BitMap

from gateway.demo.people import Customer
from gateway.domain.choice import ChoiceState
from gateway.domain.entry import Intent, Release
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from tests.fakes.mail import MailApi, mail_api
from tests.fakes.sending import Sender, a_mandate, a_sender, message
from tests.story.conftest import EMAIL, SUPPORT, World


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
async def api() -> AsyncIterator[MailApi]:
    """A mail API that takes what it is given."""
    async with mail_api() as api:
        yield api


@pytest.fixture
def settings(settings: Settings, api: MailApi) -> Settings:
    """The settings of a story, with a mail API beside the stores."""
    mailer = StoreSettings(base_url=f"http://127.0.0.1:{api.port}/v1", read_s=5)
    return settings.model_copy(update={"stores": {**settings.stores, "mailer": mailer}})


@pytest.fixture
async def sender(world: World) -> Sender:
    """A service with a mandate."""
    return await a_sender(world)


async def test_exactly_the_permitted_people_are_reached_and_the_service_never_sees_an_address(
    world: World, sender: Sender, api: MailApi, crowd: list[Customer]
) -> None:
    """It sends by the surrogates that it read, and objections that came meanwhile count."""
    known = await sender.surrogates()
    by_address = {one.email.lower(): one for one in crowd}
    objecting = {one.id for one in crowd[40:60]}
    for one in sorted(objecting):
        await world.choose(one, EMAIL, ChoiceState.OBJECTED)
    still = {row["id"] for row in (await sender.read("/crm/customers?limit=1000&fields=id")).json["items"]}
    messages = [message(address, f"night-{n}") for n, (_, address) in enumerate(known)]
    reply = await sender.send(messages)
    assert reply.status == 200, reply.body
    left = {row["row"]: row["cause"] for row in reply.json["rows"]}
    assert left == {n: "choice" for n, (who, _) in enumerate(known) if who not in still}
    assert left
    assert reply.json["sent"] == len(still) == len(api.taken)
    assert len(set(api.reached)) == len(api.reached)
    assert {by_address[to].id for to in api.reached}.isdisjoint(objecting)
    assert set(api.taken[0]) == {"to", "subject", "text"}
    heard = bytes(sender.received).lower()
    assert not [one.id for one in crowd if one.email.lower().encode() in heard]


async def test_the_log_names_the_recipient_the_mandate_and_everybody_before_and_after(
    world: World, sender: Sender, api: MailApi
) -> None:
    """The intent is durable before the first message, with the keys of all of them; the release says what went."""
    known = (await sender.surrogates())[:5]
    reply = await sender.send([message(address, f"m{n}") for n, (_, address) in enumerate(known)])
    (intent, before), (release, after) = world.entries_of(reply.headers["decision-id"])
    assert isinstance(intent, Intent)
    assert intent.facts is not None
    assert (intent.facts.recipient, intent.facts.operation, intent.facts.mandate) == (
        "mail-service",
        "send",
        sender.mandate,
    )
    assert intent.facts.fields == {"reveal": ("email",)}
    assert before is not None
    assert len(before.keys) == 5 * 32
    assert not before.people
    assert len(before.met) == 5
    assert isinstance(release, Release)
    assert (release.rows, release.people) == (5, 5)
    assert after is not None
    assert BitMap.deserialize(after.people) == BitMap(before.met)
    assert world.verdict().is_right


async def test_a_key_that_was_sent_is_not_sent_again(sender: Sender, api: MailApi) -> None:
    """The same call a second time sends nothing, and says that all of it was sent before."""
    messages = [message(address, f"once-{n}") for n, (_, address) in enumerate((await sender.surrogates())[:3])]
    first, second = await sender.send(messages), await sender.send(messages)
    assert first.json == {"sent": 3, "rows": []}
    assert second.json == {"sent": 0, "rows": [{"row": n, "cause": "sent-before"} for n in range(3)]}
    assert len(api.taken) == 3


async def test_one_message_may_come_alone(sender: Sender, api: MailApi) -> None:
    """A message without an array around it is a message."""
    ((_, address), *_) = await sender.surrogates()
    reply = await sender.send(message(address, "alone"))
    assert reply.json == {"sent": 1, "rows": []}
    assert len(api.taken) == 1


async def test_what_the_recipient_refuses_may_be_sent_again_and_what_nobody_knows_may_not(
    sender: Sender, api: MailApi
) -> None:
    """A refusal is told as refused, an answer that says nothing as unknown; neither says more than that."""
    (one, other), keys = [address for _, address in (await sender.surrogates())[:2]], ("refused", "lost")
    said = {keys[0]: b"HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n", keys[1]: None}
    api.answer = lambda taken: said[taken["subject"]]
    messages = [message(one, "k0", subject=keys[0]), message(other, "k1", subject=keys[1])]
    reply = await sender.send(messages)
    assert reply.json == {"sent": 0, "rows": [{"row": 0, "cause": "refused"}, {"row": 1, "cause": "unknown"}]}
    n_tried = len(api.taken)
    said |= dict.fromkeys(keys, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    again = await sender.send(messages)
    assert again.json == {"sent": 1, "rows": [{"row": 1, "cause": "unknown"}]}
    assert len(api.taken) == n_tried + 1


async def test_without_a_mandate_a_service_sends_nothing(sender: Sender, api: MailApi) -> None:
    """The route asks for a fresh sign-in, which no service ever has."""
    ((_, address), *_) = await sender.surrogates()
    sender.mandate = ""
    reply = await sender.send(message(address, "bare"))
    assert (reply.status, reply.json["reason"]) == (403, "mandate-needed")
    assert not api.taken


async def test_a_person_who_signed_in_afresh_needs_no_mandate(world: World, api: MailApi, sender: Sender) -> None:
    """And one whose sign-in is older steps up."""
    await world.rooms.enrolment.add_person(
        "mailer", "mailer correct horse battery", roles=("mail-sender",), recipient="own", by="local:test"
    )
    address = (await sender.surrogates())[0][1]
    for ago_s, status in ((3600, 401), (0, 200)):
        reply = await world.post(
            "/mailer/messages",
            message(address, "by-hand"),
            Authorization="Bearer " + await world.bearer("mailer", ago_s=ago_s),
            Data_Purpose=EMAIL,
        )
        assert reply.status == status, reply.body
    assert len(api.taken) == 1


async def test_a_mandate_for_some_people_reaches_no_others(
    world: World, sender: Sender, api: MailApi, crowd: list[Customer]
) -> None:
    """Its condition is asked of the store; whoever does not fulfil it is as somebody who is not there."""
    sender.mandate = await a_mandate(world, conditions=(("country", "DE"),))
    messages = [message(address, f"de-{n}") for n, (_, address) in enumerate(await sender.surrogates())]
    reply = await sender.send(messages)
    of = {one.email.lower(): one.country for one in crowd}
    assert {of[to] for to in api.reached} == {"DE"}
    assert {row["cause"] for row in reply.json["rows"]} == {"not-recognised"}
    assert reply.json["sent"] == len(api.taken) == len(messages) - len(reply.json["rows"])


async def test_everybody_who_has_an_address_must_be_permitted(
    world: World, sender: Sender, api: MailApi, crowd: list[Customer]
) -> None:
    """A family shares one: an objection of any of them keeps the message back."""
    (_, address), *_ = await sender.surrogates()
    assert (await sender.send(message(address, "before"))).json["sent"] == 1
    person = next(one for one in crowd if one.email.lower() == api.reached[0])
    reply = await world.post(
        "/crm/customers",
        {"id": "c-family", "email": person.email},
        Authorization="Bearer " + await world.bearer("service-agent"),
        Data_Purpose=SUPPORT,
        Data_Reference="case-1",
    )
    assert reply.status in (201, 204), reply.body
    told = await sender.send(message(address, "after"))
    # Nobody knows the age of the new one, nor whether they agreed.
    assert told.json == {"sent": 0, "rows": [{"row": 0, "cause": "choice"}]}
    assert len(api.taken) == 1
