# SPDX-License-Identifier: Apache-2.0
"""Which columns of stores may hold what one version of an ``at-rest/…`` key sealed, from what is known of them.

RULES

1. A column that is declared in the key's domain needs a version unless a whole walk, begun when a later version was
   in force, found nothing left to turn over. Of what was never walked nothing is known, so it may need any.
2. A column that was turned over once and is no longer declared may be of any domain: nobody can tell, so it counts.
3. Where no column of the domain is known, nothing is concluded: stores may hold what the rules have forgotten.
"""

import msgspec

from gateway.app.columns import KnownColumns
from gateway.domain.catalog import AtRest, Catalog
from gateway.domain.names import DatasetName, FieldName, JoinDomain
from gateway.domain.turning import ColumnState, Turn

LABEL = "at-rest/"


class Needing(msgspec.Struct, frozen=True):
    """A column that may hold surrogates of a version.

    Attributes:
        is_declared: It is at rest by the rules in the folder.
    """

    dataset: DatasetName
    field: FieldName
    state: ColumnState
    is_declared: bool = True


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a version.

    Attributes:
        columns: Those that may need it.
        n_declared: How many columns are declared in the domain.
    """

    columns: tuple[Needing, ...]
    n_declared: int

    @property
    def is_unneeded(self) -> bool:
        """Tell whether every column of the domain is known to be without it."""
        return self.n_declared > 0 and not self.columns


async def columns_needing(known: KnownColumns, catalog: Catalog, label: str, version: int) -> Looked:
    """Return which columns may hold surrogates of a version of an ``at-rest/…`` key."""
    domain = JoinDomain(label.removeprefix(LABEL))
    declared = {
        (collection.dataset, spec.name): spec.join_domain
        for collection in catalog.collections.values()
        for spec in collection.fields
        if spec.at_rest is AtRest.SIV
    }
    states = {(dataset, field): state for dataset, field, state in await known.everything()}
    own = [place for place, of in declared.items() if of == domain]
    needing = [
        Needing(*place, states.get(place, ColumnState()))
        for place in own
        if (state := states.get(place, ColumnState())).turn is not Turn.DONE or state.oldest <= version
    ]
    stray = [
        Needing(*place, state, is_declared=False)
        for place, state in states.items()
        if place not in declared and state.turn is not Turn.NONE
    ]
    return Looked(columns=(*sorted(needing, key=lambda one: (one.dataset, one.field)), *stray), n_declared=len(own))
