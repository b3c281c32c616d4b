# SPDX-License-Identifier: Apache-2.0
"""Join domains over fields that the rules tell apart."""

import msgspec
import pytest

from gateway.decide.loader.load import load
from gateway.decide.loader.shipped import shipped_files
from gateway.decide.rules import RuleSet
from gateway.decide.trial.spanning import Spanning, spanning_domains
from gateway.domain.catalog import FieldSpec
from gateway.domain.names import CategoryKey, JoinDomain
from gateway.transform.treat import check_chain
from tests.fakes.deciding import COLLECTION, NOW_US, PEOPLE, RULES, grant, needs_fresh, red_line

WHO = JoinDomain("who")


def joined(*names: str, **changes: object) -> RuleSet:
    """Return rules in which some fields of people have one join domain."""

    def one(spec: FieldSpec) -> FieldSpec:
        return msgspec.structs.replace(spec, join_domain=WHO) if spec.name in names else spec

    collection = msgspec.structs.replace(COLLECTION, fields=tuple(map(one, COLLECTION.fields)))
    catalog = msgspec.structs.replace(RULES.catalog, collections={PEOPLE: collection})
    bare = {"grants": (), "purposes": {}, "sensitive": (), **changes}
    return msgspec.structs.replace(RULES, catalog=catalog, **bare)


def test_a_domain_over_fields_that_a_grant_tells_apart_is_told_by_name() -> None:
    """With every field of it."""
    [told] = spanning_domains(joined("email", "religion", grants=(grant("user.contact"),)))
    assert told == Spanning(join_domain=WHO, fields=("crm.people.email", "crm.people.religion"))
    assert told.sentence().startswith("the join domain `who` spans fields that the rules tell apart, crm.people.email,")


@pytest.mark.parametrize(
    "changes",
    [
        {"red_lines": (red_line("belief", "user.belief"),)},
        {"assurance": (needs_fresh("user.belief"),)},
        {"sensitive": (CategoryKey("user.belief"),)},
        {"purposes": RULES.purposes, "grants": (grant("user.belief"),)},
    ],
)
def test_every_kind_of_rule_can_tell_fields_apart(changes: dict[str, object]) -> None:
    """Red lines, assurance, what is sensitive, purposes and grants."""
    assert [one.join_domain for one in spanning_domains(joined("email", "religion", **changes))] == [WHO]


def test_fields_that_no_rule_tells_apart_may_share_a_domain() -> None:
    """Of other categories, but under the same rules; and each alone in its own."""
    assert spanning_domains(joined("email", "religion", grants=(grant("user"),))) == ()
    assert spanning_domains(joined()) == ()


def test_the_shipped_rules_have_no_such_domain() -> None:
    """Customers' ids are of one category wherever they stand."""
    assert spanning_domains(load(shipped_files(), check_chain=check_chain, now_us=NOW_US)) == ()
