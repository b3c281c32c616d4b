# SPDX-License-Identifier: Apache-2.0
"""Join domains of phones that are read with a country here and without one there."""

import msgspec

from gateway.decide.loader.load import load
from gateway.decide.loader.shipped import shipped_files
from gateway.decide.rules import RuleSet
from gateway.decide.trial.countries import told_apart_by_country
from gateway.domain.catalog import Collection, Form
from gateway.domain.names import DatasetName, FieldName, JoinDomain
from gateway.transform.treat import check_chain
from tests.fakes.deciding import COLLECTION, NOW_US, RULES


def phones(dataset: str, region: str | None) -> Collection:
    """Return a collection of phones whose rows say a country, or say none."""
    spec = msgspec.structs.replace(COLLECTION.fields[0], name=FieldName("phone"), form=Form.PHONE)
    spec = msgspec.structs.replace(spec, join_domain=JoinDomain("phones"))
    where = None if region is None else FieldName(region)
    return msgspec.structs.replace(COLLECTION, dataset=DatasetName(dataset), fields=(spec,), region=where)


def rules(*collections: Collection) -> RuleSet:
    """Return rules with these alone."""
    catalog = msgspec.structs.replace(RULES.catalog, collections={one.dataset: one for one in collections})
    return msgspec.structs.replace(RULES, catalog=catalog)


def test_a_domain_of_which_one_collection_has_no_country_is_told_by_the_names_of_its_fields() -> None:
    """With what mends it."""
    [told] = told_apart_by_country(rules(phones("crm.people", "country"), phones("shop.orders", None)))
    assert (told.with_country, told.without) == (("crm.people.phone",), ("shop.orders.phone",))
    assert "`phones`" in told.sentence()
    assert "declare `region`" in told.sentence()


def test_where_all_have_a_country_or_none_has_nothing_is_told() -> None:
    """And nothing of the shipped rules."""
    assert told_apart_by_country(rules(phones("crm.people", "country"), phones("shop.orders", "land"))) == ()
    assert told_apart_by_country(rules(phones("crm.people", None), phones("shop.orders", None))) == ()
    assert told_apart_by_country(load(shipped_files(), check_chain=check_chain, now_us=NOW_US)) == ()
