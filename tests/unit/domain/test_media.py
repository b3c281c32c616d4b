# SPDX-License-Identifier: Apache-2.0
"""Media types of rows."""

from gateway.domain.inquiry import Form
from gateway.domain.media import STORE_TYPES, TOLD_TYPES


def test_every_form_has_a_type_that_a_store_could_send_too() -> None:
    """So one gateway can stand in front of another."""
    known = frozenset[str]().union(*STORE_TYPES.values())
    assert set(TOLD_TYPES) == set(Form)
    assert {told.partition(";")[0] for told in TOLD_TYPES.values()} <= known


def test_no_kind_of_rows_shares_a_type_with_another() -> None:
    """A label says how to read what it stands on."""
    assert not STORE_TYPES["ndjson"] & STORE_TYPES["csv"]
    assert not (STORE_TYPES["ndjson"] | STORE_TYPES["csv"]) & STORE_TYPES["array"]
