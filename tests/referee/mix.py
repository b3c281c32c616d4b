# SPDX-License-Identifier: Apache-2.0
"""The mix: a table of what callers do, with how often they do it.

A row is a weight and a function that makes one call, or a few that belong together. A new kind of call is
a new row; which status it comes to is for the reckoner to find out, not for the mix to know.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from tests.referee.callers import FORM_TYPE, GRANT, JSON_TYPE, Crew, Gone, Line, basic, read, request
from tests.referee.http1 import Message
from tests.referee.rig import ADNET, ANALYST, EMAIL, SMS, SUPPORT, SUSPECT

Make = Callable[[Line], Awaitable[object]]


async def stated(line: Line, name: str, purpose: str, **more: str) -> dict[str, str]:
    """Return the headers of somebody with a purpose."""
    return {"Authorization": await line.bearer(name), "Data-Purpose": purpose, **more}


def analyst(target: str, *, method: str = "GET", **more: str) -> Make:
    """Return a call of an analyst; ``{n}`` becomes a number, underscores in names of headers hyphens."""

    async def make(line: Line) -> Message:
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        place = target.replace("{n}", str(line.rng.randint(1, 300)))
        return await line.ask(place, {**await stated(line, "analyst-0", ANALYST), **headers}, method=method)

    return make


def asked_as(name: str, purpose: str, target: str) -> Make:
    """Return a call of somebody."""

    async def make(line: Line) -> Message:
        place = target.replace("{n}", str(line.rng.randint(1, 300))).replace("{id}", some_customer(line))
        return await line.ask(place, await stated(line, name, purpose, **{"Data-Reference": "case-1"}))

    return make


def unknown(target: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Make:
    """Return a call of nobody known."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def make(line: Line) -> Message:
        return await line.ask(target, named, method=method, body=body)

    return make


def some_customer(line: Line) -> str:
    """Return the id of somebody."""
    return line.rng.choice(line.crew.rig.crowd).id


async def pages(line: Line) -> None:
    """Follow the links of a list, as far as a few pages."""
    target = f"/crm/customers?limit={line.rng.randint(20, 60)}"
    for _ in range(3):
        answer = await line.ask(target, await stated(line, "analyst-0", ANALYST))
        link = answer.headers.get("link", "")
        if "<" not in link:
            return
        target = link.partition("<")[2].partition(">")[0]


async def one_by_surrogate(line: Line) -> None:
    """Ask for one person by what the gateway called it, and filter by the same."""
    headers = await stated(line, "analyst-0", ANALYST)
    rows = read(await line.ask(f"/crm/customers?limit=5&offset={line.rng.randint(0, 100)}", headers)).get("items", [])
    for row in rows[:1]:
        await line.ask(f"/crm/customers/{quote(row['id'], safe='')}", headers)
        await line.ask(f"/crm/contacts?customer_id={quote(row['id'], safe='')}", headers)


async def filtered(line: Line) -> None:
    """Filter and sort by what leaves clear."""
    await line.ask(
        f"/crm/customers?country={line.rng.choice(('CN', 'DE', 'FR', 'US'))}&limit=50&sort=-duration,id",
        await stated(line, "analyst-0", ANALYST),
    )


async def big(line: Line) -> None:
    """Take an answer of several blocks."""
    await line.ask("/crm/contacts?limit=10000", await stated(line, SUSPECT, ANALYST))


def big_in(form: str) -> Make:
    """Return a long answer in another form."""

    async def make(line: Line) -> Message:
        return await line.ask("/crm/contacts?limit=10000", await stated(line, SUSPECT, ANALYST, Accept=form))

    return make


def hung_up_in(form: str) -> Make:
    """Return a long answer in another form, of which not all is taken."""

    async def make(line: Line) -> None:
        call = request("/crm/contacts?limit=10000", await stated(line, SUSPECT, ANALYST, Accept=form))
        await line.hang_up(call, line.rng.choice((1, 5_000, 50_000)))

    return make


async def big_hung_up(line: Line) -> None:
    """Hang up somewhere in an answer of several blocks, or before it."""
    call = request("/crm/contacts?limit=10000", await stated(line, SUSPECT, ANALYST))
    await line.hang_up(call, line.rng.choice((0, 1, 200, 5_000, 50_000, 90_000)))


async def small_hung_up(line: Line) -> None:
    """Hang up on an answer of one block."""
    call = request("/crm/customers?limit=100", await stated(line, "analyst-0", ANALYST))
    await line.hang_up(call, line.rng.choice((0, 1, 300, 10_000)))


async def slowly(line: Line) -> None:
    """Read an answer of several blocks with pauses."""
    call = request("/crm/contacts?limit=6000", await stated(line, SUSPECT, ANALYST))
    await line.close()
    await line.read_slowly(call, 30)


async def pipelined(line: Line) -> None:
    """Send three calls at once."""
    headers = await stated(line, "analyst-0", ANALYST)
    calls = [request(target, headers) for target in ("/crm/customers?limit=3", "/-/livez", "/shop/orders?limit=3")]
    await line.exchange(b"".join(calls), ["GET"] * 3)


async def wrong_password(line: Line) -> None:
    """Sign in as somebody, and as nobody, with a wrong password, and go on with a code as if nothing were."""
    name = line.rng.choice(("officer-3", "nobody at all"))
    first = await line.posted("/-/login", {"username": name, "password": "not the right one"})
    await line.posted("/-/login/totp", {"login": read(first).get("login", "x"), "code": "123456"})


async def signed_in_and_out(line: Line) -> None:
    """Sign in for real, look at oneself, renew the bearer, use an old one, sign out."""
    person = line.crew.person("officer", line.rng.randint(0, 1))
    if line.crew.lock(person.name).locked() or not line.has_code(person):
        await line.ask("/-/livez")
        return
    async with line.crew.lock(person.name):
        told = await line.sign_in(person)
        headers = {"Authorization": f"Bearer {told.access}"}
        await line.ask("/-/me", headers)
        for _ in range(2):
            await line.posted("/-/login/refresh", {"refresh_token": told.refresh})
        await line.ask("/-/logout", headers, method="POST")
        await line.ask("/-/me", headers)


async def service_token(line: Line) -> None:
    """Ask for a bearer of a service with the right secret, and with a wrong one."""
    for name, (secret, _) in line.crew.rig.clients.items():
        told = secret if line.rng.random() < 0.5 else secret[:-4] + "aaaa"
        await line.ask("/-/oauth/token", {**FORM_TYPE, **basic(name, told)}, method="POST", body=GRANT)


async def myself(line: Line) -> None:
    """Ask who one is."""
    await line.ask("/-/me", {"Authorization": await line.bearer("analyst-0")})


async def my_decision(line: Line) -> None:
    """Ask about a decision of one's own, and about one that is not."""
    headers = await stated(line, "analyst-0", ANALYST)
    answer = await line.ask("/crm/customers?limit=2", headers)
    own = {"Authorization": headers["Authorization"]}
    await line.ask(f"/-/me/decisions/{answer.headers.get('decision-id', 'none')}", own)
    await line.ask(f"/-/me/decisions/{'0' * 32}", own)


async def could_i(line: Line) -> None:
    """Ask what would come of a call."""
    question = {
        "action": {"name": "read"},
        "resource": {"id": line.rng.choice(("crm.customers", "crm.nothing")), "type": "dataset"},
        "context": {"purpose": ANALYST},
    }
    await line.posted("/-/access/v1/evaluation", question, {"Authorization": await line.bearer("analyst-0")})


def searched(target: str, content: dict[str, object], **more: str) -> Make:
    """Return a search by an analyst whose words stand in the body."""

    async def make(line: Line) -> None:
        headers = await stated(line, "analyst-0", ANALYST, **{name.replace("_", "-"): v for name, v in more.items()})
        answer = await line.posted(target, content, headers)
        link = answer.headers.get("link", "")
        if "<" in link:
            await line.posted(link.partition("<")[2].partition(">")[0], content, headers)

    return make


async def batch(line: Line) -> None:
    """Ask for several people by their ids."""
    ids = [line.rng.choice(line.crew.rig.crowd).id for _ in range(10)]
    headers = await stated(line, "service-agent-0", SUPPORT)
    await line.posted("/crm/customers/batch", {"ids": sorted(set(ids))}, headers)
    await line.ask(f"/crm/customers?ids={','.join(sorted(set(ids)))}&limit=50", headers)


async def written(line: Line) -> None:
    """Create somebody, look, change, change under a condition, and delete again; some of it twice."""
    headers = await stated(line, "service-agent-0", SUPPORT)
    number = f"n-{line.rng.getrandbits(48):012x}"
    key = {"Idempotency-Key": number}
    record = {"id": number, "name": f"Somebody {number}", "email": f"{number}@example.org", "notes": "asked for help"}
    for _ in range(line.rng.randint(1, 2)):
        await line.posted("/crm/customers", record, {**headers, **key})
    found = await line.ask(f"/crm/customers/{number}", headers)
    patch = {**headers, "Content-Type": "application/merge-patch+json"}
    tag = {"If-Match": found.headers["etag"]} if "etag" in found.headers else {}
    for condition in ({}, tag, {"If-Match": '"no such tag"'}):
        body = json.dumps({"notes": f"called back {line.rng.randint(1, 9)} times"}).encode()
        await line.ask(f"/crm/customers/{number}", {**patch, **condition}, method="PATCH", body=body)
    for _ in range(line.rng.randint(1, 2)):
        await line.ask(f"/crm/customers/{number}", headers, method="DELETE")


async def written_in_bulk(line: Line) -> None:
    """Write down several contacts at once."""
    customer = some_customer(line)
    contacts = [
        {"id": f"k-{line.rng.getrandbits(48):012x}", "customer_id": customer, "channel": "phone", "outcome": "reached"}
        for _ in range(line.rng.randint(1, 20))
    ]
    await line.posted("/crm/contacts/bulk", contacts, await stated(line, "service-agent-0", SUPPORT))


def write_refused(target: str, content: object, *, name: str = "service-agent-0", purpose: str = SUPPORT) -> Make:
    """Return a write that may not be made."""

    async def make(line: Line) -> None:
        await line.posted(target, content, await stated(line, name, purpose))

    return make


async def write_hung_up(line: Line) -> None:
    """Change somebody and do not wait for the answer."""
    headers = await stated(line, "service-agent-0", SUPPORT, **{"Content-Type": "application/merge-patch+json"})
    target = f"/crm/customers/{some_customer(line)}"
    await line.hang_up(request(target, headers, method="PATCH", body=b'{"notes":"moved"}'), line.rng.choice((0, 1)))


def said(content: bytes) -> Make:
    """Return what is no HTTP at all."""

    async def make(line: Line) -> None:
        await line.say(content)

    return make


MIX: tuple[tuple[int, Make], ...] = (
    # what is permitted: lists, pages, filters, single records
    (60, analyst("/crm/customers?limit={n}")),
    (60, analyst("/crm/contacts?limit={n}")),
    (40, analyst("/shop/orders?limit={n}&fields=id,total")),
    (30, asked_as("campaigner-0", EMAIL, "/crm/customers?limit={n}")),
    (20, asked_as("campaigner-0", SMS, "/crm/customers?limit={n}")),
    (40, asked_as("service-agent-0", SUPPORT, "/crm/customers/{id}")),
    (10, asked_as("service-agent-0", SUPPORT, "/shop/orders?customer_id={id}")),
    (30, asked_as("newsletter-app", EMAIL, "/crm/customers?limit={n}")),
    (20, asked_as("partner-adnet", ADNET, "/crm/customers?limit={n}")),
    (10, pages),
    (10, one_by_surrogate),
    (20, filtered),
    # long answers, slow readers, callers that go away
    (4, big),
    (6, big_hung_up),
    (10, small_hung_up),
    (2, slowly),
    (8, pipelined),
    # other forms, and searches whose words stand in a body
    (15, analyst("/crm/contacts?limit={n}", Accept="application/x-ndjson")),
    (15, analyst("/crm/customers?limit={n}", Accept="text/csv")),
    (5, analyst("/shop/orders?limit={n}", Accept="text/csv; formulas=escaped")),
    (4, big_in("application/x-ndjson")),
    (4, big_in("text/csv")),
    (4, hung_up_in("application/x-ndjson")),
    (10, searched("/crm/customers/search", {"where": {"country": ["CN", "DE"]}, "page": {"limit": 30}})),
    (4, searched("/crm/customers/search", {"where": {"job": ["services"]}}, Accept="application/x-ndjson")),
    (4, searched("/crm/customers/search", {"where": {"religion": "none"}})),
    (4, searched("/crm/customers/search", {"where": {"no_such": 1}})),
    (6, batch),
    # writes, made and refused
    (4, written),
    (4, written_in_bulk),
    (3, write_hung_up),
    (3, write_refused("/crm/customers", {"id": "n-1", "religion": "none"})),
    (3, write_refused("/crm/customers", {"id": 5, "name": ["x"]})),
    (3, write_refused("/crm/customers", {"name": "x"}, name="analyst-0", purpose=ANALYST)),
    (2, write_refused("/crm/contacts/bulk", [{"customer_id": "c-000001", "no_such": 1}])),
    # refusals: of whom is not known, and of whom is
    (10, unknown("/crm/customers")),
    (10, unknown("/crm/customers", Authorization="Bearer a.b.c")),
    (5, unknown("/crm//customers")),
    (5, unknown("/-/nothing")),
    (5, unknown("/crm/customers", Range="bytes=0-1")),
    (5, analyst("/crm/customers?limit=x{n}")),
    (5, analyst("/crm/customers?no_such_parameter={n}")),
    (5, analyst("/crm/customers?religion=none")),
    (5, analyst("/crm/customers?fields=id,religion")),
    (5, analyst("/crm/customers?sort=balance")),
    (5, analyst("/crm/customers?email=nobody@example.org")),
    (5, analyst("/crm/customers?limit=5", Data_Purpose="no.such.purpose")),
    (5, analyst("/crm/customers?limit=5", Data_Purpose=EMAIL)),
    (5, analyst("/crm/customers?limit=5", Accept="image/png")),
    (5, analyst("/crm/customers?limit=5", Accept_Language="zh", Data_Purpose="no.such.purpose")),
    (5, analyst("/crm/customers", method="DELETE")),
    (3, analyst("/crm/customers", method="HEAD")),
    (5, analyst("/nowhere/{n}")),
    (8, asked_as("service-agent-0", SUPPORT, "/crm/customers/c-999999")),
    (5, asked_as("officer-2", SUPPORT, "/crm/customers?limit=5")),
    (5, asked_as("newsletter-app", ADNET, "/crm/customers?limit=5")),
    # signing in and out
    (6, wrong_password),
    (1, signed_in_and_out),
    (8, service_token),
    (4, unknown("/-/login", method="POST", body=b"{", Content_Type="application/json")),
    (4, unknown("/-/login", method="POST", body=b'{"username":"x"}', Content_Type="application/json")),
    (4, unknown("/-/login/totp", method="POST", body=b"x=1", Content_Type="text/plain")),
    # the gateway's own
    (10, myself),
    (2, my_decision),
    (8, could_i),
    (4, unknown("/-/access/v1/evaluation", method="POST", body=b"{}", Content_Type=JSON_TYPE["Content-Type"])),
    (15, unknown("/-/livez")),
    (10, unknown("/-/readyz")),
    (4, unknown("/-/jwks.json")),
    (4, unknown("/-/problems")),
    (6, unknown("/-/problems/grant-missing")),
    (6, unknown("/-/problems/held", Accept="application/json", Accept_Language="zh")),
    (3, unknown("/-/problems/nothing")),
    (4, unknown("/-/log/door-0/checkpoint")),
    (2, unknown("/-/livez?x=1")),
    # what is no call
    (3, said(b"GARBAGE\r\n\r\n")),
    (2, said(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n")),
    (2, said(b"GET /crm/customers HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")),
)


async def played(crew: Crew, at_once: int, progress: Callable[[int], None] = lambda _: None) -> None:
    """Let so many callers make the crew's calls; the same seeds make the same choices.

    Args:
        crew: What they share; ``left`` says how many calls there are to make.
        at_once: Callers, each with one connection.
        progress: Told the number of calls made so far, now and then.
    """
    weights, makes = [weight for weight, _ in MIX], [make for _, make in MIX]

    async def play(seed: int) -> None:
        line = Line(crew, seed)
        while crew.left > 0:
            [make] = line.rng.choices(makes, weights)
            try:
                await make(line)
            except (Gone, ConnectionError):
                await line.close()
            progress(crew.n_made)
        await line.close()

    async with asyncio.TaskGroup() as group:
        for seed in range(at_once):
            group.create_task(play(seed))
