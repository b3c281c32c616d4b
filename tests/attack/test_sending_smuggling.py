# SPDX-License-Identifier: Apache-2.0
"""Attack: a message carries more than its declared parts, or brings an address back to who sends it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.demo.people import Customer
from gateway.domain.choice import ChoiceState
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from tests.fakes.mail import MailApi, mail_api
from tests.fakes.sending import Sender, a_sender, message
from tests.story.conftest import ANALYST, EMAIL, World

CASES = (
    {"bcc": "spy@evil.example"},
    {"to.x": "spy@evil.example"},
    {"headers": {"bcc": "spy@evil.example"}},
    {"subject": ["a", "b"]},
    {"subject": None},
    {"subject": "one\r\nBcc: spy@evil.example"},
    {"subject": "a\x00b"},
    {"text": "a\x1bb"},
    {"to": ["one", "two"]},
    {"to": ""},
    {"to": "one\r\ntwo"},
    {"id": ""},
    {"id": "two\nlines"},
    {"id": "é"},
)


@pytest.fixture
async def api() -> AsyncIterator[MailApi]:
    """A mail API that takes what it is given."""
    async with mail_api() as api:
        yield api


@pytest.fixture
def settings(settings: Settings, api: MailApi) -> Settings:
    """The settings of a story, with a mail API beside the stores."""
    mailer = StoreSettings(base_url=f"http://127.0.0.1:{api.port}", read_s=5, authorization_file=None)
    return settings.model_copy(update={"stores": {**settings.stores, "mailer": mailer}})


@pytest.fixture
async def sender(world: World) -> Sender:
    """A service with a mandate."""
    return await a_sender(world)


async def test_a_message_has_its_declared_members_and_nothing_else(sender: Sender, api: MailApi) -> None:
    """A further recipient, a header in a subject, a list for an address: the whole call is refused, and nothing goes."""
    address = (await sender.surrogates())[0][1]
    good = message(address, "good")
    for case in CASES:
        reply = await sender.send([good, {**message(address, "bad"), **case}])
        assert (reply.status, reply.json["reason"]) == (422, "body-invalid"), case
        assert b"spy@evil.example" not in reply.body
    others: tuple[object, ...] = ([], [good, good], {}, "text", [[good]])
    for body in others:
        assert (await sender.send(body)).status == 422
    assert not api.taken


async def test_an_address_in_clear_is_no_surrogate(sender: Sender, api: MailApi, crowd: list[Customer]) -> None:
    """Whoever knows an address cannot have the gateway send to it, nor learn whether anybody has it."""
    known, unknown = crowd[100].email, "nobody@nowhere.example"
    reply = await sender.send([message(known, "a"), message(unknown, "b"), message("sv1_" + "0" * 96, "c")])
    assert reply.json == {"sent": 0, "rows": [{"row": n, "cause": "not-recognised"} for n in range(3)]}
    assert not api.taken


async def test_surrogates_of_somebody_else_are_not_recognised(world: World, sender: Sender, api: MailApi) -> None:
    """One of another purpose and one of another recipient are as unknown as any text."""
    other = await a_sender(world, "day-mailer", recipient="mail-service")
    of_recipient = (await other.surrogates())[0][1]
    reply = await world.get("/crm/customers?limit=20&fields=id", "analyst", ANALYST)
    of_purpose = reply.json["items"][0]["id"]
    told = await sender.send([message(of_recipient, "a"), message(of_purpose, "b")])
    assert [row["cause"] for row in told.json["rows"]] == ["not-recognised"] * 2
    assert not api.taken


async def test_no_surrogate_leaves_in_a_text(sender: Sender, api: MailApi) -> None:
    """The recipient would learn to join by it."""
    (who, address), *_ = await sender.surrogates()
    reply = await sender.send(message(address, "joined", text=f"Your number is {who}."))
    assert (reply.status, reply.json["reason"]) == (409, "unrevealed-value-written")
    assert not api.taken


async def test_a_mail_api_that_echoes_addresses_tells_the_sender_nothing(sender: Sender, api: MailApi) -> None:
    """Neither its body nor its headers pass, whatever its status; and a redirect is not followed."""
    status = b""

    def echo(taken: dict[str, Any]) -> bytes:
        to = taken["to"].encode()
        head = b"HTTP/1.1 %b\r\nlocation: http://127.0.0.1:%d/%b\r\nx-to: %b\r\n" % (status, api.port, to, to)
        body = b'{"id":"%b","error":"no such user %b"}' % (to, to)
        return head + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)

    api.answer = echo
    known = (await sender.surrogates())[:4]
    # Failures stand between successes, so that the way to the API stays open.
    for status in (b"302 Found", b"200 OK", b"400 Bad", b"202 Accepted", b"207 Multi", b"500 Oops"):
        api.taken.clear()
        reply = await sender.send([message(address, f"{status.decode()}-{n}") for n, (_, address) in enumerate(known)])
        assert reply.status == 200, status
        assert set(reply.json) == {"sent", "rows"}, status
        assert len(api.taken) == 4, status
        assert api.reached, status
        assert not [to for to in api.reached if to.encode() in bytes(sender.received)], status


async def test_who_is_left_out_is_told_by_row_and_never_by_name(
    world: World, sender: Sender, api: MailApi, crowd: list[Customer]
) -> None:
    """An objection is a number and a word; the log has the people, and no address."""
    known = (await sender.surrogates())[:3]
    first = await sender.send(message(known[0][1], "who"))
    assert first.json["sent"] == 1
    person = next(one for one in crowd if one.email.lower() == api.reached[0])
    await world.choose(person.id, EMAIL, ChoiceState.OBJECTED)
    reply = await sender.send([message(address, f"w{n}") for n, (_, address) in enumerate(known)])
    assert reply.json == {"sent": 2, "rows": [{"row": 0, "cause": "choice"}]}
    log = b"".join(path.read_bytes() for path in world.state.glob("log/**/*") if path.is_file())
    assert not [to for to in api.reached if to.encode() in log]
