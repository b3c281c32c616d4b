# SPDX-License-Identifier: Apache-2.0
"""Callers as the referee plays them: one connection each, in bytes, with every bad manner that a caller can have."""

import asyncio
import base64
import json
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pyotp

from tests.referee.http1 import Answers, Malformed, Message
from tests.referee.rig import HOST, Person, Rig

PATIENCE_S = 60.0
RENEW_AFTER_S = 200.0
"""Age at which a bearer, which is good for 300 s, is renewed."""
JSON_TYPE = {"Content-Type": "application/json"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}


class Gone(Exception):
    """The other end closed the connection before an answer was whole."""


@dataclass
class SignedIn:
    """A bearer and what renews it."""

    access: str
    refresh: str | None
    since_s: float


@dataclass
class Crew:
    """What all callers of a run share.

    Attributes:
        left: Calls that are still to be made.
        signed_in: By the name of an account or client.
        steps: Time steps whose code an account has used.
        known: Things that answers told and later calls use: surrogates, decision ids, next pages.
    """

    rig: Rig
    port: int
    left: int
    signed_in: dict[str, SignedIn] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    n_made: int = 0

    def person(self, role: str, number: int = 0) -> Person:
        """Return an account of a role."""
        return [one for one in self.rig.persons if one.role == role][number]

    def lock(self, name: str) -> asyncio.Lock:
        """Return the lock of an account: two of its callers do not sign in at once."""
        return self.locks.setdefault(name, asyncio.Lock())


class Line:
    """One caller: a connection that is kept while the gateway keeps it."""

    def __init__(self, crew: Crew, seed: int) -> None:
        """Connect when there is something to say."""
        self.crew, self.rng = crew, random.Random(seed)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(
        self,
        target: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Message:
        """Return the answer to one call; a kept connection that had gone is opened anew, once."""
        content = request(target, headers or {}, method=method, body=body)
        for is_last in (False, True):
            is_kept = self._writer is not None
            with suppress(Gone, ConnectionError):
                [answer] = await self.exchange(content, [method])
                return answer
            await self.close()
            if is_last or not is_kept:
                break
        raise Gone("no answer came")

    async def exchange(self, content: bytes, methods: list[str]) -> list[Message]:
        """Send bytes and return the whole answers to so many calls.

        Raises:
            Gone: The connection ended before.
        """
        self.count(len(methods))
        reader, writer = await self.opened()
        writer.write(content)
        await writer.drain()
        answers, found = Answers(methods), list[Message]()
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < len(methods):
                piece = await reader.read(1 << 16)
                if not piece:
                    raise Gone("the connection ended")
                found += answers.feed(piece)
        if found[-1].headers.get("connection") == "close":
            await self.close()
        return found

    async def opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return the connection, opened if there is none; its buffer is small, so that slow reading is felt."""
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(HOST, self.crew.port, limit=1 << 14)
        return self._reader, self._writer

    async def hang_up(self, content: bytes, after_bytes: int) -> None:
        """Send a call, read so many bytes of what comes, and be gone."""
        self.count(1)
        reader, writer = await self.opened()
        writer.write(content)
        await writer.drain()
        n_bytes = 0
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_S):
                while n_bytes < after_bytes and (piece := await reader.read(1 << 12)):
                    n_bytes += len(piece)
        writer.transport.abort()
        self._reader = self._writer = None

    async def read_slowly(self, content: bytes, n_pauses: int) -> None:
        """Send a call and read its answer with pauses."""
        self.count(1)
        reader, writer = await self.opened()
        writer.write(content)
        answers = Answers(["GET"])
        async with asyncio.timeout(PATIENCE_S):
            while not list(answers.feed(piece := await reader.read(1 << 12))) and piece:
                if n_pauses > 0:
                    n_pauses -= 1
                    await asyncio.sleep(0.01)
        await self.close()

    async def say(self, content: bytes) -> None:
        """Say something that is no call, and wait until the other end closes."""
        self.count(1)
        await self.close()
        reader, writer = await self.opened()
        with suppress(ConnectionError):
            writer.write(content)
            async with asyncio.timeout(PATIENCE_S):
                while await reader.read(1 << 16):
                    pass
        await self.close()

    def count(self, n_calls: int) -> None:
        """Count calls as made."""
        self.crew.left -= n_calls
        self.crew.n_made += n_calls

    async def close(self) -> None:
        """Close the connection."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def bearer(self, name: str) -> str:
        """Return the ``Authorization`` of an account or a client, signing it in or renewing it if need be."""
        async with self.crew.lock(name):
            known = self.crew.signed_in.get(name)
            if known is None or time.monotonic() - known.since_s > RENEW_AFTER_S:
                known = await self._renewed(name, known)
                self.crew.signed_in[name] = known
        return f"Bearer {known.access}"

    async def _renewed(self, name: str, known: SignedIn | None) -> SignedIn:
        if name in self.crew.rig.clients:
            return await self.granted(name)
        if known is not None and known.refresh is not None:
            told = await self.posted("/-/login/refresh", {"refresh_token": known.refresh})
            if told.status == 200:
                return signed_in(told)
        return await self.sign_in(next(one for one in self.crew.rig.persons if one.name == name))

    async def granted(self, client: str) -> SignedIn:
        """Return what the client credentials grant gives a service."""
        secret, _ = self.crew.rig.clients[client]
        told = await self.ask("/-/oauth/token", {**FORM_TYPE, **basic(client, secret)}, method="POST", body=GRANT)
        return signed_in(told)

    async def sign_in(self, person: Person) -> SignedIn:
        """Sign a person in with password and code; waits for a code that was not used yet."""
        status = 0
        for _ in range(3):
            await self._fresh_step(person)
            first = await self.posted("/-/login", {"username": person.name, "password": person.password})
            code = pyotp.TOTP(person.totp_secret).at(self.crew.steps[person.name] * 30)
            told = await self.posted("/-/login/totp", {"login": read(first).get("login", ""), "code": code})
            if told.status == 200:
                return signed_in(told)
            status = told.status
        raise AssertionError(f"{person.name} could not sign in: {status}")

    def has_code(self, person: Person) -> bool:
        """Tell whether an account has a code that it did not use yet."""
        return int(time.time()) // 30 > self.crew.steps.get(person.name, 0)

    async def _fresh_step(self, person: Person) -> None:
        step = int(time.time()) // 30
        while step <= self.crew.steps.get(person.name, 0):
            await asyncio.sleep(1)
            step = int(time.time()) // 30
        self.crew.steps[person.name] = step

    async def posted(self, target: str, content: object, headers: Mapping[str, str] | None = None) -> Message:
        """Send JSON."""
        body = json.dumps(content).encode()
        return await self.ask(target, {**JSON_TYPE, **(headers or {})}, method="POST", body=body)


GRANT = b"grant_type=client_credentials"


def basic(client: str, secret: str) -> dict[str, str]:
    """Return the credentials of a service as a header."""
    return {"Authorization": "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()}


def read(answer: Message) -> Any:
    """Return the JSON of an answer."""
    try:
        return json.loads(bytes(answer.body))
    except ValueError:
        raise Malformed("an answer is not JSON") from None


def signed_in(answer: Message) -> SignedIn:
    """Return the bearers of an answer."""
    told = read(answer)
    return SignedIn(told["access_token"], told.get("refresh_token"), time.monotonic())


def request(target: str, headers: Mapping[str, str], *, method: str = "GET", body: bytes | None = None) -> bytes:
    """Return a request; a body gets its length."""
    lines = [f"{method} {target} HTTP/1.1", "Host: gateway.example", *(f"{name}: {v}" for name, v in headers.items())]
    lines += [] if body is None else [f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")
