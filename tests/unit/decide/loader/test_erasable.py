# SPDX-License-Identifier: Apache-2.0
"""What makes somebody erasable is declared, and what contradicts it is told."""

import pytest

from gateway.decide.loader.shipped import shipped_files
from gateway.domain.catalog import Route
from gateway.domain.names import DatasetName
from tests.fakes.rule_files import NEEDED, edited, loaded, sentences

CRM = "datasets/crm.yaml"
SUBJECT = "          subject: {identity: crm.customer_id, field: id}\n"
SIGN_UP = "              path: /crm/customers\n              operation: create\n"
BULK = "              path: /crm/contacts/bulk\n              operation: create\n"
READ = "              path: /crm/customers/{id}\n              operation: read\n"
IDENTIFYING = ("name", "email", "phone", "national_id", "address")
FIELDS = {
    "name": "user.name",
    "email": "user.contact.email",
    "phone": "user.contact.phone_number",
    "national_id": "user.government_id.national_identification_number",
    "address": "user.contact.address.street",
}


def needed() -> dict[str, bytes]:
    """Return the shipped files but their cases."""
    return {name: content for name, content in shipped_files().items() if name in NEEDED}


def erasable(*in_vault: str, kind: str = "vault") -> dict[str, bytes]:
    """Return the files with customers erasable, and these of their fields in a vault."""
    files = edited(CRM, SUBJECT, SUBJECT + "          erasable: yes\n", needed())
    for name in in_vault:
        old = f"          - name: {name}\n            data_categories: [{FIELDS[name]}]\n            fides_meta: {{data_type: string}}\n            gateway: {{identifies: yes}}\n"
        rest = f"{{identifies: yes, at_rest: {{domain: {name}s, kind: {kind}}}}}"
        files = edited(CRM, old, old.replace("{identifies: yes}", rest), files)
    return files


def told(files: dict[str, bytes]) -> list[str]:
    """Return the problems, without where they stand."""
    return [sentence.split(": ", 1)[1] for sentence in sentences(files)]


def test_whatever_identifies_somebody_is_in_the_vault_or_it_is_told() -> None:
    """The subject's own identity apart: its value lies under the person's key in the gateway."""
    problems = [one for one in told(erasable("name", "email")) if "erasable" in one]
    assert len(problems) == len(IDENTIFYING) - 2
    assert all(
        "must be `at_rest` of kind `vault`, or erasing somebody would leave it readable" in one for one in problems
    )
    assert {one.partition("`")[2].partition("`")[0] for one in problems} == {"phone", "national_id", "address"}
    assert any("`name`" in one for one in told(erasable("name", kind="siv")))


def test_a_collection_whose_fields_are_in_the_vault_is_erasable() -> None:
    """And says so."""
    files = erasable(*IDENTIFYING)
    assert not [one for one in told(files) if "erasable" in one]


def route(files: dict[str, bytes], template: str, method: str = "POST") -> Route:
    """Return a route of the files."""
    return next(one for one in loaded(files).catalog.routes if (one.method, one.template) == (method, template))


def test_a_form_by_which_a_person_signs_up_is_declared() -> None:
    """No other route is one."""
    assert not loaded(needed()).catalog.collections[DatasetName("crm.customers")].erasable
    files = edited(CRM, SIGN_UP, SIGN_UP + "              by: person\n", needed())
    assert route(files, "/crm/customers").by_person
    assert not route(files, "/crm/contacts/bulk").by_person
    assert not route(needed(), "/crm/customers").by_person


@pytest.mark.parametrize("path", [BULK, READ])
def test_an_import_is_no_act_of_a_person(path: str) -> None:
    """Nor is reading: one record, created."""
    [problem] = told(edited(CRM, path, path + "              by: person\n", needed()))
    assert "is for a form by which one person signs up" in problem


def test_nobody_else_can_be_said_to_call_a_route() -> None:
    """One word."""
    [problem] = told(edited(CRM, SIGN_UP, SIGN_UP + "              by: agent\n", needed()))
    assert "`by` is `agent`" in problem
