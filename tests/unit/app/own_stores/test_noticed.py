# SPDX-License-Identifier: Apache-2.0
"""What was noticed is told until somebody declares it, and never in the way of a command."""

from pathlib import Path

import msgspec
from pydantic import SecretStr

from gateway.app.own_stores.noticed import noticed, undeclared_still
from gateway.domain.catalog import Catalog
from gateway.domain.names import DatasetName
from gateway.settings.loading import Settings
from gateway.store.engine import open_store
from gateway.store.unseen import UnseenField, UnseenFields
from tests.fakes.customers import COLLECTION, CUSTOMERS, field

CATALOG = Catalog(collections={CUSTOMERS: COLLECTION}, routes=())
TIER = UnseenField(dataset=CUSTOMERS, field="tier", first_us=1)


def settings_at(place: str, state: Path) -> Settings:
    """Return settings of an installation whose database is at a place."""
    if "://" in place:
        return Settings(installation="i", state=state, database=SecretStr(place))
    return Settings(installation="i", state=Path(place))


def test_what_was_declared_since_is_told_no_more() -> None:
    """Nor what is of a dataset that is gone."""
    grown = msgspec.structs.replace(COLLECTION, fields=(*COLLECTION.fields, field("tier")))
    gone = UnseenField(dataset=DatasetName("shop.orders"), field="tier", first_us=1)
    assert undeclared_still([TIER, gone], CATALOG) == (TIER,)
    assert undeclared_still([TIER, gone], Catalog(collections={CUSTOMERS: grown}, routes=())) == ()


async def test_it_is_read_from_the_database(place: str, tmp_path: Path) -> None:
    """Without the log, so a gateway may be running."""
    store = await open_store(place, upgrade=False)
    await UnseenFields(store).add(CUSTOMERS, "tier", 1)
    await store.close()
    assert await noticed(settings_at(place, tmp_path), CATALOG) == (TIER,)


async def test_a_database_that_cannot_be_read_is_no_obstacle(tmp_path: Path) -> None:
    """A list of datasets is a list of datasets."""
    assert await noticed(settings_at(str(tmp_path), tmp_path), CATALOG) == ()
