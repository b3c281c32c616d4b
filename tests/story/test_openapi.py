# SPDX-License-Identifier: Apache-2.0
"""``/-/openapi.json`` says what its caller may do, as a call would be decided, and names nothing else."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.domain.entry import Looked
from gateway.domain.viewplan import Layer
from gateway.doors.http.openapi.fields import STANDS
from tests.story.conftest import ANALYST, EMAIL, SMS, World

PATH = "/-/openapi.json"


async def document(world: World, role: str, **headers: Any) -> Any:
    reply = await world.get(PATH, role, **headers)
    assert reply.status == 200, reply.body
    return reply.json


def row(told: Any, dataset: str, purpose: str) -> Any:
    return told["components"]["schemas"][f"{dataset}.read.{purpose}"]


@pytest.fixture
def place(tmp_path: Path) -> str:
    """On SQLite alone: what is told does not come from the database."""
    return str(tmp_path / "state")


async def test_the_document_is_valid_openapi(world: World) -> None:
    """By the schema of OpenAPI 3.1 and the rules beside it, for the roles of the demo."""
    for role in ("analyst", "campaigner", "service-agent", "admin"):
        found = OpenAPIV31SpecValidator(await document(world, role)).iter_errors()
        assert [error.message for error in found] == [], role


async def test_an_analyst_is_told_bands_and_surrogates_for_its_one_purpose(world: World) -> None:
    """As ``policies/grants.csv`` says: checked by hand."""
    told = await document(world, "analyst")
    listing = told["paths"]["/crm/customers"]["get"]
    schema = row(told, "crm.customers", ANALYST)
    fields = schema["properties"]

    assert list(listing["x-purposes"]) == [ANALYST]
    assert (fields["id"]["x-treatment"], fields["phone"]["x-treatment"]) == ("surrogate", "surrogate")
    assert (fields["birth_date"]["x-treatment"], fields["birth_date"]["x-rung"]) == ("generalise", "generalise.year")
    assert (fields["city"]["x-treatment"], fields["city"]["type"]) == ("reveal", ["string", "null"])
    assert {"layer": Layer.GRANTS, "who": "owner", "because": STANDS[Layer.GRANTS][1]} in fields["email"][
        "x-lower-because"
    ]
    assert "name" not in fields
    assert [one["layer"] for one in schema["x-missing"]["national_id"]] != []
    operations = {
        one["x-operation"] for path in told["paths"].values() for one in path.values() if "x-operation" in one
    }
    assert operations == {"read"}


async def test_a_campaigner_is_told_contacts_by_purpose_and_the_red_line(world: World) -> None:
    """Phone for messages, address for mail; a red line is told with its sentence and who stands behind it."""
    told = await document(world, "campaigner")
    mail, sms = row(told, "crm.customers", EMAIL), row(told, "crm.customers", SMS)
    religion = mail["x-missing"]["religion"]

    assert mail["properties"]["email"]["x-treatment"] == "reveal"
    assert "phone" not in mail["properties"]
    assert sms["properties"]["phone"]["x-treatment"] == "reveal"
    assert {one["layer"] for one in religion} >= {Layer.RED_LINES}
    assert {one["who"] for one in religion if one["layer"] == Layer.RED_LINES} == {"officer"}
    assert any("rows of people" in row for row in told["paths"]["/crm/customers"]["get"]["x-purposes"][EMAIL]["rows"])


async def test_filters_are_told_as_a_call_is_judged(world: World) -> None:
    """What is offered is answered, what is not offered is refused: every filter and order of a list, one by one."""
    told = await document(world, "analyst")
    parameters = {one["name"]: one for one in told["paths"]["/crm/customers"]["get"]["parameters"]}
    rules = world.rooms.policy.decider.rules
    route = next(one for one in rules.catalog.routes if one.template == "/crm/customers" and one.method == "GET")
    for name, parameter in route.parameters.items():
        if type(parameter).__name__ != "FilterParameter":
            continue
        reply = await world.get(f"/crm/customers?limit=50&{name}=x", "analyst", ANALYST)
        is_refused = reply.status == 403
        compared = [one["compared"] for one in parameters.get(name, {}).get("x-purposes", {}).get(ANALYST, [])]
        assert is_refused == (compared in ([], ["band"]) or "surrogate" in compared), (name, reply.status, compared)


async def test_rows_are_as_their_schema_says(world: World) -> None:
    """Every row of a page is valid by the schema that the document gives for it."""
    for role, purpose in (("analyst", ANALYST), ("campaigner", EMAIL)):
        told = await document(world, role)
        answers = told["paths"]["/crm/customers"]["get"]["responses"]["200"]["content"]
        answer = (await world.get("/crm/customers?limit=100", role, purpose)).json
        schema = {**answers["application/json"]["schema"], "components": told["components"]}
        assert [error.message for error in Draft202012Validator(schema).iter_errors(answer)] == []
        assert len(str(answer)) > 1000


async def test_what_a_caller_has_no_grant_for_is_not_named(world: World) -> None:
    """An administrator of the gateway has no data: no store, dataset or purpose is in its document."""
    reply = await world.get(PATH, "admin")
    assert [path for path in reply.json["paths"] if not path.startswith("/-/")] == []
    assert b"crm" not in reply.body
    assert b"religion" not in reply.body


async def test_a_step_up_is_told_where_it_is_needed(world: World) -> None:
    """With an old sign-in the document says of which fields a fresh one would show more, and with a fresh one not."""
    fresh, old = [await document(world, "service-agent", ago_s=ago) for ago in (0, 3600)]
    flagged = [str(one).count("x-step-up") + str(one).count("'step-up'") for one in (fresh, old)]
    assert flagged[0] == 0 < flagged[1]


async def test_the_answer_is_entered_with_its_bytes(world: World) -> None:
    """It depends on an account; without one there is none."""
    reply = await world.get(PATH, "analyst")
    looked = [entry for entry, _ in world.entries() if isinstance(entry, Looked)]
    assert [(one.what, one.bytes, one.call) for one in looked] == [
        ("openapi", len(reply.body), reply.headers["decision-id"])
    ]
    assert (await world.get(PATH)).status == 401
