# SPDX-License-Identifier: Apache-2.0
"""Promise P1, by a tee between callers and the door: no byte leaves unlogged, and wire and log agree."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import sha256
from urllib.parse import quote

import pytest

from gateway.demo.people import Customer
from gateway.domain.entry import Answered, Entry, Looked, Part, Refused, Release, SignIn
from gateway.domain.names import ClientId, PurposeKey
from gateway.record.format.layout import segment_path, segments
from gateway.record.writing import counting
from tests.fakes.canaries import all_canaries
from tests.fakes.wire import Heard, called, request, teed
from tests.story.conftest import ANALYST, EMAIL, SMS, SUPPORT, World

N_CALLS = 400
AT_ONCE = 8
JSON = {"Content-Type": "application/json"}


class Witness:
    """Stands at the log and on the wire, and notes what leaves before it was entered.

    Attributes:
        authorised: Bytes by call, of entries whose append has returned.
        early: What was seen on the wire of a call before its entry was durable.
    """

    def __init__(self, world: World) -> None:
        """Begin to listen at the log."""
        self._world = world
        self._append = world.rooms.log.append
        self.authorised: Counter[str] = Counter()
        self.early: list[str] = []
        self._on_disk: set[str] = set()
        world.rooms.log.append = self._noted  # type: ignore[method-assign]

    async def _noted(self, entry: Entry, part: Part | None = None) -> int:
        place = await self._append(entry, part)
        if isinstance(entry, Release | Refused | SignIn | Looked):
            self.authorised[entry.call] += entry.bytes
        return place

    def on_bytes(self, heard: Heard) -> None:
        """Compare what has come of an answer with what is durable by now."""
        call = heard.headers.get("decision-id")
        if call is None or not heard.body:
            return
        if len(heard.body) > self.authorised[call]:
            self.early.append(f"{len(heard.body)} bytes of {self.authorised[call]} authorised")
        if call not in self._on_disk and not self._is_on_disk(call):
            self.early.append("no entry on the disk")
        self._on_disk.add(call)

    def _is_on_disk(self, call: str) -> bool:
        slot = self._world.state / "log" / "door-0"
        return any(call.encode() in segment_path(slot, number).read_bytes() for number in segments(slot))


async def bearers(world: World) -> dict[str, str]:
    """Return the bearers of every role."""
    return {role: "Bearer " + await world.bearer(role) for role in ("analyst", "campaigner", "service-agent")}


Kind = Callable[[random.Random], bytes]


def data_calls(told: dict[str, str], surrogate: str, email: str) -> list[Kind]:
    """Return makers of calls to stores, permitted and refused."""
    analyst = {"Authorization": told["analyst"], "Data-Purpose": ANALYST}
    campaigner = {"Authorization": told["campaigner"], "Data-Purpose": EMAIL}
    agent = {"Authorization": told["service-agent"], "Data-Purpose": SUPPORT}

    def get(path: str, headers: dict[str, str], method: str = "GET") -> Kind:
        return lambda rng: request(path.replace("{n}", str(rng.randint(1, 300))), headers, method=method)

    return [
        get("/crm/customers?limit={n}", analyst),
        get("/crm/customers?limit={n}", campaigner),
        get("/crm/customers?limit={n}&fields=id,name", agent),
        get("/crm/contacts?limit={n}", analyst),
        get("/shop/orders?limit={n}", analyst),
        get(f"/crm/customers/{surrogate}", analyst),
        get("/crm/customers/c-000{n}", agent),
        get(f"/crm/customers?email={quote(email)}", campaigner),
        get("/crm/customers?limit={n}", {**campaigner, "Data-Purpose": SMS}),
        get("/crm/customers?religion=x", campaigner),
        get("/crm/customers?fields=religion", analyst),
        get("/crm/customers?sort=birth_date", analyst),
        get("/crm/customers?limit=0", analyst),
        get("/crm/customers?nothing={n}", analyst),
        get("/crm/customers", {**analyst, "Data-Purpose": EMAIL}),
        get("/crm/customers", {**analyst, "Accept-Language": "zh", "Data-Purpose": "no.such.purpose"}),
        get("/crm/customers/nobody", analyst),
        get("/crm/customers/nobody", agent),
        get("/nowhere/{n}", analyst),
        get("/crm/customers", analyst, "DELETE"),
        get("/crm/customers", analyst, "HEAD"),
        get("/crm//customers", analyst),
        get("/crm/customers", {**analyst, "Range": "bytes=0-1"}),
        get("/crm/customers", {}),
        get("/crm/customers", {"Authorization": "Bearer a.b.c"}),
        get("/-/nothing", analyst),
    ]


def own_calls(told: dict[str, str], secret: str) -> list[Kind]:
    """Return makers of calls to the gateway's own paths."""

    def get(path: str, headers: dict[str, str], method: str = "GET") -> Kind:
        return lambda _: request(path, headers, method=method)

    def post(path: str, body: object, headers: dict[str, str] = JSON) -> Kind:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        return lambda _: request(path, headers, method="POST", body=content)

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    grant = f"grant_type=client_credentials&client_id=newsletter-app&client_secret={secret}"
    return [
        *[get(path, {}) for path in HEALTH],
        get("/-/me", {"Authorization": told["analyst"]}),
        get("/-/me", {}),
        get("/-/livez", {}, "HEAD"),
        get("/-/livez?x=1", {}),
        get("/-/readyz", {"Range": "bytes=0-1"}),
        get("/-/problems/nothing", {}),
        get("/-/log/nothing/checkpoint", {}),
        post("/-/login", {"username": "analyst", "password": "not the right one"}),
        post("/-/login", {"username": "nobody", "password": "not the right one"}),
        post("/-/login", {"username": "nobody"}),
        post("/-/login", "{"),
        post("/-/login/totp", {"login": "x", "code": "123456"}, {**JSON, "Accept-Language": "zh"}),
        post("/-/login/refresh", {"refresh_token": "gwr_" + "a" * 43}),
        post("/-/oauth/token", grant, form),
        post("/-/oauth/token", grant + "x", form),
        post("/-/oauth/token", grant, JSON),
        post("/-/access/v1/evaluation", {}, {**JSON, "Authorization": told["analyst"]}),
        post("/-/access/v1/evaluation", {}),
    ]


HEALTH = ("/-/livez", "/-/readyz", "/-/jwks.json", "/-/problems", "/-/problems/held")


async def sent(port: int, calls: Iterable[bytes]) -> list[tuple[bytes, Heard]]:
    """Send calls, some at once, and return what was heard of each."""
    few = asyncio.Semaphore(AT_ONCE)

    async def one(call: bytes) -> tuple[bytes, Heard]:
        async with few:
            return call, await called(port, call)

    return await asyncio.gather(*map(one, calls))


async def test_no_byte_leaves_before_its_entry_and_wire_and_log_agree(
    world: World, crowd: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of mixed calls at once: permits, refusals, absences, sign-ins, health."""
    monkeypatch.setattr(counting, "SINGLY_A_PLACE", 1_000_000)
    monkeypatch.setattr(counting, "SINGLY_IN_ALL", 1_000_000)
    _, secret = await world.rooms.enrolment.add_client(
        "newsletter-app",
        name="newsletter",
        roles=("newsletter-app",),
        recipient="own",
        scopes=(PurposeKey(EMAIL),),
        by="local:test",
    )
    surrogate = (await world.get("/crm/customers?limit=1", "analyst", ANALYST)).json["items"][0]["id"]
    told, rng = await bearers(world), random.Random(1)
    kinds = data_calls(told, surrogate, crowd[0].email or "") + own_calls(told, secret)
    n_before = len(world.entries())
    witness = Witness(world)

    async with teed(world.port, witness.on_bytes) as port:
        heard = await sent(port, [kinds[place % len(kinds)](rng) for place in range(N_CALLS)])
    await world.rooms.counting.flush(answers=True)
    entries = [entry for entry, _ in world.entries()[n_before:]]

    assert witness.early == []
    assert all(one.is_whole for _, one in heard)
    assert_wire_and_log_agree(heard, witness.authorised, entries)
    assert {one.status for _, one in heard} >= {200, 400, 401, 403, 404, 405, 415}
    assert not any(canary.encode() in one.body for canary in all_canaries() for _, one in heard)
    assert world.verdict().is_right


def assert_wire_and_log_agree(
    heard: list[tuple[bytes, Heard]], authorised: "Counter[str]", entries: list[Entry]
) -> None:
    """Each answer with a number has entries of exactly its bytes; the others are counted, all of them."""
    numbered = {one.headers["decision-id"]: one for _, one in heard if "decision-id" in one.headers}
    differing = {call: one for call, one in numbered.items() if len(one.body) != authorised[call]}
    assert [(one.status, len(one.body), authorised[call]) for call, one in differing.items()] == []

    assert {e.call for e in entries if isinstance(e, SignIn | Looked)} <= set(numbered)
    health = Counter(call.split(b" ")[1].decode() for call, one in heard if "decision-id" not in one.headers)
    counts = [entry.counts for entry in entries if isinstance(entry, Answered)]
    assert sum(sum(one.values()) for one in counts) == sum(health.values()) == sum(health[path] for path in HEALTH)
    assert ClientId("newsletter-app") in {entry.client for entry in entries if isinstance(entry, SignIn)}


async def test_the_witness_notices_a_byte_that_was_not_entered(world: World) -> None:
    """The test above could fail: of a call without an entry, one byte is too much."""
    witness = Witness(world)
    witness.on_bytes(Heard(status=200, headers={"decision-id": "never-entered"}, body=b"x"))
    assert len(witness.early) == 2


async def test_a_released_byte_is_in_the_digest_of_its_block(world: World) -> None:
    """The entry holds the SHA-256 of exactly the bytes that left."""
    reply = await world.get("/crm/customers?limit=50", "analyst", ANALYST)
    [(entry, _)] = world.entries_of(reply.headers["decision-id"])
    assert isinstance(entry, Release)
    assert entry.digest == sha256(reply.body).hexdigest()
