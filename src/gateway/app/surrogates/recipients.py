# SPDX-License-Identifier: Apache-2.0
"""Those who carry messages, joined to the access flow: an HTTP API, or a mail server.

A message becomes a JSON object of its declared members, or a mail. Of the answer the status counts: what may be in
its body (the address, an identifier of the recipient's) goes nowhere.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec

from gateway.app.traces import Traces
from gateway.domain.errors import Overloaded, StateUnavailable, StoreMisbehaved, StoreUnreachable
from gateway.domain.media import CARRIED
from gateway.domain.names import DecisionId, StoreName
from gateway.domain.sending import Dispatch, Fate, Parcel
from gateway.flows.access.ports.sending import Send
from gateway.forward.calls import StoreCall
from gateway.forward.http import HttpStores
from gateway.forward.mail import MailRoad
from gateway.forward.mail_text import MOST_SUBJECT_CHARACTERS, Mail, is_subject

AT_ONCE = 16
"""Messages under way to one HTTP API from one call."""

OF_MAIL = frozenset({"subject", "text", "html"})
"""Members that a mail is made of, beside the address."""

_UNSURE = frozenset({408, 425})
"""Statuses below 500 after which nobody knows whether the message was taken."""

_FOR_GOOD = frozenset({400, 406, 410, 411, 413, 414, 415, 422})
"""Statuses by which a recipient says that it will not take this message; of others an operator may mend the cause."""


class Recipients:
    """Every recipient that gateway.yaml has; satisfies ``flows.access.ports.sending.Recipients``."""

    def __init__(self, stores: HttpStores, mail: Mapping[StoreName, MailRoad], traces: Traces) -> None:
        """Keep the ways to them."""
        self._stores, self._mail, self._traces = stores, mail, traces

    @asynccontextmanager
    async def opened(self, dispatch: Dispatch) -> AsyncIterator[Send]:
        """Yield the way to one of them.

        Raises:
            StoreUnreachable: gateway.yaml has no such recipient, or its name has no address.
        """
        road = self._mail.get(dispatch.store)
        if road is not None:
            async with road.opened() as mails:

                async def by_mail(parcel: Parcel) -> Fate:
                    mail = mail_of(parcel)
                    return Fate.REFUSED if mail is None else await mails.send(mail)

                yield by_mail
            return
        if not self._stores.has(dispatch.store):
            raise StoreUnreachable("gateway.yaml has no such recipient", not_sent=True)
        turn = asyncio.Semaphore(AT_ONCE)

        async def by_http(parcel: Parcel) -> Fate:
            async with turn:
                return await self._posted(dispatch, parcel)

        yield by_http

    def unfit(self, store: StoreName, texts: Mapping[str, str]) -> tuple[str, str] | None:
        """Return which member of a mail could never be carried, or is lacking; an API says that by its answer."""
        if store not in self._mail:
            return None
        if not is_subject(texts.get("subject", "")):
            return "subject", f"A mail has a subject, one line of at most {MOST_SUBJECT_CHARACTERS} characters."
        if not texts.keys() & {"text", "html"}:
            return "text", "A mail has a text, an html, or both."
        return None

    async def _posted(self, dispatch: Dispatch, parcel: Parcel) -> Fate:
        call = StoreCall(
            store=dispatch.store,
            method=dispatch.method,
            path=dispatch.path,
            headers=(
                *self._traces.of_call(dispatch.store, DecisionId(dispatch.decision_id), parcel.row + 1),
                # Two tries of one message have one key; nobody can tell from it what the caller called it.
                ("idempotency-key", parcel.digest.hex()),
            ),
            body=body_of(parcel),
            kind=CARRIED,
            writes=True,
        )
        try:
            async with self._stores.call(call) as answer:
                return fate_of(answer.status)
        except StoreUnreachable as error:
            return Fate.FAILED if error.not_sent else Fate.UNKNOWN
        except Overloaded:
            return Fate.FAILED
        except StoreMisbehaved:
            return Fate.UNKNOWN


def fate_of(status: int) -> Fate:
    """Return what became of a message that was answered with a status."""
    if 200 <= status < 300:
        return Fate.SENT
    if not 300 <= status < 500 or status in _UNSURE:
        return Fate.UNKNOWN
    return Fate.REFUSED if status in _FOR_GOOD else Fate.FAILED


def mail_of(parcel: Parcel) -> Mail | None:
    """Return a message as a mail; ``None`` where it has a member that a mail has not, or neither text nor html."""
    said = dict(parcel.texts)
    if not said.keys() <= OF_MAIL or not said.keys() & {"text", "html"}:
        return None
    return Mail(
        to=parcel.address,
        subject=said.get("subject", ""),
        text=said.get("text"),
        html=said.get("html"),
        id=parcel.digest.hex(),
    )


def body_of(parcel: Parcel) -> bytes:
    """Return a message as the JSON that the recipient gets: a dotted member goes one object deeper at each dot."""
    made: dict[str, object] = {}
    for path, text in ((parcel.member, parcel.address), *parcel.texts):
        *above, last = path.split(".")
        inside = made
        for name in above:
            deeper = inside.setdefault(name, {})
            if not isinstance(deeper, dict):
                raise StateUnavailable("a message has a member inside a text")
            inside = deeper
        inside[last] = text
    return msgspec.json.encode(made)
