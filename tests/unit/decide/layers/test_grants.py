# SPDX-License-Identifier: Apache-2.0
"""Least privilege: what grants reach, what denies take, and which grants speak of a call."""

import pytest

from gateway.decide.layers.grants import GrantedCategories, GrantIndex, granted
from gateway.decide.rules import Grant
from gateway.domain.names import AccountId, RoleName
from gateway.domain.treatment import Treatment
from gateway.domain.viewplan import Layer
from tests.fakes.deciding import DATE, TEXT, field, grant


def deny(category: str = "user", rung: str | None = "reveal", *, link: bool = False) -> Grant:
    """Return a deny."""
    return grant(category, rung, link=link, allow=False)


@pytest.mark.parametrize(
    ("grants", "left"),
    [
        ((), Treatment(0, link=False)),
        ((grant("user", "mask.tail", link=False),), Treatment(1, link=False)),
        ((grant("user", "mask", link=False),), Treatment(2, link=False)),
        ((grant("user", "drop"),), Treatment(0, link=True)),
        ((grant("user"),), Treatment(3, link=True)),
        ((grant("user", "mask.tail", link=False), grant("user", "reveal")), Treatment(3, link=True)),
        ((grant("user", "generalise"),), Treatment(0, link=True)),
        ((grant("user"), deny()), Treatment(2, link=True)),
        ((grant("user"), deny(rung="mask")), Treatment(0, link=True)),
        ((grant("user"), deny(rung="mask.head")), Treatment(1, link=True)),
        ((grant("user"), deny(rung="generalise")), Treatment(0, link=True)),
        ((grant("user"), deny(rung="drop")), Treatment(0, link=False)),
        ((grant("user"), deny(rung=None, link=True)), Treatment(3, link=False)),
        ((grant("user"), deny(link=True)), Treatment(2, link=False)),
        ((deny(),), Treatment(0, link=False)),
    ],
)
def test_a_treatment_is_what_allows_reach_and_no_deny_takes(grants: tuple[Grant, ...], left: Treatment) -> None:
    """On a chain of drop, mask.tail, mask.head, reveal."""
    assert granted(grants, TEXT) == left


def test_a_field_of_two_categories_needs_a_grant_for_each() -> None:
    """The smaller of both counts, and the rule names them all."""
    both = field("x", "user.name", "user.contact.email")
    name, contact = grant("user.name"), grant("user.contact", "mask.tail", link=False)
    one = GrantedCategories((name,)).ceiling(both, TEXT)
    two = GrantedCategories((name, contact)).ceiling(both, TEXT)

    assert one.treatment == Treatment(0, link=False)
    assert two.treatment == Treatment(1, link=False)
    assert (two.layer, two.rule) == (Layer.GRANTS, f"{name.id} {contact.id}")


def test_a_field_without_a_grant_says_so() -> None:
    """The rule's name is for the explanation."""
    found = GrantedCategories(()).ceiling(field("x", "user.name"), TEXT)
    assert found.rule == "no grant"


def test_a_grant_for_a_category_holds_for_what_is_below_it_and_for_nothing_beside_it() -> None:
    """``user.contact`` covers ``user.contact.email`` and not ``user.contacts``."""
    given = GrantedCategories((grant("user.contact"),))
    assert given.ceiling(field("x", "user.contact.email"), TEXT).treatment == TEXT.top
    assert given.ceiling(field("x", "user.contacts"), TEXT).treatment == Treatment(0, link=False)
    assert given.ceiling(field("x", "user"), DATE).treatment == Treatment(0, link=False)


INDEX = GrantIndex(
    (
        grant("user", line=3),
        grant("user", purpose="marketing.mail", dataset="crm.people", line=1),
        grant("user", role="lead", line=2),
        grant("user", operation="update", line=4),
        grant("user", purpose="marketing.mail.news", line=5),
        grant("user", dataset="shop", line=6),
    ),
    {
        "lead": frozenset((RoleName("lead"), RoleName("campaigner"))),
        "a_7": frozenset((RoleName("a_7"), RoleName("lead"))),
    },
)


def lines(*roles: str) -> list[int]:
    """Return the lines that speak of reading people for mailing."""
    found = INDEX.covering(map(RoleName, roles), operation="read", purpose="marketing.mail", dataset="crm.people")
    return [each.line for each in found]


def test_grants_are_found_by_role_and_everything_above_purpose_and_dataset_in_the_order_of_lines() -> None:
    """Neither another operation, nor a purpose below, nor another dataset counts."""
    assert lines("campaigner") == [1, 3]
    assert lines("campaigner", "lead") == [1, 2, 3]
    assert lines("nobody") == []


def test_a_role_contains_what_its_lines_say_and_an_account_may_have_lines_of_its_own() -> None:
    """Roles of the bearer, roles that these contain, and roles given to the account by name."""
    assert INDEX.roles_of(AccountId("a_1"), (RoleName("campaigner"),)) == {"campaigner"}
    assert INDEX.roles_of(AccountId("a_1"), (RoleName("lead"),)) == {"lead", "campaigner"}
    assert INDEX.roles_of(AccountId("a_7"), ()) == {"a_7", "lead"}
