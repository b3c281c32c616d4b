# SPDX-License-Identifier: Apache-2.0
"""The oracle: a plain Casbin enforcer says the same as the index, example by example."""

import pytest

from gateway.decide.layers.grants import GrantedCategories, GrantIndex
from gateway.decide.rules import Grant
from gateway.decide.trial.oracle import Call, Oracle
from gateway.domain.names import RoleName
from gateway.domain.treatment import DROP, Rung, Treatment
from tests.fakes.deciding import NOW_US, TEXT, field, grant, rules

NAME = field("x", "user.name")


def deny(rung: str | None, *, link: bool = False) -> Grant:
    """Return a deny over all of a user."""
    return grant("user", rung, link=link, allow=False, line=2)


def asked(
    sub: str = "campaigner", *, purpose: str = "marketing.mail", operation: str = "read", now_us: int = NOW_US
) -> Call:
    """Return a question about people."""
    return Call(sub=sub, dataset="crm.people", purpose=purpose, operation=operation, now_us=now_us)


@pytest.mark.parametrize(
    ("grants", "left"),
    [
        ((), Treatment(0, link=False)),
        ((grant("user"),), Treatment(3, link=True)),
        ((grant("user", "mask", link=False),), Treatment(2, link=False)),
        ((grant("user", "drop"),), Treatment(0, link=True)),
        ((grant("user", "generalise"),), Treatment(0, link=True)),
        ((grant("user"), deny("reveal")), Treatment(2, link=True)),
        ((grant("user"), deny("mask")), Treatment(0, link=True)),
        ((grant("user"), deny("generalise")), Treatment(0, link=True)),
        ((grant("user"), deny("drop")), Treatment(0, link=False)),
        ((grant("user"), deny(None, link=True)), Treatment(3, link=False)),
        ((grant("user"), deny("mask.head", link=True)), Treatment(1, link=False)),
    ],
)
def test_the_enforcer_and_the_index_agree(grants: tuple[Grant, ...], left: Treatment) -> None:
    """On what is written here, and with each other."""
    found = GrantIndex(grants, {}).covering(
        (RoleName("campaigner"),), operation="read", purpose="marketing.mail", dataset="crm.people"
    )
    assert Oracle(rules(grants=grants)).granted(asked(), NAME, TEXT) == left
    assert GrantedCategories(found).ceiling(NAME, TEXT).treatment == left


def test_the_enforcer_knows_trees_times_operations_and_roles() -> None:
    """A grant speaks of its dataset, purpose and category with all below, while it is in force."""
    given = grant("user", "reveal", from_us=NOW_US, until_us=NOW_US + 10)
    oracle = Oracle(rules(grants=(given,), roles={"lead": frozenset((RoleName("lead"), RoleName("campaigner")))}))

    def allows(call: Call) -> bool:
        return oracle.allows(call, NAME, TEXT, Rung("reveal"), link=True)

    assert allows(asked())
    assert allows(asked("lead"))
    assert not allows(asked("nobody"))
    assert not allows(asked(purpose="marketings"))
    assert not allows(asked(operation="update"))
    assert not allows(asked(now_us=NOW_US - 1))
    assert not allows(asked(now_us=NOW_US + 10))


def test_a_field_of_two_categories_is_asked_for_each() -> None:
    """One grant is not enough."""
    oracle = Oracle(rules(grants=(grant("user.name"),)))
    assert oracle.allows(asked(), NAME, TEXT, DROP, link=True)
    assert not oracle.allows(asked(), field("x", "user.name", "user.birth"), TEXT, DROP, link=True)
