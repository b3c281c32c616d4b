# SPDX-License-Identifier: Apache-2.0
"""json-server behind the gateway, as docs/how-to/json-server.md says: the real one, in both its styles.

It is installed by tests/servers/json-server/install, once for each lock file.
"""

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from gateway.domain.entry import Release
from tests.fakes.canaries import all_canaries
from tests.fakes.own_pages import ANALYST, all_pages, files_of, free_port, opened_with, run_page, settings_for, started
from tests.fakes.programme import MEMBERS, N_MEMBERS, as_json
from tests.story.conftest import World

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="json-server needs node and npm, which are not installed"),
]
PAGE, PATH = "json-server.md", "/loyalty/members"
CLASSIC, NEWER = "json-server", "json-server-1"
INSTALL = Path(__file__).parent / "json-server" / "install"
PROGRAMS = {CLASSIC: "lib/cli/bin.js", NEWER: "lib/bin.js"}


@pytest.fixture(scope="module")
def programs() -> Path:
    """The folder of installed packages."""
    done = subprocess.run([INSTALL], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip()) / "node_modules"


def serving(programs: Path, package: str, folder: Path) -> Iterator[int]:
    port = free_port()
    as_json(folder / "store.db.json")
    command = [
        "node",
        str(programs / package / PROGRAMS[package]),
        "store.db.json",
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
    ]
    with started(command, port, folder):
        yield port


@pytest.fixture(scope="module")
def classic(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a running json-server 0.17."""
    yield from serving(programs, CLASSIC, tmp_path_factory.mktemp("classic"))


@pytest.fixture(scope="module")
def newer(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a running json-server 1."""
    yield from serving(programs, NEWER, tmp_path_factory.mktemp("newer"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(classic: int, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A gateway before json-server 0.17."""
    folder = tmp_path_factory.mktemp("gateway")
    async with opened_with(settings_for(PAGE, classic, folder / "state"), classic, folder) as world:
        yield world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world_1(newer: int, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A gateway before json-server 1, whose list is declared by the page's other block."""
    folder = tmp_path_factory.mktemp("gateway-1")
    settings = settings_for(PAGE, newer, folder / "state")
    files = files_of(PAGE)
    dataset = yaml.safe_load(files["policies/datasets/loyalty.yaml"])
    routes = dataset["dataset"][0]["collections"][0]["gateway"]["routes"]
    routes[0] = yaml.safe_load(files["members-1.yaml"])[0]
    text = yaml.safe_dump(dataset, sort_keys=False, allow_unicode=True).replace("true", "yes")
    (settings.state / "policies/datasets/loyalty.yaml").write_text(text, "utf-8")
    async with opened_with(settings, newer, folder) as world:
        yield world


async def surrogates(world: World) -> dict[str, str]:
    """Return the analyst's surrogate of each member, by the order of the file."""
    rows = [row for page in await all_pages(world, f"{PATH}?_limit=500") for row in page]
    return {str(member["id"]): str(row["id"]) for member, row in zip(MEMBERS, rows, strict=True)}


async def test_the_page_does_what_it_says(world: World) -> None:
    """Its files are the rules of this gateway, its commands print what it shows."""
    await run_page(PAGE, world)


@pytest.mark.parametrize("query", ["_limit=20", "_limit=19", "_page=1&_limit=5", "_limit=20&_sort=points&_order=desc"])
async def test_all_pages_together_are_all_members_once(world: World, query: str) -> None:
    """Whatever the order, and when the last page is full."""
    pages = await all_pages(world, f"{PATH}?{query}")
    ids = [row["id"] for page in pages for row in page]
    assert len(ids) == len(set(ids)) == N_MEMBERS


async def test_a_page_is_the_same_by_its_number_and_by_its_cursor(world: World) -> None:
    """A client that counts pages goes on as it did."""
    by_link = await all_pages(world, f"{PATH}?_limit=20")
    by_number = [(await world.get(f"{PATH}?_limit=20&_page={n}", ANALYST)).json for n in (1, 2, 3, 4)]
    assert by_number == [*by_link, []]


async def test_filters_and_orders_choose_what_json_server_chooses(world: World) -> None:
    """Clear values as they are, surrogates as what they stand for; directions stand apart from names."""
    known = await surrogates(world)
    by_country = sorted(MEMBERS, key=lambda one: (str(one["country"]), -int(one["points"])))
    for query, expected in {
        "tier=gold&points_gte=50&points_lte=90": [
            one for one in MEMBERS if one["tier"] == "gold" and 50 <= int(one["points"]) <= 90
        ],
        f"id={known['m-007']}": [MEMBERS[6]],
        "_sort=country,points&_order=asc,desc": by_country,
        "_sort=points": sorted(MEMBERS, key=lambda one: int(one["points"])),
    }.items():
        reply = await world.get(f"{PATH}?_limit=500&{query}", ANALYST)
        assert [row["id"] for row in reply.json] == [known[str(one["id"])] for one in expected], query


async def test_what_is_not_declared_or_not_permitted_is_refused(world: World) -> None:
    """Each for its own reason, before the store is asked."""
    for query, reason in {
        "q=Ada": "parameter-undeclared",
        "name_like=.*": "parameter-undeclared",
        "_start=0": "parameter-undeclared",
        "_embed=orders": "parameter-undeclared",
        "tier=gold&tier=silver": "parameter-invalid",
        "_page=0": "parameter-invalid",
        "_page=999999999": "parameter-invalid",
        "_sort=points&_order=up": "parameter-invalid",
        "_sort=points&_order=asc,desc": "parameter-invalid",
        "_order=asc": "parameter-invalid",
        "_sort=email": "parameter-invalid",
        "id=m-007": "surrogate-not-recognised",
    }.items():
        reply = await world.get(f"{PATH}?{query}", ANALYST)
        assert reply.json["reason"] == reason, query


async def test_a_record_that_is_not_there_is_not_found(world: World) -> None:
    """The store's own 404 has a body, which stays behind."""
    known = await surrogates(world)
    there = await world.get(f"{PATH}/{known['m-009']}", ANALYST)
    assert there.json["points"] == MEMBERS[8]["points"]
    assert (await world.get(f"{PATH}/m-009", ANALYST)).json["reason"] == "surrogate-not-recognised"


async def test_nothing_of_the_store_but_the_view_leaves(world: World, classic: int) -> None:
    """No canary, no member's own id, name or mail, no count and no address of the store; and the log counts every row."""
    queries = ("?_limit=100", "?_limit=20", "?tier=gold", "?q=Ada")
    replies = [await world.get(PATH + query, ANALYST) for query in queries]
    wire = "".join(str(reply.headers) + reply.body.decode() for reply in replies)
    for secret in (*all_canaries(), *(str(one[name]) for one in MEMBERS for name in ("id", "name", "email"))):
        assert secret not in wire
    assert not any(word in wire.lower() for word in ("x-total-count", str(classic), "express"))

    released = [entry for entry, _ in world.entries_of(replies[0].headers["decision-id"]) if isinstance(entry, Release)]
    assert [(entry.rows, entry.people, entry.last) for entry in released] == [(N_MEMBERS, N_MEMBERS, True)]
    assert world.verdict().is_right


@pytest.mark.parametrize("query", ["_per_page=20", "_per_page=19", "_per_page=20&_sort=-points"])
async def test_all_pages_of_the_newer_style_are_all_members_once(world_1: World, query: str) -> None:
    """Its last page is known by its own word: asked for a page behind it, it gives the last one again."""
    pages = await all_pages(world_1, f"{PATH}?{query}")
    ids = [row["id"] for page in pages for row in page]
    assert len(ids) == len(set(ids)) == N_MEMBERS


async def test_operators_behind_a_colon_are_filters(world_1: World) -> None:
    """A range and a list by surrogates; the number of the next page is told in its place."""
    rows = [row for page in await all_pages(world_1, f"{PATH}?_per_page=500") for row in page]
    ids = [str(row["id"]) for row in rows]
    chosen = await world_1.get(f"{PATH}?points:gte=50&points:lte=90&tier=gold", ANALYST)
    assert {row["points"] for row in chosen.json["data"]} == {
        one["points"] for one in MEMBERS if one["tier"] == "gold" and 50 <= int(one["points"]) <= 90
    }
    two = await world_1.get(f"{PATH}?id:in={ids[3]},{ids[40]}", ANALYST)
    assert [row["id"] for row in two.json["data"]] == [ids[3], ids[40]]
    first, last = [await world_1.get(f"{PATH}?_per_page=20&_page={n}", ANALYST) for n in (1, 3)]
    assert [first.json["next"], last.json["next"]] == [2, None]
    assert first.json.keys() == {"data", "next"}
