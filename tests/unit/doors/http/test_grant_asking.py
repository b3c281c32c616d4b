# SPDX-License-Identifier: Apache-2.0
"""A request for a grant is read strictly, and told back without who decided."""

import pytest

from gateway.domain.decision import Deny, Reason
from gateway.doors.http.grant_asking import told_of, words_of
from gateway.flows.grant_requests import Words
from tests.unit.domain.test_grant_request import REQUEST

BODY: dict[str, object] = {
    "dataset": "crm.people",
    "purpose": "p",
    "why": "so",
    "until": "2027-01-31",
    "fields": ["name"],
}


def test_a_body_becomes_words() -> None:
    """With the defaults of what it does not say."""
    assert words_of(BODY) == Words(dataset="crm.people", purpose="p", why="so", until="2027-01-31", fields=("name",))
    assert words_of({**BODY, "link": True, "rung": "mask"}) == Words(
        dataset="crm.people", purpose="p", why="so", until="2027-01-31", fields=("name",), link=True, rung="mask"
    )


@pytest.mark.parametrize("changed", [
    {"account": "a_2"}, {"dataset": 1}, {"dataset": ""}, {"why": None}, {"fields": "name"}, {"fields": [1]}, {"link": "yes"},
    {"until": "x" * 501}, {"fields": ["x" * 501]}, {"role": "admin"},
])  # fmt: skip
def test_what_is_not_of_its_kind_is_refused(changed: dict[str, object]) -> None:
    """And a member that is not known."""
    told = words_of({**BODY, **changed})
    assert isinstance(told, Deny)
    assert told.reason is Reason.BODY_INVALID


def test_a_missing_member_is_named() -> None:
    """Each of those that are needed."""
    told = words_of({"fields": ["name"]})
    assert isinstance(told, Deny)
    assert told.fields == ("dataset", "purpose", "why", "until")


def test_what_is_told_names_neither_role_nor_account() -> None:
    """The caller knows who it is; the rest is the owner's."""
    assert not {"account", "role", "by", "decided_by"} & told_of(REQUEST).keys()
    assert told_of(REQUEST)["state"] == "open"
