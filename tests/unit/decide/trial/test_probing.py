# SPDX-License-Identifier: Apache-2.0
"""Roles that can find out by trying: who writes in clear and reads surrogates of one join domain."""

import msgspec
import pytest

from gateway.decide.loader.load import load
from gateway.decide.loader.shipped import shipped_files
from gateway.decide.rules import Grant, RuleSet
from gateway.decide.trial.probing import Probing, probing_roles
from gateway.domain.names import RoleName
from gateway.transform.treat import check_chain
from tests.fakes.deciding import MAILING, NOW_US, grant, needs_fresh, red_line
from tests.fakes.writing import writing_rules

WRITES_MAIL = grant("user.contact", operation="create", role="writer")
READS_MAIL = grant("user.contact", "drop", role="reader")
WHERE = "crm.people.email for marketing.mail"


def found(*grants: Grant, **changes: object) -> list[tuple[str, str]]:
    """Return role and join domain of what is told of some grants."""
    return [(one.role, one.join_domain) for one in probing_roles(given(*grants, **changes))]


def given(*grants: Grant, **changes: object) -> RuleSet:
    """Return rules with these grants alone."""
    return msgspec.structs.replace(writing_rules(), grants=grants, **changes)


def contains(role: str, *others: str) -> dict[str, frozenset[RoleName]]:
    """Return the roles by which one contains others."""
    return {role: frozenset(map(RoleName, (role, *others)))}


def test_a_role_that_does_both_is_named_with_what_it_does() -> None:
    """Writing in clear, and reading the surrogate."""
    both = msgspec.structs.replace(WRITES_MAIL, role=RoleName("reader"))
    [told] = probing_roles(given(both, READS_MAIL))
    assert told == Probing(role=RoleName("reader"), join_domain="crm.email", writes=(WHERE,), reads=(WHERE,))  # type: ignore[arg-type]
    assert told.sentence() == (
        "role `reader` can find out by trying what surrogates of `crm.email` stand for: it writes "
        f"{WHERE} in clear and reads {WHERE} as surrogate"
    )


def test_a_role_that_contains_one_of_each_is_named() -> None:
    """Each by itself is not."""
    assert found(WRITES_MAIL, READS_MAIL) == []
    assert found(WRITES_MAIL, READS_MAIL, roles=contains("lead", "writer", "reader")) == [("lead", "crm.email")]
    assert found(WRITES_MAIL, READS_MAIL, roles=contains("reader", "writer")) == [("reader", "crm.email")]


def test_fields_of_one_join_domain_are_one_and_of_two_are_two() -> None:
    """Written in one collection, read in another."""
    names = grant("user.name", "drop", role="reader")
    roles = contains("lead", "writer", "reader")
    assert found(WRITES_MAIL, names, roles=roles) == []
    of = given(WRITES_MAIL, names, roles=roles)
    collections = {
        key: msgspec.structs.replace(
            one, fields=tuple(msgspec.structs.replace(spec, join_domain="crm.one") for spec in one.fields)
        )
        for key, one in of.catalog.collections.items()
    }
    joined = msgspec.structs.replace(of, catalog=msgspec.structs.replace(of.catalog, collections=collections))
    assert [(one.role, one.join_domain) for one in probing_roles(joined)] == [("lead", "crm.one")]


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_who_names_in_clear_what_is_written_can_find_out_too(operation: str) -> None:
    """The record that changes, or is gone, is the one with that surrogate; a link in the path tells nothing."""
    reads, tries = grant("user.id", "drop", role="writer"), grant("user.id", role="writer", operation=operation)
    rule = msgspec.structs.replace(writing_rules().purposes[MAILING], collects=())
    [told] = probing_roles(given(reads, tries, purposes={MAILING: rule}))
    where = ("crm.people.id for marketing.mail",)
    assert (told.writes, told.addresses, told.reads) == ((), where, where)
    assert f"names what it writes by {where[0]} in clear and reads {where[0]} as surrogate" in told.sentence()
    linked = grant("user.id", "drop", role="writer", operation=operation)
    assert found(reads, linked, purposes={MAILING: rule}) == []
    elsewhere = grant("user.contact", role="writer", operation=operation)
    assert found(READS_MAIL, elsewhere, roles=contains("writer", "reader"), purposes={MAILING: rule}) == []


def test_what_only_takes_away_counts_where_it_always_does() -> None:
    """A lasting deny and a red line end it; a deny that ends does not; reading in clear is no surrogate."""
    roles = contains("lead", "writer", "reader")
    deny = grant("user.contact", allow=False, role="writer", operation="create")
    assert found(WRITES_MAIL, READS_MAIL, deny, roles=roles) == []
    ending = msgspec.structs.replace(deny, until_us=NOW_US)
    assert found(WRITES_MAIL, READS_MAIL, ending, roles=roles) == [("lead", "crm.email")]
    assert found(WRITES_MAIL, READS_MAIL, roles=roles, red_lines=(red_line("no", "user.contact"),)) == []
    assert found(WRITES_MAIL, grant("user.contact", role="reader"), roles=roles) == []


def test_a_surrogate_that_leaves_only_after_an_old_sign_in_counts() -> None:
    """Whoever waits five minutes reads it."""
    roles = contains("lead", "writer", "reader")
    reveals = grant("user.contact", role="reader")
    stale = (needs_fresh("user.contact", "drop", link=True),)
    assert found(WRITES_MAIL, reveals, roles=roles, assurance=stale) == [("lead", "crm.email")]


def test_what_the_purpose_does_not_collect_is_not_written() -> None:
    """Grants alone let nothing in."""
    rule = msgspec.structs.replace(writing_rules().purposes[MAILING], collects=())
    roles = contains("lead", "writer", "reader")
    assert found(WRITES_MAIL, READS_MAIL, roles=roles, purposes={MAILING: rule}) == []


def test_nobody_of_the_shipped_roles_can_do_both() -> None:
    """Service agents write and read in clear; analysts read surrogates and write nothing."""
    assert probing_roles(load(shipped_files(), check_chain=check_chain)) == ()
