# SPDX-License-Identifier: Apache-2.0
"""Which columns may hold what a version of a key sealed: those of its domain that were not walked since, and strays."""

import pytest

from gateway.app.columns import KnownColumns
from gateway.app.surrogates.at_rest_keys import columns_needing
from gateway.domain.catalog import AtRest, Catalog, Collection
from gateway.domain.names import DatasetName, FieldName
from gateway.domain.turning import ColumnState, Turn
from gateway.store.engine import Store
from gateway.store.meta import Meta
from tests.fakes.migrating import PEOPLE, spec

OTHERS, GONE = DatasetName("crm.others"), DatasetName("crm.gone")
CATALOG = Catalog(
    collections={
        PEOPLE: Collection(
            dataset=PEOPLE,
            subject=None,
            fields=(
                spec("phone", at_rest="phones"),
                spec("mobile", at_rest="phones"),
                spec("mail", at_rest="mails"),
                spec("token", at_rest="phones", kind=AtRest.VAULT),
            ),
        ),
        OTHERS: Collection(dataset=OTHERS, subject=None, fields=(spec("phone", at_rest="phones"), spec("name"))),
    },
    routes=(),
)


@pytest.fixture
def known(store: Store) -> KnownColumns:
    """Of nothing anything."""
    return KnownColumns(Meta(store))


async def needing(known: KnownColumns, version: int, label: str = "at-rest/phones") -> list[str]:
    """Return the columns that may need a version."""
    looked = await columns_needing(known, CATALOG, label, version)
    assert looked.is_unneeded == (looked.n_declared > 0 and not looked.columns)
    return [f"{one.dataset}.{one.field}" for one in looked.columns]


async def test_what_was_never_walked_may_need_any_version(known: KnownColumns) -> None:
    """Every column of the domain and of no other; a vault's tokens are under no such key."""
    assert await needing(known, 1) == ["crm.others.phone", "crm.people.mobile", "crm.people.phone"]
    assert await needing(known, 1, "at-rest/mails") == ["crm.people.mail"]


async def test_what_was_walked_under_a_later_version_needs_none_before(known: KnownColumns) -> None:
    """What goes back, or was turned over under it, does."""
    await known.write(OTHERS, {FieldName("phone"): ColumnState(Turn.DONE, 2)})
    await known.write(
        PEOPLE, {FieldName("phone"): ColumnState(Turn.DONE, 1), FieldName("mobile"): ColumnState(Turn.BACK, 2)}
    )
    assert await needing(known, 1) == ["crm.people.mobile", "crm.people.phone"]
    assert await needing(known, 2) == ["crm.others.phone", "crm.people.mobile", "crm.people.phone"]
    await known.write(PEOPLE, {FieldName(name): ColumnState(Turn.DONE, 3) for name in ("phone", "mobile")})
    assert await needing(known, 1) == []
    assert (await columns_needing(known, CATALOG, "at-rest/phones", 1)).is_unneeded


async def test_what_the_rules_forgot_may_be_of_any_domain(known: KnownColumns) -> None:
    """Of a domain that nobody declares any more nothing is concluded."""
    for name in ("phone", "mobile"):
        await known.write(PEOPLE, {FieldName(name): ColumnState(Turn.DONE, 3)})
    others = {FieldName("phone"): ColumnState(Turn.DONE, 3), FieldName("name"): ColumnState(Turn.OVER)}
    await known.write(OTHERS, others)
    await known.write(GONE, {FieldName("phone"): ColumnState(Turn.DONE, 5), FieldName("mail"): ColumnState()})
    assert await needing(known, 1) == ["crm.gone.phone", "crm.others.name"]
    looked = await columns_needing(known, CATALOG, "at-rest/unheard-of", 1)
    assert (looked.n_declared, looked.is_unneeded) == (0, False)
