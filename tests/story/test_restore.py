# SPDX-License-Identifier: Apache-2.0
"""A backup is put back, and everything that happened after it is still so: the log knows, and is replayed."""

import asyncio
import base64
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from gateway.app import backups
from gateway.app.installation import Rooms, open_installation
from gateway.app.keyring import open_keyring
from gateway.app.making import totp_now
from gateway.app.slots import CLI_SLOT, DOOR_SLOT
from gateway.demo.people import Customer
from gateway.domain.choice import Choice, ChoiceState
from gateway.domain.entry import Changed, Part
from gateway.domain.errors import StateBehind, StateUnavailable
from gateway.domain.names import AccountId, ClientId, PersonNumber, PurposeKey
from gateway.identify.totp import step_at
from gateway.record.proof.verify import verify_logs
from gateway.settings.loading import Settings
from gateway.store.backup import header_of
from gateway.store.putting_back import put_back as swap_in
from gateway.store.schema import choice, person_identity, person_key, session
from tests.fakes.budgeted import budgeted
from tests.fakes.command_line import Answer, CommandLine
from tests.fakes.enrolled import confirmed
from tests.story.conftest import ANALYST, CUSTOMER, EMAIL, SUPPORT, Reply, World, fill, opened
from tests.story.test_writes import written

OLD, NEW = "seven lamps of architecture", "a lighthouse keeper reads slowly"
MARKETING = PurposeKey("marketing")


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


class Someone(msgspec.Struct, frozen=True):
    """A person of the installation with everything that proves it."""

    name: str
    account: AccountId
    secret: bytes
    codes: tuple[str, ...]


async def enrolled(rooms: Rooms, name: str) -> Someone:
    """Add a person with an authenticator and recovery codes."""
    account = await rooms.enrolment.add_person(name, OLD, roles=("analyst",), recipient="own", by="local:test")
    fresh = await rooms.enrolment.enrol_totp(account, by="local:test")
    secret = base64.b32decode(fresh.secret)
    return Someone(name, account, secret, (await confirmed(rooms, account, secret)).recovery_codes)


async def sign_in(world: World, who: Someone, code: str, password: str = OLD) -> Reply:
    """Show a password, then a code."""
    started = await world.post("/-/login", {"username": who.name, "password": password})
    return await world.post("/-/login/totp", {"login": started.json["login"], "code": code})


def code_of(who: Someone) -> str:
    """Return the code that an authenticator shows now."""
    return totp_now(base64.b32encode(who.secret).decode())


def commands(settings: Settings) -> Callable[..., Awaitable[Answer]]:
    """Return what gives commands for an installation, away from the loop of the test."""
    database = settings.database
    line = CommandLine(settings.state, {} if database is None else {"GATEWAY_DATABASE": database.get_secret_value()})

    async def give(*words: str, stdin: str = "", code: int = 0) -> Answer:
        return await asyncio.to_thread(line, *words, stdin=stdin, code=code)

    return give


async def copied(rooms: Rooms, folder: Path) -> dict[str, Path]:
    """Take a backup while the gateway goes on."""
    await asyncio.to_thread(folder.mkdir)
    files = {"main": folder / "state.gwb", "keys": folder / "state.keys.gwb"}
    await backups.back_up(rooms, files, key_days=30, by="local:test", progress=lambda _n: None)
    return files


async def put_back(settings: Settings, files: dict[str, Path]) -> None:
    """Put a backup back into an installation that stands still."""
    await backups.restore(settings, open_keyring(settings), files, lambda _n: None)


async def identities(rooms: Rooms) -> dict[bytes, int]:
    """Return which digest of an identity has which number."""
    async with rooms.store.connect() as connection:
        rows = await connection.execute(select(person_identity.c.lookup, person_identity.c.number))
        return {lookup: number for lookup, number in rows}  # noqa: C416 - rows are no pairs for the checker


async def shredded(rooms: Rooms, number: PersonNumber) -> None:
    """Shred a person as a command does: the log first."""
    await rooms.log.append(Changed(by="local:test", what="person-shredded", target=str(number)), Part(met=(number,)))
    await rooms.people.shred(number)


async def merged(rooms: Rooms, source: PersonNumber, target: PersonNumber) -> None:
    """Merge two people as a command does: the log first."""
    facts: dict[str, str | int] = {"into": target}
    await rooms.log.append(Changed(by="local:test", what="person-merged", target=str(source), facts=facts))
    await rooms.people.merge(source, target)


async def test_after_a_restore_everything_is_still_so(
    settings: Settings, store_port: int, crowd: list[Customer], tmp_path: Path
) -> None:
    """Lock, objections, shredding, merging, numbers, budgets, codes, passwords, clients, sign-ins: all of it."""
    give, wire = commands(settings), tmp_path / "wire.log"
    budgeted(settings.policies_dir, ANALYST, "people: 60, hours: 24")
    async with opened(settings, store_port, crowd, wire) as world:
        await fill(world.rooms, crowd)
        ana, ben, cem = [await enrolled(world.rooms, name) for name in ("ana", "ben", "cem")]
        client, secret = await world.rooms.enrolment.add_client(
            "letters", name="Letters", roles=("newsletter-app",), recipient="mail-service",
            scopes=(PurposeKey(EMAIL),), by="local:test",
        )  # fmt: skip
        first = await world.numbers([crowd[n].id for n in (0, 200, 201, 202)])
        files = await copied(world.rooms, tmp_path / "backup")

        # What happens after the backup.
        assert (await world.get("/crm/customers?limit=30", "analyst", ANALYST)).status == 200
        code = code_of(ana)
        tokens = await sign_in(world, ana, code)
        assert tokens.status == 200
        assert (await sign_in(world, ben, ben.codes[0])).status == 200
        for _ in range(3):
            await sign_in(world, ben, "000000")
        await give("lock", "campaigner", "--reason", "incident 7")
        for who, state in ((crowd[0].id, "objected"), ("unheard-of", "withdrawn")):
            identity = ("--identity", CUSTOMER, who)
            await give("choice", "set", *identity, "--purpose", MARKETING, "--choice", state)
        (tmp_path / "new-password").write_text(NEW)
        await give("user", "set-password", "cem", "--password-file", str(tmp_path / "new-password"))
        await give("user", "disable", "officer")
        await give("client", "disable", client)
        late = await enrolled(world.rooms, "late")
        await shredded(world.rooms, first[1])
        await merged(world.rooms, first[2], first[3])
        fresh = await world.numbers([f"new-{n}" for n in range(50)])
        known = await identities(world.rooms)
        assert len(known) > 300
        objected = await world.rooms.choices.of(first[0])
        [unheard] = await world.numbers(["unheard-of"])

    await put_back(settings, files)

    async with opened(settings, store_port, crowd, wire) as world:
        rooms = world.rooms
        assert rooms.restored is not None
        assert rooms.restored.settled.lost == (late.account,)
        # People: the same numbers, none of them given twice; who was shredded is, and who was merged is.
        assert await identities(rooms) == known
        assert await world.numbers([f"new-{n}" for n in range(50)]) == fresh
        assert not set(await world.numbers([f"later-{n}" for n in range(50)])) & set(known.values())
        assert await rooms.people.identities(first[1]) == []
        assert (await rooms.people.numbers_of(first[3])) == (first[3], first[2])
        # Choices, of somebody known and of somebody new.
        assert await rooms.choices.of(first[0]) == objected
        assert [one.state for one in await rooms.choices.of(unheard)] == [ChoiceState.WITHDRAWN]
        # Half of the budget is spent: the same people may leave again, and thirty more.
        assert (await world.get("/crm/customers?limit=30", "analyst", ANALYST)).status == 200
        assert (await world.get("/crm/customers?limit=61", "analyst", ANALYST)).status == 429
        assert (await world.get("/crm/customers?limit=60", "analyst", ANALYST)).status == 200
        # The lock; the account and the client that were disabled.
        assert (await world.get("/crm/customers?limit=5", "campaigner", EMAIL)).json["reason"] == "held"
        officer = await rooms.accounts.named("officer")
        assert officer is not None
        assert officer.disabled_us is not None
        basic = base64.b64encode(f"{client}:{secret}".encode()).decode()
        asked = await world.ask(
            "POST", "/-/oauth/token", {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"},
            b"grant_type=client_credentials",
        )  # fmt: skip
        assert asked.json["error"] == "invalid_client"
        # What was spent is spent, and what was changed is not as it was.
        spent = await rooms.accounts.totp_of(ana.account)
        assert spent is not None
        assert spent.last_step >= step_at(rooms.clock()) - 8
        assert (await sign_in(world, ana, code)).status == 401
        record = await rooms.accounts.get(ben.account)
        assert record is not None
        assert record.failures == 3
        assert (await sign_in(world, ben, ben.codes[0])).status == 401
        assert (await sign_in(world, ben, ben.codes[1])).status == 200
        for password in (OLD, NEW):
            assert (await sign_in(world, cem, code_of(cem), password)).status == 401
        # Nobody is signed in any more.
        bearer = f"Bearer {tokens.json['access_token']}"
        assert (await world.get("/-/me", None, None, Authorization=bearer)).status == 401
        refreshed = await world.post("/-/login/refresh", {"refresh_token": tokens.json["refresh_token"]})
        assert refreshed.status == 401
        async with rooms.store.connect() as connection:
            ended = select(session.c.id).where(session.c.revoked_us.is_(None), session.c.account != ben.account)
            assert (await connection.execute(ended)).all() == []
        # Who was told to set a new password does, and goes on.
        shown = (await give("user", "show", "cem", "--json")).document()
        assert [one["without"] for one in shown["restored"]] == ["password"]
        await give("user", "set-password", "cem", "--password-file", str(tmp_path / "new-password"))
        assert (await sign_in(world, cem, code_of(cem), NEW)).status == 200

    assert verify_logs(settings.state / "log").is_right
    async with open_installation(settings, DOOR_SLOT) as rooms:
        assert rooms.restored is None, "once brought up, a database is as new as its log"


async def numbered_and_copied(settings: Settings, tmp_path: Path) -> dict[str, Path]:
    """Let an installation live a little, be copied, and live on."""
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        await rooms.people.numbers(CUSTOMER, ["a", "b"])
        files = await copied(rooms, tmp_path / "backup")
        await rooms.people.numbers(CUSTOMER, ["c"])
    async with open_installation(settings, CLI_SLOT, with_rules=False) as rooms:
        await rooms.people.numbers(CUSTOMER, ["d"])
    return files


async def test_a_missing_log_keeps_everybody_from_being_ready(settings: Settings, tmp_path: Path) -> None:
    """A database that has seen a log that is not there any more is not opened, restored or not."""
    files = await numbered_and_copied(settings, tmp_path)
    log = settings.state / "log" / CLI_SLOT
    shutil.move(log, tmp_path / "away")

    with pytest.raises(StateBehind, match="node1/cli is missing"):
        async with open_installation(settings, DOOR_SLOT, with_rules=False):
            pass
    with pytest.raises(StateBehind, match="nothing was put back"):
        await put_back(settings, files)

    shutil.move(tmp_path / "away", log)
    await put_back(settings, files)
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        assert rooms.restored is not None
        assert len(await identities(rooms)) == 4


async def test_a_log_cut_short_keeps_everybody_from_being_ready(settings: Settings, tmp_path: Path) -> None:
    """The sentence says which log, how long it is, and how long it should be."""
    await numbered_and_copied(settings, tmp_path)
    log = settings.state / "log" / CLI_SLOT / "000000.ndjson"
    whole = log.read_bytes()
    log.write_bytes(b"".join(whole.splitlines(keepends=True)[:-3]))

    with pytest.raises(StateBehind, match=r"node1/cli has \d+ entries, and the database has seen \d+"):
        async with open_installation(settings, DOOR_SLOT, with_rules=False):
            pass


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_restore_by_any_other_means_is_found_too(settings: Settings, tmp_path: Path) -> None:
    """Files copied back by hand, as from a snapshot of the disk: the log names a higher beat."""
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        await rooms.people.numbers(CUSTOMER, ["a"])
    for name in ("gateway.db", "people-keys.db"):
        shutil.copy(settings.state / name, tmp_path / name)
    async with open_installation(settings, CLI_SLOT, with_rules=False) as rooms:
        numbers = await rooms.people.numbers(CUSTOMER, ["a", "b"])
    for name in ("gateway.db", "people-keys.db"):
        shutil.copy(tmp_path / name, settings.state / name)

    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        assert rooms.restored is not None
        assert await rooms.people.numbers(CUSTOMER, ["a", "b"]) == numbers
        # The value came back with the person, sealed under a key of its own.
        assert [one.value for one in await rooms.people.identities(numbers[1])] == ["b"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_log_that_was_changed_is_not_replayed(settings: Settings, tmp_path: Path) -> None:
    """It is verified before a word of it is believed."""
    files = await numbered_and_copied(settings, tmp_path)
    log = settings.state / "log" / CLI_SLOT / "000000.ndjson"
    log.write_bytes(log.read_bytes().replace(b'"people":1', b'"people":2', 1))

    with pytest.raises(StateBehind, match="nothing was put back: cli: entry"):
        await put_back(settings, files)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_part_that_was_deleted_keeps_its_entry_from_being_replayed(settings: Settings, tmp_path: Path) -> None:
    """Nobody knows who got which number: a good database stays, and nobody is ready with an older one."""
    files = await numbered_and_copied(settings, tmp_path)
    (settings.state / "log" / CLI_SLOT / "parts" / "000000.ndjson").write_bytes(b"")

    why = r"entry \d+ of story/node1/cli cannot be replayed: its part was deleted"
    with pytest.raises(StateBehind, match=f"{why}; nothing was put back"):
        await put_back(settings, files)
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        assert rooms.restored is None
        assert len(await identities(rooms)) == 4

    digest = backups.Signer(open_keyring(settings))
    for file in files.values():
        swap_in(file, header_of(file, digest), settings.state, lambda _n: None, is_noted=False)
    with pytest.raises(StateBehind, match=why):
        async with open_installation(settings, DOOR_SLOT, with_rules=False):
            pass


async def test_writes_after_the_backup_are_counted_again(
    settings: Settings, store_port: int, crowd: list[Customer], tmp_path: Path
) -> None:
    """Their facts stand in what was entered before they were forwarded; past the budget the record does not come back."""
    budgeted(settings.policies_dir, SUPPORT, "people: 2, hours: 24")
    async with opened(settings, store_port, crowd, tmp_path / "wire.log") as world:
        await fill(world.rooms, crowd)
        files = await copied(world.rooms, tmp_path / "backup")
        for n in (150, 151):
            assert (await written(world, "PATCH", customer(n), {"city": "Ulm"})).status == 200
        assert (await written(world, "DELETE", customer(160))).status == 204
        assert (await written(world, "PATCH", customer(152), {"city": "Ulm"})).status == 204
    await put_back(settings, files)

    async with opened(settings, store_port, crowd, tmp_path / "wire.log") as world:
        assert world.rooms.restored is not None
        assert world.rooms.restored.counts["blocks counted by budgets"] == 2
        assert (await written(world, "PATCH", customer(151), {"city": "Bonn"})).status == 200
        assert (await written(world, "PATCH", customer(152), {"city": "Ulm"})).status == 204


def customer(n: int) -> str:
    """Return the path of a customer."""
    return f"/crm/customers/c-{n:06}"


class Killed(Exception):
    """A process that does not come to what it had entered."""


async def entered_alone(settings: Settings, told: Choice) -> None:
    """Enter a choice and be killed before it is recorded."""
    async with open_installation(settings, CLI_SLOT, with_rules=False) as rooms:
        await rooms.people.numbers(CUSTOMER, ["a"])
        facts: dict[str, str | int] = {
            "purpose": told.purpose,
            "state": told.state,
            "at_us": told.at_us,
            "source": "cli",
        }
        await rooms.log.append(Changed(by="local:test", what="choice-recorded", target=str(told.person), facts=facts))
        raise Killed


async def test_a_choice_that_was_entered_and_not_kept_is_kept_at_the_next_opening(settings: Settings) -> None:
    """A process was killed between the two; nothing else is replayed, and nobody is signed out."""
    async with open_installation(settings, CLI_SLOT, with_rules=False) as rooms:
        [number] = await rooms.people.numbers(CUSTOMER, ["a"])
    told = Choice(person=number, purpose=MARKETING, state=ChoiceState.OBJECTED, at_us=1_790_000_000_000_000)
    with pytest.raises(Killed):
        await entered_alone(settings, told)

    for _ in range(2):
        async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
            assert rooms.restored is None
            assert await rooms.choices.of(number) == (told,)


async def test_nothing_is_put_back_under_a_running_gateway(settings: Settings, tmp_path: Path) -> None:
    """It would go on with what it remembers."""
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        await rooms.people.numbers(CUSTOMER, ["a"])
        files = await copied(rooms, tmp_path / "backup")
        with pytest.raises(StateUnavailable, match="stop every process"):
            await put_back(settings, files)


async def test_keys_of_people_shredded_after_the_backup_are_shredded_again(settings: Settings, tmp_path: Path) -> None:
    """The copy of the keys has the key; after the replay no base has it."""
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        [gone, stays] = await rooms.people.numbers(CUSTOMER, ["a", "b"])
        files = await copied(rooms, tmp_path / "backup")
        await shredded(rooms, gone)
    await put_back(settings, files)

    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        async with rooms.store.keys.connect() as connection:
            held = set((await connection.execute(select(person_key.c.number))).scalars())
        assert held == {stays}
        # Whoever comes under the same identity is somebody new.
        assert (await rooms.people.numbers(CUSTOMER, ["a"]))[0] not in (gone, stays)


async def test_without_the_copy_of_the_keys_values_are_sealed_anew_when_they_are_seen(
    settings: Settings, tmp_path: Path
) -> None:
    """Numbers and choices are the same; only who they are about has to be seen again."""
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        [number] = await rooms.people.numbers(CUSTOMER, ["a"])
        await rooms.choices.record(
            [Choice(person=number, purpose=MARKETING, state=ChoiceState.GIVEN, at_us=1)], "story"
        )
        files = await copied(rooms, tmp_path / "backup")
        async with rooms.store.keys.begin() as connection:
            await connection.execute(person_key.delete())
    await put_back(settings, {"main": files["main"]})

    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        assert await rooms.people.identities(number) == []
        assert await rooms.people.numbers(CUSTOMER, ["a"]) == [number]
        assert [one.value for one in await rooms.people.identities(number)] == ["a"]
        async with rooms.store.connect() as connection:
            assert len((await connection.execute(select(choice.c.id))).all()) == 1


async def test_a_secret_that_was_changed_after_the_backup_opens_nothing(settings: Settings, tmp_path: Path) -> None:
    """Neither the old one nor the new one; a third is given by a command."""
    async with open_installation(settings, CLI_SLOT, with_rules=False) as rooms:
        client, _ = await rooms.enrolment.add_client(
            "letters", name="", roles=("r",), recipient="own", scopes=(PurposeKey(EMAIL),), by="local:test"
        )
        files = await copied(rooms, tmp_path / "backup")
        await rooms.enrolment.renew_secret(client, by="local:test")
    await put_back(settings, files)

    async with open_installation(settings, CLI_SLOT, with_rules=False) as rooms:
        assert rooms.restored is not None
        assert rooms.restored.settled.without == (("letters", "secret"),)
        assert await rooms.clients.find("letters") is None
        await rooms.enrolment.renew_secret(ClientId("letters"), by="local:test")
        assert await rooms.clients.find("letters") is not None


async def killed(*_: object) -> int:
    """Stand for a process that ends before it has counted the beat up."""
    raise Killed


async def copied_and_killed(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a backup whose files are whole, and be killed before the log knows of it."""
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        monkeypatch.setattr(backups, "mark_now", killed)
        await copied(rooms, folder)


async def numbered_and_killed(settings: Settings, value: str) -> None:
    """Give somebody a number and be killed within the minute."""
    async with open_installation(settings, CLI_SLOT, with_rules=False) as rooms:
        await rooms.people.numbers(CUSTOMER, [value])
        raise Killed


async def test_a_copy_whose_making_was_killed_is_replayed_too(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No log names a higher beat than it has, so that it was put back is for itself to say."""
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        await rooms.people.numbers(CUSTOMER, ["a"])
    with pytest.raises(Killed):
        await copied_and_killed(settings, tmp_path / "backup", monkeypatch)
    with pytest.raises(Killed):
        await numbered_and_killed(settings, "b")
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        assert rooms.restored is None, "nobody was told of a newer state"
        known = await identities(rooms)

    await put_back(
        settings, {"main": tmp_path / "backup" / "state.gwb", "keys": tmp_path / "backup" / "state.keys.gwb"}
    )
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        assert rooms.restored is not None
        assert await identities(rooms) == known
        assert len(known) == 2
    async with open_installation(settings, DOOR_SLOT, with_rules=False) as rooms:
        assert rooms.restored is None
