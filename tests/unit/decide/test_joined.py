# SPDX-License-Identifier: Apache-2.0
"""Of which fields a surrogate may be, and what that takes from reveals and writes."""

import msgspec
import pytest

from gateway.decide.decide import Decider
from gateway.decide.joined import OTHER_FIELD
from gateway.decide.rules import Grant, RuleSet
from gateway.domain.catalog import Collection, FieldSpec
from gateway.domain.decision import Deny, Permit, Reason
from gateway.domain.names import DatasetName, FieldName, JoinDomain, PurposeKey
from gateway.domain.principal import Principal
from gateway.domain.viewplan import Hold
from tests.fakes.deciding import COLLECTION, NOW_US, PEOPLE, PERSON, PURPOSE, grant, hold, inquiry
from tests.fakes.writing import PATCH, write, writing_rules

OTHERS = DatasetName("shop.people")
FRESH = msgspec.structs.replace(PERSON, signed_in_us=NOW_US)
READS = (grant("user"),)
REVEALS = (grant("user.contact", operation="reveal"),)
EMAIL, NAME = FieldName("email"), FieldName("name")


def one_domain(collection: Collection, *names: str) -> Collection:
    """Return a collection of which some fields share a join domain."""

    def joined(spec: FieldSpec) -> FieldSpec:
        return msgspec.structs.replace(spec, join_domain=JoinDomain("who")) if spec.name in names else spec

    return msgspec.structs.replace(collection, fields=tuple(map(joined, collection.fields)))


def ruled(*grants: Grant, here: tuple[str, ...] = ("email", "name"), there: tuple[str, ...] = ()) -> RuleSet:
    """Return rules by which people may be read, written and revealed, with fields of two datasets in one join domain."""
    made = writing_rules(readable=False)
    collections = {
        PEOPLE: one_domain(COLLECTION, *here),
        OTHERS: one_domain(msgspec.structs.replace(COLLECTION, dataset=OTHERS), *there),
    }
    purposes = {
        key: msgspec.structs.replace(rule, operations=(*rule.operations, "reveal"), second_person_above=10)
        for key, rule in made.purposes.items()
    }
    catalog = msgspec.structs.replace(made.catalog, collections=collections)
    return msgspec.structs.replace(made, catalog=catalog, purposes=purposes, grants=(*made.grants, *grants))


def revealed(rules: RuleSet, name: str = "email", *, who: Principal = FRESH) -> object:
    """Decide on a reveal."""
    asked = msgspec.structs.replace(inquiry(), principal=who, operation="reveal", fields=(FieldName(name),))
    return Decider(rules, lambda _rung, _text: True).decide(asked, (), NOW_US)


def unjoined(rules: RuleSet, *names: str, holds: tuple[Hold, ...] = ()) -> tuple[FieldName, ...]:
    """Return the fields of a write that take no surrogate but their own."""
    asked = write(PATCH, dict.fromkeys(names, "x"), of="c1", who=FRESH)
    found = Decider(rules, lambda _rung, _text: True).decide(asked, holds, NOW_US)
    assert isinstance(found, Permit), found
    return found.unjoined


def test_a_field_that_is_alone_in_its_join_domain_is_decided_as_ever() -> None:
    """And so is one whose neighbour may be revealed as well."""
    assert isinstance(revealed(ruled(*READS, *REVEALS, here=("email",))), Permit)
    assert isinstance(revealed(ruled(*READS, grant("user", operation="reveal"))), Permit)


def test_a_surrogate_that_may_be_of_a_field_that_is_not_revealed_to_the_caller_is_not_revealed() -> None:
    """Whoever may have mail addresses revealed may not have names revealed by calling them mail addresses."""
    assert revealed(ruled(*READS, *REVEALS)) == Deny(
        reason=Reason.FIELD_NOT_PERMITTED, fields=(EMAIL,), rule=PURPOSE.key, title=OTHER_FIELD
    )


def test_surrogates_that_nobody_reads_do_not_exist() -> None:
    """Neither where no grant gives them, nor where they leave in another key class alone."""
    assert isinstance(revealed(ruled(grant("user.contact"), *REVEALS)), Permit)
    rules = ruled(*REVEALS, grant("user", purpose="analytics"))
    other = msgspec.structs.replace(PURPOSE, key=PurposeKey("analytics"), key_class="analytics")
    assert isinstance(revealed(msgspec.structs.replace(rules, purposes={**rules.purposes, other.key: other})), Permit)


def test_what_others_read_counts_too() -> None:
    """A colleague of the same recipient may hand the surrogates over."""
    assert isinstance(revealed(ruled(grant("user", role="colleague"), *REVEALS)), Deny)


def test_of_another_dataset_with_the_same_categories_it_counts_what_the_caller_reads() -> None:
    """Customers' ids stand in every table; who sees those of one table alone has no others to pass off."""
    alike = {"here": ("email",), "there": ("email",)}
    own = grant("user.contact"), *REVEALS
    assert isinstance(revealed(ruled(*own, **alike)), Permit)
    assert isinstance(revealed(ruled(*own, grant("user", role="colleague", dataset="shop"), **alike)), Permit)
    assert isinstance(revealed(ruled(*own, grant("user", dataset="shop"), **alike)), Deny)
    both = (*own, grant("user", dataset="shop"), grant("user", dataset="shop", operation="reveal"))
    assert isinstance(revealed(ruled(*both, **alike)), Permit)


def test_a_surrogate_is_not_written_where_more_of_it_is_shown_than_elsewhere() -> None:
    """Names are read as surrogates and mail addresses in clear: none is written as a mail address."""
    hidden = grant("user.contact"), grant("user.name", "drop")
    assert unjoined(ruled(*hidden), "email", "name") == (EMAIL,)
    assert unjoined(ruled(*hidden, here=("email",)), "email", "name") == ()


def test_where_nothing_is_shown_or_all_is_shown_alike_surrogates_are_written_as_ever() -> None:
    """Surrogates in both fields tell no value; clear in both tells nothing new."""
    assert unjoined(ruled(grant("user", "drop")), "email", "name") == ()
    assert unjoined(ruled(*READS), "email", "name") == ()


def test_a_field_shows_more_for_whichever_purpose_it_does() -> None:
    """Written for one purpose and read for another, it would be the same."""
    rules = ruled(grant("user", "drop"), grant("user.contact", purpose="analytics"))
    other = msgspec.structs.replace(PURPOSE, key=PurposeKey("analytics"), key_class="analytics")
    assert unjoined(msgspec.structs.replace(rules, purposes={**rules.purposes, other.key: other}), "email") == (EMAIL,)


def test_what_is_held_back_of_another_field_counts() -> None:
    """A hold on names would be got round by reading them as mail addresses."""
    assert unjoined(ruled(*READS), "email", holds=(hold("user.name", "drop"),)) == (EMAIL,)


@pytest.mark.parametrize("reviewed", [True, False])
def test_a_field_that_nobody_reviewed_has_no_surrogates(*, reviewed: bool) -> None:
    """So it takes nothing from others."""
    rules = ruled(grant("user.contact"), grant("user.name", "drop"))
    collection = rules.catalog.collections[PEOPLE]
    fields = tuple(
        msgspec.structs.replace(spec, reviewed=reviewed) if spec.name == NAME else spec for spec in collection.fields
    )
    collections = {**rules.catalog.collections, PEOPLE: msgspec.structs.replace(collection, fields=fields)}
    catalog = msgspec.structs.replace(rules.catalog, collections=collections)
    assert unjoined(msgspec.structs.replace(rules, catalog=catalog), "email") == ((EMAIL,) if reviewed else ())
