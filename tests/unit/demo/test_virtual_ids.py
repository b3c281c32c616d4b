# SPDX-License-Identifier: Apache-2.0
"""Claims about the stop of the tour at which a store loses its phones and mail addresses; `make tour` walks through it."""

from gateway.decide.loader.shipped import shipped_files
from gateway.demo.virtual_ids import DOMAINS, declared
from gateway.domain.catalog import AtRest
from gateway.domain.names import DatasetName, FieldName
from tests.fakes.rule_files import loaded

CRM = "datasets/crm.yaml"


def test_what_the_tour_declares_is_rules_that_load_and_nothing_else_is_changed() -> None:
    """Both fields lie in a vault of their own domain; of every other line there is what was there."""
    files = shipped_files()
    told = declared(files[CRM].decode())
    collection = loaded({**files, CRM: told.encode()}).catalog.collections[DatasetName("crm.customers")]

    for name, domain in DOMAINS.items():
        spec = collection.field(FieldName(name))
        assert spec is not None
        assert (spec.at_rest, spec.join_domain) == (AtRest.VAULT, domain)
    changed = [now for now, was in zip(told.splitlines(), files[CRM].decode().splitlines(), strict=True) if now != was]
    assert len(changed) == len(DOMAINS)
