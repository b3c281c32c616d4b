# SPDX-License-Identifier: Apache-2.0
"""Whether rules that are looked through would take surrogates in a store for values; nothing is changed by asking."""

from collections.abc import Mapping

from gateway.app.checkup.database import opened
from gateway.app.columns import KnownColumns
from gateway.app.declared_columns import DeclaredColumns
from gateway.domain.catalog import Catalog
from gateway.domain.errors import RuleProblem
from gateway.settings.loading import Settings
from gateway.store.meta import Meta


async def forgotten_columns(
    settings: Settings, catalog: Catalog, files: Mapping[str, bytes]
) -> tuple[RuleProblem, ...]:
    """Return a problem for each column that rules would take for another than it is.

    Args:
        settings: Of the installation that remembers them.
        catalog: Of rules that were made from the files.
        files: To say where the field stands.

    Raises:
        CannotBeTold: The database cannot be asked.
    """
    async with opened(settings) as store:
        meta = Meta(store)
        return await DeclaredColumns(meta, KnownColumns(meta)).forgotten(catalog, files)
