# SPDX-License-Identifier: Apache-2.0
"""Fields that stores send and the rules of the folder do not declare, as serving processes noticed them.

Read straight from the database, without the log: these are names of fields, and nothing of a person.
"""

from collections.abc import Iterable

from gateway.domain.catalog import Catalog
from gateway.domain.errors import GatewayError
from gateway.settings.loading import Settings
from gateway.store.engine import open_store
from gateway.store.unseen import UnseenField, UnseenFields


async def noticed(settings: Settings, catalog: Catalog) -> tuple[UnseenField, ...]:
    """Return what was noticed and is not declared since; nothing where the database cannot be read now."""
    place = settings.database.get_secret_value() if settings.database else settings.state
    try:
        store = await open_store(place, upgrade=False)
    except GatewayError:
        return ()
    try:
        return undeclared_still(await UnseenFields(store).all(), catalog)
    except GatewayError:
        return ()
    finally:
        await store.close()


def undeclared_still(found: Iterable[UnseenField], catalog: Catalog) -> tuple[UnseenField, ...]:
    """Return those that a dataset of the catalogue could declare and does not."""
    return tuple(
        one
        for one in found
        if one.dataset in catalog.collections and catalog.collections[one.dataset].field(one.field) is None
    )
