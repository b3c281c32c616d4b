# SPDX-License-Identifier: Apache-2.0
"""Attack: learn a value that does not leave by asking which rows it selects, orders or changes."""

import asyncio
from urllib.parse import quote

import pytest

from gateway.domain.choice import ChoiceState
from gateway.domain.entry import Refused
from gateway.record.writing import counting
from tests.fakes.wire import Heard, called, request
from tests.story.conftest import ANALYST, EMAIL, SUPPORT, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
REFERENCE = "oracle-1"

OPERATORS = ["eq", "ne", "gt", "ge", "lt", "le", "like", "ilike", "in", "contains", "startswith", "prefix", "regex", "isnull", "exact", "not"]  # fmt: skip


def spellings(field: str) -> list[str]:
    """Return every spelling by which APIs in the world take a filter, an order or a choice of fields."""
    plain = [
        f"{field}=x", f"{field.capitalize()}=x", f"{field.upper()}=x", f"{field}[]=x", f"{field}[0]=x", f"{field}.value=x", f"{field}:eq=x",
        f"filter[{field}]=x", f"filter[{field}][eq]=x", f"filters[{field}]=x", f"where[{field}]=x", f"q={field}:x", f"query={field}:x",
        f"search={field}", f"filter={field}%20eq%20x", f"$filter={field}%20eq%20x", f"where={field}%3Dx", f"rsql={field}==x", f"{field}=x&{field}=y",
        f"sort={field}", f"sort=-{field}", f"sort=id,{field}", f"order={field}", f"order_by={field}", f"ordering=-{field}", f"orderBy={field}",
        f"$orderby={field}", f"sort_by={field}", f"sort[]={field}", f"fields={field}", f"fields=id,{field}", f"fields[]={field}", f"select={field}",
        f"$select={field}", f"include={field}", f"expand={field}", f"group_by={field}", f"distinct={field}", f"columns={field}", f"only={field}",
        f"not_{field}=x", f"{field}_not=x", f"{field}!=x", f"-{field}=x", f"_{field}=x", f"{field}_=x", f"customers.{field}=x",
        f"limit=1&{field}=x", f"offset=0&{field}=x", f"id=c-000001&{field}=x", f"{quote(field[0])}{field[1:]}%00=x", f"{field}%20=x", f"%20{field}=x",
    ]  # fmt: skip
    return plain + [f"{field}__{operator}=x" for operator in OPERATORS]


async def asked(world: World, role: str, purpose: str, queries: list[str]) -> list[Heard]:
    """Ask for customers with each query, some at once."""
    headers = {
        "Authorization": "Bearer " + await world.bearer(role),
        "Data-Purpose": purpose,
        "Data-Reference": REFERENCE,
    }
    few = asyncio.Semaphore(8)

    async def one(query: str) -> Heard:
        async with few:
            return await called(world.port, request(f"/crm/customers?{query}", headers))

    return await asyncio.gather(*map(one, queries))


@pytest.mark.parametrize(
    ("role", "purpose", "field"),
    [
        ("campaigner", EMAIL, "religion"),
        ("campaigner", EMAIL, "health_note"),
        ("campaigner", EMAIL, "birth_date"),
        ("analyst", ANALYST, "national_id"),
        ("analyst", ANALYST, "name"),
        ("service-agent", SUPPORT, "religion"),
        ("service-agent", SUPPORT, "balance"),
    ],
)
async def test_no_spelling_of_a_dropped_field_is_answered(
    world: World, monkeypatch: pytest.MonkeyPatch, role: str, purpose: str, field: str
) -> None:
    """Each is refused, and each refusal has an entry."""
    monkeypatch.setattr(counting, "SINGLY_A_PLACE", 1_000)
    queries = spellings(field)
    heard = await asked(world, role, purpose, queries)

    answered = [query for query, one in zip(queries, heard, strict=True) if one.status not in (400, 403)]
    assert answered == []
    for one in heard:
        [(entry, _)] = world.entries_of(one.headers["decision-id"])
        assert isinstance(entry, Refused)
        assert entry.bytes == len(one.body)


async def test_a_masked_field_is_not_compared(world: World) -> None:
    """An analyst sees a mail with its name masked, and cannot ask whether it is a certain one."""
    for query in ("email=a%40example.org", "sort=email", "email=a***%40example.org"):
        [one] = await asked(world, "analyst", ANALYST, [query])
        assert one.status in (400, 403), query


async def test_a_surrogate_is_compared_with_a_surrogate_of_the_callers_own_class_alone(world: World) -> None:
    """Clear values, surrogates of another purpose, and changed ones are refused in one way."""
    mailing = await world.get("/crm/customers?limit=200", "campaigner", EMAIL)
    foreign = mailing.json["items"][0]["id"]
    own = (await world.get("/crm/customers?limit=1", "analyst", ANALYST)).json["items"][0]["id"]

    refused = [
        f"id={foreign}",
        "id=c-000001",
        f"id={own[:-1]}",
        f"id={own}A",
        f"id={own.upper()}",
        f"phone={own}",
        "id=sv1_",
    ]
    heard = await asked(world, "analyst", ANALYST, refused)
    [right] = await asked(world, "analyst", ANALYST, [f"id={own}"])

    assert {one.status for one in heard} == {403}
    assert len({len(one.body) for one, query in zip(heard, refused, strict=True) if query.startswith("id=")}) == 1
    assert right.status == 200


async def test_a_generalised_field_is_neither_sorted_nor_compared_finer_than_its_bands(world: World) -> None:
    """The order of birth dates tells the birth dates; so does a range that is narrower than a year."""
    queries = [
        "sort=birth_date", "sort=-birth_date", "sort=age", "sort=balance", "birth_date_from=1980-05-01", "birth_date_to=1980-05-01",
        "birth_date_from=1980", "birth_date_to=1980-05-01&birth_date_from=1980-05-01", "balance_min=1000", "balance_min=1234",
    ]  # fmt: skip
    heard = await asked(world, "analyst", ANALYST, queries)
    assert [(query, one.status) for query, one in zip(queries, heard, strict=True) if one.status != 403] == []


async def test_whether_a_filter_would_match_does_not_show_in_its_refusal(world: World) -> None:
    """The refusal of a value that exists is the refusal of one that does not, but for the number."""
    real = world.crowd[0]
    heard = await asked(
        world, "campaigner", EMAIL, [f"religion={quote(str(real.religion))}", "religion=nobody-has-this"]
    )
    bodies = [one.body.replace(one.headers["decision-id"].encode(), b"") for one in heard]
    assert bodies[0] == bodies[1]


async def test_a_withheld_record_is_told_as_one_that_is_not_there(world: World) -> None:
    """Status, headers and body are alike, so nobody learns who withdrew."""
    listed = await world.get("/crm/customers?limit=300", "campaigner", EMAIL)
    surrogate, email = listed.json["items"][0]["id"], listed.json["items"][0]["email"]
    customer = next(one for one in world.crowd if one.email == email)
    before = await world.get(f"/crm/customers/{surrogate}", "campaigner", EMAIL)
    await world.choose(customer.id, EMAIL, ChoiceState.WITHDRAWN)
    withheld = await world.get(f"/crm/customers/{surrogate}", "campaigner", EMAIL)
    absent = await world.get("/crm/customers/c-999999", "service-agent", SUPPORT)

    assert (before.status, before.json["email"]) == (200, email)
    assert withheld.status == absent.status == 404
    told = [
        (one.body.replace(one.headers["decision-id"].encode(), b""), sorted(one.headers)) for one in (withheld, absent)
    ]
    assert told[0] == told[1]
    [(entry, _)] = world.entries_of(withheld.headers["decision-id"])
    assert isinstance(entry, Refused)
    assert entry.rule == "withheld:choice"
