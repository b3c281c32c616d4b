# SPDX-License-Identifier: Apache-2.0
"""After a day that uses everything, no mail address, phone or name of a person is anywhere that the gateway keeps."""

import logging
from pathlib import Path

import pytest

from gateway.app import backups
from gateway.app.evidence.incidents import scope
from gateway.app.index.indexing import fill as fill_index
from gateway.app.index.indexing import index_place
from gateway.app.kek_change import KekChange
from gateway.app.making import enrol_at_once
from gateway.app.rewrapping import announce_keys, rewrapping_of
from gateway.app.surrogates.erasing import erasing_of
from gateway.demo.people import Customer
from gateway.demo.tables import make
from gateway.domain.choice import ChoiceState
from gateway.domain.log_query import LogQuery
from gateway.domain.names import IdentityKind
from gateway.flows.incident.opening import sealed_list
from gateway.settings.loading import Settings
from gateway.store.engine import open_index
from gateway.store.log.index import LogIndex
from tests.fakes.seeded import N_SEEDED, files_below, findings, mail, name, phone, seeded, told, written_out
from tests.story.conftest import ANALYST, EMAIL, SUPPORT, World
from tests.story.test_vault import in_vault
from tests.story.test_writes import written

BY = "local:test"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "what-is-kept.md"


@pytest.fixture(scope="module")
def crowd(crowd: list[Customer]) -> list[Customer]:
    """The crowd, the first of whom can be told from everybody else by name, mail address and phone."""
    return seeded(crowd)


@pytest.fixture
def store_file(crowd: list[Customer], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample store with them."""
    path = tmp_path_factory.mktemp("sample-store") / "store.db"
    make(path, crowd)
    return path


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Mail addresses and phones are to lie in the vault."""
    in_vault(settings)
    return settings


async def read(world: World) -> None:
    """Read, filter and fail in many ways, with values of people in each of them."""
    for role, purpose in (("analyst", ANALYST), ("campaigner", EMAIL), ("service-agent", SUPPORT)):
        for path in ("/crm/customers?limit=50", "/crm/contacts?limit=50"):
            await world.get(path, role, purpose)
        for place in range(3):
            clear = mail(place).replace("@", "%40")
            for path in (
                f"/crm/customers?email={clear}&limit=5",
                f"/crm/customers?phone=%2B{phone(place)[1:]}&limit=5",
                f"/crm/customers?nobody={clear}",
                f"/crm/customers/{clear}",
                f"/crm/{clear}/x",
                f"/{clear}",
            ):
                await world.get(path, role, purpose)
    await world.get("/crm/customers", "analyst", mail(1))
    told = {"Authorization": "Bearer " + await world.bearer("analyst"), "Data-Purpose": ANALYST}
    await world.ask("GET", "/crm/customers", {**told, mail(2).replace("@", "-"): phone(2), "If-Match": name(2)})
    await world.ask("GET", "/crm/customers", {"Authorization": f"Bearer {mail(3)}", "Data-Purpose": ANALYST})
    await world.post("/-/login", {"username": mail(4), "password": phone(4)})
    await world.post("/-/login", {"username": "analyst", "password": phone(4), mail(5): name(5)})


async def write(world: World) -> None:
    """Write new people and changed ones, and what cannot be written."""
    for place in range(N_SEEDED, N_SEEDED + 5):
        said = {"name": name(place), "email": mail(place), "phone": phone(place), "country": "DE"}
        assert (await written(world, "POST", "/crm/customers", said)).status == 201
    one = "/crm/customers/c-000003"
    said = {"email": mail(N_SEEDED + 6), "phone": phone(N_SEEDED + 6), "name": name(N_SEEDED + 6)}
    assert (await written(world, "PATCH", one, said)).status == 200
    await written(world, "PATCH", one, {"nobody": mail(7), mail(8): phone(8)})
    await written(world, "PATCH", one, {"email": phone(9), "birth_date": name(9)})
    await written(world, "PATCH", one, {"email": mail(9)}, role="analyst", purpose=ANALYST)
    told = {"Authorization": "Bearer " + await world.bearer("service-agent"), "Data-Purpose": SUPPORT}
    broken = f'{{"email": "{mail(10)}", "email": "{mail(11)}'.encode()
    await world.ask("POST", "/crm/customers", {**told, "Content-Type": "application/json"}, broken)
    await world.ask("POST", "/crm/customers", {**told, "Content-Type": mail(12)}, broken)


async def reveal(world: World) -> None:
    """Have values of surrogates back."""
    await enrol_at_once(
        world.rooms, "case-worker", "case-worker correct horse", roles=("case-worker",), recipient="own", by=BY
    )
    listed = await world.get("/crm/customers?limit=20&fields=email", "case-worker", SUPPORT)
    shown = [row["email"] for row in listed.json["items"] if row.get("email")]
    told = {"Data_Purpose": SUPPORT, "Data_Reference": "case-1"}
    bearer = "Bearer " + await world.bearer("case-worker")
    for surrogates, status in ((shown, 200), ([mail(1), phone(2)], 200)):
        body = {"dataset": "crm.customers", "field": "email", "surrogates": surrogates}
        answer = await world.post("/-/surrogates/reveal", body, Authorization=bearer, **told)
        assert answer.status == status, answer.body


async def keep(world: World) -> None:
    """Know people by what they are, list them, copy the state, turn the keys, erase somebody."""
    rooms = world.rooms
    values = [value for place in range(10) for value in (mail(place), phone(place), name(place))]
    await rooms.people.numbers(IdentityKind("crm.email"), values)
    await world.choose("c-000001", EMAIL, ChoiceState.OBJECTED)
    base = await open_index(index_place(rooms.settings))
    await fill_index(LogIndex(base), world.state / "log")
    await base.close()
    found = await scope(rooms, LogQuery(), by=BY, from_files=False, done=lambda _n: None)
    listed = await sealed_list(
        found.people, query="", vault=rooms.keyring, recorder=rooms.log, clock=rooms.clock, by=BY
    )
    (world.state / "incident.list").write_bytes(listed)
    files = {"main": world.state / "copy.gwb", "keys": world.state / "copy.keys.gwb"}
    await backups.back_up(rooms, files, key_days=30, by=BY, progress=lambda _n: None)
    for label in ("people/wrap", "totp", "vault/mails", "vault/phones", "surrogate/crm.customers.email"):
        if label in rooms.keyring.labels():
            rooms.keyring.rotate(label)
            await rewrapping_of(rooms).run(label, by=BY)
    change = KekChange(rooms.settings, rooms.keyring, rooms.log.append, lambda: announce_keys(rooms), BY)
    await change.change(None)
    for value in (mail(0), mail(5)):
        number = await rooms.people.find(IdentityKind("crm.email"), value)
        assert number is not None
        await erasing_of(rooms, slot="door-0").erase(number, BY, "case-9")


async def test_no_value_of_a_person_is_in_a_table_a_file_or_a_log(
    world: World, tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Mail addresses, phones and names that nobody else has, in any spelling; both engines, WAL and copies too."""
    with caplog.at_level(logging.INFO):
        await read(world)
        await write(world)
        await reveal(world)
        await keep(world)
        await read(world)
    out = tmp_path / "written-out"
    out.mkdir()
    written_out(world.state, place, out)
    printed = capfd.readouterr()
    (out / "printed.txt").write_text(printed.out + printed.err + told(caplog.records))
    # Read while everything is open still: what waits in a WAL is looked through as well.
    files = files_below(world.state, out)

    assert findings(files) == []
    assert len(files) > 20
    assert sum(path.stat().st_size for path in files) > 100_000


def test_what_is_looked_for_is_found_where_it_is(store_file: Path) -> None:
    """The same look finds the store itself full of it."""
    assert len(findings([store_file])) >= 3 * N_SEEDED


async def test_every_file_of_the_state_is_on_the_page(world: World) -> None:
    """Whatever lies there after that day, the page says what it is and what of a person is in it."""
    await read(world)
    await write(world)
    await keep(world)
    patterns = [one.split("`")[1] for one in PAGE.read_text("utf-8").splitlines() if one.startswith("| `STATE/")]
    named = [one.removeprefix("STATE/") for one in patterns]
    files = [path.relative_to(world.state) for path in world.state.rglob("*") if path.is_file()]
    own = {"incident.list", "copy.gwb", "copy.keys.gwb"}

    assert [
        str(path) for path in files if str(path) not in own and not any(path.match(pattern) for pattern in named)
    ] == []
