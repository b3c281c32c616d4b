# SPDX-License-Identifier: Apache-2.0
"""A day of virtual IDs, and no value of a person is anywhere afterwards: mail addresses in a vault, phones under a key.

Columns are turned over and back, values revealed on a second person's word, messages sent under a mandate to a mail API
and a mail server, keys turned, a list traced, a person erased with a certificate, and a state of before put back.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.app.installation import Rooms
from gateway.app.making import enrol_at_once
from gateway.cli.desk.moments import day
from gateway.demo.people import Customer
from gateway.demo.tables import make
from gateway.domain.names import PurposeKey
from gateway.flows import rewrapping
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from tests.attack.test_reveal import decided, revealed, values
from tests.fakes.mail import MailApi, MailBox, mail_api, mail_box
from tests.fakes.office import PASSWORD, Office
from tests.fakes.seeded import N_SEEDED, files_below, findings, mail, name, phone, seeded, told, written_out
from tests.fakes.sending import Sender, message
from tests.fakes.watched import watching
from tests.story.conftest import EMAIL, SUPPORT, World, opened
from tests.story.test_nothing_in_clear import read, write
from tests.story.test_restore import copied, put_back
from tests.story.test_vault import in_vault
from tests.story.test_writes import written

N_PEOPLE = 160
"""More than one person may have revealed in a day on their own word."""
DAY_US = 86_400 * 1_000_000
ERASED = 0
KNOWN_BY = f"phone {phone(ERASED)}\nemail {mail(ERASED)}\nname {name(ERASED)}\nbirth_date 1980-05-01\n"


@pytest.fixture(scope="module")
def crowd(crowd: list[Customer]) -> list[Customer]:
    """The crowd, the first of whom can be told from everybody else by name, mail address and phone."""
    return seeded(crowd[:N_PEOPLE])


@pytest.fixture
def store_file(crowd: list[Customer], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample store with them, all in clear."""
    path = tmp_path_factory.mktemp("sample-store") / "store.db"
    make(path, crowd)
    return path


@pytest.fixture
async def api() -> AsyncIterator[MailApi]:
    """A mail API over HTTP."""
    async with mail_api() as api:
        yield api


@pytest.fixture
async def box() -> AsyncIterator[MailBox]:
    """A mail server."""
    async with mail_box() as box:
        yield box


@pytest.fixture
def settings(settings: Settings, api: MailApi, box: MailBox) -> Settings:
    """Both kinds at rest, and messages by both kinds of carriers."""
    in_vault(settings, phone="siv")
    file = settings.policies_dir / "datasets" / "crm.yaml"
    rules = file.read_text()
    begin = rules.index("            - method: POST\n              path: /mailer/messages\n")
    end = rules.index("            - method:", begin + 1)
    route = rules[begin:end].replace("/mailer/", "/post/")
    file.write_text(rules[:end] + route + rules[end:])
    smtp = {"kind": "smtp", "tls": "none", "sender": "news@trading.example"}
    carriers = {
        "mailer": StoreSettings(base_url=f"http://127.0.0.1:{api.port}", read_s=5),
        "post": StoreSettings.model_validate({"base_url": f"smtp://127.0.0.1:{box.port}", "read_s": 5, **smtp}),
    }
    return settings.model_copy(update={"stores": {**settings.stores, **carriers}})


async def mandated(world: World, office: Office) -> Sender:
    """Return a service that sends under a mandate of two people."""
    await office.enrol(world.rooms, {f"the-{role}": role for role in ("campaigner", "analyst", "officer")})
    _, secret = await world.rooms.enrolment.add_client(
        "night-mailer", name="night-mailer", roles=("mail-sender",), recipient="own", scopes=(PurposeKey(EMAIL),), by="local:test"
    )  # fmt: skip
    sender = Sender(world, "night-mailer", secret)
    asked = await office.proven(
        "the-campaigner", "mandate", "request", "--client", "night-mailer", "--purpose", EMAIL, "--recipient", "mail-service",
        "--dataset", "crm.customers", "--field", "email", "--most-people", "500", "--reference", "story-1",
        "--until", day(world.rooms.clock() + 20 * DAY_US), "--json",
    )  # fmt: skip
    sender.mandate = str(asked.document()["id"])
    for role in ("analyst", "officer"):
        await office.proven(f"the-{role}", "mandate", "approve", sender.mandate)
    return sender


async def sent(world: World, sender: Sender, api: MailApi, box: MailBox) -> None:
    """Send by both carriers to whoever may be written to; and what is refused, echoed or in clear."""
    known = [address for _, address in await sender.surrogates()]
    # A carrier that repeats the address in what it says.
    taken = api.answer
    api.answer = lambda one: f"HTTP/1.1 422 No\r\ncontent-length: {len(one['to'])}\r\n\r\n{one['to']}".encode()
    await sender.send([message(address, f"refused-{n}") for n, address in enumerate(known[:5])])
    api.answer = taken
    for path in ("/mailer/messages", "/post/messages"):
        reply = await sender.send([message(address, f"{path}-{n}") for n, address in enumerate(known)], path=path)
        assert reply.status == 200, reply.body
        assert reply.json["sent"] > N_SEEDED // 2
        box.says = f"550 {mail(1)} is not known here"
        clear = [message(mail(2), "k1", subject=name(2)), message(known[0], mail(3)), {mail(4): phone(4)}]
        for said in (clear, *clear, {"id": "k2", "to": {mail(5): 1}}):
            await sender.send(said, path=path)
        box.says = ""
    assert {mail(n) for n in range(N_SEEDED)} & set(api.reached)
    assert {mail(n) for n in range(N_SEEDED)} & set(box.reached)


async def revealed_on_a_second_word(world: World, known: Sequence[str]) -> None:
    """Ask for more than one person may, with a word of somebody else, and for what is no surrogate."""
    waiting = await revealed(world, known, field="email")
    assert waiting.status == 403, waiting.body
    assert (await decided(world, waiting.json["approval"], "officer")).status == 200
    shown = values(await revealed(world, known, field="email"))
    assert set(shown) & {mail(n) for n in range(N_SEEDED)}
    await revealed(world, [mail(1), phone(1), name(1)], field="email")
    await revealed(world, [mail(1)], field=mail(2))
    await revealed(world, [], dataset=mail(3), **{mail(4): phone(4)})


async def keys_turned(office: Office) -> None:
    """Rotate keys of each use, and seal anew what lies under them, in the database and in the store."""
    for label in ("people/wrap", "vault/mails", "at-rest/phones", "surrogate/mails"):
        await office("key", "rotate", label)
    await office("key", "rewrap", "people/wrap")
    await office("key", "rewrap", "vault/mails")
    await office("surrogate", "migrate", "crm.customers", "--field", "phone", "--accept-normalised")


async def erased(world: World, office: Office, out: Path, copy: Path) -> None:
    """Erase somebody, prove it, let an import try to bring them back, and let them back."""
    customer = ("--identity", "crm.customer_id", world.crowd[ERASED].id)
    assert (await written(world, "DELETE", f"/crm/customers/{world.crowd[ERASED].id}")).status == 204
    certificate = str(out / "erased.md")
    words = ("--because", "case-9", "--identifiers", "-", "--out", certificate, "--yes")
    await office("rights", "erase", *customer, *words, stdin=KNOWN_BY)
    await office("surrogate", "prove-unreadable", certificate)
    await office("surrogate", "prove-unreadable", certificate, "--backup", str(copy), code=1)
    await refused_as_erased(world)
    await office("rights", "lift-tombstone", *customer, "--because", "case-10")


async def refused_as_erased(world: World) -> None:
    """Write the erased person again."""
    again = {"name": name(ERASED), "email": mail(ERASED).upper(), "phone": phone(ERASED)}
    assert (await written(world, "POST", "/crm/customers", again)).json["reason"] == "erased-person"


@asynccontextmanager
async def away(rooms: Rooms, table: str) -> AsyncIterator[None]:
    """Take a table away, so that whatever asks it fails as a broken database lets it fail."""
    for before, after in ((table, f"{table}_away"), (f"{table}_away", table)):
        async with rooms.store.begin() as connection:
            await connection.execute(text(f"ALTER TABLE {before} RENAME TO {after}"))
        if before == table:
            yield


async def failed(world: World, sender: Sender, known: Sequence[str]) -> None:
    """Read, write, reveal and send while what they need is broken."""
    one = {"name": name(41), "email": mail(41), "phone": phone(41)}
    for table in ("vault_value", "vault_token", "tombstone_digest", "mandate"):
        async with away(world.rooms, table):
            await written(world, "POST", "/crm/customers", one)
            await world.get(f"/crm/customers?email={mail(1).replace('@', '%40')}", "service-agent", SUPPORT)
            await revealed(world, known[:3], field="email")
            await sender.send(message(known[0], f"{table} is away"))

    async def fail(_kind: object, values: Sequence[str]) -> list[int]:
        raise ValueError(f"of {mail(2)}: {values!r}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.rooms.people, "numbers", fail)
        await written(world, "POST", "/crm/customers", one)
        await world.get("/crm/customers?limit=3", "service-agent", SUPPORT)


async def test_after_a_day_of_virtual_ids_no_value_is_in_a_table_a_file_or_a_log(
    settings: Settings, store_port: int, crowd: list[Customer], api: MailApi, box: MailBox, tmp_path: Path, place: str,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Both engines, WAL and copies too; traces of errors at debug level, metrics, refusals and what a sender received."""
    monkeypatch.setattr(rewrapping, "SETTLE_US", 0)
    out, office = tmp_path / "said", Office(settings)
    out.mkdir()
    with caplog.at_level(logging.DEBUG, logger="gateway"):
        async with watching(settings, store_port, crowd, tmp_path) as watched:
            world = watched.world
            await enrol_at_once(
                world.rooms,
                "case-worker",
                PASSWORD.format("case-worker"),
                roles=("case-worker",),
                recipient="own",
                by="local:test",
            )
            await office("surrogate", "migrate", "crm.customers", "--dry-run")
            await office("surrogate", "migrate", "crm.customers", "--accept-normalised")
            await world.rooms.changes.follow()
            assert mail(1) not in str(await world.straight("/crm/customers?limit=1000"))
            await read(world)
            await write(world)
            listed = await world.get("/crm/customers?limit=150&fields=email", "case-worker", SUPPORT)
            known = [row["email"] for row in listed.json["items"] if row.get("email")][:101]
            await revealed_on_a_second_word(world, known)
            sender = await mandated(world, office)
            await sent(world, sender, api, box)
            files = await copied(world.rooms, tmp_path / "backup")
            await failed(world, sender, known)
            await keys_turned(office)
            leaked = "\n".join(f"{one},{mail(n)},{phone(n)}" for n, one in enumerate(known))
            traced = await office("surrogate", "trace", "-", stdin=leaked, code=1)
            assert f"{len(known)} rows with" in traced.out
            await erased(world, office, out, files["main"])
            await office("log", "export", "--out", str(out / "events.ndjson"))
            await office("surrogate", "migrate", "crm.customers", "--back")
            assert mail(1) in str(await world.straight("/crm/customers?limit=1000"))
            watched.sampler.sample()
            (out / "metrics.txt").write_bytes((await world.get("/-/metrics")).body)
            refused = world.refused
            received = bytes(sender.received)
        await put_back(settings, files)
        async with opened(settings, store_port, crowd, tmp_path / "wire.log") as world:
            await read(world)
            refused += world.refused
            # Read while everything is open still: what waits in a WAL is looked through as well.
            for file in files.values():
                file.rename(world.state / file.name)
            written_out(world.state, place, out)
    printed = capfd.readouterr()
    (out / "printed.txt").write_text(printed.out + printed.err + told(caplog.records) + office.said)
    (out / "refused.txt").write_text("\n".join(f"{one.headers} {one.body!r}" for one in refused))
    (out / "received.bin").write_bytes(received)
    looked = files_below(world.state, out)

    assert findings(looked) == []
    assert len(refused) > 60
    assert len([one for one in refused if one.status >= 500]) > 6
    assert {one.name for one in looked} >= {"metrics.txt", "events.ndjson", "erased.md", "erased.json"}
    assert len(looked) > 40
