# SPDX-License-Identifier: Apache-2.0
"""Routes that send: what they must say, and what means nothing elsewhere."""

import pytest

from gateway.decide.loader.datasets.sends import finder
from gateway.domain.catalog import MessageShape, Route
from gateway.domain.names import FieldName
from gateway.domain.parameters import Comparison
from gateway.domain.principal import Assurance
from gateway.domain.sending import SEND
from tests.fakes.rule_files import Broken, check, loaded

CRM = "datasets/crm.yaml"
ROUTE = "              path: /mailer/messages\n"
FOUND = "              found_by: {path: /crm/customers, parameter: emails}\n"
SPELLED = "              spelled: normalised\n"
TO = "              recipient: mail-service\n"
SEND_ROUTE = "method: POST\n              path: /mailer/messages"
BODY = "                address: {to: email}\n"


def the_route() -> Route:
    """Return the shipped route that sends."""
    return next(one for one in loaded().catalog.routes if one.operation == SEND)


def test_the_shipped_route_says_all_that_is_needed() -> None:
    """To whom, how people are found, which member is what, and how strongly the caller proved itself."""
    route = the_route()
    assert (route.store, route.dataset, route.recipient) == ("mailer", "crm.customers", "mail-service")
    assert route.found_by == ("GET", "/crm/customers", "emails")
    assert route.spelled_normally
    assert route.assurance is Assurance.PERSON_FRESH
    assert route.body is not None
    assert route.body.messages == MessageShape(
        key="id", address="to", field=FieldName("email"), texts=("subject", "text", "html")
    )


def test_the_finder_is_a_plain_filter_of_equality_on_the_address() -> None:
    """One of another field, or one that compares otherwise, finds nobody."""
    look = next(one for one in loaded().catalog.routes if (one.method, one.template) == ("GET", "/crm/customers"))
    found = finder(look, "emails", "email")
    assert found is not None
    assert found.comparison is Comparison.IN
    assert [finder(look, name, "email") for name in ("phone", "limit", "nothing", "birth_date_from")] == [None] * 4


@pytest.mark.parametrize(
    "broken",
    [
        Broken(CRM, TO, "", "`operation: send` needs `recipient`", at=SEND_ROUTE),
        Broken(CRM, TO, TO.replace("mail-service", "mail-servise"), "unknown recipient `mail-servise`; did you mean `mail-service`?", at=SEND_ROUTE),
        Broken(CRM, FOUND, "", "`operation: send` needs `found_by`", at=SEND_ROUTE),
        Broken(CRM, FOUND, FOUND.replace("/crm/customers", "/crm/customer"), "`found_by`: the collection has no list GET `/crm/customer`", at=SEND_ROUTE),
        Broken(CRM, FOUND, FOUND.replace("emails", "phone"), "`found_by`: `phone` is no plain filter of equality on `email`", at=SEND_ROUTE),
        Broken(CRM, SPELLED, "", "people are found by the normal spelling of `email`, and who is in the store by another would be missed: say `spelled: normalised` if it holds no other, or let the field be `at_rest`", at=SEND_ROUTE),
        Broken(CRM, SPELLED, SPELLED.replace("normalised", "as it comes"), "`spelled` is `as it comes`, expected one of `normalised`", at="spelled: as it comes"),
        Broken(CRM, BODY, BODY.replace("email}", "emial}"), "unknown field `emial`; did you mean `email`?"),
        Broken(CRM, BODY, BODY.replace("email}", "city}"), "`city` is no text with surrogates of kind `siv`: its addresses could not be found again"),
        Broken(CRM, BODY, "                address: {to: email, cc: email}\n", "`address` is one member and its field: one message is to one person"),
        Broken(CRM, BODY, BODY.replace("to:", "subject:"), "`subject` means two things in one message", at="kind: messages"),
    ],
    ids=lambda one: one.new.strip() or one.says,
)  # fmt: skip
def test_a_route_that_sends_and_cannot_is_told(broken: Broken) -> None:
    """Whom the data goes to, how people are found, and what a message is made of, is settled before anything goes."""
    check(broken)
