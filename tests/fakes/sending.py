# SPDX-License-Identifier: Apache-2.0
"""A service that sends: its client, its bearer, the mandate it names, and every byte that it ever received."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway.app.installation import Rooms
from gateway.domain.mandate import DAY_US, Mandate, MandateTerms
from gateway.domain.names import AccountId, ClientId, DatasetName, FieldName, PurposeKey, RecipientId
from tests.story.conftest import EMAIL, Reply, World

REFERENCE = "story-1"
PATH = "/mailer/messages"


class Sender:
    """A service without a human.

    Attributes:
        received: All that it was ever sent: heads and bodies.
    """

    def __init__(self, world: World, client: str, secret: str) -> None:
        """Keep who it is."""
        self.world, self.client, self._secret = world, client, secret
        self.received = bytearray()
        self.mandate = ""

    async def bearer(self) -> str:
        """Return a bearer of its own."""
        reply = self._keep(
            await self.world.ask(
                "POST",
                "/-/oauth/token",
                {"Content-Type": "application/x-www-form-urlencoded"},
                f"grant_type=client_credentials&client_id={self.client}&client_secret={self._secret}".encode(),
            )
        )
        # The bearer is its own secret; what it opens is judged by what it receives with it.
        return str(reply.json["access_token"])

    async def read(self, path: str) -> Reply:
        """Read under its purpose."""
        return self._keep(await self.world.ask("GET", path, await self._head()))

    async def surrogates(self) -> list[tuple[str, str]]:
        """Return the surrogates of id and address of everybody whom it may read."""
        reply = await self.read("/crm/customers?limit=1000&fields=id,email")
        assert reply.status == 200, reply.body
        return [(row["id"], row["email"]) for row in reply.json["items"]]

    async def send(self, messages: object, *, path: str = PATH, **headers: str) -> Reply:
        """Send messages under its mandate."""
        told = {**await self._head(), "Content-Type": "application/json"}
        if self.mandate:
            told["Data-Mandate"] = self.mandate
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self._keep(await self.world.ask("POST", path, told, msgspec.json.encode(messages)))

    async def _head(self) -> dict[str, str]:
        return {
            "Authorization": "Bearer " + await self.bearer(),
            "Data-Purpose": EMAIL,
            "Data-Reference": REFERENCE,
        }

    def _keep(self, reply: Reply) -> Reply:
        self.received += repr(dict(reply.headers)).encode() + b"\n" + reply.body + b"\n"
        return reply


async def a_sender(world: World, client: str = "night-mailer", *, recipient: str = "own") -> Sender:
    """Return a service that may send, with a mandate of two people for it."""
    _, secret = await world.rooms.enrolment.add_client(
        client, name=client, roles=("mail-sender",), recipient=recipient, scopes=(PurposeKey(EMAIL),), by="local:test"
    )
    sender = Sender(world, client, secret)
    sender.mandate = await a_mandate(world, client=client)
    return sender


def terms(world: World, **changes: Any) -> MandateTerms:
    """Return terms that fit a sender, but for the changes."""
    now_us = world.rooms.clock()
    said: dict[str, Any] = {
        "operation": "send",
        "client": ClientId("night-mailer"),
        "purpose": PurposeKey(EMAIL),
        "recipient": RecipientId("mail-service"),
        "dataset": DatasetName("crm.customers"),
        "fields": (FieldName("email"),),
        "most_people": 100_000,
        "from_us": now_us - DAY_US,
        "until_us": now_us + DAY_US,
        "reference": REFERENCE,
    }
    return MandateTerms(**(said | changes))


OFFICE: Mapping[str, str] = {"asked": "campaigner", "one": "analyst", "two": "officer", "three": "analyst"}
"""Who has a say about mandates, and in which role."""


async def office(rooms: Rooms) -> dict[str, AccountId]:
    """Return the accounts of those who have a say about mandates; made where they are not there yet."""
    found = {}
    for name, role in OFFICE.items():
        record = await rooms.accounts.named(f"says-{name}")
        found[name] = (
            record.account.id
            if record is not None
            else await rooms.enrolment.add_person(
                f"says-{name}", "correct horse battery staple 7", roles=(role,), recipient="own", by="local:test"
            )
        )
    return found


async def a_mandate(world: World, *, approvers: Sequence[str] = ("one", "two"), **changes: Any) -> str:
    """Keep a mandate as two people approved it, and return its identifier."""
    from gateway.flows.mandates import new_mandate_id
    from gateway.store.mandates import Mandates

    kept, who, now_us = Mandates(world.rooms.store), await office(world.rooms), world.rooms.clock()
    one = Mandate(id=new_mandate_id(), terms=terms(world, **changes), asked_by=who["asked"], asked_us=now_us)
    await kept.add(one)
    for name in approvers:
        await kept.approve(one.id, who[name], now_us)
    return one.id


def message(surrogate: str, key: str, **more: str) -> dict[str, str]:
    """Return a message to a surrogate."""
    return {"id": key, "to": surrogate, "subject": "The newest from us", "text": "Good evening.\nThis is it.", **more}
