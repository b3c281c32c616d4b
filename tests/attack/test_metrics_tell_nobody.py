# SPDX-License-Identifier: Apache-2.0
"""Metrics tell nobody who called, whom about, or who chose what; and whoever is no watcher does not learn that they are."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.people import Customer
from gateway.domain.entry import Refused
from gateway.settings.loading import Settings
from gateway.settings.sections import MetricsSettings
from tests.fakes.canaries import N_CANARIES, SECRET_FIELDS, canary
from tests.fakes.watched import JSON, Watched, watching
from tests.story.conftest import ANALYST, EMAIL


@pytest.fixture
def place(sqlite_template: Path, tmp_path: Path) -> str:
    """Files: what is asked of a database server is tested where that is (``tests/unit/store/test_meta.py``)."""
    return str(shutil.copytree(sqlite_template, tmp_path / "state"))


@pytest.fixture
def watchers() -> MetricsSettings:
    """Settings of who watches."""
    return MetricsSettings()


@pytest.fixture
async def watched(
    settings: Settings, store_port: int, crowd: list[Customer], tmp_path: Path, watchers: MetricsSettings
) -> AsyncIterator[Watched]:
    """A gateway that counts, for these watchers."""
    settings = settings.model_copy(update={"metrics": watchers})
    async with watching(settings, store_port, crowd, tmp_path) as watched:
        yield watched


async def test_no_person_no_account_and_no_value_is_in_a_scrape(watched: Watched) -> None:
    """Not one that was asked for, filtered by, refused, or shown as a bearer."""
    world = watched.world
    for one in ("c-000001", "c-000002"):
        await world.get(f"/crm/customers/{one}", "service-agent", "essential.service.operations.support")
        await world.get(f"/crm/customers?id={one}", "analyst", ANALYST)
    await world.get("/crm/customers?q=Erika+Mustermann", "analyst", ANALYST, User_Agent="Erika-Browser")
    await world.get("/crm/Erika", "analyst", "made.up.purpose", Data_Reference="Erika-case")
    await world.post("/-/login", {"username": "Erika", "password": "x"})
    watched.sampler.sample()
    text = (await world.get("/-/metrics")).body.decode()
    accounts = [one.account.id for one in await world.rooms.accounts.all()]
    marks = [canary(number, field) for number in range(1, N_CANARIES + 1) for field in SECRET_FIELDS]
    for secret in ("Erika", "made.up", "c-0000", "Mozilla", "127.0.0", "story-1", *accounts, *marks):
        assert secret not in text, secret


async def test_one_persons_choice_does_not_move_a_number(watched: Watched) -> None:
    """Whoever may call and read metrics learns no more than from the answers."""
    world = watched.world

    async def withheld() -> dict[tuple[str, ...], float]:
        found = await watched.scrape()
        return {key: n for key, n in found.items() if key[0] == "gateway_rows_withheld_told_total"}

    before = await withheld()
    for _ in range(30):
        await world.get("/crm/customers?id=c-000001", "campaigner", EMAIL)
        await world.get("/crm/customers?limit=1", "campaigner", EMAIL)
    assert await withheld() == before
    reply = await world.get("/crm/customers?limit=100", "campaigner", EMAIL)
    told = dict(re.findall(r"([a-z-]+)=([0-9]+)", reply.headers["rows-withheld"]))
    after = await withheld()
    assert {cause: after["gateway_rows_withheld_told_total", cause] for cause in told} == {
        cause: float(n) for cause, n in told.items()
    }
    assert told


@pytest.mark.parametrize(
    ("watchers", "headers"),
    [
        (MetricsSettings(networks=()), {}),
        (MetricsSettings(networks=("10.0.0.0/8",)), {}),
        (MetricsSettings(), {"X_Forwarded_For": "127.0.0.1"}),
    ],
    ids=["nobody watches", "from elsewhere", "through a proxy that nobody declared"],
)
async def test_whoever_may_not_watch_gets_what_an_unknown_path_gets(watched: Watched, headers: dict[str, str]) -> None:
    """Byte for byte but for the call's own number, signed in or not, by any method; and it is entered."""
    world = watched.world
    for role in (None, "admin"):
        for method in ("GET", "POST", "HEAD"):
            told = told_headers(headers)
            if role is not None:
                told |= {"Authorization": "Bearer " + await world.bearer(role), "Data-Purpose": ANALYST}
            metrics, unknown = [await world.ask(method, path, told) for path in ("/-/metrics", "/-/nothing")]
            assert metrics.status == unknown.status in {401, 403, 404}
            assert _without_numbers(metrics.body) == _without_numbers(unknown.body)
            assert metrics.headers.keys() == unknown.headers.keys()
            assert any(isinstance(body, Refused) for body, _ in world.entries_of(metrics.headers["decision-id"]))
    ready = await world.ask("GET", "/-/readyz", {"Accept": JSON, **told_headers(headers)})
    assert ready.json == {"status": "ready"}


def told_headers(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _without_numbers(body: bytes) -> bytes:
    return re.sub(rb"[0-9a-f]{32}", b"", body)
