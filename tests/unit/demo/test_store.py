# SPDX-License-Identifier: Apache-2.0
"""Claims about the sample store's REST routes."""

import http.client
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from gateway.demo.people import Customer
from gateway.demo.store import MOST_MESSAGES, app, listener, make
from gateway.demo.tables import CUSTOMERS
from gateway.domain.errors import SettingsError
from tests.unit.demo.conftest import Get, calling

SHOWN = 600


@pytest.fixture(scope="session")
def shown(crowd: tuple[Customer, ...]) -> tuple[Customer, ...]:
    """Return the people of the store."""
    return crowd[:SHOWN]


@pytest.fixture(scope="session")
def store_file(tmp_path_factory: pytest.TempPathFactory, shown: tuple[Customer, ...]) -> Path:
    """Make a store once for all tests, which only read."""
    path = tmp_path_factory.mktemp("store") / "store.db"
    make(path, shown)
    return path


@pytest.fixture
async def get(store_file: Path) -> AsyncIterator[Get]:
    """Call the store without a port."""
    async with calling(app(store_file)) as get:
        yield get


async def test_a_list_of_customers_is_an_object_with_rows_total_and_page(get: Get) -> None:
    """The first hundred of all, with every column in its order."""
    status, body = await get("/crm/customers")
    answer = json.loads(body)

    assert status == 200
    assert list(answer) == ["items", "total", "limit", "offset"]
    assert (answer["total"], answer["limit"], answer["offset"]) == (SHOWN, 100, 0)
    assert [row["id"] for row in answer["items"]] == [f"c-{n:06d}" for n in range(1, 101)]
    assert list(answer["items"][0]) == [column.name for column in CUSTOMERS.columns]


async def test_a_row_shows_what_is_known_of_the_person(get: Get, shown: tuple[Customer, ...]) -> None:
    """Numbers are numbers, what is not known is null, Chinese text is Chinese."""
    _, body = await get("/crm/customers?limit=600")

    for row, one in zip(json.loads(body)["items"], shown, strict=True):
        assert (row["name"], row["birth_date"], row["notes"], row["state"]) == (
            one.name,
            one.birth_date,
            one.notes,
            one.state,
        )
        assert (row["age"], row["balance"], row["y"]) == (one.campaign.age, one.campaign.balance, one.campaign.y)


async def test_a_single_customer_is_a_record(get: Get, shown: tuple[Customer, ...]) -> None:
    """The same object as in the list."""
    status, body = await get("/crm/customers/c-000123")

    assert status == 200
    assert json.loads(body)["email"] == shown[122].email


async def test_a_customer_who_is_not_there_is_404(get: Get) -> None:
    """With a sentence."""
    assert await get("/crm/customers/c-999999") == (404, b'{"error":"there is no such record"}')


async def test_contacts_are_a_bare_array(get: Get, shown: tuple[Customer, ...]) -> None:
    """Filtered by customer they are that person's."""
    busy = next(one for one in shown if len(one.contacts) > 1)

    status, body = await get(f"/crm/contacts?customer_id={busy.id}")

    assert status == 200
    assert [row["id"] for row in json.loads(body)] == [contact.id for contact in busy.contacts]
    assert list(json.loads(body)[0]) == [
        "id",
        "customer_id",
        "channel",
        "contacted_at",
        "outcome",
        "duration_s",
        "note",
        "device_id",
        "typing_ms",
    ]


async def test_totals_of_orders_keep_both_digits(get: Get, shown: tuple[Customer, ...]) -> None:
    """A number, not a text, with the cents as they were."""
    order = next(order for one in shown for order in one.orders if str(order.total).endswith("0"))

    _, body = await get(f"/shop/orders?id={order.id}")
    (row,) = json.loads(body, parse_float=Decimal)["items"]

    assert f'"total":{order.total},'.encode() in body
    assert list(row) == [
        "id",
        "customer_id",
        "placed_at",
        "total",
        "currency",
        "items",
        "status",
        "shipping_city",
        "note",
    ]


async def test_filters_sorting_and_pages_work_together(get: Get, shown: tuple[Customer, ...]) -> None:
    """The total counts all that match; the page is cut from their order."""
    chinese = sorted(
        (one for one in shown if one.country == "CN" and one.campaign.balance >= 100),
        key=lambda one: (-one.campaign.balance, one.id),
    )

    _, body = await get("/crm/customers?country=CN&balance_min=100&sort=-balance,id&limit=7&offset=5")
    answer = json.loads(body)

    assert answer["total"] == len(chinese)
    assert [row["id"] for row in answer["items"]] == [one.id for one in chinese[5:12]]


async def test_sensitive_columns_can_be_asked_for(get: Get, shown: tuple[Customer, ...]) -> None:
    """The store is naive on purpose; the gateway in front of it is what refuses this."""
    _, body = await get("/crm/customers?religion=佛教&limit=600")

    assert (
        {row["id"] for row in json.loads(body)["items"]} == {one.id for one in shown if one.religion == "佛教"} != set()
    )


async def test_birth_dates_are_bounded_on_both_sides(get: Get, shown: tuple[Customer, ...]) -> None:
    """People without a birth date are in no range."""
    _, body = await get("/crm/customers?birth_date_from=1980-01-01&birth_date_to=1989-12-31&limit=600")

    assert (
        {row["id"] for row in json.loads(body)["items"]}
        == {one.id for one in shown if (one.birth_date or "")[:3] == "198"}
        != set()
    )


@pytest.mark.parametrize("path", ["/crm/customers", "/crm/contacts", "/shop/orders"])
async def test_an_unknown_parameter_is_400(get: Get, path: str) -> None:
    """With a sentence that names it."""
    assert await get(f"{path}?colour=red") == (400, b'{"error":"unknown parameter colour"}')


async def test_other_paths_are_404(get: Get) -> None:
    """Nothing else is served."""
    assert (await get("/crm/people"))[0] == 404


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    """Before anything is served."""
    with pytest.raises(SettingsError, match="there is no sample store at"):
        app(tmp_path / "none.db")


def test_a_taken_port_is_said_to_be_taken() -> None:
    """With its number."""
    with closing(listener(0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} of 127.0.0.1 is taken"):
            listener(port)


def test_the_store_runs_alone(store_file: Path) -> None:
    """Its first line names the address, and whoever reads it can call at once."""
    command = [sys.executable, "-m", "gateway.demo.store", "--db", str(store_file), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
                connection.request("GET", "/crm/customers/c-000001")
                answer = connection.getresponse()
                assert (answer.status, answer.getheader("content-type")) == (200, "application/json")
                assert json.loads(answer.read())["id"] == "c-000001"
        finally:
            process.terminate()


def test_running_alone_without_a_file_ends_with_a_sentence(tmp_path: Path) -> None:
    """Exit 2, as for any wrong use."""
    command = [sys.executable, "-m", "gateway.demo.store", "--db", str(tmp_path / "none.db")]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert "there is no sample store at" in ended.stderr


async def test_the_mail_service_shows_the_newest_messages_that_it_took(store_file: Path) -> None:
    """In their order, whole; what has no address was not taken."""
    messages = [{"to": f"m{n}@example.org", "subject": str(n)} for n in range(MOST_MESSAGES + 2)]
    transport = httpx.ASGITransport(app=app(store_file))
    async with httpx.AsyncClient(transport=transport, base_url="http://mail") as client:
        assert {(await client.post("/mailer/messages", json=one)).status_code for one in messages} == {202}
        assert (await client.post("/mailer/messages", json={"subject": "nobody"})).status_code == 422
        assert (await client.get("/mailer/messages")).json() == messages[2:]
